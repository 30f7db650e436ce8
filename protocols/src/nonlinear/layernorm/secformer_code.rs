//! `layernorm/secformer-code`: SecFormer's layer normalisation as its efficiency code runs it, with 7 iterations and no deflation;
//! `layernorm/secformer-code-8`: with 8.
//!
//! 1. and 2. As `layernorm/crypten`: centred, and v with divisor n - 1.
//! 3. r = 1 / sqrt(v), by `rsqrt/goldschmidt-code`.
//! 4. y = gamma (centred r) + beta, without a factor.
//!
//! **Cost.** 23 rounds (26 with 8 iterations); 48 byte for an element, 528 + 16 (608 + 16) for a row, 16 for a column.
//! **Error.** The divisor makes outputs too small by sqrt((n - 1) / n), and the root adds 1e-3 at the ends. The claim is for rows of 8
//! elements or more.
//! **Domain.** v in [0.0247, 2.716], with 8 iterations [0.0111, 2.812]: beyond 3 it diverges, where the paper's deflation reaches a sum of
//! squares of 5890, a variance of 7.7 for rows of 768.
//! **Privacy.** Squares and products only: every message is uniform.
//! **Source.** SecFormer's repository at 4c1db49, `efficiency/utils.py`, `secformer_norm`, and `operation/layernorm.py`.

use super::{VARIANCE, by_variance, one_less};
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::rsqrt::goldschmidt_code::{ITERATIONS, MORE_ITERATIONS, domain, domain_8, iterate};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, LayerNormInputs, PerRow, Protocol, Quality, Reading,
    Rounds, Setting, Truth, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "layernorm/secformer-code".into(),
    function: Function::LAYERNORM,
    summary: "7 Goldschmidt iterations on the variance, no deflation".into(),
    source: "SecFormer's repository at 4c1db49, efficiency/utils.py, secformer_norm".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| domain(VARIANCE)),
    error: ErrorClaim { absolute: 0.0, relative: 6.6e-2, truth: Truth::LayerNorm },
    claims: vec![CostClaim {
        by: "SecFormer, Table 3 (1.248 GB for BERT-large), inferred; its code, measured".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(23)),
        bits: Some(Bits::Linear { per_element: 384, per_row: 4352, per_column: 128 }),
        holds: true,
        remark: "square 1, inverse root 20, two products; 528 + 16 byte for each row. Its 0.468 GB for BERT-base fits no number of iterations: the                  three products alone take 0.472".into(),
    }],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "a variance of 3 diverges, and layers of real models have rows beyond: the paper's division by 2000 is missing".into(),
    }],
    known: texts(&[
        "the variance is divided by n - 1 though n is asked for: rows of 8 come out 6.5 percent too small, rows of 768 by 6.5e-4",
        "the paper sums the squares without 1/n, divides by 2000 and iterates 11 times",
    ]),
}
});

/// The card with 8 iterations.
pub static CARD_8: LazyLock<Card> = LazyLock::new(|| Card {
    name: "layernorm/secformer-code-8".into(),
    function: Function::LAYERNORM,
    summary: "8 Goldschmidt iterations on the variance, no deflation".into(),
    source: "SecFormer's repository at 4c1db49, operation/layernorm.py".into(),
    reading: Reading::AsBenchmarked,
    interval: PerRow::of(|_| domain_8(VARIANCE)),
    error: ErrorClaim { absolute: 0.0, relative: 6.6e-2, truth: Truth::LayerNorm },
    claims: vec![CostClaim {
        by: "SecFormer's code, measured".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(26)),
        bits: Some(Bits::Linear { per_element: 384, per_row: 4992, per_column: 128 }),
        holds: true,
        remark: "square 1, inverse root 23, two products; 608 + 16 byte for each row".into(),
    }],
    fails: CARD.fails.clone(),
    known: CARD.known.clone(),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::layer_norm(build)));

/// The protocol with 8 iterations.
pub static PROTOCOL_8: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD_8, Build::layer_norm(build_8)));

/// Layer normalisation of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    let divisor = one_less(c, &inputs);
    by_variance(c, &inputs, divisor, domain(VARIANCE), |c, v| iterate(c, v, ITERATIONS))
}

/// The same with 8 iterations.
pub fn build_8(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    let divisor = one_less(c, &inputs);
    by_variance(c, &inputs, divisor, domain_8(VARIANCE), |c, v| iterate(c, v, MORE_ITERATIONS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{layernorm::tests::row_with_sum_of_squares, testing};

    #[test]
    fn it_diverges_on_variances_that_the_corrected_protocol_bears() {
        let x = row_with_sum_of_squares(4.0 * 767.0, 768);
        let (gamma, beta) = (vec![1.0; 768], vec![0.0; 768]);
        let truth = testing::layer_norm_truth(&x, &gamma, &beta, 1e-12);
        let corrected =
            testing::layer_norm(&crate::nonlinear::layernorm::goldschmidt::PROTOCOL, &x, &gamma, &beta, 1e-12);
        assert!(corrected.iter().zip(&truth).all(|(y, t)| (y - t).abs() <= 1e-3 * t.abs()));
        for protocol in [&PROTOCOL, &PROTOCOL_8] {
            let found = testing::layer_norm(protocol, &x, &gamma, &beta, 1e-12);
            assert!(found.iter().zip(&truth).any(|(y, t)| y.is_nan() || (y - t).abs() > 0.5 * t.abs()));
        }
    }
}
