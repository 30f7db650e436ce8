//! `max/tree`: the largest element of each row, by halving.
//!
//! While a row has more than one element:
//! 1. Split it into two halves a and b; an odd last element waits for the next step.
//! 2. bit = `[a < b]`.
//! 3. Keep a + bit (b - a), and the odd element.
//!
//! **Cost.** ceil(log2 n) times a comparison and a selection; n - 1 of each in all.
//! **Error.** None: elements are kept as they are.
//! **Domain.** Differences must fit the comparison's word; [-2^20, 2^20] is far inside for up to 40 fraction bits.
//! **Privacy.** Comparison and selection: every message is uniform.
//! **Source.** CrypTen (Knott et al., NeurIPS 2021), Appendix C, tree reduction. Its code does ln n halving steps, compares
//! what is left pairwise, and finds the position of the maximum as well.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "max/tree".into(),
    function: Function::MAX,
    summary: "halving: one comparison and one selection for each level".into(),
    source: "CrypTen (NeurIPS 2021) Appendix C".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| Interval { low: -1_048_576.0, high: 1_048_576.0, of: "the elements".into() }),
    error: ErrorClaim { absolute: 0.0, relative: 0.0, truth: Truth::Max },
    claims: vec![
        CostClaim {
            by: "viewless".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::Linear { fixed: 0, per_halving: 9 }),
            bits: Some(Bits::Linear { per_element: 3456 + 256, per_row: -(3456 + 256), per_column: 0 }),
            holds: true,
            remark: "n - 1 comparisons and selections".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::LEAN,
            rounds: Some(Rounds::Linear { fixed: 0, per_halving: 8 }),
            bits: Some(Bits::Linear { per_element: 504 + 130, per_row: -(504 + 130), per_column: 0 }),
            holds: true,
            remark: "n - 1 comparisons and selections".into(),
        },
    ],
    fails: vec![],
    known: texts(&["CrypTen's own maximum takes 99 rounds at n = 512 where the tree takes 81"]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// The largest element of each row; the last axis has length 1 then. The guard bits are those of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let axis = c.last_axis(x);
    let mut row = x;
    while c.row_length(row) > 1 {
        let length = c.row_length(row);
        let half = length / 2;
        let a = c.slice(row, axis, 0, half);
        let b = c.slice(row, axis, half, half);
        let bit = c.less(a, b);
        let difference = c.sub(b, a);
        let selected = c.select(bit, difference);
        let kept = c.add(a, selected);
        row = if length.is_multiple_of(2) {
            kept
        } else {
            let odd = c.slice(row, axis, length - 1, 1);
            c.concat(&[kept, odd], axis)
        };
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    laws! {
        fn the_largest_element_of_any_row_is_found(row: Vec<i32>) -> bool {
            let row: Vec<f64> = row.iter().map(|&x| f64::from(x) / 65536.0).collect();
            row.is_empty() || testing::map(&PROTOCOL, &row) == [row.iter().copied().fold(f64::MIN, f64::max)]
        }
    }
}
