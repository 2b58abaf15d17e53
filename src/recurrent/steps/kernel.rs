//! A step in time, shared by all cells: what a cell adds is its arithmetic on `LANES` units of one row ([`Finish`]) and
//! which products a step consists of ([`Cell`]).

#![allow(unsafe_code)]

use std::ops::Range;

use crate::recurrent::kernel::{Buffer, Operand, STRIP_ROWS, Strip};
use crate::recurrent::layout::{Frame, Layout};
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
