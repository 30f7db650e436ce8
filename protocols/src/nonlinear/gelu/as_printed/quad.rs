//! `gelu/quad`: MPCFormer's quadratic, as printed.
//!
//! 1. y = 0.125 x^2 + 0.25 x + 0.5, as x (x / 8 + 1/4) + 1/2: dividing by 8 moves the binary point.
//!
//! It is put in the place of GeLU and the model is distilled to it; GeLU it is not.
//!
//! **Cost.** One product: 1 round, 256 bit. A square would take 128; MPCFormer's and SecFormer's code multiply x by x, and the published
//! volume, 0.604 GB for BERT-base at 512 tokens, is that of a product.
//! **Error.** Against GeLU: 10.5 at -10, 5.5 at 10, 0.5 at 0.
//! **Domain.** [-10, 10], the widest interval of SecFormer's Table 4; the product has headroom far beyond.
//! **Privacy.** One product: every message is uniform.
//! **Source.** MPCFormer (arXiv 2211.01452, ICLR 2023), section 3.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, Truth, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "gelu/quad".into(),
    function: Function::GELU,
    summary: "0.125 x^2 + 0.25 x + 0.5, for models distilled to it".into(),
    source: "MPCFormer (arXiv 2211.01452) section 3".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| Interval { low: -10.0, high: 10.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 10.501, relative: 0.0, truth: Truth::Gelu },
    claims: vec![CostClaim {
        by: "SecFormer, Table 3 (MPCFormer, BERT-base)".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(1)),
        bits: Some(Bits::per_element(256)),
        holds: true,
        remark: "0.604 GB = 32 byte for each of 12 x 512 x 3072 elements: a product, where a square would be half of it".into(),
    }],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "it is another function than GeLU, which a model must be distilled to: off by 0.5 at 0, by 2.4 at -5, by 10.5 at -10, and it \
              rises again below -1".into(),
    }],
    known: texts(&[
        "the benchmarks of MPCFormer and SecFormer run 0.125 x^2 + 0.5 x + 0.25 in its place, see gelu/quad-as-benchmarked",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// The quadratic elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    quadratic(c, x, 0.25, 0.5)
}

/// x (x / 8 + `linear`) + `constant`.
pub(in crate::nonlinear) fn quadratic(c: &mut Circuit, x: Secret, linear: f64, constant: f64) -> Secret {
    let guard_bits = c.guard_bits(x);
    let eighth = c.shift(x, -3);
    let factor = c.offset(eighth, linear);
    let product = c.mul_to(factor, x, guard_bits);
    c.offset(product, constant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    #[test]
    fn the_values_are_those_of_the_formula() {
        for x in testing::grid(-10.0, 10.0, 41) {
            assert_eq!(testing::map(&PROTOCOL, &[x]), [0.125 * x * x + 0.25 * x + 0.5]);
        }
    }

    #[test]
    fn the_error_is_largest_at_minus_ten() {
        let (largest, _) = testing::largest_error(&PROTOCOL, testing::grid(-10.0, 10.0, 20_001), exact::gelu);
        assert!((largest - 10.5).abs() < 1e-12);
        let (largest, _) = testing::largest_error(&PROTOCOL, testing::grid(-5.0, 5.0, 20_001), exact::gelu);
        assert!((largest - 2.375).abs() < 1e-5);
    }
}
