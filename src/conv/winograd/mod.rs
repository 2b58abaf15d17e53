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
mod order;
pub mod plan;
pub mod prepared;
mod slopes;
mod transform;
mod weights;

use std::ops::Range;

use crate::gemm::panel_width;
use crate::geometry::Error;
use crate::geometry::conv::ConvGeometry;
use crate::memory::{Block, with_scratch};
use crate::scalar::Scalar;
use crate::threads::{SharedMut, num_threads, parallel_for};
use kernel::{Operands, Tiles, tiles_of};
use order::with_virtual;
use plan::Plan;
use weights::kernel::{Part, Weights, apart, transform, whole_vectors};

pub use multiply::kernel::BLOCK_K;
pub use slopes::backward_weight;

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

    /// Elements of `tiles` transformed inputs and outputs.
    fn room(&self, tiles: usize) -> usize {
        let (inputs, outputs) = self.next(tiles);
        self.plan.positions() * (inputs + outputs)
    }

    /// So many transformed inputs and outputs in memory of [`Blocks::room`].
    fn rows<'a, T>(&self, tiles: usize, memory: &'a mut [T]) -> (Tiles<'a, T>, Tiles<'a, T>) {
        let (inputs, outputs) = self.next(tiles);
        let (v, m) = memory.split_at_mut(self.plan.positions() * inputs);
        (Tiles::rows(v, inputs, self.depth), Tiles::rows(m, outputs, self.wide))
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

        parallel_for(self.groups * blocks.count, &|task| {
            let (group, block) = (task / blocks.count, task % blocks.count);
            with_scratch(blocks.room(blocks.most_tiles()), |scratch: &mut [T]| {
                let (v, m) = blocks.rows(blocks.most_tiles(), scratch);
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
        let mut block = memory::<T>(blocks.room(tiles))?;
        let (v, m) = blocks.rows(tiles, block.as_mut_slice::<T>(blocks.room(tiles)));
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
