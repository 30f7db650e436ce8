//! Names of files beside a model, and of tensors in its weights, that are known and not read.

use crate::files::ADAPTER_FILE;

/// What a file name ends with or is, and what becomes of it.
pub(super) enum Fate {
    /// Not read, with the reason.
    Harmless(&'static str),
    /// The model would be another with it.
    Refused(&'static str),
}

/// By the whole name.
pub(super) const FILES: &[(&str, Fate)] = &[
    (ADAPTER_FILE, Fate::Refused("an adapter, which changes the weights")),
    ("adapter_model.safetensors", Fate::Refused("an adapter, which changes the weights")),
    ("adapter_model.bin", Fate::Refused("an adapter, which changes the weights")),
    ("config.json", Fate::Harmless("")),
    ("training_args.bin", Fate::Harmless("it belongs to training")),
    ("trainer_state.json", Fate::Harmless("it belongs to training")),
    ("optimizer.pt", Fate::Harmless("it belongs to training")),
    ("scheduler.pt", Fate::Harmless("it belongs to training")),
    ("all_results.json", Fate::Harmless("it belongs to training")),
    ("train_results.json", Fate::Harmless("it belongs to training")),
    ("eval_results.json", Fate::Harmless("it belongs to training")),
    ("data_config.json", Fate::Harmless("it belongs to training")),
    ("train_script.py", Fate::Harmless("it belongs to training")),
    (
        "processor_config.json",
        Fate::Harmless("what it says of pictures is the same as in `preprocessor_config.json`, or nothing"),
    ),
    ("modules.json", Fate::Harmless("")),
    ("LICENSE", Fate::Harmless("it is for people")),
    ("chat_template.jinja", Fate::Harmless("it belongs to conversations")),
    ("chat_template.json", Fate::Harmless("it belongs to conversations")),
];

/// By the ending.
pub(super) const ENDINGS: &[(&str, &str)] = &[
    (".md", "it is for people"),
    (".txt", "it is for people, unless it is the vocabulary"),
    (".h5", "weights of another framework"),
    (".msgpack", "weights of another framework"),
    (".ot", "weights of another framework"),
    (".onnx", "weights of another framework"),
    (".tflite", "weights of another framework"),
    (".mlmodel", "weights of another framework"),
    (".gguf", "weights of another framework"),
    (".ckpt", "weights of another framework"),
    (".safetensors", "weights beside those that are read"),
    (".bin", "weights beside those that are read"),
    (".index.json", "an index beside the weights that are read"),
    (".py", "code, which is never executed"),
    (".model", "a vocabulary beside the one that is read"),
    (".png", "a picture"),
    (".jpg", "a picture"),
];

/// Folders, by name.
pub(super) const FOLDERS: &[(&str, &str)] = &[
    ("onnx", "weights of another framework"),
    ("openvino", "weights of another framework"),
    ("coreml", "weights of another framework"),
    ("runs", "it belongs to training"),
    ("eval", "it belongs to training"),
    ("original", "the same weights in another form"),
];

/// What a tensor's name contains, and why it is refused.
pub(super) const REFUSED_TENSORS: &[(&str, &str)] = &[
    ("lora_", "an adapter, which changes the weights"),
    ("weight_scale", "weights that are quantised"),
    ("weight_zero_point", "weights that are quantised"),
    ("qweight", "weights that are quantised"),
    ("qzeros", "weights that are quantised"),
    ("weight_format", "weights that are quantised"),
    ("SCB", "weights that are quantised"),
    ("parametrizations.", "weights that are made of others"),
    ("distance_embedding", "relative positions"),
];

/// What a tensor's name ends with, and why it is not read.
pub(super) const HARMLESS_TENSORS: &[(&str, &str)] = &[
    ("position_ids", "whole numbers that count positions"),
    ("token_type_ids", "zeros, the types of one text"),
    (".attn.bias", "the triangle of causal attention, which is the same for every model"),
    (".attn.masked_bias", "a constant below all scores"),
    ("mask_token", "a token for pre-training"),
];

/// What a tensor's name begins with that belongs to a head.
pub(super) const HEADS: &[&str] = &[
    "pooler.",
    "classifier.",
    "cls.",
    "lm_head.",
    "qa_outputs.",
    "score.",
    "vocab_",
    "pre_classifier.",
    "multiple_choice_head.",
    "decoder.",
    "summary.",
    "seq_relationship.",
    "generator_",
    "discriminator_predictions.",
];
