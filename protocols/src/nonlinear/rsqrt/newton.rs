//! `rsqrt/newton`: CrypTen's inverse square root.
//!
//! 1. y = 2.2 exp(-(x/2 + 0.2)) + 0.2 - x/1024.
//! 2. Three times: y = y (3 - x y^2) / 2.
//!
//! **Cost.** 8 + 3 x 3 = 17 rounds; 1024 + 3 (128 + 256 + 256) = 2944 bit.
//! **Error.** On the domain at most 0.5 percent of the truth, at its lower end; below, three steps do not suffice (0.01
//! gives 6.05 where 10 is right).
//! **Domain.** [0.1, 150]; from about x = 205 on the start is negative and the result has the wrong sign.
//! **Privacy.** Products and squares only: every message is uniform.
//! **Source.** CrypTen (Knott et al., NeurIPS 2021), Appendix C; code: `common/functions/approximations.py`, `inv_sqrt`.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::exp::crypten::exponential;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, Domain, ErrorClaim, Function, Protocol, Reading, Rounds, Setting, Truth,
};

/// Newton steps.
pub const ITERATIONS: usize = 3;

/// The card.
pub const CARD: Card = Card {
    name: "rsqrt/newton",
    function: Function::Rsqrt,
    summary: "three Newton steps from 2.2 exp(-(x/2 + 0.2)) + 0.2 - x/1024",
    source: "CrypTen (NeurIPS 2021) Appendix C; code: common/functions/approximations.py, inv_sqrt",
    reading: Reading::AsCoded,
    domain: |_| Domain { low: 0.1, high: 150.0, of: "the argument" },
    error: ErrorClaim { absolute: 0.0, relative: 5e-3, truth: Truth::Rsqrt },
    claims: &[
        CostClaim {
            by: "CrypTen, measured",
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(17)),
            bits: Some(Bits::per_element(2944)),
            holds: true,
            remark: "368 byte: exp, then a square and two products for each step",
        },
        CostClaim {
            by: "SecFormer, Table 1 (rSqrt)",
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(18)),
            bits: Some(Bits::per_element(6400)),
            holds: false,
            remark: "9 + 3t rounds: one product more, for the square root; 6400 bit is that at t = 8, not at the default 3",
        },
    ],
    fails: &[],
    known: &[
        "SecFormer prints the start as exp(-2.2 (x/2 + 0.2)) + 0.198046875: the 2.2 is a factor, not in the exponent, and the \
         constant is 0.2 - x/1024 at x = 2",
        "below 0.1 three steps do not converge",
    ],
};

/// The protocol.
pub const PROTOCOL: Protocol = Protocol { card: &CARD, build: Build::Map(build) };

/// 1/sqrt(x) elementwise, with one guard bit more than x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = (CARD.domain)(1);
    c.claim_domain(x, domain.low, domain.high);
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
    for _ in 0..ITERATIONS {
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
}
