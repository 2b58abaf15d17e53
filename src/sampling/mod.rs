//! What `goldfish.sampling` cannot do fast enough in Python: a profiler's trigger, and profiles read from their bytes.

pub mod profile;
pub mod trigger;
pub mod wire;
