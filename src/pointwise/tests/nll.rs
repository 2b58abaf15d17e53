//! The negative log-likelihood.

use super::*;
use crate::pointwise::{Scale, nll};
use crate::test_support::random;

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
