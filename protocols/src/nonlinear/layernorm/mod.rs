//! Layer normalisation.

pub mod goldschmidt;
pub mod normalized;
