//! `config.json` of a Hugging Face Transformer, read into the shape that circuits are built from.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use viewless_protocols::model::left_out::{Effect, LeftOut, Needed};
use viewless_protocols::model::{Activation, Architecture, Input, TransformerConfig, left_out};

use crate::directory::CONFIG_FILE;
use crate::error::ModelError;
use crate::head;

/// No size of a published model comes near this; it keeps a corrupt file from asking for absurd amounts of memory.
const MAX_SIZE: u64 = 1 << 24;

/// Layers and labels have a smaller limit, because they are listed one by one.
const MAX_LISTED: u64 = 1 << 12;

/// DistilBERT's is a constant of its code.
const DISTILBERT_EPSILON: f64 = 1e-12;

/// How a family calls its sizes.
struct FieldNames {
    hidden: &'static str,
    layers: &'static str,
    heads: &'static str,
    intermediate: &'static str,
    activation: &'static str,
    positions: &'static str,
    epsilon: Option<&'static str>,
}

const BERT_NAMES: FieldNames = FieldNames {
    hidden: "hidden_size",
    layers: "num_hidden_layers",
    heads: "num_attention_heads",
    intermediate: "intermediate_size",
    activation: "hidden_act",
    positions: "max_position_embeddings",
    epsilon: Some("layer_norm_eps"),
};

const DISTILBERT_NAMES: FieldNames = FieldNames {
    hidden: "dim",
    layers: "n_layers",
    heads: "n_heads",
    intermediate: "hidden_dim",
    activation: "activation",
    epsilon: None,
    ..BERT_NAMES
};

const GPT2_NAMES: FieldNames = FieldNames {
    hidden: "n_embd",
    layers: "n_layer",
    heads: "n_head",
    intermediate: "n_inner",
    activation: "activation_function",
    positions: "n_positions",
    epsilon: Some("layer_norm_epsilon"),
};

fn names(architecture: Architecture) -> &'static FieldNames {
    match architecture {
        Architecture::Bert | Architecture::Roberta | Architecture::Vit => &BERT_NAMES,
        Architecture::Distilbert => &DISTILBERT_NAMES,
        Architecture::Gpt2 => &GPT2_NAMES,
    }
}

/// Reads the configuration of the model in `directory`, its head included.
///
/// The head is, in this order:
///
/// 1. a classifier if `architectures` names the classifier of its family, such as `BertForSequenceClassification` or
///    `ViTForImageClassification`; its labels are those of `id2label`, or Hugging Face's `LABEL_0`, `LABEL_1`, … when the
///    file has none. Logits of the next token if it names `GPT2LMHeadModel`;
/// 2. mean pooling if `modules.json` names a pooling step and its `config.json` asks for the mean. The final Normalize
///    step that sentence-transformers may add is *not* part of the head: what is computed here is the pooled vector
///    before normalisation, which has the same direction;
/// 3. the pooler if the family has one, and `model.safetensors` exists and holds it;
/// 4. the hidden states.
///
/// Only the header of `model.safetensors` is read, and only for the third question.
///
/// # Errors
/// Absent or unreadable files; absent, ill-typed or unsupported fields, among them all that
/// [`left_out`](mod@viewless_protocols::model::left_out) refuses; pooling other than the mean.
pub fn read_config(directory: &Path) -> Result<TransformerConfig, ModelError> {
    let fields = Fields::read(directory.join(CONFIG_FILE), "give a Hugging Face model directory")?;

    let model_type = fields.text("model_type")?;
    let Some(architecture) = Architecture::ALL.into_iter().find(|known| known.to_string() == model_type) else {
        return Err(ModelError::UnknownModelType { file: fields.file, model_type });
    };
    for entry in left_out(architecture) {
        refuse(&fields, entry)?;
    }
    let names = names(architecture);
    let activation = match fields.text(names.activation)?.as_str() {
        "gelu" => Activation::Gelu,
        "gelu_new" | "gelu_pytorch_tanh" => Activation::GeluTanh,
        other => {
            let (field, activation) = (names.activation, other.to_owned());
            return Err(ModelError::UnknownActivation { field, activation, file: fields.file });
        }
    };
    let hidden_size = fields.size(names.hidden)?;
    let intermediate_size = match fields.values.get(names.intermediate) {
        None | Some(Value::Null) if architecture == Architecture::Gpt2 => 4 * hidden_size,
        _ => fields.size(names.intermediate)?,
    };
    let config = TransformerConfig {
        architecture,
        input: input(&fields, architecture)?,
        hidden_size,
        layers: fields.count(names.layers)?,
        heads: fields.size(names.heads)?,
        intermediate_size,
        layer_norm_epsilon: names.epsilon.map_or(Ok(DISTILBERT_EPSILON), |field| fields.positive(field))?,
        activation,
        head: head::read_head(directory, &fields, architecture, hidden_size)?,
    };
    config.validate().map_err(|source| ModelError::Sizes { file: fields.file, source })?;
    Ok(config)
}

fn input(fields: &Fields, architecture: Architecture) -> Result<Input, ModelError> {
    let text = |type_vocab_size| {
        let max_positions = fields.size(names(architecture).positions)?;
        Ok(Input::Text { vocab_size: fields.size("vocab_size")?, max_positions, type_vocab_size })
    };
    match architecture {
        Architecture::Bert | Architecture::Roberta => text(fields.size("type_vocab_size")?),
        Architecture::Distilbert | Architecture::Gpt2 => text(0),
        Architecture::Vit => Ok(Input::Image {
            image_size: fields.size("image_size")?,
            patch_size: fields.size("patch_size")?,
            channels: fields.size("num_channels")?,
        }),
    }
}

/// Refuses a model that asks for something that is left out and would change its answer.
fn refuse(fields: &Fields, entry: &LeftOut) -> Result<(), ModelError> {
    let Effect::Refused(needed) = entry.effect else { return Ok(()) };
    for &(field, needed) in needed {
        let (fits, needed) = match needed {
            Needed::Bool(needed) => (fields.is(field, |value| value.as_bool() == Some(needed)), needed.to_string()),
            Needed::Text(needed) => (fields.is(field, |value| value.as_str() == Some(needed)), format!("\"{needed}\"")),
            Needed::Number(needed) => (fields.is(field, |value| value.as_u64() == Some(needed)), needed.to_string()),
        };
        if !fits {
            return Err(ModelError::LeftOut {
                file: fields.file.clone(),
                field,
                value: fields.values[field].to_string(),
                needed,
                what: entry.what,
                why: entry.why,
            });
        }
    }
    Ok(())
}

/// The fields of a JSON object and the file they came from.
#[derive(Debug)]
pub(crate) struct Fields {
    pub(crate) file: PathBuf,
    pub(crate) values: Map<String, Value>,
}

impl Fields {
    pub(crate) fn read(file: PathBuf, advice: &'static str) -> Result<Self, ModelError> {
        match read_json(&file, advice)? {
            Value::Object(values) => Ok(Self { file, values }),
            other => Err(invalid(&file, "(the whole file)", &other, "a JSON object")),
        }
    }

    pub(crate) fn invalid(&self, field: &str, value: &Value, expected: &'static str) -> ModelError {
        invalid(&self.file, field, value, expected)
    }

    fn required(&self, field: &str) -> Result<&Value, ModelError> {
        self.values
            .get(field)
            .ok_or_else(|| ModelError::MissingField { file: self.file.clone(), field: field.to_owned() })
    }

    fn text(&self, field: &str) -> Result<String, ModelError> {
        let value = self.required(field)?;
        value.as_str().map(str::to_owned).ok_or_else(|| self.invalid(field, value, "a string"))
    }

    /// Whether a field is absent, null, or as wanted.
    fn is(&self, field: &str, wanted: impl Fn(&Value) -> bool) -> bool {
        self.values.get(field).is_none_or(|value| value.is_null() || wanted(value))
    }

    fn size(&self, field: &str) -> Result<usize, ModelError> {
        self.whole_number(field, MAX_SIZE, "a whole number from 1 to 16777216")
    }

    pub(crate) fn count(&self, field: &str) -> Result<usize, ModelError> {
        self.whole_number(field, MAX_LISTED, "a whole number from 1 to 4096")
    }

    fn whole_number(&self, field: &str, largest: u64, expected: &'static str) -> Result<usize, ModelError> {
        let value = self.required(field)?;
        value
            .as_u64()
            .filter(|&size| (1..=largest).contains(&size))
            .and_then(|size| usize::try_from(size).ok())
            .ok_or_else(|| self.invalid(field, value, expected))
    }

    fn positive(&self, field: &str) -> Result<f64, ModelError> {
        let value = self.required(field)?;
        value
            .as_f64()
            .filter(|number| number.is_finite() && *number > 0.0)
            .ok_or_else(|| self.invalid(field, value, "a positive number"))
    }
}

pub(crate) fn read_json(file: &Path, advice: &'static str) -> Result<Value, ModelError> {
    let text = read_file(file, advice)?;
    serde_json::from_slice(&text).map_err(|source| ModelError::Json { file: file.to_owned(), source })
}

pub(crate) fn read_file(file: &Path, advice: &'static str) -> Result<Vec<u8>, ModelError> {
    fs::read(file).map_err(|source| read_error(file, advice, source))
}

/// Tells an absent file, for which `advice` helps, from one that cannot be read.
pub(crate) fn read_error(file: &Path, advice: &'static str, source: std::io::Error) -> ModelError {
    match source.kind() {
        ErrorKind::NotFound => ModelError::MissingFile { file: file.to_owned(), advice },
        _ => ModelError::Read { file: file.to_owned(), source },
    }
}

pub(crate) fn invalid(file: &Path, field: &str, value: &Value, expected: &'static str) -> ModelError {
    ModelError::InvalidField { file: file.to_owned(), field: field.to_owned(), value: value.to_string(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{self, small, small_config};
    use serde_json::json;
    use tempfile::TempDir;

    /// A synthetic directory whose `config.json` has one field changed; `Value::Null` removes the field.
    fn with_field(field: &str, value: Value) -> TempDir {
        with_field_of(Architecture::Bert, field, value)
    }

    fn with_field_of(architecture: Architecture, field: &str, value: Value) -> TempDir {
        let directory = synthetic::temporary(&small(architecture));
        let file = directory.path().join(CONFIG_FILE);
        let mut config = read_json(&file, "").unwrap();
        let fields = config.as_object_mut().unwrap();
        if value.is_null() {
            fields.remove(field)
        } else {
            fields.insert(field.to_owned(), value)
        };
        fs::write(&file, config.to_string()).unwrap();
        directory
    }

    fn error_with(field: &str, value: Value) -> ModelError {
        let error = read_config(with_field(field, value).path()).unwrap_err();
        let sentence = error.to_string();
        assert!(sentence.contains("config.json"), "does not name the file: {sentence}");
        assert!(sentence.contains(field), "does not name `{field}`: {sentence}");
        error
    }

    #[test]
    fn a_written_configuration_is_read_back_unchanged() {
        for (_, config, _) in synthetic::reference_configs() {
            assert_eq!(read_config(synthetic::temporary(&config).path()).unwrap(), config);
        }
        let config = small_config();
        let tanh = TransformerConfig { activation: Activation::GeluTanh, ..config };
        assert_eq!(read_config(synthetic::temporary(&tanh).path()).unwrap(), tanh);
    }

    #[test]
    fn every_required_field_is_missed_by_name() {
        for field in [
            "model_type",
            "hidden_act",
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
            "layer_norm_eps",
        ] {
            assert!(matches!(error_with(field, Value::Null), ModelError::MissingField { .. }), "{field}");
        }
    }

    #[test]
    fn sizes_must_be_whole_positive_and_sane() {
        for field in ["vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"] {
            for value in [json!(0), json!(-1), json!(1.5), json!("12"), json!(u64::MAX)] {
                assert!(matches!(error_with(field, value.clone()), ModelError::InvalidField { .. }), "{field} {value}");
            }
        }
    }

    #[test]
    fn the_epsilon_must_be_positive() {
        for value in [json!(0.0), json!(-1e-12), json!("small")] {
            assert!(matches!(error_with("layer_norm_eps", value), ModelError::InvalidField { .. }));
        }
    }

    #[test]
    fn models_of_other_families_are_refused() {
        assert!(matches!(error_with("model_type", json!("t5")), ModelError::UnknownModelType { .. }));
    }

    #[test]
    fn activations_without_a_protocol_are_refused() {
        assert!(matches!(error_with("hidden_act", json!("relu")), ModelError::UnknownActivation { .. }));
    }

    #[test]
    fn both_names_of_the_tanh_activation_are_understood() {
        for name in ["gelu_new", "gelu_pytorch_tanh"] {
            let directory = with_field("hidden_act", json!(name));
            assert_eq!(read_config(directory.path()).unwrap().activation, Activation::GeluTanh);
        }
    }

    #[test]
    fn all_that_is_left_out_and_changes_an_answer_is_refused_with_field_and_reason() {
        let mut refused = 0;
        for architecture in Architecture::ALL {
            for entry in left_out(architecture) {
                let Effect::Refused(fields) = entry.effect else { continue };
                for &(field, needed) in fields {
                    let (right, wrong) = match needed {
                        Needed::Bool(needed) => (json!(needed), json!(!needed)),
                        Needed::Text(needed) => (json!(needed), json!("another")),
                        Needed::Number(needed) => (json!(needed), json!(needed + 1)),
                    };
                    let error = read_config(with_field_of(architecture, field, wrong).path()).unwrap_err();
                    assert!(matches!(error, ModelError::LeftOut { .. }), "{error}");
                    let sentence = error.to_string();
                    assert!(sentence.contains(field) && sentence.contains(entry.why), "{sentence}");
                    assert!(sentence.contains("config.json"), "{sentence}");
                    for right in [right, Value::Null] {
                        assert!(read_config(with_field_of(architecture, field, right).path()).is_ok(), "{field}");
                    }
                    refused += 1;
                }
            }
        }
        assert!(refused >= 10);
    }

    #[test]
    fn what_is_left_out_and_changes_no_answer_is_not_read() {
        for architecture in Architecture::ALL {
            let plain = read_config(synthetic::temporary(&small(architecture)).path()).unwrap();
            for entry in left_out(architecture) {
                let Effect::Same(fields) = entry.effect else { continue };
                for field in fields {
                    let directory = with_field_of(architecture, field, json!("anything"));
                    assert_eq!(read_config(directory.path()).unwrap(), plain, "{field}");
                }
            }
        }
    }

    #[test]
    fn the_feed_forward_block_of_gpt2_is_four_times_as_wide_where_nothing_is_said() {
        let directory = with_field_of(Architecture::Gpt2, "n_inner", Value::Null);
        assert_eq!(read_config(directory.path()).unwrap().intermediate_size, 4 * 32);
    }

    #[test]
    fn heads_must_divide_the_hidden_size() {
        assert!(matches!(error_with("num_attention_heads", json!(5)), ModelError::Sizes { .. }));
    }

    #[test]
    fn absent_and_malformed_files_are_told_apart() {
        let directory = synthetic::temporary(&small_config());
        let file = directory.path().join(CONFIG_FILE);
        fs::write(&file, "{\"model_type\": ").unwrap();
        let error = read_config(directory.path()).unwrap_err();
        assert!(matches!(error, ModelError::Json { .. }) && error.to_string().contains("config.json"));
        fs::write(&file, "[]").unwrap();
        assert!(matches!(read_config(directory.path()).unwrap_err(), ModelError::InvalidField { .. }));
        fs::remove_file(&file).unwrap();
        let error = read_config(directory.path()).unwrap_err();
        assert!(matches!(error, ModelError::MissingFile { .. }) && error.to_string().contains("config.json"));
        fs::create_dir(&file).unwrap();
        let error = read_config(directory.path()).unwrap_err();
        assert!(matches!(error, ModelError::Read { .. }) && error.to_string().contains("config.json"));
    }
}
