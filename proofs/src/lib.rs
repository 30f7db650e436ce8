//! Verdicts about Programs.
//!
//! - [`privacy`] asks whether what a coalition sees tells it anything.
//! - [`mod@reference`] is the truth, to any precision.

pub mod bound;
pub mod privacy;
pub mod reference;
