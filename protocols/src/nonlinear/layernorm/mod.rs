//! Layer normalisation: gamma (x - mean) / sqrt(variance + epsilon) + beta for each row.

pub mod batchnorm;
pub mod crypten;
pub mod goldschmidt;
pub mod normalized;
pub mod normalized_wide;
pub mod puma;
pub mod puma_in_secformer_code;
pub mod scales;
pub mod secformer_code;
pub mod secformer_printed;

use super::{Interval, LayerNormInputs};
use crate::circuit::{Circuit, Secret};

/// What the domains of layer normalisations are about.
const SUM_OF_SQUARES: &str = "the sum of squares of the centred row";

/// Guard bits of the squares: at 16 fraction bits all that they have, so that one truncation for a row replaces one for each
/// element.
const SQUARE_GUARD_BITS: i8 = 16;

/// x - mean, and the sum of its squares plus n epsilon with `guard_bits`.
fn centred_with_sum_of_squares(c: &mut Circuit, inputs: &LayerNormInputs, guard_bits: i8) -> (Secret, Secret) {
    let axis = c.last_axis(inputs.x);
    let n = c.row_length(inputs.x) as f64;
    let mean = c.mean(inputs.x, axis);
    let centred = c.sub(inputs.x, mean);
    let squares = c.square_to(centred, SQUARE_GUARD_BITS);
    let sum = c.sum(squares, axis);
    let sum = c.precision(sum, guard_bits);
    (centred, c.offset(sum, n * inputs.epsilon))
}

/// What the domains of layer normalisations are about that divide by n - 1.
const VARIANCE: &str = "the variance of the row with divisor n - 1";

/// The divisor of CrypTen's `var` as SecFormer's code calls it: the flag is inverted, so that it is n - 1.
fn one_less(c: &Circuit, inputs: &LayerNormInputs) -> usize {
    c.row_length(inputs.x).max(2) - 1
}

/// As SecFormer's code normalises for every method that it times: squares truncated one by one, their sum divided by `divisor`, plus epsilon; the
/// inverse root of that by `inverse_root`, which may trust `domain`.
fn by_variance(
    c: &mut Circuit,
    inputs: &LayerNormInputs,
    divisor: usize,
    domain: Interval,
    inverse_root: impl FnOnce(&mut Circuit, Secret) -> Secret,
) -> Secret {
    let axis = c.last_axis(inputs.x);
    let mean = c.mean(inputs.x, axis);
    let centred = c.sub(inputs.x, mean);
    let squares = c.square(centred);
    let sum = c.sum(squares, axis);
    let variance = c.scale(sum, 1.0 / divisor as f64);
    let variance = c.offset(variance, inputs.epsilon);
    c.claim_domain(variance, domain.low, domain.high);
    let inverse_deviation = inverse_root(c, variance);
    scaled_and_offset(c, inputs, centred, inverse_deviation)
}

/// gamma (centred / deviation) + beta, with the guard bits of x.
fn scaled_and_offset(c: &mut Circuit, inputs: &LayerNormInputs, centred: Secret, inverse_deviation: Secret) -> Secret {
    let guard_bits = c.guard_bits(inputs.x);
    let normalised = c.mul_to(centred, inverse_deviation, guard_bits);
    let scaled = c.mul_to(normalised, inputs.gamma, guard_bits);
    let beta = c.precision(inputs.beta, guard_bits);
    c.add(scaled, beta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{Protocol, testing};

    /// Rows of `n` elements over the domain of a protocol of the variance with a divisor: the largest relative error.
    pub(super) fn largest_relative_error(protocol: &Protocol, n: usize, divisor: usize) -> f64 {
        let domain = protocol.card.interval.at(n);
        let variances = testing::grid(domain.low.ln(), domain.high.ln(), 101).map(f64::exp);
        let inside = variances.map(|variance| variance.clamp(domain.low * 1.000_001, domain.high * 0.999_999));
        inside.fold(0.0, |largest: f64, variance| relative_error(protocol, n, variance * divisor as f64).max(largest))
    }

    /// The largest relative error of a row of `n` elements whose centred squares sum to `sum_of_squares`, without scale and offset.
    pub(super) fn relative_error(protocol: &Protocol, n: usize, sum_of_squares: f64) -> f64 {
        let x = row_with_sum_of_squares(sum_of_squares, n);
        let (gamma, beta) = (vec![1.0; n], vec![0.0; n]);
        let truth = testing::layer_norm_truth(&x, &gamma, &beta, 1e-12);
        let found = testing::layer_norm(protocol, &x, &gamma, &beta, 1e-12);
        found.iter().zip(truth).map(|(y, t)| ((y - t) / t).abs()).fold(0.0, f64::max)
    }

    /// Rows of 8 elements keep the claim and are worst, by 1 - sqrt(7/8) at least; the divisor's part vanishes with the row's length, and the root's
    /// is left.
    #[test]
    fn dividing_by_one_less_makes_short_rows_too_small() {
        for protocol in
            crate::nonlinear::Registry::built_in().iter().filter(|protocol| protocol.card.interval.at(1).of == VARIANCE)
        {
            let card = &protocol.card;
            let (short, long) = (largest_relative_error(protocol, 8, 7), largest_relative_error(protocol, 768, 767));
            println!("{}: {short:e} {long:e}", card.name);
            assert!((1.0 - 0.875f64.sqrt()..=card.error.relative).contains(&short), "{}: {short}", card.name);
            assert!((1.0 - (767f64 / 768.0).sqrt()..=6e-3).contains(&long), "{}: {long}", card.name);
        }
    }

    /// A row of n elements around 0.3 whose centred squares sum to `sum_of_squares`.
    pub(super) fn row_with_sum_of_squares(sum_of_squares: f64, n: usize) -> Vec<f64> {
        let raw: Vec<f64> = (0..n).map(|i| libm::sin(1.0 + i as f64 * 1.7)).collect();
        let mean = raw.iter().sum::<f64>() / n as f64;
        let squares: f64 = raw.iter().map(|x| (x - mean) * (x - mean)).sum();
        raw.iter().map(|x| 0.3 + (x - mean) * (sum_of_squares / squares).sqrt()).collect()
    }
}
