//! The transforms of the weights, with the columns of the products along the lanes.

#![allow(unsafe_code)]

use std::ops::Range;

use super::super::lanes::kernel::{MAX_LANES, from_lanes, to_lanes};
use super::super::multiply::kernel::panel_place;
use super::super::plan::Axis;
use super::super::transform::kernel::{Grid, MOST_POINTS, Tile};
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd, lanes};
use crate::threads::SharedMut;

/// The weights of one group, (rows, columns, taps), and how they enter the products.
#[derive(Clone, Copy)]
pub struct Weights<'a, T> {
    pub data: &'a [T],
    pub rows: usize,
    pub columns: usize,
    /// Rows are summed over and columns lie along the lanes, with the taps in reverse; else it is the other way round.
    pub flipped: bool,
}

impl<T> Weights<'_, T> {
    /// The length of the products' sums, and their columns.
    pub fn sizes(&self) -> (usize, usize) {
        if self.flipped { (self.rows, self.columns) } else { (self.columns, self.rows) }
    }
}

/// A part of the products' right operands: steps of the sums, and columns.
#[derive(Clone, Debug)]
pub struct Part {
    pub steps: Range<usize>,
    pub columns: Range<usize>,
}

impl Part {
    /// Its square blocks of as many steps and columns as a vector has lanes.
    pub fn blocks<T: Scalar>(&self) -> usize {
        let lanes = lanes::<T>();
        self.steps.len().div_ceil(lanes) * self.columns.len().div_ceil(lanes)
    }
}

/// Transforms one block of a part, which begins at a multiple of the lanes, to `u` from `start` on: for each position
/// panels of the part's columns, `next` elements from one position to the next.
///
/// # Panics
/// If a length does not fit.
pub fn transform<T: Scalar>(
    weights: &Weights<T>,
    axes: &[Axis; 2],
    part: &Part,
    block: usize,
    next: usize,
    u: SharedMut<T>,
    start: usize,
) {
    let lanes = lanes::<T>();
    let (k, columns) = weights.sizes();
    assert!(block < part.blocks::<T>() && part.steps.end <= k && part.columns.end <= columns);
    assert!(part.steps.start.is_multiple_of(lanes) && part.columns.start.is_multiple_of(lanes));
    assert!(part.steps.len() * part.columns.len().next_multiple_of(lanes) <= next);
    let taps = axes[0].taps * axes[1].taps;
    assert!(weights.data.len() == weights.rows * weights.columns * taps);
    assert!(start + axes[0].points * axes[1].points * next <= u.len());
    let len = (taps + 1) * MAX_LANES * MAX_LANES;
    with_scratch(2 * len + MOST_POINTS * MOST_POINTS * MAX_LANES, |scratch: &mut [T]| {
        let u = u.as_mut_ptr().wrapping_add(start);
        let job = Transform { weights, axes, part, block, next, u, len, scratch };
        // SAFETY: the asserts above; blocks write different rows or columns of the operands.
        unsafe { run_at(axes, job) };
    });
}

/// Runs a kernel for the points of the axes.
///
/// # Safety
/// As the kernel says.
pub unsafe fn run_at<T: Scalar, J>(axes: &[Axis; 2], job: J)
where
    At<J, MOST_POINTS>: Kernel<T, Output = ()>,
    At<J, 6>: Kernel<T, Output = ()>,
{
    unsafe {
        if axes.iter().any(|axis| axis.points == MOST_POINTS) {
            simd::run(At::<_, MOST_POINTS>(job));
        } else {
            simd::run(At::<_, 6>(job));
        }
    }
}

/// A kernel for `N` points.
pub struct At<J, const N: usize>(pub J);

struct Transform<'a, T> {
    weights: &'a Weights<'a, T>,
    axes: &'a [Axis; 2],
    part: &'a Part,
    block: usize,
    next: usize,
    u: *mut T,
    len: usize,
    scratch: &'a mut [T],
}

impl<T: Scalar, const N: usize> Kernel<T> for At<Transform<'_, T>, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let Transform { weights, axes, part, block, next, u, len, scratch } = self.0;
            let across = part.columns.len().div_ceil(S::LANES);
            let (step, lane) = (block / across * S::LANES, block % across * S::LANES);
            let (first_step, first_lane) = (part.steps.start + step, part.columns.start + lane);
            let (row, column) = if weights.flipped { (first_step, first_lane) } else { (first_lane, first_step) };
            let (rows, columns) = ((weights.rows - row).min(S::LANES), (weights.columns - column).min(S::LANES));
            let taps = axes[0].taps * axes[1].taps;
            let from = weights.data.as_ptr().add((row * weights.columns + column) * taps);
            let (first, second) = (scratch.as_mut_ptr(), scratch.as_mut_ptr().add(len));
            to_lanes::<S>(from, weights.columns * taps, rows, columns * taps, first);
            let (mut vectors, mut count) = (first, columns);
            if weights.flipped {
                for tap in 0..taps {
                    let to = second.add((taps - 1 - tap) * S::LANES);
                    S::transpose(first.add(tap * S::LANES), taps * S::LANES, to, taps * S::LANES);
                }
                (vectors, count) = (second, rows);
            }
            let all = part.columns.len().next_multiple_of(S::LANES);
            let (place, width) = panel_place::<S>(lane, all, part.steps.len());
            for i in 0..count.min(part.steps.len() - step) {
                let from = vectors.add(i * taps * S::LANES).cast_const();
                let tile = Tile {
                    axes,
                    from: Grid { data: from, row: axes[1].taps * S::LANES, column: S::LANES },
                    to: Grid { data: u.add(place + (step + i) * width), row: axes[1].points * next, column: next },
                    buffer: second.add(len),
                };
                tile.taps::<S, N>();
            }
        }
    }
}

/// Slopes of transformed weights: for each partial sum and position a matrix (channels, outputs), the rows `columns` apart.
#[derive(Clone, Copy)]
pub struct Sums<'a, T> {
    pub data: &'a [T],
    pub channels: usize,
    pub outputs: usize,
    pub columns: usize,
    /// From one position to the next, and from one partial sum to the next.
    pub next: usize,
    pub part: usize,
    pub parts: usize,
}

/// Where slopes of weights (outputs, channels, taps) go.
#[derive(Clone, Copy)]
pub struct Corner {
    /// The index of the first one.
    pub start: usize,
    /// The channels of a filter.
    pub channels: usize,
}

impl<T: Scalar> Sums<'_, T> {
    /// Blocks that are transformed on their own.
    pub fn blocks(&self) -> usize {
        let lanes = lanes::<T>();
        self.outputs.div_ceil(lanes) * self.channels.div_ceil(lanes)
    }
}

/// Adds up one block of the partial sums and transforms it into slopes of weights.
///
/// # Panics
/// If a length does not fit.
pub fn transform_sums<T: Scalar>(
    sums: &Sums<T>,
    axes: &[Axis; 2],
    block: usize,
    dweight: SharedMut<T>,
    corner: Corner,
) {
    let (taps, positions) = (axes[0].taps * axes[1].taps, axes[0].points * axes[1].points);
    assert!(block < sums.blocks() && sums.parts > 0 && sums.outputs.next_multiple_of(lanes::<T>()) <= sums.columns);
    assert!(sums.channels * sums.columns <= sums.next && positions * sums.next <= sums.part);
    assert!(sums.parts * sums.part <= sums.data.len());
    let filters = (sums.outputs - 1) * corner.channels + sums.channels;
    assert!(sums.channels <= corner.channels && corner.start + filters * taps <= dweight.len());
    let len = (taps + 1) * MAX_LANES * MAX_LANES;
    with_scratch(len + 2 * MOST_POINTS * MOST_POINTS * MAX_LANES, |scratch: &mut [T]| {
        let dweight = dweight.as_mut_ptr().wrapping_add(corner.start);
        let job = TransformSums { sums, axes, block, dweight, channels: corner.channels, len, scratch };
        // SAFETY: the asserts above; blocks write different weights.
        unsafe { run_at(axes, job) };
    });
}

struct TransformSums<'a, T> {
    sums: &'a Sums<'a, T>,
    axes: &'a [Axis; 2],
    block: usize,
    dweight: *mut T,
    channels: usize,
    len: usize,
    scratch: &'a mut [T],
}

impl<T: Scalar, const N: usize> Kernel<T> for At<TransformSums<'_, T>, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let TransformSums { sums, axes, block, dweight, channels: all, len, scratch } = self.0;
            let (taps, positions) = (axes[0].taps * axes[1].taps, axes[0].points * axes[1].points);
            let across = sums.outputs.div_ceil(S::LANES);
            let (channel, output) = (block / across * S::LANES, block % across * S::LANES);
            let channels = (sums.channels - channel).min(S::LANES);
            let vectors = scratch.as_mut_ptr();
            let total = vectors.add(len);
            let buffer = total.add(MOST_POINTS * MOST_POINTS * MAX_LANES);
            for i in 0..channels {
                let from = sums.data.as_ptr().add((channel + i) * sums.columns + output);
                for position in 0..positions {
                    let from = from.add(position * sums.next);
                    let mut sum = S::load(from);
                    for part in 1..sums.parts {
                        sum = S::add(sum, S::load(from.add(part * sums.part)));
                    }
                    S::store(total.add(position * S::LANES), sum);
                }
                let to = vectors.add(i * taps * S::LANES);
                let tile = Tile {
                    axes,
                    from: Grid { data: total.cast_const(), row: axes[1].points * S::LANES, column: S::LANES },
                    to: Grid { data: to, row: axes[1].taps * S::LANES, column: S::LANES },
                    buffer,
                };
                tile.tap_slopes::<S, N>();
            }
            let to = dweight.add((output * all + channel) * taps);
            let outputs = (sums.outputs - output).min(S::LANES);
            from_lanes::<S>(vectors, outputs, channels * taps, to, all * taps);
        }
    }
}

/// Elements between the positions of a matrix of `len` elements: apart from powers of two, at which the positions would
/// compete for the same places of the first-level cache.
pub fn apart(len: usize) -> usize {
    len.next_multiple_of(16) + 144
}

/// A number of channels, rounded up to whole vectors.
pub fn whole_vectors<T: Scalar>(channels: usize) -> usize {
    channels.next_multiple_of(lanes::<T>())
}
