//! The computational core of goldfish: a map of this folder.
//!
//! | module | what it holds |
//! |---|---|
//! | [`geometry`] | the shape rules of every operation, and the error type |
//! | [`scalar`] | the two element types |
//! | [`simd`] | the only door to instruction sets |
//! | [`math`] | exp, tanh, sigmoid, ... on vectors |
//! | [`threads`] | the worker pool |
//! | [`memory`] | recycled output blocks, scratch per thread |
//! | [`gemm`] | matrix products: packing, register tiles, driver |
//! | [`linear`] | the dense layer |
//! | [`conv`] | convolution; one file or folder per algorithm |
//! | [`inference`] | networks of convolutions whose weights are packed once |
//! | [`pool`] | max and average pooling |
//! | [`strip`] | bands of a plane in scratch, which pooling and depthwise convolution read |
//! | [`recurrent`] | Elman, LSTM and GRU networks, forward and backpropagation through time |
//! | [`pointwise`] | passes over elements: activations, softmax, normalisation, losses, dropout, embedding, optimiser steps |
//! | [`naive_bayes`] | sums by class, counts of categories and log-likelihoods, over rows of any type |
//! | [`random`] | random words from counters |
//! | [`sampling`] | a profiler's trigger; profiles read from their bytes |
//! | [`shattering`] | labelings by linear rules and VC dimensions of tables, in exact integers |
//! | `python` | the bindings, and the only folder that knows Python (feature `python`) |
//!
//! A kernel has two halves: a file named `kernel.rs` with the unsafe, vectorised inner code over [`simd::Simd`], and a safe
//! driver that cuts the work into tasks for [`threads`].

pub mod conv;
pub mod gemm;
pub mod geometry;
pub mod inference;
pub mod linear;
pub mod math;
pub mod memory;
pub mod naive_bayes;
pub mod pointwise;
pub mod pool;
pub mod random;
pub mod recurrent;
pub mod sampling;
pub mod scalar;
pub mod shattering;
pub mod simd;
pub mod strip;
pub mod threads;

#[cfg(feature = "python")]
mod python;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod test_support;
