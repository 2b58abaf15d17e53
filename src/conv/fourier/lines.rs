//! The tables of Fourier transforms along one axis.

use std::f64::consts::TAU;

use crate::scalar::Scalar;

/// Complex transforms of one length, by steps of radix 4 and, at the end, one of radix 2 if the length needs it.
///
/// The steps leave the frequencies in another order than they number, and the inverse takes them from it: products of two
/// transforms do not mind.
pub struct Line<T> {
    pub len: usize,
    /// For each step from the first on, and each place of a quarter but place 0: the powers 1, 2 and 3 of its root of unity,
    /// each with its real part first.
    pub roots: Vec<T>,
    /// Where each frequency lies.
    pub places: Vec<usize>,
}

impl<T: Scalar> Line<T> {
    /// For a power of two.
    pub fn new(len: usize) -> Self {
        assert!(len.is_power_of_two(), "Line: {len} is not a power of two");
        let mut roots = Vec::with_capacity(2 * len);
        let mut rest = len;
        while rest >= 4 {
            for place in 1..rest / 4 {
                for power in 1..4 {
                    roots.extend(root::<T>(place * power, rest));
                }
            }
            rest /= 4;
        }
        Line { len, roots, places: (0..len).map(|frequency| place(frequency, len)).collect() }
    }
}

/// `exp(-2 pi i power / order)`, the real part first.
pub fn root<T: Scalar>(power: usize, order: usize) -> [T; 2] {
    let (sin, cos) = (TAU * power as f64 / order as f64).sin_cos();
    [T::from_f64(cos), T::from_f64(-sin)]
}

/// Where the steps of a transform leave a frequency: its digits in base 4 in the reverse order.
fn place(frequency: usize, len: usize) -> usize {
    if len < 4 { frequency } else { frequency % 4 * (len / 4) + place(frequency / 4, len / 4) }
}

/// The tables for real tiles.
pub struct Tables<T> {
    /// Half as long as the rows are many: even rows are the real parts, odd ones the imaginary parts.
    pub down: Line<T>,
    pub across: Line<T>,
    /// `-i exp(-2 pi i k / rows)` for each frequency k below a quarter of the rows: what tells even and odd rows apart.
    pub split: Vec<[T; 2]>,
}

impl<T: Scalar> Tables<T> {
    pub fn new([rows, columns]: [usize; 2]) -> Self {
        let split = |k: usize| {
            let [re, im] = root::<T>(k, rows);
            [im, -re]
        };
        Tables { down: Line::new(rows / 2), across: Line::new(columns), split: (0..rows / 4).map(split).collect() }
    }

    /// Rows and columns of a tile.
    pub fn size(&self) -> [usize; 2] {
        [2 * self.down.len, self.across.len]
    }
}
