//! Bands of x with their padding, and bands of dx without it.

#![allow(unsafe_code)]

use super::{Plan, streamed};
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::threads::SharedMut;

/// Some rows of a plane with their padding.
#[derive(Clone, Copy)]
pub struct Padding<'a, T> {
    pub plan: &'a Plan,
    pub plane: usize,
    /// The first row, counted with the padding.
    pub first: usize,
    /// What stands in the padding.
    pub fill: T,
    /// How far ahead x is asked for; 0 if it is in the caches.
    pub ahead: usize,
}

impl<T: Scalar> Padding<'_, T> {
    /// Writes whole rows of x and the padding around them.
    ///
    /// # Panics
    /// If x is shorter than the plan says.
    pub fn put(&self, x: &[T], rows: &mut [T]) {
        let plan = self.plan;
        assert!(x.len() == plan.inputs() && self.plane < plan.planes);
        // SAFETY: just checked.
        unsafe { simd::run(Put { padding: *self, x, rows }) };
    }

    /// Writes the parts of whole rows that are inside the padding to their places in dx; no row is padding altogether.
    ///
    /// # Panics
    /// If dx is shorter than the plan says, or the rows are not inside.
    pub fn strip(&self, rows: &[T], dx: SharedMut<T>) {
        let Plan { x, before, columns, .. } = *self.plan;
        let count = rows.len() / columns.input;
        assert!(dx.len() == self.plan.inputs() && self.plane < self.plan.planes);
        assert!(self.first >= before[0] && self.first - before[0] + count <= x[0]);
        let first = (self.plane * x[0] + self.first - before[0]) * x[1];
        // SAFETY: just checked.
        unsafe {
            let dx = dx.as_mut_ptr().add(first);
            simd::run(Strip { plan: self.plan, rows, dx, streamed: streamed::<T>(self.plan.inputs()) });
        }
    }
}

struct Put<'a, T> {
    padding: Padding<'a, T>,
    x: &'a [T],
    rows: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Put<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let Padding { plan, plane, first, fill, ahead } = self.padding;
        let Plan { x: [height, width], before, columns, .. } = *plan;
        for (i, row) in self.rows.chunks_exact_mut(columns.input).enumerate() {
            let Some(y) = (first + i).checked_sub(before[0]).filter(|&y| y < height) else {
                row.fill(fill);
                continue;
            };
            row[..before[1]].fill(fill);
            row[before[1] + width..].fill(fill);
            // SAFETY: a row of x, and of scratch.
            unsafe {
                let (from, to) = (self.x.as_ptr().add((plane * height + y) * width), row.as_mut_ptr().add(before[1]));
                for at in (0..width).step_by(S::LANES) {
                    if ahead > 0 {
                        S::prefetch(from.wrapping_add(ahead + at));
                    }
                    S::store_up_to(to.add(at), width - at, S::load_up_to(from.add(at), width - at));
                }
            }
        }
    }
}

struct Strip<'a, T> {
    plan: &'a Plan,
    rows: &'a [T],
    /// The place of the first row.
    dx: *mut T,
    streamed: bool,
}

impl<T: Scalar> Kernel<T> for Strip<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let Plan { x: [_, width], before, columns, .. } = *self.plan;
        for (i, row) in self.rows.chunks_exact(columns.input).enumerate() {
            // SAFETY: rows of dx, and of scratch.
            unsafe {
                let (from, to) = (row.as_ptr().add(before[1]), self.dx.add(i * width));
                let aligned = (to as usize).is_multiple_of(S::LANES * size_of::<T>());
                let whole = if self.streamed && aligned { width - width % S::LANES } else { 0 };
                for at in (0..whole).step_by(S::LANES) {
                    S::stream(to.add(at), S::load(from.add(at)));
                }
                for at in (whole..width).step_by(S::LANES) {
                    S::store_up_to(to.add(at), width - at, S::load_up_to(from.add(at), width - at));
                }
            }
        }
    }
}
