//! The cross-entropy of a softmax with a target, fused with it: the probabilities are never stored.
//!
//! With `m` the largest logit of a line and `s = sum e^(x - m)`, the log-probability of a class is `x - m - log s`. The goal
//! `g` of a class is its share in the target times its weight; then the loss is `mass log s - sum g (x - m)` with
//! `mass = sum g`, and its gradient is `mass e^(x - m) / s - g`. Forward keeps m, s and mass of each line.

mod kernel;

use kernel::{Goal, Score, Slope, SlopeToGoal};

use super::Scale;
use super::kernel::parallel_zip_chunks_mut;
use super::lines::kernel::{Sources, Term, map, sum};
use super::lines::{Lines, statistics};
use super::nll::counted_weight;
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::threads::parallel_chunks_mut;

/// What the softmax should have been.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a, T> {
    /// One class for each position, or the index to ignore.
    Classes(&'a [i64]),
    /// Probabilities, laid out as the logits.
    Probabilities(&'a [T]),
}

/// One loss: everything but the logits.
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropy<'a, T> {
    pub lines: Lines,
    pub target: Target<'a, T>,
    /// One weight for each class.
    pub weight: &'a [T],
    pub ignore_index: i64,
    pub label_smoothing: f64,
}

/// What forward knows of each position, for backward.
#[derive(Clone, Debug)]
pub struct Statistics<T> {
    maxima: Vec<T>,
    sums: Vec<T>,
    mass: Vec<T>,
}

impl<T> Statistics<T> {
    pub fn nbytes(&self) -> usize {
        3 * self.maxima.len() * size_of::<T>()
    }
}

impl<T: Scalar> CrossEntropy<'_, T> {
    /// The loss of every position, 0 where it is ignored.
    ///
    /// # Panics
    /// If a target names no class.
    pub fn forward(&self, logits: &[T], losses: &mut [T]) -> Statistics<T> {
        let zeros = vec![T::ZERO; losses.len()];
        let mut saved = Statistics { maxima: zeros.clone(), sums: zeros.clone(), mass: zeros };
        let chunk = self.lines.positions_per_task();
        let slices = [losses, &mut saved.maxima, &mut saved.sums, &mut saved.mass];
        parallel_zip_chunks_mut(slices, chunk, &|task, [losses, maxima, sums, mass]| {
            let (first, classes) = (task * chunk, self.lines.layout.classes);
            let elements = first * classes..(first + losses.len()) * classes;
            let x = &logits[elements.clone()];
            statistics(self.lines.layout, x, maxima, sums);
            match self.target {
                Target::Classes(target) => {
                    let target = &target[first..first + losses.len()];
                    self.class_losses(x, target, [maxima, sums], mass, losses);
                }
                Target::Probabilities(target) => {
                    let sources = Sources { other: &target[elements], weights: self.weights(), ..Sources::new(x) };
                    self.goal_losses(self.goal::<true>(), sources, [maxima, sums], mass, losses);
                }
            }
        });
        saved
    }

    /// What a mean of the losses divides by: the summed weights of the classes that count, or the number of probabilities.
    pub fn denominator(&self) -> f64 {
        match self.target {
            Target::Probabilities(_) => self.lines.positions() as f64,
            Target::Classes(target) => counted_weight(target, self.weight, self.ignore_index),
        }
    }

    /// The gradient with respect to the logits.
    pub fn backward(&self, logits: &[T], saved: &Statistics<T>, scale: Scale<T>, dlogits: &mut [T]) {
        if dlogits.is_empty() {
            return;
        }
        let classes = self.lines.layout.classes;
        let chunk = self.lines.positions_per_task();
        parallel_chunks_mut(dlogits, chunk * classes, &|task, dlogits| {
            let (first, positions) = (task * chunk, dlogits.len() / classes);
            let elements = first * classes..(first + positions) * classes;
            with_scratch(2 * positions, |scratch: &mut [T]| {
                let (factors, scales) = scratch.split_at_mut(positions);
                for p in 0..positions {
                    let ignored = matches!(self.target, Target::Classes(t) if t[first + p] == self.ignore_index);
                    scales[p] = if ignored { T::ZERO } else { scale.at(first + p) };
                    factors[p] = scales[p] * saved.mass[first + p] / saved.sums[first + p];
                }
                let lines = [&saved.maxima[first..first + positions], factors, scales, &[]];
                let sources = Sources { lines, weights: self.weights(), ..Sources::new(&logits[elements.clone()]) };
                self.slope(sources, first, elements.start, dlogits);
            });
        });
    }

    /// The gradient of a task, whose first position is `first` and whose first element is `start`.
    fn slope(&self, sources: Sources<T>, first: usize, start: usize, dlogits: &mut [T]) {
        let layout = self.lines.layout;
        match self.target {
            Target::Probabilities(target) => {
                let sources = Sources { other: &target[start..start + dlogits.len()], ..sources };
                map(SlopeToGoal(self.goal::<true>()), layout, sources, dlogits);
            }
            Target::Classes(target) => {
                if self.label_smoothing > 0.0 {
                    map(SlopeToGoal(self.goal::<false>()), layout, sources, dlogits);
                } else {
                    map(Slope, layout, sources, dlogits);
                }
                let keep = T::from_f64(1.0 - self.label_smoothing);
                for (p, &scale) in sources.lines[2].iter().enumerate() {
                    let class = target[first + p];
                    if class != self.ignore_index {
                        let place = &mut dlogits[self.lines.element(p, class as usize)];
                        *place = *place - scale * keep * self.weight[class as usize];
                    }
                }
            }
        }
    }

    fn goal<const PROBABILITIES: bool>(&self) -> Goal<T, PROBABILITIES> {
        let share = self.label_smoothing / self.lines.layout.classes as f64;
        Goal { keep: T::from_f64(1.0 - self.label_smoothing), share: T::from_f64(share) }
    }

    fn weights(&self) -> [&[T]; 4] {
        [self.weight, &[], &[], &[]]
    }

    /// Losses and masses `mass log s - sum g (x - m)` of goals that have a term.
    fn goal_losses<const PROBABILITIES: bool>(
        &self,
        goal: Goal<T, PROBABILITIES>,
        sources: Sources<T>,
        [maxima, sums]: [&[T]; 2],
        mass: &mut [T],
        losses: &mut [T],
    ) where
        Goal<T, PROBABILITIES>: Term<T>,
    {
        let sources = Sources { lines: [maxima, &[], &[], &[]], ..sources };
        sum(goal, self.lines.layout, sources, mass);
        sum(Score(goal), self.lines.layout, sources, losses);
        for ((loss, mass), sum) in losses.iter_mut().zip(mass).zip(sums) {
            *loss = T::from_f64(mass.to_f64() * sum.to_f64().ln() - loss.to_f64());
        }
    }

    fn class_losses(&self, x: &[T], target: &[i64], [maxima, sums]: [&[T]; 2], mass: &mut [T], losses: &mut [T]) {
        if self.label_smoothing > 0.0 {
            let sources = Sources { weights: self.weights(), ..Sources::new(x) };
            self.goal_losses(self.goal::<false>(), sources, [maxima, sums], mass, losses);
        } else {
            mass.fill(T::ZERO);
            losses.fill(T::ZERO);
        }
        let keep = 1.0 - self.label_smoothing;
        for (p, &class) in target.iter().enumerate() {
            if class == self.ignore_index {
                (losses[p], mass[p]) = (T::ZERO, T::ZERO);
                continue;
            }
            let share = keep * self.weight[class as usize].to_f64();
            let score = (x[self.lines.element(p, class as usize)] - maxima[p]).to_f64();
            losses[p] = T::from_f64(losses[p].to_f64() + share * (sums[p].to_f64().ln() - score));
            mass[p] += T::from_f64(share);
        }
    }
}
