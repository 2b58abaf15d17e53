//! relu, sigmoid, tanh and their gradients. All arrays of a call are equally long.

mod kernel;

use super::kernel::for_each;
use crate::scalar::Scalar;

/// `max(x, 0)`; NaN passes.
pub fn relu<T: Scalar>(x: &[T], y: &mut [T]) {
    for_each(kernel::Relu, [x], [y]);
}

/// `dy` where x is positive (or NaN), 0 elsewhere.
pub fn relu_backward<T: Scalar>(dy: &[T], x: &[T], dx: &mut [T]) {
    for_each(kernel::ReluSlope, [dy, x], [dx]);
}

/// `1 / (1 + e^-x)`.
pub fn sigmoid<T: Scalar>(x: &[T], y: &mut [T]) {
    for_each(kernel::Sigmoid, [x], [y]);
}

/// The gradient, from the sigmoid itself.
pub fn sigmoid_backward<T: Scalar>(dy: &[T], y: &[T], dx: &mut [T]) {
    for_each(kernel::SigmoidSlope, [dy, y], [dx]);
}

/// The hyperbolic tangent.
pub fn tanh<T: Scalar>(x: &[T], y: &mut [T]) {
    for_each(kernel::Tanh, [x], [y]);
}

/// The gradient, from the hyperbolic tangent itself.
pub fn tanh_backward<T: Scalar>(dy: &[T], y: &[T], dx: &mut [T]) {
    for_each(kernel::TanhSlope, [dy, y], [dx]);
}
