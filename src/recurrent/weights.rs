//! The gradients of weights, biases and peepholes: sums over all rows.

pub mod kernel;

use std::ops::Range;

use super::ahead::VERY_FAR;
use super::ahead::kernel::{Ahead, fetch};
use super::layout::{Frame, GatePanel, Slots};
use super::plan::Plan;
use super::{Input, Sequence};
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::Isa;
use crate::threads::{SharedMut, parallel_chunks_mut, parallel_for};

/// Rows whose sum is formed before it is added to the total: few enough for the first-level cache, and what keeps rounding errors
/// of long sums small.
const BLOCK_ROWS: usize = 96;
/// Rows of gates that do not lie side by side, and are at least so many bytes apart, are copied: prefetching does not follow them well,
/// and where that is a power of two they push one another out of the first-level cache.
const FAR_APART: usize = 1024;
/// Columns of whole tiles after which more rows of a factor are asked for, where all is far away. Nearer ones are soon there anyway, and
/// asking costs 2 %; the gates are read from one end to the other, which the processor foresees.
const STRIP_COLUMNS: usize = 24;
/// The most columns of a task: their sums stay in the second-level cache.
const MOST_COLUMNS: usize = 512;
/// Columns of a task with few blocks of units; more, where so many tasks are enough and each part of the columns copies all gates once
/// more.
const LEAST_COLUMNS: usize = 48;
const TASKS: usize = 12;

/// What all sums read.
pub struct Rows<'a, T> {
    pub isa: Isa,
    pub plan: &'a Plan,
    pub frame: &'a Frame,
    /// The gradients of the gates.
    pub gates: &'a [T],
    pub panel: GatePanel,
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

/// A gradient of weights: `into` (gates * H, columns) `= gates^T factor`; rows of gates without a slot are left as they are.
pub struct Product<'a, T> {
    pub slots: &'static Slots,
    pub factor: Factor<'a, T>,
    pub columns: usize,
    pub into: SharedMut<'a, T>,
}

/// The columns of a product that a task sums up, for one block of units.
struct Piece<'a, T> {
    product: &'a Product<'a, T>,
    columns: Range<usize>,
    vectors: usize,
}

impl<T> Product<'_, T> {
    /// Columns that can be shared among tasks. Every row of a one-hot factor touches one row of the sum: nothing is gained by
    /// cutting it.
    fn divisible(&self) -> usize {
        if let Factor::Categories(_) = self.factor { 0 } else { self.columns }
    }
}

impl<T> Piece<'_, T> {
    /// Elements of its sum.
    fn len(&self, lanes: usize) -> usize {
        self.columns.len() * self.vectors * lanes
    }
}

impl<T: Scalar> Rows<'_, T> {
    /// All products, and `sums[column] = sum over rows of gates[row][column]`.
    ///
    /// A task has some vectors of gates, and of all products together some columns: what it reads of the gates is in the first-level
    /// cache from the first column on.
    pub fn gradients(&self, products: &[Product<T>], sums: Option<&mut [T]>) {
        let (frame, blocks) = (self.frame, self.frame.blocks.count);
        if products.is_empty() && sums.is_none() {
            return;
        }
        let whole: usize = products.iter().map(Product::divisible).sum();
        let enough = if self.copies() { TASKS.div_ceil(blocks.max(1)) } else { usize::MAX };
        let cut = if blocks < 8 { whole.div_ceil(LEAST_COLUMNS).min(enough) } else { 1 };
        let parts = whole.div_ceil(MOST_COLUMNS).max(cut).max(1);
        let sums = sums.map(|sums| {
            sums.fill(T::ZERO);
            SharedMut::new(sums)
        });
        parallel_for(parts * blocks, &|task| {
            let (part, block) = (task / blocks, task % blocks);
            let pieces = self.pieces(products, block, part * whole / parts..(part + 1) * whole / parts, part == 0);
            let size = pieces.iter().map(|piece| piece.len(frame.lanes)).sum();
            with_scratch::<T, _>(size, |scratch| {
                scratch.fill(T::ZERO);
                self.sum(&pieces, scratch, block, sums.filter(|_| part == 0));
                let mut rest = &*scratch;
                for piece in &pieces {
                    let (sum, behind) = rest.split_at(piece.len(frame.lanes));
                    self.unpack(piece, block, sum);
                    rest = behind;
                }
            });
        });
    }

    /// Whether tasks copy their part of the gates.
    fn copies(&self) -> bool {
        self.panel.row_stride > self.frame.width() && self.panel.row_stride * size_of::<T>() >= FAR_APART
    }

    /// A block of the gates, from row `first` on.
    fn block(&self, block: usize, first: usize) -> &[T] {
        &self.gates[block * self.panel.block_stride + first * self.panel.row_stride..]
    }

    /// What of each product falls into `range`, a part of the columns of all; `first` says whether it is the first part.
    fn pieces<'a>(
        &self,
        products: &'a [Product<'a, T>],
        block: usize,
        range: Range<usize>,
        first: bool,
    ) -> Vec<Piece<'a, T>> {
        let mut start = 0;
        let mut pieces = Vec::with_capacity(products.len());
        for product in products {
            let end = start + product.divisible();
            let columns = match product.factor {
                Factor::Categories(_) if first => 0..product.columns,
                _ => range.start.clamp(start, end) - start..range.end.clamp(start, end) - start,
            };
            if !columns.is_empty() {
                pieces.push(Piece { product, columns, vectors: self.frame.tile(product.slots, block) });
            }
            start = end;
        }
        pieces
    }

    /// For each piece `scratch[m - first][..] += sum over rows of factor[row][m] * gates[row]`; `sums` as in `gradients`.
    fn sum(&self, pieces: &[Piece<T>], scratch: &mut [T], block: usize, sums: Option<SharedMut<T>>) {
        let (frame, units) = (self.frame, self.frame.block(block));
        let (start, vectors) = (units.start * frame.slots * frame.lanes, frame.row_vectors(block));
        for first in (0..self.plan.rows()).step_by(BLOCK_ROWS) {
            let rows = BLOCK_ROWS.min(self.plan.rows() - first);
            let (all, stride, width) = (self.block(block, first), self.panel.row_stride, frame.width());
            with_scratch::<T, _>(if self.copies() { rows * width } else { 0 }, |copy| {
                for (to, from) in copy.chunks_exact_mut(width).zip(all.chunks(stride)) {
                    to.copy_from_slice(&from[..width]);
                }
                let (panel, width) = if self.copies() { (&*copy, width) } else { (all, stride) };
                let gates = kernel::Gates { panel, width, rows, column: 0, vectors };
                let mut rest = &mut *scratch;
                for piece in pieces {
                    let (sum, behind) = rest.split_at_mut(piece.len(frame.lanes));
                    let column = piece.product.slots.first * frame.gap(block);
                    self.add(piece, first, kernel::Gates { column, vectors: piece.vectors, ..gates }, block, sum);
                    rest = behind;
                }
                if let Some(sums) = sums {
                    kernel::add_rows(self.isa, gates, start, sums);
                }
            });
        }
    }

    /// Adds the products of some rows of gates, which are those from `start` on, to the sum of a piece of a block.
    fn add(&self, piece: &Piece<T>, start: usize, gates: kernel::Gates<T>, block: usize, sum: &mut [T]) {
        let (first, width, rows) = (piece.columns.start, piece.columns.len(), gates.rows);
        let factor = piece.product.factor;
        if let Factor::Categories(ids) = factor {
            let mut picked = [0; BLOCK_ROWS];
            for (id, (s, place)) in picked.iter_mut().zip(self.plan.walk(start).take(rows)) {
                let row = self.plan.time(s, place) * self.plan.batch() + self.plan.sequence(place);
                *id = ids[row] as usize;
            }
            kernel::scatter(self.isa, &picked[..rows], gates, sum);
        } else if let Some((panel, stride)) = self.in_place(factor) {
            // Where there is nothing to ask for, all at once.
            let far = size_of_val(self.gates) >= VERY_FAR;
            let (step, tall) = (if far { STRIP_COLUMNS } else { width }, gates.vectors * self.frame.lanes);
            for from in (0..width).step_by(step) {
                let columns = step.min(width - from);
                if far {
                    let left = BLOCK_ROWS.min(self.plan.rows() - start - rows);
                    let rows = start + rows + from * left / width..start + rows + (from + columns) * left / width;
                    if self.copies() {
                        let (data, columns) = (self.block(block, 0), self.frame.width());
                        let rows = rows.clone();
                        fetch(self.isa, Ahead { data, width: self.panel.row_stride, rows, column: 0, columns });
                    }
                    fetch(self.isa, Ahead { data: panel, width: stride, rows, column: first, columns: width });
                }
                let sum = &mut sum[from * tall..(from + columns) * tall];
                kernel::outer(self.isa, &panel[start * stride + first + from..], stride, columns, gates, sum);
            }
        } else {
            with_scratch::<T, _>(rows * width, |copy| {
                self.gather(factor, start, piece.columns.clone(), copy);
                kernel::outer(self.isa, copy, width, width, gates, sum);
            });
        }
    }

    /// Brings the sum of a piece to its place.
    fn unpack(&self, piece: &Piece<T>, block: usize, sum: &[T]) {
        let (frame, product) = (self.frame, piece.product);
        for (u, v) in frame.block(block).enumerate() {
            for (slot, gate) in product.slots.gates.iter().enumerate() {
                let corner = kernel::Corner {
                    row: gate * frame.hidden + v * frame.lanes,
                    rows: frame.units_in(v),
                    column: piece.columns.start,
                    columns: piece.columns.len(),
                    width: product.columns,
                };
                let first = u * frame.lanes + slot * frame.gap(block);
                kernel::unpack(self.isa, sum, piece.vectors, first, corner, product.into);
            }
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

    /// Some columns of the factor's rows from `start` on.
    fn gather(&self, factor: Factor<T>, start: usize, columns: Range<usize>, copy: &mut [T]) {
        let state = self.frame.state();
        for (row, (s, place)) in copy.chunks_exact_mut(columns.len()).zip(self.plan.walk(start)) {
            let from = match factor {
                Factor::Sequence(sequence) => sequence.row(self.plan.time(s, place), self.plan.sequence(place)),
                Factor::Previous(panel) => &panel[self.plan.state(s, place) * state..],
                Factor::Current(panel) => &panel[self.plan.state(s + 1, place) * state..],
                Factor::Categories(_) => return,
            };
            row.copy_from_slice(&from[columns.clone()]);
        }
    }

    /// `sums[unit] = sum over rows of gates[row][slot, unit] * factor[row][unit]`.
    pub fn products(&self, slot: usize, factor: Factor<T>, sums: &mut [T]) {
        let frame = self.frame;
        parallel_chunks_mut(sums, frame.lanes, &|v, sums| {
            with_scratch::<T, _>(BLOCK_ROWS * frame.lanes + frame.lanes, |scratch| {
                let (factors, total) = scratch.split_at_mut(BLOCK_ROWS * frame.lanes);
                total.fill(T::ZERO);
                for start in (0..self.plan.rows()).step_by(BLOCK_ROWS) {
                    let rows = BLOCK_ROWS.min(self.plan.rows() - start);
                    let factors = &mut factors[..rows * frame.lanes];
                    self.gather(factor, start, v * frame.lanes..(v + 1) * frame.lanes, factors);
                    // In a cell with several slots a block is a vector of units.
                    let (panel, column) = (self.block(v, start), slot * frame.gap(v));
                    let gates = kernel::Gates { panel, width: self.panel.row_stride, rows, column, vectors: 1 };
                    kernel::add_products(self.isa, factors, gates, total);
                }
                sums.copy_from_slice(&total[..sums.len()]);
            });
        });
    }
}
