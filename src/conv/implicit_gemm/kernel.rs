//! Panels gathered from the input, and the register tiles that consume them.

#![allow(unsafe_code)]

use super::plan::{Piece, Plan};
use crate::gemm::kernel::{TILE_ROWS, accumulate, accumulate_at};
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::threads::SharedMut;

/// Panel rows (elements of the sum) that are gathered at a time: a panel of 64 float32 places is 64 KiB.
const BLOCK_K: usize = 256;
/// Planes from the one that is gathered to the one that is asked for.
const AHEAD: usize = 6;

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
/// piece is overwritten with zeros. Reads nothing but the elements and those between them, and asks for the lines of those
/// `ahead`, if that is not 0.
#[inline(always)]
unsafe fn copy_piece<S: Simd>(from: *const S::T, to: *mut S::T, len: usize, step: usize, ahead: usize) {
    unsafe {
        let mut i = 0;
        if step == 1 {
            while i + S::LANES <= len {
                if ahead > 0 {
                    S::prefetch(from.wrapping_add(i + ahead));
                }
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
        // With one tap every row is read once, from another plane: too short a stretch for the processor to fetch ahead.
        let ahead = if taps == 1 { AHEAD * source.channel } else { 0 };
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
                copy_piece::<S>(from.add(piece.from), to.add(piece.to), piece.len, source.step, ahead);
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

/// Whether every tap's places of a whole block lie side by side, so that the tiles can read them where they are.
///
/// Not if the channels lie so that many of their lines compete for few sets of a cache.
fn lies_in_rows<T>(source: &Source<T>, plan: &Plan, channels: usize, count: usize) -> bool {
    // Of a second-level cache with 8 ways.
    const SETS: usize = 1024;
    const WAYS: usize = 8;
    const LINE: usize = 64;
    let bytes = source.channel * size_of::<T>();
    let apart = 1 << (bytes / LINE).trailing_zeros().min(SETS.trailing_zeros());
    let compete = bytes.is_multiple_of(LINE) && channels.min(BLOCK_K / plan.taps.len()) * apart > SETS * WAYS;
    source.step == 1
        && count == block_places::<T>()
        && plan.pieces.len() == plan.taps.len()
        && plan.taps.iter().all(|tap| tap.covered == count)
        && !compete
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
    let in_place = rows.k > 0 && lies_in_rows(source, plan, rows.k / plan.taps.len(), count);
    let panel_len = if in_place { 0 } else { BLOCK_K.min(rows.k) * ld + SLACK };
    with_scratch(panel_len, |panel: &mut [T]| {
        // SAFETY: the instruction set is the process's own; every index was checked above, and the scratch has room for
        // a block of panel rows and the vectors that run over its end. Tasks write disjoint pieces.
        if let ([piece], 1) = (to.pieces, to.step) {
            let c = to.data.as_mut_ptr().wrapping_add(to.start + piece.from);
            let panel = panel.as_mut_ptr();
            unsafe { simd::run(Block { source, plan, count, rows, in_place, panel, c, c_row: to.row }) };
            return;
        }
        with_scratch(rows.rows * ld, |c: &mut [T]| unsafe {
            let c = c.as_mut_ptr();
            simd::run(Block { source, plan, count, rows, in_place, panel: panel.as_mut_ptr(), c, c_row: ld });
            simd::run(Spread { c, rows: rows.rows, to });
        });
    });
}

struct Block<'a, T> {
    source: &'a Source<'a, T>,
    plan: &'a Plan,
    count: usize,
    rows: &'a Rows<'a, T>,
    in_place: bool,
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
            let mut rows = [std::ptr::null(); BLOCK_K];
            let mut k0 = 0;
            loop {
                let k = (self.rows.k - k0).min(BLOCK_K);
                let panel = if self.in_place {
                    self.find(&mut rows[..k], k0);
                    Panel::Places(&rows[..k])
                } else {
                    if k > 0 {
                        gather::<S>(self.source, self.plan, (k0, k0 + k), width, self.panel, block_places::<T>());
                    }
                    Panel::Gathered(self.panel, k)
                };
                self.multiply::<S>(&panel, k0, k);
                k0 += k;
                if k0 >= self.rows.k {
                    break;
                }
            }
        }
    }
}

impl<T: Scalar> Block<'_, T> {
    /// Where the panel rows from `k0` on lie.
    fn find(&self, rows: &mut [*const T], k0: usize) {
        let taps = self.plan.taps.len();
        let (mut channel, mut t) = (k0 / taps, k0 % taps);
        for row in rows {
            let at = self.source.start + channel * self.source.channel + self.plan.pieces[t].from;
            *row = self.source.data.as_ptr().wrapping_add(at);
            t += 1;
            if t == taps {
                (t, channel) = (0, channel + 1);
            }
        }
    }

    #[inline(always)]
    unsafe fn multiply<S: Simd<T = T>>(&self, panel: &Panel<T>, k0: usize, k: usize) {
        unsafe {
            let ahead = Ahead::new(self.source, self.plan, (k0, k0 + k));
            let mut column = 0;
            while column < self.count {
                let left = self.count - column;
                let ahead = if column == 0 { ahead } else { Ahead { channels: 0, ..ahead } };
                if S::REGISTERS == 32 && left > 2 * S::LANES {
                    self.column::<S, 4>(panel, column, k0, ahead);
                    column += 4 * S::LANES;
                } else if left > S::LANES {
                    self.column::<S, 2>(panel, column, k0, ahead);
                    column += 2 * S::LANES;
                } else {
                    self.column::<S, 1>(panel, column, k0, ahead);
                    column += S::LANES;
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn column<S: Simd<T = T>, const NV: usize>(
        &self,
        panel: &Panel<T>,
        column: usize,
        k0: usize,
        ahead: Ahead<T>,
    ) {
        unsafe {
            let tile = Tile {
                panel,
                column,
                a: self.rows.data.as_ptr().add(k0),
                a_row: self.rows.k,
                bias: self.rows.bias.map_or(std::ptr::null(), |bias| bias.as_ptr()),
                c: self.c.add(column),
                c_row: self.c_row,
                columns: self.count - column,
                first: k0 == 0,
                ahead,
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

/// Rows of the right operand.
enum Panel<'a, T> {
    /// So many, one behind the other.
    Gathered(*const T, usize),
    /// Where each of them lies in the input.
    Places(&'a [*const T]),
}

/// What the next block of places will read of some channels, and this one has not: it lies behind this one's last element.
/// Asked for while this block is multiplied, it is there when it is gathered.
#[derive(Clone, Copy)]
struct Ahead<T> {
    from: *const T,
    /// Elements from one channel to the next, and how many channels there are.
    channel: usize,
    channels: usize,
    /// Elements that a block covers in a channel.
    len: usize,
}

impl<T> Ahead<T> {
    /// For the channels of panel rows `rows`.
    fn new(source: &Source<T>, plan: &Plan, rows: (usize, usize)) -> Self {
        let taps = plan.taps.len();
        let (first, end) = (rows.0 / taps, rows.1.div_ceil(taps));
        let last = plan.pieces.last().map_or(0, |piece| piece.from + piece.len * source.step);
        Ahead {
            from: source.data.as_ptr().wrapping_add(source.start + first * source.channel + last),
            channel: source.channel,
            channels: end - first,
            len: block_places::<T>() * source.step,
        }
    }

    /// Asks for part `part` of `parts`.
    #[inline(always)]
    unsafe fn ask<S: Simd<T = T>>(&self, part: usize, parts: usize) {
        const LINE: usize = 64;
        unsafe {
            for channel in part * self.channels / parts..(part + 1) * self.channels / parts {
                let from = self.from.wrapping_add(channel * self.channel);
                for i in (0..self.len).step_by(LINE / size_of::<T>()) {
                    S::prefetch(from.wrapping_add(i));
                }
            }
        }
    }
}

/// A column of register tiles: `c (+)= a b`, where A is read in place and B is a panel.
struct Tile<'a, T> {
    panel: &'a Panel<'a, T>,
    /// First of the tiles' columns in the panel.
    column: usize,
    a: *const T,
    a_row: usize,
    /// Starts of the sums, or null.
    bias: *const T,
    c: *mut T,
    c_row: usize,
    columns: usize,
    /// Whether C is written rather than added to.
    first: bool,
    ahead: Ahead<T>,
}

impl<T: Scalar> Tile<'_, T> {
    #[inline(always)]
    unsafe fn all_rows<S: Simd<T = T>, const NV: usize>(&self, rows: usize) {
        unsafe {
            let (mut row, mut number) = (0, 0);
            let tiles = rows.div_ceil(TILE_ROWS);
            while row < rows {
                let height = tile_rows(row, rows);
                self.ahead.ask::<S>(number, tiles);
                number += 1;
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
            match *self.panel {
                Panel::Gathered(panel, k) => {
                    let b = panel.add(self.column);
                    accumulate::<S, MR, NV>(&mut acc, k, a, self.a_row, 1, b, block_places::<T>());
                }
                Panel::Places(rows) => {
                    for i in 0..MR {
                        for j in 0..NV {
                            S::prefetch_to_write(self.c.wrapping_add((row + i) * self.c_row + j * S::LANES));
                        }
                    }
                    accumulate_at::<S, MR, NV>(&mut acc, a, self.a_row, rows, self.column);
                }
            }
            let c = self.c.add(row * self.c_row);
            let bias = if self.bias.is_null() { self.bias } else { self.bias.add(row) };
            if self.columns < NV * S::LANES {
                self.store_edge::<S, MR, NV>(c, bias, acc);
                return;
            }
            for i in 0..MR {
                let start = if bias.is_null() { S::zero() } else { S::splat(*bias.add(i)) };
                for j in 0..NV {
                    let c = c.add(i * self.c_row + j * S::LANES);
                    S::store(c, S::add(if self.first { start } else { S::load(c) }, acc[i][j]));
                }
            }
        }
    }

    /// Stores a tile that is cut at the last column. On its own, so that the whole tiles stay in registers.
    #[inline(always)]
    unsafe fn store_edge<S: Simd<T = T>, const MR: usize, const NV: usize>(
        &self,
        c: *mut T,
        bias: *const T,
        acc: [[S::V; NV]; MR],
    ) {
        unsafe {
            for (i, acc) in acc.iter().enumerate() {
                let start = if bias.is_null() { S::zero() } else { S::splat(*bias.add(i)) };
                for (j, &acc) in acc.iter().enumerate().take(self.columns.div_ceil(S::LANES)) {
                    let (c, left) = (c.add(i * self.c_row + j * S::LANES), self.columns - j * S::LANES);
                    let so_far = if self.first { start } else { S::load_up_to(c, left) };
                    S::store_up_to(c, left, S::add(so_far, acc));
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
