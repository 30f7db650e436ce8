//! The sites of a model: the places where it calls a protocol whose argument its weights decide.
//!
//! A suite names one protocol for each function; for a site it may name another one that computes the same function, because the numbers that
//! reach the first layer are not those of the last.

use super::TransformerConfig;
use super::architecture::{Placement, Sum};
use crate::nonlinear::Function;

/// A site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Site {
    /// The normalisation of a sum.
    Normalisation(Sum),
    /// The attention weights of a layer.
    Scores {
        /// Layer, from 0.
        layer: usize,
    },
    /// The activation of a layer, where it is one that a protocol computes.
    Activation {
        /// Layer, from 0.
        layer: usize,
    },
}

impl Site {
    /// The sites of a model, in the order in which it comes to them.
    #[must_use]
    pub fn all(config: &TransformerConfig) -> Vec<Self> {
        let layers = (0..config.layers).flat_map(|layer| {
            let activation = config.activation.is_gelu().then_some(Self::Activation { layer });
            let scores = [Self::Scores { layer }, Self::Normalisation(Sum::Attention { layer })];
            scores.into_iter().chain(activation).chain([Self::Normalisation(Sum::FeedForward { layer })])
        });
        std::iter::once(Self::Normalisation(Sum::Embedding)).chain(layers).collect()
    }

    /// What is computed there.
    #[must_use]
    pub fn function(self) -> Function {
        match self {
            Self::Normalisation(_) => Function::LAYERNORM,
            Self::Scores { .. } => Function::SOFTMAX,
            Self::Activation { .. } => Function::GELU,
        }
    }

    /// Its name: `layer.0/attention/layernorm`, the function last. A normalisation is named after the block whose sum it takes, or, where it
    /// stands before a block, after that.
    #[must_use]
    pub fn name(self, config: &TransformerConfig) -> String {
        let sum = match self {
            Self::Scores { layer } => return format!("layer.{layer}/softmax"),
            Self::Activation { layer } => return format!("layer.{layer}/gelu"),
            Self::Normalisation(sum) => sum,
        };
        match (sum, config.architecture.layout().norms.placement) {
            (Sum::Embedding, Placement::After) => "embedding/layernorm".to_owned(),
            (Sum::Attention { layer }, Placement::After) => format!("layer.{layer}/attention/layernorm"),
            (Sum::FeedForward { layer }, Placement::After) | (Sum::Attention { layer }, Placement::Before) => {
                format!("layer.{layer}/output/layernorm")
            }
            (Sum::Embedding, Placement::Before) => "layer.0/attention/layernorm".to_owned(),
            (Sum::FeedForward { layer }, Placement::Before) if layer + 1 == config.layers => "layernorm".to_owned(),
            (Sum::FeedForward { layer }, Placement::Before) => format!("layer.{}/attention/layernorm", layer + 1),
        }
    }
}
