//! Transposed convolution: the adjoint of a convolution, computed by the convolution's own gradients.

use super::Wanted;
use super::implicit_gemm::channel_sums;
use crate::geometry::Error;
use crate::geometry::conv_transpose::TransposedGeometry;
use crate::scalar::Scalar;
use crate::threads::parallel_chunks_mut;

/// Elements of a task that adds a bias.
const TASK: usize = 1 << 16;

/// `y[n, o, i * stride + k * dilation - before]` adds up `x[n, c, i] * weight[c, o, k]`, and `bias[o]` once.
///
/// # Errors
/// [`Error::Memory`].
///
/// # Panics
/// If a length differs from the geometry's.
pub fn forward<T: Scalar>(
    g: &TransposedGeometry,
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    y: &mut [T],
) -> Result<(), Error> {
    super::backward_x(&g.conv, Wanted::Auto, x, weight, y)?;
    if let Some(bias) = bias {
        add_bias(bias, g.conv.input_plane(), y);
    }
    Ok(())
}

fn add_bias<T: Scalar>(bias: &[T], plane: usize, y: &mut [T]) {
    let planes = (TASK / plane).max(1);
    parallel_chunks_mut(y, planes * plane, &|task, y| {
        for (i, y) in y.chunks_exact_mut(plane).enumerate() {
            let term = bias[(task * planes + i) % bias.len()];
            y.iter_mut().for_each(|y| *y += term);
        }
    });
}

/// The gradient with respect to x: a convolution of the slopes.
///
/// # Errors
/// [`Error::Memory`].
///
/// # Panics
/// If a length differs from the geometry's.
pub fn backward_x<T: Scalar>(g: &TransposedGeometry, dy: &[T], weight: &[T], dx: &mut [T]) -> Result<(), Error> {
    super::forward(&g.conv, Wanted::Auto, dy, weight, None, dx)
}

/// The gradient with respect to the weight.
///
/// # Errors
/// [`Error::Memory`].
///
/// # Panics
/// If a length differs from the geometry's.
pub fn backward_weight<T: Scalar>(g: &TransposedGeometry, dy: &[T], x: &[T], dweight: &mut [T]) -> Result<(), Error> {
    super::backward_weight(&g.conv, Wanted::Auto, x, dy, dweight)
}

/// The gradient with respect to the bias: sums over all places of an output channel.
///
/// # Panics
/// If a length differs from the geometry's.
pub fn backward_bias<T: Scalar>(g: &TransposedGeometry, dy: &[T], dbias: &mut [T]) {
    assert_eq!((dy.len(), dbias.len()), (g.conv.x_len(), g.outputs()));
    channel_sums(g.conv.batch, g.conv.input_plane(), dy, dbias);
}
