//! `layernorm/puma`: PUMA's layer normalisation as printed.
//!
//! 1. mean = 1/n sum of x; centred = x - mean.
//! 2. v = 1/n sum of centred^2 + epsilon.
//! 3. r = 1 / sqrt(v), once for each row. The paper takes its framework's inverse root and does not print it; here by a power of four and one
//!    trigonometric sum, as `rsqrt/normalized`.
//! 4. y = gamma (centred r) + beta.
//!
//! **Cost.** A square and two products for each element; 12 comparisons, an opening and two products for each row; gamma is opened once.
//! **Error.** That of the fit of the inverse root, 1.2e-6.
//! **Domain.** v in [4^-5, 4^8].
//! **Privacy.** Comparison, squares, products, the masked opening: every message is uniform.
//! **Source.** PUMA (Dong et al., arXiv 2307.12533 v1), layer normalisation; the inverse root ours.

use super::by_variance;
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::rsqrt::normalized::over;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, LayerNormInputs, PerRow, Protocol, Reading, Rounds,
    Setting, Truth, texts,
};
use std::borrow::Cow;
use std::sync::LazyLock;

/// Exponents of four at the ends of the domain.
const EXPONENTS: (i8, i8) = (-5, 8);

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "layernorm/puma".into(),
    function: Function::LAYERNORM,
    summary: "variance, inverse root, two products".into(),
    source: "PUMA (arXiv 2307.12533 v1), layer normalisation; the inverse root, which it does not print, ours".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| domain()),
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

const fn domain() -> Interval {
    Interval { low: 0.000_976_562_5, high: 65536.0, of: Cow::Borrowed("the variance of the row") }
}

/// Layer normalisation of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    let divisor = c.row_length(inputs.x);
    by_variance(c, &inputs, divisor, domain(), |c, v| over(c, v, EXPONENTS.0, EXPONENTS.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{layernorm::tests::largest_relative_error, testing};

    #[test]
    fn the_error_is_claimed_on_the_domain() {
        assert!([8, 768].into_iter().all(|n| largest_relative_error(&PROTOCOL, n, n) <= CARD.error.relative));
    }

    #[test]
    fn gamma_and_beta_act_by_column() {
        let (x, gamma, beta) = ([1.0, -2.0, 0.5, 4.0], [0.5, 1.0, -2.0, 3.0], [0.1, 0.0, -1.0, 2.0]);
        let truth = testing::layer_norm_truth(&x, &gamma, &beta, 1e-5);
        let found = testing::layer_norm(&PROTOCOL, &x, &gamma, &beta, 1e-5);
        assert!(found.iter().zip(truth).all(|(y, t)| (y - t).abs() < 1e-5));
    }
}
