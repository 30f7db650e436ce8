//! `exp/bolt`: BOLT's exponential of a negative number, a square on one octave and a secret power of two.
//!
//! 1. l = floor(-x / ln 2), p = x + l ln 2 in (-ln 2, 0].
//! 2. e = 0.3585 (p + 1.353)^2 + 0.344, near e^p.
//! 3. y = e 2^-l.
//!
//! BOLT finds l and shifts by it with look-ups. Here l is the number of thresholds -j ln 2, j = 1..16, that x is below, all compared at once;
//! 2^-l is 1 less 2^-j for each of them, linear in the bits; and a 17th threshold takes the last 2^-16 away, so that y is 0 below -17 ln 2.
//!
//! **Cost.** 17 comparisons at once, their conversion, a square and a product: 10 rounds; 59136 bit with CrypTen's comparison, 8986 with the
//! carry tree.
//! **Error.** 2.13e-3, at x = -0.138; relative 3.1e-3 down to -17 ln 2 = -11.78, where it drops to 0 from 7.6e-6.
//! **Domain.** [-128, 0].
//! **Privacy.** Comparison, conversion, square and product: every message is uniform.
//! **Source.** BOLT (Pang et al., IEEE S&P 2024), exponential of softmax; selections instead of look-ups are ours.

use crate::circuit::{Circuit, Secret};
use crate::fixed::power_of_two;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use crate::shape::Shape;
use std::f64::consts::LN_2;
use std::sync::LazyLock;

/// Octaves that are told apart.
const OCTAVES: usize = 16;
/// Guard bits of bits as numbers, so that halves of them are made by shifts towards the left alone.
const BIT_GUARD_BITS: i8 = -8;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "exp/bolt".into(),
    function: Function::EXP,
    summary: "a square on one octave times a secret power of two".into(),
    source: "BOLT (IEEE S&P 2024), softmax; selections instead of look-ups ours".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| Interval { low: -128.0, high: 0.0, of: "the exponent".into() }),
    error: ErrorClaim { absolute: 2.13e-3, relative: 0.0, truth: Truth::Exp },
    claims: vec![
        CostClaim {
            by: "viewless".into(),
            setting: Setting::LEAN,
            rounds: Some(Rounds::fixed(10)),
            bits: Some(Bits::per_element(17 * (504 + 2) + 128 + 256)),
            holds: true,
            remark: "comparison 7, conversion 1, square 1, product 1".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(10)),
            bits: Some(Bits::per_element(17 * 3456 + 128 + 256)),
            holds: true,
            remark: "comparison 8, square 1, product 1".into(),
        },
    ],
    fails: vec![],
    known: texts(&[
        "BOLT finds the octave and shifts by look-ups; 17 comparisons in their place are what this scheme has, and dear with CrypTen's",
        "at 0 it gives 1.00027",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// e^x elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let (guard_bits, shape) = (c.guard_bits(x), c.shape(x).clone());
    let thresholds: Vec<f64> = (1..=OCTAVES + 1).map(|j| -(j as f64) * LN_2).collect();
    let leading: Shape = std::iter::once(thresholds.len()).chain(vec![1; shape.rank()]).collect();
    let thresholds = c.constant(&thresholds, leading, guard_bits);
    let below = c.less(x, thresholds);
    let below = c.real(below, BIT_GUARD_BITS);

    let octaves = c.slice(below, 0, 0, OCTAVES);
    let count = c.sum(octaves, 0);
    let count = c.reshape(count, shape.clone());
    let turned = c.scale_to(count, LN_2, guard_bits);
    let p = c.add(x, turned);
    let offset = c.offset(p, 1.353);
    let square = c.square(offset);
    let scaled = c.scale(square, 0.3585);
    let mantissa = c.offset(scaled, 0.344);

    // Enough fraction bits for the smallest power of two, which is then a shift to the left.
    let scale_guard_bits = BIT_GUARD_BITS + OCTAVES as i8;
    let taken: Vec<Secret> = (1..=OCTAVES + 1)
        .map(|j| {
            let bit = c.slice(below, 0, j - 1, 1);
            c.scale_to(bit, power_of_two(-(j.min(OCTAVES) as i32)), scale_guard_bits)
        })
        .collect();
    let taken = taken.into_iter().reduce(|sum, term| c.add(sum, term)).expect("there are octaves");
    let taken = c.reshape(taken, shape);
    let scale = c.subtract_from(1.0, taken);
    c.mul_to(mantissa, scale, guard_bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn errors_are_those_of_the_square_on_every_octave_and_nothing_is_left_below_the_last() {
        let (absolute, relative) = testing::largest_error(&PROTOCOL, testing::grid(-11.78, 0.0, 100_001), f64::exp);
        assert!((absolute - 2.128e-3).abs() < 1e-6 && (relative - 3.0973e-3).abs() < 1e-6);
        assert!(testing::map(&PROTOCOL, &[-11.79, -50.0, -128.0]).iter().all(|&y| y == 0.0));
        assert!((testing::map(&PROTOCOL, &[0.0])[0] - 1.000_273).abs() < 1e-6);
    }
}
