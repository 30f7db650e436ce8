//! What viewless is about, and nothing else: protocols as data.
//!
//! Two forms. A [`circuit::Circuit`] says *what* is computed, over secret real tensors. A [`program::Program`] says
//! *who does what*, over ring tensors, where every value names the parties that hold it. A [`scheme`] compiles the one
//! into the other. [`nonlinear`] holds the published approximations, one file each; [`model`] builds BERT from them; a
//! [`suite`] names one choice for everything.
//!
//! This crate has no I/O, clock, thread or operating-system randomness.

#[cfg(test)]
#[macro_use]
mod seeded;

pub mod circuit;
pub mod decimal;
pub mod file;
pub mod fixed;
pub mod model;
pub mod nonlinear;
pub mod party;
pub mod plain;
pub mod program;
pub mod region;
pub mod ring;
pub mod scheme;
pub mod shape;
pub mod suite;
pub mod walk;
pub mod windows;
