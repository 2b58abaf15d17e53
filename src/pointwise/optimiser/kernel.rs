//! The arithmetic of the optimisers, one vector at a time.

#![allow(unsafe_code)]

// SAFETY: the unsafe blocks below call methods of `Simd` on registers alone; the caller of each function vouches for the
// instruction set.

use super::{Adagrad, Adam, RmsProp, Sgd};
use crate::pointwise::kernel::Formula;
use crate::scalar::Scalar;
use crate::simd::Simd;

/// Parameter and gradient.
impl<T: Scalar> Formula<T, 1, 1> for Sgd<T> {
    const UPDATES: bool = true;

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
    const UPDATES: bool = true;

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
    const UPDATES: bool = true;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [grad]: [S::V; 1], [parameter, first, second]: [S::V; 3]) -> [S::V; 3] {
        unsafe {
            let grad = S::fma(S::splat(self.weight_decay), parameter, grad);
            let first = S::fma(S::splat(self.fresh1), S::sub(grad, first), first);
            let second = S::fma(S::splat(self.fresh2), S::mul(grad, grad), S::mul(S::splat(self.beta2), second));
            let scale = S::fma(S::sqrt(second), S::splat(self.root_correction), S::splat(self.eps));
            let kept = S::mul(S::splat(self.keep), parameter);
            [S::fnma(S::splat(self.rate), S::div(first, scale), kept), first, second]
        }
    }
}

impl<T: Scalar> RmsProp<T> {
    /// The gradient over the root of the mean of its squares, and that mean.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`.
    #[inline(always)]
    unsafe fn scaled<S: Simd<T = T>>(self, grad: S::V, parameter: S::V, mean_square: S::V) -> (S::V, S::V) {
        unsafe {
            let grad = S::fma(S::splat(self.weight_decay), parameter, grad);
            let square = S::mul(S::mul(S::splat(self.fresh), grad), grad);
            let mean_square = S::fma(S::splat(self.alpha), mean_square, square);
            (S::div(grad, S::add(S::sqrt(mean_square), S::splat(self.eps))), mean_square)
        }
    }
}

/// Parameter, mean of squares and gradient.
impl<T: Scalar> Formula<T, 1, 2> for RmsProp<T> {
    const UPDATES: bool = true;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [grad]: [S::V; 1], [parameter, mean_square]: [S::V; 2]) -> [S::V; 2] {
        unsafe {
            let (scaled, mean_square) = self.scaled::<S>(grad, parameter, mean_square);
            [S::fnma(S::splat(self.lr), scaled, parameter), mean_square]
        }
    }
}

/// Parameter, mean of squares, velocity and gradient.
impl<T: Scalar> Formula<T, 1, 3> for RmsProp<T> {
    const UPDATES: bool = true;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(
        self,
        [grad]: [S::V; 1],
        [parameter, mean_square, velocity]: [S::V; 3],
    ) -> [S::V; 3] {
        unsafe {
            let (scaled, mean_square) = self.scaled::<S>(grad, parameter, mean_square);
            let velocity = S::fma(S::splat(self.momentum), velocity, scaled);
            [S::fnma(S::splat(self.lr), velocity, parameter), mean_square, velocity]
        }
    }
}

/// Parameter, sum of squares and gradient.
impl<T: Scalar> Formula<T, 1, 2> for Adagrad<T> {
    const UPDATES: bool = true;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, [grad]: [S::V; 1], [parameter, square_sum]: [S::V; 2]) -> [S::V; 2] {
        unsafe {
            let grad = S::fma(S::splat(self.weight_decay), parameter, grad);
            let square_sum = S::fma(grad, grad, square_sum);
            let scale = S::add(S::sqrt(square_sum), S::splat(self.eps));
            [S::fnma(S::splat(self.lr), S::div(grad, scale), parameter), square_sum]
        }
    }
}
