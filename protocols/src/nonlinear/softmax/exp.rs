//! `softmax/exp`: softmax itself, by maximum, exponential and one reciprocal for each row.
//!
//! 1. m = largest element of the row, by `max/tree`.
//! 2. e = exp(x - m), by `exp/limit`.
//! 3. S = sum of e, in [1, n]: the largest element contributes exactly 1, the others at most 1.
//! 4. r = 1 / S, by `reciprocal/normalized` on [1, n] rounded up to a power of two: ceil(log2 n) - 1 comparisons.
//! 5. y = e r.
//!
//! Under a mask, elements that take no part are replaced by the first of their row before step 1, and their e is zero in step 3.
//!
//! **Cost.** n - 1 comparisons and selections, 8 squares and a product for each element; for each row the reciprocal.
//! **Error.** exp is too small by the factor 1 - z^2 / 512 about, so S is too small and the largest element's share too large. It
//! is worst for one large element against many equal ones whose sum is as large: 8.6e-4 for rows of 2, 1.34e-2 for 128 (at
//! z = -5.6), 2.10e-2 for 512 (at z = -6.8), 3.6e-2 for 4096. 2.2e-2 is claimed, for rows of up to 512 elements. (The card
//! claimed 2e-3 until an audit found such a row.)
//! **Domain.** x - m in [-256, 0], below which the limit rises again.
//! **Privacy.** Comparison, selection, squares, products, the masked opening: every message is uniform.
//! **Source.** Textbook; maximum and limit as in CrypTen (NeurIPS 2021), Appendix C, the reciprocal ours.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::exp::limit;
use crate::nonlinear::reciprocal::normalized;
use crate::nonlinear::{
    Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, SoftmaxInputs,
    Truth, max, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "softmax/exp".into(),
    function: Function::SOFTMAX,
    summary: "maximum by a tree, exp as a limit, one normalised reciprocal for each row".into(),
    source: "textbook; CrypTen (NeurIPS 2021) Appendix C for maximum and exp, reciprocal ours".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| Interval {
        low: -256.0,
        high: 0.0,
        of: "the elements less the largest of their row".into(),
    }),
    error: ErrorClaim { absolute: 2.2e-2, relative: 0.0, truth: Truth::Softmax },
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
        "exp runs at 8 guard bits: with local truncation a squaring near 1 wraps with probability 2^-16, use exact",
        "the error grows with the row: 8.6e-4 for 2 elements, 1.3e-2 for 128, 2.1e-2 for 512, 3.6e-2 for 4096",
        "adding -10000 to a score instead of a mask leaves the domain of exp and explodes",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::softmax(build)));

/// Softmax of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: SoftmaxInputs) -> Secret {
    with(c, inputs, &limit::PROTOCOL, CARD.interval.at(1))
}

/// Softmax of each row by some exponential of what the elements lack to their largest, which is in `domain`.
pub(super) fn with(c: &mut Circuit, inputs: SoftmaxInputs, exponential: &Protocol, domain: Interval) -> Secret {
    with_less(c, inputs, exponential, domain, 0.0)
}

/// The same of what they lack and `epsilon` less.
pub(super) fn with_less(
    c: &mut Circuit,
    SoftmaxInputs { x, mask }: SoftmaxInputs,
    exponential: &Protocol,
    domain: Interval,
    epsilon: f64,
) -> Secret {
    let guard_bits = c.guard_bits(x);
    let x = mask.map_or(x, |mask| mask.fill(c, x));
    let largest = max::tree::PROTOCOL.build(c, x);
    let difference = c.sub(x, largest);
    let difference = if epsilon == 0.0 { difference } else { c.offset(difference, -epsilon) };
    c.claim_domain(difference, domain.low, domain.high);
    let exponential = exponential.build(c, difference);
    let exponential = mask.map_or(exponential, |mask| mask.keep(c, exponential));
    let sum = c.sum(exponential, c.last_axis(x));
    let reciprocal = c.region(&normalized::CARD.name, |c| {
        let halvings = c.row_length(x).next_power_of_two().ilog2().max(1);
        let high = i8::try_from(halvings).expect("a row has fewer than 2^64 elements");
        normalized::over(c, sum, 0, high)
    });
    c.mul_to(exponential, reciprocal, guard_bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn rows_of_any_length_are_right_to_the_claimed_error() {
        let mut largest: f64 = 0.0;
        for n in [1, 2, 7, 128, 512] {
            for spread in [0.0, 0.5, 2.0, 5.0, 60.0] {
                let row: Vec<f64> = (0..n).map(|i| spread * libm::sin(i as f64 * 1.7)).collect();
                let sum: f64 = row.iter().map(|x| x.exp()).sum();
                for (x, y) in row.iter().zip(testing::map(&PROTOCOL, &row)) {
                    largest = largest.max((y - x.exp() / sum).abs());
                }
            }
        }
        assert!(largest <= CARD.error.absolute);
    }

    #[test]
    fn one_large_element_against_many_equal_ones_is_worst_and_as_stated() {
        for (n, at, stated) in [(2, -2.395, 8.6e-4), (128, -5.563, 1.34e-2), (512, -6.794, 2.10e-2)] {
            let row: Vec<f64> = (0..n).map(|i| if i == 0 { 0.0 } else { at }).collect();
            let truth = 1.0 / (1.0 + (n - 1) as f64 * f64::exp(at));
            let error = (testing::map(&PROTOCOL, &row)[0] - truth).abs();
            assert!(error <= CARD.error.absolute && (error / stated - 1.0).abs() < 0.01, "{n}: {error:e}");
        }
    }

    #[test]
    fn the_limit_does_not_bear_differences_below_its_domain() {
        let far = testing::map(&PROTOCOL, &[0.0, -700.0]);
        assert!((far[0] - 1.0).abs() > 0.1);
        assert!(testing::map(&PROTOCOL, &[0.0, -510.0])[1] > 0.05);
    }
}
