//! `layernorm/scales`: layer normalisation without a comparison, its inverse root by sums at three scales (ours).
//!
//! 1. mean = 1/n sum of x; centred = x - mean.
//! 2. S = sum of centred^2 + n epsilon, with 8 guard bits.
//! 3. r = sqrt(n / S), see [`scales`](crate::nonlinear::scales); the factor sqrt(n) is in the coefficients.
//! 4. y = gamma centred r + beta.
//!
//! **Cost.** One square and two products for each element; three openings, two look-ups and two products for each row. Where truncations are free
//! five rounds: square, sums beside look-ups, products of these, and two products.
//! **Error.** The fit, 4e-6 relative; S and the sums are rounded at 22 fraction bits of a scale.
//! **Domain.** S in [0.375, 130000]. (all-MiniLM-L6-v2 has 1 to 50,000, see `infer --explain`.) A row of smaller variance is outside of it, a row of variance zero too.
//! **Privacy.** Masked openings, squares and products: every message is uniform.
//! **Source.** Ours.

use super::{SUM_OF_SQUARES, centred_with_sum_of_squares};
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::scales::{self, Power};
use crate::nonlinear::{
    Build, Card, CostClaim, ErrorClaim, Function, Interval, LayerNormInputs, PerRow, Protocol, Reading, Rounds,
    Setting, Truth, texts,
};
use std::sync::LazyLock;

/// Guard bits of the sum of squares.
const SUM_GUARD_BITS: i8 = 8;
/// Binary logarithms of the ends: the lower one is 1.5 times its power of two.
const EXPONENTS: (i8, i8) = (-2, 17);

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "layernorm/scales".into(),
    function: Function::LAYERNORM,
    summary: "inverse root by sums at three scales, and look-ups that say which holds: no comparison".into(),
    source: "ours; opening of SecFormer (arXiv 2401.00793) Algorithm 4 with a Fourier extension".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| Interval { low: 0.375, high: 130_000.0, of: SUM_OF_SQUARES.into() }),
    error: ErrorClaim { absolute: 0.0, relative: 1e-4, truth: Truth::LayerNorm },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::fixed(5)),
        bits: None,
        holds: true,
        remark: "square 1, sums and look-ups 1, products of them 1, two products".into(),
    }],
    fails: vec![],
    known: texts(&[
        "outside of its interval the result is nonsense: for a model whose variances are known to stay inside",
        "sums are truncated at 50 fraction bits: with local truncation they wrap with probability 2^-9, use exact or narrowing",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::layer_norm(build)));

/// Layer normalisation of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    let n = c.row_length(inputs.x) as f64;
    let (centred, sum_of_squares) = centred_with_sum_of_squares(c, &inputs, SUM_GUARD_BITS);
    let domain = CARD.interval.at(1);
    c.claim_domain(sum_of_squares, domain.low, domain.high);
    let inverse_deviation = scales::over(c, sum_of_squares, Power::InverseRoot, EXPONENTS, n.sqrt());
    let guard_bits = c.guard_bits(inputs.x);
    let normalised = c.mul_to(centred, inverse_deviation, guard_bits);
    let scaled = c.mul_to(normalised, inputs.gamma, guard_bits);
    let beta = c.precision(inputs.beta, guard_bits);
    c.add(scaled, beta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{layernorm::tests::row_with_sum_of_squares, testing};

    #[test]
    fn the_error_is_claimed_on_the_domain() {
        for n in [8, 768] {
            for sum_of_squares in [0.376, 1.0, 30.0, 44.0, 768.0, 2000.0, 3000.0, 130_000.0] {
                let x = row_with_sum_of_squares(sum_of_squares, n);
                let (gamma, beta) = (vec![1.0; n], vec![0.0; n]);
                let truth = testing::layer_norm_truth(&x, &gamma, &beta, 1e-12);
                let found = testing::layer_norm(&PROTOCOL, &x, &gamma, &beta, 1e-12);
                let error = found.iter().zip(truth).map(|(y, t)| ((y - t) / t).abs()).fold(0.0, f64::max);
                assert!(error <= 6e-6, "{n} {sum_of_squares}: {error:e}");
            }
        }
    }
}
