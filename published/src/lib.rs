//! Printed tables of papers as data, each cell beside what the counted Program gives.
//!
//! A table is a TOML file of `tables/`: its printed cells, what is counted for each, and the configurations (a suite and a model's
//! sizes) to count it under, the paper's own first. [`reproduce`] counts them all. No number is tuned: a cell is *equal* when the
//! count rounds to the printed digits under what the paper states, *inferred* when it does so under a configuration that departs
//! from it in a way the file states, and *not reproducible* otherwise, with the reason.
//!
//! ```
//! use viewless_published::{CellVerdict, reproduce, table};
//!
//! let reproduction = reproduce(&table("secformer-table1").expect("it is built in")).expect("it can be counted");
//! assert!(reproduction.cells.iter().any(|cell| cell.verdict == CellVerdict::Equal));
//! ```
//!
//! **Convention.** Volumes are messages between the computing parties in all phases, both directions together (with two parties what
//! papers print as sent and received by one of them); 1 GB is 1e9 bytes; rounds are those of program order, as an eager framework
//! pays them.

mod count;
mod operation;
mod printed;
mod reproduction;
mod table;
mod variant;

pub use operation::Operation;
pub use printed::{Printed, PrintedError};
pub use reproduction::{CellReport, CellVerdict, Reproduction, SUM, reproduce};
pub use table::{Cell, Configuration, PrintedTable, PublishedError, Quantity, Subject, Unit, names, table};
