//! A reference as polynomials in f64 with a proved error: a million values cost what a million values of MPFR would not.
//!
//! On |x - c| <= r, Taylor's theorem gives f(x) = sum over k < d of f_k(c) (x - c)^k + f_d(xi) (x - c)^d for some xi in between.
//! The error of the f64 polynomial is bounded by the sum of
//! - the remainder: r^d times the magnitude of f_d over the whole interval, enclosed by MPFR;
//! - the rounding of each coefficient to f64: half the width of its enclosure and the distance of the f64, times r^k;
//! - the rounding of x - c and of Horner's scheme: gamma(3d) sum of |f_k| r^k with gamma(n) = n 2^-53 / (1 - n 2^-53)
//!   < n 2^-52 (Higham, Accuracy and Stability of Numerical Algorithms, section 5.1).

use super::{Enclosure, RealFunction};
use rayon::prelude::*;
use thiserror::Error;

/// Terms of each polynomial.
const TERMS: usize = 12;
/// Precision of the coefficients before they are rounded.
const BITS: u32 = super::PRECISION;
/// Wanted error in proportion to the value or 1, whichever is larger.
const ACCURACY: f64 = 1e-13;

/// An interval on which the function is not smooth enough to be enclosed.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("{function} cannot be enclosed on [{low}, {high}]: it is not defined, or not finite, on all of it")]
pub struct NotSmooth {
    /// The function.
    pub function: RealFunction,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// f on |x - centre| <= radius.
#[derive(Debug, Clone, PartialEq)]
pub struct Polynomial {
    /// The point around which it is expanded.
    pub centre: f64,
    /// Where it holds.
    pub radius: f64,
    /// Coefficients of powers of x - centre.
    pub coefficients: [f64; TERMS],
    /// Bound of |f(x) - polynomial(x)|, evaluation in f64 included.
    pub error: f64,
}

/// f on an interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Piecewise {
    function: RealFunction,
    pieces: Vec<Polynomial>,
}

impl Polynomial {
    fn new(function: RealFunction, low: f64, high: f64) -> Result<Self, NotSmooth> {
        let refused = NotSmooth { function, low, high };
        let centre = (low + high) / 2.0;
        // No gap may open between pieces when the centre is rounded.
        let radius = (high - centre).max(centre - low) * (1.0 + 4.0 * f64::EPSILON);
        let at_centre = function.taylor(&Enclosure::of(centre, BITS), TERMS - 1).ok_or(refused)?;
        let around = function.taylor(&Enclosure::between(low, high, BITS), TERMS).ok_or(refused)?;
        let mut coefficients = [0.0; TERMS];
        let (mut error, mut magnitude, mut power) = (0.0, 0.0, 1.0);
        for (coefficient, enclosure) in coefficients.iter_mut().zip(&at_centre) {
            *coefficient = enclosure.middle();
            error += (enclosure.high() - *coefficient).max(*coefficient - enclosure.low()) * power;
            magnitude += coefficient.abs() * power;
            power *= radius;
        }
        error += around[TERMS].magnitude() * power + 3.0 * TERMS as f64 * f64::EPSILON * magnitude;
        if function.kink().is_some() {
            // The radius reaches a rounding beyond the end, where the line is another.
            error += 16.0 * f64::EPSILON * radius;
        }
        // The few roundings of this very sum.
        error *= 1.0 + 1e-12;
        if error.is_finite() { Ok(Self { centre, radius, coefficients, error }) } else { Err(refused) }
    }

    /// The polynomial at x, in f64.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        let t = x - self.centre;
        self.coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * t + coefficient)
    }

    /// On |x - `centre`| <= `radius`, f(x) is value + slope (x - centre) to within the third number.
    #[must_use]
    pub fn linear(&self, centre: f64, radius: f64) -> (f64, f64, f64) {
        let t = centre - self.centre;
        let value = self.at(centre);
        let derivative = |sum: f64, (k, coefficient): (usize, &f64)| sum * t + k as f64 * coefficient;
        let slope = self.coefficients.iter().enumerate().skip(1).rev().fold(0.0, derivative);
        // |f(x) - tangent| <= radius^2 / 2 max |polynomial''|, and |polynomial''| <= sum k (k-1) |a_k| reach^(k-2).
        let reach = t.abs() + radius;
        let second = |sum: f64, (k, coefficient): (usize, &f64)| sum * reach + (k * (k - 1)) as f64 * coefficient.abs();
        let curvature = self.coefficients.iter().enumerate().skip(2).rev().fold(0.0, second);
        let rounding = 64.0 * f64::EPSILON * (value.abs() + slope.abs() * radius);
        (value, slope, (self.error + curvature * radius * radius / 2.0 + rounding) * (1.0 + 1e-12))
    }
}

impl Piecewise {
    /// Splits [low, high] until every piece is accurate to 1e-13 of its value, or of 1.
    ///
    /// # Errors
    /// [`NotSmooth`] where the function has no enclosure, as 1/x at 0.
    pub fn new(function: RealFunction, low: f64, high: f64) -> Result<Self, NotSmooth> {
        if let Some(kink) = function.kink().filter(|kink| low < *kink && *kink < high) {
            let (left, right) = (Self::new(function, low, kink)?, Self::new(function, kink, high)?);
            return Ok(Self { function, pieces: left.pieces.into_iter().chain(right.pieces).collect() });
        }
        // Pieces of equal length at first, so that they are made in parallel.
        let count = ((high - low) * 2.0).ceil().clamp(1.0, 4096.0) as usize;
        let edge = |i: usize| low + (high - low) * (i as f64 / count as f64);
        let pieces: Result<Vec<Vec<Polynomial>>, NotSmooth> =
            (0..count).into_par_iter().map(|i| split(function, edge(i), edge(i + 1), 40)).collect();
        Ok(Self { function, pieces: pieces?.into_iter().flatten().collect() })
    }

    /// The function.
    #[must_use]
    pub fn function(&self) -> RealFunction {
        self.function
    }

    /// Number of pieces.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// The largest error of any piece.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.pieces.iter().map(|piece| piece.error).fold(0.0, f64::max)
    }

    /// The piece around x, which lies in the interval.
    #[must_use]
    pub fn piece(&self, x: f64) -> &Polynomial {
        let position = self.pieces.partition_point(|piece| piece.centre + piece.radius < x);
        &self.pieces[position.min(self.pieces.len() - 1)]
    }

    /// The value at x, to within [`Polynomial::error`].
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        self.piece(x).at(x)
    }

    /// As [`Polynomial::linear`], for an interval that may reach over several pieces.
    #[must_use]
    pub fn linear(&self, centre: f64, radius: f64) -> (f64, f64, f64) {
        let piece = self.piece(centre);
        if (centre - piece.centre).abs() + radius <= piece.radius {
            return piece.linear(centre, radius);
        }
        // The value lies between the least and the largest of all pieces that are touched.
        let first = self.pieces.partition_point(|piece| piece.centre + piece.radius < centre - radius);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for piece in &self.pieces[first.min(self.pieces.len() - 1)..] {
            if piece.centre - piece.radius > centre + radius {
                break;
            }
            let left = (centre - radius).max(piece.centre - piece.radius);
            let right = (centre + radius).min(piece.centre + piece.radius);
            let (middle, half) = ((left + right) / 2.0, (right - left).max(0.0) / 2.0 * (1.0 + 1e-9));
            let (value, slope, error) = piece.linear(middle, half);
            let reach = (slope.abs() * half + error) * (1.0 + 1e-12);
            low = low.min(value - reach);
            high = high.max(value + reach);
        }
        ((low + high) / 2.0, 0.0, (high - low) / 2.0 * (1.0 + 1e-12) + f64::EPSILON * low.abs().max(high.abs()))
    }
}

fn split(function: RealFunction, low: f64, high: f64, depth: u32) -> Result<Vec<Polynomial>, NotSmooth> {
    match Polynomial::new(function, low, high) {
        Ok(piece) if depth == 0 || piece.error <= ACCURACY * piece.coefficients[0].abs().max(1.0) => Ok(vec![piece]),
        Err(refused) if depth == 0 => Err(refused),
        _ => {
            let middle = (low + high) / 2.0;
            let mut pieces = split(function, low, middle, depth - 1)?;
            pieces.extend(split(function, middle, high, depth - 1)?);
            Ok(pieces)
        }
    }
}
