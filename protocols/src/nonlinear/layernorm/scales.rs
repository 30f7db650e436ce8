//! `layernorm/scales`: layer normalisation without a comparison, its inverse root by sums at three scales (ours).
//!
//! 1. centred = (n x - sum of x) 2^-k, 2^k the power of two that is not below n: the centred row times c = n 2^-k, by one truncation and no division.
//! 2. S = sum of centred^2 + c^2 n epsilon, with 8 guard bits.
//! 3. r = sqrt(n / S), see [`scales`](crate::nonlinear::scales); the factor sqrt(n) is in the coefficients. So c cancels.
//! 4. y = centred (r gamma) + beta: the product with gamma is made before that with the row, because r needs no refreshing.
//!
//! **Cost.** One square and two products for each element; three openings, two look-ups and two products for each row. Where truncations are free
//! five rounds: square, sums beside look-ups, products of these, r gamma, and the product with the row.
//! **Error.** The fit, 4e-6 relative; S and the sums are rounded at 22 fraction bits of a scale.
//! **Domain.** S 2^-k in [0.00037, 126]: for rows of 768, S, which is from a quarter of the sum of squares to all of it, in [0.375, 129000].
//! (all-MiniLM-L6-v2 has 1 to 50,000.) A row of smaller variance is outside of it, a row of variance zero too.
//! **Privacy.** Masked openings, squares and products: every message is uniform.
//! **Source.** Ours.

use super::SQUARE_GUARD_BITS;
use crate::circuit::{Circuit, Secret};
use crate::fixed::power_of_two;
use crate::nonlinear::scales::{self, Power};
use crate::nonlinear::{
    Build, Card, CostClaim, ErrorClaim, Function, Interval, LayerNormInputs, PerRow, Protocol, Reading, Rounds,
    Setting, Truth, texts,
};
use std::sync::LazyLock;

/// What the domain is about.
const SCALED_SUM_OF_SQUARES: &str =
    "the sum of squares of the centred row times (n / 2^k)^2, 2^k the power of two not below n";

/// Guard bits of the sum of squares.
const SUM_GUARD_BITS: i8 = 8;
/// Guard bits of r, and of r gamma: no more, so that the product of the two, with the row's, needs no refreshing.
const FACTOR_GUARD_BITS: i8 = 1;
/// Binary logarithms of the ends for rows of 2^k elements, less k: the lower end is 1.5 times its power of two.
const EXPONENTS: (i8, i8) = (-12, 7);

/// The ends for rows of n elements.
fn domain(n: usize) -> (f64, f64) {
    let row = n.next_power_of_two() as f64;
    (1.5 * power_of_two(EXPONENTS.0.into()) * row, 126.0 * row)
}

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "layernorm/scales".into(),
    function: Function::LAYERNORM,
    summary: "inverse root by sums at three scales, and look-ups that say which holds: no comparison".into(),
    source: "ours; opening of SecFormer (arXiv 2401.00793) Algorithm 4 with a Fourier extension".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|n| {
        let (low, high) = domain(n);
        Interval { low, high, of: SCALED_SUM_OF_SQUARES.into() }
    }),
    error: ErrorClaim { absolute: 0.0, relative: 4e-4, truth: Truth::LayerNorm },
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
    let (axis, n) = (c.last_axis(inputs.x), c.row_length(inputs.x));
    let guard_bits = c.guard_bits(inputs.x);
    let halvings = n.next_power_of_two().ilog2() as i8;
    let n = n as f64;
    let scale = n * power_of_two(-i32::from(halvings));
    let times = c.scale(inputs.x, n);
    let sum = c.sum(inputs.x, axis);
    let centred = c.sub(times, sum);
    let centred = c.shift(centred, -halvings);
    let centred = c.precision(centred, guard_bits);
    let squares = c.square_to(centred, SQUARE_GUARD_BITS);
    let sum = c.sum(squares, axis);
    let sum = c.precision(sum, SUM_GUARD_BITS);
    let sum_of_squares = c.offset(sum, scale * scale * n * inputs.epsilon);
    let (low, high) = domain(c.row_length(inputs.x));
    c.claim_domain(sum_of_squares, low, high);
    let exponents = (EXPONENTS.0 + halvings, EXPONENTS.1 + halvings);
    let inverse_deviation = scales::over(c, sum_of_squares, Power::InverseRoot, exponents, n.sqrt(), FACTOR_GUARD_BITS);
    let factor = c.mul_to(inverse_deviation, inputs.gamma, FACTOR_GUARD_BITS);
    let scaled = c.mul_to(centred, factor, guard_bits);
    let beta = c.precision(inputs.beta, guard_bits);
    c.add(scaled, beta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::layernorm::tests::relative_error;

    #[test]
    fn the_error_is_claimed_on_the_domain() {
        for n in [8_usize, 768] {
            for part in [3.7e-4, 1e-3, 0.03, 0.043, 0.75, 2.0, 3.0, 125.9] {
                let sum_of_squares = part * n.next_power_of_two() as f64;
                let scale = n as f64 / n.next_power_of_two() as f64;
                let error = relative_error(&PROTOCOL, n, sum_of_squares / (scale * scale));
                assert!(error <= 6e-6, "{n} {sum_of_squares}: {error:e}");
            }
        }
    }
}
