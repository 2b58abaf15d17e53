//! Sums of products of spectra: a register tile for each vector of frequencies.

#![allow(unsafe_code)]

use crate::scalar::Scalar;
use crate::simd::{self, Kernel, Simd, lanes};
use crate::threads::SharedMut;

/// Pairs of vectors that are worked on for all spectra before the next ones.
const CHUNK: usize = 4;
/// Spectra of the right factor in a register tile.
const COLUMNS: usize = 4;

/// Spectra of a factor: `each` elements from one to the next, `term` elements from one term of the sum to the next.
#[derive(Clone, Copy)]
pub struct Factor<'a, T> {
    pub data: &'a [T],
    pub each: usize,
    pub term: usize,
}

/// `to[i, j] = sum over the terms of left[i] * conjugate(right[j])`.
pub struct Products<'a, T> {
    pub left: Factor<'a, T>,
    pub right: Factor<'a, T>,
    /// Spectra of the left and the right factor.
    pub count: [usize; 2],
    pub terms: usize,
    /// Elements of a spectrum.
    pub len: usize,
    /// The results from element `start` on, `next` elements apart for each factor.
    pub to: SharedMut<'a, T>,
    pub start: usize,
    pub next: [usize; 2],
    /// Add to what is there.
    pub adds: bool,
}

/// Computes the sums.
///
/// No other task may use these results.
///
/// # Panics
/// If a slice is shorter than the numbers say.
pub fn multiply<T: Scalar>(products: Products<'_, T>) {
    products.check();
    // SAFETY: all spectra lie in their slices.
    unsafe { simd::run(products) };
}

impl<T: Scalar> Products<'_, T> {
    fn check(&self) {
        let last = |count: usize, each: usize| (count - 1) * each;
        for (factor, count) in [(&self.left, self.count[0]), (&self.right, self.count[1])] {
            assert!(last(count, factor.each) + last(self.terms, factor.term) + self.len <= factor.data.len());
        }
        let results = last(self.count[0], self.next[0]) + last(self.count[1], self.next[1]) + self.len;
        assert!(self.start + results <= self.to.len());
        assert!(self.len.is_multiple_of(2 * lanes::<T>()));
    }
}

impl<T: Scalar> Kernel<T> for Products<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        // The sums of a tile and a vector of either factor.
        let rows = if S::REGISTERS >= 32 { 2 } else { 1 };
        let step = CHUNK * 2 * S::LANES;
        for first in (0..self.len).step_by(step) {
            let end = (first + step).min(self.len);
            for j in (0..self.count[1]).step_by(COLUMNS) {
                for i in (0..self.count[0]).step_by(rows) {
                    let tile = [rows.min(self.count[0] - i), COLUMNS.min(self.count[1] - j)];
                    unsafe {
                        match tile {
                            [1, 1] => self.tile::<S, 1, 1>([i, j], [first, end]),
                            [1, 2] => self.tile::<S, 1, 2>([i, j], [first, end]),
                            [1, 3] => self.tile::<S, 1, 3>([i, j], [first, end]),
                            [1, _] => self.tile::<S, 1, 4>([i, j], [first, end]),
                            [_, 1] => self.tile::<S, 2, 1>([i, j], [first, end]),
                            [_, 2] => self.tile::<S, 2, 2>([i, j], [first, end]),
                            [_, 3] => self.tile::<S, 2, 3>([i, j], [first, end]),
                            [_, _] => self.tile::<S, 2, 4>([i, j], [first, end]),
                        }
                    }
                }
            }
        }
    }
}

impl<T: Scalar> Products<'_, T> {
    #[inline(always)]
    unsafe fn tile<S: Simd<T = T>, const I: usize, const J: usize>(&self, at: [usize; 2], part: [usize; 2]) {
        let (left, right) = (self.left, self.right);
        unsafe {
            let a = left.data.as_ptr().add(at[0] * left.each);
            let b = right.data.as_ptr().add(at[1] * right.each);
            let to = self.to.as_mut_ptr().add(self.start + at[0] * self.next[0] + at[1] * self.next[1]);
            for place in (part[0]..part[1]).step_by(2 * S::LANES) {
                let mut sums = [[(S::zero(), S::zero()); J]; I];
                if self.adds {
                    for i in 0..I {
                        for j in 0..J {
                            let from = to.add(i * self.next[0] + j * self.next[1] + place);
                            sums[i][j] = (S::load(from), S::load(from.add(S::LANES)));
                        }
                    }
                }
                let (mut a, mut b) = (a.add(place), b.add(place));
                for _ in 0..self.terms {
                    let mut x = [(S::zero(), S::zero()); I];
                    for i in 0..I {
                        let from = a.add(i * left.each);
                        x[i] = (S::load(from), S::load(from.add(S::LANES)));
                    }
                    for j in 0..J {
                        let from = b.add(j * right.each);
                        let w = (S::load(from), S::load(from.add(S::LANES)));
                        for i in 0..I {
                            let sum = &mut sums[i][j];
                            *sum = (S::fma(x[i].0, w.0, sum.0), S::fma(x[i].1, w.0, sum.1));
                            *sum = (S::fma(x[i].1, w.1, sum.0), S::fnma(x[i].0, w.1, sum.1));
                        }
                    }
                    (a, b) = (a.wrapping_add(left.term), b.wrapping_add(right.term));
                }
                for i in 0..I {
                    for j in 0..J {
                        let to = to.add(i * self.next[0] + j * self.next[1] + place);
                        S::store(to, sums[i][j].0);
                        S::store(to.add(S::LANES), sums[i][j].1);
                    }
                }
            }
        }
    }
}
