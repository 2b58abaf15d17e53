//! Losses of single elements.

use super::*;
use crate::pointwise::{BLOCK, Reduction, pairwise};
use crate::test_support::random;

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
