//! Sequences of categories, each drawn from what the network says of it and read as the next input.

use super::{Input, Outputs, Sequence, Stack};
use crate::geometry::recurrent::RecurrentGeometry;
use crate::linear;
use crate::memory::{OutOfMemory, with_scratch};
use crate::scalar::Scalar;

/// The dense layer behind a stack, whose outputs are the logits: weight (V, H), bias (V,).
pub struct Head<'a, T> {
    pub weight: &'a [T],
    pub bias: Option<&'a [T]>,
    pub categories: usize,
}

/// The states, (layers, 1, H) each: those before the first step, and afterwards those behind the last; `c` for an LSTM.
pub struct States<'a, T> {
    pub h: &'a mut [T],
    pub c: Option<&'a mut [T]>,
}

/// Which categories are drawn among, and how boldly.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Logits are divided by it; positive.
    pub temperature: f64,
    /// So many likeliest categories only, of equally likely ones the first; at least one.
    pub top_k: Option<usize>,
    /// The likeliest categories that together have at least this probability.
    pub top_p: Option<f64>,
}

impl Rule {
    /// The category in whose share of the distribution `number`, at least 0 and below 1, falls. Uses `logits` up.
    fn draw(&self, logits: &mut [f64], number: f64) -> usize {
        let mut order: Vec<usize> = Vec::new();
        let mut keep = logits.len();
        if self.top_k.is_some() || self.top_p.is_some() {
            order.extend(0..logits.len());
            order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
            let sorted: Vec<f64> = order.iter().map(|&category| logits[category]).collect();
            logits.copy_from_slice(&sorted);
            keep = keep.min(self.top_k.unwrap_or(keep));
        }
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for logit in &mut *logits {
            sum += ((*logit - largest) / self.temperature).exp();
            *logit = sum;
        }
        if let Some(top_p) = self.top_p {
            keep = keep.min(logits.partition_point(|&cumulative| cumulative < top_p * sum) + 1);
        }
        let shares = &logits[..keep.min(logits.len())];
        let wanted = number * shares[shares.len() - 1];
        let place = shares.partition_point(|&cumulative| cumulative <= wanted).min(shares.len() - 1);
        order.get(place).copied().unwrap_or(place)
    }
}

impl<T: Scalar> Stack<T> {
    /// For each of `numbers`: one step that reads the category before (`first`, to begin with), its `logits` (a row of `categories`), and
    /// the category drawn by the number. Without a `table` (V, inputs) of embeddings, categories are read one-hot.
    ///
    /// # Errors
    /// None: nothing is kept for a backward call.
    ///
    /// # Panics
    /// If a slice does not have the size that the rest says, there are two directions, or `first` is no category.
    pub fn sample(
        &self,
        table: Option<&[T]>,
        head: &Head<T>,
        states: States<T>,
        first: usize,
        rule: Rule,
        numbers: &[f64],
        written: &mut [i64],
        logits: &mut [T],
    ) -> Result<(), OutOfMemory> {
        let (inputs, hidden, size) = (self.inputs(), self.hidden(), self.levels() * self.hidden());
        let categories = head.categories;
        assert!(self.directions() == 1 && first < categories && written.len() == numbers.len());
        assert!(logits.len() == numbers.len() * categories && states.h.len() == size);
        assert!(table.map_or(categories <= inputs, |table| table.len() == categories * inputs));
        let gates = self.network().gates();
        let geometry = RecurrentGeometry { steps: 1, batch: 1, inputs, hidden, gates, lengths: None, reverse: false };
        let States { h, mut c } = states;
        let mut chances = vec![0.0; categories];
        let mut last = [first as i64];
        with_scratch::<T, _>(hidden + 2 * size, |scratch| {
            let (y, scratch) = scratch.split_at_mut(hidden);
            let (h_n, c_n) = scratch.split_at_mut(size);
            let rows = logits.chunks_exact_mut(categories);
            for ((&number, written), logits) in numbers.iter().zip(written).zip(rows) {
                let x = match table {
                    None => Input::Categories(&last),
                    Some(table) => {
                        let row = &table[last[0] as usize * inputs..][..inputs];
                        Input::Features(Sequence::contiguous(row, [1, 1, inputs]))
                    }
                };
                let outputs = Outputs { y: &mut *y, h_n: &mut *h_n, c_n: c.is_some().then_some(&mut *c_n) };
                self.forward(&geometry, &x, Some(&*h), c.as_deref(), outputs)?;
                h.copy_from_slice(h_n);
                if let Some(c) = &mut c {
                    c.copy_from_slice(c_n);
                }
                linear::forward(y, head.weight, head.bias, categories, logits);
                for (to, logit) in chances.iter_mut().zip(&*logits) {
                    *to = logit.to_f64();
                }
                *written = rule.draw(&mut chances, number) as i64;
                last = [*written];
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Rule;

    const ALL: Rule = Rule { temperature: 1.0, top_k: None, top_p: None };

    /// The category for each of `numbers`, for the weights 1, 4, 2, 1.
    fn drawn(rule: Rule, numbers: &[f64]) -> Vec<usize> {
        let logits = [1.0_f64, 4.0, 2.0, 1.0].map(f64::ln);
        numbers.iter().map(|&number| rule.draw(&mut logits.clone(), number)).collect()
    }

    #[test]
    fn a_number_falls_into_the_share_of_its_category() {
        assert_eq!(drawn(ALL, &[0.0, 0.12, 0.13, 0.62, 0.63, 0.87, 0.88, 0.999]), [0, 0, 1, 1, 2, 2, 3, 3]);
    }

    #[test]
    fn temperature_sharpens_the_shares() {
        // 1, 16, 4, 1 of 22.
        let rule = Rule { temperature: 0.5, ..ALL };
        assert_eq!(drawn(rule, &[0.045, 0.046, 0.772, 0.773, 0.954, 0.955]), [0, 1, 1, 2, 2, 3]);
    }

    #[test]
    fn the_likeliest_come_first_and_the_others_not_at_all() {
        let numbers = [0.0, 0.66, 0.67, 0.99];
        assert_eq!(drawn(Rule { top_k: Some(2), ..ALL }, &numbers), [1, 1, 2, 2]);
        assert_eq!(drawn(Rule { top_p: Some(0.7), ..ALL }, &numbers), [1, 1, 2, 2]);
        assert_eq!(drawn(Rule { top_p: Some(0.4), ..ALL }, &numbers), [1; 4]);
        assert_eq!(drawn(Rule { top_k: Some(1), top_p: Some(1.0), ..ALL }, &numbers), [1; 4]);
        // Of the two with the smallest weight the first is kept.
        assert_eq!(drawn(Rule { top_k: Some(3), ..ALL }, &[0.99]), [0]);
    }

    #[test]
    fn values_that_are_no_numbers_draw_some_category() {
        for rule in [ALL, Rule { top_k: Some(2), ..ALL }, Rule { top_p: Some(0.5), ..ALL }] {
            assert!(rule.draw(&mut [f64::NAN, 1.0, f64::NAN], 0.5) < 3);
            assert!(rule.draw(&mut [f64::INFINITY, 1.0, f64::NEG_INFINITY], 0.5) < 3);
        }
    }
}
