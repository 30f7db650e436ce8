//! `exp/puma`: PUMA's exponential of a negative number, zero below -14 and a limit with five squarings above.
//!
//! 1. b = [x < -14].
//! 2. z = (1 + x / 2^5)^(2^5): five squares.
//! 3. y = z where b is 0, zero elsewhere: one selection.
//!
//! **Cost.** A comparison, five squares and a selection: 14 rounds and 4352 bit with CrypTen's comparison.
//! **Error.** 8.55e-3, at x = -1.98; the limit is always too small. Its share of the truth grows: 70 percent at -8. Below -14 e^-14 = 8.4e-7.
//! **Domain.** [-64, 0]. Below -64 the base is below -1 and its power explodes; the selection still drops it, but a number that leaves the word on
//! the way is nothing to build upon.
//! **Privacy.** Comparison, squares, selection: every message is uniform.
//! **Source.** PUMA (Dong et al., arXiv 2307.12533 v1), section on softmax: T_exp = -14, t = 5.
//!
//! | here | paper |
//! |---|---|
//! | `THRESHOLD` | T_exp |
//! | `SQUARINGS` | t |

use super::limit::power;
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::sync::LazyLock;

/// Where the limit gives way to 0.
pub const THRESHOLD: f64 = -14.0;
/// Squarings.
pub const SQUARINGS: u8 = 5;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "exp/puma".into(),
    function: Function::EXP,
    summary: "zero below -14, (1 + x/32)^32 above".into(),
    source: "PUMA (arXiv 2307.12533 v1), softmax: negExp".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| Interval { low: -64.0, high: 0.0, of: "the exponent".into() }),
    error: ErrorClaim { absolute: 8.55e-3, relative: 0.0, truth: Truth::Exp },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(14)),
        bits: Some(Bits::per_element(3456 + 5 * 128 + 256)),
        holds: true,
        remark: "comparison 8, five squares, selection 1; PUMA itself runs between three parties, at another cost"
            .into(),
    }],
    fails: vec![],
    known: texts(&[
        "of e^-8 it gives 30 percent, of e^-4 77: small shares of a row come out far too small",
        "without the selection (1 + x/32)^32 rises again below -32 and explodes below -64",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// e^x elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let guard_bits = c.guard_bits(x);
    let below = c.less_than(x, THRESHOLD);
    let quotient = c.shift(x, -(SQUARINGS as i8));
    let quotient = c.precision(quotient, guard_bits);
    let limit = power(c, quotient, SQUARINGS);
    let kept = c.not(below);
    c.select(kept, limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn the_error_is_largest_at_minus_two_and_the_limit_is_dropped_where_it_rises_again() {
        let at = |x: f64| (testing::map(&PROTOCOL, &[x])[0] - x.exp()).abs();
        assert!((at(-1.979) - 8.5475e-3).abs() < 1e-6);
        assert!(testing::map(&PROTOCOL, &[-14.001, -40.0, -64.0]).iter().all(|&y| y == 0.0));
        let share = |x: f64| testing::map(&PROTOCOL, &[x])[0] / x.exp();
        assert!((share(-8.0) - 0.30).abs() < 0.005 && (share(-4.0) - 0.77).abs() < 0.01);
    }
}
