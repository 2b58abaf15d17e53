//! Steps backwards.

#![allow(unsafe_code)]

use std::ops::Range;

use crate::recurrent::Sequence;
use crate::recurrent::ahead::FAR;
use crate::recurrent::ahead::kernel::line_of;
use crate::recurrent::kernel::lanes_on;
use crate::recurrent::layout::{Frame, GatePanel};
use crate::recurrent::operand::SlotRuns;
use crate::recurrent::panels::kernel::Panels;
use crate::recurrent::plan::Plan;
use crate::recurrent::steps::kernel::{Cell, Step};
use crate::scalar::Scalar;
use crate::simd::{self, Isa, Kernel, Simd};
use crate::threads::{Member, SharedMut};

/// Some steps of a block of places, backwards: the activations in `gates` become the gradients of the gates. No other task may
/// touch these places.
pub struct Backward<'a, T, C> {
    pub isa: Isa,
    pub plan: &'a Plan,
    pub frame: &'a Frame,
    pub cell: &'a C,
    pub panels: &'a [Panels<'a, T>],
    pub places: Range<usize>,
    pub steps: Range<usize>,
    pub gates: SharedMut<'a, T>,
    pub panel: GatePanel,
    pub h: &'a [T],
    pub extra: &'a [T],
    pub dy: Option<&'a Sequence<'a, T>>,
    /// One row of states per place: the gradients of the final states; afterwards those of the initial ones, but for what
    /// reaches them through the products.
    pub seed: SharedMut<'a, T>,
    pub carry: SharedMut<'a, T>,
    /// Its members have different groups of units of the same places.
    pub member: &'a Member<'a>,
}

impl<T: Scalar, C: Cell<T>> Backward<'_, T, C> {
    pub fn run(self) {
        let (isa, frame, plan) = (self.isa, self.frame, self.plan);
        assert!(lanes_on::<T>(isa) == frame.lanes && self.places.end <= plan.batch());
        let states = (plan.batch() + plan.rows()) * frame.state();
        assert!(self.steps.end <= plan.steps());
        assert!(self.gates.len() >= self.panel.reach(frame, plan.rows()) && self.h.len() >= states);
        assert!(!C::EXTRA || self.extra.len() >= states);
        assert!(self.seed.len() >= plan.batch() * frame.state() && self.carry.len() >= plan.batch() * frame.state());
        for (panels, slots) in self.panels.iter().zip(C::LAYOUT.hidden) {
            let shape = &panels.shape;
            assert!(shape.depth == frame.hidden * slots.gates.len());
            assert!(shape.groups.whole == frame.vectors && shape.per_unit == 1);
            assert!(panels.data.len() >= shape.len(frame.lanes));
        }
        assert!(self.panels.len() == C::LAYOUT.hidden.len());
        // SAFETY: the asserts above; the caller keeps other tasks away from the places.
        unsafe { simd::run_on(isa, self) }
    }

    /// The groups of units of this member.
    fn share(&self) -> Range<usize> {
        self.member.share(self.panels[0].shape.groups.count)
    }

    /// Whether what a step reads has left the caches near the core since it was written.
    fn far(&self) -> bool {
        size_of::<T>() * self.gates.len() >= FAR
    }

    /// Brings dy into the rows that the gradients of the states start from; the first `continued` rows are spent, unless the
    /// cell left something in them.
    #[inline(always)]
    unsafe fn seed<S: Simd<T = T>>(&self, s: usize, active: usize, continued: usize) {
        unsafe {
            let (state, shape) = (self.frame.state(), &self.panels[0].shape);
            let share = self.share();
            let (start, end) = (shape.groups.start(share.start) * S::LANES, shape.groups.start(share.end) * S::LANES);
            for i in 0..active {
                let (place, hidden) = (self.places.start + i, self.frame.hidden);
                let row = self.seed.as_mut_ptr().wrapping_add(place * state);
                let add = C::CARRIES || i >= continued;
                match self.dy {
                    Some(dy) => {
                        if s > self.steps.start && self.far() {
                            let ahead = dy.row(self.plan.time(s - 1, place), self.plan.sequence(place)).as_ptr();
                            for unit in (start..end.min(hidden)).step_by(line_of::<T>()) {
                                S::prefetch(ahead.wrapping_add(unit));
                            }
                        }
                        let dy = dy.row(self.plan.time(s, place), self.plan.sequence(place)).as_ptr();
                        for unit in (start..end.min(hidden)).step_by(S::LANES) {
                            let v = S::load_up_to(dy.wrapping_add(unit), hidden - unit);
                            let to = row.add(unit);
                            S::store(to, if add { S::add(S::load(to), v) } else { v });
                        }
                    }
                    None if add => {}
                    None => std::slice::from_raw_parts_mut(row.add(start), end - start).fill(T::ZERO),
                }
            }
        }
    }
}

impl<T: Scalar, C: Cell<T>> Kernel<T> for Backward<'_, T, C> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let (frame, plan, first) = (self.frame, self.plan, self.places.start);
            let (row, state) = (self.panel.row_stride, frame.state());
            let active = |s| plan.active(s).clamp(first, self.places.end) - first;
            let mut runs = [SlotRuns::default(); 2];
            for (runs, slots) in runs.iter_mut().zip(C::LAYOUT.hidden) {
                *runs = SlotRuns::new(frame, slots, self.panel);
            }
            let mut continued = active(self.steps.end);
            for s in self.steps.clone().rev() {
                let active = active(s);
                self.seed::<S>(s, active, continued);
                let here = plan.row(s, first);
                let (before, after) = (plan.state(s, first) * state, plan.state(s + 1, first) * state);
                let next = if continued > 0 { plan.row(s + 1, first) } else { 0 };
                self.cell.backward::<S>(&Step {
                    isa: self.isa,
                    frame,
                    panels: self.panels,
                    gates: self.gates.as_mut_ptr().wrapping_add(here * row),
                    panel: self.panel,
                    runs: &runs,
                    far: self.far(),
                    h_prev: self.h.as_ptr().wrapping_add(before),
                    h: std::ptr::null_mut(),
                    extra_prev: self.extra.as_ptr().wrapping_add(before),
                    extra: self.extra.as_ptr().wrapping_add(after).cast_mut(),
                    seed: self.seed.as_mut_ptr().wrapping_add(first * state),
                    carry: self.carry.as_mut_ptr().wrapping_add(first * state),
                    next: self.gates.as_mut_ptr().wrapping_add(next * row),
                    continued,
                    active,
                    share: self.share(),
                    member: self.member,
                });
                self.member.meet();
                continued = active;
            }
        }
    }
}
