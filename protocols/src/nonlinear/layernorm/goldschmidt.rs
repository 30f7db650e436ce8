//! `layernorm/goldschmidt`: SecFormer's layer normalisation, with the output factor that its definition of the variance needs.
//!
//! Numbered as in Algorithm 2, for rows of n:
//! 1. mean = 1/n sum of x; centred = x - mean.
//! 2. var = sum of centred^2: without 1/n.
//! 3. q = (var + n epsilon) / eta, p = 1.
//! 4. to 8. t times: m = (3 - q) / 2, q = q m^2, p = p m, see `rsqrt/goldschmidt`: p tends to sqrt(eta / var).
//! 10. y = gamma sqrt(n / eta) centred p + beta. (There is no step 9.) The paper prints 1 / eta for the factor.
//!
//! n epsilon, not epsilon, because var is the sum; with BERT's 1e-12 either encodes to 0 at 16 fraction bits.
//!
//! **Cost.** One square and two products for each element, 10 squares and 20 products for each row, and gamma is opened once: as
//! written 33 rounds, 128 + 128 + 128 bit for an element, 6400 + 128 for a row, 128 for a column.
//! **Error.** That of `rsqrt/goldschmidt`: 1e-3 relative at the ends of the domain, nothing in the middle. The squares
//! are summed at full precision and truncated once for a row; the iteration has two guard bits.
//! **Domain.** var in [0.001 eta, 2.945 eta] = [2, 5890]; from 6000 on it diverges.
//! **Privacy.** Squares and products only: every message is uniform.
//! **Source.** SecFormer (arXiv 2401.00793), section 3.2, Algorithm 2, Equation 3.
//!
//! | here | paper |
//! |---|---|
//! | `centred` | x - mean |
//! | `sum_of_squares` | var |
//! | `p`, `q` | p, q |
//! | [`ETA`], [`ITERATIONS`] | eta, t |

use super::{SUM_OF_SQUARES, centred_with_sum_of_squares, scaled_and_offset};
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::reciprocal::goldschmidt::GUARD_BITS;
use crate::nonlinear::rsqrt::goldschmidt::{ETA, ITERATIONS, domain, iterate};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, LayerNormInputs, PerRow, Protocol, Reading, Rounds, Setting,
    Truth, texts,
};
use std::sync::LazyLock;

/// Fraction bits of the sum of squares beyond those of the fixed point: fewer, because the sum is large and is multiplied by
/// a public number of 19 bits next.
const SUM_GUARD_BITS: i8 = -4;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "layernorm/goldschmidt".into(),
    function: Function::LAYERNORM,
    summary: "11 Goldschmidt iterations on the sum of squares over eta = 2000".into(),
    source: "SecFormer (arXiv 2401.00793) section 3.2, Algorithm 2, Equation 3".into(),
    reading: Reading::Corrected,
    interval: PerRow::of(|_| domain(SUM_OF_SQUARES)),
    error: ErrorClaim { absolute: 0.0, relative: 1e-3, truth: Truth::LayerNorm },
    claims: vec![
        CostClaim {
            by: "SecFormer, cost of LayerNorm".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(24)),
            bits: Some(Bits::per_element(7424)),
            holds: false,
            remark: "7040 + 128 + 256 bit charged to every element, though the inverse root is one for each row; the product with \
                     gamma is not counted".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(33)),
            bits: Some(Bits::Linear { per_element: 384, per_row: 6528, per_column: 128 }),
            holds: true,
            remark: "square 1, inverse root 30, two products".into(),
        },
    ],
    fails: vec![],
    known: texts(&[
        "step 10 prints the factor 1/eta; with var = sum of squares it is sqrt(n/eta), 1239 times as much at n = 768",
        "the interval q0 <= 2.99 is too long: 11 iterations leave 53 percent there; 2.945 is right",
        "sums of squares beyond 6000 diverge: a per-element variance of 7.8 at n = 768, which BERT's embeddings stay below but \
         later layers of other models do not",
        "the published code has no deflation, 7 or 8 iterations, and divides the variance by n - 1",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::layer_norm(build)));

/// Layer normalisation of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    let n = c.row_length(inputs.x) as f64;
    let (centred, sum_of_squares) = centred_with_sum_of_squares(c, &inputs, SUM_GUARD_BITS);
    let domain = domain(SUM_OF_SQUARES);
    c.claim_domain(sum_of_squares, domain.low, domain.high);
    let q = c.scale_to(sum_of_squares, 1.0 / ETA, GUARD_BITS);
    let p = iterate(c, q, ITERATIONS);
    let inverse_deviation = c.scale(p, (n / ETA).sqrt());
    scaled_and_offset(c, &inputs, centred, inverse_deviation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{layernorm::tests::row_with_sum_of_squares, testing};

    fn largest_relative_error(sum_of_squares: f64, n: usize) -> f64 {
        let x = row_with_sum_of_squares(sum_of_squares, n);
        let (gamma, beta) = (vec![1.0; n], vec![0.0; n]);
        let truth = testing::layer_norm_truth(&x, &gamma, &beta, 1e-12);
        let found = testing::layer_norm(&PROTOCOL, &x, &gamma, &beta, 1e-12);
        found.iter().zip(truth).map(|(y, t)| ((y - t) / t).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn the_error_is_claimed_on_the_domain() {
        for n in [8, 768] {
            for sum_of_squares in [2.0, 10.0, 300.0, 768.0, 4000.0, 5890.0] {
                let error = largest_relative_error(sum_of_squares, n);
                assert!(error <= CARD.error.relative);
            }
        }
    }

    #[test]
    fn it_diverges_on_a_row_of_a_real_model_with_a_large_variance() {
        let error = largest_relative_error(49_882.0, 768);
        assert!(error.is_nan() || error > 1e3);
    }

    #[test]
    fn gamma_and_beta_act_by_column() {
        let x = row_with_sum_of_squares(500.0, 8);
        let gamma: Vec<f64> = (0..8).map(|i| 0.5 + f64::from(i)).collect();
        let beta: Vec<f64> = (0..8).map(|i| f64::from(i) - 3.0).collect();
        let truth = testing::layer_norm_truth(&x, &gamma, &beta, 0.0);
        let found = testing::layer_norm(&PROTOCOL, &x, &gamma, &beta, 0.0);
        assert!(found.iter().zip(truth).all(|(y, t)| (y - t).abs() < 1e-6));
    }
}
