//! Which head a model directory asks for; the order of the questions is documented at [`crate::read_config`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use viewless_protocols::model::{Architecture, Head};

use crate::config::{Fields, invalid, read_json};
use crate::directory::WEIGHTS_FILE;
use crate::error::ModelError;
use crate::safetensors_file::SafetensorsFile;

/// Lists the steps of a sentence-transformers model.
pub(crate) const MODULES_FILE: &str = "modules.json";

/// The class that computes logits in Hugging Face's code: of labels, or of the next token.
pub(crate) fn logits_class(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Bert => "BertForSequenceClassification",
        Architecture::Roberta => "RobertaForSequenceClassification",
        Architecture::Distilbert => "DistilBertForSequenceClassification",
        Architecture::Gpt2 => "GPT2LMHeadModel",
        Architecture::Vit => "ViTForImageClassification",
    }
}

pub(crate) fn read_head(
    directory: &Path,
    config: &Fields,
    architecture: Architecture,
    hidden_size: usize,
) -> Result<Head, ModelError> {
    let layout = architecture.layout();
    if names_class(config, logits_class(architecture)) {
        return Ok(if layout.next_token { Head::NextToken } else { Head::Classifier { labels: labels(config)? } });
    }
    if let Some(pooling) = pooling_file(directory)? {
        check_mean_pooling(pooling, hidden_size)?;
        return Ok(Head::MeanPooling);
    }
    let weights = directory.join(WEIGHTS_FILE);
    if let Some(pooler) = layout.pooler
        && weights.exists()
        && SafetensorsFile::open(&weights, architecture)?.contains(&format!("{pooler}.weight"))
    {
        return Ok(Head::Pooler);
    }
    Ok(Head::HiddenStates)
}

fn names_class(config: &Fields, class: &str) -> bool {
    let architectures = config.values.get("architectures").and_then(Value::as_array);
    architectures.is_some_and(|names| names.iter().any(|name| name == class))
}

/// The names in `id2label`, whose keys must count from 0. Hugging Face leaves the field out when it has its default.
fn labels(config: &Fields) -> Result<Vec<String>, ModelError> {
    const EXPECTED: &str = "an object from \"0\", \"1\", … to names";

    let Some(value) = config.values.get("id2label") else {
        let count = if config.values.contains_key("num_labels") { config.count("num_labels")? } else { 2 };
        return Ok((0..count).map(|label| format!("LABEL_{label}")).collect());
    };
    let bad = || config.invalid("id2label", value, EXPECTED);
    let mut names = BTreeMap::new();
    for (key, name) in value.as_object().ok_or_else(bad)? {
        names.insert(key.parse::<usize>().map_err(|_| bad())?, name.as_str().ok_or_else(bad)?.to_owned());
    }
    if names.is_empty() || names.keys().copied().ne(0..names.len()) {
        return Err(bad());
    }
    Ok(names.into_values().collect())
}

/// The configuration of the pooling step of a sentence-transformers model, if the directory holds one.
fn pooling_file(directory: &Path) -> Result<Option<PathBuf>, ModelError> {
    let file = directory.join(MODULES_FILE);
    if !file.exists() {
        return Ok(None);
    }
    let value = read_json(&file, "")?;
    let bad = || invalid(&file, "type", &value, "a string in each element of a list");
    let mut pooling = None;
    for module in value.as_array().ok_or_else(bad)? {
        let kind = module.get("type").and_then(Value::as_str).ok_or_else(bad)?;
        // The path of the Python module has changed between versions; the class name has not.
        match kind.rsplit('.').next() {
            Some("Transformer" | "Normalize") => {}
            Some("Pooling") => {
                let folder = module.get("path").and_then(Value::as_str).unwrap_or_default();
                pooling = Some(directory.join(folder).join("config.json"));
            }
            _ => return Err(ModelError::UnsupportedModule { module: kind.to_owned(), file }),
        }
    }
    Ok(pooling)
}

fn check_mean_pooling(file: PathBuf, hidden_size: usize) -> Result<(), ModelError> {
    let fields = Fields::read(file, "`modules.json` names it, so download the model again")?;
    // Two spellings: a flag per mode, and one name.
    let flags = fields.values.iter().filter(|(_, value)| **value == Value::Bool(true));
    let flags = flags.filter_map(|(key, _)| key.strip_prefix("pooling_mode_"));
    let name = fields.values.get("pooling_mode").and_then(Value::as_str);
    let modes: Vec<&str> = flags.chain(name).collect();
    if !matches!(modes[..], ["mean_tokens" | "mean"]) {
        let pooling = if modes.is_empty() { "none".to_owned() } else { modes.join(", ") };
        return Err(ModelError::UnsupportedPooling { file: fields.file, pooling });
    }
    match fields.values.get("word_embedding_dimension") {
        Some(width) if width.as_u64() != Some(hidden_size as u64) => {
            Err(fields.invalid("word_embedding_dimension", width, "equal to the hidden size in `config.json`"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read_config;
    use crate::directory::CONFIG_FILE;
    use crate::synthetic::{self, small_config};
    use serde_json::json;
    use std::fs;
    use tempfile::TempDir;
    use viewless_protocols::model::TransformerConfig;

    fn directory(head: Head) -> TempDir {
        synthetic::temporary(&TransformerConfig { head, ..small_config() })
    }

    fn set(directory: &TempDir, file: &str, field: &str, value: Value) {
        let file = directory.path().join(file);
        let mut fields = read_json(&file, "").unwrap();
        fields[field] = value;
        fs::write(file, fields.to_string()).unwrap();
    }

    #[test]
    fn each_head_is_recognised_from_its_directory() {
        let labels = vec!["no".to_owned(), "perhaps".to_owned(), "yes".to_owned()];
        for head in [Head::HiddenStates, Head::MeanPooling, Head::Pooler, Head::Classifier { labels }] {
            assert_eq!(read_config(directory(head.clone()).path()).unwrap().head, head);
        }
    }

    #[test]
    fn the_head_is_found_without_weights_except_for_the_pooler() {
        let directory = directory(Head::Pooler);
        fs::remove_file(directory.path().join(WEIGHTS_FILE)).unwrap();
        assert_eq!(read_config(directory.path()).unwrap().head, Head::HiddenStates);
    }

    #[test]
    fn more_than_ten_labels_are_ordered_by_number_and_not_by_text() {
        let labels: Vec<String> = (0..12).map(|label| format!("label {label}")).collect();
        let head = Head::Classifier { labels };
        assert_eq!(read_config(directory(head.clone()).path()).unwrap().head, head);
    }

    #[test]
    fn absent_labels_are_named_as_hugging_face_names_them() {
        let directory = directory(Head::Classifier { labels: vec!["a".to_owned()] });
        let file = directory.path().join(CONFIG_FILE);
        let mut config = read_json(&file, "").unwrap();
        config.as_object_mut().unwrap().remove("id2label");
        fs::write(&file, config.to_string()).unwrap();
        let two = Head::Classifier { labels: vec!["LABEL_0".to_owned(), "LABEL_1".to_owned()] };
        assert_eq!(read_config(directory.path()).unwrap().head, two);
        set(&directory, CONFIG_FILE, "num_labels", json!(1));
        let one = Head::Classifier { labels: vec!["LABEL_0".to_owned()] };
        assert_eq!(read_config(directory.path()).unwrap().head, one);
    }

    #[test]
    fn labels_that_do_not_count_from_zero_are_refused_by_file_and_field() {
        let directory = directory(Head::Classifier { labels: vec!["a".to_owned()] });
        for value in [json!({}), json!({"1": "a"}), json!({"x": "a"}), json!({"0": 1}), json!(["a"])] {
            set(&directory, CONFIG_FILE, "id2label", value);
            let sentence = read_config(directory.path()).unwrap_err().to_string();
            assert!(sentence.contains("config.json") && sentence.contains("id2label"), "{sentence}");
        }
    }

    #[test]
    fn pooling_other_than_the_mean_is_refused_by_file_and_mode() {
        for mode in ["cls_token", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"] {
            let directory = directory(Head::MeanPooling);
            let pooling = directory.path().join("1_Pooling/config.json");
            fs::write(&pooling, json!({ format!("pooling_mode_{mode}"): true }).to_string()).unwrap();
            let error = read_config(directory.path()).unwrap_err();
            assert!(matches!(error, ModelError::UnsupportedPooling { .. }));
            let sentence = error.to_string();
            assert!(sentence.contains("1_Pooling") && sentence.contains(mode), "{sentence}");
        }
    }

    #[test]
    fn two_poolings_at_once_and_none_at_all_are_refused() {
        let directory = directory(Head::MeanPooling);
        set(&directory, "1_Pooling/config.json", "pooling_mode_max_tokens", json!(true));
        let error = read_config(directory.path()).unwrap_err();
        assert!(matches!(error, ModelError::UnsupportedPooling { .. }) && error.to_string().contains("max_tokens"));
        fs::write(directory.path().join("1_Pooling/config.json"), "{}").unwrap();
        let error = read_config(directory.path()).unwrap_err();
        assert!(matches!(error, ModelError::UnsupportedPooling { .. }) && error.to_string().contains("none"));
    }

    #[test]
    fn the_newer_spelling_of_mean_pooling_is_understood() {
        let directory = directory(Head::MeanPooling);
        fs::write(directory.path().join("1_Pooling/config.json"), r#"{"pooling_mode": "mean"}"#).unwrap();
        assert_eq!(read_config(directory.path()).unwrap().head, Head::MeanPooling);
    }

    #[test]
    fn a_pooling_width_other_than_the_hidden_size_is_refused() {
        let directory = directory(Head::MeanPooling);
        set(&directory, "1_Pooling/config.json", "word_embedding_dimension", json!(7));
        let sentence = read_config(directory.path()).unwrap_err().to_string();
        assert!(sentence.contains("1_Pooling") && sentence.contains("word_embedding_dimension"), "{sentence}");
    }

    #[test]
    fn unknown_steps_are_refused_and_an_absent_pooling_file_is_named() {
        let directory = directory(Head::MeanPooling);
        fs::remove_file(directory.path().join("1_Pooling/config.json")).unwrap();
        let error = read_config(directory.path()).unwrap_err();
        assert!(matches!(error, ModelError::MissingFile { .. }) && error.to_string().contains("1_Pooling"));
        let modules = json!([{"type": "sentence_transformers.models.Dense", "path": "2_Dense"}]);
        fs::write(directory.path().join(MODULES_FILE), modules.to_string()).unwrap();
        let error = read_config(directory.path()).unwrap_err();
        assert!(matches!(error, ModelError::UnsupportedModule { .. }) && error.to_string().contains("Dense"));
        fs::write(directory.path().join(MODULES_FILE), "[{}]").unwrap();
        assert!(read_config(directory.path()).unwrap_err().to_string().contains("modules.json"));
    }
}
