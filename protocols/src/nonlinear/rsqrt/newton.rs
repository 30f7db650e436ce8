//! `rsqrt/newton`: CrypTen's inverse square root, with three Newton steps as configured by default; `rsqrt/newton-8`: with eight.
//!
//! 1. y = 2.2 exp(-(x/2 + 0.2)) + 0.2 - x/1024.
//! 2. t times: y = y (3 - x y^2) / 2.
//!
//! **Cost.** 8 + 3 t rounds, 1024 + (128 + 256 + 256) t bit: 17 and 2944 for t = 3, 32 and 6144 for t = 8.
//! **Error.** For t = 3 on the domain at most 0.5 percent of the truth, at its lower end; below, three steps do not suffice (0.01
//! gives 6.05 where 10 is right). For t = 8 at most 2e-9, at both ends.
//! **Domain.** [0.1, 150] for t = 3, [0.01, 190] for t = 8; from about x = 205 on the start is negative and the result has the wrong sign.
//! **Privacy.** Products and squares only: every message is uniform.
//! **Source.** CrypTen (Knott et al., NeurIPS 2021), Appendix C; code: `common/functions/approximations.py`, `inv_sqrt`.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::exp::crypten::exponential;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::sync::LazyLock;

/// Newton steps as configured by default.
pub const ITERATIONS: usize = 3;
/// Newton steps of the other card.
pub const MORE_ITERATIONS: usize = 8;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "rsqrt/newton".into(),
    function: Function::RSQRT,
    summary: "three Newton steps from 2.2 exp(-(x/2 + 0.2)) + 0.2 - x/1024".into(),
    source: "CrypTen (NeurIPS 2021) Appendix C; code: common/functions/approximations.py, inv_sqrt".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| Interval { low: 0.1, high: 150.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 0.0, relative: 5e-3, truth: Truth::Rsqrt },
    claims: vec![
        CostClaim {
            by: "CrypTen, measured".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(17)),
            bits: Some(Bits::per_element(2944)),
            holds: true,
            remark: "368 byte: exp, then a square and two products for each step".into(),
        },
        CostClaim {
            by: "SecFormer, Table 1 (rSqrt)".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(18)),
            bits: Some(Bits::per_element(6400)),
            holds: false,
            remark:
                "9 + 3t rounds: one product more, for the square root; 6400 bit is that at t = 8, not at the default 3"
                    .into(),
        },
    ],
    fails: vec![],
    known: texts(&[
        "SecFormer prints the start as exp(-2.2 (x/2 + 0.2)) + 0.198046875: the 2.2 is a factor, not in the exponent, and the \
         constant is 0.2 - x/1024 at x = 2",
        "below 0.1 three steps do not converge",
    ]),
});

/// The card with eight steps.
pub static CARD_8: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "rsqrt/newton-8".into(),
    function: Function::RSQRT,
    summary: "eight Newton steps from 2.2 exp(-(x/2 + 0.2)) + 0.2 - x/1024".into(),
    source: "CrypTen's code at 775868a: common/functions/approximations.py, inv_sqrt with sqrt_nr_iters = 8".into(),
    reading: Reading::AsBenchmarked,
    interval: PerRow::of(|_| Interval { low: 0.01, high: 190.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 0.0, relative: 1e-8, truth: Truth::Rsqrt },
    claims: vec![
        CostClaim {
            by: "CrypTen, measured (sqrt_nr_iters = 8)".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(32)),
            bits: Some(Bits::per_element(6144)),
            holds: true,
            remark: "768 byte: exp, then a square and two products for each step".into(),
        },
        CostClaim {
            by: "SecFormer, Table 1 (rSqrt)".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(33)),
            bits: Some(Bits::per_element(6400)),
            holds: false,
            remark: "one product more, for the square root: that is 9 + 3t rounds and 6400 bit at t = 8, though the default is 3".into(),
        },
    ],
    fails: vec![],
    known: texts(&["published tables that only eight steps reproduce do not say that the default was changed"]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// The protocol with eight steps.
pub static PROTOCOL_8: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD_8, Build::map(build_8)));

/// 1/sqrt(x) elementwise, with one guard bit more than x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    newton(c, x, ITERATIONS)
}

/// The same with eight steps.
pub fn build_8(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD_8.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    newton(c, x, MORE_ITERATIONS)
}

/// The same as a part of another protocol, which claims its own domain.
pub(in crate::nonlinear) fn newton(c: &mut Circuit, x: Secret, iterations: usize) -> Secret {
    let guard_bits = c.guard_bits(x);
    let negative = c.neg(x);
    let half = c.shift(negative, -1);
    let half = c.precision(half, guard_bits);
    let exponent = c.offset(half, -0.2);
    let exponential = exponential(c, exponent);
    let scaled = c.scale(exponential, 2.2);
    let slope = c.shift(negative, -10);
    let slope = c.precision(slope, guard_bits);
    let start = c.add(scaled, slope);
    let mut y = c.offset(start, 0.2);
    for _ in 0..iterations {
        let square = c.square(y);
        let product = c.mul_to(square, x, guard_bits);
        let rest = c.subtract_from(3.0, product);
        let twice = c.mul_to(y, rest, guard_bits);
        y = c.shift(twice, -1);
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn the_error_is_claimed_on_the_domain_and_only_there() {
        let (_, relative) = testing::largest_error(&PROTOCOL, testing::grid(0.1, 150.0, 20_001), |x| 1.0 / x.sqrt());
        assert!(relative <= CARD.error.relative);
        let outside = testing::map(&PROTOCOL, &[0.01, 250.0]);
        assert!((outside[0] - 6.05).abs() < 0.02 && outside[1] < 0.0);
    }

    #[test]
    fn eight_steps_reach_further_and_no_further_than_claimed() {
        let (_, relative) = testing::largest_error(&PROTOCOL_8, testing::grid(0.01, 190.0, 20_001), |x| 1.0 / x.sqrt());
        assert!(relative <= CARD_8.error.relative);
        let outside = testing::map(&PROTOCOL_8, &[200.0, 250.0]);
        assert!((outside[0] * 200f64.sqrt() - 1.0 + 0.0354).abs() < 1e-4 && (outside[1].is_nan() || outside[1] <= 0.0));
    }
}
