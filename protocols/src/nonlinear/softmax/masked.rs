//! `softmax/masked`: softmax itself without a comparison: a level in the place of the maximum, powers of two by dealt words (ours).
//!
//! 1. s = x log2 e: powers of two from here on.
//! 2. L = about the largest of the row, by `max/histogram`: from 0 to 4 below it.
//! 3. e = 2^(s - L - 4), by the powers of `exp/masked`, with four guard bits.
//! 4. S = sum of e, in [1/16, n]: the largest element contributes from 1/16 to 1.
//! 5. r = 1 / S, by `reciprocal/scales` over [1/32, n].
//! 6. y = e r.
//!
//! L is the same for a whole row: numerator and denominator have the same power of two too much, and the choice of the level has no error of its own.
//! Where a model multiplies the result with values, it takes e and r apart: (e V) r is divided once for each value. Scores then come multiplied with log2 e.
//!
//! Under a mask, elements that take no part are replaced by the first of their row before step 2, and their e is zero in step 4.
//!
//! **Cost.** Two openings and a product for each element; for each row the level and the reciprocal. Six rounds with free truncations, whatever the length of the row.
//! **Error.** A unit in s is a part of 1.1e-5 of e, and s itself is off by 2^-18 of it; an absolute error of e is in proportion to a sum that is 1/16 at least. 8e-5 is
//! claimed, for rows of up to 512 elements.
//! **Domain.** x in [-78, 88.7]: s is in [-113, 128), and the lowest element is no more than the 241 bits = 167 below the largest that powers reach.
//! (Where the level is as low as can be, it may be 243; a level may be a step higher in a run than in plaintext, and powers reach 248 bits down from
//! 4 above it.)
//! **Privacy.** Masked openings and a product: every message is uniform.
//! **Source.** Ours.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::exp::masked as exponential;
use crate::nonlinear::max::histogram;
use crate::nonlinear::reciprocal::scales;
use crate::nonlinear::{
    Build, Card, ErrorClaim, Function, Interval, Parts, PerRow, Protocol, Reading, SoftmaxInputs, Truth, texts,
};
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

/// Binary logarithm of a number that is below every sum, by at least a factor of two.
const LEAST_SUM_EXPONENT: i8 = -5;

/// Guard bits of the inverse of a sum.
const INVERSE_GUARD_BITS: i8 = 3;

/// The interval of the elements.
const DOMAIN: Interval = Interval { low: -78.0, high: 88.7, of: Cow::Borrowed("the elements") };

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "softmax/masked".into(),
    function: Function::SOFTMAX,
    summary:
        "a level in place of the maximum, powers of two by dealt words, one reciprocal for each row: no comparison"
            .into(),
    source: "ours".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| DOMAIN),
    error: ErrorClaim { absolute: 8e-5, relative: 0.0, truth: Truth::Softmax },
    claims: vec![],
    fails: vec![],
    known: texts(&[
        "outside of [-78, 88.7] the result is nonsense: for a model whose scores are known to stay inside",
        "32 words are dealt for each element, and 128 that count a row",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| {
    let parts = Parts::Softmax { factor: std::f64::consts::LOG2_E, build: Arc::new(parts) };
    Protocol::built_in(&CARD, Build::softmax(build)).in_parts(parts)
});

/// Softmax of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, SoftmaxInputs { x, mask }: SoftmaxInputs) -> Secret {
    let guard_bits = c.guard_bits(x);
    c.claim_domain(x, DOMAIN.low, DOMAIN.high);
    let bits = c.scale(x, std::f64::consts::LOG2_E);
    let [powers, inverse] = parts(c, SoftmaxInputs { x: bits, mask });
    c.mul_to(powers, inverse, guard_bits)
}

/// Steps 2 to 5 of s: e, with four guard bits more than s, and r.
fn parts(c: &mut Circuit, SoftmaxInputs { x, mask }: SoftmaxInputs) -> [Secret; 2] {
    let guard_bits = c.guard_bits(x);
    let x = mask.map_or(x, |mask| mask.fill(c, x));
    let level = histogram::PROTOCOL.build(c, x);
    let difference = c.sub(x, level);
    let exponent = c.offset(difference, -histogram::BELOW);
    let sectors = exponential::SECTORS;
    let powers = c.region(&exponential::CARD.name, |c| {
        // On the plaintext, whose level is the highest below the largest. In a run it may be a step higher, by rounding, and exponents lower.
        c.claim_domain(exponent, -sectors.reach() + 1.0 + histogram::LEVELS.step(), 0.0);
        c.power(exponent, sectors, guard_bits + exponential::GUARD_BITS)
    });
    let powers = mask.map_or(powers, |mask| mask.keep(c, powers));
    let sum = c.sum(powers, c.last_axis(x));
    let inverse = c.region(&scales::CARD.name, |c| {
        let halvings = c.row_length(x).next_power_of_two().ilog2().max(1);
        let high = i8::try_from(halvings).expect("a row has fewer than 2^64 elements");
        scales::over(c, sum, LEAST_SUM_EXPONENT, high + 1, INVERSE_GUARD_BITS)
    });
    [powers, inverse]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn rows_of_any_length_and_spread_are_right_to_the_claimed_error() {
        let mut largest: f64 = 0.0;
        for n in [1, 2, 7, 128, 512] {
            for (spread, shift) in [(0.0, 0.0), (0.5, 80.0), (2.0, -84.0), (5.0, 1.0), (80.0, 0.0)] {
                let row: Vec<f64> = (0..n).map(|i| shift + spread * libm::sin(i as f64 * 1.7)).collect();
                let most = row.iter().copied().fold(f64::MIN, f64::max);
                let sum: f64 = row.iter().map(|x| (x - most).exp()).sum();
                for (x, y) in row.iter().zip(testing::map(&PROTOCOL, &row)) {
                    largest = largest.max((y - (x - most).exp() / sum).abs());
                }
            }
        }
        assert!(largest <= CARD.error.absolute / 4.0, "{largest:e}");
    }
}
