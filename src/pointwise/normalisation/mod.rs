//! Batch and layer normalisation: `(x - mean) / sqrt(variance + eps) weight + bias`, over a batch or over each sample.
//!
//! Means and variances are computed in blocks that stay in cache, each with its own mean, so that neither large means nor
//! long sums cost accuracy; what the blocks found is put together in float64, in their order.

mod batch;
mod kernel;
mod layer;
mod line_slopes;

pub use batch::{BatchGradients, BatchMoments, BatchNorm};
pub use layer::{LayerGradients, LayerNorm, LineMoments};

/// What a gradient with respect to x, weight and bias is written to.
type Target<'a, T> = Option<&'a mut [T]>;
