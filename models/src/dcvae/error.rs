//! What can be wrong with an autoencoder's directory, beside what can be with any model's.

use std::path::PathBuf;
use thiserror::Error;
use viewless_protocols::model::dcvae::DcVaeConfigError;

/// An autoencoder that cannot be used.
#[derive(Debug, Error)]
pub enum DcVaeError {
    /// A size that no autoencoder has.
    #[error("{}: {source}", file.display())]
    Sizes {
        /// The file.
        file: PathBuf,
        /// The size.
        source: DcVaeConfigError,
    },
    /// A tensor of an autoencoder that is absent, or has another number of axes.
    #[error(
        "the autoencoder has no `{tensor}` of the right number of axes; read it with `DcVae::load`, which checks every tensor"
    )]
    Tensor {
        /// The tensor.
        tensor: String,
    },
    /// A spectral norm that nothing can be divided by.
    #[error("{}: the spectral norm of `{tensor}` is {norm}, and its weight is divided by it; export the model after it was trained", file.display())]
    Norm {
        /// The file.
        file: PathBuf,
        /// The weight.
        tensor: String,
        /// The norm.
        norm: f64,
    },
}
