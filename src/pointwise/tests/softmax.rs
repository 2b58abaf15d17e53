//! Softmax and its logarithm.

use proptest::prelude::*;

use super::*;
use crate::pointwise::softmax;
use crate::test_support::random;

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
    // Written past the caches; side by side, with too many classes to be copied; turned; a long line with a ragged end.
    for (shape, axis) in
        [([40, 1024, 1], 1), ([1, 3000, 17], 1), ([1000, 10, 1], 1), ([77, 31, 1], 1), ([9, 129, 1], 1)]
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn softmax_over_any_axis(shape in [1usize..9, 1usize..40, 1usize..40], axis in 0usize..3, seed in any::<u64>()) {
        softmax_over::<f32>(shape, axis, seed);
        softmax_over::<f64>(shape, axis, seed);
    }
}
