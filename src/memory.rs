//! Two stores of memory: recycled blocks for outputs and caches, and scratch arenas.
//!
//! Fresh memory is expensive: the system clears it page by page when it is first touched, at a rate far below that of
//! the kernels that fill it. So memory goes round. [`Block`]s return to a free list that is shared by all threads;
//! [`with_scratch`] works on an arena that each thread keeps. Nothing is cleared on reuse, and nothing is ever
//! uninitialised: a block holds zeros or what its last user left.
//!
//! # Blocks
//!
//! Lengths are rounded up to classes, eight to the octave (at most 1/8 is wasted), so that a freed block fits the next
//! request of about its size. Classes from 2 MiB on are mapped from the system on 2 MiB boundaries with huge pages
//! advised; smaller ones come from the allocator.
//!
//! The free list retains at most 256 MiB, or an eighth of the machine's memory if that is less ([`retained_bytes`],
//! [`release`]). When it is full, blocks of the class that was longest out of use go back to the system. The links of
//! the list lie in the free blocks themselves, so the lock around it is held for a few instructions and never while
//! the system or the allocator is called. It is a spin lock because the handlers of `pthread_atfork` must take it in
//! the parent and give it back in the child, which the standard library's locks do not allow.
#![allow(unsafe_code)]

use std::cell::{RefCell, UnsafeCell};
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The alignment of every block and every scratch slice: a cache line, and a vector of AVX-512.
const ALIGNMENT: usize = 64;
/// The size of a huge page; blocks of this size and above are mapped from the system.
const HUGE: usize = 2 << 20;
/// Longer requests fail without a question to the system.
const LONGEST: usize = 1 << 46;
/// The free list's limit, unless an eighth of the memory is less.
const RETAINED: usize = 256 << 20;

/// The system has no block of this size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// The length that was asked for.
    pub bytes: usize,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "out of memory: no block of {} bytes", self.bytes)
    }
}

impl std::error::Error for OutOfMemory {}

mod sealed {
    pub trait Sealed {}
}

/// Numbers: types for which every bit pattern is a value.
///
/// # Safety
///
/// Any initialised bytes are a valid value; no padding, no drop, alignment at most 64.
pub unsafe trait Plain: sealed::Sealed + Copy + Send + Sync + 'static {}

macro_rules! plain {
    ($($number:ty)*) => {$(
        impl sealed::Sealed for $number {}
        // SAFETY: a primitive number.
        unsafe impl Plain for $number {}
    )*};
}
plain!(f32 f64 i8 i16 i32 i64 u8 u16 u32 u64 usize);

/// A block of memory on a 64-byte boundary (2 MiB from that size on), always initialised. Dropping it recycles it.
#[derive(Debug)]
pub struct Block {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: a block owns its memory, which is not tied to a thread.
unsafe impl Send for Block {}
// SAFETY: `&Block` gives no access but by raw pointers and shared slices of plain numbers.
unsafe impl Sync for Block {}

// A block is never empty.
#[allow(clippy::len_without_is_empty)]
impl Block {
    /// A block of at least `bytes` bytes. The contents are arbitrary, but initialised.
    pub fn new(bytes: usize) -> Result<Self, OutOfMemory> {
        if bytes > LONGEST {
            return Err(OutOfMemory { bytes });
        }
        let class = class_of(bytes);
        let len = class_len(class);
        let start = match with_free_list(|list| list.pop(class)) {
            Some(start) => start,
            None => fresh(len).ok_or(OutOfMemory { bytes })?,
        };
        Ok(Self { start, len })
    }

    /// The address of the first byte.
    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// The usable length in bytes: the request, rounded up to its class.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The first `len` elements.
    ///
    /// # Panics
    ///
    /// If the block is shorter.
    pub fn as_slice<T: Plain>(&self, len: usize) -> &[T] {
        self.check::<T>(len);
        // SAFETY: inside the block, aligned, initialised; any bytes are a T.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), len) }
    }

    /// The first `len` elements.
    ///
    /// # Panics
    ///
    /// If the block is shorter.
    pub fn as_mut_slice<T: Plain>(&mut self, len: usize) -> &mut [T] {
        self.check::<T>(len);
        // SAFETY: inside the block, aligned, initialised; any bytes are a T; borrowed exclusively like `self`.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), len) }
    }

    fn check<T>(&self, len: usize) {
        assert!(len <= self.len / size_of::<T>(), "Block: {len} elements are more than {} bytes", self.len);
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let limit = retained_limit();
        let surplus = with_free_list(|list| list.push(self.start, self.len, limit));
        surplus.free();
    }
}

/// Frees the whole free list, and the scratch of the calling thread unless it is in use.
pub fn release() {
    ARENA.with_borrow_mut(Arena::release);
    with_free_list(FreeList::take_all).free();
}

/// The bytes in the free list.
pub fn retained_bytes() -> usize {
    with_free_list(|list| list.retained)
}

/// The number of the smallest class that holds `bytes`: multiples of 64 up to 512, then eight to the octave.
fn class_of(bytes: usize) -> usize {
    if bytes <= 512 {
        return bytes.saturating_sub(1) / 64;
    }
    let octave = (bytes - 1).ilog2();
    8 * (octave as usize - 8) + ((bytes - 1) >> (octave - 3)) - 8
}

/// The length of the blocks of a class.
const fn class_len(class: usize) -> usize {
    if class < 8 { 64 * (class + 1) } else { (9 + class % 8) << (class / 8 + 5) }
}

/// The classes up to that of [`LONGEST`].
const CLASSES: usize = 8 * (46 - 8);

/// Fresh memory of a class's length, all zeros.
fn fresh(len: usize) -> Option<NonNull<u8>> {
    if len >= HUGE {
        return system::map(len);
    }
    // SAFETY: the length is not 0.
    NonNull::new(unsafe { std::alloc::alloc_zeroed(small_layout(len)) })
}

/// Gives memory from [`fresh`] back.
///
/// # Safety
///
/// `start` came from `fresh(len)` and is not used again.
unsafe fn give_back(start: NonNull<u8>, len: usize) {
    // SAFETY: by the caller's promise.
    unsafe {
        if len >= HUGE {
            system::unmap(start, len);
        } else {
            std::alloc::dealloc(start.as_ptr(), small_layout(len));
        }
    }
}

fn small_layout(len: usize) -> std::alloc::Layout {
    std::alloc::Layout::from_size_align(len, ALIGNMENT).expect("classes are shorter than isize::MAX")
}

#[cfg(unix)]
mod system {
    use super::{HUGE, NonNull};

    /// Maps `len` bytes of zero pages on a 2 MiB boundary.
    pub fn map(len: usize) -> Option<NonNull<u8>> {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON);
        // SAFETY: a new private mapping touches no memory that is in use.
        let found = unsafe { libc::mmap(std::ptr::null_mut(), len + HUGE, access, kind, -1, 0) };
        if found == libc::MAP_FAILED {
            return None;
        }
        let before = found.cast::<u8>().align_offset(HUGE);
        // SAFETY: `before` <= HUGE, so both ends and the middle lie in the new mapping; the ends are not used.
        unsafe {
            let start = found.cast::<u8>().add(before);
            trim(found.cast(), before);
            trim(start.add(len), HUGE - before);
            // Advice: without it the block works as well, only slower.
            #[cfg(target_os = "linux")]
            libc::madvise(start.cast(), len, libc::MADV_HUGEPAGE);
            NonNull::new(start)
        }
    }

    /// # Safety
    ///
    /// `start` came from `map(len)` and is not used again.
    pub unsafe fn unmap(start: NonNull<u8>, len: usize) {
        // SAFETY: by the caller's promise.
        unsafe { trim(start.as_ptr(), len) };
    }

    /// # Safety
    ///
    /// The range is mapped and not used again.
    unsafe fn trim(start: *mut u8, len: usize) {
        if len > 0 {
            // SAFETY: by the caller's promise. It can fail only by splitting a mapping when the system has no more of
            // them; the range then stays mapped, unused.
            unsafe { libc::munmap(start.cast(), len) };
        }
    }

    /// The machine's memory in bytes.
    pub fn memory() -> usize {
        // SAFETY: queries without arguments.
        let (pages, page) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
        usize::try_from(pages).unwrap_or(0).saturating_mul(usize::try_from(page).unwrap_or(0))
    }
}

/// The free blocks of one length, linked through their first words.
#[derive(Clone, Copy)]
struct Class {
    first: Option<NonNull<u8>>,
    /// The list's clock when a block was last asked for or returned.
    used: u64,
}

/// A singly linked list of blocks: the first word of each is the address of the next, or 0.
struct FreeList {
    classes: [Class; CLASSES],
    retained: usize,
    clock: u64,
}

// SAFETY: the list owns its blocks, which are not tied to a thread.
unsafe impl Send for FreeList {}

impl FreeList {
    const EMPTY: Self = Self { classes: [Class { first: None, used: 0 }; CLASSES], retained: 0, clock: 0 };

    /// Takes a block of the class off the list.
    fn pop(&mut self, class: usize) -> Option<NonNull<u8>> {
        self.clock += 1;
        self.classes[class].used = self.clock;
        self.take(class)
    }

    fn take(&mut self, class: usize) -> Option<NonNull<u8>> {
        let start = self.classes[class].first?;
        // SAFETY: the block is on the list, so its first word is a link.
        self.classes[class].first = unsafe { start.cast::<Option<NonNull<u8>>>().read() };
        self.retained -= class_len(class);
        Some(start)
    }

    /// Puts a block onto the list; returns what must be freed to keep the list within `limit`.
    fn push(&mut self, start: NonNull<u8>, len: usize, limit: usize) -> Chain {
        self.clock += 1;
        let mut surplus = Chain::EMPTY;
        if len > limit {
            surplus.add(start, len);
            return surplus;
        }
        while self.retained + len > limit && self.evict(&mut surplus) {}
        let class = class_of(len);
        // SAFETY: the block is ours, aligned and long enough for a link.
        unsafe { start.cast::<Option<NonNull<u8>>>().write(self.classes[class].first) };
        self.classes[class] = Class { first: Some(start), used: self.clock };
        self.retained += len;
        surplus
    }

    /// Moves one block of the class that was longest out of use to `surplus`; false if there is none.
    fn evict(&mut self, surplus: &mut Chain) -> bool {
        let filled = (0..CLASSES).filter(|&class| self.classes[class].first.is_some());
        let oldest = filled.min_by_key(|&class| self.classes[class].used);
        let Some((class, start)) = oldest.and_then(|class| Some((class, self.take(class)?))) else {
            return false;
        };
        surplus.add(start, class_len(class));
        true
    }

    /// Empties the list.
    fn take_all(&mut self) -> Chain {
        let mut all = Chain::EMPTY;
        for class in 0..CLASSES {
            while let Some(start) = self.take(class) {
                all.add(start, class_len(class));
            }
        }
        all
    }
}

/// Blocks on their way to the system, linked through their first words.
struct Chain(Option<NonNull<Surplus>>);

/// The first words of a block in a [`Chain`].
struct Surplus {
    next: Option<NonNull<Surplus>>,
    len: usize,
}

impl Chain {
    const EMPTY: Self = Self(None);

    fn add(&mut self, start: NonNull<u8>, len: usize) {
        let block = start.cast::<Surplus>();
        // SAFETY: the block is ours, aligned and long enough for these words.
        unsafe { block.write(Surplus { next: self.0, len }) };
        self.0 = Some(block);
    }

    /// Gives all blocks back.
    fn free(self) {
        let mut rest = self.0;
        while let Some(block) = rest {
            // SAFETY: `add` wrote these words; nobody else knows the block, whose memory came from `fresh`.
            unsafe {
                let Surplus { next, len } = block.read();
                give_back(block.cast(), len);
                rest = next;
            }
        }
    }
}

/// What the free list may retain.
fn retained_limit() -> usize {
    static LIMIT: AtomicUsize = AtomicUsize::new(0);
    match LIMIT.load(Ordering::Relaxed) {
        0 => {
            let limit = RETAINED.min(system::memory() / 8).max(1);
            LIMIT.store(limit, Ordering::Relaxed);
            limit
        }
        limit => limit,
    }
}

/// A spin lock that can be taken and given back in different functions.
struct Lock(AtomicBool);

impl Lock {
    fn acquire(&self) {
        let mut polls = 0u32;
        while self.0.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            polls += 1;
            // The holder needs some nanoseconds, unless it has lost its processor.
            if polls < 100 { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
    }

    fn release(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// The free list of the process.
struct Shelf {
    lock: Lock,
    list: UnsafeCell<FreeList>,
}

// SAFETY: the list is reached only through `with_free_list`, which holds the lock.
unsafe impl Sync for Shelf {}

static SHELF: Shelf = Shelf { lock: Lock(AtomicBool::new(false)), list: UnsafeCell::new(FreeList::EMPTY) };

/// Runs `body`, which neither panics nor calls this function, on the free list.
fn with_free_list<R>(body: impl FnOnce(&mut FreeList) -> R) -> R {
    hold_lock_over_forks();
    SHELF.lock.acquire();
    // SAFETY: the lock is ours.
    let result = body(unsafe { &mut *SHELF.list.get() });
    SHELF.lock.release();
    result
}

/// Makes a fork wait for the lock, so that the child finds the list in order and the lock free. Registers once per
/// process and its children, which inherit the handlers.
fn hold_lock_over_forks() {
    #[cfg(unix)]
    {
        static REGISTERED: AtomicBool = AtomicBool::new(false);
        extern "C" fn acquire() {
            SHELF.lock.acquire();
        }
        extern "C" fn release() {
            SHELF.lock.release();
        }
        if !REGISTERED.load(Ordering::Relaxed) && !REGISTERED.swap(true, Ordering::AcqRel) {
            // SAFETY: the handlers do nothing but take and give back a spin lock.
            unsafe { libc::pthread_atfork(Some(acquire), Some(release), Some(release)) };
        }
    }
}

/// The least length of an arena's block.
const SCRATCH: usize = 256 << 10;

thread_local! {
    static ARENA: RefCell<Arena> = const { RefCell::new(Arena::EMPTY) };
}

/// A stack of scratch slices. Slices in use must not move, so when the last block is full another one is added; when
/// the outermost call ends, a stack of several blocks makes room for one that holds them all.
struct Arena {
    blocks: Vec<Block>,
    /// Bytes in use in the last block.
    used: usize,
    /// Bytes in use in all blocks, and the most that this has been.
    in_use: usize,
    peak: usize,
}

/// The state of an arena before a slice was taken.
struct Mark {
    blocks: usize,
    used: usize,
    in_use: usize,
}

impl Arena {
    const EMPTY: Self = Self { blocks: Vec::new(), used: 0, in_use: 0, peak: 0 };

    /// The address of `bytes` fresh bytes, a multiple of the alignment.
    fn take(&mut self, bytes: usize) -> Result<(NonNull<u8>, Mark), OutOfMemory> {
        let mark = Mark { blocks: self.blocks.len(), used: self.used, in_use: self.in_use };
        if self.blocks.last().is_none_or(|block| block.len - self.used < bytes) {
            let least = if self.in_use == 0 { self.peak.max(SCRATCH) } else { SCRATCH };
            self.blocks.push(Block::new(bytes.max(least))?);
            self.used = 0;
        }
        let block = &self.blocks[self.blocks.len() - 1];
        // SAFETY: the block has `bytes` bytes from here on.
        let start = unsafe { block.start.add(self.used) };
        self.used += bytes;
        self.in_use += bytes;
        self.peak = self.peak.max(self.in_use);
        Ok((start, mark))
    }

    /// Gives back all that was taken since the mark.
    fn restore(&mut self, mark: &Mark) {
        if mark.in_use == 0 {
            // An outermost slice: keep a single block, and that only if it would have been enough for everything.
            let enough = self.blocks.len() == 1 && self.blocks[0].len >= self.peak;
            self.blocks.truncate(usize::from(enough));
            self.used = 0;
        } else {
            self.blocks.truncate(mark.blocks);
            self.used = mark.used;
        }
        self.in_use = mark.in_use;
    }

    /// Frees everything, if nothing is in use.
    fn release(&mut self) {
        if self.in_use == 0 {
            *self = Self::EMPTY;
        }
    }
}

/// Calls `body` with `len` elements of scratch from the calling thread's arena, on a 64-byte boundary.
///
/// The contents are arbitrary, but initialised. Calls nest; each has memory of its own. The arena keeps its memory for
/// the next call.
///
/// # Panics
///
/// If the system has no memory left.
pub fn with_scratch<T: Plain, R>(len: usize, body: impl FnOnce(&mut [T]) -> R) -> R {
    struct Restore(Mark);
    impl Drop for Restore {
        fn drop(&mut self) {
            ARENA.with_borrow_mut(|arena| arena.restore(&self.0));
        }
    }
    let bytes = len.saturating_mul(size_of::<T>()).checked_next_multiple_of(ALIGNMENT).unwrap_or(usize::MAX);
    let taken = ARENA.with_borrow_mut(|arena| arena.take(bytes));
    let (start, mark) = taken.unwrap_or_else(|error| panic!("with_scratch: {error}"));
    let _restore = Restore(mark);
    // SAFETY: `len` elements of aligned, initialised memory, which the arena gives to nobody else before `restore`; any
    // bytes are a T.
    body(unsafe { std::slice::from_raw_parts_mut(start.cast().as_ptr(), len) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_tight() {
        for class in 0..CLASSES {
            let len = class_len(class);
            assert_eq!(class_of(len), class);
            assert_eq!(class_of(len + 1), class + 1);
            assert_eq!(len % ALIGNMENT, 0);
        }
        assert_eq!(class_len(CLASSES - 1), LONGEST);
        assert_eq!(class_of(0), 0);
    }

    #[test]
    fn blocks_are_aligned() {
        for bytes in [0, 1, 64, 65, 4000, HUGE - 1, HUGE, 5 * HUGE + 17] {
            let mut block = Block::new(bytes).unwrap();
            assert!(block.len() >= bytes);
            assert_eq!(block.as_ptr() as usize % ALIGNMENT, 0);
            if bytes >= HUGE {
                assert_eq!(block.as_ptr() as usize % HUGE, 0);
            }
            block.as_mut_slice::<u8>(bytes).fill(1);
        }
    }

    #[test]
    fn impossible_sizes_are_errors() {
        for bytes in [LONGEST + 1, usize::MAX / 2, usize::MAX - 63, usize::MAX] {
            assert_eq!(Block::new(bytes).unwrap_err(), OutOfMemory { bytes });
        }
    }

    #[test]
    fn scratch_nests() {
        with_scratch(100, |outer: &mut [f64]| {
            outer.fill(1.0);
            with_scratch(1 << 20, |inner: &mut [f32]| {
                inner.fill(2.0);
                with_scratch(3, |last: &mut [u8]| last.fill(3));
                assert!(inner.iter().all(|&v| v == 2.0));
            });
            assert!(outer.iter().all(|&v| v == 1.0));
        });
    }
}
