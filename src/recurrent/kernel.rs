//! Register tiles over packed panels.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use super::layout::{Frame, GatePanel, Slots};
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

/// The broadcast side of a product: rows of pieces that lie anywhere.
#[derive(Clone, Copy)]
pub struct Operand<'a, T> {
    /// The first row.
    pub start: *const T,
    /// Elements from one row to the next.
    pub row: usize,
    pub runs: &'a [Run],
}

/// Evenly spaced pieces of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Where the first piece begins, in elements from the start of the row.
    pub start: usize,
    pub pieces: usize,
    pub length: usize,
    /// Elements from one piece to the next.
    pub stride: usize,
}

impl Run {
    /// One piece.
    pub fn whole(length: usize) -> Self {
        Run { start: 0, pieces: 1, length, stride: 0 }
    }

    /// Behind the last element, from the start of the row.
    fn end(&self) -> usize {
        if self.pieces == 0 { 0 } else { self.start + (self.pieces - 1) * self.stride + self.length }
    }
}

/// The pieces of some slots of rows of gates: the units that exist.
#[derive(Clone, Copy, Default)]
pub struct SlotRuns {
    runs: [Run; 3],
    count: usize,
}

impl SlotRuns {
    pub fn new(frame: &Frame, slots: &Slots, panel: GatePanel) -> Self {
        let (blocks, lanes) = (&frame.blocks, frame.lanes);
        let mut all = SlotRuns::default();
        let Some(last) = blocks.count.checked_sub(1) else { return all };
        let large = blocks.larger();
        for (from, to) in [(0, large), (large, last)] {
            if from < to {
                let start = from * panel.block_stride + slots.first * lanes;
                all.push(Run {
                    start,
                    pieces: to - from,
                    length: frame.tile(slots, from) * lanes,
                    stride: panel.block_stride,
                });
            }
        }
        let start = last * panel.block_stride + slots.first * frame.gap(last);
        let units = frame.hidden - blocks.start(last) * lanes;
        all.push(Run { start, ..Run::whole(slots.gates.len() * units) });
        all
    }

    fn push(&mut self, run: Run) {
        self.runs[self.count] = run;
        self.count += 1;
    }
}

impl std::ops::Deref for SlotRuns {
    type Target = [Run];

    fn deref(&self) -> &[Run] {
        &self.runs[..self.count]
    }
}

impl<'a, T> Operand<'a, T> {
    /// Rows of adjacent elements, `row` apart.
    pub fn rows(start: *const T, row: usize, run: &'a Run) -> Self {
        Operand { start, row, runs: std::slice::from_ref(run) }
    }

    /// Rows of a panel of gates.
    pub fn slots(start: *const T, panel: GatePanel, runs: &'a SlotRuns) -> Self {
        Operand { start, row: panel.row_stride, runs }
    }

    /// Elements of a row.
    pub fn depth(&self) -> usize {
        self.runs.iter().map(|run| run.pieces * run.length).sum()
    }

    /// Elements from the start of a row to behind its last piece.
    pub fn reach(&self) -> usize {
        self.runs.iter().map(Run::end).max().unwrap_or(0)
    }

    #[inline(always)]
    pub fn at_row(self, row: usize) -> Self {
        Operand { start: self.start.wrapping_add(row * self.row), ..self }
    }

    /// No product: the tile stays what it starts from.
    #[inline(always)]
    pub fn none(self) -> Self {
        Operand { runs: &[], ..self }
    }
}

/// Memory that is needed behind a product: some elements of each of its rows, in some blocks. Asked for a few lines at a time between
/// its multiplications, it is there in time; asked for at once, the lines wait for one another.
#[derive(Clone, Copy)]
pub struct Soon<'a, T> {
    /// Of the first row in the first block, unless `rows` are given.
    pub start: *const T,
    pub rows: Spacing<'a>,
    /// Elements of a row in a block.
    pub columns: usize,
    pub blocks: usize,
    pub block_stride: usize,
    pub write: bool,
}

/// Where rows begin, in elements.
#[derive(Clone, Copy)]
pub enum Spacing<'a> {
    Even(usize),
    At(&'a [usize]),
}

impl<T> Soon<'_, T> {
    /// What a tile needs that begins at a row.
    #[inline(always)]
    fn at_row(&self, row: usize) -> Self {
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
struct Lines<'a, T> {
    soon: Soon<'a, T>,
    height: usize,
    all: usize,
    block: usize,
    row: usize,
    column: usize,
}

impl<'a, T: Scalar> Lines<'a, T> {
    const LENGTH: usize = 64 / size_of::<T>();

    /// Those of `height` rows.
    #[inline(always)]
    fn new(soon: Soon<'a, T>, height: usize) -> Self {
        let all = height * soon.blocks * soon.columns.div_ceil(Self::LENGTH);
        Lines { soon, height, all, block: 0, row: 0, column: 0 }
    }

    /// Asks for the next `n`.
    #[inline(always)]
    unsafe fn ask<S: Simd<T = T>>(&mut self, n: usize) {
        for _ in 0..n {
            if self.block == self.soon.blocks {
                return;
            }
            let line = self.soon.row(self.row).wrapping_add(self.block * self.soon.block_stride + self.column);
            // SAFETY: addresses that are asked for need not be valid.
            unsafe { if self.soon.write { S::prefetch_to_write(line) } else { S::prefetch(line) } }
            self.column += Self::LENGTH;
            if self.column >= self.soon.columns {
                (self.row, self.column) = (self.row + 1, 0);
            }
            if self.row == self.height {
                (self.block, self.row) = (self.block + 1, 0);
            }
        }
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
