//! Between planes of channels and vectors of channels.

pub mod kernel;
