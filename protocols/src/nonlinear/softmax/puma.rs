//! `softmax/puma`: PUMA's softmax as printed.
//!
//! 1. m = largest element of the row, by `max/tree`.
//! 2. e = `exp/puma` of x - m - 1e-6; 1e-6 encodes to 0 at 16 and 18 fraction bits.
//! 3. S = sum of e.
//! 4. r = 1 / S, once for each row. The paper takes its framework's reciprocal and does not print it; here `reciprocal/normalized`.
//! 5. y = e r.
//!
//! Under a mask, elements that take no part are replaced by the first of their row before step 1, and their e is zero in step 3.
//!
//! **Cost.** n - 1 comparisons and selections, a comparison, five squares, a selection and a product for each element; for each row the
//! reciprocal.
//! **Error.** That of five squarings: the sum is too small and the largest element's share too large. It is worst for one large element against many
//! equal ones: 6.9e-3 for rows of 2, 2.8e-2 for 8, 0.109 for 128 (at -5.36), 0.171 for 512 (at -6.48). 0.172 is claimed, for rows of up to
//! 512 elements.
//! **Domain.** x - m in [-64, 0], see `exp/puma`.
//! **Privacy.** Comparison, selection, squares, products, the masked opening: every message is uniform.
//! **Source.** PUMA (Dong et al., arXiv 2307.12533 v1), softmax.

use super::exp::with_less;
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::exp::puma;
use crate::nonlinear::{
    Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, SoftmaxInputs,
    Truth, texts,
};
use std::sync::LazyLock;

/// Subtracted with the maximum.
const EPSILON: f64 = 1e-6;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "softmax/puma".into(),
    function: Function::SOFTMAX,
    summary: "maximum by a tree, exp clipped at -14 with five squarings, one reciprocal for each row".into(),
    source: "PUMA (arXiv 2307.12533 v1), softmax; the reciprocal, which it does not print, ours".into(),
    reading: Reading::AsPrinted,
    // The 1e-6 are subtracted too.
    interval: PerRow::of(|_| Interval { low: -64.0, high: 0.0, of: "the elements less the largest of their row".into() }),
    error: ErrorClaim { absolute: 0.172, relative: 0.0, truth: Truth::Softmax },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::Linear { fixed: 20, per_halving: 8 }),
        bits: None,
        holds: true,
        remark: "maximum 8 for each halving, exp 8 (its squares beside the comparison), reciprocal 11, product 1, for rows of more than two".into(),
    }],
    fails: vec![],
    known: texts(&[
        "one element against 511 that are 6.5 less gets a share of 0.73 where 0.56 is right, because five squarings lose small exponentials",
        "the 1e-6 encodes to 0 at 16 and 18 fraction bits",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::softmax(build)));

/// Softmax of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: SoftmaxInputs) -> Secret {
    with_less(c, inputs, &puma::PROTOCOL, CARD.interval.at(1), EPSILON)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn one_large_element_against_many_equal_ones_is_worst_and_as_stated() {
        for (n, at, stated) in
            [(2, -2.364, 6.95e-3), (8, -3.255, 2.824e-2), (128, -5.355, 0.1092), (512, -6.477, 0.1713)]
        {
            let row: Vec<f64> = (0..n).map(|i| if i == 0 { 0.0 } else { at }).collect();
            let truth = 1.0 / (1.0 + (n - 1) as f64 * f64::exp(at));
            let error = (testing::map(&PROTOCOL, &row)[0] - truth).abs();
            assert!(error <= CARD.error.absolute && (error / stated - 1.0).abs() < 0.01, "{n}: {error:e}");
        }
    }
}
