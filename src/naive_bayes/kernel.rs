//! The inner loops over blocks of float64: what is out of range, sums by class, distances and products with rows in the lanes.

#![allow(unsafe_code)]

use super::{LANES, ROWS, Support};
use crate::simd::{Kernel, Simd, run};

/// `rows` runs of `width` elements, `stride` apart.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    values: &'a [f64],
    stride: usize,
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
    // SAFETY: the rows are inside the values.
    unsafe {
        if support.whole { run(Survey::<true> { block, support }) } else { run(Survey::<false> { block, support }) }
    }
}

struct Survey<'a, const WHOLE: bool> {
    block: Block<'a>,
    support: Support,
}

/// Vectors that are looked at in turn.
const ABREAST: usize = 4;

impl<const WHOLE: bool> Kernel<f64> for Survey<'_, WHOLE> {
    type Output = Seen;

    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(self) -> Seen {
        // SAFETY: every load stays inside a run.
        unsafe {
            let (runs, len) = self.block.runs();
            // Zero times x is zero unless x is infinite or NaN.
            let mut poison = [S::zero(); ABREAST];
            let mut worst = [S::splat(f64::NEG_INFINITY); ABREAST];
            for r in 0..runs {
                let from = self.block.values.as_ptr().add(r * self.block.stride);
                let mut at = 0;
                while at + ABREAST * S::LANES <= len {
                    for k in 0..ABREAST {
                        let x = S::load(from.add(at + k * S::LANES));
                        poison[k] = S::fma(x, S::zero(), poison[k]);
                        worst[k] = S::max(self.distance::<S>(x), worst[k]);
                    }
                    at += ABREAST * S::LANES;
                }
                while at < len {
                    // The lanes behind the end repeat an element of the run.
                    let n = len - at;
                    let x = if n >= S::LANES {
                        S::load(from.add(at))
                    } else if len >= S::LANES {
                        S::load(from.add(len - S::LANES))
                    } else {
                        self.few::<S>(from, len)
                    };
                    poison[0] = S::fma(x, S::zero(), poison[0]);
                    worst[0] = S::max(self.distance::<S>(x), worst[0]);
                    at += S::LANES;
                }
            }
            let mut seen = Seen { not_finite: false, outside: false };
            for k in 0..ABREAST {
                seen.not_finite |= S::bits(S::is_nan(poison[k])) != 0;
                seen.outside |= S::bits(S::gt(worst[k], S::zero())) != 0;
            }
            seen
        }
    }
}

impl<const WHOLE: bool> Survey<'_, WHOLE> {
    /// Positive if x is outside; NaN if x is.
    #[inline(always)]
    unsafe fn distance<S: Simd<T = f64>>(&self, x: S::V) -> S::V {
        // SAFETY: registers alone.
        unsafe {
            let below = S::sub(S::splat(self.support.least), x);
            let above = S::sub(x, S::splat(self.support.most));
            let off = S::max(below, above);
            if WHOLE { S::max(S::abs(S::sub(x, S::round(x))), off) } else { off }
        }
    }

    /// Fewer elements than lanes, the first one in the lanes behind them.
    #[inline(always)]
    unsafe fn few<S: Simd<T = f64>>(&self, from: *const f64, len: usize) -> S::V {
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

/// What is added up of a value; `centre` is a number for each class and column.
pub trait Statistic: Copy {
    const CENTRED: bool = false;

    /// # Safety
    /// The processor has the instruction set of `S`; `centre` may be read if the statistic is centred.
    unsafe fn of<S: Simd<T = f64>>(self, x: S::V, centre: *const f64) -> S::V;
}

/// x.
#[derive(Clone, Copy)]
pub struct Itself;

impl Statistic for Itself {
    #[inline(always)]
    unsafe fn of<S: Simd<T = f64>>(self, x: S::V, _: *const f64) -> S::V {
        x
    }
}

/// 1 above the threshold, else 0.
#[derive(Clone, Copy)]
pub struct Above(pub f64);

impl Statistic for Above {
    #[inline(always)]
    unsafe fn of<S: Simd<T = f64>>(self, x: S::V, _: *const f64) -> S::V {
        // SAFETY: registers alone.
        unsafe { S::select(S::gt(x, S::splat(self.0)), S::splat(1.0), S::zero()) }
    }
}

/// `(x - centre)^2`.
#[derive(Clone, Copy)]
pub struct SquareAbout;

impl Statistic for SquareAbout {
    const CENTRED: bool = true;

    #[inline(always)]
    unsafe fn of<S: Simd<T = f64>>(self, x: S::V, centre: *const f64) -> S::V {
        // SAFETY: as the caller says.
        unsafe {
            let difference = S::sub(x, S::load(centre));
            S::mul(difference, difference)
        }
    }
}

/// The classes of a block's rows, and what they weigh: 1 each if `None`.
#[derive(Clone, Copy)]
pub struct Members<'a> {
    pub codes: &'a [i64],
    pub weights: Option<&'a [f64]>,
}

/// What becomes of NaN.
pub enum Gaps<'a> {
    /// There is none.
    None,
    /// It is left out.
    Skip,
    /// It is left out, and the weights of the others are added to these sums.
    Weigh(&'a mut [f64]),
}

/// Adds the weighted statistic of every value to its class's sums, (classes, stride); `centre` has the same shape.
///
/// # Panics
/// If a class is not among the sums, or the stride is no multiple of [`LANES`] that holds a row.
pub fn add<F: Statistic>(
    statistic: F,
    block: Block,
    members: Members,
    centre: &[f64],
    sums: &mut [f64],
    gaps: Gaps,
    stride: usize,
) {
    assert!(stride >= block.width && stride % LANES == 0, "rows of sums that hold whole vectors");
    let classes = sums.len().checked_div(stride).unwrap_or(0);
    let known = members.codes.iter().all(|&code| usize::try_from(code).is_ok_and(|code| code < classes));
    assert!(known && members.codes.len() == block.rows, "a known class for every row");
    assert!(members.weights.is_none_or(|weights| weights.len() == block.rows), "a weight for every row");
    assert!(!F::CENTRED || centre.len() == sums.len(), "a centre for every sum");
    let (centre, len, sums) = (centre.as_ptr(), sums.len(), sums.as_mut_ptr());
    let pass = |seen| Add { statistic, block, members, centre, sums, seen, stride };
    // SAFETY: just checked.
    unsafe {
        match gaps {
            Gaps::None => run(Mode::<F, WITHOUT>(pass(std::ptr::null_mut()))),
            Gaps::Skip => run(Mode::<F, SKIP>(pass(std::ptr::null_mut()))),
            Gaps::Weigh(seen) => {
                assert!(seen.len() == len, "a weight for every sum");
                run(Mode::<F, WEIGH>(pass(seen.as_mut_ptr())));
            }
        }
    }
}

struct Add<'a, F> {
    statistic: F,
    block: Block<'a>,
    members: Members<'a>,
    centre: *const f64,
    sums: *mut f64,
    seen: *mut f64,
    stride: usize,
}

const WITHOUT: u8 = 0;
const SKIP: u8 = 1;
const WEIGH: u8 = 2;

struct Mode<'a, F, const MODE: u8>(Add<'a, F>);

impl<F: Statistic, const MODE: u8> Kernel<f64> for Mode<'_, F, MODE> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(self) {
        let Add { statistic, block, members, centre, sums, seen, stride } = self.0;
        // SAFETY: a row of sums has whole vectors, the last of which may reach behind the row's end.
        unsafe {
            for i in 0..block.rows {
                let from = block.values.as_ptr().add(i * block.stride);
                let class = *members.codes.get_unchecked(i) as usize * stride;
                let weight = S::splat(members.weights.map_or(1.0, |weights| *weights.get_unchecked(i)));
                let mut j = 0;
                while j < block.width {
                    let x = S::load_up_to(from.add(j), block.width - j);
                    let centre = if F::CENTRED { centre.add(class + j) } else { centre };
                    let mut t = statistic.of::<S>(x, centre);
                    if MODE != WITHOUT {
                        let gone = S::is_nan(x);
                        t = S::select(gone, S::zero(), t);
                        if MODE == WEIGH {
                            let seen = seen.add(class + j);
                            S::store(seen, S::add(S::load(seen), S::select(gone, S::zero(), weight)));
                        }
                    }
                    let sum = sums.add(class + j);
                    S::store(sum, S::fma(weight, t, S::load(sum)));
                    j += S::LANES;
                }
            }
        }
    }
}

/// Raises `maxima` to the largest value of each column; NaN is left out.
///
/// # Panics
/// If the maxima are not whole vectors that hold a row.
pub fn raise(block: Block, maxima: &mut [f64]) {
    assert!(maxima.len() >= block.width && maxima.len() % LANES == 0, "maxima that hold whole vectors");
    // SAFETY: just checked.
    unsafe { run(Raise { block, maxima }) }
}

struct Raise<'a> {
    block: Block<'a>,
    maxima: &'a mut [f64],
}

impl Kernel<f64> for Raise<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(self) {
        for i in 0..self.block.rows {
            let mut j = 0;
            while j < self.block.width {
                // SAFETY: whole vectors of maxima; what is behind the row's end is raised to 0 at most.
                unsafe {
                    let x =
                        S::load_up_to(self.block.values.as_ptr().add(i * self.block.stride + j), self.block.width - j);
                    let to = self.maxima.as_mut_ptr().add(j);
                    S::store(to, S::max(x, S::load(to)));
                }
                j += S::LANES;
            }
        }
    }
}

/// Turns [`ROWS`] rows of `width` elements, a multiple of [`LANES`] apart, to columns of [`ROWS`].
///
/// # Panics
/// If the width is not such a multiple, or the slices are too short.
pub fn turn(from: &[f64], width: usize, to: &mut [f64]) {
    assert!(width % LANES == 0 && from.len() >= ROWS * width && to.len() >= ROWS * width, "whole tiles");
    // SAFETY: just checked; LANES is a multiple of every instruction set's.
    unsafe { run(Turn { from: from.as_ptr(), width, to: to.as_mut_ptr() }) }
}

struct Turn {
    from: *const f64,
    width: usize,
    to: *mut f64,
}

impl Kernel<f64> for Turn {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(self) {
        for i in (0..ROWS).step_by(S::LANES) {
            for j in (0..self.width).step_by(S::LANES) {
                // SAFETY: a tile inside both matrices.
                unsafe { S::transpose(self.from.add(i * self.width + j), self.width, self.to.add(j * ROWS + i), ROWS) };
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

/// Vectors of rows that share the loads of a class's numbers.
const PAIR: usize = 2;

impl<F: Score, const CLASSES: usize, const GAPS: bool> Kernel<f64> for Scores<'_, F, CLASSES, GAPS> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(self) {
        // SAFETY: ROWS is a multiple of a pair of vectors.
        unsafe {
            for i in (0..ROWS).step_by(PAIR * S::LANES) {
                let totals = self.totals.as_mut_ptr().add(i);
                let mut sums = [[S::zero(); PAIR]; CLASSES];
                for c in 0..CLASSES {
                    for k in 0..PAIR {
                        sums[c][k] = S::load(totals.add(c * ROWS + k * S::LANES));
                    }
                }
                for j in 0..self.columns {
                    let from = self.turned.as_ptr().add(j * ROWS + i);
                    let numbers = self.numbers.as_ptr().add(j * F::NUMBERS * CLASSES);
                    for k in 0..PAIR {
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
                    for k in 0..PAIR {
                        S::store(totals.add(c * ROWS + k * S::LANES), sums[c][k]);
                    }
                }
            }
        }
    }
}

/// Adds to `out`, one number per class, the rows of `table` at `places`. Rows of the table are `out.len()` long, and behind the
/// last one that is named there are [`LANES`] numbers more.
///
/// # Panics
/// If a place is not in the table.
pub fn gather(table: &[f64], places: &[u32], out: &mut [f64]) {
    let highest = places.iter().copied().max().unwrap_or(0) as usize;
    assert!((highest + 1) * out.len() + LANES <= table.len(), "rows of the table");
    // SAFETY: just checked.
    unsafe { run(Gather { table: table.as_ptr(), places, out }) }
}

struct Gather<'a> {
    table: *const f64,
    places: &'a [u32],
    out: &'a mut [f64],
}

impl Gather<'_> {
    /// Adds up `VECTORS` vectors, the first of which begins at `first`.
    #[inline(always)]
    unsafe fn tile<S: Simd<T = f64>, const VECTORS: usize>(&mut self, first: usize) {
        /// Sums that do not wait for one another.
        const CHAINS: usize = 2;
        let classes = self.out.len();
        // SAFETY: the last vector reaches at most LANES numbers behind its row; of it only what is a class's is kept.
        unsafe {
            let mut sums = [[S::zero(); VECTORS]; CHAINS];
            let mut at = 0;
            while at < self.places.len() {
                for chain in 0..CHAINS.min(self.places.len() - at) {
                    let from = self.table.add(*self.places.get_unchecked(at + chain) as usize * classes + first);
                    for v in 0..VECTORS {
                        sums[chain][v] = S::add(sums[chain][v], S::load(from.add(v * S::LANES)));
                    }
                }
                at += CHAINS;
            }
            for v in 0..VECTORS {
                let start = first + v * S::LANES;
                let to = self.out.as_mut_ptr().add(start);
                let sum = S::add(sums[0][v], sums[1][v]);
                S::store_up_to(to, classes - start, S::add(S::load_up_to(to, classes - start), sum));
            }
        }
    }
}

impl Kernel<f64> for Gather<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(mut self) {
        let vectors = self.out.len().div_ceil(S::LANES);
        let mut done = 0;
        while done < vectors {
            let first = done * S::LANES;
            // SAFETY: the tiles together have as many vectors as a row.
            unsafe {
                match vectors - done {
                    1 => self.tile::<S, 1>(first),
                    2 => self.tile::<S, 2>(first),
                    3 => self.tile::<S, 3>(first),
                    _ => self.tile::<S, 4>(first),
                }
            }
            done += 4.min(vectors - done);
        }
    }
}
