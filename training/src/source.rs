//! The directory that a run begins with: a pre-trained model, or a teacher.

use std::path::{Path, PathBuf};

use candle_core::DType;
use viewless_models::{Decision, ModelError, Weights, decision, read_config};
use viewless_protocols::model::{Architecture, Head, TransformerConfig, TransformerDraft};

use crate::error::TrainError;
use crate::variables::Variables;

/// A BERT directory.
#[derive(Debug)]
pub struct Source {
    /// Where it lies.
    pub directory: PathBuf,
    /// Its sizes, functions and head.
    pub config: TransformerConfig,
    /// What its logits mean.
    pub decision: Decision,
    /// Its weights: those of its head, and those of a pooler if it has one.
    pub variables: Variables,
}

impl Source {
    /// Reads a directory. Weights are left out where they are not wanted.
    ///
    /// # Errors
    /// A directory that is no BERT's, or that cannot be read.
    pub fn read(directory: &Path, with_weights: bool) -> Result<Self, TrainError> {
        let config = read_config(directory)?;
        if config.architecture != Architecture::Bert {
            return Err(TrainError::Architecture {
                directory: directory.to_owned(),
                architecture: config.architecture.to_string(),
            });
        }
        let variables = if with_weights { weights(directory, &config)? } else { Variables::new(DType::F32) };
        Ok(Self { directory: directory.to_owned(), decision: decision(directory)?, config, variables })
    }

    /// Its labels, if it is a classifier or a regressor.
    #[must_use]
    pub fn labels(&self) -> Option<&[String]> {
        match &self.config.head {
            Head::Classifier { labels } => Some(labels),
            Head::HiddenStates
            | Head::MeanPooling
            | Head::Pooler
            | Head::NextToken
            | Head::NextTokenByOwnTable
            | Head::Pooling(_)
            | Head::Sentence(_)
            | Head::TokenClassifier { .. }
            | Head::AnswerSpan
            | Head::MaskedWord => None,
        }
    }

    /// A digest of its weights.
    ///
    /// # Errors
    /// The library of tensors.
    pub fn digest(&self) -> Result<String, TrainError> {
        let mut digest = blake3::Hasher::new();
        for (name, _) in self.variables.iter() {
            digest.update(name.as_bytes());
            let values = self.variables.values(name)?;
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            digest.update(&bytes);
        }
        Ok(digest.finalize().to_hex().to_string())
    }
}

/// The weights of a classifier, or of a body with its pooler, or of a body alone: what the directory has.
fn weights(directory: &Path, config: &TransformerConfig) -> Result<Variables, TrainError> {
    let with = |head: Head| -> Result<Weights, ModelError> {
        let draft = TransformerDraft { head, ..config.draft() };
        let config = draft.check().map_err(|source| ModelError::Sizes { file: directory.to_owned(), source })?;
        Weights::of_directory(directory, &config)
    };
    let found = match &config.head {
        head @ Head::Classifier { .. } => with(head.clone()),
        _ => match with(Head::Pooler) {
            Err(ModelError::MissingTensor { .. }) => with(Head::HiddenStates),
            found => found,
        },
    };
    Variables::of_weights(&found?, DType::F32)
}
