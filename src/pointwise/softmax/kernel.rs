//! Softmax and its logarithm, line by line, and the arithmetic of their gradients, one vector at a time.

#![allow(unsafe_code)]

// SAFETY: the unsafe blocks below call methods of `Simd` on registers alone; the caller of each function vouches for the
// instruction set.

use std::ops::Range;

use crate::math;
use crate::memory::with_scratch;
use crate::pointwise::STREAMED;
use crate::pointwise::lines::kernel::{ABREAST, Operands, RUN, Term, first_lanes, lane_numbers, largest};
use crate::pointwise::lines::stage::{self, Stage};
use crate::pointwise::lines::{Layout, Lines, Piece};
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, run};
use crate::threads::{SharedMut, parallel_ranges};

/// Bytes of lines that may be written past the caches: two of them stay in the second-level cache.
const LONG: Range<usize> = 4 << 10..256 << 10;

/// Lines of a task that go past the caches: all but the last are finished while the next one is passed.
const TOGETHER: usize = 16;

/// Some lines of (outer, classes, inner), each passed three times while it is in the cache: for its largest element, for its
/// exponentials, and for what is made of them.
struct Forward<'a, T> {
    logarithm: bool,
    layout: Layout,
    x: &'a [T],
    y: SharedMut<'a, T>,
    piece: Piece,
    /// Two lines, if their results go past the caches; lines side by side.
    scratch: &'a mut [T],
    streamed: bool,
}

/// A line whose results are still to be written, from its elements or their exponentials.
struct Unfinished<S: Simd> {
    from: *const S::T,
    y: *mut S::T,
    most: S::V,
    factor: S::V,
}

/// The softmax, or its logarithm, of every line.
pub fn forward<T: Scalar>(logarithm: bool, x: &[T], lines: Lines, y: &mut [T]) {
    let layout = lines.layout;
    let Layout { classes, inner } = layout;
    assert!(x.len() == y.len() && y.len() == lines.positions() * classes, "whole lines");
    if y.is_empty() {
        return;
    }
    let bytes = classes * size_of::<T>();
    let aligned = bytes.is_multiple_of(64) && (y.as_ptr() as usize).is_multiple_of(64);
    let streamed = inner == 1 && aligned && 2 * size_of_val(x) >= STREAMED && LONG.contains(&bytes);
    let scratch = if streamed { 2 * classes } else { Stage::<T>::len(layout) };
    let y = SharedMut::new(y);
    let pieces = lines.pieces_of(if streamed { TOGETHER } else { 1 });
    parallel_ranges(pieces.count(), &|number| {
        let piece = pieces.piece(number);
        with_scratch(scratch, |scratch: &mut [T]| {
            // SAFETY: the lines are inside both arrays, and each belongs to one piece; scratch is as long as asked for.
            unsafe { run(Forward { logarithm, layout, x, y, piece, scratch, streamed }) }
        });
    });
}

impl<T: Scalar> Forward<'_, T> {
    /// What is subtracted from the logarithm, or multiplied with the exponentials, for sums of exponentials.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`.
    #[inline(always)]
    unsafe fn of_sums<S: Simd<T = T>>(&self, sums: S::V) -> S::V {
        unsafe { if self.logarithm { math::ln_from_one::<S>(sums) } else { S::div(S::splat(T::ONE), sums) } }
    }

    /// A line that is adjacent in memory and starts at the element `start`. Its exponentials go to `near`; meanwhile the line
    /// `before` it is finished past the caches, and the one behind it asked for.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`; the line is inside x and y, near as long, and whole vectors if there is
    /// a line before.
    #[inline(always)]
    unsafe fn row<S: Simd<T = T>>(
        &self,
        start: usize,
        near: *mut T,
        lanes: S::V,
        before: Option<Unfinished<S>>,
    ) -> Unfinished<S> {
        let classes = self.layout.classes;
        // SAFETY: every step ends with the line.
        unsafe {
            let x = self.x.as_ptr().add(start);
            let most = largest::<S>(x, classes, lanes);
            let whole = classes - classes % S::LANES;
            let mut total = S::zero();
            for first in (0..whole).step_by(RUN * S::LANES) {
                let mut part = S::zero();
                for class in (first..whole.min(first + RUN * S::LANES)).step_by(S::LANES) {
                    let e = math::exp_of_negative::<S>(S::sub(S::load(x.add(class)), most));
                    if !self.logarithm {
                        S::store(near.add(class), e);
                    }
                    part = S::add(part, e);
                    if let Some(line) = &before {
                        let v = self.result::<S>(S::load(line.from.add(class)), line.most, line.factor);
                        S::stream(line.y.add(class), v);
                    }
                    if self.streamed {
                        S::prefetch(x.wrapping_add(classes + class));
                    }
                }
                total = S::add(total, part);
            }
            if whole < classes {
                let n = classes - whole;
                let e = math::exp_of_negative::<S>(S::sub(S::load_partial(x.add(whole), n), most));
                if !self.logarithm {
                    S::store_partial(near.add(whole), n, e);
                }
                total = S::add(total, first_lanes::<S>(lanes, n, e, S::zero()));
            }
            let factor = self.of_sums::<S>(S::splat(S::sum(total)));
            let from = if self.logarithm { x } else { near.cast_const() };
            Unfinished { from, y: self.y.as_mut_ptr().add(start), most, factor }
        }
    }

    /// Writes the results of a line.
    ///
    /// # Safety
    /// As for [`Forward::row`].
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>>(&self, line: Unfinished<S>) {
        let classes = self.layout.classes;
        // SAFETY: every step ends with the line.
        unsafe {
            for class in (0..classes).step_by(S::LANES) {
                let n = classes - class;
                let v = self.result::<S>(S::load_up_to(line.from.add(class), n), line.most, line.factor);
                S::store_up_to(line.y.add(class), n, v);
            }
        }
    }

    /// The lines that are adjacent in memory.
    ///
    /// # Safety
    /// As for [`Forward::row`].
    #[inline(always)]
    unsafe fn rows<S: Simd<T = T>>(&mut self, lines: Range<usize>) {
        let classes = self.layout.classes;
        // SAFETY: as the caller says.
        unsafe {
            let lanes = lane_numbers::<S>();
            if !self.streamed {
                for line in lines {
                    let start = line * classes;
                    let line = self.row::<S>(start, self.y.as_mut_ptr().add(start), lanes, None);
                    self.finish::<S>(line);
                }
                return;
            }
            let mut before = None;
            let near = self.scratch.as_mut_ptr();
            for line in lines {
                before = Some(self.row::<S>(line * classes, near.add(line % 2 * classes), lanes, before));
            }
            if let Some(line) = before {
                self.finish::<S>(line);
            }
        }
    }

    /// The result for elements, or their exponentials.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`.
    #[inline(always)]
    unsafe fn result<S: Simd<T = T>>(&self, v: S::V, most: S::V, factor: S::V) -> S::V {
        unsafe { if self.logarithm { S::sub(S::sub(v, most), factor) } else { S::mul(v, factor) } }
    }

    /// The first `n` of `W` vectors of lines that lie side by side, `pitch` elements from class to class.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`; the lines are there. x and y may be the same.
    #[inline(always)]
    unsafe fn columns<S: Simd<T = T>, const W: usize>(&self, x: *const T, y: *mut T, pitch: usize, n: usize) {
        let classes = self.layout.classes;
        let lanes = |w: usize| n - w * S::LANES;
        // SAFETY: every step ends with the lines.
        unsafe {
            let mut most = [S::splat(T::NEG_INFINITY); W];
            for class in 0..classes {
                for w in 0..W {
                    most[w] = S::max(S::load_up_to(x.add(class * pitch + w * S::LANES), lanes(w)), most[w]);
                }
            }
            let mut sums = [S::zero(); W];
            for class in 0..classes {
                for w in 0..W {
                    let at = class * pitch + w * S::LANES;
                    let e = math::exp_of_negative::<S>(S::sub(S::load_up_to(x.add(at), lanes(w)), most[w]));
                    if !self.logarithm {
                        S::store_up_to(y.add(at), lanes(w), e);
                    }
                    sums[w] = S::add(sums[w], e);
                }
            }
            for w in 0..W {
                sums[w] = self.of_sums::<S>(sums[w]);
            }
            let from = if self.logarithm { x } else { y.cast_const() };
            for class in 0..classes {
                for w in 0..W {
                    let at = class * pitch + w * S::LANES;
                    let v = self.result::<S>(S::load_up_to(from.add(at), lanes(w)), most[w], sums[w]);
                    S::store_up_to(y.add(at), lanes(w), v);
                }
            }
        }
    }

    /// The first `n` lines that lie side by side.
    ///
    /// # Safety
    /// As for [`Forward::columns`].
    #[inline(always)]
    unsafe fn all_columns<S: Simd<T = T>>(&self, x: *const T, y: *mut T, pitch: usize, n: usize) {
        let mut at = 0;
        // SAFETY: as the caller says.
        unsafe {
            while at < n {
                if n - at >= ABREAST * S::LANES {
                    self.columns::<S, ABREAST>(x.add(at), y.add(at), pitch, ABREAST * S::LANES);
                    at += ABREAST * S::LANES;
                } else {
                    self.columns::<S, 1>(x.add(at), y.add(at), pitch, n - at);
                    at += S::LANES;
                }
            }
        }
    }
}

impl<T: Scalar> Kernel<T> for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(mut self) {
        let Layout { classes, inner } = self.layout;
        let (x, y, Piece { outer, columns }) = (self.x.as_ptr(), self.y.as_mut_ptr(), self.piece.clone());
        // SAFETY: the caller vouches for the lines.
        unsafe {
            if inner == 1 && classes > stage::MOST_VECTORS * S::LANES {
                return self.rows::<S>(outer);
            }
            if inner == 1 {
                let stage = Stage::of_rows::<S>(self.scratch, classes);
                let mut first = outer.start;
                while first < outer.end {
                    let n = (outer.end - first).min(stage.pitch);
                    stage.take_rows::<S>(x.add(first * classes), n);
                    self.all_columns::<S>(stage.lines, stage.lines, stage.pitch, n);
                    stage.put_rows::<S>(y.add(first * classes), n);
                    first += n;
                }
                return;
            }
            if classes > stage::MOST_CLASSES {
                for outer in outer {
                    let (start, n) = (outer * classes * inner + columns.start, columns.len());
                    self.all_columns::<S>(x.add(start), y.add(start), inner, n);
                }
                return;
            }
            let stage = Stage::of_columns(self.scratch, classes);
            for outer in outer {
                let mut at = columns.start;
                while at < columns.end {
                    let (start, n) = (outer * classes * inner + at, (columns.end - at).min(stage.pitch));
                    stage.take_columns::<S>(x.add(start), inner, n);
                    self.all_columns::<S>(stage.lines, stage.lines, stage.pitch, n);
                    stage.put_columns::<S>(y.add(start), inner, n);
                    at += n;
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
