//! Sums by class of the rows of a sparse matrix.

use super::{First, Labels, Statistic};
use crate::threads::parallel_chunks_mut;

/// Numbers of one of the two types that sparse matrices count with.
#[derive(Clone, Copy)]
pub enum Counters<'a> {
    I32(&'a [i32]),
    I64(&'a [i64]),
}

impl Counters<'_> {
    /// `usize::MAX` for what is negative or not there.
    fn at(self, i: usize) -> usize {
        let number = match self {
            Counters::I32(numbers) => numbers.get(i).map(|&number| i64::from(number)),
            Counters::I64(numbers) => numbers.get(i).copied(),
        };
        number.and_then(|number| usize::try_from(number).ok()).unwrap_or(usize::MAX)
    }
}

/// A matrix in compressed rows; NaN stands for a missing value, and what is not stored is 0.
#[derive(Clone, Copy)]
pub struct SparseRows<'a> {
    pub values: &'a [f64],
    /// The column of each value.
    pub columns: Counters<'a>,
    /// Where each row begins, and where the last one ends.
    pub starts: Counters<'a>,
    pub count: usize,
    pub width: usize,
}

/// For each class and column, (classes, columns).
#[derive(Clone, Debug, Default)]
pub struct SparseSums {
    /// The weighted sum of the statistic, which is 0 for what is not stored.
    pub total: Vec<f64>,
    /// The weight of the rows that are missing; empty if none is.
    pub gone: Vec<f64>,
}

/// Tasks, at most.
const TASKS: usize = 16;

/// The sums by class. `None` if a row or a column leads outside the matrix.
pub fn sparse_sums(rows: &SparseRows, labels: &Labels, statistic: Statistic) -> Option<SparseSums> {
    let cells = labels.classes * rows.width;
    // A task's sums are cleared and joined, which should cost less than what they add up.
    let tasks = (rows.values.len() / (8 * cells).max(1)).clamp(1, TASKS).min(rows.count.max(1));
    let run = rows.count.div_ceil(tasks).max(1);
    let wrong = First::new();
    let mut made: Vec<SparseSums> = (0..tasks).map(|_| SparseSums::default()).collect();
    parallel_chunks_mut(&mut made, 1, &|task, made| {
        let range = (task * run).min(rows.count)..((task + 1) * run).min(rows.count);
        match part(rows, labels, statistic, range) {
            Some(sums) => made[0] = sums,
            None => wrong.note(task),
        }
    });
    if wrong.found().is_some() {
        return None;
    }
    made.into_iter().reduce(|mut all, part| {
        join(&mut all.total, part.total);
        join(&mut all.gone, part.gone);
        all
    })
}

/// Adds numbers up; either may be empty.
fn join(all: &mut Vec<f64>, part: Vec<f64>) {
    if all.is_empty() {
        *all = part;
    } else {
        all.iter_mut().zip(part).for_each(|(all, part)| *all += part);
    }
}

fn part(rows: &SparseRows, labels: &Labels, statistic: Statistic, range: std::ops::Range<usize>) -> Option<SparseSums> {
    let width = rows.width;
    let mut sums = SparseSums { total: vec![0.0; labels.classes * width], gone: Vec::new() };
    for row in range {
        let (start, end) = (rows.starts.at(row), rows.starts.at(row + 1));
        let values = rows.values.get(start..end)?;
        let weight = labels.weights.map_or(1.0, |weights| weights[row]);
        let class = labels.codes[row] as usize * width;
        let totals = &mut sums.total[class..class + width];
        for (i, &x) in values.iter().enumerate() {
            let column = rows.columns.at(start + i);
            if x.is_nan() {
                if sums.gone.is_empty() {
                    sums.gone = vec![0.0; labels.classes * width];
                }
                *sums.gone[class..class + width].get_mut(column)? += weight;
            } else {
                let t = match statistic {
                    Statistic::Itself => x,
                    Statistic::Above(threshold) => f64::from(u8::from(x > threshold)),
                };
                *totals.get_mut(column)? += weight * t;
            }
        }
    }
    Some(sums)
}
