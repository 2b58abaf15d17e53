//! Where results go: to their place, or past the caches.

#![allow(unsafe_code)]

use crate::scalar::Scalar;
use crate::simd::Simd;

/// Elements that scratch must have behind the last result: whole vectors may be written there, and the first element may lie
/// behind the first place.
pub const SLACK: usize = 32;

/// A run of elements to write.
///
/// A store past the caches must fill a cache line, and rows seldom begin with one. So results are gathered in scratch,
/// and lines that are whole follow soon after, while they are in the first cache: long rests between such stores, and bursts
/// of them, leave the memory idle.
#[derive(Clone, Copy)]
pub struct Sink<T> {
    /// Where results are written.
    near: *mut T,
    /// Where they belong; null if that is the same.
    far: *mut T,
}

impl<T: Scalar> Sink<T> {
    pub fn plain(to: *mut T) -> Self {
        Sink { near: to, far: std::ptr::null_mut() }
    }

    /// # Panics
    /// If scratch is shorter than `len` elements and the slack.
    pub fn past_caches(scratch: &mut [T], to: *mut T, len: usize) -> Self {
        assert!(scratch.len() >= len + SLACK);
        // As far behind a cache line as its place, so that vectors are aligned in both.
        Sink { near: scratch[to as usize % 64 / size_of::<T>()..].as_mut_ptr(), far: to }
    }

    /// The place to write the element `i` and those behind it.
    ///
    /// # Safety
    /// `i` is inside the run.
    #[inline(always)]
    pub unsafe fn at(&self, i: usize) -> *mut T {
        unsafe { self.near.add(i) }
    }

    /// Sends on what is written: the first `done` elements, of which `sent` have left already; the last part of a line waits
    /// for the rest, unless this is the `end` of the run. Returns how many have left.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`; `sent <= done`, and the run is so long.
    #[inline(always)]
    pub unsafe fn send<S: Simd<T = T>>(&self, sent: usize, done: usize, end: bool) -> usize {
        if self.far.is_null() {
            return done;
        }
        let vector = S::LANES * size_of::<T>();
        // SAFETY: the caller vouches for the run.
        unsafe {
            let mut i = sent;
            let odd = (vector - self.far as usize % vector) % vector / size_of::<T>();
            if i < odd {
                let n = odd.min(done) - i;
                S::store_up_to(self.far.add(i), n, S::load_up_to(self.near.add(i), n));
                i += n;
            }
            if i < odd && !end {
                return i;
            }
            while i + S::LANES <= done {
                S::stream(self.far.add(i), S::load(self.near.add(i)));
                i += S::LANES;
            }
            if end {
                S::store_up_to(self.far.add(i), done - i, S::load_up_to(self.near.add(i), done - i));
                i = done;
            }
            i
        }
    }
}
