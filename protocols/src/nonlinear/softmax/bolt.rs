//! `softmax/bolt`: softmax with BOLT's exponential.
//!
//! As `softmax/exp`, with `exp/bolt` in step 2. BOLT finds maximum and reciprocal by its own primitives, which are another scheme's.
//!
//! **Cost.** n - 1 comparisons and selections, `exp/bolt` and a product for each element; for each row the reciprocal.
//! **Error.** Exponentials are off by -2.7e-4 to 3.1e-3 of themselves, and those below -11.78 are dropped, 7.6e-6 each: 1.6e-3 and 3.9e-3 for
//! rows of 512. 5.5e-3 is claimed, for rows of up to 512 elements.
//! **Domain.** x - m in [-128, 0], see `exp/bolt`.
//! **Privacy.** Comparison, conversion, selection, squares, products, the masked opening: every message is uniform.
//! **Source.** BOLT (Pang et al., IEEE S&P 2024) for the exponential; the rest as `softmax/exp`.

use super::exp::with;
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::exp::bolt;
use crate::nonlinear::{
    Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, SoftmaxInputs,
    Truth, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "softmax/bolt".into(),
    function: Function::SOFTMAX,
    summary: "maximum by a tree, exp by a square and a secret power of two, one reciprocal for each row".into(),
    source: "BOLT (IEEE S&P 2024) for the exponential; maximum as CrypTen (NeurIPS 2021), reciprocal ours".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| Interval {
        low: -128.0,
        high: 0.0,
        of: "the elements less the largest of their row".into(),
    }),
    error: ErrorClaim { absolute: 5.5e-3, relative: 0.0, truth: Truth::Softmax },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::Linear { fixed: 22, per_halving: 8 }),
        bits: None,
        holds: true,
        remark: "maximum 8 for each halving, exp 10, reciprocal 11, product 1, for rows of more than two".into(),
    }],
    fails: vec![],
    known: texts(&[
        "only the exponential is BOLT's: its maximum and reciprocal rest on look-ups and oblivious transfer",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::softmax(build)));

/// Softmax of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: SoftmaxInputs) -> Secret {
    with(c, inputs, &bolt::PROTOCOL, CARD.interval.at(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn rows_are_right_to_the_claimed_error_also_at_the_last_octave() {
        let mut largest: f64 = 0.0;
        for n in [2, 8, 128, 512] {
            for at in [-0.1376, -0.551, -1.94, -3.33, -6.0, -11.78, -11.785, -40.0] {
                let row: Vec<f64> = (0..n).map(|i| if i == 0 { 0.0 } else { at }).collect();
                let sum = 1.0 + (n - 1) as f64 * f64::exp(at);
                for (x, y) in row.iter().zip(testing::map(&PROTOCOL, &row)) {
                    largest = largest.max((y - x.exp() / sum).abs());
                }
            }
        }
        assert!((3.8e-3..=CARD.error.absolute).contains(&largest));
    }
}
