//! Memory that is asked for before it is needed, where it is far from the core.

pub mod kernel;

/// Bytes of gates that do not stay in a second-level cache.
pub const FAR: usize = 1 << 20;
/// Bytes of gates that, with what else belongs to them, no cache holds.
pub const VERY_FAR: usize = 6 << 20;
