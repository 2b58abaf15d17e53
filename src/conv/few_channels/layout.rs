//! How the input of a band lies in scratch, so that what a tap adds to a run of outputs is a contiguous load.

use crate::geometry::conv::ConvGeometry;
use crate::geometry::window::Window;
use crate::scalar::Scalar;
use crate::simd::lanes;

/// Elements of the planes of a band: in part they stay in the first-level cache, as a whole in the second.
const BAND: usize = 16 * 1024;
/// Outputs of a band at least: some full register tiles.
const LEAST_OUTPUTS: usize = 512;
/// Bands of all images, so that there are tasks for several threads.
const LEAST_TASKS: usize = 16;
/// Limit of the planes of a band.
const MOST_SCRATCH: usize = 1 << 17;
/// What whole vectors write and read behind the end.
const TAIL: usize = 64;
/// The price of copying a vector, in those of a multiply-add.
const COPIED: usize = 3;
/// Steps of a sum up to which its loads stay in the first-level cache where every tap has a plane; and what a step costs
/// beyond, in tenths.
const NEAR_STEPS: usize = 160;
const FAR: usize = 11;

/// A plane is a copy of the input's rows of one phase modulo the stride, padded: column `o` is what the outputs of column `o`
/// see under a tap along the last axis.
///
/// Either there is a plane for each of these taps, as wide as the output. Then all outputs of a band are one run, over the ends
/// of rows, and no lane is wasted whatever the width is. Or there is one for each phase of the columns, wider by what the taps
/// reach, and each row of outputs is a run.
#[derive(Clone, Debug)]
pub struct Layout {
    pub windows: [Window; 3],
    /// The phases that rows have, in order.
    pub phases: Vec<usize>,
    /// The padded column where each plane of a phase begins.
    pub columns: Vec<usize>,
    /// Columns of a plane.
    pub width: usize,
    /// For each (channel, tap): where what the band's first output sees under it lies.
    pub steps: Vec<usize>,
    /// Output rows of a run.
    pub run: usize,
    /// Output rows of a band.
    pub band: usize,
    /// Bands of one output plane of one depth.
    pub bands: usize,
}

impl Layout {
    /// None if a band would take too much scratch.
    pub fn new<T: Scalar>(g: &ConvGeometry) -> Option<Self> {
        let joined = joins_rows::<T>(g);
        let layout = Self::without_steps(g, joined)?;
        Some(Layout { steps: layout.all_steps(g, joined), ..layout })
    }

    /// Whether there is one.
    pub fn exists<T: Scalar>(g: &ConvGeometry) -> bool {
        Self::without_steps(g, joins_rows::<T>(g)).is_some()
    }

    fn without_steps(g: &ConvGeometry, joined: bool) -> Option<Self> {
        let [depth, height, width] = &g.windows;
        let (columns, reach) = if joined {
            ((0..width.kernel).map(|tap| tap * width.dilation).collect(), 0)
        } else {
            (phases(width), reach(width))
        };
        let (phases, behind) = (phases(height), self::reach(height));
        let mut layout = Layout { windows: g.windows, phases, columns, width: width.output + reach, ..Self::EMPTY };
        let row = (g.channels * depth.kernel * layout.phases.len() * layout.columns.len()).checked_mul(layout.width)?;
        if row.checked_mul(behind + 1)? > MOST_SCRATCH {
            return None;
        }
        let shared = (g.batch * g.groups * depth.output * height.output).div_ceil(LEAST_TASKS);
        let least = LEAST_OUTPUTS.div_ceil(width.output).max(2 * behind);
        let band = (BAND / row).saturating_sub(behind).min(shared).max(least).min(height.output);
        layout.bands = height.output.div_ceil(band);
        layout.band = height.output.div_ceil(layout.bands);
        layout.run = if joined { layout.band } else { 1 };
        (layout.len(g.channels) <= MOST_SCRATCH).then_some(layout)
    }

    const EMPTY: Layout = Layout {
        windows: [Window::UNIT; 3],
        phases: Vec::new(),
        columns: Vec::new(),
        width: 0,
        steps: Vec::new(),
        run: 1,
        band: 1,
        bands: 1,
    };

    fn all_steps(&self, g: &ConvGeometry, joined: bool) -> Vec<usize> {
        let [depth, height, width] = &self.windows;
        let plane = self.rows() * self.width;
        let slot = |phases: &[usize], phase: usize| phases.partition_point(|&p| p < phase);
        let along = |l: usize| {
            let shift = l * width.dilation;
            let (column, place) = if joined { (shift, 0) } else { (shift % width.step(), shift / width.step()) };
            slot(&self.columns, column) * self.phases.len() * plane + place
        };
        let down = |k: usize| {
            let shift = k * height.dilation;
            slot(&self.phases, shift % height.step()) * plane + shift / height.step() * self.width
        };
        let mut steps = Vec::with_capacity(g.channels * g.taps());
        for planes in 0..g.channels * depth.kernel {
            for k in 0..height.kernel {
                steps.extend((0..width.kernel).map(|l| planes * self.planes() + down(k) + along(l)));
            }
        }
        steps
    }

    /// Rows of a plane.
    pub fn rows(&self) -> usize {
        self.band + reach(&self.windows[1])
    }

    /// Elements of the planes of one channel and one tap along the depth.
    pub fn planes(&self) -> usize {
        self.columns.len() * self.phases.len() * self.rows() * self.width
    }

    /// Elements of the planes of `channels` channels, with room for whole vectors behind their end.
    pub fn len(&self, channels: usize) -> usize {
        channels * self.windows[0].kernel * self.planes() + TAIL
    }
}

/// Whether the lanes that ends of rows would waste cost more than a plane for every tap.
fn joins_rows<T: Scalar>(g: &ConvGeometry) -> bool {
    let [_, height, width] = &g.windows;
    let (steps, vectors) = (g.channels * g.taps(), width.output.div_ceil(lanes::<T>()));
    let rows = height.output * vectors;
    let copied = COPIED * (steps / height.kernel) * (height.output + reach(height)) * vectors;
    let joined = (height.output * width.output).div_ceil(lanes::<T>());
    let price = if steps > NEAR_STEPS { FAR } else { 10 };
    10 * rows * steps * g.outputs > price * joined * steps * g.outputs + 10 * copied
}

/// The phases modulo the stride that taps have, in order.
fn phases(window: &Window) -> Vec<usize> {
    let mut phases: Vec<usize> = (0..window.kernel).map(|tap| tap * window.dilation % window.step()).collect();
    phases.sort_unstable();
    phases.dedup();
    phases
}

/// How many outputs further the last tap's column or row belongs to.
fn reach(window: &Window) -> usize {
    (window.kernel - 1) * window.dilation / window.step()
}
