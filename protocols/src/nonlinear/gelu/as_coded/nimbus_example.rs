//! `gelu/nimbus-example`: one quadratic between 0 and x, with the coefficients that Nimbus's code declares as an example.
//!
//! 1. q = (c2 x + c1) x + c0.
//! 2. y = 0 for x < -1.8, q up to 0.5, x beyond: [x >= -1.8] q + [x > 0.5] (x - q).
//!
//! Nimbus fits its coefficients to the distribution of a model's numbers; these belong to some model, and are not meant for any other.
//!
//! **Cost.** Two comparisons, a product, two selections.
//! **Error.** At most 0.171, at x = 0.75; a step of 0.302 at 0.5; 2.9e-2 on average on [-5, 5].
//! **Domain.** [-128, 128].
//! **Privacy.** Comparisons, product, selections: every message is uniform.
//! **Source.** Nimbus (Li et al., NeurIPS 2024, arXiv 2411.15707), code, example coefficients.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, Truth, pieces, texts,
};
use std::sync::LazyLock;

/// Coefficients from x^0 to x^2.
pub const COEFFICIENTS: [f64; 3] = [-0.006946478426716862, 0.32421075145645123, 0.17025471961795552];

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "gelu/nimbus-example".into(),
    function: Function::GELU,
    summary: "a quadratic between 0 and x, fitted to some model's numbers".into(),
    source: "Nimbus (NeurIPS 2024, arXiv 2411.15707), code, example coefficients".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| Interval { low: -128.0, high: 128.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 0.171, relative: 0.0, truth: Truth::Gelu },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::fixed(8)),
        bits: Some(Bits::per_element(2 * 504 + 256 + 2 * 130)),
        holds: true,
        remark: "comparison 7 beside the product, selection 1".into(),
    }],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "it errs by up to 0.17 (at 0.75) and jumps by 0.30 at 0.5: the coefficients are an example and belong to a model that is not told".into(),
    }],
    known: texts(&[
        "the code compares its output with the same approximation in floating point, which no error of this kind can fail",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// GeLU elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let below = c.less_than(x, -1.8);
    let inside = c.not(below);
    let beyond = pieces::above(c, x, 0.5);
    let scaled = c.scale(x, COEFFICIENTS[2]);
    let factor = c.offset(scaled, COEFFICIENTS[1]);
    let product = c.mul(factor, x);
    let q = c.offset(product, COEFFICIENTS[0]);
    let difference = c.sub(x, q);
    let first = c.select(inside, q);
    let second = c.select(beyond, difference);
    c.add(first, second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    #[test]
    fn the_error_is_that_of_the_table() {
        let (error, _) = testing::largest_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), exact::gelu);
        assert!((error - 0.170).abs() < 1e-3 && error <= CARD.error.absolute, "{error}");
        let mean = testing::mean_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), exact::gelu);
        assert!((mean - 2.95e-2).abs() < 1e-4, "{mean}");
        let found = testing::map(&PROTOCOL, &[0.5, 0.5 + 1e-9]);
        assert!((found[1] - found[0] - 0.302).abs() < 1e-3, "{found:?}");
    }
}
