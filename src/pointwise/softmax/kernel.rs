//! The arithmetic of softmax and its gradients, one vector at a time.

#![allow(unsafe_code)]

// SAFETY: the unsafe blocks below call methods of `Simd` on registers alone; the caller of each function vouches for the
// instruction set.

use crate::math;
use crate::pointwise::lines::kernel::{Operands, Term};
use crate::scalar::Scalar;
use crate::simd::Simd;

/// `e^(x - m) r`: m and r per line.
#[derive(Clone, Copy)]
pub struct Softmax;

impl<T: Scalar> Term<T> for Softmax {
    const LINES: usize = 2;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V {
        unsafe { S::mul(math::exp_of_negative::<S>(S::sub(v.x, v.lines[0])), v.lines[1]) }
    }
}

/// `(x - m) - l`: m and l per line.
#[derive(Clone, Copy)]
pub struct LogSoftmax;

impl<T: Scalar> Term<T> for LogSoftmax {
    const LINES: usize = 2;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V {
        unsafe { S::sub(S::sub(v.x, v.lines[0]), v.lines[1]) }
    }
}

/// x: what the gradient of a log-softmax adds up.
#[derive(Clone, Copy)]
pub struct Itself;

impl<T: Scalar> Term<T> for Itself {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V {
        v.x
    }
}

/// `dy y`: what the gradient of a softmax adds up.
#[derive(Clone, Copy)]
pub struct Product;

impl<T: Scalar> Term<T> for Product {
    const OTHER: bool = true;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V {
        unsafe { S::mul(v.x, v.other) }
    }
}

/// `y (dy - s)`: s per line.
#[derive(Clone, Copy)]
pub struct SoftmaxSlope;

impl<T: Scalar> Term<T> for SoftmaxSlope {
    const OTHER: bool = true;
    const LINES: usize = 1;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V {
        unsafe { S::mul(v.other, S::sub(v.x, v.lines[0])) }
    }
}

/// `dy - e^y s`: s per line.
#[derive(Clone, Copy)]
pub struct LogSoftmaxSlope;

impl<T: Scalar> Term<T> for LogSoftmaxSlope {
    const OTHER: bool = true;
    const LINES: usize = 1;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V {
        unsafe { S::fnma(math::exp_of_negative::<S>(v.other), v.lines[0], v.x) }
    }
}
