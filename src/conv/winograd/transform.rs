//! The one-dimensional transforms: polynomials at the interpolation points 0, p, -p for every pair, and infinity.

pub mod kernel;

/// Coefficients of the transforms on a set of points.
pub struct Points {
    /// Pairs of points.
    pub pairs: usize,
    /// The positive one of each pair.
    pub at: [f64; 3],
    /// M(x) = x * prod (x^2 - p^2), by power.
    pub whole: [f64; 10],
    /// M(x) / (x - p), by power, for each pair.
    pub without: [[f64; 10]; 3],
    /// M'(p) for each pair, then M'(0).
    pub slopes: [f64; 4],
}

/// Points whose transforms lose least: 6 of them cost no more than the usual 0, 1, 2 and their negatives, and are a tenth as
/// far off.
const SIX: Points = Points::new(2, [std::f64::consts::FRAC_1_SQRT_2, std::f64::consts::SQRT_2, 0.0]);
const EIGHT: Points = Points::new(3, [1.0, 0.5, 2.0]);

/// The set of `n` points, 6 or 8.
pub const fn points(n: usize) -> &'static Points {
    if n == 6 { &SIX } else { &EIGHT }
}

impl Points {
    const fn new(pairs: usize, at: [f64; 3]) -> Points {
        let whole = product(pairs, &at, pairs);
        let (mut without, mut slopes) = ([[0.0; 10]; 3], [0.0; 4]);
        let mut k = 0;
        while k < pairs {
            // (x + p) times the product over the other pairs.
            let others = product(pairs, &at, k);
            let mut i = 0;
            while i < 9 {
                without[k][i + 1] += others[i];
                without[k][i] += at[k] * others[i];
                i += 1;
            }
            slopes[k] = slope(&whole, at[k]);
            k += 1;
        }
        slopes[pairs] = slope(&whole, 0.0);
        Points { pairs, at, whole, without, slopes }
    }
}

/// x * prod (x^2 - p^2) over all pairs but one, by power.
const fn product(pairs: usize, at: &[f64; 3], skip: usize) -> [f64; 10] {
    let mut c = [0.0; 10];
    c[1] = 1.0;
    let mut k = 0;
    while k < pairs {
        if k != skip {
            let mut next = [0.0; 10];
            let mut i = 0;
            while i < 8 {
                next[i + 2] += c[i];
                next[i] -= c[i] * at[k] * at[k];
                i += 1;
            }
            c = next;
        }
        k += 1;
    }
    c
}

const fn slope(c: &[f64; 10], x: f64) -> f64 {
    let mut sum = 0.0;
    let mut i = 9;
    while i >= 1 {
        sum = sum * x + c[i] * i as f64;
        i -= 1;
    }
    sum
}

/// x^n.
pub const fn power(x: f64, n: usize) -> f64 {
    let mut product = 1.0;
    let mut i = 0;
    while i < n {
        product *= x;
        i += 1;
    }
    product
}
