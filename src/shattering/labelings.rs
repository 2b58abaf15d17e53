//! All labelings of vectors by signs of linear rules, without trying each of the 2^N.

use super::separate::{Separation, dot, separate};

/// More vectors than this do not fit into a mask.
pub const MOST_VECTORS: usize = 63;

/// The labelings y for which some w has y·(w·z) > 0 for every vector z, and w·e > 0 for every `extra` vector e: bit i of a mask
/// is the label of vector i. `None` if a number does not fit into 128 bits. The search ends early, with more than `limit`
/// masks of a prefix, when there are so many.
///
/// A labeling of the first k vectors is kept with its rule. That rule labels the next vector for nothing, so at most the
/// other label has to be decided. Without `extra` the negated rule gives the opposite labels, so half of them suffice.
pub fn labelings(vectors: &[Vec<i128>], extra: &[Vec<i128>], limit: usize) -> Option<Vec<u64>> {
    let symmetric = extra.is_empty();
    let mut found: Vec<(u64, Vec<i128>)> = vec![(0, Vec::new())];
    for (k, z) in vectors.iter().enumerate() {
        let mut grown = Vec::with_capacity(found.len() + found.len() / 2);
        for (mask, weights) in found {
            let value = if weights.is_empty() { 0 } else { dot(&weights, z)? };
            for label in [false, true] {
                let extended = mask | u64::from(label) << k;
                if value != 0 && (value > 0) == label {
                    grown.push((extended, weights.clone()));
                } else if !(symmetric && k == 0 && !label) {
                    let signed = signed(&vectors[..=k], extended, extra)?;
                    if let Separation::Weights(weights) = separate(&signed)? {
                        grown.push((extended, weights));
                    }
                }
            }
        }
        found = grown;
        if found.len() > limit {
            break;
        }
    }
    let everything = (1u64 << vectors.len()) - 1;
    let masks = found.iter().map(|&(mask, _)| mask);
    if symmetric && !vectors.is_empty() {
        return Some(masks.flat_map(|mask| [mask, everything ^ mask]).collect());
    }
    Some(masks.collect())
}

fn signed(vectors: &[Vec<i128>], labels: u64, extra: &[Vec<i128>]) -> Option<Vec<Vec<i128>>> {
    let own = vectors.iter().enumerate().map(|(i, z)| {
        let positive = labels >> i & 1 == 1;
        z.iter().map(|&v| if positive { Some(v) } else { v.checked_neg() }).collect()
    });
    own.chain(extra.iter().map(|e| Some(e.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cover 1965: 2 Σ C(N-1, i) for i ≤ 2, for points of the plane of which no three lie on a line.
    #[test]
    fn lines_label_points_of_a_parabola_as_often_as_cover_says() {
        let points: Vec<Vec<i128>> = (0..15).map(|t| vec![t, t * t, 1]).collect();
        for (n, expected) in [(0, 1), (1, 2), (2, 4), (3, 8), (4, 14), (5, 22), (6, 32), (15, 212)] {
            let mut masks = labelings(&points[..n], &[], 1 << 20).unwrap();
            masks.sort_unstable();
            masks.dedup();
            assert_eq!(masks.len(), expected, "{n} points");
        }
    }

    #[test]
    fn equal_points_have_equal_labels() {
        assert_eq!(labelings(&[vec![3, 1], vec![3, 1]], &[], 9).unwrap().len(), 2);
        assert!(labelings(&[vec![0, 0]], &[], 9).unwrap().is_empty());
    }

    #[test]
    fn extra_vectors_take_the_symmetry_away() {
        assert_eq!(labelings(&[vec![1, 0], vec![0, 1]], &[vec![1, 0]], 9).unwrap().len(), 2);
    }
}
