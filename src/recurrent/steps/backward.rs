//! The loop backwards.

pub mod kernel;
