//! A band of rows of windows.

#![allow(unsafe_code)]

use super::{Plan, pairs};
use crate::memory::with_scratch;
use crate::pool::kernel::{Number, better};
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::strip::inside;
use crate::threads::SharedMut;

/// The arrays of a call.
pub struct Forward<'a, T> {
    pub plan: &'a Plan,
    pub x: &'a [T],
    pub y: SharedMut<'a, T>,
    /// By output column, the number of the first tap inside the input; room for whole vectors.
    first: Vec<T>,
}

impl<'a, T: Scalar> Forward<'a, T> {
    pub fn new(plan: &'a Plan, x: &'a [T], y: SharedMut<'a, T>) -> Self {
        let columns = plan.columns;
        let mut first: Vec<T> = (0..columns.output).map(|o| T::from_f64(inside(&columns, o).start as f64)).collect();
        first.resize(columns.output + 16, T::ZERO);
        Forward { plan, x, y, first }
    }
}

/// The largest value of every window of a band, and with `winners` the number of its tap.
///
/// # Panics
/// If an array has another length than the plan says.
pub fn max<T: Scalar, N: Number>(forward: &Forward<T>, winners: Option<SharedMut<N>>, unit: usize) {
    let Plan { planes, rows, columns, bands, band, .. } = *forward.plan;
    let (plane, start) = (unit / bands, unit % bands * band);
    let outputs = start..(start + band).min(rows.output);
    assert!(plane < planes && start < rows.output);
    assert_eq!(forward.x.len(), planes * rows.input * columns.input);
    assert_eq!(forward.y.len(), planes * rows.output * columns.output);
    assert!(winners.is_none_or(|winners| winners.len() == forward.y.len()));
    let x = forward.x[plane * rows.input * columns.input..].as_ptr();
    let first = (plane * rows.output + start) * columns.output;
    let numbers = if winners.is_some() { forward.plan.scratch() } else { 0 };
    with_scratch(forward.plan.scratch(), |values: &mut [T]| {
        with_scratch(numbers, |numbers: &mut [T]| {
            // SAFETY: the instruction set is the process's own; the lengths were checked, the scratch has the length that the
            // plan asks for. Bands write disjoint rows.
            unsafe {
                let winners = winners.map(|winners| winners.as_mut_ptr().add(first));
                let y = forward.y.as_mut_ptr().add(first);
                let (values, numbers) = (values.as_mut_ptr(), numbers.as_mut_ptr());
                simd::run(Max { forward, outputs, x, y, winners, values, numbers });
            }
        });
    });
}

struct Max<'a, 'b, T, N> {
    forward: &'a Forward<'b, T>,
    outputs: std::ops::Range<usize>,
    /// The plane.
    x: *const T,
    /// The band's first output.
    y: *mut T,
    winners: Option<*mut N>,
    values: *mut T,
    numbers: *mut T,
}

impl<T: Scalar, N: Number> Kernel<T> for Max<'_, '_, T, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            match (self.stage::<S>(), self.winners.is_some()) {
                (false, false) => self.band::<S, false, false>(),
                (false, true) => self.band::<S, true, false>(),
                (true, false) => self.band::<S, false, true>(),
                (true, true) => self.band::<S, true, true>(),
            }
        }
    }
}

impl<T: Scalar, N: Number> Max<'_, '_, T, N> {
    /// Copies the rows that the band sees, padded with -inf; returns whether there is a NaN.
    #[inline(always)]
    unsafe fn stage<S: Simd<T = T>>(&self) -> bool {
        unsafe {
            let Plan { rows, columns, pitch, .. } = self.forward.plan;
            let mut nan = S::unordered(S::zero(), S::zero());
            let padding = S::splat(T::NEG_INFINITY);
            let reach = self.forward.plan.reach(self.outputs.len());
            for i in 0..reach {
                let to = self.values.add(i * pitch);
                let padded = self.outputs.start * rows.step() + i;
                let row = padded.checked_sub(rows.before).filter(|&row| row < rows.input);
                if row.is_none() || columns.before > 0 || columns.before + columns.input < *pitch {
                    for at in (0..*pitch).step_by(S::LANES) {
                        S::store(to.add(at), padding);
                    }
                }
                let Some(row) = row else { continue };
                let (from, to) = (self.x.add(row * columns.input), to.add(columns.before));
                let len = columns.input.min(pitch - columns.before);
                for at in (0..len).step_by(S::LANES) {
                    let v = S::load_up_to(from.add(at), len - at);
                    nan = S::or(nan, S::is_nan(v));
                    S::store_up_to(to.add(at), len - at, v);
                }
            }
            S::bits(nan) != 0
        }
    }

    #[inline(always)]
    unsafe fn band<S: Simd<T = T>, const WINNERS: bool, const EXACT: bool>(&self) {
        unsafe {
            let Plan { rows, columns, pitch, .. } = self.forward.plan;
            let reach = self.forward.plan.reach(self.outputs.len());
            let mut begun = false;
            for distance in pairs(columns.kernel) {
                let shift = distance * columns.dilation;
                self.pairs::<S, WINNERS, EXACT>(reach * pitch, shift, distance, begun);
                begun = true;
            }
            let mut left = reach;
            for distance in pairs(rows.kernel) {
                let shift = distance * rows.dilation;
                left -= shift;
                self.pairs::<S, WINNERS, EXACT>(left * pitch, shift * pitch, distance * columns.kernel, begun);
                begun = true;
            }
            for oh in 0..self.outputs.len() {
                self.row::<S, WINNERS>(oh);
            }
        }
    }

    /// Every element becomes the better one of itself and the one `shift` places behind it, which is `taps` further on in the
    /// window.
    #[inline(always)]
    unsafe fn pairs<S: Simd<T = T>, const WINNERS: bool, const EXACT: bool>(
        &self,
        len: usize,
        shift: usize,
        taps: usize,
        numbered: bool,
    ) {
        unsafe {
            let taps = S::splat(T::from_f64(taps as f64));
            for i in (0..len).step_by(S::LANES) {
                let (earlier, later) = (S::load(self.values.add(i)), S::load(self.values.add(i + shift)));
                let number = |i: usize| if numbered { S::load(self.numbers.add(i)) } else { S::zero() };
                let numbers = if WINNERS { (number(i), S::add(number(i + shift), taps)) } else { (taps, taps) };
                let best = better::<S, WINNERS, EXACT>((earlier, numbers.0), (later, numbers.1));
                S::store(self.values.add(i), best.0);
                if WINNERS {
                    S::store(self.numbers.add(i), best.1);
                }
            }
        }
    }

    /// Writes a row of outputs.
    #[inline(always)]
    unsafe fn row<S: Simd<T = T>, const WINNERS: bool>(&self, oh: usize) {
        unsafe {
            let Plan { rows, columns, pitch, .. } = self.forward.plan;
            let start = oh * rows.step() * pitch;
            let (values, numbers) = (self.values.add(start), self.numbers.wrapping_add(start));
            if columns.step() > 1 {
                for o in 1..columns.output {
                    *values.add(o) = *values.add(o * columns.step());
                    if WINNERS {
                        *numbers.add(o) = *numbers.add(o * columns.step());
                    }
                }
            }
            let first = inside(rows, self.outputs.start + oh).start * columns.kernel;
            let first = S::splat(T::from_f64(first as f64));
            for o in (0..columns.output).step_by(S::LANES) {
                let (at, left) = (oh * columns.output + o, columns.output - o);
                let room = self.outputs.len() * columns.output - at;
                S::store_within(self.y.add(at), left, room, S::load(values.add(o)));
                if let (true, Some(winners)) = (WINNERS, self.winners) {
                    // Where all is -inf, padding may have won: the first tap inside the input does.
                    let least = S::add(first, S::load(self.forward.first.as_ptr().add(o)));
                    N::put::<S>(winners.add(at), left, room, S::max(S::load(numbers.add(o)), least));
                }
            }
        }
    }
}
