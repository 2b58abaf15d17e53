//! Convolution (cross-correlation) over one to three spatial axes, and its gradients.
//!
//! All arrays are contiguous: x (N, C, ...), weight (O, C / groups, ...), y (N, O, ...). [`reference`](mod@reference) states
//! what is computed; [`implicit_gemm`] computes it for every shape and option, [`depthwise`] faster where each channel has
//! filters of its own, [`few_channels`] where these are few, [`winograd`] with fewer products where the
//! kernel is small and channels are many, and [`mod@fourier`] where the kernel is large. [`choice`] says which one computes what. [`transposed`] convolution is the
//! adjoint of a convolution, and uses its gradients.

pub mod choice;
pub mod depthwise;
pub mod few_channels;
pub mod fourier;
pub mod implicit_gemm;
pub mod prepared;
pub mod reference;
#[cfg(test)]
mod tests;
pub mod transposed;
pub mod winograd;

use crate::geometry::Error;
use crate::geometry::conv::ConvGeometry;
use crate::scalar::Scalar;
use crate::threads::parallel_for;

pub use choice::{Algorithm, Precision, Product, Wanted};

/// Multiply-adds below which a call stays on its own thread: waking another costs as much as some millions of them.
const SMALL: usize = 1 << 20;

/// y = x * weight + bias.
///
/// # Errors
/// [`Error::Memory`].
///
/// # Panics
/// If a length differs from the geometry's.
pub fn forward<T: Scalar>(
    g: &ConvGeometry,
    wanted: Wanted,
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    y: &mut [T],
) -> Result<(), Error> {
    check(g, x.len(), weight.len(), y.len());
    assert!(bias.is_none_or(|bias| bias.len() == g.groups * g.outputs));
    match (Algorithm::choose::<T>(g, Product::Forward, wanted), depthwise::layout(g)) {
        (Algorithm::Winograd(plan), _) => winograd::forward(g, &plan, x, weight, bias, y)?,
        (Algorithm::Fourier(plan), _) => fourier::forward(&plan, x, weight, bias, y)?,
        (Algorithm::Direct, Some(layout)) => depthwise::forward(g, &layout, x, weight, bias, y),
        (Algorithm::Direct, None) => match few_channels::layout::<T>(g) {
            Some(layout) => few_channels::forward(g, &layout, x, weight, bias, y),
            None => implicit_gemm::forward(g, x, weight, bias, y),
        },
    }
    Ok(())
}

/// The gradient with respect to x.
///
/// # Errors
/// [`Error::Memory`].
///
/// # Panics
/// If a length differs from the geometry's.
pub fn backward_x<T: Scalar>(
    g: &ConvGeometry,
    wanted: Wanted,
    dy: &[T],
    weight: &[T],
    dx: &mut [T],
) -> Result<(), Error> {
    check(g, dx.len(), weight.len(), dy.len());
    match (Algorithm::choose::<T>(g, Product::BackwardX, wanted), depthwise::layout(g)) {
        (Algorithm::Winograd(plan), _) => winograd::backward_x(g, &plan, dy, weight, dx)?,
        (Algorithm::Fourier(plan), _) => fourier::backward_x(&plan, dy, weight, dx)?,
        (Algorithm::Direct, Some(layout)) => depthwise::backward_x(g, &layout, dy, weight, dx),
        (Algorithm::Direct, None) => implicit_gemm::backward_x(g, dy, weight, dx)?,
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
pub fn backward_weight<T: Scalar>(
    g: &ConvGeometry,
    wanted: Wanted,
    dy: &[T],
    x: &[T],
    dweight: &mut [T],
) -> Result<(), Error> {
    check(g, x.len(), dweight.len(), dy.len());
    match (Algorithm::choose::<T>(g, Product::BackwardWeight, wanted), depthwise::layout(g)) {
        (Algorithm::Winograd(plan), _) => winograd::backward_weight(g, &plan, dy, x, dweight)?,
        (Algorithm::Fourier(plan), _) => fourier::backward_weight(&plan, dy, x, dweight)?,
        (Algorithm::Direct, Some(layout)) => depthwise::backward_weight(g, &layout, dy, x, dweight),
        (Algorithm::Direct, None) if few_channels::weight::applies(g) => {
            few_channels::weight::backward_weight(g, dy, x, dweight)?
        }
        (Algorithm::Direct, None) => implicit_gemm::backward_weight(g, dy, x, dweight)?,
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
