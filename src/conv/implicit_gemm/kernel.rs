//! Panels gathered from the input, and the register tiles that consume them.

#![allow(unsafe_code)]

use super::plan::{Piece, Plan};
use crate::gemm::kernel::{TILE_ROWS, accumulate};
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::threads::SharedMut;

/// Panel rows (elements of the sum) that are gathered at a time: a panel of 64 float32 places is 64 KiB.
const BLOCK_K: usize = 256;

/// Room behind a panel for whole vectors that start inside it.
pub(super) const SLACK: usize = 64;

/// Places of a block, and so of a panel row: 256 bytes, four of the widest vectors.
pub const fn block_places<T>() -> usize {
    256 / size_of::<T>()
}

/// A channelled input to gather from.
#[derive(Clone, Copy)]
pub struct Source<'a, T> {
    pub data: &'a [T],
    /// Index of the first element of channel 0 of image 0.
    pub start: usize,
    /// Elements from one channel to the next.
    pub channel: usize,
    /// Elements between neighbouring places.
    pub step: usize,
}

impl<T> Source<'_, T> {
    /// Panics unless all pieces of all channels lie inside the data.
    pub(super) fn check(&self, plan: &Plan, channels: usize) {
        let ends = plan.pieces.iter().map(|piece| piece.from + (piece.len - 1) * self.step + 1);
        if let Some(end) = ends.max() {
            assert!(self.start + (channels - 1) * self.channel + end <= self.data.len());
        }
    }
}

/// Copies one piece: `len` elements `step` apart, in whole vectors, so that up to a vector's length of `to` behind the
/// piece is overwritten with zeros. Reads nothing but the elements and those between them.
#[inline(always)]
unsafe fn copy_piece<S: Simd>(from: *const S::T, to: *mut S::T, len: usize, step: usize) {
    unsafe {
        let mut i = 0;
        if step == 1 {
            while i + S::LANES <= len {
                S::store(to.add(i), S::load(from.add(i)));
                i += S::LANES;
            }
            if i < len {
                S::store(to.add(i), S::load_partial(from.add(i), len - i));
            }
        } else if step == 2 {
            while i < len {
                let (from, left) = (from.add(2 * i), 2 * (len - i) - 1);
                let low = S::load_up_to(from, left);
                let high = if left > S::LANES { S::load_up_to(from.add(S::LANES), left - S::LANES) } else { S::zero() };
                S::store(to.add(i), S::deinterleave(low, high).0);
                i += S::LANES;
            }
        } else {
            while i < len {
                *to.add(i) = *from.add(i * step);
                i += 1;
            }
        }
    }
}

/// Gathers panel rows `rows`, each `width` places (a multiple of the vector length), `ld` elements apart.
///
/// The pieces of a row are written in ascending order, so whole vectors only ever run into what is written later.
#[inline(always)]
pub(super) unsafe fn gather<S: Simd>(
    source: &Source<S::T>,
    plan: &Plan,
    rows: (usize, usize),
    width: usize,
    panel: *mut S::T,
    ld: usize,
) {
    unsafe {
        let taps = plan.taps.len();
        let (mut channel, mut t) = (rows.0 / taps, rows.0 % taps);
        for row in 0..rows.1 - rows.0 {
            let to = panel.add(row * ld);
            let tap = plan.taps.get_unchecked(t);
            if tap.covered < width {
                for i in (0..width).step_by(S::LANES) {
                    S::store(to.add(i), S::zero());
                }
            }
            let from = source.data.as_ptr().add(source.start + channel * source.channel);
            let first = if t == 0 { 0 } else { plan.taps.get_unchecked(t - 1).end };
            for p in first..tap.end {
                let piece = plan.pieces.get_unchecked(p);
                copy_piece::<S>(from.add(piece.from), to.add(piece.to), piece.len, source.step);
            }
            t += 1;
            if t == taps {
                (t, channel) = (0, channel + 1);
            }
        }
    }
}

/// Rows of the left operand, in memory as they are.
#[derive(Clone, Copy)]
pub struct Rows<'a, T> {
    /// `rows * k` elements.
    pub data: &'a [T],
    pub rows: usize,
    pub k: usize,
    /// Starts of the sums, one for each row.
    pub bias: Option<&'a [T]>,
}

/// Where the rows of a block go.
pub struct Destination<'a, T> {
    pub data: SharedMut<'a, T>,
    /// Index of channel 0 of the block's first row.
    pub start: usize,
    /// Elements from one row of the product to the next.
    pub row: usize,
    pub pieces: &'a [Piece],
    /// Elements between neighbouring places of a piece.
    pub step: usize,
}

/// One block of an implicit product: the given rows of the left operand times `count` gathered places.
///
/// # Panics
/// If the source, the rows or the destination is too short.
pub fn block<T: Scalar>(source: &Source<T>, plan: &Plan, count: usize, rows: &Rows<T>, to: &Destination<T>) {
    assert!(count > 0 && count <= block_places::<T>() && rows.data.len() == rows.rows * rows.k);
    assert!(rows.bias.is_none_or(|bias| bias.len() == rows.rows));
    if rows.k > 0 {
        assert_eq!(rows.k % plan.taps.len(), 0);
        source.check(plan, rows.k / plan.taps.len());
    }
    for piece in to.pieces {
        let last = to.start + (rows.rows - 1) * to.row + piece.from + (piece.len - 1) * to.step;
        assert!(last < to.data.len() && piece.to + piece.len <= count);
    }
    let ld = block_places::<T>();
    with_scratch(BLOCK_K.min(rows.k) * ld + SLACK, |panel: &mut [T]| {
        // SAFETY: the instruction set is the process's own; every index was checked above, and the scratch has room for
        // a block of panel rows and the vectors that run over its end. Tasks write disjoint pieces.
        if let ([piece], 1) = (to.pieces, to.step) {
            let c = to.data.as_mut_ptr().wrapping_add(to.start + piece.from);
            unsafe { simd::run(Block { source, plan, count, rows, panel: panel.as_mut_ptr(), c, c_row: to.row }) };
            return;
        }
        with_scratch(rows.rows * ld, |c: &mut [T]| unsafe {
            let c = c.as_mut_ptr();
            simd::run(Block { source, plan, count, rows, panel: panel.as_mut_ptr(), c, c_row: ld });
            simd::run(Spread { c, rows: rows.rows, to });
        });
    });
}

struct Block<'a, T> {
    source: &'a Source<'a, T>,
    plan: &'a Plan,
    count: usize,
    rows: &'a Rows<'a, T>,
    panel: *mut T,
    c: *mut T,
    c_row: usize,
}

impl<T: Scalar> Kernel<T> for Block<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let width = self.count.next_multiple_of(S::LANES);
            let mut k0 = 0;
            loop {
                let k = (self.rows.k - k0).min(BLOCK_K);
                if k > 0 {
                    gather::<S>(self.source, self.plan, (k0, k0 + k), width, self.panel, block_places::<T>());
                }
                self.multiply::<S>(k0, k);
                k0 += k;
                if k0 >= self.rows.k {
                    break;
                }
            }
        }
    }
}

impl<T: Scalar> Block<'_, T> {
    #[inline(always)]
    unsafe fn multiply<S: Simd<T = T>>(&self, k0: usize, k: usize) {
        unsafe {
            let mut column = 0;
            while column < self.count {
                let left = self.count - column;
                if S::REGISTERS == 32 && left > 2 * S::LANES {
                    self.column::<S, 4>(column, k0, k);
                    column += 4 * S::LANES;
                } else if left > S::LANES {
                    self.column::<S, 2>(column, k0, k);
                    column += 2 * S::LANES;
                } else {
                    self.column::<S, 1>(column, k0, k);
                    column += S::LANES;
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn column<S: Simd<T = T>, const NV: usize>(&self, column: usize, k0: usize, k: usize) {
        unsafe {
            let tile = Tile {
                k,
                a: self.rows.data.as_ptr().add(k0),
                a_row: self.rows.k,
                b: self.panel.add(column),
                b_step: block_places::<T>(),
                bias: self.rows.bias.map_or(std::ptr::null(), |bias| bias.as_ptr()),
                c: self.c.add(column),
                c_row: self.c_row,
                columns: self.count - column,
                first: k0 == 0,
            };
            tile.all_rows::<S, NV>(self.rows.rows);
        }
    }
}

/// Cuts rows into register tiles of nearly the same height.
#[inline(always)]
pub(super) fn tile_rows(row: usize, rows: usize) -> usize {
    let left = rows - row;
    left.div_ceil(left.div_ceil(TILE_ROWS))
}

/// A column of register tiles: `c (+)= a b`, where A is read in place and B is a panel.
struct Tile<T> {
    k: usize,
    a: *const T,
    a_row: usize,
    b: *const T,
    b_step: usize,
    /// Starts of the sums, or null.
    bias: *const T,
    c: *mut T,
    c_row: usize,
    columns: usize,
    /// Whether C is written rather than added to.
    first: bool,
}

impl<T: Scalar> Tile<T> {
    #[inline(always)]
    unsafe fn all_rows<S: Simd<T = T>, const NV: usize>(&self, rows: usize) {
        unsafe {
            let mut row = 0;
            while row < rows {
                let height = tile_rows(row, rows);
                match height {
                    1 => self.tile::<S, 1, NV>(row),
                    2 => self.tile::<S, 2, NV>(row),
                    3 => self.tile::<S, 3, NV>(row),
                    4 => self.tile::<S, 4, NV>(row),
                    5 => self.tile::<S, 5, NV>(row),
                    _ => self.tile::<S, 6, NV>(row),
                }
                row += height;
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd<T = T>, const MR: usize, const NV: usize>(&self, row: usize) {
        unsafe {
            let mut acc = [[S::zero(); NV]; MR];
            let a = self.a.add(row * self.a_row);
            accumulate::<S, MR, NV>(&mut acc, self.k, a, self.a_row, 1, self.b, self.b_step);
            for i in 0..MR {
                let c = self.c.add((row + i) * self.c_row);
                let start = if self.bias.is_null() { S::zero() } else { S::splat(*self.bias.add(row + i)) };
                for j in 0..NV {
                    let Some(left) = self.columns.checked_sub(j * S::LANES).filter(|&left| left > 0) else { break };
                    let c = c.add(j * S::LANES);
                    let so_far = if self.first { start } else { S::load_up_to(c, left) };
                    S::store_up_to(c, left, S::add(so_far, acc[i][j]));
                }
            }
        }
    }
}

/// Copies a finished block to its places.
struct Spread<'a, 'b, T> {
    c: *const T,
    rows: usize,
    to: &'a Destination<'b, T>,
}

impl<T: Scalar> Kernel<T> for Spread<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            for row in 0..self.rows {
                let c = self.c.add(row * block_places::<T>());
                let to = self.to.data.as_mut_ptr().add(self.to.start + row * self.to.row);
                for piece in self.to.pieces {
                    let (c, to) = (c.add(piece.to), to.add(piece.from));
                    if self.to.step == 1 {
                        for i in (0..piece.len).step_by(S::LANES) {
                            S::store_up_to(to.add(i), piece.len - i, S::load_up_to(c.add(i), piece.len - i));
                        }
                    } else {
                        for i in 0..piece.len {
                            *to.add(i * self.to.step) = *c.add(i);
                        }
                    }
                }
            }
        }
    }
}
