//! A band of rows of windows.

#![allow(unsafe_code)]

use std::ops::Range;

use super::{Band, Plan, streamed};
use crate::memory::with_scratch;
use crate::pool::kernel::{Number, better};
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::threads::SharedMut;

/// Elements that a whole vector may write behind the last one.
pub(super) const SLACK: usize = 16;

/// The arrays of a call.
pub struct Forward<'a, T> {
    pub plan: &'a Plan,
    pub x: &'a [T],
    pub y: SharedMut<'a, T>,
}

impl<T: Scalar> Forward<'_, T> {
    /// Calls `write` with the band's rows of x, and with the place of its outputs: in y, or in scratch that goes to y past the
    /// caches.
    fn each(&self, band: &Band, write: impl FnOnce(*const T, *mut T)) {
        let Plan { planes, rows, columns } = *self.plan;
        assert_eq!((self.x.len(), self.y.len()), (self.plan.inputs(), self.plan.outputs()));
        assert!(band.plane < planes && band.rows.start < band.rows.end && band.rows.end <= rows.output);
        let (first, len) = (self.first(band), band.rows.len() * columns.output);
        let x = &self.x[(band.plane * rows.input + band.rows.start * rows.step()) * columns.input..];
        if streamed::<T>(self.y.len()) {
            with_scratch(len + SLACK, |outputs: &mut [T]| {
                write(x.as_ptr(), outputs.as_mut_ptr());
                // SAFETY: the band's part of y, from scratch of at least its length.
                unsafe { simd::run(Stream { from: outputs.as_ptr(), to: self.y.as_mut_ptr().add(first), len }) };
            });
        } else {
            // SAFETY: inside y.
            write(x.as_ptr(), unsafe { self.y.as_mut_ptr().add(first) });
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
    let rows = band.rows.len();
    // SAFETY: the band's winners.
    let winners = winners.map(|winners| unsafe { winners.as_mut_ptr().add(forward.first(band)) });
    forward.each(band, |x, y| {
        // SAFETY: the instruction set is the process's own; the lengths were checked; bands are disjoint.
        for_shape!(plan, |K, STEP, ROWS| unsafe {
            let windows = Windows { plan, rows, x, y };
            let nan = match winners {
                None => simd::run(Max::<T, K, STEP, ROWS, false, false> { windows, winners }),
                Some(_) => simd::run(Max::<T, K, STEP, ROWS, true, false> { windows, winners }),
            };
            if nan {
                simd::run(Max::<T, K, STEP, ROWS, true, true> { windows, winners });
            }
        });
    });
}

/// The sum of every window of a band over the divisor.
///
/// # Panics
/// If an array has another length than the plan says.
pub fn average<T: Scalar>(forward: &Forward<T>, divisor: T, band: &Band) {
    let (plan, rows) = (forward.plan, band.rows.len());
    forward.each(band, |x, y| {
        // SAFETY: as for `max`.
        for_shape!(plan, |K, STEP, ROWS| unsafe {
            simd::run(Average::<T, K, STEP, ROWS> { windows: Windows { plan, rows, x, y }, divisor });
        });
    });
}

/// The windows of a band: x begins with the first one's row, y with its output.
struct Windows<'a, T> {
    plan: &'a Plan,
    rows: usize,
    x: *const T,
    y: *mut T,
}

impl<T> Clone for Windows<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Windows<'_, T> {}

impl<T: Scalar> Windows<'_, T> {
    /// Rows of windows that are computed column by column, so that what several windows see stays in registers: if the rows
    /// are short. Long ones come in their order, which is that of the memory.
    #[inline(always)]
    fn chunk<S: Simd<T = T>>(&self) -> usize {
        if self.plan.columns.output <= S::LANES { self.rows } else { 1 }
    }

    /// The vector of windows from column `o` on, in a row of windows.
    #[inline(always)]
    unsafe fn tile(&self, oh: usize, o: usize) -> Tile<T> {
        unsafe {
            let columns = &self.plan.columns;
            let (first, at) = (o * columns.step(), oh * columns.output + o);
            let x = self.x.add(oh * self.plan.rows.step() * columns.input + first);
            let (left, room) = (columns.output - o, self.rows * columns.output - at);
            Tile { x, inputs: columns.input - first, at, left, room }
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

    /// The taps in one row of the windows, `below` elements further down.
    #[inline(always)]
    unsafe fn taps<S: Simd<T = T>, const K: usize, const STEP: usize>(&self, below: usize) -> [S::V; K] {
        unsafe {
            let mut taps = [self.part::<S>(below, 0); K];
            if STEP == 1 {
                for l in 1..K {
                    taps[l] = self.part::<S>(below, l);
                }
            } else if STEP == 2 {
                (taps[0], taps[1]) = S::deinterleave(taps[0], self.part::<S>(below, S::LANES));
                if K == 3 {
                    taps[2] = S::follow(taps[0], self.part::<S>(below, 2 * S::LANES));
                }
            } else {
                let parts = [taps[0], self.part::<S>(below, S::LANES), self.part::<S>(below, 2 * S::LANES)];
                taps.copy_from_slice(&S::deinterleave3(parts));
            }
            taps
        }
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
            let (rows, chunk) = (self.windows.rows, self.windows.chunk::<S>());
            for start in (0..rows).step_by(chunk) {
                for o in (0..self.windows.plan.columns.output).step_by(S::LANES) {
                    self.chunk::<S>(start..(start + chunk).min(rows), o, &mut nan);
                }
            }
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
            let pitch = self.windows.plan.columns.input;
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
                S::store_within(self.windows.y.add(tile.at), tile.left, tile.room, value);
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
    divisor: T,
}

impl<T: Scalar, const K: usize, const STEP: usize, const ROWS: usize> Kernel<T> for Average<'_, T, K, STEP, ROWS> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let (rows, chunk) = (self.windows.rows, self.windows.chunk::<S>());
            for start in (0..rows).step_by(chunk) {
                for o in (0..self.windows.plan.columns.output).step_by(S::LANES) {
                    self.chunk::<S>(start..(start + chunk).min(rows), o);
                }
            }
        }
    }
}

impl<T: Scalar, const K: usize, const STEP: usize, const ROWS: usize> Average<'_, T, K, STEP, ROWS> {
    #[inline(always)]
    unsafe fn chunk<S: Simd<T = T>>(&self, chunk: Range<usize>, o: usize) {
        unsafe {
            let (pitch, divisor) = (self.windows.plan.columns.input, S::splat(self.divisor));
            let mut rows = [S::zero(); ROWS];
            for oh in chunk.clone() {
                let tile = self.windows.tile(oh, o);
                let seen = if oh == chunk.start { 0 } else { ROWS.saturating_sub(STEP) };
                for k in 0..ROWS {
                    rows[k] = if k < seen { rows[k + ROWS - seen] } else { Self::across::<S>(&tile, k * pitch) };
                }
                let mut sum = rows[0];
                for k in 1..ROWS {
                    sum = S::add(sum, rows[k]);
                }
                S::store_within(self.windows.y.add(tile.at), tile.left, tile.room, S::div(sum, divisor));
            }
        }
    }

    #[inline(always)]
    unsafe fn across<S: Simd<T = T>>(tile: &Tile<T>, below: usize) -> S::V {
        unsafe {
            let taps = tile.taps::<S, K, STEP>(below);
            let mut sum = taps[0];
            for l in 1..K {
                sum = S::add(sum, taps[l]);
            }
            sum
        }
    }
}

/// Copies an array past the caches.
pub(super) struct Stream<T> {
    pub from: *const T,
    pub to: *mut T,
    pub len: usize,
}

impl<T: Scalar> Kernel<T> for Stream<T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let vector = S::LANES * size_of::<T>();
            let odd = (vector - self.to as usize % vector) % vector / size_of::<T>();
            let odd = odd.min(self.len);
            S::store_up_to(self.to, odd, S::load_up_to(self.from, odd));
            let mut i = odd;
            while i + S::LANES <= self.len {
                S::stream(self.to.add(i), S::load(self.from.add(i)));
                i += S::LANES;
            }
            let rest = self.len - i;
            S::store_up_to(self.to.add(i), rest, S::load_up_to(self.from.add(i), rest));
            S::end_stream();
        }
    }
}
