//! relu, leaky_relu, sigmoid, tanh, silu, gelu and their gradients. All arrays of a call are equally long.

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

/// `x` where x is positive, `slope x` elsewhere.
pub fn leaky_relu<T: Scalar>(x: &[T], slope: T, y: &mut [T]) {
    for_each(kernel::LeakyRelu(slope), [x], [y]);
}

/// `dy` where x is positive, `slope dy` elsewhere.
pub fn leaky_relu_backward<T: Scalar>(dy: &[T], x: &[T], slope: T, dx: &mut [T]) {
    for_each(kernel::LeakyReluSlope(slope), [dy, x], [dx]);
}

/// `x sigmoid(x)`.
pub fn silu<T: Scalar>(x: &[T], y: &mut [T]) {
    for_each(kernel::Silu, [x], [y]);
}

/// The gradient, from x.
pub fn silu_backward<T: Scalar>(dy: &[T], x: &[T], dx: &mut [T]) {
    for_each(kernel::SiluSlope, [dy, x], [dx]);
}

/// `x Phi(x)`, or its approximation by a hyperbolic tangent.
pub fn gelu<T: Scalar>(x: &[T], approximate: bool, y: &mut [T]) {
    if approximate { for_each(kernel::GeluTanh, [x], [y]) } else { for_each(kernel::Gelu, [x], [y]) }
}

/// The gradient, from x.
pub fn gelu_backward<T: Scalar>(dy: &[T], x: &[T], approximate: bool, dx: &mut [T]) {
    if approximate {
        for_each(kernel::GeluTanhSlope, [dy, x], [dx])
    } else {
        for_each(kernel::GeluSlope, [dy, x], [dx])
    }
}
