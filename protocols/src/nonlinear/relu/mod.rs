//! max(x, 0).

pub mod compare;
pub mod quad;
