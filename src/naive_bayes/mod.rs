//! Naive Bayes: sums by class and column, counts of categories, log-likelihoods. Each is one pass over rows of any type and
//! any strides, a block at a time; NaN stands for a missing value and is left out.
//!
//! Work is cut by the shapes alone, and what tasks add up is joined in their order: a result has the same bits for any number
//! of threads.

mod categories;
mod rows;
mod scores;
mod sparse;
mod sums;

use std::sync::Mutex;

use crate::threads::parallel_chunks_mut;

pub use categories::{Categories, categories, category_scores, counts};
use rows::Block;
pub use rows::{Columns, Rows, Values};
pub use scores::{Form, likeliest, scores};
pub use sparse::{Counters, SparseRows, SparseSums, sparse_sums};
use sums::kernel::Members;
pub use sums::{Moments, Statistic, Sums, moments, sums};

/// A multiple of every instruction set's lanes of float64.
const LANES: usize = 8;

/// Numbers that a table of scores has behind its last row: a vector may be read from there.
pub const SPARE: usize = LANES;

/// Rows that are turned to columns at a time: a multiple of four vectors.
const ROWS: usize = 64;

/// The finite values that a distribution has.
#[derive(Clone, Copy, Debug)]
pub struct Support {
    pub least: f64,
    pub most: f64,
    /// Whether there are no fractions.
    pub whole: bool,
}

impl Support {
    pub const REAL: Support = Support { least: f64::NEG_INFINITY, most: f64::INFINITY, whole: false };

    /// Whether a value is missing, or one of these.
    fn admits(&self, x: f64) -> bool {
        x.is_nan() || (x.is_finite() && self.least <= x && x <= self.most && (!self.whole || x == x.round_ties_even()))
    }
}

/// The first value that may not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub row: usize,
    pub column: usize,
}

/// The first of what tasks find, whatever their order.
struct First<T>(Mutex<Option<T>>);

impl<T: Ord + Copy> First<T> {
    fn new() -> Self {
        First(Mutex::new(None))
    }

    fn note(&self, found: T) {
        let mut first = self.0.lock().expect("no task panics");
        *first = Some(first.map_or(found, |other| other.min(found)));
    }

    fn found(self) -> Option<T> {
        self.0.into_inner().expect("no task panics")
    }
}

/// The first value of a block, which begins at `row` and `column`, that the support does not admit.
fn fault(block: Block, support: Support, [row, column]: [usize; 2]) -> Option<Fault> {
    (0..block.rows).find_map(|i| {
        let j = block.row(i).iter().position(|&x| !support.admits(x))?;
        Some(Fault { row: row + i, column: column + j })
    })
}

/// Whether a value of a block is missing; the first one that the support does not admit is an error.
fn survey(block: Block, support: Support, at: [usize; 2]) -> Result<bool, Fault> {
    let seen = rows::survey(block, support);
    if !seen.not_finite && !seen.outside {
        return Ok(false);
    }
    // Of what is not finite, only the infinite is out of a finite range.
    let finite = Support { least: support.least.max(f64::MIN), most: support.most.min(f64::MAX), ..support };
    if !rows::survey(block, finite).outside {
        return Ok(true);
    }
    fault(block, support, at).map_or(Ok(seen.not_finite), Err)
}

/// The classes of all rows, counted from 0, and what they weigh: 1 each if `None`.
#[derive(Clone, Copy)]
pub struct Labels<'a> {
    pub codes: &'a [i64],
    pub weights: Option<&'a [f64]>,
    pub classes: usize,
}

impl<'a> Labels<'a> {
    fn of(&self, start: usize, rows: usize) -> Members<'a> {
        let range = start..start + rows;
        Members { codes: &self.codes[range.clone()], weights: self.weights.map(|weights| &weights[range]) }
    }

    /// The sum of the weights of each class's rows among some.
    fn add_weights(members: Members, totals: &mut [f64]) {
        match members.weights {
            None => members.codes.iter().for_each(|&code| totals[code as usize] += 1.0),
            Some(weights) => {
                members.codes.iter().zip(weights).for_each(|(&code, &weight)| totals[code as usize] += weight);
            }
        }
    }
}

/// Columns of a task.
const PANEL: usize = 512;
/// Elements of a block: a quarter of a second-level cache.
const BLOCK: usize = 1 << 15;
/// Tasks over rows, at most.
const TASKS: usize = 64;
/// Elements of a task, at least.
const LEAST: usize = 1 << 15;

/// A task: some rows and some columns.
#[derive(Clone, Copy)]
struct Part {
    row: usize,
    rows: usize,
    column: usize,
    width: usize,
}

/// Cuts a matrix into parts, those of the same columns beside one another and in the order of their rows.
///
/// `cells` is how many numbers each part adds up per column: parts are few enough for them to stay fewer than the elements.
fn parts(rows: &Rows, cells: usize) -> Vec<Part> {
    let width = rows.width();
    let panel = width.min(PANEL);
    if rows.count == 0 || panel == 0 {
        return Vec::new();
    }
    let most = (rows.count * panel / LEAST).min(rows.count / (32 * cells.max(1))).clamp(1, TASKS);
    let run = rows.count.div_ceil(most);
    let mut parts = Vec::new();
    for column in (0..width).step_by(panel) {
        for row in (0..rows.count).step_by(run) {
            parts.push(Part { row, rows: run.min(rows.count - row), column, width: panel.min(width - column) });
        }
    }
    parts
}

impl Part {
    /// The first row of each block, and how many rows it has.
    fn blocks(self) -> impl Iterator<Item = (usize, usize)> {
        let step = (BLOCK / self.width).max(16);
        (self.row..self.row + self.rows).step_by(step).map(move |row| (row, step.min(self.row + self.rows - row)))
    }

    /// Elements of its largest block.
    fn block_len(self) -> usize {
        (BLOCK / self.width).max(16).min(self.rows) * self.width
    }
}

/// What `work` makes of each part, in their order; of its errors the one that comes first in the matrix.
fn over_parts<R: Send>(parts: &[Part], work: &(dyn Fn(Part) -> Result<R, Fault> + Sync)) -> Result<Vec<R>, Fault> {
    let first = First::new();
    let mut results: Vec<Option<R>> = parts.iter().map(|_| None).collect();
    parallel_chunks_mut(&mut results, 1, &|task, result| match work(parts[task]) {
        Ok(made) => result[0] = Some(made),
        Err(fault) => first.note(fault),
    });
    first.found().map_or(Ok(results.into_iter().flatten().collect()), Err)
}

#[cfg(test)]
mod tests;
