//! Packing B.

#![allow(unsafe_code)]

use crate::gemm::Matrix;
use crate::gemm::kernel::panel_vectors;
use crate::scalar::Scalar;
use crate::simd::{self, Isa, Kernel, Simd};
use crate::threads::parallel_chunks_mut;

/// Columns of a packed panel under an instruction set.
pub fn panel_width_on<T: Scalar>(isa: Isa) -> usize {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => panel_vectors::<T::Avx512>() * T::Avx512::LANES,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => panel_vectors::<T::Avx2>() * T::Avx2::LANES,
        _ => panel_vectors::<T::Portable>() * T::Portable::LANES,
    }
}

/// Packs rows `k..k + depth` and columns `column..column + columns` of B into panels, one task each.
pub fn pack_panels<T: Scalar>(b: &Matrix<T>, k: usize, depth: usize, column: usize, columns: usize, panels: &mut [T]) {
    let width = panel_width_on::<T>(simd::isa());
    if depth == 0 {
        return;
    }
    parallel_chunks_mut(panels, width * depth, &|p, panel| {
        let first = column + p * width;
        let job = PackPanel {
            b: b.at(k, first),
            b_row: b.row_stride,
            b_column: b.column_stride,
            k: depth,
            columns: width.min(column + columns - first),
            panel,
        };
        // SAFETY: the panel's rows and columns lie inside B, and `panel` has room for `depth` rows.
        unsafe { simd::run(job) }
    });
}

/// One panel of B: `k` rows of as many columns as a register tile has, zeros behind the last column.
pub struct PackPanel<'a, T> {
    pub b: *const T,
    pub b_row: usize,
    pub b_column: usize,
    pub k: usize,
    /// At most the width of a panel.
    pub columns: usize,
    pub panel: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for PackPanel<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let width = panel_vectors::<S>() * S::LANES;
            let to = self.panel.as_mut_ptr();
            for column in (0..width).step_by(S::LANES) {
                let n = self.columns.saturating_sub(column).min(S::LANES);
                let (from, to) = (self.b.add(column * self.b_column), to.add(column));
                if self.b_column == 1 {
                    for step in 0..self.k {
                        S::store(to.add(step * width), S::load_up_to(from.add(step * self.b_row), n));
                    }
                } else if self.b_row == 1 && n == S::LANES {
                    pack_transposed::<S>(from, self.b_column, self.k, to, width);
                } else {
                    pack_elements::<S>(from, self.b_row, self.b_column, self.k, n, to, width);
                }
            }
        }
    }
}

/// `LANES` columns of B, each contiguous.
#[inline(always)]
unsafe fn pack_transposed<S: Simd>(from: *const S::T, ld: usize, k: usize, to: *mut S::T, width: usize) {
    unsafe {
        let whole = k - k % S::LANES;
        for step in (0..whole).step_by(S::LANES) {
            S::transpose(from.add(step), ld, to.add(step * width), width);
        }
        pack_elements::<S>(from.add(whole), 1, ld, k - whole, S::LANES, to.add(whole * width), width);
    }
}

#[inline(always)]
unsafe fn pack_elements<S: Simd>(
    from: *const S::T,
    row: usize,
    column: usize,
    k: usize,
    n: usize,
    to: *mut S::T,
    width: usize,
) {
    unsafe {
        for step in 0..k {
            for j in 0..S::LANES {
                *to.add(step * width + j) = if j < n { *from.add(step * row + j * column) } else { S::T::ZERO };
            }
        }
    }
}
