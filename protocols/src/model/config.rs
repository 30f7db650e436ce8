//! The shape of a Transformer: everything a circuit needs to know about a model except its weights.

use super::architecture::{Architecture, ClassifierInput, EmbeddingLayout};
use super::sentence::{Dense, DenseActivation, Pooling, Sentence};
use crate::nonlinear::Function;
use serde::{Deserialize, Serialize};
use std::ops::Deref;
use thiserror::Error;

/// The field that counts layers.
const LAYERS: &str = "num_hidden_layers";

/// The activation between the two linear layers of the feed-forward block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// x/2 (1 + erf(x/sqrt 2)): Hugging Face's `gelu`.
    Gelu,
    /// The tanh form, x/2 (1 + tanh(sqrt(2/pi)(x + 0.044715 x^3))): Hugging Face's `gelu_new` and `gelu_pytorch_tanh`.
    GeluTanh,
    /// max(x, 0): `relu`. Private circuits compute it exactly, by a comparison and a selection.
    Relu,
    /// x / (1 + e^-x): `silu` and `swish`.
    Silu,
    /// x / (1 + e^(-1.702 x)): `quick_gelu`.
    QuickGelu,
    /// x^2/8 + x/4 + 1/2: `quad`, which MPCFormer's models are distilled to.
    Quad,
}

impl Activation {
    /// Whether a protocol for GeLU stands in its place in a private circuit. (That for a model with `Quad` should compute
    /// Quad; whoever compares the two says so.)
    #[must_use]
    pub const fn is_gelu(self) -> bool {
        match self {
            Self::Gelu | Self::GeluTanh | Self::Quad => true,
            Self::Relu | Self::Silu | Self::QuickGelu => false,
        }
    }
}

/// What makes weights of attention scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttentionWeights {
    /// e^x over its row sum.
    #[default]
    Softmax,
    /// (x + 5)^2 over its row sum: `softmax_act: 2quad`, which MPCFormer's and SecFormer's models are distilled to.
    TwoQuad,
    /// max(x, 0) over its row sum, and equal weights in a row without a positive score: `softmax_act: 2relu`, MPCFormer's other choice.
    TwoRelu,
}

/// What is computed from the last hidden states.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Head {
    /// Nothing: the output is the last hidden state, `[tokens, hidden]`.
    HiddenStates,
    /// Mean over the tokens, `[hidden]`: sentence-transformers' mean pooling for an unpadded sentence.
    MeanPooling,
    /// tanh(dense(first token)), `[hidden]`: the pooler of BERT, RoBERTa and ViT.
    Pooler,
    /// Logits of a classifier of sequences or images, `[labels]`; what it reads is its architecture's matter.
    Classifier {
        /// Names of the labels, in the order of the logits.
        labels: Vec<String>,
    },
    /// Logits of the token that follows the last one, `[vocabulary]`: the last hidden state times the word table.
    NextToken,
    /// The same times a table of its own.
    NextTokenByOwnTable,
    /// Another pooling than the mean, `[hidden]`.
    Pooling(Pooling),
    /// Several poolings side by side, linear layers behind them, or a part of the vector.
    Sentence(Sentence),
    /// Logits of a classifier of tokens, `[tokens, labels]`.
    TokenClassifier {
        /// Names of the labels, in the order of the logits.
        labels: Vec<String>,
    },
    /// Logits of where an answer begins and ends, `[tokens, 2]`.
    AnswerSpan,
    /// Logits of the word in the place of each token, `[tokens, vocabulary]`: a linear layer, the activation, a normalisation, the word
    /// table and a bias.
    MaskedWord,
}

/// What a model is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// Tokens of a text.
    Text {
        /// Rows of the word embedding table.
        vocab_size: usize,
        /// Rows of the position embedding table.
        max_positions: usize,
        /// Rows of the token-type embedding table; 0 for an architecture without one.
        type_vocab_size: usize,
    },
    /// A square image.
    Image {
        /// Pixels of a side.
        image_size: usize,
        /// Pixels of a side of a patch; divides `image_size`.
        patch_size: usize,
        /// Numbers of a pixel.
        channels: usize,
    },
}

/// Sizes of a Transformer, which may say anything; [`TransformerDraft::check`] makes a [`TransformerConfig`] of those that can be.
/// All counts; no unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransformerDraft {
    /// The family that it belongs to.
    pub architecture: Architecture,
    /// What it is asked about.
    pub input: Input,
    /// Width of the hidden states.
    pub hidden_size: usize,
    /// Width of the embeddings, where it is another than that of the hidden states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding_size: Option<usize>,
    /// Number of layers.
    pub layers: usize,
    /// Attention heads per layer; divides `hidden_size`.
    pub heads: usize,
    /// Width between the two linear layers of the feed-forward block.
    pub intermediate_size: usize,
    /// Added to the variance in LayerNorm.
    pub layer_norm_epsilon: f64,
    /// Activation of the feed-forward block.
    pub activation: Activation,
    /// What makes weights of attention scores.
    pub attention_weights: AttentionWeights,
    /// Row of the position table of the first token; 0 for images.
    pub first_position: usize,
    /// The token that fills up shorter sequences, where the answer depends on which it is.
    pub padding_token: Option<usize>,
    /// What is computed from the last hidden states.
    pub head: Head,
}

/// A configuration that passed the check: circuits, lists of tensors and passes take only this.
///
/// Its sizes, and the numbers of a patch, are not zero and at most [`MOST_SIZE`], so that products of them fit a word; heads divide the width; input and head are
/// those of its architecture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "TransformerDraft", into = "TransformerDraft")]
pub struct TransformerConfig(TransformerDraft);

impl Deref for TransformerConfig {
    type Target = TransformerDraft;

    fn deref(&self) -> &TransformerDraft {
        &self.0
    }
}

impl TryFrom<TransformerDraft> for TransformerConfig {
    type Error = ConfigError;

    fn try_from(draft: TransformerDraft) -> Result<Self, ConfigError> {
        draft.check()
    }
}

impl From<TransformerConfig> for TransformerDraft {
    fn from(config: TransformerConfig) -> Self {
        config.0
    }
}

/// Most of anything that a configuration counts: rows of a table, widths, pixels of a side. No published model has as many.
pub const MOST_SIZE: usize = 1 << 20;

/// Most poolings side by side: each of those that there are once.
pub const MOST_POOLINGS: usize = 6;

/// Most layers. The deepest published Transformer has 1000 (Wang et al., DeepNet, 2022).
pub const MOST_LAYERS: usize = 1024;

/// A configuration that no model can have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A size that no model has, and of which products might not fit a word.
    #[error("`{field}` is {size}; a {architecture} has {most} at most")]
    TooLarge {
        /// Name of the field.
        field: &'static str,
        /// What it says.
        size: usize,
        /// The family.
        architecture: Architecture,
        /// What it may say.
        most: usize,
    },
    /// A size is zero.
    #[error("`{field}` is 0; a {architecture} needs at least 1")]
    Zero {
        /// Name of the field.
        field: &'static str,
        /// The family.
        architecture: Architecture,
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
    /// A patch is larger than the image.
    #[error("an image of {image} pixels holds no patch of {patch}; correct `image_size` or `patch_size`")]
    NoPatch {
        /// Pixels of a side of the image.
        image: usize,
        /// Pixels of a side of a patch.
        patch: usize,
    },
    /// All rows of the position table are reserved.
    #[error("`max_position_embeddings` is {rows}, of which a {architecture} reserves {reserved}; it needs more")]
    NoPositions {
        /// Rows of the table.
        rows: usize,
        /// Rows that no token uses.
        reserved: usize,
        /// The family.
        architecture: Architecture,
    },
    /// Token types for an architecture without, or an image for one of texts.
    #[error("a {architecture} takes no {what}")]
    NotOfThisArchitecture {
        /// The family.
        architecture: Architecture,
        /// What it cannot have.
        what: &'static str,
    },
}

impl TransformerConfig {
    /// The same as a draft, of which another configuration may be made.
    #[must_use]
    pub fn draft(&self) -> TransformerDraft {
        self.0.clone()
    }

    /// Width of the embeddings.
    #[must_use]
    pub fn embedding_width(&self) -> usize {
        self.embedding_size.unwrap_or(self.hidden_size)
    }

    /// Width of one attention head.
    #[must_use]
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.heads
    }

    /// The activation of the feed-forward layers, and that of the head, where it has one.
    #[must_use]
    pub fn activations(&self) -> Vec<Activation> {
        let masked_word = self.architecture.layout().masked_word.filter(|_| self.head == Head::MaskedWord);
        let of_head = masked_word.and_then(|head| head.activation);
        let of_classifier = match (&self.head, self.architecture.layout().classifier.map(|classifier| classifier.input))
        {
            (Head::Classifier { .. }, Some(ClassifierInput::Gelu(_))) => Some(Activation::Gelu),
            _ => None,
        };
        let of_dense = self.dense().iter().filter_map(|dense| match dense.activation {
            DenseActivation::Of(activation) => Some(activation),
            DenseActivation::Identity | DenseActivation::Tanh => None,
        });
        std::iter::once(self.activation).chain(of_head).chain(of_classifier).chain(of_dense).collect()
    }

    /// The linear layers behind a pooling; most models have none.
    #[must_use]
    pub fn dense(&self) -> &[Dense] {
        match &self.head {
            Head::Sentence(sentence) => &sentence.dense,
            _ => &[],
        }
    }

    /// The functions that a circuit of it computes by protocols.
    #[must_use]
    pub fn functions(&self) -> Vec<Function> {
        let mut functions = vec![Function::LAYERNORM, Function::SOFTMAX];
        let layout = self.architecture.layout();
        if self.activations().into_iter().any(Activation::is_gelu) {
            functions.push(Function::GELU);
        }
        let has_tanh = match &self.head {
            Head::Pooler => true,
            Head::Sentence(Sentence { dense, .. }) => {
                dense.iter().any(|dense| dense.activation == DenseActivation::Tanh)
            }
            Head::Classifier { .. } => layout.classifier.is_some_and(|classifier| match classifier.input {
                ClassifierInput::Pooler | ClassifierInput::Tanh(_) => true,
                ClassifierInput::Token
                | ClassifierInput::LastToken
                | ClassifierInput::Relu(_)
                | ClassifierInput::Gelu(_) => false,
            }),
            Head::HiddenStates
            | Head::MeanPooling
            | Head::Pooling(_)
            | Head::TokenClassifier { .. }
            | Head::AnswerSpan
            | Head::MaskedWord
            | Head::NextToken
            | Head::NextTokenByOwnTable => false,
        };
        if has_tanh {
            functions.push(Function::TANH);
        }
        functions
    }

    /// Rows of the word embedding table; none for images.
    #[must_use]
    pub fn vocab_size(&self) -> Option<usize> {
        match self.input {
            Input::Text { vocab_size, .. } => Some(vocab_size),
            Input::Image { .. } => None,
        }
    }

    /// Tokens of the longest sequence: positions that a token may have.
    #[must_use]
    pub fn most_tokens(&self) -> usize {
        match self.input {
            Input::Text { max_positions, .. } => max_positions.saturating_sub(self.first_position),
            Input::Image { .. } => self.image_tokens().unwrap_or(0),
        }
    }

    /// Tokens of an image, the class token included; none for texts, whose number of tokens is free.
    #[must_use]
    pub fn image_tokens(&self) -> Option<usize> {
        match self.input {
            Input::Text { .. } => None,
            // What does not fill a patch at the right and lower edges is not seen, as in a convolution.
            Input::Image { image_size, patch_size, .. } => Some((image_size / patch_size.max(1)).pow(2) + 1),
        }
    }
}

impl TransformerDraft {
    /// Refuses sizes that cannot be.
    ///
    /// # Errors
    /// [`ConfigError`] names the field.
    pub fn check(self) -> Result<TransformerConfig, ConfigError> {
        self.check_sizes()?;
        self.check_head()?;
        Ok(TransformerConfig(self))
    }

    fn check_sizes(&self) -> Result<(), ConfigError> {
        let architecture = self.architecture;
        let layout = architecture.layout();
        let no = |what| Err(ConfigError::NotOfThisArchitecture { architecture, what });
        let mut sizes = vec![
            ("hidden_size", self.hidden_size),
            (LAYERS, self.layers),
            ("num_attention_heads", self.heads),
            ("intermediate_size", self.intermediate_size),
        ];
        sizes.extend(self.embedding_size.map(|size| ("embedding_size", size)));
        if self.embedding_size.is_some() && layout.projection.is_none() {
            return no("embeddings of another width than its hidden states");
        }
        match (self.input, &layout.embedding) {
            (Input::Text { vocab_size, max_positions, type_vocab_size }, EmbeddingLayout::Words { types, .. }) => {
                sizes.extend([("vocab_size", vocab_size), ("max_position_embeddings", max_positions)]);
                match types {
                    Some(_) => sizes.push(("type_vocab_size", type_vocab_size)),
                    None if type_vocab_size > 0 => return no("token types"),
                    None => {}
                }
            }
            (Input::Image { image_size, patch_size, channels }, EmbeddingLayout::Patches { .. }) => {
                sizes.extend([("image_size", image_size), ("patch_size", patch_size), ("num_channels", channels)]);
            }
            (Input::Text { .. }, EmbeddingLayout::Patches { .. }) => return no("text"),
            (Input::Image { .. }, EmbeddingLayout::Words { .. }) => return no("image"),
        }
        if let Some(&(field, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(ConfigError::Zero { field, architecture });
        }
        let most = |field| if field == LAYERS { MOST_LAYERS } else { MOST_SIZE };
        if let Some(&(field, size)) = sizes.iter().find(|&&(field, size)| size > most(field)) {
            return Err(ConfigError::TooLarge { field, size, architecture, most: most(field) });
        }
        if let Input::Image { patch_size, channels, .. } = self.input {
            // Each is at most 2^20, so that the product fits a word.
            let (field, size, most) = ("num_channels * patch_size^2", channels * patch_size * patch_size, MOST_SIZE);
            if size > most {
                return Err(ConfigError::TooLarge { field, size, architecture, most });
            }
        }
        if !self.hidden_size.is_multiple_of(self.heads) {
            return Err(ConfigError::HeadsDoNotDivide { hidden: self.hidden_size, heads: self.heads });
        }
        if let Input::Image { image_size: image, patch_size: patch, .. } = self.input
            && patch > image
        {
            return Err(ConfigError::NoPatch { image, patch });
        }
        if let Input::Text { max_positions: rows, .. } = self.input
            && rows <= self.first_position
        {
            return Err(ConfigError::NoPositions { rows, reserved: self.first_position, architecture });
        }
        Ok(())
    }

    fn check_sentence(&self, sentence: &Sentence) -> Result<(), ConfigError> {
        let architecture = self.architecture;
        let mut sizes = vec![("pooling_mode", sentence.poolings.len())];
        sizes.extend(sentence.dense.iter().map(|dense| ("out_features", dense.outputs)));
        sizes.extend(sentence.kept.map(|kept| ("truncate_dim", kept)));
        let most = |field| if field == "pooling_mode" { MOST_POOLINGS } else { MOST_SIZE };
        if let Some(&(field, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(ConfigError::Zero { field, architecture });
        }
        match sizes.iter().find(|&&(field, size)| size > most(field)) {
            Some(&(field, size)) => Err(ConfigError::TooLarge { field, size, architecture, most: most(field) }),
            None => Ok(()),
        }
    }

    fn check_head(&self) -> Result<(), ConfigError> {
        let architecture = self.architecture;
        let layout = architecture.layout();
        let no = |what| Err(ConfigError::NotOfThisArchitecture { architecture, what });
        match &self.head {
            Head::HiddenStates | Head::MeanPooling | Head::Pooling(_) => Ok(()),
            Head::Sentence(sentence) => self.check_sentence(sentence),
            Head::TokenClassifier { labels } if labels.is_empty() => {
                Err(ConfigError::Zero { field: "num_labels", architecture })
            }
            Head::TokenClassifier { .. } | Head::AnswerSpan if layout.embedding.is_of_words() => Ok(()),
            Head::TokenClassifier { .. } | Head::AnswerSpan => no("head for tokens of a text"),
            Head::MaskedWord if layout.masked_word.is_some() => Ok(()),
            Head::MaskedWord => no("head for masked words"),
            Head::Pooler if layout.pooler.is_none() => no("pooler"),
            Head::Pooler => Ok(()),
            Head::Classifier { labels } => match layout.classifier {
                None => no("classifier"),
                Some(_) if labels.is_empty() => Err(ConfigError::Zero { field: "num_labels", architecture }),
                Some(classifier) if classifier.input == ClassifierInput::Pooler && layout.pooler.is_none() => {
                    no("pooler")
                }
                Some(_) => Ok(()),
            },
            Head::NextToken | Head::NextTokenByOwnTable if layout.next_token => Ok(()),
            Head::NextToken | Head::NextTokenByOwnTable => no("language-model head"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{KNOWN, known};

    #[test]
    fn every_published_configuration_is_valid_and_found_by_its_name() {
        for name in KNOWN {
            assert!(known(name).is_some());
        }
        assert_eq!(known("bert"), None);
        assert_eq!(known("vit-base").unwrap().image_tokens(), Some(197));
        assert_eq!(known("roberta-base").unwrap().most_tokens(), 512);
        assert_eq!(known("gpt2").unwrap().most_tokens(), 1024);
    }

    #[test]
    fn what_an_architecture_does_not_have_is_refused() {
        let refused = |draft: TransformerDraft| draft.check().unwrap_err().to_string();
        let base = || TransformerConfig::bert_base().draft();
        assert!(
            refused(TransformerDraft { head: Head::Pooler, ..TransformerConfig::gpt2().draft() }).contains("pooler")
        );
        assert!(
            refused(TransformerDraft { head: Head::Pooler, ..TransformerConfig::distilbert().draft() })
                .contains("pooler")
        );
        assert!(
            refused(TransformerDraft { head: Head::MaskedWord, ..TransformerConfig::gpt2().draft() })
                .contains("masked words")
        );
        assert!(
            refused(TransformerDraft { head: Head::AnswerSpan, ..TransformerConfig::vit_base().draft() })
                .contains("tokens")
        );
        assert!(refused(TransformerDraft { head: Head::NextToken, ..base() }).contains("language-model head"));
        assert!(
            refused(TransformerDraft { input: base().input, ..TransformerConfig::gpt2().draft() })
                .contains("token types")
        );
        assert!(
            refused(TransformerDraft { input: base().input, ..TransformerConfig::vit_base().draft() }).contains("text")
        );
        assert!(refused(TransformerDraft { input: TransformerConfig::vit_base().input, ..base() }).contains("image"));
        assert!(refused(TransformerDraft { heads: 5, ..base() }).contains("divisible"));
        assert!(
            refused(TransformerDraft { head: Head::Classifier { labels: vec![] }, ..base() }).contains("num_labels")
        );
        let positions = Input::Text { vocab_size: 9, max_positions: 2, type_vocab_size: 1 };
        assert!(
            refused(TransformerDraft { input: positions, ..TransformerConfig::roberta_base().draft() })
                .contains("reserves 2")
        );
        let patches = Input::Image { image_size: 15, patch_size: 16, channels: 3 };
        assert!(
            refused(TransformerDraft { input: patches, ..TransformerConfig::vit_base().draft() })
                .contains("no patch of 16")
        );
    }

    #[test]
    fn sizes_of_which_products_might_not_fit_a_word_are_refused_by_field() {
        type Set = fn(&mut TransformerDraft, usize);
        let text =
            |vocab_size, max_positions, type_vocab_size| Input::Text { vocab_size, max_positions, type_vocab_size };
        let fields: [(&str, Set, usize); 4] = [
            ("hidden_size", |draft, size| draft.hidden_size = size, MOST_SIZE),
            ("num_hidden_layers", |draft, size| draft.layers = size, MOST_LAYERS),
            ("num_attention_heads", |draft, size| draft.heads = size, MOST_SIZE),
            ("intermediate_size", |draft, size| draft.intermediate_size = size, MOST_SIZE),
        ];
        let refused = |draft: TransformerDraft, field: &str, most: usize| {
            let error = draft.check().unwrap_err();
            assert!(matches!(error, ConfigError::TooLarge { most: found, .. } if found == most), "{field}: {error}");
            assert!(error.to_string().contains(field), "{error}");
        };
        for (field, set, most) in fields {
            for size in [most + 1, usize::MAX] {
                let mut draft = TransformerConfig::bert_base().draft();
                set(&mut draft, size);
                refused(draft, field, most);
            }
        }
        for (field, input) in [
            ("vocab_size", text(usize::MAX, 1, 1)),
            ("max_position_embeddings", text(1, usize::MAX, 1)),
            ("type_vocab_size", text(1, 1, usize::MAX)),
        ] {
            refused(TransformerDraft { input, ..TransformerConfig::bert_base().draft() }, field, MOST_SIZE);
        }
        // channels * patch_size^2 would wrap.
        let input = Input::Image { image_size: 1 << 32, patch_size: 1 << 32, channels: 3 };
        refused(TransformerDraft { input, ..TransformerConfig::vit_base().draft() }, "image_size", MOST_SIZE);
        let image = |image_size, patch_size, channels| Input::Image { image_size, patch_size, channels };
        let vit = |input| TransformerDraft { input, ..TransformerConfig::vit_base().draft() };
        refused(vit(image(MOST_SIZE, MOST_SIZE, MOST_SIZE)), "num_channels * patch_size^2", MOST_SIZE);
        assert_eq!(vit(image(MOST_SIZE, 1 << 10, 1)).check().unwrap().image_tokens(), Some((1 << 20) + 1));
    }
}
