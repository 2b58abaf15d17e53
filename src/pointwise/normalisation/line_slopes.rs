//! The gradients of lines that were normalised, in two passes over each.

#![allow(unsafe_code)]

use crate::pointwise::lines::kernel::{MOST_LANES, RUN};
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, run};

/// Some lines of `weight.len()` elements.
pub struct LineSlopes<'a, T> {
    pub dy: &'a [T],
    pub x: &'a [T],
    /// Per line: its mean, and what the deviations from it were multiplied by.
    pub means: &'a [T],
    pub rates: &'a [T],
    pub weight: &'a [T],
    /// Empty if it is not wanted.
    pub dx: &'a mut [T],
    /// Sums over the lines, which are added to: of `dy (x - m) r`, and of dy. Empty if they are not wanted.
    pub sums: &'a mut [f64],
    /// [`LineSlopes::scratch_len`] elements.
    pub scratch: &'a mut [T],
    /// Whether dx goes past the caches, where a line is aligned for it.
    pub streamed: bool,
}

/// What is known of the line that is passed.
struct Line<S: Simd> {
    start: usize,
    mean: S::V,
    rate: S::V,
}

impl<T: Scalar> LineSlopes<'_, T> {
    /// Scratch for lines of `size` elements.
    pub fn scratch_len(size: usize) -> usize {
        2 * size.next_multiple_of(MOST_LANES)
    }

    /// Writes dx, and adds to the sums.
    ///
    /// # Panics
    /// If a length differs from the others.
    pub fn compute(self) {
        let (size, lines) = (self.weight.len(), self.means.len());
        assert!(self.x.len() == lines * size && self.dy.len() == lines * size && self.rates.len() == lines);
        assert!([0, lines * size].contains(&self.dx.len()) && [0, 2 * size].contains(&self.sums.len()));
        assert!(self.scratch.len() >= Self::scratch_len(size));
        // SAFETY: just checked.
        unsafe { run(self) };
    }

    /// dy, `(x - m) r` and w of the vector at `at`, of which `n` elements are in the line; dy and w are 0 in the others.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`; the lengths were checked, and the elements are in the line.
    #[inline(always)]
    unsafe fn vector<S: Simd<T = T>>(&self, line: &Line<S>, at: usize, n: usize) -> [S::V; 3] {
        // SAFETY: as the caller says.
        unsafe {
            let dy = S::load_up_to(self.dy.as_ptr().add(line.start + at), n);
            let x = S::load_up_to(self.x.as_ptr().add(line.start + at), n);
            let weight = S::load_up_to(self.weight.as_ptr().add(at), n);
            [dy, S::mul(S::sub(x, line.mean), line.rate), weight]
        }
    }

    /// The sums over a line of `dy w` and `dy w (x - m) r`; and adds to the sums over the lines, if they are wanted.
    ///
    /// # Safety
    /// As for [`LineSlopes::vector`].
    #[inline(always)]
    unsafe fn add_up<S: Simd<T = T>, const SUMS: bool>(&self, line: &Line<S>, partials: [*mut T; 2]) -> [T; 2] {
        let size = self.weight.len();
        // SAFETY: every step ends with its line; the partial sums have room for whole vectors.
        unsafe {
            let mut totals = [S::zero(); 2];
            for first in (0..size).step_by(RUN * S::LANES) {
                let mut parts = [S::zero(); 2];
                for at in (first..size.min(first + RUN * S::LANES)).step_by(S::LANES) {
                    let [dy, normal, weight] = self.vector::<S>(line, at, size - at);
                    if SUMS {
                        let [products, plain] = [partials[0].add(at), partials[1].add(at)];
                        S::store(products, S::fma(dy, normal, S::load(products)));
                        S::store(plain, S::add(S::load(plain), dy));
                    }
                    let slope = S::mul(dy, weight);
                    parts[0] = S::add(parts[0], slope);
                    parts[1] = S::fma(slope, normal, parts[1]);
                }
                for k in 0..2 {
                    totals[k] = S::add(totals[k], parts[k]);
                }
            }
            [S::sum(totals[0]), S::sum(totals[1])]
        }
    }

    /// `r (dy w - a - (x - m) r b)` with the means a and b of what was added up.
    ///
    /// # Safety
    /// As for [`LineSlopes::vector`], and dx is wanted.
    #[inline(always)]
    unsafe fn write<S: Simd<T = T>>(&mut self, line: &Line<S>, [a, b]: [S::V; 2]) {
        let size = self.weight.len();
        // SAFETY: every step ends with its line.
        unsafe {
            let dx = self.dx.as_mut_ptr().add(line.start);
            let aligned = (dx as usize).is_multiple_of(S::LANES * size_of::<T>());
            let streamed = if self.streamed && aligned { size - size % S::LANES } else { 0 };
            for at in (0..size).step_by(S::LANES) {
                let [dy, normal, weight] = self.vector::<S>(line, at, size - at);
                let slope = S::fnma(normal, b, S::sub(S::mul(dy, weight), a));
                let slope = S::mul(line.rate, slope);
                if at < streamed { S::stream(dx.add(at), slope) } else { S::store_up_to(dx.add(at), size - at, slope) }
            }
        }
    }
}

impl<T: Scalar> Kernel<T> for LineSlopes<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(mut self) {
        let (size, lines) = (self.weight.len(), self.means.len());
        let half = Self::scratch_len(size) / 2;
        let count = T::from_f64(size as f64);
        // SAFETY: the lengths were checked.
        unsafe {
            let partials = [self.scratch.as_mut_ptr(), self.scratch.as_mut_ptr().add(half)];
            for first in (0..lines).step_by(RUN) {
                self.scratch[..2 * half].fill(T::ZERO);
                for number in first..lines.min(first + RUN) {
                    let (mean, rate) = (S::splat(self.means[number]), S::splat(self.rates[number]));
                    let line = Line { start: number * size, mean, rate };
                    let [plain, product] = if self.sums.is_empty() {
                        self.add_up::<S, false>(&line, partials)
                    } else {
                        self.add_up::<S, true>(&line, partials)
                    };
                    if !self.dx.is_empty() {
                        self.write::<S>(&line, [S::splat(plain / count), S::splat(product / count)]);
                    }
                }
                for (k, sums) in self.sums.chunks_mut(size.max(1)).enumerate() {
                    for (sum, part) in sums.iter_mut().zip(&self.scratch[k * half..]) {
                        *sum += part.to_f64();
                    }
                }
            }
        }
    }
}
