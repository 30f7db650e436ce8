//! `rsqrt/normalized`: an inverse square root in a few rounds by normalisation and one trigonometric sum (ours).
//!
//! 1. Take a power of four out of x: value = x 4^-j in [1, 4] and 2^-j, see [`normalize`].
//! 2. r = value^(-1/2) by a Fourier extension of period 8 with 8 frequencies, one opening.
//! 3. Return r 2^-j.
//!
//! **Cost.** 12 comparisons at once, their conversion, two products, one opening of 23 bit each way.
//! **Error.** The fit: 1.2e-6 relative. Step 3 adds a unit at 8 guard bits.
//! **Domain.** [4^-3, 4^10]: from where 16 fraction bits leave ten significant bits up to the sums of 1024 squares of 32.
//! **Privacy.** Comparison, products and the masked opening: every message is uniform.
//! **Source.** Ours; the opening is SecFormer's (arXiv 2401.00793, Algorithm 4), the fit is
//! [`extension`].

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::extension::{self, Extension, Request, Waves};
use crate::nonlinear::normalize::{self, Normalized};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::borrow::Cow;
use std::sync::LazyLock;
use std::sync::OnceLock;

/// Exponents of four at the ends of the registered domain.
pub const EXPONENTS: (i8, i8) = (-3, 10);
/// Guard bits of the trigonometric sum.
const SERIES_GUARD_BITS: i8 = 4;
/// Guard bits of the result.
const RESULT_GUARD_BITS: i8 = 8;

/// 4^-3 to 4^10, of a quantity in words.
#[must_use]
pub const fn domain(of: &'static str) -> Interval {
    Interval { low: 0.015625, high: 1_048_576.0, of: Cow::Borrowed(of) }
}

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "rsqrt/normalized".into(),
    function: Function::RSQRT,
    summary: "a power of four by comparisons at once, then one trigonometric sum on [1, 4]".into(),
    source: "ours; opening of SecFormer (arXiv 2401.00793) Algorithm 4 with a Fourier extension".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| domain("the argument")),
    error: ErrorClaim { absolute: 0.0, relative: 1.2e-6, truth: Truth::Rsqrt },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::fixed(11)),
        bits: Some(Bits::per_element(12 * (504 + 2) + 2 * 23 + 2 * 256)),
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

/// 1/sqrt(x) elementwise; 8 guard bits.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = domain("");
    c.claim_domain(x, domain.low, domain.high);
    over(c, x, EXPONENTS.0, EXPONENTS.1)
}

/// 1/sqrt(x) for x in [4^`low`, 4^`high`]; 8 guard bits.
pub fn over(c: &mut Circuit, x: Secret, low: i8, high: i8) -> Secret {
    let normalized = normalize::by_powers_of_four(c, x, low, high, SERIES_GUARD_BITS);
    scaled(c, normalized, 1.0, RESULT_GUARD_BITS)
}

/// `factor`/sqrt(x) for x in [4^`low`, 4^`high`], and 0 for x below `least`, with `guard_bits`. The factor costs nothing: it is in the series.
pub fn multiple_from(
    c: &mut Circuit,
    x: Secret,
    (low, high): (i8, i8),
    least: Option<f64>,
    factor: f64,
    guard_bits: i8,
) -> Secret {
    let normalized = normalize::by_powers_of_four_from(c, x, low, high, SERIES_GUARD_BITS, least);
    scaled(c, normalized, factor, guard_bits)
}

/// Steps 2 and 3, times a factor.
fn scaled(c: &mut Circuit, normalized: Normalized, factor: f64, guard_bits: i8) -> Secret {
    let mut series = fitted().series.clone();
    series.constant *= factor;
    series.cosines.iter_mut().chain(&mut series.sines).for_each(|coefficient| *coefficient *= factor);
    let root = c.fourier(normalized.value, series);
    c.mul_to(root, normalized.scale, guard_bits)
}

/// The Fourier extension of q^(-1/2) on [1, 4].
pub fn fitted() -> &'static Extension {
    static FITTED: OnceLock<Extension> = OnceLock::new();
    let request = Request { low: 1.0, high: 4.0, period: 8.0, terms: 8, waves: Waves::Both, ridge: 1e-12 };
    FITTED.get_or_init(|| extension::fit(|q| 1.0 / q.sqrt(), &request))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn the_relative_error_is_that_of_the_fit_on_the_whole_domain() {
        let points = testing::grid(-6.0, 20.0, 20_001).map(|e: f64| e.exp2());
        let (_, relative) = testing::largest_error(&PROTOCOL, points, |x| 1.0 / x.sqrt());
        assert!(relative <= CARD.error.relative && relative <= 2.0 * fitted().max_error);
    }
}
