//! `tanh/sine`: tanh by one sine sum between two comparisons (ours).
//!
//! 1. low = `[x < -6]` and high = `[x < 6]`, in one comparison along a new leading axis.
//! 2. F = tanh on [-6, 6] by a Fourier extension of period 16 with sines only, one opening beside the comparison.
//! 3. y = -1 + [x >= -6] (F + 1) + [x >= 6] (1 - F), one selection: -1 below, F inside, 1 above.
//!
//! **Cost.** 2 comparisons, one opening of 20 bit each way, 2 selections, in 8 rounds with the carry tree: 1308 bit.
//! **Error.** Inside that of the fit; outside 1 - tanh(6), 1.3e-5.
//! **Domain.** [-128, 128], far wider than needed.
//! **Privacy.** Comparison, masked opening, selection: every message is uniform.
//! **Source.** Ours; the opening is SecFormer's (arXiv 2401.00793, Algorithm 4), the fit is [`extension`].

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::extension::{self, Extension, Request, Waves};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    pieces, texts,
};
use std::sync::LazyLock;
use std::sync::OnceLock;

/// Where the sum gives way to -1 and 1.
pub const THRESHOLD: f64 = 6.0;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "tanh/sine".into(),
    function: Function::TANH,
    summary: "twenty sines of period 16 between two comparisons".into(),
    source: "ours; opening of SecFormer (arXiv 2401.00793) Algorithm 4 with a Fourier extension".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| Interval { low: -128.0, high: 128.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 1.3e-5, relative: 0.0, truth: Truth::Tanh },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::fixed(8)),
        bits: Some(Bits::per_element(2 * 504 + 40 + 2 * 130)),
        holds: true,
        remark: "comparison 7 beside the opening, selection 1".into(),
    }],
    fails: vec![],
    known: texts(&[]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// tanh elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let reached = pieces::reaches(c, x, [-THRESHOLD, THRESHOLD]);
    let f = c.fourier(x, fitted().series.clone());
    let parts = [c.offset(f, 1.0), c.subtract_from(1.0, f)];
    let sum = pieces::sum_selected(c, reached, parts);
    c.offset(sum, -1.0)
}

/// The Fourier extension of tanh on [-6, 6].
pub fn fitted() -> &'static Extension {
    static FITTED: OnceLock<Extension> = OnceLock::new();
    let request = Request { low: 0.0, high: THRESHOLD, period: 16.0, terms: 20, waves: Waves::Sines, ridge: 1e-12 };
    FITTED.get_or_init(|| extension::fit(libm::tanh, &request))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn the_error_is_claimed_on_the_whole_domain() {
        let (inside, _) = testing::largest_error(&PROTOCOL, testing::grid(-6.0, 5.9999, 80_001), libm::tanh);
        let (everywhere, _) = testing::largest_error(&PROTOCOL, testing::grid(-128.0, 128.0, 256_001), libm::tanh);
        assert!(inside <= CARD.error.absolute && inside <= 1.01 * fitted().max_error, "{inside:e}");
        assert!(everywhere <= CARD.error.absolute, "{everywhere:e}");
    }

    #[test]
    fn tails_are_exact() {
        assert_eq!(testing::map(&PROTOCOL, &[-128.0, -6.5, 6.0, 128.0]), [-1.0, -1.0, 1.0, 1.0]);
    }
}
