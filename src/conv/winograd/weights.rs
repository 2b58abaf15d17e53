//! Weights to points, and slopes of points back to weights.

pub mod kernel;
