//! Convolution of few channels, as in first layers: pixels in the lanes, straight from bands of all channels in scratch.
//!
//! A product over gathered panels would use each gathered element once for an output channel; here the input is copied once
//! for each tap along the last axis where that pays ([`Layout`]), and serves all output channels and all taps along the others.

mod kernel;
mod layout;
pub mod weight;

use super::{SMALL, run_tasks};
use crate::geometry::conv::ConvGeometry;
use crate::scalar::Scalar;
use crate::simd::{Isa, isa, lanes};
use crate::threads::SharedMut;
use kernel::{Band, Operands};
pub use layout::Layout;

/// Channels, of inputs or outputs, up to which a gathered element would serve too few products.
const MOST_CHANNELS: usize = 16;
/// Rows of outputs that are enough for several threads.
const LEAST_ROWS: usize = 8;
/// Vectors that an output plane fills at least.
const LEAST_VECTORS: usize = 2;
/// Output channels of a panel: where registers are few, six need fewer loads for a product, at the price of what is past the
/// last one.
pub const BLOCKS: [usize; 2] = [4, 6];
const SIX_SAVES: usize = 20;

/// Whether this is a convolution for these kernels.
pub fn applies<T: Scalar>(g: &ConvGeometry) -> bool {
    is_one::<T>(g) && Layout::exists::<T>(g)
}

/// The layout of the scratch, if it is.
pub fn layout<T: Scalar>(g: &ConvGeometry) -> Option<Layout> {
    if is_one::<T>(g) { Layout::new::<T>(g) } else { None }
}

fn is_one<T: Scalar>(g: &ConvGeometry) -> bool {
    // A copy of every input would serve few outputs, and one tap.
    let few = g.channels <= MOST_CHANNELS || (g.outputs <= MOST_CHANNELS && g.taps() > 1);
    let wide = g.output_plane() >= LEAST_VECTORS * lanes::<T>();
    let [depth, height, _] = g.output();
    let shared = g.batch * g.groups * depth * height >= LEAST_ROWS || g.work() < 4 * SMALL;
    few && wide && shared && g.x_len() > 0 && g.y_len() > 0
}

/// y = x * weight + bias.
pub fn forward<T: Scalar>(g: &ConvGeometry, layout: &Layout, x: &[T], weight: &[T], bias: Option<&[T]>, y: &mut [T]) {
    let block = block(g.outputs);
    let panels = panels(g, block, weight, bias);
    let operands = Operands { geometry: g, layout, block, x, panels: &panels };
    let y = SharedMut::new(y);
    run_tasks(g.work(), g.batch * g.groups * g.output()[0] * layout.bands, &|unit| {
        kernel::forward(&operands, Band::new(layout, unit), y);
    });
}

/// Output channels of a panel.
fn block(outputs: usize) -> usize {
    let [four, six] = BLOCKS.map(|block| outputs.next_multiple_of(block));
    let saves = if isa() == Isa::Avx512 { six < four } else { SIX_SAVES * six < (SIX_SAVES + 1) * four };
    if saves { 6 } else { 4 }
}

/// For each group the biases and weights, `block` output channels side by side; zeros where there is none.
fn panels<T: Scalar>(g: &ConvGeometry, block: usize, weight: &[T], bias: Option<&[T]>) -> Vec<T> {
    let terms = 1 + g.channels * g.taps();
    let group = g.outputs.next_multiple_of(block) * terms;
    let mut panels = vec![T::ZERO; g.groups * group];
    for (channel, row) in weight.chunks_exact(terms - 1).enumerate() {
        let o = channel % g.outputs;
        let panel = &mut panels[channel / g.outputs * group + o / block * block * terms + o % block..];
        let column = bias.map_or(T::ZERO, |bias| bias[channel]);
        for (to, &w) in panel.iter_mut().step_by(block).zip(std::iter::once(&column).chain(row)) {
            *to = w;
        }
    }
    panels
}
