//! The gradients of weights, biases and peepholes: sums over all rows.

pub mod kernel;

use super::kernel::{TILE_VECTORS, lanes_on};
use super::layout::{Frame, Slots};
use super::plan::Plan;
use super::{Input, Sequence};
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::Isa;
use crate::threads::{SharedMut, parallel_chunks_mut, parallel_for};

/// Rows whose sum is formed before it is added to the total: few enough for the first-level cache, and what keeps rounding errors
/// of long sums small.
const BLOCK_ROWS: usize = 96;
/// Addresses so many bytes apart fall into the same place of a first-level cache.
const PAGE: usize = 4096;

/// What all sums read.
pub struct Rows<'a, T> {
    pub isa: Isa,
    pub plan: &'a Plan,
    pub frame: &'a Frame,
    /// The gradients of the gates.
    pub gates: &'a [T],
}

/// What the gradients of the gates are multiplied with.
#[derive(Clone, Copy)]
pub enum Factor<'a, T> {
    /// Rows of features.
    Sequence(&'a Sequence<'a, T>),
    /// Rows that are all zeros but for a one.
    Categories(&'a [i64]),
    /// A panel of states: the states before each step.
    Previous(&'a [T]),
    /// A panel of states: what belongs to each step itself.
    Current(&'a [T]),
}

impl<'a, T: Scalar> Factor<'a, T> {
    pub fn input(x: &'a Input<'a, T>) -> Self {
        match x {
            Input::Features(sequence) => Factor::Sequence(sequence),
            Input::Categories(ids) => Factor::Categories(ids),
        }
    }
}

impl<T: Scalar> Rows<'_, T> {
    /// `into` (gates * H, columns) `= gates^T factor`; rows of gates without a slot are left as they are.
    pub fn weights(&self, slots: &Slots, factor: Factor<T>, columns: usize, into: &mut [T]) {
        if columns == 0 || self.frame.hidden == 0 {
            return;
        }
        let blocks = self.frame.blocks();
        let most = if blocks < 8 { 48 } else { 192 };
        // Every row of a one-hot factor touches one row of the sum: nothing is gained by cutting it.
        let parts = if let Factor::Categories(_) = factor { 1 } else { columns.div_ceil(most) };
        let vectors = self.frame.tile(slots);
        let target = SharedMut::new(into);
        parallel_for(parts * blocks, &|task| {
            let (part, block) = (task / blocks, task % blocks);
            let (first, end) = (part * columns / parts, (part + 1) * columns / parts);
            with_scratch::<T, _>((end - first) * vectors * self.frame.lanes, |sum| {
                self.sum_block(slots, factor, block, first, end, sum);
                for j in 0..vectors {
                    let (gate, v) = self.frame.gate_of(slots, block, j);
                    let units = self.frame.units_in(v);
                    let row = gate * self.frame.hidden + v * self.frame.lanes;
                    let place =
                        kernel::Corner { row, rows: units, column: first, columns: end - first, width: columns };
                    kernel::unpack(self.isa, sum, vectors, j, place, target);
                }
            });
        });
    }

    /// `sum[m - first][..] = sum over rows of factor[row][m] * gates[row]`, for the vectors of one block.
    fn sum_block(&self, slots: &Slots, factor: Factor<T>, block: usize, first: usize, end: usize, sum: &mut [T]) {
        let frame = self.frame;
        let vectors = frame.tile(slots);
        assert!(vectors <= TILE_VECTORS);
        let column = (block * frame.units * frame.slots + slots.first) * frame.lanes;
        let width = end - first;
        sum.fill(T::ZERO);
        for start in (0..self.plan.rows()).step_by(BLOCK_ROWS) {
            let rows = BLOCK_ROWS.min(self.plan.rows() - start);
            let gates = kernel::Gates { panel: self.gates, width: frame.gates(), start, rows, column, vectors };
            if let Factor::Categories(ids) = factor {
                let mut picked = [0; BLOCK_ROWS];
                for (id, (s, place)) in picked.iter_mut().zip(self.plan.walk(start).take(rows)) {
                    let row = self.plan.time(s, place) * self.plan.batch() + self.plan.sequence(place);
                    *id = ids[row] as usize;
                }
                kernel::scatter(self.isa, &picked[..rows], gates, sum);
                continue;
            }
            // Rows of gates that are a page apart would push one another out of the first-level cache: they are copied.
            let beside = vectors * frame.lanes;
            let apart = frame.gates() * size_of::<T>();
            let copied = if apart.is_multiple_of(PAGE) { rows * beside } else { 0 };
            with_scratch::<T, _>(copied, |panel| {
                let rows_of_gates = self.gates[start * frame.gates()..].chunks(frame.gates());
                for (to, from) in panel.chunks_exact_mut(beside).zip(rows_of_gates) {
                    to.copy_from_slice(&from[column..column + beside]);
                }
                let gates = match copied {
                    0 => gates,
                    _ => kernel::Gates { panel, width: beside, start: 0, rows, column: 0, vectors },
                };
                if let Some((panel, stride)) = self.in_place(factor) {
                    kernel::outer(self.isa, &panel[start * stride + first..], stride, width, gates, sum);
                } else {
                    with_scratch::<T, _>(rows * width, |copy| {
                        self.gather(factor, start, first, end, copy);
                        kernel::outer(self.isa, copy, width, width, gates, sum);
                    });
                }
            });
        }
    }

    /// A factor whose rows lie evenly spaced in the order of the rows.
    fn in_place<'b>(&self, factor: Factor<'b, T>) -> Option<(&'b [T], usize)> {
        match factor {
            Factor::Sequence(sequence) if self.plan.natural() => sequence.as_rows(),
            Factor::Previous(panel) if self.plan.equal() => Some((panel, self.frame.state())),
            Factor::Current(panel) => Some((&panel[self.plan.batch() * self.frame.state()..], self.frame.state())),
            _ => None,
        }
    }

    /// Columns `first..end` of the factor's rows from `start` on.
    fn gather(&self, factor: Factor<T>, start: usize, first: usize, end: usize, copy: &mut [T]) {
        let state = self.frame.state();
        for (row, (s, place)) in copy.chunks_exact_mut(end - first).zip(self.plan.walk(start)) {
            let from = match factor {
                Factor::Sequence(sequence) => sequence.row(self.plan.time(s, place), self.plan.sequence(place)),
                Factor::Previous(panel) => &panel[self.plan.state(s, place) * state..],
                Factor::Current(panel) => &panel[self.plan.state(s + 1, place) * state..],
                Factor::Categories(_) => return,
            };
            row.copy_from_slice(&from[first..end]);
        }
    }

    /// `sums[column] = sum over rows of gates[row][column]`.
    pub fn columns(&self, sums: &mut [T]) {
        debug_assert_eq!(lanes_on::<T>(self.isa), self.frame.lanes);
        let width = self.frame.gates();
        parallel_chunks_mut(sums, TILE_VECTORS * self.frame.lanes, &|chunk, sums| {
            sums.fill(T::ZERO);
            let column = chunk * TILE_VECTORS * self.frame.lanes;
            let vectors = sums.len() / self.frame.lanes;
            for start in (0..self.plan.rows()).step_by(BLOCK_ROWS) {
                let rows = BLOCK_ROWS.min(self.plan.rows() - start);
                kernel::add_rows(
                    self.isa,
                    kernel::Gates { panel: self.gates, width, start, rows, column, vectors },
                    sums,
                );
            }
        });
    }

    /// `sums[unit] = sum over rows of gates[row][slot, unit] * factor[row][unit]`.
    pub fn products(&self, slot: usize, factor: Factor<T>, sums: &mut [T]) {
        let frame = self.frame;
        parallel_chunks_mut(sums, frame.lanes, &|v, sums| {
            with_scratch::<T, _>(BLOCK_ROWS * frame.lanes + frame.lanes, |scratch| {
                let (factors, total) = scratch.split_at_mut(BLOCK_ROWS * frame.lanes);
                total.fill(T::ZERO);
                let column = (v * frame.slots + slot) * frame.lanes;
                for start in (0..self.plan.rows()).step_by(BLOCK_ROWS) {
                    let rows = BLOCK_ROWS.min(self.plan.rows() - start);
                    let factors = &mut factors[..rows * frame.lanes];
                    self.gather(factor, start, v * frame.lanes, (v + 1) * frame.lanes, factors);
                    let gates =
                        kernel::Gates { panel: self.gates, width: frame.gates(), start, rows, column, vectors: 1 };
                    kernel::add_products(self.isa, factors, gates, total);
                }
                sums.copy_from_slice(&total[..sums.len()]);
            });
        });
    }
}
