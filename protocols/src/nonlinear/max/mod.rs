//! The largest element of a row.

pub mod crypten;
pub mod histogram;
pub mod tree;
