//! Small windows without padding, straight from the input: no copy in scratch, every row's taps by whole vectors.

pub mod backward;
pub mod kernel;

use std::ops::Range;

use crate::geometry::pool::PoolGeometry;
use crate::geometry::window::Window;

/// Elements of x or dx in a task, about: what is read and written meanwhile stays in the second-level cache.
const BAND: usize = 1 << 14;
/// Bytes of an array from which on it is written past the caches, which would not hold it for the next reader either.
const STREAMED: usize = 16 << 20;

/// The shape of a call.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub planes: usize,
    pub rows: Window,
    pub columns: Window,
}

impl Plan {
    /// None if the shape is not for these kernels.
    pub fn new(g: &PoolGeometry) -> Option<Self> {
        let [depth, rows, columns] = g.windows;
        let flat = depth.kernel == 1 && depth.before == 0 && depth.output == depth.input;
        let inside = |w: &Window| w.before == 0 && (w.output - 1) * w.step() + w.extent() <= w.input;
        let alike = (rows.kernel, rows.stride) == (columns.kernel, columns.stride);
        let known = matches!((columns.kernel, columns.stride), (2 | 3, 1 | 2) | (3, 3)) && (alike || rows.kernel == 1);
        let near = rows.dilation == 1 && columns.dilation == 1;
        let applies = flat && near && known && inside(&rows) && inside(&columns);
        applies.then_some(Plan { planes: g.planes() * depth.input, rows, columns })
    }

    pub fn taps(&self) -> usize {
        self.rows.kernel * self.columns.kernel
    }

    /// Elements of x.
    pub fn inputs(&self) -> usize {
        self.planes * self.rows.input * self.columns.input
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
        Self::new(plan.rows.input, plan.columns.input + plan.columns.output / plan.rows.step())
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
