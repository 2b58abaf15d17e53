//! A band of rows of windows.

#![allow(unsafe_code)]

use std::ops::Range;

use super::padding::Padding;
use super::sink::{SLACK, Sink};
use super::{Band, Plan, far, streamed};
use crate::memory::with_scratch;
use crate::pool::kernel::{Number, better};
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::threads::SharedMut;

/// Bytes that x is asked for ahead, where it comes from memory: what the processor fetches by itself is too little beside stores
/// past the caches.
const AHEAD: usize = 4096;

/// The arrays of a call.
pub struct Forward<'a, T> {
    pub plan: &'a Plan,
    pub x: &'a [T],
    pub y: SharedMut<'a, T>,
}

impl<T: Scalar> Forward<'_, T> {
    /// Calls `write` with the band's windows; `fill` stands in the padding.
    #[inline]
    fn each(&self, band: &Band, fill: T, write: impl FnOnce(Windows<T>)) {
        let plan = self.plan;
        let Plan { planes, rows, columns, .. } = *plan;
        assert_eq!((self.x.len(), self.y.len()), (plan.inputs(), plan.outputs()));
        assert!(band.plane < planes && band.rows.start < band.rows.end && band.rows.end <= rows.output);
        let ahead = if far::<T>(plan) { AHEAD / size_of::<T>() } else { 0 };
        if !plan.padded() {
            let x = &self.x[(band.plane * rows.input + band.rows.start * rows.step()) * columns.input..];
            return self.with_sink(band, x.as_ptr(), ahead, write);
        }
        let staged = (band.rows.len() - 1) * rows.step() + rows.kernel;
        with_scratch(staged * columns.input, |stage: &mut [T]| {
            Padding { plan, plane: band.plane, first: band.rows.start * rows.step(), fill, ahead }.put(self.x, stage);
            self.with_sink(band, stage.as_ptr(), 0, write);
        });
    }

    /// Calls `write` with the band's windows over x, whose rows have their padding.
    #[inline]
    fn with_sink(&self, band: &Band, x: *const T, ahead: usize, write: impl FnOnce(Windows<T>)) {
        // SAFETY: inside y.
        let y = unsafe { self.y.as_mut_ptr().add(self.first(band)) };
        let len = band.rows.len() * self.plan.columns.output;
        let Plan { rows, columns, .. } = self.plan;
        let windows = |y: Sink<T>| Windows {
            plan: self.plan,
            rows: band.rows.len(),
            inputs: columns.input,
            outputs: columns.output,
            step: columns.step(),
            pitch: rows.step() * columns.input,
            x,
            y,
            ahead,
        };
        if streamed::<T>(self.y.len()) {
            with_scratch(len + SLACK, |near: &mut [T]| write(windows(Sink::past_caches(near, y, len))));
        } else {
            write(windows(Sink::plain(y)));
        }
    }

    /// Index of the band's first output.
    fn first(&self, band: &Band) -> usize {
        (band.plane * self.plan.rows.output + band.rows.start) * self.plan.columns.output
    }
}

/// Evaluates the expression with the plan's kernel width and step as constants.
macro_rules! for_columns {
    ($plan:expr, |$k:ident, $step:ident| $run:expr) => {
        match ($plan.columns.kernel, $plan.columns.stride) {
            (2, 1) => for_columns!(@ $k, 2, $step, 1, $run),
            (2, 2) => for_columns!(@ $k, 2, $step, 2, $run),
            (3, 1) => for_columns!(@ $k, 3, $step, 1, $run),
            (3, 2) => for_columns!(@ $k, 3, $step, 2, $run),
            (3, 3) => for_columns!(@ $k, 3, $step, 3, $run),
            _ => unreachable!("the plan is for other kernels"),
        }
    };
    (@ $k:ident, $kernel:literal, $step:ident, $s:literal, $run:expr) => {{
        const $k: usize = $kernel;
        const $step: usize = $s;
        $run
    }};
}
pub(super) use for_columns;

/// The same, and with the kernel's height.
macro_rules! for_shape {
    ($plan:expr, |$k:ident, $step:ident, $rows:ident| $run:expr) => {
        for_columns!($plan, |$k, $step| if $plan.rows.kernel == 1 {
            const $rows: usize = 1;
            $run
        } else {
            const $rows: usize = $k;
            $run
        })
    };
}

/// The largest value of every window of a band, and with `winners` the number of its tap.
///
/// # Panics
/// If an array has another length than the plan says.
pub fn max<T: Scalar>(forward: &Forward<T>, winners: Option<SharedMut<u8>>, band: &Band) {
    let plan = forward.plan;
    assert!(plan.taps() <= 256 && winners.is_none_or(|winners| winners.len() == plan.outputs()));
    // SAFETY: the band's winners.
    let winners = winners.map(|winners| unsafe { winners.as_mut_ptr().add(forward.first(band)) });
    forward.each(band, T::NEG_INFINITY, |windows| {
        // SAFETY: the instruction set is the process's own; the lengths were checked; bands are disjoint.
        for_shape!(plan, |K, STEP, ROWS| unsafe {
            let nan = match winners {
                None => simd::run(Max::<T, K, STEP, ROWS, false, false> { windows, winners }),
                Some(_) => simd::run(Max::<T, K, STEP, ROWS, true, false> { windows, winners }),
            };
            if nan {
                simd::run(Max::<T, K, STEP, ROWS, true, true> { windows, winners });
            }
        });
        if let Some(winners) = winners.filter(|_| plan.padded()) {
            // SAFETY: as above.
            unsafe { windows.keep_off_padding(band.rows.start, winners) };
        }
    });
}

/// The sum of every window of a band over the divisor.
///
/// # Panics
/// If an array has another length than the plan says.
pub fn average<T: Scalar>(forward: &Forward<T>, divisor: T, band: &Band) {
    forward.each(band, T::ZERO, |windows| {
        // SAFETY: as for `max`.
        for_shape!(forward.plan, |K, STEP, ROWS| unsafe {
            simd::run(Average::<T, K, STEP, ROWS> { windows, divisor: Divisor::new(divisor) });
        });
    });
}

/// The windows of a band: x begins with the first one's row, y with its output.
#[derive(Clone, Copy)]
struct Windows<'a, T> {
    plan: &'a Plan,
    rows: usize,
    // What follows is the plan's, as values: after a store the compiler would read those behind the reference again.
    /// Columns of x and y, and of x from one window to the next.
    inputs: usize,
    outputs: usize,
    step: usize,
    /// Elements of x from one row of windows to the next.
    pitch: usize,
    x: *const T,
    y: Sink<T>,
    /// How far ahead x is asked for; 0 if it is in the caches.
    ahead: usize,
}

impl<T: Scalar> Windows<'_, T> {
    /// Rows of windows that are computed column by column, so that what several windows see stays in registers: if the rows
    /// are short. Long ones come in their order, which is that of the memory.
    #[inline(always)]
    fn chunk<S: Simd<T = T>>(&self) -> usize {
        if self.outputs <= S::LANES { self.rows } else { 1 }
    }

    /// The vector of windows from column `o` on, in a row of windows.
    #[inline(always)]
    unsafe fn tile(&self, oh: usize, o: usize) -> Tile<T> {
        unsafe {
            let (first, at) = (o * self.step, oh * self.outputs + o);
            let x = self.x.add(oh * self.pitch + first);
            let (left, room) = (self.outputs - o, self.rows * self.outputs - at);
            Tile { x, inputs: self.inputs - first, at, left, room }
        }
    }

    /// Where all of a window is -inf, its first tap has won: here the first one that is not in the padding does. The windows begin
    /// with row `first` of their plane.
    unsafe fn keep_off_padding(&self, first: usize, winners: *mut u8) {
        let Plan { rows, columns, before, .. } = self.plan;
        for row in 0..self.rows {
            let above = before[0].saturating_sub((first + row) * rows.step());
            let windows =
                if above > 0 { columns.output } else { before[1].div_ceil(columns.step()).min(columns.output) };
            for o in 0..windows {
                let least = above * columns.kernel + before[1].saturating_sub(o * columns.step());
                let i = row * columns.output + o;
                // SAFETY: windows of the band.
                unsafe {
                    if *self.y.at(i) == T::NEG_INFINITY {
                        *winners.add(i) = (*winners.add(i)).max(least as u8);
                    }
                }
            }
        }
    }

    /// Asks for what these rows of windows read that none before them did, so much later.
    #[inline(always)]
    unsafe fn fetch_ahead<S: Simd<T = T>>(&self, rows: Range<usize>) {
        unsafe {
            if self.ahead > 0 {
                let from = self.x.wrapping_add(self.ahead + rows.start * self.pitch);
                for i in (0..rows.len() * self.pitch).step_by(64 / size_of::<T>()) {
                    S::prefetch(from.wrapping_add(i));
                }
            }
        }
    }
}

/// A vector of windows.
struct Tile<T> {
    /// The first tap, and the elements from there to the end of its row.
    x: *const T,
    inputs: usize,
    /// Number of the first output in the band; the outputs from there to the end of the row, and of the band.
    at: usize,
    left: usize,
    room: usize,
}

impl<T: Scalar> Tile<T> {
    /// The elements `start` places behind the first tap, `below` elements further down.
    #[inline(always)]
    unsafe fn part<S: Simd<T = T>>(&self, below: usize, start: usize) -> S::V {
        unsafe { S::load_up_to(self.x.wrapping_add(below + start), self.inputs.saturating_sub(start)) }
    }

    /// The vectors that hold the taps in one row of the windows, `below` elements further down.
    #[inline(always)]
    unsafe fn parts<S: Simd<T = T>, const K: usize, const STEP: usize>(&self, below: usize) -> [S::V; 3] {
        unsafe {
            let (count, apart) = if STEP == 1 { (K, 1) } else { (K.max(STEP), S::LANES) };
            let mut parts = [S::zero(); 3];
            for l in 0..count {
                parts[l] = self.part::<S>(below, l * apart);
            }
            parts
        }
    }

    /// The taps in one row of the windows, `below` elements further down.
    #[inline(always)]
    unsafe fn taps<S: Simd<T = T>, const K: usize, const STEP: usize>(&self, below: usize) -> [S::V; K] {
        unsafe { arrange::<S, K, STEP>(self.parts::<S, K, STEP>(below)) }
    }
}

/// The taps of [`Tile::parts`].
#[inline(always)]
unsafe fn arrange<S: Simd, const K: usize, const STEP: usize>(parts: [S::V; 3]) -> [S::V; K] {
    unsafe {
        let mut taps = [parts[0]; K];
        if STEP == 2 {
            (taps[0], taps[1]) = S::deinterleave(parts[0], parts[1]);
            if K == 3 {
                taps[2] = S::follow(taps[0], parts[2]);
            }
        } else {
            let parts = if STEP == 1 { parts } else { S::deinterleave3(parts) };
            taps.copy_from_slice(&parts[..K]);
        }
        taps
    }
}

/// Returns whether there is a NaN in the windows; then the result is wrong, unless `EXACT`.
struct Max<'a, T, const K: usize, const STEP: usize, const ROWS: usize, const WINNERS: bool, const EXACT: bool> {
    windows: Windows<'a, T>,
    winners: Option<*mut u8>,
}

impl<T: Scalar, const K: usize, const STEP: usize, const ROWS: usize, const WINNERS: bool, const EXACT: bool> Kernel<T>
    for Max<'_, T, K, STEP, ROWS, WINNERS, EXACT>
{
    type Output = bool;

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) -> bool {
        unsafe {
            let mut nan = S::unordered(S::zero(), S::zero());
            let (rows, width, chunk) = (self.windows.rows, self.windows.outputs, self.windows.chunk::<S>());
            let (mut start, mut sent) = (0, 0);
            while start < rows {
                let end = (start + chunk).min(rows);
                self.windows.fetch_ahead::<S>(start..end);
                for o in (0..width).step_by(S::LANES) {
                    self.chunk::<S>(start..end, o, &mut nan);
                }
                sent = self.windows.y.send::<S>(sent, start * width, false);
                start = end;
            }
            self.windows.y.send::<S>(sent, rows * width, true);
            S::bits(nan) != 0
        }
    }
}

impl<T: Scalar, const K: usize, const STEP: usize, const ROWS: usize, const WINNERS: bool, const EXACT: bool>
    Max<'_, T, K, STEP, ROWS, WINNERS, EXACT>
{
    #[inline(always)]
    unsafe fn chunk<S: Simd<T = T>>(&self, chunk: Range<usize>, o: usize, nan: &mut S::M) {
        unsafe {
            let pitch = self.windows.inputs;
            // By row of the window: the best of its taps, and the number of that tap in the row.
            let mut rows = [(S::zero(), S::zero()); ROWS];
            for oh in chunk.clone() {
                let tile = self.windows.tile(oh, o);
                let seen = if oh == chunk.start { 0 } else { ROWS.saturating_sub(STEP) };
                for k in 0..ROWS {
                    if k < seen {
                        rows[k] = rows[k + ROWS - seen];
                    } else {
                        rows[k] = Self::across::<S>(tile.taps::<S, K, STEP>(k * pitch), nan);
                    }
                }
                let (value, winner) = Self::down::<S>(&rows);
                S::store_within(self.windows.y.at(tile.at), tile.left, tile.room, value);
                if let (true, Some(winners)) = (WINNERS, self.winners) {
                    u8::put::<S>(winners.add(tile.at), tile.left, tile.room, winner);
                }
            }
        }
    }

    /// The best of the taps in a row.
    #[inline(always)]
    unsafe fn across<S: Simd<T = T>>(taps: [S::V; K], nan: &mut S::M) -> (S::V, S::V) {
        unsafe {
            if !EXACT {
                *nan = S::or(*nan, S::unordered(taps[0], taps[1]));
                *nan = if K == 3 { S::or(*nan, S::is_nan(taps[2])) } else { *nan };
            }
            let mut best = (taps[K - 1], Self::number::<S>(K - 1));
            for l in (0..K - 1).rev() {
                best = better::<S, WINNERS, EXACT>((taps[l], Self::number::<S>(l)), best);
            }
            best
        }
    }

    /// The best of the rows.
    #[inline(always)]
    unsafe fn down<S: Simd<T = T>>(rows: &[(S::V, S::V); ROWS]) -> (S::V, S::V) {
        unsafe {
            let mut best = rows[ROWS - 1];
            best.1 = S::add(best.1, Self::number::<S>((ROWS - 1) * K));
            for k in (0..ROWS - 1).rev() {
                let (value, number) = rows[k];
                best = better::<S, WINNERS, EXACT>((value, S::add(number, Self::number::<S>(k * K))), best);
            }
            best
        }
    }

    #[inline(always)]
    unsafe fn number<S: Simd<T = T>>(number: usize) -> S::V {
        unsafe { if WINNERS { S::splat(T::from_f64(number as f64)) } else { S::zero() } }
    }
}

struct Average<'a, T, const K: usize, const STEP: usize, const ROWS: usize> {
    windows: Windows<'a, T>,
    divisor: Divisor<T>,
}

impl<T: Scalar, const K: usize, const STEP: usize, const ROWS: usize> Kernel<T> for Average<'_, T, K, STEP, ROWS> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let (rows, width, mut sent) = (self.windows.rows, self.windows.outputs, 0);
            if width <= S::LANES {
                self.windows.fetch_ahead::<S>(0..rows);
                if ROWS > STEP {
                    self.column::<S>();
                } else {
                    for oh in 0..rows {
                        self.vector::<S>(self.windows.tile(oh, 0));
                    }
                }
                self.windows.y.send::<S>(0, rows * width, true);
                return;
            }
            for oh in 0..rows {
                self.windows.fetch_ahead::<S>(oh..oh + 1);
                for o in (0..width).step_by(S::LANES) {
                    self.vector::<S>(self.windows.tile(oh, o));
                }
                sent = self.windows.y.send::<S>(sent, oh * width, false);
            }
            self.windows.y.send::<S>(sent, rows * width, true);
        }
    }
}

impl<T: Scalar, const K: usize, const STEP: usize, const ROWS: usize> Average<'_, T, K, STEP, ROWS> {
    /// All windows where a vector holds a row of them: what several windows see stays in registers.
    #[inline(always)]
    unsafe fn column<S: Simd<T = T>>(&self) {
        unsafe {
            let pitch = self.windows.inputs;
            let mut rows = [S::zero(); ROWS];
            for oh in 0..self.windows.rows {
                let tile = self.windows.tile(oh, 0);
                let seen = if oh == 0 { 0 } else { ROWS.saturating_sub(STEP) };
                for k in 0..ROWS {
                    rows[k] = match k < seen {
                        true => rows[k + ROWS - seen],
                        false => add_all::<S, K>(tile.taps::<S, K, STEP>(k * pitch)),
                    };
                }
                self.put::<S>(&tile, add_all::<S, ROWS>(rows));
            }
        }
    }

    #[inline(always)]
    unsafe fn put<S: Simd<T = T>>(&self, tile: &Tile<T>, sum: S::V) {
        unsafe {
            let mean = self.divisor.divide::<S>(sum);
            S::store_within(self.windows.y.at(tile.at), tile.left, tile.room, mean);
        }
    }

    /// The vector of windows of a tile.
    #[inline(always)]
    unsafe fn vector<S: Simd<T = T>>(&self, tile: Tile<T>) {
        unsafe {
            let pitch = self.windows.inputs;
            // Down before across: so the taps are put in their order once.
            let mut sums = tile.parts::<S, K, STEP>(0);
            for k in 1..ROWS {
                let parts = tile.parts::<S, K, STEP>(k * pitch);
                for l in 0..K.max(STEP) {
                    sums[l] = S::add(sums[l], parts[l]);
                }
            }
            self.put::<S>(&tile, add_all::<S, K>(arrange::<S, K, STEP>(sums)));
        }
    }
}

#[inline(always)]
unsafe fn add_all<S: Simd, const N: usize>(terms: [S::V; N]) -> S::V {
    unsafe {
        let mut sum = terms[0];
        for l in 1..N {
            sum = S::add(sum, terms[l]);
        }
        sum
    }
}

/// A divisor, or its reciprocal if that is exact: a division takes several times as long.
#[derive(Clone, Copy)]
pub(super) struct Divisor<T> {
    value: T,
    multiply: bool,
}

impl<T: Scalar> Divisor<T> {
    pub fn new(divisor: T) -> Self {
        // A power of two.
        let exact = divisor.to_f64().to_bits() << 12 == 0;
        Divisor { value: if exact { T::ONE / divisor } else { divisor }, multiply: exact }
    }

    #[inline(always)]
    pub unsafe fn divide<S: Simd<T = T>>(self, v: S::V) -> S::V {
        unsafe {
            let value = S::splat(self.value);
            if self.multiply { S::mul(v, value) } else { S::div(v, value) }
        }
    }
}
