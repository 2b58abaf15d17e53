//! Activations.

use super::*;
use crate::pointwise::{BLOCK, activation};
use crate::test_support::random;

fn elementwise<T: Scalar>(len: usize, seed: u64) {
    let (x, dy) = (Guarded::new(&random::<T>(len, seed)), Guarded::new(&random::<T>(len, seed ^ 1)));
    let (x, dy) = (x.as_slice(), dy.as_slice());
    let (wx, wdy) = (wide(x), wide(dy));
    let expect = |f: fn(f64, f64) -> f64| wx.iter().zip(&wdy).map(|(&x, &dy)| f(x, dy)).collect::<Vec<_>>();
    let (mut y, mut dx) = (nan::<T>(len), nan::<T>(len));
    activation::relu(x, y.as_mut_slice());
    assert_close(y.as_slice(), &expect(|x, _| x.max(0.0)), "relu");
    activation::relu_backward(dy, x, dx.as_mut_slice());
    assert_close(dx.as_slice(), &expect(|x, dy| if x > 0.0 { dy } else { 0.0 }), "relu_backward");
    activation::sigmoid(x, y.as_mut_slice());
    assert_close(y.as_slice(), &expect(|x, _| 1.0 / (1.0 + (-x).exp())), "sigmoid");
    activation::sigmoid_backward(dy, y.as_slice(), dx.as_mut_slice());
    assert_close(dx.as_slice(), &expect(|x, dy| dy / (2.0 + x.exp() + (-x).exp())), "sigmoid_backward");
    activation::tanh(x, y.as_mut_slice());
    assert_close(y.as_slice(), &expect(|x, _| x.tanh()), "tanh");
    activation::tanh_backward(dy, y.as_slice(), dx.as_mut_slice());
    assert_close(dx.as_slice(), &expect(|x, dy| dy / x.cosh().powi(2)), "tanh_backward");
    let slope = T::from_f64(0.25);
    activation::leaky_relu(x, slope, y.as_mut_slice());
    assert_close(y.as_slice(), &expect(|x, _| x.max(0.25 * x)), "leaky_relu");
    activation::leaky_relu_backward(dy, x, slope, dx.as_mut_slice());
    assert_close(dx.as_slice(), &expect(|x, dy| if x > 0.0 { dy } else { 0.25 * dy }), "leaky_relu_backward");
    activation::silu(x, y.as_mut_slice());
    assert_close(y.as_slice(), &expect(|x, _| x * sigmoid(x)), "silu");
    activation::silu_backward(dy, x, dx.as_mut_slice());
    let silu_slope = |x: f64, dy: f64| dy * sigmoid(x) * (1.0 + x * sigmoid(-x));
    assert_close(dx.as_slice(), &expect(silu_slope), "silu_backward");
    activation::gelu(x, false, y.as_mut_slice());
    assert_close(y.as_slice(), &expect(|x, _| x * normal(x)), "gelu");
    activation::gelu_backward(dy, x, false, dx.as_mut_slice());
    let density = |x: f64| (-x * x / 2.0).exp() * 0.398_942_280_401_432_7;
    let gelu_slopes: Vec<f64> = wx.iter().zip(&wdy).map(|(&x, &dy)| dy * (normal(x) + x * density(x))).collect();
    assert_close(dx.as_slice(), &gelu_slopes, "gelu_backward");
    activation::gelu(x, true, y.as_mut_slice());
    let inner = |x: f64| 0.797_884_560_802_865_4 * (x + 0.044_715 * x * x * x);
    let approximate = |x: f64| 0.5 * x * (1.0 + inner(x).tanh());
    assert_close(y.as_slice(), &wx.iter().map(|&x| approximate(x)).collect::<Vec<_>>(), "gelu of tanh");
    activation::gelu_backward(dy, x, true, dx.as_mut_slice());
    let slope_of = |x: f64| {
        let (t, rate) = (inner(x).tanh(), 0.797_884_560_802_865_4 * (1.0 + 3.0 * 0.044_715 * x * x));
        0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * rate
    };
    let slopes: Vec<f64> = wx.iter().zip(&wdy).map(|(&x, &dy)| dy * slope_of(x)).collect();
    assert_close(dx.as_slice(), &slopes, "gelu_backward of tanh");
}

/// The normal distribution, by Simpson's rule.
fn normal(x: f64) -> f64 {
    const STEPS: usize = 400;
    let h = x / STEPS as f64;
    let density = |i: usize| (-(i as f64 * h).powi(2) / 2.0).exp() * 0.398_942_280_401_432_7;
    let weight = |i: usize| if i % 2 == 1 { 4.0 } else { 2.0 };
    let inside: f64 = (1..STEPS).map(|i| weight(i) * density(i)).sum();
    0.5 + h / 3.0 * (density(0) + inside + density(STEPS))
}

fn at_the_edges<T: Scalar>() {
    let (nan, infinity) = (T::from_f64(f64::NAN), -T::NEG_INFINITY);
    let x = [nan, infinity, -infinity, T::ZERO, -T::ZERO, T::from_f64(-1e30)];
    let (mut y, mut dx) = ([nan; 6], [nan; 6]);
    let bits = |y: &[T]| y.iter().map(|y| y.to_f64().to_bits()).collect::<Vec<_>>();
    for which in 0..3 {
        match which {
            0 => (activation::silu(&x, &mut y), activation::silu_backward(&[T::ONE; 6], &x, &mut dx)),
            _ => {
                activation::gelu(&x, which == 2, &mut y);
                ((), activation::gelu_backward(&[T::ONE; 6], &x, which == 2, &mut dx))
            }
        };
        assert!(y[0].is_nan() && dx[0].is_nan());
        assert_eq!(bits(&y[1..]), bits(&[infinity, -T::ZERO, T::ZERO, -T::ZERO, -T::ZERO]), "{which}");
        let half = T::from_f64(0.5);
        assert!(dx[1..] == [T::ONE, T::ZERO, half, half, T::ZERO], "{which}: {dx:?}");
    }
    activation::leaky_relu(&x, T::from_f64(0.5), &mut y);
    assert!(y[0].is_nan());
    assert_eq!(bits(&y[1..5]), bits(&[infinity, -infinity, T::ZERO, -T::ZERO]));
}

#[test]
fn smooth_activations_have_their_limits_at_infinity() {
    at_the_edges::<f32>();
    at_the_edges::<f64>();
}

#[test]
fn elementwise_passes_of_any_length() {
    for len in (0..70).chain([BLOCK - 1, BLOCK, 2 * BLOCK + 5]) {
        elementwise::<f32>(len, len as u64);
        elementwise::<f64>(len, len as u64);
    }
}

fn relu_at_its_kink<T: Scalar>() {
    let nan = T::from_f64(f64::NAN);
    let x = [nan, T::ZERO, -T::ZERO, T::ONE, T::NEG_INFINITY, -T::NEG_INFINITY];
    let (mut y, mut dx) = ([nan; 6], [nan; 6]);
    activation::relu(&x, &mut y);
    assert!(y[0].is_nan());
    assert_eq!(y[1..], [T::ZERO, T::ZERO, T::ONE, T::ZERO, -T::NEG_INFINITY]);
    activation::relu_backward(&[T::ONE; 6], &x, &mut dx);
    assert_eq!(dx, [T::ONE, T::ZERO, T::ZERO, T::ONE, T::ZERO, T::ONE]);
}

#[test]
fn relu_passes_nan_and_has_no_slope_at_zero() {
    relu_at_its_kink::<f32>();
    relu_at_its_kink::<f64>();
}
