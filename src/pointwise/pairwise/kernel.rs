//! The losses of single elements and their slopes: one vector at a time, and the loops over them.

#![allow(unsafe_code)]

// SAFETY: the unsafe blocks of the formulas call methods of `Simd` on registers alone; the caller of each function vouches
// for the instruction set.

use crate::math;
use crate::pointwise::lines::kernel::{first_lanes, lane_numbers};
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, run};

/// Vectors that are added up in the element type before their sum is added to the total in float64.
const RUN: usize = 32;

/// A loss of one element, of `N` operands: the prediction, the target, and what weighs them.
pub trait ElementLoss<T: Scalar, const N: usize>: Copy + Send + Sync {
    /// Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`.
    unsafe fn loss<S: Simd<T = T>>(self, operands: [S::V; N]) -> S::V;

    /// The derivative with respect to the prediction. Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`.
    unsafe fn slope<S: Simd<T = T>>(self, operands: [S::V; N]) -> S::V;
}

/// `(x - t)^2`.
#[derive(Clone, Copy)]
pub struct Squared;

impl<T: Scalar> ElementLoss<T, 2> for Squared {
    #[inline(always)]
    unsafe fn loss<S: Simd<T = T>>(self, [x, target]: [S::V; 2]) -> S::V {
        unsafe {
            let difference = S::sub(x, target);
            S::mul(difference, difference)
        }
    }

    #[inline(always)]
    unsafe fn slope<S: Simd<T = T>>(self, [x, target]: [S::V; 2]) -> S::V {
        unsafe {
            let difference = S::sub(x, target);
            S::add(difference, difference)
        }
    }
}

/// `|x - t|`.
#[derive(Clone, Copy)]
pub struct Absolute;

impl<T: Scalar> ElementLoss<T, 2> for Absolute {
    #[inline(always)]
    unsafe fn loss<S: Simd<T = T>>(self, [x, target]: [S::V; 2]) -> S::V {
        unsafe { S::abs(S::sub(x, target)) }
    }

    // 0 at the kink, and NaN where the difference is.
    #[inline(always)]
    unsafe fn slope<S: Simd<T = T>>(self, [x, target]: [S::V; 2]) -> S::V {
        unsafe {
            let difference = S::sub(x, target);
            let as_it_is = S::or(S::eq(difference, S::zero()), S::is_nan(difference));
            S::select(as_it_is, difference, S::copysign(S::splat(T::ONE), difference))
        }
    }
}

/// `(x - t)^2 / 2` up to a distance of delta, and from there on `delta (|x - t| - delta / 2)`.
#[derive(Clone, Copy)]
pub struct Huber<T>(pub T);

impl<T: Scalar> ElementLoss<T, 2> for Huber<T> {
    // With c = min(delta, d) both cases are c (d - c / 2). The constant comes first, so that NaN passes.
    #[inline(always)]
    unsafe fn loss<S: Simd<T = T>>(self, [x, target]: [S::V; 2]) -> S::V {
        unsafe {
            let distance = S::abs(S::sub(x, target));
            let near = S::min(S::splat(self.0), distance);
            S::mul(near, S::fnma(S::splat(T::from_f64(0.5)), near, distance))
        }
    }

    #[inline(always)]
    unsafe fn slope<S: Simd<T = T>>(self, [x, target]: [S::V; 2]) -> S::V {
        unsafe { S::min(S::splat(self.0), S::max(S::splat(-self.0), S::sub(x, target))) }
    }
}

/// The cross-entropy of a logit with the probability t: `(1 - t) ln(1 + e^x) + t ln(1 + e^-x)`.
#[derive(Clone, Copy)]
pub struct Logistic;

impl<T: Scalar> ElementLoss<T, 2> for Logistic {
    #[inline(always)]
    unsafe fn loss<S: Simd<T = T>>(self, [x, target]: [S::V; 2]) -> S::V {
        unsafe { logistic_loss::<S>(x, target, target) }
    }

    #[inline(always)]
    unsafe fn slope<S: Simd<T = T>>(self, [x, target]: [S::V; 2]) -> S::V {
        unsafe { logistic_slope::<S>(x, target, target) }
    }
}

/// The same with a weight for each element and one for its positive share: `w ((1 - t) ln(1 + e^x) + p t ln(1 + e^-x))`.
#[derive(Clone, Copy)]
pub struct WeightedLogistic;

impl<T: Scalar> ElementLoss<T, 4> for WeightedLogistic {
    #[inline(always)]
    unsafe fn loss<S: Simd<T = T>>(self, [x, target, weight, positive]: [S::V; 4]) -> S::V {
        unsafe { S::mul(weight, logistic_loss::<S>(x, target, S::mul(positive, target))) }
    }

    #[inline(always)]
    unsafe fn slope<S: Simd<T = T>>(self, [x, target, weight, positive]: [S::V; 4]) -> S::V {
        unsafe { S::mul(weight, logistic_slope::<S>(x, target, S::mul(positive, target))) }
    }
}

/// `(1 - t) ln(1 + e^x) + goal ln(1 + e^-x)`. Each logarithm is `max(+-x, 0) + ln(1 + e^-|x|)`: nothing overflows, and no
/// near numbers are subtracted.
#[inline(always)]
unsafe fn logistic_loss<S: Simd>(x: S::V, target: S::V, goal: S::V) -> S::V {
    unsafe {
        let minus = S::sub(S::zero(), x);
        let e = math::exp_of_negative::<S>(S::copysign(x, S::splat(-S::T::ONE)));
        let rest = math::log1p_of_unit::<S>(e);
        let (above, below) = (S::add(S::max(S::zero(), x), rest), S::add(S::max(S::zero(), minus), rest));
        S::fma(S::sub(S::splat(S::T::ONE), target), above, S::mul(goal, below))
    }
}

/// `(1 - t) sigmoid(x) - goal sigmoid(-x)`: no difference of near numbers in either tail.
#[inline(always)]
unsafe fn logistic_slope<S: Simd>(x: S::V, target: S::V, goal: S::V) -> S::V {
    unsafe {
        let missing = math::sigmoid::<S>(S::sub(S::zero(), x));
        let rest = S::sub(S::splat(S::T::ONE), target);
        S::fnma(goal, missing, S::mul(rest, math::sigmoid::<S>(x)))
    }
}

/// # Safety
/// The processor has the instruction set of `S`; each operand has `at + min(n, LANES)` elements.
#[inline(always)]
unsafe fn load<S: Simd, const N: usize>(operands: [&[S::T]; N], at: usize, n: usize) -> [S::V; N] {
    unsafe {
        let mut vectors = [S::zero(); N];
        for k in 0..N {
            vectors[k] = S::load_up_to(operands[k].as_ptr().add(at), n);
        }
        vectors
    }
}

fn assert_one_length<T, const N: usize>(operands: [&[T]; N], len: usize) {
    assert!(operands.iter().all(|operand| operand.len() == len), "arrays of one length");
}

/// The sum of the losses.
pub fn sum<T: Scalar, L: ElementLoss<T, N>, const N: usize>(loss: L, operands: [&[T]; N]) -> f64 {
    let len = operands[0].len();
    assert_one_length(operands, len);
    // SAFETY: just checked.
    unsafe { run(Sum { loss, operands, len }) }
}

struct Sum<'a, T, L, const N: usize> {
    loss: L,
    operands: [&'a [T]; N],
    len: usize,
}

impl<T: Scalar, L: ElementLoss<T, N>, const N: usize> Kernel<T> for Sum<'_, T, L, N> {
    type Output = f64;

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) -> f64 {
        let (mut total, mut at) = (0.0, 0);
        // SAFETY: at most `len - at` elements are read from each operand.
        unsafe {
            let lanes = lane_numbers::<S>();
            while at < self.len {
                let end = self.len.min(at + RUN * S::LANES);
                let mut part = S::zero();
                while at < end {
                    let n = end - at;
                    let losses = self.loss.loss::<S>(load::<S, N>(self.operands, at, n));
                    part = S::add(part, first_lanes::<S>(lanes, n, losses, S::zero()));
                    at += S::LANES;
                }
                total += S::sum(part).to_f64();
                at = end;
            }
        }
        total
    }
}

/// The loss of each element.
pub fn each<T: Scalar, L: ElementLoss<T, N>, const N: usize>(loss: L, operands: [&[T]; N], losses: &mut [T]) {
    assert_one_length(operands, losses.len());
    // SAFETY: just checked.
    unsafe { run(Each { loss, operands, losses }) }
}

struct Each<'a, T, L, const N: usize> {
    loss: L,
    operands: [&'a [T]; N],
    losses: &'a mut [T],
}

impl<T: Scalar, L: ElementLoss<T, N>, const N: usize> Kernel<T> for Each<'_, T, L, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        for at in (0..self.losses.len()).step_by(S::LANES) {
            let n = self.losses.len() - at;
            // SAFETY: at most `n` elements are read and written.
            unsafe {
                let losses = self.loss.loss::<S>(load::<S, N>(self.operands, at, n));
                S::store_up_to(self.losses.as_mut_ptr().add(at), n, losses);
            }
        }
    }
}

/// `dx = dy slope`: `dy` holds one number, or one for each element.
pub fn slope<T: Scalar, L: ElementLoss<T, N>, const N: usize>(loss: L, dy: &[T], operands: [&[T]; N], dx: &mut [T]) {
    assert_one_length(operands, dx.len());
    assert!(dy.len() == 1 || dy.len() == dx.len(), "one slope, or one for each element");
    // SAFETY: just checked.
    unsafe { run(Slope { loss, dy, operands, dx }) }
}

struct Slope<'a, T, L, const N: usize> {
    loss: L,
    dy: &'a [T],
    operands: [&'a [T]; N],
    dx: &'a mut [T],
}

impl<T: Scalar, L: ElementLoss<T, N>, const N: usize> Kernel<T> for Slope<'_, T, L, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let one_for_each = self.dy.len() == self.dx.len();
        for at in (0..self.dx.len()).step_by(S::LANES) {
            let n = self.dx.len() - at;
            // SAFETY: at most `n` elements are read and written; a single slope is read as such.
            unsafe {
                let slope = self.loss.slope::<S>(load::<S, N>(self.operands, at, n));
                let dy = if one_for_each { S::load_up_to(self.dy.as_ptr().add(at), n) } else { S::splat(self.dy[0]) };
                S::store_up_to(self.dx.as_mut_ptr().add(at), n, S::mul(dy, slope));
            }
        }
    }
}
