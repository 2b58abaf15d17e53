//! Scratch arenas, one for each thread.

use std::cell::RefCell;
use std::ptr::NonNull;

use super::{ALIGNMENT, Block, OutOfMemory, Plain};

/// The least length of an arena's block.
const LEAST: usize = 256 << 10;

thread_local! {
    static ARENA: RefCell<Arena> = const { RefCell::new(Arena::EMPTY) };
}

/// Calls `body` with `len` elements from the calling thread's arena, on a 64-byte boundary.
///
/// The contents are arbitrary, but initialised. Calls nest, and each has memory of its own. The arena keeps what it has
/// for the next call, until [`release`](super::release) or the end of the thread.
///
/// # Panics
///
/// If there is no memory.
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
    // SAFETY: aligned, initialised memory for `len` elements, which the arena gives to nobody else before `restore`; any
    // bytes are a T.
    body(unsafe { std::slice::from_raw_parts_mut(start.cast().as_ptr(), len) })
}

/// Frees the calling thread's arena, unless it is in use.
pub fn release() {
    ARENA.with_borrow_mut(|arena| {
        if arena.in_use == 0 {
            *arena = Arena::EMPTY;
        }
    });
}

/// A stack of scratch slices. Slices in use must stay where they are, so when the last block is full another one is
/// added. When the outermost call ends, several blocks make room for a single one that will hold them all.
struct Arena {
    blocks: Vec<Block>,
    /// Bytes in use in the last block.
    used: usize,
    /// Bytes in use in all blocks.
    in_use: usize,
    /// The most that `in_use` has been.
    peak: usize,
}

/// What an arena was before a slice was taken.
struct Mark {
    blocks: usize,
    used: usize,
    in_use: usize,
}

impl Arena {
    const EMPTY: Self = Self { blocks: Vec::new(), used: 0, in_use: 0, peak: 0 };

    /// The address of `bytes` bytes, a multiple of the alignment; and the mark to restore.
    fn take(&mut self, bytes: usize) -> Result<(NonNull<u8>, Mark), OutOfMemory> {
        let mark = Mark { blocks: self.blocks.len(), used: self.used, in_use: self.in_use };
        let room = self.blocks.last().map_or(0, |block| block.len() - self.used);
        let block = match self.blocks.last() {
            Some(block) if bytes <= room => block,
            _ => {
                let least = if self.in_use == 0 { self.peak.max(LEAST) } else { LEAST };
                self.blocks.push(Block::new(bytes.max(least))?);
                self.used = 0;
                &self.blocks[self.blocks.len() - 1]
            }
        };
        // SAFETY: inside the block.
        let start = unsafe { block.start.add(self.used) };
        self.used += bytes;
        self.in_use += bytes;
        self.peak = self.peak.max(self.in_use);
        Ok((start, mark))
    }

    /// Gives back what was taken since the mark.
    fn restore(&mut self, mark: &Mark) {
        if mark.in_use == 0 {
            let one_is_enough = self.blocks.len() == 1 && self.blocks[0].len() >= self.peak;
            self.blocks.truncate(usize::from(one_is_enough));
            self.used = 0;
        } else {
            self.blocks.truncate(mark.blocks);
            self.used = mark.used;
        }
        self.in_use = mark.in_use;
    }
}
