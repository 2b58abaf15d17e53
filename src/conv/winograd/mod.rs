//! Convolution by Winograd's transforms: fewer products than the definition has.
//!
//! An output tile of `m` places under `r` taps needs `m + r - 1` products along an axis instead of `m * r`: inputs and weights
//! are transformed to the values of polynomials at so many points, multiplied there, summed over the channels as matrix
//! products, and transformed back (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016). Channels lie
//! along the lanes, so no lane is wasted whatever the width is, and forward, data gradient and weight gradient have the same
//! parts. A task does all steps for a block of tiles while they are in its processor's cache.
//!
//! Strides and dilations are no cases of their own here: see [`plan`].

mod kernel;
mod lanes;
mod multiply;
pub mod plan;
mod transform;
mod weights;

use crate::geometry::Error;
use crate::geometry::conv::ConvGeometry;
use crate::memory::{Block, with_scratch};
use crate::scalar::Scalar;
use crate::threads::{SharedMut, num_threads, parallel_for};
use kernel::{Tiles, tiles_of};
use plan::{Phases, Plan};
use weights::kernel::{Sums, Weights, apart, blocks, columns, transform, transform_sums};

pub use weights::kernel::lanes;

/// Tiles of a block: enough to reuse the transformed weights, few enough to stay in the cache.
const TILES: usize = 56;
/// Bytes that a block's transformed tiles may take.
const BLOCK_BYTES: usize = 8 << 20;
/// The most parts of a sum over tiles, and the bytes that they may take.
const PARTS: usize = 8;
const SUMS_BYTES: usize = 32 << 20;

/// y = x * weight + bias, for a plan of [`Plan::forward`].
///
/// # Errors
/// [`Error::Memory`].
pub fn forward<T: Scalar>(
    g: &ConvGeometry,
    plan: &Plan,
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    y: &mut [T],
) -> Result<(), Error> {
    with_phases(g, plan, weight, |weight| product(plan, g.groups, x, weight, false, bias, y))
}

/// The gradient with respect to x, for a plan of [`Plan::backward_x`].
///
/// # Errors
/// [`Error::Memory`].
pub fn backward_x<T: Scalar>(
    g: &ConvGeometry,
    plan: &Plan,
    dy: &[T],
    weight: &[T],
    dx: &mut [T],
) -> Result<(), Error> {
    with_phases(g, plan, weight, |weight| product(plan, g.groups, dy, weight, true, None, dx))
}

fn memory<T>(len: usize) -> Result<Block, Error> {
    Block::new(len.saturating_mul(size_of::<T>())).map_err(|error| Error::Memory(error.to_string()))
}

/// Units of a block of about [`TILES`] tiles.
fn units_of_a_block<T>(plan: &Plan, columns: usize) -> usize {
    let tile = plan.positions() * columns * size_of::<T>();
    let tiles = TILES.min(BLOCK_BYTES / tile).max(1);
    (tiles / plan.segment).max(1)
}

fn product<T: Scalar>(
    plan: &Plan,
    groups: usize,
    input: &[T],
    weight: &[T],
    flipped: bool,
    bias: Option<&[T]>,
    output: &mut [T],
) -> Result<(), Error> {
    let mut plan = *plan;
    plan.cut_rows(TILES);
    let (depth, wide) = (columns::<T>(plan.channels), columns::<T>(plan.outputs));
    let u_next = apart(plan.channels * wide);
    let u_len = plan.positions() * u_next;
    let mut block = memory::<T>(groups * u_len)?;
    let u = block.as_mut_slice::<T>(groups * u_len);
    transform_weights(&plan, groups, weight, flipped, u_next, u);

    // Blocks of equal size for all threads.
    let (units, threads) = (plan.units(), num_threads());
    let count = units.div_ceil(units_of_a_block::<T>(&plan, depth + wide));
    let count = if groups == 1 { count.next_multiple_of(threads) } else { count };
    let per_block = units.div_ceil(count);
    let count = units.div_ceil(per_block);
    let most = plan.most_tiles(per_block);
    let (v_next, m_next) = (apart(most * depth), apart(most * wide));
    let y = SharedMut::new(output);
    parallel_for(groups * count, &|task| {
        let (group, block) = (task / count, task % count);
        let units = block * per_block..((block + 1) * per_block).min(units);
        with_scratch(plan.positions() * (v_next + m_next), |scratch: &mut [T]| {
            let (v, m) = scratch.split_at_mut(plan.positions() * v_next);
            let v = Tiles { data: SharedMut::new(v), start: 0, next: v_next, depth: None, columns: depth };
            let m = Tiles { data: SharedMut::new(m), start: 0, next: m_next, depth: None, columns: wide };
            kernel::inputs(&plan, &input[group * plan.input.channels * plan.input.plane()..], units.clone(), &v);
            let u = &u[group * u_len..(group + 1) * u_len];
            kernel::multiply(&plan, tiles_of(&plan, &units), &v, u, u_next, &m);
            let bias = bias.map(|bias| &bias[group * plan.outputs..(group + 1) * plan.outputs]);
            kernel::outputs(&plan, &m, units, bias, y, group * plan.output.channels * plan.output.plane());
        });
    });
    Ok(())
}

/// The transformed weights of all groups.
fn transform_weights<T: Scalar>(
    plan: &Plan,
    groups: usize,
    weight: &[T],
    flipped: bool,
    u_next: usize,
    u: &mut [T],
) {
    let (rows, columns) = if flipped { (plan.channels, plan.outputs) } else { (plan.outputs, plan.channels) };
    let (len, u_len) = (weight.len() / groups, u.len() / groups);
    let weights = |group: usize| Weights { data: &weight[group * len..(group + 1) * len], rows, columns, flipped };
    let count = blocks(&weights(0));
    let u = SharedMut::new(u);
    parallel_for(groups * count, &|task| {
        let group = task / count;
        transform(&weights(group), &plan.axes, task % count, u_next, u, group * u_len);
    });
}

/// The gradient with respect to the weight, for a plan of [`Plan::forward`].
///
/// # Errors
/// [`Error::Memory`].
pub fn backward_weight<T: Scalar>(
    g: &ConvGeometry,
    plan: &Plan,
    dy: &[T],
    x: &[T],
    dweight: &mut [T],
) -> Result<(), Error> {
    let mut plan = *plan;
    plan.cut_rows(TILES);
    if !has_phases(&plan) {
        return weight_gradient(&plan, g.groups, dy, x, dweight);
    }
    let len = g.groups * plan.outputs * plan.channels * plan.axes[0].taps * plan.axes[1].taps;
    let mut block = memory::<T>(len)?;
    let virtual_gradient = block.as_mut_slice::<T>(len);
    weight_gradient(&plan, g.groups, dy, x, virtual_gradient)?;
    for (from, to) in phase_taps(g, &plan) {
        dweight[to] = virtual_gradient[from];
    }
    Ok(())
}

fn weight_gradient<T: Scalar>(
    plan: &Plan,
    groups: usize,
    dy: &[T],
    x: &[T],
    dweight: &mut [T],
) -> Result<(), Error> {
    let (depth, wide) = (columns::<T>(plan.channels), columns::<T>(plan.outputs));
    let next = apart(plan.channels * wide);
    let part = plan.positions() * next;
    // Blocks and parts depend on the shape alone, and so do the sums.
    let per_block = units_of_a_block::<T>(plan, depth + wide);
    let count = plan.units().div_ceil(per_block);
    let parts = PARTS.min(SUMS_BYTES / (groups * part * size_of::<T>()).max(1)).clamp(1, count);
    let len = groups * parts * part;
    let mut block = memory::<T>(len)?;
    let sums = block.as_mut_slice::<T>(len);
    let most = plan.most_tiles(per_block);
    let (v_next, slopes_next) = (apart(most * depth), apart(most * wide));
    crate::threads::parallel_chunks_mut(sums, part, &|task, sums| {
        let (group, number) = (task / parts, task % parts);
        let x = &x[group * plan.input.channels * plan.input.plane()..];
        let dy = &dy[group * plan.output.channels * plan.output.plane()..];
        with_scratch(plan.positions() * (v_next + slopes_next), |scratch: &mut [T]| {
            let (v, slopes) = scratch.split_at_mut(plan.positions() * v_next);
            let v = Tiles { data: SharedMut::new(v), start: 0, next: v_next, depth: None, columns: depth };
            let slopes =
                Tiles { data: SharedMut::new(slopes), start: 0, next: slopes_next, depth: Some(most), columns: wide };
            let blocks = number * count / parts..(number + 1) * count / parts;
            for block in blocks.clone() {
                let units = block * per_block..((block + 1) * per_block).min(plan.units());
                kernel::inputs(plan, x, units.clone(), &v);
                kernel::slopes(plan, dy, units.clone(), &slopes);
                let accumulate = block > blocks.start;
                kernel::multiply_slopes(plan, tiles_of(plan, &units), &v, &slopes, sums, next, accumulate);
            }
        });
    });
    let size = plan.outputs * plan.channels * plan.axes[0].taps * plan.axes[1].taps;
    let sums = |group: usize| Sums {
        data: &sums[group * parts * part..(group + 1) * parts * part],
        channels: plan.channels,
        outputs: plan.outputs,
        columns: wide,
        next,
        part,
        parts,
    };
    let blocks = sums(0).blocks();
    let dweight = SharedMut::new(dweight);
    parallel_for(groups * blocks, &|task| {
        let group = task / blocks;
        transform_sums(&sums(group), &plan.axes, task % blocks, dweight, group * size);
    });
    Ok(())
}

/// Whether the virtual kernel is not the kernel itself.
fn has_phases(plan: &Plan) -> bool {
    [&plan.input, &plan.output].iter().any(|view| view.split == Phases::Channels && !view.is_dense())
}

/// Calls `body` with the virtual weights: those of a kernel with steps, sorted by phase.
fn with_phases<T: Scalar>(
    g: &ConvGeometry,
    plan: &Plan,
    weight: &[T],
    body: impl FnOnce(&[T]) -> Result<(), Error>,
) -> Result<(), Error> {
    if !has_phases(plan) {
        return body(weight);
    }
    let len = g.groups * plan.outputs * plan.channels * plan.axes[0].taps * plan.axes[1].taps;
    let mut block = memory::<T>(len)?;
    let virtual_weight = block.as_mut_slice::<T>(len);
    virtual_weight.fill(T::ZERO);
    for (to, from) in phase_taps(g, plan) {
        virtual_weight[to] = weight[from];
    }
    body(virtual_weight)
}

/// The indices of every tap in the virtual weights (groups, outputs, phases, channels, taps) and in the weights.
fn phase_taps(g: &ConvGeometry, plan: &Plan) -> impl Iterator<Item = (usize, usize)> {
    let view = if plan.input.is_dense() { &plan.output } else { &plan.input };
    let (phases, step, taps) = (view.phases, view.step, plan.axes.map(|axis| axis.taps));
    let (channels, [_, height, width]) = (g.channels, g.kernel());
    (0..g.groups * g.outputs * channels).flat_map(move |filter| {
        let (output, c) = (filter / channels, filter % channels);
        (0..height * width).map(move |tap| {
            let (i, j) = (tap / width, tap % width);
            let phase = i % step[0] * phases[1] + j % step[1];
            let virtual_channel = (output * phases[0] * phases[1] + phase) * channels + c;
            let virtual_tap = i / step[0] * taps[1] + j / step[1];
            (virtual_channel * taps[0] * taps[1] + virtual_tap, filter * height * width + tap)
        })
    })
}
