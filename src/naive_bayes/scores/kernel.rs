//! Scores of classes: the data turned, with rows in the lanes.

#![allow(unsafe_code)]

use crate::naive_bayes::rows::Block;
use crate::naive_bayes::sums::kernel::{Above, Statistic};
use crate::naive_bayes::{LANES, ROWS};
use crate::simd::{Kernel, Simd, run};

/// Turns a block of up to [`ROWS`] rows to columns of [`ROWS`], zeros in the rows that are not there.
///
/// # Panics
/// If the block has more rows, or the target is too short.
pub fn turn(block: Block, to: &mut [f64]) {
    assert!(block.rows <= ROWS && to.len() >= ROWS * block.width, "room for whole columns");
    if block.rows < ROWS {
        to[..ROWS * block.width].fill(0.0);
    }
    // SAFETY: just checked.
    unsafe { run(Turn { block, to }) }
}

struct Turn<'a> {
    block: Block<'a>,
    to: &'a mut [f64],
}

impl Kernel<f64> for Turn<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(self) {
        let Turn { block, to } = self;
        let (rows, width) = (block.rows - block.rows % S::LANES, block.width - block.width % S::LANES);
        for i in (0..rows).step_by(S::LANES) {
            for j in (0..width).step_by(S::LANES) {
                // SAFETY: a tile inside both matrices.
                unsafe {
                    let from = block.values.as_ptr().add(i * block.stride + j);
                    S::transpose(from, block.stride, to.as_mut_ptr().add(j * ROWS + i), ROWS);
                }
            }
        }
        for i in 0..block.rows {
            let from = block.row(i);
            for j in if i < rows { width } else { 0 }..block.width {
                to[j * ROWS + i] = from[j];
            }
        }
    }
}

/// A class's log-likelihood of a value, up to a constant for each class and column.
pub trait Score: Copy {
    /// Numbers for each class and column; the last is the constant.
    const NUMBERS: usize;

    /// What all classes need of a value.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`.
    unsafe fn prepare<S: Simd<T = f64>>(self, x: S::V) -> S::V;

    /// `total` and the value's log-likelihood. The class's numbers are `apart` apart.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`; the numbers may be read.
    unsafe fn add<S: Simd<T = f64>>(self, total: S::V, t: S::V, numbers: *const f64, apart: usize) -> S::V;
}

/// `b x + a`.
#[derive(Clone, Copy)]
pub struct Straight;

impl Score for Straight {
    const NUMBERS: usize = 2;

    #[inline(always)]
    unsafe fn prepare<S: Simd<T = f64>>(self, x: S::V) -> S::V {
        x
    }

    #[inline(always)]
    unsafe fn add<S: Simd<T = f64>>(self, total: S::V, t: S::V, numbers: *const f64, _: usize) -> S::V {
        // SAFETY: as the caller says.
        unsafe { S::fma(S::splat(*numbers), t, total) }
    }
}

/// `b t + a`, where t is 1 above the threshold, else 0.
#[derive(Clone, Copy)]
pub struct Step(pub f64);

impl Score for Step {
    const NUMBERS: usize = 2;

    #[inline(always)]
    unsafe fn prepare<S: Simd<T = f64>>(self, x: S::V) -> S::V {
        // SAFETY: as the caller says.
        unsafe { Above(self.0).of::<S>(x, std::ptr::null()) }
    }

    #[inline(always)]
    unsafe fn add<S: Simd<T = f64>>(self, total: S::V, t: S::V, numbers: *const f64, apart: usize) -> S::V {
        // SAFETY: as the caller says.
        unsafe { Straight.add::<S>(total, t, numbers, apart) }
    }
}

/// `-h (x - m)^2 + a`. The mean is taken off before squaring: an expanded square would lose the digits of data that lie far
/// from zero.
#[derive(Clone, Copy)]
pub struct Bell;

impl Score for Bell {
    const NUMBERS: usize = 3;

    #[inline(always)]
    unsafe fn prepare<S: Simd<T = f64>>(self, x: S::V) -> S::V {
        x
    }

    #[inline(always)]
    unsafe fn add<S: Simd<T = f64>>(self, total: S::V, t: S::V, numbers: *const f64, apart: usize) -> S::V {
        // SAFETY: as the caller says.
        unsafe {
            let difference = S::sub(t, S::splat(*numbers));
            S::fnma(S::mul(difference, difference), S::splat(*numbers.add(apart)), total)
        }
    }
}

/// Adds the scores of [`ROWS`] rows, in columns of `turned`, to `totals`, `CLASSES` runs of [`ROWS`].
///
/// `numbers` are for each column [`Score::NUMBERS`] runs of `CLASSES`. With `GAPS`, the constants are added too, and NaN adds
/// nothing.
///
/// # Panics
/// If the slices do not have these lengths.
pub fn score<F: Score, const CLASSES: usize, const GAPS: bool>(
    form: F,
    turned: &[f64],
    numbers: &[f64],
    totals: &mut [f64],
) {
    let columns = turned.len() / ROWS;
    assert!(
        numbers.len() == columns * F::NUMBERS * CLASSES && totals.len() == CLASSES * ROWS,
        "numbers for every column"
    );
    // SAFETY: just checked.
    unsafe { run(Scores::<F, CLASSES, GAPS> { form, turned, columns, numbers, totals }) }
}

struct Scores<'a, F, const CLASSES: usize, const GAPS: bool> {
    form: F,
    turned: &'a [f64],
    columns: usize,
    numbers: &'a [f64],
    totals: &'a mut [f64],
}

impl<F: Score, const CLASSES: usize, const GAPS: bool> Kernel<f64> for Scores<'_, F, CLASSES, GAPS> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(self) {
        // SAFETY: as `score` checks.
        unsafe { if S::REGISTERS >= 32 { self.pass::<S, 4>() } else { self.pass::<S, 2>() } }
    }
}

impl<F: Score, const CLASSES: usize, const GAPS: bool> Scores<'_, F, CLASSES, GAPS> {
    /// `ABREAST` vectors of rows share the loads of a class's numbers.
    #[inline(always)]
    unsafe fn pass<S: Simd<T = f64>, const ABREAST: usize>(self) {
        // SAFETY: ROWS is a multiple of as many vectors.
        unsafe {
            for i in (0..ROWS).step_by(ABREAST * S::LANES) {
                let totals = self.totals.as_mut_ptr().add(i);
                let mut sums = [[S::zero(); ABREAST]; CLASSES];
                for c in 0..CLASSES {
                    for k in 0..ABREAST {
                        sums[c][k] = S::load(totals.add(c * ROWS + k * S::LANES));
                    }
                }
                for j in 0..self.columns {
                    let from = self.turned.as_ptr().add(j * ROWS + i);
                    let numbers = self.numbers.as_ptr().add(j * F::NUMBERS * CLASSES);
                    for k in 0..ABREAST {
                        let x = S::load(from.add(k * S::LANES));
                        let t = self.form.prepare::<S>(x);
                        for c in 0..CLASSES {
                            let numbers = numbers.add(c);
                            let sum = self.form.add::<S>(sums[c][k], t, numbers, CLASSES);
                            sums[c][k] = if GAPS {
                                let constant = S::splat(*numbers.add((F::NUMBERS - 1) * CLASSES));
                                S::select(S::is_nan(x), sums[c][k], S::add(sum, constant))
                            } else {
                                sum
                            };
                        }
                    }
                }
                for c in 0..CLASSES {
                    for k in 0..ABREAST {
                        S::store(totals.add(c * ROWS + k * S::LANES), sums[c][k]);
                    }
                }
            }
        }
    }
}

/// Adds totals, columns of [`ROWS`] whose number is a multiple of [`LANES`], to `out`, rows of `classes`.
///
/// # Panics
/// If `out` has more rows, or the totals fewer columns.
pub fn turn_back(totals: &[f64], classes: usize, out: &mut [f64]) {
    let columns = classes.next_multiple_of(LANES);
    assert!(out.len() <= ROWS * classes && totals.len() >= ROWS * columns, "totals for every row and class");
    // SAFETY: just checked.
    unsafe { run(TurnBack { totals: totals.as_ptr(), classes, out }) }
}

struct TurnBack<'a> {
    totals: *const f64,
    classes: usize,
    out: &'a mut [f64],
}

impl Kernel<f64> for TurnBack<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(self) {
        let (classes, rows) = (self.classes, self.out.len() / self.classes);
        let mut tile = [0.0; LANES * LANES];
        for i in (0..rows).step_by(S::LANES) {
            for c in (0..classes).step_by(S::LANES) {
                // SAFETY: a tile of whole columns of totals; rows and classes that are there.
                unsafe {
                    S::transpose(self.totals.add(c * ROWS + i), ROWS, tile.as_mut_ptr(), S::LANES);
                    for r in 0..S::LANES.min(rows - i) {
                        let (to, n) = (self.out.as_mut_ptr().add((i + r) * classes + c), classes - c);
                        let sum = S::add(S::load_up_to(to, n), S::load(tile.as_ptr().add(r * S::LANES)));
                        S::store_up_to(to, n, sum);
                    }
                }
            }
        }
    }
}
