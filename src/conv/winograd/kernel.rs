//! The work on one block of tiles: inputs to points, points to outputs, slopes to points.

#![allow(unsafe_code)]

use std::ops::Range;

use super::lanes::kernel::{Lanes, MAX_LANES, Stage, stage_len};
use super::multiply::kernel::{Product, panel_place};
use super::plan::{Plan, Run, View};
use super::transform::kernel::{Grid, MOST_POINTS, Tile};
use super::weights::kernel::{At, Part, run_at, whole_vectors};
use crate::gemm::panel_width;
use crate::geometry::layout::Layout;
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::threads::SharedMut;

/// A tile's vectors in scratch.
pub(super) const TILE: usize = MOST_POINTS * MOST_POINTS * MAX_LANES;

/// Transformed tiles: for each position a matrix (tiles, columns), `next` elements from one position to the next.
#[derive(Clone, Copy)]
pub struct Tiles<'a, T> {
    pub data: SharedMut<'a, T>,
    /// The number of the first tile.
    pub start: usize,
    pub next: usize,
    /// The columns lie in panels of so many tiles, rather than in rows.
    pub depth: Option<usize>,
    pub columns: usize,
}

impl<'a, T> Tiles<'a, T> {
    /// Tiles in rows of `columns`.
    pub fn rows(data: &'a mut [T], next: usize, columns: usize) -> Self {
        Tiles { data: SharedMut::new(data), start: 0, next, depth: None, columns }
    }

    /// Tiles whose columns lie in panels of `depth` tiles.
    pub fn panels(data: &'a mut [T], next: usize, columns: usize, depth: usize) -> Self {
        Tiles { data: SharedMut::new(data), start: 0, next, depth: Some(depth), columns }
    }

    /// The tiles from number `tile` on.
    pub fn from(&self, tile: usize) -> Self {
        Tiles { start: self.start + tile, ..*self }
    }

    /// The index of a tile's vector for a column.
    #[inline(always)]
    pub(super) fn place<S: Simd>(&self, tile: usize, column: usize) -> usize {
        match self.depth {
            None => (self.start + tile) * self.columns + column,
            Some(depth) => {
                let (place, width) = panel_place::<S>(column, self.columns, depth);
                place + (self.start + tile) * width
            }
        }
    }

    pub(super) fn check(&self, plan: &Plan, tiles: usize, channels: usize) {
        let rows = self.depth.unwrap_or(self.start + tiles);
        assert!(
            self.start + tiles <= rows
                && rows * self.columns <= self.next
                && plan.positions() * self.next <= self.data.len()
                && channels <= self.columns
        );
    }
}

/// The number of tiles of adjacent units.
pub fn tiles_of(plan: &Plan, units: &Range<usize>) -> usize {
    assert!(units.start <= units.end && units.end <= plan.units());
    plan.runs(units.clone()).map(|run| run.rows.len() * run.columns.len()).sum()
}

/// The places that a run of tiles of `size` covers along an axis, from `start` on, with `tile` from one to the next.
fn span(tiles: &Range<usize>, start: i64, tile: usize, size: usize) -> Range<i64> {
    let first = start + (tiles.start * tile) as i64;
    first..first + ((tiles.len() - 1) * tile + size) as i64
}

/// The most places that a run of `units` units covers with tiles of `size`.
fn places(plan: &Plan, units: usize, size: [usize; 2]) -> usize {
    let rows = if plan.segments == 1 { units.min(plan.axes[0].tiles()) } else { 1 };
    let height = (rows - 1) * plan.axes[0].tile + size[0];
    height * ((plan.segment - 1) * plan.axes[1].tile + size[1])
}

/// Elements from a group's first one in the first image to its last one in the last.
pub(super) fn extent<T: Scalar>(plan: &Plan, view: &View) -> usize {
    (plan.batch - 1) * view.image + view.extent_of(simd::lanes::<T>())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Inputs,
    Slopes,
}

/// Transforms the input tiles of adjacent units.
///
/// No other task may use these tiles.
///
/// # Panics
/// If a length does not fit.
pub fn inputs<T: Scalar>(plan: &Plan, x: &[T], units: Range<usize>, v: &Tiles<T>) {
    load(Kind::Inputs, plan, &plan.input, x, units, v);
}

/// Transforms the slopes of the output tiles of adjacent units.
///
/// No other task may use these tiles.
///
/// # Panics
/// If a length does not fit.
pub fn slopes<T: Scalar>(plan: &Plan, dy: &[T], units: Range<usize>, v: &Tiles<T>) {
    load(Kind::Slopes, plan, &plan.output, dy, units, v);
}

fn load<T: Scalar>(kind: Kind, plan: &Plan, view: &View, group: &[T], units: Range<usize>, v: &Tiles<T>) {
    v.check(plan, tiles_of(plan, &units), view.virtual_channels());
    assert!(extent::<T>(plan, view) <= group.len());
    let size = plan.axes.map(|axis| if kind == Kind::Inputs { axis.points } else { axis.tile });
    let phases = if view.joins_phases(simd::lanes::<T>()) { view.step[0] * view.step[1] } else { 1 };
    let stage = stage_len(phases * places(plan, units.len(), size));
    with_scratch(stage + 2 * TILE, |scratch: &mut [T]| {
        let job = Load { kind, plan, view, group: group.as_ptr(), units, v, size, stage, scratch };
        // SAFETY: the view's images lie in `group`, the block's tiles in `v`; the caller keeps other tasks out of them.
        unsafe { run_at(&plan.axes, job) };
    });
}

struct Load<'a, T> {
    kind: Kind,
    plan: &'a Plan,
    view: &'a View,
    group: *const T,
    units: Range<usize>,
    v: &'a Tiles<'a, T>,
    size: [usize; 2],
    stage: usize,
    scratch: &'a mut [T],
}

impl<T: Scalar, const N: usize> Kernel<T> for At<Load<'_, T>, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(mut self) {
        unsafe {
            let view = self.0.view;
            let joined = view.joined();
            let joins = view.joins_phases(S::LANES);
            let (loaded, step) = if joins { (&joined, view.step) } else { (view, [1; 2]) };
            let channels = loaded.virtual_channels();
            for run in self.0.plan.runs(self.0.units.clone()) {
                for first in (0..channels).step_by(S::LANES) {
                    let count = (channels - first).min(S::LANES);
                    let stage = self.stage::<S>(&run, Lanes { view: loaded, image: run.image, first, count }, step);
                    if !joins {
                        self.tiles::<S>(&run, &stage, first);
                        continue;
                    }
                    let (tap, channel) = (first / view.channels, first % view.channels);
                    for phase in 0..step[0] * step[1] {
                        let first = tap * view.tap_channels() + phase * view.channels + channel;
                        let stage = stage.phase::<S>(step, [phase / step[1], phase % step[1]]);
                        self.tiles::<S>(&run, &stage, first);
                    }
                }
            }
        }
    }
}

impl<T: Scalar, const N: usize> At<Load<'_, T>, N> {
    /// The first place of the tile grid along an axis.
    fn start(&self, axis: usize) -> i64 {
        let axis = &self.0.plan.axes[axis];
        axis.first + if self.0.kind == Kind::Inputs { axis.shift } else { 0 }
    }

    /// Loads the places of a run, `step` times as many along the axes.
    #[inline(always)]
    unsafe fn stage<S: Simd<T = T>>(&mut self, run: &Run, lanes: Lanes, step: [usize; 2]) -> Stage<T> {
        unsafe {
            let [down, across] = self.0.plan.axes.map(|axis| axis.tile);
            let rows = span(&run.rows, self.start(0), down, self.0.size[0]);
            let columns = span(&run.columns, self.start(1), across, self.0.size[1]);
            let all = |places: Range<i64>, step: usize| places.start * step as i64..places.end * step as i64;
            let data = self.0.scratch.as_mut_ptr();
            Stage::load::<S>(lanes, self.0.group, all(rows, step[0]), all(columns, step[1]), data)
        }
    }

    /// Transforms the tiles of a run, for a vector of virtual channels.
    #[inline(always)]
    unsafe fn tiles<S: Simd<T = T>>(&mut self, run: &Run, stage: &Stage<T>, first: usize) {
        unsafe {
            let Load { kind, plan, v, size, stage: stage_len, ref mut scratch, .. } = self.0;
            let [down, across] = &plan.axes;
            let data = scratch.as_mut_ptr();
            let (edge, buffer) = (data.add(stage_len), data.add(stage_len + TILE));
            let start = [0, 1].map(|axis| self.start(axis));
            let mut tile = run.first;
            for i in run.rows.clone() {
                for j in run.columns.clone() {
                    let at = [start[0] + (i * down.tile) as i64, start[1] + (j * across.tile) as i64];
                    let from = stage.window::<S>(at, size).unwrap_or_else(|| {
                        stage.copy_window::<S>(at, size, edge);
                        Grid { data: edge.cast_const(), row: size[1] * S::LANES, column: S::LANES }
                    });
                    let to = v.data.as_mut_ptr().add(v.place::<S>(tile, first));
                    let map = Tile {
                        axes: &plan.axes,
                        from,
                        to: Grid { data: to, row: across.points * v.next, column: v.next },
                        buffer,
                    };
                    match kind {
                        Kind::Inputs => map.inputs::<S, N>(),
                        Kind::Slopes => map.slopes::<S, N>(),
                    }
                    tile += 1;
                }
            }
        }
    }
}

/// Transformed weights of a part of the products: for each position panels of the part's columns.
#[derive(Clone, Copy)]
pub struct Operands<'a, T> {
    pub data: &'a [T],
    /// From one position to the next.
    pub next: usize,
    pub part: &'a Part,
}

/// The products of tiles with the transformed weights; steps beyond the first ones are added to what `m` holds.
///
/// No other task may use the part's columns of the tiles of `m`.
///
/// # Panics
/// If a length does not fit.
pub fn multiply<T: Scalar>(plan: &Plan, tiles: usize, v: &Tiles<T>, u: &Operands<T>, m: &Tiles<T>) {
    let Part { steps, columns } = u.part;
    v.check(plan, tiles, steps.end);
    m.check(plan, tiles, columns.end);
    let width = whole_vectors::<T>(columns.len());
    assert!(v.depth.is_none() && m.depth.is_none() && columns.start + width <= m.columns);
    assert!(steps.len() * width <= u.next && plan.positions() * u.next <= u.data.len());
    let (a, c) = (v.data.as_mut_ptr(), m.data.as_mut_ptr());
    let panel = panel_width::<T>();
    for position in 0..plan.positions() {
        let mut accumulate = steps.start > 0;
        for run in plan.present(&plan.input, position).filter_map(|run| common(&run, steps)) {
            let product = Product {
                a: a.wrapping_add(position * v.next + v.start * v.columns + run.start),
                a_row: v.columns,
                a_step: 1,
                b: u.data.as_ptr().wrapping_add(position * u.next),
                b_depth: steps.len(),
                c: c.wrapping_add(position * m.next + m.start * m.columns + columns.start),
                c_row: m.columns,
                rows: tiles,
                columns: width,
                k: run.len(),
                accumulate,
            };
            let skipped = run.start - steps.start;
            accumulate = true;
            for first in (0..width).step_by(panel) {
                let wide = panel.min(width - first);
                let wanted = columns.start + first..(columns.start + first + wide).min(columns.end);
                let present = plan.present(&plan.output, position).any(|run| common(&run, &wanted).is_some());
                let one = Product {
                    b: product.b.wrapping_add(first * steps.len() + skipped * wide),
                    c: product.c.wrapping_add(first),
                    columns: wide,
                    k: if present { run.len() } else { 0 },
                    ..product
                };
                if present || !one.accumulate {
                    // SAFETY: the asserts above; the caller keeps other tasks out of the columns.
                    unsafe { simd::run(one) };
                }
            }
        }
    }
}

/// What two ranges have in common.
fn common(a: &Range<usize>, b: &Range<usize>) -> Option<Range<usize>> {
    let both = a.start.max(b.start)..a.end.min(b.end);
    (!both.is_empty()).then_some(both)
}

/// The products of transformed inputs and slopes, summed over tiles: `sums` has a matrix (the part's steps, its columns) for
/// each position.
///
/// # Panics
/// If a length does not fit.
pub fn multiply_slopes<T: Scalar>(
    plan: &Plan,
    tiles: usize,
    (v, slopes): (&Tiles<T>, &Tiles<T>),
    part: &Part,
    sums: &mut [T],
    next: usize,
    accumulate: bool,
) {
    let Part { steps, columns } = part;
    v.check(plan, tiles, steps.end);
    slopes.check(plan, tiles, columns.end);
    let width = whole_vectors::<T>(columns.len());
    assert!(v.depth.is_none() && columns.start + width <= slopes.columns);
    assert!(steps.len() * width <= next && plan.positions() * next <= sums.len());
    let Some(depth) = slopes.depth.filter(|_| slopes.start == 0) else {
        panic!("slopes lie in panels, from tile 0 on")
    };
    let (a, b) = (v.data.as_mut_ptr(), slopes.data.as_mut_ptr().wrapping_add(columns.start * depth));
    for position in 0..plan.positions() {
        // Rows of what vanishes are left as they are: nothing but taps that do not exist depends on them.
        for run in plan.present(&plan.input, position).filter_map(|run| common(&run, steps)) {
            let product = Product {
                a: a.wrapping_add(position * v.next + v.start * v.columns + run.start),
                a_row: 1,
                a_step: v.columns,
                b: b.wrapping_add(position * slopes.next),
                b_depth: depth,
                c: sums.as_mut_ptr().wrapping_add(position * next + (run.start - steps.start) * width),
                c_row: width,
                rows: run.len(),
                columns: width,
                k: tiles,
                accumulate,
            };
            // SAFETY: the asserts above; `sums` is this task's.
            unsafe { simd::run(product) };
        }
    }
}

/// Transforms the finished products of adjacent units to outputs, adds the bias and stores them to a group that begins at
/// `group` in y.
///
/// No other task may use these outputs.
///
/// # Panics
/// If a length does not fit.
pub fn outputs<T: Scalar>(
    plan: &Plan,
    m: &Tiles<T>,
    units: Range<usize>,
    bias: Option<&[T]>,
    y: SharedMut<T>,
    group: usize,
) {
    let view = &plan.output;
    assert!(view.layout == Layout::Planes);
    m.check(plan, tiles_of(plan, &units), plan.outputs);
    assert!(bias.is_none_or(|bias| bias.len() == plan.outputs) && group + extent::<T>(plan, view) <= y.len());
    let stage = stage_len(places(plan, units.len(), plan.axes.map(|axis| axis.tile)));
    with_scratch(stage + 2 * TILE, |scratch: &mut [T]| {
        let y = y.as_mut_ptr().wrapping_add(group);
        let job = Store { plan, view, m, units, bias, y, stage, scratch };
        // SAFETY: the tiles lie in `m`, the view's images in `y`; the caller keeps other tasks out of them.
        unsafe { run_at(&plan.axes, job) };
    });
}

struct Store<'a, T> {
    plan: &'a Plan,
    view: &'a View,
    m: &'a Tiles<'a, T>,
    units: Range<usize>,
    bias: Option<&'a [T]>,
    y: *mut T,
    stage: usize,
    scratch: &'a mut [T],
}

impl<T: Scalar, const N: usize> Kernel<T> for At<Store<'_, T>, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(mut self) {
        unsafe {
            let channels = self.0.plan.outputs;
            for run in self.0.plan.runs(self.0.units.clone()) {
                for first in (0..channels).step_by(S::LANES) {
                    let count = (channels - first).min(S::LANES);
                    self.run_of_lanes::<S>(&run, Lanes { view: self.0.view, image: run.image, first, count });
                }
            }
        }
    }
}

impl<T: Scalar, const N: usize> At<Store<'_, T>, N> {
    #[inline(always)]
    unsafe fn run_of_lanes<S: Simd<T = T>>(&mut self, run: &Run, lanes: Lanes) {
        unsafe {
            let Store { plan, m, bias, y, stage, ref mut scratch, .. } = self.0;
            let [down, across] = &plan.axes;
            let plus = bias.map_or(S::zero(), |bias| S::load_up_to(bias.as_ptr().add(lanes.first), lanes.count));
            let (top, left) = (run.rows.start * down.tile, run.columns.start * across.tile);
            let height = (run.rows.len() * down.tile).min(down.count - top);
            let width = (run.columns.len() * across.tile).min(across.count - left);
            let data = scratch.as_mut_ptr();
            let (edge, buffer) = (data.add(stage), data.add(stage + TILE));
            let mut tile = run.first;
            for i in (0..height).step_by(down.tile) {
                for j in (0..width).step_by(across.tile) {
                    let from = m.data.as_mut_ptr().add(m.place::<S>(tile, lanes.first)).cast_const();
                    let place = data.add((i * width + j) * S::LANES);
                    let whole = i + down.tile <= height && j + across.tile <= width;
                    let row = if whole { width } else { across.tile } * S::LANES;
                    let map = Tile {
                        axes: &plan.axes,
                        from: Grid { data: from, row: across.points * m.next, column: m.next },
                        to: Grid { data: if whole { place } else { edge }, row, column: S::LANES },
                        buffer,
                    };
                    map.outputs::<S, N>(plus);
                    if !whole {
                        for k in 0..down.tile.min(height - i) {
                            let (from, to) = (edge.add(k * row), place.add(k * width * S::LANES));
                            from.copy_to_nonoverlapping(to, across.tile.min(width - j) * S::LANES);
                        }
                    }
                    tile += 1;
                }
            }
            let (top, left) = (down.first + top as i64, across.first + left as i64);
            let (rows, columns) = (top..top + height as i64, left..left + width as i64);
            let stage = Stage { data, rows, columns, steps: [width, 1] };
            stage.store::<S>(lanes, y);
        }
    }
}
