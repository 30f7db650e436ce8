//! `max/histogram`: about the largest element of each row in two rounds, by counting who is how high (ours).
//!
//! 1. level = the largest multiple of 2 that is not above the largest element, or one less, by [`Levels`]: each element is opened behind a mask once and tells in
//!    shares which of 128 levels it is at; counts of a row and one small look-up for each level tell which is the highest that is not empty.
//!
//! It is for whoever needs a number that is about as large as the largest and the same for the whole row, as every softmax does: what is
//! subtracted cancels.
//!
//! **Cost.** One opening of 24 bit each way for each element at 16 fraction bits; for each row 127 openings of the bits that count n elements. Two rounds, where the tree needs 8
//! for each halving. Offline 128 words of as many bits for each element, and a table for each level of each row.
//! **Error.** The largest element is from 0 to 4 above the result.
//! **Domain.** [-126, 127.99]. Outside of it an element is counted at another level, and the result is nonsense.
//! **Privacy.** Masked openings: every message is uniform.
//! **Source.** Ours; look-ups as in Ishai et al. (TCC 2013).

use crate::circuit::{Circuit, Levels, Secret};
use crate::nonlinear::{
    Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth, texts,
};
use std::borrow::Cow;
use std::sync::LazyLock;

/// The levels.
pub const LEVELS: Levels = Levels { index_bits: 7, step_exponent: 1 };

/// How far the largest element may be above the result.
pub const BELOW: f64 = 4.0;

/// The interval of the elements.
pub const DOMAIN: Interval = Interval { low: -126.0, high: 127.99, of: Cow::Borrowed("the elements") };

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "max/histogram".into(),
    function: Function::MAX,
    summary: "to within 4 below, by counting at 128 levels: two rounds whatever the row".into(),
    source: "ours; look-ups of Ishai et al. (TCC 2013)".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| DOMAIN),
    error: ErrorClaim { absolute: BELOW, relative: 0.0, truth: Truth::Max },
    claims: [Setting::LEAN, Setting::PUBLISHED]
        .into_iter()
        .map(|setting| CostClaim {
            by: "viewless".into(),
            setting,
            rounds: Some(Rounds::fixed(2)),
            bits: None,
            holds: true,
            remark: "the elements, then the counts".into(),
        })
        .collect(),
    fails: vec![],
    known: texts(&[
        "the result is not the largest element: it is up to 4 below it",
        "a table is dealt for each level of each row, of twice as many entries as the row has elements about",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// About the largest of each row; the last axis has length 1 then. The guard bits are those of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    c.claim_domain(x, DOMAIN.low, DOMAIN.high);
    c.level(x, LEVELS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    laws! {
        fn a_level_is_less_than_four_below_the_largest(row: Vec<i16>) -> bool {
            let row: Vec<f64> = row.iter().map(|&x| f64::from(x) / 262.0).collect();
            let Some(largest) = row.iter().copied().reduce(f64::max) else { return true };
            let level = testing::map(&PROTOCOL, &row)[0];
            level <= largest && largest < level + BELOW && level % 2.0 == 0.0
        }
    }
}
