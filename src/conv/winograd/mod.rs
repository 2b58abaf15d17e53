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
pub mod prepared;
mod transform;
mod weights;

use std::ops::Range;

use crate::gemm::panel_width;
use crate::geometry::Error;
use crate::geometry::conv::ConvGeometry;
use crate::memory::{Block, with_scratch};
use crate::scalar::Scalar;
use crate::threads::{SharedMut, num_threads, parallel_chunks_mut, parallel_for};
use kernel::{Operands, Tiles, tiles_of};
use plan::{Phases, Plan};
use weights::kernel::{Corner, Part, Sums, Weights, apart, transform, transform_sums, whole_vectors};

pub use multiply::kernel::BLOCK_K;

/// Tiles of a block: enough to reuse the transformed weights, few enough to stay in the cache.
const TILES: usize = 56;
/// The same for the gradient with respect to the weight, which adds every block to its sums in memory.
pub const SLOPE_TILES: usize = 112;
/// The same where a block is transformed and nothing else.
const STREAM_TILES: usize = 8;
/// Bytes that a block's transformed tiles may take.
const BLOCK_BYTES: usize = 8 << 20;
/// Bytes that all transformed tiles may take when the weights are transformed part by part, and the bytes of transformed
/// weights from which that pays.
const TILES_BYTES: usize = 16 << 20;
const STREAM_FROM: usize = 1 << 20;
/// Steps of the sums in such a part: with a panel of float32 columns, 36 positions take 576 KiB.
const STEPS: usize = 64;
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
    with_virtual(g, plan, false, weight, |weight| {
        Task { groups: g.groups, input: x, weight, flipped: false, bias, output: SharedMut::new(y) }.run(plan)
    })
}

/// The gradient with respect to x, for a plan of [`Plan::backward_x`].
///
/// # Errors
/// [`Error::Memory`].
pub fn backward_x<T: Scalar>(g: &ConvGeometry, plan: &Plan, dy: &[T], weight: &[T], dx: &mut [T]) -> Result<(), Error> {
    with_virtual(g, plan, true, weight, |weight| {
        Task { groups: g.groups, input: dy, weight, flipped: true, bias: None, output: SharedMut::new(dx) }.run(plan)
    })
}

fn memory<T>(len: usize) -> Result<Block, Error> {
    Block::new(len.saturating_mul(size_of::<T>())).map_err(|error| Error::Memory(error.to_string()))
}

/// How the tiles of a plan are cut into blocks, and what they take in memory.
struct Blocks {
    plan: Plan,
    /// Units of a block.
    units: usize,
    count: usize,
    /// Columns of transformed inputs and of transformed outputs.
    depth: usize,
    wide: usize,
}

impl Blocks {
    /// Blocks of about `tiles` tiles.
    fn new<T: Scalar>(plan: &Plan, tiles: usize) -> Self {
        let mut plan = *plan;
        plan.cut_rows(tiles);
        Self::of_segments::<T>(plan, tiles)
    }

    /// The same, of whole rows of tiles.
    fn of_rows<T: Scalar>(plan: &Plan, tiles: usize) -> Self {
        let mut plan = *plan;
        plan.cut_rows(plan.axes[1].tiles());
        Self::of_segments::<T>(plan, tiles)
    }

    fn of_segments<T: Scalar>(plan: Plan, tiles: usize) -> Self {
        let (depth, wide) = (whole_vectors::<T>(plan.channels), whole_vectors::<T>(plan.outputs));
        let tile = plan.positions() * (depth + wide) * size_of::<T>();
        let tiles = tiles.min(BLOCK_BYTES / tile).max(1);
        let units = (tiles / plan.segment).max(1);
        Blocks { plan, units, count: plan.units().div_ceil(units), depth, wide }
    }

    /// The same number of blocks for every thread, of about the same size.
    fn balanced(self, groups: usize) -> Self {
        let count = if groups == 1 { self.count.next_multiple_of(num_threads()) } else { self.count };
        let units = self.plan.units().div_ceil(count);
        Blocks { units, count: self.plan.units().div_ceil(units), ..self }
    }

    fn units(&self, block: usize) -> Range<usize> {
        block * self.units..((block + 1) * self.units).min(self.plan.units())
    }

    /// Elements between the positions of `tiles` transformed inputs, and outputs.
    fn next(&self, tiles: usize) -> (usize, usize) {
        (apart(tiles * self.depth), apart(tiles * self.wide))
    }

    fn most_tiles(&self) -> usize {
        self.units * self.plan.segment
    }

    /// The first tile of a block, if a row of tiles is not cut.
    fn first_tile(&self, block: usize) -> usize {
        block * self.units * self.plan.segment
    }

    /// Whether tiles are few and weights many: then all transformed tiles exist at once, and the transformed weights (or
    /// their slopes) a part at a time, so that these never leave the cache.
    fn streams<T>(&self, most_tiles: usize) -> bool {
        let (positions, tiles) = (self.plan.positions(), self.plan.tiles());
        let weights = positions * self.depth * self.wide * size_of::<T>();
        let all = positions * tiles * (self.depth + self.wide) * size_of::<T>();
        self.plan.segments == 1 && weights > STREAM_FROM && all <= TILES_BYTES && tiles <= most_tiles
    }
}

/// What a product works on. The weights are (groups, rows, columns, taps): see [`Weights`].
struct Task<'a, T> {
    groups: usize,
    input: &'a [T],
    weight: &'a [T],
    flipped: bool,
    bias: Option<&'a [T]>,
    output: SharedMut<'a, T>,
}

impl<T: Scalar> Task<'_, T> {
    fn run(&self, plan: &Plan) -> Result<(), Error> {
        let blocks = Blocks::new::<T>(plan, TILES);
        if blocks.streams::<T>(blocks.depth.max(blocks.wide)) {
            self.stream(&Blocks::of_rows::<T>(plan, STREAM_TILES))
        } else {
            self.by_blocks(&blocks.balanced(self.groups))
        }
    }

    fn weights(&self, plan: &Plan, group: usize) -> Weights<'_, T> {
        let (channels, outputs) = (plan.channels, plan.outputs);
        let (rows, columns) = if self.flipped { (channels, outputs) } else { (outputs, channels) };
        let len = self.weight.len() / self.groups;
        Weights { data: &self.weight[group * len..(group + 1) * len], rows, columns, flipped: self.flipped }
    }

    fn input(&self, plan: &Plan, group: usize) -> &[T] {
        &self.input[group * plan.input.channels * plan.input.channel()..]
    }

    /// Transforms finished products of a block.
    fn finish(&self, blocks: &Blocks, group: usize, block: usize, m: &Tiles<T>) {
        let plan = &blocks.plan;
        let bias = self.bias.map(|bias| &bias[group * plan.outputs..(group + 1) * plan.outputs]);
        let start = group * plan.output.channels * plan.output.channel();
        kernel::outputs(plan, m, blocks.units(block), bias, self.output, start);
    }

    /// All steps for one block of tiles after another.
    fn by_blocks(&self, blocks: &Blocks) -> Result<(), Error> {
        let (plan, positions) = (&blocks.plan, blocks.plan.positions());
        let part = Part { steps: 0..plan.channels, columns: 0..plan.outputs };
        let u_next = apart(plan.channels * blocks.wide);
        let u_len = positions * u_next;
        let mut block = memory::<T>(self.groups * u_len)?;
        let u = SharedMut::new(block.as_mut_slice::<T>(self.groups * u_len));
        let squares = part.blocks::<T>();
        parallel_for(self.groups * squares, &|task| {
            let (group, square) = (task / squares, task % squares);
            transform(&self.weights(plan, group), &plan.axes, &part, square, u_next, u, group * u_len);
        });
        let u = block.as_slice::<T>(self.groups * u_len);

        let (v_next, m_next) = blocks.next(blocks.most_tiles());
        parallel_for(self.groups * blocks.count, &|task| {
            let (group, block) = (task / blocks.count, task % blocks.count);
            with_scratch(positions * (v_next + m_next), |scratch: &mut [T]| {
                let (v, m) = scratch.split_at_mut(positions * v_next);
                let v = Tiles::rows(v, v_next, blocks.depth);
                let m = Tiles::rows(m, m_next, blocks.wide);
                let units = blocks.units(block);
                let u = Operands { data: &u[group * u_len..(group + 1) * u_len], next: u_next, part: &part };
                kernel::inputs(plan, self.input(plan, group), units.clone(), &v);
                kernel::multiply(plan, tiles_of(plan, &units), &v, &u, &m);
                self.finish(blocks, group, block, &m);
            });
        });
        Ok(())
    }

    /// Every step for all tiles; the products by parts of the weights, which are transformed for it.
    fn stream(&self, blocks: &Blocks) -> Result<(), Error> {
        let (plan, positions, tiles) = (&blocks.plan, blocks.plan.positions(), blocks.plan.tiles());
        let (v_next, m_next) = blocks.next(tiles);
        let len = positions * (v_next + m_next);
        let mut block = memory::<T>(len)?;
        let (v, m) = block.as_mut_slice::<T>(len).split_at_mut(positions * v_next);
        let v = Tiles::rows(v, v_next, blocks.depth);
        let m = Tiles::rows(m, m_next, blocks.wide);
        let width = panel_width::<T>();
        let next = apart(STEPS * width);
        for group in 0..self.groups {
            parallel_for(blocks.count, &|block| {
                kernel::inputs(plan, self.input(plan, group), blocks.units(block), &v.from(blocks.first_tile(block)));
            });
            parallel_for(plan.outputs.div_ceil(width), &|panel| {
                let columns = panel * width..((panel + 1) * width).min(plan.outputs);
                with_scratch(positions * next, |u: &mut [T]| {
                    for step in (0..plan.channels).step_by(STEPS) {
                        let steps = step..(step + STEPS).min(plan.channels);
                        let part = Part { steps, columns: columns.clone() };
                        let weights = self.weights(plan, group);
                        for square in 0..part.blocks::<T>() {
                            transform(&weights, &plan.axes, &part, square, next, SharedMut::new(u), 0);
                        }
                        kernel::multiply(plan, tiles, &v, &Operands { data: u, next, part: &part }, &m);
                    }
                });
            });
            parallel_for(blocks.count, &|block| {
                self.finish(blocks, group, block, &m.from(blocks.first_tile(block)));
            });
        }
        Ok(())
    }
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
    if !is_virtual(plan) {
        return WeightGradient { groups: g.groups, dy, x, dweight: SharedMut::new(dweight) }.run(plan);
    }
    let order = Order::new(g, plan, false);
    let mut block = memory::<T>(order.len())?;
    let dvirtual = SharedMut::new(block.as_mut_slice::<T>(order.len()));
    WeightGradient { groups: g.groups, dy, x, dweight: dvirtual }.run(plan)?;
    let dvirtual = block.as_slice::<T>(order.len());
    parallel_chunks_mut(dweight, g.channels * g.taps(), &|output, filter| {
        for depth in 0..order.depth {
            let from = &dvirtual[order.row(output, depth) * order.len..];
            order.each(depth, |virtual_tap, tap| filter[tap] = from[virtual_tap]);
        }
    });
    Ok(())
}

struct WeightGradient<'a, T> {
    groups: usize,
    dy: &'a [T],
    x: &'a [T],
    dweight: SharedMut<'a, T>,
}

impl<T: Scalar> WeightGradient<'_, T> {
    fn run(&self, plan: &Plan) -> Result<(), Error> {
        // Blocks and parts depend on the shape alone, and so do the sums.
        let blocks = Blocks::new::<T>(plan, SLOPE_TILES);
        if blocks.streams::<T>(usize::MAX) {
            self.stream(&Blocks::of_rows::<T>(plan, STREAM_TILES))
        } else {
            self.by_blocks(&blocks)
        }
    }

    /// Transforms inputs and slopes of a block.
    fn load(&self, blocks: &Blocks, group: usize, block: usize, v: &Tiles<T>, slopes: &Tiles<T>) {
        let plan = &blocks.plan;
        let x = &self.x[group * plan.input.channels * plan.input.channel()..];
        let dy = &self.dy[group * plan.output.channels * plan.output.channel()..];
        kernel::inputs(plan, x, blocks.units(block), v);
        kernel::slopes(plan, dy, blocks.units(block), slopes);
    }

    /// Elements of one group's gradient.
    fn len(&self, plan: &Plan) -> usize {
        plan.outputs * plan.channels * plan.axes[0].taps * plan.axes[1].taps
    }

    /// Blocks of tiles are added in order within partial sums, and these in order.
    fn by_blocks(&self, blocks: &Blocks) -> Result<(), Error> {
        let (plan, positions) = (&blocks.plan, blocks.plan.positions());
        let next = apart(plan.channels * blocks.wide);
        let one = positions * next;
        let room = SUMS_BYTES / (self.groups * one * size_of::<T>());
        let parts = PARTS.min(room).clamp(1, blocks.count);
        let len = self.groups * parts * one;
        let mut block = memory::<T>(len)?;
        let sums = block.as_mut_slice::<T>(len);
        let most = blocks.most_tiles();
        let (v_next, slopes_next) = blocks.next(most);
        let part = Part { steps: 0..plan.channels, columns: 0..plan.outputs };
        parallel_chunks_mut(sums, one, &|task, sums| {
            let (group, number) = (task / parts, task % parts);
            with_scratch(positions * (v_next + slopes_next), |scratch: &mut [T]| {
                let (v, slopes) = scratch.split_at_mut(positions * v_next);
                let v = Tiles::rows(v, v_next, blocks.depth);
                let slopes = Tiles::panels(slopes, slopes_next, blocks.wide, most);
                let numbers = number * blocks.count / parts..(number + 1) * blocks.count / parts;
                for block in numbers.clone() {
                    self.load(blocks, group, block, &v, &slopes);
                    let tiles = tiles_of(plan, &blocks.units(block));
                    let more = block > numbers.start;
                    kernel::multiply_slopes(plan, tiles, (&v, &slopes), &part, sums, next, more);
                }
            });
        });
        let sums = |group: usize| Sums {
            data: &sums[group * parts * one..(group + 1) * parts * one],
            channels: plan.channels,
            outputs: plan.outputs,
            columns: blocks.wide,
            next,
            part: one,
            parts,
        };
        let squares = sums(0).blocks();
        parallel_for(self.groups * squares, &|task| {
            let (group, square) = (task / squares, task % squares);
            let corner = Corner { start: group * self.len(plan), channels: plan.channels };
            transform_sums(&sums(group), &plan.axes, square, self.dweight, corner);
        });
        Ok(())
    }

    /// All tiles at once; the products by parts of the gradient.
    fn stream(&self, blocks: &Blocks) -> Result<(), Error> {
        let (plan, positions, tiles) = (&blocks.plan, blocks.plan.positions(), blocks.plan.tiles());
        let (v_next, slopes_next) = blocks.next(tiles);
        let len = positions * (v_next + slopes_next);
        let mut block = memory::<T>(len)?;
        let (v, slopes) = block.as_mut_slice::<T>(len).split_at_mut(positions * v_next);
        let v = Tiles::rows(v, v_next, blocks.depth);
        let slopes = Tiles::panels(slopes, slopes_next, blocks.wide, tiles);
        let width = panel_width::<T>();
        let (down, across) = (plan.channels.div_ceil(STEPS), plan.outputs.div_ceil(width));
        let next = apart(STEPS * width);
        let taps = plan.axes[0].taps * plan.axes[1].taps;
        for group in 0..self.groups {
            parallel_for(blocks.count, &|block| {
                let first = blocks.first_tile(block);
                self.load(blocks, group, block, &v.from(first), &slopes.from(first));
            });
            parallel_for(down * across, &|task| {
                let (step, column) = (task / across * STEPS, task % across * width);
                let steps = step..(step + STEPS).min(plan.channels);
                let part = Part { steps, columns: column..(column + width).min(plan.outputs) };
                with_scratch(positions * next, |sums: &mut [T]| {
                    kernel::multiply_slopes(plan, tiles, (&v, &slopes), &part, sums, next, false);
                    let sums = Sums {
                        data: sums,
                        channels: part.steps.len(),
                        outputs: part.columns.len(),
                        columns: whole_vectors::<T>(part.columns.len()),
                        next,
                        part: positions * next,
                        parts: 1,
                    };
                    let start = group * self.len(plan) + (column * plan.channels + step) * taps;
                    let corner = Corner { start, channels: plan.channels };
                    for square in 0..sums.blocks() {
                        transform_sums(&sums, &plan.axes, square, self.dweight, corner);
                    }
                });
            });
        }
        Ok(())
    }
}

/// Whether the virtual kernel is not the kernel itself.
fn is_virtual(plan: &Plan) -> bool {
    let views = [&plan.input, &plan.output];
    views.iter().any(|view| view.depth.taps > 1 || (view.split == Phases::Channels && !view.is_dense()))
}

/// Calls `body` with the virtual weights, sorted by tap along the depth and by phase.
fn with_virtual<T: Scalar>(
    g: &ConvGeometry,
    plan: &Plan,
    flipped: bool,
    weight: &[T],
    body: impl FnOnce(&[T]) -> Result<(), Error>,
) -> Result<(), Error> {
    if !is_virtual(plan) {
        return body(weight);
    }
    let order = Order::new(g, plan, flipped);
    let mut block = memory::<T>(order.len())?;
    parallel_chunks_mut(block.as_mut_slice::<T>(order.len()), order.len, &|row, to| {
        to.fill(T::ZERO);
        let (output, depth) = order.place(row);
        let from = &weight[output * g.channels * g.taps()..];
        order.each(depth, |virtual_tap, tap| to[virtual_tap] = from[tap]);
    });
    body(block.as_slice::<T>(order.len()))
}

/// How virtual weights lie in memory: a row (phases, channels, virtual taps) for every output and tap along the depth, in the
/// order of the view that has these taps.
struct Order {
    groups: usize,
    /// Outputs of a group.
    outputs: usize,
    depth: usize,
    /// Whether the taps along the depth run slower than the outputs.
    flipped: bool,
    channels: usize,
    /// Taps of a channel.
    taps: usize,
    /// Elements of a row, and of a channel in one.
    len: usize,
    channel: usize,
    /// The index in a row of every tap of a plane of channel 0.
    places: Vec<usize>,
}

impl Order {
    fn new(g: &ConvGeometry, plan: &Plan, flipped: bool) -> Self {
        let view = if plan.input.is_dense() { &plan.output } else { &plan.input };
        let [depth, height, width] = g.kernel();
        let channel = plan.axes[0].taps * plan.axes[1].taps;
        let (step, phases) = if view.split == Phases::Channels { (view.step, view.phases) } else { ([1; 2], [1; 2]) };
        let place = |tap: usize| {
            let (i, j) = (tap / width, tap % width);
            let phase = i % step[0] * phases[1] + j % step[1];
            phase * g.channels * channel + i / step[0] * plan.axes[1].taps + j / step[1]
        };
        Order {
            groups: g.groups,
            outputs: g.outputs,
            depth,
            flipped,
            channels: g.channels,
            taps: g.taps(),
            len: phases[0] * phases[1] * g.channels * channel,
            channel,
            places: (0..height * width).map(place).collect(),
        }
    }

    /// Elements of all rows.
    fn len(&self) -> usize {
        self.groups * self.outputs * self.depth * self.len
    }

    /// The row of an output, counted over all groups, and a tap along the depth.
    fn row(&self, output: usize, depth: usize) -> usize {
        let (group, o) = (output / self.outputs, output % self.outputs);
        let row = if self.flipped { depth * self.outputs + o } else { o * self.depth + depth };
        group * self.outputs * self.depth + row
    }

    /// The output and the tap of a row.
    fn place(&self, row: usize) -> (usize, usize) {
        let (group, row) = (row / (self.outputs * self.depth), row % (self.outputs * self.depth));
        let (o, depth) =
            if self.flipped { (row % self.outputs, row / self.outputs) } else { (row / self.depth, row % self.depth) };
        (group * self.outputs + o, depth)
    }

    /// Visits the indices of every tap at a depth in its row and in the filter.
    fn each(&self, depth: usize, mut visit: impl FnMut(usize, usize)) {
        for c in 0..self.channels {
            for (tap, place) in self.places.iter().enumerate() {
                visit(place + c * self.channel, c * self.taps + depth * self.places.len() + tap);
            }
        }
    }
}
