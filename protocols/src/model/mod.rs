//! Models as circuits.
//!
//! One encoder serves all: [`architecture`] says as data how published Transformers differ, [`config`] gives the sizes,
//! [`tensors`](mod@tensors) lists what a file must hold, [`transformer`] builds the circuit, and [`left_out`](mod@left_out) says what of the published
//! models is not computed, and why.

pub mod architecture;
pub mod config;
pub mod convolution;
pub mod dcvae;
pub mod left_out;
mod published;
pub mod sentence;
pub mod site;
pub mod tensors;
pub mod transformer;
pub use architecture::Architecture;
pub use config::{
    Activation, AttentionWeights, ConfigError, Head, Input, MOST_LAYERS, MOST_SIZE, TransformerConfig, TransformerDraft,
};
pub use left_out::left_out;
pub use published::{KNOWN, known};
pub use sentence::{Dense, DenseActivation, Pooling, Sentence};
pub use site::Site;
pub use tensors::tensors;
pub use transformer::{
    BuildError, Embedding, MOST_MASKED_TOKENS, ModelProtocols, Query, circuit, circuit_of_pair, not_private,
};

use crate::program::Grouping;

/// Names of the regions that a model's functions are built in; a message counts for the innermost.
pub const FUNCTIONS: &[&str] =
    &["embedding", "linear", "attention", "softmax", "gelu", "layernorm", "pooler", "head", "input", "output"];

/// A bill of a model broken down by [`FUNCTIONS`].
pub const BY_FUNCTION: Grouping = Grouping::Named(FUNCTIONS);
