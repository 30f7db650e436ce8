//! `softmax/puma-as-in-secformer-code`: what SecFormer's efficiency code runs and counts as PUMA's softmax.
//!
//! 1. m = largest element of the row, by `max/crypten`, its position included.
//! 2. c0 = [x < 1e-14], which encodes to 0; e = c0 + (1 - c0) exp(x), by `exp/crypten`: 1 for every negative x.
//! 3. u = e - m - 1e-6, where 1e-6 encodes to 0 at 16 fraction bits: the maximum is subtracted after the exponential.
//! 4. S = sum of u; y = u / S, by `reciprocal/newton-signed` once for each row.
//!
//! PUMA subtracts the maximum first, and its exponential is 0 below -14: see `softmax/puma`.
//!
//! Under a mask, elements that take no part are replaced by the first of their row before step 1, and their u is zero in step 4. (The code
//! has no mask.)
//!
//! **Cost.** As published volumes show: `max/crypten`, a comparison, 8 squares and two products for each element, `reciprocal/newton-signed`
//! for each row: for rows of 512 155 rounds and 1797.0625 byte for each element.
//! **Error.** It is no softmax. On its domain, where no u is negative, it gives shares between 0 and 1, and the error is below 1: that is all.
//! For the row (1, 0, ..., 0) of 128 it gives 1 where softmax gives 0.021.
//! **Domain.** Elements in [0, 1], row sums of u in [0.01, 100], which rows of more than 58 elements can leave: 128 ones have a sum of 220, on
//! which the reciprocal diverges now and then, and the output errs by hundreds of millions.
//! **Privacy.** Comparison, equality, selection, squares and products: every message is uniform.
//! **Source.** SecFormer's repository at 4c1db49, `efficiency/utils.py`, `puma_softmax`.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, SoftmaxInputs, Truth, exp, max, reciprocal, texts,
};
use std::sync::LazyLock;

/// Threshold of the selection.
const THRESHOLD: f64 = 1e-14;
/// Subtracted with the maximum.
const EPSILON: f64 = 1e-6;

/// The elements of which something is claimed.
const ELEMENTS: (f64, f64) = (0.0, 1.0);

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "softmax/puma-as-in-secformer-code".into(),
    function: Function::SOFTMAX,
    summary: "1 or exp(x) by the sign of x, less the maximum, over its row sum".into(),
    source: "SecFormer's repository at 4c1db49, efficiency/utils.py, puma_softmax".into(),
    reading: Reading::AsBenchmarked,
    interval: PerRow::of(|_| Interval {
        of: "the row sum of u, for elements in [0, 1]".into(),
        ..reciprocal::newton_signed::CARD.interval.at(1)
    }),
    error: ErrorClaim { absolute: 1.0, relative: 0.0, truth: Truth::Softmax },
    claims: vec![CostClaim {
        by: "SecFormer, Table 3 (67.837 GB for BERT-base); its code, measured for rows of 16 to 512".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::OfRow {
            at: PerRow::of(rounds),
            formula: "10 int(ln n) + ceil(log2(k - 1)) + 92, k = n halved int(ln n) times".into(),
        }),
        bits: Some(Bits::OfRow {
            at: PerRow::of(bits),
            formula: "13952 n + 3712 k^2 - 4224 k + 13568, k = n halved int(ln n) times".into(),
        }),
        holds: true,
        remark: "maximum, comparison 8 rounds, exp 8, product 1, reciprocal 38, product 1; at n = 512 155 rounds and 1797.0625 byte for each \
                 element".into(),
    }],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "it is no softmax: the exponential is taken before the maximum is subtracted, and is 1 for every negative score; the row (1, 0, \
              ..., 0) of 128 gives 1 where softmax gives 0.021".into(),
    }],
    known: texts(&[
        "PUMA's selection at -14 stands at 1e-14 here, and keeps 1 there instead of 0",
        "PUMA's exponential has 5 squarings; here it has CrypTen's 8",
        "the comparison is paid for though PUMA's own code runs between three parties, at another cost",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::softmax(build)));

fn rounds(row_length: usize) -> u64 {
    max::crypten::rounds(row_length) + 8 + 8 + 1 + 38 + 1
}

fn bits(row_length: usize) -> i64 {
    max::crypten::bits(row_length) + row_length as i64 * (3456 + 1024 + 256 + 128) + 8832 + 128
}

/// What the code makes of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, SoftmaxInputs { x, mask }: SoftmaxInputs) -> Secret {
    let guard_bits = c.guard_bits(x);
    let x = mask.map_or(x, |mask| mask.fill(c, x));
    c.claim_domain(x, ELEMENTS.0, ELEMENTS.1);
    let largest = max::crypten::PROTOCOL.build(c, x);
    let below = c.less_than(x, THRESHOLD);
    let exponential = exp::crypten::PROTOCOL.build(c, x);
    let at_least = c.not(below);
    let selected = c.select(at_least, exponential);
    let ones = c.real(below, guard_bits);
    let exponential = c.add(ones, selected);
    let difference = c.sub(exponential, largest);
    let numerator = c.offset(difference, -EPSILON);
    let numerator = mask.map_or(numerator, |mask| mask.keep(c, numerator));
    let sum = c.sum(numerator, c.last_axis(x));
    let reciprocal = reciprocal::newton_signed::PROTOCOL.build(c, sum);
    c.mul(numerator, reciprocal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    /// Rounds and bytes for each element, measured in CrypTen 0.4.1.
    #[test]
    fn the_formulas_give_the_measured_costs() {
        for (n, measured_rounds, measured_bytes) in [
            (16, 114, 2182.0),
            (32, 124, 1963.0),
            (64, 134, 1853.5),
            (128, 135, 1956.25),
            (256, 145, 1850.125),
            (512, 155, 1797.0625),
        ] {
            assert_eq!((rounds(n), bits(n) as f64 / 8.0 / n as f64), (measured_rounds, measured_bytes), "{n}");
        }
    }

    #[test]
    fn it_is_no_softmax() {
        let mut row = [0.0; 128];
        row[0] = 1.0;
        let found = testing::map(&PROTOCOL, &row);
        assert!((found[0] - 1.0).abs() < 2e-4 && f64::exp(1.0) / (f64::exp(1.0) + 127.0) < 0.0211);
        // Of negative scores all count alike, however far apart they are.
        let negative = testing::map(&PROTOCOL, &[-1.0, -8.0]);
        assert!((negative[0] - 0.5).abs() < 1e-6 && (negative[1] - 0.5).abs() < 1e-6);
    }
}
