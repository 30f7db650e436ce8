//! How published Transformers differ, as data: one table for each architecture, and no code of their own.
//!
//! A [`Layout`] says where normalisation stands, which tokens attend to which, how tokens become vectors, and under which
//! names and in which order of axes the tensors lie in a Hugging Face file. The circuit, the list of tensors and the
//! plaintext pass all read it.

use super::config::Activation;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A family of models with the same layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// BERT (Devlin et al., 2018).
    Bert,
    /// RoBERTa (Liu et al., 2019): BERT with positions that start behind padding's and a classifier of its own.
    Roberta,
    /// DistilBERT (Sanh et al., 2019): BERT without token types and pooler.
    Distilbert,
    /// ELECTRA (Clark et al., 2020): BERT without pooler, with embeddings of a width of their own and a classifier of its own.
    Electra,
    /// GPT-2 (Radford et al., 2019): a decoder; normalisation first, causal attention, fused projections.
    Gpt2,
    /// MPNet (Song et al., 2020): RoBERTa without token types, with a number for each distance of two tokens added to their scores.
    Mpnet,
    /// ViT (Dosovitskiy et al., 2020): an encoder of image patches; normalisation first.
    Vit,
}

/// Structure and tensor names of an architecture. Names are those of Hugging Face's bare models; a linear layer `x` has the
/// tensors `x.weight` and `x.bias`, a normalisation too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Stands before the names of all tensors but a head's in files of models with a head.
    pub prefix: &'static str,
    /// What becomes of the input.
    pub embedding: EmbeddingLayout,
    /// A linear layer behind the embeddings, for models whose embeddings have another width than the hidden states.
    pub projection: Option<&'static str>,
    /// Name of layer i is this, then i.
    pub layer: &'static str,
    /// Queries, keys and values.
    pub projections: Projections,
    /// The linear layer after attention.
    pub attention_output: &'static str,
    /// The first linear layer of the feed-forward block.
    pub wide: &'static str,
    /// The second linear layer of the feed-forward block.
    pub narrow: &'static str,
    /// Normalisations.
    pub norms: Norms,
    /// Which tokens a token attends to.
    pub attention: Attention,
    /// The table of what is added to scores by the distance of two tokens, if there is one, `[`[`DISTANCES`]`, heads]`: one for all layers.
    pub distances: Option<&'static str>,
    /// How the weights of a layer's linear layers are stored.
    pub weights: WeightOrder,
    /// The pooler's linear layer, tanh(pooler(first token)), if there is a pooler.
    pub pooler: Option<&'static str>,
    /// The classifier, if it is one that viewless builds.
    pub classifier: Option<Classifier>,
    /// The head for masked words, if there is one.
    pub masked_word: Option<MaskedWord>,
    /// Whether the word table gives logits of the next token.
    pub next_token: bool,
}

/// The head that gives logits of the word in the place of each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaskedWord {
    /// A linear layer, followed by the activation.
    pub dense: &'static str,
    /// The activation, if it is not that of the feed-forward block.
    pub activation: Option<Activation>,
    /// The normalisation after it.
    pub norm: &'static str,
    /// What is added to the product with the word table.
    pub bias: &'static str,
}

/// What becomes of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddingLayout {
    /// Tokens are looked up; positions and types are added.
    Words {
        /// The table of words.
        words: &'static str,
        /// The table of positions.
        positions: &'static str,
        /// The table of token types, of which the first row is used.
        types: Option<&'static str>,
    },
    /// Patches of an image pass a linear layer (a convolution without overlap), a class token comes first, positions are added.
    Patches {
        /// The convolution, with weight `[hidden, channels, patch, patch]`.
        projection: &'static str,
        /// The class token, `[1, 1, hidden]`.
        class_token: &'static str,
        /// The table of positions, `[1, patches + 1, hidden]`.
        positions: &'static str,
    },
}

impl EmbeddingLayout {
    /// Whether texts are taken, and not images.
    #[must_use]
    pub const fn is_of_words(&self) -> bool {
        match self {
            Self::Words { .. } => true,
            Self::Patches { .. } => false,
        }
    }
}

/// Queries, keys and values of an attention block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projections {
    /// Three linear layers, in this order.
    Separate([&'static str; 3]),
    /// One linear layer whose output is queries, keys and values side by side.
    Fused(&'static str),
}

/// The normalisations of a model: each sum of its residual stream is the input of one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Norms {
    /// Where they stand.
    pub placement: Placement,
    /// Of the embeddings (`After`), or of the last layer's output (`Before`).
    pub outer: &'static str,
    /// Of a layer's attention block.
    pub attention: &'static str,
    /// Of a layer's feed-forward block.
    pub feed_forward: &'static str,
}

/// Where normalisation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// After each sum ("post-norm"): the sum's normalised value goes on.
    After,
    /// Before each block ("pre-norm"): the sum itself goes on.
    Before,
}

/// Which tokens a token attends to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// All.
    Full,
    /// Itself and those before it.
    Causal,
}

/// Order of axes of a linear layer's weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightOrder {
    /// `[out, in]`, as PyTorch's Linear.
    OutIn,
    /// `[in, out]`, as GPT-2's Conv1D.
    InOut,
}

/// A classifier of sequences or images: a linear layer on something of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classifier {
    /// What it reads.
    pub input: ClassifierInput,
    /// The linear layer that gives the logits.
    pub output: &'static str,
    /// Whether that layer adds a bias.
    pub has_bias: bool,
}

/// What a classifier reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassifierInput {
    /// The first token.
    Token,
    /// The last token.
    LastToken,
    /// The pooler's output.
    Pooler,
    /// A linear layer of the first token, then tanh.
    Tanh(&'static str),
    /// A linear layer of the first token, then max(x, 0).
    Relu(&'static str),
    /// A linear layer of the first token, then GeLU.
    Gelu(&'static str),
}

/// A sum of the residual stream, the input of exactly one normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sum {
    /// Of the embeddings.
    Embedding,
    /// Of a layer's input and its attention block.
    Attention {
        /// Layer, from 0.
        layer: usize,
    },
    /// Of that and the feed-forward block.
    FeedForward {
        /// Layer, from 0.
        layer: usize,
    },
}

const BERT: Layout = Layout {
    prefix: "bert.",
    embedding: EmbeddingLayout::Words {
        words: "embeddings.word_embeddings.weight",
        positions: "embeddings.position_embeddings.weight",
        types: Some("embeddings.token_type_embeddings.weight"),
    },
    projection: None,
    layer: "encoder.layer.",
    projections: Projections::Separate(["attention.self.query", "attention.self.key", "attention.self.value"]),
    attention_output: "attention.output.dense",
    wide: "intermediate.dense",
    narrow: "output.dense",
    norms: Norms {
        placement: Placement::After,
        outer: "embeddings.LayerNorm",
        attention: "attention.output.LayerNorm",
        feed_forward: "output.LayerNorm",
    },
    attention: Attention::Full,
    distances: None,
    weights: WeightOrder::OutIn,
    pooler: Some("pooler.dense"),
    classifier: Some(Classifier { input: ClassifierInput::Pooler, output: "classifier", has_bias: true }),
    masked_word: Some(MaskedWord {
        dense: "cls.predictions.transform.dense",
        activation: None,
        norm: "cls.predictions.transform.LayerNorm",
        bias: "cls.predictions.bias",
    }),
    next_token: false,
};

const ROBERTA: Layout = Layout {
    prefix: "roberta.",
    embedding: EmbeddingLayout::Words {
        words: "embeddings.word_embeddings.weight",
        positions: "embeddings.position_embeddings.weight",
        types: Some("embeddings.token_type_embeddings.weight"),
    },
    classifier: Some(Classifier {
        input: ClassifierInput::Tanh("classifier.dense"),
        output: "classifier.out_proj",
        has_bias: true,
    }),
    masked_word: Some(MaskedWord {
        dense: "lm_head.dense",
        activation: Some(Activation::Gelu),
        norm: "lm_head.layer_norm",
        bias: "lm_head.bias",
    }),
    ..BERT
};

const DISTILBERT: Layout = Layout {
    prefix: "distilbert.",
    embedding: EmbeddingLayout::Words {
        words: "embeddings.word_embeddings.weight",
        positions: "embeddings.position_embeddings.weight",
        types: None,
    },
    layer: "transformer.layer.",
    projections: Projections::Separate(["attention.q_lin", "attention.k_lin", "attention.v_lin"]),
    attention_output: "attention.out_lin",
    wide: "ffn.lin1",
    narrow: "ffn.lin2",
    norms: Norms {
        placement: Placement::After,
        outer: "embeddings.LayerNorm",
        attention: "sa_layer_norm",
        feed_forward: "output_layer_norm",
    },
    pooler: None,
    classifier: Some(Classifier {
        input: ClassifierInput::Relu("pre_classifier"),
        output: "classifier",
        has_bias: true,
    }),
    masked_word: Some(MaskedWord {
        dense: "vocab_transform",
        activation: None,
        norm: "vocab_layer_norm",
        bias: "vocab_projector.bias",
    }),
    ..BERT
};

const ELECTRA: Layout = Layout {
    prefix: "electra.",
    projection: Some("embeddings_project"),
    pooler: None,
    classifier: Some(Classifier {
        input: ClassifierInput::Gelu("classifier.dense"),
        output: "classifier.out_proj",
        has_bias: true,
    }),
    masked_word: Some(MaskedWord {
        dense: "generator_predictions.dense",
        activation: Some(Activation::Gelu),
        norm: "generator_predictions.LayerNorm",
        bias: "generator_lm_head.bias",
    }),
    ..BERT
};

const MPNET: Layout = Layout {
    prefix: "mpnet.",
    embedding: EmbeddingLayout::Words {
        words: "embeddings.word_embeddings.weight",
        positions: "embeddings.position_embeddings.weight",
        types: None,
    },
    projections: Projections::Separate(["attention.attn.q", "attention.attn.k", "attention.attn.v"]),
    attention_output: "attention.attn.o",
    norms: Norms {
        placement: Placement::After,
        outer: "embeddings.LayerNorm",
        attention: "attention.LayerNorm",
        feed_forward: "output.LayerNorm",
    },
    distances: Some("encoder.relative_attention_bias.weight"),
    ..ROBERTA
};

/// Rows of a table of distances: half for tokens at or before the one that attends, half for those behind it.
pub const DISTANCES: usize = 32;

/// The first distance of each row of half a table: up to 7 each has its own, from there to 128 they grow like a logarithm (`relative_position_bucket` in
/// Hugging Face's `modeling_mpnet.py`; float32's rounding moves none of these, which a run of it showed).
const FIRST_OF_ROW: [usize; DISTANCES / 2] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91];

/// The row of a table of distances for a token at `seen`, from one at `from`.
#[must_use]
pub fn row_of_distance(from: usize, seen: usize) -> usize {
    let row = FIRST_OF_ROW.partition_point(|first| *first <= from.abs_diff(seen)) - 1;
    if seen > from { row + DISTANCES / 2 } else { row }
}

const GPT2: Layout = Layout {
    prefix: "transformer.",
    embedding: EmbeddingLayout::Words { words: "wte.weight", positions: "wpe.weight", types: None },
    projection: None,
    layer: "h.",
    projections: Projections::Fused("attn.c_attn"),
    attention_output: "attn.c_proj",
    wide: "mlp.c_fc",
    narrow: "mlp.c_proj",
    norms: Norms { placement: Placement::Before, outer: "ln_f", attention: "ln_1", feed_forward: "ln_2" },
    attention: Attention::Causal,
    distances: None,
    weights: WeightOrder::InOut,
    pooler: None,
    classifier: Some(Classifier { input: ClassifierInput::LastToken, output: "score", has_bias: false }),
    masked_word: None,
    next_token: true,
};

const VIT: Layout = Layout {
    prefix: "vit.",
    embedding: EmbeddingLayout::Patches {
        projection: "embeddings.patch_embeddings.projection",
        class_token: "embeddings.cls_token",
        positions: "embeddings.position_embeddings",
    },
    projection: None,
    layer: "encoder.layer.",
    projections: Projections::Separate([
        "attention.attention.query",
        "attention.attention.key",
        "attention.attention.value",
    ]),
    attention_output: "attention.output.dense",
    wide: "intermediate.dense",
    narrow: "output.dense",
    norms: Norms {
        placement: Placement::Before,
        outer: "layernorm",
        attention: "layernorm_before",
        feed_forward: "layernorm_after",
    },
    attention: Attention::Full,
    distances: None,
    weights: WeightOrder::OutIn,
    pooler: Some("pooler.dense"),
    classifier: Some(Classifier { input: ClassifierInput::Token, output: "classifier", has_bias: true }),
    masked_word: None,
    next_token: false,
};

impl Architecture {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Bert, Self::Roberta, Self::Distilbert, Self::Electra, Self::Gpt2, Self::Mpnet, Self::Vit];

    /// Structure and names.
    #[must_use]
    pub const fn layout(self) -> &'static Layout {
        match self {
            Self::Bert => &BERT,
            Self::Roberta => &ROBERTA,
            Self::Distilbert => &DISTILBERT,
            Self::Electra => &ELECTRA,
            Self::Gpt2 => &GPT2,
            Self::Mpnet => &MPNET,
            Self::Vit => &VIT,
        }
    }
}

impl fmt::Display for Architecture {
    /// The name that Hugging Face's `model_type` has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bert => "bert",
            Self::Roberta => "roberta",
            Self::Distilbert => "distilbert",
            Self::Electra => "electra",
            Self::Gpt2 => "gpt2",
            Self::Mpnet => "mpnet",
            Self::Vit => "vit",
        })
    }
}

impl Layout {
    /// Name of a part of a layer.
    #[must_use]
    pub fn part(&self, layer: usize, part: &str) -> String {
        format!("{}{layer}.{part}", self.layer)
    }

    /// Name of the normalisation whose input a sum is, in a model of so many layers.
    #[must_use]
    pub fn norm_of(&self, sum: Sum, layers: usize) -> String {
        let Norms { placement, outer, attention, feed_forward } = self.norms;
        match (placement, sum) {
            (Placement::After, Sum::Embedding) => outer.to_owned(),
            (Placement::After, Sum::Attention { layer }) => self.part(layer, attention),
            (Placement::Before, Sum::Attention { layer }) | (Placement::After, Sum::FeedForward { layer }) => {
                self.part(layer, feed_forward)
            }
            (Placement::Before, Sum::Embedding) => self.part(0, attention),
            (Placement::Before, Sum::FeedForward { layer }) if layer + 1 == layers => outer.to_owned(),
            (Placement::Before, Sum::FeedForward { layer }) => self.part(layer + 1, attention),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn distances_share_rows_as_hugging_face_has_them() {
        // `MPNetEncoder.relative_position_bucket` of 0, 1, -1, 7, -8, 11, 12, -22, 23, 90, -91, 600 and -600.
        let row = |offset: isize| row_of_distance(1000, 1000usize.checked_add_signed(offset).unwrap());
        let rows = [0, 1, -1, 7, -8, 11, 12, -22, 23, 90, -91, 600, -600].map(row);
        assert_eq!(rows, [0, 17, 1, 23, 8, 24, 25, 10, 27, 30, 15, 31, 15]);
    }

    #[test]
    fn every_sum_has_a_normalisation_of_its_own() {
        for architecture in Architecture::ALL {
            let sums = (0..3).flat_map(|layer| [Sum::Attention { layer }, Sum::FeedForward { layer }]);
            let names: BTreeSet<String> =
                [Sum::Embedding].into_iter().chain(sums).map(|sum| architecture.layout().norm_of(sum, 3)).collect();
            assert_eq!(names.len(), 7, "{architecture}: {names:?}");
        }
    }
}
