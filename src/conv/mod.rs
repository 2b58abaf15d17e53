//! Convolution (cross-correlation) over one to three spatial axes, and its gradients.
//!
//! All arrays are contiguous: x (N, C, ...), weight (O, C / groups, ...), y (N, O, ...). [`reference`](mod@reference) states
//! what is computed; [`implicit_gemm`] computes it for every shape and option, [`depthwise`] faster where each channel has
//! filters of its own. [`transposed`] convolution is its adjoint, and uses its gradients.

pub mod depthwise;
pub mod implicit_gemm;
pub mod reference;
#[cfg(test)]
mod tests;
pub mod transposed;
pub mod winograd;

use crate::geometry::Error;
use crate::geometry::conv::ConvGeometry;
use crate::scalar::Scalar;
use crate::threads::parallel_for;

/// Multiply-adds below which a call stays on its own thread: waking another costs as much as some millions of them.
const SMALL: usize = 1 << 20;

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Every product of the definition.
    Direct,
}

impl Algorithm {
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Direct => "direct",
        }
    }

    /// The algorithm that is asked for by name, for this convolution.
    ///
    /// # Errors
    /// An unknown name, or an algorithm that does not apply.
    pub fn choose(name: &str, geometry: &ConvGeometry) -> Result<Self, Error> {
        match name {
            "auto" | "direct" => Ok(Algorithm::Direct),
            "winograd" => Err(Error::value(format!(
                "algorithm='winograd' does not apply to a kernel of {}",
                super::geometry::tuple(&geometry.kernel()[3 - geometry.axes..])
            ))),
            other => Err(Error::value(format!("algorithm must be 'auto', 'direct' or 'winograd', got '{other}'"))),
        }
    }
}

/// y = x * weight + bias.
///
/// # Panics
/// If a length differs from the geometry's.
pub fn forward<T: Scalar>(g: &ConvGeometry, x: &[T], weight: &[T], bias: Option<&[T]>, y: &mut [T]) {
    check(g, x.len(), weight.len(), y.len());
    assert!(bias.is_none_or(|bias| bias.len() == g.groups * g.outputs));
    match depthwise::layout(g) {
        Some(layout) => depthwise::forward(g, &layout, x, weight, bias, y),
        None => implicit_gemm::forward(g, x, weight, bias, y),
    }
}

/// The gradient with respect to x.
///
/// # Errors
/// [`Error::Memory`].
///
/// # Panics
/// If a length differs from the geometry's.
pub fn backward_x<T: Scalar>(g: &ConvGeometry, dy: &[T], weight: &[T], dx: &mut [T]) -> Result<(), Error> {
    check(g, dx.len(), weight.len(), dy.len());
    match depthwise::layout(g) {
        Some(layout) => depthwise::backward_x(g, &layout, dy, weight, dx),
        None => implicit_gemm::backward_x(g, dy, weight, dx)?,
    }
    Ok(())
}

/// The gradient with respect to the weight.
///
/// # Errors
/// [`Error::Memory`].
///
/// # Panics
/// If a length differs from the geometry's.
pub fn backward_weight<T: Scalar>(g: &ConvGeometry, dy: &[T], x: &[T], dweight: &mut [T]) -> Result<(), Error> {
    check(g, x.len(), dweight.len(), dy.len());
    match depthwise::layout(g) {
        Some(layout) => depthwise::backward_weight(g, &layout, dy, x, dweight),
        None => implicit_gemm::backward_weight(g, dy, x, dweight)?,
    }
    Ok(())
}

/// The gradient with respect to the bias: sums over all places of an output channel.
///
/// # Panics
/// If a length differs from the geometry's.
pub fn backward_bias<T: Scalar>(g: &ConvGeometry, dy: &[T], dbias: &mut [T]) {
    assert_eq!((dy.len(), dbias.len()), (g.y_len(), g.groups * g.outputs));
    implicit_gemm::channel_sums(g.batch, g.output_plane(), dy, dbias);
}

fn check(g: &ConvGeometry, x: usize, weight: usize, y: usize) {
    assert_eq!((x, weight, y), (g.x_len(), g.weight_len(), g.y_len()));
}

/// Runs the tasks on the pool, or here if the work is small.
fn run_tasks(work: usize, tasks: usize, body: &(dyn Fn(usize) + Sync)) {
    if work < SMALL {
        (0..tasks).for_each(body);
    } else {
        parallel_for(tasks, body);
    }
}
