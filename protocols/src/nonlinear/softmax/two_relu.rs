//! `softmax/2relu`: MPCFormer's other stand-in for softmax, max(x, 0) over its row sum, as its code runs it.
//!
//! 1. s = x where x >= 0, zero elsewhere.
//! 2. S = sum of s over the row.
//! 3. r = 1 / S, by `reciprocal/newton-signed`.
//! 4. y = s r.
//!
//! Under a mask, s is zero where an element takes no part. (The code has no mask.)
//!
//! **Cost.** 48 rounds; a comparison and two products for each element, 1104 + 16 byte for each row: 482.1875 byte for each element of rows of
//! 512.
//! **Error.** That of the reciprocal, 1e-7 of a share of at most 1, over the reals.
//! **Domain.** S in [0.01, 100]. A row without positive scores has S = 0, and no result.
//! **Privacy.** Comparison, selection, squares and products: every message is uniform.
//! **Source.** MPCFormer (Li et al., ICLR 2023), section 3.2; SecFormer's repository at 4c1db49, `efficiency/utils.py`, `softmax_2RELU`.
//! MPCFormer's training adds 1e-12 to the sum, which encodes to 0.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, SoftmaxInputs, Truth, reciprocal, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "softmax/2relu".into(),
    function: Function::SOFTMAX,
    summary: "max(x, 0) over its row sum by CrypTen's reciprocal".into(),
    source: "MPCFormer (ICLR 2023) section 3.2; SecFormer's repository at 4c1db49, efficiency/utils.py, softmax_2RELU".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| Interval { low: 0.01, high: 100.0, of: "the row sum of max(x, 0)".into() }),
    error: ErrorClaim { absolute: 1e-7, relative: 0.0, truth: Truth::TwoRelu },
    claims: vec![CostClaim {
        by: "CrypTen, measured".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(48)),
        bits: Some(Bits::Linear { per_element: 3456 + 256 + 128, per_row: 8960, per_column: 0 }),
        holds: true,
        remark: "comparison 8, product 1, reciprocal 38, product 1; 482.1875 byte for each element at n = 512".into(),
    }],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "it is not softmax: scores below 0 count nothing, so it needs distilled weights; and a row whose sum is 254 diverges, 512 scores \
              of 0.5".into(),
    }],
    known: texts(&[
        "it is another function than softmax and needs a model distilled for it",
        "a row without positive scores has no result: 0 times the reciprocal of 0",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::softmax(build)));

/// 2ReLU of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, SoftmaxInputs { x, mask }: SoftmaxInputs) -> Secret {
    let negative = c.less_than(x, 0.0);
    let positive = c.not(negative);
    let kept = c.select(positive, x);
    let kept = mask.map_or(kept, |mask| mask.keep(c, kept));
    let sum = c.sum(kept, c.last_axis(x));
    let domain = CARD.interval.at(c.row_length(x));
    c.claim_domain(sum, domain.low, domain.high);
    let reciprocal = reciprocal::newton_signed::PROTOCOL.build(c, sum);
    c.mul(kept, reciprocal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn it_is_right_inside_its_domain_and_diverges_beyond_the_reciprocal_s() {
        let found = testing::map(&PROTOCOL, &[-4.0, 3.0, -0.5, 1.0]);
        for (y, truth) in found.iter().zip([0.0, 0.75, 0.0, 0.25]) {
            assert!((y - truth).abs() <= CARD.error.absolute);
        }
        assert!(testing::map(&PROTOCOL, &[0.5; 512]).iter().all(|y| y.is_nan() || y.abs() > 1.0));
    }
}
