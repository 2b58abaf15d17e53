//! The arithmetic of the activations, one vector at a time.

#![allow(unsafe_code)]

// SAFETY: the unsafe blocks below call methods of `Simd` on registers alone; the caller of each function vouches for the
// instruction set.

use crate::math::{self, Constants};
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

/// `max(x, 0) + slope min(x, 0)`.
#[derive(Clone, Copy)]
pub struct LeakyRelu<T>(pub T);

impl<T: Scalar> Formula<T, 1, 1> for LeakyRelu<T> {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [x]: [S::V; 1], _: [S::V; 1]) -> [S::V; 1] {
        unsafe { [S::select(S::gt(x, S::zero()), x, S::mul(S::splat(self.0), x))] }
    }
}

#[derive(Clone, Copy)]
pub struct LeakyReluSlope<T>(pub T);

impl<T: Scalar> Formula<T, 2, 1> for LeakyReluSlope<T> {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [dy, x]: [S::V; 2], _: [S::V; 1]) -> [S::V; 1] {
        unsafe { [S::select(S::gt(x, S::zero()), dy, S::mul(S::splat(self.0), dy))] }
    }
}

/// x, but not so far below 0 that its product with a probability that is 0 there were not a number.
#[inline(always)]
unsafe fn from_below<S: Simd>(x: S::V) -> S::V {
    unsafe { S::max(S::splat(S::T::EXP_MIN), x) }
}

/// x, but not so far from 0 that its product with a density that is 0 there were not a number.
#[inline(always)]
unsafe fn within<S: Simd>(x: S::V) -> S::V {
    unsafe { S::min(S::splat(-S::T::EXP_MIN), from_below::<S>(x)) }
}

/// `x sigmoid(x)`.
#[derive(Clone, Copy)]
pub struct Silu;

impl<T: Scalar> Formula<T, 1, 1> for Silu {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [x]: [S::V; 1], _: [S::V; 1]) -> [S::V; 1] {
        unsafe { [S::mul(from_below::<S>(x), math::sigmoid::<S>(x))] }
    }
}

/// `dy (s + x s (1 - s))` with `s = sigmoid(x)`.
#[derive(Clone, Copy)]
pub struct SiluSlope;

impl<T: Scalar> Formula<T, 2, 1> for SiluSlope {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [dy, x]: [S::V; 2], _: [S::V; 1]) -> [S::V; 1] {
        unsafe {
            let s = math::sigmoid::<S>(x);
            let rest = S::mul(within::<S>(x), S::sub(S::splat(T::ONE), s));
            [S::mul(dy, S::fma(s, rest, s))]
        }
    }
}

/// `x Phi(x)`, with the normal distribution Phi.
#[derive(Clone, Copy)]
pub struct Gelu;

impl<T: Scalar> Formula<T, 1, 1> for Gelu {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [x]: [S::V; 1], _: [S::V; 1]) -> [S::V; 1] {
        unsafe { [S::mul(from_below::<S>(x), math::normal::<S>(x).0)] }
    }
}

/// `dy (Phi(x) + x Phi'(x))`.
#[derive(Clone, Copy)]
pub struct GeluSlope;

impl<T: Scalar> Formula<T, 2, 1> for GeluSlope {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [dy, x]: [S::V; 2], _: [S::V; 1]) -> [S::V; 1] {
        unsafe {
            let (distribution, density) = math::normal::<S>(x);
            [S::mul(dy, S::fma(within::<S>(x), density, distribution))]
        }
    }
}

/// `sqrt(8 / pi)` and the share of the cube in the argument of [`GeluTanh`].
const RATE: f64 = 1.595_769_121_605_730_7;
const CUBE: f64 = 0.044_715;

/// `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`, which is `x sigmoid(sqrt(8 / pi) (x + 0.044715 x^3))`.
#[derive(Clone, Copy)]
pub struct GeluTanh;

impl<T: Scalar> Formula<T, 1, 1> for GeluTanh {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [x]: [S::V; 1], _: [S::V; 1]) -> [S::V; 1] {
        unsafe {
            let x = from_below::<S>(x);
            let cube = S::fma(S::mul(x, x), S::splat(T::from_f64(RATE * CUBE)), S::splat(T::from_f64(RATE)));
            [S::mul(x, math::sigmoid::<S>(S::mul(x, cube)))]
        }
    }
}

/// `dy (s + x s (1 - s) z')` with `s = sigmoid(z)`.
#[derive(Clone, Copy)]
pub struct GeluTanhSlope;

impl<T: Scalar> Formula<T, 2, 1> for GeluTanhSlope {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [dy, x]: [S::V; 2], _: [S::V; 1]) -> [S::V; 1] {
        unsafe {
            let x = within::<S>(x);
            let (square, rate) = (S::mul(x, x), S::splat(T::from_f64(RATE)));
            let z = S::mul(x, S::fma(square, S::splat(T::from_f64(RATE * CUBE)), rate));
            let slope = S::fma(square, S::splat(T::from_f64(3.0 * RATE * CUBE)), rate);
            let s = math::sigmoid::<S>(z);
            let rest = S::mul(S::mul(x, slope), S::sub(S::splat(T::ONE), s));
            [S::mul(dy, S::fma(s, rest, s))]
        }
    }
}
