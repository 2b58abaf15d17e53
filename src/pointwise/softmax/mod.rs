//! Softmax and its logarithm over one axis.

pub(super) mod kernel;
mod slopes;

use super::lines::Lines;
use super::lines::kernel::{Sources, Term, map, sum};
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::threads::parallel_chunks_mut;

/// `e^x / sum e^x` along each line, without overflow.
pub fn softmax<T: Scalar>(x: &[T], lines: Lines, y: &mut [T]) {
    kernel::forward(false, x, lines, y);
}

/// `x - log sum e^x` along each line, without overflow.
pub fn log_softmax<T: Scalar>(x: &[T], lines: Lines, y: &mut [T]) {
    kernel::forward(true, x, lines, y);
}

/// `y (dy - sum dy y)`, from the softmax itself.
pub fn softmax_backward<T: Scalar>(dy: &[T], y: &[T], lines: Lines, dx: &mut [T]) {
    slope(kernel::Product, kernel::SoftmaxSlope, dy, y, lines, dx);
}

/// `dy - e^y sum dy`, from the log-softmax itself.
pub fn log_softmax_backward<T: Scalar>(dy: &[T], y: &[T], lines: Lines, dx: &mut [T]) {
    slope(kernel::Itself, kernel::LogSoftmaxSlope, dy, y, lines, dx);
}

fn slope<T: Scalar, A: Term<T>, F: Term<T>>(added: A, term: F, dy: &[T], y: &[T], lines: Lines, dx: &mut [T]) {
    if lines.layout.inner > 1 {
        slopes::slopes(added, term, dy, y, lines, dx);
        return;
    }
    in_tasks(lines, dx, &|start, positions, dx| {
        let range = start..start + dx.len();
        let sources = Sources { other: &y[range.clone()], ..Sources::new(&dy[range]) };
        with_scratch(positions, |sums: &mut [T]| {
            sum(added, lines.layout, sources, sums);
            map(term, lines.layout, Sources { lines: [sums, &[], &[], &[]], ..sources }, dx);
        });
    });
}

/// Calls `body(first element, lines, elements)` for whole lines of `y`.
fn in_tasks<T: Scalar>(lines: Lines, y: &mut [T], body: &(dyn Fn(usize, usize, &mut [T]) + Sync)) {
    if y.is_empty() {
        return;
    }
    let classes = lines.layout.classes;
    let chunk = lines.positions_per_task() * classes;
    parallel_chunks_mut(y, chunk, &|task, y| body(task * chunk, y.len() / classes, y));
}
