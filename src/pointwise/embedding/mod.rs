//! Rows of a table, by number.

mod kernel;

use super::BLOCK;
use crate::scalar::Scalar;
use crate::threads::parallel_chunks_mut;

/// Row `i` of y is row `ids[i]` of the table, which has rows of `width` elements.
///
/// # Panics
/// If an id names no row.
pub fn forward<T: Scalar>(ids: &[i64], table: &[T], width: usize, y: &mut [T]) {
    if y.is_empty() {
        return;
    }
    let rows = (BLOCK / width).max(1);
    parallel_chunks_mut(y, rows * width, &|chunk, y| {
        for (row, &id) in y.chunks_exact_mut(width).zip(&ids[chunk * rows..]) {
            let start = id as usize * width;
            row.copy_from_slice(&table[start..start + width]);
        }
    });
}

/// The gradient of the table: each of its rows is the sum of the rows of dy that it was copied to, in the order of the ids.
/// The row `padding` gets no gradient.
///
/// # Panics
/// If an id names no row.
pub fn backward<T: Scalar>(dy: &[T], ids: &[i64], width: usize, padding: Option<usize>, dtable: &mut [T]) {
    if dtable.is_empty() {
        return;
    }
    let (order, bounds) = by_id(ids, dtable.len() / width, padding);
    // The sums of rows that are used cost most: a task is short in rows, and still not too small when most are not used.
    let rows = (BLOCK / 8 / width).max(1);
    parallel_chunks_mut(dtable, rows * width, &|chunk, dtable| {
        let first = chunk * rows;
        let bounds = &bounds[first..=first + dtable.len() / width];
        kernel::sum_selected_rows(dy, width, &order, bounds, dtable);
    });
}

/// The positions of each id, in ascending order: those of id `i` are `order[bounds[i]..bounds[i + 1]]`.
fn by_id(ids: &[i64], rows: usize, padding: Option<usize>) -> (Vec<usize>, Vec<usize>) {
    let counted = |id: i64| Some(id as usize) != padding;
    let mut bounds = vec![0; rows + 1];
    for &id in ids.iter().filter(|&&id| counted(id)) {
        bounds[id as usize + 1] += 1;
    }
    for row in 0..rows {
        bounds[row + 1] += bounds[row];
    }
    let mut next = bounds.clone();
    let mut order = vec![0; bounds[rows]];
    for (position, &id) in ids.iter().enumerate().filter(|&(_, &id)| counted(id)) {
        order[next[id as usize]] = position;
        next[id as usize] += 1;
    }
    (order, bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn against_plain_loops<T: Scalar>(count: usize, rows: usize, width: usize, padding: Option<usize>) {
        let ids: Vec<i64> = (0..count).map(|i| ((i * i * 7 + i / 3) % rows) as i64).collect();
        let value = |i: usize| T::from_f64((i * 37 % 101) as f64 - 50.0);
        let table: Vec<T> = (0..rows * width).map(value).collect();
        let dy: Vec<T> = (0..count * width).map(value).collect();
        let mut y = vec![T::from_f64(f64::NAN); count * width];
        forward(&ids, &table, width, &mut y);
        let mut dtable = vec![T::from_f64(f64::NAN); rows * width];
        backward(&dy, &ids, width, padding, &mut dtable);
        let mut expected = vec![T::ZERO; rows * width];
        for (i, &id) in ids.iter().enumerate() {
            for j in 0..width {
                assert_eq!(y[i * width + j], table[id as usize * width + j]);
                if Some(id as usize) != padding {
                    expected[id as usize * width + j] += dy[i * width + j];
                }
            }
        }
        assert_eq!(dtable, expected);
    }

    #[test]
    fn rows_and_their_gradients() {
        for (count, rows, width) in [(0, 3, 4), (1, 1, 1), (7, 5, 3), (100, 9, 16), (300, 400, 37), (1000, 65, 130)] {
            against_plain_loops::<f32>(count, rows, width, None);
            against_plain_loops::<f64>(count, rows, width, Some(rows / 2));
        }
    }

    #[test]
    fn rows_of_no_elements() {
        let mut nothing: [f32; 0] = [];
        forward(&[0, 1], &[], 0, &mut nothing);
        backward(&[], &[0, 1], 0, None, &mut nothing);
    }
}
