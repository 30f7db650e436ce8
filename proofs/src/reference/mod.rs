//! The truth, to as many digits as one likes: MPFR with directed rounding, so that every answer is an interval that contains
//! the exact number.
//!
//! - [`Enclosure`]: interval arithmetic;
//! - [`RealFunction`]: the functions of one number, with all their derivatives;
//! - [`Piecewise`]: a function on an interval as polynomials in f64 with a proved error, for millions of points;
//! - [`double`]: the functions of models in f64, where that is exact enough;
//! - [`row`]: softmax, 2Quad, layer normalisation and maximum of a row;
//! - [`series`]: trigonometric sums.
//!
//! ```
//! use viewless_proofs::reference::{Enclosure, RealFunction, PRECISION};
//!
//! let y = RealFunction::GeluErf.at(&Enclosure::of(1.0, PRECISION)).expect("gelu is defined everywhere");
//! assert!(y.low() <= 0.841_344_746_068_542_9 && y.high() >= 0.841_344_746_068_542_8 && y.width() < 1e-70);
//! ```

pub mod double;
mod enclosure;
mod polynomial;
mod real_function;
pub mod row;
pub mod series;

pub use enclosure::Enclosure;
pub use polynomial::{NotSmooth, Piecewise, Polynomial};
pub use real_function::{RealFunction, Symmetry};

/// Bits of a reference.
pub const PRECISION: u32 = 256;

#[cfg(test)]
mod tests;
