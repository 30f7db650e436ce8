//! `softmax/2quad-code`: 2Quad as SecFormer's released efficiency code runs it, and as its Table 3 counts it.
//!
//! 1. s = (x + 5) (x + 5), as a product of two secrets, not as a square.
//! 2. S = sum of s over the row.
//! 3. r = 1 / S by 7 Goldschmidt iterations without deflation.
//! 4. y = s r.
//!
//! Under a mask, s is zero where an element takes no part. (The code has no mask.)
//!
//! **Cost.** As written 15 rounds; 48 byte for each element and 416 + 16 for each row: 384 n + 3456 bit for a row of n.
//! **Error.** Relative error -(1 - S)^128 of the division: it is right for 0.0525 <= S <= 1.9475 only.
//! **Domain.** That interval of the row sum. A single score of -4 has (x + 5)^2 = 1; a row of 128 scores near 0 has S = 3200,
//! where the iteration diverges. The code is a timing harness on random numbers.
//! **Privacy.** Products only: every message is uniform.
//! **Source.** SecFormer's repository at 4c1db49, `efficiency/utils.py`.

use super::two_quad::{ROW_SUM, SHIFT};
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::reciprocal::goldschmidt::iterate;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, Domain, ErrorClaim, Failing, Function, Protocol, Quality, Reading, Rounds, Setting,
    SoftmaxInputs, Truth,
};

/// Goldschmidt iterations of the code.
pub const ITERATIONS: usize = 7;

/// The card.
pub const CARD: Card = Card {
    name: "softmax/2quad-code",
    function: Function::Softmax,
    summary: "2Quad as in the released timing code: 7 iterations, no deflation",
    source: "SecFormer's repository at 4c1db49, efficiency/utils.py",
    reading: Reading::AsCoded,
    domain: |_| Domain { low: 0.0525, high: 1.9475, of: ROW_SUM },
    error: ErrorClaim { absolute: 0.0, relative: 1.01e-3, truth: Truth::TwoQuad { shift: SHIFT } },
    claims: &[CostClaim {
        by: "SecFormer, Table 3 (1.844 GB for BERT-base), inferred",
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(15)),
        bits: Some(Bits::Linear { per_element: 384, per_row: 3456, per_column: 0 }),
        holds: true,
        remark: "48 byte for each element, 432 for each row: 1.844 GB for 12 layers of 12 heads and 512 tokens",
    }],
    fails: &[Failing {
        quality: Quality::Right,
        why: "it diverges for every realistic row: row sums must be below 2 and are about 3200 for 128 scores near 0",
    }],
    known: &[
        "it diverges for every realistic row: row sums must be below 2, and are about 3200 at row length 128",
        "the paper states 13 iterations after division by 5000; its published volumes are those of 7 without",
    ],
};

/// The protocol.
pub const PROTOCOL: Protocol = Protocol { card: &CARD, build: Build::Softmax(build) };

/// 2Quad of each row as in the code, with the guard bits of x.
pub fn build(c: &mut Circuit, SoftmaxInputs { x, mask }: SoftmaxInputs) -> Secret {
    let shifted = c.offset(x, SHIFT);
    let squares = c.mul(shifted, shifted);
    let squares = mask.map_or(squares, |mask| mask.keep(c, squares));
    let sum = c.sum(squares, c.last_axis(x));
    let domain = (CARD.domain)(c.row_length(x));
    c.claim_domain(sum, domain.low, domain.high);
    let reciprocal = iterate(c, sum, ITERATIONS);
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
