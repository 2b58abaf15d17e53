//! Matrix products: `C = A B` with bias and activation in the epilogue.
//!
//! B is packed into panels as wide as a register tile, A is broadcast element by element. K is cut into blocks so that a panel
//! stays in the second-level cache; within one element of C the blocks are added in ascending order. Tasks are rectangles of C
//! whose bounds depend on the shape alone, so the result has the same bits for any number of threads.
//!
//! With few rows packing would cost more than the product: then B is read in place, along its rows ([`unpacked::kernel::InPlace`]) or
//! as dot products along its columns ([`unpacked::kernel::Dots`]).

pub mod kernel;
mod panels;
#[cfg(test)]
mod tests;
mod unpacked;

use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::threads::{SharedMut, parallel_for};

pub use kernel::Epilogue;

/// Elements of K in one block: a panel of 64 float32 columns is 96 KiB.
const BLOCK_K: usize = 384;
/// Columns of C whose packed panels exist at the same time.
const BLOCK_COLUMNS: usize = 1536;
/// Rows of C in one task, at most and at least.
const TASK_ROWS: usize = 192;
const LEAST_TASK_ROWS: usize = 4 * kernel::TILE_ROWS;
/// Columns of C in one task, at most.
const TASK_COLUMNS: usize = 384;
/// So many tasks keep some threads busy, if none has fewer multiply-adds than [`LEAST_WORK`]: some microseconds.
const ENOUGH_TASKS: usize = 8;
const LEAST_WORK: usize = 1 << 18;
/// Up to so many rows, B is not packed.
const FEW_ROWS: usize = 16;

/// A matrix in any row and column strides.
#[derive(Clone, Copy)]
pub struct Matrix<'a, T> {
    pub data: &'a [T],
    pub rows: usize,
    pub columns: usize,
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// Contiguous rows.
    pub fn new(data: &'a [T], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns, 1)
    }

    /// # Panics
    /// If an element lies outside `data`.
    pub fn strided(data: &'a [T], rows: usize, columns: usize, row_stride: usize, column_stride: usize) -> Self {
        assert!(
            rows == 0 || columns == 0 || (rows - 1) * row_stride + (columns - 1) * column_stride < data.len(),
            "a {rows} x {columns} matrix with strides {row_stride}, {column_stride} in {} elements",
            data.len()
        );
        Matrix { data, rows, columns, row_stride, column_stride }
    }

    /// The same elements with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Matrix {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    fn at(&self, row: usize, column: usize) -> *const T {
        // Only used with indices below `rows` and `columns`, which the constructor checked.
        self.data.as_ptr().wrapping_add(row * self.row_stride + column * self.column_stride)
    }
}

/// Where C lies: rows of adjacent elements.
pub struct Target<'a, T> {
    pub data: &'a mut [T],
    pub row_stride: usize,
    /// Add to what is there, rather than overwrite it.
    pub accumulate: bool,
}

impl<'a, T> Target<'a, T> {
    pub fn new(data: &'a mut [T], columns: usize) -> Self {
        Target { data, row_stride: columns, accumulate: false }
    }
}

/// `C = A B`, or `C += A B`, then the epilogue.
///
/// # Panics
/// If the shapes do not fit; shapes are the caller's to check.
pub fn gemm<T: Scalar>(a: Matrix<T>, b: Matrix<T>, c: Target<T>, epilogue: Epilogue<T>) {
    assert_eq!(a.columns, b.rows, "gemm: inner sizes");
    let (rows, columns) = (a.rows, b.columns);
    if rows == 0 || columns == 0 {
        return;
    }
    assert!(c.row_stride >= columns && (rows - 1) * c.row_stride + columns <= c.data.len(), "gemm: C is too small");
    assert!(epilogue.row_bias.is_none_or(|bias| bias.len() >= rows), "gemm: row bias is too short");
    assert!(epilogue.column_bias.is_none_or(|bias| bias.len() >= columns), "gemm: column bias is too short");
    let product = Product { a, b, row_stride: c.row_stride, accumulate: c.accumulate, epilogue };
    let c = SharedMut::new(c.data);
    if rows <= FEW_ROWS && (b.row_stride == 1 && a.column_stride == 1) {
        product.dots(c);
    } else if rows <= FEW_ROWS && b.column_stride == 1 {
        product.in_place(c);
    } else {
        product.packed(c);
    }
}

struct Product<'a, T> {
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    row_stride: usize,
    accumulate: bool,
    epilogue: Epilogue<'a, T>,
}

impl<T: Scalar> Product<'_, T> {
    fn packed(&self, c: SharedMut<T>) {
        let width = panel_width::<T>();
        let widest = BLOCK_COLUMNS.min(self.b.columns.next_multiple_of(width));
        let deepest = BLOCK_K.min(self.b.rows).max(1);
        with_scratch::<T, _>(widest * deepest, |panels| {
            for column in (0..self.b.columns).step_by(BLOCK_COLUMNS) {
                let columns = BLOCK_COLUMNS.min(self.b.columns - column);
                // K = 0 still writes zeros and the epilogue.
                for k in (0..self.b.rows.max(1)).step_by(BLOCK_K) {
                    let depth = BLOCK_K.min(self.b.rows - k);
                    let panels = &mut panels[..columns.next_multiple_of(width) * depth];
                    panels::kernel::pack_panels(&self.b, k, depth, column, columns, panels);
                    self.block(c, panels, k, depth, column, columns);
                }
            }
        });
    }

    /// All rows of C times one block of columns, over one block of K.
    fn block(&self, c: SharedMut<T>, panels: &[T], k: usize, depth: usize, column: usize, columns: usize) {
        let (task_rows, task_columns) = task_size(self.a.rows, columns, depth, panel_width::<T>());
        let wide = columns.div_ceil(task_columns);
        let tall = self.a.rows.div_ceil(task_rows);
        let last = k + depth == self.b.rows;
        parallel_for(wide * tall, &|task| {
            let (across, row) = (task % wide * task_columns, task / wide * task_rows);
            let part = kernel::Rectangle {
                row,
                rows: task_rows.min(self.a.rows - row),
                column: column + across,
                columns: task_columns.min(columns - across),
                k,
                depth,
            };
            let accumulate = self.accumulate || k > 0;
            let epilogue = last.then(|| part.epilogue(&self.epilogue));
            kernel::multiply(&self.a, &panels[across * depth..], &part, c, self.row_stride, accumulate, epilogue);
        });
    }

    fn dots(&self, c: SharedMut<T>) {
        let step = TASK_COLUMNS / 8;
        parallel_for(self.b.columns.div_ceil(step), &|task| {
            let column = task * step;
            let part = self.all_rows(column, step.min(self.b.columns - column));
            unpacked::kernel::dots(
                &self.a,
                &self.b,
                &part,
                c,
                self.row_stride,
                self.accumulate,
                part.epilogue(&self.epilogue),
            );
        });
    }

    fn in_place(&self, c: SharedMut<T>) {
        let step = TASK_COLUMNS / 3;
        parallel_for(self.b.columns.div_ceil(step), &|task| {
            let column = task * step;
            let part = self.all_rows(column, step.min(self.b.columns - column));
            unpacked::kernel::in_place(
                &self.a,
                &self.b,
                &part,
                c,
                self.row_stride,
                self.accumulate,
                part.epilogue(&self.epilogue),
            );
        });
    }

    fn all_rows(&self, column: usize, columns: usize) -> kernel::Rectangle {
        kernel::Rectangle { row: 0, rows: self.a.rows, column, columns, k: 0, depth: self.a.columns }
    }
}

/// Rows (of whole tiles) and columns (of whole panels) of a task: fewer where C is small, so that there are enough tasks.
fn task_size(rows: usize, columns: usize, depth: usize, panel: usize) -> (usize, usize) {
    let mut task = (TASK_ROWS.min(rows), TASK_COLUMNS.min(columns));
    while rows.div_ceil(task.0) * columns.div_ceil(task.1) < ENOUGH_TASKS && task.0 * task.1 * depth > 2 * LEAST_WORK {
        if task.0 > LEAST_TASK_ROWS {
            task.0 = task.0.div_ceil(2).next_multiple_of(kernel::TILE_ROWS).max(LEAST_TASK_ROWS);
        } else if task.1 > panel {
            task.1 = task.1.div_ceil(2).next_multiple_of(panel);
        } else {
            break;
        }
    }
    task
}

/// Columns of a packed panel under the instruction set of this process.
pub fn panel_width<T: Scalar>() -> usize {
    panels::kernel::panel_width_on::<T>(crate::simd::isa())
}
