//! Coefficients from their definition.
//!
//! - [`departing`]: what a circuit really multiplies with, recovered from the circuit, beside how the numbers are defined;
//! - [`published()`]: what papers print, beside how they define it.

mod published;
mod recovered;

pub use published::{PublishedCoefficient, published};
pub use recovered::{Definition, departing};
