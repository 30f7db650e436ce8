//! One vector of a text: poolings, and what sentence-transformers models have behind them.

use super::config::Activation;
use serde::{Deserialize, Serialize};

/// One vector of the hidden states of all tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// The mean.
    Mean,
    /// That of the first token.
    FirstToken,
    /// That of the last token.
    LastToken,
    /// The sum over the square root of the number of tokens.
    MeanSqrtLength,
    /// The mean with weights 1, 2, 3, … by position.
    WeightedMean,
    /// The largest of each column. No private circuit computes it.
    Max,
}

/// What follows the linear layer of a [`Dense`] step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DenseActivation {
    /// Nothing.
    Identity,
    /// tanh.
    Tanh,
    /// One of those that a feed-forward block may have.
    Of(Activation),
}

/// A linear layer behind the pooling: sentence-transformers' `Dense`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dense {
    /// Numbers that it gives.
    pub outputs: usize,
    /// Whether it adds a bias.
    pub has_bias: bool,
    /// What follows it.
    pub activation: DenseActivation,
}

/// The steps of a sentence-transformers model behind its body, where they are more than one pooling of all numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sentence {
    /// Poolings whose vectors stand side by side, in this order.
    pub poolings: Vec<Pooling>,
    /// Linear layers, one after another.
    pub dense: Vec<Dense>,
    /// Numbers of the vector that are kept, from its beginning (`truncate_dim`); all of them if it has no more.
    pub kept: Option<usize>,
}

impl Sentence {
    /// Numbers of the vector, for hidden states of a width.
    #[must_use]
    pub fn width(&self, hidden_size: usize) -> usize {
        let whole = self.dense.last().map_or(self.poolings.len() * hidden_size, |dense| dense.outputs);
        self.kept.map_or(whole, |kept| whole.min(kept))
    }

    /// Inputs of each linear layer, for hidden states of a width.
    pub fn inputs(&self, hidden_size: usize) -> impl Iterator<Item = usize> {
        let pooled = self.poolings.len() * hidden_size;
        std::iter::once(pooled).chain(self.dense.iter().map(|dense| dense.outputs)).take(self.dense.len())
    }
}
