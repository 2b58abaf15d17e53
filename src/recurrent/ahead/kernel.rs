//! Requests for lines of memory that will be needed. Their addresses need not be valid.

#![allow(unsafe_code)]

use std::ops::Range;

use crate::scalar::Scalar;
use crate::simd::{self, Isa, Kernel, Simd};

/// Bytes of a cache line.
const LINE: usize = 64;

/// Elements of a cache line.
#[inline(always)]
pub const fn line_of<T>() -> usize {
    LINE / size_of::<T>()
}

/// Memory that is needed behind a product: some elements of each of its rows, in some blocks. Asked for a few lines at a time between
/// its multiplications, it is there in time; asked for at once, the lines wait for one another.
#[derive(Clone, Copy)]
pub struct Soon<'a, T> {
    /// In the first block, what [`Spacing`] counts from.
    pub start: *const T,
    pub rows: Spacing<'a>,
    /// Elements of a row in a block.
    pub columns: usize,
    pub blocks: usize,
    pub block_stride: usize,
    pub write: bool,
}

/// Where rows begin, in elements: evenly spaced, or listed.
#[derive(Clone, Copy)]
pub enum Spacing<'a> {
    Even(usize),
    At(&'a [usize]),
}

impl<T> Soon<'_, T> {
    /// What a tile needs that begins at a row.
    #[inline(always)]
    pub fn at_row(&self, row: usize) -> Self {
        match self.rows {
            Spacing::Even(stride) => Soon { start: self.start.wrapping_add(row * stride), ..*self },
            Spacing::At(rows) => Soon { rows: Spacing::At(&rows[row..]), ..*self },
        }
    }

    #[inline(always)]
    fn row(&self, row: usize) -> *const T {
        self.start.wrapping_add(match self.rows {
            Spacing::Even(stride) => row * stride,
            Spacing::At(rows) => rows[row],
        })
    }
}

/// The lines of [`Soon`], one after another.
pub struct Lines<'a, T> {
    soon: Soon<'a, T>,
    height: usize,
    /// How many there are.
    pub all: usize,
    block: usize,
    row: usize,
    column: usize,
}

impl<'a, T: Scalar> Lines<'a, T> {
    /// Those of `height` rows.
    #[inline(always)]
    pub fn new(soon: Soon<'a, T>, height: usize) -> Self {
        let all = height * soon.blocks * soon.columns.div_ceil(line_of::<T>());
        Lines { soon, height, all, block: 0, row: 0, column: 0 }
    }

    /// Asks for the next `n`.
    ///
    /// # Safety
    /// Runs on a processor that has the instruction set.
    #[inline(always)]
    pub unsafe fn ask<S: Simd<T = T>>(&mut self, n: usize) {
        for _ in 0..n {
            if self.block == self.soon.blocks {
                return;
            }
            let line = self.soon.row(self.row).wrapping_add(self.block * self.soon.block_stride + self.column);
            // SAFETY: addresses that are asked for need not be valid.
            unsafe { if self.soon.write { S::prefetch_to_write(line) } else { S::prefetch(line) } }
            self.column += line_of::<T>();
            if self.column >= self.soon.columns {
                (self.row, self.column) = (self.row + 1, 0);
            }
            if self.row == self.height {
                (self.block, self.row) = (self.block + 1, 0);
            }
        }
    }
}

/// Some columns of the rows of a matrix that will be read next. Fetched a few at a time between products they cost nothing; the
/// processor's own prefetching ends with each row, and then every block of rows waits for the third-level cache.
#[derive(Clone)]
pub struct Ahead<'a, T> {
    pub data: &'a [T],
    /// Elements of a row.
    pub width: usize,
    pub rows: Range<usize>,
    pub column: usize,
    pub columns: usize,
}

/// Asks for these elements.
pub fn fetch<T: Scalar>(isa: Isa, ahead: Ahead<T>) {
    // SAFETY: addresses that are asked for need not be valid.
    unsafe { simd::run_on(isa, ahead) }
}

impl<T: Scalar> Kernel<T> for Ahead<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        for row in self.rows {
            let start = self.data.as_ptr().wrapping_add(row * self.width + self.column);
            for column in (0..self.columns).step_by(line_of::<T>()).chain([self.columns - 1]) {
                unsafe { S::prefetch(start.wrapping_add(column)) };
            }
        }
    }
}
