//! In which order the steps of a batch of sequences of different lengths are computed and kept.

use std::ops::Range;

use crate::geometry::recurrent::RecurrentGeometry;

/// The order of work: step by step, and within a step the sequences that are still running, longest first.
///
/// The `k`-th input that the network sees is a *row*; rows are what the panels of saved values consist of. The sequences
/// that run at step `s` are a prefix of those that run at step `s - 1`, so the rows of a step are contiguous, and the states
/// that they start from are contiguous too. Without `lengths`, and forwards, row `t * batch + b` is step t of sequence b.
pub struct Plan {
    batch: usize,
    reverse: bool,
    /// The sequence at each place, and how long it is.
    order: Vec<usize>,
    lengths: Vec<usize>,
    /// The rows before each step, and behind the last step all rows.
    offsets: Vec<usize>,
    equal: bool,
}

impl Plan {
    pub fn new(geometry: &RecurrentGeometry) -> Self {
        let batch = geometry.batch;
        let mut order: Vec<usize> = (0..batch).collect();
        let mut lengths = vec![geometry.steps; batch];
        if let Some(given) = &geometry.lengths {
            order.sort_by_key(|&b| std::cmp::Reverse(given[b]));
            for (length, &b) in lengths.iter_mut().zip(&order) {
                *length = given[b];
            }
        }
        let steps = lengths.first().copied().unwrap_or(0);
        let mut offsets = Vec::with_capacity(steps + 1);
        let (mut active, mut rows) = (batch, 0);
        for s in 0..steps {
            while lengths[active - 1] <= s {
                active -= 1;
            }
            offsets.push(rows);
            rows += active;
        }
        offsets.push(rows);
        let equal = lengths.last().copied().unwrap_or(0) == steps;
        Plan { batch, reverse: geometry.reverse, order, lengths, offsets, equal }
    }

    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The places of block `i` of `blocks`.
    pub fn part(&self, i: usize, blocks: usize) -> Range<usize> {
        i * self.batch / blocks..(i + 1) * self.batch / blocks
    }

    /// The length of the longest sequence.
    pub fn steps(&self) -> usize {
        self.offsets.len() - 1
    }

    /// All rows: the sum of the lengths.
    pub fn rows(&self) -> usize {
        self.offsets[self.steps()]
    }

    /// Whether all sequences are equally long.
    pub fn equal(&self) -> bool {
        self.equal
    }

    /// Whether row `t * batch + b` is step t of sequence b.
    pub fn natural(&self) -> bool {
        self.equal && !self.reverse
    }

    /// The number of sequences that run at step `s`; none behind the last step.
    #[inline(always)]
    pub fn active(&self, s: usize) -> usize {
        if s < self.steps() { self.offsets[s + 1] - self.offsets[s] } else { 0 }
    }

    /// The row of step `s` of the sequence at `place`.
    #[inline(always)]
    pub fn row(&self, s: usize, place: usize) -> usize {
        self.offsets[s] + place
    }

    /// Where a panel of states keeps the state before step `s` of the sequence at `place`: `batch` initial states first.
    #[inline(always)]
    pub fn state(&self, s: usize, place: usize) -> usize {
        if s == 0 { place } else { self.batch + self.offsets[s - 1] + place }
    }

    /// The sequence at `place`.
    #[inline(always)]
    pub fn sequence(&self, place: usize) -> usize {
        self.order[place]
    }

    #[inline(always)]
    pub fn length(&self, place: usize) -> usize {
        self.lengths[place]
    }

    /// The index in time of step `s` of the sequence at `place`.
    #[inline(always)]
    pub fn time(&self, s: usize, place: usize) -> usize {
        if self.reverse { self.lengths[place] - 1 - s } else { s }
    }

    /// The rows from `first` on, as pairs of step and place.
    pub fn walk(&self, first: usize) -> Walk<'_> {
        let s = self.offsets.partition_point(|&offset| offset <= first).saturating_sub(1);
        Walk { plan: self, s, place: first - self.offsets[s] }
    }
}

/// The iterator of [`Plan::walk`].
pub struct Walk<'a> {
    plan: &'a Plan,
    s: usize,
    place: usize,
}

impl Iterator for Walk<'_> {
    type Item = (usize, usize);

    #[inline]
    fn next(&mut self) -> Option<(usize, usize)> {
        if self.s >= self.plan.steps() {
            return None;
        }
        let here = (self.s, self.place);
        self.place += 1;
        if self.place == self.plan.active(self.s) {
            (self.s, self.place) = (self.s + 1, 0);
        }
        Some(here)
    }
}
