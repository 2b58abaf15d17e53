//! Sums of products over rows: the inner loops of the gradients of weights and biases.

#![allow(unsafe_code)]

use crate::gemm::kernel::accumulate;
use crate::recurrent::kernel::{TILE_ROWS, TILE_VECTORS, lanes_on, tile_start};
use crate::scalar::Scalar;
use crate::simd::{self, Isa, Kernel, Simd};
use crate::threads::SharedMut;

/// Some adjacent vectors of some rows of the panel of gates.
#[derive(Clone, Copy)]
pub struct Gates<'a, T> {
    pub panel: &'a [T],
    /// Elements of a row of the panel.
    pub width: usize,
    pub rows: usize,
    pub column: usize,
    pub vectors: usize,
}

impl<T: Scalar> Gates<'_, T> {
    fn check(&self, isa: Isa) {
        assert!(self.vectors <= TILE_VECTORS && self.column + self.vectors * lanes_on::<T>(isa) <= self.width);
        let end = self.column + self.vectors * lanes_on::<T>(isa);
        assert!(self.rows == 0 || (self.rows - 1) * self.width + end <= self.panel.len());
    }

    #[inline(always)]
    fn at(&self, row: usize) -> *const T {
        self.panel.as_ptr().wrapping_add(row * self.width + self.column)
    }
}

struct Outer<'a, T> {
    factor: &'a [T],
    stride: usize,
    columns: usize,
    gates: Gates<'a, T>,
    sum: &'a mut [T],
}

/// `sum[m] += sum over rows of factor[row * stride + m] * gates[row]`, for `m < columns`.
pub fn outer<T: Scalar>(isa: Isa, factor: &[T], stride: usize, columns: usize, gates: Gates<T>, sum: &mut [T]) {
    gates.check(isa);
    assert!(gates.rows > 0 && (gates.rows - 1) * stride + columns <= factor.len());
    assert!(columns * gates.vectors * lanes_on::<T>(isa) <= sum.len());
    // SAFETY: the asserts above.
    unsafe { simd::run_on(isa, Outer { factor, stride, columns, gates, sum }) }
}

impl<T: Scalar> Kernel<T> for Outer<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            match self.gates.vectors {
                1 => self.wide::<S, 1>(0),
                2 => self.wide::<S, 2>(0),
                // With sixteen registers a wider tile would spill.
                3 if S::REGISTERS == 32 => self.wide::<S, 3>(0),
                3 => {
                    self.wide::<S, 2>(0);
                    self.wide::<S, 1>(2);
                }
                _ if S::REGISTERS == 32 => self.wide::<S, 4>(0),
                _ => {
                    self.wide::<S, 2>(0);
                    self.wide::<S, 2>(2);
                }
            }
        }
    }
}

impl<T: Scalar> Outer<'_, T> {
    #[inline(always)]
    unsafe fn wide<S: Simd<T = T>, const NV: usize>(&self, first: usize) {
        unsafe {
            for i in 0..self.columns.div_ceil(TILE_ROWS) {
                let (start, end) = (tile_start(self.columns, i), tile_start(self.columns, i + 1));
                match end - start {
                    1 => self.tile::<S, 1, NV>(start, first),
                    2 => self.tile::<S, 2, NV>(start, first),
                    3 => self.tile::<S, 3, NV>(start, first),
                    4 => self.tile::<S, 4, NV>(start, first),
                    5 => self.tile::<S, 5, NV>(start, first),
                    _ => self.tile::<S, TILE_ROWS, NV>(start, first),
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd<T = T>, const MR: usize, const NV: usize>(&self, start: usize, first: usize) {
        unsafe {
            let mut acc = [[S::zero(); NV]; MR];
            let factor = self.factor.as_ptr().add(start);
            let gates = self.gates.at(0).add(first * S::LANES);
            accumulate::<S, MR, NV>(&mut acc, self.gates.rows, factor, 1, self.stride, gates, self.gates.width);
            for i in 0..MR {
                for j in 0..NV {
                    let place = ((start + i) * self.gates.vectors + first + j) * S::LANES;
                    let to = self.sum.as_ptr().add(place).cast_mut();
                    S::store(to, S::add(S::load(to), acc[i][j]));
                }
            }
        }
    }
}

struct Scatter<'a, T> {
    ids: &'a [usize],
    gates: Gates<'a, T>,
    sum: &'a mut [T],
}

/// `sum[ids[row]] += gates[row]`, row after row.
pub fn scatter<T: Scalar>(isa: Isa, ids: &[usize], gates: Gates<T>, sum: &mut [T]) {
    gates.check(isa);
    let columns = sum.len() / (gates.vectors * lanes_on::<T>(isa));
    assert!(ids.len() == gates.rows && ids.iter().all(|&id| id < columns));
    // SAFETY: the asserts above.
    unsafe { simd::run_on(isa, Scatter { ids, gates, sum }) }
}

impl<T: Scalar> Kernel<T> for Scatter<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            for (row, &id) in self.ids.iter().enumerate() {
                let to = self.sum.as_mut_ptr().add(id * self.gates.vectors * S::LANES);
                add::<S>(to, self.gates.at(row), self.gates.vectors);
            }
        }
    }
}

#[inline(always)]
unsafe fn add<S: Simd>(to: *mut S::T, from: *const S::T, vectors: usize) {
    unsafe {
        for j in 0..vectors {
            let to = to.add(j * S::LANES);
            S::store(to, S::add(S::load(to), S::load(from.add(j * S::LANES))));
        }
    }
}

struct AddRows<'a, T> {
    gates: Gates<'a, T>,
    first: usize,
    sums: SharedMut<'a, T>,
}

/// `sums[first + column] += sum of that column of the rows`. No other task may write these.
pub fn add_rows<T: Scalar>(isa: Isa, gates: Gates<T>, first: usize, sums: SharedMut<T>) {
    gates.check(isa);
    assert!(sums.len() >= first + gates.vectors * lanes_on::<T>(isa));
    // SAFETY: the asserts above; the caller keeps other tasks away from the columns.
    unsafe { simd::run_on(isa, AddRows { gates, first, sums }) }
}

impl<T: Scalar> Kernel<T> for AddRows<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            for j in 0..self.gates.vectors {
                let mut acc = [S::zero(); 4];
                for row in 0..self.gates.rows {
                    acc[row % 4] = S::add(acc[row % 4], S::load(self.gates.at(row).add(j * S::LANES)));
                }
                let total = S::add(S::add(acc[0], acc[1]), S::add(acc[2], acc[3]));
                let to = self.sums.as_mut_ptr().add(self.first + j * S::LANES);
                S::store(to, S::add(S::load(to), total));
            }
        }
    }
}

struct AddProducts<'a, T> {
    factors: &'a [T],
    gates: Gates<'a, T>,
    sum: &'a mut [T],
}

/// `sum += sum over rows of factors[row] * gates[row]`, one vector a row.
pub fn add_products<T: Scalar>(isa: Isa, factors: &[T], gates: Gates<T>, sum: &mut [T]) {
    gates.check(isa);
    let lanes = lanes_on::<T>(isa);
    assert!(gates.vectors == 1 && factors.len() >= gates.rows * lanes && sum.len() >= lanes);
    // SAFETY: the asserts above.
    unsafe { simd::run_on(isa, AddProducts { factors, gates, sum }) }
}

impl<T: Scalar> Kernel<T> for AddProducts<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let mut acc = S::zero();
            for row in 0..self.gates.rows {
                let factor = S::load(self.factors.as_ptr().add(row * S::LANES));
                acc = S::fma(factor, S::load(self.gates.at(row)), acc);
            }
            add::<S>(self.sum.as_mut_ptr(), [acc].as_ptr().cast(), 1);
        }
    }
}

/// A rectangle of a matrix with `width` columns.
#[derive(Clone, Copy)]
pub struct Corner {
    pub row: usize,
    pub rows: usize,
    pub column: usize,
    pub columns: usize,
    pub width: usize,
}

struct Unpack<'a, T> {
    sum: &'a [T],
    vectors: usize,
    first: usize,
    corner: Corner,
    to: *mut T,
}

/// Columns become rows: row `i` of the rectangle is element `first + i` of each row of `sum`.
///
/// No other task may write the rectangle.
pub fn unpack<T: Scalar>(isa: Isa, sum: &[T], vectors: usize, first: usize, corner: Corner, target: SharedMut<T>) {
    if corner.rows == 0 || corner.columns == 0 {
        return;
    }
    let lanes = lanes_on::<T>(isa);
    assert!(corner.columns * vectors * lanes <= sum.len() && corner.rows <= lanes);
    assert!(first + corner.rows <= vectors * lanes);
    let start = corner.row * corner.width + corner.column;
    assert!(start + (corner.rows - 1) * corner.width + corner.columns <= target.len());
    let to = target.as_mut_ptr().wrapping_add(start);
    // SAFETY: the asserts above; the caller keeps other tasks out of the rectangle.
    unsafe { simd::run_on(isa, Unpack { sum, vectors, first, corner, to }) }
}

impl<T: Scalar> Kernel<T> for Unpack<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let Corner { rows, columns, width, .. } = self.corner;
            let step = self.vectors * S::LANES;
            let from = self.sum.as_ptr().add(self.first);
            let whole = if rows == S::LANES { columns - columns % S::LANES } else { 0 };
            for m in (0..whole).step_by(S::LANES) {
                S::transpose(from.add(m * step), step, self.to.add(m), width);
            }
            for m in whole..columns {
                for lane in 0..rows {
                    *self.to.add(lane * width + m) = *from.add(m * step + lane);
                }
            }
        }
    }
}
