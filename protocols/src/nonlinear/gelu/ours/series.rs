//! `gelu/series`: GeLU of a bounded number in one round, on an interval that is wide enough for models as they were trained (ours).
//!
//! 1. y = GeLU(x) on [-18, 26] by a Fourier extension of GeLU itself, of period 64 with 40 frequencies, one opening.
//!
//! **Cost.** One round; an opening of 22 bit each way at 16 fraction bits. Offline 80 dealt words, of which P0's share comes from a key.
//! **Error.** That of the fit, 1.2e-5, and the rounding of 40 waves.
//! **Domain.** [-18, 26], and not beyond: there the sum repeats itself and means nothing, so whoever uses it must know that numbers stay
//! inside. (all-MiniLM-L6-v2 has -17.2 to 24.5.) The audit of a model's domains tells.
//! **Privacy.** One masked opening: a uniform message.
//! **Source.** Ours; the opening is SecFormer's (arXiv 2401.00793, Algorithm 4), the fit is [`extension`]. Unlike `gelu/cosine-bounded`, x does
//! not take part in the result: it need be held no wider than it is opened. A period that is a power of two takes the place of a
//! multiplication and a truncation.

use crate::circuit::{Circuit, Secret, Series};
use crate::nonlinear::extension::{self, Extension, Request, Waves};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    exact, texts,
};
use std::sync::LazyLock;
use std::sync::OnceLock;

/// Fraction bits of waves beyond those of the result.
const WAVE_GUARD_BITS: u8 = 2;

/// The interval.
const ENDS: (f64, f64) = (-18.0, 26.0);

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "gelu/series".into(),
    function: Function::GELU,
    summary: "40 waves of period 64: one round, for -18 <= x <= 26".into(),
    source: "ours; opening of SecFormer (arXiv 2401.00793) Algorithm 4 with a Fourier extension".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| Interval { low: ENDS.0, high: ENDS.1, of: "the argument".into() }),
    error: ErrorClaim { absolute: 1.2e-5, relative: 0.0, truth: Truth::Gelu },
    claims: vec![
        CostClaim {
            by: "viewless".into(),
            setting: Setting::LEAN,
            rounds: Some(Rounds::fixed(1)),
            bits: Some(Bits::per_element(44)),
            holds: true,
            remark: "one opening of 22 bit each way".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(1)),
            bits: Some(Bits::per_element(44)),
            holds: true,
            remark: "the same: there is nothing to schedule".into(),
        },
    ],
    fails: vec![],
    known: texts(&[
        "outside of [-18, 26] the result is periodic nonsense: for a model whose numbers are known to stay inside",
        "80 words are dealt for each element",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// GeLU elementwise for -18 <= x <= 26, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    // Waves of 18 fraction bits: with more the sum would leave no room above it in a ring of 64 bits for the ring that the next matrix needs.
    c.fourier(x, Series { most_guard_bits: Some(WAVE_GUARD_BITS), ..fitted().series.clone() })
}

/// The Fourier extension of GeLU on [-18, 26].
pub fn fitted() -> &'static Extension {
    static FITTED: OnceLock<Extension> = OnceLock::new();
    let request = Request { low: ENDS.0, high: ENDS.1, period: 64.0, terms: 40, waves: Waves::Both, ridge: 1e-13 };
    FITTED.get_or_init(|| extension::fit(exact::gelu, &request))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn the_error_is_that_of_the_fit_on_the_domain_and_nonsense_beyond() {
        let grid = testing::grid(ENDS.0, ENDS.1, 280_001);
        let (inside, _) = testing::largest_error(&PROTOCOL, grid, exact::gelu);
        let size: f64 = fitted().series.cosines.iter().chain(&fitted().series.sines).map(|a| a.abs()).sum();
        println!("fit {:e}, found {inside:e}, size {size}", fitted().max_error);
        assert!(inside <= CARD.error.absolute && inside <= 1.01 * fitted().max_error, "{inside:e}");
        assert!((testing::map(&PROTOCOL, &[46.0])[0] - 46.0).abs() > 1.0);
    }
}
