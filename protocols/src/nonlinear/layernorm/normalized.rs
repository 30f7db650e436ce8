//! `layernorm/normalized`: layer normalisation over a wide range of variances in few rounds (ours).
//!
//! 1. mean = 1/n sum of x; centred = x - mean.
//! 2. S = sum of centred^2 + n epsilon.
//! 3. r = 1 / sqrt(S), by `rsqrt/normalized`.
//! 4. y = gamma sqrt(n) centred r + beta.
//!
//! **Cost.** One square and two products for each element, 12 comparisons, an opening and two products for each row; 14 rounds with
//! the carry tree.
//! **Error.** That of `rsqrt/normalized`, 1.2e-6 relative; rounding adds 2^-11 relative where S is 1/64.
//! **Domain.** S in [4^-3, 4^10]: with n = 768 a variance from 2e-5 to 1365.
//! **Privacy.** Comparison, squares, products, the masked opening: every message is uniform.
//! **Source.** Ours; see [`rsqrt::normalized`](crate::nonlinear::rsqrt::normalized).

use super::{SUM_OF_SQUARES, centred_with_sum_of_squares, scaled_and_offset};
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::rsqrt::normalized::{EXPONENTS, domain, over};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, LayerNormInputs, PerRow, Protocol, Reading, Rounds, Setting,
    Truth, texts,
};
use std::sync::LazyLock;

/// Guard bits of the sum of squares and of the inverse standard deviation.
const GUARD_BITS: i8 = 4;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "layernorm/normalized".into(),
    function: Function::LAYERNORM,
    summary: "inverse root by a power of four and one trigonometric sum".into(),
    source: "ours; opening of SecFormer (arXiv 2401.00793) Algorithm 4 with a Fourier extension".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| domain(SUM_OF_SQUARES)),
    error: ErrorClaim { absolute: 0.0, relative: 1.2e-6, truth: Truth::LayerNorm },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::fixed(14)),
        bits: Some(Bits::Linear {
            per_element: 384,
            per_row: 12 * (504 + 2) + 2 * 23 + 2 * 256 + 128,
            per_column: 128,
        }),
        holds: true,
        remark: "square 1, inverse root 11, two products".into(),
    }],
    fails: vec![],
    known: texts(&["the inverse root wraps with probability 2^-12 for each row under local truncation, use exact"]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::layer_norm(build)));

/// Layer normalisation of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    let n = c.row_length(inputs.x) as f64;
    let (centred, sum_of_squares) = centred_with_sum_of_squares(c, &inputs, GUARD_BITS);
    let domain = domain(SUM_OF_SQUARES);
    c.claim_domain(sum_of_squares, domain.low, domain.high);
    let root = over(c, sum_of_squares, EXPONENTS.0, EXPONENTS.1);
    let inverse_deviation = c.scale_to(root, n.sqrt(), GUARD_BITS);
    scaled_and_offset(c, &inputs, centred, inverse_deviation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::layernorm::tests::relative_error;

    #[test]
    fn the_error_is_claimed_on_the_domain() {
        for n in [8, 768] {
            for sum_of_squares in [0.016, 1.0, 10.0, 768.0, 49_882.0, 1_048_000.0] {
                let error = relative_error(&PROTOCOL, n, sum_of_squares);
                assert!(error <= CARD.error.relative, "{n} {sum_of_squares}: {error:e}");
            }
        }
    }
}
