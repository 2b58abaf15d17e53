//! One block of channels of an image at a time.

#![allow(unsafe_code)]

use std::ops::Range;

use crate::geometry::layout::{Images, Layout};
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd, lanes};
use crate::threads::SharedMut;

/// The widest vector, in elements.
const MAX_LANES: usize = 16;

/// A block of channels of an image.
struct Place {
    /// Its first element in planes, and in lanes.
    planes: usize,
    lanes: usize,
    channels: usize,
    plane: usize,
}

fn place<T: Scalar>(images: Images, block: usize) -> Place {
    let (all, lanes, plane) = (images.blocks::<T>(), lanes::<T>(), images.plane());
    let (image, first) = (block / all, block % all * lanes);
    Place {
        planes: (image * images.channels + first) * plane,
        lanes: block * plane * lanes,
        channels: (images.channels - first).min(lanes),
        plane,
    }
}

fn check<T: Scalar>(images: Images, block: usize, planes: usize, in_lanes: usize) {
    assert!(block < images.batch * images.blocks::<T>());
    assert!(planes >= images.len::<T>(Layout::Planes) && in_lanes >= images.len::<T>(Layout::Lanes));
}

/// Writes a block in lanes.
///
/// No other task may write it.
///
/// # Panics
/// If a length does not fit.
pub fn pack<T: Scalar>(images: Images, x: &[T], block: usize, y: SharedMut<T>) {
    check::<T>(images, block, x.len(), y.len());
    let at = place::<T>(images, block);
    // SAFETY: the block lies in both arrays; the caller keeps other tasks out of it.
    unsafe { simd::run(Pack { from: x.as_ptr().add(at.planes), to: y.as_mut_ptr().add(at.lanes), at }) };
}

/// Writes a block's channels in planes.
///
/// No other task may write them.
///
/// # Panics
/// If a length does not fit.
pub fn unpack<T: Scalar>(images: Images, x: &[T], block: usize, y: SharedMut<T>) {
    check::<T>(images, block, y.len(), x.len());
    let at = place::<T>(images, block);
    // SAFETY: as for `pack`.
    unsafe { simd::run(Unpack { from: x.as_ptr().add(at.lanes), to: y.as_mut_ptr().add(at.planes), at }) };
}

struct Pack<T> {
    from: *const T,
    to: *mut T,
    at: Place,
}

impl<T: Scalar> Kernel<T> for Pack<T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let Place { channels, plane, .. } = self.at;
            let mut rows = [T::ZERO; MAX_LANES * MAX_LANES];
            let mut vectors = [T::ZERO; MAX_LANES * MAX_LANES];
            for i in (0..plane).step_by(S::LANES) {
                let (n, to) = ((plane - i).min(S::LANES), self.to.add(i * S::LANES));
                if channels == S::LANES && n == S::LANES {
                    S::transpose(self.from.add(i), plane, to, S::LANES);
                    continue;
                }
                for lane in 0..channels {
                    S::store(rows.as_mut_ptr().add(lane * S::LANES), S::load_up_to(self.from.add(lane * plane + i), n));
                }
                S::transpose(rows.as_ptr(), S::LANES, vectors.as_mut_ptr(), S::LANES);
                vectors.as_ptr().copy_to_nonoverlapping(to, n * S::LANES);
            }
        }
    }
}

struct Unpack<T> {
    from: *const T,
    to: *mut T,
    at: Place,
}

impl<T: Scalar> Kernel<T> for Unpack<T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let Place { channels, plane, .. } = self.at;
            if plane == 1 {
                self.from.copy_to_nonoverlapping(self.to, channels);
                return;
            }
            let mut rows = [T::ZERO; MAX_LANES * MAX_LANES];
            let mut vectors = [T::ZERO; MAX_LANES * MAX_LANES];
            for i in (0..plane).step_by(S::LANES) {
                let (n, from) = ((plane - i).min(S::LANES), self.from.add(i * S::LANES));
                if channels == S::LANES && n == S::LANES {
                    S::transpose(from, S::LANES, self.to.add(i), plane);
                    continue;
                }
                from.copy_to_nonoverlapping(vectors.as_mut_ptr(), n * S::LANES);
                S::transpose(vectors.as_ptr(), S::LANES, rows.as_mut_ptr(), S::LANES);
                for lane in 0..channels {
                    let row = S::load(rows.as_ptr().add(lane * S::LANES));
                    S::store_up_to(self.to.add(lane * plane + i), n, row);
                }
            }
        }
    }
}

/// What the windows of a pooling share.
pub struct Pooling<'a, T> {
    pub from: Images,
    pub to: Images,
    /// By output column: the first input column, how many there are, and what a mean is divided by.
    pub columns: &'a [(usize, usize, T)],
    /// Rows and columns from one tap to the next.
    pub steps: [usize; 2],
    pub mean: bool,
}

/// A row of output places of a block, and the input rows that it sees.
pub struct Row<T> {
    pub block: usize,
    pub o: usize,
    pub first: usize,
    pub taps: usize,
    pub divisor: T,
}

/// Writes a row of a block.
///
/// No other task may write it.
///
/// # Panics
/// If something does not fit.
pub fn pool<T: Scalar>(pooling: &Pooling<T>, row: &Row<T>, x: &[T], y: SharedMut<T>) {
    let Pooling { from, to, columns, steps, .. } = *pooling;
    assert!(
        from.blocks::<T>() == to.blocks::<T>() && row.block < to.batch * to.blocks::<T>() && from.batch == to.batch
    );
    assert!(x.len() >= from.len::<T>(Layout::Lanes) && y.len() >= to.len::<T>(Layout::Lanes));
    assert!(columns.len() == to.width && row.o < to.height);
    let fits = |first: usize, taps: usize, step: usize, size: usize| taps == 0 || first + (taps - 1) * step < size;
    assert!(fits(row.first, row.taps, steps[0], from.height));
    assert!(columns.iter().all(|&(first, taps, _)| fits(first, taps, steps[1], from.width)));
    let (plane, y_plane) = (from.plane() * lanes::<T>(), to.plane() * lanes::<T>());
    // SAFETY: the asserts above; the caller keeps other tasks out of the row.
    unsafe {
        let x = x.as_ptr().add(row.block * plane);
        let y = y.as_mut_ptr().add(row.block * y_plane + row.o * to.width * lanes::<T>());
        simd::run(Pool { pooling, row, x, y });
    }
}

struct Pool<'a, T> {
    pooling: &'a Pooling<'a, T>,
    row: &'a Row<T>,
    /// The block.
    x: *const T,
    /// The row.
    y: *mut T,
}

impl<T: Scalar> Kernel<T> for Pool<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe { if self.pooling.mean { self.means::<S>() } else { self.maxima::<S>() } }
    }
}

impl<T: Scalar> Pool<'_, T> {
    /// Folds the window of an output column: parts of its rows, then these, then the rows. Short sums are more accurate.
    #[inline(always)]
    unsafe fn fold<S: Simd<T = T>>(&self, o: usize, start: S::V, add: impl Fn(S::V, S::V) -> S::V) -> S::V {
        const PART: usize = 16;
        unsafe {
            let [down, across] = self.pooling.steps;
            let (first, taps, _) = *self.pooling.columns.get_unchecked(o);
            let width = self.pooling.from.width;
            let mut total = start;
            for i in 0..self.row.taps {
                let from = self.x.add(((self.row.first + i * down) * width + first) * S::LANES);
                let mut row = start;
                for j in (0..taps).step_by(PART) {
                    let mut part = start;
                    for j in j..taps.min(j + PART) {
                        part = add(part, S::load(from.add(j * across * S::LANES)));
                    }
                    row = add(row, part);
                }
                total = add(total, row);
            }
            total
        }
    }

    #[inline(always)]
    unsafe fn maxima<S: Simd<T = T>>(&self) {
        unsafe {
            for o in 0..self.pooling.to.width {
                let largest = self.fold::<S>(o, S::splat(T::NEG_INFINITY), |earlier, later| {
                    let keep = S::or(S::ge(earlier, later), S::is_nan(earlier));
                    S::select(keep, earlier, later)
                });
                S::store(self.y.add(o * S::LANES), largest);
            }
        }
    }

    #[inline(always)]
    unsafe fn means<S: Simd<T = T>>(&self) {
        unsafe {
            for o in 0..self.pooling.to.width {
                let sum = self.fold::<S>(o, S::zero(), |sum, value| S::add(sum, value));
                let divisor = self.row.divisor * self.pooling.columns.get_unchecked(o).2;
                S::store(self.y.add(o * S::LANES), S::div(sum, S::splat(divisor)));
            }
        }
    }
}

/// Writes `scale * x + shift` of a block.
///
/// No other task may write it.
///
/// # Panics
/// If a length does not fit.
pub fn affine<T: Scalar>(
    images: Images,
    x: &[T],
    (scale, shift): (&[T], &[T]),
    relu: bool,
    block: usize,
    y: SharedMut<T>,
) {
    let len = images.len::<T>(Layout::Lanes);
    let (blocks, lanes) = (images.blocks::<T>(), lanes::<T>());
    assert!(block < images.batch * blocks && x.len() >= len && y.len() >= len);
    assert!(scale.len() == blocks * lanes && shift.len() == blocks * lanes);
    let at = block * images.plane() * lanes;
    // SAFETY: the asserts above; the caller keeps other tasks out of the block.
    unsafe {
        let channel = block % blocks * lanes;
        let (scale, shift) = (scale.as_ptr().add(channel), shift.as_ptr().add(channel));
        let (x, y, places) = (x.as_ptr().add(at), y.as_mut_ptr().add(at), images.plane());
        simd::run(Affine { x, scale, shift, relu, places, y });
    }
}

struct Affine<T> {
    x: *const T,
    scale: *const T,
    shift: *const T,
    relu: bool,
    places: usize,
    y: *mut T,
}

impl<T: Scalar> Kernel<T> for Affine<T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let (scale, shift) = (S::load(self.scale), S::load(self.shift));
            for i in 0..self.places {
                let v = S::fma(scale, S::load(self.x.add(i * S::LANES)), shift);
                let v = if self.relu { S::max(S::zero(), v) } else { v };
                S::store(self.y.add(i * S::LANES), v);
            }
        }
    }
}

/// Writes a range of `x + add`.
///
/// No other task may write it.
///
/// # Panics
/// If a length does not fit.
pub fn add<T: Scalar>(x: &[T], add: &[T], relu: bool, range: Range<usize>, y: SharedMut<T>) {
    let (x, add) = (&x[range.clone()], &add[range.clone()]);
    assert!(range.end <= y.len());
    // SAFETY: the range lies in y; the caller keeps other tasks out of it.
    unsafe { simd::run(Add { x, add, relu, y: y.as_mut_ptr().add(range.start) }) };
}

struct Add<'a, T> {
    x: &'a [T],
    add: &'a [T],
    relu: bool,
    y: *mut T,
}

impl<T: Scalar> Kernel<T> for Add<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            for i in (0..self.x.len()).step_by(S::LANES) {
                let left = self.x.len() - i;
                let sum =
                    S::add(S::load_up_to(self.x.as_ptr().add(i), left), S::load_up_to(self.add.as_ptr().add(i), left));
                let sum = if self.relu { S::max(S::zero(), sum) } else { sum };
                S::store_up_to(self.y.add(i), left, sum);
            }
        }
    }
}
