//! 1 / x of a positive x.

pub mod division;
pub mod goldschmidt;
pub mod newton;
pub mod newton_signed;
pub mod normalized;
pub mod scales;
