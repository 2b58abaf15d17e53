//! The arithmetic of the optimisers, one vector at a time.

#![allow(unsafe_code)]

// SAFETY: the unsafe blocks below call methods of `Simd` on registers alone; the caller of each function vouches for the
// instruction set.

use super::{Adam, Sgd};
use crate::pointwise::kernel::Formula;
use crate::scalar::Scalar;
use crate::simd::Simd;

/// Parameter and gradient.
impl<T: Scalar> Formula<T, 1, 1> for Sgd<T> {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [grad]: [S::V; 1], [parameter]: [S::V; 1]) -> [S::V; 1] {
        unsafe {
            let grad = S::fma(S::splat(self.weight_decay), parameter, grad);
            [S::fnma(S::splat(self.lr), grad, parameter)]
        }
    }
}

/// Parameter, velocity and gradient.
impl<T: Scalar> Formula<T, 1, 2> for Sgd<T> {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [grad]: [S::V; 1], [parameter, velocity]: [S::V; 2]) -> [S::V; 2] {
        unsafe {
            let momentum = S::splat(self.momentum);
            let grad = S::fma(S::splat(self.weight_decay), parameter, grad);
            let velocity = S::fma(momentum, velocity, grad);
            let step = if self.nesterov { S::fma(momentum, velocity, grad) } else { velocity };
            [S::fnma(S::splat(self.lr), step, parameter), velocity]
        }
    }
}

/// Parameter, first and second moment, and gradient.
impl<T: Scalar> Formula<T, 1, 3> for Adam<T> {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [grad]: [S::V; 1], [parameter, first, second]: [S::V; 3]) -> [S::V; 3] {
        unsafe {
            let grad = S::fma(S::splat(self.weight_decay), parameter, grad);
            let first = S::fma(S::splat(self.fresh1), S::sub(grad, first), first);
            let second = S::fma(S::splat(self.fresh2), S::mul(grad, grad), S::mul(S::splat(self.beta2), second));
            let scale = S::fma(S::sqrt(second), S::splat(self.root_correction), S::splat(self.eps));
            [S::fnma(S::splat(self.rate), S::div(first, scale), parameter), first, second]
        }
    }
}
