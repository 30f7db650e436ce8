//! Which head a model directory asks for; the order of the questions is documented at [`crate::read_config`].

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use viewless_protocols::model::{Architecture, Head};

use crate::error::ModelError;
use crate::family::{ClassHead, Sibling, classes, sibling};
use crate::fields::Fields;
use crate::steps::Steps;
use crate::weights::{Stored, form};

pub(crate) fn read_head(
    directory: &Path,
    config: &Fields,
    architecture: Architecture,
    hidden_size: usize,
) -> Result<Head, ModelError> {
    // A sentence-transformers model is its body and its steps, whatever head it was trained with.
    if let Some(head) = Steps::read(directory)?.head(directory, hidden_size)? {
        return Ok(head);
    }
    let class = named_class(config, architecture)?;
    match class {
        Some(ClassHead::Classifier) => return Ok(Head::Classifier { labels: labels(config)? }),
        Some(ClassHead::TokenClassifier) => return Ok(Head::TokenClassifier { labels: labels(config)? }),
        Some(ClassHead::AnswerSpan) => return Ok(Head::AnswerSpan),
        Some(ClassHead::MaskedWord) if tied(config)? => return Ok(Head::MaskedWord),
        Some(ClassHead::MaskedWord) => {
            let value = Value::Bool(false);
            return Err(config.invalid("tie_word_embeddings", &value, "true for a model of masked words"));
        }
        Some(ClassHead::NextToken) if tied(config)? => return Ok(Head::NextToken),
        Some(ClassHead::NextToken) => return Ok(Head::NextTokenByOwnTable),
        Some(ClassHead::Bare) | None => {}
    }
    let Some(pooler) = architecture.layout().pooler else { return Ok(Head::HiddenStates) };
    let has_pooler = match form(directory) {
        Some(_) => Stored::of_directory(directory, architecture)?.contains(&format!("{pooler}.weight")),
        // Hugging Face's bare models of these families have it.
        None => class == Some(ClassHead::Bare),
    };
    Ok(if has_pooler { Head::Pooler } else { Head::HiddenStates })
}

/// The head of the class that `architectures` names; none where it names no class. Other classes than are built are refused:
/// what they compute is not what the body computes.
fn named_class(config: &Fields, architecture: Architecture) -> Result<Option<ClassHead>, ModelError> {
    let Some(value) = config.get("architectures") else { return Ok(None) };
    let bad = || config.invalid("architectures", value, "a list of names of classes");
    let names = value.as_array().ok_or_else(bad)?;
    let Some(name) = names.first() else { return Ok(None) };
    let name = name.as_str().ok_or_else(bad)?;
    // A sibling's classes have names of their own.
    let own = |class: &str| match sibling(config.text("model_type").ok().flatten()) {
        Some(Sibling { class_prefixes: (own, other), .. }) => class.replacen(other, own, 1),
        None => class.to_owned(),
    };
    let found = classes(architecture).iter().find(|(class, _)| own(class) == name);
    match found {
        Some((_, head)) => Ok(Some(*head)),
        None => Err(ModelError::UnknownClass {
            file: config.file.clone(),
            class: name.to_owned(),
            known: classes(architecture).iter().map(|(class, _)| own(class)).collect::<Vec<_>>().join(", "),
        }),
    }
}

/// Whether the word table gives the logits of words.
fn tied(config: &Fields) -> Result<bool, ModelError> {
    Ok(config.bool("tie_word_embeddings")?.unwrap_or(true))
}

/// The names in `id2label`, whose keys must count from 0. Hugging Face leaves the field out when it has its default.
fn labels(config: &Fields) -> Result<Vec<String>, ModelError> {
    const EXPECTED: &str = "an object from \"0\", \"1\", … to names, or a list of names";

    let Some(value) = config.get("id2label") else {
        let count = if config.get("num_labels").is_some() { config.count_or("num_labels", 2)? } else { 2 };
        return Ok((0..count).map(|label| format!("LABEL_{label}")).collect());
    };
    let bad = || config.invalid("id2label", value, EXPECTED);
    let mut names = BTreeMap::new();
    // A name may be a number, as in `{"0": 0, "1": 1}`.
    let text = |name: &Value| match name {
        Value::String(name) => Ok(name.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(name.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(bad()),
    };
    match value {
        Value::Object(entries) => {
            for (key, name) in entries {
                names.insert(key.parse::<usize>().map_err(|_| bad())?, text(name)?);
            }
        }
        Value::Array(list) => {
            names.extend(list.iter().map(text).collect::<Result<Vec<_>, _>>()?.into_iter().enumerate())
        }
        _ => return Err(bad()),
    }
    if names.is_empty() || names.keys().copied().ne(0..names.len()) {
        return Err(bad());
    }
    Ok(names.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::read_json;
    use crate::files::{CONFIG_FILE, MODULES_FILE, WEIGHTS_FILE};
    use crate::read_config;
    use crate::synthetic::{self, set, small_config};
    use serde_json::json;
    use std::fs;
    use tempfile::TempDir;
    use viewless_protocols::model::{Pooling, TransformerDraft};

    fn directory(head: Head) -> TempDir {
        synthetic::temporary(&TransformerDraft { head, ..small_config().draft() }.check().unwrap())
    }

    #[test]
    fn each_head_is_recognised_from_its_directory() {
        let labels = vec!["no".to_owned(), "perhaps".to_owned(), "yes".to_owned()];
        for head in [Head::HiddenStates, Head::MeanPooling, Head::Pooler, Head::Classifier { labels }] {
            assert_eq!(read_config(directory(head.clone()).path()).unwrap().head, head);
        }
    }

    #[test]
    fn the_head_is_found_without_weights() {
        let directory = directory(Head::Pooler);
        fs::remove_file(directory.path().join(WEIGHTS_FILE)).unwrap();
        assert_eq!(read_config(directory.path()).unwrap().head, Head::Pooler);
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
        for value in [json!({}), json!({"1": "a"}), json!({"x": "a"}), json!({"0": []}), json!("a")] {
            set(&directory, CONFIG_FILE, "id2label", value);
            let sentence = read_config(directory.path()).unwrap_err().to_string();
            assert!(sentence.contains("config.json") && sentence.contains("id2label"), "{sentence}");
        }
    }

    #[test]
    fn labels_are_read_in_their_odd_forms() {
        let directory = directory(Head::Classifier { labels: vec!["a".to_owned()] });
        for (value, labels) in [
            (Value::Null, ["LABEL_0", "LABEL_1"]),
            (json!(["no", "yes"]), ["no", "yes"]),
            (json!({"1": 1, "0": 0}), ["0", "1"]),
        ] {
            set(&directory, CONFIG_FILE, "id2label", value);
            let labels = labels.map(str::to_owned).to_vec();
            assert_eq!(read_config(directory.path()).unwrap().head, Head::Classifier { labels });
        }
    }

    #[test]
    fn every_pooling_is_recognised_in_both_spellings() {
        for (flag, name, head) in [
            ("cls_token", "cls", Head::Pooling(Pooling::FirstToken)),
            ("mean_tokens", "mean", Head::MeanPooling),
            ("max_tokens", "max", Head::Pooling(Pooling::Max)),
            ("mean_sqrt_len_tokens", "mean_sqrt_len_tokens", Head::Pooling(Pooling::MeanSqrtLength)),
            ("weightedmean_tokens", "weightedmean", Head::Pooling(Pooling::WeightedMean)),
            ("lasttoken", "lasttoken", Head::Pooling(Pooling::LastToken)),
        ] {
            let directory = directory(Head::MeanPooling);
            let pooling = directory.path().join("1_Pooling/config.json");
            for text in [json!({ format!("pooling_mode_{flag}"): true }), json!({ "pooling_mode": name })] {
                fs::write(&pooling, text.to_string()).unwrap();
                assert_eq!(read_config(directory.path()).unwrap().head, head, "{text}");
            }
            fs::write(&pooling, json!({ "pooling_mode": "median" }).to_string()).unwrap();
            let error = read_config(directory.path()).unwrap_err();
            assert!(matches!(error, ModelError::UnsupportedPooling { .. }));
            assert!(error.to_string().contains("1_Pooling") && error.to_string().contains("median"), "{error}");
        }
    }

    #[test]
    fn a_class_that_is_not_built_is_refused_by_name() {
        let directory = directory(Head::HiddenStates);
        set(&directory, CONFIG_FILE, "architectures", json!(["BertForMultipleChoice"]));
        let error = read_config(directory.path()).unwrap_err().to_string();
        assert!(error.contains("BertForMultipleChoice") && error.contains("BertForMaskedLM"), "{error}");
    }

    #[test]
    fn no_pooling_at_all_is_refused() {
        let directory = directory(Head::MeanPooling);
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
        let modules = json!([{"type": "sentence_transformers.models.WeightedLayerPooling", "path": "2_Other"}]);
        fs::write(directory.path().join(MODULES_FILE), modules.to_string()).unwrap();
        let error = read_config(directory.path()).unwrap_err();
        assert!(matches!(error, ModelError::UnsupportedModule { .. }) && error.to_string().contains("Layer"));
        fs::write(directory.path().join(MODULES_FILE), "[{}]").unwrap();
        assert!(read_config(directory.path()).unwrap_err().to_string().contains("modules.json"));
    }
}
