//! The largest element of a row.

pub mod tree;
