//! 1 / sqrt(x) of a positive x.

pub mod goldschmidt;
pub mod goldschmidt_code;
pub mod newton;
pub mod normalized;
pub mod sqrt_reciprocal;
