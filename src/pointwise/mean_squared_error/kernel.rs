//! The sum of squared differences, and its slope.

#![allow(unsafe_code)]

use crate::pointwise::kernel::Formula;
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, run};

/// The sum of `(x - y)^2`.
pub fn squared_distance<T: Scalar>(x: &[T], y: &[T]) -> f64 {
    assert_eq!(x.len(), y.len(), "arrays of one length");
    // SAFETY: both slices have the same length.
    unsafe { run(SquaredDistance { x, y }) }
}

struct SquaredDistance<'a, T> {
    x: &'a [T],
    y: &'a [T],
}

impl<T: Scalar> Kernel<T> for SquaredDistance<'_, T> {
    type Output = f64;

    // Short runs are added in the element type, their sums in float64.
    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) -> f64 {
        let (mut total, len, mut at) = (0.0, self.x.len(), 0);
        while at < len {
            let end = len.min(at + 32 * S::LANES);
            // SAFETY: at most `end - at` elements are read, and both slices have `len`.
            unsafe {
                let mut sum = S::zero();
                while at < end {
                    let x = S::load_up_to(self.x.as_ptr().add(at), end - at);
                    let difference = S::sub(x, S::load_up_to(self.y.as_ptr().add(at), end - at));
                    sum = S::fma(difference, difference, sum);
                    at += S::LANES;
                }
                total += S::sum(sum).to_f64();
            }
            at = end;
        }
        total
    }
}

/// `(x - target)^2`.
#[derive(Clone, Copy)]
pub struct Squared;

impl<T: Scalar> Formula<T, 2, 1> for Squared {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [x, target]: [S::V; 2], _: [S::V; 1]) -> [S::V; 1] {
        // SAFETY: registers alone, as in the next two.
        unsafe {
            let difference = S::sub(x, target);
            [S::mul(difference, difference)]
        }
    }
}

/// `factor (x - target)`.
#[derive(Clone, Copy)]
pub struct Slope<T> {
    pub factor: T,
}

impl<T: Scalar> Formula<T, 2, 1> for Slope<T> {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [x, target]: [S::V; 2], _: [S::V; 1]) -> [S::V; 1] {
        unsafe { [S::mul(S::splat(self.factor), S::sub(x, target))] }
    }
}

/// `2 dy (x - target)`.
#[derive(Clone, Copy)]
pub struct SlopeOfEach;

impl<T: Scalar> Formula<T, 3, 1> for SlopeOfEach {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [dy, x, target]: [S::V; 3], _: [S::V; 1]) -> [S::V; 1] {
        unsafe { [S::mul(S::add(dy, dy), S::sub(x, target))] }
    }
}
