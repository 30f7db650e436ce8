//! `reciprocal/normalized`: a reciprocal in a few rounds by normalisation and one trigonometric sum (ours).
//!
//! 1. Take a power of two out of x: value = x 2^-j in [1, 2] and 2^-j, see [`normalize`].
//! 2. r = 1 / value by a Fourier extension of period 4 with 8 frequencies, one opening.
//! 3. Return r 2^-j.
//!
//! **Cost.** One comparison of all thresholds at once (20 on the registered domain, fewer where the caller knows more), their
//! conversion, two products, one opening of 22 bit each way.
//! **Error.** The fit: 4.8e-7 relative. Step 3 adds a unit at 8 guard bits.
//! **Domain.** [2^-7, 2^14]: the domains of `reciprocal/newton` and `reciprocal/goldschmidt` together, rounded to powers of
//! two. Below, 16 fraction bits leave less than nine significant bits of x; above, 24 leave less than ten of 1/x.
//! **Privacy.** Comparison, products and the masked opening: every message is uniform.
//! **Source.** Ours; the opening is SecFormer's (arXiv 2401.00793, Algorithm 4), the fit is
//! [`extension`].

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::extension::{self, Extension, Request, Waves};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    normalize, texts,
};
use std::sync::LazyLock;
use std::sync::OnceLock;

/// Exponents of two at the ends of the registered domain.
pub const EXPONENTS: (i8, i8) = (-7, 14);
/// Guard bits of the trigonometric sum.
const SERIES_GUARD_BITS: i8 = 4;
/// Guard bits of the result.
const RESULT_GUARD_BITS: i8 = 8;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "reciprocal/normalized".into(),
    function: Function::RECIPROCAL,
    summary: "a power of two by comparisons at once, then one trigonometric sum on [1, 2]".into(),
    source: "ours; opening of SecFormer (arXiv 2401.00793) Algorithm 4 with a Fourier extension".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| Interval { low: 0.0078125, high: 16384.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 0.0, relative: 5e-7, truth: Truth::Reciprocal },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::fixed(11)),
        bits: Some(Bits::per_element(20 * (504 + 2) + 2 * 22 + 2 * 256)),
        holds: true,
        remark: "comparison 7, conversion 1, product 1, opening 1, product 1".into(),
    }],
    fails: vec![],
    known: texts(&[
        "the sum is truncated at 52 fraction bits: with local truncation it wraps with probability 2^-12, use exact",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// 1/x elementwise; 8 guard bits.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    over(c, x, EXPONENTS.0, EXPONENTS.1)
}

/// 1/x for x in [2^`low`, 2^`high`]; 8 guard bits.
pub fn over(c: &mut Circuit, x: Secret, low: i8, high: i8) -> Secret {
    let normalized = normalize::by_powers_of_two(c, x, low, high, SERIES_GUARD_BITS);
    let reciprocal = c.fourier(normalized.value, fitted().series.clone());
    c.mul_to(reciprocal, normalized.scale, RESULT_GUARD_BITS)
}

/// The Fourier extension of 1/q on [1, 2].
pub fn fitted() -> &'static Extension {
    static FITTED: OnceLock<Extension> = OnceLock::new();
    let request = Request { low: 1.0, high: 2.0, period: 4.0, terms: 8, waves: Waves::Both, ridge: 1e-12 };
    FITTED.get_or_init(|| extension::fit(|q| 1.0 / q, &request))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn the_relative_error_is_that_of_the_fit_on_the_whole_domain() {
        let points = testing::grid(-7.0, 14.0, 20_001).map(|e: f64| e.exp2());
        let (_, relative) = testing::largest_error(&PROTOCOL, points, |x| 1.0 / x);
        assert!(relative <= CARD.error.relative && relative <= 2.0 * fitted().max_error);
    }
}
