//! How each family calls its sizes in `config.json`, and which values its published code has where the file says nothing.
//!
//! **Source.** Hugging Face's `configuration_bert.py`, `…_roberta.py`, `…_distilbert.py`, `…_electra.py`, `…_gpt2.py`, `…_mpnet.py` and `…_vit.py` (transformers 5.24.0;
//! the values have not changed since version 2).

use viewless_protocols::model::{Architecture, Head};

/// A field, the other name under which files may have it (`attribute_map`), and its value where it is absent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) field: &'static str,
    pub(crate) alias: Option<&'static str>,
    pub(crate) default: usize,
}

/// The fields of a family.
pub(crate) struct Family {
    pub(crate) hidden: Size,
    /// Width of the embeddings, where they may have one of their own.
    pub(crate) embedding: Option<Size>,
    pub(crate) layers: Size,
    pub(crate) heads: Size,
    /// Four times the hidden size where the default is 0.
    pub(crate) intermediate: Size,
    pub(crate) positions: Size,
    /// Rows of the word table; 0 for images.
    pub(crate) vocabulary: Size,
    /// Rows of the table of token types; 0 where there is none.
    pub(crate) types: Size,
    /// The field of the activation, and its value where it is absent.
    pub(crate) activation: (&'static str, &'static str),
    /// The field of LayerNorm's epsilon, if it is no constant of the code, and its value where it is absent.
    pub(crate) epsilon: (Option<&'static str>, f64),
}

const fn size(field: &'static str, default: usize) -> Size {
    Size { field, alias: None, default }
}

const fn aliased(field: &'static str, alias: &'static str, default: usize) -> Size {
    Size { field, alias: Some(alias), default }
}

const BERT: Family = Family {
    hidden: size("hidden_size", 768),
    embedding: None,
    layers: size("num_hidden_layers", 12),
    heads: size("num_attention_heads", 12),
    intermediate: size("intermediate_size", 3072),
    positions: size("max_position_embeddings", 512),
    vocabulary: size("vocab_size", 30_522),
    types: size("type_vocab_size", 2),
    activation: ("hidden_act", "gelu"),
    epsilon: (Some("layer_norm_eps"), 1e-12),
};

const ROBERTA: Family = Family { vocabulary: size("vocab_size", 50_265), ..BERT };

const DISTILBERT: Family = Family {
    hidden: aliased("dim", "hidden_size", 768),
    layers: aliased("n_layers", "num_hidden_layers", 6),
    heads: aliased("n_heads", "num_attention_heads", 12),
    intermediate: size("hidden_dim", 3072),
    types: size("", 0),
    activation: ("activation", "gelu"),
    epsilon: (None, 1e-12),
    ..BERT
};

const GPT2: Family = Family {
    hidden: aliased("n_embd", "hidden_size", 768),
    embedding: None,
    layers: aliased("n_layer", "num_hidden_layers", 12),
    heads: aliased("n_head", "num_attention_heads", 12),
    intermediate: size("n_inner", 0),
    positions: aliased("n_positions", "max_position_embeddings", 1024),
    vocabulary: size("vocab_size", 50_257),
    types: size("", 0),
    activation: ("activation_function", "gelu_new"),
    epsilon: (Some("layer_norm_epsilon"), 1e-5),
};

const ELECTRA: Family = Family {
    hidden: size("hidden_size", 256),
    heads: size("num_attention_heads", 4),
    intermediate: size("intermediate_size", 1024),
    embedding: Some(size("embedding_size", 128)),
    ..BERT
};

const MPNET: Family = Family { vocabulary: size("vocab_size", 30_527), types: size("", 0), ..BERT };

const VIT: Family = Family { vocabulary: size("", 0), types: size("", 0), ..BERT };

/// The fields of an architecture.
pub(crate) fn family(architecture: Architecture) -> &'static Family {
    match architecture {
        Architecture::Bert => &BERT,
        Architecture::Roberta => &ROBERTA,
        Architecture::Distilbert => &DISTILBERT,
        Architecture::Electra => &ELECTRA,
        Architecture::Gpt2 => &GPT2,
        Architecture::Mpnet => &MPNET,
        Architecture::Vit => &VIT,
    }
}

/// A family whose code is another's under other names: the bodies, heads and tensors are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sibling {
    /// Its `model_type`.
    pub(crate) model_type: &'static str,
    /// Whose code it is.
    pub(crate) architecture: Architecture,
    /// What its classes begin with, and what those of the other begin with.
    pub(crate) class_prefixes: (&'static str, &'static str),
    /// Rows of the word table where the file says nothing.
    pub(crate) vocabulary: usize,
}

/// XLM-RoBERTa and CamemBERT: `configuration_xlm_roberta.py`, `modeling_camembert.py` and their sisters.
const SIBLINGS: [Sibling; 2] = [
    Sibling {
        model_type: "xlm-roberta",
        architecture: Architecture::Roberta,
        class_prefixes: ("XLMRoberta", "Roberta"),
        vocabulary: 30_522,
    },
    Sibling {
        model_type: "camembert",
        architecture: Architecture::Roberta,
        class_prefixes: ("Camembert", "Roberta"),
        vocabulary: 30_522,
    },
];

/// The sibling of that `model_type`, if it is one.
pub(crate) fn sibling(model_type: Option<&str>) -> Option<&'static Sibling> {
    SIBLINGS.iter().find(|sibling| Some(sibling.model_type) == model_type)
}

/// Sides of an image and of a patch in pixels, and numbers of a pixel.
pub(crate) const IMAGE: [Size; 3] = [size("image_size", 224), size("patch_size", 16), size("num_channels", 3)];

/// The classes of Hugging Face's code whose heads are built, by family and head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClassHead {
    Bare,
    Classifier,
    TokenClassifier,
    AnswerSpan,
    MaskedWord,
    NextToken,
}

/// Every class of a family, with its head.
pub(crate) fn classes(architecture: Architecture) -> &'static [(&'static str, ClassHead)] {
    match architecture {
        Architecture::Bert => &[
            ("BertModel", ClassHead::Bare),
            ("BertForSequenceClassification", ClassHead::Classifier),
            ("BertForTokenClassification", ClassHead::TokenClassifier),
            ("BertForQuestionAnswering", ClassHead::AnswerSpan),
            ("BertForMaskedLM", ClassHead::MaskedWord),
        ],
        Architecture::Roberta => &[
            ("RobertaModel", ClassHead::Bare),
            ("RobertaForSequenceClassification", ClassHead::Classifier),
            ("RobertaForTokenClassification", ClassHead::TokenClassifier),
            ("RobertaForQuestionAnswering", ClassHead::AnswerSpan),
            ("RobertaForMaskedLM", ClassHead::MaskedWord),
        ],
        Architecture::Distilbert => &[
            ("DistilBertModel", ClassHead::Bare),
            ("DistilBertForSequenceClassification", ClassHead::Classifier),
            ("DistilBertForTokenClassification", ClassHead::TokenClassifier),
            ("DistilBertForQuestionAnswering", ClassHead::AnswerSpan),
            ("DistilBertForMaskedLM", ClassHead::MaskedWord),
        ],
        Architecture::Gpt2 => &[
            ("GPT2Model", ClassHead::Bare),
            ("GPT2ForSequenceClassification", ClassHead::Classifier),
            ("GPT2ForTokenClassification", ClassHead::TokenClassifier),
            ("GPT2ForQuestionAnswering", ClassHead::AnswerSpan),
            ("GPT2LMHeadModel", ClassHead::NextToken),
        ],
        Architecture::Electra => &[
            ("ElectraModel", ClassHead::Bare),
            ("ElectraForSequenceClassification", ClassHead::Classifier),
            ("ElectraForTokenClassification", ClassHead::TokenClassifier),
            ("ElectraForQuestionAnswering", ClassHead::AnswerSpan),
            ("ElectraForMaskedLM", ClassHead::MaskedWord),
        ],
        Architecture::Mpnet => &[
            ("MPNetModel", ClassHead::Bare),
            ("MPNetForSequenceClassification", ClassHead::Classifier),
            ("MPNetForTokenClassification", ClassHead::TokenClassifier),
            ("MPNetForQuestionAnswering", ClassHead::AnswerSpan),
            ("MPNetForMaskedLM", ClassHead::MaskedWord),
        ],
        Architecture::Vit => &[("ViTModel", ClassHead::Bare), ("ViTForImageClassification", ClassHead::Classifier)],
    }
}

/// The class of a model with this head; a bare one where the head is none of Hugging Face's.
pub(crate) fn class_of(architecture: Architecture, head: &Head) -> &'static str {
    let wanted = match head {
        Head::HiddenStates | Head::MeanPooling | Head::Pooling(_) | Head::Sentence(_) | Head::Pooler => ClassHead::Bare,
        Head::Classifier { .. } => ClassHead::Classifier,
        Head::TokenClassifier { .. } => ClassHead::TokenClassifier,
        Head::AnswerSpan => ClassHead::AnswerSpan,
        Head::MaskedWord => ClassHead::MaskedWord,
        Head::NextToken | Head::NextTokenByOwnTable => ClassHead::NextToken,
    };
    let all = classes(architecture);
    all.iter().find(|(_, head)| *head == wanted).unwrap_or(&all[0]).0
}

/// The fields that the original BERT's files have (google-research/bert, `modeling.py`, `BertConfig`), which name no family.
pub(crate) const ORIGINAL_BERT: &[&str] = &[
    "attention_probs_dropout_prob",
    "directionality",
    "hidden_act",
    "hidden_dropout_prob",
    "hidden_size",
    "initializer_range",
    "intermediate_size",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "pooler_fc_size",
    "pooler_num_attention_heads",
    "pooler_num_fc_layers",
    "pooler_size_per_head",
    "pooler_type",
    "type_vocab_size",
    "vocab_size",
];
