//! A band of rows of all output channels of an image.

#![allow(unsafe_code)]

use std::ops::Range;

use super::layout::Layout;
use crate::geometry::conv::ConvGeometry;
use crate::geometry::window::Window;
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::strip::kernel::copy_every;
use crate::threads::SharedMut;

/// Products that are added one after the other before their sum is added to the others: longer chains lose accuracy.
const TERMS: usize = 96;

/// A band of output rows of one depth of one group of one image.
#[derive(Clone, Copy)]
pub struct Band {
    /// Counted over the groups of all images.
    image: usize,
    depth: usize,
    first: usize,
    rows: usize,
}

impl Band {
    pub fn new(layout: &Layout, unit: usize) -> Self {
        let (rest, number) = (unit / layout.bands, unit % layout.bands);
        let [depths, height] = [layout.windows[0].output, layout.windows[1].output];
        let first = number * layout.band;
        Band { image: rest / depths, depth: rest % depths, first, rows: layout.band.min(height.saturating_sub(first)) }
    }
}

/// What the tasks of a call share.
pub struct Operands<'a, T> {
    pub geometry: &'a ConvGeometry,
    pub layout: &'a Layout,
    /// Output channels of a panel: one of [`super::BLOCKS`].
    pub block: usize,
    pub x: &'a [T],
    /// Group after group, and in it panel after panel; within one, side by side for its output channels: the biases, then the weights of each (channel, tap).
    pub panels: &'a [T],
}

/// Writes one band of all output channels.
///
/// # Panics
/// If an array has another length than the geometry says.
pub fn forward<T: Scalar>(operands: &Operands<T>, band: Band, y: SharedMut<T>) {
    let Operands { geometry: g, layout, block, .. } = *operands;
    assert_eq!((operands.x.len(), y.len()), (g.x_len(), g.y_len()));
    assert!(super::BLOCKS.contains(&block));
    let group = g.outputs.next_multiple_of(block) * (1 + layout.steps.len());
    assert_eq!(operands.panels.len(), g.groups * group);
    assert!(band.image < g.batch * g.groups && band.depth < g.output()[0]);
    assert!(band.first + band.rows <= g.output()[1] && band.rows <= layout.band);
    assert!(layout.windows == g.windows && layout.steps.len() == g.channels * g.taps());
    with_scratch(layout.len(g.channels), |planes: &mut [T]| {
        // SAFETY: the instruction set is the process's own; the lengths were checked, the scratch has the length that the
        // layout asks for. Bands write disjoint rows.
        unsafe {
            let plane = (band.depth * g.output()[1] + band.first) * g.output()[2];
            let y = y.as_mut_ptr().add(band.image * g.outputs * g.output_plane() + plane);
            let panels = operands.panels.as_ptr().add(band.image % g.groups * group);
            simd::run(Forward { operands, band, planes: planes.as_mut_ptr(), panels, y });
        }
    });
}

struct Forward<'a, T> {
    operands: &'a Operands<'a, T>,
    band: Band,
    planes: *mut T,
    /// Those of the band's group.
    panels: *const T,
    /// The band's first output of the group's first channel.
    y: *mut T,
}

impl<T: Scalar> Kernel<T> for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let (g, layout) = (self.operands.geometry, self.operands.layout);
            let mut to = self.planes;
            for channel in 0..g.channels {
                for tap in 0..layout.windows[0].kernel {
                    self.stage::<S>(channel, tap, to);
                    to = to.add(layout.planes());
                }
            }
            if self.operands.block == 6 {
                self.panels::<S, 6>();
            } else {
                self.panels::<S, 4>();
            }
        }
    }
}

impl<T: Scalar> Forward<'_, T> {
    /// Spreads what a tap along the depth sees of a channel. Rows are written in their order, since whole vectors reach behind
    /// their ends.
    #[inline(always)]
    unsafe fn stage<S: Simd<T = T>>(&self, channel: usize, tap: usize, mut to: *mut T) {
        unsafe {
            let Forward { operands: Operands { geometry: g, layout, x, .. }, band, .. } = self;
            let [depth, height, width] = &layout.windows;
            let plane = existing(depth, band.depth * depth.step() + tap * depth.dilation);
            let channel = x.as_ptr().add((band.image * g.channels + channel) * g.input_plane());
            let end = x.as_ptr_range().end;
            for &column in &layout.columns {
                let columns = Columns::new(width, column, layout.width);
                for &phase in &layout.phases {
                    for row in 0..layout.rows() {
                        let row = existing(height, (band.first + row) * height.step() + phase);
                        match (plane, row) {
                            (Some(plane), Some(row)) if !columns.inside.is_empty() => {
                                let from = channel.add((plane * height.input + row) * width.input);
                                columns.stage::<S>(from, end.offset_from_unsigned(from), to);
                            }
                            _ => fill_zero::<S>(to, 0, layout.width),
                        }
                        to = to.add(layout.width);
                    }
                }
            }
        }
    }

    /// All outputs, channels after channels: the streams that are written at a time are few.
    #[inline(always)]
    unsafe fn panels<S: Simd<T = T>, const M: usize>(&self) {
        unsafe {
            let (g, layout) = (self.operands.geometry, self.operands.layout);
            for first in (0..g.outputs).step_by(M) {
                let y = self.y.add(first * g.output_plane());
                for row in (0..self.band.rows).step_by(layout.run) {
                    let (from, to) = (row * layout.width, row * layout.windows[2].output);
                    let len = layout.run.min(self.band.rows - row) * layout.windows[2].output;
                    self.run_of_outputs::<S, M>(Tile { first, from: self.planes.add(from), to: y.add(to), len });
                }
            }
        }
    }

    /// A run, in tiles of about equal width.
    #[inline(always)]
    unsafe fn run_of_outputs<S: Simd<T = T>, const M: usize>(&self, run: Tile<T>) {
        unsafe {
            // Sums, and the vectors of a step, leave a register for a weight.
            let most = ((S::REGISTERS - 2) / (M + 1)).min(4);
            let mut left = run.len.div_ceil(S::LANES);
            let mut o = 0;
            while left > 0 {
                let vectors = left.div_ceil(left.div_ceil(most));
                // The last tile ends with the run, and does some outputs of the one before again.
                let at = if left == vectors { o.min(run.len.saturating_sub(vectors * S::LANES)) } else { o };
                let tile = Tile { from: run.from.add(at), to: run.to.add(at), len: run.len - at, ..run };
                match vectors {
                    1 => self.tile::<S, M, 1>(tile),
                    2 => self.tile::<S, M, 2>(tile),
                    3 => self.tile::<S, M, 3>(tile),
                    _ => self.tile::<S, M, 4>(tile),
                }
                o += vectors * S::LANES;
                left -= vectors;
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd<T = T>, const M: usize, const NV: usize>(&self, tile: Tile<T>) {
        unsafe {
            let Tile { first, from, to, len } = tile;
            let Operands { geometry: g, layout, .. } = self.operands;
            let steps = layout.steps.as_slice();
            let panel = self.panels.add(first * (steps.len() + 1));
            let mut sums = [[S::zero(); NV]; M];
            for m in 0..M {
                sums[m] = [S::splat(*panel.add(m)); NV];
            }
            let weights = panel.add(M);
            let (head, rest) = steps.split_at_unchecked(steps.len().min(TERMS));
            add_products::<S, M, NV>(from, weights, head, &mut sums);
            for (part, steps) in rest.chunks(TERMS).enumerate() {
                let mut more = [[S::zero(); NV]; M];
                add_products::<S, M, NV>(from, weights.add((part + 1) * TERMS * M), steps, &mut more);
                for m in 0..M {
                    for j in 0..NV {
                        sums[m][j] = S::add(sums[m][j], more[m][j]);
                    }
                }
            }
            let (live, plane) = (g.outputs - first, g.output_plane());
            if len >= NV * S::LANES {
                for m in 0..M {
                    if m < live {
                        for j in 0..NV {
                            S::store(to.add(m * plane + j * S::LANES), sums[m][j]);
                        }
                    }
                }
                return;
            }
            for m in 0..M {
                for j in 0..NV {
                    let from = j * S::LANES;
                    if m < live && from < len {
                        S::store_up_to(to.add(m * plane + from), len - from, sums[m][j]);
                    }
                }
            }
        }
    }
}

/// Adjacent outputs of a panel's channels.
#[derive(Clone, Copy)]
struct Tile<T> {
    /// The first channel.
    first: usize,
    /// What the first output sees under a tap of distance zero, and where its first channel lies.
    from: *const T,
    to: *mut T,
    /// Outputs from there to the end of their run.
    len: usize,
}

/// Adds the products of some steps of the sum.
#[inline(always)]
unsafe fn add_products<S: Simd, const M: usize, const NV: usize>(
    from: *const S::T,
    mut weights: *const S::T,
    steps: &[usize],
    sums: &mut [[S::V; NV]; M],
) {
    unsafe {
        for step in steps {
            let from = from.add(*step);
            let mut x = [S::zero(); NV];
            for j in 0..NV {
                x[j] = S::load(from.add(j * S::LANES));
            }
            for m in 0..M {
                let weight = S::splat(*weights.add(m));
                for j in 0..NV {
                    sums[m][j] = S::fma(weight, x[j], sums[m][j]);
                }
            }
            weights = weights.add(M);
        }
    }
}

/// The place of the input, if there is one, that lies at a place of the padded input.
fn existing(window: &Window, padded: usize) -> Option<usize> {
    padded.checked_sub(window.before).filter(|&place| place < window.input)
}

/// The columns of a plane.
struct Columns {
    step: usize,
    /// Those that lie inside the input, the first of them there, and all.
    inside: Range<usize>,
    first: usize,
    count: usize,
}

impl Columns {
    /// `count` ones from a padded column on.
    fn new(width: &Window, column: usize, count: usize) -> Self {
        let step = width.step();
        let start = width.before.saturating_sub(column).div_ceil(step).min(count);
        let end = (width.before + width.input).saturating_sub(column).div_ceil(step).clamp(start, count);
        let first = if start < end { start * step + column - width.before } else { 0 };
        Columns { step, inside: start..end, first, count }
    }

    /// Copies a row, of which `room` elements may be read; up to a vector's length behind it is overwritten.
    #[inline(always)]
    unsafe fn stage<S: Simd>(&self, row: *const S::T, room: usize, to: *mut S::T) {
        unsafe {
            let Columns { step, inside: Range { start, end }, first, count } = *self;
            fill_zero::<S>(to, 0, start);
            let (from, len) = (row.add(first), end - start);
            if step == 1 && first + len.next_multiple_of(S::LANES) <= room {
                let mut i = 0;
                while i < len {
                    S::store(to.add(start + i), S::load(from.add(i)));
                    i += S::LANES;
                }
            } else {
                copy_every::<S>(from, to.add(start), len, step);
            }
            fill_zero::<S>(to, end, count);
        }
    }
}

#[inline(always)]
unsafe fn fill_zero<S: Simd>(to: *mut S::T, start: usize, end: usize) {
    unsafe {
        let mut i = start;
        while i < end {
            S::store(to.add(i), S::zero());
            i += S::LANES;
        }
    }
}
