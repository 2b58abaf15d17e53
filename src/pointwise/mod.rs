//! Passes over elements: activations, softmax, normalisation, losses, dropout, embedding, optimiser steps.
//!
//! Work is cut into blocks whose bounds depend on the shapes alone, and sums over blocks are added in their order: a result
//! has the same bits for any number of threads.

pub mod activation;
pub mod cross_entropy;
pub mod dropout;
pub mod embedding;
mod kernel;
pub mod lines;
pub mod nll;
pub mod normalisation;
pub mod optimiser;
pub mod pairwise;
pub mod softmax;

use crate::scalar::Scalar;

/// Elements of one task: some microseconds of work.
const BLOCK: usize = 16 * 1024;
/// Bytes of all arrays of a call from which on the results are written past the caches, which would not hold them for the next
/// reader either. Tests come so far with small arrays.
const STREAMED: usize = if cfg!(test) { 4 << 10 } else { 32 << 20 };

/// What becomes of the losses of all positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    Mean,
    Sum,
    None,
}

/// The gradient of the losses of all positions that comes in.
#[derive(Clone, Copy, Debug)]
pub enum Scale<'a, T> {
    Uniform(T),
    Each(&'a [T]),
}

impl<T: Scalar> Scale<'_, T> {
    fn at(&self, position: usize) -> T {
        match self {
            Scale::Uniform(scale) => *scale,
            Scale::Each(scales) => scales[position],
        }
    }
}

/// The sum of the values, each added to one of several sums in turn: these do not wait for one another.
fn sum_in_turns(values: impl Iterator<Item = f64>) -> f64 {
    let mut sums = [0.0; 8];
    for (i, value) in values.enumerate() {
        sums[i % 8] += value;
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests;
