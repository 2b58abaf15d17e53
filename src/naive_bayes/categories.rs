//! Categories: which there are, how often each class has them, and what they say of it.

use super::kernel;
use super::{Fault, First, LANES, Labels, Part, Rows, Support, over_parts, parts, survey};
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
            if kernel::survey(block, whole).outside && fraction.is_none() {
                survey(block, cut, [row, part.column])?;
                fraction = super::fault(block, whole, [row, part.column]);
            } else {
                survey(block, cut, [row, part.column])?;
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
    let starts = starts(sizes);
    let total: usize = sizes.iter().sum();
    // Tables are as wide as the widest panel's categories, so they count as its share of a column.
    let parts = parts(rows, labels.classes * total.div_ceil(width.max(1)));
    let made = over_parts(&parts, &|part| part_counts(rows, labels, sizes, &starts, part))?;
    let mut all = vec![0.0; labels.classes * total];
    for (part, table) in parts.iter().zip(&made) {
        let (start, own) = (starts[part.column], part_total(sizes, part));
        for class in 0..labels.classes {
            let to = &mut all[class * total + start..][..own];
            to.iter_mut().zip(&table[class * own..]).for_each(|(to, from)| *to += from);
        }
    }
    Ok(all)
}

/// The place of each column's first category.
pub(super) fn starts(sizes: &[usize]) -> Vec<usize> {
    sizes.iter().scan(0, |sum, &size| Some(std::mem::replace(sum, *sum + size))).collect()
}

fn part_total(sizes: &[usize], part: &Part) -> usize {
    sizes[part.column..part.column + part.width].iter().sum()
}

fn part_counts(rows: &Rows, labels: &Labels, sizes: &[usize], starts: &[usize], part: Part) -> Result<Vec<f64>, Fault> {
    let own = part_total(sizes, &part);
    let first = starts[part.column];
    let mut table = vec![0.0; labels.classes * own];
    with_scratch(part.block_len(), |scratch: &mut [f64]| {
        for (row, count) in part.blocks() {
            let block = rows.block([row, part.column], [count, part.width], scratch);
            let members = labels.of(row, count);
            for i in 0..count {
                let weight = members.weights.map_or(1.0, |weights| weights[i]);
                let table = &mut table[members.codes[i] as usize * own..][..own];
                let known = block.row(i).iter().zip(&starts[part.column..]).zip(&sizes[part.column..]);
                for (j, ((&x, &start), &size)) in known.enumerate() {
                    if x >= 0.0 && (x as usize) < size {
                        table[start - first + x as usize] += weight;
                    } else if !x.is_nan() {
                        return Err(Fault { row: row + i, column: part.column + j });
                    }
                }
            }
        }
        Ok(())
    })?;
    Ok(table)
}

const WHOLE: Support = Support { whole: true, ..Support::REAL };

/// Rows of a task.
const TASK: usize = 256;
/// Columns whose places are found at a time.
const RUN: usize = 256;

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
    let starts = starts(sizes);
    let (first, fraction) = (First::new(), First::new());
    parallel_chunks_mut(out, TASK * classes, &|task, out| {
        let (row, count) = (task * TASK, out.len() / classes);
        with_scratch(TASK * RUN, |scratch: &mut [f64]| {
            let mut places = [0; RUN];
            for column in (0..rows.width()).step_by(RUN) {
                let width = RUN.min(rows.width() - column);
                let block = rows.block([row, column], [count, width], scratch);
                if kernel::survey(block, WHOLE).outside
                    && let Some(found) = super::fault(block, WHOLE, [row, column])
                {
                    fraction.note(found);
                }
                for (i, out) in out.chunks_exact_mut(classes).enumerate() {
                    let (sizes, starts) = (&sizes[column..], &starts[column..]);
                    if let Some(j) = find(block.row(i), sizes, starts, total, &mut places[..width]) {
                        return first.note(Fault { row: row + i, column: column + j });
                    }
                    kernel::gather(table, &places[..width], out);
                }
            }
        });
    });
    first.found().map_or(Ok(fraction.found()), Err)
}

/// The places of a row's values in the table; the first value that has none.
fn find(row: &[f64], sizes: &[usize], starts: &[usize], missing: usize, places: &mut [u32]) -> Option<usize> {
    let mut known = true;
    for (((place, &x), &size), &start) in places.iter_mut().zip(row).zip(sizes).zip(starts) {
        let code = x as usize;
        *place = if x.is_nan() { missing } else { start + code.min(size) } as u32;
        known &= (code < size && x >= 0.0) || x.is_nan();
    }
    if known {
        return None;
    }
    row.iter().zip(sizes).position(|(&x, &size)| !x.is_nan() && !(x >= 0.0 && (x as usize) < size))
}
