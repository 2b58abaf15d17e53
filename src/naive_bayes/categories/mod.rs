//! Categories: which there are, how often each class has them, and what they say of it.

mod kernel;

use kernel::Directory;

use super::rows::{Block, survey as look};
use super::{Fault, First, LANES, Labels, Part, Rows, Support, fault, over_parts, parts, survey};
use crate::memory::with_scratch;
use crate::threads::parallel_chunks_mut;

/// The categories of each column.
#[derive(Clone, Debug)]
pub struct Categories {
    /// How many there are: one more than the largest.
    pub sizes: Vec<usize>,
    /// The first value that has a fraction.
    pub fraction: Option<Fault>,
}

/// The categories up to the largest that occurs; a fraction is cut off.
///
/// # Errors
/// The first value that is infinite, negative, or above `most`.
pub fn categories(rows: &Rows, most: f64) -> Result<Categories, Fault> {
    let parts = parts(rows, 1);
    let made = over_parts(&parts, &|part| part_categories(rows, most, part))?;
    let mut all = Categories { sizes: vec![0; rows.width()], fraction: None };
    for (part, (maxima, fraction)) in parts.iter().zip(made) {
        for (size, largest) in all.sizes[part.column..].iter_mut().zip(&maxima[..part.width]) {
            *size = (*size).max((largest.floor() + 1.0) as usize);
        }
        all.fraction = [all.fraction, fraction].into_iter().flatten().min();
    }
    Ok(all)
}

fn part_categories(rows: &Rows, most: f64, part: Part) -> Result<(Vec<f64>, Option<Fault>), Fault> {
    let mut maxima = vec![-1.0; part.width.next_multiple_of(LANES)];
    let mut fraction = None;
    let cut = Support { least: 0.0, most, whole: false };
    let whole = Support { whole: true, ..cut };
    with_scratch(part.block_len(), |scratch: &mut [f64]| {
        for (row, count) in part.blocks() {
            let block = rows.block([row, part.column], [count, part.width], scratch);
            let (seen, at) = (look(block, whole), [row, part.column]);
            if seen.outside || seen.not_finite {
                survey(block, cut, at)?;
                if seen.outside && fraction.is_none() {
                    fraction = fault(block, whole, at);
                }
            }
            kernel::raise(block, &mut maxima);
        }
        Ok(())
    })?;
    Ok((maxima, fraction))
}

/// The weight of every category of every column, one column after the other, (classes, sum of the sizes).
///
/// # Errors
/// The first value that is infinite, negative, or not below its column's size.
pub fn counts(rows: &Rows, labels: &Labels, sizes: &[usize]) -> Result<Vec<f64>, Fault> {
    let width = rows.width();
    assert_eq!(sizes.len(), width, "a size for every column");
    assert!(sizes.iter().sum::<usize>() < u32::MAX as usize, "fewer than 2^32 categories");
    let starts = starts(sizes);
    let total: usize = sizes.iter().sum();
    // Tables are as wide as the widest panel's categories, so they count as its share of a column.
    let parts = parts(rows, labels.classes * total.div_ceil(width.max(1)));
    let made = over_parts(&parts, &|part| part_counts(rows, labels, sizes, part))?;
    let mut all = vec![0.0; labels.classes * total];
    for (part, table) in parts.iter().zip(&made) {
        let own: usize = sizes[part.column..part.column + part.width].iter().sum();
        for class in 0..labels.classes {
            let to = &mut all[class * total + starts[part.column]..][..own];
            to.iter_mut().zip(&table[class * (own + 1)..]).for_each(|(to, from)| *to += from);
        }
    }
    Ok(all)
}

/// The place of each column's first category.
pub(super) fn starts(sizes: &[usize]) -> Vec<usize> {
    sizes.iter().scan(0, |sum, &size| Some(std::mem::replace(sum, *sum + size))).collect()
}

fn part_counts(rows: &Rows, labels: &Labels, sizes: &[usize], part: Part) -> Result<Vec<f64>, Fault> {
    let sizes = &sizes[part.column..part.column + part.width];
    let (starts, limits) = (wide(&starts(sizes)), wide(sizes));
    // The last cell of each class is for missing values.
    let cells = sizes.iter().sum::<usize>() + 1;
    let directory = Directory { starts: &starts, sizes: &limits, missing: cells as u32 - 1 };
    let mut table = vec![0.0; labels.classes * cells];
    with_scratch(part.block_len(), |scratch: &mut [f64]| {
        with_scratch(part.block_len(), |places: &mut [u32]| {
            for (row, count) in part.blocks() {
                let block = rows.block([row, part.column], [count, part.width], scratch);
                let places = &mut places[..count * part.width];
                find(block, directory, places, [row, part.column])?;
                let members = labels.of(row, count);
                for (i, places) in places.chunks_exact(part.width).enumerate() {
                    let weight = members.weights.map_or(1.0, |weights| weights[i]);
                    let table = &mut table[members.codes[i] as usize * cells..][..cells];
                    places.iter().for_each(|&place| table[place as usize] += weight);
                }
            }
            Ok(())
        })
    })?;
    Ok(table)
}

fn wide(numbers: &[usize]) -> Vec<f64> {
    numbers.iter().map(|&number| number as f64).collect()
}

/// The places of a block's values in a table, row by row; the first value that has a fraction, which is cut off.
///
/// # Errors
/// The first value that is infinite, negative, or not below its column's size.
fn find(
    block: Block,
    directory: Directory,
    places: &mut [u32],
    [row, column]: [usize; 2],
) -> Result<Option<Fault>, Fault> {
    if kernel::find(block, directory, places) {
        return Ok(None);
    }
    let mut fraction = None;
    for i in 0..block.rows {
        for (j, &x) in block.row(i).iter().enumerate() {
            let here = Fault { row: row + i, column: column + j };
            let whole = x.floor();
            places[i * block.width + j] = match x {
                _ if x.is_nan() => directory.missing,
                _ if x >= 0.0 && x < directory.sizes[j] => (directory.starts[j] + whole) as u32,
                _ => return Err(here),
            };
            if whole != x && !x.is_nan() {
                fraction = fraction.or(Some(here));
            }
        }
    }
    Ok(fraction)
}

/// Rows of a task.
const TASK: usize = 64;
/// Columns whose places are found at a time.
const RUN: usize = 128;

/// Adds to `out`, (rows, classes), the rows of `table` that belong to the values of each row; a fraction is cut off, and the
/// first value that has one returned.
///
/// The table has a row of one number per class for every category, one column after the other; a row for missing values; and
/// [`SPARE`](super::SPARE) numbers more at least.
///
/// # Errors
/// The first value that is infinite, negative, or not below its column's size.
///
/// # Panics
/// If the lengths do not fit.
pub fn category_scores(
    rows: &Rows,
    sizes: &[usize],
    table: &[f64],
    classes: usize,
    out: &mut [f64],
) -> Result<Option<Fault>, Fault> {
    let total: usize = sizes.iter().sum();
    assert!(sizes.len() == rows.width() && out.len() == rows.count * classes, "a size for every column, and all rows");
    assert!(table.len() >= (total + 1) * classes + LANES && total < u32::MAX as usize, "a row for every category");
    if out.is_empty() {
        return Ok(None);
    }
    let (starts, limits) = (wide(&starts(sizes)), wide(sizes));
    let (first, fraction) = (First::new(), First::new());
    parallel_chunks_mut(out, TASK * classes, &|task, out| {
        let (row, count) = (task * TASK, out.len() / classes);
        with_scratch(TASK * RUN, |scratch: &mut [f64]| {
            let mut places = [0; TASK * RUN];
            for column in (0..rows.width()).step_by(RUN) {
                let width = RUN.min(rows.width() - column);
                let block = rows.block([row, column], [count, width], scratch);
                let directory =
                    Directory { starts: &starts[column..], sizes: &limits[column..], missing: total as u32 };
                let places = &mut places[..count * width];
                match find(block, directory, places, [row, column]) {
                    Ok(found) => found.into_iter().for_each(|found| fraction.note(found)),
                    Err(fault) => return first.note(fault),
                }
                kernel::gather(table, places, classes, out);
            }
        });
    });
    first.found().map_or(Ok(fraction.found()), Err)
}
