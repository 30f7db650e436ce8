//! Configurations of published models, which need no files.

use super::architecture::Architecture;
use super::config::{Activation, AttentionWeights, Head, Input, TransformerConfig, TransformerDraft};

/// A name, and what makes the configuration.
type Published = (&'static str, fn() -> TransformerConfig);

/// Configurations of published models, by the names under which [`known`] finds them.
const PUBLISHED: [Published; 7] = [
    ("bert-base", TransformerConfig::bert_base),
    ("bert-large", TransformerConfig::bert_large),
    ("roberta-base", TransformerConfig::roberta_base),
    ("distilbert", TransformerConfig::distilbert),
    ("gpt2", TransformerConfig::gpt2),
    ("mpnet-base", TransformerConfig::mpnet_base),
    ("vit-base", TransformerConfig::vit_base),
];

/// Names that [`known`] knows.
pub const KNOWN: [&str; 7] = {
    let mut names = [""; PUBLISHED.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = PUBLISHED[i].0;
        i += 1;
    }
    names
};

/// Configurations that need no files, by name.
#[must_use]
pub fn known(name: &str) -> Option<TransformerConfig> {
    PUBLISHED.iter().find(|(known, _)| *known == name).map(|(_, config)| config())
}

impl TransformerConfig {
    /// A configuration of a published model.
    fn published(draft: TransformerDraft) -> Self {
        draft.check().expect("a published configuration can be")
    }

    /// BERT-base, cased: 12 layers, hidden 768, vocabulary 28,996 (the model of SecFormer's and MPCFormer's tables).
    #[must_use]
    pub fn bert_base() -> Self {
        Self::published(TransformerDraft {
            architecture: Architecture::Bert,
            input: Input::Text { vocab_size: 28_996, max_positions: 512, type_vocab_size: 2 },
            hidden_size: 768,
            embedding_size: None,
            layers: 12,
            heads: 12,
            intermediate_size: 3072,
            layer_norm_epsilon: 1e-12,
            activation: Activation::Gelu,
            attention_weights: AttentionWeights::Softmax,
            first_position: 0,
            padding_token: None,
            head: Head::HiddenStates,
        })
    }

    /// BERT-large, cased: 24 layers, hidden 1024, 16 heads, intermediate 4096.
    #[must_use]
    pub fn bert_large() -> Self {
        Self::published(TransformerDraft {
            hidden_size: 1024,
            layers: 24,
            heads: 16,
            intermediate_size: 4096,
            ..Self::bert_base().draft()
        })
    }

    /// `roberta-base` (Hugging Face: FacebookAI/roberta-base): BERT-base with 50,265 words and 514 positions.
    #[must_use]
    pub fn roberta_base() -> Self {
        Self::published(TransformerDraft {
            architecture: Architecture::Roberta,
            input: Input::Text { vocab_size: 50_265, max_positions: 514, type_vocab_size: 1 },
            layer_norm_epsilon: 1e-5,
            // Rows 0 and 1 belong to padding: Hugging Face counts from `pad_token_id` + 1.
            first_position: 2,
            padding_token: Some(1),
            ..Self::bert_base().draft()
        })
    }

    /// `distilbert-base-uncased` (Hugging Face: distilbert/distilbert-base-uncased): 6 layers, 30,522 words.
    #[must_use]
    pub fn distilbert() -> Self {
        Self::published(TransformerDraft {
            architecture: Architecture::Distilbert,
            input: Input::Text { vocab_size: 30_522, max_positions: 512, type_vocab_size: 0 },
            layers: 6,
            ..Self::bert_base().draft()
        })
    }

    /// `gpt2`, the smallest of four (Hugging Face: openai-community/gpt2), with logits of the next token.
    #[must_use]
    pub fn gpt2() -> Self {
        Self::published(TransformerDraft {
            architecture: Architecture::Gpt2,
            input: Input::Text { vocab_size: 50_257, max_positions: 1024, type_vocab_size: 0 },
            layer_norm_epsilon: 1e-5,
            activation: Activation::GeluTanh,
            head: Head::NextToken,
            ..Self::bert_base().draft()
        })
    }

    /// `mpnet-base` (Hugging Face: microsoft/mpnet-base): the body of all-mpnet-base-v2, 30,527 words.
    #[must_use]
    pub fn mpnet_base() -> Self {
        Self::published(TransformerDraft {
            architecture: Architecture::Mpnet,
            input: Input::Text { vocab_size: 30_527, max_positions: 514, type_vocab_size: 0 },
            layer_norm_epsilon: 1e-5,
            first_position: 2,
            padding_token: Some(1),
            ..Self::bert_base().draft()
        })
    }

    /// `vit-base-patch16-224` (Hugging Face: google/vit-base-patch16-224) without its head of 1000 labels: 196 patches and a
    /// class token.
    #[must_use]
    pub fn vit_base() -> Self {
        Self::published(TransformerDraft {
            architecture: Architecture::Vit,
            input: Input::Image { image_size: 224, patch_size: 16, channels: 3 },
            ..Self::bert_base().draft()
        })
    }
}
