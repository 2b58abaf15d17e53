//! Places of a plane to vectors whose lanes are channels, and back.
//!
//! Adjacent places are transposed `LANES` at a time. The last ones of a run are done together with some before them once
//! more, which costs less than a part of a vector would.

#![allow(unsafe_code)]

use std::ops::Range;

use super::super::plan::View;
use super::super::transform::kernel::Grid;
use crate::geometry::layout::Layout;
use crate::scalar::Scalar;
use crate::simd::Simd;

/// The widest vector, in elements.
pub const MAX_LANES: usize = 16;

/// Vectors of places of a virtual image in scratch: rows of `columns.len()` places. What lies outside is zero.
pub struct Stage<T> {
    pub data: *mut T,
    pub rows: Range<i64>,
    pub columns: Range<i64>,
    /// Vectors from one row to the next, and from one place of a row to the next.
    pub steps: [usize; 2],
}

/// The channels of a view that lie in one vector, of one virtual image.
#[derive(Clone, Copy)]
pub struct Lanes<'a> {
    pub view: &'a View,
    pub image: usize,
    /// The first channel, and how many there are.
    pub first: usize,
    pub count: usize,
}

/// The virtual places of one axis that exist.
fn existing(view: &View, axis: usize, range: &Range<i64>) -> Range<i64> {
    let start = range.start.max(-view.origin[axis]);
    let end = range.end.min(view.size[axis] as i64 - view.origin[axis]);
    start..end.max(start)
}

/// The virtual columns of a range that exist in a view with steps.
struct Columns {
    /// Counted from the start of the range.
    inside: Range<usize>,
    /// The place in its row of the first of them.
    first: usize,
}

impl Columns {
    fn new(view: &View, origin: i64, columns: &Range<i64>) -> Self {
        let (step, width) = (view.step[1] as i64, columns.end - columns.start);
        let first = columns.start * step + origin;
        let skip = ((-first).max(0) + step - 1) / step;
        let end = (view.size[1] as i64 - first + step - 1).div_euclid(step).min(width);
        let inside = skip.min(width) as usize..end.max(skip.min(width)) as usize;
        Columns { inside, first: (first + skip * step) as usize }
    }
}

#[inline(always)]
unsafe fn fill_zero<T: Scalar>(to: *mut T, range: Range<usize>) {
    unsafe {
        for i in range {
            *to.add(i) = T::ZERO;
        }
    }
}

/// Elements of scratch that [`Stage::load`] writes for `places` places.
pub fn stage_len(places: usize) -> usize {
    // Whole blocks are written behind the last place; the other half is rows of single channels.
    2 * (places + 2 * MAX_LANES) * MAX_LANES
}

impl<T: Scalar> Stage<T> {
    /// Loads rows and columns of a virtual image.
    ///
    /// # Safety
    /// `group` is valid for the view's images and `data` for [`stage_len`] elements of all the places.
    #[inline(always)]
    pub unsafe fn load<S: Simd<T = T>>(
        lanes: Lanes,
        group: *const T,
        rows: Range<i64>,
        columns: Range<i64>,
        data: *mut T,
    ) -> Self {
        unsafe {
            if lanes.view.layout == Layout::Lanes {
                return Self::in_place::<S>(lanes, group);
            }
            if !lanes.view.is_regular(S::LANES) {
                return Self::load_phases::<S>(lanes, group, rows, columns, data);
            }
            let view = lanes.view;
            let (rows, columns) = (existing(view, 0, &rows), existing(view, 1, &columns));
            let (height, width) = ((rows.end - rows.start) as usize, (columns.end - columns.start) as usize);
            let Some((plane, origin)) = view.plane_of(lanes.image, lanes.first) else {
                return Stage { data, rows: 0..0, columns: 0..0, steps: [0, 1] };
            };
            if height > 0 && width > 0 {
                let corner = (rows.start + origin[0]) as usize * view.size[1] + (columns.start + origin[1]) as usize;
                let from = group.add(plane + corner);
                let (runs, len) = if width == view.size[1] { (1, height * width) } else { (height, width) };
                for run in 0..runs {
                    let (from, to) = (from.add(run * view.size[1]), data.add(run * len * S::LANES));
                    to_lanes::<S>(from, view.channel(), lanes.count, len, to);
                }
            }
            Stage { data, rows, columns, steps: [width, 1] }
        }
    }

    /// A whole image that lies in vectors already, or a phase of it; it is only read.
    #[inline(always)]
    fn in_place<S: Simd<T = T>>(lanes: Lanes, group: *const T) -> Self {
        let view = lanes.view;
        let (phase, channel) = (lanes.first / view.channels, lanes.first % view.channels);
        let phase = [phase / view.phases[1], phase % view.phases[1]];
        let origin = [0, 1].map(|axis| view.origin[axis] + phase[axis] as i64);
        let step = view.step.map(|step| step as i64);
        let [rows, columns] = [0, 1].map(|axis| {
            let first = -origin[axis].div_euclid(step[axis]);
            let end = -(origin[axis] - view.size[axis] as i64).div_euclid(step[axis]);
            first..end.max(first)
        });
        let place = (rows.start * step[0] + origin[0]) * view.size[1] as i64 + columns.start * step[1] + origin[1];
        let block = lanes.image * view.image + channel * view.plane();
        let data = group.wrapping_add(block).wrapping_offset(place as isize * S::LANES as isize).cast_mut();
        Stage { data, rows, columns, steps: [view.step[0] * view.size[1], view.step[1]] }
    }

    /// The same for views with steps: every lane has rows of its own, which are collected first.
    #[inline(always)]
    unsafe fn load_phases<S: Simd<T = T>>(
        lanes: Lanes,
        group: *const T,
        rows: Range<i64>,
        columns: Range<i64>,
        data: *mut T,
    ) -> Self {
        unsafe {
            let view = lanes.view;
            let (height, width) = ((rows.end - rows.start) as usize, (columns.end - columns.start) as usize);
            let places = height * width;
            let collected = data.add((places + 2 * MAX_LANES) * MAX_LANES);
            for lane in 0..lanes.count {
                let Some((plane, origin)) = view.plane_of(lanes.image, lanes.first + lane) else {
                    fill_zero(collected, lane * places..(lane + 1) * places);
                    continue;
                };
                let Columns { inside, first } = Columns::new(view, origin[1], &columns);
                for i in 0..height {
                    let to = collected.add(lane * places + i * width);
                    let row = (rows.start + i as i64) * view.step[0] as i64 + origin[0];
                    if !(0..view.size[0] as i64).contains(&row) || inside.is_empty() {
                        fill_zero(to, 0..width);
                        continue;
                    }
                    let from = group.add(plane + row as usize * view.size[1] + first);
                    copy_strided::<S>(from, view.step[1], inside.len(), to.add(inside.start));
                    fill_zero(to, 0..inside.start);
                    fill_zero(to, inside.end..width);
                }
            }
            to_lanes::<S>(collected, places, lanes.count, places, data);
            Stage { data, rows, columns, steps: [width, 1] }
        }
    }

    /// Every `step`-th place from `phase` on, counted anew.
    #[inline(always)]
    pub fn phase<S: Simd<T = T>>(&self, step: [usize; 2], phase: [usize; 2]) -> Self {
        let places = |axis: usize, all: &Range<i64>| {
            let (step, phase) = (step[axis] as i64, phase[axis] as i64);
            let count = |end: i64| -(phase - end).div_euclid(step);
            count(all.start)..count(all.end).max(count(all.start))
        };
        let (rows, columns) = (places(0, &self.rows), places(1, &self.columns));
        let skipped = |axis: usize, first: i64, all: &Range<i64>| {
            (first * step[axis] as i64 + phase[axis] as i64 - all.start) as usize * self.steps[axis]
        };
        let skipped = skipped(0, rows.start, &self.rows) + skipped(1, columns.start, &self.columns);
        let data = self.data.wrapping_add(skipped * S::LANES);
        Stage { data, rows, columns, steps: [step[0] * self.steps[0], step[1] * self.steps[1]] }
    }

    /// The vectors of a window of the image, if the stage holds all of it.
    #[inline(always)]
    pub unsafe fn window<S: Simd<T = T>>(&self, at: [i64; 2], size: [usize; 2]) -> Option<Grid<*const T>> {
        unsafe {
            let inside = at[0] >= self.rows.start
                && at[0] + size[0] as i64 <= self.rows.end
                && at[1] >= self.columns.start
                && at[1] + size[1] as i64 <= self.columns.end;
            let [row, column] = self.steps.map(|step| step * S::LANES);
            inside.then(|| {
                let (i, j) = ((at[0] - self.rows.start) as usize, (at[1] - self.columns.start) as usize);
                Grid { data: self.data.add(i * row + j * column).cast_const(), row, column }
            })
        }
    }

    /// Copies a window of the image, zeros where the stage ends, to dense rows.
    #[inline(always)]
    pub unsafe fn copy_window<S: Simd<T = T>>(&self, at: [i64; 2], size: [usize; 2], to: *mut T) {
        unsafe {
            for i in 0..size[0] {
                let row = at[0] + i as i64;
                let exists = self.rows.contains(&row);
                for j in 0..size[1] {
                    let column = at[1] + j as i64;
                    let v = if exists && self.columns.contains(&column) {
                        let [i, j] = [(row - self.rows.start) as usize, (column - self.columns.start) as usize];
                        S::load(self.data.add((i * self.steps[0] + j * self.steps[1]) * S::LANES))
                    } else {
                        S::zero()
                    };
                    S::store(to.add((i * size[1] + j) * S::LANES), v);
                }
            }
        }
    }

    /// Writes the stage's places to where they lie in memory; those that do not exist are dropped.
    ///
    /// # Safety
    /// `group` is valid for the view's images, and nobody else uses these places; behind the stage's data there is room as
    /// [`stage_len`] says.
    #[inline(always)]
    pub unsafe fn store<S: Simd<T = T>>(&self, lanes: Lanes, group: *mut T) {
        unsafe {
            let view = lanes.view;
            let (height, width) =
                ((self.rows.end - self.rows.start) as usize, (self.columns.end - self.columns.start) as usize);
            if view.is_dense() {
                let Some((plane, origin)) = view.plane_of(lanes.image, lanes.first) else { return };
                let row = (self.rows.start + origin[0]) as usize;
                let to = group.add(plane + row * view.size[1] + (self.columns.start + origin[1]) as usize);
                let (runs, len) = if width == view.size[1] { (1, height * width) } else { (height, width) };
                for run in 0..runs {
                    let from = self.data.add(run * len * S::LANES);
                    from_lanes::<S>(from, lanes.count, len, to.add(run * view.size[1]), view.channel());
                }
                return;
            }
            let places = height * width;
            let planes = self.data.add((places + 2 * MAX_LANES) * MAX_LANES);
            from_lanes::<S>(self.data, lanes.count, places, planes, places);
            for lane in 0..lanes.count {
                let Some((plane, origin)) = view.plane_of(lanes.image, lanes.first + lane) else { continue };
                let columns = Columns::new(view, origin[1], &self.columns);
                for i in 0..height {
                    let row = (self.rows.start + i as i64) * view.step[0] as i64 + origin[0];
                    if !(0..view.size[0] as i64).contains(&row) {
                        continue;
                    }
                    let (from, to) =
                        (planes.add(lane * places + i * width), group.add(plane + row as usize * view.size[1]));
                    for (number, j) in columns.inside.clone().enumerate() {
                        *to.add(columns.first + number * view.step[1]) = *from.add(j);
                    }
                }
            }
        }
    }
}

/// Copies `len` elements that are `step` apart; reads nothing but them and those between them.
#[inline(always)]
unsafe fn copy_strided<S: Simd>(from: *const S::T, step: usize, len: usize, to: *mut S::T) {
    unsafe {
        match step {
            1 => from.copy_to_nonoverlapping(to, len),
            2 => {
                for i in (0..len).step_by(S::LANES) {
                    let (from, left) = (from.add(2 * i), 2 * (len - i) - 1);
                    let low = S::load_up_to(from, left);
                    let high =
                        if left > S::LANES { S::load_up_to(from.add(S::LANES), left - S::LANES) } else { S::zero() };
                    S::store_up_to(to.add(i), len - i, S::deinterleave(low, high).0);
                }
            }
            _ => {
                for i in 0..len {
                    *to.add(i) = *from.add(i * step);
                }
            }
        }
    }
}

/// `len` adjacent places of `count` channels, `channel` elements apart, to vectors; up to `LANES` behind the last are
/// overwritten.
#[inline(always)]
pub unsafe fn to_lanes<S: Simd>(from: *const S::T, channel: usize, count: usize, len: usize, to: *mut S::T) {
    unsafe {
        if count == S::LANES && len >= S::LANES {
            let mut i = 0;
            while i < len {
                i = i.min(len - S::LANES);
                S::transpose(from.add(i), channel, to.add(i * S::LANES), S::LANES);
                i += S::LANES;
            }
            return;
        }
        let mut block = [S::T::ZERO; MAX_LANES * MAX_LANES];
        for i in (0..len).step_by(S::LANES) {
            let n = (len - i).min(S::LANES);
            for lane in 0..count {
                S::store(block.as_mut_ptr().add(lane * S::LANES), S::load_up_to(from.add(lane * channel + i), n));
            }
            S::transpose(block.as_ptr(), S::LANES, to.add(i * S::LANES), S::LANES);
        }
    }
}

/// The inverse of [`to_lanes`]; writes nothing but the places.
#[inline(always)]
pub unsafe fn from_lanes<S: Simd>(from: *const S::T, count: usize, len: usize, to: *mut S::T, channel: usize) {
    unsafe {
        if count == S::LANES && len >= S::LANES {
            let mut i = 0;
            while i < len {
                i = i.min(len - S::LANES);
                S::transpose(from.add(i * S::LANES), S::LANES, to.add(i), channel);
                i += S::LANES;
            }
            return;
        }
        let mut block = [S::T::ZERO; MAX_LANES * MAX_LANES];
        for i in (0..len).step_by(S::LANES) {
            let n = (len - i).min(S::LANES);
            S::transpose(from.add(i * S::LANES), S::LANES, block.as_mut_ptr(), S::LANES);
            for lane in 0..count {
                S::store_up_to(to.add(lane * channel + i), n, S::load(block.as_ptr().add(lane * S::LANES)));
            }
        }
    }
}
