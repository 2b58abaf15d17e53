//! The gradient with respect to x by products that are added to their places: for few channels, and for inputs much larger
//! than outputs, where gathering the slopes of every place would cost more than the products.
//!
//! For a block of output places, the slopes times the transposed weight give one row for each (channel, tap), and each row is
//! added to the shifted places of its channel. An image's blocks are added in order, so the bits do not depend on the threads.

mod kernel;

use super::super::run_tasks;
use super::kernel::{Source, block_places};
use super::plan::Gather;
use crate::geometry::conv::ConvGeometry;
use crate::scalar::Scalar;
use crate::threads::SharedMut;

/// Output channels whose slopes are gathered at once.
const MOST_OUTPUTS: usize = 1024;
/// Tasks that are enough to keep the threads busy.
const TASKS: usize = 8;

/// Whether this way is expected to be the faster one. Copying or adding a vector costs about as much as eight products.
pub fn pays(g: &ConvGeometry) -> bool {
    let phases: usize = g.windows.iter().map(|w| w.step()).product();
    let gathered = (g.channels + 8).saturating_mul(g.outputs).saturating_mul(g.input_plane() / phases);
    let added = (g.channels * (g.outputs + 8)).saturating_mul(g.output_plane());
    let margin = if phases > 1 { added } else { added + added / 4 };
    g.outputs <= MOST_OUTPUTS && g.taps() > 1 && margin < gathered
}

/// The gradient with respect to x.
pub fn backward_x<T: Scalar>(g: &ConvGeometry, dy: &[T], weight: &[T], dx: &mut [T]) {
    let (x, slopes) = (Gather::of_x(g), Gather::of_dy(g));
    let parts = TASKS.div_ceil((g.batch * g.groups).max(1)).min(g.channels);
    let dx = SharedMut::new(dx);
    run_tasks(g.work(), g.batch * g.groups * parts, &|task| {
        let (n, group, part) = (task / parts / g.groups, task / parts % g.groups, task % parts);
        let channels = part * g.channels / parts..(part + 1) * g.channels / parts;
        let target = kernel::Target {
            data: dx,
            start: (n * g.groups + group) * g.channels * g.input_plane(),
            plane: g.input_plane(),
            step: x.step[2],
            channels,
        };
        target.clear();
        let filters = &weight[group * g.outputs * g.channels * g.taps()..][..g.outputs * g.channels * g.taps()];
        let source =
            Source { data: dy, start: group * g.outputs * g.output_plane(), channel: g.output_plane(), step: 1 };
        for first in (0..g.output_plane()).step_by(block_places::<T>()) {
            let count = block_places::<T>().min(g.output_plane() - first);
            let from = n * g.output_plane() + first;
            let mut places = x.plan(from, count);
            places.pieces.iter_mut().for_each(|piece| piece.from -= n * x.image);
            kernel::add_block(&source, &slopes.plan(from, count), &places, count, filters, g.outputs, &target);
        }
    });
}
