//! Lines side by side, copied to scratch: there they lie close together, where in their array the next class may be in
//! another page, and too many classes in the same set of the cache.

#![allow(unsafe_code)]

use super::kernel::{ABREAST, Layout, MOST_LANES};
use crate::scalar::Scalar;
use crate::simd::Simd;

/// Vectors of classes up to which lines that are adjacent in memory are turned, so as to lie side by side.
pub const MOST_VECTORS: usize = 8;

/// Classes up to which lines side by side are staged.
pub const MOST_CLASSES: usize = 2048;

/// Elements of a stage, about: half of the first cache.
const NEAR: usize = 4096;

/// Lines that are staged at a time: whole groups of `ABREAST` vectors of every instruction set, and at most so many.
const GROUP: usize = ABREAST * MOST_LANES;
const MOST_GROUPS: usize = 16;

/// Scratch for lines side by side, `pitch` elements from class to class.
pub struct Stage<T> {
    pub lines: *mut T,
    pub pitch: usize,
    classes: usize,
    /// The lines as they lie in memory, each with room for whole vectors.
    rows: *mut T,
}

impl<T: Scalar> Stage<T> {
    /// Elements of scratch that a stage for such lines asks for.
    pub fn len(Layout { classes, inner }: Layout) -> usize {
        match inner {
            1 if classes <= MOST_VECTORS * MOST_LANES => 2 * Self::half(classes),
            1 => 0,
            _ if classes <= MOST_CLASSES => classes * Self::columns(classes),
            _ => 0,
        }
    }

    fn half(classes: usize) -> usize {
        classes.next_multiple_of(MOST_LANES) * GROUP
    }

    fn columns(classes: usize) -> usize {
        (NEAR / classes / GROUP).clamp(1, MOST_GROUPS) * GROUP
    }

    /// For lines that lie side by side in memory.
    pub fn of_columns(scratch: &mut [T], classes: usize) -> Self {
        let pitch = Self::columns(classes);
        assert!(scratch.len() >= classes * pitch);
        Stage { lines: scratch.as_mut_ptr(), pitch, classes, rows: std::ptr::null_mut() }
    }

    /// For lines that are adjacent in memory, of at most [`MOST_VECTORS`] vectors of `S`.
    pub fn of_rows<S: Simd<T = T>>(scratch: &mut [T], classes: usize) -> Self {
        let half = Self::half(classes);
        assert!(scratch.len() >= 2 * half && classes <= MOST_VECTORS * S::LANES);
        let (lines, rows) = scratch.split_at_mut(half);
        Stage { lines: lines.as_mut_ptr(), pitch: GROUP, classes, rows: rows.as_mut_ptr() }
    }

    /// Takes `n` lines from memory, the first of which begins at `x`; the next class is `inner` elements further on.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`; the lines are there, and at most `pitch`.
    #[inline(always)]
    pub unsafe fn take_columns<S: Simd<T = T>>(&self, x: *const T, inner: usize, n: usize) {
        // SAFETY: as the caller says.
        unsafe {
            for class in 0..self.classes {
                let (from, to) = (x.add(class * inner), self.lines.add(class * self.pitch));
                for at in (0..n).step_by(S::LANES) {
                    S::store(to.add(at), S::load_up_to(from.add(at), n - at));
                }
            }
        }
    }

    /// The inverse of [`Stage::take_columns`].
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    pub unsafe fn put_columns<S: Simd<T = T>>(&self, y: *mut T, inner: usize, n: usize) {
        // SAFETY: as the caller says.
        unsafe {
            for class in 0..self.classes {
                let (from, to) = (self.lines.add(class * self.pitch), y.add(class * inner));
                for at in (0..n).step_by(S::LANES) {
                    S::store_up_to(to.add(at), n - at, S::load(from.add(at)));
                }
            }
        }
    }

    /// Takes `n` lines that follow one another in memory from `x` on.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`; the lines are there, at most `pitch`, and the stage is for them.
    #[inline(always)]
    pub unsafe fn take_rows<S: Simd<T = T>>(&self, x: *const T, n: usize) {
        let width = self.classes.next_multiple_of(S::LANES);
        // SAFETY: as the caller says.
        unsafe {
            for line in 0..n {
                for class in (0..self.classes).step_by(S::LANES) {
                    let v = S::load_up_to(x.add(line * self.classes + class), self.classes - class);
                    S::store(self.rows.add(line * width + class), v);
                }
            }
            for line in (0..n).step_by(S::LANES) {
                for class in (0..self.classes).step_by(S::LANES) {
                    let from = self.rows.add(line * width + class);
                    S::transpose(from, width, self.lines.add(class * self.pitch + line), self.pitch);
                }
            }
        }
    }

    /// The inverse of [`Stage::take_rows`].
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    pub unsafe fn put_rows<S: Simd<T = T>>(&self, y: *mut T, n: usize) {
        let width = self.classes.next_multiple_of(S::LANES);
        // SAFETY: as the caller says.
        unsafe {
            for line in (0..n).step_by(S::LANES) {
                for class in (0..self.classes).step_by(S::LANES) {
                    let from = self.lines.add(class * self.pitch + line);
                    S::transpose(from, self.pitch, self.rows.add(line * width + class), width);
                }
            }
            for line in 0..n {
                for class in (0..self.classes).step_by(S::LANES) {
                    let v = S::load(self.rows.add(line * width + class));
                    S::store_up_to(y.add(line * self.classes + class), self.classes - class, v);
                }
            }
        }
    }
}
