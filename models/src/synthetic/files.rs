//! The JSON files of a synthetic directory, but for the tokenizer.

use serde_json::{Value, json};
use viewless_protocols::model::{Activation, Architecture, Head, Input, TransformerConfig};

use crate::head::logits_class;

/// The folder that sentence-transformers uses for the pooling step.
pub(super) const POOLING_FOLDER: &str = "1_Pooling";

/// `config.json`, with the fields that published ones have.
pub(super) fn config_json(config: &TransformerConfig) -> Value {
    let activation = match config.activation {
        Activation::Gelu => "gelu",
        Activation::GeluTanh => "gelu_new",
    };
    let TransformerConfig { hidden_size, layers, heads, intermediate_size, layer_norm_epsilon, .. } = config;
    let (vocab_size, max_positions, type_vocab_size) = match config.input {
        Input::Text { vocab_size, max_positions, type_vocab_size } => (vocab_size, max_positions, type_vocab_size),
        Input::Image { .. } => (0, 0, 0),
    };
    let mut value = match config.architecture {
        Architecture::Bert | Architecture::Roberta | Architecture::Vit => json!({
            "attention_probs_dropout_prob": 0.1,
            "hidden_act": activation,
            "hidden_dropout_prob": 0.1,
            "hidden_size": hidden_size,
            "intermediate_size": intermediate_size,
            "layer_norm_eps": layer_norm_epsilon,
            "num_attention_heads": heads,
            "num_hidden_layers": layers,
        }),
        Architecture::Distilbert => json!({
            "activation": activation,
            "attention_dropout": 0.1,
            "dim": hidden_size,
            "dropout": 0.1,
            "hidden_dim": intermediate_size,
            "n_heads": heads,
            "n_layers": layers,
            "pad_token_id": 0,
            "seq_classif_dropout": 0.2,
            "sinusoidal_pos_embds": false,
        }),
        Architecture::Gpt2 => json!({
            "activation_function": activation,
            "attn_pdrop": 0.1,
            "embd_pdrop": 0.1,
            "layer_norm_epsilon": layer_norm_epsilon,
            "n_embd": hidden_size,
            "n_head": heads,
            "n_inner": intermediate_size,
            "n_layer": layers,
            "n_positions": max_positions,
            "resid_pdrop": 0.1,
            "vocab_size": vocab_size,
            "bos_token_id": 0,
            "eos_token_id": 0,
        }),
    };
    match (config.architecture, config.input) {
        (Architecture::Bert, _) => {
            value["position_embedding_type"] = json!("absolute");
            value["pad_token_id"] = json!(0);
        }
        (Architecture::Roberta, _) => value["pad_token_id"] = json!(1),
        (_, Input::Image { image_size, patch_size, channels }) => {
            value["image_size"] = json!(image_size);
            value["patch_size"] = json!(patch_size);
            value["num_channels"] = json!(channels);
            value["qkv_bias"] = json!(true);
        }
        (Architecture::Distilbert | Architecture::Gpt2 | Architecture::Vit, Input::Text { .. }) => {}
    }
    if matches!(config.architecture, Architecture::Bert | Architecture::Roberta | Architecture::Distilbert) {
        value["vocab_size"] = json!(vocab_size);
        value["max_position_embeddings"] = json!(max_positions);
    }
    if type_vocab_size > 0 {
        value["type_vocab_size"] = json!(type_vocab_size);
    }
    value["model_type"] = json!(config.architecture.to_string());
    value["architectures"] = json!([match config.head {
        Head::Classifier { .. } | Head::NextToken => logits_class(config.architecture),
        Head::HiddenStates | Head::MeanPooling | Head::Pooler => bare_class(config.architecture),
    }]);
    if let Head::Classifier { labels } = &config.head {
        let names = labels.iter().enumerate().map(|(label, name)| (label.to_string(), json!(name)));
        value["id2label"] = Value::Object(names.collect());
    }
    value
}

/// The class of a bare model in Hugging Face's code.
fn bare_class(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Bert => "BertModel",
        Architecture::Roberta => "RobertaModel",
        Architecture::Distilbert => "DistilBertModel",
        Architecture::Gpt2 => "GPT2Model",
        Architecture::Vit => "ViTModel",
    }
}

/// `preprocessor_config.json`, with the fields of google/vit-base-patch16-224's.
pub(super) fn preprocessor_json(image_size: usize) -> Value {
    json!({
        "do_normalize": true,
        "do_rescale": true,
        "do_resize": true,
        "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "ViTImageProcessor",
        "image_std": [0.5, 0.5, 0.5],
        "resample": 2,
        "rescale_factor": 1.0 / 255.0,
        "size": {"height": image_size, "width": image_size},
    })
}

pub(super) fn modules_json() -> Value {
    json!([
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": POOLING_FOLDER, "type": "sentence_transformers.models.Pooling"},
    ])
}

pub(super) fn pooling_json(config: &TransformerConfig) -> Value {
    json!({
        "word_embedding_dimension": config.hidden_size,
        "pooling_mode_cls_token": false,
        "pooling_mode_mean_tokens": true,
        "pooling_mode_max_tokens": false,
        "pooling_mode_mean_sqrt_len_tokens": false,
    })
}
