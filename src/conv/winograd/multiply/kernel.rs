//! Product of a block: `c[row] = sum over k of a[row, k] * b[k]`, the columns along the lanes.

#![allow(unsafe_code)]

use crate::gemm::kernel::{accumulate, panel_vectors};
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd};

/// Steps of a sum that are added up on their own: many small sums are more accurate than a long one, and the rows of a panel
/// that they read stay in the first-level cache.
pub const BLOCK_K: usize = 128;

/// A product. Distances are in elements.
#[derive(Clone, Copy)]
pub struct Product<T> {
    pub a: *const T,
    pub a_row: usize,
    pub a_step: usize,
    /// Panels as wide as a register tile (the last one as wide as what is left), each with `b_depth` rows.
    pub b: *const T,
    pub b_depth: usize,
    pub c: *mut T,
    pub c_row: usize,
    pub rows: usize,
    /// Whole vectors.
    pub columns: usize,
    pub k: usize,
    /// Add to what is there.
    pub accumulate: bool,
}

/// Columns of a whole panel.
#[inline(always)]
fn panel_width<S: Simd>() -> usize {
    panel_vectors::<S>() * S::LANES
}

/// Where row 0 of a vector of columns begins in panels of `k` rows, and the distance of rows.
#[inline(always)]
pub fn panel_place<S: Simd>(column: usize, columns: usize, k: usize) -> (usize, usize) {
    let width = panel_width::<S>();
    let first = column / width * width;
    (first * k + column - first, width.min(columns - first))
}

impl<T: Scalar> Kernel<T> for Product<T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            for column in (0..self.columns).step_by(panel_width::<S>()) {
                let b = self.b.add(column * self.b_depth);
                // Only instruction sets with 32 registers have panels of more than two vectors.
                match (self.columns - column) / S::LANES {
                    1 => self.panel::<S, 1>(b, column),
                    2 => self.panel::<S, 2>(b, column),
                    3 if S::REGISTERS == 32 => self.panel::<S, 3>(b, column),
                    _ if S::REGISTERS == 32 => self.panel::<S, 4>(b, column),
                    _ => self.panel::<S, 2>(b, column),
                }
            }
        }
    }
}

impl<T: Scalar> Product<T> {
    #[inline(always)]
    unsafe fn panel<S: Simd<T = T>, const NV: usize>(&self, b: *const T, column: usize) {
        unsafe {
            // An empty sum is zero.
            for k in (0..self.k.max(1)).step_by(BLOCK_K) {
                let block = Product {
                    a: self.a.add(k * self.a_step),
                    k: BLOCK_K.min(self.k - k),
                    accumulate: self.accumulate || k > 0,
                    ..*self
                };
                block.rows::<S, NV>(b.add(k * NV * S::LANES), column);
            }
        }
    }

    #[inline(always)]
    unsafe fn rows<S: Simd<T = T>, const NV: usize>(&self, b: *const T, column: usize) {
        unsafe {
            let mut row = 0;
            while row < self.rows {
                row += match self.rows - row {
                    1 => self.tile::<S, 1, NV>(b, row, column),
                    2 | 3 => self.tile::<S, 2, NV>(b, row, column),
                    4 | 5 => self.tile::<S, 4, NV>(b, row, column),
                    _ => self.tile::<S, 6, NV>(b, row, column),
                };
            }
        }
    }

    /// Returns the number of its rows.
    #[inline(always)]
    unsafe fn tile<S: Simd<T = T>, const MR: usize, const NV: usize>(
        &self,
        b: *const T,
        row: usize,
        column: usize,
    ) -> usize {
        unsafe {
            let (a, c) = (self.a.add(row * self.a_row), self.c.add(row * self.c_row + column));
            let mut acc = [[S::zero(); NV]; MR];
            accumulate::<S, MR, NV>(&mut acc, self.k, a, self.a_row, self.a_step, b, NV * S::LANES);
            for i in 0..MR {
                for j in 0..NV {
                    let c = c.add(i * self.c_row + j * S::LANES);
                    let sum = if self.accumulate { S::add(S::load(c), acc[i][j]) } else { acc[i][j] };
                    S::store(c, sum);
                }
            }
            MR
        }
    }
}
