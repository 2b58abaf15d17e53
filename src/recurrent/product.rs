//! Products of rows with packed weights.

pub mod kernel;
