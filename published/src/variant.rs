//! Protocols that nobody publishes, built because they explain printed numbers: they are counted like any other, and recommended to nobody.
//!
//! CrypTen's reciprocal takes ten Newton steps. Its code has y + (y - y^2 x), a square and a product, 384 bit; the step as textbooks have it, and
//! as CrypTen once had it, is y (2 - x y), two products, 512 bit: 10 x 128 bit = 160 byte more for each reciprocal. CrypTen's exponential
//! squares eight times by default, and `exp_iterations` makes it five.

use viewless_protocols::circuit::{Bit, Circuit, Secret};
use viewless_protocols::nonlinear::Protocol;

/// Steps of a reciprocal.
const STEPS: usize = 10;
/// Squarings of an exponential by default.
const SQUARINGS: u8 = 8;
/// Those that PUMA states for its own.
const FIVE_SQUARINGS: u8 = 5;

/// A protocol that explains printed numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// `reciprocal/newton-signed` with two products a step.
    Reciprocal,
    /// `rsqrt/sqrt-reciprocal-8` with two products a step of the reciprocal.
    InverseRoot,
    /// `softmax/2quad-mpcformer` with two products a step.
    TwoQuad,
    /// `softmax/puma-as-in-secformer-code` with two products a step, and five squarings in both exponentials.
    Puma,
}

impl Variant {
    /// By the name that tables use.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "reciprocal/newton-signed-two-products" => Some(Self::Reciprocal),
            "rsqrt/sqrt-reciprocal-8-two-products" => Some(Self::InverseRoot),
            "softmax/2quad-mpcformer-two-products" => Some(Self::TwoQuad),
            "softmax/puma-five-squarings-two-products" => Some(Self::Puma),
            _ => None,
        }
    }

    /// Builds it on rows `x`; `pieces` are the registry's protocols that it is made of.
    pub(crate) fn build(self, c: &mut Circuit, x: Secret, pieces: &Pieces<'_>) -> Secret {
        match self {
            Self::Reciprocal => reciprocal(c, x, SQUARINGS),
            Self::InverseRoot => {
                let inverse = pieces.inverse_root.build(c, x);
                let root = c.mul(inverse, x);
                reciprocal(c, root, SQUARINGS)
            }
            Self::TwoQuad => {
                let shifted = c.offset(x, 5.0);
                let squares = c.mul(shifted, shifted);
                over_sum(c, squares, SQUARINGS)
            }
            Self::Puma => {
                let guard_bits = c.guard_bits(x);
                let largest = pieces.maximum.build(c, x);
                let below = c.less_than(x, 1e-14);
                let exponential = exponential(c, x, FIVE_SQUARINGS);
                let at_least = c.not(below);
                let selected = c.select(at_least, exponential);
                let ones = c.real(below, guard_bits);
                let exponential = c.add(ones, selected);
                let difference = c.sub(exponential, largest);
                let numerator = c.offset(difference, -1e-6);
                over_sum(c, numerator, FIVE_SQUARINGS)
            }
        }
    }
}

/// Protocols of the registry that variants are made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pieces<'a> {
    /// `max/crypten`.
    pub(crate) maximum: &'a Protocol,
    /// `rsqrt/newton-8`.
    pub(crate) inverse_root: &'a Protocol,
}

/// Each element over its row sum.
fn over_sum(c: &mut Circuit, x: Secret, squarings: u8) -> Secret {
    let sum = c.sum(x, c.last_axis(x));
    let inverse = reciprocal(c, sum, squarings);
    c.mul(x, inverse)
}

/// (1 + x / 2^k)^(2^k) for k squarings.
fn exponential(c: &mut Circuit, x: Secret, squarings: u8) -> Secret {
    let guard_bits = c.guard_bits(x);
    let quotient = c.shift(x, -(squarings as i8));
    let quotient = c.precision(quotient, guard_bits);
    let base = c.offset(quotient, 1.0);
    (0..squarings).fold(base, |power, _| c.square(power))
}

/// 1/x of either sign: the sign apart, then y (2 - x y) ten times from 3 exp(1 - 2 x) + 0.003.
fn reciprocal(c: &mut Circuit, x: Secret, squarings: u8) -> Secret {
    let negative = c.less_than(x, 0.0);
    let positive = turned(c, negative, x);
    let doubled = c.add(positive, positive);
    let exponent = c.subtract_from(1.0, doubled);
    let exponential = exponential(c, exponent, squarings);
    let tripled = c.scale(exponential, 3.0);
    let mut y = c.offset(tripled, 0.003);
    for _ in 0..STEPS {
        let product = c.mul(positive, y);
        let rest = c.subtract_from(2.0, product);
        y = c.mul(y, rest);
    }
    turned(c, negative, y)
}

/// -x where the bit is 1, x elsewhere.
fn turned(c: &mut Circuit, bit: Bit, x: Secret) -> Secret {
    let selected = c.select(bit, x);
    let twice = c.add(selected, selected);
    c.sub(x, twice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::protocol;
    use viewless_protocols::circuit::Owner;

    /// What a variant makes of a row over the reals.
    fn at(variant: Variant, row: &[f64]) -> Vec<f64> {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [1, row.len()]);
        let (maximum, inverse_root) = (protocol("max/crypten").unwrap(), protocol("rsqrt/newton-8").unwrap());
        let y = variant.build(&mut c, x, &Pieces { maximum, inverse_root });
        c.reveal(y, "y");
        c.finish().unwrap().evaluate(|_, _| Some(row.to_vec())).unwrap().outputs.remove(0).2
    }

    /// What explains a number must compute what the number is said to be about.
    #[test]
    fn variants_compute_the_functions_that_they_stand_for() {
        let near = |found: Vec<f64>, wanted: &[f64], relative: f64| {
            assert!(found.iter().zip(wanted).all(|(y, t)| (y / t - 1.0).abs() <= relative), "{found:?} {wanted:?}");
        };
        near(at(Variant::Reciprocal, &[0.5, -2.0, 70.0]), &[2.0, -0.5, 1.0 / 70.0], 1e-6);
        near(at(Variant::InverseRoot, &[0.25, 9.0, 100.0]), &[2.0, 1.0 / 3.0, 0.1], 1e-6);
        near(at(Variant::TwoQuad, &[-4.0, -3.0, -2.0]), &[1.0 / 14.0, 4.0 / 14.0, 9.0 / 14.0], 1e-6);
        let puma = at(Variant::Puma, &[1.0, 0.0]);
        assert!((puma[0] - 1.0).abs() < 1e-4, "{puma:?}: exp(0) less the maximum is nothing");
    }
}
