//! `softmax/2quad-code`: 2Quad as SecFormer's released efficiency code runs it, and as its Table 3 counts it; `softmax/2quad-code-13`: with the
//! 13 iterations of its code of single operations, as its Figure 8 counts it.
//!
//! 1. s = (x + 5) (x + 5), as a product of two secrets, not as a square.
//! 2. S = sum of s over the row.
//! 3. r = 1 / S by t = 7 (or 13) Goldschmidt iterations without deflation.
//! 4. y = s r.
//!
//! Under a mask, s is zero where an element takes no part. (The code has no mask.)
//!
//! **Cost.** As written 15 rounds; 48 byte for each element and 416 + 16 for each row: 384 n + 3456 bit for a row of n.
//! **Error.** Relative error -(1 - S)^(2^t) of the division: for t = 7 it is right for 0.0525 <= S <= 1.9475 only; for t = 13 over the reals from
//! 0.00084 to 1.99916, of which [0.05, 1.95] is claimed.
//! **Domain.** That interval of the row sum. A single score of -4 has (x + 5)^2 = 1; a row of 128 scores near 0 has S = 3200,
//! where the iteration diverges. The code is a timing harness on random numbers.
//! **Privacy.** Products only: every message is uniform.
//! **Source.** SecFormer's repository at 4c1db49, `efficiency/utils.py`.

use super::two_quad::{ROW_SUM, SHIFT};
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::reciprocal::goldschmidt::iterate;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, SoftmaxInputs, Truth, texts,
};
use std::sync::LazyLock;

/// Goldschmidt iterations of the timing code.
pub const ITERATIONS: usize = 7;
/// Goldschmidt iterations of the code of single operations.
pub const MORE_ITERATIONS: usize = 13;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "softmax/2quad-code".into(),
    function: Function::SOFTMAX,
    summary: "2Quad as in the released timing code: 7 iterations, no deflation".into(),
    source: "SecFormer's repository at 4c1db49, efficiency/utils.py".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| Interval { low: 0.0525, high: 1.9475, of: ROW_SUM.into() }),
    error: ErrorClaim { absolute: 0.0, relative: 1.01e-3, truth: Truth::TwoQuad { shift: SHIFT } },
    claims: vec![CostClaim {
        by: "SecFormer, Table 3 (1.844 GB for BERT-base), inferred".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(15)),
        bits: Some(Bits::Linear { per_element: 384, per_row: 3456, per_column: 0 }),
        holds: true,
        remark: "48 byte for each element, 432 for each row: 1.844 GB for 12 layers of 12 heads and 512 tokens".into(),
    }],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "it diverges for every realistic row: row sums must be below 2 and are about 3200 for 128 scores near 0"
            .into(),
    }],
    known: texts(&[
        "it diverges for every realistic row: row sums must be below 2, and are about 3200 at row length 128",
        "the paper states 13 iterations after division by 5000; its published volumes are those of 7 without",
    ]),
});

/// The card with 13 iterations.
pub static CARD_13: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "softmax/2quad-code-13".into(),
    function: Function::SOFTMAX,
    summary: "2Quad as in the released code of single operations: 13 iterations, no deflation".into(),
    source: "SecFormer's repository at 4c1db49, operation/softmax.py".into(),
    reading: Reading::AsBenchmarked,
    interval: PerRow::of(|_| Interval { low: 0.05, high: 1.95, of: ROW_SUM.into() }),
    error: ErrorClaim { absolute: 0.0, relative: 1e-6, truth: Truth::TwoQuad { shift: SHIFT } },
    claims: vec![CostClaim {
        by: "SecFormer, Figure 8 (0.249, 0.891 and 3.355 MB), inferred".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(27)),
        bits: Some(Bits::Linear { per_element: 384, per_row: 6528, per_column: 0 }),
        holds: true,
        remark: "48 byte for each element, 816 for each row: the volumes are those of 64, 128 and 256 rows of as many, not of the 100, 1000 and 5000 \
                 on the axis".into(),
    }],
    fails: CARD.fails.clone(),
    known: texts(&[
        "it diverges for every realistic row: row sums must be below 2, and are about 3200 at row length 128",
        "the paper divides by 5000 first, which the code does not",
        "over the reals it is right to 1e-3 from 0.00084 to 1.99916; at 16 fraction bits so small a sum of 128 squares is all rounding",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::softmax(build)));

/// The protocol with 13 iterations.
pub static PROTOCOL_13: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD_13, Build::softmax(build_13)));

/// 2Quad of each row as in the code, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: SoftmaxInputs) -> Secret {
    with_iterations(c, inputs, &CARD, ITERATIONS)
}

/// The same with 13 iterations.
pub fn build_13(c: &mut Circuit, inputs: SoftmaxInputs) -> Secret {
    with_iterations(c, inputs, &CARD_13, MORE_ITERATIONS)
}

fn with_iterations(
    c: &mut Circuit,
    SoftmaxInputs { x, mask }: SoftmaxInputs,
    card: &Card,
    iterations: usize,
) -> Secret {
    let shifted = c.offset(x, SHIFT);
    let squares = c.mul(shifted, shifted);
    let squares = mask.map_or(squares, |mask| mask.keep(c, squares));
    let sum = c.sum(squares, c.last_axis(x));
    let domain = card.interval.at(c.row_length(x));
    c.claim_domain(sum, domain.low, domain.high);
    let reciprocal = iterate(c, sum, iterations);
    c.mul(squares, reciprocal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn it_is_right_inside_its_domain_and_diverges_at_row_length_128() {
        let near = testing::map(&PROTOCOL, &[-4.2, -5.5]);
        assert!((near[0] - 0.64 / 0.89).abs() <= CARD.error.relative);
        let far = testing::map(&PROTOCOL, &[0.0; 128]);
        assert!(far.iter().all(|y| y.is_nan() || y.abs() > 1e6));
    }
}
