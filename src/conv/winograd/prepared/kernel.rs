//! Filters in lanes to points, and points to images with channels in the lanes.

#![allow(unsafe_code)]

use std::ops::Range;

use super::super::kernel::{TILE, Tiles, extent, tiles_of};
use super::super::plan::{Plan, Run};
use super::super::transform::kernel::{Grid, Tile};
use super::super::weights::kernel::{At, run_at};
use crate::conv::prepared::kernel::finish;
use crate::conv::prepared::{Finish, Order, Steps};
use crate::gemm::panel_width;
use crate::geometry::layout::Layout;
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, lanes};
use crate::threads::SharedMut;

/// Channels whose filters are asked for ahead of their use: some hundred nanoseconds.
const AHEAD: usize = 3;

/// A panel of packed filters: the weights of `width` outputs, from `first` on.
pub struct Panel<'a, T> {
    plan: &'a Plan,
    data: &'a [T],
    order: Order,
    pub first: usize,
    pub width: usize,
}

impl<'a, T: Scalar> Panel<'a, T> {
    /// The panel of a number among those of `wide` columns.
    pub fn new(plan: &'a Plan, panels: &'a [T], order: Order, wide: usize, number: usize) -> Self {
        assert!(order.channels == plan.channels && order.taps == plan.axes[0].taps * plan.axes[1].taps);
        let first = number * panel_width::<T>();
        let (width, rows) = (panel_width::<T>().min(wide - first), order.rows());
        Panel { plan, data: &panels[first * rows..(first + width) * rows], order, first, width }
    }
}

/// Transforms the filters of some channels: from `start` on, `next` elements from one position to the next, a row for each
/// channel.
///
/// No other task may use these.
///
/// # Panics
/// If a length does not fit.
pub fn transform<T: Scalar>(panel: &Panel<T>, steps: Range<usize>, next: usize, u: SharedMut<T>, start: usize) {
    let plan = panel.plan;
    assert!(steps.end <= panel.order.channels && panel.data.len() == panel.order.rows() * panel.width);
    assert!(panel.width.is_multiple_of(lanes::<T>()));
    assert!(start + (plan.positions() - 1) * next + steps.len() * panel.width <= u.len());
    with_scratch(TILE, |scratch: &mut [T]| {
        let u = u.as_mut_ptr().wrapping_add(start);
        let job = Transform { panel, steps, next, u, buffer: scratch.as_mut_ptr() };
        // SAFETY: the asserts above; the caller keeps other tasks out of what is written.
        unsafe { run_at(&plan.axes, job) };
    });
}

struct Transform<'a, T> {
    panel: &'a Panel<'a, T>,
    steps: Range<usize>,
    next: usize,
    u: *mut T,
    buffer: *mut T,
}

impl<T: Scalar, const N: usize> Kernel<T> for At<Transform<'_, T>, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let Transform { panel, steps, next, u, buffer } = self.0;
            let axes = &panel.plan.axes;
            let Steps { tap: column, channel: next_channel, vector } = panel.order.steps::<T>(panel.width);
            let line = 64 / size_of::<T>();
            let ahead = if panel.order.for_transforms { next_channel / line } else { 0 };
            for (i, channel) in steps.enumerate() {
                for i in 0..ahead {
                    let from = panel.data.as_ptr().wrapping_add((channel + AHEAD) * next_channel);
                    S::prefetch(from.wrapping_add(i * line));
                }
                for lane in (0..panel.width).step_by(S::LANES) {
                    let from = panel.data.as_ptr().add(channel * next_channel + lane / S::LANES * vector);
                    let tile = Tile {
                        axes,
                        from: Grid { data: from, row: axes[1].taps * column, column },
                        to: Grid { data: u.add(i * panel.width + lane), row: axes[1].points * next, column: next },
                        buffer,
                    };
                    tile.taps::<S, N>();
                }
            }
        }
    }
}

/// Transforms the finished products of adjacent units to places, adds the bias, finishes them and stores them.
///
/// No other task may use these places.
///
/// # Panics
/// If a length does not fit.
pub fn outputs<T: Scalar>(
    plan: &Plan,
    m: &Tiles<T>,
    units: Range<usize>,
    bias: &[T],
    finish: Finish<T>,
    y: SharedMut<T>,
) {
    let view = &plan.output;
    m.check(plan, tiles_of(plan, &units), plan.outputs);
    assert!(view.layout == Layout::Lanes && view.is_dense() && bias.len() >= plan.outputs);
    assert!(bias.len().is_multiple_of(lanes::<T>()) && extent::<T>(plan, view) <= y.len());
    assert!(finish.add.is_none_or(|add| add.len() >= y.len()));
    assert!(plan.axes.iter().all(|axis| axis.first == 0) && [0, 1].iter().all(|&a| plan.axes[a].count <= view.size[a]));
    with_scratch(2 * TILE, |scratch: &mut [T]| {
        let job = Store { plan, m, units, bias, finish, y: y.as_mut_ptr(), scratch: scratch.as_mut_ptr() };
        // SAFETY: the tiles lie in `m`, the view's images in `y`; the caller keeps other tasks out of them.
        unsafe { run_at(&plan.axes, job) };
    });
}

struct Store<'a, T> {
    plan: &'a Plan,
    m: &'a Tiles<'a, T>,
    units: Range<usize>,
    bias: &'a [T],
    finish: Finish<'a, T>,
    y: *mut T,
    scratch: *mut T,
}

impl<T: Scalar, const N: usize> Kernel<T> for At<Store<'_, T>, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            for run in self.0.plan.runs(self.0.units.clone()) {
                for first in (0..self.0.plan.outputs).step_by(S::LANES) {
                    self.run_of_lanes::<S>(&run, first);
                }
            }
        }
    }
}

impl<T: Scalar, const N: usize> At<Store<'_, T>, N> {
    #[inline(always)]
    unsafe fn run_of_lanes<S: Simd<T = T>>(&self, run: &Run, first: usize) {
        unsafe {
            let Store { plan, m, bias, ref finish, y, scratch, .. } = self.0;
            let ([down, across], view) = (&plan.axes, &plan.output);
            let plus = S::load(bias.as_ptr().add(first));
            let (places, buffer) = (scratch, scratch.add(TILE));
            let start = run.image * view.image + first * view.plane();
            let mut tile = run.first;
            for i in run.rows.clone() {
                for j in run.columns.clone() {
                    let from = m.data.as_mut_ptr().add(m.place::<S>(tile, first)).cast_const();
                    let map = Tile {
                        axes: &plan.axes,
                        from: Grid { data: from, row: across.points * m.next, column: m.next },
                        to: Grid { data: places, row: across.tile * S::LANES, column: S::LANES },
                        buffer,
                    };
                    map.outputs::<S, N>(plus);
                    let (top, left) = (i * down.tile, j * across.tile);
                    let columns = across.tile.min(across.count - left);
                    for k in 0..down.tile.min(down.count - top) {
                        let row = start + ((top + k) * view.size[1] + left) * S::LANES;
                        let from = places.add(k * across.tile * S::LANES);
                        for column in 0..columns {
                            let at = row + column * S::LANES;
                            let sum = S::load(from.add(column * S::LANES));
                            S::store(y.add(at), self::finish::<S>(finish, sum, at));
                        }
                    }
                    tile += 1;
                }
            }
        }
    }
}
