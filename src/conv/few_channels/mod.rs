//! Convolution of few input channels, as in first layers: pixels in the lanes, straight from bands of all channels in scratch.
//!
//! A product over gathered panels would use each gathered element once for an output channel; here every tap of a row of
//! windows is a contiguous load ([`crate::strip`]), and nothing but the input itself is copied.

mod kernel;
pub mod weight;

use super::run_tasks;
use crate::geometry::conv::ConvGeometry;
use crate::scalar::Scalar;
use crate::strip::Layout;
use crate::strip::kernel::Band;
use crate::threads::SharedMut;
use kernel::Operands;

/// Channels up to which gathering costs more than it saves.
const MOST_CHANNELS: usize = 4;
/// Least output channels.
const LEAST_OUTPUTS: usize = 5;
/// Outputs that share the loads of a tile, by preference.
const BLOCKS: [usize; 2] = [8, 6];

/// The layout of the scratch, if this is a convolution for these kernels.
pub fn layout(g: &ConvGeometry) -> Option<Layout> {
    let width = g.output()[2];
    // Lanes behind a row's end are wasted.
    let full = 10 * width >= 7 * width.next_multiple_of(16);
    let few = g.groups == 1 && g.channels <= MOST_CHANNELS && g.outputs >= LEAST_OUTPUTS;
    if few && full && g.x_len() > 0 && g.y_len() > 0 { Layout::new(&g.windows) } else { None }
}

/// y = x * weight + bias.
pub fn forward<T: Scalar>(g: &ConvGeometry, layout: &Layout, x: &[T], weight: &[T], bias: Option<&[T]>, y: &mut [T]) {
    let [first, second] = BLOCKS;
    let waste = |block: usize| g.outputs.next_multiple_of(block);
    let block = if waste(first) <= waste(second) { first } else { second };
    let panels = panels(g, block, weight);
    let operands = Operands { geometry: g, layout, block, x, panels: &panels, bias };
    let y = SharedMut::new(y);
    run_tasks(g.work(), g.batch * g.output()[0] * layout.bands, &|unit| {
        kernel::forward(&operands, Band::new(layout, unit), y);
    });
}

/// The weights, `block` output channels side by side for each (channel, tap); zeros where there is none.
fn panels<T: Scalar>(g: &ConvGeometry, block: usize, weight: &[T]) -> Vec<T> {
    let terms = g.channels * g.taps();
    let mut panels = vec![T::ZERO; g.outputs.next_multiple_of(block) * terms];
    for (o, row) in weight.chunks_exact(terms).enumerate() {
        let panel = &mut panels[o / block * block * terms + o % block..];
        for (to, &w) in panel.iter_mut().step_by(block).zip(row) {
            *to = w;
        }
    }
    panels
}
