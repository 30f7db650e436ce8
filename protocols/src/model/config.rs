//! The shape of a BERT-like encoder: everything a circuit needs to know about a model except its weights.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The activation between the two linear layers of the feed-forward block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// x/2 (1 + erf(x/sqrt 2)): Hugging Face's `gelu`.
    Gelu,
    /// The tanh form, x/2 (1 + tanh(sqrt(2/pi)(x + 0.044715 x^3))): Hugging Face's `gelu_new` and `gelu_pytorch_tanh`.
    GeluTanh,
}

/// What is computed from the last hidden states.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Head {
    /// Nothing: the output is the last hidden state, `[tokens, hidden]`.
    HiddenStates,
    /// Mean over the tokens, `[hidden]`: sentence-transformers' mean pooling for an unpadded sentence.
    MeanPooling,
    /// tanh(dense(first token)), `[hidden]`: BERT's pooler.
    Pooler,
    /// The pooler followed by a linear layer, `[labels]`: logits of a sequence classifier.
    Classifier {
        /// Names of the labels, in the order of the logits.
        labels: Vec<String>,
    },
}

/// Sizes of a BERT encoder (Devlin et al., 2018). All counts; no unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BertConfig {
    /// Rows of the word embedding table.
    pub vocab_size: usize,
    /// Width of the hidden states.
    pub hidden_size: usize,
    /// Number of encoder layers.
    pub layers: usize,
    /// Attention heads per layer; divides `hidden_size`.
    pub heads: usize,
    /// Width between the two linear layers of the feed-forward block.
    pub intermediate_size: usize,
    /// Rows of the position embedding table: the longest sequence.
    pub max_positions: usize,
    /// Rows of the token-type embedding table.
    pub type_vocab_size: usize,
    /// Added to the variance in LayerNorm.
    pub layer_norm_epsilon: f64,
    /// Activation of the feed-forward block.
    pub activation: Activation,
    /// What is computed from the last hidden states.
    pub head: Head,
}

/// A configuration that no BERT can have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A size is zero.
    #[error("`{field}` is 0; a BERT needs at least 1")]
    Zero {
        /// Name of the field.
        field: &'static str,
    },
    /// The hidden size does not split evenly over the heads.
    #[error(
        "hidden size {hidden} is not divisible by {heads} attention heads; correct `hidden_size` or `num_attention_heads`"
    )]
    HeadsDoNotDivide {
        /// Width of the hidden states.
        hidden: usize,
        /// Attention heads.
        heads: usize,
    },
}

impl BertConfig {
    /// BERT-base, cased: 12 layers, hidden 768, vocabulary 28,996 (the model of SecFormer's and MPCFormer's tables).
    #[must_use]
    pub fn base() -> Self {
        Self {
            vocab_size: 28_996,
            hidden_size: 768,
            layers: 12,
            heads: 12,
            intermediate_size: 3072,
            max_positions: 512,
            type_vocab_size: 2,
            layer_norm_epsilon: 1e-12,
            activation: Activation::Gelu,
            head: Head::HiddenStates,
        }
    }

    /// BERT-large, cased: 24 layers, hidden 1024, 16 heads, intermediate 4096.
    #[must_use]
    pub fn large() -> Self {
        Self { hidden_size: 1024, layers: 24, heads: 16, intermediate_size: 4096, ..Self::base() }
    }

    /// Width of one attention head.
    #[must_use]
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.heads
    }

    /// Refuses sizes that cannot be a BERT.
    ///
    /// # Errors
    /// [`ConfigError`] names the field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.layers),
            ("num_attention_heads", self.heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_positions),
            ("type_vocab_size", self.type_vocab_size),
        ];
        for (field, size) in sizes {
            if size == 0 {
                return Err(ConfigError::Zero { field });
            }
        }
        if !self.hidden_size.is_multiple_of(self.heads) {
            return Err(ConfigError::HeadsDoNotDivide { hidden: self.hidden_size, heads: self.heads });
        }
        Ok(())
    }
}
