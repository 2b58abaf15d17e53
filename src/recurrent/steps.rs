//! The loops over time.

pub mod backward;
pub mod forward;
pub mod kernel;
