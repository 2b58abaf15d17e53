//! Transforms along the columns of a block.

pub mod kernel;
