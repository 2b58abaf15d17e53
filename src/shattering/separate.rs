//! Strict separation in checked integers.
//!
//! Vectors z either have a w with w·z > 0 for all of them, or non-negative coefficients, not all zero, with Σ c z = 0
//! (Gordan 1873). Phase one of the simplex method on c ≥ 0, Σ c z = 0, Σ c = 1 finds one or the other. The tableau is kept
//! in integers over one common denominator, the last pivot, so that every division is exact (Bareiss 1968); Bland's rule
//! (1977) keeps the method from cycling.

/// What [`separate`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Separation {
    /// A vector with a positive product with all of them.
    Weights(Vec<i128>),
    /// Positive coefficients, by index, of a vanishing combination.
    Vanishing(Vec<(usize, i128)>),
}

/// The inner product; `None` if it does not fit.
pub fn dot(a: &[i128], b: &[i128]) -> Option<i128> {
    a.iter().zip(b).try_fold(0i128, |sum, (x, y)| sum.checked_add(x.checked_mul(*y)?))
}

/// Separates the vectors, which all have the same length, from the origin. The answer has passed [`is_valid`]; `None` means that
/// a number did not fit into 128 bits.
pub fn separate(vectors: &[Vec<i128>]) -> Option<Separation> {
    if vectors.is_empty() {
        return Some(Separation::Weights(Vec::new()));
    }
    let found = Tableau::new(vectors).solve()?;
    (is_valid(vectors, &found) == Some(true)).then_some(found)
}

/// Whether a separation is what it says; `None` if a number does not fit.
pub fn is_valid(vectors: &[Vec<i128>], found: &Separation) -> Option<bool> {
    match found {
        Separation::Weights(weights) => {
            for z in vectors {
                if dot(weights, z)? <= 0 {
                    return Some(false);
                }
            }
            Some(true)
        }
        Separation::Vanishing(combination) => {
            if combination.is_empty() || combination.iter().any(|&(_, c)| c <= 0) {
                return Some(false);
            }
            for j in 0..vectors[0].len() {
                let mut sum = 0i128;
                for &(i, c) in combination {
                    sum = sum.checked_add(c.checked_mul(vectors[i][j])?)?;
                }
                if sum != 0 {
                    return Some(false);
                }
            }
            Some(true)
        }
    }
}

/// Rows of the equations, then the row of reduced costs; columns of the vectors, of the artificial variables, of the right side.
struct Tableau {
    n: usize,
    equations: usize,
    rows: Vec<Vec<i128>>,
    basis: Vec<usize>,
    denominator: i128,
}

impl Tableau {
    fn new(vectors: &[Vec<i128>]) -> Self {
        let (n, equations) = (vectors.len(), vectors[0].len() + 1);
        let last = equations - 1;
        let mut rows: Vec<Vec<i128>> = (0..equations)
            .map(|r| {
                let own = vectors.iter().map(|z| if r < last { z[r] } else { 1 });
                let artificial = (0..equations).map(|s| i128::from(r == s));
                own.chain(artificial).chain([i128::from(r == last)]).collect()
            })
            .collect();
        // Sums of numbers that came as 64 bits: no overflow for fewer than 2^63 rows.
        let costs = (0..n).map(|j| rows.iter().map(|row| row[j]).sum());
        let costs = costs.chain(std::iter::repeat_n(0, equations)).chain([1]).collect();
        rows.push(costs);
        Tableau { n, equations, rows, basis: (n..n + equations).collect(), denominator: 1 }
    }

    fn solve(mut self) -> Option<Separation> {
        let width = self.n + self.equations;
        while let Some(column) = (0..self.n).find(|&j| self.rows[self.equations][j] > 0) {
            let row = self.leaving(column)?;
            self.pivot(row, column)?;
            self.basis[row] = column;
        }
        let costs = &self.rows[self.equations];
        if costs[width] > 0 {
            let dual: Option<Vec<i128>> = (0..self.equations - 1)
                .map(|s| self.denominator.checked_add(costs[self.n + s])?.checked_neg())
                .collect();
            let mut weights = dual?;
            let common = weights.iter().fold(0u128, |g, w| gcd(g, w.unsigned_abs()));
            if let Ok(common @ 2..) = i128::try_from(common) {
                weights.iter_mut().for_each(|w| *w /= common);
            }
            return Some(Separation::Weights(weights));
        }
        let mut combination: Vec<(usize, i128)> = self
            .basis
            .iter()
            .zip(&self.rows)
            .filter(|&(&j, row)| j < self.n && row[width] > 0)
            .map(|(&j, row)| (j, row[width]))
            .collect();
        combination.sort_unstable();
        Some(Separation::Vanishing(combination))
    }

    /// The row of the smallest ratio, among equals the one whose variable has the smallest number.
    fn leaving(&self, column: usize) -> Option<usize> {
        let right = self.n + self.equations;
        let mut best: Option<usize> = None;
        for r in 0..self.equations {
            let row = &self.rows[r];
            if row[column] <= 0 {
                continue;
            }
            let Some(b) = best else {
                best = Some(r);
                continue;
            };
            let mine = row[right].checked_mul(self.rows[b][column])?;
            let other = self.rows[b][right].checked_mul(row[column])?;
            if mine < other || (mine == other && self.basis[r] < self.basis[b]) {
                best = Some(r);
            }
        }
        best
    }

    fn pivot(&mut self, r: usize, column: usize) -> Option<()> {
        let pivot_row = self.rows[r].clone();
        let pivot = pivot_row[column];
        for (i, row) in self.rows.iter_mut().enumerate() {
            if i == r {
                continue;
            }
            let factor = row[column];
            for (value, above) in row.iter_mut().zip(&pivot_row) {
                let difference = value.checked_mul(pivot)?.checked_sub(factor.checked_mul(*above)?)?;
                *value = difference / self.denominator;
            }
        }
        self.denominator = pivot;
        Some(())
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn three_points_of_a_line_have_a_vanishing_combination() {
        let signed = vec![vec![0, 0, 1], vec![-1, -1, -1], vec![2, 2, 1]];
        let Some(Separation::Vanishing(combination)) = separate(&signed) else { panic!("expected a proof") };
        assert_eq!(combination, [(0, 1), (1, 2), (2, 1)]);
    }

    #[test]
    fn numbers_that_do_not_fit_are_reported() {
        let word = |i: i128, j: i128| {
            (i128::from(u32::MAX) * (7919 * i + 104729 * j + i * j * j * 31)) % (1 << 62) - (1 << 61)
        };
        let signed: Vec<Vec<i128>> =
            (1..9).map(|i| (1..5).map(|j| word(i * i * i * 65537, j * 257)).collect()).collect();
        assert_eq!(separate(&signed), None);
    }

    proptest! {
        #[test]
        fn there_is_always_an_answer_for_small_numbers(
            vectors in prop::collection::vec(prop::collection::vec(-9i128..10, 3), 1..9),
        ) {
            prop_assert!(separate(&vectors).is_some());
        }
    }
}
