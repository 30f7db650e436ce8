//! Deterministic multi-party execution and network prediction of Programs.
//!
//! - [`execute`](mod@execute): all parties in lockstep, each value once, at once or in stages, or one party's part alone; what was
//!   moved must equal what was counted.
//! - [`claims`], [`failure`]: what rests on ranges, and how often it fails.
//! - [`network`]: predicted time of messages. [`work`]: predicted time of computation. [`transcript`]: the messages themselves.
//! - [`keys`], [`stream`], [`packing`], [`kernels`]: randomness, messages, arithmetic.

mod buffers;
pub mod claims;
pub mod execute;
pub mod failure;
mod hexadecimal;
pub mod kernels;
pub mod keys;
mod local;
pub mod network;
pub mod packing;
pub mod stream;
pub mod text_file;
pub mod transcript;
mod transposed;
pub mod work;
