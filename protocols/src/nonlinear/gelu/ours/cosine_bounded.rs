//! `gelu/cosine-bounded`: GeLU of a bounded number in one round, without comparison or product (ours).
//!
//! GeLU(x) = x/2 + h(x) with h(x) = x erf(x / sqrt 2) / 2, an even function: cosines suffice.
//!
//! 1. F = 2h on [-14, 14] by a Fourier extension of period 32 with 24 frequencies, one opening.
//! 2. y = (x + F) / 2: the binary point moves.
//!
//! **Cost.** One round; an opening of 21 bit each way at 16 fraction bits. Offline 48 dealt words, of which P0's share comes from a key.
//! **Error.** That of the fit, 1.5e-6; at 16 fraction bits some 2e-5, by the rounding of 24 waves.
//! **Domain.** [-14, 14], and not beyond: there the sum repeats itself and means nothing, so whoever uses it must know that |x| <= 14. The
//! audit of a model's domains tells.
//! **Privacy.** One masked opening: a uniform message.
//! **Source.** Ours; the opening is SecFormer's (arXiv 2401.00793, Algorithm 4), the fit is [`extension`].

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::extension::{self, Extension, Request, Waves};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::sync::LazyLock;
use std::sync::OnceLock;

/// Largest |x|.
pub const BOUND: f64 = 14.0;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "gelu/cosine-bounded".into(),
    function: Function::GELU,
    summary: "x/2 plus 24 cosines of period 32: one round, for |x| <= 14".into(),
    source: "ours; opening of SecFormer (arXiv 2401.00793) Algorithm 4 with a Fourier extension".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| Interval { low: -BOUND, high: BOUND, of: "the argument".into() }),
    error: ErrorClaim { absolute: 1.6e-6, relative: 0.0, truth: Truth::Gelu },
    claims: vec![
        CostClaim {
            by: "viewless".into(),
            setting: Setting::LEAN,
            rounds: Some(Rounds::fixed(1)),
            bits: Some(Bits::per_element(42)),
            holds: true,
            remark: "one opening of 21 bit each way".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(1)),
            bits: Some(Bits::per_element(42)),
            holds: true,
            remark: "the same: there is nothing to schedule".into(),
        },
    ],
    fails: vec![],
    known: texts(&["beyond 14 the result is periodic nonsense: for a model whose numbers are known to stay below"]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// GeLU elementwise for |x| <= 14, with one guard bit more than x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let f = c.fourier(x, fitted().series.clone());
    let twice = c.add(x, f);
    c.shift(twice, -1)
}

/// The Fourier extension of x erf(x / sqrt 2) on [-14, 14].
pub fn fitted() -> &'static Extension {
    static FITTED: OnceLock<Extension> = OnceLock::new();
    let request = Request { low: 0.0, high: BOUND, period: 32.0, terms: 24, waves: Waves::Cosines, ridge: 1e-12 };
    FITTED.get_or_init(|| extension::fit(|x| x * libm::erf(x / std::f64::consts::SQRT_2), &request))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    #[test]
    fn the_error_is_that_of_the_fit_on_the_domain_and_nonsense_beyond() {
        let (inside, _) = testing::largest_error(&PROTOCOL, testing::grid(-BOUND, BOUND, 280_001), exact::gelu);
        assert!(inside <= CARD.error.absolute && inside <= 1.01 * fitted().max_error / 2.0, "{inside:e}");
        assert!((testing::map(&PROTOCOL, &[20.0])[0] - 20.0).abs() > 1.0);
    }
}
