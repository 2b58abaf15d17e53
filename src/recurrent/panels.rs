//! Packed weights.

pub mod kernel;
