//! The truth, to as many digits as one likes: MPFR with directed rounding, so that every answer is an interval that contains
//! the exact number.
//!
//! - [`Enclosure`]: interval arithmetic;
//! - [`Function`]: the functions of one number, with all their derivatives;
//! - [`Piecewise`]: a function on an interval as polynomials in f64 with a proved error, for millions of points;
//! - [`row`]: softmax, 2Quad, layer normalisation and maximum of a row;
//! - [`series`]: trigonometric sums.
//!
//! ```
//! use viewless_proofs::reference::{Enclosure, Function, PRECISION};
//!
//! let y = Function::GeluErf.at(&Enclosure::of(1.0, PRECISION)).expect("gelu is defined everywhere");
//! assert!(y.low() <= 0.841_344_746_068_542_9 && y.high() >= 0.841_344_746_068_542_8 && y.width() < 1e-70);
//! ```

mod enclosure;
mod function;
mod polynomial;
pub mod row;
pub mod series;

pub use enclosure::Enclosure;
pub use function::{Function, Symmetry};
pub use polynomial::{NotSmooth, Piecewise, Polynomial};

/// Bits of a reference.
pub const PRECISION: u32 = 256;

#[cfg(test)]
mod tests;
