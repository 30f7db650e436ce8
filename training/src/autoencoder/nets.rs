//! Encoder, decoder and discriminator of DC-VAE with derivatives, as `viewless_protocols::model::dcvae` computes the first two.
//!
//! Weights of encoder and discriminator are divided by their spectral norm, |W^T u| for a vector u that each step of training brings nearer to the
//! largest singular vector, and that is a constant of the derivative. The decoder's normalisation takes mean and variance of the batch in
//! training, and running ones afterwards.

use std::collections::BTreeMap;

use candle_core::{D, Tensor};
use viewless_protocols::model::dcvae::{DcVaeConfig, Tensor as Expected};

use crate::error::TrainError;
use crate::variables::Variables;

/// Tensors by name.
pub type Named = BTreeMap<String, Tensor>;

/// Numbers of the discriminator before its opinion, as published.
const FEATURES: usize = 16;
/// Added to a variance, as PyTorch does.
const EPSILON: f64 = 1e-5;

/// Names of the normalisation's running numbers.
pub const RUNNING: [&str; 2] = ["dec.to_rgb.0.running_mean", "dec.to_rgb.0.running_var"];

/// The tensors of encoder and decoder that are learnt.
#[must_use]
pub fn learnt(config: &DcVaeConfig) -> Vec<Expected> {
    let normalisation = ["weight", "bias"]
        .map(|part| Expected { name: format!("dec.to_rgb.0.{part}"), shape: vec![config.decoder_width()] });
    config.encoder_tensors().into_iter().chain(config.decoder_tensors()).chain(normalisation).collect()
}

/// The tensors of the discriminator: the encoder's layers, and two linear ones.
#[must_use]
pub fn judging(config: &DcVaeConfig) -> Vec<Expected> {
    let layers = config.encoder_tensors().into_iter().filter(|tensor| tensor.name != "enc.l5.weight");
    let renamed = |tensor: Expected| Expected { name: tensor.name.replacen("enc.", "dis.", 1), ..tensor };
    let ends = [("dis.l5.weight", vec![FEATURES, config.encoder_width()]), ("dis.head.weight", vec![1, FEATURES])];
    let ends = ends.map(|(name, shape)| Expected { name: name.to_owned(), shape });
    layers.map(renamed).chain(ends).collect()
}

/// Whether a weight is divided by its spectral norm.
#[must_use]
pub fn is_divided(name: &str) -> bool {
    name.ends_with(".weight") && (name.starts_with("enc.") || name.starts_with("dis."))
}

/// A weight as a matrix of a row for each output.
fn matrix(weight: &Tensor) -> Result<Tensor, TrainError> {
    Ok(weight.reshape((weight.dim(0)?, ()))?)
}

fn unit(x: &Tensor) -> Result<Tensor, TrainError> {
    let norm = (x.sqr()?.sum_all()?.sqrt()? + 1e-12)?;
    Ok(x.broadcast_div(&norm)?)
}

/// Brings the vectors of the spectral norms of a net nearer: one step of power iteration each.
///
/// # Errors
/// A tensor that is not there; the library of tensors.
pub fn iterate(all: &Variables, prefix: &str) -> Result<(), TrainError> {
    for (name, var) in all.iter().filter(|(name, _)| name.starts_with(prefix) && is_divided(name)) {
        let (weight, vector) = (matrix(&var.as_detached_tensor())?, all.var(&format!("vector.{name}"))?);
        let right = unit(&weight.t()?.matmul(&vector.as_detached_tensor())?)?;
        vector.set(&unit(&weight.matmul(&right)?)?)?;
    }
    Ok(())
}

/// The tensors of a pass, spectral norms divided out.
///
/// # Errors
/// A tensor that is not there; the library of tensors.
pub fn divided(all: &Variables, tensors: Named) -> Result<Named, TrainError> {
    let divide = |(name, tensor): (String, Tensor)| {
        if !is_divided(&name) {
            return Ok((name, tensor));
        }
        let vector = all.var(&format!("vector.{name}"))?.as_detached_tensor();
        let right = unit(&matrix(&tensor.detach())?.t()?.matmul(&vector)?)?;
        let norm = vector.t()?.matmul(&matrix(&tensor)?)?.matmul(&right)?.sum_all()?;
        Ok((name, tensor.broadcast_div(&norm)?))
    };
    tensors.into_iter().map(divide).collect()
}

/// A pass through one of the nets.
pub struct Net<'a>(
    /// Its tensors.
    pub &'a Named,
);

/// What a decoder's pass gave: images, and mean and variance of the batch where the normalisation took those.
pub struct Decoded {
    /// Images from -1 to 1.
    pub images: Tensor,
    /// Mean and variance that the normalisation took.
    pub statistics: [Tensor; 2],
}

impl Net<'_> {
    fn get(&self, name: &str) -> Result<&Tensor, TrainError> {
        self.0.get(name).ok_or_else(|| TrainError::NoVariable { name: name.to_owned() })
    }

    fn conv(&self, x: &Tensor, layer: &str) -> Result<Tensor, TrainError> {
        let (weight, bias) = (self.get(&format!("{layer}.weight"))?, self.get(&format!("{layer}.bias"))?);
        // candle 0.9.2 takes an image with as many channels as rows and columns for one whose channels come last, and a derivative likewise: a channel
        // of zeros tells them apart.
        let more = |channels: usize| Ok::<_, TrainError>(usize::from(channels == x.dim(2)?));
        let (inputs, outputs) = (more(x.dim(1)?)?, more(weight.dim(0)?)?);
        let wide = weight.pad_with_zeros(1, 0, inputs)?.pad_with_zeros(0, 0, outputs)?;
        let y = x.pad_with_zeros(1, 0, inputs)?.conv2d(&wide, weight.dim(3)? / 2, 1, 1, 1)?;
        let y = y.narrow(1, 0, weight.dim(0)?)?;
        Ok(y.broadcast_add(&bias.reshape((1, (), 1, 1))?)?)
    }

    /// The layers that encoder and discriminator share: the sum over all pixels, `[images, width]`.
    fn trunk(&self, x: &Tensor, net: &str) -> Result<Tensor, TrainError> {
        let conv = |x: &Tensor, layer: &str| self.conv(x, &format!("{net}.{layer}"));
        let main = conv(&conv(x, "block1.c1")?.relu()?, "block1.c2")?;
        let mut x = (pool(&main)? + conv(&pool(x)?, "block1.c_sc")?)?;
        let main = conv(&conv(&x.relu()?, "block2.c1")?.relu()?, "block2.c2")?;
        x = (pool(&main)? + conv(&pool(&x)?, "block2.c_sc")?)?;
        for block in ["block3", "block4"] {
            let h = conv(&x.relu()?, &format!("{block}.c1"))?.relu()?;
            x = (conv(&h, &format!("{block}.c2"))? + &x)?;
        }
        Ok(x.relu()?.sum(D::Minus1)?.sum(D::Minus1)?)
    }

    /// Means and log-variances, each `[images, latent]`.
    ///
    /// # Errors
    /// A tensor that is not there; the library of tensors.
    pub fn encode(&self, x: &Tensor) -> Result<[Tensor; 2], TrainError> {
        let both = self.trunk(x, "enc")?.matmul(&self.get("enc.l5.weight")?.t()?)?;
        let latent = both.dim(1)? / 2;
        Ok([both.narrow(1, 0, latent)?, both.narrow(1, latent, latent)?])
    }

    /// The discriminator's opinion of each image: positive for one that it takes for real.
    ///
    /// # Errors
    /// A tensor that is not there; the library of tensors.
    pub fn judge(&self, x: &Tensor) -> Result<Tensor, TrainError> {
        let features = self.trunk(x, "dis")?.matmul(&self.get("dis.l5.weight")?.t()?)?;
        Ok(features.matmul(&self.get("dis.head.weight")?.t()?)?)
    }

    /// Images from -1 to 1; the normalisation takes `running` mean and variance where they are given.
    ///
    /// # Errors
    /// A tensor that is not there; the library of tensors.
    pub fn decode(&self, z: &Tensor, running: Option<[&Tensor; 2]>) -> Result<Decoded, TrainError> {
        let flat = z.matmul(&self.get("dec.l1.weight")?.t()?)?.broadcast_add(self.get("dec.l1.bias")?)?;
        let width = self.get("dec.to_rgb.0.bias")?.dim(0)?;
        let bottom = (flat.dim(1)? / width).isqrt();
        let mut x = flat.reshape((z.dim(0)?, width, bottom, bottom))?;
        let mut features: Vec<Tensor> = Vec::new();
        for (cell, (name, enlarge)) in
            [("cell1", nearest as Enlarge), ("cell2", bilinear), ("cell3", nearest)].into_iter().enumerate()
        {
            let conv = |x: &Tensor, layer: &str| self.conv(x, &format!("dec.{name}.{layer}"));
            let mut a = conv(&enlarge(&x.relu()?)?, "c1")?;
            for (skip, feature) in features.iter().enumerate() {
                // A product with a matrix of one pixel and an enlargement may change places: the smaller image first.
                let mut added = conv(feature, &format!("skip_in_ops.{skip}"))?;
                while added.dim(2)? < a.dim(2)? {
                    added = enlarge(&added)?;
                }
                a = (a + added)?;
            }
            let out = conv(&a.relu()?, "c2")?;
            x = if cell < 2 { (out + enlarge(&conv(&x, "c_sc")?)?)? } else { out };
            features.push(a);
        }
        let statistics = match running {
            Some(running) => running.map(Tensor::clone),
            None => {
                let mean = x.mean_keepdim((0, 2, 3))?;
                let variance = x.broadcast_sub(&mean)?.sqr()?.mean_keepdim((0, 2, 3))?;
                [mean, variance]
            }
        };
        let of = |x: &Tensor| x.reshape((1, width, 1, 1));
        let [mean, variance] = [of(&statistics[0])?, of(&statistics[1])?];
        let normal = x.broadcast_sub(&mean)?.broadcast_div(&(variance + EPSILON)?.sqrt()?)?;
        let scaled = normal.broadcast_mul(&of(self.get("dec.to_rgb.0.weight")?)?)?;
        let shifted = scaled.broadcast_add(&of(self.get("dec.to_rgb.0.bias")?)?)?;
        let images = self.conv(&shifted.relu()?, "dec.to_rgb.2")?.tanh()?;
        Ok(Decoded { images, statistics })
    }
}

/// Twice the side.
type Enlarge = fn(&Tensor) -> Result<Tensor, TrainError>;

/// The mean of each two by two pixels.
fn pool(x: &Tensor) -> Result<Tensor, TrainError> {
    let (n, c, h, w) = x.dims4()?;
    Ok(x.reshape((n * c, h / 2, 2, w / 2, 2))?.mean(4)?.mean(2)?.reshape((n, c, h / 2, w / 2))?)
}

/// Each pixel as two by two of them.
fn nearest(x: &Tensor) -> Result<Tensor, TrainError> {
    let (n, c, h, w) = x.dims4()?;
    let spread = x.reshape((n * c, h, 1, w, 1))?.broadcast_as((n * c, h, 2, w, 2))?;
    Ok(spread.contiguous()?.reshape((n, c, 2 * h, 2 * w))?)
}

/// Between each two pixels a quarter and three quarters of the way, as PyTorch does without aligned corners: two products with a fixed matrix.
fn bilinear(x: &Tensor) -> Result<Tensor, TrainError> {
    let (n, c, h, w) = x.dims4()?;
    let spread = |side: usize| {
        let mut rows = vec![0.0f32; side * 2 * side];
        for at in 0..2 * side {
            let (near, far) =
                (at / 2, if at % 2 == 0 { (at / 2).saturating_sub(1) } else { (at / 2 + 1).min(side - 1) });
            rows[near * 2 * side + at] += 0.75;
            rows[far * 2 * side + at] += 0.25;
        }
        Tensor::from_vec(rows, (side, 2 * side), x.device())?.to_dtype(x.dtype())
    };
    let wide = x.reshape((n * c * h, w))?.matmul(&spread(w)?)?.reshape((n * c, h, 2 * w))?;
    let turned = wide.transpose(1, 2)?.contiguous()?.reshape((n * c * 2 * w, h))?;
    let both = turned.matmul(&spread(h)?)?.reshape((n * c, 2 * w, 2 * h))?;
    Ok(both.transpose(1, 2)?.contiguous()?.reshape((n, c, 2 * h, 2 * w))?)
}
