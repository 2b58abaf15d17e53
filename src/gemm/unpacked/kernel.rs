//! B read where it lies: along its rows, or as dot products along its columns.

#![allow(unsafe_code)]

use crate::gemm::Matrix;
use crate::gemm::kernel::{Epilogue, Rectangle, accumulate, apply};
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::threads::SharedMut;

/// One rectangle of C as dot products of contiguous rows of A and columns of B.
///
/// No other task may write the rectangle.
pub fn dots<T: Scalar>(
    a: &Matrix<T>,
    b: &Matrix<T>,
    part: &Rectangle,
    c: SharedMut<T>,
    c_row: usize,
    accumulate: bool,
    epilogue: Epilogue<T>,
) {
    assert!(a.column_stride == 1 && b.row_stride == 1 && part.depth == a.columns && part.depth == b.rows);
    assert!(part.row + part.rows <= a.rows && part.column + part.columns <= b.columns);
    let job = Dots {
        a: a.at(part.row, 0),
        a_row: a.row_stride,
        b: b.at(0, part.column),
        b_column: b.column_stride,
        c: part.corner(c, c_row),
        c_row,
        rows: part.rows,
        columns: part.columns,
        k: part.depth,
        accumulate,
        epilogue,
    };
    // SAFETY: the asserts above; the caller keeps other tasks out of the rectangle.
    unsafe { simd::run(job) }
}

/// One rectangle of C from contiguous rows of B, read where they are.
///
/// No other task may write the rectangle.
pub fn in_place<T: Scalar>(
    a: &Matrix<T>,
    b: &Matrix<T>,
    part: &Rectangle,
    c: SharedMut<T>,
    c_row: usize,
    accumulate: bool,
    epilogue: Epilogue<T>,
) {
    assert!(b.column_stride == 1 && part.depth == a.columns && part.depth == b.rows);
    assert!(part.row + part.rows <= a.rows && part.column + part.columns <= b.columns);
    let job = InPlace {
        a: a.at(part.row, 0),
        a_row: a.row_stride,
        a_step: a.column_stride,
        b: b.at(0, part.column),
        b_row: b.row_stride,
        c: part.corner(c, c_row),
        c_row,
        rows: part.rows,
        columns: part.columns,
        k: part.depth,
        accumulate,
        epilogue,
    };
    // SAFETY: the asserts above; the caller keeps other tasks out of the rectangle.
    unsafe { simd::run(job) }
}

/// Rows by columns of C as dot products along contiguous k: for few rows, where packing B would cost more than the product.
pub struct Dots<'a, T> {
    /// Rows of A, each contiguous.
    pub a: *const T,
    pub a_row: usize,
    /// Columns of B, each contiguous.
    pub b: *const T,
    pub b_column: usize,
    pub c: *mut T,
    pub c_row: usize,
    pub rows: usize,
    pub columns: usize,
    pub k: usize,
    pub accumulate: bool,
    pub epilogue: Epilogue<'a, T>,
}

impl<T: Scalar> Kernel<T> for Dots<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            for row in (0..self.rows).step_by(2) {
                for column in (0..self.columns).step_by(4) {
                    match (self.rows - row, self.columns - column) {
                        (1, 1) => self.tile::<S, 1, 1>(row, column),
                        (1, 2) => self.tile::<S, 1, 2>(row, column),
                        (1, 3) => self.tile::<S, 1, 3>(row, column),
                        (1, _) => self.tile::<S, 1, 4>(row, column),
                        (_, 1) => self.tile::<S, 2, 1>(row, column),
                        (_, 2) => self.tile::<S, 2, 2>(row, column),
                        (_, 3) => self.tile::<S, 2, 3>(row, column),
                        (_, _) => self.tile::<S, 2, 4>(row, column),
                    }
                }
            }
        }
    }
}

impl<T: Scalar> Dots<'_, T> {
    #[inline(always)]
    unsafe fn tile<S: Simd<T = T>, const R: usize, const C: usize>(&self, row: usize, column: usize) {
        unsafe {
            let (a, b) = (self.a.add(row * self.a_row), self.b.add(column * self.b_column));
            let mut acc = [[S::zero(); C]; R];
            let mut step = 0;
            while step < self.k {
                let n = self.k - step;
                let mut x = [S::zero(); R];
                for i in 0..R {
                    x[i] = S::load_up_to(a.add(i * self.a_row + step), n);
                }
                for j in 0..C {
                    let w = S::load_up_to(b.add(j * self.b_column + step), n);
                    for i in 0..R {
                        acc[i][j] = S::fma(x[i], w, acc[i][j]);
                    }
                }
                step += S::LANES;
            }
            for i in 0..R {
                for j in 0..C {
                    let c = self.c.add((row + i) * self.c_row + column + j);
                    let sum = S::sum(acc[i][j]);
                    let v = S::splat(if self.accumulate { *c + sum } else { sum });
                    S::store_partial(c, 1, apply::<S>(&self.epilogue, v, row + i, column + j, 1));
                }
            }
        }
    }
}

/// Rows of C from rows of B read in place, each contiguous: for few rows of A, where packing B would cost more than the product.
pub struct InPlace<'a, T> {
    pub a: *const T,
    pub a_row: usize,
    pub a_step: usize,
    pub b: *const T,
    pub b_row: usize,
    pub c: *mut T,
    pub c_row: usize,
    pub rows: usize,
    pub columns: usize,
    pub k: usize,
    pub accumulate: bool,
    pub epilogue: Epilogue<'a, T>,
}

impl<T: Scalar> Kernel<T> for InPlace<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            for row in (0..self.rows).step_by(4) {
                match self.rows - row {
                    1 => self.strip::<S, 1>(row),
                    2 => self.strip::<S, 2>(row),
                    3 => self.strip::<S, 3>(row),
                    _ => self.strip::<S, 4>(row),
                }
            }
        }
    }
}

impl<T: Scalar> InPlace<'_, T> {
    #[inline(always)]
    unsafe fn strip<S: Simd<T = T>, const R: usize>(&self, row: usize) {
        unsafe {
            let a = self.a.add(row * self.a_row);
            let mut column = 0;
            while column + 2 * S::LANES <= self.columns {
                let mut acc = [[S::zero(); 2]; R];
                accumulate::<S, R, 2>(&mut acc, self.k, a, self.a_row, self.a_step, self.b.add(column), self.b_row);
                for i in 0..R {
                    self.finish::<S>(acc[i][0], row + i, column);
                    self.finish::<S>(acc[i][1], row + i, column + S::LANES);
                }
                column += 2 * S::LANES;
            }
            while column < self.columns {
                let n = self.columns - column;
                let mut acc = [S::zero(); R];
                for step in 0..self.k {
                    let b = S::load_up_to(self.b.add(step * self.b_row + column), n);
                    for i in 0..R {
                        acc[i] = S::fma(S::splat(*a.add(i * self.a_row + step * self.a_step)), b, acc[i]);
                    }
                }
                for i in 0..R {
                    self.finish::<S>(acc[i], row + i, column);
                }
                column += S::LANES;
            }
        }
    }

    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>>(&self, v: S::V, row: usize, column: usize) {
        unsafe {
            let n = self.columns - column;
            let c = self.c.add(row * self.c_row + column);
            let v = if self.accumulate { S::add(S::load_up_to(c, n), v) } else { v };
            S::store_up_to(c, n, apply::<S>(&self.epilogue, v, row, column, n));
        }
    }
}
