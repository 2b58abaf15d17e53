//! Two stores of memory: recycled blocks for outputs and caches, and scratch arenas.
//!
//! Fresh memory is expensive: the system clears it page by page when it is first touched, and that takes longer than
//! many a kernel. So memory goes round. [`Block`]s return to a free list that all threads share; [`with_scratch`] works
//! on an arena that each thread keeps. Nothing is cleared on reuse, and nothing is ever uninitialised: a block holds
//! zeros, or what its last user left.
//!
//! * The lengths of blocks are rounded up to classes, eight to the octave, so that a freed block fits the next request
//!   of about its size; at most an eighth is wasted. Classes from 2 MiB on are mapped from the system, on boundaries of
//!   2 MiB and with huge pages advised; smaller ones come from the allocator.
//! * The free list retains at most 256 MiB, or an eighth of the machine's memory if that is less. When it is full, the
//!   blocks of the class that was longest out of use go back to the system.
//! * A forked child inherits the free list in good order.
#![allow(unsafe_code)]

mod free_list;
mod scratch;
mod system;
#[cfg(all(test, not(loom)))]
mod tests;

use std::fmt;
use std::ptr::NonNull;

pub use free_list::retained_bytes;
use free_list::{LONGEST, class_len, class_of, recycle, reuse};
pub use scratch::with_scratch;

/// The alignment of every block and every scratch slice: a cache line, and a vector of AVX-512.
const ALIGNMENT: usize = 64;

/// There is no memory for a block.
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

/// Numbers: types for which all bytes are a value.
///
/// # Safety
///
/// Any initialised bytes are a valid value. No padding; alignment at most 64.
pub unsafe trait Plain: sealed::Sealed + Copy + Send + Sync + 'static {}

macro_rules! plain {
    ($($number:ty)*) => {$(
        impl sealed::Sealed for $number {}
        // SAFETY: a primitive number.
        unsafe impl Plain for $number {}
    )*};
}
plain!(f32 f64 i8 i16 i32 i64 u8 u16 u32 u64 usize);

/// Memory on a 64-byte boundary (2 MiB from that length on), always initialised. Dropping it recycles it.
#[derive(Debug)]
pub struct Block {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: a block owns its memory, which is not tied to a thread.
unsafe impl Send for Block {}
// SAFETY: `&Block` gives raw pointers and shared slices of numbers, nothing else.
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
        let start = reuse(class).or_else(|| system::allocate(len)).ok_or(OutOfMemory { bytes })?;
        Ok(Self { start, len })
    }

    /// The address of the first byte.
    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// The usable length in bytes: that of the request, rounded up to its class.
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
        // SAFETY: inside the block, aligned, initialised; any bytes are a T; borrowed as exclusively as the block.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), len) }
    }

    fn check<T>(&self, len: usize) {
        let size = size_of::<T>();
        assert!(len <= self.len / size, "Block: {len} elements of {size} bytes are more than {} bytes", self.len);
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: the memory is of a class's length, is ours, and is not used after this.
        unsafe { recycle(self.start, self.len) };
    }
}

/// Frees the whole free list, and the scratch of the calling thread unless it is in use.
pub fn release() {
    scratch::release();
    free_list::release();
}
