//! `gelu/bumblebee-code`: a quartic of |x| up to 3, as BumbleBee's authors ship it.
//!
//! 1. a = |x|.
//! 2. p = the quartic of `gelu/bolt` in a, from a^2, a^3 = a a^2 and a^4 = a^2 a^2.
//! 3. x/2 + p for a <= 3, max(x, 0) beyond.
//!
//! The code works on words of 32 bits with 12 fraction bits; here at whatever fixed point is chosen.
//!
//! **Cost.** Two comparisons, two selections, two squares and a product.
//! **Error.** At most 5.3e-3, at |x| = 3; 1.0e-3 on average on [-5, 5].
//! **Domain.** [-128, 128]: a^4 is computed for every a.
//! **Privacy.** Comparisons, products, selections: every message is uniform.
//! **Source.** BumbleBee's code in SPU (OpenBumbleBee), GELU on a ring of 32 bits; BOLT's coefficients.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::gelu::bolt::QUARTIC;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    pieces, texts,
};
use std::sync::LazyLock;

/// Where the quartic gives way.
pub const THRESHOLD: f64 = 3.0;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "gelu/bumblebee-code".into(),
    function: Function::GELU,
    summary: "BOLT's quartic of |x| up to 3".into(),
    source: "BumbleBee's code in SPU (OpenBumbleBee), GELU".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| Interval { low: -128.0, high: 128.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 5.3e-3, relative: 0.0, truth: Truth::Gelu },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::fixed(16)),
        bits: Some(Bits::per_element(2 * 504 + 2 * 130 + 2 * 128 + 256)),
        holds: true,
        remark: "comparison 7, selection 1, then comparison 7 beside the powers, selection 1".into(),
    }],
    fails: vec![],
    known: texts(&[
        "neither the polynomials nor the thresholds are those of the paper, gelu/bumblebee",
        "how the code arranges its products was not checked; the powers here are the fewest rounds",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// GeLU elementwise, with one guard bit more than x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let (_, a) = pieces::magnitude(c, x);
    let p = pieces::quartic(c, a, &QUARTIC);
    pieces::even_part_up_to(c, x, a, p, THRESHOLD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    #[test]
    fn the_error_is_that_of_the_table() {
        let (error, _) = testing::largest_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), exact::gelu);
        assert!((error - 5.22e-3).abs() < 2e-5 && error <= CARD.error.absolute, "{error}");
        let mean = testing::mean_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), exact::gelu);
        assert!((mean - 1.02e-3).abs() < 1e-5, "{mean}");
        assert_eq!(testing::map(&PROTOCOL, &[-128.0, -3.25, 3.25, 128.0]), [0.0, 0.0, 3.25, 128.0]);
    }
}
