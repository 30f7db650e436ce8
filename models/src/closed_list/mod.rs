//! The closed list: every file of a model directory, every key of its JSON files and every tensor of its weights is *used*, *harmless* with a
//! reason, or *refused* by name. What is on no list is noted in every report, because somebody's code may read it; a key of
//! `config.json` that is unknown and named like a function of the model is refused.

mod keys;
mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use viewless_protocols::model::left_out::Effect as LeftOutEffect;
use viewless_protocols::model::{Architecture, TransformerConfig, left_out, tensors};

use crate::error::ModelError;
use crate::family::{IMAGE, family};
use crate::fields::Fields;
use crate::files::{
    self, ADDED_TOKENS_FILE, CONFIG_FILE, GENERATION_FILE, MERGES_FILE, MODULES_FILE, OLDER_SENTENCE_FILES,
    PREPROCESSOR_FILE, PROCESSOR_FILE, SENTENCE_BERT_FILE, SENTENCE_TRANSFORMERS_FILE, SPECIAL_TOKENS_FILE,
    TOKENIZER_CONFIG_FILE, TOKENIZER_FILE, VOCABULARY_FILE, WORDS_FILE,
};
use crate::steps::Steps;
use crate::tokenizer::settings_file;
use crate::weights::{Stored, form};
use keys::{DENSE, HARMLESS_FILES, KEYS, POOLING};
use names::Fate;

/// Whether a value changes nothing in a model of this hidden size.
type Fits = fn(&Value, usize) -> bool;

/// What becomes of a key.
#[derive(Clone, Copy)]
enum Effect {
    /// It is read.
    Used,
    /// It is not read, for this reason.
    Harmless(&'static str),
    /// It is refused, because it asks for this, unless its value changes nothing.
    RefusedUnless(Fits, &'static str),
}

/// What becomes of something that lies in a model directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "because")]
pub enum Use {
    /// It is read.
    Used,
    /// It changes no answer.
    Harmless(String),
    /// It is on no list.
    Unknown,
}

/// Everything that lies in a model directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// Files and folders by name.
    pub files: BTreeMap<String, Use>,
    /// Keys of each JSON file, by name.
    pub keys: BTreeMap<String, BTreeMap<String, Use>>,
    /// Tensors of the weights by their names in a bare model; none without weights.
    pub tensors: BTreeMap<String, Use>,
    /// What holds the weights, if anything does.
    pub weights: Option<String>,
}

impl Inventory {
    /// What is on no list, in sentences for a report.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let unknown = |all: &BTreeMap<String, Use>| {
            let names = all.iter().filter(|(_, of)| **of == Use::Unknown).map(|(name, _)| format!("`{name}`"));
            names.collect::<Vec<_>>()
        };
        let mut notes = Vec::new();
        let mut note = |names: Vec<String>, what: &str| {
            if !names.is_empty() {
                let more = if names.len() > 8 { format!(" and {} more", names.len() - 8) } else { String::new() };
                notes.push(format!("not read: {}{more}, {what}", names[..names.len().min(8)].join(", ")));
            }
        };
        note(unknown(&self.files), "which no code that is known reads");
        for (file, keys) in &self.keys {
            note(unknown(keys), &format!("of `{file}`, which no code that is known reads"));
        }
        note(unknown(&self.tensors), "of the weights, which belong to no part of the model");
        notes
    }
}

/// Looks through a model directory.
///
/// # Errors
/// Something that would change the answer and is not supported, by file, key or tensor; files that cannot be read.
pub fn inventory(directory: &Path, config: &TransformerConfig) -> Result<Inventory, ModelError> {
    let mut keys = BTreeMap::new();
    let steps = Steps::read(directory)?;
    let sentence_file = settings_file(directory)?;
    for name in [
        CONFIG_FILE,
        TOKENIZER_CONFIG_FILE,
        SPECIAL_TOKENS_FILE,
        PREPROCESSOR_FILE,
        SENTENCE_TRANSFORMERS_FILE,
        GENERATION_FILE,
        sentence_file,
    ] {
        if files::has(directory, name) {
            let fields = Fields::read(directory.join(name), "")?;
            let list = if name == sentence_file { SENTENCE_BERT_FILE } else { name };
            keys.insert(name.to_owned(), key_uses(&fields, list, config)?);
        }
    }
    refuse_another_preparation(directory, config)?;
    let pooling = steps.pooling.iter().map(|folder| (folder, POOLING));
    for (folder, list) in pooling.chain(steps.dense.iter().map(|folder| (folder, DENSE))) {
        let name = format!("{folder}/{CONFIG_FILE}");
        let fields = Fields::read(directory.join(&name), "`modules.json` names it, so download the model again")?;
        keys.insert(name, key_uses(&fields, list, config)?);
    }
    let weights = form(directory);
    let mut tensors = match weights {
        Some(_) => tensor_uses(&Stored::of_directory(directory, config.architecture)?, config)?,
        None => BTreeMap::new(),
    };
    for (folder, dense) in steps.dense.iter().zip(config.dense()) {
        let inside = directory.join(folder);
        if form(&inside).is_some() {
            for name in Stored::of_directory(&inside, config.architecture)?.names() {
                let is_used = name == "linear.weight" || name == "linear.bias" && dense.has_bias;
                tensors.insert(format!("{folder}/{name}"), if is_used { Use::Used } else { Use::Unknown });
            }
        }
    }
    let files = file_uses(directory, config, weights, &steps)?;
    Ok(Inventory { files, keys, tensors, weights: weights.map(str::to_owned) })
}

fn key_uses(fields: &Fields, list: &str, config: &TransformerConfig) -> Result<BTreeMap<String, Use>, ModelError> {
    let of_family = if list == CONFIG_FILE { family_keys(config.architecture) } else { BTreeMap::new() };
    let mut uses = BTreeMap::new();
    for (key, value) in &fields.values {
        let listed = KEYS.iter().find(|entry| entry.file == list && entry.keys.contains(&&key[..]));
        let of = match (listed.map(|entry| entry.effect), of_family.get(&key[..])) {
            (Some(Effect::Used), _) => Use::Used,
            (Some(Effect::Harmless(reason)), _) => Use::Harmless(reason.to_owned()),
            (Some(Effect::RefusedUnless(fits, what)), _) => match value.is_null() || fits(value, config.hidden_size) {
                true => Use::Harmless(format!("it asks for nothing but what is always done; {what} would be refused")),
                false => return Err(refused_key(fields, key, value, what)),
            },
            (None, Some(of)) => of.clone(),
            (None, None) if value.is_null() || value == false => Use::Harmless("it is switched off".to_owned()),
            (None, None) if list == CONFIG_FILE && sounds_like_a_function(key) => {
                return Err(refused_key(
                    fields,
                    key,
                    value,
                    "something that is named like a function of the model and is unknown",
                ));
            }
            (None, None) if list == PREPROCESSOR_FILE => {
                return Err(refused_key(fields, key, value, "a preparation of pictures that is unknown"));
            }
            (None, None) => Use::Unknown,
        };
        uses.insert(key.clone(), of);
    }
    Ok(uses)
}

/// Refuses a second description of how pictures are prepared that differs from the one that is read: version 5 of transformers takes it first, and
/// version 4 does not know it.
fn refuse_another_preparation(directory: &Path, config: &TransformerConfig) -> Result<(), ModelError> {
    if config.vocab_size().is_some() {
        return Ok(());
    }
    let other = Fields::read_if_present(directory, PROCESSOR_FILE)?;
    let Some(value) = other.get("image_processor") else { return Ok(()) };
    let own = Fields::read_if_present(directory, PREPROCESSOR_FILE)?;
    match value.as_object() == Some(&own.values) {
        true => Ok(()),
        false => Err(refused_key(
            &other,
            "image_processor",
            value,
            "pictures that are prepared otherwise than `preprocessor_config.json` says",
        )),
    }
}

fn refused_key(fields: &Fields, key: &str, value: &Value, what: &'static str) -> ModelError {
    ModelError::RefusedKey { file: fields.file.clone(), key: key.to_owned(), value: value.to_string(), what }
}

/// Keys of `config.json` that a family has for itself: its sizes, and what is left out of it.
fn family_keys(architecture: Architecture) -> BTreeMap<&'static str, Use> {
    let family = family(architecture);
    let sizes = [&family.hidden, &family.layers, &family.heads, &family.intermediate, &family.positions];
    let tables = [&family.vocabulary, &family.types];
    let image = if architecture == Architecture::Vit { &IMAGE[..] } else { &[] };
    let mut all: BTreeMap<&str, Use> = sizes
        .into_iter()
        .chain(tables)
        .chain(family.embedding.as_ref())
        .chain(image)
        .flat_map(|size| [Some(size.field), size.alias])
        .flatten()
        .chain([family.activation.0])
        .chain(family.epsilon.0)
        .map(|field| (field, Use::Used))
        .collect();
    all.remove("");
    for entry in left_out(architecture) {
        match entry.effect {
            LeftOutEffect::Same(fields) => {
                all.extend(fields.iter().map(|field| (*field, Use::Harmless(entry.why.to_owned()))));
            }
            LeftOutEffect::Refused(fields) => all.extend(fields.iter().map(|(field, _)| (*field, Use::Used))),
            LeftOutEffect::NotOffered => {}
        }
    }
    all
}

/// Words in names of fields that decide what a model computes; forks of the published code add such fields.
fn sounds_like_a_function(key: &str) -> bool {
    const WORDS: [&str; 11] =
        ["act", "softmax", "attention", "attn", "norm", "position", "rope", "scale", "window", "bias", "quant"];
    WORDS.iter().any(|word| key.to_ascii_lowercase().contains(word))
}

fn tensor_uses(stored: &Stored, config: &TransformerConfig) -> Result<BTreeMap<String, Use>, ModelError> {
    let needed: BTreeSet<String> = tensors(config).into_iter().map(|tensor| tensor.name).collect();
    let mut uses = BTreeMap::new();
    for name in stored.names() {
        let harmless = || names::HARMLESS_TENSORS.iter().find(|(ending, _)| name.ends_with(ending));
        let of = if needed.contains(name) {
            Use::Used
        } else if let Some((_, what)) = names::REFUSED_TENSORS.iter().find(|(part, _)| name.contains(part)) {
            return Err(ModelError::RefusedTensor { file: stored.path().to_owned(), tensor: name.to_owned(), what });
        } else if let Some((_, reason)) = harmless() {
            Use::Harmless((*reason).to_owned())
        } else if names::HEADS.iter().any(|head| name.starts_with(head)) {
            Use::Harmless(
                "it belongs to a head that `architectures` does not name, or is the word table once more".to_owned(),
            )
        } else {
            Use::Unknown
        };
        uses.insert(name.to_owned(), of);
    }
    Ok(uses)
}

fn file_uses(
    directory: &Path,
    config: &TransformerConfig,
    weights: Option<&str>,
    steps: &Steps,
) -> Result<BTreeMap<String, Use>, ModelError> {
    let failed = |source| files::read_error(directory, "give a Hugging Face model directory", source);
    let mut uses = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let folder = entry.path().is_dir();
        let of = if folder { folder_use(&name, steps) } else { file_use(directory, &name, config, weights)? };
        uses.insert(name, of);
    }
    Ok(uses)
}

fn folder_use(name: &str, steps: &Steps) -> Use {
    let listed = names::FOLDERS.iter().find(|(folder, _)| *folder == name);
    match listed {
        _ if steps.pooling.iter().chain(&steps.dense).chain(&steps.normalisations).any(|folder| folder == name) => {
            Use::Used
        }
        _ if steps.without_effect.iter().any(|folder| folder == name) => {
            Use::Harmless("it belongs to training".to_owned())
        }
        Some((_, reason)) => Use::Harmless((*reason).to_owned()),
        None if name.starts_with('.') => Use::Harmless("it is hidden".to_owned()),
        None if name.starts_with("checkpoint-") => Use::Harmless("it belongs to training".to_owned()),
        None => Use::Unknown,
    }
}

fn file_use(
    directory: &Path,
    name: &str,
    config: &TransformerConfig,
    weights: Option<&str>,
) -> Result<Use, ModelError> {
    let text = config.vocab_size().is_some();
    let whole = files::has(directory, TOKENIZER_FILE);
    let used = match name {
        CONFIG_FILE | MODULES_FILE => true,
        TOKENIZER_FILE | TOKENIZER_CONFIG_FILE | SPECIAL_TOKENS_FILE | ADDED_TOKENS_FILE => text,
        WORDS_FILE | VOCABULARY_FILE | MERGES_FILE => text && !whole,
        PREPROCESSOR_FILE => !text,
        SENTENCE_TRANSFORMERS_FILE => files::has(directory, MODULES_FILE),
        name if name == settings_file(directory)? => files::has(directory, MODULES_FILE),
        GENERATION_FILE => false,
        _ => weights == Some(name) || is_shard(name, weights),
    };
    if used {
        return Ok(Use::Used);
    }
    if let Some((_, fate)) = names::FILES.iter().find(|(listed, _)| *listed == name) {
        return match fate {
            Fate::Harmless(reason) => Ok(Use::Harmless((*reason).to_owned())),
            Fate::Refused(what) => Err(ModelError::RefusedFile { file: directory.join(name), what }),
        };
    }
    let beside = [TOKENIZER_FILE, TOKENIZER_CONFIG_FILE, WORDS_FILE, VOCABULARY_FILE, MERGES_FILE, PREPROCESSOR_FILE];
    let known = [SPECIAL_TOKENS_FILE, ADDED_TOKENS_FILE, SENTENCE_BERT_FILE, SENTENCE_TRANSFORMERS_FILE];
    Ok(if OLDER_SENTENCE_FILES.contains(&name) {
        Use::Harmless("another of these files is read, or there is no `modules.json`".to_owned())
    } else if let Some((_, reason)) = HARMLESS_FILES.iter().find(|(listed, _)| *listed == name) {
        Use::Harmless((*reason).to_owned())
    } else if beside.contains(&name) || known.contains(&name) {
        Use::Harmless("a model of this kind, or with these other files, has no use for it".to_owned())
    } else if let Some((_, reason)) = names::ENDINGS.iter().find(|(ending, _)| name.ends_with(ending)) {
        Use::Harmless((*reason).to_owned())
    } else if name.starts_with('.') {
        Use::Harmless("it is hidden".to_owned())
    } else {
        Use::Unknown
    })
}

/// Whether a name is that of one of several files with weights: `model-00001-of-00004.safetensors`.
fn is_shard(name: &str, weights: Option<&str>) -> bool {
    let Some((stem, ending)) = weights.and_then(|index| index.strip_suffix(".index.json")?.rsplit_once('.')) else {
        return false;
    };
    name.starts_with(&format!("{stem}-")) && name.ends_with(&format!(".{ending}"))
}

fn empty(value: &Value, _: usize) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => false,
    }
}

fn absent_or_hidden(value: &Value, hidden_size: usize) -> bool {
    value.as_u64() == Some(hidden_size as u64)
}

fn basic(value: &Value, _: usize) -> bool {
    value == true || empty(value, 0) && value != false
}

/// What sentence-transformers writes for a model of texts.
fn standard(value: &Value, _: usize) -> bool {
    match value {
        Value::String(text) => text == "feature-extraction" || text == "token_embeddings",
        Value::Object(entries) => {
            entries.is_empty() || entries.keys().all(|modality| modality == "text" || modality == "message")
        }
        other => empty(other, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::read_json;
    use crate::read_config;
    use crate::synthetic::{self, small};
    use crate::weights::Precision;
    use serde_json::json;
    use tempfile::TempDir;

    fn of(directory: &TempDir) -> Result<Inventory, ModelError> {
        inventory(directory.path(), &read_config(directory.path())?)
    }

    fn with(file: &str, key: &str, value: Value) -> TempDir {
        let directory = synthetic::temporary(&small(Architecture::Bert));
        let path = directory.path().join(file);
        let mut fields = if path.exists() { read_json(&path, "").unwrap() } else { json!({}) };
        fields[key] = value;
        fs::write(path, fields.to_string()).unwrap();
        directory
    }

    #[test]
    fn no_key_is_listed_twice_for_a_file_and_every_harmless_one_has_a_reason() {
        for (i, entry) in KEYS.iter().enumerate() {
            for key in entry.keys {
                let others = KEYS[i + 1..].iter().filter(|other| other.file == entry.file);
                assert!(!others.into_iter().any(|other| other.keys.contains(key)), "{key}");
                assert_eq!(entry.keys.iter().filter(|other| *other == key).count(), 1, "{key}");
            }
            match entry.effect {
                Effect::Harmless(reason) | Effect::RefusedUnless(_, reason) => assert!(reason.len() > 5),
                Effect::Used => {}
            }
        }
    }

    #[test]
    fn everything_in_a_written_directory_is_on_the_list() {
        for (_, config, seed) in synthetic::reference_configs() {
            let directory = tempfile::tempdir().unwrap();
            synthetic::write_synthetic(directory.path(), &config, seed, Precision::F32).unwrap();
            let found = of(&directory).unwrap();
            assert_eq!(found.notes(), Vec::<String>::new(), "{config:?}");
            assert!(found.tensors.values().all(|of| *of == Use::Used));
        }
    }

    #[test]
    fn what_changes_an_answer_is_refused_by_file_and_key() {
        for (file, key, value) in [
            (CONFIG_FILE, "quantization_config", json!({"bits": 4})),
            (CONFIG_FILE, "pruned_heads", json!({"0": [1]})),
            (CONFIG_FILE, "auto_map", json!({"AutoModel": "x.Y"})),
            (CONFIG_FILE, "gelu_act_approximation", json!("x")),
            (TOKENIZER_CONFIG_FILE, "do_basic_tokenize", json!(false)),
            (SENTENCE_TRANSFORMERS_FILE, "truncate_dim", json!(8)),
            (SENTENCE_BERT_FILE, "model_args", json!({"a": 1})),
        ] {
            let error = of(&with(file, key, value)).unwrap_err().to_string();
            assert!(error.contains(file) && error.contains(key), "{error}");
        }
        let directory = synthetic::temporary(&small(Architecture::Bert));
        fs::write(directory.path().join("adapter_config.json"), "{}").unwrap();
        assert!(of(&directory).unwrap_err().to_string().contains("adapter_config.json"));
    }

    #[test]
    fn settings_under_an_older_name_count_where_there_are_none_under_the_newer() {
        let older = "sentence_roberta_config.json";
        let directory = synthetic::temporary(&small(Architecture::Bert));
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        let tokens = || crate::Model::load(directory.path()).unwrap().encode("the view is empty").unwrap().len();
        assert_eq!(tokens(), 6);
        write(older, r#"{"max_seq_length": 4, "do_lower_case": false}"#);
        assert_eq!((tokens(), of(&directory).unwrap().files[older].clone()), (4, Use::Used));
        assert_eq!(of(&directory).unwrap().keys[older]["max_seq_length"], Use::Used);
        write(SENTENCE_BERT_FILE, "{}");
        assert_eq!(tokens(), 4);
        write(SENTENCE_BERT_FILE, r#"{"max_seq_length": 5}"#);
        assert_eq!(tokens(), 5);
        assert!(matches!(of(&directory).unwrap().files[older], Use::Harmless(_)));
    }

    #[test]
    fn a_second_preparation_of_pictures_must_be_the_first() {
        let directory = synthetic::temporary(&small(Architecture::Vit));
        let own = read_json(&directory.path().join(PREPROCESSOR_FILE), "").unwrap();
        let write = |value: &Value| {
            let text = json!({"image_processor": value, "processor_class": "x"}).to_string();
            fs::write(directory.path().join(PROCESSOR_FILE), text).unwrap();
        };
        write(&own);
        assert!(of(&directory).is_ok());
        let mut other = own;
        other["resample"] = json!(3);
        write(&other);
        let error = of(&directory).unwrap_err().to_string();
        assert!(error.contains(PROCESSOR_FILE) && error.contains("image_processor"), "{error}");
    }

    #[test]
    fn what_is_on_no_list_is_noted_by_name() {
        let noted = |directory: &TempDir, name: &str| {
            let notes = of(directory).unwrap().notes();
            assert!(notes.iter().any(|note| note.contains(name)), "{notes:?}");
        };
        noted(&with(CONFIG_FILE, "my_tag", json!("x")), "my_tag");
        noted(&with(TOKENIZER_CONFIG_FILE, "my_option", json!(1)), "my_option");
        noted(&with(GENERATION_FILE, "my_processor", json!(1)), "my_processor");
        let directory = synthetic::temporary(&small(Architecture::Bert));
        fs::write(directory.path().join("other.json"), "{}").unwrap();
        noted(&directory, "other.json");
        assert!(of(&with(CONFIG_FILE, "my_tag", Value::Null)).unwrap().notes().is_empty());
    }
}
