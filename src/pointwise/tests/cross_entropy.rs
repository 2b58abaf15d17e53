//! The cross-entropy of a softmax.

use proptest::prelude::*;

use super::*;
use crate::pointwise::Scale;
use crate::pointwise::cross_entropy::{CrossEntropy, Target};
use crate::test_support::random;

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
    // Sums in different orders.
    assert!((loss.denominator() - counted).abs() <= f64::EPSILON * (1 + positions) as f64 * (1.0 + counted));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn cross_entropy_of_any_shape(case in losses()) {
        cross_entropy_by_its_equation::<f32>(&case);
        cross_entropy_by_its_equation::<f64>(&case);
    }
}

#[test]
fn cross_entropy_of_many_tasks() {
    let shapes = [([700, 1, 65], 2), ([900, 20, 3], 1), ([30, 40, 50], 1), ([2, 21, 3000], 1), ([1, 3000, 7], 1)];
    for (shape, axis) in shapes.into_iter().chain([([300, 1, 200], 2)]) {
        for (probabilities, label_smoothing) in [(false, 0.0), (false, 0.1), (true, 0.1)] {
            let case = Loss { shape, axis, probabilities, weighted: true, each: true, label_smoothing, seed: 8 };
            cross_entropy_by_its_equation::<f32>(&case);
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
