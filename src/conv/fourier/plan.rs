//! How a convolution is cut into tiles that are transformed.

use crate::geometry::conv::ConvGeometry;
use crate::geometry::window::Window;
use crate::scalar::Scalar;
use crate::simd::lanes;

/// The longest transform along an axis.
pub const LONGEST: usize = 128;
/// Taps from which a filter may be worth a transform.
const LEAST_TAPS: usize = 12;

/// Whether this algorithm may be the fastest, before a plan is made.
pub fn may_pay(g: &ConvGeometry) -> bool {
    g.taps() >= LEAST_TAPS
}

/// A cross-correlation of stride 1 over planes. Place (0, 0) of a result sees the places from `-before` on of the inputs.
///
/// The gradient with respect to x is one, too, of dy and the filters turned round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub batch: usize,
    pub groups: usize,
    /// Channels of a group that are summed, and that result.
    pub channels: usize,
    pub outputs: usize,
    pub input: [usize; 2],
    pub output: [usize; 2],
    pub kernel: [usize; 2],
    pub before: [i64; 2],
    /// The lengths of the transform, powers of two.
    pub size: [usize; 2],
}

impl Plan {
    /// The product that [`super::forward`] and [`super::backward_weight`] work by, if it is one.
    pub fn forward<T: Scalar>(g: &ConvGeometry) -> Option<Plan> {
        let input = Self::check(g)?;
        Plan {
            batch: g.batch,
            groups: g.groups,
            channels: g.channels,
            outputs: g.outputs,
            input,
            output: [g.windows[1].output, g.windows[2].output],
            kernel: [g.windows[1].kernel, g.windows[2].kernel],
            before: [g.windows[1].before as i64, g.windows[2].before as i64],
            size: [0; 2],
        }
        .sized::<T>()
    }

    /// That of [`super::backward_x`], if it is one.
    pub fn backward_x<T: Scalar>(g: &ConvGeometry) -> Option<Plan> {
        let output = Self::check(g)?;
        let axes = [&g.windows[1], &g.windows[2]];
        Plan {
            batch: g.batch,
            groups: g.groups,
            channels: g.outputs,
            outputs: g.channels,
            input: axes.map(|w| w.output),
            output,
            kernel: axes.map(|w| w.kernel),
            before: axes.map(|w| w.kernel as i64 - 1 - w.before as i64),
            size: [0; 2],
        }
        .sized::<T>()
    }

    /// Rows and columns of the input, if this is an undilated convolution of stride 1 over planes that are not empty.
    fn check(g: &ConvGeometry) -> Option<[usize; 2]> {
        let [depth, height, width] = &g.windows;
        let plane = depth.input == 1 && depth.output == 1 && depth.kernel == 1 && depth.before == 0;
        let plain =
            |w: &Window| (w.stride == 1 || w.output == 1) && (w.dilation == 1 || w.kernel == 1) && w.kernel < LONGEST;
        let some = g.x_len() > 0 && g.y_len() > 0;
        (plane && plain(height) && plain(width) && some).then_some([height.input, width.input])
    }

    /// With the transform that costs least.
    fn sized<T: Scalar>(self) -> Option<Plan> {
        let lengths = |axis: usize, least: usize| {
            let whole = (self.output[axis] + self.kernel[axis] - 1).next_power_of_two().clamp(least, LONGEST);
            let shortest = self.kernel[axis].next_power_of_two().max(least);
            std::iter::successors(Some(shortest), |n| Some(2 * n)).take_while(move |&n| n <= whole.max(shortest))
        };
        // Half the rows' frequencies lie in the lanes, and the columns before that.
        let rows = lengths(0, 2 * lanes::<T>());
        let plans =
            rows.flat_map(|rows| lengths(1, lanes::<T>()).map(move |columns| Plan { size: [rows, columns], ..self }));
        let plans = plans.filter(|plan| plan.size.iter().all(|&n| n <= LONGEST));
        plans.map(|plan| (plan.cost(), plan)).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, plan)| plan)
    }

    /// Rows and columns of results that a tile gives: all of them if the whole input and the padding before it fit into the
    /// transform, and what wraps around is padding.
    pub fn tile(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let [size, input, output, kernel] =
                [self.size, self.input, self.output, self.kernel].map(|of| of[axis] as i64);
            let before = self.before[axis];
            let whole = before >= 0 && before + input <= size && output + kernel - 1 - before <= size && output <= size;
            (if whole { output } else { size + 1 - kernel }) as usize
        })
    }

    /// Tiles along both axes.
    pub fn grid(&self) -> [usize; 2] {
        let tile = self.tile();
        [0, 1].map(|axis| self.output[axis].div_ceil(tile[axis]))
    }

    /// Tiles of all images.
    pub fn tiles(&self) -> usize {
        let [rows, columns] = self.grid();
        self.batch * rows * columns
    }

    /// Transformed filters.
    pub fn filters(&self) -> usize {
        self.groups * self.channels * self.outputs
    }

    /// The time it takes, as [`choice`](super::super::choice) counts it.
    pub fn cost(&self) -> f64 {
        self.cost_of(INPUT, OUTPUT, FILTER)
    }

    /// The same for the gradient with respect to the weight: outputs are transformed, and filters back.
    pub fn weight_cost(&self) -> f64 {
        self.cost_of(INPUT, INPUT, FILTER_SLOPE)
    }

    fn cost_of(&self, input: f64, output: f64, filter: f64) -> f64 {
        let [rows, columns, tiles, groups] = [self.size[0], self.size[1], self.tiles(), self.groups].map(|n| n as f64);
        let [channels, outputs] = [self.channels, self.outputs].map(|n| n as f64);
        let each_tile = input * channels + output * outputs + PRODUCT * channels * outputs;
        rows * columns * groups * (tiles * each_tile + filter * channels * outputs)
    }
}

// What an element of a tile costs, in multiply-adds at the processor's peak rate, with the traffic it causes: to transform it, back
// or forth, and to add the product of two. Fitted to measured times of random shapes (benches/sweep.py).
const INPUT: f64 = 71.0;
const OUTPUT: f64 = 41.0;
const FILTER: f64 = 51.0;
const FILTER_SLOPE: f64 = 33.0;
const PRODUCT: f64 = 4.3;
