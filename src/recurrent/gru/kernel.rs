//! The arithmetic of the two kinds of gated recurrent unit.

#![allow(unsafe_code)]

use crate::math::{sigmoid, tanh};
use crate::recurrent::layout::{GRU_RESET_AFTER, GRU_RESET_BEFORE, Layout};
use crate::recurrent::operand::Operand;
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
    unsafe fn finish<S: Simd<T = T>, const PARTIAL: bool>(&self, z: *const T, at: &Unit<T>) {
        unsafe {
            let q = at.slot::<S, PARTIAL>(z, 0);
            let r = sigmoid::<S>(at.slot::<S, PARTIAL>(z, 1));
            let z = sigmoid::<S>(at.slot::<S, PARTIAL>(z, 2));
            let n = tanh::<S>(S::fma(r, q, at.gate::<S, PARTIAL>(3)));
            S::store(at.h, S::fma(z, S::sub(S::load(at.h_prev), n), n));
            at.set_gate::<S, PARTIAL>(0, q);
            at.set_gate::<S, PARTIAL>(1, r);
            at.set_gate::<S, PARTIAL>(2, z);
            at.set_gate::<S, PARTIAL>(3, n);
        }
    }
}

impl<T: Scalar> Finish<T> for Backward {
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>, const PARTIAL: bool>(&self, dh: *const T, at: &Unit<T>) {
        unsafe {
            let (dh, h_prev) = (S::load(dh), S::load(at.h_prev));
            let (q, r) = (at.gate::<S, PARTIAL>(0), at.gate::<S, PARTIAL>(1));
            let (z, n) = (at.gate::<S, PARTIAL>(2), at.gate::<S, PARTIAL>(3));
            let dz_n = S::mul(S::fnma(dh, z, dh), S::fnma(n, n, S::splat(T::ONE)));
            S::store(at.seed, S::mul(dh, z));
            at.set_gate::<S, PARTIAL>(0, S::mul(dz_n, r));
            at.set_gate::<S, PARTIAL>(1, S::mul(S::mul(dz_n, q), S::fnma(r, r, r)));
            at.set_gate::<S, PARTIAL>(2, S::mul(S::mul(dh, S::sub(h_prev, n)), S::fnma(z, z, z)));
            at.set_gate::<S, PARTIAL>(3, dz_n);
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
    unsafe fn finish<S: Simd<T = T>, const PARTIAL: bool>(&self, z: *const T, at: &Unit<T>) {
        unsafe {
            let r = sigmoid::<S>(at.slot::<S, PARTIAL>(z, 0));
            at.set_gate::<S, PARTIAL>(0, r);
            at.set_gate::<S, PARTIAL>(1, sigmoid::<S>(at.slot::<S, PARTIAL>(z, 1)));
            S::store(at.extra, S::mul(r, S::load(at.h_prev)));
        }
    }
}

impl<T: Scalar> Finish<T> for ForwardCandidate {
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>, const PARTIAL: bool>(&self, z: *const T, at: &Unit<T>) {
        unsafe {
            let n = tanh::<S>(at.slot::<S, PARTIAL>(z, 0));
            let z = at.gate::<S, PARTIAL>(1);
            S::store(at.h, S::fma(z, S::sub(S::load(at.h_prev), n), n));
            at.set_gate::<S, PARTIAL>(2, n);
        }
    }
}

impl<T: Scalar> Finish<T> for BackwardCandidate {
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>, const PARTIAL: bool>(&self, dh: *const T, at: &Unit<T>) {
        unsafe {
            let (dh, h_prev) = (S::load(dh), S::load(at.h_prev));
            let (z, n) = (at.gate::<S, PARTIAL>(1), at.gate::<S, PARTIAL>(2));
            S::store(at.seed, S::mul(dh, z));
            at.set_gate::<S, PARTIAL>(1, S::mul(S::mul(dh, S::sub(h_prev, n)), S::fnma(z, z, z)));
            at.set_gate::<S, PARTIAL>(2, S::mul(S::fnma(dh, z, dh), S::fnma(n, n, S::splat(T::ONE))));
        }
    }
}

impl<T: Scalar> Finish<T> for BackwardReset {
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>, const PARTIAL: bool>(&self, e: *const T, at: &Unit<T>) {
        unsafe {
            let (e, r) = (S::load(e), at.gate::<S, PARTIAL>(0));
            S::store(at.seed, S::fma(e, r, S::load(at.seed)));
            at.set_gate::<S, PARTIAL>(0, S::mul(S::mul(e, S::load(at.h_prev)), S::fnma(r, r, r)));
        }
    }
}
