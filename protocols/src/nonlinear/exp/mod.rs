//! e^x.

pub mod crypten;
pub mod fourier;
pub mod limit;
