//! `layernorm/secformer-printed`: SecFormer's Algorithm 2 to the letter, its output factor included.
//!
//! Numbered as in Algorithm 2, for rows of n:
//! 1. mean = 1/n sum of x.
//! 2. var = sum of (x - mean)^2: without 1/n.
//! 3. q = (var + epsilon) / eta, p = 1.
//! 4. to 8. t times: m = (3 - q) / 2, q = q m^2, p = p m. The last q is computed though nobody reads it.
//! 10. y = gamma ((1 / eta) (x - mean) p) + beta. (There is no step 9.)
//!
//! The factor should be sqrt(n / eta), see `layernorm/goldschmidt`: 1 / eta makes the output 1 / sqrt(n eta) of what it should be, a 1239th for
//! rows of 768.
//!
//! **Cost.** A square and two products for each element, 11 squares and 21 products for each row, and gamma is opened once: 35 rounds, 384 bit for
//! an element, 6784 + 128 for a row, 128 for a column.
//! **Error.** All of the output but a 1239th for rows of 768, all but a 126th for 8: 1 of the truth is claimed, that is nothing but the sign.
//! **Domain.** var in [0.001 eta, 2.945 eta] = [2, 5890], as `layernorm/goldschmidt`.
//! **Privacy.** Squares and products only: every message is uniform.
//! **Source.** SecFormer (arXiv 2401.00793), section 3.2, Algorithm 2.
//!
//! | here | paper |
//! |---|---|
//! | `sum_of_squares` | var |
//! | [`ETA`], [`ITERATIONS`] | eta, t |

use super::{SUM_OF_SQUARES, scaled_and_offset};
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::rsqrt::goldschmidt::{ETA, ITERATIONS, domain};
use crate::nonlinear::rsqrt::goldschmidt_code::iterate;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, LayerNormInputs, PerRow, Protocol, Quality, Reading,
    Rounds, Setting, Truth, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "layernorm/secformer-printed".into(),
    function: Function::LAYERNORM,
    summary: "Algorithm 2 to the letter: 11 Goldschmidt iterations, output factor 1/eta".into(),
    source: "SecFormer (arXiv 2401.00793) section 3.2, Algorithm 2".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| domain(SUM_OF_SQUARES)),
    error: ErrorClaim { absolute: 0.0, relative: 1.0, truth: Truth::LayerNorm },
    claims: vec![
        CostClaim {
            by: "SecFormer, cost of LayerNorm".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(24)),
            bits: Some(Bits::per_element(7424)),
            holds: false,
            remark: "two products of an iteration counted as one round; 7040 + 128 + 256 bit charged to every element, though the inverse root is one \
                     for each row; the product with gamma is not counted".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(35)),
            bits: Some(Bits::Linear { per_element: 384, per_row: 6784 + 128, per_column: 128 }),
            holds: true,
            remark: "square 1, inverse root 32, two products".into(),
        },
    ],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "step 10 prints the factor 1/eta where sqrt(n/eta) is right: the output is a 1239th of what it should be for rows of 768".into(),
    }],
    known: texts(&[
        "the released code has no deflation, and so no factor: see layernorm/secformer-code",
        "the interval q0 <= 2.99 is too long: 11 iterations leave 53 percent there; 2.945 is right",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::layer_norm(build)));

/// What Algorithm 2 makes of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    let axis = c.last_axis(inputs.x);
    let mean = c.mean(inputs.x, axis);
    let centred = c.sub(inputs.x, mean);
    let squares = c.square(centred);
    let sum_of_squares = c.sum(squares, axis);
    let domain = domain(SUM_OF_SQUARES);
    c.claim_domain(sum_of_squares, domain.low, domain.high);
    let variance = c.offset(sum_of_squares, inputs.epsilon);
    let q = c.scale(variance, 1.0 / ETA);
    let p = iterate(c, q, ITERATIONS);
    // A factor for each row, not for each element, which would have few fraction bits left.
    let factor = c.scale(p, 1.0 / ETA);
    scaled_and_offset(c, &inputs, centred, factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{layernorm::tests::row_with_sum_of_squares, testing};

    #[test]
    fn the_output_is_smaller_by_the_root_of_n_eta() {
        for (n, ratio) in [(768, 1239.35), (1024, 1431.08)] {
            let x = row_with_sum_of_squares(1000.0, n);
            let (gamma, beta) = (vec![1.0; n], vec![0.0; n]);
            let truth = testing::layer_norm_truth(&x, &gamma, &beta, 1e-12);
            let found = testing::layer_norm(&PROTOCOL, &x, &gamma, &beta, 1e-12);
            assert!(found.iter().zip(truth).all(|(y, t)| (t / y / ratio - 1.0).abs() < 1e-5), "{n}");
        }
    }
}
