//! 1 / sqrt(x) of a positive x.

pub mod goldschmidt;
pub mod newton;
pub mod normalized;
