//! Transforms of whole tiles: vectors of columns first, turned round, and vectors of vertical frequencies then.

#![allow(unsafe_code)]

use std::ops::Range;

use super::super::columns::kernel::{add, get, mul, mul_conjugate, put, transform, transform_back};
use super::super::lines::{Line, Tables};
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd, lanes};
use crate::threads::SharedMut;

/// A rectangle of a plane in the coordinates of a tile.
#[derive(Clone, Debug)]
pub struct Patch {
    /// The element at place (0, 0) of the tile, which may not exist.
    pub start: isize,
    /// Elements from one row to the next.
    pub next: usize,
    /// Where there are elements.
    pub rows: Range<usize>,
    pub columns: Range<usize>,
}

impl Patch {
    fn check(&self, len: usize, tables_size: [usize; 2]) {
        let [rows, columns] = tables_size;
        assert!(self.rows.end <= rows && self.columns.end <= columns && self.columns.len() <= self.next);
        if !self.rows.is_empty() && !self.columns.is_empty() {
            let element = |row: usize, column: usize| self.start + (row * self.next + column) as isize;
            let last = element(self.rows.end - 1, self.columns.end - 1);
            assert!(element(self.rows.start, self.columns.start) >= 0 && last < len as isize);
        }
    }
}

/// The address of a spectrum.
fn find<T: Scalar>(tables: &Tables<T>, spectra: SharedMut<'_, T>, number: usize) -> *mut T {
    let len = super::len::<T>(tables.size());
    assert!((number + 1) * len <= spectra.len(), "spectrum {number} of {}", spectra.len() / len);
    // SAFETY: inside the slice.
    unsafe { spectra.as_mut_ptr().add(number * len) }
}

/// Scratch that a transform needs.
fn scratch_len<T: Scalar>(tables: &Tables<T>) -> usize {
    2 * tables.down.len * lanes::<T>()
}

/// Writes spectrum `number`: that of a tile which is zero outside the patch, with twice the values of the textbook's.
///
/// No other task may use this spectrum.
///
/// # Panics
/// If the patch is not inside `data` and the tile, or there is no such spectrum.
pub fn forward<T: Scalar>(tables: &Tables<T>, data: &[T], patch: &Patch, spectra: SharedMut<'_, T>, number: usize) {
    patch.check(data.len(), tables.size());
    let spectrum = find(tables, spectra, number);
    with_scratch(scratch_len(tables), |scratch: &mut [T]| {
        let data = data.as_ptr().wrapping_offset(patch.start);
        // SAFETY: the patch lies inside `data`; scratch and spectrum are as long as the tables want them.
        unsafe { simd::run(Forward { tables, data, patch, scratch: scratch.as_mut_ptr(), spectrum }) };
    });
}

/// The tile of spectrum `number`, times `scale` plus `bias`, written to the patch, which begins at place (0, 0). The scale has to
/// undo two factors of 2 from [`forward`], and one of the tile's size. Leaves garbage in the spectrum.
///
/// No other task may use the patch or this spectrum.
///
/// # Panics
/// If the patch is not inside `data` and the tile, or there is no such spectrum.
pub fn inverse<T: Scalar>(
    tables: &Tables<T>,
    spectra: SharedMut<'_, T>,
    number: usize,
    [scale, bias]: [T; 2],
    patch: &Patch,
    data: SharedMut<'_, T>,
) {
    patch.check(data.len(), tables.size());
    assert!(patch.rows.start == 0 && patch.columns.start == 0);
    let spectrum = find(tables, spectra, number);
    with_scratch(scratch_len(tables), |scratch: &mut [T]| {
        let data = data.as_mut_ptr().wrapping_offset(patch.start);
        let scratch = scratch.as_mut_ptr();
        // SAFETY: as in `forward`; the caller keeps other tasks out of the patch.
        unsafe { simd::run(Inverse { tables, data, patch, scratch, spectrum, scale, bias }) };
    });
}

struct Forward<'a, T> {
    tables: &'a Tables<T>,
    data: *const T,
    patch: &'a Patch,
    scratch: *mut T,
    spectrum: *mut T,
}

struct Inverse<'a, T> {
    tables: &'a Tables<T>,
    data: *mut T,
    patch: &'a Patch,
    scratch: *mut T,
    spectrum: *mut T,
    scale: T,
    bias: T,
}

impl<T: Scalar> Kernel<T> for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let (tables, column, spectrum) = (self.tables, self.scratch, self.spectrum);
        let (half, width) = (tables.down.len, tables.across.len);
        let pair = 2 * S::LANES;
        unsafe {
            for first in (0..width).step_by(S::LANES) {
                let lanes = self.patch.columns.start.max(first)..self.patch.columns.end.min(first + S::LANES);
                if lanes.is_empty() {
                    for group in 0..half / S::LANES {
                        let to = spectrum.add((group * width + first) * pair);
                        std::ptr::write_bytes(to, 0, S::LANES * pair);
                    }
                    continue;
                }
                self.load::<S>(first, lanes.start - first..lanes.end - first, column);
                transform::<S>(&tables.down, column);
                split_rows::<S>(tables, column);
                for group in 0..half / S::LANES {
                    let (from, to) =
                        (column.add(group * S::LANES * pair), spectrum.add((group * width + first) * pair));
                    S::transpose(from, pair, to, pair);
                    S::transpose(from.add(S::LANES), pair, to.add(S::LANES), pair);
                }
            }
            for group in 0..half / S::LANES {
                transform::<S>(&tables.across, spectrum.add(group * width * pair));
            }
            split_lane::<S>(&tables.across, spectrum, spectrum.add(half * width * 2));
        }
    }
}

impl<T: Scalar> Kernel<T> for Inverse<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let (tables, column, spectrum) = (self.tables, self.scratch, self.spectrum);
        let (half, width) = (tables.down.len, tables.across.len);
        let pair = 2 * S::LANES;
        unsafe {
            join_lane::<S>(&tables.across, spectrum, spectrum.add(half * width * 2));
            for group in 0..half / S::LANES {
                transform_back::<S>(&tables.across, spectrum.add(group * width * pair));
            }
            for first in (0..self.patch.columns.end).step_by(S::LANES) {
                for group in 0..half / S::LANES {
                    let (from, to) =
                        (spectrum.add((group * width + first) * pair), column.add(group * S::LANES * pair));
                    S::transpose(from, pair, to, pair);
                    S::transpose(from.add(S::LANES), pair, to.add(S::LANES), pair);
                }
                join_rows::<S>(tables, column);
                transform_back::<S>(&tables.down, column);
                let (scale, bias) = (S::splat(self.scale), S::splat(self.bias));
                let room = self.patch.columns.end - first;
                for row in 0..self.patch.rows.end {
                    let v = S::fma(S::load(column.add(row * S::LANES)), scale, bias);
                    S::store_up_to(self.data.add(row * self.patch.next + first), room, v);
                }
            }
        }
    }
}

impl<T: Scalar> Forward<'_, T> {
    /// A vector of columns from `first` on, of which there are `lanes`: the even rows as real parts, the odd ones as imaginary
    /// parts, and zeros outside.
    #[inline(always)]
    unsafe fn load<S: Simd<T = T>>(&self, first: usize, lanes: Range<usize>, to: *mut T) {
        let whole = lanes == (0..S::LANES);
        unsafe {
            for row in 0..2 * self.tables.down.len {
                let v = if self.patch.rows.contains(&row) {
                    let from = self.data.wrapping_add(row * self.patch.next + first);
                    if whole { S::load(from) } else { S::load_between(from, lanes.start, lanes.end) }
                } else {
                    S::zero()
                };
                S::store(to.add(row * S::LANES), v);
            }
        }
    }
}

/// From the transform of even rows plus i times odd rows to twice the transform of all rows: frequencies 0 to half of the rows,
/// of which these two are real and share a place.
#[inline(always)]
unsafe fn split_rows<S: Simd>(tables: &Tables<S::T>, data: *mut S::T) {
    let (half, places) = (tables.down.len, &tables.down.places);
    unsafe {
        let (re, im) = get::<S>(data, 0);
        let (first, last) = (S::add(re, im), S::sub(re, im));
        put::<S>(data, 0, (S::add(first, first), S::add(last, last)));
        let (re, im) = get::<S>(data, places[half / 2]);
        put::<S>(data, places[half / 2], (S::add(re, re), S::sub(S::sub(S::zero(), im), im)));
        for k in 1..half / 2 {
            let (low, high) = (places[k], places[half - k]);
            let (a, b) = (get::<S>(data, low), get::<S>(data, high));
            let sum = (S::add(a.0, b.0), S::sub(a.1, b.1));
            let difference = (S::sub(a.0, b.0), S::add(a.1, b.1));
            let [re, im] = tables.split[k];
            let turned = mul::<S>(difference, (S::splat(re), S::splat(im)));
            put::<S>(data, low, add::<S>(sum, turned));
            put::<S>(data, high, (S::sub(sum.0, turned.0), S::sub(turned.1, sum.1)));
        }
    }
}

/// The inverse of [`split_rows`], times four.
#[inline(always)]
unsafe fn join_rows<S: Simd>(tables: &Tables<S::T>, data: *mut S::T) {
    let (half, places) = (tables.down.len, &tables.down.places);
    unsafe {
        let (first, last) = get::<S>(data, 0);
        put::<S>(data, 0, (S::add(first, last), S::sub(first, last)));
        let (re, im) = get::<S>(data, places[half / 2]);
        put::<S>(data, places[half / 2], (S::add(re, re), S::sub(S::sub(S::zero(), im), im)));
        for k in 1..half / 2 {
            let (low, high) = (places[k], places[half - k]);
            let (a, b) = (get::<S>(data, low), get::<S>(data, high));
            let sum = (S::add(a.0, b.0), S::sub(a.1, b.1));
            let turned = (S::sub(a.0, b.0), S::add(a.1, b.1));
            let [re, im] = tables.split[k];
            let difference = mul_conjugate::<S>(turned, (S::splat(re), S::splat(im)));
            put::<S>(data, low, add::<S>(sum, difference));
            put::<S>(data, high, (S::sub(sum.0, difference.0), S::sub(difference.1, sum.1)));
        }
    }
}

/// From the transform of two real columns that share the first lane to one half of that of each; what is real goes to `apart`.
#[inline(always)]
unsafe fn split_lane<S: Simd>(line: &Line<S::T>, data: *mut S::T, apart: *mut S::T) {
    let (len, places) = (line.len, &line.places);
    let half = S::T::from_f64(0.5);
    unsafe {
        S::store(apart, S::zero());
        S::store(apart.add(S::LANES), S::zero());
        for (i, place) in [0, places[len / 2]].into_iter().enumerate() {
            let at = data.add(2 * S::LANES * place);
            *apart.add(2 * i) = *at;
            *apart.add(2 * i + 1) = *at.add(S::LANES);
        }
        for k in 1..len / 2 {
            let (a, b) = (data.add(2 * S::LANES * places[k]), data.add(2 * S::LANES * places[len - k]));
            let ([ar, ai], [br, bi]) = ([*a, *a.add(S::LANES)], [*b, *b.add(S::LANES)]);
            *a = half * (ar + br);
            *a.add(S::LANES) = half * (ai - bi);
            *b = half * (ai + bi);
            *b.add(S::LANES) = half * (br - ar);
        }
    }
}

/// The inverse of [`split_lane`].
#[inline(always)]
unsafe fn join_lane<S: Simd>(line: &Line<S::T>, data: *mut S::T, apart: *const S::T) {
    let (len, places) = (line.len, &line.places);
    unsafe {
        for (i, place) in [0, places[len / 2]].into_iter().enumerate() {
            let at = data.add(2 * S::LANES * place);
            *at = *apart.add(2 * i);
            *at.add(S::LANES) = *apart.add(2 * i + 1);
        }
        for k in 1..len / 2 {
            let (a, b) = (data.add(2 * S::LANES * places[k]), data.add(2 * S::LANES * places[len - k]));
            let ([ar, ai], [br, bi]) = ([*a, *a.add(S::LANES)], [*b, *b.add(S::LANES)]);
            *a = ar - bi;
            *a.add(S::LANES) = ai + br;
            *b = ar + bi;
            *b.add(S::LANES) = br - ai;
        }
    }
}
