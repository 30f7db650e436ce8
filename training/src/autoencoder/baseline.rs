//! What images are without a model: their mean, and the nearest linear code of so many numbers.

use candle_core::{D, Device, Tensor};
use viewless_models::dcvae::Images;

use crate::error::TrainError;
use crate::variables::keyed;
use rand_chacha::rand_core::RngCore;

/// Rounds of the power iteration; each brings a direction nearer by the ratio of two eigenvalues.
const ROUNDS: usize = 24;

/// Mean squares of held-out images against the mean image of others, and against their projection to so many principal components of those.
pub(super) struct Baseline {
    pub(super) mean_image: f64,
    pub(super) components: f64,
}

/// Fits mean and components to `train` and judges them by `held_out`.
pub(super) fn baseline(
    train: &Images,
    held_out: &Images,
    components: usize,
    seed: u64,
) -> Result<Baseline, TrainError> {
    let matrix =
        |images: &Images| Tensor::from_vec(images.pixels.clone(), (images.len(), images.elements()), &Device::Cpu);
    let train_rows = matrix(train)?;
    let mean = train_rows.mean_keepdim(0)?;
    let centred = train_rows.broadcast_sub(&mean)?;
    let held_out = matrix(held_out)?.broadcast_sub(&mean)?;
    let components = components.min(train.len()).min(train.elements());
    let mut words = keyed(&["components"], seed);
    let drawn = (0..components * train.elements()).map(|_| words.next_u32() as f32 / 2f32.powi(31) - 1.0).collect();
    let mut basis = orthonormal(&Tensor::from_vec(drawn, (components, train.elements()), &Device::Cpu)?)?;
    for _ in 0..ROUNDS {
        basis = orthonormal(&centred.matmul(&basis.t()?)?.t()?.contiguous()?.matmul(&centred)?)?;
    }
    let projected = held_out.matmul(&basis.t()?)?.matmul(&basis)?;
    let mean_square = |x: &Tensor| -> Result<f64, TrainError> {
        // Sums of images first: one of all numbers would lose digits.
        let rows = x.sqr()?.mean(D::Minus1)?.to_vec1::<f32>()?;
        Ok(rows.iter().map(|&row| f64::from(row)).sum::<f64>() / rows.len() as f64)
    };
    Ok(Baseline { mean_image: mean_square(&held_out)?, components: mean_square(&(held_out - projected)?)? })
}

/// Rows that are orthogonal and of length one, of the same span, by Gram and Schmidt in 64 bits.
fn orthonormal(rows: &Tensor) -> Result<Tensor, TrainError> {
    let (count, length) = rows.dims2()?;
    let mut made: Vec<Vec<f64>> = Vec::with_capacity(count);
    for row in rows.to_vec2::<f32>()? {
        let mut row: Vec<f64> = row.into_iter().map(f64::from).collect();
        // Twice: the first pass leaves what its rounding made.
        for _ in 0..2 {
            for other in &made {
                let along: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                row.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
            }
        }
        let norm = row.iter().map(|a| a * a).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        row.iter_mut().for_each(|a| *a /= norm);
        made.push(row);
    }
    let flat = made.into_iter().flatten().map(|a| a as f32).collect();
    Ok(Tensor::from_vec(flat, (count, length), rows.device())?)
}
