//! Plans: which cut into stages, which variants of operations and which deployment are fastest, exactly.
//!
//! A [`Problem`] is a line of operations that several stages carry out one after the other, for many micro-batches. Each
//! operation has variants that differ in time, error and memory. [`cut`] finds the best stages for given variants,
//! [`label`] the best stages and variants together, [`bounds`] says what no plan can beat, [`outer`] compares problems, and
//! [`execution`] runs a plan, event by event. [`amp`] poses the problems of AMP (arXiv 2210.07297), with its cost model and
//! its search as they are in its public code, and answers them exactly.
//!
//! The crate is pure: no input or output, no clock, no randomness. Times are whole picoseconds.

pub mod amp;
pub mod bounds;
pub mod cluster;
pub mod cut;
pub mod error;
pub mod execution;
pub mod label;
pub mod outer;
pub mod problem;
pub mod statistics;
pub mod time;

pub use error::PlanError;
pub use problem::{Links, Operation, Plan, Problem, Rate, Value, Variant};
pub use time::Picoseconds;
