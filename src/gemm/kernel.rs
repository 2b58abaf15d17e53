//! Register tiles, and the block of work that one task does.

#![allow(unsafe_code)]

use super::Matrix;
use super::panels::kernel::panel_width_on;
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd};
use crate::threads::SharedMut;

/// Packing A pays where its rows are not contiguous and its strips are read at least so many times.
const PACK_A_FROM_PANELS: usize = 3;

/// A part of the product: rows and columns of C, and a block of K.
#[derive(Clone, Copy)]
pub struct Rectangle {
    pub row: usize,
    pub rows: usize,
    pub column: usize,
    pub columns: usize,
    pub k: usize,
    pub depth: usize,
}

impl Rectangle {
    /// The epilogue with biases that start at the rectangle's corner.
    pub fn epilogue<'a, T>(&self, whole: &Epilogue<'a, T>) -> Epilogue<'a, T> {
        Epilogue {
            row_bias: whole.row_bias.map(|bias| &bias[self.row..self.row + self.rows]),
            column_bias: whole.column_bias.map(|bias| &bias[self.column..self.column + self.columns]),
            relu: whole.relu,
        }
    }

    /// The corner of the rectangle in C.
    pub fn corner<T>(&self, c: SharedMut<T>, c_row: usize) -> *mut T {
        assert!((self.row + self.rows - 1) * c_row + self.column + self.columns <= c.len());
        c.as_mut_ptr().wrapping_add(self.row * c_row + self.column)
    }
}

/// One rectangle of C from packed panels of B.
///
/// No other task may write the rectangle.
pub fn multiply<T: Scalar>(
    a: &Matrix<T>,
    panels: &[T],
    part: &Rectangle,
    c: SharedMut<T>,
    c_row: usize,
    accumulate: bool,
    epilogue: Option<Epilogue<T>>,
) {
    let width = panel_width_on::<T>(simd::isa());
    assert!(part.row + part.rows <= a.rows && part.k + part.depth <= a.columns);
    assert!(part.columns.next_multiple_of(width) * part.depth <= panels.len());
    let pack = a.column_stride != 1 && part.columns > PACK_A_FROM_PANELS * width;
    let scratch = if pack { part.rows.next_multiple_of(TILE_ROWS) * part.depth } else { 0 };
    with_scratch::<T, _>(scratch, |packed| {
        let job = Block {
            a: a.at(part.row, part.k),
            a_row: a.row_stride,
            a_step: a.column_stride,
            packed_a: pack.then_some(packed),
            panels,
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
    });
}

/// Columns of vectors in a register tile, and in a packed panel.
pub const fn panel_vectors<S: Simd>() -> usize {
    if S::REGISTERS == 32 { 4 } else { 2 }
}

/// Rows of a register tile.
pub const TILE_ROWS: usize = 6;

/// `acc[i][j] += sum over k of a[i * a_row + k * a_step] * b[k * b_step + j * LANES ..]`: A is broadcast, B runs along the lanes.
///
/// # Safety
/// `a` is valid for all `MR` rows and `k` steps, `b` for `k` steps of `NV` vectors.
#[inline(always)]
pub unsafe fn accumulate<S: Simd, const MR: usize, const NV: usize>(
    acc: &mut [[S::V; NV]; MR],
    k: usize,
    a: *const S::T,
    a_row: usize,
    a_step: usize,
    b: *const S::T,
    b_step: usize,
) {
    unsafe {
        let (mut a, mut b) = (a, b);
        for _ in 0..k {
            let mut row = [S::zero(); NV];
            for j in 0..NV {
                row[j] = S::load(b.add(j * S::LANES));
            }
            for i in 0..MR {
                let x = S::splat(*a.add(i * a_row));
                for j in 0..NV {
                    acc[i][j] = S::fma(x, row[j], acc[i][j]);
                }
            }
            a = a.add(a_step);
            b = b.add(b_step);
        }
    }
}

/// The same for rows of B that lie anywhere, from column `column` on.
///
/// # Safety
/// As for [`accumulate`].
#[inline(always)]
pub unsafe fn accumulate_at<S: Simd, const MR: usize, const NV: usize>(
    acc: &mut [[S::V; NV]; MR],
    a: *const S::T,
    a_row: usize,
    rows: &[*const S::T],
    column: usize,
) {
    unsafe {
        let mut a = a;
        for b in rows {
            let b = b.add(column);
            let mut row = [S::zero(); NV];
            for j in 0..NV {
                row[j] = S::load(b.add(j * S::LANES));
            }
            for i in 0..MR {
                let x = S::splat(*a.add(i * a_row));
                for j in 0..NV {
                    acc[i][j] = S::fma(x, row[j], acc[i][j]);
                }
            }
            a = a.add(1);
        }
    }
}

/// What is added to, or done with, a finished element of C.
#[derive(Clone, Copy)]
pub struct Epilogue<'a, T> {
    /// One value per row of C.
    pub row_bias: Option<&'a [T]>,
    /// One value per column of C.
    pub column_bias: Option<&'a [T]>,
    /// `max(c, 0)` at the very end; NaN stays NaN.
    pub relu: bool,
}

impl<T> Epilogue<'_, T> {
    pub const NONE: Self = Epilogue { row_bias: None, column_bias: None, relu: false };
}

/// A rectangle of C that one task computes, over one block of K, from packed panels of B.
pub struct Block<'a, T> {
    /// Row-major or column-major elements of A from the block's first row and first k on.
    pub a: *const T,
    pub a_row: usize,
    pub a_step: usize,
    /// Scratch for `rows` (rounded up to whole tiles) times `k` elements: A is packed into it. `None`: read in place.
    pub packed_a: Option<&'a mut [T]>,
    /// Panels of `k` rows of `panel_vectors * LANES` columns, one behind the other, the last one padded with zeros.
    pub panels: &'a [T],
    pub c: *mut T,
    pub c_row: usize,
    pub rows: usize,
    pub columns: usize,
    pub k: usize,
    /// C holds the sum over earlier blocks of K.
    pub accumulate: bool,
    /// Applied if this is the last block of K; `row_bias` and `column_bias` start at the rectangle's corner.
    pub epilogue: Option<Epilogue<'a, T>>,
}

impl<T: Scalar> Kernel<T> for Block<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe { if S::REGISTERS == 32 { block::<S, 4>(self) } else { block::<S, 2>(self) } }
    }
}

#[inline(always)]
unsafe fn block<S: Simd, const NV: usize>(mut job: Block<'_, S::T>) {
    unsafe {
        let (mut a, mut a_row, mut a_step, mut strip) = (job.a, job.a_row, job.a_step, TILE_ROWS * job.a_row);
        if let Some(packed) = job.packed_a.take() {
            pack_strips(job.a, job.a_row, job.a_step, job.rows, job.k, packed);
            (a, a_row, a_step, strip) = (packed.as_ptr(), 1, TILE_ROWS, TILE_ROWS * job.k);
        }
        let width = NV * S::LANES;
        for (p, column) in (0..job.columns).step_by(width).enumerate() {
            let panel = job.panels.as_ptr().add(p * width * job.k);
            for (s, row) in (0..job.rows).step_by(TILE_ROWS).enumerate() {
                let tile =
                    Tile { job: &job, a: a.add(s * strip), a_row, a_step, panel, panel_step: width, row, column };
                match job.rows - row {
                    // The last panel may hold few columns.
                    TILE_ROWS.. if job.columns - column <= S::LANES => tile.compute::<S, TILE_ROWS, 1>(),
                    1 => tile.compute::<S, 1, NV>(),
                    2 => tile.compute::<S, 2, NV>(),
                    3 => tile.compute::<S, 3, NV>(),
                    4 => tile.compute::<S, 4, NV>(),
                    5 => tile.compute::<S, 5, NV>(),
                    _ => tile.compute::<S, TILE_ROWS, NV>(),
                }
            }
        }
    }
}

struct Tile<'a, 'b, T> {
    job: &'a Block<'b, T>,
    a: *const T,
    a_row: usize,
    a_step: usize,
    panel: *const T,
    /// From one row of the panel to the next.
    panel_step: usize,
    row: usize,
    column: usize,
}

impl<T: Scalar> Tile<'_, '_, T> {
    #[inline(always)]
    unsafe fn compute<S: Simd<T = T>, const MR: usize, const NV: usize>(&self) {
        unsafe {
            let mut acc = [[S::zero(); NV]; MR];
            accumulate::<S, MR, NV>(&mut acc, self.job.k, self.a, self.a_row, self.a_step, self.panel, self.panel_step);
            let columns = self.job.columns - self.column;
            for i in 0..MR {
                for j in 0..NV {
                    if j * S::LANES < columns {
                        self.finish::<S>(acc[i][j], self.row + i, self.column + j * S::LANES, columns - j * S::LANES);
                    }
                }
            }
        }
    }

    /// Stores the first `n` lanes of one vector of C.
    #[inline(always)]
    unsafe fn finish<S: Simd<T = T>>(&self, v: S::V, row: usize, column: usize, n: usize) {
        unsafe {
            let c = self.job.c.add(row * self.job.c_row + column);
            let mut v = if self.job.accumulate { S::add(S::load_up_to(c, n), v) } else { v };
            if let Some(epilogue) = &self.job.epilogue {
                v = apply::<S>(epilogue, v, row, column, n);
            }
            S::store_up_to(c, n, v);
        }
    }
}

/// The epilogue on the `n` elements of C from (`row`, `column`) on.
///
/// # Safety
/// The biases cover that row and those columns.
#[inline(always)]
pub unsafe fn apply<S: Simd>(epilogue: &Epilogue<'_, S::T>, v: S::V, row: usize, column: usize, n: usize) -> S::V {
    unsafe {
        let mut v = v;
        if let Some(bias) = epilogue.row_bias {
            v = S::add(v, S::splat(*bias.get_unchecked(row)));
        }
        if let Some(bias) = epilogue.column_bias {
            v = S::add(v, S::load_up_to(bias.as_ptr().add(column), n));
        }
        // `max(0, v)` is `v` where `v` is NaN.
        if epilogue.relu { S::max(S::zero(), v) } else { v }
    }
}

/// Rows of A in strips of `TILE_ROWS`, k by k: what a tile broadcasts lies side by side. The last strip keeps only its rows.
#[inline(always)]
unsafe fn pack_strips<T: Copy>(a: *const T, a_row: usize, a_step: usize, rows: usize, k: usize, packed: &mut [T]) {
    unsafe {
        for row in (0..rows).step_by(TILE_ROWS) {
            let (from, to) = (a.add(row * a_row), packed.as_mut_ptr().add(row * k));
            let height = TILE_ROWS.min(rows - row);
            for step in 0..k {
                let (from, to) = (from.add(step * a_step), to.add(step * TILE_ROWS));
                if a_row == 1 && height == TILE_ROWS {
                    // A copy of constant size is two or three moves.
                    from.copy_to_nonoverlapping(to, TILE_ROWS);
                } else {
                    for i in 0..height {
                        *to.add(i) = *from.add(i * a_row);
                    }
                }
            }
        }
    }
}
