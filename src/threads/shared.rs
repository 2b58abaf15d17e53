//! Slices that tasks split among themselves.

use std::marker::PhantomData;

use super::parallel_ranges;

/// Calls `body(i, c)` exactly once for each chunk `c` of `data`, `i` being its number; see [`parallel_ranges`].
///
/// All chunks have `chunk` elements, save the last, which may have fewer.
///
/// # Panics
///
/// If `chunk` is 0, or if a task panics.
pub fn parallel_chunks_mut<T: Send>(data: &mut [T], chunk: usize, body: &(dyn Fn(usize, &mut [T]) + Sync)) {
    assert!(chunk > 0, "parallel_chunks_mut: chunk must be at least 1");
    let shared = SharedMut::new(data);
    parallel_ranges(shared.len().div_ceil(chunk), &|i| {
        let start = i * chunk;
        // SAFETY: each i occurs once, so the chunks are disjoint.
        body(i, unsafe { shared.slice(start, chunk.min(shared.len() - start)) });
    });
}

/// A `&'a mut [T]` that tasks split among themselves.
pub struct SharedMut<'a, T> {
    start: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

impl<T> Clone for SharedMut<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SharedMut<'_, T> {}

// SAFETY: it hands out `&mut [T]`, which may go to other threads if T may; that they are disjoint is promised to `slice`.
unsafe impl<T: Send> Send for SharedMut<'_, T> {}
// SAFETY: a reference to it gives no more than a copy of it.
unsafe impl<T: Send> Sync for SharedMut<'_, T> {}

impl<'a, T> SharedMut<'a, T> {
    /// Takes the slice for `'a`.
    pub fn new(data: &'a mut [T]) -> Self {
        Self { start: data.as_mut_ptr(), len: data.len(), slice: PhantomData }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The address of the first element.
    pub fn as_mut_ptr(&self) -> *mut T {
        self.start
    }

    /// The elements `start..start + len`.
    ///
    /// # Safety
    ///
    /// As long as the returned slice is used, no overlapping slice from this value or a copy of it is used.
    ///
    /// # Panics
    ///
    /// If the range is not inside the slice.
    // Several `&mut` from one `&self` are the point of the type; the caller promises that they are disjoint.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn slice(&self, start: usize, len: usize) -> &'a mut [T] {
        let inside = start <= self.len && len <= self.len - start;
        assert!(inside, "SharedMut: {len} elements from {start} on are not inside {}", self.len);
        // SAFETY: inside the slice, and disjoint from every other one by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }
}
