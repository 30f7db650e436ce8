//! `gelu/puma-as-in-secformer-code`: what SecFormer's benchmark runs in the place of PUMA's GeLU.
//!
//! 1. c0 = [x < -4], c1 = [x < 1.95], c2 = [x <= 3].
//! 2. z1 = c1 - c0, z2 = c2 - c1; z0 = c0 and z3 = 1 - c2 are not used.
//! 3. F0(x): x^2, x^3 = x x^2. F1(x): x^2 and x^3 once more, x^4 = x^2 x^2, x^6 = x^3 x^3.
//! 4. y = z1 F0 + z1 F1 + z2 x.
//!
//! It is not PUMA's GeLU, and no GeLU: the second threshold has lost its sign, F0 is added where it does not belong, and x is dropped above
//! 3. The coefficients are PUMA's. SecFormer's Table 3 and Figure 5 price PUMA by this code.
//!
//! **Cost.** As written 33 rounds, 12160 bit = 1520 byte: three comparisons (24, 10368), six squares and products of powers (6, 1024), three
//! products with bits (3, 768).
//! **Error.** 16 at x = 16, because everything above 3 becomes 0; 4.0 on [-4, 4].
//! **Domain.** [-16, 16], as `gelu/puma`.
//! **Privacy.** Comparisons and products: every message is uniform.
//! **Source.** SecFormer's code, `operation/gelu.py` and `efficiency/utils.py`, class `puma_gelu`, read in July 2024's state.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::gelu::puma::{F0, F1};
use crate::nonlinear::pieces::{BIT_GUARD_BITS, above, combination};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, Truth, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "gelu/puma-as-in-secformer-code".into(),
    function: Function::GELU,
    summary: "PUMA's polynomials as SecFormer's benchmark joins them: not GeLU".into(),
    source: "SecFormer's code: operation/gelu.py and efficiency/utils.py, puma_gelu; Table 3, Figure 5".into(),
    reading: Reading::AsBenchmarked,
    interval: PerRow::of(|_| Interval { low: -16.0, high: 16.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 16.001, relative: 0.0, truth: Truth::Gelu },
    claims: vec![
        CostClaim {
            by: "SecFormer, Figure 5 (PUMA)".into(),
            setting: Setting::PUBLISHED,
            rounds: None,
            bits: Some(Bits::per_element(8 * 1520)),
            holds: true,
            remark: "15.2 MB for 100 x 100 elements: 1520 byte for each".into(),
        },
        CostClaim {
            by: "CrypTen running that code, measured".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(33)),
            bits: Some(Bits::per_element(8 * 1520)),
            holds: true,
            remark: "three comparisons 24 and 10368, powers 6 and 1024, products with bits 3 and 768".into(),
        },
    ],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "on [-4, 4] it errs by up to 4.0, by 0.82 on average: numbers above 3 become 0, and from -4 to 1.95 both polynomials are added".into(),
    }],
    known: texts(&[
        "the middle threshold is 1.95 where PUMA has -1.95; z3 x, the last piece, is missing; z1 stands in the place of z0",
        "x^2 and x^3 are computed twice, which PUMA does not do",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// What the benchmark computes, elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let guard_bits = c.guard_bits(x);
    let c0 = c.less_than(x, -4.0);
    let c1 = c.less_than(x, 1.95);
    let over = above(c, x, 3.0);
    let c2 = c.not(over);
    let [c0, c1, c2] = [c0, c1, c2].map(|bit| c.real(bit, BIT_GUARD_BITS));
    let z1 = c.sub(c1, c0);
    let z2 = c.sub(c2, c1);

    let square = c.square(x);
    let cube = c.mul(x, square);
    let f0 = combination(c, &[(F0[3], cube), (F0[2], square), (F0[1], x)], F0[0]);
    let first = c.mul_to(z1, f0, guard_bits);

    let square = c.square(x);
    let cube = c.mul(x, square);
    let fourth = c.square(square);
    let sixth = c.square(cube);
    let f1 = combination(c, &[(F1[4], sixth), (F1[3], fourth), (F1[2], square), (F1[1], x)], F1[0]);
    let second = c.mul_to(z1, f1, guard_bits);

    let sum = c.add(first, second);
    let third = c.mul_to(z2, x, guard_bits);
    c.add(sum, third)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    /// CrypTen 0.4.1, two parties, this code on 10,000 numbers in equal steps from -4 to 4: mean error 0.82097, largest 3.99987, at 4.
    /// It cuts coefficients to 16 bits, which moves the mean of the sextic by less than 2^-16 4^6 / 7 = 0.009.
    #[test]
    fn the_errors_are_those_that_crypten_shows() {
        let grid = || testing::grid(-4.0, 4.0, 10_000);
        let mean = testing::mean_error(&PROTOCOL, grid(), exact::gelu);
        let (largest, _) = testing::largest_error(&PROTOCOL, grid(), exact::gelu);
        assert!((mean - 0.82097).abs() < 9e-3 && (largest - 3.99987).abs() < 1e-4, "{mean} {largest}");
    }

    #[test]
    fn numbers_above_three_become_zero() {
        assert_eq!(testing::map(&PROTOCOL, &[3.0, 3.001, 16.0]), [3.0, 0.0, 0.0]);
    }
}
