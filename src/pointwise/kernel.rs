//! The vectorised inner loops of element-wise passes.

#![allow(unsafe_code)]

use super::lines::{Piece, Pieces};
use super::{BLOCK, STREAMED};
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, run};
use crate::threads::{SharedMut, parallel_ranges};

/// Calls `body(i, chunks)` once for each `i`, with the `i`-th chunk of every slice; the slices are equally long.
pub fn parallel_zip_chunks_mut<T: Scalar, const M: usize>(
    slices: [&mut [T]; M],
    chunk: usize,
    body: &(dyn Fn(usize, [&mut [T]; M]) + Sync),
) {
    let len = slices.first().map_or(0, |slice| slice.len());
    assert!(chunk > 0 && slices.iter().all(|slice| slice.len() == len), "slices of one length");
    let shared = slices.map(SharedMut::new);
    parallel_ranges(len.div_ceil(chunk), &|i| {
        let start = i * chunk;
        // SAFETY: each i occurs once, so the chunks of a slice are disjoint, and different slices are.
        body(i, shared.map(|slice| unsafe { slice.slice(start, chunk.min(len - start)) }));
    });
}

/// Calls `body(piece, parts)` once for each of the pieces, with its positions of every slice; there is a number for each position.
pub fn parallel_zip_pieces_mut<T: Scalar, const M: usize>(
    slices: [&mut [T]; M],
    pieces: &Pieces,
    body: &(dyn Fn(&Piece, [&mut [T]; M]) + Sync),
) {
    let shared = slices.map(SharedMut::new);
    parallel_ranges(pieces.count(), &|number| {
        let piece = pieces.piece(number);
        let positions = pieces.positions(&piece);
        // SAFETY: each number occurs once; the positions of pieces are disjoint, and different slices are.
        body(&piece, shared.map(|slice| unsafe { slice.slice(positions.start, positions.len()) }));
    });
}

/// One step of arithmetic on a vector of each operand: `N` that are read, `M` that are written.
pub trait Formula<T: Scalar, const N: usize, const M: usize>: Copy + Send + Sync {
    /// Whether the outputs' present contents count.
    const UPDATES: bool = false;

    /// The new vectors of the outputs, whose present contents are passed too. Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`.
    unsafe fn apply<S: Simd<T = T>>(self, inputs: [S::V; N], outputs: [S::V; M]) -> [S::V; M];
}

/// Applies the formula to every element of equally long arrays.
pub fn for_each<T: Scalar, F: Formula<T, N, M>, const N: usize, const M: usize>(
    formula: F,
    inputs: [&[T]; N],
    outputs: [&mut [T]; M],
) {
    let len = outputs.first().map_or(0, |output| output.len());
    let on_line = |output: &&mut [T]| (output.as_ptr() as usize).is_multiple_of(64);
    let streamed = !F::UPDATES && len * size_of::<T>() * (N + M) >= STREAMED && outputs.iter().all(on_line);
    assert!(inputs.iter().all(|input| input.len() == len), "arrays of one length");
    parallel_zip_chunks_mut(outputs, BLOCK, &|block, outputs| {
        let (start, len) = (block * BLOCK, outputs[0].len());
        let inputs = inputs.map(|input| &input[start..start + len]);
        // SAFETY: all slices have the length `len`.
        unsafe { run(Pass { formula, inputs, outputs, len, streamed }) }
    });
}

struct Pass<'a, T, F, const N: usize, const M: usize> {
    formula: F,
    inputs: [&'a [T]; N],
    outputs: [&'a mut [T]; M],
    len: usize,
    streamed: bool,
}

impl<T: Scalar, F: Formula<T, N, M>, const N: usize, const M: usize> Pass<'_, T, F, N, M> {
    /// # Safety
    /// The processor has the instruction set of `S`; all slices have at least `at + n` elements; `n <= LANES`. With `STREAM`
    /// these are a whole vector, and the outputs begin with a vector at `at`.
    #[inline(always)]
    unsafe fn step<S: Simd<T = T>, const STREAM: bool>(&mut self, at: usize, n: usize) {
        // SAFETY: as the caller says.
        unsafe {
            let mut inputs = [S::zero(); N];
            for k in 0..N {
                inputs[k] = S::load_up_to(self.inputs[k].as_ptr().add(at), n);
            }
            let mut outputs = [S::zero(); M];
            for k in 0..M {
                outputs[k] = S::load_up_to(self.outputs[k].as_ptr().add(at), n);
            }
            let results = self.formula.apply::<S>(inputs, outputs);
            for k in 0..M {
                let to = self.outputs[k].as_mut_ptr().add(at);
                if STREAM { S::stream(to, results[k]) } else { S::store_up_to(to, n, results[k]) }
            }
        }
    }
}

impl<T: Scalar, F: Formula<T, N, M>, const N: usize, const M: usize> Kernel<T> for Pass<'_, T, F, N, M> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(mut self) {
        let whole = self.len - self.len % S::LANES;
        let mut at = 0;
        // SAFETY: every step stays below `len`, the length of all slices.
        unsafe {
            if self.streamed {
                while at < whole {
                    self.step::<S, true>(at, S::LANES);
                    at += S::LANES;
                }
            }
            while at < whole {
                self.step::<S, false>(at, S::LANES);
                at += S::LANES;
            }
            if at < self.len {
                self.step::<S, false>(at, self.len - at);
            }
        }
    }
}
