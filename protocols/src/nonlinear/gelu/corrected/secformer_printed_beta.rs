//! `gelu/secformer-printed-beta`: `gelu/secformer` with the coefficients as they are printed.
//!
//! Steps as in `gelu/secformer`; only beta differs: 0.118029 for the seventh, where the integral is 0.118092, and six digits of the
//! others. Of all readings of the paper this one reproduces its Table 4: mean errors 0.000998, 0.005008 and 0.002504 on [-1, 1], [-5, 5]
//! and [-10, 10], printed as 0.001, 0.005 and 0.003.
//!
//! **Cost.** As `gelu/secformer`.
//! **Error.** At most 1.95e-2, at |x| = 1.7 sqrt 2 where the segments meet.
//! **Domain.** [-128, 128].
//! **Privacy.** As `gelu/secformer`: every message is uniform.
//! **Source.** SecFormer (arXiv 2401.00793), section 3.2, the list of beta; Table 4.

use crate::circuit::{Circuit, Secret, Series};
use crate::nonlinear::gelu::secformer;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "gelu/secformer-printed-beta".into(),
    function: Function::GELU,
    summary: "gelu/secformer with the coefficients as printed: the reading of Table 4".into(),
    source: "SecFormer (arXiv 2401.00793) section 3.2, coefficients; Table 4".into(),
    reading: Reading::Corrected,
    interval: PerRow::of(|_| Interval { low: -128.0, high: 128.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 1.95e-2, relative: 0.0, truth: Truth::Gelu },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(19)),
        bits: Some(Bits::per_element(7466)),
        holds: true,
        remark: "as gelu/secformer".into(),
    }],
    fails: vec![],
    known: texts(&[
        "with the exact beta_7 the mean error on [-1, 1] is 0.001007, and Table 4 would print the same digits",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// GeLU elementwise, with one guard bit more than x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let erf = secformer::segmented(c, x, secformer::THRESHOLD, series(), -1.0);
    let factor = c.offset(erf, 1.0);
    let twice = c.mul(x, factor);
    c.shift(twice, -1)
}

/// f(x / sqrt 2) as a series of x, with the printed coefficients.
#[must_use]
pub fn series() -> Series {
    Series { sines: secformer::PRINTED_COEFFICIENTS.to_vec(), ..secformer::series() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    /// To eight digits, computed elsewhere with the printed coefficients.
    #[test]
    fn the_golden_values_are_reproduced() {
        let golden = [
            (-2.404, -0.02556596),
            (-2.0, -0.03095742),
            (-1.0, -0.15341905),
            (-0.5, -0.15423740),
            (0.5, 0.34576260),
            (1.0, 0.84658095),
            (2.0, 1.96904258),
            (2.404, 2.37843404),
        ];
        for (x, y) in golden {
            let found = testing::map(&PROTOCOL, &[x])[0];
            assert!((found - y).abs() <= 1e-8, "{x}: {found} {y}");
        }
    }

    #[test]
    fn the_mean_errors_are_those_of_table_4() {
        for (bound, mean) in [(1.0, 0.000998), (5.0, 0.005008), (10.0, 0.002504)] {
            let found = testing::mean_error(&PROTOCOL, testing::grid(-bound, bound, 100_001), exact::gelu);
            assert!((found - mean).abs() < 1e-6, "{bound}: {found}");
        }
    }
}
