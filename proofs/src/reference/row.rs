//! Functions of a row of exact numbers.

use super::Enclosure;

fn exact(row: &[f64], bits: u32) -> Vec<Enclosure> {
    row.iter().map(|&x| Enclosure::of(x, bits)).collect()
}

fn sum<'a>(terms: impl IntoIterator<Item = &'a Enclosure>, bits: u32) -> Enclosure {
    terms.into_iter().fold(Enclosure::of(0.0, bits), |sum, term| sum.add(term))
}

/// Each element over the sum of all; `None` when the sum may be zero.
fn over_sum(terms: &[Enclosure], bits: u32) -> Option<Vec<Enclosure>> {
    let inverse = sum(terms, bits).recip()?;
    Some(terms.iter().map(|term| term.mul(&inverse)).collect())
}

/// The largest element.
#[must_use]
pub fn max(row: &[f64]) -> f64 {
    row.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// e^(x_i) over its sum.
#[must_use]
pub fn softmax(row: &[f64], bits: u32) -> Option<Vec<Enclosure>> {
    let largest = Enclosure::of(max(row), bits);
    let terms: Vec<Enclosure> = exact(row, bits).iter().map(|x| x.sub(&largest).exp()).collect();
    over_sum(&terms, bits)
}

/// (x_i + `shift`)^2 over its sum.
#[must_use]
pub fn two_quad(row: &[f64], shift: f64, bits: u32) -> Option<Vec<Enclosure>> {
    let shift = Enclosure::of(shift, bits);
    let terms: Vec<Enclosure> = exact(row, bits).iter().map(|x| x.add(&shift).square()).collect();
    over_sum(&terms, bits)
}

/// max(x_i, 0) over its sum; `None` when no element is positive.
#[must_use]
pub fn two_relu(row: &[f64], bits: u32) -> Option<Vec<Enclosure>> {
    let terms: Vec<Enclosure> = row.iter().map(|&x| Enclosure::of(x.max(0.0), bits)).collect();
    over_sum(&terms, bits)
}

/// gamma_i (x_i - mean) / sqrt(variance + epsilon) + beta_i, with the variance over n.
///
/// `None` for an empty row or one without any variance, and when the lengths differ.
#[must_use]
pub fn layer_norm(row: &[f64], gamma: &[f64], beta: &[f64], epsilon: f64, bits: u32) -> Option<Vec<Enclosure>> {
    if row.is_empty() || gamma.len() != row.len() || beta.len() != row.len() {
        return None;
    }
    let n = u32::try_from(row.len()).ok()?;
    let row = exact(row, bits);
    let mean = sum(&row, bits).over(n);
    let centred: Vec<Enclosure> = row.iter().map(|x| x.sub(&mean)).collect();
    let squares: Vec<Enclosure> = centred.iter().map(Enclosure::square).collect();
    let variance = sum(&squares, bits).over(n).add(&Enclosure::of(epsilon, bits));
    let inverse = variance.sqrt()?.recip()?;
    let element = |((x, &gamma), &beta): ((&Enclosure, &f64), &f64)| {
        x.mul(&inverse).mul(&Enclosure::of(gamma, bits)).add(&Enclosure::of(beta, bits))
    };
    Some(centred.iter().zip(gamma).zip(beta).map(element).collect())
}
