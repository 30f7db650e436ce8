//! Training.
pub mod bert;
pub mod error;
pub mod gradients;
pub mod variables;
mod log { pub(crate) const METRICS_FILE: &str = "metrics.jsonl"; }
