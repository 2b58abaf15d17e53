//! Size classes, and the list of free blocks that all threads share.
//!
//! An output costs one `reuse` and one `recycle`, so these are kept to some ten nanoseconds: the links of the list lie
//! in the free blocks themselves, and the lock is never held while the system or the allocator is called. It is a spin
//! lock of our own because the handlers of `pthread_atfork` take it in one function and give it back in another, even in
//! another process.

use std::cell::UnsafeCell;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicUsize};

use super::system::{give_back, machine_memory};

/// The longest block; longer requests fail without a question to the system.
pub const LONGEST: usize = 1 << 46;

/// The classes up to that of [`LONGEST`].
pub const CLASSES: usize = class_of(LONGEST) + 1;

/// The number of the shortest class that holds `bytes`: multiples of 64 up to 512, then eight classes to the octave.
pub const fn class_of(bytes: usize) -> usize {
    if bytes <= 512 {
        return bytes.saturating_sub(1) / 64;
    }
    let octave = (bytes - 1).ilog2();
    8 * (octave as usize - 9) + ((bytes - 1) >> (octave - 3))
}

/// The length of the blocks of a class.
pub const fn class_len(class: usize) -> usize {
    if class < 8 { 64 * (class + 1) } else { (9 + class % 8) << (class / 8 + 5) }
}

/// Takes a block of the class off the list.
pub fn reuse(class: usize) -> Option<NonNull<u8>> {
    with_free_list(|list| list.pop(class))
}

/// Puts memory onto the list, or gives it (or what was longer out of use) back to the system.
///
/// # Safety
///
/// The memory is from `allocate(len)`, `len` is that of a class, and nobody uses it any more.
pub unsafe fn recycle(start: NonNull<u8>, len: usize) {
    let limit = limit();
    // SAFETY: by the caller's promise.
    with_free_list(|list| unsafe { list.push(start, len, limit) }).free();
}

/// Gives everything on the list back to the system.
pub fn release() {
    with_free_list(FreeList::take_all).free();
}

/// The bytes on the free list: at most 256 MiB, or an eighth of the machine's memory if that is less.
pub fn retained_bytes() -> usize {
    with_free_list(|list| list.retained)
}

/// The most that may be retained.
pub fn limit() -> usize {
    static LIMIT: AtomicUsize = AtomicUsize::new(0);
    match LIMIT.load(Relaxed) {
        0 => {
            let limit = (256 << 20).min(machine_memory() / 8).max(1);
            LIMIT.store(limit, Relaxed);
            limit
        }
        limit => limit,
    }
}

/// The free blocks of one length; the first word of each is the link to the next.
#[derive(Clone, Copy)]
struct Class {
    first: Link,
    /// The list's clock when a block was last asked for or returned.
    used: u64,
}

type Link = Option<NonNull<u8>>;

pub struct FreeList {
    classes: [Class; CLASSES],
    pub retained: usize,
    clock: u64,
}

// SAFETY: the list owns its blocks, which are not tied to a thread.
unsafe impl Send for FreeList {}

impl FreeList {
    pub const EMPTY: Self = Self { classes: [Class { first: None, used: 0 }; CLASSES], retained: 0, clock: 0 };

    pub fn pop(&mut self, class: usize) -> Option<NonNull<u8>> {
        self.clock += 1;
        self.classes[class].used = self.clock;
        self.take(class)
    }

    fn take(&mut self, class: usize) -> Option<NonNull<u8>> {
        let start = self.classes[class].first?;
        // SAFETY: `push` wrote a link there.
        self.classes[class].first = unsafe { start.cast::<Link>().read() };
        self.retained -= class_len(class);
        Some(start)
    }

    /// Puts a block onto the list; returns what must leave to keep the list within `limit`.
    ///
    /// # Safety
    ///
    /// See [`recycle`].
    pub unsafe fn push(&mut self, start: NonNull<u8>, len: usize, limit: usize) -> Chain {
        self.clock += 1;
        let mut surplus = Chain(None);
        if len > limit {
            // SAFETY: by the caller's promise.
            unsafe { surplus.add(start, len) };
            return surplus;
        }
        while self.retained + len > limit && self.evict(&mut surplus) {}
        let class = class_of(len);
        // SAFETY: the block is aligned, longer than a link, and by the caller's promise not used.
        unsafe { start.cast::<Link>().write(self.classes[class].first) };
        self.classes[class] = Class { first: Some(start), used: self.clock };
        self.retained += len;
        surplus
    }

    /// Moves a block of the class that was longest out of use to `surplus`; false if there is none.
    fn evict(&mut self, surplus: &mut Chain) -> bool {
        let filled = (0..CLASSES).filter(|&class| self.classes[class].first.is_some());
        let oldest = filled.min_by_key(|&class| self.classes[class].used);
        oldest.is_some_and(|class| self.give_up(class, surplus))
    }

    pub fn take_all(&mut self) -> Chain {
        let mut all = Chain(None);
        for class in 0..CLASSES {
            while self.give_up(class, &mut all) {}
        }
        all
    }

    /// Moves a block to `surplus`; false if the class has none.
    fn give_up(&mut self, class: usize, surplus: &mut Chain) -> bool {
        let taken = self.take(class);
        if let Some(start) = taken {
            // SAFETY: it was on the list, which holds only unused blocks.
            unsafe { surplus.add(start, class_len(class)) };
        }
        taken.is_some()
    }
}

/// Blocks on their way back to the system.
#[must_use]
pub struct Chain(Option<NonNull<Surplus>>);

/// The first words of a block in a [`Chain`].
struct Surplus {
    next: Option<NonNull<Surplus>>,
    len: usize,
}

impl Chain {
    /// # Safety
    ///
    /// See [`recycle`].
    unsafe fn add(&mut self, start: NonNull<u8>, len: usize) {
        let block = start.cast::<Surplus>();
        // SAFETY: the block is aligned, longer than these words, and by the caller's promise not used.
        unsafe { block.write(Surplus { next: self.0, len }) };
        self.0 = Some(block);
    }

    pub fn free(self) {
        let mut rest = self.0;
        while let Some(block) = rest {
            // SAFETY: `add` wrote these words.
            let Surplus { next, len } = unsafe { block.read() };
            // SAFETY: `add` was promised that the memory is from `allocate(len)` and not used.
            unsafe { give_back(block.cast(), len) };
            rest = next;
        }
    }
}

/// A spin lock.
struct Lock(AtomicBool);

impl Lock {
    fn acquire(&self) {
        let mut polls = 0u32;
        while self.0.compare_exchange_weak(false, true, Acquire, Relaxed).is_err() {
            polls += 1;
            // The holder needs some nanoseconds, unless it has lost its processor.
            if polls < 100 { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
    }

    fn release(&self) {
        self.0.store(false, Release);
    }
}

/// The free list of the process.
struct Shared {
    lock: Lock,
    list: UnsafeCell<FreeList>,
}

// SAFETY: only `with_free_list` reaches the list, and it holds the lock meanwhile.
unsafe impl Sync for Shared {}

static SHARED: Shared = Shared { lock: Lock(AtomicBool::new(false)), list: UnsafeCell::new(FreeList::EMPTY) };

/// Runs `body`, which must neither panic nor come back here, on the free list.
fn with_free_list<R>(body: impl FnOnce(&mut FreeList) -> R) -> R {
    SHARED.lock.acquire();
    // SAFETY: the lock is ours.
    let result = body(unsafe { &mut *SHARED.list.get() });
    SHARED.lock.release();
    result
}

/// Makes a fork wait for the lock, so that the child finds the list whole and the lock free. Runs when the program or
/// library is loaded: handlers that are registered while another thread forks may miss that fork.
// SAFETY: the section lists functions of this type, to be called once each.
#[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
#[used]
static HOLD_LOCK_DURING_FORK: extern "C" fn() = {
    extern "C" fn acquire() {
        SHARED.lock.acquire();
    }
    extern "C" fn release() {
        SHARED.lock.release();
    }
    extern "C" fn register() {
        // SAFETY: the handlers only take and give back a spin lock.
        unsafe { libc::pthread_atfork(Some(acquire), Some(release), Some(release)) };
    }
    register
};
