//! `softmax/crypten`: softmax as CrypTen's code computes it.
//!
//! 1. m = largest element of the row, by `max/crypten`, its position included.
//! 2. e = exp(x - m), by `exp/crypten`.
//! 3. S = sum of e.
//! 4. r = 1 / S, by `reciprocal/newton`: S is known to be positive.
//! 5. y = e r.
//!
//! Under a mask, elements that take no part are replaced by the first of their row before step 1, and their e is zero in step 3. (The code
//! has no mask.)
//!
//! **Cost.** That of `max/crypten`, 8 squares and a product for each element, a reciprocal for each row: for rows of 512 136 rounds and
//! 1332.09375 byte for each element; 89 percent of the bytes are the maximum's.
//! **Error.** That of `softmax/exp`, 2.2e-2 for rows of up to 512 elements over the reals. At 16 fraction bits x / 256 is rounded by up to
//! half a unit, which the power turns into 2^-9, and the reciprocal of a large sum errs by percents.
//! **Domain.** S in [1, 100], where the reciprocal is right. A row of more than 100 elements leaves it when most are near the largest,
//! and from S = 254 on the reciprocal diverges: rows of 512 equal scores have no softmax in CrypTen.
//! **Privacy.** Comparison, equality, selection, squares and products: every message is uniform.
//! **Source.** CrypTen's code, `common/functions/approximations.py`, `softmax`; what SecFormer (arXiv 2401.00793, Table 3) and MPCFormer
//! (ICLR 2023, Table 1) count as CrypTen's.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, SoftmaxInputs, Truth, exp, max, reciprocal, texts,
};
use std::sync::LazyLock;

/// What the domain is about.
const ROW_SUM: &str = "the row sum of e^(x - maximum)";

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "softmax/crypten".into(),
    function: Function::SOFTMAX,
    summary: "CrypTen's maximum with its position, exp, one reciprocal for each row".into(),
    source: "CrypTen's code at 775868a: common/functions/approximations.py, softmax".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| Interval { low: 1.0, high: 100.0, of: ROW_SUM.into() }),
    error: ErrorClaim { absolute: 2.2e-2, relative: 0.0, truth: Truth::Softmax },
    claims: vec![CostClaim {
        by: "CrypTen, measured for rows of 16 to 512; SecFormer, Table 3 (50.285 GB for BERT-base)".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::OfRow {
            at: PerRow::of(rounds),
            formula: "10 int(ln n) + ceil(log2(k - 1)) + 73, k = n halved int(ln n) times".into(),
        }),
        bits: Some(Bits::OfRow {
            at: PerRow::of(bits),
            formula: "10240 n + 3712 k^2 - 4224 k + 9600, k = n halved int(ln n) times".into(),
        }),
        holds: true,
        remark: "maximum, then exp 8 rounds, reciprocal 28, product 1; at n = 512 136 rounds and 1332.09375 byte for each element".into(),
    }],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "rows of 254 or more equal elements diverge in the reciprocal: 512 equal scores give no softmax".into(),
    }],
    known: texts(&[
        "it finds the position of the maximum and drops it: 17 of 136 rounds and 641 of 1332 byte at n = 512",
        "its reciprocal is right for row sums up to 100 only, and diverges from 254 on",
        "the error over the reals grows with the row: 8.6e-4 for 2 elements, 1.3e-2 for 128, 2.1e-2 for 512",
        "adding -10000 to a score instead of a mask leaves the domain of exp and explodes",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::softmax(build)));

fn rounds(row_length: usize) -> u64 {
    max::crypten::rounds(row_length) + 8 + 28 + 1
}

fn bits(row_length: usize) -> i64 {
    max::crypten::bits(row_length) + row_length as i64 * (1024 + 128) + 4864 + 128
}

/// Softmax of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: SoftmaxInputs) -> Secret {
    after(c, inputs, &max::crypten::PROTOCOL)
}

/// The same after a maximum of the caller's choice.
pub(super) fn after(c: &mut Circuit, SoftmaxInputs { x, mask }: SoftmaxInputs, maximum: &Protocol) -> Secret {
    let x = mask.map_or(x, |mask| mask.fill(c, x));
    let largest = maximum.build(c, x);
    let difference = c.sub(x, largest);
    let exponential = exp::crypten::PROTOCOL.build(c, difference);
    let exponential = mask.map_or(exponential, |mask| mask.keep(c, exponential));
    let sum = c.sum(exponential, c.last_axis(x));
    let domain = CARD.interval.at(c.row_length(x));
    c.claim_domain(sum, domain.low, domain.high);
    let reciprocal = reciprocal::newton::PROTOCOL.build(c, sum);
    c.mul(exponential, reciprocal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    /// Rounds and bytes for each element, measured in CrypTen 0.4.1.
    #[test]
    fn the_formulas_give_the_measured_costs() {
        for (n, measured_rounds, measured_bytes) in [
            (16, 95, 1687.0),
            (32, 105, 1483.5),
            (64, 115, 1381.75),
            (128, 116, 1488.375),
            (256, 126, 1384.1875),
            (512, 136, 1332.09375),
        ] {
            assert_eq!((rounds(n), bits(n) as f64 / 8.0 / n as f64), (measured_rounds, measured_bytes), "{n}");
        }
    }

    #[test]
    fn rows_whose_sums_stay_small_are_right_and_long_flat_rows_diverge() {
        for n in [1, 2, 7, 60] {
            for spread in [0.0, 0.5, 2.0, 5.0] {
                let row: Vec<f64> = (0..n).map(|i| spread * libm::sin(i as f64 * 1.7)).collect();
                let sum: f64 = row.iter().map(|x| x.exp()).sum();
                for (x, y) in row.iter().zip(testing::map(&PROTOCOL, &row)) {
                    assert!((y - x.exp() / sum).abs() <= CARD.error.absolute);
                }
            }
        }
        assert!((testing::map(&PROTOCOL, &[0.0; 250])[0] * 250.0 - 1.0).abs() < 1e-6);
        for n in [254, 512] {
            assert!(testing::map(&PROTOCOL, &vec![0.0; n]).iter().all(|y| y.is_nan() || y.abs() > 1.0));
        }
    }
}
