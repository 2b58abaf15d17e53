//! Softmax and its logarithm, line by line, and the arithmetic of their gradients, one vector at a time.

#![allow(unsafe_code)]

// SAFETY: the unsafe blocks below call methods of `Simd` on registers alone; the caller of each function vouches for the
// instruction set.

use std::ops::Range;

use crate::math;
use crate::pointwise::BLOCK;
use crate::pointwise::lines::kernel::{MOST_LANES, Operands, RUN, Term, first_lanes, lane_numbers, max_of_lanes};
use crate::pointwise::lines::{Layout, Lines};
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, run};
use crate::threads::{SharedMut, parallel_for};

/// Vectors of lines that lie side by side and are passed together.
const ABREAST: usize = 4;

/// Lines side by side that are cut from others: whole cache lines of every type.
const COLUMNS: usize = 64;

/// Some lines of (outer, classes, inner), each passed three times while it is in the cache: for its largest element, for its exponentials, and for
/// what is made of them.
struct Forward<'a, T> {
    logarithm: bool,
    layout: Layout,
    x: &'a [T],
    y: SharedMut<'a, T>,
    outer: Range<usize>,
    columns: Range<usize>,
}

/// The softmax, or its logarithm, of every line.
pub fn forward<T: Scalar>(logarithm: bool, x: &[T], lines: Lines, y: &mut [T]) {
    let Lines { outer, layout } = lines;
    let Layout { classes, inner } = layout;
    assert!(x.len() == y.len() && y.len() == outer * classes * inner, "whole lines");
    if y.is_empty() {
        return;
    }
    // Many lines side by side make several tasks of one array.
    let columns = inner.min((BLOCK / classes).max(1).next_multiple_of(COLUMNS));
    let outers = (BLOCK / (classes * inner)).max(1);
    let cuts = inner.div_ceil(columns);
    let y = SharedMut::new(y);
    parallel_for(outer.div_ceil(outers) * cuts, &|task| {
        let (first, column) = (task / cuts * outers, task % cuts * columns);
        let (outer, columns) = (first..outer.min(first + outers), column..inner.min(column + columns));
        // SAFETY: the lines are inside both arrays, and each belongs to one task.
        unsafe { run(Forward { logarithm, layout, x, y, outer, columns }) }
    });
}

impl<T: Scalar> Forward<'_, T> {
    /// What is subtracted from the logarithm, or multiplied with the exponentials, for a sum of exponentials.
    #[inline(always)]
    fn of_sum(&self, sum: T) -> T {
        if self.logarithm { T::from_f64(sum.to_f64().ln()) } else { T::ONE / sum }
    }

    /// A line that is adjacent in memory and starts at the element `start`.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`; the line is inside x and y.
    #[inline(always)]
    unsafe fn row<S: Simd<T = T>>(&self, start: usize, lanes: S::V) {
        let classes = self.layout.classes;
        // SAFETY: every step ends with the line.
        unsafe {
            let (x, y) = (self.x.as_ptr().add(start), self.y.as_mut_ptr().add(start));
            let lowest = S::splat(T::NEG_INFINITY);
            let mut maxima = [lowest; ABREAST];
            let whole = classes - classes % (ABREAST * S::LANES);
            for class in (0..whole).step_by(ABREAST * S::LANES) {
                for w in 0..ABREAST {
                    maxima[w] = S::max(S::load(x.add(class + w * S::LANES)), maxima[w]);
                }
            }
            let mut most = S::max(S::max(maxima[0], maxima[1]), S::max(maxima[2], maxima[3]));
            for class in (whole..classes).step_by(S::LANES) {
                let n = classes - class;
                most = S::max(first_lanes::<S>(lanes, n, S::load_up_to(x.add(class), n), lowest), most);
            }
            let most = max_of_lanes::<S>(most);
            let mut total = S::zero();
            for first in (0..classes).step_by(RUN * S::LANES) {
                let mut part = S::zero();
                for class in (first..classes.min(first + RUN * S::LANES)).step_by(S::LANES) {
                    let n = classes - class;
                    let e = math::exp_of_negative::<S>(S::sub(S::load_up_to(x.add(class), n), most));
                    if !self.logarithm {
                        S::store_up_to(y.add(class), n, e);
                    }
                    part = S::add(part, first_lanes::<S>(lanes, n, e, S::zero()));
                }
                total = S::add(total, part);
            }
            let factor = S::splat(self.of_sum(S::sum(total)));
            for class in (0..classes).step_by(S::LANES) {
                let n = classes - class;
                let v = if self.logarithm {
                    S::sub(S::sub(S::load_up_to(x.add(class), n), most), factor)
                } else {
                    S::mul(S::load_up_to(y.add(class), n), factor)
                };
                S::store_up_to(y.add(class), n, v);
            }
        }
    }

    /// The first `n` of `W` vectors of lines that lie side by side, the first of which starts at the element `start`.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`; the lines are inside x and y.
    #[inline(always)]
    unsafe fn columns<S: Simd<T = T>, const W: usize>(&self, start: usize, n: usize) {
        let Layout { classes, inner } = self.layout;
        let lanes = |w: usize| n - w * S::LANES;
        // SAFETY: every step ends with the lines.
        unsafe {
            let (x, y) = (self.x.as_ptr().add(start), self.y.as_mut_ptr().add(start));
            let mut most = [S::splat(T::NEG_INFINITY); W];
            for class in 0..classes {
                for w in 0..W {
                    most[w] = S::max(S::load_up_to(x.add(class * inner + w * S::LANES), lanes(w)), most[w]);
                }
            }
            let mut sums = [S::zero(); W];
            for class in 0..classes {
                for w in 0..W {
                    let at = class * inner + w * S::LANES;
                    let e = math::exp_of_negative::<S>(S::sub(S::load_up_to(x.add(at), lanes(w)), most[w]));
                    if !self.logarithm {
                        S::store_up_to(y.add(at), lanes(w), e);
                    }
                    sums[w] = S::add(sums[w], e);
                }
            }
            for sum in &mut sums {
                let mut factors = [T::ONE; MOST_LANES];
                S::store(factors.as_mut_ptr(), *sum);
                for factor in &mut factors[..S::LANES] {
                    *factor = self.of_sum(*factor);
                }
                *sum = S::load(factors.as_ptr());
            }
            for class in 0..classes {
                for w in 0..W {
                    let at = class * inner + w * S::LANES;
                    let v = if self.logarithm {
                        S::sub(S::sub(S::load_up_to(x.add(at), lanes(w)), most[w]), sums[w])
                    } else {
                        S::mul(S::load_up_to(y.add(at), lanes(w)), sums[w])
                    };
                    S::store_up_to(y.add(at), lanes(w), v);
                }
            }
        }
    }
}

impl<T: Scalar> Kernel<T> for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let Layout { classes, inner } = self.layout;
        // SAFETY: the caller vouches for the lines.
        unsafe {
            if inner == 1 {
                let lanes = lane_numbers::<S>();
                for outer in self.outer.clone() {
                    self.row::<S>(outer * classes, lanes);
                }
                return;
            }
            for outer in self.outer.clone() {
                let mut at = self.columns.start;
                while at < self.columns.end {
                    let (start, n) = (outer * classes * inner + at, self.columns.end - at);
                    if n >= ABREAST * S::LANES {
                        self.columns::<S, ABREAST>(start, n);
                        at += ABREAST * S::LANES;
                    } else {
                        self.columns::<S, 1>(start, n);
                        at += S::LANES;
                    }
                }
            }
        }
    }
}

/// `e^(x - m) r`: m and r per line.
#[derive(Clone, Copy)]
pub struct Softmax;

impl<T: Scalar> Term<T> for Softmax {
    const LINES: usize = 2;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V {
        unsafe { S::mul(math::exp_of_negative::<S>(S::sub(v.x, v.lines[0])), v.lines[1]) }
    }
}

/// x: what the gradient of a log-softmax adds up.
#[derive(Clone, Copy)]
pub struct Itself;

impl<T: Scalar> Term<T> for Itself {
    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V {
        v.x
    }
}

/// `dy y`: what the gradient of a softmax adds up.
#[derive(Clone, Copy)]
pub struct Product;

impl<T: Scalar> Term<T> for Product {
    const OTHER: bool = true;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V {
        unsafe { S::mul(v.x, v.other) }
    }
}

/// `y (dy - s)`: s per line.
#[derive(Clone, Copy)]
pub struct SoftmaxSlope;

impl<T: Scalar> Term<T> for SoftmaxSlope {
    const OTHER: bool = true;
    const LINES: usize = 1;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V {
        unsafe { S::mul(v.other, S::sub(v.x, v.lines[0])) }
    }
}

/// `dy - e^y s`: s per line.
#[derive(Clone, Copy)]
pub struct LogSoftmaxSlope;

impl<T: Scalar> Term<T> for LogSoftmaxSlope {
    const OTHER: bool = true;
    const LINES: usize = 1;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V {
        unsafe { S::fnma(math::exp_of_negative::<S>(v.other), v.lines[0], v.x) }
    }
}
