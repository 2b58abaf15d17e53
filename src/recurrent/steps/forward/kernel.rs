//! Steps forwards, and what they hand out.

#![allow(unsafe_code)]

use std::ops::Range;

use crate::recurrent::kernel::lanes_on;
use crate::recurrent::layout::{Frame, GatePanel};
use crate::recurrent::panels::kernel::Panels;
use crate::recurrent::plan::Plan;
use crate::recurrent::steps::kernel::{Cell, Step};
use crate::scalar::Scalar;
use crate::simd::{self, Isa, Kernel, Simd};
use crate::threads::{Member, SharedMut};

/// Bytes of a step of a block up to which it is handed out from the last place to the first: upwards, the lines that the processor
/// fetches ahead of the stores are those that another thread, with the places behind these, is about to write. Beside a step of so
/// few lines that counts; longer ones are faster upwards.
const FEW_BYTES: usize = 2048;

/// Which rows the panels of gates and of states hold.
#[derive(Clone, Copy)]
pub enum Keep {
    /// All, for a backward call.
    Everything,
    /// The gates of the steps from `step` on and the last two states, of a block of `places` places.
    Window { step: usize, places: usize },
}

impl Keep {
    /// The row of gates of step `s` at place `first + i`.
    #[inline(always)]
    pub fn gates(self, plan: &Plan, s: usize, first: usize, i: usize) -> usize {
        match self {
            Keep::Everything => plan.row(s, first + i),
            Keep::Window { step, places } => (s - step) * places + i,
        }
    }

    /// The row of the state before step `s` at place `first`.
    #[inline(always)]
    fn state(self, plan: &Plan, s: usize, first: usize) -> usize {
        match self {
            Keep::Everything => plan.state(s, first),
            Keep::Window { places, .. } => s % 2 * places,
        }
    }
}

/// Some steps of a block of places, forwards, and what they write. No other task may touch these places.
pub struct Forward<'a, T, C> {
    pub isa: Isa,
    pub plan: &'a Plan,
    pub frame: &'a Frame,
    pub cell: &'a C,
    pub panels: &'a [Panels<'a, T>],
    pub places: Range<usize>,
    pub steps: Range<usize>,
    pub keep: Keep,
    /// Holds what x contributes.
    pub gates: SharedMut<'a, T>,
    pub panel: GatePanel,
    pub h: SharedMut<'a, T>,
    /// As large as `h`, or empty.
    pub extra: SharedMut<'a, T>,
    pub h_0: Option<&'a [T]>,
    pub c_0: Option<&'a [T]>,
    pub y: SharedMut<'a, T>,
    pub h_n: SharedMut<'a, T>,
    pub c_n: Option<SharedMut<'a, T>>,
    /// Its members have different blocks of units of the same places.
    pub member: &'a Member<'a>,
}

impl<T: Scalar, C: Cell<T>> Forward<'_, T, C> {
    pub fn run(self) {
        let (isa, frame, plan) = (self.isa, self.frame, self.plan);
        assert!(lanes_on::<T>(isa) == frame.lanes && self.places.end <= plan.batch());
        assert!(self.steps.end <= plan.steps() && self.h_n.len() == plan.batch() * frame.hidden);
        let (gates, states) = match self.keep {
            Keep::Everything => (plan.rows(), plan.batch() + plan.rows()),
            Keep::Window { places, .. } => (self.steps.len() * places, 2 * places),
        };
        assert!(self.gates.len() >= self.panel.reach(frame, gates) && self.h.len() >= states * frame.state());
        assert!(!C::EXTRA || self.extra.len() >= states * frame.state());
        for (panels, slots) in self.panels.iter().zip(C::LAYOUT.hidden) {
            let shape = &panels.shape;
            assert!(shape.depth == frame.hidden && shape.per_unit == slots.gates.len());
            assert!(shape.groups.whole == frame.vectors && shape.groups.count == frame.blocks.count);
            assert!(panels.data.len() >= shape.len(frame.lanes));
        }
        assert!(self.panels.len() == C::LAYOUT.hidden.len());
        // SAFETY: the asserts above; the caller keeps other tasks away from the places.
        unsafe { simd::run_on(isa, self) }
    }

    /// The blocks of units of this member.
    fn share(&self) -> Range<usize> {
        self.member.share(self.frame.blocks.count)
    }

    /// The rows of states that the first step starts from, and the final states of sequences without steps.
    #[inline(always)]
    unsafe fn start(&self) {
        unsafe {
            let first = self.places.start;
            let row = self.keep.state(self.plan, 0, first);
            for i in 0..self.places.len() {
                let sequence = self.plan.sequence(first + i);
                self.copy_state(self.h, self.h_0, row + i, sequence);
                self.hand_out(self.h, row + i, self.h_n, sequence);
                if let Some(c_n) = self.c_n {
                    self.copy_state(self.extra, self.c_0, row + i, sequence);
                    self.hand_out(self.extra, row + i, c_n, sequence);
                }
            }
        }
    }

    /// Initial state `sequence` to a row of a panel, zeros behind it: the units of this member.
    #[inline(always)]
    unsafe fn copy_state(&self, panel: SharedMut<'_, T>, initial: Option<&[T]>, row: usize, sequence: usize) {
        let (frame, share) = (self.frame, self.share());
        let (units, vectors) = (frame.block_units(&share), frame.block_vectors(&share));
        let start = row * frame.state() + vectors.start * frame.lanes;
        let row = unsafe { panel.slice(start, vectors.len() * frame.lanes) };
        row.fill(T::ZERO);
        if let Some(initial) = initial {
            row[..units.len()].copy_from_slice(&initial[sequence * frame.hidden..][units]);
        }
    }

    /// A row of a panel to row `to_row` of an output: the units of this member.
    #[inline(always)]
    unsafe fn hand_out(&self, panel: SharedMut<'_, T>, row: usize, to: SharedMut<'_, T>, to_row: usize) {
        unsafe {
            let units = self.frame.block_units(&self.share());
            let from = panel.slice(row * self.frame.state() + units.start, units.len());
            to.slice(to_row * self.frame.hidden + units.start, units.len()).copy_from_slice(from);
        }
    }

    /// Hands out the states behind step `s`, which begin at row `state`.
    #[inline(always)]
    unsafe fn write(&self, s: usize, active: usize, state: usize) {
        unsafe {
            let plan = self.plan;
            let backwards = active * self.frame.hidden * size_of::<T>() <= FEW_BYTES;
            for i in 0..active {
                let i = if backwards { active - 1 - i } else { i };
                let place = self.places.start + i;
                let sequence = plan.sequence(place);
                self.hand_out(self.h, state + i, self.y, plan.time(s, place) * plan.batch() + sequence);
                if s + 1 == plan.length(place) {
                    self.hand_out(self.h, state + i, self.h_n, sequence);
                    if let Some(c_n) = self.c_n {
                        self.hand_out(self.extra, state + i, c_n, sequence);
                    }
                }
            }
        }
    }
}

impl<T: Scalar, C: Cell<T>> Kernel<T> for Forward<'_, T, C> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let (frame, plan, first) = (self.frame, self.plan, self.places.start);
            if self.steps.start == 0 {
                self.start();
                self.member.meet();
            }
            for s in self.steps.clone() {
                let active = plan.active(s).clamp(first, self.places.end) - first;
                let before = self.keep.state(plan, s, first);
                let after = self.keep.state(plan, s + 1, first);
                let state = frame.state();
                self.cell.forward::<S>(&Step {
                    isa: self.isa,
                    frame,
                    panels: self.panels,
                    gates: self
                        .gates
                        .as_mut_ptr()
                        .wrapping_add(self.keep.gates(plan, s, first, 0) * self.panel.row_stride),
                    panel: self.panel,
                    runs: &[],
                    far: false,
                    h_prev: self.h.as_mut_ptr().wrapping_add(before * state),
                    h: self.h.as_mut_ptr().wrapping_add(after * state),
                    extra_prev: self.extra.as_mut_ptr().wrapping_add(before * state),
                    extra: self.extra.as_mut_ptr().wrapping_add(after * state),
                    seed: std::ptr::null_mut(),
                    carry: std::ptr::null_mut(),
                    next: std::ptr::null(),
                    continued: 0,
                    active,
                    share: self.share(),
                    member: self.member,
                });
                self.write(s, active, after);
                self.member.meet();
            }
        }
    }
}
