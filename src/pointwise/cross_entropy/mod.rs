//! The cross-entropy of a softmax with a target, fused with it: the probabilities are never stored.
//!
//! With `m` the largest logit of a line and `s = sum e^(x - m)`, the log-probability of a class is `x - m - log s`. The goal
//! `g` of a class is its share in the target times its weight; then the loss is `mass log s - sum g (x - m)` with
//! `mass = sum g`, and its gradient is `mass e^(x - m) / s - g`. Forward keeps m, s and mass of each line.

mod kernel;

use std::marker::PhantomData;
use std::ops::Range;

use kernel::{Goal, Score, Slope, SlopeToGoal};

use super::kernel::{parallel_zip_chunks_mut, parallel_zip_pieces_mut};
use super::lines::kernel::{Sources, Term, map, sum};
use super::lines::{Layout, Lines, Piece, statistics as line};
use super::nll::counted_weight;
use super::{Scale, sum_in_turns};
use crate::memory::{Block, with_scratch};
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

/// What forward knows of each position, for backward: for all of them the maxima, then the sums, then the masses.
#[derive(Debug)]
pub struct Statistics<T> {
    block: Block,
    positions: usize,
    element: PhantomData<T>,
}

impl<T: Scalar> Statistics<T> {
    /// # Panics
    /// If there is no memory.
    fn new(positions: usize) -> Self {
        let block = Block::new(3 * positions * size_of::<T>()).unwrap_or_else(|error| panic!("cross_entropy: {error}"));
        Statistics { block, positions, element: PhantomData }
    }

    pub fn nbytes(&self) -> usize {
        3 * self.positions * size_of::<T>()
    }

    fn maxima(&self) -> &[T] {
        &self.block.as_slice(3 * self.positions)[..self.positions]
    }

    fn sums(&self) -> &[T] {
        &self.block.as_slice(3 * self.positions)[self.positions..2 * self.positions]
    }

    fn masses(&self) -> &[T] {
        &self.block.as_slice(3 * self.positions)[2 * self.positions..]
    }

    fn parts_mut(&mut self) -> [&mut [T]; 3] {
        let (maxima, rest) = self.block.as_mut_slice(3 * self.positions).split_at_mut(self.positions);
        let (sums, masses) = rest.split_at_mut(self.positions);
        [maxima, sums, masses]
    }
}

impl<T: Scalar> CrossEntropy<'_, T> {
    /// The loss of every position, 0 where it is ignored.
    ///
    /// # Panics
    /// If a target names no class.
    pub fn forward(&self, logits: &[T], losses: &mut [T]) -> Statistics<T> {
        let mut saved = Statistics::new(losses.len());
        if losses.is_empty() {
            return saved;
        }
        let [maxima, sums, masses] = saved.parts_mut();
        let (pieces, slices) = (self.lines.pieces(), [&mut *losses, maxima, sums, masses]);
        parallel_zip_pieces_mut(slices, &pieces, &|piece, [losses, maxima, sums, masses]| {
            let found = line::Statistics { maxima: &mut *maxima, sums, logarithms: &mut *losses };
            line::statistics(self.lines, &pieces, piece, logits, found);
            let Range { start, end } = pieces.positions(piece);
            match self.target {
                Target::Classes(target) if self.label_smoothing == 0.0 => {
                    self.class_losses(logits, &target[start..end], piece, maxima, masses, losses);
                }
                _ => {}
            }
        });
        if self.label_smoothing > 0.0 || matches!(self.target, Target::Probabilities(_)) {
            self.goal_losses(logits, &mut saved, losses);
        }
        saved
    }

    /// The same, and the sum of all losses.
    ///
    /// # Panics
    /// If a target names no class, or there is no memory.
    pub fn forward_summed(&self, logits: &[T]) -> (Statistics<T>, f64) {
        let positions = self.lines.positions();
        let block = Block::new(positions * size_of::<T>());
        let mut block = block.unwrap_or_else(|error| panic!("cross_entropy: {error}"));
        let losses = block.as_mut_slice(positions);
        let saved = self.forward(logits, losses);
        let sum = sum_in_turns(losses.iter().map(|loss| loss.to_f64()));
        (saved, sum)
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
                    factors[p] = scales[p] * saved.masses()[first + p] / saved.sums()[first + p];
                }
                let lines = [&saved.maxima()[first..first + positions], factors, scales, &[]];
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

    /// Losses and masses of the positions of a piece, of goals that are a class alone. Before, the losses are the logarithms.
    fn class_losses(&self, x: &[T], target: &[i64], piece: &Piece, maxima: &[T], masses: &mut [T], losses: &mut [T]) {
        let Layout { classes, inner } = self.lines.layout;
        let places = piece.outer.clone().flat_map(|outer| piece.columns.clone().map(move |column| (outer, column)));
        for (p, (outer, column)) in places.enumerate() {
            (masses[p], losses[p]) = match target[p] {
                class if class == self.ignore_index => (T::ZERO, T::ZERO),
                class => {
                    let score = x[(outer * classes + class as usize) * inner + column] - maxima[p];
                    let weight = self.weight[class as usize];
                    (weight, weight * (losses[p] - score))
                }
            };
        }
    }

    /// Losses and masses `mass log s - sum g (x - m)` of all other goals. Before, the losses are the logarithms.
    fn goal_losses(&self, x: &[T], saved: &mut Statistics<T>, losses: &mut [T]) {
        let chunk = self.lines.positions_per_task();
        let [maxima, _, masses] = saved.parts_mut();
        parallel_zip_chunks_mut([losses, masses], chunk, &|task, [losses, masses]| {
            let (first, classes) = (task * chunk, self.lines.layout.classes);
            let elements = first * classes..(first + losses.len()) * classes;
            let lines = [&maxima[first..first + losses.len()], &[], &[], &[]];
            let sources = Sources { lines, weights: self.weights(), ..Sources::new(&x[elements.clone()]) };
            with_scratch(losses.len(), |scores: &mut [T]| match self.target {
                Target::Classes(target) => {
                    self.goals(self.goal::<false>(), sources, masses, scores);
                    for (p, &class) in target[first..first + losses.len()].iter().enumerate() {
                        if class == self.ignore_index {
                            (losses[p], masses[p]) = (T::ZERO, T::ZERO);
                            continue;
                        }
                        let share = T::from_f64(1.0 - self.label_smoothing) * self.weight[class as usize];
                        let score = sources.x[self.lines.element(p, class as usize)] - maxima[first + p];
                        masses[p] += share;
                        losses[p] = masses[p] * losses[p] - scores[p] - share * score;
                    }
                }
                Target::Probabilities(target) => {
                    self.goals(self.goal::<true>(), Sources { other: &target[elements], ..sources }, masses, scores);
                    for ((loss, mass), score) in losses.iter_mut().zip(masses).zip(scores) {
                        *loss = *mass * *loss - *score;
                    }
                }
            });
        });
    }

    /// Masses `sum g` and scores `sum g (x - m)` of goals that have a term.
    fn goals<const PROBABILITIES: bool>(
        &self,
        goal: Goal<T, PROBABILITIES>,
        sources: Sources<T>,
        masses: &mut [T],
        scores: &mut [T],
    ) where
        Goal<T, PROBABILITIES>: Term<T>,
    {
        sum(goal, self.lines.layout, sources, masses);
        sum(Score(goal), self.lines.layout, sources, scores);
    }
}
