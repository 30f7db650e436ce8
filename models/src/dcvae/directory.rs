//! The directory of a DC-VAE.

use super::DcVaeError;
use super::plain::{self, Tensors};
use crate::error::ModelError;
use crate::fields::Fields;
use crate::files::{CONFIG_FILE, WEIGHTS_FILE};
use crate::weights::{Precision, SafetensorsFile, check_finite, write_safetensors};
use ndarray::{Array1, Array3, ArrayD, ArrayView1, ArrayView3, Axis, IxDyn};
use std::path::Path;
use viewless_protocols::model::dcvae::{DcVaeConfig, Tensor};

/// What `config.json` says.
pub const MODEL_TYPE: &str = "dc-vae";

/// A model: its sizes, and its tensors as a file has them, spectral norms divided out.
#[derive(Debug, Clone, PartialEq)]
pub struct DcVae {
    /// Its sizes.
    pub config: DcVaeConfig,
    /// Its tensors, the normalisation among them.
    pub tensors: Tensors,
}

/// Whether a directory says that it holds an autoencoder; what else is wrong with it, whoever reads it says.
#[must_use]
pub fn is_autoencoder(directory: &Path) -> bool {
    let fields = Fields::read(directory.join(CONFIG_FILE), "");
    fields.is_ok_and(|fields| fields.text("model_type").is_ok_and(|found| found == Some(MODEL_TYPE)))
}

/// Reads the sizes alone.
///
/// # Errors
/// A configuration of another model, or with a size that none has.
pub fn read_config(directory: &Path) -> Result<DcVaeConfig, ModelError> {
    let fields = Fields::read(directory.join(CONFIG_FILE), "publish the model with it")?;
    let model_type = fields.text("model_type")?;
    if model_type != Some(MODEL_TYPE) {
        return Err(fields.invalid("model_type", &model_type.unwrap_or_default().into(), "\"dc-vae\""));
    }
    // The smallest model's sizes stand for what is absent nowhere: each must be named.
    let size = |field: &str| match fields.get(field) {
        Some(_) => fields.size_or(field, 1),
        None => Err(ModelError::MissingField { file: fields.file.clone(), field: field.to_owned() }),
    };
    DcVaeConfig::new(
        size("channels")?,
        size("encoder_width")?,
        size("decoder_width")?,
        size("latent")?,
        size("bottom")?,
    )
    .map_err(|source| ModelError::Autoencoder(DcVaeError::Sizes { file: fields.file.clone(), source }))
}

impl DcVae {
    /// Reads a directory.
    ///
    /// # Errors
    /// A configuration of another model, or with a size that none has; a tensor that is absent, has another shape, or holds a number that is
    /// not finite; a spectral norm of zero.
    pub fn load(directory: &Path) -> Result<Self, ModelError> {
        let config = read_config(directory)?;
        let path = directory.join(WEIGHTS_FILE);
        let mut file = SafetensorsFile::open(&path)?;
        let mut tensors = Tensors::new();
        for Tensor { name, shape } in every_tensor(&config) {
            let tensor = read(&path, &mut file, &name, &shape)?;
            tensors.insert(name, tensor);
        }
        Ok(Self { config, tensors })
    }

    /// Means and log-variances of an image `[channels, rows, columns]`.
    ///
    /// # Errors
    /// None for a model that was loaded.
    pub fn encode(&self, image: ArrayView3<'_, f64>) -> Result<Array1<f64>, ModelError> {
        plain::encode(&self.tensors, image)
    }

    /// The image of a latent vector, before the tanh.
    ///
    /// # Errors
    /// None for a model that was loaded.
    pub fn decode(&self, z: ArrayView1<'_, f64>) -> Result<Array3<f64>, ModelError> {
        plain::decode(&self.tensors, &self.config, z)
    }

    /// The tensors that the circuit takes.
    ///
    /// # Errors
    /// None for a model that was loaded.
    pub fn folded(&self) -> Result<Tensors, ModelError> {
        plain::folded(&self.tensors)
    }
}

/// Every tensor of a file, the normalisation's among them.
fn every_tensor(config: &DcVaeConfig) -> Vec<Tensor> {
    let normalisation = ["weight", "bias", "running_mean", "running_var"]
        .map(|part| Tensor { name: format!("dec.to_rgb.0.{part}"), shape: vec![config.decoder_width()] });
    config.encoder_tensors().into_iter().chain(config.decoder_tensors()).chain(normalisation).collect()
}

fn read(path: &Path, file: &mut SafetensorsFile, name: &str, shape: &[usize]) -> Result<ArrayD<f64>, ModelError> {
    let mut plain = |name: &str, shape: &[usize]| {
        let file_name = path.to_owned();
        match file.shape(name) {
            Some(found) if found == shape => {
                let values = file.read(name)?;
                check_finite(path, name, values.view())?;
                Ok(values.mapv(f64::from))
            }
            Some(found) => {
                let (tensor, expected) = (name.to_owned(), shape.to_vec());
                Err(ModelError::WrongShape { file: file_name, tensor, expected, found })
            }
            None => Err(ModelError::MissingTensor { file: file_name, tensor: name.to_owned(), shape: shape.to_vec() }),
        }
    };
    let original = format!("{name}_orig");
    if plain(name, shape).is_ok() || !name.ends_with(".weight") {
        return plain(name, shape);
    }
    let Ok(weight) = plain(&original, shape) else { return plain(name, shape) };
    let columns: usize = shape[1..].iter().product();
    let [u, v] = [("u", shape[0]), ("v", columns)].map(|(part, length)| plain(&format!("{name}_{part}"), &[length]));
    let (u, v) = (u?, v?);
    let norm = spectral_norm(&weight, &u, &v);
    if norm == 0.0 || !norm.is_finite() {
        return Err(ModelError::Autoencoder(DcVaeError::Norm { file: path.to_owned(), tensor: name.to_owned(), norm }));
    }
    Ok(weight / norm)
}

/// u^T W v.
fn spectral_norm(weight: &ArrayD<f64>, u: &ArrayD<f64>, v: &ArrayD<f64>) -> f64 {
    let row =
        |(row, u): (ndarray::ArrayViewD<'_, f64>, &f64)| u * row.iter().zip(v.iter()).map(|(w, v)| w * v).sum::<f64>();
    weight.axis_iter(Axis(0)).zip(u.iter()).map(row).sum()
}

/// Writes a directory.
///
/// # Errors
/// A file that cannot be written.
pub fn write(directory: &Path, model: &DcVae) -> Result<(), ModelError> {
    let file = directory.join(CONFIG_FILE);
    let config = &model.config;
    let fields = serde_json::json!({
        "model_type": MODEL_TYPE,
        "channels": config.channels(),
        "encoder_width": config.encoder_width(),
        "decoder_width": config.decoder_width(),
        "latent": config.latent(),
        "bottom": config.bottom(),
    });
    std::fs::write(&file, format!("{fields:#}\n"))
        .map_err(|source| ModelError::Write { file, source: source.into() })?;
    let single = |x: &ArrayD<f64>| ArrayD::from_shape_vec(IxDyn(x.shape()), x.iter().map(|&x| x as f32).collect());
    let tensors: Vec<(&str, ArrayD<f32>)> =
        model.tensors.iter().filter_map(|(name, x)| Some((name.as_str(), single(x).ok()?))).collect();
    let views = tensors.iter().map(|(name, x)| (*name, x.view()));
    write_safetensors(&directory.join(WEIGHTS_FILE), views, Precision::F32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dcvae::portable;

    fn micro() -> DcVae {
        let config = DcVaeConfig::known("dc-vae-8").unwrap();
        let tensors = portable::weights(&config).into_iter().map(|(name, x)| (name, x.mapv(|x| f64::from(x as f32))));
        DcVae { config, tensors: tensors.collect() }
    }

    #[test]
    fn a_directory_is_read_back_and_what_is_missing_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let model = micro();
        write(directory.path(), &model).unwrap();
        assert_eq!(DcVae::load(directory.path()).unwrap(), model);
        let mut without = model.clone();
        without.tensors.remove("dec.cell2.c1.bias");
        write(directory.path(), &without).unwrap();
        let error = DcVae::load(directory.path()).unwrap_err().to_string();
        assert!(error.contains("dec.cell2.c1.bias"), "{error}");
        std::fs::write(directory.path().join(CONFIG_FILE), r#"{"model_type": "dc-vae", "channels": 0}"#).unwrap();
        assert!(DcVae::load(directory.path()).is_err());
    }

    /// A layer stored as twice its weight, with vectors that give a norm of two.
    #[test]
    fn a_spectral_norm_is_divided_out_when_a_file_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let model = micro();
        let mut stored = model.clone();
        let name = "enc.l5.weight";
        let weight = stored.tensors.remove(name).unwrap();
        let (rows, columns) = (weight.shape()[0], weight.shape()[1]);
        let first = weight[[0, 0]];
        let unit = |length: usize, value: f64| {
            ArrayD::from_shape_fn(IxDyn(&[length]), |at| if at[0] == 0 { value } else { 0.0 })
        };
        // The norm of twice the weight is u_0 2 w_00 v_0 = 2 for u_0 = 1 / w_00, to the rounding of a file.
        stored.tensors.insert(format!("{name}_orig"), weight.mapv(|w| 2.0 * w));
        stored.tensors.insert(format!("{name}_u"), unit(rows, 1.0 / first));
        stored.tensors.insert(format!("{name}_v"), unit(columns, 1.0));
        write(directory.path(), &stored).unwrap();
        let read = DcVae::load(directory.path()).unwrap();
        let difference = (&read.tensors[name] - &weight).iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        assert!(difference < 1e-6, "{difference}");
        stored.tensors.insert(format!("{name}_u"), unit(rows, 0.0));
        write(directory.path(), &stored).unwrap();
        assert!(matches!(DcVae::load(directory.path()).unwrap_err(), ModelError::Autoencoder(DcVaeError::Norm { .. })));
    }
}
