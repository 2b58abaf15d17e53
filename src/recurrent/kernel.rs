//! Register tiles over packed panels, and the packing.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ops::Range;

use super::layout::{Frame, Slots};
use crate::gemm::kernel::accumulate;
use crate::scalar::Scalar;
use crate::simd::{self, Isa, Kernel, Simd};
use crate::threads::SharedMut;

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

/// Packed weights: groups of `wide` vectors of columns, the last one narrower; in a group `depth` rows.
#[derive(Clone, Copy)]
pub struct Panels<'a, T> {
    pub data: &'a [T],
    pub depth: usize,
    pub vectors: usize,
    pub wide: usize,
}

impl<T> Panels<'_, T> {
    #[inline(always)]
    pub fn groups(&self) -> usize {
        self.vectors.div_ceil(self.wide)
    }

    #[inline(always)]
    pub fn vectors_in(&self, group: usize) -> usize {
        self.wide.min(self.vectors - group * self.wide)
    }

    /// Elements from one group to the next.
    #[inline(always)]
    pub fn group_size(&self, lanes: usize) -> usize {
        self.wide * lanes * self.depth
    }

    #[inline(always)]
    pub fn group(&self, group: usize, lanes: usize) -> *const T {
        self.data.as_ptr().wrapping_add(group * self.group_size(lanes))
    }
}

/// Rows times panels, into rows anywhere.
struct Product<'a, T> {
    isa: Isa,
    operand: Operand<T>,
    rows: usize,
    panels: Panels<'a, T>,
    groups: Range<usize>,
    into: Into<'a, T>,
}

/// Where the rows of a product go.
pub struct Into<'a, T> {
    pub target: SharedMut<'a, T>,
    /// The first element of each row.
    pub rows: &'a [usize],
    /// Columns of the target from one group to the next.
    pub group: usize,
    /// Columns that exist.
    pub columns: usize,
    /// What is added to each row; as long as a row.
    pub bias: Option<&'a [T]>,
    /// Vectors in front of each group that hold the bias alone.
    pub lead: usize,
}

impl<T: Scalar> Into<'_, T> {
    fn check(&self, rows: usize, lanes: usize, panels: &Panels<T>) {
        assert!(self.rows.len() >= rows && panels.wide <= TILE_VECTORS);
        assert!(self.rows[..rows].iter().all(|&row| row + self.columns <= self.target.len()));
        assert!(panels.vectors * lanes * panels.depth <= panels.data.len());
        let end = panels.groups() * self.group;
        assert!(self.bias.is_none_or(|bias| bias.len() >= end && end <= self.columns));
        assert!(self.lead == 0 || self.bias.is_some());
    }

    #[inline(always)]
    fn bias_at(&self, column: usize) -> *const T {
        self.bias.map_or(std::ptr::null(), |bias| bias.as_ptr().wrapping_add(column))
    }

    /// Copies the leading biases of a group that starts at `column` to a row.
    #[inline(always)]
    unsafe fn write_lead<S: Simd<T = T>>(&self, to: *mut T, column: usize) {
        unsafe {
            for j in 0..self.lead {
                S::store(to.add(j * S::LANES), S::load(self.bias_at(column + j * S::LANES)));
            }
        }
    }
}

/// `into.rows[i] = bias + operand[i] * panels`, the columns of some groups. No other task may write these.
///
/// `operand` holds `rows` rows inside `source`.
pub fn product<T: Scalar>(
    isa: Isa,
    source: &[T],
    operand: Operand<T>,
    rows: usize,
    panels: Panels<T>,
    groups: Range<usize>,
    into: Into<T>,
) {
    if rows == 0 {
        return;
    }
    into.check(rows, lanes_on::<T>(isa), &panels);
    assert!(groups.end <= panels.groups());
    assert!(operand.depth() == panels.depth);
    let begin = (operand.start as usize - source.as_ptr() as usize) / size_of::<T>();
    let last = (rows - 1) * operand.row + operand.segments.saturating_sub(1) * operand.stride + operand.length;
    assert!(operand.segments == 0 || begin + last <= source.len());
    // SAFETY: the asserts above; the caller keeps other tasks away.
    unsafe { simd::run_on(isa, Product { isa, operand, rows, panels, groups, into }) }
}

impl<T: Scalar> Kernel<T> for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let mut buffer = Buffer::new();
            let into = &self.into;
            for group in self.groups.clone() {
                let vectors = self.panels.vectors_in(group);
                let column = group * into.group;
                let lead = into.lead * S::LANES;
                for first in (0..self.rows).step_by(STRIP_ROWS) {
                    let end = self.rows.min(first + STRIP_ROWS);
                    let strip = Strip {
                        initial: if into.bias.is_some() { into.bias_at(column + lead) } else { std::ptr::null() },
                        initial_row: 0,
                        operand: self.operand.at_row(first),
                        panel: self.panels.group(group, S::LANES),
                        buffer: buffer.start(),
                        rows: end - first,
                        vectors,
                        second: None,
                    };
                    simd::run_on(self.isa, strip);
                    for row in first..end {
                        let to = into.target.as_mut_ptr().add(into.rows[row] + column);
                        into.write_lead::<S>(to, column);
                        let from = buffer.start().add((row - first) * vectors * S::LANES);
                        for j in 0..vectors {
                            let n = into.columns.saturating_sub(column + lead + j * S::LANES);
                            if n > 0 {
                                S::store_up_to(to.add(lead + j * S::LANES), n, S::load(from.add(j * S::LANES)));
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The product with rows that are all zeros but for a one.
struct Lookup<'a, T> {
    ids: &'a [usize],
    panels: Panels<'a, T>,
    groups: Range<usize>,
    into: Into<'a, T>,
}

/// `into.rows[i] = bias + row ids[i] of the panels`, the columns of some groups. No other task may write these.
pub fn lookup<T: Scalar>(isa: Isa, ids: &[usize], panels: Panels<T>, groups: Range<usize>, into: Into<T>) {
    into.check(ids.len(), lanes_on::<T>(isa), &panels);
    assert!(groups.end <= panels.groups());
    assert!(
        ids.iter().all(|&id| id < panels.depth) && panels.vectors.is_multiple_of(panels.wide) && into.bias.is_some()
    );
    // SAFETY: the asserts above; the caller keeps other tasks away.
    unsafe { simd::run_on(isa, Lookup { ids, panels, groups, into }) }
}

impl<T: Scalar> Kernel<T> for Lookup<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let (into, wide) = (&self.into, self.panels.wide);
            for (row, &id) in self.ids.iter().enumerate() {
                for group in self.groups.clone() {
                    let column = group * into.group;
                    let to = into.target.as_mut_ptr().add(into.rows[row] + column);
                    into.write_lead::<S>(to, column);
                    let from = self.panels.group(group, S::LANES).add(id * wide * S::LANES);
                    for j in 0..wide {
                        let place = (into.lead + j) * S::LANES;
                        let bias = S::load(into.bias_at(column + place));
                        S::store(to.add(place), S::add(bias, S::load(from.add(j * S::LANES))));
                    }
                }
            }
        }
    }
}

/// Rows of weights become lanes: vector `j` of row `k` of a panel holds column k of the weights of one gate of some units.
struct PackLanes<'a, T> {
    weight: &'a [T],
    depth: usize,
    frame: &'a Frame,
    slots: &'a Slots,
    block: usize,
    panel: &'a mut [T],
}

/// The panel of a block for the products with `slots`.
pub fn pack_lanes<T: Scalar>(
    isa: Isa,
    weight: &[T],
    depth: usize,
    frame: &Frame,
    slots: &Slots,
    block: usize,
    panel: &mut [T],
) {
    assert!(panel.len() >= depth * frame.tile(slots) * frame.lanes && lanes_on::<T>(isa) == frame.lanes);
    assert!(slots.gates.iter().all(|gate| (gate + 1) * frame.hidden * depth <= weight.len()));
    // SAFETY: the asserts above.
    unsafe { simd::run_on(isa, PackLanes { weight, depth, frame, slots, block, panel }) }
}

impl<T: Scalar> Kernel<T> for PackLanes<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let vectors = self.frame.tile(self.slots);
            let width = vectors * S::LANES;
            for j in 0..vectors {
                let (gate, v) = self.frame.gate_of(self.slots, self.block, j);
                let units = self.frame.units_in(v);
                let row = gate * self.frame.hidden + v * S::LANES;
                let from = self.weight.as_ptr().wrapping_add(row * self.depth);
                let to = self.panel.as_mut_ptr().add(j * S::LANES);
                let whole = if units == S::LANES { self.depth - self.depth % S::LANES } else { 0 };
                for k in (0..whole).step_by(S::LANES) {
                    S::transpose(from.add(k), self.depth, to.add(k * width), width);
                }
                for k in whole..self.depth {
                    for lane in 0..S::LANES {
                        let value = if lane < units { *from.add(lane * self.depth + k) } else { T::ZERO };
                        *to.add(k * width + lane) = value;
                    }
                }
            }
        }
    }
}

/// Rows of weights stay rows: row (vector of units, gate, lane) of a panel holds some columns of that row of the weights.
struct PackRows<'a, T> {
    weight: &'a [T],
    columns: usize,
    frame: &'a Frame,
    slots: &'a Slots,
    first: usize,
    vectors: usize,
    panel: &'a mut [T],
}

/// Columns from vector `first` on, for the products of gradients of `slots`.
pub fn pack_rows<T: Scalar>(
    isa: Isa,
    weight: &[T],
    columns: usize,
    frame: &Frame,
    slots: &Slots,
    first: usize,
    vectors: usize,
    panel: &mut [T],
) {
    assert!(panel.len() >= frame.vectors * slots.gates.len() * frame.lanes * vectors * frame.lanes);
    assert!(lanes_on::<T>(isa) == frame.lanes);
    assert!(slots.gates.iter().all(|gate| (gate + 1) * frame.hidden * columns <= weight.len()));
    // SAFETY: the asserts above.
    unsafe { simd::run_on(isa, PackRows { weight, columns, frame, slots, first, vectors, panel }) }
}

impl<T: Scalar> Kernel<T> for PackRows<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let mut to = self.panel.as_mut_ptr();
            for v in 0..self.frame.vectors {
                let units = self.frame.units_in(v);
                for &gate in self.slots.gates {
                    for lane in 0..S::LANES {
                        let row = gate * self.frame.hidden + v * S::LANES + lane;
                        for j in 0..self.vectors {
                            let column = (self.first + j) * S::LANES;
                            let n = if lane < units { self.columns.saturating_sub(column) } else { 0 };
                            let from = self.weight.as_ptr().wrapping_add(row * self.columns + column);
                            S::store(to, if n > 0 { S::load_up_to(from, n) } else { S::zero() });
                            to = to.add(S::LANES);
                        }
                    }
                }
            }
        }
    }
}
