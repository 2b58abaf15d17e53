//! Strips of columns, from the top row to the last.

#![allow(unsafe_code)]

use std::ops::Range;

use super::TAPS;
use crate::geometry::window::Window;
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::threads::SharedMut;

/// The shape of all planes of a call.
#[derive(Clone, Copy)]
pub struct Planes {
    pub count: usize,
    pub rows: Window,
    pub columns: Window,
}

impl Planes {
    fn inputs(&self) -> usize {
        self.rows.input * self.columns.input
    }

    fn outputs(&self) -> usize {
        self.rows.output * self.columns.output
    }

    /// The lanes of a vector of outputs from column `o` on whose tap `l` lies inside the input and whose output exists.
    #[inline(always)]
    fn lanes(&self, o: usize, l: usize) -> Range<usize> {
        let Window { input, output, before, .. } = self.columns;
        let start = before.saturating_sub(o + l);
        start..(input + before).saturating_sub(o + l).min(output - o)
    }

    /// The input row of a row of the padded input.
    #[inline(always)]
    fn row(&self, padded: usize) -> Option<usize> {
        padded.checked_sub(self.rows.before).filter(|&row| row < self.rows.input)
    }
}

/// Writes some rows of a plane: sums of products with `weight`, from `first` on.
///
/// # Panics
/// If an array has another length than the planes.
pub fn slide<T: Scalar>(
    planes: &Planes,
    from: &[T],
    weight: &[T; TAPS * TAPS],
    first: T,
    to: SharedMut<T>,
    plane: usize,
    rows: Range<usize>,
) {
    assert!(plane < planes.count && rows.start <= rows.end && rows.end <= planes.rows.output);
    assert_eq!((from.len(), to.len()), (planes.count * planes.inputs(), planes.count * planes.outputs()));
    let from = from[plane * planes.inputs()..].as_ptr();
    // SAFETY: the instruction set is the process's own; the lengths were checked. Bands are disjoint.
    unsafe {
        let to = to.as_mut_ptr().add(plane * planes.outputs() + rows.start * planes.columns.output);
        simd::run(Slide { planes, from, weight, first, to, rows });
    }
}

struct Slide<'a, T> {
    planes: &'a Planes,
    /// The plane.
    from: *const T,
    weight: &'a [T; TAPS * TAPS],
    first: T,
    /// The first of the rows.
    to: *mut T,
    rows: Range<usize>,
}

impl<T: Scalar> Kernel<T> for Slide<'_, T> {
    type Output = ();

    // The last columns come first: a whole vector at the end of a row reaches into the first columns of the next one.
    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let mut strips = self.planes.columns.output.div_ceil(S::LANES);
            if S::REGISTERS >= 32 && strips >= 2 {
                if strips % 2 == 1 {
                    strips -= 1;
                    self.strip::<S, 1>(strips * S::LANES);
                }
                while strips > 0 {
                    strips -= 2;
                    self.strip::<S, 2>(strips * S::LANES);
                }
            }
            while strips > 0 {
                strips -= 1;
                self.strip::<S, 1>(strips * S::LANES);
            }
        }
    }
}

impl<T: Scalar> Slide<'_, T> {
    #[inline(always)]
    unsafe fn strip<S: Simd<T = T>, const NV: usize>(&self, o: usize) {
        unsafe {
            let Window { input: pitch, output: width, before, .. } = self.planes.columns;
            let len = self.rows.len() * width;
            let mut weight = [[S::zero(); TAPS]; TAPS];
            for tap in 0..TAPS * TAPS {
                weight[tap / TAPS][tap % TAPS] = S::splat(self.weight[tap]);
            }
            // Two rows of outputs that have begun.
            let mut begun = [[S::splat(self.first); NV]; TAPS - 1];
            for padded in self.rows.start..self.rows.end + TAPS - 1 {
                let mut sums = [begun[0], begun[1], [S::splat(self.first); NV]];
                if let Some(row) = self.planes.row(padded) {
                    let from = self.from.add(row * pitch).wrapping_add(o).wrapping_sub(before);
                    for l in 0..TAPS {
                        for j in 0..NV {
                            let lanes = self.planes.lanes(o + j * S::LANES, l);
                            let from = from.wrapping_add(l + j * S::LANES);
                            let x = S::load_between(from, lanes.start, lanes.end);
                            for k in 0..TAPS {
                                sums[TAPS - 1 - k][j] = S::fma(weight[k][l], x, sums[TAPS - 1 - k][j]);
                            }
                        }
                    }
                }
                if let Some(row) = padded.checked_sub(self.rows.start + TAPS - 1) {
                    for j in (0..NV).rev() {
                        let column = o + j * S::LANES;
                        let at = row * width + column;
                        S::store_within(self.to.add(at), width - column, len - at, sums[0][j]);
                    }
                }
                begun = [sums[1], sums[2]];
            }
        }
    }
}

/// Writes a filter's gradient: the products of some planes of x with those of dy, shifted by the taps.
///
/// # Panics
/// If an array has another length than the planes.
pub fn correlate<T: Scalar>(
    planes: &Planes,
    of_filter: impl Iterator<Item = usize>,
    x: &[T],
    dy: &[T],
    dweight: SharedMut<T>,
    filter: usize,
) {
    assert_eq!((x.len(), dy.len()), (planes.count * planes.inputs(), planes.count * planes.outputs()));
    assert!((filter + 1) * TAPS * TAPS <= dweight.len());
    let mut sums = [[T::ZERO; MAX_LANES]; TAPS * TAPS];
    let mut of_filter = of_filter.peekable();
    while let Some(plane) = of_filter.next() {
        let ahead = of_filter.peek().map_or(0, |next| next - plane);
        let (x, dy) = (&x[plane * planes.inputs()..], &dy[plane * planes.outputs()..]);
        // SAFETY: the instruction set is the process's own; the lengths were checked.
        unsafe { simd::run(Correlate { planes, x: x.as_ptr(), dy: dy.as_ptr(), ahead, sums: &mut sums }) };
    }
    for tap in 0..TAPS * TAPS {
        let sum = sums[tap].iter().fold(T::ZERO, |sum, &lane| sum + lane);
        // SAFETY: inside the array; filters are disjoint.
        unsafe { *dweight.as_mut_ptr().add(filter * TAPS * TAPS + tap) = sum };
    }
}

/// The widest vector, in elements.
const MAX_LANES: usize = 16;

struct Correlate<'a, T> {
    planes: &'a Planes,
    x: *const T,
    dy: *const T,
    /// Planes to the one that comes next: that of another image, which the processor does not fetch ahead.
    ahead: usize,
    /// A vector for each tap.
    sums: &'a mut [[T; MAX_LANES]; TAPS * TAPS],
}

impl<T: Scalar> Kernel<T> for Correlate<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let mut sums = [[S::zero(); TAPS]; TAPS];
            for tap in 0..TAPS * TAPS {
                sums[tap / TAPS][tap % TAPS] = S::load(self.sums[tap].as_ptr());
            }
            for o in (0..self.planes.columns.output).step_by(S::LANES) {
                self.strip::<S>(o, &mut sums);
            }
            for tap in 0..TAPS * TAPS {
                S::store(self.sums[tap].as_mut_ptr(), sums[tap / TAPS][tap % TAPS]);
            }
        }
    }
}

impl<T: Scalar> Correlate<'_, T> {
    #[inline(always)]
    unsafe fn strip<S: Simd<T = T>>(&self, o: usize, sums: &mut [[S::V; TAPS]; TAPS]) {
        unsafe {
            let (rows, Window { input: pitch, output: width, before, .. }) = (&self.planes.rows, self.planes.columns);
            let slope = |row: usize| S::load_up_to(self.dy.add(row * width + o), width - o);
            // The rows of dy that the input row meets, by tap.
            let mut slopes = [S::zero(); TAPS];
            for padded in 0..rows.output + TAPS - 1 {
                let meets = |k: usize| padded >= k && padded - k < rows.output;
                slopes = [if meets(0) { slope(padded) } else { S::zero() }, slopes[0], slopes[1]];
                let Some(row) = self.planes.row(padded) else { continue };
                let from = self.x.add(row * pitch).wrapping_add(o).wrapping_sub(before);
                S::prefetch(self.x.wrapping_add(self.ahead * self.planes.inputs() + row * pitch + o));
                S::prefetch(self.dy.wrapping_add(self.ahead * self.planes.outputs() + padded * width + o));
                let mut x = [S::zero(); TAPS];
                for l in 0..TAPS {
                    let lanes = self.planes.lanes(o, l);
                    x[l] = S::load_between(from.wrapping_add(l), lanes.start, lanes.end);
                }
                for k in 0..TAPS {
                    // A row that is not there would send NaN where x is infinite.
                    if meets(k) {
                        for l in 0..TAPS {
                            sums[k][l] = S::fma(slopes[k], x[l], sums[k][l]);
                        }
                    }
                }
            }
        }
    }
}
