//! The squared error.

mod kernel;

use super::kernel::for_each;
use super::{BLOCK, Reduction};
use crate::scalar::Scalar;
use crate::threads::parallel_chunks_mut;

/// `(x - target)^2`, element by element.
pub fn forward_each<T: Scalar>(x: &[T], target: &[T], losses: &mut [T]) {
    for_each(kernel::Squared, [x, target], [losses]);
}

/// The sum of `(x - target)^2`.
pub fn sum<T: Scalar>(x: &[T], target: &[T]) -> f64 {
    let mut partials = vec![0.0; x.len().div_ceil(BLOCK)];
    parallel_chunks_mut(&mut partials, 1, &|block, partial| {
        let range = block * BLOCK..x.len().min((block + 1) * BLOCK);
        partial[0] = kernel::squared_distance(&x[range.clone()], &target[range]);
    });
    partials.iter().sum()
}

/// The gradient with respect to x. `dy` has one element unless the reduction is `None`.
pub fn backward<T: Scalar>(dy: &[T], x: &[T], target: &[T], reduction: Reduction, dx: &mut [T]) {
    let slope = |count: f64| kernel::Slope { factor: T::from_f64(2.0 * dy[0].to_f64() / count) };
    match reduction {
        Reduction::Mean => for_each(slope(x.len() as f64), [x, target], [dx]),
        Reduction::Sum => for_each(slope(1.0), [x, target], [dx]),
        Reduction::None => for_each(kernel::SlopeOfEach, [dy, x, target], [dx]),
    }
}
