//! `layernorm/crypten`: layer normalisation made of CrypTen's functions, as SecFormer times it for CrypTen; `layernorm/crypten-8`: with eight
//! Newton steps for the root, as Table 3 times it for MPCFormer. (CrypTen itself has none.)
//!
//! 1. mean = 1/n sum of x; centred = x - mean.
//! 2. v = sum of centred^2 / (n - 1) + epsilon: the flag of CrypTen's `var` is inverted, so that `unbiased=False` divides by n - 1.
//! 3. r = 1 / sqrt(v), by `rsqrt/sqrt-reciprocal`.
//! 4. y = gamma (centred r) + beta.
//!
//! **Cost.** A square and two products for each element, step 3 for each row, and gamma is opened once: 59 rounds (74 with eight steps); 48 byte
//! for an element, 1504 + 16 (1904 + 16) for a row, 16 for a column.
//! **Error.** The divisor makes outputs too small by sqrt((n - 1) / n): 6.5e-2 for rows of 8 elements, 6.5e-4 for 768. The root errs the other
//! way, by 5e-3 at the lower end for three steps. The claim is for rows of 8 elements or more.
//! **Domain.** v in [0.1, 150], with eight steps [0.01, 190]: the domain of the root.
//! **Privacy.** Comparison, selection, squares and products: every message is uniform.
//! **Source.** SecFormer's repository at 4c1db49, `efficiency/utils.py`, `crypten_norm`; functions of CrypTen (NeurIPS 2021).

use super::{VARIANCE, by_variance, one_less};
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::rsqrt::{newton, sqrt_reciprocal};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, LayerNormInputs, PerRow, Protocol, Reading, Rounds,
    Setting, Truth, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "layernorm/crypten".into(),
    function: Function::LAYERNORM,
    summary: "CrypTen's variance, square root (three steps) and reciprocal".into(),
    source: "SecFormer's repository at 4c1db49, efficiency/utils.py, crypten_norm; functions of CrypTen (NeurIPS 2021)"
        .into(),
    reading: Reading::AsBenchmarked,
    interval: PerRow::of(|_| domain()),
    error: ErrorClaim { absolute: 0.0, relative: 6.5e-2, truth: Truth::LayerNorm },
    claims: vec![CostClaim {
        by: "SecFormer, Table 3 (CrypTen: 0.492 GB for BERT-base, 1.272 for BERT-large); its code, measured".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(59)),
        bits: Some(Bits::Linear { per_element: 384, per_row: 12160, per_column: 128 }),
        holds: true,
        remark: "square 1, inverse root 56, two products; 1504 + 16 byte for each row".into(),
    }],
    fails: vec![],
    known: texts(&[
        "the variance is divided by n - 1 though n is asked for: rows of 8 come out 6.5 percent too small, rows of 768 by 6.5e-4",
        "BERT's epsilon of 1e-12 encodes to 0 at 16 fraction bits",
        "variances beyond 150 leave the domain of the root, which turns negative from 205 on",
    ]),
});

/// The card with eight steps.
pub static CARD_8: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "layernorm/crypten-8".into(),
    function: Function::LAYERNORM,
    summary: "CrypTen's variance, square root (eight steps) and reciprocal".into(),
    source: "SecFormer's repository at 4c1db49, efficiency/utils.py, crypten_norm with sqrt_nr_iters = 8, inferred from Table 3".into(),
    reading: Reading::AsBenchmarked,
    interval: PerRow::of(|_| domain_8()),
    error: ErrorClaim { absolute: 0.0, relative: 6.5e-2, truth: Truth::LayerNorm },
    claims: vec![CostClaim {
        by: "SecFormer, Table 3 (MPCFormer: 0.497 GB for BERT-base, 1.282 for BERT-large), inferred".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(74)),
        bits: Some(Bits::Linear { per_element: 384, per_row: 15360, per_column: 128 }),
        holds: true,
        remark: "square 1, inverse root 71, two products; 1904 + 16 byte for each row".into(),
    }],
    fails: vec![],
    known: texts(&[
        "the variance is divided by n - 1 though n is asked for: rows of 8 come out 6.5 percent too small, rows of 768 by 6.5e-4",
        "eight steps are inferred from the volumes of MPCFormer's rows; the rows of CrypTen fit three",
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
    by_variance(c, &inputs, divisor, domain(), |c, v| sqrt_reciprocal::sqrt_reciprocal(c, v, newton::ITERATIONS))
}

/// The same with eight steps.
pub fn build_8(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    let divisor = one_less(c, &inputs);
    by_variance(c, &inputs, divisor, domain_8(), |c, v| sqrt_reciprocal::sqrt_reciprocal(c, v, newton::MORE_ITERATIONS))
}
