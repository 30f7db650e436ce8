//! `softmax/fourier`: softmax itself, with the exponential by one trigonometric sum (ours).
//!
//! As `softmax/exp`, with `exp/fourier` in step 2.
//!
//! **Cost.** n - 1 comparisons and selections for the maximum, a comparison, an opening and a selection for the exponential and a product for
//! each element; for each row the reciprocal.
//! **Error.** Each exponential errs by at most 6e-7, so the sum of n errs by at most 6e-7 n, and that in proportion to a sum that is at
//! least 1: 3.2e-4 is claimed, for rows of up to 512 elements.
//! **Domain.** x - m in [-4096, 0].
//! **Privacy.** Comparison, selection, products, the masked openings: every message is uniform.
//! **Source.** Ours, but for the maximum as in CrypTen (NeurIPS 2021), Appendix C.

use super::exp::with;
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::exp::fourier;
use crate::nonlinear::{
    Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, SoftmaxInputs,
    Truth, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "softmax/fourier".into(),
    function: Function::SOFTMAX,
    summary: "maximum by a tree, exp by sixteen waves, one normalised reciprocal for each row".into(),
    source: "ours; CrypTen (NeurIPS 2021) Appendix C for the maximum".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| Interval { of: "the elements less the largest of their row".into(), ..fourier::DOMAIN }),
    error: ErrorClaim { absolute: 3.2e-4, relative: 0.0, truth: Truth::Softmax },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::Linear { fixed: 20, per_halving: 8 }),
        bits: None,
        holds: true,
        remark: "maximum 8 for each halving, exp 8, reciprocal 11, product 1, for rows of more than two".into(),
    }],
    fails: vec![],
    known: texts(&[
        "the error grows with the row: it is claimed for up to 512 elements",
        "32 words are dealt for each element, see exp/fourier",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::softmax(build)));

/// Softmax of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: SoftmaxInputs) -> Secret {
    with(c, inputs, &fourier::PROTOCOL, CARD.interval.at(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn one_element_against_many_equal_ones_keeps_the_claim_wherever_they_are() {
        let mut largest: f64 = 0.0;
        for n in [2, 128, 512] {
            for at in testing::grid(-40.0, 0.0, 401) {
                let row: Vec<f64> = (0..n).map(|i| if i == 0 { 0.0 } else { at }).collect();
                let truth = 1.0 / (1.0 + (n - 1) as f64 * libm::exp(at));
                largest = largest.max((testing::map(&PROTOCOL, &row)[0] - truth).abs());
            }
        }
        // Of the same size as the claim: it is no empty one.
        assert!((CARD.error.absolute / 10.0..=CARD.error.absolute).contains(&largest), "{largest:e}");
    }

    #[test]
    fn far_elements_have_no_share() {
        assert!(testing::map(&PROTOCOL, &[0.0, -700.0, -4096.0])[1..].iter().all(|&y| y == 0.0));
    }
}
