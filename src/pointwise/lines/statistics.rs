//! What a softmax needs to know of each line.

#![allow(unsafe_code)]

use super::kernel::{ABREAST, Layout, RUN, first_lanes, lane_numbers, largest};
use super::stage::{self, Stage};
use super::{Lines, Piece, Pieces};
use crate::math;
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, run};

/// Numbers for the positions of a piece.
pub struct Statistics<'a, T> {
    /// The largest element m of the line.
    pub maxima: &'a mut [T],
    /// The sum of `e^(x - m)`.
    pub sums: &'a mut [T],
    /// The logarithm of the sum.
    pub logarithms: &'a mut [T],
}

/// The statistics of a piece of x.
///
/// # Panics
/// If the lengths do not match.
pub fn statistics<T: Scalar>(lines: Lines, pieces: &Pieces, piece: &Piece, x: &[T], statistics: Statistics<T>) {
    let layout = lines.layout;
    let positions = pieces.positions(piece).len();
    assert!(x.len() == lines.positions() * layout.classes && statistics.maxima.len() == positions);
    assert!(statistics.sums.len() == positions && statistics.logarithms.len() == positions);
    with_scratch(Stage::<T>::len(layout), |scratch: &mut [T]| {
        // SAFETY: just checked.
        unsafe { run(Pass { layout, x, piece: piece.clone(), scratch, statistics }) }
    });
}

struct Pass<'a, T> {
    layout: Layout,
    x: &'a [T],
    piece: Piece,
    scratch: &'a mut [T],
    statistics: Statistics<'a, T>,
}

impl<T: Scalar> Pass<'_, T> {
    /// Writes the largest elements and the sums of `n` positions, at most a vector.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`; the positions are there.
    #[inline(always)]
    unsafe fn put<S: Simd<T = T>>(&mut self, position: usize, n: usize, most: S::V, sum: S::V) {
        // SAFETY: as the caller says.
        unsafe {
            S::store_up_to(self.statistics.maxima.as_mut_ptr().add(position), n, most);
            S::store_up_to(self.statistics.sums.as_mut_ptr().add(position), n, sum);
        }
    }

    /// Writes the logarithms of the sums.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`.
    #[inline(always)]
    unsafe fn put_logarithms<S: Simd<T = T>>(&mut self) {
        let positions = self.statistics.sums.len();
        for position in (0..positions).step_by(S::LANES) {
            let n = positions - position;
            // SAFETY: there are as many sums and logarithms.
            unsafe {
                let sum = S::load_up_to(self.statistics.sums.as_ptr().add(position), n);
                S::store_up_to(self.statistics.logarithms.as_mut_ptr().add(position), n, math::ln_from_one::<S>(sum));
            }
        }
    }

    /// A line that is adjacent in memory.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`; the line is there.
    #[inline(always)]
    unsafe fn row<S: Simd<T = T>>(&mut self, x: *const T, position: usize, lanes: S::V) {
        let classes = self.layout.classes;
        // SAFETY: every step ends with the line.
        unsafe {
            let most = largest::<S>(x, classes, lanes);
            let mut total = S::zero();
            for first in (0..classes).step_by(RUN * S::LANES) {
                let mut part = S::zero();
                for class in (first..classes.min(first + RUN * S::LANES)).step_by(S::LANES) {
                    let n = classes - class;
                    let e = math::exp_of_negative::<S>(S::sub(S::load_up_to(x.add(class), n), most));
                    part = S::add(part, first_lanes::<S>(lanes, n, e, S::zero()));
                }
                total = S::add(total, part);
            }
            self.put::<S>(position, 1, most, S::splat(S::sum(total)));
        }
    }

    /// The first `n` lines that lie side by side, `pitch` elements from class to class.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`; the lines are there.
    #[inline(always)]
    unsafe fn columns<S: Simd<T = T>>(&mut self, x: *const T, pitch: usize, position: usize, n: usize) {
        let mut at = 0;
        // SAFETY: no step passes the last line.
        unsafe {
            while at < n {
                if n - at >= ABREAST * S::LANES {
                    self.some_columns::<S, ABREAST>(x.add(at), pitch, position + at, ABREAST * S::LANES);
                    at += ABREAST * S::LANES;
                } else {
                    self.some_columns::<S, 1>(x.add(at), pitch, position + at, n - at);
                    at += S::LANES;
                }
            }
        }
    }

    /// The first `n` of `W` vectors of lines that lie side by side.
    ///
    /// # Safety
    /// As for [`Pass::columns`].
    #[inline(always)]
    unsafe fn some_columns<S: Simd<T = T>, const W: usize>(
        &mut self,
        x: *const T,
        pitch: usize,
        position: usize,
        n: usize,
    ) {
        let lanes = |w: usize| n - w * S::LANES;
        // SAFETY: every step ends with the lines.
        unsafe {
            let mut most = [S::splat(T::NEG_INFINITY); W];
            for class in 0..self.layout.classes {
                for w in 0..W {
                    most[w] = S::max(S::load_up_to(x.add(class * pitch + w * S::LANES), lanes(w)), most[w]);
                }
            }
            let mut sums = [S::zero(); W];
            for class in 0..self.layout.classes {
                for w in 0..W {
                    let v = S::load_up_to(x.add(class * pitch + w * S::LANES), lanes(w));
                    sums[w] = S::add(sums[w], math::exp_of_negative::<S>(S::sub(v, most[w])));
                }
            }
            for w in 0..W {
                self.put::<S>(position + w * S::LANES, lanes(w), most[w], sums[w]);
            }
        }
    }
}

impl<T: Scalar> Kernel<T> for Pass<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(mut self) {
        // SAFETY: as the caller says.
        unsafe {
            self.put_sums::<S>();
            self.put_logarithms::<S>();
        }
    }
}

impl<T: Scalar> Pass<'_, T> {
    /// Writes the largest elements and the sums of the whole piece.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`.
    #[inline(always)]
    unsafe fn put_sums<S: Simd<T = T>>(&mut self) {
        let Layout { classes, inner } = self.layout;
        let (x, Piece { outer, columns }) = (self.x.as_ptr(), self.piece.clone());
        let mut position = 0;
        // SAFETY: the piece is inside x, and the statistics are as long.
        unsafe {
            if inner == 1 && classes > stage::MOST_VECTORS * S::LANES {
                let lanes = lane_numbers::<S>();
                for outer in outer {
                    self.row::<S>(x.add(outer * classes), position, lanes);
                    position += 1;
                }
                return;
            }
            if inner == 1 {
                let stage = Stage::of_rows::<S>(self.scratch, classes);
                while position < outer.len() {
                    let n = (outer.len() - position).min(stage.pitch);
                    stage.take_rows::<S>(x.add((outer.start + position) * classes), n);
                    self.columns::<S>(stage.lines, stage.pitch, position, n);
                    position += n;
                }
                return;
            }
            if classes > stage::MOST_CLASSES {
                for outer in outer {
                    let start = x.add(outer * classes * inner + columns.start);
                    self.columns::<S>(start, inner, position, columns.len());
                    position += columns.len();
                }
                return;
            }
            let stage = Stage::of_columns(self.scratch, classes);
            for outer in outer {
                for at in columns.clone().step_by(stage.pitch) {
                    let n = (columns.end - at).min(stage.pitch);
                    stage.take_columns::<S>(x.add(outer * classes * inner + at), inner, n);
                    self.columns::<S>(stage.lines, stage.pitch, position, n);
                    position += n;
                }
            }
        }
    }
}
