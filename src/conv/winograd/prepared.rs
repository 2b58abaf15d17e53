//! The forward product over images with the channels in the lanes, with filters that were packed beforehand.
//!
//! Tiles are read where they are and written where they go: nothing is transposed. Where blocks of tiles share transformed
//! weights, these are kept from call to call. Where tiles are few and weights are many, reading transformed weights, four times
//! as large as the filters, would take longer than transforming them anew.

pub mod kernel;

use super::kernel::{Operands, inputs, multiply, tiles_of};
use super::plan::Plan;
use super::weights::kernel::{Part, apart};
use super::{Blocks, STREAM_TILES, TILES, memory};
use crate::conv::prepared::{Finish, Order};
use crate::conv::run_tasks;
use crate::gemm::panel_width;
use crate::geometry::Error;
use crate::geometry::layout::Layout;
use crate::memory::{Block, OutOfMemory, with_scratch};
use crate::scalar::Scalar;
use crate::threads::{SharedMut, parallel_for};
use kernel::{Panel, outputs, transform};

/// Steps of the sums whose weights are transformed together.
const STEPS: usize = 64;

/// What is kept of a convolution's weights.
pub struct Kept<'a, T> {
    /// Panel by panel.
    pub panels: &'a [T],
    pub order: Order,
    pub transformed: Option<&'a Block>,
    /// In whole vectors.
    pub bias: &'a [T],
}

/// Blocks of about `tiles` tiles. Rows of tiles that nobody has to load first may be cut anywhere.
fn blocks<T: Scalar>(plan: &Plan, tiles: usize) -> Blocks {
    let blocks = Blocks::new::<T>(plan, tiles);
    if plan.input.layout == Layout::Planes {
        return blocks;
    }
    let plan = blocks.plan.in_single_tiles();
    let units = blocks.units * blocks.plan.segment;
    Blocks { plan, units, count: plan.units().div_ceil(units), ..blocks }
}

/// Whether transformed weights are kept.
pub fn keeps<T: Scalar>(plan: &Plan) -> bool {
    let blocks = Blocks::new::<T>(plan, TILES);
    !blocks.streams::<T>(blocks.depth.max(blocks.wide))
}

/// Transformed weights, for [`keeps`].
///
/// # Errors
/// [`OutOfMemory`].
pub fn transform_all<T: Scalar>(plan: &Plan, panels: &[T], order: Order) -> Result<Block, OutOfMemory> {
    let blocks = blocks::<T>(plan, TILES);
    let next = apart(plan.channels * blocks.wide);
    let len = plan.positions() * next;
    let mut block = Block::new(len * size_of::<T>())?;
    let u = SharedMut::new(block.as_mut_slice::<T>(len));
    parallel_for(blocks.wide.div_ceil(panel_width::<T>()), &|panel| {
        let panel = Panel::new(plan, panels, order, blocks.wide, panel);
        let start = panel.first * plan.channels;
        transform(&panel, 0..plan.channels, next, u, start);
    });
    Ok(block)
}

/// y = x * weight + bias, then `finish`.
///
/// # Errors
/// [`Error::Memory`].
///
/// # Panics
/// If a length does not fit.
pub fn forward<T: Scalar>(
    plan: &Plan,
    kept: &Kept<T>,
    x: &[T],
    finish: Finish<T>,
    y: SharedMut<T>,
) -> Result<(), Error> {
    match kept.transformed {
        Some(u) => by_blocks(&blocks::<T>(plan, TILES).balanced(1), kept, u, x, finish, y),
        // A task must know its first tile, so no row of tiles that is loaded as a whole is cut.
        None if plan.input.layout == Layout::Planes => {
            return stream(&Blocks::of_rows::<T>(plan, STREAM_TILES), kept, x, finish, y);
        }
        None => return stream(&blocks::<T>(plan, STREAM_TILES), kept, x, finish, y),
    }
    Ok(())
}

fn by_blocks<T: Scalar>(blocks: &Blocks, kept: &Kept<T>, u: &Block, x: &[T], finish: Finish<T>, y: SharedMut<T>) {
    let (plan, positions) = (&blocks.plan, blocks.plan.positions());
    let next = apart(plan.channels * blocks.wide);
    let u = u.as_slice::<T>(positions * next);
    let part = Part { steps: 0..plan.channels, columns: 0..plan.outputs };
    let work = positions * plan.tiles() * plan.channels * plan.outputs;
    run_tasks(work, blocks.count, &|block| {
        with_scratch(blocks.room(blocks.most_tiles()), |scratch: &mut [T]| {
            let (v, m) = blocks.rows(blocks.most_tiles(), scratch);
            let units = blocks.units(block);
            inputs(plan, x, units.clone(), &v);
            multiply(plan, tiles_of(plan, &units), &v, &Operands { data: u, next, part: &part }, &m);
            outputs(plan, &m, units, kept.bias, finish, y);
        });
    });
}

fn stream<T: Scalar>(
    blocks: &Blocks,
    kept: &Kept<T>,
    x: &[T],
    finish: Finish<T>,
    y: SharedMut<T>,
) -> Result<(), Error> {
    let (plan, positions, tiles) = (&blocks.plan, blocks.plan.positions(), blocks.plan.tiles());
    let mut block = memory::<T>(blocks.room(tiles))?;
    let (v, m) = blocks.rows(tiles, block.as_mut_slice::<T>(blocks.room(tiles)));
    parallel_for(blocks.count, &|block| {
        inputs(plan, x, blocks.units(block), &v.from(blocks.first_tile(block)));
    });
    parallel_for(blocks.wide.div_ceil(panel_width::<T>()), &|number| {
        let panel = Panel::new(plan, kept.panels, kept.order, blocks.wide, number);
        let next = apart(STEPS * panel.width);
        let columns = panel.first..plan.outputs.min(panel.first + panel.width);
        with_scratch(positions * next, |u: &mut [T]| {
            for step in (0..plan.channels).step_by(STEPS) {
                let part = Part { steps: step..plan.channels.min(step + STEPS), columns: columns.clone() };
                transform(&panel, part.steps.clone(), next, SharedMut::new(u), 0);
                multiply(plan, tiles, &v, &Operands { data: u, next, part: &part }, &m);
            }
        });
    });
    parallel_for(blocks.count, &|block| {
        outputs(plan, &m.from(blocks.first_tile(block)), blocks.units(block), kept.bias, finish, y);
    });
    Ok(())
}
