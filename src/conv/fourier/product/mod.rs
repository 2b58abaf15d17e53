//! Sums of products of spectra.

pub mod kernel;
