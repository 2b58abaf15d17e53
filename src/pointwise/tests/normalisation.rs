//! Batch and layer normalisation.

use super::*;
use crate::pointwise::normalisation;
use crate::test_support::random;

/// Layer normalisation of `groups` groups of elements by its equations: y, dx and, element by element, what dweight and
/// dbias add up.
struct Normalised {
    y: Vec<f64>,
    dx: Vec<f64>,
    normal: Vec<f64>,
}

fn normalised(
    x: &[f64],
    dy: &[f64],
    groups: &[Vec<usize>],
    weight: impl Fn(usize) -> f64,
    bias: impl Fn(usize) -> f64,
    eps: f64,
) -> Normalised {
    let zeros = vec![0.0; x.len()];
    let mut out = Normalised { y: zeros.clone(), dx: zeros.clone(), normal: zeros };
    for group in groups {
        let count = group.len() as f64;
        let mean = group.iter().map(|&i| x[i]).sum::<f64>() / count;
        let variance = group.iter().map(|&i| (x[i] - mean).powi(2)).sum::<f64>() / count;
        let rate = 1.0 / (variance + eps).sqrt();
        let slopes: f64 = group.iter().map(|&i| dy[i] * weight(i)).sum::<f64>() / count;
        let products: f64 = group.iter().map(|&i| dy[i] * weight(i) * (x[i] - mean) * rate).sum::<f64>() / count;
        for &i in group {
            out.normal[i] = (x[i] - mean) * rate;
            out.y[i] = out.normal[i] * weight(i) + bias(i);
            out.dx[i] = rate * (dy[i] * weight(i) - slopes - out.normal[i] * products);
        }
    }
    out
}

fn batch_norm<T: Scalar>(outer: usize, channels: usize, inner: usize, affine: bool) {
    use normalisation::{BatchGradients, BatchNorm};
    let len = outer * channels * inner;
    let [x, dy] = [1, 2].map(|seed| Guarded::new(&random::<T>(len, seed)));
    let [weight, bias] = [3, 4].map(|seed| Guarded::new(&random::<T>(channels, seed)));
    let (x, dy, weight, bias) = (x.as_slice(), dy.as_slice(), weight.as_slice(), bias.as_slice());
    let channel = |i: usize| i / inner % channels;
    let groups: Vec<Vec<usize>> = (0..channels).map(|c| (0..len).filter(|&i| channel(i) == c).collect()).collect();
    let (ww, wb) = (wide(weight), wide(bias));
    let scale = |i: usize| if affine { ww[channel(i)] } else { 1.0 };
    let shift = |i: usize| if affine { wb[channel(i)] } else { 0.0 };
    let expected = normalised(&wide(x), &wide(dy), &groups, scale, shift, 1e-3);
    let norm = BatchNorm::new(outer, channels, inner, 1e-3);
    let moments = norm.moments(x);
    let (mut y, mut dx, mut dw, mut db) = (nan::<T>(len), nan::<T>(len), nan::<T>(channels), nan::<T>(channels));
    let given = affine.then_some((weight, bias));
    norm.forward(x, &moments, given.map(|g| g.0), given.map(|g| g.1), y.as_mut_slice());
    let gradients =
        BatchGradients { x: Some(dx.as_mut_slice()), weight: Some(dw.as_mut_slice()), bias: Some(db.as_mut_slice()) };
    norm.backward(dy, x, &moments, given.map(|g| g.0), gradients);
    assert_close_to_rounding(y.as_slice(), &expected.y, 8.0, "y");
    assert_close_to_rounding(dx.as_slice(), &expected.dx, 32.0, "dx");
    let (slopes, wide_dy) = (groups.iter(), wide(dy));
    let (sums, products): (Vec<f64>, Vec<f64>) = slopes
        .map(|group| {
            let product = |&i: &usize| wide_dy[i] * expected.normal[i];
            (group.iter().map(|&i| wide_dy[i]).sum::<f64>(), group.iter().map(product).sum::<f64>())
        })
        .unzip();
    let grown = (outer * inner).max(1) as f64;
    assert_close_to_rounding(db.as_slice(), &sums, grown, "db");
    assert_close_to_rounding(dw.as_slice(), &products, 8.0 * grown, "dw");
}

fn assert_close_to_rounding<T: Scalar>(got: &[T], expected: &[f64], grown: f64, what: &str) {
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (got.to_f64() - expected).abs();
        assert!(
            error <= grown * tolerance::<T>() * (1.0 + expected.abs()),
            "{what}[{i}]: {got:?}, expected {expected}"
        );
    }
}

#[test]
fn batch_normalisation_by_its_equations() {
    for (outer, channels, inner) in
        [(4, 3, 1), (5, 2, 4), (3, 4, 6), (2, 3, 700), (300, 70, 1), (2, 3, 9000), (40, 1, 33)]
    {
        for affine in [true, false] {
            batch_norm::<f32>(outer, channels, inner, affine);
            batch_norm::<f64>(outer, channels, inner, affine);
        }
    }
}

#[test]
fn moments_survive_a_large_mean() {
    use normalisation::BatchNorm;
    let x: Vec<f32> = (0..60_000).map(|i| 1e4 + (i % 2) as f32).collect();
    let moments = BatchNorm::new(60_000, 1, 1, 0.0).moments(&x);
    assert_eq!(moments.mean, [10_000.5]);
    assert!((moments.variance[0] - 0.25).abs() < 1e-9, "{:?}", moments.variance);
}

fn layer_norm<T: Scalar>(lines: usize, size: usize, affine: bool) {
    use normalisation::{LayerGradients, LayerNorm};
    let len = lines * size;
    let [x, dy] = [1, 2].map(|seed| Guarded::new(&random::<T>(len, seed)));
    let [weight, bias] = [3, 4].map(|seed| Guarded::new(&random::<T>(size, seed)));
    let (x, dy, weight, bias) = (x.as_slice(), dy.as_slice(), weight.as_slice(), bias.as_slice());
    let groups: Vec<Vec<usize>> = (0..lines).map(|line| (line * size..(line + 1) * size).collect()).collect();
    let (ww, wb) = (wide(weight), wide(bias));
    let scale = |i: usize| if affine { ww[i % size] } else { 1.0 };
    let shift = |i: usize| if affine { wb[i % size] } else { 0.0 };
    let expected = normalised(&wide(x), &wide(dy), &groups, scale, shift, 1e-3);
    let norm = LayerNorm::new(size, 1e-3);
    let given = affine.then_some((weight, bias));
    let (mut y, mut dx, mut dw, mut db) = (nan::<T>(len), nan::<T>(len), nan::<T>(size), nan::<T>(size));
    let moments = norm.forward(x, given.map(|g| g.0), given.map(|g| g.1), y.as_mut_slice());
    let gradients =
        LayerGradients { x: Some(dx.as_mut_slice()), weight: Some(dw.as_mut_slice()), bias: Some(db.as_mut_slice()) };
    norm.backward(dy, x, &moments, given.map(|g| g.0), gradients);
    assert_close_to_rounding(y.as_slice(), &expected.y, 8.0, "y");
    assert_close_to_rounding(dx.as_slice(), &expected.dx, 64.0, "dx");
    let wide_dy = wide(dy);
    let over = |f: &dyn Fn(usize) -> f64| -> Vec<f64> {
        (0..size).map(|d| (0..lines).map(|line| f(line * size + d)).sum()).collect()
    };
    assert_close_to_rounding(db.as_slice(), &over(&|i| wide_dy[i]), lines.max(1) as f64, "db");
    assert_close_to_rounding(
        dw.as_slice(),
        &over(&|i| wide_dy[i] * expected.normal[i]),
        8.0 * lines.max(1) as f64,
        "dw",
    );
}

#[test]
fn layer_normalisation_by_its_equations() {
    for (lines, size) in [(1, 2), (5, 3), (7, 16), (3, 33), (300, 100), (2, 20_000), (9000, 4), (40, 64), (0, 5)] {
        for affine in [true, false] {
            layer_norm::<f32>(lines, size, affine);
            layer_norm::<f64>(lines, size, affine);
        }
    }
}
