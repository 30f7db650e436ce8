//! Verdicts about Programs.
//!
//! - [`privacy`] asks whether what a coalition sees tells it anything.
//! - [`audit`](mod@audit) asks how far off a protocol is, at worst and as seen; from [`bound`], the certified bound of every run, and
//!   [`mod@reference`], the truth to any precision.

pub mod audit;
pub mod bound;
pub mod privacy;
pub mod reference;
pub mod ticks;
