//! The loop forwards.

pub mod kernel;
