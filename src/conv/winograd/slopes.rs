//! The gradient with respect to the weight: transformed inputs times transformed slopes, summed over the tiles.

use super::kernel::{self, Tiles, tiles_of};
use super::order::{Order, is_virtual};
use super::plan::Plan;
use super::weights::kernel::{Corner, Part, Sums, apart, transform_sums, whole_vectors};
use super::{Blocks, SLOPE_TILES, STEPS, STREAM_TILES, memory};
use crate::gemm::panel_width;
use crate::geometry::Error;
use crate::geometry::conv::ConvGeometry;
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::threads::{SharedMut, parallel_chunks_mut, parallel_for};

/// The most parts of a sum over tiles, and the bytes that they may take.
const PARTS: usize = 8;
const SUMS_BYTES: usize = 32 << 20;

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
