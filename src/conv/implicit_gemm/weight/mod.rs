//! The gradients with respect to the weight and the bias.
//!
//! `dweight[o][c, t]` is a sum over all places of all images. The places are cut into chunks; for each, the inputs are
//! gathered as in the forward product, and the slopes either transposed, so that output channels lie along the lanes, or
//! (with few output channels) multiplied place by place along the lanes.
//!
//! Chunks are added in order within at most 16 parts, and the parts in order. A large gradient is not split over places but
//! over its rows. Both depend on the shape alone, so the bits do not depend on the number of threads.

mod kernel;

use super::super::run_tasks;
use super::kernel::Source;
use super::plan::Gather;
use crate::geometry::Error;
use crate::geometry::conv::ConvGeometry;
use crate::memory::Block;
use crate::scalar::Scalar;
use crate::simd::lanes;
use crate::threads::{SharedMut, parallel_chunks_mut};
use kernel::{CHUNK, Chunk, Style};

/// Rows (channel, tap) of one task.
const SLICE: usize = 288;
/// Tasks that are enough to keep the threads busy, and the most parts of a sum over places.
const PARTS: usize = 16;

/// How the sum is cut.
struct Cut {
    chunks: usize,
    parts: usize,
    slices: usize,
    slice: usize,
}

impl Cut {
    fn new(g: &ConvGeometry, rows: usize) -> Self {
        let chunks = (g.batch * g.output_plane()).div_ceil(CHUNK);
        let slices = rows.div_ceil(SLICE);
        let slice = rows.div_ceil(slices);
        let parts = PARTS.div_ceil(slices * g.groups).min(chunks).max(1);
        Cut { chunks, parts, slices, slice }
    }
}

/// The gradient with respect to the weight.
///
/// # Errors
/// [`Error::Memory`].
pub fn backward_weight<T: Scalar>(g: &ConvGeometry, dy: &[T], x: &[T], dweight: &mut [T]) -> Result<(), Error> {
    let rows = g.channels * g.taps();
    let cut = Cut::new(g, rows);
    if cut.chunks == 0 {
        dweight.fill(T::ZERO);
        return Ok(());
    }
    let style = Style::of::<T>(g.outputs);
    let part = style.part_len(rows, g.outputs);
    let len = g.groups * cut.parts * part;
    let mut block = Block::new(len * size_of::<T>()).map_err(|error| Error::Memory(error.to_string()))?;
    let sums = block.as_mut_slice::<T>(len);
    let operands = Operands { g, dy, x, gather_x: &Gather::of_x(g), gather_dy: &Gather::of_dy(g) };
    let shared = SharedMut::new(sums);
    run_tasks(g.work(), g.groups * cut.parts * cut.slices, &|task| {
        let (group, rest) = (task / (cut.parts * cut.slices), task % (cut.parts * cut.slices));
        let (number, slice) = (rest / cut.slices, rest % cut.slices);
        let bounds = |i: usize| i * cut.chunks / cut.parts;
        let rows = slice * cut.slice..rows.min((slice + 1) * cut.slice);
        let to = kernel::Part { data: shared, start: (group * cut.parts + number) * part, style };
        for chunk in bounds(number)..bounds(number + 1) {
            operands.add_chunk(group, chunk, &rows, chunk == bounds(number), &to);
        }
    });
    collect(g, &cut, style, sums, dweight);
    Ok(())
}

struct Operands<'a, T> {
    g: &'a ConvGeometry,
    dy: &'a [T],
    x: &'a [T],
    gather_x: &'a Gather,
    gather_dy: &'a Gather,
}

impl<T: Scalar> Operands<'_, T> {
    fn add_chunk(&self, group: usize, chunk: usize, rows: &std::ops::Range<usize>, first: bool, to: &kernel::Part<T>) {
        let g = self.g;
        let count = CHUNK.min(g.batch * g.output_plane() - chunk * CHUNK);
        let (plane, out_plane) = (g.input_plane(), g.output_plane());
        let x = Source { data: self.x, start: group * g.channels * plane, channel: plane, step: self.gather_x.step[2] };
        let dy = Source { data: self.dy, start: group * g.outputs * out_plane, channel: out_plane, step: 1 };
        kernel::add_chunk(&Chunk {
            x,
            x_plan: &self.gather_x.plan(chunk * CHUNK, count),
            dy,
            dy_plan: &self.gather_dy.plan(chunk * CHUNK, count),
            count,
            rows: (rows.start, rows.end),
            all_rows: g.channels * g.taps(),
            outputs: g.outputs,
            first,
            to,
        });
    }
}

/// Adds the parts up in their order.
fn collect<T: Scalar>(g: &ConvGeometry, cut: &Cut, style: Style, sums: &[T], dweight: &mut [T]) {
    let rows = g.channels * g.taps();
    let part = style.part_len(rows, g.outputs);
    let task_outputs = lanes::<T>().min(g.outputs);
    let per_group = g.outputs.div_ceil(task_outputs);
    let shared = SharedMut::new(dweight);
    run_tasks(sums.len(), g.groups * per_group, &|task| {
        let (group, first) = (task / per_group, task % per_group * task_outputs);
        kernel::collect(&kernel::Collect {
            sums: &sums[group * cut.parts * part..(group + 1) * cut.parts * part],
            parts: cut.parts,
            style,
            rows,
            outputs: g.outputs,
            first,
            count: task_outputs.min(g.outputs - first),
            to: shared,
            start: group * g.outputs * rows,
        });
    });
}

/// Sums over the places of each channel, of all images.
pub fn channel_sums<T: Scalar>(batch: usize, plane: usize, values: &[T], sums: &mut [T]) {
    let channels = sums.len();
    let body = |c: usize, to: &mut [T]| {
        let mut total = T::ZERO;
        for n in 0..batch {
            total += kernel::sum(&values[(n * channels + c) * plane..][..plane]);
        }
        to[0] = total;
    };
    if values.len() < super::super::SMALL {
        sums.chunks_mut(1).enumerate().for_each(|(c, to)| body(c, to));
    } else {
        parallel_chunks_mut(sums, 1, &body);
    }
}
