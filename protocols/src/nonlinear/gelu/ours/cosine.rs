//! `gelu/cosine`: GeLU by one cosine sum between two comparisons (ours).
//!
//! GeLU(x) = x/2 + h(x) with h(x) = x erf(x / sqrt 2) / 2, an even function: cosines suffice.
//!
//! 1. `[x < -4]` and `[x < 4]`, in one comparison along a new leading axis.
//! 2. F = 2h on [-4, 4] by a Fourier extension of period 16 with 8 frequencies, one opening beside the comparison.
//! 3. 2y = [x >= -4] (x + F) + [x >= 4] (x - F), one selection: 0 below, x + F inside, 2x above.
//! 4. y: the binary point moves.
//!
//! **Cost.** 2 comparisons, one opening of 20 bit each way, 2 selections, in 8 rounds with the carry tree: 1308 bit.
//! **Error.** Inside that of the fit, 9e-6; outside |h(x) - |x|/2| at 4, 1.3e-4.
//! **Domain.** [-128, 128], far wider than needed.
//! **Privacy.** Comparison, masked opening, selection: every message is uniform.
//! **Source.** Ours; the opening is SecFormer's (arXiv 2401.00793, Algorithm 4), the fit is
//! [`extension`].

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::extension::{self, Extension, Request, Waves};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    pieces, texts,
};
use std::sync::LazyLock;
use std::sync::OnceLock;

/// Where the sum gives way to 0 and x.
pub const THRESHOLD: f64 = 4.0;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "gelu/cosine".into(),
    function: Function::GELU,
    summary: "x/2 plus eight cosines of period 16 between two comparisons".into(),
    source: "ours; opening of SecFormer (arXiv 2401.00793) Algorithm 4 with a Fourier extension".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| Interval { low: -128.0, high: 128.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 1.3e-4, relative: 0.0, truth: Truth::Gelu },
    claims: vec![
        CostClaim {
            by: "viewless".into(),
            setting: Setting::LEAN,
            rounds: Some(Rounds::fixed(8)),
            bits: Some(Bits::per_element(2 * 504 + 40 + 2 * 130)),
            holds: true,
            remark: "comparison 7 beside the opening, selection 1".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(10)),
            bits: Some(Bits::per_element(2 * 3456 + 40 + 2 * 256)),
            holds: true,
            remark: "comparison 8, opening 1, selection 1".into(),
        },
    ],
    fails: vec![],
    known: texts(&[]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// GeLU elementwise, with one guard bit more than x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let reached = pieces::reaches(c, x, [-THRESHOLD, THRESHOLD]);
    let f = c.fourier(x, fitted().series.clone());
    let parts = [c.add(x, f), c.sub(x, f)];
    let twice = pieces::sum_selected(c, reached, parts);
    c.shift(twice, -1)
}

/// The Fourier extension of x erf(x / sqrt 2) on [-4, 4].
pub fn fitted() -> &'static Extension {
    static FITTED: OnceLock<Extension> = OnceLock::new();
    let request = Request { low: 0.0, high: THRESHOLD, period: 16.0, terms: 8, waves: Waves::Cosines, ridge: 1e-10 };
    FITTED.get_or_init(|| extension::fit(|x| x * libm::erf(x / std::f64::consts::SQRT_2), &request))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    #[test]
    fn the_error_is_claimed_on_the_whole_domain_and_tenfold_smaller_inside() {
        let (inside, _) = testing::largest_error(&PROTOCOL, testing::grid(-4.0, 3.9999, 80_001), exact::gelu);
        let (everywhere, _) = testing::largest_error(&PROTOCOL, testing::grid(-128.0, 128.0, 256_001), exact::gelu);
        assert!(inside <= 1.2e-5 && inside <= 1.01 * fitted().max_error / 2.0);
        assert!(everywhere <= CARD.error.absolute);
    }

    #[test]
    fn tails_are_exact() {
        assert_eq!(testing::map(&PROTOCOL, &[-128.0, -4.5, 4.0, 128.0]), [0.0, 0.0, 4.0, 128.0]);
    }
}
