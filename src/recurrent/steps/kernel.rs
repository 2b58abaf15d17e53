//! A step in time, shared by all cells: what a cell adds is its arithmetic on `LANES` units of one row ([`Finish`]) and
//! which products a step consists of ([`Cell`]).

#![allow(unsafe_code)]

use std::ops::Range;

use crate::recurrent::ahead::kernel::{Soon, Spacing};
use crate::recurrent::kernel::{Buffer, STRIP_ROWS, Strip};
use crate::recurrent::layout::{Frame, GatePanel, Layout};
use crate::recurrent::operand::{Operand, Run, SlotRuns};
use crate::recurrent::panels::kernel::Panels;
use crate::scalar::Scalar;
use crate::simd::{self, Isa, Simd};
use crate::threads::Member;

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
    /// `z` are the finished products; `PARTIAL` if the gates lie closer, as [`Frame::is_partial`] says.
    ///
    /// # Safety
    /// All pointers are valid for the vectors that the cell's layout gives them.
    unsafe fn finish<S: Simd<T = T>, const PARTIAL: bool>(&self, z: *const T, at: &Unit<T>);
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
    /// The number of the first unit, and how many there are in the vector whose gates lie closer.
    pub first: usize,
    pub units: usize,
}

impl<T: Scalar> Unit<T> {
    /// The gate in a slot of a row, or of a row's products: with `PARTIAL`, of units that do not fill a vector.
    ///
    /// # Safety
    /// `row` is valid for the slots.
    #[inline(always)]
    pub unsafe fn slot<S: Simd<T = T>, const PARTIAL: bool>(&self, row: *const T, slot: usize) -> S::V {
        unsafe {
            if PARTIAL {
                S::load_up_to(row.add(slot * self.units), self.units)
            } else {
                S::load(row.add(slot * S::LANES))
            }
        }
    }

    /// # Safety
    /// As [`Unit::slot`] for the row of gates.
    #[inline(always)]
    pub unsafe fn gate<S: Simd<T = T>, const PARTIAL: bool>(&self, slot: usize) -> S::V {
        unsafe { self.slot::<S, PARTIAL>(self.gates, slot) }
    }

    /// # Safety
    /// As [`Unit::gate`].
    #[inline(always)]
    pub unsafe fn set_gate<S: Simd<T = T>, const PARTIAL: bool>(&self, slot: usize, value: S::V) {
        unsafe {
            if PARTIAL {
                S::store_up_to(self.gates.add(slot * self.units), self.units, value);
            } else {
                S::store(self.gates.add(slot * S::LANES), value);
            }
        }
    }
}

/// One step of a block of adjacent places. Pointers are to the row of the first place, in panels of gates that of the first block of
/// units; those that only one direction uses are null in the other.
pub struct Step<'a, T> {
    pub isa: Isa,
    pub frame: &'a Frame,
    pub panels: &'a [Panels<'a, T>],
    pub gates: *mut T,
    pub panel: GatePanel,
    /// Where the gates of each hidden product lie in a row.
    pub runs: &'a [SlotRuns],
    /// Whether the gates are far from the core when a step back reads them.
    pub far: bool,
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

/// What a step needs to find a vector of units: numbers of its own, which no store can have changed.
#[derive(Clone, Copy)]
struct Pitch {
    lanes: usize,
    /// Elements from one row to the next, of states and of gates.
    state: usize,
    gates: usize,
    /// The vector of units whose gates lie closer, if there is one (or else a number that none has), and the units in it.
    partial: usize,
    units: usize,
}

impl<T: Scalar> Step<'_, T> {
    fn pitch(&self) -> Pitch {
        let frame = self.frame;
        let last = frame.vectors.saturating_sub(1);
        let partial = if frame.is_partial(last) { last } else { usize::MAX };
        let units = frame.units_in(last);
        Pitch { lanes: frame.lanes, state: frame.state(), gates: self.panel.row_stride, partial, units }
    }

    /// Vector `v` of units of a row; `gates` are those of the first row.
    #[inline(always)]
    fn unit(&self, pitch: Pitch, row: usize, v: usize, gates: *mut T) -> Unit<T> {
        let first = v * pitch.lanes;
        let state = row * pitch.state + first;
        Unit {
            gates: gates.wrapping_add(row * pitch.gates),
            h_prev: self.h_prev.wrapping_add(state),
            h: self.h.wrapping_add(state),
            extra_prev: self.extra_prev.wrapping_add(state),
            extra: self.extra.wrapping_add(state),
            seed: self.seed.wrapping_add(state),
            carry: self.carry.wrapping_add(state),
            first,
            units: pitch.units,
        }
    }

    /// Adds `rows of operand * panels[part]` to the slots from `slot` on, and finishes every unit.
    ///
    /// # Safety
    /// As [`Cell::forward`]; `operand` has rows as long as a state.
    #[inline(always)]
    pub unsafe fn forward<S: Simd<T = T>, F: Finish<T>>(&self, part: usize, slot: usize, operand: *const T, cell: &F) {
        unsafe {
            let (frame, pitch, block_stride) = (self.frame, self.pitch(), self.panel.block_stride);
            let mut buffer = Buffer::new();
            let run = Run::whole(frame.hidden);
            let operand = Operand::rows(operand, frame.state(), &run);
            let (panels, shape) = (&self.panels[part], &self.panels[part].shape);
            let mut block = self.share.start;
            while block < self.share.end {
                let units = shape.units_in(block);
                let vectors = shape.vectors_in(block);
                let gates = self.gates.wrapping_add(block * block_stride);
                let pair = self.active == 1
                    && block + 1 < self.share.end
                    && shape.vectors_in(block + 1) == vectors
                    && block + 1 != pitch.partial;
                for first in (0..self.active).step_by(STRIP_ROWS) {
                    let end = self.active.min(first + STRIP_ROWS);
                    let strip = Strip {
                        initial: gates.wrapping_add(first * pitch.gates + slot * frame.gap(block)),
                        initial_row: pitch.gates,
                        operand: operand.at_row(first),
                        panel: panels.group(block, S::LANES),
                        buffer: buffer.start(),
                        rows: end - first,
                        vectors,
                        second: pair.then(|| [block_stride, shape.group(block, S::LANES).len()]),
                        soon: None,
                    };
                    simd::run_on(self.isa, strip);
                    for row in first..end + usize::from(pair) {
                        for u in 0..units.len() {
                            let vector = (row - first) * vectors + u * shape.per_unit;
                            let z = buffer.start().add(vector * S::LANES);
                            let (row, second) = if pair { (0, row) } else { (row, 0) };
                            // Where a block has several vectors of units, there is one gate.
                            let gates = gates.wrapping_add(second * block_stride + u * S::LANES);
                            let v = units.start + second * units.len() + u;
                            let unit = self.unit(pitch, row, v, gates);
                            if v == pitch.partial {
                                cell.finish::<S, true>(z, &unit);
                            } else {
                                cell.finish::<S, false>(z, &unit);
                            }
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
        operand: Operand<'_, T>,
        rows: usize,
        cell: &F,
    ) {
        unsafe {
            let (frame, pitch, block_stride) = (self.frame, self.pitch(), self.panel.block_stride);
            let (panels, shape) = (&self.panels[part], &self.panels[part].shape);
            let mut buffer = Buffer::new();
            let mut group = self.share.start;
            while group < self.share.end {
                let (vectors, v) = (shape.vectors_in(group), shape.units_in(group).start);
                // In a cell with one gate a block is a group, in the others a vector of units.
                let (block, apart) = if frame.slots == 1 { (group, S::LANES) } else { (v, block_stride) };
                let blocks = if frame.slots == 1 { 1 } else { vectors };
                let gates = self.gates.wrapping_add(block * block_stride);
                let next = group + 1;
                let pair = self.active == 1 && next < self.share.end && shape.vectors_in(next) == vectors;
                for (start, end) in [(0, rows), (rows, self.active)] {
                    for first in (start..end).step_by(STRIP_ROWS) {
                        let end = end.min(first + STRIP_ROWS);
                        let soon = Soon {
                            start: gates.wrapping_add(first * pitch.gates),
                            rows: Spacing::Even(pitch.gates),
                            columns: frame.width(),
                            blocks,
                            block_stride,
                            write: false,
                        };
                        let strip = Strip {
                            initial: if seed.is_null() { seed } else { self.unit(pitch, first, v, gates).seed },
                            initial_row: frame.state(),
                            operand: if first < rows { operand.at_row(first) } else { operand.none() },
                            panel: panels.group(group, S::LANES),
                            buffer: buffer.start(),
                            rows: end - first,
                            vectors,
                            second: pair.then(|| [vectors * S::LANES, shape.group(group, S::LANES).len()]),
                            // With narrow vectors, tiles of gradients leave the processor no time for other instructions.
                            soon: (self.far && S::REGISTERS == 32).then_some(&soon),
                        };
                        simd::run_on(self.isa, strip);
                        for row in first..end + usize::from(pair) {
                            for j in 0..vectors {
                                let z = buffer.start().add(((row - first) * vectors + j) * S::LANES);
                                let (row, second) = if pair { (0, row) } else { (row, 0) };
                                let gates = gates.wrapping_add(second * blocks * block_stride + j * apart);
                                let v = v + second * vectors + j;
                                let unit = self.unit(pitch, row, v, gates);
                                if v == pitch.partial {
                                    cell.finish::<S, true>(z, &unit);
                                } else {
                                    cell.finish::<S, false>(z, &unit);
                                }
                            }
                        }
                    }
                }
                group += 1 + usize::from(pair);
            }
        }
    }
}
