//! `exp/fourier`: e^x for x <= 0 by one trigonometric sum beside one comparison (ours).
//!
//! 1. b = `[x < -16]`.
//! 2. F = e^x on [-16, 0] by a Fourier extension of period 32 with 16 frequencies, one opening beside the comparison, with four guard
//!    bits: rows are summed, and so would be their roundings.
//! 3. y = F where b is 0, zero elsewhere: one selection.
//!
//! **Cost.** A comparison, one opening of 25 bit each way, a selection, in 8 rounds with the carry tree: 684 bit, where the eight
//! squares of `exp/limit` open 1024, and as much again where each is truncated exactly.
//! **Error.** Inside that of the fit, 6e-7; below -16 e^-16 = 1.2e-7.
//! **Domain.** [-4096, 0]. Above 0 the sum goes its own way.
//! **Privacy.** Comparison, masked opening, selection: every message is uniform.
//! **Source.** Ours; the opening is SecFormer's (arXiv 2401.00793, Algorithm 4), the fit is [`extension`].

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::extension::{self, Extension, Request, Waves};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::borrow::Cow;
use std::sync::LazyLock;
use std::sync::OnceLock;

/// Where the sum gives way to 0.
pub const THRESHOLD: f64 = -16.0;

/// Guard bits of the result beyond those of the argument.
const GUARD_BITS: i8 = 4;

/// The interval on which it is used.
pub const DOMAIN: Interval = Interval { low: -4096.0, high: 0.0, of: Cow::Borrowed("the exponent") };

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "exp/fourier".into(),
    function: Function::EXP,
    summary: "sixteen waves of period 32 down to -16, zero below".into(),
    source: "ours; opening of SecFormer (arXiv 2401.00793) Algorithm 4 with a Fourier extension".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| DOMAIN),
    error: ErrorClaim { absolute: 6e-7, relative: 0.0, truth: Truth::Exp },
    claims: vec![
        CostClaim {
            by: "viewless".into(),
            setting: Setting::LEAN,
            rounds: Some(Rounds::fixed(8)),
            bits: Some(Bits::per_element(504 + 50 + 130)),
            holds: true,
            remark: "comparison 7 beside the opening, selection 1".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(10)),
            bits: Some(Bits::per_element(3456 + 50 + 256)),
            holds: true,
            remark: "comparison 8, opening 1, selection 1".into(),
        },
    ],
    fails: vec![],
    known: texts(&["32 words are dealt for each element, where eight squares need 8 and their exact truncations 16"]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// e^x elementwise, with four guard bits more than x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    c.claim_domain(x, DOMAIN.low, DOMAIN.high);
    let below = c.less_than(x, THRESHOLD);
    let inside = c.not(below);
    let finer = c.precision(x, c.guard_bits(x) + GUARD_BITS);
    let f = c.fourier(finer, fitted().series.clone());
    c.select(inside, f)
}

/// The Fourier extension of e^x on [-16, 0].
pub fn fitted() -> &'static Extension {
    static FITTED: OnceLock<Extension> = OnceLock::new();
    let request = Request { low: THRESHOLD, high: 0.0, period: 32.0, terms: 16, waves: Waves::Both, ridge: 1e-14 };
    FITTED.get_or_init(|| extension::fit(libm::exp, &request))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn the_error_is_claimed_on_the_whole_domain() {
        let (inside, _) = testing::largest_error(&PROTOCOL, testing::grid(-16.0, 0.0, 80_001), libm::exp);
        let (everywhere, _) = testing::largest_error(&PROTOCOL, testing::grid(-4096.0, 0.0, 256_001), libm::exp);
        assert!(inside <= 1.01 * fitted().max_error && everywhere <= CARD.error.absolute, "{inside:e} {everywhere:e}");
    }

    #[test]
    fn its_coefficients_are_small() {
        let series = &fitted().series;
        let sum: f64 = series.cosines.iter().chain(&series.sines).map(|a| a.abs()).sum();
        assert!(sum < 20.0, "{sum}");
    }
}
