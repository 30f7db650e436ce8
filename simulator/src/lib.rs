//! Deterministic multi-party execution, counting and network prediction of Programs.

pub mod kernels;
pub mod network;
pub mod packing;
pub mod stream;
