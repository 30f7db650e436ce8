//! `layernorm/normalized-wide`: `layernorm/normalized` over all variances that the ring holds (ours).
//!
//! 1. mean = 1/n sum of x; centred = x - mean.
//! 2. S = sum of centred^2 + n epsilon, with 8 guard bits.
//! 3. r = 1 / sqrt(S), as `rsqrt/normalized` over more powers of four, with 16 guard bits.
//! 4. y = gamma sqrt(n) centred r + beta.
//!
//! Trained GPT-2 models carry activations of about 3,000 in one channel at the first position (arXiv 2402.17762), S = 9e6; embeddings of small
//! variance have S below 1/64. Both are outside of `layernorm/normalized`.
//!
//! **Cost.** One square and two products for each element, 20 comparisons, an opening and two products for each row: 8 comparisons more for a
//! row than `layernorm/normalized`, 4048 bit, which is 1.3 percent of a row of 768; as many rounds.
//! **Error.** That of `rsqrt/normalized`, 1.2e-6 relative; rounding of S adds 2^-11 relative where S is 2^-14. What a row of so small a variance
//! loses when it is encoded is more: with n = 768 its elements are 4 units of 16 fraction bits.
//! **Domain.** S in [4^-7, 4^14] = [6.1e-5, 2.7e8]. Squares are summed at 32 fraction bits, of which the ring has room for 30 bits above. A row
//! of variance zero gives beta: with n epsilon of 6.1e-5 or more inside the domain, with BERT's epsilon of 1e-12 outside, since S is 0.
//! **Privacy.** Comparison, squares, products, the masked opening: every message is uniform.
//! **Source.** Ours; see [`rsqrt::normalized`](crate::nonlinear::rsqrt::normalized).

use super::{SUM_OF_SQUARES, centred_with_sum_of_squares, scaled_and_offset};
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::rsqrt::normalized::over_with;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, LayerNormInputs, PerRow, Protocol, Reading, Rounds,
    Setting, Truth, texts,
};
use std::borrow::Cow;
use std::sync::LazyLock;

/// Exponents of four at the ends of the domain.
const EXPONENTS: (i8, i8) = (-7, 14);
/// Guard bits of the sum of squares: with the 34 fraction bits of 4^-13 a product has 60 bits.
const SUM_GUARD_BITS: i8 = 8;
/// Guard bits of the inverse root.
const ROOT_GUARD_BITS: i8 = 16;
/// Guard bits of the inverse standard deviation, which is up to 2^7 sqrt(n).
const DEVIATION_GUARD_BITS: i8 = 12;

const fn domain() -> Interval {
    Interval { low: 0.000_061_035_156_25, high: 268_435_456.0, of: Cow::Borrowed(SUM_OF_SQUARES) }
}

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "layernorm/normalized-wide".into(),
    function: Function::LAYERNORM,
    summary: "inverse root by one of 21 powers of four and one trigonometric sum".into(),
    source: "ours; opening of SecFormer (arXiv 2401.00793) Algorithm 4 with a Fourier extension".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| domain()),
    error: ErrorClaim { absolute: 0.0, relative: 1.2e-6, truth: Truth::LayerNorm },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::fixed(14)),
        bits: Some(Bits::Linear {
            per_element: 384,
            per_row: 20 * (504 + 2) + 2 * 23 + 2 * 256 + 128,
            per_column: 128,
        }),
        holds: true,
        remark: "square 1, inverse root 11, two products".into(),
    }],
    fails: vec![],
    known: texts(&[
        "the inverse root wraps with probability 2^-6 for each row under local truncation, use exact",
        "a row of variance zero is right, but outside of the domain where n epsilon is below 6.1e-5",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::layer_norm(build)));

/// Layer normalisation of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    let n = c.row_length(inputs.x) as f64;
    let (centred, sum_of_squares) = centred_with_sum_of_squares(c, &inputs, SUM_GUARD_BITS);
    let domain = domain();
    c.claim_domain(sum_of_squares, domain.low, domain.high);
    let root = over_with(c, sum_of_squares, EXPONENTS.0, EXPONENTS.1, ROOT_GUARD_BITS);
    let inverse_deviation = c.scale_to(root, n.sqrt(), DEVIATION_GUARD_BITS);
    scaled_and_offset(c, &inputs, centred, inverse_deviation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{layernorm::tests::row_with_sum_of_squares, testing};

    #[test]
    fn the_error_is_claimed_on_the_domain() {
        for n in [8, 768] {
            for sum_of_squares in [6.2e-5, 0.016, 1.0, 768.0, 1_048_000.0, 9e6, 2.6e8] {
                let x = row_with_sum_of_squares(sum_of_squares, n);
                let (gamma, beta) = (vec![1.0; n], vec![0.0; n]);
                let truth = testing::layer_norm_truth(&x, &gamma, &beta, 1e-12);
                let found = testing::layer_norm(&PROTOCOL, &x, &gamma, &beta, 1e-12);
                let error = found.iter().zip(truth).map(|(y, t)| ((y - t) / t).abs()).fold(0.0, f64::max);
                assert!(error <= CARD.error.relative, "{n} {sum_of_squares}: {error:e}");
            }
        }
    }
}
