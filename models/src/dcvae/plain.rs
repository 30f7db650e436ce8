//! The plaintext pass in f64, written apart from the circuit: images are `[channels, rows, columns]`, a convolution adds products with moved images, and
//! the normalisation is done where it stands.

use ndarray::{
    Array1, Array2, Array3, ArrayD, ArrayView1, ArrayView2, ArrayView3, ArrayView4, Axis, Ix1, Ix2, Ix4, Zip, s,
};
use std::collections::BTreeMap;
use viewless_protocols::model::dcvae::DcVaeConfig;

use super::DcVaeError;
use crate::error::ModelError;

/// Tensors by name.
pub type Tensors = BTreeMap<String, ArrayD<f64>>;

/// Added to a variance by the normalisation, as PyTorch does.
const EPSILON: f64 = 1e-5;
/// The normalisation, and the layer before it.
const NORMALISATION: &str = "dec.to_rgb.0";
const BEFORE: &str = "dec.cell3.c2";

/// Tensors of which each was checked for its shape when it was read.
struct Reader<'a>(&'a Tensors);

impl<'a> Reader<'a> {
    fn get(&self, name: &str) -> Result<&'a ArrayD<f64>, ModelError> {
        self.0.get(name).ok_or_else(|| ModelError::Autoencoder(DcVaeError::Tensor { tensor: name.to_owned() }))
    }

    fn kernel(&self, layer: &str) -> Result<ArrayView4<'a, f64>, ModelError> {
        let name = format!("{layer}.weight");
        let found = self.get(&name)?.view();
        found.into_dimensionality::<Ix4>().map_err(|_| ModelError::Autoencoder(DcVaeError::Tensor { tensor: name }))
    }

    fn matrix(&self, name: &str) -> Result<ArrayView2<'a, f64>, ModelError> {
        let found = self.get(name)?.view();
        found
            .into_dimensionality::<Ix2>()
            .map_err(|_| ModelError::Autoencoder(DcVaeError::Tensor { tensor: name.to_owned() }))
    }

    fn vector(&self, name: &str) -> Result<ArrayView1<'a, f64>, ModelError> {
        let found = self.get(name)?.view();
        found
            .into_dimensionality::<Ix1>()
            .map_err(|_| ModelError::Autoencoder(DcVaeError::Tensor { tensor: name.to_owned() }))
    }

    /// A convolution that keeps the size, with its bias: for each place in the kernel, a product with the image moved by it.
    fn conv(&self, x: ArrayView3<'_, f64>, layer: &str) -> Result<Array3<f64>, ModelError> {
        let (weight, bias) = (self.kernel(layer)?, self.vector(&format!("{layer}.bias"))?);
        let (_, rows, columns) = x.dim();
        let (outputs, inputs, kernel, _) = weight.dim();
        let reach = kernel as isize / 2;
        let mut y = Array2::from_shape_fn((outputs, rows * columns), |(output, _)| bias[output]);
        for down in 0..kernel {
            for right in 0..kernel {
                let (i, j) = (down as isize - reach, right as isize - reach);
                let (high, wide) = (rows as isize, columns as isize);
                let mut moved = Array3::zeros((inputs, rows, columns));
                let to = s![.., -i.min(0)..high - i.max(0), -j.min(0)..wide - j.max(0)];
                moved.slice_mut(to).assign(&x.slice(s![.., i.max(0)..high + i.min(0), j.max(0)..wide + j.min(0)]));
                let moved =
                    Array2::from_shape_fn((inputs, rows * columns), |(c, at)| moved[[c, at / columns, at % columns]]);
                y += &weight.slice(s![.., .., down, right]).dot(&moved);
            }
        }
        Ok(Array3::from_shape_fn((outputs, rows, columns), |(o, i, j)| y[[o, i * columns + j]]))
    }
}

fn relu(x: &Array3<f64>) -> Array3<f64> {
    x.mapv(|x| x.max(0.0))
}

fn mean_pool2(x: &Array3<f64>) -> Array3<f64> {
    let corner = |i: usize, j: usize| x.slice(s![.., i..;2, j..;2]);
    (&corner(0, 0) + &corner(0, 1) + corner(1, 0) + corner(1, 1)) / 4.0
}

fn nearest2(x: &Array3<f64>) -> Array3<f64> {
    let (channels, rows, columns) = x.dim();
    Array3::from_shape_fn((channels, 2 * rows, 2 * columns), |(c, i, j)| x[[c, i / 2, j / 2]])
}

/// U x U^T, with rows of U that weigh two elements (align_corners is false).
fn bilinear2(x: &Array3<f64>) -> Array3<f64> {
    let matrix = |length: usize| {
        let mut u = Array2::<f64>::zeros((2 * length, length));
        for row in 0..2 * length {
            let other = if row % 2 == 0 { (row / 2).saturating_sub(1) } else { (row / 2 + 1).min(length - 1) };
            u[[row, row / 2]] += 0.75;
            u[[row, other]] += 0.25;
        }
        u
    };
    let (channels, rows, columns) = x.dim();
    let (left, right) = (matrix(rows), matrix(columns));
    let mut y = Array3::zeros((channels, 2 * rows, 2 * columns));
    for (x, mut y) in x.outer_iter().zip(y.outer_iter_mut()) {
        y.assign(&left.dot(&x).dot(&right.t()));
    }
    y
}

/// Means and log-variances of an image `[channels, rows, columns]`.
///
/// # Errors
/// A tensor that is absent or has another number of axes.
pub fn encode(tensors: &Tensors, image: ArrayView3<'_, f64>) -> Result<Array1<f64>, ModelError> {
    let r = Reader(tensors);
    let h = r.conv(image, "enc.block1.c1")?;
    let h = mean_pool2(&r.conv(relu(&h).view(), "enc.block1.c2")?);
    let mut x = h + r.conv(mean_pool2(&image.to_owned()).view(), "enc.block1.c_sc")?;
    let h = r.conv(relu(&x).view(), "enc.block2.c1")?;
    let h = mean_pool2(&r.conv(relu(&h).view(), "enc.block2.c2")?);
    x = h + mean_pool2(&r.conv(x.view(), "enc.block2.c_sc")?);
    for block in ["enc.block3", "enc.block4"] {
        let h = r.conv(relu(&x).view(), &format!("{block}.c1"))?;
        x = x + r.conv(relu(&h).view(), &format!("{block}.c2"))?;
    }
    let sums = relu(&x).sum_axis(Axis(2)).sum_axis(Axis(1));
    Ok(r.matrix("enc.l5.weight")?.dot(&sums))
}

/// The image of a latent vector: what stands before the tanh.
///
/// # Errors
/// A tensor that is absent or has another number of axes.
pub fn decode(tensors: &Tensors, config: &DcVaeConfig, z: ArrayView1<'_, f64>) -> Result<Array3<f64>, ModelError> {
    let r = Reader(tensors);
    let (width, bottom) = (config.decoder_width(), config.bottom());
    let start = r.matrix("dec.l1.weight")?.dot(&z) + r.vector("dec.l1.bias")?;
    let mut x = Array3::from_shape_fn((width, bottom, bottom), |(c, i, j)| start[(c * bottom + i) * bottom + j]);
    let mut features: Vec<Array3<f64>> = Vec::new();
    for (cell, up) in [nearest2 as fn(&Array3<f64>) -> Array3<f64>, bilinear2, nearest2].into_iter().enumerate() {
        let path = format!("dec.cell{}", cell + 1);
        let side = 2 * x.dim().1;
        let enlarged = |x: &Array3<f64>| {
            let mut x = x.clone();
            while x.dim().1 < side {
                x = up(&x);
            }
            x
        };
        let mut a = r.conv(up(&relu(&x)).view(), &format!("{path}.c1"))?;
        for (skip, feature) in features.iter().enumerate() {
            a = a + r.conv(enlarged(feature).view(), &format!("{path}.skip_in_ops.{skip}"))?;
        }
        let out = r.conv(relu(&a).view(), &format!("{path}.c2"))?;
        x = if cell < 2 { out + r.conv(up(&x).view(), &format!("{path}.c_sc"))? } else { out };
        features.push(a);
    }
    let [gamma, beta, mean, variance] = normalisation(&r)?;
    let mut normal = x;
    for (channel, mut plane) in normal.outer_iter_mut().enumerate() {
        let scale = gamma[channel] / (variance[channel] + EPSILON).sqrt();
        plane.mapv_inplace(|x| (x - mean[channel]) * scale + beta[channel]);
    }
    r.conv(relu(&normal).view(), "dec.to_rgb.2")
}

fn normalisation<'a>(r: &Reader<'a>) -> Result<[ArrayView1<'a, f64>; 4], ModelError> {
    let part = |part: &str| r.vector(&format!("{NORMALISATION}.{part}"));
    Ok([part("weight")?, part("bias")?, part("running_mean")?, part("running_var")?])
}

/// The tensors that the circuit takes: the normalisation is part of the layer before it.
///
/// # Errors
/// A tensor that is absent or has another number of axes.
pub fn folded(tensors: &Tensors) -> Result<Tensors, ModelError> {
    let r = Reader(tensors);
    let [gamma, beta, mean, variance] = normalisation(&r)?;
    let mut scale = gamma.to_owned();
    Zip::from(&mut scale).and(&variance).for_each(|scale, variance| *scale /= (variance + EPSILON).sqrt());
    let mut weight = r.kernel(BEFORE)?.to_owned();
    for (mut kernel, scale) in weight.outer_iter_mut().zip(&scale) {
        kernel *= *scale;
    }
    let bias = (&r.vector(&format!("{BEFORE}.bias"))? - &mean) * &scale + beta;
    let mut folded: Tensors = tensors
        .iter()
        .filter(|(name, _)| !name.starts_with(NORMALISATION))
        .map(|(name, x)| (name.clone(), x.clone()))
        .collect();
    folded.insert(format!("{BEFORE}.weight"), weight.into_dyn());
    folded.insert(format!("{BEFORE}.bias"), bias.into_dyn());
    Ok(folded)
}
