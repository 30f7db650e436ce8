//! Layer normalisation: gamma (x - mean) / sqrt(variance + epsilon) + beta for each row.

pub mod goldschmidt;
pub mod normalized;

use super::LayerNormInputs;
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
    /// A row of n elements around 0.3 whose centred squares sum to `sum_of_squares`.
    pub(super) fn row_with_sum_of_squares(sum_of_squares: f64, n: usize) -> Vec<f64> {
        let raw: Vec<f64> = (0..n).map(|i| libm::sin(1.0 + i as f64 * 1.7)).collect();
        let mean = raw.iter().sum::<f64>() / n as f64;
        let squares: f64 = raw.iter().map(|x| (x - mean) * (x - mean)).sum();
        raw.iter().map(|x| 0.3 + (x - mean) * (sum_of_squares / squares).sqrt()).collect()
    }
}
