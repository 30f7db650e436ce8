//! `softmax/shaft`: SHAFT's softmax as the end of a differential equation, without maximum and without division.
//!
//! 1. Clip x to [-4, 12]: both overshoots by one comparison and one selection.
//! 2. y = 1/n for every element; u = x / 16.
//! 3. 16 times: y += (u - <u, y>) y, with <u, y> the sum of u y over the row.
//!
//! The start is public; CrypTen shares it, and pays for its products as for any. Here it is made of x - x + 1/n, so that the first step costs what
//! it costs there.
//!
//! Under a mask, the start is zero where an element takes no part, and stays so; elsewhere it is 1 over the number of those that do. (The code
//! has no mask.)
//!
//! **Cost.** 9 + 2 x 16 = 41 rounds; 2 x 464 + 16 x 64 = 1952 byte for each element: 0.2383 MB for a row of 128, as SHAFT states, in units of 2^20
//! byte.
//! **Error.** Inside the clip the sixteen steps grow a lead of z by (1 + z/16)^16 instead of e^z: at most 0.0075 for rows of 2, 0.019 for 8,
//! 0.141 for 128, 0.245 for 512, found by search. Every step keeps y a distribution, because u spans 1. 0.26 is claimed, for rows of up to
//! 512 elements.
//! **Domain.** Elements in [-4, 12]. Scores beyond are clipped: (20, 15) gives (0.5, 0.5) where softmax gives (0.993, 0.007).
//! **Privacy.** Comparison, selection, products: every message is uniform.
//! **Source.** SHAFT (NDSS 2025); its repository at 3ceb0ee, `crypten/common/functions/approximations.py`, `softmax` with `configs/default.yaml`;
//! the equation is that of Zheng et al. (ACSAC 2023).

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, SoftmaxInputs, Truth, texts,
};
use crate::shape::Shape;
use std::sync::LazyLock;

/// Steps; their number's logarithm to base 2 is the shift that divides by it.
const STEPS: usize = 16;
const LOG_STEPS: i8 = 4;
/// The interval to which scores are clipped.
const CLIP: (f64, f64) = (-4.0, 12.0);

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "softmax/shaft".into(),
    function: Function::SOFTMAX,
    summary: "16 steps of a differential equation after clipping to [-4, 12]".into(),
    source: "SHAFT (NDSS 2025); its repository at 3ceb0ee, crypten/common/functions/approximations.py, softmax".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| Interval { low: CLIP.0, high: CLIP.1, of: "the elements".into() }),
    error: ErrorClaim { absolute: 0.26, relative: 0.0, truth: Truth::Softmax },
    claims: vec![CostClaim {
        by: "SHAFT: 41 rounds, 0.2383 MB for a row of 128".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(41)),
        bits: Some(Bits::per_element(2 * (3456 + 256) + 16 * 512)),
        holds: true,
        remark: "clip 9 rounds, two for each step; 1952 byte for each element, online only, and a MB of 2^20 byte"
            .into(),
    }],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "scores beyond [-4, 12] are clipped: (20, 15) gives (0.5, 0.5) where softmax gives (0.993, 0.007)".into(),
    }],
    known: texts(&[
        "scores that are all below -4 give a uniform row, and so do those that are all above 12",
        "inside the clip the error grows with the row: 0.019 for 8 elements, 0.141 for 128, 0.245 for 512",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::softmax(build)));

/// Softmax of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, SoftmaxInputs { x, mask }: SoftmaxInputs) -> Secret {
    let (axis, guard_bits) = (c.last_axis(x), c.guard_bits(x));
    let x = mask.map_or(x, |mask| mask.fill(c, x));
    let domain = CARD.interval.at(c.row_length(x));
    c.claim_domain(x, domain.low, domain.high);
    let clipped = clip(c, x);
    let u = c.shift(clipped, -LOG_STEPS);
    let u = c.precision(u, guard_bits);
    let zero = c.sub(x, x);
    let start = c.offset(zero, 1.0 / c.row_length(x) as f64);
    let mut y = mask.map_or(start, |mask| {
        let part = mask.keep(c, start);
        mask.per_part(c, part)
    });
    for _ in 0..STEPS {
        let products = c.mul(y, u);
        let mean = c.sum(products, axis);
        let lead = c.sub(u, mean);
        let step = c.mul(lead, y);
        y = c.add(y, step);
    }
    y
}

/// Step 1.
fn clip(c: &mut Circuit, x: Secret) -> Secret {
    let shape = c.shape(x).clone();
    let stacked: Shape = std::iter::once(1).chain(shape.axes().iter().copied()).collect();
    let above = c.offset(x, -CLIP.1);
    let below = c.subtract_from(CLIP.0, x);
    let parts = [above, below].map(|part| c.reshape(part, stacked.clone()));
    let overshoots = c.concat(&parts, 0);
    let negative = c.less_than(overshoots, 0.0);
    let positive = c.not(negative);
    let overshoots = c.select(positive, overshoots);
    let [above, below] = [0, 1].map(|part| {
        let overshoot = c.slice(overshoots, 0, part, 1);
        c.reshape(overshoot, shape.clone())
    });
    let raised = c.add(x, below);
    c.sub(raised, above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    fn error(row: &[f64]) -> f64 {
        let sum: f64 = row.iter().map(|x| x.exp()).sum();
        let found = testing::map(&PROTOCOL, row);
        row.iter().zip(found).map(|(x, y)| (y - x.exp() / sum).abs()).fold(0.0, f64::max)
    }

    /// Rows of three levels found by search: the first element, as many of the second as stated, the third for the rest.
    #[test]
    fn the_worst_rows_found_err_as_stated() {
        for (n, levels, second, stated) in [
            (2, [-0.746, -3.613, -3.613], 1, 7.41e-3),
            (128, [12.0, 7.063, 1.18], 69, 0.1409),
            (512, [11.98, 4.931, -2.474], 483, 0.2450),
        ] {
            let row: Vec<f64> =
                (0..n).map(|i| if i == 0 { levels[0] } else { levels[if i <= second { 1 } else { 2 }] }).collect();
            let error = error(&row);
            assert!(error <= CARD.error.absolute && (error / stated - 1.0).abs() < 0.01, "{n}: {error}");
        }
    }

    #[test]
    fn every_row_is_a_distribution_also_beyond_the_clip() {
        let row: Vec<f64> = (0..128).map(|i| 40.0 * libm::sin(f64::from(i) * 1.7)).collect();
        let y = testing::map(&PROTOCOL, &row);
        assert!(y.iter().all(|&y| y >= 0.0) && (y.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn two_large_scores_are_told_apart_no_more() {
        assert_eq!(testing::map(&PROTOCOL, &[20.0, 15.0]), [0.5, 0.5]);
        assert_eq!(testing::map(&PROTOCOL, &[-5.0, -9.0]), [0.5, 0.5]);
        assert!((error(&[20.0, 15.0]) - 0.4933).abs() < 1e-4);
    }
}
