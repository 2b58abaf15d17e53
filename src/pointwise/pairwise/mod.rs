//! Losses of predictions and targets, element by element: squared, absolute, Huber's, logistic.

mod kernel;

pub use kernel::{Absolute, ElementLoss, Huber, Logistic, Squared, WeightedLogistic};

use super::{BLOCK, Reduction};
use crate::scalar::Scalar;
use crate::threads::parallel_chunks_mut;

fn parts<T, const N: usize>(operands: [&[T]; N], block: usize, len: usize) -> [&[T]; N] {
    operands.map(|operand| &operand[block * BLOCK..block * BLOCK + len])
}

/// The reduced loss in `value[0]`, or the loss of each element.
pub fn forward<T: Scalar, L: ElementLoss<T, N>, const N: usize>(
    loss: L,
    operands: [&[T]; N],
    reduction: Reduction,
    value: &mut [T],
) {
    let count = operands[0].len();
    match reduction {
        Reduction::Mean => value[0] = T::from_f64(sum(loss, operands) / count as f64),
        Reduction::Sum => value[0] = T::from_f64(sum(loss, operands)),
        Reduction::None => parallel_chunks_mut(value, BLOCK, &|block, losses| {
            kernel::each(loss, parts(operands, block, losses.len()), losses);
        }),
    }
}

/// The sum of all losses.
pub fn sum<T: Scalar, L: ElementLoss<T, N>, const N: usize>(loss: L, operands: [&[T]; N]) -> f64 {
    let count = operands[0].len();
    let mut partials = vec![0.0; count.div_ceil(BLOCK)];
    parallel_chunks_mut(&mut partials, 1, &|block, partial| {
        partial[0] = kernel::sum(loss, parts(operands, block, BLOCK.min(count - block * BLOCK)));
    });
    partials.iter().sum()
}

/// The gradient with respect to the prediction. `dy` has one element unless the reduction is `None`.
pub fn backward<T: Scalar, L: ElementLoss<T, N>, const N: usize>(
    loss: L,
    dy: &[T],
    operands: [&[T]; N],
    reduction: Reduction,
    dx: &mut [T],
) {
    if dx.is_empty() {
        return;
    }
    let count = if reduction == Reduction::Mean { dx.len() as f64 } else { 1.0 };
    let single = [T::from_f64(dy[0].to_f64() / count)];
    parallel_chunks_mut(dx, BLOCK, &|block, dx| {
        let dy = if reduction == Reduction::None { parts([dy], block, dx.len())[0] } else { &single };
        kernel::slope(loss, dy, parts(operands, block, dx.len()), dx);
    });
}
