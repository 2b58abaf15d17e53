//! The arithmetic of an LSTM cell.

#![allow(unsafe_code)]

use crate::math::{sigmoid, tanh};
use crate::recurrent::layout::{LSTM, Layout};
use crate::recurrent::operand::Operand;
use crate::recurrent::steps::kernel::{Cell, Finish, Step, Unit};
use crate::scalar::Scalar;
use crate::simd::Simd;

#[derive(Clone, Copy)]
pub struct Lstm<'a, T> {
    peepholes: Option<[&'a [T]; 3]>,
}

impl<'a, T> Lstm<'a, T> {
    /// `peepholes` are those of the gates i, f, o, as long as a row of states; none if there are no elements.
    pub fn new(peepholes: &'a [T]) -> Self {
        if peepholes.is_empty() {
            return Lstm { peepholes: None };
        }
        let (i, rest) = peepholes.split_at(peepholes.len() / 3);
        let (f, o) = rest.split_at(i.len());
        Lstm { peepholes: Some([i, f, o]) }
    }

    /// `z + p c` for the peepholes of one gate.
    #[inline(always)]
    unsafe fn peep<S: Simd<T = T>>(&self, gate: usize, at: &Unit<T>, c: S::V, z: S::V) -> S::V {
        unsafe {
            match self.peepholes {
                Some(peepholes) => S::fma(S::load(peepholes[gate].as_ptr().add(at.first)), c, z),
                None => z,
            }
        }
    }
}

struct Forward<'a, T>(Lstm<'a, T>);
struct Backward<'a, T>(Lstm<'a, T>);

impl<T: Scalar> Cell<T> for Lstm<'_, T> {
    const LAYOUT: &'static Layout = &LSTM;
    const EXTRA: bool = true;
    const CARRIES: bool = false;

    #[inline(always)]
    unsafe fn forward<S: Simd<T = T>>(&self, step: &Step<'_, T>) {
        unsafe { step.forward::<S, _>(0, 0, step.h_prev, &Forward(*self)) }
    }

    #[inline(always)]
    unsafe fn backward<S: Simd<T = T>>(&self, step: &Step<'_, T>) {
        unsafe {
            let operand = Operand::slots(step.next, step.panel, &step.runs[0]);
            step.backward::<S, _>(0, step.seed, operand, step.continued, &Backward(*self));
        }
    }
}

impl<T: Scalar> Finish<T> for Forward<'_, T> {
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>, const PARTIAL: bool>(&self, z: *const T, at: &Unit<T>) {
        unsafe {
            let c_prev = S::load(at.extra_prev);
            let i = sigmoid::<S>(self.0.peep::<S>(0, at, c_prev, at.slot::<S, PARTIAL>(z, 0)));
            let f = sigmoid::<S>(self.0.peep::<S>(1, at, c_prev, at.slot::<S, PARTIAL>(z, 1)));
            let g = tanh::<S>(at.slot::<S, PARTIAL>(z, 2));
            let c = S::fma(f, c_prev, S::mul(i, g));
            let o = sigmoid::<S>(self.0.peep::<S>(2, at, c, at.slot::<S, PARTIAL>(z, 3)));
            S::store(at.h, S::mul(o, tanh::<S>(c)));
            S::store(at.extra, c);
            at.set_gate::<S, PARTIAL>(0, i);
            at.set_gate::<S, PARTIAL>(1, f);
            at.set_gate::<S, PARTIAL>(2, g);
            at.set_gate::<S, PARTIAL>(3, o);
        }
    }
}

impl<T: Scalar> Finish<T> for Backward<'_, T> {
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>, const PARTIAL: bool>(&self, dh: *const T, at: &Unit<T>) {
        unsafe {
            let (dh, one) = (S::load(dh), S::splat(T::ONE));
            let (i, f) = (at.gate::<S, PARTIAL>(0), at.gate::<S, PARTIAL>(1));
            let (g, o) = (at.gate::<S, PARTIAL>(2), at.gate::<S, PARTIAL>(3));
            let (c_prev, tanh_c) = (S::load(at.extra_prev), tanh::<S>(S::load(at.extra)));
            let dz_o = S::mul(S::mul(dh, tanh_c), S::fnma(o, o, o));
            let dc = S::fma(S::mul(dh, o), S::fnma(tanh_c, tanh_c, one), S::load(at.carry));
            let dc = self.0.peep::<S>(2, at, dz_o, dc);
            let dz_i = S::mul(S::mul(dc, g), S::fnma(i, i, i));
            let dz_f = S::mul(S::mul(dc, c_prev), S::fnma(f, f, f));
            let dz_g = S::mul(S::mul(dc, i), S::fnma(g, g, one));
            let dc_prev = self.0.peep::<S>(1, at, dz_f, self.0.peep::<S>(0, at, dz_i, S::mul(dc, f)));
            S::store(at.carry, dc_prev);
            at.set_gate::<S, PARTIAL>(0, dz_i);
            at.set_gate::<S, PARTIAL>(1, dz_f);
            at.set_gate::<S, PARTIAL>(2, dz_g);
            at.set_gate::<S, PARTIAL>(3, dz_o);
        }
    }
}
