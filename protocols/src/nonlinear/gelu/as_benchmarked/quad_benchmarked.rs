//! `gelu/quad-as-benchmarked`: the quadratic that the benchmarks of MPCFormer and SecFormer run.
//!
//! 1. y = 0.125 x^2 + 0.5 x + 0.25, as x (x / 8 + 1/2) + 1/4: the last two coefficients of `gelu/quad`, exchanged.
//!
//! **Cost.** One product: 1 round, 256 bit, as `gelu/quad`.
//! **Error.** Against GeLU: 7.75 at 10 and at -10, 0.25 at 0 and at 4. (Nearer to GeLU than the printed one.)
//! **Domain.** [-10, 10].
//! **Privacy.** One product: every message is uniform.
//! **Source.** MPCFormer's code, `src/benchmark`, and SecFormer's, `efficiency/utils.py`: `activation_quad`.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::gelu::quad::quadratic;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, Truth, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "gelu/quad-as-benchmarked".into(),
    function: Function::GELU,
    summary: "0.125 x^2 + 0.5 x + 0.25: MPCFormer's quadratic with two coefficients exchanged".into(),
    source: "code of MPCFormer (src/benchmark) and SecFormer (efficiency/utils.py): activation_quad".into(),
    reading: Reading::AsBenchmarked,
    interval: PerRow::of(|_| Interval { low: -10.0, high: 10.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 7.751, relative: 0.0, truth: Truth::Gelu },
    claims: vec![CostClaim {
        by: "CrypTen running that code, measured".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(1)),
        bits: Some(Bits::per_element(256)),
        holds: true,
        remark: "one product, 32 byte".into(),
    }],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "it is another function than GeLU, and not the one that models are distilled to: off by 0.25 at 0, by 0.875 at 5, by 7.75 at 10".into(),
    }],
    known: texts(&[
        "training runs 0.125 x^2 + 0.25 x + 0.5; a trained model timed with this one would compute something else",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// The quadratic elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    quadratic(c, x, 0.5, 0.25)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    #[test]
    fn the_values_are_those_of_the_formula() {
        for x in testing::grid(-10.0, 10.0, 41) {
            assert_eq!(testing::map(&PROTOCOL, &[x]), [0.125 * x * x + 0.5 * x + 0.25]);
        }
    }

    /// CrypTen 0.4.1, two parties, this code on 10,000 numbers in equal steps from -4 to 4: mean error 0.14170, largest 0.25013.
    #[test]
    fn the_errors_are_those_that_crypten_shows() {
        let mean = testing::mean_error(&PROTOCOL, testing::grid(-4.0, 4.0, 10_000), exact::gelu);
        let (largest, _) = testing::largest_error(&PROTOCOL, testing::grid(-4.0, 4.0, 10_000), exact::gelu);
        assert!((mean - 0.1417).abs() < 1e-4 && (largest - 0.25013).abs() < 1e-4, "{mean} {largest}");
    }
}
