//! The arithmetic of the activations, one vector at a time.

#![allow(unsafe_code)]

// SAFETY: the unsafe blocks below call methods of `Simd` on registers alone; the caller of each function vouches for the
// instruction set.

use crate::math;
use crate::pointwise::kernel::Formula;
use crate::scalar::Scalar;
use crate::simd::Simd;

#[derive(Clone, Copy)]
pub struct Relu;

impl<T: Scalar> Formula<T, 1, 1> for Relu {
    // The comparison is false for NaN, which so passes.
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [x]: [S::V; 1], _: [S::V; 1]) -> [S::V; 1] {
        unsafe { [S::select(S::ge(S::zero(), x), S::zero(), x)] }
    }
}

#[derive(Clone, Copy)]
pub struct ReluSlope;

impl<T: Scalar> Formula<T, 2, 1> for ReluSlope {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [dy, x]: [S::V; 2], _: [S::V; 1]) -> [S::V; 1] {
        unsafe { [S::select(S::ge(S::zero(), x), S::zero(), dy)] }
    }
}

#[derive(Clone, Copy)]
pub struct Sigmoid;

impl<T: Scalar> Formula<T, 1, 1> for Sigmoid {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [x]: [S::V; 1], _: [S::V; 1]) -> [S::V; 1] {
        unsafe { [math::sigmoid::<S>(x)] }
    }
}

/// `dy y (1 - y)`.
#[derive(Clone, Copy)]
pub struct SigmoidSlope;

impl<T: Scalar> Formula<T, 2, 1> for SigmoidSlope {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [dy, y]: [S::V; 2], _: [S::V; 1]) -> [S::V; 1] {
        unsafe { [S::mul(dy, S::mul(y, S::sub(S::splat(T::ONE), y)))] }
    }
}

#[derive(Clone, Copy)]
pub struct Tanh;

impl<T: Scalar> Formula<T, 1, 1> for Tanh {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [x]: [S::V; 1], _: [S::V; 1]) -> [S::V; 1] {
        unsafe { [math::tanh::<S>(x)] }
    }
}

/// `dy (1 - y^2)`.
#[derive(Clone, Copy)]
pub struct TanhSlope;

impl<T: Scalar> Formula<T, 2, 1> for TanhSlope {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [dy, y]: [S::V; 2], _: [S::V; 1]) -> [S::V; 1] {
        unsafe { [S::mul(dy, S::fnma(y, y, S::splat(T::ONE)))] }
    }
}
