//! Convolution for inference: filters that are packed once, over images whose channels lie along the lanes.
//!
//! A register tile is some places times some vectors of output channels. Of the input it broadcasts one channel of a place at a
//! time, and the channels of a tap lie side by side: whatever the stride, the dilation and the padding are, a tap is a table of
//! places, and nothing is gathered. Images of few channels in planes (those that a network starts with) are sorted by place in
//! scratch first, a band of rows at a time. The results are added to a shortcut and rectified in registers.
//!
//! [`winograd`](super::winograd::prepared) reads the same panels.

mod bands;
pub mod kernel;
mod places;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use super::choice::Precision;
use super::winograd::plan::Plan;
use super::winograd::prepared::{self as winograd, Kept};
use crate::gemm::panel_width;
use crate::geometry::Error;
use crate::geometry::conv::{ConvGeometry, ConvOptions};
use crate::geometry::layout::{Images, Layout};
use crate::geometry::window::{PerAxis, Window};
use crate::memory::{Block, OutOfMemory, with_scratch};
use crate::scalar::Scalar;
use crate::simd::lanes;
use crate::threads::{SharedMut, parallel_chunks_mut};
use kernel::{FilterSteps, Source, Tiles};

/// Places of a task, at most: enough to reuse a block of filters.
const PLACES: usize = 96;

/// What is done with finished sums.
#[derive(Clone, Copy)]
pub struct Finish<'a, T> {
    /// Images to add, which lie as y does.
    pub add: Option<&'a [T]>,
    /// `max(y, 0)` at the very end; NaN stays NaN.
    pub relu: bool,
}

/// Packed filters of one group, with their bias.
///
/// Output channels lie along the lanes; panels are as wide as a register tile, the last one as wide as what is left in whole
/// vectors.
pub struct Filters<T> {
    shape: [usize; 4],
    order: Order,
    options: ConvOptions,
    panels: Block,
    /// In whole vectors.
    bias: Vec<T>,
    /// The same filters by the phases of their steps, if there are some.
    phases: OnceLock<Block>,
    transformed: OnceLock<Block>,
}

/// How the weights of a panel lie: vectors of output channels, by tap and channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub channels: usize,
    pub taps: usize,
    /// The taps of a channel and vector side by side: the order in which they are transformed, so that memory is read in
    /// one stream. Else rows of a panel's vectors, the channels of a tap side by side.
    pub for_transforms: bool,
}

/// Elements of a panel from one tap, channel and vector to the next.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    pub tap: usize,
    pub channel: usize,
    pub vector: usize,
}

impl Order {
    /// That of filters by the phases of a plan.
    fn of_plan(plan: &Plan) -> Self {
        let taps = plan.axes[0].taps * plan.axes[1].taps;
        Order { channels: plan.channels, taps, for_transforms: true }
    }

    /// Vectors of a column.
    pub fn rows(&self) -> usize {
        self.channels * self.taps
    }

    /// The distances in a panel of some columns.
    pub fn steps<T: Scalar>(&self, width: usize) -> Steps {
        let lanes = lanes::<T>();
        if self.for_transforms {
            Steps { tap: lanes, channel: self.taps * width, vector: self.taps * lanes }
        } else {
            Steps { tap: self.channels * width, channel: width, vector: lanes }
        }
    }
}

/// How a convolution is computed.
// There is one for each convolution of a network, in a list that is made once.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// Every product, over channels in lanes.
    Tiles,
    /// Every product, over planes of few channels.
    Bands,
    /// Winograd's transforms, over either.
    Winograd(Plan),
}

impl Way {
    /// How x has to lie.
    pub fn layout(&self) -> Layout {
        match self {
            Way::Tiles => Layout::Lanes,
            Way::Bands => Layout::Planes,
            Way::Winograd(plan) => plan.input.layout,
        }
    }
}

impl<T: Scalar> Filters<T> {
    /// Packs weights (O, C, KH, KW).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    ///
    /// # Panics
    /// If a length does not fit, or there is a size of 0 or more than one group.
    pub fn new(weight: &[T], shape: [usize; 4], bias: Option<&[T]>, options: ConvOptions) -> Result<Self, OutOfMemory> {
        let [outputs, channels, height, width] = shape;
        assert!(!shape.contains(&0) && options.groups == 1 && weight.len() == shape.iter().product::<usize>());
        assert!(bias.is_none_or(|bias| bias.len() == outputs));
        let (taps, wide) = (height * width, outputs.next_multiple_of(lanes::<T>()));
        let one = |numbers: PerAxis| matches!(numbers.resolve("", 2, 1), Ok([1, 1, _]));
        let transformable = taps > 1 && one(options.stride) && one(options.dilation);
        // Few channels lie side by side, as they do in a band.
        let order = Order { channels, taps, for_transforms: transformable && channels >= lanes::<T>() };
        let depth = order.rows();
        let mut panels = Block::new(depth * wide * size_of::<T>())?;
        parallel_chunks_mut(panels.as_mut_slice::<T>(depth * wide), panel_width::<T>() * depth, &|panel, to| {
            to.fill(T::ZERO);
            let (first, width) = (panel * panel_width::<T>(), to.len() / depth);
            let steps = order.steps::<T>(width);
            for o in first..outputs.min(first + width) {
                let (vector, lane) = ((o - first) / lanes::<T>(), (o - first) % lanes::<T>());
                let from = &weight[o * depth..(o + 1) * depth];
                for c in 0..channels {
                    for tap in 0..taps {
                        to[tap * steps.tap + c * steps.channel + vector * steps.vector + lane] = from[c * taps + tap];
                    }
                }
            }
        });
        let mut whole = vec![T::ZERO; wide];
        if let Some(bias) = bias {
            whole[..outputs].copy_from_slice(bias);
        }
        Ok(Filters {
            shape,
            order,
            options,
            panels,
            bias: whole,
            phases: OnceLock::new(),
            transformed: OnceLock::new(),
        })
    }

    /// Bytes of the packed and the transformed weights.
    pub fn nbytes(&self) -> usize {
        let others = [&self.phases, &self.transformed].map(|kept| kept.get().map_or(0, Block::len));
        self.panels.len() + size_of_val(&*self.bias) + others.iter().sum::<usize>()
    }

    /// The geometry over images of a size.
    ///
    /// # Errors
    /// As [`ConvGeometry::new`].
    pub fn geometry(&self, x: Images) -> Result<ConvGeometry, Error> {
        ConvGeometry::new(2, &x.shape(), &self.shape, None, &self.options)
    }

    /// The best way over images that lie so.
    pub fn way(&self, g: &ConvGeometry, layout: Layout) -> Way {
        let few = layout == Layout::Planes && g.channels < lanes::<T>();
        let (direct, from) = if few { (Way::Bands, Layout::Planes) } else { (Way::Tiles, Layout::Lanes) };
        let highest = Precision::get() == Precision::Highest && size_of::<T>() == size_of::<f32>();
        match Self::plan(g, from) {
            Some(plan) if !highest && winograd_cost::<T>(&plan) < direct_cost::<T>(g) => Way::Winograd(plan),
            _ => direct,
        }
    }

    /// The transforms that apply.
    fn plan(g: &ConvGeometry, from: Layout) -> Option<Plan> {
        // Axes of one place take no steps, so that filters would have other phases.
        let steps = |w: &Window| w.step() == w.stride;
        let plan = Plan::forward(g, 6).filter(|_| g.windows.iter().all(steps));
        let plan = plan.and_then(|plan| plan.in_lanes(from, lanes::<T>()))?;
        // Phases have more filters: transforming these for a call would cost what they save.
        (plan.input.is_dense() || winograd::keeps::<T>(&plan)).then_some(plan)
    }

    /// Computes what a way needs of the weights, unless it is there.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn prepare(&self, way: &Way) -> Result<(), OutOfMemory> {
        let Way::Winograd(plan) = way else { return Ok(()) };
        // Whoever comes second drops his own.
        if !plan.input.is_dense() && self.phases.get().is_none() {
            let _ = self.phases.set(self.by_phases(plan)?);
        }
        if winograd::keeps::<T>(plan) && self.transformed.get().is_none() {
            let (panels, order) = self.for_transforms(plan);
            let _ = self.transformed.set(winograd::transform_all(plan, panels, order)?);
        }
        Ok(())
    }

    /// The panels that a plan transforms.
    fn for_transforms(&self, plan: &Plan) -> (&[T], Order) {
        match self.phases.get() {
            Some(phases) if !plan.input.is_dense() => {
                let order = Order::of_plan(plan);
                (phases.as_slice(order.rows() * self.bias.len()), order)
            }
            _ => (self.panels(), self.order),
        }
    }

    /// The filters with a channel for each phase and channel, zeros where a phase has no tap.
    fn by_phases(&self, plan: &Plan) -> Result<Block, OutOfMemory> {
        let ([_, channels, height, width], step) = (self.shape, plan.input.step);
        let (from, to, lanes) = (self.order, Order::of_plan(plan), lanes::<T>());
        let mut block = Block::new(to.rows() * self.bias.len() * size_of::<T>())?;
        let all = block.as_mut_slice::<T>(to.rows() * self.bias.len());
        parallel_chunks_mut(all, panel_width::<T>() * to.rows(), &|panel, rows| {
            let first = panel * panel_width::<T>();
            let columns = self.width(first);
            let panel = &self.panels()[first * from.rows()..(first + columns) * from.rows()];
            rows.fill(T::ZERO);
            let (old, new) = (from.steps::<T>(columns), to.steps::<T>(columns));
            for c in 0..channels {
                for (i, j) in (0..height).flat_map(|i| (0..width).map(move |j| (i, j))) {
                    let phase = i % step[0] * plan.input.phases[1] + j % step[1];
                    let tap = i / step[0] * plan.axes[1].taps + j / step[1];
                    for vector in 0..columns / lanes {
                        let at = (i * width + j) * old.tap + c * old.channel + vector * old.vector;
                        let to = tap * new.tap + (phase * channels + c) * new.channel + vector * new.vector;
                        rows[to..to + lanes].copy_from_slice(&panel[at..at + lanes]);
                    }
                }
            }
        });
        Ok(block)
    }

    fn panels(&self) -> &[T] {
        self.panels.as_slice(self.order.rows() * self.bias.len())
    }

    /// y = x * weight + bias, then `finish`: x lies as the way says, y in lanes.
    ///
    /// # Errors
    /// [`Error::Memory`].
    ///
    /// # Panics
    /// If a length does not fit.
    pub fn forward(&self, g: &ConvGeometry, way: &Way, x: &[T], finish: Finish<T>, y: &mut [T]) -> Result<(), Error> {
        let [from, to] = images(g);
        assert!(self.shape == [g.outputs, g.channels, g.kernel()[1], g.kernel()[2]]);
        assert!(x.len() >= from.len::<T>(way.layout()) && y.len() >= to.len::<T>(Layout::Lanes));
        assert!(finish.add.is_none_or(|add| add.len() >= y.len()));
        let y = SharedMut::new(y);
        match way {
            Way::Tiles => self.by_tiles(g, x, finish, y),
            Way::Bands => self.by_bands(g, x, finish, y),
            Way::Winograd(plan) => {
                self.prepare(way).map_err(|error| Error::Memory(error.to_string()))?;
                let transformed = self.transformed.get().filter(|_| winograd::keeps::<T>(plan));
                let (panels, order) = self.for_transforms(plan);
                let kept = Kept { panels, order, transformed, bias: &self.bias };
                winograd::forward(plan, &kept, x, finish, y)?;
            }
        }
        Ok(())
    }

    /// Columns of a panel that begins at `first`.
    fn width(&self, first: usize) -> usize {
        panel_width::<T>().min(self.bias.len() - first)
    }

    /// One panel of filters over places, which a table gives by tap.
    fn tiles<'a>(
        &'a self,
        panel: usize,
        source: Source<'a, T>,
        to: &'a [usize],
        finish: Finish<'a, T>,
    ) -> Tiles<'a, T> {
        let (first, depth) = (panel * panel_width::<T>(), self.order.rows());
        let width = self.width(first);
        let filters = &self.panels()[first * depth..(first + width) * depth];
        Tiles { source, to, filters, width, bias: &self.bias[first..first + width], finish }
    }

    fn by_tiles(&self, g: &ConvGeometry, x: &[T], finish: Finish<T>, y: SharedMut<T>) {
        let [from, to] = images(g);
        let (all, taps, lanes) = (g.batch * g.output_plane(), g.taps(), lanes::<T>());
        let most = all.div_ceil(all.div_ceil(PLACES)).next_multiple_of(kernel::ROWS);
        let (blocks, panels) = (all.div_ceil(most), self.bias.len().div_ceil(panel_width::<T>()));
        let layout = Layout::Lanes;
        let (image, y_image) = (from.image::<T>(layout), to.image::<T>(layout));
        super::run_tasks(g.work(), blocks * panels, &|task| {
            let (panel, block) = (task / blocks, task % blocks);
            let places = block * most..all.min((block + 1) * most);
            let count = places.len();
            with_scratch((taps + 1) * count, |table: &mut [usize]| {
                let (offsets, ends) = table.split_at_mut(taps * count);
                places::offsets(g, places.clone(), image, lanes, offsets);
                places::ends(g, places, y_image, lanes, ends);
                let block = from.plane() * lanes;
                let Steps { tap, channel, vector } = self.order.steps::<T>(self.width(panel * panel_width::<T>()));
                let filters = FilterSteps { tap, block: lanes * channel, element: channel, vector };
                let source = Source { data: x, offsets, block, depth: g.channels, block_depth: lanes, filters };
                let y_block = to.plane() * lanes;
                let start = panel * panel_width::<T>() / lanes * y_block;
                kernel::run(&self.tiles(panel, source, ends, finish), y, start, y_block);
            });
        });
    }

    fn by_bands(&self, g: &ConvGeometry, x: &[T], finish: Finish<T>, y: SharedMut<T>) {
        let (to, lanes) = (images(g)[1], lanes::<T>());
        let bands = bands::Bands::new(g);
        let (y_image, y_block) = (to.image::<T>(Layout::Lanes), to.plane() * lanes);
        super::run_tasks(g.work(), g.batch * bands.count, &|task| {
            let (image, rows) = (task / bands.count, bands.rows(task % bands.count));
            let places = (image * to.height + rows.start) * to.width..(image * to.height + rows.end) * to.width;
            with_scratch(bands.len(), |band: &mut [T]| {
                bands.load(x, image, rows.clone(), band);
                with_scratch((bands.taps() + 1) * places.len(), |table: &mut [usize]| {
                    let (offsets, ends) = table.split_at_mut(bands.taps() * places.len());
                    bands.offsets(rows, offsets);
                    places::ends(g, places.clone(), y_image, lanes, ends);
                    let depth = bands.depth();
                    for panel in 0..self.bias.len().div_ceil(panel_width::<T>()) {
                        let width = self.width(panel * panel_width::<T>());
                        let filters = FilterSteps { tap: depth * width, block: 0, element: width, vector: lanes };
                        let source = Source { data: band, offsets, block: 0, depth, block_depth: depth, filters };
                        let start = panel * panel_width::<T>() / lanes * y_block;
                        kernel::run(&self.tiles(panel, source, ends, finish), y, start, y_block);
                    }
                });
            });
        });
    }
}

/// The images that a convolution reads and writes.
pub fn images(g: &ConvGeometry) -> [Images; 2] {
    let [[_, height, width], [_, y_height, y_width]] = [g.input(), g.output()];
    [Images::new([g.batch, g.channels, height, width]), Images::new([g.batch, g.outputs, y_height, y_width])]
}

// Costs are times, in those of one multiply-add of a register tile at the processor's peak rate.

/// A product of the definition, and one at a position of the tiles.
const DIRECT: f64 = 1.1;
const TRANSFORMED: f64 = 1.2;
/// An element of a transformed input, in lanes and in planes, with a step and without; and output.
const INPUT: f64 = 3.0;
const PLANES: f64 = 8.0;
const PHASES: f64 = 16.0;
const OUTPUT: f64 = 5.0;
/// An element of weights that are transformed for the call.
const WEIGHT: f64 = 3.0;
/// Rows of a register tile that are missing cost as much as those that are there.
const ROWS: usize = 6;

fn direct_cost<T: Scalar>(g: &ConvGeometry) -> f64 {
    let places = (g.batch * g.output_plane()) as f64;
    places * (g.channels * g.taps()) as f64 * g.outputs.next_multiple_of(lanes::<T>()) as f64 * DIRECT
}

fn winograd_cost<T: Scalar>(plan: &Plan) -> f64 {
    let [channels, outputs] = [plan.channels, plan.outputs].map(|n| n.next_multiple_of(lanes::<T>()) as f64);
    let (positions, tiles) = (plan.positions() as f64, plan.tiles());
    let rows = if tiles < ROWS { tiles.next_power_of_two() } else { tiles } as f64;
    let products = rows * plan.channels as f64 * outputs * TRANSFORMED;
    let weights = if winograd::keeps::<T>(plan) { 0.0 } else { WEIGHT * plan.channels as f64 * outputs };
    let input = match plan.input.layout {
        Layout::Lanes => INPUT,
        Layout::Planes if plan.input.is_dense() => PLANES,
        Layout::Planes => PHASES,
    };
    positions * (products + tiles as f64 * (input * channels + OUTPUT * outputs) + weights)
}
