//! One block: slopes times weights, added to their places.

#![allow(unsafe_code)]

use std::ops::Range;

use super::super::kernel::{SLACK, Source, block_places, gather, tile_rows};
use super::super::plan::Plan;
use crate::gemm::kernel::accumulate;
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::threads::SharedMut;

/// The channels of one image that a task adds to.
pub struct Target<'a, T> {
    pub data: SharedMut<'a, T>,
    /// Index of channel 0.
    pub start: usize,
    /// Elements of a channel.
    pub plane: usize,
    /// Elements between neighbouring places of a piece.
    pub step: usize,
    pub channels: Range<usize>,
}

impl<T: Scalar> Target<'_, T> {
    /// Zeros the channels.
    pub fn clear(&self) {
        // SAFETY: `slice` checks the range; tasks have channels of their own.
        let channels =
            unsafe { self.data.slice(self.start + self.channels.start * self.plane, self.channels.len() * self.plane) };
        channels.fill(T::ZERO);
    }
}

/// Adds the products of `count` output places: `weight` is (outputs, channels, taps), `places` counts from channel 0.
///
/// # Panics
/// If an array is too short.
pub fn add_block<T: Scalar>(
    source: &Source<T>,
    slopes: &Plan,
    places: &Plan,
    count: usize,
    weight: &[T],
    outputs: usize,
    target: &Target<T>,
) {
    let rows = weight.len() / outputs;
    let taps = places.taps.len();
    assert!(count > 0 && count <= block_places::<T>() && slopes.taps.len() == 1);
    assert!(weight.len() == rows * outputs && rows.is_multiple_of(taps) && target.channels.end * taps <= rows);
    assert!(target.start + target.channels.end * target.plane <= target.data.len());
    for piece in &places.pieces {
        let last = piece.from + (piece.len - 1) * target.step;
        assert!(last < target.plane && piece.to + piece.len <= count);
    }
    source.check(slopes, outputs);
    let ld = block_places::<T>();
    with_scratch(outputs * ld + SLACK, |panel: &mut [T]| {
        with_scratch(target.channels.len() * taps * ld, |products: &mut [T]| {
            let (panel, products) = (panel.as_mut_ptr(), products.as_mut_ptr());
            // SAFETY: the instruction set is the process's own; every index was checked above; the scratch has room for all
            // rows. Tasks have channels of their own.
            unsafe {
                simd::run(AddBlock { source, slopes, places, count, weight, outputs, rows, target, panel, products });
            }
        });
    });
}

struct AddBlock<'a, 'b, T> {
    source: &'a Source<'b, T>,
    slopes: &'a Plan,
    places: &'a Plan,
    count: usize,
    weight: &'a [T],
    outputs: usize,
    /// (channel, tap) pairs of the weight.
    rows: usize,
    target: &'a Target<'b, T>,
    panel: *mut T,
    products: *mut T,
}

impl<T: Scalar> Kernel<T> for AddBlock<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let width = self.count.next_multiple_of(S::LANES);
            gather::<S>(self.source, self.slopes, (0, self.outputs), width, self.panel, block_places::<T>());
            let mut column = 0;
            while column < self.count {
                let left = self.count - column;
                if S::REGISTERS == 32 && left > 2 * S::LANES {
                    self.column::<S, 4>(column);
                    column += 4 * S::LANES;
                } else if left > S::LANES {
                    self.column::<S, 2>(column);
                    column += 2 * S::LANES;
                } else {
                    self.column::<S, 1>(column);
                    column += S::LANES;
                }
            }
            self.add_products::<S>();
        }
    }
}

impl<T: Scalar> AddBlock<'_, '_, T> {
    #[inline(always)]
    unsafe fn column<S: Simd<T = T>, const NV: usize>(&self, column: usize) {
        unsafe {
            let taps = self.places.taps.len();
            let (first, end) = (self.target.channels.start * taps, self.target.channels.end * taps);
            let mut row = first;
            while row < end {
                let height = tile_rows(row, end);
                match height {
                    1 => self.tile::<S, 1, NV>(row, row - first, column),
                    2 => self.tile::<S, 2, NV>(row, row - first, column),
                    3 => self.tile::<S, 3, NV>(row, row - first, column),
                    4 => self.tile::<S, 4, NV>(row, row - first, column),
                    5 => self.tile::<S, 5, NV>(row, row - first, column),
                    _ => self.tile::<S, 6, NV>(row, row - first, column),
                }
                row += height;
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd<T = T>, const MR: usize, const NV: usize>(&self, row: usize, to: usize, column: usize) {
        unsafe {
            let ld = block_places::<T>();
            let mut acc = [[S::zero(); NV]; MR];
            let a = self.weight.as_ptr().add(row);
            accumulate::<S, MR, NV>(&mut acc, self.outputs, a, 1, self.rows, self.panel.add(column), ld);
            for i in 0..MR {
                for j in 0..NV {
                    S::store(self.products.add((to + i) * ld + column + j * S::LANES), acc[i][j]);
                }
            }
        }
    }

    /// Channels follow each other within a tap, so that additions to neighbouring places lie far apart in time.
    #[inline(always)]
    unsafe fn add_products<S: Simd<T = T>>(&self) {
        unsafe {
            let taps = self.places.taps.len();
            let channels = self.target.channels.len();
            let mut first = 0;
            for t in 0..taps {
                let end = self.places.taps.get_unchecked(t).end;
                for c in 0..channels {
                    let products = self.products.add((c * taps + t) * block_places::<T>());
                    let channel = self.target.start + (self.target.channels.start + c) * self.target.plane;
                    let to = self.target.data.as_mut_ptr().add(channel);
                    for p in first..end {
                        let piece = self.places.pieces.get_unchecked(p);
                        add_piece::<S>(products.add(piece.to), to.add(piece.from), piece.len, self.target.step);
                    }
                }
                first = end;
            }
        }
    }
}

/// Adds `len` elements to places `step` apart.
#[inline(always)]
unsafe fn add_piece<S: Simd>(from: *const S::T, to: *mut S::T, len: usize, step: usize) {
    unsafe {
        let mut i = 0;
        while i < len {
            let left = len - i;
            if step == 1 {
                let sum = S::add(S::load_up_to(to.add(i), left), S::load_up_to(from.add(i), left));
                S::store_up_to(to.add(i), left, sum);
                i += S::LANES;
            } else if step == 2 {
                // The places between get a zero.
                let (low, high) = S::interleave(S::load_up_to(from.add(i), left), S::zero());
                let (to, left) = (to.add(2 * i), 2 * left - 1);
                S::store_up_to(to, left, S::add(S::load_up_to(to, left), low));
                if left > S::LANES {
                    let (to, left) = (to.add(S::LANES), left - S::LANES);
                    S::store_up_to(to, left, S::add(S::load_up_to(to, left), high));
                }
                i += S::LANES;
            } else {
                *to.add(i * step) += *from.add(i);
                i += 1;
            }
        }
    }
}
