//! Small models with made-up weights, so that tests need no download.
//!
//! The weights mean nothing, but they are a fixed function of the configuration and one seed, exact in F32, F16 and
//! BF16, and scaled so that every layer of any width has activations of order 1 and nothing saturates or vanishes.
//!
//! **Generator.** Tensor number t of [`required_tensors`] takes stream t of ChaCha20, whose 32-byte key is the seed as
//! eight little-endian bytes, then zeros. Each element takes one 32-bit word w, in row-major order, and
//! k = (w >> 16) mod 255 - 127, a whole number from -127 to 127. The element is
//!
//! ```text
//! 1 + k/256 rounded towards zero to a multiple of 1/128     weight of a LayerNorm
//! k / 512                                                   any bias
//! k / 128                                                   an embedding table
//! k / 2^e,  e the least whole number with 4^(e-6) >= in     weight of a linear layer with `in` inputs
//! ```
//!
//! Every element has at most 8 significant bits, which is what BF16 holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ndarray::{ArrayD, IxDyn};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::{Value, json};
use viewless_protocols::model::config::{Activation, BertConfig, Head};

use crate::directory::{CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE};
use crate::error::ModelError;
use crate::head::MODULES_FILE;
use crate::safetensors_file::Precision;
use crate::weights::{Weights, required_tensors};

/// The identifiers 0 to 4.
const SPECIAL_TOKENS: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// Whole words of the synthetic vocabulary; other words are spelled.
const WORDS: &str =
    "the view is empty a party sees no secret every message looks like noise we share it and add mask open sum";

/// The folder that sentence-transformers uses for the pooling step.
const POOLING_FOLDER: &str = "1_Pooling";

/// A BERT of 2 layers, 4 heads, hidden size 32, intermediate size 64, 120 tokens and 64 positions, with mean pooling.
#[must_use]
pub fn small_config() -> BertConfig {
    BertConfig {
        vocab_size: 120,
        hidden_size: 32,
        layers: 2,
        heads: 4,
        intermediate_size: 64,
        max_positions: 64,
        type_vocab_size: 2,
        layer_norm_epsilon: 1e-12,
        activation: Activation::Gelu,
        head: Head::MeanPooling,
    }
}

/// The synthetic models that `reference/synthetic.json` holds Hugging Face's numbers for: folder, configuration and
/// seed. Together they have every head but the bare hidden states, both activations, and widths that are no multiple of
/// anything handy.
#[must_use]
pub fn reference_configs() -> [(&'static str, BertConfig, u64); 3] {
    let labels = ["no", "perhaps", "yes"].map(str::to_owned).to_vec();
    let classifier = BertConfig {
        hidden_size: 42,
        layers: 3,
        heads: 3,
        intermediate_size: 150,
        layer_norm_epsilon: 1e-5,
        activation: Activation::GeluTanh,
        head: Head::Classifier { labels },
        ..small_config()
    };
    let pooler = BertConfig { hidden_size: 24, heads: 1, layers: 1, head: Head::Pooler, ..small_config() };
    [("mean-gelu", small_config(), 1), ("classifier-tanh", classifier, 2), ("pooler-gelu", pooler, 3)]
}

/// Weights for a configuration: the same for the same configuration and seed, on every machine.
///
/// # Errors
/// Sizes that no BERT has.
pub fn synthetic_bert(config: &BertConfig, seed: u64) -> Result<Weights, ModelError> {
    let source = Path::new("synthetic");
    config.validate().map_err(|error| ModelError::Sizes { file: source.to_owned(), source: error })?;
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let tensors: BTreeMap<_, _> = (0..)
        .zip(required_tensors(config))
        .map(|(stream, (name, shape))| {
            let mut words = ChaCha20Rng::from_seed(key);
            words.set_stream(stream);
            let values = ArrayD::from_shape_simple_fn(IxDyn(&shape), || element(&name, &shape, words.next_u32()));
            (name, values)
        })
        .collect();
    Weights::from_tensors(source, config, tensors)
}

fn element(name: &str, shape: &[usize], word: u32) -> f32 {
    let k = ((word >> 16) % 255) as i16 - 127;
    if name.ends_with("LayerNorm.weight") {
        1.0 + f32::from(k / 2) / 128.0
    } else if name.ends_with(".bias") {
        f32::from(k) / 512.0
    } else if name.starts_with("embeddings.") {
        f32::from(k) / 128.0
    } else {
        // The standard deviation of k is 73.6, a little more than 2^6, so sums over the inputs have one of about 1.
        let mut scale = 64.0;
        let mut covered = 1;
        while covered < shape[1] {
            covered *= 4;
            scale *= 2.0;
        }
        f32::from(k) / scale
    }
}

/// Writes a complete model directory with the weights of [`synthetic_bert`]: `config.json`, `model.safetensors`,
/// `tokenizer.json`, and for mean pooling `modules.json` and `1_Pooling/config.json`. The directory is created if it
/// does not exist.
///
/// The tokenizer is a lower-casing WordPiece of at most `vocab_size` tokens: the special tokens, letters, digits, some
/// punctuation and a few words, so that any English text can be encoded.
///
/// # Errors
/// Sizes that no BERT has, a vocabulary too small for the special tokens, a file that cannot be written.
pub fn write_synthetic(
    directory: &Path,
    config: &BertConfig,
    seed: u64,
    precision: Precision,
) -> Result<(), ModelError> {
    let least = SPECIAL_TOKENS.len();
    if config.vocab_size < least {
        return Err(ModelError::VocabularyTooSmall { vocab_size: config.vocab_size, least });
    }
    let weights = synthetic_bert(config, seed)?;
    create(directory)?;
    write_json(&directory.join(CONFIG_FILE), &config_json(config))?;
    write_json(&directory.join(TOKENIZER_FILE), &tokenizer_json(config))?;
    if config.head == Head::MeanPooling {
        let folder = directory.join(POOLING_FOLDER);
        create(&folder)?;
        write_json(&directory.join(MODULES_FILE), &modules_json())?;
        write_json(&folder.join("config.json"), &pooling_json(config))?;
    }
    weights.save(&directory.join(WEIGHTS_FILE), precision)
}

fn create(directory: &Path) -> Result<(), ModelError> {
    fs::create_dir_all(directory)
        .map_err(|source| ModelError::Write { file: directory.to_owned(), source: source.into() })
}

fn write_json(file: &Path, value: &Value) -> Result<(), ModelError> {
    fs::write(file, format!("{value:#}\n"))
        .map_err(|source| ModelError::Write { file: file.to_owned(), source: source.into() })
}

fn config_json(config: &BertConfig) -> Value {
    let mut value = json!({
        "architectures": ["BertModel"],
        "model_type": "bert",
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": match config.activation {
            Activation::Gelu => "gelu",
            Activation::GeluTanh => "gelu_new",
        },
        "hidden_dropout_prob": 0.1,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "layer_norm_eps": config.layer_norm_epsilon,
        "max_position_embeddings": config.max_positions,
        "num_attention_heads": config.heads,
        "num_hidden_layers": config.layers,
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
        "type_vocab_size": config.type_vocab_size,
        "vocab_size": config.vocab_size,
    });
    if let Head::Classifier { labels } = &config.head {
        value["architectures"] = json!(["BertForSequenceClassification"]);
        let names = labels.iter().enumerate().map(|(label, name)| (label.to_string(), json!(name)));
        value["id2label"] = Value::Object(names.collect());
    }
    value
}

fn modules_json() -> Value {
    json!([
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": POOLING_FOLDER, "type": "sentence_transformers.models.Pooling"},
    ])
}

fn pooling_json(config: &BertConfig) -> Value {
    json!({
        "word_embedding_dimension": config.hidden_size,
        "pooling_mode_cls_token": false,
        "pooling_mode_mean_tokens": true,
        "pooling_mode_max_tokens": false,
        "pooling_mode_mean_sqrt_len_tokens": false,
    })
}

fn tokenizer_json(config: &BertConfig) -> Value {
    let special = |id: usize, token: &str| {
        json!({"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
            "special": true})
    };
    let added: Vec<Value> = SPECIAL_TOKENS.iter().enumerate().map(|(id, token)| special(id, token)).collect();
    let vocabulary = vocabulary(config.vocab_size).into_iter().enumerate().map(|(id, token)| (token, json!(id)));
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
            "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [template("[CLS]", 0), sequence("A", 0), template("[SEP]", 0)],
            "pair": [template("[CLS]", 0), sequence("A", 0), template("[SEP]", 0), sequence("B", 1), template("[SEP]", 1)],
            "special_tokens": {
                "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": Value::Object(vocabulary.collect())},
    })
}

fn template(token: &str, type_id: u32) -> Value {
    json!({"SpecialToken": {"id": token, "type_id": type_id}})
}

fn sequence(id: &str, type_id: u32) -> Value {
    json!({"Sequence": {"id": id, "type_id": type_id}})
}

/// Token texts in the order of their identifiers, cut to `size`.
fn vocabulary(size: usize) -> Vec<String> {
    let special = SPECIAL_TOKENS.map(str::to_owned).into_iter();
    let letters = ('a'..='z').map(String::from);
    let continued = ('a'..='z').map(|letter| format!("##{letter}"));
    let digits = ('0'..='9').flat_map(|digit| [digit.to_string(), format!("##{digit}")]);
    let punctuation = ".,;:!?'-".chars().map(String::from);
    // "a" is already there as a letter.
    let words = WORDS.split(' ').filter(|word| word.len() > 1).map(str::to_owned);
    special.chain(letters).chain(continued).chain(digits).chain(punctuation).chain(words).take(size).collect()
}

/// A synthetic directory that is removed when dropped.
#[cfg(test)]
pub(crate) fn temporary(config: &BertConfig) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write_synthetic(directory.path(), config, 1, Precision::F32).unwrap();
    directory
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::{bf16, f16};
    use std::collections::BTreeSet;

    #[test]
    fn the_vocabulary_has_no_duplicates_and_fits_the_small_model() {
        let tokens = vocabulary(usize::MAX);
        assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), tokens.len());
        assert!(tokens.len() <= small_config().vocab_size, "{} tokens", tokens.len());
        assert_eq!(tokens[..5], SPECIAL_TOKENS);
    }

    #[test]
    fn every_weight_is_exact_in_every_precision() {
        for hidden_size in [4, 32, 384] {
            let config = BertConfig { hidden_size, ..small_config() };
            let weights = synthetic_bert(&config, 3).unwrap();
            for (name, values) in weights.iter() {
                for &value in values {
                    assert_eq!(f16::from_f32(value).to_f32(), value, "{name}");
                    assert_eq!(bf16::from_f32(value).to_f32(), value, "{name}");
                }
            }
        }
    }

    #[test]
    fn a_seed_gives_one_model_and_another_seed_another() {
        let config = small_config();
        let weights = synthetic_bert(&config, 1).unwrap();
        assert_eq!(weights, synthetic_bert(&config, 1).unwrap());
        assert_ne!(weights, synthetic_bert(&config, 2).unwrap());
    }

    #[test]
    fn weights_of_wider_layers_are_smaller() {
        for (inputs, scale) in [(1, 64.0), (2, 128.0), (4, 128.0), (32, 512.0), (384, 2048.0), (1024, 2048.0)] {
            // The word 0 gives k = -127.
            assert_eq!(element("classifier.weight", &[1, inputs], 0), -127.0 / scale);
        }
    }

    #[test]
    fn impossible_models_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let write = |config: &BertConfig| write_synthetic(directory.path(), config, 1, Precision::F32).unwrap_err();
        let tiny = write(&BertConfig { vocab_size: 4, ..small_config() });
        assert!(matches!(tiny, ModelError::VocabularyTooSmall { vocab_size: 4, least: 5 }));
        assert!(tiny.to_string().contains("vocab_size"));
        assert!(matches!(write(&BertConfig { heads: 5, ..small_config() }), ModelError::Sizes { .. }));
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let error = write_synthetic(&file, &small_config(), 1, Precision::F32).unwrap_err();
        assert!(matches!(error, ModelError::Write { .. }));
    }
}
