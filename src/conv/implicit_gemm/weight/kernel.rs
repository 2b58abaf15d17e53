//! The product of the weight gradient, chunk by chunk, and the sum of its parts.

#![allow(unsafe_code)]

use super::super::kernel::{SLACK, Source, gather, tile_rows};
use super::super::plan::Plan;
use crate::gemm::kernel::{accumulate, panel_vectors};
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd, lanes};
use crate::threads::SharedMut;

/// Places that are multiplied at a time.
pub const CHUNK: usize = 256;
/// Elements from one gathered row to the next: an odd number of cache lines, so that the rows of a tile do not collide.
const LD: usize = CHUNK + 16;
/// Rows that are gathered at a time.
const ROWS: usize = 48;
/// Bytes of a cache line.
const LINE: usize = 64;
/// The widest vector, in elements.
const MAX_LANES: usize = 16;

/// What lies along the lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Output channels; a part is (row, output), outputs padded to whole vectors.
    Outputs { lanes: usize },
    /// Places; a part is (output, row).
    Places,
}

impl Style {
    pub fn of<T: Scalar>(outputs: usize) -> Self {
        let lanes = lanes::<T>();
        if 2 * outputs <= lanes { Style::Places } else { Style::Outputs { lanes } }
    }

    /// Elements of a part.
    pub fn part_len(self, rows: usize, outputs: usize) -> usize {
        rows * self.padded(outputs)
    }

    fn padded(self, outputs: usize) -> usize {
        match self {
            Style::Outputs { lanes } => outputs.next_multiple_of(lanes),
            Style::Places => outputs,
        }
    }
}

/// Where sums over a range of places go.
pub struct Part<'a, T> {
    pub data: SharedMut<'a, T>,
    pub start: usize,
    pub style: Style,
}

/// One chunk of places, for a slice of the rows.
pub struct Chunk<'a, T> {
    pub x: Source<'a, T>,
    pub x_plan: &'a Plan,
    pub dy: Source<'a, T>,
    pub dy_plan: &'a Plan,
    pub count: usize,
    pub rows: (usize, usize),
    pub all_rows: usize,
    pub outputs: usize,
    /// Whether the part is written rather than added to.
    pub first: bool,
    pub to: &'a Part<'a, T>,
}

/// Adds one chunk to a part.
///
/// # Panics
/// If a source or the part is too short.
pub fn add_chunk<T: Scalar>(chunk: &Chunk<T>) {
    assert!(chunk.count > 0 && chunk.count <= CHUNK && chunk.rows.0 <= chunk.rows.1 && chunk.rows.1 <= chunk.all_rows);
    assert!(chunk.all_rows.is_multiple_of(chunk.x_plan.taps.len()) && chunk.dy_plan.taps.len() == 1);
    chunk.x.check(chunk.x_plan, chunk.all_rows / chunk.x_plan.taps.len());
    chunk.dy.check(chunk.dy_plan, chunk.outputs);
    let style = chunk.to.style;
    assert!(chunk.to.start + style.part_len(chunk.all_rows, chunk.outputs) <= chunk.to.data.len());
    if let Style::Outputs { lanes: found } = style {
        assert_eq!(found, lanes::<T>());
    }
    let slopes = chunk.outputs.next_multiple_of(MAX_LANES);
    with_scratch(ROWS * LD + SLACK, |x: &mut [T]| {
        with_scratch(slopes * LD + SLACK, |dy: &mut [T]| {
            with_scratch(chunk.outputs.next_multiple_of(4 * MAX_LANES) * CHUNK, |turned: &mut [T]| {
                // SAFETY: the instruction set is the process's own; all indices were checked above; the scratch has room
                // for whole vectors at the end of each row. Tasks write disjoint rows or parts.
                unsafe {
                    simd::run(AddChunk { chunk, x: x.as_mut_ptr(), dy: dy.as_mut_ptr(), turned: turned.as_mut_ptr() });
                }
            });
        });
    });
}

struct AddChunk<'a, T> {
    chunk: &'a Chunk<'a, T>,
    x: *mut T,
    dy: *mut T,
    turned: *mut T,
}

impl<T: Scalar> Kernel<T> for AddChunk<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let chunk = self.chunk;
            let width = chunk.count.next_multiple_of(S::LANES);
            gather::<S>(&chunk.dy, chunk.dy_plan, (0, chunk.outputs), width, self.dy, LD);
            if chunk.to.style != Style::Places {
                self.turn::<S>(width);
            }
            let mut row = chunk.rows.0;
            while row < chunk.rows.1 {
                let end = chunk.rows.1.min(row + ROWS);
                let x = match self.in_place(row) {
                    Some(x) => x,
                    None => {
                        gather::<S>(&chunk.x, chunk.x_plan, (row, end), width, self.x, LD);
                        Inputs { start: self.x, next: LD, ahead: false }
                    }
                };
                match chunk.to.style {
                    Style::Outputs { .. } => self.along_outputs::<S>(&x, row, end),
                    Style::Places => self.along_places::<S>(row, end, width),
                }
                row = end;
            }
        }
    }
}

/// Rows of inputs from one on.
struct Inputs<T> {
    start: *const T,
    next: usize,
    /// Whether the next rows are asked for.
    ahead: bool,
}

impl<T: Scalar> AddChunk<'_, T> {
    /// The rows from one on where they are, if each lies in one piece and is read once.
    #[inline(always)]
    fn in_place(&self, row: usize) -> Option<Inputs<T>> {
        let Source { data, start, channel, step } = self.chunk.x;
        match (&*self.chunk.x_plan.pieces, &*self.chunk.x_plan.taps, self.chunk.to.style) {
            (&[piece], [_], Style::Outputs { .. }) if step == 1 && piece.len == self.chunk.count => {
                let start = data.as_ptr().wrapping_add(start + row * channel + piece.from);
                Some(Inputs { start, next: channel, ahead: true })
            }
            _ => None,
        }
    }

    /// Transposes the slopes into panels: (place, lane) for each register tile's width of output channels.
    #[inline(always)]
    unsafe fn turn<S: Simd<T = T>>(&self, width: usize) {
        unsafe {
            let padded = self.chunk.outputs.next_multiple_of(S::LANES);
            for o in self.chunk.outputs..padded {
                for i in (0..width).step_by(S::LANES) {
                    S::store(self.dy.add(o * LD + i), S::zero());
                }
            }
            for o in (0..padded).step_by(S::LANES) {
                let to = self.turned.add(panel_start::<S>(o));
                for i in (0..width).step_by(S::LANES) {
                    let panel = panel_vectors::<S>() * S::LANES;
                    S::transpose(self.dy.add(o * LD + i), LD, to.add(i * panel), panel);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn along_outputs<S: Simd<T = T>>(&self, x: &Inputs<T>, row: usize, end: usize) {
        unsafe {
            let padded = self.chunk.outputs.next_multiple_of(S::LANES);
            let mut o = 0;
            while o < padded {
                let left = padded - o;
                if panel_vectors::<S>() == 4 && left > 2 * S::LANES {
                    // Three vectors are computed as four: the last one is outside the panel's channels and dropped.
                    self.panel::<S, 4>(x, row, end, o);
                    o += 4 * S::LANES;
                } else if left > S::LANES {
                    self.panel::<S, 2>(x, row, end, o);
                    o += 2 * S::LANES;
                } else {
                    self.panel::<S, 1>(x, row, end, o);
                    o += S::LANES;
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn panel<S: Simd<T = T>, const NV: usize>(&self, x: &Inputs<T>, first: usize, end: usize, o: usize) {
        unsafe {
            let mut row = first;
            while row < end {
                let height = tile_rows(row, end);
                let from = x.start.add((row - first) * x.next);
                if x.ahead && o == 0 {
                    for next in height..2 * height {
                        for i in (0..self.chunk.count).step_by(LINE / size_of::<T>()) {
                            S::prefetch(from.wrapping_add(next * x.next + i));
                        }
                    }
                }
                match height {
                    1 => self.tile::<S, 1, NV>((from, x.next), row, o),
                    2 => self.tile::<S, 2, NV>((from, x.next), row, o),
                    3 => self.tile::<S, 3, NV>((from, x.next), row, o),
                    4 => self.tile::<S, 4, NV>((from, x.next), row, o),
                    5 => self.tile::<S, 5, NV>((from, x.next), row, o),
                    _ => self.tile::<S, 6, NV>((from, x.next), row, o),
                }
                row += height;
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd<T = T>, const MR: usize, const NV: usize>(
        &self,
        (x, next): (*const T, usize),
        row: usize,
        o: usize,
    ) {
        unsafe {
            let chunk = self.chunk;
            let padded = chunk.outputs.next_multiple_of(S::LANES);
            let panel = panel_vectors::<S>() * S::LANES;
            let b = self.turned.add(panel_start::<S>(o));
            let mut acc = [[S::zero(); NV]; MR];
            accumulate::<S, MR, NV>(&mut acc, chunk.count, x, next, 1, b, panel);
            for i in 0..MR {
                let to = chunk.to.data.as_mut_ptr().add(chunk.to.start + (row + i) * padded + o);
                for j in 0..NV.min((padded - o) / S::LANES) {
                    let to = to.add(j * S::LANES);
                    let sum = if chunk.first { acc[i][j] } else { S::add(S::load(to), acc[i][j]) };
                    S::store(to, sum);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn along_places<S: Simd<T = T>>(&self, row: usize, end: usize, width: usize) {
        unsafe {
            let mut o = 0;
            while o < self.chunk.outputs {
                let outputs = (self.chunk.outputs - o).min(4);
                for r in row..end {
                    let x = self.x.add((r - row) * LD);
                    match outputs {
                        1 => self.dots::<S, 1>(x, r, o, width),
                        2 => self.dots::<S, 2>(x, r, o, width),
                        3 => self.dots::<S, 3>(x, r, o, width),
                        _ => self.dots::<S, 4>(x, r, o, width),
                    }
                }
                o += outputs;
            }
        }
    }

    /// The products of one row with `NO` output channels. Two sums for each, so that additions overlap.
    #[inline(always)]
    unsafe fn dots<S: Simd<T = T>, const NO: usize>(&self, x: *const T, row: usize, o: usize, width: usize) {
        unsafe {
            let mut acc = [[S::zero(); NO]; 2];
            let mut i = 0;
            while i < width {
                for half in &mut acc {
                    if i < width {
                        let v = S::load(x.add(i));
                        for (j, sum) in half.iter_mut().enumerate() {
                            *sum = S::fma(v, S::load(self.dy.add((o + j) * LD + i)), *sum);
                        }
                        i += S::LANES;
                    }
                }
            }
            for j in 0..NO {
                let to = self.chunk.to.data.as_mut_ptr().add(self.chunk.to.start + (o + j) * self.chunk.all_rows + row);
                let sum = S::sum(S::add(acc[0][j], acc[1][j]));
                *to = if self.chunk.first { sum } else { *to + sum };
            }
        }
    }
}

/// Where the panel of an output channel (a multiple of the vector length) starts.
#[inline(always)]
fn panel_start<S: Simd>(o: usize) -> usize {
    let panel = panel_vectors::<S>() * S::LANES;
    o / panel * panel * CHUNK + o % panel
}

/// The sum of the parts of one group, for `count` output channels from `first` on.
pub struct Collect<'a, T> {
    pub sums: &'a [T],
    pub parts: usize,
    pub style: Style,
    pub rows: usize,
    pub outputs: usize,
    pub first: usize,
    pub count: usize,
    pub to: SharedMut<'a, T>,
    /// Index of the group's first element: rows of output channels follow.
    pub start: usize,
}

/// Adds the parts in order.
///
/// # Panics
/// If the parts or the gradient are too short.
pub fn collect<T: Scalar>(collect: &Collect<T>) {
    let c = collect;
    assert_eq!(c.sums.len(), c.parts * c.style.part_len(c.rows, c.outputs));
    assert!(c.count <= lanes::<T>() && c.first + c.count <= c.outputs);
    assert!(c.start + c.outputs * c.rows <= c.to.len());
    // SAFETY: the instruction set is the process's own, and the lengths were checked; tasks write disjoint channels.
    unsafe { simd::run(AddParts(c)) }
}

struct AddParts<'a, T>(&'a Collect<'a, T>);

impl<T: Scalar> Kernel<T> for AddParts<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let c = self.0;
            let (part, padded) = (c.style.part_len(c.rows, c.outputs), c.style.padded(c.outputs));
            let to = c.to.as_mut_ptr().add(c.start + c.first * c.rows);
            if c.style == Style::Places {
                for i in 0..c.count * c.rows {
                    let from = c.sums.as_ptr().add(c.first * c.rows + i);
                    let mut total = *from;
                    for p in 1..c.parts {
                        total += *from.add(p * part);
                    }
                    *to.add(i) = total;
                }
                return;
            }
            let mut tile = [T::ZERO; MAX_LANES * MAX_LANES];
            let mut turned = [T::ZERO; MAX_LANES * MAX_LANES];
            for row in (0..c.rows).step_by(S::LANES) {
                let height = S::LANES.min(c.rows - row);
                for i in 0..height {
                    let from = c.sums.as_ptr().add((row + i) * padded + c.first);
                    let mut total = S::load(from);
                    for p in 1..c.parts {
                        total = S::add(total, S::load(from.add(p * part)));
                    }
                    S::store(tile.as_mut_ptr().add(i * S::LANES), total);
                }
                S::transpose(tile.as_ptr(), S::LANES, turned.as_mut_ptr(), S::LANES);
                for j in 0..c.count {
                    let v = S::load(turned.as_ptr().add(j * S::LANES));
                    S::store_up_to(to.add(j * c.rows + row), height, v);
                }
            }
        }
    }
}

/// The sum of a slice, in an order that depends on its length alone.
pub fn sum<T: Scalar>(data: &[T]) -> T {
    // SAFETY: the instruction set is the process's own; reads the slice alone.
    unsafe { simd::run(Sum(data)) }
}

struct Sum<'a, T>(&'a [T]);

impl<T: Scalar> Kernel<T> for Sum<'_, T> {
    type Output = T;

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) -> T {
        unsafe {
            let (data, len) = (self.0.as_ptr(), self.0.len());
            let mut acc = [S::zero(); 4];
            let mut i = 0;
            while i + 4 * S::LANES <= len {
                for (j, acc) in acc.iter_mut().enumerate() {
                    *acc = S::add(*acc, S::load(data.add(i + j * S::LANES)));
                }
                i += 4 * S::LANES;
            }
            while i < len {
                acc[0] = S::add(acc[0], S::load_up_to(data.add(i), len - i));
                i += S::LANES;
            }
            S::sum(S::add(S::add(acc[0], acc[1]), S::add(acc[2], acc[3])))
        }
    }
}
