//! `exp/limit`: e^x as (1 + x / 2^n)^(2^n), n = 8, with the fraction bits that the division leaves.
//!
//! 1. b = 1 + x / 2^n. Moving the binary point is exact: b has n guard bits more than x.
//! 2. Square b n times, always at those guard bits.
//!
//! **Cost.** n rounds, 128 n bit: n squares.
//! **Error.** (1 + x/m)^m = exp(x - x^2/(2m) + ...), m = 2^n, so the relative error is about x^2 / (2m): at most 1.06e-3
//! absolute for x <= 0 (at x = -2), 3 percent at x = 4. Rounding at n guard bits is below that by two orders; with none
//! (`exp/crypten`) the 2^n-fold power turns half a unit into 2^(n-17).
//! **Domain.** [-256, 4]. Below -m the base is negative and its even powers rise again; beyond -2m they explode. At 4 the last product has
//! 48 fraction bits and 6 integer bits, which leaves eight bits of headroom below 2^62.
//! **Privacy.** Squares only: every message is uniform.
//! **Source.** CrypTen (Knott et al., NeurIPS 2021), Appendix C; SecFormer (arXiv 2401.00793), Appendix E; the guard bits
//! are ours.
//!
//! | here | paper |
//! |---|---|
//! | `squarings` | n, the number of iterations |
//! | `base` | 1 + x / 2^n |

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::borrow::Cow;
use std::sync::LazyLock;

/// Squarings of the registered protocol.
pub const SQUARINGS: u8 = 8;

/// The interval on which the limit is used, see the module's text.
pub const DOMAIN: Interval = Interval { low: -256.0, high: 4.0, of: Cow::Borrowed("the exponent") };

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "exp/limit".into(),
    function: Function::EXP,
    summary: "(1 + x/256)^256 at 8 guard bits".into(),
    source: "CrypTen (NeurIPS 2021) Appendix C; SecFormer (arXiv 2401.00793) Appendix E; guard bits ours".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| DOMAIN),
    error: ErrorClaim { absolute: 1.06e-3, relative: 0.031, truth: Truth::Exp },
    claims: vec![CostClaim {
        by: "SecFormer, Table 1 (Exp)".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(8)),
        bits: Some(Bits::per_element(1024)),
        holds: true,
        remark: "eight squares".into(),
    }],
    fails: vec![],
    known: texts(&[
        "with local truncation a squaring near 1 wraps with probability 2^-16: meant for exact truncation, see exp/crypten",
        "below -256 it rises again and beyond -512 it explodes: a mask that adds -10000 to a score must be applied otherwise",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// e^x elementwise, with 8 guard bits more than x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    c.claim_domain(x, DOMAIN.low, DOMAIN.high);
    limit(c, x, SQUARINGS)
}

/// (1 + x / 2^n)^(2^n) for n = `squarings`, with n guard bits more than x.
pub fn limit(c: &mut Circuit, x: Secret, squarings: u8) -> Secret {
    let exponent = i8::try_from(squarings).expect("a number of squarings is small");
    let quotient = c.shift(x, -exponent);
    power(c, quotient, squarings)
}

/// (1 + q)^(2^n) for n = `squarings`, with the guard bits of q.
pub(super) fn power(c: &mut Circuit, quotient: Secret, squarings: u8) -> Secret {
    let base = c.offset(quotient, 1.0);
    (0..squarings).fold(base, |power, _| c.square(power))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn the_error_below_zero_is_largest_at_minus_two() {
        let at = |x: f64| (testing::map(&PROTOCOL, &[x])[0] - x.exp()).abs();
        assert!(testing::grid(-20.0, 0.0, 4001).all(|x| at(x) <= at(-1.995) + 1e-7));
        assert!((1.05e-3..=1.06e-3).contains(&at(-1.995)));
    }

    #[test]
    fn it_explodes_below_its_domain() {
        assert!(testing::map(&PROTOCOL, &[-600.0])[0] > 1e6);
    }

    #[test]
    fn eight_guard_bits_are_free() {
        let mut c = Circuit::new();
        let x = c.input(crate::circuit::Owner::Client, "x", [1]);
        let y = build(&mut c, x);
        assert_eq!(c.guard_bits(y), 8);
    }
}
