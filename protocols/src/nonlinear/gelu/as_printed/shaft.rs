//! `gelu/shaft`: max(x, 0) and eight sines of |x| between, as SHAFT prints it.
//!
//! 1. a = |x|; max(x, 0) = (x + a) / 2.
//! 2. g = sum over n = 1..8 of beta_n sin(n pi a / 4), one opening: the period is 8, a power of two.
//! 3. y = max(x, 0) + [a < 4] g.
//!
//! **Cost.** Two comparisons, two products, one opening: of 19 bit each way at 16 fraction bits, because the period is a power of two.
//! SHAFT opens a whole word: 944 byte, and so prices it the same as SecFormer's code.
//! **Error.** At most 4.5e-3; 7.4e-4 on average on [-5, 5].
//! **Domain.** [-128, 128].
//! **Privacy.** Comparisons, masked opening, selections: every message is uniform.
//! **Source.** SHAFT (Kei and Chow, NDSS 2025), GELU by a Fourier sine series.
//!
//! | here | paper |
//! |---|---|
//! | `COEFFICIENTS` | beta_1 to beta_8 |

use crate::circuit::{Circuit, Opening, Secret, Series};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    pieces, texts,
};
use std::sync::LazyLock;

/// beta_n, as printed.
pub const COEFFICIENTS: [f64; 8] = [-0.0818, -0.0809, -0.0424, -0.0176, -0.0079, -0.0043, -0.0026, -0.0017];
/// Where the sines give way to nothing; half the period.
pub const THRESHOLD: f64 = 4.0;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "gelu/shaft".into(),
    function: Function::GELU,
    summary: "max(x, 0) and eight sines of |x| up to 4".into(),
    source: "SHAFT (NDSS 2025), GELU".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| Interval { low: -128.0, high: 128.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 4.5e-3, relative: 0.0, truth: Truth::Gelu },
    claims: vec![
        CostClaim {
            by: "SHAFT, comparison of GELU protocols on CrypTen".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(19)),
            bits: Some(Bits::per_element(8 * 944)),
            holds: false,
            remark: "354 MB (of 2^20 byte) for 128 x 3072 elements opens a word of 64 bits, of which 19 suffice: 7462 bit; the 19 rounds hold".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(19)),
            bits: Some(Bits::per_element(2 * 3456 + 38 + 2 * 256)),
            holds: true,
            remark: "two comparisons 16 and 6912, two products 2 and 512, opening 1 and 38".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::LEAN,
            rounds: Some(Rounds::fixed(16)),
            bits: Some(Bits::per_element(2 * 504 + 38 + 2 * 130)),
            holds: true,
            remark: "comparison 7, selection 1, then comparison 7 beside the opening, selection 1".into(),
        },
    ],
    fails: vec![],
    known: texts(&["four digits of the coefficients are printed"]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// GeLU elementwise, with one guard bit more than x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let (_, a) = pieces::magnitude(c, x);
    let g = c.fourier(a, series());
    pieces::relu_corrected_below(c, x, a, g, THRESHOLD)
}

/// g as a series of a.
#[must_use]
pub fn series() -> Series {
    let period = 2.0 * THRESHOLD;
    Series {
        period,
        constant: 0.0,
        cosines: Vec::new(),
        sines: COEFFICIENTS.to_vec(),
        opening: Opening::Period,
        most_guard_bits: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    #[test]
    fn the_error_is_that_of_the_table() {
        let (error, _) = testing::largest_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), exact::gelu);
        assert!((error - 4.48e-3).abs() < 1e-5 && error <= CARD.error.absolute, "{error}");
        let mean = testing::mean_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), exact::gelu);
        assert!((mean - 7.42e-4).abs() < 1e-5, "{mean}");
        assert_eq!(testing::map(&PROTOCOL, &[-128.0, -4.25, 4.25, 128.0]), [0.0, 0.0, 4.25, 128.0]);
    }

    /// beta_n = 1/2 integral over [0, 4] of (GeLU(a) - a) sin(n pi a / 4) da, here by the midpoint rule, whose error is below 1e-6; four
    /// digits are printed.
    #[test]
    fn the_coefficients_are_the_integrals() {
        let steps = 4000;
        for (n, printed) in (1..).zip(COEFFICIENTS) {
            let width = THRESHOLD / f64::from(steps);
            let term = |i: i32| {
                let a = (f64::from(i) + 0.5) * width;
                (exact::gelu(a) - a) * libm::sin(f64::from(n) * std::f64::consts::PI * a / THRESHOLD)
            };
            let integral = (0..steps).map(term).sum::<f64>() * width / 2.0;
            assert!((integral - printed).abs() < 6e-5, "{n}: {integral} {printed}");
        }
    }
}
