//! The three products of a depthwise convolution over bands in scratch.

#![allow(unsafe_code)]

use crate::geometry::conv::ConvGeometry;
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::strip::kernel::{Band, Windows, stage, unstage_row};
use crate::strip::{Layout, Reach, TILE};
use crate::threads::SharedMut;

/// The widest vector, in elements.
const MAX_LANES: usize = 16;

/// What the tasks of a call share; what a product does not read is empty.
pub struct Operands<'a, T> {
    pub geometry: &'a ConvGeometry,
    pub layout: &'a Layout,
    pub x: &'a [T],
    pub weight: &'a [T],
    pub dy: &'a [T],
}

impl<T> Operands<'_, T> {
    /// The input plane that an output plane, counted over all images, comes from.
    #[inline(always)]
    fn x_plane(&self, y_plane: usize) -> usize {
        y_plane / self.geometry.outputs
    }
}

/// Writes one band of an output plane.
///
/// # Panics
/// If an array has another length than the geometry says.
pub fn forward<T: Scalar>(operands: &Operands<T>, bias: Option<&[T]>, band: Band, y: SharedMut<T>) {
    let g = operands.geometry;
    assert_eq!((operands.x.len(), operands.weight.len(), y.len()), (g.x_len(), g.weight_len(), g.y_len()));
    assert!(g.channels == 1 && band.plane < g.batch * g.groups * g.outputs && band.depth < g.output()[0]);
    assert!(band.number < operands.layout.bands && operands.layout.windows == g.windows);
    let o = band.plane % (g.groups * g.outputs);
    let start = bias.map_or(T::ZERO, |bias| bias[o]);
    let weight = &operands.weight[o * g.taps()..(o + 1) * g.taps()];
    with_scratch(operands.layout.strip_len(), |strip: &mut [T]| {
        // SAFETY: the instruction set is the process's own; the lengths were checked, the scratch has the length that the
        // layout asks for. Bands write disjoint rows.
        unsafe { simd::run(Forward { operands, weight, start, band, strip: strip.as_mut_ptr(), y: y.as_mut_ptr() }) };
    });
}

struct Forward<'a, T> {
    operands: &'a Operands<'a, T>,
    weight: &'a [T],
    start: T,
    band: Band,
    strip: *mut T,
    y: *mut T,
}

impl<T: Scalar> Kernel<T> for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let layout = self.operands.layout;
            let from = Band { plane: self.operands.x_plane(self.band.plane), ..self.band };
            stage::<S, false>(layout, self.operands.x.as_ptr(), from, self.strip);
            let width = layout.windows[2].output;
            let mut windows = Windows::new(layout, self.band);
            while windows.next(layout) {
                let y = self.y.add(windows.output);
                let mut o = 0;
                while o < width {
                    let left = width - o;
                    if left > 2 * S::LANES {
                        self.tile::<S, 4>(&windows, o, left, y);
                        o += 4 * S::LANES;
                    } else if left > S::LANES {
                        self.tile::<S, 2>(&windows, o, left, y);
                        o += 2 * S::LANES;
                    } else {
                        self.tile::<S, 1>(&windows, o, left, y);
                        o += S::LANES;
                    }
                }
            }
        }
    }
}

impl<T: Scalar> Forward<'_, T> {
    #[inline(always)]
    unsafe fn tile<S: Simd<T = T>, const NV: usize>(&self, windows: &Windows, o: usize, left: usize, y: *mut T) {
        unsafe {
            let layout = self.operands.layout;
            let taps = layout.taps.len();
            let mut sum = [S::splat(self.start); NV];
            for d in windows.depths.clone() {
                let base = self.strip.wrapping_offset(windows.start(layout, d)).wrapping_add(o);
                for t in windows.taps.clone() {
                    let from = base.wrapping_add(*layout.taps.get_unchecked(t));
                    let weight = S::splat(*self.weight.get_unchecked(d * taps + t));
                    for j in 0..NV {
                        sum[j] = S::fma(weight, S::load(from.add(j * S::LANES)), sum[j]);
                    }
                }
            }
            for j in 0..NV {
                let Some(left) = left.checked_sub(j * S::LANES).filter(|&left| left > 0) else { break };
                S::store_up_to(y.add(o + j * S::LANES), left, sum[j]);
            }
        }
    }
}

/// Writes the gradient of one input plane, counted over all images.
///
/// # Panics
/// If an array has another length than the geometry says.
pub fn backward_x<T: Scalar>(operands: &Operands<T>, reach: &[Reach; 2], plane: usize, dx: SharedMut<T>) {
    let g = operands.geometry;
    assert_eq!((dx.len(), operands.weight.len(), operands.dy.len()), (g.x_len(), g.weight_len(), g.y_len()));
    assert!(g.channels == 1 && plane < g.batch * g.groups && operands.layout.windows == g.windows);
    with_scratch(operands.layout.row() + 2 * TILE, |strip: &mut [T]| {
        let strip = strip.as_mut_ptr();
        // SAFETY: as for `forward`; the scratch holds a row. Planes are disjoint.
        unsafe {
            let dx = dx.as_mut_ptr().add(plane * g.input_plane());
            simd::run(BackwardX { operands, reach, plane, strip, dx });
        }
    });
}

struct BackwardX<'a, T> {
    operands: &'a Operands<'a, T>,
    reach: &'a [Reach; 2],
    plane: usize,
    strip: *mut T,
    dx: *mut T,
}

impl<T: Scalar> Kernel<T> for BackwardX<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let layout = self.operands.layout;
            let [d, h, w] = &layout.windows;
            for z in 0..d.input {
                for y in 0..h.input {
                    for i in (0..layout.row()).step_by(S::LANES) {
                        S::store(self.strip.add(i), S::zero());
                    }
                    for o in 0..self.operands.geometry.outputs {
                        self.add_output::<S>(z, y, o);
                    }
                    unstage_row::<S>(layout, self.strip, self.dx.add((z * h.input + y) * w.input));
                }
            }
        }
    }
}

impl<T: Scalar> BackwardX<'_, T> {
    /// Adds what one output channel sends back to a row.
    #[inline(always)]
    unsafe fn add_output<S: Simd<T = T>>(&self, z: usize, y: usize, o: usize) {
        unsafe {
            let (g, layout) = (self.operands.geometry, self.operands.layout);
            let [_, h, w] = &layout.windows;
            let filter = (self.plane % g.groups) * g.outputs + o;
            let weight = self.operands.weight.as_ptr().add(filter * g.taps());
            let dy = self.operands.dy.as_ptr().add((self.plane * g.outputs + o) * g.output_plane());
            for &(depth_tap, od) in self.reach[0].of(z) {
                for &(tap, oh) in self.reach[1].of(y) {
                    let dy = dy.add((od * h.output + oh) * w.output);
                    let weight = weight.add((depth_tap * h.kernel + tap) * w.kernel);
                    for l in 0..w.kernel {
                        let factor = S::splat(*weight.add(l));
                        let to = self.strip.add(*layout.taps.get_unchecked(l));
                        for i in (0..w.output).step_by(S::LANES) {
                            let slope = S::load_up_to(dy.add(i), w.output - i);
                            // Lanes behind the row's end would carry 0 * weight, which is NaN for an infinite weight.
                            let sum = S::fma(factor, slope, S::load_up_to(to.add(i), w.output - i));
                            S::store_up_to(to.add(i), w.output - i, sum);
                        }
                    }
                }
            }
        }
    }
}

/// Writes the gradient of one filter.
///
/// # Panics
/// If an array has another length than the geometry says.
pub fn backward_weight<T: Scalar>(operands: &Operands<T>, o: usize, dweight: SharedMut<T>) {
    let g = operands.geometry;
    assert_eq!((operands.x.len(), dweight.len(), operands.dy.len()), (g.x_len(), g.weight_len(), g.y_len()));
    assert!(g.channels == 1 && o < g.groups * g.outputs && operands.layout.windows == g.windows);
    with_scratch(operands.layout.strip_len(), |strip: &mut [T]| {
        with_scratch(g.taps() * MAX_LANES, |sums: &mut [T]| {
            sums.fill(T::ZERO);
            let (strip, sums) = (strip.as_mut_ptr(), sums.as_mut_ptr());
            // SAFETY: as for `forward`; there is room for a vector of sums for each tap. Filters are disjoint.
            unsafe {
                let to = dweight.as_mut_ptr().add(o * g.taps());
                simd::run(BackwardWeight { operands, o, strip, sums, to });
            }
        });
    });
}

struct BackwardWeight<'a, T> {
    operands: &'a Operands<'a, T>,
    o: usize,
    strip: *mut T,
    /// A vector for each tap.
    sums: *mut T,
    to: *mut T,
}

impl<T: Scalar> Kernel<T> for BackwardWeight<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let (g, layout) = (self.operands.geometry, self.operands.layout);
            for n in 0..g.batch {
                let y_plane = n * g.groups * g.outputs + self.o;
                for depth in 0..g.output()[0] {
                    for number in 0..layout.bands {
                        self.add_band::<S>(Band { plane: y_plane, depth, number });
                    }
                }
            }
            for tap in 0..g.taps() {
                *self.to.add(tap) = S::sum(S::load(self.sums.add(tap * S::LANES)));
            }
        }
    }
}

impl<T: Scalar> BackwardWeight<'_, T> {
    #[inline(always)]
    unsafe fn add_band<S: Simd<T = T>>(&self, band: Band) {
        unsafe {
            let layout = self.operands.layout;
            let from = Band { plane: self.operands.x_plane(band.plane), ..band };
            stage::<S, false>(layout, self.operands.x.as_ptr(), from, self.strip);
            let (width, taps) = (layout.windows[2].output, layout.taps.len());
            let mut windows = Windows::new(layout, band);
            while windows.next(layout) {
                let dy = self.operands.dy.as_ptr().add(windows.output);
                for d in windows.depths.clone() {
                    let base = self.strip.wrapping_offset(windows.start(layout, d));
                    for t in windows.taps.clone() {
                        let from = base.wrapping_add(*layout.taps.get_unchecked(t));
                        let to = self.sums.add((d * taps + t) * S::LANES);
                        let mut sum = S::load(to);
                        for i in (0..width).step_by(S::LANES) {
                            let left = width - i;
                            sum = S::fma(S::load_up_to(dy.add(i), left), S::load_up_to(from.add(i), left), sum);
                        }
                        S::store(to, sum);
                    }
                }
            }
        }
    }
}
