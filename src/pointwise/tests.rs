//! Every pass against plain loops, on the instruction set of the process (the suite runs once for each). Operands lie
//! against guard pages, outputs hold NaN before.

use proptest::prelude::*;

use super::cross_entropy::{CrossEntropy, Target};
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

/// A loss of single elements against its formulas: the loss, and its slope.
fn element_loss<T: Scalar, L: pairwise::ElementLoss<T, N>, const N: usize>(
    loss: L,
    operands: [&[T]; N],
    formula: impl Fn([f64; N]) -> (f64, f64),
) {
    let len = operands[0].len();
    let wide_operands = operands.map(wide);
    let at = |i: usize| formula(std::array::from_fn(|k| wide_operands[k][i]));
    let (losses, slopes): (Vec<f64>, Vec<f64>) = (0..len).map(at).unzip();
    let dy = Guarded::new(&random::<T>(len, 77));
    let mut out = nan::<T>(len);
    pairwise::forward(loss, operands, Reduction::None, out.as_mut_slice());
    assert_close(out.as_slice(), &losses, "losses");
    let sum: f64 = losses.iter().sum();
    for (reduction, count) in [(Reduction::Mean, len as f64), (Reduction::Sum, 1.0)] {
        let mut value = [T::ZERO];
        pairwise::forward(loss, operands, reduction, &mut value);
        if len > 0 {
            assert!((value[0].to_f64() - sum / count).abs() <= tolerance::<T>() * (1.0 + sum.abs()));
        }
        pairwise::backward(loss, &[T::from_f64(0.75)], operands, reduction, out.as_mut_slice());
        assert_close(out.as_slice(), &slopes.iter().map(|s| 0.75 * s / count).collect::<Vec<_>>(), "dx");
    }
    pairwise::backward(loss, dy.as_slice(), operands, Reduction::None, out.as_mut_slice());
    let expected: Vec<f64> = slopes.iter().zip(wide(dy.as_slice())).map(|(s, dy)| s * dy).collect();
    assert_close(out.as_slice(), &expected, "dx of each");
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn element_losses<T: Scalar>(len: usize) {
    let [x, target] = [1, 2].map(|seed| Guarded::new(&random::<T>(len, seed)));
    let positive = |seed| random::<T>(len, seed).iter().map(|v| T::from_f64(v.to_f64().abs())).collect::<Vec<_>>();
    let [weight, share] = [3, 4].map(|seed| Guarded::new(&positive(seed)));
    let [x, target, weight, share] = [&x, &target, &weight, &share].map(|operand| operand.as_slice());
    element_loss(pairwise::Squared, [x, target], |[x, t]| ((x - t).powi(2), 2.0 * (x - t)));
    element_loss(pairwise::Absolute, [x, target], |[x, t]| ((x - t).abs(), (x - t).signum()));
    element_loss(pairwise::Huber(T::from_f64(0.5)), [x, target], |[x, t]| {
        let d = x - t;
        if d.abs() <= 0.5 { (d * d / 2.0, d) } else { (0.5 * (d.abs() - 0.25), 0.5 * d.signum()) }
    });
    let logistic = |[x, t]: [f64; 2]| ((1.0 - t) * x + (1.0 + (-x).exp()).ln(), sigmoid(x) - t);
    element_loss(pairwise::Logistic, [x, target], logistic);
    element_loss(pairwise::WeightedLogistic, [x, target, weight, share], |[x, t, w, p]| {
        let loss = -(p * t * sigmoid(x).ln() + (1.0 - t) * sigmoid(-x).ln());
        (w * loss, w * ((1.0 - t) * sigmoid(x) - p * t * sigmoid(-x)))
    });
}

#[test]
fn element_losses_of_any_length() {
    for len in [0, 1, 3, 15, 16, 17, 100, 513, BLOCK, 3 * BLOCK + 11] {
        element_losses::<f32>(len);
        element_losses::<f64>(len);
    }
}

#[test]
fn element_losses_do_not_overflow_and_pass_nan() {
    let infinity = f32::INFINITY;
    let mut out = [0.0; 3];
    let logits = ([1e4, -1e4, f32::NAN], [1.0; 3]);
    pairwise::forward(pairwise::Logistic, [&logits.0, &logits.1], Reduction::None, &mut out);
    assert!(out[..2] == [0.0, 1e4] && out[2].is_nan());
    pairwise::backward(pairwise::Logistic, &[1.0], [&logits.0, &logits.1], Reduction::Sum, &mut out);
    assert!(out[..2] == [0.0, -1.0] && out[2].is_nan());
    let far = [infinity, -infinity, f32::NAN];
    for (got, expected) in
        [(slopes_of(pairwise::Absolute, &far), [1.0, -1.0]), (slopes_of(pairwise::Huber(0.5), &far), [0.5, -0.5])]
    {
        assert!(got[..2] == expected && got[2].is_nan());
    }
    pairwise::forward(pairwise::Huber(0.5), [&far, &[0.0; 3]], Reduction::None, &mut out);
    assert!(out[..2] == [infinity; 2] && out[2].is_nan());
}

fn slopes_of<L: pairwise::ElementLoss<f32, 2>>(loss: L, x: &[f32; 3]) -> [f32; 3] {
    let mut out = [0.0; 3];
    pairwise::backward(loss, &[1.0], [x, &[0.0; 3]], Reduction::Sum, &mut out);
    out
}

fn nll_against_cross_entropy<T: Scalar>(shape: [usize; 3], axis: usize) {
    let lines = Lines::new(&shape, axis);
    let (classes, positions) = (lines.layout.classes, lines.positions());
    let x = random::<T>(positions * classes, 5);
    let weight: Vec<T> = random::<T>(classes, 6).iter().map(|v| T::from_f64(v.to_f64().abs() + 0.1)).collect();
    let ids: Vec<i64> = (0..positions).map(|p| if p % 4 == 1 { IGNORE } else { (p * 5 % classes) as i64 }).collect();
    let loss = nll::NegativeLogLikelihood { lines, target: &ids, weight: &weight, ignore_index: IGNORE };
    let (mut losses, mut dx) = (nan::<T>(positions), nan::<T>(x.len()));
    loss.forward(&x, losses.as_mut_slice());
    loss.backward(Scale::Each(&random::<T>(positions, 7)), dx.as_mut_slice());
    let (mut expected, mut gradient) = (vec![0.0; positions], vec![0.0; x.len()]);
    let slopes = random::<T>(positions, 7);
    for_lines(lines, |p, line| {
        if ids[p] != IGNORE {
            let (class, w) = (ids[p] as usize, weight[ids[p] as usize].to_f64());
            expected[p] = -w * x[line[class]].to_f64();
            gradient[line[class]] = -w * slopes[p].to_f64();
        }
    });
    assert_close(losses.as_slice(), &expected, "nll");
    assert_close(dx.as_slice(), &gradient, "nll dx");
}

#[test]
fn negative_log_likelihoods_of_any_axis() {
    for (shape, axis) in
        [([5, 4, 1], 1), ([3, 4, 7], 1), ([4, 3, 2], 0), ([2, 3, 9], 2), ([900, 20, 3], 1), ([0, 3, 2], 1)]
    {
        nll_against_cross_entropy::<f32>(shape, axis);
        nll_against_cross_entropy::<f64>(shape, axis);
    }
}

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
    for (lines, size) in [(1, 2), (5, 3), (7, 16), (3, 33), (300, 100), (2, 20_000), (9000, 4), (0, 5)] {
        for affine in [true, false] {
            layer_norm::<f32>(lines, size, affine);
            layer_norm::<f64>(lines, size, affine);
        }
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
    let (batch, layer) = (normalisation::BatchNorm::new(64, 700, 3, 1e-5), normalisation::LayerNorm::new(2100, 1e-5));
    let compute = || {
        let [mut y, mut dx, mut dlogits, mut masked] = [(); 4].map(|()| vec![f32::NAN; x.len()]);
        let mut losses = vec![f32::NAN; lines.positions()];
        softmax::softmax(&x, lines, &mut y);
        softmax::softmax_backward(&x, &y, lines, &mut dx);
        let saved = loss.forward(&x, &mut losses);
        loss.backward(&x, &saved, Scale::Uniform(1.0), &mut dlogits);
        dropout::Mask::new(5, 0.4).apply(&x, &mut masked);
        let sum = pairwise::sum(pairwise::Squared, [&x, &y]);
        let [mut by_batch, mut by_layer, mut dbatch, mut dlayer] = [(); 4].map(|()| vec![f32::NAN; x.len()]);
        let [mut dweight, mut dbias] = [(); 2].map(|()| vec![f32::NAN; 700]);
        let moments = batch.moments(&x);
        batch.forward(&x, &moments, Some(&weight), None, &mut by_batch);
        let wanted =
            normalisation::BatchGradients { x: Some(&mut dbatch), weight: Some(&mut dweight), bias: Some(&mut dbias) };
        batch.backward(&y, &x, &moments, Some(&weight), wanted);
        let mut wide_weight = vec![f32::NAN; 2100];
        let moments = layer.forward(&x, None, None, &mut by_layer);
        let wanted = normalisation::LayerGradients { x: Some(&mut dlayer), weight: Some(&mut wide_weight), bias: None };
        layer.backward(&y, &x, &moments, None, wanted);
        let normal = [by_batch, by_layer, dbatch, dlayer, dweight, dbias, wide_weight].concat();
        [y, dx, dlogits, masked, losses, normal, vec![sum as f32]]
            .concat()
            .iter()
            .map(|v| v.to_bits())
            .collect::<Vec<_>>()
    };
    let previous = crate::threads::set_override(Some(1));
    let expected = compute();
    for threads in [2, 3, 5] {
        crate::threads::set_override(Some(threads));
        assert_eq!(compute(), expected, "{threads} threads");
    }
    crate::threads::set_override(previous);
}
