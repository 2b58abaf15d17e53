//! Log-likelihoods that are sums over columns, and the classes for which they speak.

mod kernel;

use kernel::{Bell, Score, Step, Straight};

use super::{Fault, First, LANES, ROWS, Rows, Support, survey};
use crate::memory::with_scratch;
use crate::threads::parallel_chunks_mut;

/// The log-likelihood of a value in a class: numbers for each class and column, (classes, columns).
#[derive(Clone, Copy)]
pub enum Form<'a> {
    /// `slope x + constant`.
    Straight { slope: &'a [f64], constant: &'a [f64] },
    /// `slope t + constant`, where t is 1 above the threshold, else 0.
    Step { above: f64, slope: &'a [f64], constant: &'a [f64] },
    /// `-rate (x - mean)^2 + constant`.
    Bell { mean: &'a [f64], rate: &'a [f64], constant: &'a [f64] },
}

/// Columns that are turned at a time.
const PANEL: usize = 128;
/// Blocks of a task.
const BLOCKS: usize = 4;

/// Adds to `out`, (rows, classes), the log-likelihood of each row in each class. NaN adds nothing.
///
/// # Errors
/// The first value that is infinite or outside the support; what `out` then holds is open.
///
/// # Panics
/// If the lengths do not fit.
pub fn scores(rows: &Rows, form: Form, support: Support, classes: usize, out: &mut [f64]) -> Result<(), Fault> {
    match form {
        Form::Straight { slope, constant } => Pass::new(rows, Straight, [slope, constant], support, classes).run(out),
        Form::Step { above, slope, constant } => {
            Pass::new(rows, Step(above), [slope, constant], support, classes).run(out)
        }
        Form::Bell { mean, rate, constant } => Pass::new(rows, Bell, [mean, rate, constant], support, classes).run(out),
    }
}

/// Classes that are scored together: two or four.
#[derive(Clone, Copy)]
struct Tile {
    first: usize,
    classes: usize,
    /// Where its numbers begin.
    numbers: usize,
}

struct Pass<'a, F> {
    rows: &'a Rows<'a>,
    form: F,
    support: Support,
    classes: usize,
    tiles: Vec<Tile>,
    /// For each tile, column and kind of number, one of each class.
    numbers: Vec<f64>,
    /// For each panel and class, the sum of the constants.
    constants: Vec<f64>,
}

impl<'a, F: Score + Send + Sync> Pass<'a, F> {
    fn new<const N: usize>(
        rows: &'a Rows<'a>,
        form: F,
        numbers: [&[f64]; N],
        support: Support,
        classes: usize,
    ) -> Self {
        let width = rows.width();
        assert!(N == F::NUMBERS && numbers.iter().all(|kind| kind.len() == classes * width), "numbers for all classes");
        let mut tiles = Vec::new();
        let (mut first, mut at) = (0, 0);
        while first < classes {
            let tile = Tile { first, classes: if classes - first > 2 { 4 } else { 2 }, numbers: at };
            (first, at) = (first + tile.classes, at + tile.classes * width * N);
            tiles.push(tile);
        }
        let mut packed = vec![0.0; at];
        for tile in &tiles {
            for class in tile.first..classes.min(tile.first + tile.classes) {
                for (kind, numbers) in numbers.iter().enumerate() {
                    let start = tile.numbers + kind * tile.classes + class - tile.first;
                    let to = packed[start..].iter_mut().step_by(N * tile.classes);
                    to.zip(&numbers[class * width..][..width]).for_each(|(to, &number)| *to = number);
                }
            }
        }
        let mut constants = vec![0.0; width.div_ceil(PANEL) * classes];
        for (class, constant) in numbers[N - 1].chunks_exact(width.max(1)).enumerate() {
            for (panel, constant) in constant.chunks(PANEL).enumerate() {
                constants[panel * classes + class] = constant.iter().sum();
            }
        }
        Pass { rows, form, support, classes, tiles, numbers: packed, constants }
    }

    fn run(&self, out: &mut [f64]) -> Result<(), Fault> {
        assert_eq!(out.len(), self.rows.count * self.classes, "a number for every row and class");
        if out.is_empty() {
            return Ok(());
        }
        let first = First::new();
        parallel_chunks_mut(out, BLOCKS * ROWS * self.classes, &|task, out| {
            for (block, out) in out.chunks_mut(ROWS * self.classes).enumerate() {
                if let Err(fault) = self.block((task * BLOCKS + block) * ROWS, out) {
                    return first.note(fault);
                }
            }
        });
        first.found().map_or(Ok(()), Err)
    }

    /// Scores up to [`ROWS`] rows.
    fn block(&self, row: usize, out: &mut [f64]) -> Result<(), Fault> {
        let (count, width) = (out.len() / self.classes, self.rows.width());
        let panel = width.min(PANEL);
        let padded = self.classes.next_multiple_of(LANES);
        with_scratch(2 * ROWS * panel + ROWS * padded, |scratch: &mut [f64]| {
            let (plain, rest) = scratch.split_at_mut(ROWS * panel);
            let (turned, totals) = rest.split_at_mut(ROWS * panel);
            totals.fill(0.0);
            for (panel, column) in (0..width).step_by(PANEL).enumerate() {
                let columns = PANEL.min(width - column);
                let block = self.rows.block([row, column], [count, columns], plain);
                let turned = &mut turned[..columns * ROWS];
                // First in the order in which it lies: turning alone would wait for memory.
                let gaps = survey(block, self.support, [row, column])?;
                kernel::turn(block, turned);
                if !gaps {
                    let constants = &self.constants[panel * self.classes..];
                    totals.chunks_exact_mut(ROWS).zip(constants).for_each(|(totals, &constant)| {
                        totals.iter_mut().for_each(|total| *total += constant);
                    });
                }
                self.panel(column, turned, gaps, totals);
            }
            kernel::turn_back(totals, self.classes, out);
            Ok(())
        })
    }

    fn panel(&self, column: usize, turned: &[f64], gaps: bool, totals: &mut [f64]) {
        for tile in &self.tiles {
            let per_column = F::NUMBERS * tile.classes;
            let start = tile.numbers + column * per_column;
            let numbers = &self.numbers[start..start + turned.len() / ROWS * per_column];
            let totals = &mut totals[tile.first * ROWS..][..tile.classes * ROWS];
            match (tile.classes, gaps) {
                (2, false) => kernel::score::<F, 2, false>(self.form, turned, numbers, totals),
                (2, true) => kernel::score::<F, 2, true>(self.form, turned, numbers, totals),
                (_, false) => kernel::score::<F, 4, false>(self.form, turned, numbers, totals),
                (_, true) => kernel::score::<F, 4, true>(self.form, turned, numbers, totals),
            }
        }
    }
}

/// Rows of a task that looks for maxima.
const TASK: usize = 1024;

/// The class with the largest number of each row of `joint`, (rows, classes), the first of equals; and the first row whose
/// largest number is not finite.
pub fn likeliest(joint: &[f64], classes: usize, best: &mut [i64]) -> Option<usize> {
    assert!(classes > 0 && joint.len() == best.len() * classes, "a number for every row and class");
    let first = First::new();
    parallel_chunks_mut(best, TASK, &|task, best| {
        let joint = joint[task * TASK * classes..].chunks_exact(classes);
        let mut undecided = None;
        for (i, (best, row)) in best.iter_mut().zip(joint).enumerate() {
            let (mut place, mut top) = (0, row[0]);
            for (class, &x) in row.iter().enumerate().skip(1) {
                if x > top {
                    (place, top) = (class, x);
                }
            }
            *best = place as i64;
            if !top.is_finite() && undecided.is_none() {
                undecided = Some(task * TASK + i);
            }
        }
        if let Some(row) = undecided {
            first.note(row);
        }
    });
    first.found()
}
