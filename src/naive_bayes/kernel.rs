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

/// Modes of [`Add`], as in [`Gaps`].
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

/// Where the categories of some columns lie in a table, as float64.
#[derive(Clone, Copy)]
pub struct Directory<'a> {
    pub starts: &'a [f64],
    pub sizes: &'a [f64],
    /// The place of a missing value.
    pub missing: u32,
}

/// Writes the place of every value of a block, row by row; whether each of them is missing or a whole category.
///
/// # Panics
/// If the lengths do not fit.
pub fn find(block: Block, directory: Directory, places: &mut [u32]) -> bool {
    let Directory { starts, sizes, .. } = directory;
    assert!(
        starts.len() >= block.width && sizes.len() >= block.width && places.len() == block.rows * block.width,
        "a place for every value"
    );
    // SAFETY: there are no pointers.
    unsafe { run(Find { block, directory, places }) }
}

struct Find<'a> {
    block: Block<'a>,
    directory: Directory<'a>,
    places: &'a mut [u32],
}

impl Kernel<f64> for Find<'_> {
    type Output = bool;

    // Plain loops, which the compiler vectorises with the entry's instruction set.
    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(self) -> bool {
        /// Added to a whole number below 2^32, it leaves that number in the low half of the sum's bits.
        const SHIFT: f64 = (1u64 << 52) as f64;
        let mut known = true;
        for i in 0..self.block.rows {
            let row = self.block.row(i);
            let width = row.len();
            let places = &mut self.places[i * width..][..width];
            let (starts, sizes) = (&self.directory.starts[..width], &self.directory.sizes[..width]);
            for j in 0..width {
                let (x, missing) = (row[j], row[j].is_nan());
                let place = starts[j] + x;
                let shifted = place + SHIFT;
                known &= missing | ((x >= 0.0) & (x < sizes[j]) & (shifted - SHIFT == place));
                places[j] = if missing { self.directory.missing } else { shifted.to_bits() as u32 };
            }
        }
        known
    }
}

/// Adds to `out`, (rows, classes), the rows of `table` at the places of each row. Rows of the table are `classes` long, and
/// behind the last one that is named there are [`LANES`] numbers more.
///
/// # Panics
/// If a place is not in the table.
pub fn gather(table: &[f64], places: &[u32], classes: usize, out: &mut [f64]) {
    let highest = places.iter().copied().max().unwrap_or(0) as usize;
    assert!((highest + 1) * classes + LANES <= table.len() && out.len() % classes == 0, "rows of the table");
    let width = places.len() / (out.len() / classes).max(1);
    // SAFETY: just checked.
    unsafe { run(Gather { table: table.as_ptr(), places, classes, width, out }) }
}

struct Gather<'a> {
    table: *const f64,
    places: &'a [u32],
    classes: usize,
    width: usize,
    out: &'a mut [f64],
}

impl Gather<'_> {
    /// Adds up `VECTORS` vectors of a row, the first of which begins at `first`.
    #[inline(always)]
    unsafe fn tile<S: Simd<T = f64>, const VECTORS: usize>(&mut self, row: usize, first: usize) {
        /// Sums that do not wait for one another.
        const CHAINS: usize = 2;
        let Gather { table, classes, width, .. } = *self;
        // SAFETY: the last vector reaches at most LANES numbers behind its row; of it only what is a class's is kept.
        unsafe {
            let places = self.places.as_ptr().add(row * width);
            let mut sums = [[S::zero(); VECTORS]; CHAINS];
            let mut at = 0;
            while at + CHAINS <= width {
                for chain in 0..CHAINS {
                    let from = table.add(*places.add(at + chain) as usize * classes + first);
                    for v in 0..VECTORS {
                        sums[chain][v] = S::add(sums[chain][v], S::load(from.add(v * S::LANES)));
                    }
                }
                at += CHAINS;
            }
            if at < width {
                let from = table.add(*places.add(at) as usize * classes + first);
                for v in 0..VECTORS {
                    sums[0][v] = S::add(sums[0][v], S::load(from.add(v * S::LANES)));
                }
            }
            let out = self.out.as_mut_ptr().add(row * classes);
            for v in 0..VECTORS {
                let start = first + v * S::LANES;
                let (to, n) = (out.add(start), classes - start);
                S::store_up_to(to, n, S::add(S::load_up_to(to, n), S::add(sums[0][v], sums[1][v])));
            }
        }
    }
}

impl Kernel<f64> for Gather<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(mut self) {
        let vectors = self.classes.div_ceil(S::LANES);
        for row in 0..self.out.len() / self.classes {
            let mut done = 0;
            while done < vectors {
                let first = done * S::LANES;
                // SAFETY: the tiles together have as many vectors as a row.
                unsafe {
                    match vectors - done {
                        1 => self.tile::<S, 1>(row, first),
                        2 => self.tile::<S, 2>(row, first),
                        3 => self.tile::<S, 3>(row, first),
                        _ => self.tile::<S, 4>(row, first),
                    }
                }
                done += 4.min(vectors - done);
            }
        }
    }
}
