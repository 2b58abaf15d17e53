//! Every pass against plain loops, on the instruction set of the process (the suite runs once for each). Operands lie
//! against guard pages, outputs hold NaN before.

mod activation;
mod cross_entropy;
mod element_losses;
mod nll;
mod normalisation;
mod softmax;
mod threads;

use super::lines::Lines;
use crate::scalar::Scalar;
use crate::test_support::Guarded;

/// The class that losses leave out.
const IGNORE: i64 = -100;

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

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
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
