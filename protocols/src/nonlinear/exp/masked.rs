//! `exp/masked`: e^x for x <= 0 with one opening and no comparison, by dealt powers of two (ours).
//!
//! 1. t = x log2 e.
//! 2. y = 2^t modulo 256 in sectors of 8, see [`Sectors`], with four guard bits: rows are summed, and so would be their roundings.
//!
//! **Cost.** One opening of 24 bit each way at 16 fraction bits, in one round. Offline 32 dealt words, of which P0's share comes from a key.
//! **Error.** That of step 1: a unit in t is a part of 2^-16 ln 2 = 1.1e-5; its multiplier of 17 bits makes t wrong by 2^-18 of itself, which is
//! worst at x = -1, 1.4e-6.
//! **Domain.** [-171, 0]: t is above -(256 - 8). A little above 0 the result is nonsense already.
//! **Privacy.** One masked opening: a uniform message.
//! **Source.** Ours; multiplicative masks of exponentials are older (compare the conversions of MPC frameworks from sums to products), dealt
//! powers for sectors of the exponent are not known to us from elsewhere.

use crate::circuit::{Circuit, Secret, Sectors};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::borrow::Cow;
use std::sync::LazyLock;

/// Guard bits of the result beyond those of the argument.
pub const GUARD_BITS: i8 = 4;

/// How powers of two are found.
pub const SECTORS: Sectors = Sectors { modulus_bits: 8, sector_bits: 3 };

/// The interval on which it is used.
pub const DOMAIN: Interval = Interval { low: -171.0, high: 0.0, of: Cow::Borrowed("the exponent") };

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "exp/masked".into(),
    function: Function::EXP,
    summary: "dealt powers of two for 32 sectors: one round, down to -171".into(),
    source: "ours".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| DOMAIN),
    error: ErrorClaim { absolute: 1.4e-5, relative: 0.0, truth: Truth::Exp },
    claims: [Setting::LEAN, Setting::PUBLISHED]
        .into_iter()
        .map(|setting| CostClaim {
            by: "viewless".into(),
            setting,
            rounds: Some(Rounds::fixed(1)),
            bits: Some(Bits::per_element(48)),
            holds: true,
            remark: "one opening of 24 bit each way".into(),
        })
        .collect(),
    fails: vec![],
    known: texts(&[
        "32 words are dealt for each element, as many as for exp/fourier",
        "the power is truncated at 50 fraction bits: with local truncation it wraps with probability 2^-14 near 0, use exact or narrowing",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// e^x elementwise, with four guard bits more than x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    c.claim_domain(x, DOMAIN.low, DOMAIN.high);
    let bits = c.scale(x, std::f64::consts::LOG2_E);
    c.claim_domain(bits, 1.0 - SECTORS.reach(), 0.0);
    c.power(bits, SECTORS, c.guard_bits(x) + GUARD_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn it_is_the_exponential_down_to_the_end_of_its_domain_and_nothing_else_is_claimed() {
        let (_, relative) = testing::largest_error(&PROTOCOL, testing::grid(-171.0, 0.0, 20_001), libm::exp);
        assert!(relative <= 1e-12, "over the reals it is exact: {relative:e}");
        assert!((testing::map(&PROTOCOL, &[0.1])[0] - 0.1_f64.exp()).abs() > 0.5);
    }
}
