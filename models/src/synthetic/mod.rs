//! Small models with made-up weights, so that tests need no download.
//!
//! The weights mean nothing, but they are a fixed function of the configuration and one seed, exact in F32, F16 and
//! BF16, and scaled so that every layer of any width has activations of order 1 and nothing saturates or vanishes.
//!
//! **Generator.** Tensor number t of [`tensors`] takes stream t of ChaCha20, whose 32-byte key is the seed as
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

mod files;
mod tokenizer;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ndarray::{ArrayD, IxDyn};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::Value;
use viewless_protocols::model::tensors::{Role, Tensor};
use viewless_protocols::model::{
    Activation, Architecture, AttentionWeights, Head, Input, TransformerConfig, TransformerDraft, tensors,
};

use crate::error::ModelError;
use crate::files::{CONFIG_FILE, MODULES_FILE, PREPROCESSOR_FILE, TOKENIZER_FILE};
use crate::weights::{Precision, Weights};

/// A BERT of 2 layers, 4 heads, hidden size 32, intermediate size 64, 120 tokens and 64 positions, with mean pooling.
#[must_use]
pub fn small_config() -> TransformerConfig {
    small(Architecture::Bert)
}

/// A model of an architecture with 2 layers, 4 heads, hidden size 32 and intermediate size 64; with mean pooling, but for GPT-2
/// with logits of the next token. Texts have 64 tokens at most, images 12 x 12 pixels in patches of 4 x 4.
#[must_use]
pub fn small(architecture: Architecture) -> TransformerConfig {
    let input = match architecture {
        Architecture::Bert => Input::Text { vocab_size: 120, max_positions: 64, type_vocab_size: 2 },
        Architecture::Roberta => Input::Text { vocab_size: 290, max_positions: 66, type_vocab_size: 1 },
        Architecture::Distilbert => Input::Text { vocab_size: 120, max_positions: 64, type_vocab_size: 0 },
        Architecture::Electra => Input::Text { vocab_size: 120, max_positions: 64, type_vocab_size: 2 },
        Architecture::Gpt2 => Input::Text { vocab_size: 290, max_positions: 64, type_vocab_size: 0 },
        Architecture::Mpnet => Input::Text { vocab_size: 120, max_positions: 66, type_vocab_size: 0 },
        Architecture::Vit => Input::Image { image_size: 12, patch_size: 4, channels: 3 },
    };
    let next_token = architecture.layout().next_token;
    let behind_padding = matches!(architecture, Architecture::Roberta | Architecture::Mpnet);
    let draft = TransformerDraft {
        architecture,
        input,
        hidden_size: 32,
        embedding_size: (architecture == Architecture::Electra).then_some(20),
        layers: 2,
        heads: 4,
        intermediate_size: 64,
        layer_norm_epsilon: 1e-12,
        activation: if next_token { Activation::GeluTanh } else { Activation::Gelu },
        attention_weights: AttentionWeights::Softmax,
        first_position: if behind_padding { 2 } else { 0 },
        padding_token: behind_padding.then_some(1),
        head: if next_token { Head::NextToken } else { Head::MeanPooling },
    };
    draft.check().expect("a small model can be")
}

/// The synthetic models that `reference/synthetic.json` holds Hugging Face's numbers for: folder, configuration and
/// seed. Together they have every architecture with every head of its own, both activations, and widths that are no multiple
/// of anything handy.
#[must_use]
pub fn reference_configs() -> Vec<(&'static str, TransformerConfig, u64)> {
    let classifier = || Head::Classifier { labels: ["no", "perhaps", "yes"].map(str::to_owned).to_vec() };
    let config = |draft: TransformerDraft| draft.check().expect("a model of the reference can be");
    let odd = config(TransformerDraft {
        hidden_size: 42,
        layers: 3,
        heads: 3,
        intermediate_size: 150,
        layer_norm_epsilon: 1e-5,
        activation: Activation::GeluTanh,
        head: classifier(),
        ..small_config().draft()
    });
    let tiny = TransformerDraft { hidden_size: 24, heads: 1, layers: 1, head: Head::Pooler, ..small_config().draft() };
    let tiny = config(tiny);
    let of = |architecture, head| config(TransformerDraft { head, ..small(architecture).draft() });
    vec![
        ("mean-gelu", small_config(), 1),
        ("classifier-tanh", odd, 2),
        ("pooler-gelu", tiny, 3),
        ("roberta-classifier", of(Architecture::Roberta, classifier()), 4),
        ("roberta-pooler", of(Architecture::Roberta, Head::Pooler), 5),
        ("distilbert-classifier", of(Architecture::Distilbert, classifier()), 6),
        ("distilbert-mean", of(Architecture::Distilbert, Head::MeanPooling), 7),
        ("gpt2-next-token", of(Architecture::Gpt2, Head::NextToken), 8),
        ("gpt2-hidden", of(Architecture::Gpt2, Head::HiddenStates), 9),
        ("vit-classifier", of(Architecture::Vit, classifier()), 10),
        ("vit-pooler", of(Architecture::Vit, Head::Pooler), 11),
    ]
}

/// Weights for a configuration: the same for the same configuration and seed, on every machine.
///
/// # Errors
/// Sizes that no model has.
pub fn synthetic_weights(config: &TransformerConfig, seed: u64) -> Result<Weights, ModelError> {
    let source = Path::new("synthetic");
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let made: BTreeMap<_, _> = (0..)
        .zip(tensors(config))
        .map(|(stream, Tensor { name, shape, role })| {
            let mut words = ChaCha20Rng::from_seed(key);
            words.set_stream(stream);
            let values = ArrayD::from_shape_simple_fn(IxDyn(&shape), || element(role, words.next_u32()));
            (name, values)
        })
        .collect();
    Weights::from_tensors(source, config, made)
}

fn element(role: Role, word: u32) -> f32 {
    let k = ((word >> 16) % 255) as i16 - 127;
    match role {
        Role::Scale => 1.0 + f32::from(k / 2) / 128.0,
        Role::Bias => f32::from(k) / 512.0,
        Role::Table => f32::from(k) / 128.0,
        Role::Linear { inputs } => {
            // The standard deviation of k is 73.6, a little more than 2^6, so sums over the inputs have one of about 1.
            let mut scale = 64.0;
            let mut covered = 1;
            while covered < inputs {
                covered *= 4;
                scale *= 2.0;
            }
            f32::from(k) / scale
        }
    }
}

/// Writes a complete model directory with the weights of [`synthetic_weights`]: `config.json`, `model.safetensors`,
/// `tokenizer.json` for a model of texts, `preprocessor_config.json` for one of images, and for a pooling `modules.json` and the folders of its steps. The directory is
/// created if it does not exist.
///
/// The tokenizer is a lower-casing WordPiece of at most `vocab_size` tokens for BERT, DistilBERT, ELECTRA and MPNet: the special tokens,
/// letters, digits, some punctuation and a few words, so that any English text can be encoded. For RoBERTa and GPT-2 it is
/// a byte-level BPE with a few merges, which encodes any text.
///
/// # Errors
/// Sizes that no model has, a vocabulary too small for the special tokens, a file that cannot be written.
pub fn write_synthetic(
    directory: &Path,
    config: &TransformerConfig,
    seed: u64,
    precision: Precision,
) -> Result<(), ModelError> {
    let tokenizer = tokenizer::json(config)?;
    let weights = synthetic_weights(config, seed)?;
    create(directory)?;
    write_json(&directory.join(CONFIG_FILE), &files::config_json(config))?;
    if let Some(tokenizer) = tokenizer {
        write_json(&directory.join(TOKENIZER_FILE), &tokenizer)?;
    }
    if let Input::Image { image_size, .. } = config.input {
        write_json(&directory.join(PREPROCESSOR_FILE), &files::preprocessor_json(image_size))?;
    }
    if let Some(pooling) = files::pooling_json(config) {
        let folder = directory.join(files::POOLING_FOLDER);
        create(&folder)?;
        write_json(&directory.join(MODULES_FILE), &files::modules_json(config))?;
        write_json(&folder.join(CONFIG_FILE), &pooling)?;
    }
    let dense = files::dense_folders(config);
    for (folder, settings) in dense.iter().zip(files::dense_json(config)) {
        create(&directory.join(folder))?;
        write_json(&directory.join(folder).join(CONFIG_FILE), &settings)?;
    }
    weights.save_steps(directory, &dense, precision)
}

fn create(directory: &Path) -> Result<(), ModelError> {
    fs::create_dir_all(directory)
        .map_err(|source| ModelError::Write { file: directory.to_owned(), source: source.into() })
}

fn write_json(file: &Path, value: &Value) -> Result<(), ModelError> {
    fs::write(file, format!("{value:#}\n"))
        .map_err(|source| ModelError::Write { file: file.to_owned(), source: source.into() })
}

/// A synthetic directory that is removed when dropped.
#[cfg(test)]
pub(crate) fn temporary(config: &TransformerConfig) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write_synthetic(directory.path(), config, 1, Precision::F32).unwrap();
    directory
}

/// Another value of a field of a directory's file.
#[cfg(test)]
pub(crate) fn set(directory: &tempfile::TempDir, file: &str, field: &str, value: serde_json::Value) {
    let file = directory.path().join(file);
    let mut fields = crate::fields::read_json(&file, "").unwrap();
    fields[field] = value;
    std::fs::write(file, fields.to_string()).unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::{bf16, f16};

    #[test]
    fn every_weight_is_exact_in_every_precision() {
        for hidden_size in [4, 32, 384] {
            let config = TransformerDraft { hidden_size, ..small_config().draft() }.check().unwrap();
            let weights = synthetic_weights(&config, 3).unwrap();
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
        let weights = synthetic_weights(&config, 1).unwrap();
        assert_eq!(weights, synthetic_weights(&config, 1).unwrap());
        assert_ne!(weights, synthetic_weights(&config, 2).unwrap());
    }

    #[test]
    fn weights_of_wider_layers_are_smaller() {
        for (inputs, scale) in [(1, 64.0), (2, 128.0), (4, 128.0), (32, 512.0), (384, 2048.0), (1024, 2048.0)] {
            // The word 0 gives k = -127.
            assert_eq!(element(Role::Linear { inputs }, 0), -127.0 / scale);
        }
    }

    #[test]
    fn impossible_models_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let write =
            |config: &TransformerConfig| write_synthetic(directory.path(), config, 1, Precision::F32).unwrap_err();
        let tiny = write(
            &TransformerDraft {
                input: Input::Text { vocab_size: 4, max_positions: 64, type_vocab_size: 2 },
                ..small_config().draft()
            }
            .check()
            .unwrap(),
        );
        assert!(matches!(tiny, ModelError::VocabularyTooSmall { vocab_size: 4, least: 5 }));
        assert!(tiny.to_string().contains("vocab_size"));
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let error = write_synthetic(&file, &small_config(), 1, Precision::F32).unwrap_err();
        assert!(matches!(error, ModelError::Write { .. }));
    }
}
