//! The panels of B that register tiles read.

pub mod kernel;
