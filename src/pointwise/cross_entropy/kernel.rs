//! The arithmetic of the cross-entropy and its gradient, one vector at a time.

#![allow(unsafe_code)]

// SAFETY: the unsafe blocks below call methods of `Simd` on registers alone; the caller of each function vouches for the
// instruction set.

use crate::math;
use crate::pointwise::lines::kernel::{Operands, Term};
use crate::scalar::Scalar;
use crate::simd::Simd;

/// The share of each class in the target: `(keep q + share) weight`, with probabilities q, which are 0 if there are none.
#[derive(Clone, Copy)]
pub struct Goal<T, const PROBABILITIES: bool> {
    pub keep: T,
    pub share: T,
}

impl<T: Scalar, const PROBABILITIES: bool> Goal<T, PROBABILITIES> {
    #[inline(always)]
    unsafe fn of<S: Simd<T = T>>(self, v: &Operands<S>) -> S::V {
        unsafe {
            let share = S::splat(self.share);
            let goal = if PROBABILITIES { S::fma(S::splat(self.keep), v.other, share) } else { share };
            S::mul(goal, v.weights[0])
        }
    }
}

/// The goal: what adds up to the mass of a line.
impl<T: Scalar, const PROBABILITIES: bool> Term<T> for Goal<T, PROBABILITIES> {
    const OTHER: bool = PROBABILITIES;
    const WEIGHTS: usize = 1;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V {
        unsafe { self.of::<S>(&v) }
    }
}

/// `goal (x - m)`: m per line.
#[derive(Clone, Copy)]
pub struct Score<T, const PROBABILITIES: bool>(pub Goal<T, PROBABILITIES>);

impl<T: Scalar, const PROBABILITIES: bool> Term<T> for Score<T, PROBABILITIES> {
    const OTHER: bool = PROBABILITIES;
    const LINES: usize = 1;
    const WEIGHTS: usize = 1;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V {
        unsafe { S::mul(self.0.of::<S>(&v), S::sub(v.x, v.lines[0])) }
    }
}

/// `e^(x - m) a`: m and a per line.
pub use crate::pointwise::softmax::kernel::Softmax as Slope;

/// `e^(x - m) a - b goal`: m, a and b per line.
#[derive(Clone, Copy)]
pub struct SlopeToGoal<T, const PROBABILITIES: bool>(pub Goal<T, PROBABILITIES>);

impl<T: Scalar, const PROBABILITIES: bool> Term<T> for SlopeToGoal<T, PROBABILITIES> {
    const OTHER: bool = PROBABILITIES;
    const LINES: usize = 3;
    const WEIGHTS: usize = 1;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V {
        unsafe {
            let goal = S::mul(v.lines[2], self.0.of::<S>(&v));
            let e = math::exp_of_negative::<S>(S::sub(v.x, v.lines[0]));
            S::sub(S::mul(e, v.lines[1]), goal)
        }
    }
}
