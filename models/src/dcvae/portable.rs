//! Weights that every implementation can make, so that golden vectors need no file: SplitMix64 from the FNV-1a hash of a tensor's name.

use super::plain::Tensors;
use ndarray::{ArrayD, IxDyn};
use viewless_protocols::model::dcvae::DcVaeConfig;

/// Numbers from 0 to 1 for a name.
fn uniform(name: &str) -> impl Iterator<Item = f64> {
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    let mut state = name.bytes().fold(0xCBF2_9CE4_8422_2325, hash);
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 * 2f64.powi(-53)
    })
}

/// A tensor of numbers made of those of its name.
fn tensor(name: &str, shape: &[usize], number: impl Fn(f64) -> f64) -> ArrayD<f64> {
    let mut numbers = uniform(name).map(number);
    ArrayD::from_shape_simple_fn(IxDyn(shape), || numbers.next().unwrap_or(0.0))
}

/// The input of a name, from -1 to 1.
#[must_use]
pub fn input(name: &str, shape: &[usize]) -> ArrayD<f64> {
    tensor(name, shape, |u| 2.0 * u - 1.0)
}

/// A part of the normalisation, and what is made of a number from 0 to 1 for it.
type Part = (&'static str, fn(f64) -> f64);

/// The weights of a model, the normalisation among them.
#[must_use]
pub fn weights(config: &DcVaeConfig) -> Tensors {
    let mut tensors = Tensors::new();
    for wanted in config.encoder_tensors().into_iter().chain(config.decoder_tensors()) {
        let fan_in: usize = wanted.shape[1..].iter().product();
        let scale = if wanted.name.ends_with(".bias") { 0.1 } else { (3.0 / fan_in as f64).sqrt() };
        let made = tensor(&wanted.name, &wanted.shape, |u| (2.0 * u - 1.0) * scale);
        tensors.insert(wanted.name, made);
    }
    let width = [config.decoder_width()];
    let parts: [Part; 4] = [
        ("weight", |u| 1.0 + 0.1 * (2.0 * u - 1.0)),
        ("bias", |u| 0.1 * (2.0 * u - 1.0)),
        ("running_mean", |u| 0.2 * (2.0 * u - 1.0)),
        ("running_var", |u| 0.5 + u),
    ];
    for (part, number) in parts {
        let name = format!("dec.to_rgb.0.{part}");
        let made = tensor(&name, &width, number);
        tensors.insert(name, made);
    }
    tensors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_those_of_every_other_implementation() {
        let first: Vec<f64> = uniform("x").take(2).collect();
        assert!((first[0] - 0.20120828).abs() < 5e-9 && (first[1] - 0.80852676).abs() < 5e-9, "{first:?}");
    }
}
