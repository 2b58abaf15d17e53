//! A band of rows of dx.

#![allow(unsafe_code)]

use super::super::kernel::{Divisor, for_columns};
use super::super::padding::Padding;
use super::super::sink::{SLACK, Sink};
use super::super::{Band, Plan, streamed};
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::threads::SharedMut;

/// Bytes in front of the winners and behind them that whole vectors may read.
pub const MARGIN: usize = 64;

/// Bytes of a cache line, and of the longest vector.
const LINE: usize = 64;

/// What goes back to the taps of a window.
#[derive(Clone, Copy)]
pub enum Slopes<'a, T> {
    /// The slope, to the tap that won: by window, with a margin on either side.
    Winners(&'a [u8]),
    /// The slope over this divisor, to all taps.
    Shares(T),
}

/// Writes a band of rows of dx, counted without the padding.
///
/// # Panics
/// If an array has another length than the plan says.
pub fn backward<T: Scalar>(plan: &Plan, dy: &[T], slopes: Slopes<T>, dx: SharedMut<T>, band: &Band) {
    let Plan { planes, rows, columns, x, before } = *plan;
    assert_eq!((dy.len(), dx.len()), (plan.outputs(), plan.inputs()));
    assert!(band.plane < planes && band.rows.start <= band.rows.end && band.rows.end <= x[0]);
    let output = band.plane * rows.output * columns.output;
    let first = (band.plane * x[0] + band.rows.start) * columns.input;
    let len = band.rows.len() * columns.input;
    let padded_rows = band.rows.start + before[0]..band.rows.end + before[0];
    let (winners, divisor) = match slopes {
        Slopes::Winners(winners) => {
            assert_eq!(winners.len(), plan.outputs() + 2 * MARGIN);
            (winners[MARGIN + output..].as_ptr(), T::ONE)
        }
        Slopes::Shares(divisor) => (std::ptr::null(), divisor),
    };
    let (dy, divisor) = (dy[output..].as_ptr(), Divisor::new(divisor));
    let write = |dx: Sink<T>, direct: bool| {
        // SAFETY: the instruction set is the process's own; lengths were checked; bands are disjoint.
        for_columns!(plan, |K, STEP| unsafe {
            let rows = padded_rows.clone();
            match slopes {
                Slopes::Winners(_) => {
                    simd::run(Gather::<T, K, STEP, true> { plan, rows, dy, winners, divisor, dx, direct })
                }
                Slopes::Shares(_) => {
                    simd::run(Gather::<T, K, STEP, false> { plan, rows, dy, winners, divisor, dx, direct })
                }
            }
        });
    };
    if plan.padded() {
        with_scratch(len + SLACK, |near: &mut [T]| {
            write(Sink::plain(near.as_mut_ptr()), false);
            Padding { plan, plane: band.plane, first: padded_rows.start, fill: T::ZERO, ahead: 0 }
                .strip(&near[..len], dx);
        });
        return;
    }
    // SAFETY: inside dx.
    let to = unsafe { dx.as_mut_ptr().add(first) };
    let whole_lines = (columns.input * size_of::<T>()).is_multiple_of(LINE) && (to as usize).is_multiple_of(LINE);
    if streamed::<T>(dx.len()) && !whole_lines {
        with_scratch(len + SLACK, |near: &mut [T]| write(Sink::past_caches(near, to, len), false));
    } else {
        write(Sink::plain(to), streamed::<T>(dx.len()));
    }
}

struct Gather<'a, T, const K: usize, const STEP: usize, const WINNERS: bool> {
    plan: &'a Plan,
    rows: std::ops::Range<usize>,
    /// Of the plane.
    dy: *const T,
    winners: *const u8,
    divisor: Divisor<T>,
    /// The first row of the band.
    dx: Sink<T>,
    /// Whether dx is written past the caches; its rows are whole cache lines then.
    direct: bool,
}

impl<T: Scalar, const K: usize, const STEP: usize, const WINNERS: bool> Kernel<T> for Gather<'_, T, K, STEP, WINNERS> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let Plan { rows, columns, .. } = self.plan;
            let (len, mut sent) = (self.rows.len() * columns.input, 0);
            for y in self.rows.clone() {
                // The rows of windows that see this row.
                let first = (y + 1).saturating_sub(rows.kernel).div_ceil(rows.step());
                let end = (y / rows.step() + 1).min(rows.output);
                let at = (y - self.rows.start) * columns.input;
                for i in (0..columns.input.div_ceil(STEP)).step_by(S::LANES) {
                    let mut sums = [S::zero(); 3];
                    for oh in first..end {
                        self.add_row::<S>(oh, y - oh * rows.step(), i, &mut sums);
                    }
                    if !WINNERS {
                        for phase in 0..STEP {
                            sums[phase] = self.divisor.divide::<S>(sums[phase]);
                        }
                    }
                    self.put::<S>(self.dx.at(at + i * STEP), columns.input - i * STEP, len - at - i * STEP, sums);
                }
                sent = self.dx.send::<S>(sent, at, false);
            }
            self.dx.send::<S>(sent, len, true);
        }
    }
}

impl<T: Scalar, const K: usize, const STEP: usize, const WINNERS: bool> Gather<'_, T, K, STEP, WINNERS> {
    /// Adds what a row of windows sends through the taps of its row `tap` to the columns from `STEP * i` on, by their phase.
    #[inline(always)]
    unsafe fn add_row<S: Simd<T = T>>(&self, oh: usize, tap: usize, i: usize, sums: &mut [S::V; 3]) {
        unsafe {
            let width = self.plan.columns.output;
            for before in 0..K.div_ceil(STEP) {
                // Lane j is for the window `i + j - before`.
                let window = (oh * width + i).wrapping_sub(before);
                let (start, end) = (before.saturating_sub(i), (width + before).saturating_sub(i));
                let slope = S::load_between(self.dy.wrapping_add(window), start, end);
                let number = if WINNERS {
                    let row = S::splat(T::from_f64((tap * K) as f64));
                    S::sub(S::load_bytes(self.winners.wrapping_add(window)), row)
                } else {
                    S::zero()
                };
                for phase in 0..STEP.min(K - before * STEP) {
                    let tap = S::splat(T::from_f64((before * STEP + phase) as f64));
                    let sent = if WINNERS { S::select(S::eq(number, tap), slope, S::zero()) } else { slope };
                    sums[phase] = S::add(sums[phase], sent);
                }
            }
        }
    }

    /// Writes the columns in their order; `left` of them belong to the row, `room` to the band.
    #[inline(always)]
    unsafe fn put<S: Simd<T = T>>(&self, dx: *mut T, left: usize, room: usize, sums: [S::V; 3]) {
        unsafe {
            let joined = match STEP {
                1 => sums,
                2 => {
                    let (low, high) = S::interleave(sums[0], sums[1]);
                    [low, high, S::zero()]
                }
                _ => S::interleave3(sums),
            };
            for part in 0..STEP {
                let at = part * S::LANES;
                if at < left && self.direct {
                    S::stream(dx.add(at), joined[part]);
                } else if at < left {
                    S::store_within(dx.add(at), left - at, room - at, joined[part]);
                }
            }
        }
    }
}
