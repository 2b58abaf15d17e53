//! The arithmetic of the two kinds of gated recurrent unit.

#![allow(unsafe_code)]

use crate::math::{sigmoid, tanh};
use crate::recurrent::kernel::Operand;
use crate::recurrent::layout::{GRU_RESET_AFTER, GRU_RESET_BEFORE, Layout};
use crate::recurrent::steps::kernel::{Cell, Finish, Step, Unit};
use crate::scalar::Scalar;
use crate::simd::Simd;

/// The slots are q, r, z, and n's share of x, then n; their gradients take the same places.
#[derive(Clone, Copy)]
pub struct ResetAfter;

/// The slots are r, z, n; `extra` is `r h_(t-1)`.
#[derive(Clone, Copy)]
pub struct ResetBefore;

struct Forward;
struct Backward;
struct ForwardGates;
struct ForwardCandidate;
struct BackwardCandidate;
struct BackwardReset;

impl<T: Scalar> Cell<T> for ResetAfter {
    const LAYOUT: &'static Layout = &GRU_RESET_AFTER;
    const EXTRA: bool = false;
    const CARRIES: bool = true;

    #[inline(always)]
    unsafe fn forward<S: Simd<T = T>>(&self, step: &Step<'_, T>) {
        unsafe { step.forward::<S, _>(0, 0, step.h_prev, &Forward) }
    }

    #[inline(always)]
    unsafe fn backward<S: Simd<T = T>>(&self, step: &Step<'_, T>) {
        unsafe {
            let operand = Operand::slots(step.next, step.panel, &step.runs[0]);
            step.backward::<S, _>(0, step.seed, operand, step.continued, &Backward);
        }
    }
}

impl<T: Scalar> Finish<T> for Forward {
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>>(&self, z: *const T, at: &Unit<T>) {
        unsafe {
            let q = S::load(z);
            let r = sigmoid::<S>(S::load(z.add(S::LANES)));
            let z = sigmoid::<S>(S::load(z.add(2 * S::LANES)));
            let n = tanh::<S>(S::fma(r, q, S::load(at.gates.add(3 * S::LANES))));
            S::store(at.h, S::fma(z, S::sub(S::load(at.h_prev), n), n));
            S::store(at.gates, q);
            S::store(at.gates.add(S::LANES), r);
            S::store(at.gates.add(2 * S::LANES), z);
            S::store(at.gates.add(3 * S::LANES), n);
        }
    }
}

impl<T: Scalar> Finish<T> for Backward {
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>>(&self, dh: *const T, at: &Unit<T>) {
        unsafe {
            let (dh, h_prev) = (S::load(dh), S::load(at.h_prev));
            let (q, r) = (S::load(at.gates), S::load(at.gates.add(S::LANES)));
            let (z, n) = (S::load(at.gates.add(2 * S::LANES)), S::load(at.gates.add(3 * S::LANES)));
            let dz_n = S::mul(S::fnma(dh, z, dh), S::fnma(n, n, S::splat(T::ONE)));
            S::store(at.seed, S::mul(dh, z));
            S::store(at.gates, S::mul(dz_n, r));
            S::store(at.gates.add(S::LANES), S::mul(S::mul(dz_n, q), S::fnma(r, r, r)));
            S::store(at.gates.add(2 * S::LANES), S::mul(S::mul(dh, S::sub(h_prev, n)), S::fnma(z, z, z)));
            S::store(at.gates.add(3 * S::LANES), dz_n);
        }
    }
}

impl<T: Scalar> Cell<T> for ResetBefore {
    const LAYOUT: &'static Layout = &GRU_RESET_BEFORE;
    const EXTRA: bool = true;
    const CARRIES: bool = true;

    #[inline(always)]
    unsafe fn forward<S: Simd<T = T>>(&self, step: &Step<'_, T>) {
        unsafe {
            step.forward::<S, _>(0, 0, step.h_prev, &ForwardGates);
            step.member.meet();
            step.forward::<S, _>(1, 2, step.extra, &ForwardCandidate);
        }
    }

    #[inline(always)]
    unsafe fn backward<S: Simd<T = T>>(&self, step: &Step<'_, T>) {
        unsafe {
            let next = Operand::slots(step.next, step.panel, &step.runs[0]);
            step.backward::<S, _>(0, step.seed, next, step.continued, &BackwardCandidate);
            step.member.meet();
            let here = Operand::slots(step.gates, step.panel, &step.runs[1]);
            step.backward::<S, _>(1, std::ptr::null(), here, step.active, &BackwardReset);
        }
    }
}

impl<T: Scalar> Finish<T> for ForwardGates {
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>>(&self, z: *const T, at: &Unit<T>) {
        unsafe {
            let r = sigmoid::<S>(S::load(z));
            S::store(at.gates, r);
            S::store(at.gates.add(S::LANES), sigmoid::<S>(S::load(z.add(S::LANES))));
            S::store(at.extra, S::mul(r, S::load(at.h_prev)));
        }
    }
}

impl<T: Scalar> Finish<T> for ForwardCandidate {
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>>(&self, z: *const T, at: &Unit<T>) {
        unsafe {
            let n = tanh::<S>(S::load(z));
            let z = S::load(at.gates.add(S::LANES));
            S::store(at.h, S::fma(z, S::sub(S::load(at.h_prev), n), n));
            S::store(at.gates.add(2 * S::LANES), n);
        }
    }
}

impl<T: Scalar> Finish<T> for BackwardCandidate {
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>>(&self, dh: *const T, at: &Unit<T>) {
        unsafe {
            let (dh, h_prev) = (S::load(dh), S::load(at.h_prev));
            let (z, n) = (S::load(at.gates.add(S::LANES)), S::load(at.gates.add(2 * S::LANES)));
            S::store(at.seed, S::mul(dh, z));
            S::store(at.gates.add(S::LANES), S::mul(S::mul(dh, S::sub(h_prev, n)), S::fnma(z, z, z)));
            S::store(at.gates.add(2 * S::LANES), S::mul(S::fnma(dh, z, dh), S::fnma(n, n, S::splat(T::ONE))));
        }
    }
}

impl<T: Scalar> Finish<T> for BackwardReset {
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>>(&self, e: *const T, at: &Unit<T>) {
        unsafe {
            let (e, r) = (S::load(e), S::load(at.gates));
            S::store(at.seed, S::fma(e, r, S::load(at.seed)));
            S::store(at.gates, S::mul(S::mul(e, S::load(at.h_prev)), S::fnma(r, r, r)));
        }
    }
}
