//! Passes over elements: activations, softmax, losses, dropout, embedding, optimiser steps.
//!
//! Work is cut into blocks whose bounds depend on the shapes alone, and sums over blocks are added in their order: a result
//! has the same bits for any number of threads.

pub mod activation;
pub mod cross_entropy;
pub mod dropout;
pub mod embedding;
mod kernel;
pub mod lines;
pub mod mean_squared_error;
pub mod optimiser;
pub mod softmax;

/// Elements of one task: some microseconds of work.
const BLOCK: usize = 16 * 1024;

/// What becomes of the losses of all positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    Mean,
    Sum,
    None,
}

#[cfg(test)]
mod tests;
