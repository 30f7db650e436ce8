//! Deterministic multi-party execution, counting and network prediction of Programs.
//!
//! - [`count`]: the bill of a Program, from its sends alone.
//! - [`execute`](mod@execute): all parties in lockstep, each value once, at once or in stages, or one party's part alone; what was
//!   moved must equal what was counted.
//! - [`claims`], [`failure`]: what rests on ranges, and how often it fails.
//! - [`network`]: predicted time. [`transcript`]: the messages themselves.
//! - [`keys`], [`stream`], [`packing`], [`kernels`]: randomness, messages, arithmetic.

pub mod claims;
pub mod count;
pub mod execute;
pub mod failure;
pub mod kernels;
pub mod keys;
mod local;
pub mod network;
pub mod packing;
pub mod stream;
pub mod transcript;
mod waves;
