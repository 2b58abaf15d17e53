//! Blocks of float64: converted, and looked over for what is missing or out of range.

#![allow(unsafe_code)]

use crate::naive_bayes::{LANES, Support};
use crate::simd::{Kernel, Simd, run};

/// `rows` runs of `width` elements, `stride` apart.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    pub(in crate::naive_bayes) values: &'a [f64],
    pub(in crate::naive_bayes) stride: usize,
    pub rows: usize,
    pub width: usize,
}

impl<'a> Block<'a> {
    /// # Panics
    /// If the rows lead outside the values, or overlap.
    pub fn new(values: &'a [f64], stride: usize, rows: usize, width: usize) -> Self {
        assert!(
            width <= stride && (rows == 0 || (rows - 1) * stride + width <= values.len()),
            "rows inside the values"
        );
        Block { values, stride, rows, width }
    }

    pub fn row(self, i: usize) -> &'a [f64] {
        &self.values[i * self.stride..][..self.width]
    }

    /// The runs of adjacent elements: all at once if the rows touch.
    fn runs(self) -> (usize, usize) {
        if self.stride == self.width { (1, self.rows * self.width) } else { (self.rows, self.width) }
    }
}

/// A number that float64 stands for.
pub trait Number: Copy {
    /// The nearest float64. Must be `#[inline(always)]`.
    fn wide(self) -> f64;
}

/// Writes numbers as float64.
///
/// # Panics
/// If the slices differ in length.
pub fn widen<T: Number>(from: &[T], to: &mut [f64]) {
    assert_eq!(from.len(), to.len(), "slices of one length");
    // SAFETY: there are no pointers.
    unsafe { run(Widen { from, to }) }
}

struct Widen<'a, T> {
    from: &'a [T],
    to: &'a mut [f64],
}

impl<T: Number> Kernel<f64> for Widen<'_, T> {
    type Output = ();

    // A plain loop, which the compiler vectorises with the entry's instruction set.
    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(self) {
        for i in 0..self.to.len() {
            self.to[i] = self.from[i].wide();
        }
    }
}

/// What a block holds that a pass must know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// There is an infinite or missing value.
    pub not_finite: bool,
    /// There is a finite value that the support does not have.
    pub outside: bool,
}

/// What a block holds. Infinite values may count as outside too.
pub fn survey(block: Block, support: Support) -> Seen {
    let all = support.least == f64::NEG_INFINITY && support.most == f64::INFINITY;
    // SAFETY: the rows are inside the values.
    unsafe {
        match support.whole {
            true => run(Survey::<WHOLE> { block, support }),
            false if all => run(Survey::<REAL> { block, support }),
            false => run(Survey::<RANGE> { block, support }),
        }
    }
}

/// Kinds of support: all numbers, those of a range, and the whole ones of it.
const REAL: u8 = 0;
const RANGE: u8 = 1;
const WHOLE: u8 = 2;

struct Survey<'a, const KIND: u8> {
    block: Block<'a>,
    support: Support,
}

/// Vectors that are looked at in turn.
const ABREAST: usize = 4;

/// What has been seen in each lane so far.
#[derive(Clone, Copy)]
struct Extremes<V> {
    /// Zero, unless something was infinite or NaN.
    poison: V,
    least: V,
    most: V,
    /// The largest distance from a whole number.
    off: V,
}

impl<const KIND: u8> Kernel<f64> for Survey<'_, KIND> {
    type Output = Seen;

    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(self) -> Seen {
        // SAFETY: every load stays inside a run.
        unsafe {
            let (runs, len) = self.block.runs();
            let (infinity, zero) = (S::splat(f64::INFINITY), S::zero());
            let none = Extremes { poison: zero, least: infinity, most: S::sub(zero, infinity), off: zero };
            let mut seen = [none; ABREAST];
            for r in 0..runs {
                let from = self.block.values.as_ptr().add(r * self.block.stride);
                let mut at = 0;
                while at + ABREAST * S::LANES <= len {
                    for k in 0..ABREAST {
                        seen[k] = Self::look::<S>(S::load(from.add(at + k * S::LANES)), seen[k]);
                    }
                    at += ABREAST * S::LANES;
                }
                while at < len {
                    // The lanes behind the end repeat an element of the run.
                    let x = if len - at >= S::LANES {
                        S::load(from.add(at))
                    } else if len >= S::LANES {
                        S::load(from.add(len - S::LANES))
                    } else {
                        Self::few::<S>(from, len)
                    };
                    seen[0] = Self::look::<S>(x, seen[0]);
                    at += S::LANES;
                }
            }
            let (low, high) = (S::splat(self.support.least), S::splat(self.support.most));
            let mut all = Seen { not_finite: false, outside: false };
            for Extremes { poison, least, most, off } in seen {
                all.not_finite |= S::bits(S::is_nan(poison)) != 0;
                let beyond = S::or(S::gt(low, least), S::gt(most, high));
                all.outside |= S::bits(S::or(beyond, S::gt(off, zero))) != 0;
            }
            all
        }
    }
}

impl<const KIND: u8> Survey<'_, KIND> {
    #[inline(always)]
    unsafe fn look<S: Simd<T = f64>>(x: S::V, mut seen: Extremes<S::V>) -> Extremes<S::V> {
        // SAFETY: registers alone. Where x is NaN, the extremes stay.
        unsafe {
            // Zero times x is zero unless x is infinite or NaN.
            seen.poison = S::fma(x, S::zero(), seen.poison);
            if KIND != REAL {
                seen.least = S::min(x, seen.least);
                seen.most = S::max(x, seen.most);
            }
            if KIND == WHOLE {
                seen.off = S::max(S::abs(S::sub(x, S::round(x))), seen.off);
            }
            seen
        }
    }

    /// Fewer elements than lanes, the first one in the lanes behind them.
    #[inline(always)]
    unsafe fn few<S: Simd<T = f64>>(from: *const f64, len: usize) -> S::V {
        // SAFETY: `len` is at least 1 and at most LANES.
        unsafe {
            let mut copy = [*from; LANES];
            for (i, to) in copy.iter_mut().enumerate().take(len) {
                *to = *from.add(i);
            }
            S::load(copy.as_ptr())
        }
    }
}
