//! The weights of virtual kernels, whose taps are sorted by depth and by phase.

use super::memory;
use super::plan::{Phases, Plan};
use crate::geometry::Error;
use crate::geometry::conv::ConvGeometry;
use crate::scalar::Scalar;
use crate::threads::parallel_chunks_mut;

/// Whether the virtual kernel is not the kernel itself.
pub(super) fn is_virtual(plan: &Plan) -> bool {
    let views = [&plan.input, &plan.output];
    views.iter().any(|view| view.depth.taps > 1 || (view.split == Phases::Channels && !view.is_dense()))
}

/// Calls `body` with the virtual weights, sorted by tap along the depth and by phase.
pub(super) fn with_virtual<T: Scalar>(
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
pub(super) struct Order {
    groups: usize,
    /// Outputs of a group.
    outputs: usize,
    pub depth: usize,
    /// Whether the taps along the depth run slower than the outputs.
    flipped: bool,
    channels: usize,
    /// Taps of a channel.
    taps: usize,
    /// Elements of a row, and of a channel in one.
    pub len: usize,
    channel: usize,
    /// The index in a row of every tap of a plane of channel 0.
    places: Vec<usize>,
}

impl Order {
    pub fn new(g: &ConvGeometry, plan: &Plan, flipped: bool) -> Self {
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
    pub fn len(&self) -> usize {
        self.groups * self.outputs * self.depth * self.len
    }

    /// The row of an output, counted over all groups, and a tap along the depth.
    pub fn row(&self, output: usize, depth: usize) -> usize {
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
    pub fn each(&self, depth: usize, mut visit: impl FnMut(usize, usize)) {
        for c in 0..self.channels {
            for (tap, place) in self.places.iter().enumerate() {
                visit(place + c * self.channel, c * self.taps + depth * self.places.len() + tap);
            }
        }
    }
}
