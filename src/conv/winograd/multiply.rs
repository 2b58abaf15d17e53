//! One matrix product for every position of the transformed tiles.

pub mod kernel;
