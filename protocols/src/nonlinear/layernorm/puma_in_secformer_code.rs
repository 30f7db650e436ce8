//! `layernorm/puma-as-in-secformer-code`: what SecFormer's efficiency code runs and counts as PUMA's layer normalisation;
//! `layernorm/puma-as-in-secformer-code-8`: with eight Newton steps for the root.
//!
//! 1. and 2. As `layernorm/crypten`: centred, and v with divisor n - 1.
//! 3. r = 1 / sqrt(v), by `rsqrt/newton`.
//! 4. y = gamma (centred r) + beta.
//!
//! **Cost.** 20 rounds (35 with eight steps); 48 byte for an element, 368 + 16 (768 + 16) for a row, 16 for a column.
//! **Error.** The divisor makes outputs too small by sqrt((n - 1) / n), and the root adds 5e-3 at the lower end for three steps. The claim
//! is for rows of 8 elements or more.
//! **Domain.** v in [0.1, 150], with eight steps [0.01, 190]: the domain of the root.
//! **Privacy.** Squares and products only: every message is uniform.
//! **Source.** SecFormer's repository at 4c1db49, `efficiency/utils.py`, `puma_norm`; PUMA (arXiv 2307.12533) itself runs between three
//! parties, with its framework's inverse root.

use super::{VARIANCE, by_variance, one_less};
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::rsqrt::newton::{self, ITERATIONS, MORE_ITERATIONS};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, LayerNormInputs, PerRow, Protocol, Reading, Rounds,
    Setting, Truth, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "layernorm/puma-as-in-secformer-code".into(),
    function: Function::LAYERNORM,
    summary: "CrypTen's variance and inverse root (three steps)".into(),
    source: "SecFormer's repository at 4c1db49, efficiency/utils.py, puma_norm".into(),
    reading: Reading::AsBenchmarked,
    interval: PerRow::of(|_| domain()),
    error: ErrorClaim { absolute: 0.0, relative: 7e-2, truth: Truth::LayerNorm },
    claims: vec![CostClaim {
        by: "SecFormer, Table 3 (PUMA: 0.477 GB for BERT-base); its code, measured".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(20)),
        bits: Some(Bits::Linear { per_element: 384, per_row: 3072, per_column: 128 }),
        holds: true,
        remark: "square 1, inverse root 17, two products; 368 + 16 byte for each row".into(),
    }],
    fails: vec![],
    known: texts(&[
        "the variance is divided by n - 1 though n is asked for: rows of 8 come out 6.5 percent too small, rows of 768 by 6.5e-4",
    ]),
});

/// The card with eight steps.
pub static CARD_8: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "layernorm/puma-as-in-secformer-code-8".into(),
    function: Function::LAYERNORM,
    summary: "CrypTen's variance and inverse root (eight steps)".into(),
    source: "SecFormer's repository at 4c1db49, efficiency/utils.py, puma_norm with sqrt_nr_iters = 8, inferred from Table 3".into(),
    reading: Reading::AsBenchmarked,
    interval: PerRow::of(|_| domain_8()),
    error: ErrorClaim { absolute: 0.0, relative: 6.5e-2, truth: Truth::LayerNorm },
    claims: vec![CostClaim {
        by: "SecFormer, Table 3 (PUMA: 1.254 GB for BERT-large), inferred".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(35)),
        bits: Some(Bits::Linear { per_element: 384, per_row: 6272, per_column: 128 }),
        holds: true,
        remark: "square 1, inverse root 32, two products; 768 + 16 byte for each row".into(),
    }],
    fails: vec![],
    known: texts(&[
        "the variance is divided by n - 1 though n is asked for: rows of 8 come out 6.5 percent too small, rows of 768 by 6.5e-4",
        "eight steps are inferred from the volume of BERT-large; that of BERT-base fits three",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::layer_norm(build)));

/// The protocol with eight steps.
pub static PROTOCOL_8: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD_8, Build::layer_norm(build_8)));

fn domain() -> Interval {
    Interval { of: VARIANCE.into(), ..newton::CARD.interval.at(1) }
}

fn domain_8() -> Interval {
    Interval { of: VARIANCE.into(), ..newton::CARD_8.interval.at(1) }
}

/// Layer normalisation of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    let divisor = one_less(c, &inputs);
    by_variance(c, &inputs, divisor, domain(), |c, v| newton::newton(c, v, ITERATIONS))
}

/// The same with eight steps.
pub fn build_8(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    let divisor = one_less(c, &inputs);
    by_variance(c, &inputs, divisor, domain_8(), |c, v| newton::newton(c, v, MORE_ITERATIONS))
}
