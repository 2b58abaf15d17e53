//! Convolution as a matrix product whose right operand is gathered panel by panel, never stored as a whole.
//!
//! Forward, every output channel of a block of places is a sum over (channel, tap) of a weight times a shifted input. The
//! gradient with respect to x is the same product over dy, one for each phase of the input coordinate modulo the stride:
//! only the taps of that phase reach it. [`weight`] has the third product.
//!
//! An element is always the sum over blocks of 256 products in ascending order, whatever the tasks are, so its bits do not
//! depend on the number of threads.

mod kernel;
mod plan;
pub mod scatter;
mod weight;

use std::ops::Range;

use super::run_tasks;
use crate::geometry::Error;
use crate::geometry::conv::ConvGeometry;
use crate::memory::Block;
use crate::scalar::Scalar;
use crate::threads::{SharedMut, num_threads, parallel_chunks_mut};
use kernel::{Destination, Rows, Source, block, block_places};
use plan::{Gather, Phase, Spread, phases};

pub use weight::{backward_weight, channel_sums};

/// Least rows of a task, so that the gathering of its panel pays.
const LEAST_ROWS: usize = 24;

/// Tasks for each thread at least, before one has more than a block; and the most blocks of one.
const TASKS: usize = 12;
const STRETCH: usize = 8;

/// `out[n][m][q] = bias[m] + sum over (c, t) of a[m][c, t] * input[n][c][q * step + offset of t]`, group by group.
struct Product<'a, T> {
    batch: usize,
    groups: usize,
    /// Rows of A, and channels of the output, of one group.
    rows: usize,
    /// Channels of the input of one group.
    channels: usize,
    /// (groups, rows, channels, taps).
    a: &'a [T],
    input: &'a [T],
    gather: Gather,
    bias: Option<&'a [T]>,
    spread: Spread,
}

/// y = x * weight + bias.
pub fn forward<T: Scalar>(g: &ConvGeometry, x: &[T], weight: &[T], bias: Option<&[T]>, y: &mut [T]) {
    let product = Product {
        batch: g.batch,
        groups: g.groups,
        rows: g.outputs,
        channels: g.channels,
        a: weight,
        input: x,
        gather: Gather::of_x(g),
        bias,
        spread: Spread::dense(g.output(), g.groups * g.outputs * g.output_plane()),
    };
    run(&product, SharedMut::new(y));
}

/// The gradient with respect to x.
///
/// # Errors
/// [`Error::Memory`].
pub fn backward_x<T: Scalar>(g: &ConvGeometry, dy: &[T], weight: &[T], dx: &mut [T]) -> Result<(), Error> {
    if scatter::pays(g) {
        scatter::backward_x(g, dy, weight, dx);
        return Ok(());
    }
    backward_phases(g, dy, weight, dx)
}

/// The gradient with respect to x as a product over dy for every phase.
///
/// # Errors
/// [`Error::Memory`].
pub fn backward_phases<T: Scalar>(g: &ConvGeometry, dy: &[T], weight: &[T], dx: &mut [T]) -> Result<(), Error> {
    let axes: [(Vec<Phase>, bool); 3] = std::array::from_fn(|axis| phases(g, axis));
    if axes.iter().any(|(_, complete)| !complete) {
        parallel_chunks_mut(dx, 1 << 18, &|_, chunk| chunk.fill(T::ZERO));
    }
    let dx = SharedMut::new(dx);
    for d in &axes[0].0 {
        for h in &axes[1].0 {
            for w in &axes[2].0 {
                backward_phase(g, dy, weight, [d, h, w], dx)?;
            }
        }
    }
    Ok(())
}

fn backward_phase<T: Scalar>(
    g: &ConvGeometry,
    dy: &[T],
    weight: &[T],
    phase: [&Phase; 3],
    dx: SharedMut<T>,
) -> Result<(), Error> {
    let taps: Vec<usize> = phase_taps(g, phase);
    let gather = Gather {
        input: g.output(),
        grid: phase.map(|p| p.count),
        step: [1; 3],
        offsets: phase.map(|p| p.taps.iter().map(|&(_, offset)| offset).collect()),
        image: g.groups * g.outputs * g.output_plane(),
    };
    let spread = Spread {
        output: g.input(),
        first: phase.map(|p| p.first),
        step: g.windows.map(|w| w.stride.min(w.input)),
        image: g.groups * g.channels * g.input_plane(),
    };
    let len = g.groups * g.channels * g.outputs * taps.len();
    let mut block = Block::new(len * size_of::<T>()).map_err(|error| Error::Memory(error.to_string()))?;
    let a = block.as_mut_slice::<T>(len);
    turn(g, weight, &taps, a);
    let product = Product {
        batch: g.batch,
        groups: g.groups,
        rows: g.channels,
        channels: g.outputs,
        a,
        input: dy,
        gather: if spread.is_dense() { gather.merged() } else { gather },
        bias: None,
        spread,
    };
    run(&product, dx);
    Ok(())
}

/// The flat numbers of a phase's taps.
fn phase_taps(g: &ConvGeometry, [d, h, w]: [&Phase; 3]) -> Vec<usize> {
    let [_, height, width] = g.kernel();
    let mut taps = Vec::with_capacity(d.taps.len() * h.taps.len() * w.taps.len());
    for (z, _) in &d.taps {
        for (y, _) in &h.taps {
            taps.extend(w.taps.iter().map(|(x, _)| (z * height + y) * width + x));
        }
    }
    taps
}

/// From (group, output, channel, tap) to (group, channel, output, tap), for the given taps.
fn turn<T: Scalar>(g: &ConvGeometry, weight: &[T], taps: &[usize], to: &mut [T]) {
    // A few rows at a time, so that what is read at once lies close together.
    const CHANNELS: usize = 8;
    let (row, all) = (g.outputs * taps.len(), g.taps());
    parallel_chunks_mut(to, CHANNELS * row, &|chunk, to| {
        for o in 0..g.outputs {
            for (i, to) in to.chunks_exact_mut(row).enumerate() {
                let (group, c) = ((chunk * CHANNELS + i) / g.channels, (chunk * CHANNELS + i) % g.channels);
                let from = &weight[((group * g.outputs + o) * g.channels + c) * all..][..all];
                for (to, &tap) in to[o * taps.len()..].iter_mut().zip(taps) {
                    *to = from[tap];
                }
            }
        }
    });
}

fn run<T: Scalar>(p: &Product<T>, out: SharedMut<T>) {
    let places = p.gather.places();
    let lead = lead(p);
    let blocks = (p.batch * places - lead).div_ceil(block_places::<T>()) + usize::from(lead > 0);
    let wanted = (4 * num_threads()).div_ceil((blocks * p.groups).max(1));
    let parts = wanted.min(p.rows.div_ceil(LEAST_ROWS)).max(1);
    let part_rows = p.rows.div_ceil(parts).next_multiple_of(crate::gemm::kernel::TILE_ROWS);
    let parts = p.rows.div_ceil(part_rows);
    let work = (p.batch * places).saturating_mul(p.a.len());
    // Adjacent blocks read adjacent lines, and ask for the next block's.
    let stretch = (blocks / (TASKS * num_threads())).clamp(1, STRETCH);
    run_tasks(work, blocks.div_ceil(stretch) * p.groups * parts, &|task| {
        let (first, group, part) = (task / parts / p.groups * stretch, task / parts % p.groups, task % parts);
        let rows = part * part_rows..p.rows.min((part + 1) * part_rows);
        for block in first..blocks.min(first + stretch) {
            let end = block_places::<T>() * (block + usize::from(lead == 0)) + lead;
            let places = end.saturating_sub(block_places::<T>())..end.min(p.batch * places);
            run_block(p, places, group, rows.clone(), out);
        }
    });
}

/// Places before the first whole cache line of the input, if all its rows and blocks lie alike: blocks that begin behind them
/// are read where they are without reading lines twice.
fn lead<T: Scalar>(p: &Product<T>) -> usize {
    const LINE: usize = 64;
    let places = p.gather.places();
    let alike = p.gather.is_identity() && (places * size_of::<T>()).is_multiple_of(LINE);
    let offset = p.input.as_ptr().align_offset(LINE);
    if alike && offset < p.batch * places { offset } else { 0 }
}

fn run_block<T: Scalar>(p: &Product<T>, places: Range<usize>, group: usize, rows: Range<usize>, out: SharedMut<T>) {
    let plane: usize = p.gather.input.iter().product();
    let out_plane: usize = p.spread.output.iter().product();
    let (first, count) = (places.start, places.len());
    let plan = p.gather.plan(first, count);
    let k = p.channels * plan.taps.len();
    let source = Source { data: p.input, start: group * p.channels * plane, channel: plane, step: p.gather.step[2] };
    let from = group * p.rows + rows.start;
    let pieces = p.spread.pieces(&p.gather.grid, first, count);
    let left = Rows {
        data: &p.a[from * k..(from + rows.len()) * k],
        rows: rows.len(),
        k,
        bias: p.bias.map(|bias| &bias[from..from + rows.len()]),
    };
    let to =
        Destination { data: out, start: from * out_plane, row: out_plane, pieces: &pieces, step: p.spread.step[2] };
    block(&source, &plan, count, &left, &to);
}
