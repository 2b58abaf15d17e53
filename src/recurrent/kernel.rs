//! Register tiles over packed panels.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use super::layout::{Frame, Slots};
use crate::gemm::kernel::accumulate;
use crate::scalar::Scalar;
use crate::simd::{Isa, Kernel, Simd};

/// Rows of a register tile.
pub const TILE_ROWS: usize = 6;
/// Vectors of a register tile: enough for the widest panel.
pub const TILE_VECTORS: usize = 4;
/// The widest vector of any instruction set.
const MOST_LANES: usize = 16;

/// Lanes of a vector under an instruction set.
pub fn lanes_on<T: Scalar>(isa: Isa) -> usize {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => T::Avx512::LANES,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => T::Avx2::LANES,
        _ => T::Portable::LANES,
    }
}

/// The first row of part `i` of `n` rows cut into parts of at most [`TILE_ROWS`], sizes within one of each other.
#[inline(always)]
pub fn tile_start(n: usize, i: usize) -> usize {
    i * n / n.div_ceil(TILE_ROWS)
}

/// Rows that go through a panel together.
pub const STRIP_ROWS: usize = 4 * TILE_ROWS;

/// Finished products of a strip of rows.
#[repr(align(64))]
pub struct Buffer<T>(MaybeUninit<[T; STRIP_ROWS * TILE_VECTORS * MOST_LANES]>);

impl<T> Buffer<T> {
    #[inline(always)]
    pub fn new() -> Self {
        Buffer(MaybeUninit::uninit())
    }

    #[inline(always)]
    pub fn start(&mut self) -> *mut T {
        self.0.as_mut_ptr().cast()
    }
}

/// The broadcast side of a product: rows of `segments` pieces of `length` elements, `stride` apart.
#[derive(Clone, Copy)]
pub struct Operand<T> {
    pub start: *const T,
    pub row: usize,
    pub segments: usize,
    pub length: usize,
    pub stride: usize,
}

impl<T> Operand<T> {
    /// Rows of `length` adjacent elements.
    pub fn rows(start: *const T, row: usize, length: usize) -> Self {
        Operand { start, row, segments: 1, length, stride: 0 }
    }

    /// The given slots of rows of gates.
    pub fn slots(start: *const T, frame: &Frame, slots: &Slots) -> Self {
        let (width, count) = (frame.lanes * frame.slots, slots.gates.len());
        let start = start.wrapping_add(slots.first * frame.lanes);
        if count == frame.slots {
            return Self::rows(start, frame.gates(), frame.gates());
        }
        let segments = frame.vectors;
        Operand { start, row: frame.gates(), segments, length: count * frame.lanes, stride: width }
    }

    /// Elements of a row.
    pub fn depth(&self) -> usize {
        self.segments * self.length
    }

    #[inline(always)]
    pub fn at_row(self, row: usize) -> Self {
        Operand { start: self.start.wrapping_add(row * self.row), ..self }
    }

    /// No product: the tile stays what it starts from.
    #[inline(always)]
    pub fn none(self) -> Self {
        Operand { segments: 0, ..self }
    }
}

/// `buffer[i][j] = initial[i][j] + sum over k of operand[i][k] * panel[k][j]`.
///
/// The one kernel behind all products with panels. It is compiled once per instruction set, not into each cell: a call of it
/// is long against what it costs to get there.
pub struct Strip<T> {
    /// Null for zeros.
    pub initial: *const T,
    pub initial_row: usize,
    pub operand: Operand<T>,
    pub panel: *const T,
    pub buffer: *mut T,
    /// At most [`STRIP_ROWS`].
    pub rows: usize,
    /// At most [`TILE_VECTORS`].
    pub vectors: usize,
    /// For a single row, a second panel of as many vectors, its results behind the first one's: so many elements further on
    /// are its initial values and its panel.
    pub second: Option<[usize; 2]>,
}

impl<T: Scalar> Kernel<T> for Strip<T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            if let Some(second) = self.second {
                return match self.vectors {
                    1 => self.pair::<S, 1>(second),
                    2 => self.pair::<S, 2>(second),
                    3 => self.pair::<S, 3>(second),
                    _ => self.pair::<S, 4>(second),
                };
            }
            for i in 0..self.rows.div_ceil(TILE_ROWS) {
                let (first, end) = (tile_start(self.rows, i), tile_start(self.rows, i + 1));
                let initial_offset = if self.initial.is_null() { 0 } else { first * self.initial_row };
                let tile = Strip {
                    initial: self.initial.wrapping_add(initial_offset),
                    operand: self.operand.at_row(first),
                    buffer: self.buffer.add(first * self.vectors * S::LANES),
                    ..self
                };
                match self.vectors {
                    1 => tile.wide::<S, 1>(end - first),
                    2 => tile.wide::<S, 2>(end - first),
                    3 => tile.wide::<S, 3>(end - first),
                    _ => tile.wide::<S, 4>(end - first),
                }
            }
        }
    }
}

impl<T: Scalar> Strip<T> {
    #[inline(always)]
    unsafe fn wide<S: Simd<T = T>, const NV: usize>(&self, rows: usize) {
        unsafe {
            match rows {
                1 => self.tall::<S, 1, NV>(),
                2 => self.tall::<S, 2, NV>(),
                3 => self.tall::<S, 3, NV>(),
                4 => self.tall::<S, 4, NV>(),
                5 => self.tall::<S, 5, NV>(),
                _ => self.tall::<S, TILE_ROWS, NV>(),
            }
        }
    }

    /// One row times two panels: a single one gives too few sums to hide how long an addition takes.
    #[inline(always)]
    unsafe fn pair<S: Simd<T = T>, const NV: usize>(&self, second: [usize; 2]) {
        unsafe {
            let step = NV * S::LANES;
            let [initial, panel] = second;
            let mut acc = [[S::zero(); NV]; 2];
            if !self.initial.is_null() {
                for j in 0..NV {
                    acc[0][j] = S::load(self.initial.add(j * S::LANES));
                    acc[1][j] = S::load(self.initial.add(initial + j * S::LANES));
                }
            }
            let Operand { mut start, segments, length, stride, .. } = self.operand;
            let (mut first, mut other) = (self.panel, self.panel.wrapping_add(panel));
            for _ in 0..segments {
                for k in 0..length {
                    let x = S::splat(*start.add(k));
                    for j in 0..NV {
                        acc[0][j] = S::fma(x, S::load(first.add(j * S::LANES)), acc[0][j]);
                        acc[1][j] = S::fma(x, S::load(other.add(j * S::LANES)), acc[1][j]);
                    }
                    first = first.wrapping_add(step);
                    other = other.wrapping_add(step);
                }
                start = start.wrapping_add(stride);
            }
            for i in 0..2 {
                for j in 0..NV {
                    S::store(self.buffer.add((i * NV + j) * S::LANES), acc[i][j]);
                }
            }
        }
    }

    // With sixteen registers a tile of several rows, wider than two vectors, would spill.
    #[inline(always)]
    unsafe fn tall<S: Simd<T = T>, const MR: usize, const NV: usize>(&self) {
        unsafe {
            if S::REGISTERS == 32 || NV <= 2 || MR <= 2 {
                return self.columns::<S, MR, NV>(0, NV);
            }
            self.columns::<S, MR, 2>(0, NV);
            if NV == 4 {
                self.columns::<S, MR, 2>(2, NV);
            } else {
                self.columns::<S, MR, 1>(2, NV);
            }
        }
    }

    /// Vectors `first..first + N` of a tile of `vectors`.
    #[inline(always)]
    unsafe fn columns<S: Simd<T = T>, const MR: usize, const N: usize>(&self, first: usize, vectors: usize) {
        unsafe {
            let mut acc = [[S::zero(); N]; MR];
            if !self.initial.is_null() {
                for i in 0..MR {
                    for j in 0..N {
                        acc[i][j] = S::load(self.initial.add(i * self.initial_row + (first + j) * S::LANES));
                    }
                }
            }
            let Operand { mut start, row, segments, length, stride } = self.operand;
            let step = vectors * S::LANES;
            let mut panel = self.panel.add(first * S::LANES);
            for _ in 0..segments {
                accumulate::<S, MR, N>(&mut acc, length, start, row, 1, panel, step);
                start = start.wrapping_add(stride);
                panel = panel.wrapping_add(length * step);
            }
            for i in 0..MR {
                for j in 0..N {
                    S::store(self.buffer.add((i * vectors + first + j) * S::LANES), acc[i][j]);
                }
            }
        }
    }
}
