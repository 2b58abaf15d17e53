//! Small windows, straight from the input: every row's taps by whole vectors. With padding, from a padded copy of a band in scratch.

pub mod backward;
pub mod kernel;
mod padding;
mod sink;

use std::ops::Range;

use crate::geometry::pool::PoolGeometry;
use crate::geometry::window::Window;

/// Elements of x or dx in a task, about: what is read and written meanwhile stays in the second-level cache.
const BAND: usize = 1 << 14;
/// Bytes of an array from which on it is written past the caches, which would not hold it for the next reader either.
/// Tests come so far with small arrays.
const STREAMED: usize = if cfg!(test) { 4 << 10 } else { 16 << 20 };

/// The shape of a call.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub planes: usize,
    /// Over an input that has its padding.
    pub rows: Window,
    pub columns: Window,
    /// Rows and columns of x, and how many places of padding come before each.
    x: [usize; 2],
    before: [usize; 2],
}

impl Plan {
    /// None if the shape is not for these kernels.
    pub fn new(g: &PoolGeometry) -> Option<Self> {
        let [depth, rows, columns] = g.windows;
        let flat = depth.kernel == 1 && depth.before == 0 && depth.output == depth.input;
        // Every window sees a place inside.
        let near =
            |w: &Window| w.dilation == 1 && w.before < w.kernel && (w.output - 1) * w.step() < w.before + w.input;
        let alike = (rows.kernel, rows.stride) == (columns.kernel, columns.stride);
        let known = matches!((columns.kernel, columns.stride), (2 | 3, 1 | 2) | (3, 3)) && (alike || rows.kernel == 1);
        let padded = |w: &Window| Window {
            input: (w.before + w.input).max((w.output - 1) * w.step() + w.extent()),
            before: 0,
            after: 0,
            ..*w
        };
        (flat && known && near(&rows) && near(&columns)).then(|| Plan {
            planes: g.planes() * depth.input,
            rows: padded(&rows),
            columns: padded(&columns),
            x: [rows.input, columns.input],
            before: [rows.before, columns.before],
        })
    }

    pub fn padded(&self) -> bool {
        self.x != [self.rows.input, self.columns.input]
    }

    pub fn taps(&self) -> usize {
        self.rows.kernel * self.columns.kernel
    }

    /// Elements of x.
    pub fn inputs(&self) -> usize {
        self.planes * self.x[0] * self.x[1]
    }

    /// Elements of y.
    pub fn outputs(&self) -> usize {
        self.planes * self.rows.output * self.columns.output
    }
}

/// Some rows of a plane.
#[derive(Clone, Debug)]
pub struct Band {
    pub plane: usize,
    pub rows: Range<usize>,
}

/// How the planes' rows are cut into bands.
#[derive(Clone, Copy, Debug)]
pub struct Bands {
    rows: usize,
    each: usize,
    pub to_a_plane: usize,
    /// Elements of x and y that go with a band.
    pub cost: usize,
}

impl Bands {
    /// Bands of rows of y.
    pub fn of_outputs(plan: &Plan) -> Self {
        Self::new(plan.rows.output, plan.rows.step() * plan.columns.input + plan.columns.output)
    }

    /// Bands of rows of dx.
    pub fn of_inputs(plan: &Plan) -> Self {
        Self::new(plan.x[0], plan.columns.input + plan.columns.output / plan.rows.step())
    }

    /// `cost` elements go with each of the `rows`.
    fn new(rows: usize, cost: usize) -> Self {
        let each = (BAND / cost).clamp(1, rows);
        // Bands of about equal height.
        let each = rows.div_ceil(rows.div_ceil(each));
        Bands { rows, each, to_a_plane: rows.div_ceil(each), cost: each * cost }
    }

    pub fn band(&self, unit: usize) -> Band {
        let start = unit % self.to_a_plane * self.each;
        Band { plane: unit / self.to_a_plane, rows: start..(start + self.each).min(self.rows) }
    }
}

/// Whether an array of `len` elements is to be written past the caches.
pub fn streamed<T>(len: usize) -> bool {
    len * size_of::<T>() >= STREAMED
}

/// Whether the arrays of a call come from memory rather than from the caches.
fn far<T>(plan: &Plan) -> bool {
    (plan.inputs() + plan.outputs()) * size_of::<T>() >= 2 * STREAMED
}
