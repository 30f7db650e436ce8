//! A small model of every architecture with every head, with made-up weights.

use std::path::PathBuf;
use viewless_models::synthetic::synthetic_weights;
use viewless_models::{Decision, Model};
use viewless_protocols::model::architecture::EmbeddingLayout;
use viewless_protocols::model::{
    Activation, Architecture, Dense, DenseActivation, Head, Input, Pooling, Sentence, TransformerConfig,
    TransformerDraft,
};

/// Length of their hidden states.
pub const HIDDEN: usize = 8;

/// With these weights no normalised row is near a threshold at which the bound of a comparison doubles: the second intervals are
/// narrow.
const SEED: u64 = 12;

/// A model of one layer, two heads and 11 words, or images of four patches.
///
/// # Panics
/// For a head that the architecture does not have.
#[must_use]
pub fn small(architecture: Architecture, head: Head) -> Model {
    let layout = architecture.layout();
    let input = match layout.embedding {
        EmbeddingLayout::Words { types, .. } => {
            Input::Text { vocab_size: 11, max_positions: 9, type_vocab_size: usize::from(types.is_some()) }
        }
        EmbeddingLayout::Patches { .. } => Input::Image { image_size: 4, patch_size: 2, channels: 3 },
    };
    let config = TransformerDraft {
        architecture,
        input,
        hidden_size: HIDDEN,
        embedding_size: layout.projection.map(|_| HIDDEN / 2),
        layers: 1,
        heads: 2,
        intermediate_size: 12,
        layer_norm_epsilon: 1e-5,
        activation: if layout.next_token { Activation::GeluTanh } else { Activation::Gelu },
        head,
        first_position: if matches!(architecture, Architecture::Roberta | Architecture::Mpnet) { 2 } else { 0 },
        ..TransformerConfig::bert_base().draft()
    }
    .check()
    .expect("a small configuration is a configuration");
    let weights = synthetic_weights(&config, SEED).expect("a small configuration is a configuration");
    Model {
        directory: PathBuf::from("small"),
        config,
        weights,
        tokenizer: None,
        decision: Decision::OneLabel,
        normalises: false,
        notes: Vec::new(),
    }
}

/// Every architecture with every head that it has.
///
/// # Panics
/// When a published configuration is refused.
#[must_use]
pub fn every_model() -> Vec<Model> {
    let labels = || Head::Classifier { labels: vec!["no".to_owned(), "yes".to_owned()] };
    let sentence = Head::Sentence(Sentence {
        poolings: vec![Pooling::FirstToken, Pooling::Mean],
        dense: vec![
            Dense { outputs: 7, has_bias: true, activation: DenseActivation::Tanh },
            Dense { outputs: 5, has_bias: false, activation: DenseActivation::Identity },
        ],
        kept: Some(4),
    });
    let heads = || [Head::HiddenStates, Head::MeanPooling, Head::Pooler, labels(), Head::NextToken, sentence.clone()];
    let all = Architecture::ALL.into_iter().flat_map(|architecture| heads().map(|head| (architecture, head)));
    let valid = |(architecture, head): &(Architecture, Head)| {
        let base = match architecture {
            Architecture::Bert => TransformerConfig::bert_base(),
            Architecture::Roberta => TransformerConfig::roberta_base(),
            Architecture::Distilbert => TransformerConfig::distilbert(),
            Architecture::Gpt2 => TransformerConfig::gpt2(),
            Architecture::Electra => {
                TransformerDraft { architecture: *architecture, ..TransformerConfig::bert_base().draft() }
                    .check()
                    .expect("a small configuration is a configuration")
            }
            Architecture::Mpnet => TransformerConfig::mpnet_base(),
            Architecture::Vit => TransformerConfig::vit_base(),
        };
        TransformerDraft { head: head.clone(), ..base.draft() }.check().is_ok()
    };
    all.filter(valid).map(|(architecture, head)| small(architecture, head)).collect()
}
