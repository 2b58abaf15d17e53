//! The gradient: every element of dx gathers the slopes of the windows that see it, and is written once.

pub mod kernel;
