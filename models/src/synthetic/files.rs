//! The JSON files of a synthetic directory, but for the tokenizer.

use serde_json::{Value, json};
use viewless_protocols::model::{
    Activation, Architecture, AttentionWeights, Dense, DenseActivation, Head, Input, Pooling, TransformerConfig,
    TransformerDraft,
};

use crate::family::class_of;

/// The folder that sentence-transformers uses for the pooling step.
pub(super) const POOLING_FOLDER: &str = "1_Pooling";

/// `config.json`, with the fields that published ones have.
#[expect(clippy::too_many_lines, reason = "one text for each family")]
pub(super) fn config_json(config: &TransformerConfig) -> Value {
    let activation = match config.activation {
        Activation::Gelu => "gelu",
        Activation::GeluTanh => "gelu_new",
        Activation::Relu => "relu",
        Activation::Silu => "silu",
        Activation::QuickGelu => "quick_gelu",
        Activation::Quad => "quad",
    };
    let TransformerDraft { hidden_size, layers, heads, intermediate_size, layer_norm_epsilon, .. } = **config;
    let (vocab_size, max_positions, type_vocab_size) = match config.input {
        Input::Text { vocab_size, max_positions, type_vocab_size } => (vocab_size, max_positions, type_vocab_size),
        Input::Image { .. } => (0, 0, 0),
    };
    let mut value = match config.architecture {
        Architecture::Bert
        | Architecture::Roberta
        | Architecture::Electra
        | Architecture::Mpnet
        | Architecture::Vit => json!({
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
        (Architecture::Roberta, _) => value["pad_token_id"] = json!(config.first_position.saturating_sub(1)),
        (_, Input::Image { image_size, patch_size, channels }) => {
            value["image_size"] = json!(image_size);
            value["patch_size"] = json!(patch_size);
            value["num_channels"] = json!(channels);
            value["qkv_bias"] = json!(true);
        }
        (Architecture::Electra, _) => {
            value["embedding_size"] = json!(config.embedding_width());
            value["position_embedding_type"] = json!("absolute");
        }
        (Architecture::Mpnet, _) => value["relative_attention_num_buckets"] = json!(32),
        (Architecture::Distilbert | Architecture::Gpt2 | Architecture::Vit, Input::Text { .. }) => {}
    }
    if !matches!(config.architecture, Architecture::Gpt2 | Architecture::Vit) {
        value["vocab_size"] = json!(vocab_size);
        value["max_position_embeddings"] = json!(max_positions);
    }
    if type_vocab_size > 0 {
        value["type_vocab_size"] = json!(type_vocab_size);
    }
    value["model_type"] = json!(config.architecture.to_string());
    value["architectures"] = json!([class_of(config.architecture, &config.head)]);
    if config.head == Head::NextTokenByOwnTable {
        value["tie_word_embeddings"] = json!(false);
    }
    match config.attention_weights {
        AttentionWeights::Softmax => {}
        AttentionWeights::TwoQuad => value["softmax_act"] = json!("2quad"),
        AttentionWeights::TwoRelu => value["softmax_act"] = json!("2relu"),
    }
    if let Head::Classifier { labels } | Head::TokenClassifier { labels } = &config.head {
        let names = labels.iter().enumerate().map(|(label, name)| (label.to_string(), json!(name)));
        value["id2label"] = Value::Object(names.collect());
    }
    value
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

/// Folders of the linear layers of a sentence-transformers model.
pub(super) fn dense_folders(config: &TransformerConfig) -> Vec<String> {
    (0..config.dense().len()).map(|step| format!("{}_Dense", step + 2)).collect()
}

pub(super) fn modules_json(config: &TransformerConfig) -> Value {
    let step =
        |kind: &str, folder: &str| json!({"path": folder, "type": format!("sentence_transformers.models.{kind}")});
    let mut steps = vec![step("Transformer", ""), step("Pooling", POOLING_FOLDER)];
    steps.extend(dense_folders(config).iter().map(|folder| step("Dense", folder)));
    for (position, step) in steps.iter_mut().enumerate() {
        step["idx"] = json!(position);
        step["name"] = json!(position.to_string());
    }
    json!(steps)
}

/// The configurations of linear layers.
pub(super) fn dense_json(config: &TransformerConfig) -> Vec<Value> {
    let Head::Sentence(sentence) = &config.head else { return Vec::new() };
    let one = |(dense, inputs): (&Dense, usize)| {
        let activation = match dense.activation {
            DenseActivation::Identity => "linear.Identity",
            DenseActivation::Tanh => "activation.Tanh",
            DenseActivation::Of(Activation::Relu) => "activation.ReLU",
            DenseActivation::Of(Activation::Silu) => "activation.SiLU",
            DenseActivation::Of(Activation::Gelu | Activation::GeluTanh | Activation::QuickGelu | Activation::Quad) => {
                "activation.GELU"
            }
        };
        json!({
            "in_features": inputs,
            "out_features": dense.outputs,
            "bias": dense.has_bias,
            "activation_function": format!("torch.nn.modules.{activation}"),
        })
    };
    sentence.dense.iter().zip(sentence.inputs(config.hidden_size)).map(one).collect()
}

/// The configuration of the pooling step, if the head is one of those.
pub(super) fn pooling_json(config: &TransformerConfig) -> Option<Value> {
    let name = |pooling: Pooling| match pooling {
        Pooling::Mean => "mean",
        Pooling::FirstToken => "cls",
        Pooling::LastToken => "lasttoken",
        Pooling::Max => "max",
        Pooling::MeanSqrtLength => "mean_sqrt_len_tokens",
        Pooling::WeightedMean => "weightedmean",
    };
    let pooling = match &config.head {
        Head::Sentence(sentence) => {
            let names: Vec<&str> = sentence.poolings.iter().map(|pooling| name(*pooling)).collect();
            return Some(json!({"embedding_dimension": config.hidden_size, "pooling_mode": names}));
        }
        Head::MeanPooling => Pooling::Mean,
        Head::Pooling(pooling) => *pooling,
        Head::HiddenStates
        | Head::Pooler
        | Head::Classifier { .. }
        | Head::NextToken
        | Head::NextTokenByOwnTable
        | Head::TokenClassifier { .. }
        | Head::AnswerSpan
        | Head::MaskedWord => return None,
    };
    let mode = name(pooling);
    let mut value = json!({"word_embedding_dimension": config.hidden_size});
    for other in ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]
    {
        value[format!("pooling_mode_{other}")] =
            json!(other == mode || other.strip_suffix("_tokens").or(other.strip_suffix("_token")) == Some(mode));
    }
    Some(value)
}
