//! The arithmetic of an Elman cell.

#![allow(unsafe_code)]

use crate::math::tanh;
use crate::recurrent::layout::{ELMAN, Layout};
use crate::recurrent::operand::Operand;
use crate::recurrent::steps::kernel::{Cell, Finish, Step, Unit};
use crate::scalar::Scalar;
use crate::simd::Simd;

#[derive(Clone, Copy)]
pub struct Elman {
    pub relu: bool,
}

struct Forward(bool);
struct Backward(bool);

impl<T: Scalar> Cell<T> for Elman {
    const LAYOUT: &'static Layout = &ELMAN;
    const EXTRA: bool = false;
    const CARRIES: bool = false;

    #[inline(always)]
    unsafe fn forward<S: Simd<T = T>>(&self, step: &Step<'_, T>) {
        unsafe { step.forward::<S, _>(0, 0, step.h_prev, &Forward(self.relu)) }
    }

    #[inline(always)]
    unsafe fn backward<S: Simd<T = T>>(&self, step: &Step<'_, T>) {
        unsafe {
            let operand = Operand::slots(step.next, step.panel, &step.runs[0]);
            step.backward::<S, _>(0, step.seed, operand, step.continued, &Backward(self.relu));
        }
    }
}

impl<T: Scalar> Finish<T> for Forward {
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>, const PARTIAL: bool>(&self, z: *const T, at: &Unit<T>) {
        unsafe {
            let z = S::load(z);
            // `max(0, z)` is `z` where `z` is NaN.
            let h = if self.0 { S::max(S::zero(), z) } else { tanh::<S>(z) };
            S::store(at.gates, h);
            S::store(at.h, h);
        }
    }
}

impl<T: Scalar> Finish<T> for Backward {
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>, const PARTIAL: bool>(&self, dh: *const T, at: &Unit<T>) {
        unsafe {
            let (dh, h) = (S::load(dh), S::load(at.gates));
            let dz = if self.0 {
                S::select(S::gt(h, S::zero()), dh, S::zero())
            } else {
                S::mul(dh, S::fnma(h, h, S::splat(T::ONE)))
            };
            S::store(at.gates, dz);
        }
    }
}
