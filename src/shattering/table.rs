//! The VC dimension of a finite class over a finite domain.

/// A largest shattered set of columns, and whether the search was complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shattered {
    pub columns: Vec<usize>,
    pub complete: bool,
}

/// Searches depth first over sets of columns, given as bit sets over `rows` distinct rows. Only a shattered set can be part of
/// a larger one, and each of its cells must hold enough rows to be split further. Gives up after `max_work` words.
pub fn vc_dimension(columns: &[Vec<u64>], rows: usize, max_work: u64) -> Shattered {
    let words = rows.div_ceil(64);
    let mut everything = vec![u64::MAX; words];
    if let (Some(last), used @ 1..) = (everything.last_mut(), rows % 64) {
        *last = (1 << used) - 1;
    }
    let mut search = Search { columns, words, left: max_work, best: Vec::new() };
    let complete = search.grow(&everything, &mut Vec::new(), 0);
    Shattered { columns: search.best, complete }
}

struct Search<'a> {
    columns: &'a [Vec<u64>],
    words: usize,
    left: u64,
    best: Vec<usize>,
}

impl Search<'_> {
    /// Extends a shattered set whose cells, one after the other, are `cells`. False if the search gave up.
    fn grow(&mut self, cells: &[u64], chosen: &mut Vec<usize>, start: usize) -> bool {
        if chosen.len() > self.best.len() {
            self.best.clone_from(chosen);
        }
        let mut split = vec![0; 2 * cells.len()];
        for j in start..self.columns.len() {
            let missing = self.best.len() + 1 - chosen.len();
            if self.columns.len() - j < missing {
                return true;
            }
            if self.left == 0 {
                return false;
            }
            let needed = 1u32.checked_shl(missing as u32 - 1).unwrap_or(u32::MAX);
            if self.split(cells, j, needed, &mut split) {
                chosen.push(j);
                let complete = self.grow(&split, chosen, j + 1);
                chosen.pop();
                if !complete {
                    return false;
                }
            }
        }
        true
    }

    /// Splits every cell in two by a column; false if a part is too small to belong to a larger shattered set.
    fn split(&mut self, cells: &[u64], column: usize, needed: u32, split: &mut [u64]) -> bool {
        let column = self.columns[column].as_slice();
        for (cell, parts) in cells.chunks_exact(self.words).zip(split.chunks_exact_mut(2 * self.words)) {
            self.left = self.left.saturating_sub(self.words as u64);
            let (inside, outside) = parts.split_at_mut(self.words);
            let (mut within, mut without) = (0, 0);
            for (((&cell, &column), inside), outside) in cell.iter().zip(column).zip(inside).zip(outside) {
                *inside = cell & column;
                *outside = cell & !column;
                within += inside.count_ones();
                without += outside.count_ones();
            }
            if within < needed || without < needed {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(rows: &[u32], width: usize) -> Vec<Vec<u64>> {
        (0..width).map(|j| vec![rows.iter().enumerate().map(|(i, row)| u64::from(row >> j & 1) << i).sum()]).collect()
    }

    #[test]
    fn all_functions_of_five_points_shatter_them() {
        let rows: Vec<u32> = (0..32).collect();
        let found = vc_dimension(&columns(&rows, 5), 32, 1000);
        assert_eq!(found, Shattered { columns: vec![0, 1, 2, 3, 4], complete: true });
    }

    #[test]
    fn intervals_shatter_two_points() {
        let rows: Vec<u32> = (0..=6).flat_map(|b| (0..=b).map(move |a| (1 << b) - (1 << a))).collect();
        let mut distinct = rows.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let found = vc_dimension(&columns(&distinct, 6), distinct.len(), 10_000);
        assert_eq!(found.columns.len(), 2);
        assert!(found.complete);
    }

    #[test]
    fn a_search_that_gives_up_says_so() {
        let rows: Vec<u32> = (0..32).collect();
        assert!(!vc_dimension(&columns(&rows, 5), 32, 3).complete);
    }
}
