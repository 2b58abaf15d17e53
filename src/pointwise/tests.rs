//! Every pass against plain loops, on the instruction set of the process (the suite runs once for each). Operands lie
//! against guard pages, outputs hold NaN before.

use proptest::prelude::*;

use super::cross_entropy::{CrossEntropy, Scale, Target};
use super::lines::Lines;
use super::*;
use crate::scalar::Scalar;
use crate::test_support::{Guarded, random};

fn nan<T: Scalar>(len: usize) -> Guarded<T> {
    Guarded::new(&vec![T::from_f64(f64::NAN); len])
}

fn wide<T: Scalar>(x: &[T]) -> Vec<f64> {
    x.iter().map(|x| x.to_f64()).collect()
}

/// The error allowed of values about 1, computed in `T` from a few operations.
fn tolerance<T: Scalar>() -> f64 {
    if size_of::<T>() == 4 { 2e-6 } else { 1e-14 }
}

fn assert_close<T: Scalar>(got: &[T], expected: &[f64], what: &str) {
    assert_eq!(got.len(), expected.len());
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (got.to_f64() - expected).abs();
        assert!(error <= tolerance::<T>() * (1.0 + expected.abs()), "{what}[{i}]: {got:?}, expected {expected}");
    }
}

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

/// Calls `body` with the elements of each line.
fn for_lines(lines: Lines, mut body: impl FnMut(usize, Vec<usize>)) {
    let (classes, inner) = (lines.layout.classes, lines.layout.inner);
    for position in 0..lines.positions() {
        let (outer, at) = (position / inner, position % inner);
        body(position, (0..classes).map(|class| (outer * classes + class) * inner + at).collect());
    }
}

fn log_softmax_of(x: &[f64]) -> Vec<f64> {
    let most = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = x.iter().map(|x| (x - most).exp()).sum();
    x.iter().map(|x| x - most - sum.ln()).collect()
}

fn softmax_over<T: Scalar>(shape: [usize; 3], axis: usize, seed: u64) {
    let lines = Lines::new(&shape, axis);
    let len = shape.iter().product();
    let (x, dy) = (Guarded::new(&random::<T>(len, seed)), Guarded::new(&random::<T>(len, seed ^ 1)));
    let (wx, wdy) = (wide(x.as_slice()), wide(dy.as_slice()));
    let [mut y, mut dx, mut log_y, mut log_dx] = [(); 4].map(|()| vec![0.0; len]);
    for_lines(lines, |_, line| {
        let logs = log_softmax_of(&line.iter().map(|&i| wx[i]).collect::<Vec<_>>());
        let products: f64 = line.iter().zip(&logs).map(|(&i, log)| wdy[i] * log.exp()).sum();
        let slopes: f64 = line.iter().map(|&i| wdy[i]).sum();
        for (&i, log) in line.iter().zip(&logs) {
            (y[i], log_y[i]) = (log.exp(), *log);
            dx[i] = log.exp() * (wdy[i] - products);
            log_dx[i] = wdy[i] - log.exp() * slopes;
        }
    });
    let (mut out, mut slope) = (nan::<T>(len), nan::<T>(len));
    softmax::softmax(x.as_slice(), lines, out.as_mut_slice());
    assert_close(out.as_slice(), &y, "softmax");
    softmax::softmax_backward(dy.as_slice(), out.as_slice(), lines, slope.as_mut_slice());
    assert_close(slope.as_slice(), &dx, "softmax_backward");
    softmax::log_softmax(x.as_slice(), lines, out.as_mut_slice());
    assert_close(out.as_slice(), &log_y, "log_softmax");
    softmax::log_softmax_backward(dy.as_slice(), out.as_slice(), lines, slope.as_mut_slice());
    assert_close(slope.as_slice(), &log_dx, "log_softmax_backward");
}

#[test]
fn softmax_of_long_lines_and_many_tasks() {
    for (shape, axis) in
        [([3, 5000, 1], 1), ([900, 65, 1], 1), ([2, 40, 700], 1), ([500, 3, 40], 0), ([0, 3, 4], 1), ([3, 0, 4], 1)]
    {
        softmax_over::<f32>(shape, axis, 5);
        softmax_over::<f64>(shape, axis, 6);
    }
}

#[test]
fn softmax_does_not_overflow() {
    let lines = Lines::new(&[4, 3], 1);
    let infinity = f32::INFINITY;
    let x = [1e4, 0.0, -1e4, -infinity, 0.0, 0.0, -1e30, -1e30, -1e30, f32::NAN, 1.0, 2.0];
    let mut y = [f32::NAN; 12];
    softmax::softmax(&x, lines, &mut y);
    assert_eq!(y[..9], [1.0, 0.0, 0.0, 0.0, 0.5, 0.5, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]);
    assert!(y[9..].iter().all(|y| y.is_nan()));
    softmax::log_softmax(&x, lines, &mut y);
    assert_eq!(y[..4], [0.0, -1e4, -2e4, -infinity]);
}

#[derive(Debug, Clone)]
struct Loss {
    shape: [usize; 3],
    axis: usize,
    probabilities: bool,
    weighted: bool,
    each: bool,
    label_smoothing: f64,
    seed: u64,
}

fn losses() -> impl Strategy<Value = Loss> {
    let flags = (any::<[bool; 4]>(), any::<u64>());
    ([1usize..9, 1usize..40, 1usize..40], 0usize..3, flags).prop_map(|(shape, axis, (flags, seed))| {
        let [probabilities, weighted, each, smooth] = flags;
        // Half of the cases have their classes on the last axis.
        let shape = if seed % 2 == 0 { [shape[0], shape[1], shape[2]] } else { [shape[0] * shape[1], 1, shape[2]] };
        let axis = if seed % 2 == 0 { axis } else { 2 };
        Loss { shape, axis, probabilities, weighted, each, label_smoothing: if smooth { 0.1 } else { 0.0 }, seed }
    })
}

const IGNORE: i64 = -100;

fn cross_entropy_by_its_equation<T: Scalar>(case: &Loss) {
    let lines = Lines::new(&case.shape, case.axis);
    let (classes, positions) = (lines.layout.classes, lines.positions());
    let len = positions * classes;
    let logits = Guarded::new(&random::<T>(len, case.seed));
    let positive = |count: usize, seed: u64| -> Vec<T> {
        random::<T>(count, seed).iter().map(|v| T::from_f64(v.to_f64().abs() + 0.1)).collect()
    };
    let weight = if case.weighted { positive(classes, 3) } else { vec![T::ONE; classes] };
    let (weight, q) = (Guarded::new(&weight), Guarded::new(&positive(len, 4)));
    let ids: Vec<i64> = (0..positions).map(|p| if p % 5 == 2 { IGNORE } else { (p * 7 % classes) as i64 }).collect();
    let slopes = random::<T>(positions, 9);
    let loss = CrossEntropy {
        lines,
        target: if case.probabilities { Target::Probabilities(q.as_slice()) } else { Target::Classes(&ids) },
        weight: weight.as_slice(),
        ignore_index: IGNORE,
        label_smoothing: case.label_smoothing,
    };
    let (wx, ww, wq) = (wide(logits.as_slice()), wide(weight.as_slice()), wide(q.as_slice()));
    let (mut expected, mut gradient, mut counted) = (vec![0.0; positions], vec![0.0; len], 0.0);
    for_lines(lines, |p, line| {
        if !case.probabilities && ids[p] == IGNORE {
            return;
        }
        counted += if case.probabilities { 1.0 } else { ww[ids[p] as usize] };
        let logs = log_softmax_of(&line.iter().map(|&i| wx[i]).collect::<Vec<_>>());
        let hot = |c: usize| f64::from(ids[p] == c as i64);
        let target = |c: usize| if case.probabilities { wq[line[c]] } else { hot(c) };
        let share = case.label_smoothing / classes as f64;
        let goal = |c: usize| ((1.0 - case.label_smoothing) * target(c) + share) * ww[c];
        let mass: f64 = (0..classes).map(goal).sum();
        let slope = if case.each { slopes[p].to_f64() } else { 0.25 };
        expected[p] = -(0..classes).map(|c| goal(c) * logs[c]).sum::<f64>();
        for c in 0..classes {
            gradient[line[c]] = slope * (mass * logs[c].exp() - goal(c));
        }
    });
    let (mut values, mut dlogits) = (nan::<T>(positions), nan::<T>(len));
    let saved = loss.forward(logits.as_slice(), values.as_mut_slice());
    // A loss of probabilities is a sum over all classes: its error grows with them.
    let scaled = |x: &[f64]| x.iter().map(|x| x / classes as f64).collect::<Vec<_>>();
    let shrunk: Vec<T> = scaled(&wide(values.as_slice())).iter().map(|&x| T::from_f64(x)).collect();
    assert_close(&shrunk, &scaled(&expected), "losses");
    let scale = if case.each { Scale::Each(&slopes) } else { Scale::Uniform(T::from_f64(0.25)) };
    loss.backward(logits.as_slice(), &saved, scale, dlogits.as_mut_slice());
    assert_close(dlogits.as_slice(), &gradient, "dlogits");
    assert!((loss.denominator() - counted).abs() <= tolerance::<T>() * (1.0 + counted));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn softmax_over_any_axis(shape in [1usize..9, 1usize..40, 1usize..40], axis in 0usize..3, seed in any::<u64>()) {
        softmax_over::<f32>(shape, axis, seed);
        softmax_over::<f64>(shape, axis, seed);
    }

    #[test]
    fn cross_entropy_of_any_shape(case in losses()) {
        cross_entropy_by_its_equation::<f32>(&case);
        cross_entropy_by_its_equation::<f64>(&case);
    }
}

#[test]
fn cross_entropy_of_many_tasks() {
    for (shape, axis) in [([700, 1, 65], 2), ([900, 20, 3], 1), ([30, 40, 50], 1)] {
        for probabilities in [false, true] {
            let label_smoothing = 0.1;
            let case = Loss { shape, axis, probabilities, weighted: true, each: true, label_smoothing, seed: 8 };
            cross_entropy_by_its_equation::<f64>(&case);
        }
    }
}

#[test]
fn cross_entropy_does_not_overflow() {
    let loss = CrossEntropy {
        lines: Lines::new(&[2, 2], 1),
        target: Target::Classes(&[1, 1]),
        weight: &[1.0f32; 2],
        ignore_index: IGNORE,
        label_smoothing: 0.0,
    };
    let logits = [1e4, -1e4, -1e4, 1e4];
    let (mut losses, mut dlogits) = ([f32::NAN; 2], [f32::NAN; 4]);
    let saved = loss.forward(&logits, &mut losses);
    assert_eq!(losses, [2e4, 0.0]);
    loss.backward(&logits, &saved, Scale::Uniform(0.5), &mut dlogits);
    assert_eq!(dlogits, [0.5, -0.5, 0.0, 0.0]);
}

fn squared_error<T: Scalar>(len: usize) {
    let [x, target, dy] = [1, 2, 3].map(|seed| Guarded::new(&random::<T>(len, seed)));
    let (x, target, dy) = (x.as_slice(), target.as_slice(), dy.as_slice());
    let difference: Vec<f64> = wide(x).iter().zip(wide(target)).map(|(x, t)| x - t).collect();
    let mut out = nan::<T>(len);
    mean_squared_error::forward_each(x, target, out.as_mut_slice());
    assert_close(out.as_slice(), &difference.iter().map(|d| d * d).collect::<Vec<_>>(), "losses");
    let sum: f64 = difference.iter().map(|d| d * d).sum();
    assert!((mean_squared_error::sum(x, target) - sum).abs() <= tolerance::<T>() * (1.0 + sum));
    for (reduction, count) in [(Reduction::Mean, len as f64), (Reduction::Sum, 1.0)] {
        mean_squared_error::backward(&[T::from_f64(0.75)], x, target, reduction, out.as_mut_slice());
        let expected: Vec<f64> = difference.iter().map(|d| 1.5 * d / count).collect();
        assert_close(out.as_slice(), &expected, "dx");
    }
    mean_squared_error::backward(dy, x, target, Reduction::None, out.as_mut_slice());
    let expected: Vec<f64> = difference.iter().zip(wide(dy)).map(|(d, dy)| 2.0 * dy * d).collect();
    assert_close(out.as_slice(), &expected, "dx");
}

#[test]
fn squared_errors_of_any_length() {
    for len in [0, 1, 3, 15, 16, 17, 100, 513, BLOCK, 3 * BLOCK + 11] {
        squared_error::<f32>(len);
        squared_error::<f64>(len);
    }
}

#[test]
fn results_have_the_same_bits_for_any_number_of_threads() {
    let (shape, axis) = ([64, 700, 3], 1);
    let lines = Lines::new(&shape, axis);
    let x: Vec<f32> = random(64 * 700 * 3, 1);
    let ids: Vec<i64> = (0..lines.positions()).map(|p| (p % 700) as i64).collect();
    let weight = vec![1.5f32; 700];
    let target = Target::Classes(&ids);
    let loss = CrossEntropy { lines, target, weight: &weight, ignore_index: IGNORE, label_smoothing: 0.1 };
    let compute = || {
        let [mut y, mut dx, mut dlogits, mut masked] = [(); 4].map(|()| vec![f32::NAN; x.len()]);
        let mut losses = vec![f32::NAN; lines.positions()];
        softmax::softmax(&x, lines, &mut y);
        softmax::softmax_backward(&x, &y, lines, &mut dx);
        let saved = loss.forward(&x, &mut losses);
        loss.backward(&x, &saved, Scale::Uniform(1.0), &mut dlogits);
        dropout::Mask::new(5, 0.4).apply(&x, &mut masked);
        let sum = mean_squared_error::sum(&x, &y);
        [y, dx, dlogits, masked, losses, vec![sum as f32]].concat().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
    };
    let previous = crate::threads::set_override(Some(1));
    let expected = compute();
    for threads in [2, 3, 5] {
        crate::threads::set_override(Some(threads));
        assert_eq!(compute(), expected, "{threads} threads");
    }
    crate::threads::set_override(previous);
}
