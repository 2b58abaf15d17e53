//! The loops over time.

pub mod kernel;
