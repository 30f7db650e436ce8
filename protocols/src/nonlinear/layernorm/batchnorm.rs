//! `layernorm/batchnorm-as-benchmarked`: the batch normalisation that stands for layer normalisation where MPCFormer is timed.
//!
//! 1. r = 1 / sqrt(v + epsilon) of the running variance v of each column, by `rsqrt/newton`.
//! 2. y = gamma ((x - m) r) + beta, with the running mean m of each column.
//!
//! The timing code never trains, so that v = 1 and m = 0, encrypted. Here v is made of gamma - gamma + 1, so that it is a secret of the same shape.
//!
//! **Cost.** 19 rounds; two products for each element, and for each column the inverse root, its opening and gamma's: 256 bit for an element, 2944 +
//! 256 for a column.
//! **Error.** It does not normalise rows: y = gamma x + beta. With elements in [-1, 1] and rows of up to 1024, whose normalised elements
//! are below 32, the error is below 33.1: that is all.
//! **Domain.** Elements in [-1, 1].
//! **Privacy.** Squares and products only: every message is uniform.
//! **Source.** MPCFormer's repository at 38cb42c, `src/benchmark`, `BatchNorm2d` in place of `LayerNorm`; CrypTen's code, `gradients.py`,
//! `AutogradBatchNorm`.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::layernorm::scaled_and_offset;
use crate::nonlinear::rsqrt::newton::{ITERATIONS, newton};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, LayerNormInputs, PerRow, Protocol, Quality,
    Reading, Rounds, Setting, Truth, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "layernorm/batchnorm-as-benchmarked".into(),
    function: Function::LAYERNORM,
    summary: "batch normalisation with the statistics that it starts with: gamma x + beta".into(),
    source: "MPCFormer's repository at 38cb42c, src/benchmark: BatchNorm2d in place of LayerNorm".into(),
    reading: Reading::AsBenchmarked,
    interval: PerRow::of(|_| Interval { low: -1.0, high: 1.0, of: "the elements".into() }),
    error: ErrorClaim { absolute: 33.1, relative: 0.0, truth: Truth::LayerNorm },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(19)),
        bits: Some(Bits::Linear { per_element: 256, per_row: 0, per_column: 2944 + 256 }),
        holds: true,
        remark: "the inverse root is one for each column, whatever the number of rows".into(),
    }],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "it is no layer normalisation: rows keep their mean and variance; PUMA reports that it takes BERT-base on CoLA from 0.616 to -0.020".into(),
    }],
    known: texts(&[
        "CrypTen has no layer normalisation, so that MPCFormer's own timings contain none",
        "the statistics are those of a model that was never trained: variance 1, mean 0",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::layer_norm(build)));

/// What the benchmark makes of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(inputs.x, domain.low, domain.high);
    let zero = c.sub(inputs.gamma, inputs.gamma);
    let variance = c.offset(zero, 1.0 + inputs.epsilon);
    let inverse_deviation = newton(c, variance, ITERATIONS);
    scaled_and_offset(c, &inputs, inputs.x, inverse_deviation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn rows_keep_their_mean_and_variance() {
        let (x, gamma, beta) = ([0.5, 1.0, 0.25, 0.75], [1.0; 4], [0.0; 4]);
        let found = testing::layer_norm(&PROTOCOL, &x, &gamma, &beta, 1e-12);
        assert!(found.iter().zip(x).all(|(y, x)| (y - x).abs() < 2e-3));
    }
}
