//! The largest element of a row.

pub mod crypten;
pub mod tree;
