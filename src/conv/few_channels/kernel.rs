//! A band of rows of all output channels of an image.

#![allow(unsafe_code)]

use crate::geometry::conv::ConvGeometry;
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::strip::Layout;
use crate::strip::kernel::{Band, Windows, stage};
use crate::threads::SharedMut;

/// Products that are added one after the other before their sum is added to the others: longer chains lose accuracy.
const TERMS: usize = 96;

/// What the tasks of a call share.
pub struct Operands<'a, T> {
    pub geometry: &'a ConvGeometry,
    pub layout: &'a Layout,
    /// Output channels of a panel: 6 or 8.
    pub block: usize,
    pub x: &'a [T],
    /// Panel after panel; within one, the weights of its channels side by side for each (channel, tap).
    pub panels: &'a [T],
    pub bias: Option<&'a [T]>,
}

/// Writes one band of all output channels; the band's plane is the image.
///
/// # Panics
/// If an array has another length than the geometry says.
pub fn forward<T: Scalar>(operands: &Operands<T>, band: Band, y: SharedMut<T>) {
    let Operands { geometry: g, layout, block, .. } = *operands;
    assert_eq!((operands.x.len(), y.len()), (g.x_len(), g.y_len()));
    assert!(block == 6 || block == 8);
    assert_eq!(operands.panels.len(), g.outputs.next_multiple_of(block) * g.channels * g.taps());
    assert!(g.groups == 1 && band.plane < g.batch && band.depth < g.output()[0] && band.number < layout.bands);
    assert!(layout.windows == g.windows && operands.bias.is_none_or(|bias| bias.len() == g.outputs));
    with_scratch(g.channels * layout.strip_len(), |strips: &mut [T]| {
        // SAFETY: the instruction set is the process's own; the lengths were checked, the scratch has the length that the
        // layout asks for, for each channel. Bands write disjoint rows.
        unsafe {
            let y = y.as_mut_ptr().add(band.plane * g.outputs * g.output_plane());
            simd::run(Forward { operands, band, strips: strips.as_mut_ptr(), y });
        }
    });
}

struct Forward<'a, T> {
    operands: &'a Operands<'a, T>,
    band: Band,
    strips: *mut T,
    /// The image.
    y: *mut T,
}

impl<T: Scalar> Kernel<T> for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let (g, layout) = (self.operands.geometry, self.operands.layout);
            for channel in 0..g.channels {
                let from = Band { plane: self.band.plane * g.channels + channel, ..self.band };
                let strip = self.strips.add(channel * layout.strip_len());
                stage::<S, false>(layout, self.operands.x.as_ptr(), from, strip);
            }
            let mut windows = Windows::new(layout, Band { plane: 0, ..self.band });
            while windows.next(layout) {
                for first in (0..g.outputs).step_by(self.operands.block) {
                    if self.operands.block == 8 {
                        self.row::<S, 8>(&windows, first)
                    } else {
                        self.row::<S, 6>(&windows, first)
                    }
                }
            }
        }
    }
}

impl<T: Scalar> Forward<'_, T> {
    /// A row of a panel's output channels, in tiles of about equal width.
    #[inline(always)]
    unsafe fn row<S: Simd<T = T>, const M: usize>(&self, windows: &Windows, first: usize) {
        unsafe {
            // Sums, and the vectors of a tap, leave a register for a weight.
            let most = ((S::REGISTERS - 2) / (M + 1)).min(4);
            let mut left = self.operands.layout.windows[2].output.div_ceil(S::LANES);
            let mut o = 0;
            while left > 0 {
                let vectors = left.div_ceil(left.div_ceil(most));
                match vectors {
                    1 => self.tile::<S, M, 1>(windows, first, o),
                    2 => self.tile::<S, M, 2>(windows, first, o),
                    3 => self.tile::<S, M, 3>(windows, first, o),
                    _ => self.tile::<S, M, 4>(windows, first, o),
                }
                o += vectors * S::LANES;
                left -= vectors;
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd<T = T>, const M: usize, const NV: usize>(&self, windows: &Windows, first: usize, o: usize) {
        unsafe {
            let (g, layout) = (self.operands.geometry, self.operands.layout);
            let live = M.min(g.outputs - first);
            let mut sums = [[S::zero(); NV]; M];
            if let Some(bias) = self.operands.bias {
                for m in 0..live {
                    sums[m] = [S::splat(*bias.get_unchecked(first + m)); NV];
                }
            }
            let panel = self.operands.panels.as_ptr().add(first * g.channels * g.taps());
            let (mut totals, mut terms, mut flushed) = ([[S::zero(); NV]; M], 0, false);
            for channel in 0..g.channels {
                let strip = self.strips.add(channel * layout.strip_len());
                for d in windows.depths.clone() {
                    let base = strip.wrapping_offset(windows.start(layout, d)).wrapping_add(o);
                    let weights = panel.add((channel * g.taps() + d * layout.taps.len()) * M);
                    let mut taps = windows.taps.clone();
                    while !taps.is_empty() {
                        let part = taps.start..taps.end.min(taps.start + TERMS);
                        terms += part.len();
                        taps.start = part.end;
                        self.add_taps::<S, M, NV>(base, weights, part, &mut sums);
                        if terms >= TERMS {
                            add::<S, M, NV>(&mut totals, &sums);
                            (sums, terms, flushed) = ([[S::zero(); NV]; M], 0, true);
                        }
                    }
                }
            }
            if flushed {
                add::<S, M, NV>(&mut sums, &totals);
            }
            let width = layout.windows[2].output;
            // Rows of a plane come in their order, so a whole vector may reach into the next one of the band.
            let room = (windows.end - windows.oh) * width;
            for m in 0..M {
                if m < live {
                    let to = self.y.add((first + m) * g.output_plane() + windows.output);
                    for j in 0..NV {
                        let at = o + j * S::LANES;
                        if at < width {
                            S::store_within(to.add(at), width - at, room - at, sums[m][j]);
                        }
                    }
                }
            }
        }
    }

    /// Adds the products of some taps, `base` being the place of the window's first one.
    #[inline(always)]
    unsafe fn add_taps<S: Simd<T = T>, const M: usize, const NV: usize>(
        &self,
        base: *const T,
        weights: *const T,
        taps: std::ops::Range<usize>,
        sums: &mut [[S::V; NV]; M],
    ) {
        unsafe {
            for t in taps {
                let from = base.wrapping_add(*self.operands.layout.taps.get_unchecked(t));
                let mut x = [S::zero(); NV];
                for j in 0..NV {
                    x[j] = S::load(from.add(j * S::LANES));
                }
                for m in 0..M {
                    let weight = S::splat(*weights.add(t * M + m));
                    for j in 0..NV {
                        sums[m][j] = S::fma(weight, x[j], sums[m][j]);
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn add<S: Simd, const M: usize, const NV: usize>(to: &mut [[S::V; NV]; M], from: &[[S::V; NV]; M]) {
    unsafe {
        for m in 0..M {
            for j in 0..NV {
                to[m][j] = S::add(to[m][j], from[m][j]);
            }
        }
    }
}
