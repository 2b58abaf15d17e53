//! Register tiles over packed panels.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use super::ahead::kernel::{Lines, Soon};
use super::operand::Operand;
use crate::gemm::kernel::accumulate;
use crate::scalar::Scalar;
use crate::simd::{Isa, Kernel, Simd};

/// Rows of a register tile.
pub const TILE_ROWS: usize = 6;
/// Vectors of a register tile: enough for the widest panel.
pub const TILE_VECTORS: usize = 4;
/// Steps of a product from one request for lines that are needed soon to the next.
const PAUSE: usize = 32;
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

/// `buffer[i][j] = initial[i][j] + sum over k of operand[i][k] * panel[k][j]`.
///
/// The one kernel behind all products with panels. It is compiled once per instruction set, not into each cell: a call of it
/// is long against what it costs to get there.
pub struct Strip<'a, T> {
    /// Null for zeros.
    pub initial: *const T,
    pub initial_row: usize,
    pub operand: Operand<'a, T>,
    pub panel: *const T,
    pub buffer: *mut T,
    /// At most [`STRIP_ROWS`].
    pub rows: usize,
    /// At most [`TILE_VECTORS`].
    pub vectors: usize,
    /// For a single row, a second panel of as many vectors, its results behind the first one's: so many elements further on
    /// are its initial values and its panel.
    pub second: Option<[usize; 2]>,
    pub soon: Option<&'a Soon<'a, T>>,
}

impl<T: Scalar> Kernel<T> for Strip<'_, T> {
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
            match self.soon {
                None => self.tiles::<S, false>(),
                Some(_) => self.tiles::<S, true>(),
            }
        }
    }
}

impl<T: Scalar> Strip<'_, T> {
    #[inline(always)]
    unsafe fn tiles<S: Simd<T = T>, const SOON: bool>(&self) {
        unsafe {
            for i in 0..self.rows.div_ceil(TILE_ROWS) {
                let (first, end) = (tile_start(self.rows, i), tile_start(self.rows, i + 1));
                match self.vectors {
                    1 => self.wide::<S, 1, SOON>(first, end - first),
                    2 => self.wide::<S, 2, SOON>(first, end - first),
                    3 => self.wide::<S, 3, SOON>(first, end - first),
                    _ => self.wide::<S, 4, SOON>(first, end - first),
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn wide<S: Simd<T = T>, const NV: usize, const SOON: bool>(&self, first: usize, rows: usize) {
        unsafe {
            match rows {
                1 => self.tall::<S, 1, NV, SOON>(first),
                2 => self.tall::<S, 2, NV, SOON>(first),
                3 => self.tall::<S, 3, NV, SOON>(first),
                4 => self.tall::<S, 4, NV, SOON>(first),
                5 => self.tall::<S, 5, NV, SOON>(first),
                _ => self.tall::<S, TILE_ROWS, NV, SOON>(first),
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
            let (mut first, mut other) = (self.panel, self.panel.wrapping_add(panel));
            for run in self.operand.runs {
                let mut start = self.operand.start.wrapping_add(run.start);
                for _ in 0..run.pieces {
                    for k in 0..run.length {
                        let x = S::splat(*start.add(k));
                        for j in 0..NV {
                            let place = k * step + j * S::LANES;
                            acc[0][j] = S::fma(x, S::load(first.add(place)), acc[0][j]);
                            acc[1][j] = S::fma(x, S::load(other.add(place)), acc[1][j]);
                        }
                    }
                    first = first.wrapping_add(run.length * step);
                    other = other.wrapping_add(run.length * step);
                    start = start.wrapping_add(run.stride);
                }
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
    unsafe fn tall<S: Simd<T = T>, const MR: usize, const NV: usize, const SOON: bool>(&self, row: usize) {
        unsafe {
            if S::REGISTERS == 32 || NV <= 2 || MR <= 2 {
                return self.tile::<S, MR, NV, SOON>(row, 0);
            }
            self.tile::<S, MR, 2, SOON>(row, 0);
            if NV == 4 {
                self.tile::<S, MR, 2, false>(row, 2);
            } else {
                self.tile::<S, MR, 1, false>(row, 2);
            }
        }
    }

    /// `MR` rows from `row` on, `N` vectors from `column` on.
    #[inline(always)]
    unsafe fn tile<S: Simd<T = T>, const MR: usize, const N: usize, const SOON: bool>(
        &self,
        row: usize,
        column: usize,
    ) {
        unsafe {
            let mut acc = [[S::zero(); N]; MR];
            if !self.initial.is_null() {
                let initial = self.initial.add(row * self.initial_row + column * S::LANES);
                for i in 0..MR {
                    for j in 0..N {
                        acc[i][j] = S::load(initial.add(i * self.initial_row + j * S::LANES));
                    }
                }
            }
            let step = self.vectors * S::LANES;
            let mut panel = self.panel.add(column * S::LANES);
            let operand = self.operand.at_row(row);
            let mut lines = self.soon.filter(|_| SOON).map(|soon| Lines::new(soon.at_row(row), MR));
            for run in operand.runs {
                let mut start = operand.start.wrapping_add(run.start);
                for _ in 0..run.pieces {
                    match &mut lines {
                        None => accumulate::<S, MR, N>(&mut acc, run.length, start, operand.row, 1, panel, step),
                        Some(lines) => {
                            let each = (lines.all * PAUSE).div_ceil(operand.depth());
                            for done in (0..run.length).step_by(PAUSE) {
                                lines.ask::<S>(each);
                                let k = PAUSE.min(run.length - done);
                                let (start, panel) = (start.wrapping_add(done), panel.wrapping_add(done * step));
                                accumulate::<S, MR, N>(&mut acc, k, start, operand.row, 1, panel, step);
                            }
                        }
                    }
                    start = start.wrapping_add(run.stride);
                    panel = panel.wrapping_add(run.length * step);
                }
            }
            let buffer = self.buffer.add((row * self.vectors + column) * S::LANES);
            for i in 0..MR {
                for j in 0..N {
                    S::store(buffer.add((i * self.vectors + j) * S::LANES), acc[i][j]);
                }
            }
        }
    }
}
