//! e^x.

pub mod crypten;
pub mod limit;
