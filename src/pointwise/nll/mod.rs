//! The negative log-likelihood of target classes, from log-probabilities.

use super::lines::Lines;
use super::{Scale, sum_in_turns};
use crate::scalar::Scalar;
use crate::threads::parallel_chunks_mut;

/// One loss: everything but the log-probabilities.
#[derive(Clone, Copy, Debug)]
pub struct NegativeLogLikelihood<'a, T> {
    pub lines: Lines,
    /// One class for each position, or the index to ignore.
    pub target: &'a [i64],
    /// One weight for each class.
    pub weight: &'a [T],
    pub ignore_index: i64,
}

impl<T: Scalar> NegativeLogLikelihood<'_, T> {
    /// The loss of every position, 0 where it is ignored.
    ///
    /// # Panics
    /// If a target names no class.
    pub fn forward(&self, x: &[T], losses: &mut [T]) {
        for (position, (loss, &class)) in losses.iter_mut().zip(self.target).enumerate() {
            *loss = T::ZERO;
            if class != self.ignore_index {
                *loss = -(self.weight[class as usize] * x[self.lines.element(position, class as usize)]);
            }
        }
    }

    /// What a mean of the losses divides by.
    pub fn denominator(&self) -> f64 {
        counted_weight(self.target, self.weight, self.ignore_index)
    }

    /// The gradient with respect to the log-probabilities: a number for each position, and zeros.
    pub fn backward(&self, scale: Scale<T>, dx: &mut [T]) {
        if dx.is_empty() {
            return;
        }
        let classes = self.lines.layout.classes;
        let chunk = self.lines.positions_per_task();
        parallel_chunks_mut(dx, chunk * classes, &|task, dx| {
            dx.fill(T::ZERO);
            let first = task * chunk;
            for position in first..first + dx.len() / classes {
                let class = self.target[position];
                if class != self.ignore_index {
                    let place = self.lines.element(position - first, class as usize);
                    dx[place] = -(scale.at(position) * self.weight[class as usize]);
                }
            }
        });
    }
}

/// The summed weights of the classes that count.
pub fn counted_weight<T: Scalar>(target: &[i64], weight: &[T], ignore_index: i64) -> f64 {
    let weight = |&class: &i64| if class == ignore_index { 0.0 } else { weight[class as usize].to_f64() };
    sum_in_turns(target.iter().map(weight))
}
