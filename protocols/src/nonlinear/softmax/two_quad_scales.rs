//! `softmax/2quad-scales`: 2Quad without a comparison and without an iteration, its reciprocal by sums at two scales (ours).
//!
//! 1. s = (x + 5)^2; x is held with fewer fraction bits where rows are long, so that s is made in a ring of 64 bits.
//! 2. S = sum of s over the row.
//! 3. r = 1 / S, see [`scales`](crate::nonlinear::scales), over [0.5, 120] 2^h, 2^h the power of two not below n.
//! 4. y = s r.
//!
//! Where a model multiplies the result with values, it takes s 2^-h and r 2^h apart: (s V) r is divided once for each value.
//!
//! Under a mask, s is zero where an element takes no part, and S and r are scaled by n over the number of elements that do.
//!
//! **Cost.** A square and a product for each element, and for each row two openings, a look-up and a product. Three rounds where truncations are free and the inverse is
//! not opened, whatever the length of the row.
//! **Error.** The fit, 6e-6 relative. A unit of x is a part of 2 / (x + 5) units of s.
//! **Domain.** Row sums of (x + 5)^2 in [0.5, 120] 2^h: scores near 0 sum to 25 n. Beyond the result is nonsense.
//! **Privacy.** Masked openings, squares and products: every message is uniform.
//! **Source.** The function is SecFormer's (arXiv 2401.00793, Equation 4), c = 5 from MPCFormer (ICLR 2023); the protocol is ours.

use super::two_quad::{ROW_SUM, SHIFT};
use crate::circuit::{Circuit, Secret};
use crate::fixed::power_of_two;
use crate::nonlinear::reciprocal::scales as reciprocal;
use crate::nonlinear::scales::{self, Power, halvings};
use crate::nonlinear::{
    Build, Card, ErrorClaim, Failing, Function, Interval, Parts, PerRow, Protocol, Quality, Reading, SoftmaxInputs,
    Truth, texts,
};
use std::sync::{Arc, LazyLock};

/// Guard bits of s, as of the powers of `softmax/masked`.
const SQUARE_GUARD_BITS: i8 = 4;
/// Guard bits of the inverse of a sum.
const INVERSE_GUARD_BITS: i8 = 3;
/// Halvings of a square beyond which x is held with fewer fraction bits: a matrix product with values leaves room for so many.
const FREE_HALVINGS: i8 = 5;
/// The ends of S for a row of one.
const ENDS: (f64, f64) = (0.5, 120.0);
/// The powers of two between which S is then, with room for its rounding.
const EXPONENTS: (i8, i8) = (-2, 7);

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "softmax/2quad-scales".into(),
    function: Function::SOFTMAX,
    summary: "(x + 5)^2 over its row sum, the reciprocal by sums at two scales: no comparison, no iteration".into(),
    source: "function of SecFormer (arXiv 2401.00793) Equation 4; c = 5 from MPCFormer (ICLR 2023); protocol ours"
        .into(),
    reading: Reading::Ours,
    interval: PerRow::of(|n| {
        let (low, high) = ends(n);
        Interval { low, high, of: ROW_SUM.into() }
    }),
    error: ErrorClaim { absolute: 0.0, relative: 2.8e-4, truth: Truth::TwoQuad { shift: SHIFT } },
    claims: vec![],
    fails: vec![Failing {
        quality: Quality::Right,
        why:
            "it is not softmax: below -5 scores rise again, so it needs distilled weights; right about its own function"
                .into(),
    }],
    known: texts(&[
        "it is another function than softmax and needs a model distilled for it",
        "it is symmetric about -5: scores below -5 rise again, so a mask must multiply by 0 after the square, not add -inf",
        "outside of its interval the result is nonsense: for a model whose sums are known to stay inside",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| {
    let scaled = |c: &mut Circuit, inputs: SoftmaxInputs| {
        let halvings = halvings(c.row_length(inputs.x));
        let [squares, inverse] = parts(c, inputs, halvings);
        [c.shift(squares, -halvings), inverse]
    };
    let parts = Parts::Softmax { factor: 1.0, build: Arc::new(scaled) };
    Protocol::built_in(&CARD, Build::softmax(build)).in_parts(parts)
});

/// The ends of S for a row length.
fn ends(row_length: usize) -> (f64, f64) {
    let row = power_of_two(i32::from(halvings(row_length)));
    (ENDS.0 * row, ENDS.1 * row)
}

/// 2Quad of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: SoftmaxInputs) -> Secret {
    let guard_bits = c.guard_bits(inputs.x);
    let [squares, inverse] = parts(c, inputs, 0);
    c.mul_to(squares, inverse, guard_bits)
}

/// Steps 1 to 3: s, and r 2^`exponent`.
fn parts(c: &mut Circuit, SoftmaxInputs { x, mask }: SoftmaxInputs, exponent: i8) -> [Secret; 2] {
    let guard_bits = c.guard_bits(x);
    let halvings = halvings(c.row_length(x));
    let fewer = (halvings - FREE_HALVINGS).max(0).unsigned_abs().div_ceil(2) as i8;
    let shifted = c.offset(x, SHIFT);
    let shifted = c.precision(shifted, guard_bits - fewer);
    let squares = c.square_to(shifted, guard_bits + SQUARE_GUARD_BITS - halvings);
    let squares = mask.map_or(squares, |mask| mask.keep(c, squares));
    let sum = c.sum(squares, c.last_axis(x));
    let sum = mask.map_or(sum, |mask| mask.per_part(c, sum));
    let (low, high) = ends(c.row_length(x));
    c.claim_domain(sum, low, high);
    let inverse = c.region(&reciprocal::CARD.name, |c| {
        let ends = (EXPONENTS.0 + halvings, EXPONENTS.1 + halvings);
        // A power of two moves the binary point alone.
        let (factor, guard_bits) =
            (power_of_two(exponent.into()), guard_bits + INVERSE_GUARD_BITS + halvings - exponent);
        scales::over(c, sum, Power::Reciprocal, ends, factor, guard_bits)
    });
    [squares, mask.map_or(inverse, |mask| mask.per_part(c, inverse))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn rows_of_any_length_are_right_to_the_claimed_error_up_to_the_ends_of_the_domain() {
        for n in [1_usize, 4, 7, 128, 384, 512] {
            let (low, high) = ends(n);
            for sum in [low * 1.01, 25.0 * n as f64, high * 0.99] {
                let size = (sum / n as f64).sqrt();
                let spread = |i: usize| if n > 1 { 0.1 * libm::sin(i as f64 * 1.7) } else { 0.0 };
                let row: Vec<f64> = (0..n).map(|i| size * (1.0 + spread(i)) - SHIFT).collect();
                let sum: f64 = row.iter().map(|x| (x + SHIFT) * (x + SHIFT)).sum();
                if !(low..=high).contains(&sum) {
                    continue;
                }
                for (x, y) in row.iter().zip(testing::map(&PROTOCOL, &row)) {
                    let truth = (x + SHIFT) * (x + SHIFT) / sum;
                    assert!((y - truth).abs() <= 1e-5 * truth, "{n} {sum}: {y} {truth}");
                }
            }
        }
    }
}
