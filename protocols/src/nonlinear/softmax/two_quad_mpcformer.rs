//! `softmax/2quad-mpcformer`: MPCFormer's 2Quad with CrypTen's reciprocal, as SecFormer benchmarks it.
//!
//! 1. s = (x + 5) (x + 5), as a product of two secrets, not as a square.
//! 2. S = sum of s over the row.
//! 3. r = 1 / S, by `reciprocal/newton-signed`.
//! 4. y = s r.
//!
//! Under a mask, s is zero where an element takes no part. (The code has no mask.)
//!
//! **Cost.** 40 rounds; 48 byte for each element and 1104 + 16 for each row: 50.1875 byte for each element of rows of 512.
//! **Error.** That of the reciprocal: 1e-7 relative over the reals.
//! **Domain.** S in [0.01, 100]. Scores near 0 sum to 25 n: rows of more than four such leave it, and from S = 254 on, eleven such, the
//! reciprocal diverges.
//! **Privacy.** Comparison, selection, squares and products: every message is uniform.
//! **Source.** MPCFormer (Li et al., ICLR 2023), section 3.2, c = 5; SecFormer's repository at 4c1db49, `efficiency/utils.py`,
//! `softmax_2QUAD`.

use super::two_quad::{ROW_SUM, SHIFT};
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, SoftmaxInputs, Truth, reciprocal, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "softmax/2quad-mpcformer".into(),
    function: Function::SOFTMAX,
    summary: "(x + 5)^2 over its row sum by CrypTen's reciprocal".into(),
    source: "MPCFormer (ICLR 2023) section 3.2; SecFormer's repository at 4c1db49, efficiency/utils.py, softmax_2QUAD"
        .into(),
    reading: Reading::AsBenchmarked,
    interval: PerRow::of(|_| Interval { low: 0.01, high: 100.0, of: ROW_SUM.into() }),
    error: ErrorClaim { absolute: 0.0, relative: 1e-7, truth: Truth::TwoQuad { shift: SHIFT } },
    claims: vec![
        CostClaim {
            by: "SecFormer, Table 3 (1.895 GB for BERT-base); its code, measured".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(40)),
            bits: Some(Bits::Linear { per_element: 384, per_row: 8960, per_column: 0 }),
            holds: true,
            remark: "48 byte for each element, 1104 + 16 for each row".into(),
        },
        CostClaim {
            by: "SecFormer, Figure 8 (0.279, 0.95 and 3.473 MB), inferred".into(),
            setting: Setting::PUBLISHED,
            rounds: None,
            bits: Some(Bits::Linear { per_element: 384, per_row: 10240, per_column: 0 }),
            holds: false,
            remark: "1264 instead of 1104 byte for the reciprocal, as in Figures 7 and 9".into(),
        },
    ],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "it diverges for every realistic row: row sums must be below 254 and are about 3200 for 128 scores near 0"
            .into(),
    }],
    known: texts(&[
        "row sums from 254 on diverge: eleven scores near 0",
        "it is another function than softmax and needs a model distilled for it",
        "it is symmetric about -5: scores below -5 rise again",
        "the trained models were evaluated in plaintext only; the timing code never runs them",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::softmax(build)));

/// 2Quad of each row as in the code, with the guard bits of x.
pub fn build(c: &mut Circuit, SoftmaxInputs { x, mask }: SoftmaxInputs) -> Secret {
    let shifted = c.offset(x, SHIFT);
    let squares = c.mul(shifted, shifted);
    let squares = mask.map_or(squares, |mask| mask.keep(c, squares));
    let sum = c.sum(squares, c.last_axis(x));
    let domain = CARD.interval.at(c.row_length(x));
    c.claim_domain(sum, domain.low, domain.high);
    let reciprocal = reciprocal::newton_signed::PROTOCOL.build(c, sum);
    c.mul(squares, reciprocal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn it_is_right_inside_its_domain_and_diverges_at_eleven_scores_near_zero() {
        let found = testing::map(&PROTOCOL, &[-4.0, -3.0, -2.0, 1.0]);
        for (y, square) in found.iter().zip([1.0, 4.0, 9.0, 36.0]) {
            assert!((y - square / 50.0).abs() <= CARD.error.relative * square / 50.0);
        }
        let far = testing::map(&PROTOCOL, &[0.0; 11]);
        assert!(far.iter().all(|y| y.is_nan() || (y * 11.0 - 1.0).abs() > 1.0));
    }
}
