//! DC-VAE, an autoencoder of images: its directory, its plaintext pass, and weights that need no file.
//!
//! A directory holds `config.json`, with `"model_type": "dc-vae"` and the five sizes of [`DcVaeConfig`], and `model.safetensors`, with the
//! tensors of PyTorch's state dicts behind `enc.` and `dec.`. Where a layer has a spectral norm (`weight_orig`, `weight_u`, `weight_v`), the
//! weight is divided by it when the file is read.

mod directory;
mod error;
mod images;
mod made;
mod plain;
mod portable;

pub use directory::{DcVae, MODEL_TYPE, is_autoencoder, read_config, write};
pub use error::DcVaeError;
pub use images::{Images, Resized, Wanted, read_images};
pub(crate) use made::put;
pub use plain::{Tensors, decode, encode, folded};
pub use portable::{input, weights};
