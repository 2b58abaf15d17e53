//! Register tiles of places times output channels.

#![allow(unsafe_code)]

use super::Finish;
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd, lanes};
use crate::threads::SharedMut;

/// The offset of a tap that lies in the padding.
pub const OUTSIDE: usize = usize::MAX;

/// Rows of a tile: what a number of places is best a multiple of.
pub const ROWS: usize = 6;

/// Elements of the sum after which it is added to y: many small sums are more accurate than a long one, and the filters
/// that they read stay in the second-level cache.
const BLOCK_K: usize = 256;

/// What the padding holds: as many zeros as the widest vector has lanes.
static ZEROS: [f64; 16] = [0.0; 16];

/// The input: the elements of a tap lie side by side, `block_depth` of the `depth` at a time.
#[derive(Clone, Copy)]
pub struct Source<'a, T> {
    pub data: &'a [T],
    /// For each tap and place the index of the first element.
    pub offsets: &'a [usize],
    /// From one block to the next.
    pub block: usize,
    pub depth: usize,
    pub block_depth: usize,
    pub filters: FilterSteps,
}

/// Elements of a panel from one tap, block, element of a block, and vector to the next.
#[derive(Clone, Copy)]
pub struct FilterSteps {
    pub tap: usize,
    pub block: usize,
    pub element: usize,
    pub vector: usize,
}

/// Some places times a panel of filters.
pub struct Tiles<'a, T> {
    pub source: Source<'a, T>,
    /// The index of each place in y.
    pub to: &'a [usize],
    /// A panel of `width` columns.
    pub filters: &'a [T],
    pub width: usize,
    pub bias: &'a [T],
    pub finish: Finish<'a, T>,
}

/// Writes the panel's blocks of channels, from `start` on, `y_block` elements apart.
///
/// No other task may write them.
///
/// # Panics
/// If a length or an offset does not fit.
pub fn run<T: Scalar>(tiles: &Tiles<T>, y: SharedMut<T>, start: usize, y_block: usize) {
    let Source { data, offsets, block, depth, block_depth, filters } = tiles.source;
    let places = tiles.to.len();
    let (vectors, blocks) = (tiles.width / lanes::<T>(), depth.div_ceil(block_depth));
    assert!(places > 0 && depth > 0 && tiles.width.is_multiple_of(lanes::<T>()) && vectors > 0);
    assert!(vectors * lanes::<T>() <= crate::gemm::panel_width::<T>() && tiles.bias.len() == tiles.width);
    let taps = offsets.len() / places;
    assert!(offsets.len() == taps * places && taps > 0);
    // Of the last block, and of a whole one before it.
    let end = |blocks: usize, elements: usize| {
        let at = (taps - 1) * filters.tap + (blocks - 1) * filters.block + (elements - 1) * filters.element;
        at + (vectors - 1) * filters.vector + lanes::<T>()
    };
    assert!(end(blocks, depth - (blocks - 1) * block_depth) <= tiles.filters.len());
    assert!(blocks == 1 || end(blocks - 1, block_depth) <= tiles.filters.len());
    let (mut last, mut outside) = (0, false);
    for &offset in offsets {
        outside |= offset == OUTSIDE;
        last = last.max(if offset == OUTSIDE { 0 } else { offset });
    }
    let in_last_block = depth - (blocks - 1) * block_depth;
    let reach = if blocks > 1 { block_depth.max(block + in_last_block) } else { depth };
    assert!(last + blocks.saturating_sub(2) * block + reach <= data.len());
    assert!(!outside || block_depth.min(depth) <= ZEROS.len());
    let end = start + tiles.to.iter().copied().max().unwrap_or(0) + (vectors - 1) * y_block + lanes::<T>();
    assert!(end <= y.len() && tiles.finish.add.is_none_or(|add| end <= add.len()));
    // SAFETY: the asserts above; the caller keeps other tasks out of the places.
    unsafe { simd::run(Run { tiles, places, taps, blocks, y: y.as_mut_ptr().add(start), start, y_block }) };
}

struct Run<'a, T> {
    tiles: &'a Tiles<'a, T>,
    places: usize,
    taps: usize,
    blocks: usize,
    y: *mut T,
    start: usize,
    y_block: usize,
}

/// A part of the sum: adjacent runs, one for each block and tap.
#[derive(Clone, Copy)]
struct Part {
    tap: usize,
    block: usize,
    runs: usize,
    first: bool,
    last: bool,
}

impl<T: Scalar> Kernel<T> for Run<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            match self.tiles.width / S::LANES {
                1 => self.panel::<S, 1>(),
                2 => self.panel::<S, 2>(),
                3 if S::REGISTERS == 32 => self.panel::<S, 3>(),
                _ if S::REGISTERS == 32 => self.panel::<S, 4>(),
                _ => self.panel::<S, 2>(),
            }
        }
    }
}

impl<T: Scalar> Run<'_, T> {
    #[inline(always)]
    unsafe fn panel<S: Simd<T = T>, const NV: usize>(&self) {
        unsafe {
            let (all, step) = (self.taps * self.blocks, (BLOCK_K / self.tiles.source.block_depth).max(1));
            for run in (0..all).step_by(step) {
                let (tap, block) = (run % self.taps, run / self.taps);
                let runs = step.min(all - run);
                let part = Part { tap, block, runs, first: run == 0, last: run + runs == all };
                self.part::<S, NV>(&part);
            }
        }
    }

    #[inline(always)]
    unsafe fn part<S: Simd<T = T>, const NV: usize>(&self, part: &Part) {
        unsafe {
            let mut place = 0;
            while place < self.places {
                place += match self.places - place {
                    1 => self.tile::<S, 1, NV>(part, place),
                    2 | 3 => self.tile::<S, 2, NV>(part, place),
                    4 | 5 => self.tile::<S, 4, NV>(part, place),
                    // Few vectors need more rows to hide how long an addition takes.
                    8.. if NV == 1 || (NV == 2 && S::REGISTERS == 32) => self.tile::<S, 8, NV>(part, place),
                    _ => self.tile::<S, 6, NV>(part, place),
                };
            }
        }
    }

    /// Returns the number of its places.
    #[inline(always)]
    unsafe fn tile<S: Simd<T = T>, const MR: usize, const NV: usize>(&self, part: &Part, place: usize) -> usize {
        unsafe {
            let Source { data, offsets, block: next, depth, block_depth, filters: steps } = self.tiles.source;
            let mut sums = [[S::zero(); NV]; MR];
            let (mut tap, mut block) = (part.tap, part.block);
            for _ in 0..part.runs {
                let count = block_depth.min(depth - block * block_depth);
                let offsets = offsets.as_ptr().add(tap * self.places + place);
                let mut rows = [ZEROS.as_ptr().cast::<T>(); MR];
                for i in 0..MR {
                    let offset = *offsets.add(i);
                    if offset != OUTSIDE {
                        rows[i] = data.as_ptr().add(offset + block * next);
                    }
                }
                let filters = self.tiles.filters.as_ptr().add(tap * steps.tap + block * steps.block);
                accumulate::<S, MR, NV>(&mut sums, count, &rows, filters, [steps.element, steps.vector]);
                tap += 1;
                if tap == self.taps {
                    (tap, block) = (0, block + 1);
                }
            }
            let to = self.tiles.to.as_ptr().add(place);
            for i in 0..MR {
                for j in 0..NV {
                    let at = *to.add(i) + j * self.y_block;
                    let to = self.y.add(at);
                    let bias = self.tiles.bias.as_ptr().add(j * S::LANES);
                    let so_far = if part.first { S::load(bias) } else { S::load(to) };
                    let mut sum = S::add(so_far, sums[i][j]);
                    if part.last {
                        sum = finish::<S>(&self.tiles.finish, sum, self.start + at);
                    }
                    S::store(to, sum);
                }
            }
            MR
        }
    }
}

/// `sums[i] += sum over k of rows[i][k] * filters[k]`: the rows are broadcast, filters run along the lanes.
#[inline(always)]
unsafe fn accumulate<S: Simd, const MR: usize, const NV: usize>(
    sums: &mut [[S::V; NV]; MR],
    count: usize,
    rows: &[*const S::T; MR],
    filters: *const S::T,
    [step, vector]: [usize; 2],
) {
    unsafe {
        let mut filters = filters;
        for k in 0..count {
            let mut row = [S::zero(); NV];
            for j in 0..NV {
                row[j] = S::load(filters.add(j * vector));
            }
            for i in 0..MR {
                let x = S::splat(*rows[i].add(k));
                for j in 0..NV {
                    sums[i][j] = S::fma(x, row[j], sums[i][j]);
                }
            }
            filters = filters.add(step);
        }
    }
}

/// A finished vector of y that goes to the index `at`.
///
/// # Safety
/// The images that are added have a vector there.
#[inline(always)]
pub unsafe fn finish<S: Simd>(finish: &Finish<S::T>, sum: S::V, at: usize) -> S::V {
    unsafe {
        let sum = match finish.add {
            Some(add) => S::add(sum, S::load(add.as_ptr().add(at))),
            None => sum,
        };
        if finish.relu { S::max(S::zero(), sum) } else { sum }
    }
}
