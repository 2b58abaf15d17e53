//! One plane of adaptive pooling. The loops are plain Rust over slices; what runs over columns becomes vector code, because
//! everything here is compiled for the chosen instruction set.

#![allow(unsafe_code)]

use super::super::for_units;
use super::Windows;
use crate::geometry::adaptive::AdaptiveGeometry;
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, run};
use crate::threads::SharedMut;

/// Partial sums of a long row.
const SUMS: usize = 16;

/// Calls `body` once for every plane, with the plane's equal share of each slice.
pub fn for_planes<A: Send, B: Send>(
    g: &AdaptiveGeometry,
    a: &mut [A],
    b: &mut [B],
    body: impl Fn(usize, &mut [A], &mut [B]) + Sync,
) {
    let planes = g.planes();
    let (a_len, b_len) = (a.len() / planes.max(1), b.len() / planes.max(1));
    let (a, b) = (SharedMut::new(a), SharedMut::new(b));
    for_units(planes, g.input_plane() + g.output_plane(), &|plane| {
        // SAFETY: each plane occurs once, and the shares of different planes are disjoint.
        let (a, b) = unsafe { (a.slice(plane * a_len, a_len), b.slice(plane * b_len, b_len)) };
        body(plane, a, b);
    });
}

/// The largest value of every window, and its place.
pub fn max<T: Scalar>(windows: &Windows, x: &[T], y: &mut [T], places: &mut [i64], best: &mut [T], rows: &mut [usize]) {
    // SAFETY: no pointers.
    unsafe { run(Max { windows, x, y, places, best, rows }) }
}

struct Max<'a, T> {
    windows: &'a Windows,
    x: &'a [T],
    y: &'a mut [T],
    places: &'a mut [i64],
    /// The largest value of every column, and where its row starts.
    best: &'a mut [T],
    rows: &'a mut [usize],
}

impl<T: Scalar> Kernel<T> for Max<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let (width, columns) = (self.windows.input[2], &self.windows.axes[2]);
        for row in 0..self.windows.rows() {
            let mut covered = self.windows.covered(row);
            let first = covered.next().unwrap_or(0);
            self.best.copy_from_slice(&self.x[first..first + width]);
            self.rows.fill(first);
            for start in covered {
                let values = &self.x[start..start + width];
                for ((best, from), &value) in self.best.iter_mut().zip(self.rows.iter_mut()).zip(values) {
                    let wins = value > *best || value.is_nan() && !best.is_nan();
                    *best = if wins { value } else { *best };
                    *from = if wins { start } else { *from };
                }
            }
            for (o, window) in columns.iter().enumerate() {
                let (mut best, mut place) = (self.best[window.start], self.rows[window.start] + window.start);
                for c in window.start + 1..window.end {
                    let (value, at) = (self.best[c], self.rows[c] + c);
                    let ties = value == best || value.is_nan() && best.is_nan();
                    if value > best || value.is_nan() && !best.is_nan() || ties && at < place {
                        (best, place) = (value, at);
                    }
                }
                let output = row * columns.len() + o;
                (self.y[output], self.places[output]) = (best, place as i64);
            }
        }
    }
}

/// The mean of every window.
pub fn average<T: Scalar>(windows: &Windows, x: &[T], y: &mut [T], sums: &mut [T]) {
    // SAFETY: no pointers.
    unsafe { run(Average { windows, x, y, sums }) }
}

struct Average<'a, T> {
    windows: &'a Windows,
    x: &'a [T],
    y: &'a mut [T],
    /// The sum of every column.
    sums: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Average<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let (width, columns) = (self.windows.input[2], &self.windows.axes[2]);
        for row in 0..self.windows.rows() {
            let count = self.windows.count(row);
            let mut covered = self.windows.covered(row);
            let first = covered.next().unwrap_or(0);
            let mut sums = &self.x[first..first + width];
            if count > 1 {
                self.sums.copy_from_slice(sums);
                for start in covered {
                    let values = &self.x[start..start + width];
                    self.sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum += value);
                }
                sums = self.sums;
            }
            for (y, window) in self.y[row * columns.len()..].iter_mut().zip(columns) {
                let places = T::from_f64((count * window.len()) as f64);
                *y = total(&sums[window.clone()]) / places;
            }
        }
    }
}

#[inline(always)]
fn total<T: Scalar>(values: &[T]) -> T {
    let mut sum = T::ZERO;
    let chunks = values.chunks_exact(SUMS);
    let rest = chunks.remainder();
    if values.len() >= SUMS {
        let mut sums = [T::ZERO; SUMS];
        for chunk in chunks {
            sums.iter_mut().zip(chunk).for_each(|(sum, &value)| *sum += value);
        }
        sums.into_iter().for_each(|part| sum += part);
    }
    rest.iter().for_each(|&value| sum += value);
    sum
}

/// Gives every place the slopes of its windows over their sizes.
pub fn average_backward<T: Scalar>(windows: &Windows, dy: &[T], dx: &mut [T], shares: &mut [T]) {
    // SAFETY: no pointers.
    unsafe { run(AverageBackward { windows, dy, dx, shares }) }
}

struct AverageBackward<'a, T> {
    windows: &'a Windows,
    dy: &'a [T],
    dx: &'a mut [T],
    /// What every column of a row gets.
    shares: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for AverageBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let (width, columns) = (self.windows.input[2], &self.windows.axes[2]);
        self.dx.fill(T::ZERO);
        for row in 0..self.windows.rows() {
            let count = self.windows.count(row);
            self.shares.fill(T::ZERO);
            for (&slope, window) in self.dy[row * columns.len()..].iter().zip(columns) {
                let share = slope / T::from_f64((count * window.len()) as f64);
                self.shares[window.clone()].iter_mut().for_each(|sum| *sum += share);
            }
            for start in self.windows.covered(row) {
                let places = &mut self.dx[start..start + width];
                places.iter_mut().zip(self.shares.iter()).for_each(|(place, &share)| *place += share);
            }
        }
    }
}
