//! Products with few rows, for which packing would cost more than the product.

pub mod kernel;
