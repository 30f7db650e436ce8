//! e^x.

pub mod bolt;
pub mod crypten;
pub mod fourier;
pub mod limit;
pub mod masked;
pub mod puma;
