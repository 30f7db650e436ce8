//! `gelu/secformer-printed`: SecFormer's Algorithm 1 to the letter.
//!
//! 1. c0 = [x < -1.7].
//! 2. c1 = [x < 1.7].
//! 3. z0 = c0.
//! 4. z1 = c1 - c0.
//! 5. z2 = 1 - c1.
//! 6. xh = x / sqrt 2: printed, and not used by any later step; left out here.
//! 7. f = sum over i = 1..7 of beta_i sin(i pi x / 10), with the printed beta.
//! 8. erf = z0 + z1 f + z2.
//! 9. y' = 1 + erf.
//! 10. y = x y' / 2.
//!
//! It is not GeLU: step 8 needs -z0, or numbers below -1.7 pass unchanged; steps 1, 2 and 7 need xh for x. `gelu/secformer` mends both.
//!
//! **Cost.** As `gelu/secformer`: as written 19 rounds and 7466 bit.
//! **Error.** |x| for x < -1.7, so 128 at the end of the domain; between the thresholds up to 0.0971, at |x| = 1.203.
//! **Domain.** [-128, 128].
//! **Privacy.** Comparison, masked opening, products: every message is uniform.
//! **Source.** SecFormer (arXiv 2401.00793, Findings of ACL 2024), Algorithm 1.

use crate::circuit::{Circuit, Secret, Series};
use crate::nonlinear::gelu::{secformer, secformer_printed_beta};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, Truth, texts,
};
use std::sync::LazyLock;

/// Where the series gives way to the constants, in units of x.
pub const THRESHOLD: f64 = 1.7;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "gelu/secformer-printed".into(),
    function: Function::GELU,
    summary: "SecFormer's Algorithm 1 to the letter, misprints included".into(),
    source: "SecFormer (arXiv 2401.00793) Algorithm 1".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| Interval { low: -128.0, high: 128.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 128.001, relative: 0.0, truth: Truth::Gelu },
    claims: vec![
        CostClaim {
            by: "SecFormer, Appendix D.2".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(16)),
            bits: Some(Bits::per_element(7210)),
            holds: false,
            remark: "counts 7 rounds for a comparison that takes 8, and one product of the two".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(19)),
            bits: Some(Bits::per_element(7466)),
            holds: true,
            remark: "two comparisons 16 and 6912, opening 1 and 42, two products 2 and 512".into(),
        },
    ],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "numbers below -1.7 pass unchanged (GeLU(-3) comes out as -3), and between the thresholds the error is up to 0.097, because the \
              series is taken at x in place of x / sqrt 2".into(),
    }],
    known: texts(&["step 6 computes x / sqrt 2, and no later step uses it"]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// What Algorithm 1 says, elementwise, with one guard bit more than x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let series = Series { period: 20.0, ..secformer_printed_beta::series() };
    let erf = secformer::segmented(c, x, THRESHOLD, series, 1.0);
    let factor = c.offset(erf, 1.0);
    let twice = c.mul(x, factor);
    c.shift(twice, -1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    #[test]
    fn numbers_below_the_thresholds_pass_unchanged_as_those_above_do() {
        assert_eq!(testing::map(&PROTOCOL, &[-128.0, -3.0, -1.75, 1.75, 128.0]), [-128.0, -3.0, -1.75, 1.75, 128.0]);
    }

    /// To six digits, computed elsewhere with the sign of step 8 mended, which changes nothing between the thresholds.
    #[test]
    fn between_the_thresholds_the_error_is_a_tenth() {
        let (error, _) = testing::largest_error(&PROTOCOL, testing::grid(-1.6999, 1.6999, 100_001), exact::gelu);
        assert!((error - 0.097087).abs() < 1e-5, "{error}");
        let at = |x: f64| (testing::map(&PROTOCOL, &[x])[0] - exact::gelu(x)).abs();
        assert!((at(1.203) - error).abs() < 1e-6);
    }
}
