//! What a convolution looks like to the transforms: undilated, of stride 1, over virtual images.
//!
//! A stride splits the input into phases, which are further channels of a smaller kernel. A dilation splits input and output
//! into phases that do not meet, which are further images. Over three axes, the planes of the result are images of their own,
//! and the taps along the depth further channels. A [`View`] says where a virtual place lies in memory.

use std::ops::{Range, RangeInclusive};

use crate::geometry::conv::ConvGeometry;
use crate::geometry::layout::Layout;
use crate::geometry::window::Window;

/// Phases of one axis are gathered place by place; with more of them that costs more than is saved.
const MOST_PHASES: usize = 8;

/// Tiles that have a transform, in places along an axis.
const TILES: RangeInclusive<usize> = 2..=5;

/// Adjacent channels that are worth a product of their own.
const LEAST_RUN: usize = 32;

/// What the phases of a view count as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phases {
    Channels,
    Images,
}

/// The planes of a channel. Tap `t` of the virtual image for plane `q` of the result is the plane
/// `(q * image + t * tap + origin) / step`, if that divides and exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    pub size: usize,
    /// Planes of the result.
    pub images: usize,
    pub taps: usize,
    image: i64,
    tap: i64,
    origin: i64,
    step: i64,
}

impl Depth {
    /// The planes of the result themselves.
    fn result(size: usize) -> Depth {
        Depth { size, images: size, taps: 1, image: 1, tap: 0, origin: 0, step: 1 }
    }

    /// What the forward product reads.
    fn of_x(w: &Window) -> Depth {
        let (image, tap, origin) = (w.step() as i64, w.dilation as i64, -(w.before as i64));
        Depth { size: w.input, images: w.output, taps: w.kernel, image, tap, origin, step: 1 }
    }

    /// What the gradient with respect to x reads.
    fn of_dy(w: &Window) -> Depth {
        let (tap, origin, step) = (-(w.dilation as i64), w.before as i64, w.step() as i64);
        Depth { size: w.output, images: w.input, taps: w.kernel, image: 1, tap, origin, step }
    }

    fn plane(&self, image: usize, tap: usize) -> Option<usize> {
        let place = image as i64 * self.image + tap as i64 * self.tap + self.origin;
        let exists = place % self.step == 0 && (0..self.size as i64).contains(&(place / self.step));
        exists.then(|| (place / self.step) as usize)
    }
}

/// Where virtual images lie: the place `i` of phase `q` along an axis is the place `step * i + q + origin` of a plane.
#[derive(Clone, Copy, Debug)]
pub struct View {
    pub layout: Layout,
    pub depth: Depth,
    /// Rows and columns of a plane.
    pub size: [usize; 2],
    /// Elements from one image to the next.
    pub image: usize,
    /// Channels of a group.
    pub channels: usize,
    pub step: [usize; 2],
    pub origin: [i64; 2],
    pub phases: [usize; 2],
    pub split: Phases,
}

impl View {
    /// Elements of a plane.
    pub fn plane(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Elements of a channel.
    pub fn channel(&self) -> usize {
        self.depth.size * self.plane()
    }

    /// Elements of a group's channels in one image.
    pub fn extent_of(&self, lanes: usize) -> usize {
        match self.layout {
            Layout::Planes => self.channels * self.channel(),
            Layout::Lanes => self.channels.next_multiple_of(lanes) * self.plane(),
        }
    }

    /// Whether rows and columns of a virtual image are those of a plane.
    pub fn is_dense(&self) -> bool {
        self.step == [1; 2]
    }

    fn count(&self) -> usize {
        self.phases[0] * self.phases[1]
    }

    /// Virtual channels of a group for one tap along the depth.
    pub fn tap_channels(&self) -> usize {
        if self.split == Phases::Channels { self.count() * self.channels } else { self.channels }
    }

    /// Virtual channels of a group: those of every tap in turn, of every phase in turn.
    pub fn virtual_channels(&self) -> usize {
        self.depth.taps * self.tap_channels()
    }

    /// Whether `n` adjacent virtual channels from a multiple of `n` on lie equally far apart, with the same places.
    pub fn is_regular(&self, n: usize) -> bool {
        self.is_dense() && (self.depth.taps == 1 || self.channels.is_multiple_of(n))
    }

    /// Whether the planes of `n` channels are loaded once for all phases: where a vector of channels lies in one phase.
    pub fn joins_phases(&self, n: usize) -> bool {
        self.layout == Layout::Planes
            && self.split == Phases::Channels
            && !self.is_dense()
            && self.channels.is_multiple_of(n)
    }

    /// The same planes without phases.
    pub fn joined(&self) -> View {
        View { step: [1; 2], phases: [1; 2], ..*self }
    }

    /// The first element of the plane of a virtual channel of a virtual image, if it has one, and the coordinates of virtual
    /// place 0.
    pub fn plane_of(&self, image: usize, channel: usize) -> Option<(usize, [i64; 2])> {
        let (tap, channel) = (channel / self.tap_channels(), channel % self.tap_channels());
        let (image, channel, phase) = match self.split {
            Phases::Channels => (image, channel % self.channels, channel / self.channels),
            Phases::Images => (image / self.count(), channel, image % self.count()),
        };
        let phase = [phase / self.phases[1], phase % self.phases[1]];
        let origin = [self.origin[0] + phase[0] as i64, self.origin[1] + phase[1] as i64];
        let plane = self.depth.plane(image % self.depth.images, tap)?;
        let image = image / self.depth.images * self.image;
        Some((image + channel * self.channel() + plane * self.plane(), origin))
    }
}

/// One axis of the tile grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Interpolation points: input places of a tile. 1 for an axis that is not transformed.
    pub points: usize,
    /// Output places of a tile.
    pub tile: usize,
    /// Taps of the virtual kernel: `points + 1 - tile`.
    pub taps: usize,
    /// The first virtual output place, and how many there are.
    pub first: i64,
    pub count: usize,
    /// The input place of tap 0, counted from the output place.
    pub shift: i64,
    /// Phases that count as channels and have all taps; the others have one less.
    pub full: usize,
    /// The position at which the values of these others vanish.
    pub vanishing: usize,
}

impl Axis {
    pub fn tiles(&self) -> usize {
        self.count.div_ceil(self.tile)
    }
}

/// A product of transformed inputs and weights, for one group.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub input: View,
    pub output: View,
    pub batch: usize,
    /// Virtual images.
    pub images: usize,
    /// Virtual channels of the input: the sum's length.
    pub channels: usize,
    /// Virtual channels of the output.
    pub outputs: usize,
    pub axes: [Axis; 2],
    /// Tile columns of a segment, and segments of a row of tiles.
    pub segment: usize,
    pub segments: usize,
}

/// Adjacent tiles of one virtual image: rows and columns of its tile grid.
#[derive(Clone, Debug)]
pub struct Run {
    pub image: usize,
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    /// The number of its first tile in the block.
    pub first: usize,
}

impl Plan {
    /// The forward product with transforms of `points` points. None if it has another form.
    pub fn forward(g: &ConvGeometry, points: usize) -> Option<Plan> {
        let (shape, depth) = (Shape::new(g, points)?, &g.windows[0]);
        let count = |axis: usize| match shape.split {
            Phases::Channels => g.output()[axis + 1],
            Phases::Images => g.output()[axis + 1].div_ceil(shape.step[axis]),
        };
        let axes = [0, 1].map(|axis| {
            // A polynomial without its highest power vanishes at infinity, the last point.
            let one = shape.axis(g, axis, 0, count(axis), 0);
            Axis { vanishing: one.points - 1, ..one }
        });
        Some(Plan::new(g, shape.x(g, Depth::of_x(depth)), shape.y(g, Depth::result(depth.output)), axes))
    }

    /// The product that gives the gradient with respect to x: over dy, with the taps in reverse.
    pub fn backward_x(g: &ConvGeometry, points: usize) -> Option<Plan> {
        let (shape, depth) = (Shape::new(g, points)?, &g.windows[0]);
        let axes = [0, 1].map(|axis| {
            let (window, step) = (&g.windows[axis + 1], shape.step[axis]);
            let first = (window.before + 1).saturating_sub(step).div_ceil(step);
            let end = (window.input - 1 + window.before) / step + 1;
            // In reverse it is the constant that is missing: such a one vanishes at 0, the first point.
            shape.axis(g, axis, first as i64, end - first, 1 - shape.taps[axis] as i64)
        });
        Some(Plan::new(g, shape.y(g, Depth::of_dy(depth)), shape.x(g, Depth::result(depth.input)), axes))
    }

    fn new(g: &ConvGeometry, input: View, output: View, axes: [Axis; 2]) -> Plan {
        let phases = if input.split == Phases::Images { input.count() } else { 1 };
        let (channels, outputs) = (input.virtual_channels(), output.virtual_channels());
        let images = g.batch * output.depth.images * phases;
        let mut plan = Plan { input, output, batch: g.batch, images, channels, outputs, axes, segment: 1, segments: 1 };
        plan.cut_rows(1);
        plan
    }

    /// Cuts rows of tiles into segments of about `tiles`.
    pub fn cut_rows(&mut self, tiles: usize) {
        let row = self.axes[1].tiles();
        self.segments = if row > 2 * tiles { row.div_ceil(tiles) } else { 1 };
        self.segment = row.div_ceil(self.segments);
        self.segments = row.div_ceil(self.segment);
    }

    /// Points along an axis that is transformed.
    pub fn points(&self) -> usize {
        self.axes[0].points.max(self.axes[1].points)
    }

    /// Positions of a transformed tile.
    pub fn positions(&self) -> usize {
        self.axes[0].points * self.axes[1].points
    }

    /// The virtual channels of a view whose transformed weights do not vanish at a position: ranges, in order. Where these
    /// were short, it is all channels.
    pub fn present(&self, view: &View, position: usize) -> impl Iterator<Item = Range<usize>> {
        let at = [position / self.axes[1].points, position % self.axes[1].points];
        let (channels, phases, all) = (view.channels, view.phases, view.virtual_channels());
        let full = [0, 1].map(|i| if at[i] == self.axes[i].vanishing { self.axes[i].full } else { phases[i] });
        let columns = full[1] == phases[1];
        let run = if columns { full[0] * phases[1] } else { full[1] } * channels;
        let split = view.split == Phases::Channels && !view.is_dense() && full != phases && run >= LEAST_RUN;
        let runs = if columns { 1 } else { full[0] };
        (0..if split { view.depth.taps * runs } else { 1 }).map(move |i| {
            let start = (i / runs * phases[0] + i % runs) * phases[1] * channels;
            if split { start..start + run } else { 0..all }
        })
    }

    /// The same over all positions, as a share of all.
    pub fn present_share(&self) -> f64 {
        let view = if self.input.is_dense() { &self.output } else { &self.input };
        let present: usize = (0..self.positions()).flat_map(|p| self.present(view, p)).map(|run| run.len()).sum();
        present as f64 / (self.positions() * view.virtual_channels()) as f64
    }

    /// Segments of all images: what blocks are made of.
    pub fn units(&self) -> usize {
        self.images * self.axes[0].tiles() * self.segments
    }

    /// Tiles of all images.
    pub fn tiles(&self) -> usize {
        self.images * self.axes[0].tiles() * self.axes[1].tiles()
    }

    /// The same from a layout to [`Layout::Lanes`] with blocks of `lanes` channels: if the output is dense planes, and no
    /// block of the input has channels of several phases.
    pub fn in_lanes(mut self, input: Layout, lanes: usize) -> Option<Plan> {
        let (from, to) = (&mut self.input, &mut self.output);
        let flat = |view: &View| view.depth.taps == 1 && view.depth.size == 1;
        let blocks = from.is_dense() || (from.split == Phases::Channels && from.channels.is_multiple_of(lanes));
        if !flat(&*from) || !flat(&*to) || !to.is_dense() || (input == Layout::Lanes && !blocks) {
            return None;
        }
        (from.layout, to.layout) = (input, Layout::Lanes);
        for view in [from, to] {
            view.image = view.extent_of(lanes);
        }
        Some(self)
    }

    /// The same with every tile as a segment of its own.
    pub fn in_single_tiles(mut self) -> Plan {
        (self.segment, self.segments) = (1, self.axes[1].tiles());
        self
    }

    /// The tiles of adjacent units, as runs.
    pub fn runs(&self, units: Range<usize>) -> impl Iterator<Item = Run> {
        let (plan, mut unit, mut first) = (*self, units.start, 0);
        let height = plan.axes[0].tiles();
        std::iter::from_fn(move || {
            if unit >= units.end {
                return None;
            }
            let (row, segment) = (unit / plan.segments, unit % plan.segments);
            let (image, row) = (row / height, row % height);
            let rows = if plan.segments == 1 { (height - row).min(units.end - unit) } else { 1 };
            let start = segment * plan.segment;
            let columns = start..(start + plan.segment).min(plan.axes[1].tiles());
            let run = Run { image, rows: row..row + rows, columns, first };
            unit += rows;
            first += rows * run.columns.len();
            Some(run)
        })
    }

    /// The most tiles that `units` adjacent units have.
    pub fn most_tiles(&self, units: usize) -> usize {
        units * self.segment
    }
}

/// What forward and backward plans of a convolution share.
struct Shape {
    points: usize,
    step: [usize; 2],
    /// Phases of an axis that have taps.
    phases: [usize; 2],
    taps: [usize; 2],
    split: Phases,
}

impl Shape {
    fn new(g: &ConvGeometry, points: usize) -> Option<Shape> {
        let windows = [g.windows[1], g.windows[2]];
        if g.x_len() == 0 || g.y_len() == 0 {
            return None;
        }
        let dilated = windows.iter().any(|w| w.dilation > 1 && w.kernel > 1);
        let strided = windows.iter().any(|w| w.step() > 1);
        if dilated && strided {
            return None;
        }
        let step = windows.map(|w| match (dilated, w.kernel) {
            (true, 1) => 1,
            (true, _) => w.dilation,
            (false, _) => w.step(),
        });
        let fits = |axis: usize| {
            let w = &windows[axis];
            step[axis] <= MOST_PHASES && if dilated { step[axis] <= w.output } else { step[axis] <= w.kernel }
        };
        if !fits(0) || !fits(1) {
            return None;
        }
        let taps = [0, 1].map(|a| if dilated { windows[a].kernel } else { windows[a].kernel.div_ceil(step[a]) });
        let transformed = |taps: usize| taps == 1 || (taps < points && TILES.contains(&(points + 1 - taps)));
        if taps == [1, 1] || !taps.into_iter().all(transformed) {
            return None;
        }
        let split = if dilated { Phases::Images } else { Phases::Channels };
        Some(Shape { points, step, phases: step, taps, split })
    }

    fn axis(&self, g: &ConvGeometry, axis: usize, first: i64, count: usize, shift: i64) -> Axis {
        let taps = self.taps[axis];
        let points = if taps == 1 { 1 } else { self.points };
        let full = match self.split {
            Phases::Channels if taps > 1 => g.kernel()[axis + 1] - (taps - 1) * self.step[axis],
            _ => self.phases[axis],
        };
        Axis { points, tile: points + 1 - taps, taps, first, count, shift, full, vanishing: 0 }
    }

    fn x(&self, g: &ConvGeometry, depth: Depth) -> View {
        View {
            layout: Layout::Planes,
            depth,
            size: [g.input()[1], g.input()[2]],
            image: g.groups * g.channels * g.input_plane(),
            channels: g.channels,
            step: self.step,
            origin: [1, 2].map(|axis| -(g.windows[axis].before as i64)),
            phases: self.phases,
            split: self.split,
        }
    }

    fn y(&self, g: &ConvGeometry, depth: Depth) -> View {
        let (step, phases) = match self.split {
            Phases::Channels => ([1; 2], [1; 2]),
            Phases::Images => (self.step, self.phases),
        };
        View {
            layout: Layout::Planes,
            depth,
            size: [g.output()[1], g.output()[2]],
            image: g.groups * g.outputs * g.output_plane(),
            channels: g.outputs,
            step,
            origin: [0; 2],
            phases,
            split: self.split,
        }
    }
}
