//! The fast path against plain loops over windows.

use proptest::prelude::*;

use super::*;
use crate::geometry::adaptive::OutputSize;
use crate::test_support::{Guarded, random, rerun_under_other_instruction_sets};

prop_compose! {
    fn cases()(
        planes in (1usize..=2, 1usize..=3),
        input in (1usize..=5, 1usize..=12, prop_oneof![3 => 1usize..=20, 1 => 60usize..=100]),
        output in (1i64..=6, 1i64..=14, 1i64..=24),
        whole in 0usize..=3,
    ) -> AdaptiveGeometry {
        let x = [planes.0, planes.1, input.0, input.1, input.2];
        let mut counts: [OutputSize; 3] = [Some(output.0), Some(output.1), Some(output.2)];
        counts[3 - whole..].fill(Some(1));
        AdaptiveGeometry::new(3, &x, &counts).expect("it fits")
    }
}

/// The flat places of every window, in order.
fn places(g: &AdaptiveGeometry) -> Vec<Vec<usize>> {
    let [_, height, width] = g.input;
    let mut all = Vec::new();
    for d in 0..g.output[0] {
        for h in 0..g.output[1] {
            for w in 0..g.output[2] {
                let mut inside = Vec::new();
                for z in g.window(0, d) {
                    for y in g.window(1, h) {
                        inside.extend(g.window(2, w).map(|x| (z * height + y) * width + x));
                    }
                }
                all.push(inside);
            }
        }
    }
    all
}

fn close<T: Scalar>(fast: &[T], plain: &[f64], limit: f64) {
    assert_eq!(fast.len(), plain.len());
    for (a, b) in fast.iter().zip(plain) {
        assert!((a.to_f64() - b).abs() <= limit * b.abs().max(1.0), "{a:?}, expected {b}");
    }
}

/// Every function against loops over the windows.
pub fn compare<T: Scalar>(g: &AdaptiveGeometry, seed: u64, few_values: bool, limit: f64) {
    let mut x: Vec<T> = random(g.x_len(), seed);
    if few_values {
        x.iter_mut().for_each(|x| *x = T::from_f64((x.to_f64() * 2.0).round()));
        let middle = x.len() / 2;
        x[middle] = T::from_f64(f64::NAN);
    }
    let (x, dy) = (Guarded::new(&x), Guarded::new(&random::<T>(g.y_len(), seed + 1)));
    let nan = |len: usize| Guarded::new(&vec![T::from_f64(f64::NAN); len]);
    let (mut y, mut dx, mut winners) = (nan(g.y_len()), nan(g.x_len()), vec![-1; g.y_len()]);
    let (mut values, mut slopes) = (vec![0.0; g.y_len()], vec![0.0; g.x_len()]);
    let mut first = vec![-1; g.y_len()];
    let windows = places(g);
    for plane in 0..g.planes() {
        let (x, dx) = (&x.as_slice()[plane * g.input_plane()..], &mut slopes[plane * g.input_plane()..]);
        for (o, inside) in windows.iter().enumerate() {
            let at = plane * windows.len() + o;
            values[at] = inside.iter().map(|&i| x[i].to_f64()).sum::<f64>() / inside.len() as f64;
            for &i in inside {
                dx[i] += dy.as_slice()[at].to_f64() / inside.len() as f64;
                let better = |j: usize| x[i] > x[j] || x[i].is_nan() && !x[j].is_nan();
                if first[at] < 0 || better(first[at] as usize) {
                    first[at] = i as i64;
                }
            }
        }
    }
    average_backward(g, dy.as_slice(), dx.as_mut_slice());
    close(dx.as_slice(), &slopes, limit);
    max(g, x.as_slice(), y.as_mut_slice(), &mut winners);
    assert_eq!(winners, first);
    let won = |i: usize| x.as_slice()[i / windows.len() * g.input_plane() + winners[i] as usize];
    assert!(y.as_slice().iter().enumerate().all(|(i, &y)| y == won(i) || y.is_nan() && won(i).is_nan()));
    max_backward(g, dy.as_slice(), &winners, dx.as_mut_slice());
    let total = |values: &[T]| values.iter().map(|v| v.to_f64()).sum::<f64>();
    assert!((total(dx.as_slice()) - total(dy.as_slice())).abs() <= 100.0 * limit * dy.as_slice().len() as f64);
    if !few_values {
        average(g, x.as_slice(), y.as_mut_slice());
        close(y.as_slice(), &values, limit);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fast_path_equals_loops(g in cases(), seed in 0u64..1 << 40, few_values: bool) {
        compare::<f32>(&g, seed, few_values, 1e-6);
        compare::<f64>(&g, seed, few_values, 1e-14);
    }
}

#[test]
fn fast_path_under_every_instruction_set() {
    if std::env::var_os("GOLDFISH_SIMD").is_none() {
        rerun_under_other_instruction_sets("pool::adaptive::tests::fast_path_");
    }
}
