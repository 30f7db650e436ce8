//! A model directory, loaded whole.

use std::path::{Path, PathBuf};

use viewless_protocols::model::config::BertConfig;

use crate::config::read_config;
use crate::error::ModelError;
use crate::plaintext::{self, Output};
use crate::tokenizer::Tokenizer;
use crate::weights::Weights;

/// Name of the configuration in a model directory.
pub const CONFIG_FILE: &str = "config.json";
/// Name of the weights in a model directory.
pub const WEIGHTS_FILE: &str = "model.safetensors";
/// Name of the tokenizer in a model directory.
pub const TOKENIZER_FILE: &str = "tokenizer.json";

/// A model whose configuration, weights and tokenizer fit together.
#[derive(Debug, Clone)]
pub struct Model {
    /// Where it was loaded from.
    pub directory: PathBuf,
    /// Its sizes, activation and head.
    pub config: BertConfig,
    /// Its tensors.
    pub weights: Weights,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
}

impl Model {
    /// Loads `config.json`, `tokenizer.json` and `model.safetensors`, and `modules.json` where there is one.
    ///
    /// # Errors
    /// Whatever [`read_config`], [`Tokenizer::load`] and [`Weights::load`] refuse, in this order: the large file comes
    /// last.
    pub fn load(directory: &Path) -> Result<Self, ModelError> {
        let config = read_config(directory)?;
        let tokenizer = Tokenizer::load(&directory.join(TOKENIZER_FILE), &config)?;
        let weights = Weights::load(&directory.join(WEIGHTS_FILE), &config)?;
        tracing::debug!(directory = %directory.display(), parameters = weights.parameters(), "model loaded");
        Ok(Self { directory: directory.to_owned(), config, weights, tokenizer })
    }

    /// The plaintext pass; see [`crate::forward`].
    ///
    /// # Errors
    /// No tokens, too many, or one outside the vocabulary.
    pub fn forward(&self, tokens: &[u32]) -> Result<Output, ModelError> {
        plaintext::forward(&self.config, &self.weights, tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{self, small_config};
    use std::fs;

    #[test]
    fn a_whole_directory_loads_and_runs() {
        let model = Model::load(synthetic::temporary(&small_config()).path()).unwrap();
        let tokens = model.tokenizer.encode("the view is empty").unwrap();
        let output = model.forward(&tokens).unwrap();
        assert_eq!(output.hidden_states.dim(), (tokens.len(), model.config.hidden_size));
        assert!(output.hidden_states.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn each_absent_file_is_named() {
        for file in [CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE] {
            let directory = synthetic::temporary(&small_config());
            fs::remove_file(directory.path().join(file)).unwrap();
            let error = Model::load(directory.path()).unwrap_err();
            assert!(matches!(error, ModelError::MissingFile { .. }) && error.to_string().contains(file), "{error}");
        }
    }
}
