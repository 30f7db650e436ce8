//! The command line's parts: reports, tables, arguments. The logic is in the other crates.

pub mod bill;
pub mod inference;
