//! The loops over time, shared by all cells: what a cell adds is its arithmetic on `LANES` units of one row ([`Finish`]) and
//! which products a step consists of ([`Cell`]).

#![allow(unsafe_code)]

use std::ops::Range;

use crate::recurrent::Sequence;
use crate::recurrent::kernel::{Buffer, Operand, STRIP_ROWS, Strip, lanes_on};
use crate::recurrent::layout::{Frame, Layout};
use crate::recurrent::panels::kernel::Panels;
use crate::recurrent::plan::Plan;
use crate::scalar::Scalar;
use crate::simd::{self, Isa, Kernel, Simd};
use crate::threads::{Member, SharedMut};

/// A recurrent cell.
pub trait Cell<T: Scalar>: Copy + Send + Sync {
    const LAYOUT: &'static Layout;
    /// Whether it keeps, besides the state, `extra` values per unit: the cell's state, or an operand of a product.
    const EXTRA: bool;
    /// Whether a part of the gradient of the state reaches the previous state past the weights.
    const CARRIES: bool;

    /// One step, from `h_prev` and what x contributed to the gates, to `h`.
    ///
    /// # Safety
    /// All pointers of `step` are valid for its active rows.
    unsafe fn forward<S: Simd<T = T>>(&self, step: &Step<'_, T>);

    /// One step back: from the gates of this step and the gradients of the next one's, to the gradients of this one's.
    ///
    /// # Safety
    /// As [`Cell::forward`].
    unsafe fn backward<S: Simd<T = T>>(&self, step: &Step<'_, T>);
}

/// The arithmetic of a cell on one vector of units, after the products.
pub trait Finish<T: Scalar> {
    /// `z` are the finished products.
    ///
    /// # Safety
    /// All pointers are valid for the vectors that the cell's layout gives them.
    unsafe fn finish<S: Simd<T = T>>(&self, z: *const T, at: &Unit<T>);
}

/// Where the values of one vector of units of one row lie.
pub struct Unit<T> {
    /// `slots` vectors; the others are one.
    pub gates: *mut T,
    pub h_prev: *const T,
    pub h: *mut T,
    pub extra_prev: *const T,
    pub extra: *mut T,
    /// What the gradient of the state starts from, at the previous step.
    pub seed: *mut T,
    /// The gradient of `extra`.
    pub carry: *mut T,
    /// The number of the first unit.
    pub first: usize,
}

/// One step of a block of adjacent places. Pointers are to the row of the first place; those that only one direction uses
/// are null in the other.
pub struct Step<'a, T> {
    pub isa: Isa,
    pub frame: &'a Frame,
    pub panels: &'a [Panels<'a, T>],
    pub gates: *mut T,
    pub h_prev: *const T,
    pub h: *mut T,
    pub extra_prev: *const T,
    pub extra: *mut T,
    pub seed: *mut T,
    pub carry: *mut T,
    /// The gates of the next step, and for how many rows there is one.
    pub next: *const T,
    pub continued: usize,
    pub active: usize,
    /// The groups of panels that this member of the team computes.
    pub share: Range<usize>,
    pub member: &'a Member<'a>,
}

impl<T: Scalar> Step<'_, T> {
    #[inline(always)]
    fn unit(&self, row: usize, v: usize) -> Unit<T> {
        let first = v * self.frame.lanes;
        let state = row * self.frame.state() + first;
        Unit {
            gates: self.gates.wrapping_add(row * self.frame.gates() + first * self.frame.slots),
            h_prev: self.h_prev.wrapping_add(state),
            h: self.h.wrapping_add(state),
            extra_prev: self.extra_prev.wrapping_add(state),
            extra: self.extra.wrapping_add(state),
            seed: self.seed.wrapping_add(state),
            carry: self.carry.wrapping_add(state),
            first,
        }
    }

    /// Adds `rows of operand * panels[part]` to the slots from `slot` on, and finishes every unit.
    ///
    /// # Safety
    /// As [`Cell::forward`]; `operand` has rows as long as a state.
    #[inline(always)]
    pub unsafe fn forward<S: Simd<T = T>, F: Finish<T>>(&self, part: usize, slot: usize, operand: *const T, cell: &F) {
        unsafe {
            let frame = self.frame;
            let mut buffer = Buffer::new();
            let operand = Operand::rows(operand, frame.state(), frame.hidden);
            let (panels, shape) = (&self.panels[part], &self.panels[part].shape);
            let mut block = self.share.start;
            while block < self.share.end {
                let units = shape.units_in(block);
                let (vectors, width) = (shape.vectors_in(block), units.len() * frame.slots * S::LANES);
                let pair = self.active == 1 && block + 1 < self.share.end && shape.vectors_in(block + 1) == vectors;
                for first in (0..self.active).step_by(STRIP_ROWS) {
                    let end = self.active.min(first + STRIP_ROWS);
                    let strip = Strip {
                        initial: self.unit(first, units.start).gates.wrapping_add(slot * S::LANES),
                        initial_row: frame.gates(),
                        operand: operand.at_row(first),
                        panel: panels.group(block, S::LANES),
                        buffer: buffer.start(),
                        rows: end - first,
                        vectors,
                        second: pair.then(|| [width, shape.group(block, S::LANES).len()]),
                    };
                    simd::run_on(self.isa, strip);
                    for row in first..end + usize::from(pair) {
                        for u in 0..units.len() {
                            let vector = (row - first) * vectors + u * shape.per_unit;
                            let z = buffer.start().add(vector * S::LANES);
                            let (row, v) = if pair { (0, row * units.len()) } else { (row, 0) };
                            cell.finish::<S>(z, &self.unit(row, units.start + v + u));
                        }
                    }
                }
                block += 1 + usize::from(pair);
            }
        }
    }

    /// `seed + operand * panels[part]` for the first `rows` rows, `seed` alone for the other active ones, and finishes every
    /// unit; a null `seed` is zeros.
    ///
    /// # Safety
    /// As [`Cell::backward`].
    #[inline(always)]
    pub unsafe fn backward<S: Simd<T = T>, F: Finish<T>>(
        &self,
        part: usize,
        seed: *const T,
        operand: Operand<T>,
        rows: usize,
        cell: &F,
    ) {
        unsafe {
            let frame = self.frame;
            let (panels, shape) = (&self.panels[part], &self.panels[part].shape);
            let mut buffer = Buffer::new();
            let mut group = self.share.start;
            while group < self.share.end {
                let (vectors, v) = (shape.vectors_in(group), shape.units_in(group).start);
                let next = group + 1;
                let pair = self.active == 1 && next < self.share.end && shape.vectors_in(next) == vectors;
                for (start, end) in [(0, rows), (rows, self.active)] {
                    for first in (start..end).step_by(STRIP_ROWS) {
                        let end = end.min(first + STRIP_ROWS);
                        let strip = Strip {
                            initial: if seed.is_null() { seed } else { self.unit(first, v).seed },
                            initial_row: frame.state(),
                            operand: if first < rows { operand.at_row(first) } else { operand.none() },
                            panel: panels.group(group, S::LANES),
                            buffer: buffer.start(),
                            rows: end - first,
                            vectors,
                            second: pair.then(|| [vectors * S::LANES, shape.group(group, S::LANES).len()]),
                        };
                        simd::run_on(self.isa, strip);
                        for row in first..end + usize::from(pair) {
                            for j in 0..vectors {
                                let z = buffer.start().add(((row - first) * vectors + j) * S::LANES);
                                let (row, v) = if pair { (0, v + row * vectors) } else { (row, v) };
                                cell.finish::<S>(z, &self.unit(row, v + j));
                            }
                        }
                    }
                }
                group += 1 + usize::from(pair);
            }
        }
    }
}

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
        assert!(self.gates.len() >= gates * frame.gates() && self.h.len() >= states * frame.state());
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
            for i in 0..active {
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
                    gates: self.gates.as_mut_ptr().wrapping_add(self.keep.gates(plan, s, first, 0) * frame.gates()),
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
        assert!(self.gates.len() >= plan.rows() * frame.gates() && self.h.len() >= states);
        assert!(!C::EXTRA || self.extra.len() >= states);
        assert!(self.seed.len() >= plan.batch() * frame.state() && self.carry.len() >= plan.batch() * frame.state());
        for (panels, slots) in self.panels.iter().zip(C::LAYOUT.hidden) {
            let shape = &panels.shape;
            assert!(shape.depth == frame.state() * slots.gates.len());
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
            let (gates, state) = (frame.gates(), frame.state());
            let active = |s| plan.active(s).clamp(first, self.places.end) - first;
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
                    gates: self.gates.as_mut_ptr().wrapping_add(here * gates),
                    h_prev: self.h.as_ptr().wrapping_add(before),
                    h: std::ptr::null_mut(),
                    extra_prev: self.extra.as_ptr().wrapping_add(before),
                    extra: self.extra.as_ptr().wrapping_add(after).cast_mut(),
                    seed: self.seed.as_mut_ptr().wrapping_add(first * state),
                    carry: self.carry.as_mut_ptr().wrapping_add(first * state),
                    next: self.gates.as_mut_ptr().wrapping_add(next * gates),
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
