//! Random circuits.
