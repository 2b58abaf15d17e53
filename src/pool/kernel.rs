//! The passes over one plane: bands into scratch, windows over bands, slopes back to places.

#![allow(unsafe_code)]

use crate::memory::{Plain, with_scratch};
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::strip::kernel::{Band, Windows, stage, unstage_row};
use crate::strip::{Layout, Reach, TILE};
use crate::threads::SharedMut;

/// The number of a tap in its window, in as few bytes as the window allows.
pub trait Number: Plain {
    fn pack<T: Scalar>(value: T) -> Self;
    fn unpack<T: Scalar>(self) -> T;

    /// Writes the first `left` lanes, and others if what is behind them is still to come: `room` elements.
    ///
    /// # Safety
    /// The elements are valid, and the processor has the instruction set.
    #[inline(always)]
    unsafe fn put<S: Simd>(to: *mut Self, left: usize, _room: usize, v: S::V) {
        unsafe {
            let mut numbers = [S::T::ZERO; 16];
            S::store(numbers.as_mut_ptr(), v);
            for i in 0..left.min(S::LANES) {
                *to.add(i) = Self::pack(numbers[i]);
            }
        }
    }
}

/// The better one of two taps, with their numbers if these are wanted: the earlier one if they are equal or it is NaN. Without
/// `EXACT` there must be no NaN.
#[inline(always)]
pub unsafe fn better<S: Simd, const WINNERS: bool, const EXACT: bool>(
    earlier: (S::V, S::V),
    later: (S::V, S::V),
) -> (S::V, S::V) {
    unsafe {
        if !WINNERS && !EXACT {
            return (S::max(later.0, earlier.0), earlier.1);
        }
        let mut keep = S::ge(earlier.0, later.0);
        if EXACT {
            keep = S::or(keep, S::is_nan(earlier.0));
        }
        (S::select(keep, earlier.0, later.0), S::select(keep, earlier.1, later.1))
    }
}

macro_rules! number {
    ($t:ident, $($put:item)?) => {
        impl Number for $t {
            #[inline(always)]
            fn pack<T: Scalar>(value: T) -> Self {
                value.to_f64() as i32 as $t
            }
            #[inline(always)]
            fn unpack<T: Scalar>(self) -> T {
                T::from_f64(f64::from(self))
            }
            $($put)?
        }
    };
}
number!(
    u8,
    #[inline(always)]
    unsafe fn put<S: Simd>(to: *mut u8, _left: usize, room: usize, v: S::V) {
        unsafe {
            if room >= S::LANES {
                S::store_bytes(to, v);
            } else {
                let mut bytes = [0; 16];
                S::store_bytes(bytes.as_mut_ptr(), v);
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, room);
            }
        }
    }
);
number!(u16,);

/// What the windows of a call share.
pub struct Forward<'a, T> {
    pub layout: &'a Layout,
    pub x: &'a [T],
    pub y: SharedMut<'a, T>,
    /// For a maximum, the first tap inside the input; for an average, the taps that count: by output column, then by row
    /// (height), then by depth. Columns have room for whole tiles.
    pub columns: &'a [T],
    pub rows: &'a [T],
    pub depths: &'a [T],
}

impl<T: Scalar> Forward<'_, T> {
    fn check(&self, band: &Band) {
        let [d, h, w] = self.layout.windows;
        let (x_plane, y_plane) = (d.input * h.input * w.input, d.output * h.output * w.output);
        assert!((band.plane + 1) * x_plane <= self.x.len() && (band.plane + 1) * y_plane <= self.y.len());
        assert!(band.depth < d.output && band.number < self.layout.bands);
        assert!(self.columns.len() >= w.output.next_multiple_of(TILE));
        assert!(self.rows.len() >= h.output && self.depths.len() >= d.output);
    }
}

/// The largest value of every window of a band, and with `winners` the number of its tap.
///
/// # Panics
/// If an array is shorter than the layout says.
pub fn max<T: Scalar, N: Number>(forward: &Forward<T>, winners: Option<SharedMut<N>>, band: Band) {
    forward.check(&band);
    if let Some(winners) = winners {
        assert_eq!(winners.len(), forward.y.len());
    }
    with_scratch(forward.layout.strip_len(), |strip: &mut [T]| {
        with_scratch(forward.columns.len(), |row: &mut [T]| {
            let (strip, row) = (strip.as_mut_ptr(), row.as_mut_ptr());
            // SAFETY: the instruction set is the process's own; the lengths were checked, the scratch has the length that
            // the layout asks for. Bands write disjoint rows.
            unsafe { simd::run(Max { forward, winners, band, strip, row }) };
        });
    });
}

/// The sum of every window of a band over its divisor: `fixed`, or the product of the counts.
///
/// # Panics
/// If an array is shorter than the layout says.
pub fn average<T: Scalar>(forward: &Forward<T>, fixed: Option<T>, band: Band) {
    forward.check(&band);
    with_scratch(forward.layout.strip_len(), |strip: &mut [T]| {
        // SAFETY: as for `max`.
        unsafe { simd::run(Average { forward, fixed, band, strip: strip.as_mut_ptr() }) };
    });
}

struct Max<'a, 'b, T, N> {
    forward: &'a Forward<'b, T>,
    winners: Option<SharedMut<'b, N>>,
    band: Band,
    strip: *mut T,
    row: *mut T,
}

impl<T: Scalar, N: Number> Kernel<T> for Max<'_, '_, T, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let nan = stage::<S, true>(self.forward.layout, self.forward.x.as_ptr(), self.band, self.strip);
            match (&self.winners, nan) {
                (None, false) => self.rows::<S, false, false>(),
                (None, true) => self.rows::<S, false, true>(),
                (Some(_), false) => self.rows::<S, true, false>(),
                (Some(_), true) => self.rows::<S, true, true>(),
            }
        }
    }
}

impl<T: Scalar, N: Number> Max<'_, '_, T, N> {
    #[inline(always)]
    unsafe fn rows<S: Simd<T = T>, const WINNERS: bool, const NAN: bool>(&self) {
        unsafe {
            let f = self.forward;
            let width = f.layout.windows[2].output;
            let taps = f.layout.windows[1].kernel * f.layout.windows[2].kernel;
            let mut windows = Windows::new(f.layout, self.band);
            while windows.next(f.layout) {
                let y = f.y.as_mut_ptr().add(windows.output);
                let first = T::from_f64(windows.depths.start as f64 * taps as f64);
                let first = first + *f.rows.get_unchecked(windows.oh);
                let mut o = 0;
                while o < width {
                    let left = width - o;
                    if left > S::LANES {
                        self.tile::<S, 2, WINNERS, NAN>(&windows, o, left, first, y);
                        o += 2 * S::LANES;
                    } else {
                        self.tile::<S, 1, WINNERS, NAN>(&windows, o, left, first, y);
                        o += S::LANES;
                    }
                }
                if let Some(winners) = &self.winners {
                    let to = winners.as_mut_ptr().add(windows.output);
                    for o in 0..width {
                        *to.add(o) = N::pack(*self.row.add(o));
                    }
                }
            }
        }
    }

    /// Taps are visited from the last to the first, each taking over unless it is smaller: so ties end at the first one, and
    /// so do NaNs. Padding is -inf; where all is, the first tap that is no padding has won.
    #[inline(always)]
    unsafe fn tile<S: Simd<T = T>, const NV: usize, const WINNERS: bool, const NAN: bool>(
        &self,
        windows: &Windows,
        o: usize,
        left: usize,
        first: T,
        y: *mut T,
    ) {
        unsafe {
            let f = self.forward;
            let mut best = [S::splat(T::NEG_INFINITY); NV];
            let mut winner = [S::zero(); NV];
            let taps = f.layout.taps.len();
            for d in windows.depths.clone().rev() {
                let base = self.strip.wrapping_offset(windows.start(f.layout, d)).wrapping_add(o);
                for t in windows.taps.clone().rev() {
                    let from = base.wrapping_add(*f.layout.taps.get_unchecked(t));
                    let number = if WINNERS { S::splat(T::from_f64((d * taps + t) as f64)) } else { S::zero() };
                    for j in 0..NV {
                        let value = S::load(from.add(j * S::LANES));
                        if NAN {
                            let take = S::or(S::ge(value, best[j]), S::is_nan(value));
                            best[j] = S::select(take, value, best[j]);
                            winner[j] = S::select(take, number, winner[j]);
                        } else if WINNERS {
                            let keep = S::gt(best[j], value);
                            best[j] = S::select(keep, best[j], value);
                            winner[j] = S::select(keep, winner[j], number);
                        } else {
                            best[j] = S::max(best[j], value);
                        }
                    }
                }
            }
            for j in 0..NV {
                let at = o + j * S::LANES;
                S::store_up_to(y.add(at), left - j * S::LANES, best[j]);
                if WINNERS {
                    let least = S::add(S::splat(first), S::load(f.columns.as_ptr().add(at)));
                    S::store(self.row.add(at), S::max(winner[j], least));
                }
            }
        }
    }
}

struct Average<'a, 'b, T> {
    forward: &'a Forward<'b, T>,
    fixed: Option<T>,
    band: Band,
    strip: *mut T,
}

impl<T: Scalar> Kernel<T> for Average<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let f = self.forward;
            stage::<S, false>(f.layout, f.x.as_ptr(), self.band, self.strip);
            let width = f.layout.windows[2].output;
            let mut windows = Windows::new(f.layout, self.band);
            while windows.next(f.layout) {
                let y = f.y.as_mut_ptr().add(windows.output);
                let mut o = 0;
                while o < width {
                    let left = width - o;
                    if left > S::LANES {
                        self.tile::<S, 2>(&windows, o, left, y);
                        o += 2 * S::LANES;
                    } else {
                        self.tile::<S, 1>(&windows, o, left, y);
                        o += S::LANES;
                    }
                }
            }
        }
    }
}

impl<T: Scalar> Average<'_, '_, T> {
    #[inline(always)]
    unsafe fn tile<S: Simd<T = T>, const NV: usize>(&self, windows: &Windows, o: usize, left: usize, y: *mut T) {
        unsafe {
            let f = self.forward;
            let mut sum = [S::zero(); NV];
            for d in windows.depths.clone() {
                let base = self.strip.wrapping_offset(windows.start(f.layout, d)).wrapping_add(o);
                for t in windows.taps.clone() {
                    let from = base.wrapping_add(*f.layout.taps.get_unchecked(t));
                    for j in 0..NV {
                        sum[j] = S::add(sum[j], S::load(from.add(j * S::LANES)));
                    }
                }
            }
            for j in 0..NV {
                let at = o + j * S::LANES;
                let divisor =
                    divisor::<S>(f.columns.as_ptr().add(at), f.rows[windows.oh] * f.depths[windows.depth], self.fixed);
                S::store_up_to(y.add(at), left - j * S::LANES, S::div(sum[j], divisor));
            }
        }
    }
}

#[inline(always)]
unsafe fn divisor<S: Simd>(columns: *const S::T, rows: S::T, fixed: Option<S::T>) -> S::V {
    unsafe {
        match fixed {
            Some(fixed) => S::splat(fixed),
            None => S::mul(S::load(columns), S::splat(rows)),
        }
    }
}

/// What goes back from the windows of a plane to its places.
pub enum Slopes<'a, T, N> {
    /// To the tap that won.
    Winners(&'a [N]),
    /// To all taps, over the divisors: of columns (with room for whole tiles), rows and depths, or fixed.
    Shares { columns: &'a [T], rows: &'a [T], depths: &'a [T], fixed: Option<T> },
}

/// The gradient of one plane.
pub struct Backward<'a, T, N> {
    pub layout: &'a Layout,
    /// For depth and height.
    pub reach: &'a [Reach; 2],
    pub dy: &'a [T],
    pub slopes: Slopes<'a, T, N>,
}

/// Writes the gradient of one plane, row by row: each gathers the slopes of the windows that see it.
///
/// # Panics
/// If an array has another length than the layout says.
pub fn backward<T: Scalar, N: Number>(backward: &Backward<T, N>, dx: SharedMut<T>, plane: usize) {
    let [d, h, w] = backward.layout.windows;
    let outputs = d.output * h.output * w.output;
    let dx_len = d.input * h.input * w.input;
    assert!(backward.dy.len() == outputs && (plane + 1) * dx_len <= dx.len());
    match backward.slopes {
        Slopes::Winners(winners) => assert_eq!(winners.len(), outputs),
        Slopes::Shares { columns, rows, depths, .. } => {
            assert!(columns.len() >= w.output.next_multiple_of(TILE));
            assert!(rows.len() == h.output && depths.len() == d.output);
        }
    }
    with_scratch(outputs, |values: &mut [T]| {
        with_scratch(backward.layout.row() + 2 * TILE, |strip: &mut [T]| {
            let (values, strip) = (values.as_mut_ptr(), strip.as_mut_ptr());
            // SAFETY: the instruction set is the process's own; lengths were checked; planes are disjoint.
            unsafe {
                let dx = dx.as_mut_ptr().add(plane * dx_len);
                simd::run(PlaneBackward { backward, values, strip, dx });
            }
        });
    });
}

struct PlaneBackward<'a, 'b, T, N> {
    backward: &'a Backward<'b, T, N>,
    /// By output: the winner's number, or the share of the slope.
    values: *mut T,
    strip: *mut T,
    dx: *mut T,
}

impl<T: Scalar, N: Number> Kernel<T> for PlaneBackward<'_, '_, T, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            self.prepare::<S>();
            let [d, h, w] = self.backward.layout.windows;
            for z in 0..d.input {
                for y in 0..h.input {
                    self.row::<S>(z, y, self.dx.add((z * h.input + y) * w.input));
                }
            }
        }
    }
}

impl<T: Scalar, N: Number> PlaneBackward<'_, '_, T, N> {
    #[inline(always)]
    unsafe fn prepare<S: Simd<T = T>>(&self) {
        unsafe {
            let [d, h, w] = self.backward.layout.windows;
            match self.backward.slopes {
                Slopes::Winners(winners) => {
                    for i in 0..winners.len() {
                        *self.values.add(i) = winners.get_unchecked(i).unpack();
                    }
                }
                Slopes::Shares { columns, rows, depths, fixed } => {
                    for row in 0..d.output * h.output {
                        let count = depths[row / h.output] * rows[row % h.output];
                        let (from, to) =
                            (self.backward.dy.as_ptr().add(row * w.output), self.values.add(row * w.output));
                        for o in (0..w.output).step_by(S::LANES) {
                            let left = w.output - o;
                            let share = divisor::<S>(columns.as_ptr().add(o), count, fixed);
                            S::store_up_to(to.add(o), left, S::div(S::load_up_to(from.add(o), left), share));
                        }
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn row<S: Simd<T = T>>(&self, z: usize, y: usize, dx: *mut T) {
        unsafe {
            let layout = self.backward.layout;
            let [_, h, w] = &layout.windows;
            for i in (0..layout.row()).step_by(S::LANES) {
                S::store(self.strip.add(i), S::zero());
            }
            for &(depth_tap, od) in self.backward.reach[0].of(z) {
                for &(tap, oh) in self.backward.reach[1].of(y) {
                    let output = (od * h.output + oh) * w.output;
                    for l in 0..w.kernel {
                        let to = self.strip.add(layout.taps[l]);
                        let number = (depth_tap * h.kernel + tap) * w.kernel + l;
                        self.add_tap::<S>(output, number, to);
                    }
                }
            }
            unstage_row::<S>(layout, self.strip, dx);
        }
    }

    /// Adds what a row of windows sends back through one of its taps.
    #[inline(always)]
    unsafe fn add_tap<S: Simd<T = T>>(&self, output: usize, number: usize, to: *mut T) {
        unsafe {
            let width = self.backward.layout.windows[2].output;
            let values = self.values.add(output);
            let dy = self.backward.dy.as_ptr().add(output);
            let number = S::splat(T::from_f64(number as f64));
            let winners = matches!(self.backward.slopes, Slopes::Winners(_));
            for o in (0..width).step_by(S::LANES) {
                let left = width - o;
                let value = S::load_up_to(values.add(o), left);
                let sent = if winners {
                    S::select(S::eq(value, number), S::load_up_to(dy.add(o), left), S::zero())
                } else {
                    value
                };
                S::store(to.add(o), S::add(S::load(to.add(o)), sent));
            }
        }
    }
}
