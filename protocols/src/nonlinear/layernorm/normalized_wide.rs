//! `layernorm/normalized-wide`: `layernorm/normalized` over all variances that the ring holds, and rows of variance zero (ours).
//!
//! 1. mean = 1/n sum of x; centred = x - mean.
//! 2. S = sum of centred^2 + n epsilon, with 8 guard bits.
//! 3. r = sqrt(n / S), as `rsqrt/normalized` over more powers of four, with 16 guard bits; the factor sqrt(n) is in the coefficients of its
//!    series. Where S is that of a row of variance zero, n epsilon and what rounding adds, r = 0.
//! 4. y = gamma centred r + beta.
//!
//! Trained GPT-2 models carry activations of about 3,000 in one channel at the first position (arXiv 2402.17762), S = 9e6; embeddings of small
//! variance have S below 1/64. Both are outside of `layernorm/normalized`.
//!
//! **Cost.** One square and two products for each element, 21 comparisons, an opening and two products for each row: 9 comparisons more for a
//! row than `layernorm/normalized`, 4554 bit, which is 1.5 percent of a row of 768; as many rounds.
//! **Error.** That of `rsqrt/normalized`, 1.2e-6 relative; rounding of S adds 2^-11 relative where S is 2^-14. What a row of so small a variance
//! loses when it is encoded is more: with n = 768 its elements are 18 units of 16 fraction bits, and the mean may be off by one.
//! **Domain.** S in [4^-7, 4^14] = [6.1e-5, 2.7e8], and n epsilon: rows of variance zero, which give beta. Why no more: squares are summed at 32
//! fraction bits, of which exact truncation leaves 30 bits above; an element beyond 2^15 has no square in the ring at all, so more would need
//! another square, not another root. Below 4^-7, elements of a row of 768 are a dozen units, and what is left of them is rounding.
//! **Privacy.** Comparison, squares, products, the masked opening: every message is uniform.
//! **Source.** Ours; see [`rsqrt::normalized`](crate::nonlinear::rsqrt::normalized).

use super::{SUM_OF_SQUARES, centred_with_sum_of_squares, scaled_and_offset};
use crate::circuit::{Apart, Circuit, Secret};
use crate::nonlinear::rsqrt::normalized::multiple_from;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, LayerNormInputs, PerRow, Protocol, Reading, Rounds,
    Setting, Truth, texts,
};
use std::borrow::Cow;
use std::sync::LazyLock;

/// Exponents of four at the ends of the domain.
const EXPONENTS: (i8, i8) = (-7, 14);
/// Guard bits of the sum of squares: with the 30 fraction bits of 4^-13 a product has 56 bits at 16 fraction bits, and 60 at 18.
const SUM_GUARD_BITS: i8 = 8;
/// Guard bits of the inverse standard deviation, which is between 2^-14 sqrt(n) and 2^7 sqrt(n).
const DEVIATION_GUARD_BITS: i8 = 16;
/// What rounding may add to the sum of squares of equal elements: four units of 16 fraction bits for each by the mean, 2^-28 squared, and what
/// is cut off the sum.
const ROUNDING: (f64, f64) = (3.725_290_298_461_914e-9, 2.384_185_791_015_625e-7);

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
            per_row: 21 * (504 + 2) + 2 * 23 + 2 * 256 + 128,
            per_column: 128,
        }),
        holds: true,
        remark: "square 1, inverse root 11, two products".into(),
    }],
    fails: vec![],
    known: texts(&[
        "the inverse root wraps with probability 2^-12 sqrt(n) for each row under local truncation, use exact",
        "a row of variance zero gives beta; so does one whose elements differ from their mean by less than four units of 16 fraction bits, \
         which no run can tell from it",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::layer_norm(build)));

/// Layer normalisation of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    let n = c.row_length(inputs.x) as f64;
    let (centred, sum_of_squares) = centred_with_sum_of_squares(c, &inputs, SUM_GUARD_BITS);
    let domain = domain();
    let constant = n * inputs.epsilon;
    // With a large epsilon a row of variance zero is in the domain like any other.
    let least = (constant < domain.low).then_some((constant + n * ROUNDING.0 + ROUNDING.1).min(domain.low));
    match least {
        Some(most) => {
            c.claim_domain_and(sum_of_squares, domain.low, domain.high, Apart { at: constant, most });
        }
        None => c.claim_domain(sum_of_squares, domain.low, domain.high),
    }
    let inverse_deviation = multiple_from(c, sum_of_squares, EXPONENTS, least, n.sqrt(), DEVIATION_GUARD_BITS);
    scaled_and_offset(c, &inputs, centred, inverse_deviation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::layernorm::tests::relative_error;
    use crate::nonlinear::testing;

    #[test]
    fn the_error_is_claimed_on_the_domain() {
        for n in [8, 768] {
            for sum_of_squares in [6.2e-5, 0.016, 1.0, 768.0, 1_048_000.0, 9e6, 2.6e8] {
                let error = relative_error(&PROTOCOL, n, sum_of_squares);
                assert!(error <= CARD.error.relative, "{n} {sum_of_squares}: {error:e}");
            }
        }
    }

    #[test]
    fn a_row_of_variance_zero_gives_beta_whatever_epsilon() {
        for epsilon in [0.0, 1e-12, 1e-7, 1e-5, 0.1] {
            for x in [0.0, 0.3, -2.5] {
                let beta: Vec<f64> = (0..8).map(f64::from).collect();
                assert_eq!(testing::layer_norm(&PROTOCOL, &[x; 8], &[1.0; 8], &beta, epsilon), beta, "{epsilon} {x}");
            }
        }
    }
}
