//! Verdicts about Programs. [`privacy`] asks whether what a coalition sees tells it anything.

pub mod privacy;
