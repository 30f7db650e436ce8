//! `config.json` of a Hugging Face BERT, read into the shape that circuits are built from.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use viewless_protocols::model::config::{Activation, BertConfig};

use crate::directory::CONFIG_FILE;
use crate::error::ModelError;
use crate::head;

/// No size of a published BERT comes near this; it keeps a corrupt file from asking for absurd amounts of memory.
const MAX_SIZE: u64 = 1 << 24;

/// Layers and labels have a smaller limit, because they are listed one by one.
const MAX_LISTED: u64 = 1 << 12;

/// Reads the configuration of the model in `directory`, its head included.
///
/// The head is, in this order:
///
/// 1. a classifier if `architectures` names `BertForSequenceClassification`; its labels are those of `id2label`, or
///    Hugging Face's `LABEL_0`, `LABEL_1`, … when the file has none;
/// 2. mean pooling if `modules.json` names a pooling step and its `config.json` asks for the mean. The final Normalize
///    step that sentence-transformers may add is *not* part of the head: what is computed here is the pooled vector
///    before normalisation, which has the same direction;
/// 3. the pooler if `model.safetensors` exists and holds `pooler.dense.weight`;
/// 4. the hidden states.
///
/// Only the header of `model.safetensors` is read, and only for the third question.
///
/// # Errors
/// Absent or unreadable files; absent, ill-typed or unsupported fields; pooling other than the mean.
pub fn read_config(directory: &Path) -> Result<BertConfig, ModelError> {
    let fields = Fields::read(directory.join(CONFIG_FILE), "give a Hugging Face model directory")?;

    let model_type = fields.text("model_type")?;
    if model_type != "bert" {
        return Err(ModelError::UnknownModelType { file: fields.file, model_type });
    }
    if let Some(kind) = fields.optional_text("position_embedding_type")?
        && kind != "absolute"
    {
        return Err(ModelError::UnsupportedPositions { file: fields.file, kind });
    }
    if let Some(value) = fields.values.get("is_decoder").filter(|value| !matches!(value, Value::Bool(false))) {
        return Err(fields.invalid("is_decoder", value, "false: a decoder masks later tokens, which is not supported"));
    }
    let activation = match fields.text("hidden_act")?.as_str() {
        "gelu" => Activation::Gelu,
        "gelu_new" | "gelu_pytorch_tanh" => Activation::GeluTanh,
        other => return Err(ModelError::UnknownActivation { activation: other.to_owned(), file: fields.file }),
    };
    let config = BertConfig {
        vocab_size: fields.size("vocab_size")?,
        hidden_size: fields.size("hidden_size")?,
        layers: fields.count("num_hidden_layers")?,
        heads: fields.size("num_attention_heads")?,
        intermediate_size: fields.size("intermediate_size")?,
        max_positions: fields.size("max_position_embeddings")?,
        type_vocab_size: fields.size("type_vocab_size")?,
        layer_norm_epsilon: fields.positive("layer_norm_eps")?,
        activation,
        head: head::read_head(directory, &fields)?,
    };
    config.validate().map_err(|source| ModelError::Sizes { file: fields.file, source })?;
    Ok(config)
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

    fn optional_text(&self, field: &str) -> Result<Option<String>, ModelError> {
        match self.values.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.text(field).map(Some),
        }
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
    use crate::synthetic::{self, small_config};
    use serde_json::json;
    use tempfile::TempDir;

    /// A synthetic directory whose `config.json` has one field changed; `Value::Null` removes the field.
    fn with_field(field: &str, value: Value) -> TempDir {
        let directory = synthetic::temporary(&small_config());
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
        let config = small_config();
        assert_eq!(read_config(synthetic::temporary(&config).path()).unwrap(), config);
        let tanh = BertConfig { activation: Activation::GeluTanh, ..config };
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
    fn models_other_than_bert_are_refused() {
        assert!(matches!(error_with("model_type", json!("roberta")), ModelError::UnknownModelType { .. }));
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
    fn relative_positions_are_refused_and_absent_ones_are_absolute() {
        let error = error_with("position_embedding_type", json!("relative_key"));
        assert!(matches!(error, ModelError::UnsupportedPositions { .. }));
        assert!(read_config(with_field("position_embedding_type", Value::Null).path()).is_ok());
    }

    #[test]
    fn decoders_are_refused() {
        assert!(matches!(error_with("is_decoder", json!(true)), ModelError::InvalidField { .. }));
        assert!(read_config(with_field("is_decoder", json!(false)).path()).is_ok());
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
