//! Shattering, decided exactly on integers: which labelings of vectors a linear rule produces, and the VC dimension of a table.
//!
//! | file | what it holds |
//! |---|---|
//! | [`separate`] | strict separation of vectors from the origin, with a proof either way |
//! | [`labelings`] | all labelings by linear rules, by growing prefixes |
//! | [`table`] | the VC dimension of a table of predictions |
//!
//! Arithmetic is checked: where 128 bits do not suffice, the answer is `None`, and the caller uses larger integers.

pub mod labelings;
pub mod separate;
pub mod table;
