//! The folder of a run, which in the end is a Hugging Face directory: the configuration says which functions the model was trained with.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use viewless_models::{CONFIG_FILE, Decision, Precision, WEIGHTS_FILE, dangling};
use viewless_protocols::model::{Activation, AttentionWeights, Head, Input, TransformerConfig};

use crate::checkpoint::{self, CHECKPOINT_FILE, recipe_digest};
use crate::error::TrainError;
use crate::files;
use crate::origin::differing;
use crate::variables::Variables;
use crate::vocabulary::TOKENIZER_FILE;

/// The recipe's name beside the model.
pub const RECIPE_FILE: &str = "recipe.toml";
/// The best epoch's variables, while a run lasts.
pub const BEST_FILE: &str = "best.safetensors";

/// What a tokenizer may consist of.
const TOKENIZER_FILES: [&str; 5] =
    ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "added_tokens.json"];

/// Those of them that have numbers of a vocabulary.
const HOLD_VOCABULARY: [&str; 4] = ["tokenizer.json", "tokenizer_config.json", "vocab.txt", "added_tokens.json"];

/// Keeps other processes from a run's folder while it lives.
#[derive(Debug)]
#[must_use]
pub struct Alone {
    _locked: Option<fs::File>,
}

impl Alone {
    /// Locks a folder, where the system has such locks.
    fn with(folder: &Path) -> Result<Self, TrainError> {
        // Elsewhere a folder is no file that can be opened.
        let Some(locked) = cfg!(unix).then(|| fs::File::open(folder).ok()).flatten() else {
            return Ok(Self { _locked: None });
        };
        match locked.try_lock() {
            Err(fs::TryLockError::WouldBlock) => Err(TrainError::Busy { path: folder.to_owned() }),
            // Some file systems have no locks.
            Ok(()) | Err(fs::TryLockError::Error(_)) => Ok(Self { _locked: Some(locked) }),
        }
    }
}

/// Makes the folder of a run, or looks whether a run can go on there. What a killed run had half written is removed. Until what is given back is
/// dropped no other process can do the same.
///
/// # Errors
/// A folder that cannot be made or written, that holds something else, a finished run, or one of another recipe, or that another process trains in.
pub fn prepare(out: &Path, resume: bool, command: &str, recipe: &str) -> Result<Alone, TrainError> {
    let failed = |source| TrainError::Folder { path: out.to_owned(), source };
    if let Some(to) = dangling(out) {
        let to = to.display();
        return Err(failed(std::io::Error::other(format!("it is a link to {to}, where nothing is"))));
    }
    fs::create_dir_all(out).map_err(failed)?;
    let alone = Alone::with(out)?;
    let entries = fs::read_dir(out).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    if entries.is_empty() {
        return Ok(alone);
    }
    let has = |name: &str| out.join(name).exists();
    if !resume {
        return Err(TrainError::NotEmpty { path: out.to_owned() });
    }
    if !has(RECIPE_FILE) && !has(CHECKPOINT_FILE) {
        return Err(TrainError::NoRun { path: out.to_owned() });
    }
    if has(WEIGHTS_FILE) && !has(CHECKPOINT_FILE) {
        return Err(TrainError::Finished { path: out.to_owned() });
    }
    // Without its recipe the checkpoint still knows by which one it was made.
    if !has(RECIPE_FILE) {
        checkpoint::refuse_other(&out.join(CHECKPOINT_FILE), &recipe_digest(command, recipe))?;
    } else {
        let path = out.join(RECIPE_FILE);
        let theirs = fs::read_to_string(&path).map_err(|source| TrainError::Read { path: path.clone(), source })?;
        let changed = differing(&theirs, recipe)
            .unwrap_or_else(|error| Some(format!("{RECIPE_FILE} there is no recipe any more ({})", error.message())));
        if let Some(changed) = changed {
            return Err(TrainError::OtherRun { path: out.to_owned(), changed });
        }
    }
    for entry in entries.iter().filter(|entry| entry.file_name().to_string_lossy().starts_with(files::UNFINISHED)) {
        let path = entry.path();
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(failed)?;
    }
    Ok(alone)
}

/// Writes everything but the weights: the recipe, the configuration, and the tokenizer, that of `source` if no other is given.
///
/// # Errors
/// A file that cannot be read or written.
pub fn describe(
    out: &Path,
    source: &Path,
    config: &TransformerConfig,
    decision: Decision,
    recipe: &str,
    tokenizer: Option<&Value>,
) -> Result<(), TrainError> {
    let text = |name: &str, text: &str| files::write(&out.join(name), |file| file.write_all(text.as_bytes()));
    text(RECIPE_FILE, recipe)?;
    if let Some(tokenizer) = tokenizer {
        text(TOKENIZER_FILE, &format!("{tokenizer}\n"))?;
    }
    let copied = TOKENIZER_FILES.iter().filter(|name| tokenizer.is_none() || !HOLD_VOCABULARY.contains(name));
    for name in copied {
        let from = source.join(name);
        match fs::read(&from) {
            Ok(bytes) => files::write(&out.join(name), |file| file.write_all(&bytes))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(TrainError::Read { path: from, source }),
        }
    }
    let path = source.join(CONFIG_FILE);
    let old = fs::read_to_string(&path).map_err(|source| TrainError::Read { path: path.clone(), source })?;
    let old: Map<String, Value> =
        serde_json::from_str(&old).map_err(|error| TrainError::Recipe { path, reason: error.to_string() })?;
    text(CONFIG_FILE, &format!("{:#}\n", Value::Object(configuration(old, config, decision))))
}

/// `hidden_act` of an activation.
#[must_use]
pub fn activation_name(activation: Activation) -> &'static str {
    match activation {
        Activation::Quad => "quad",
        Activation::Gelu => "gelu",
        Activation::GeluTanh => "gelu_new",
        Activation::Relu => "relu",
        Activation::Silu => "silu",
        Activation::QuickGelu => "quick_gelu",
    }
}

/// `softmax_act` of what makes weights of scores.
#[must_use]
pub fn attention_name(weights: AttentionWeights) -> &'static str {
    match weights {
        AttentionWeights::Softmax => "softmax",
        AttentionWeights::TwoQuad => "2quad",
        AttentionWeights::TwoRelu => "2relu",
    }
}

/// The fields of a configuration of `old` that are now others.
fn configuration(mut old: Map<String, Value>, config: &TransformerConfig, decision: Decision) -> Map<String, Value> {
    let mut set = |field: &str, value: Value| drop(old.insert(field.to_owned(), value));
    set("model_type", json!("bert"));
    set("architectures", json!(["BertForSequenceClassification"]));
    if let Input::Text { vocab_size, .. } = config.input {
        set("vocab_size", json!(vocab_size));
    }
    set("hidden_size", json!(config.hidden_size));
    set("num_hidden_layers", json!(config.layers));
    set("num_attention_heads", json!(config.heads));
    set("intermediate_size", json!(config.intermediate_size));
    set("hidden_act", json!(activation_name(config.activation)));
    set("softmax_act", json!(attention_name(config.attention_weights)));
    let problem = match decision {
        Decision::OneLabel => "single_label_classification",
        Decision::ManyLabels => "multi_label_classification",
        Decision::Regression => "regression",
    };
    set("problem_type", json!(problem));
    if let Head::Classifier { labels } = &config.head {
        let by_number: Map<_, _> = labels.iter().enumerate().map(|(i, name)| (i.to_string(), json!(name))).collect();
        let by_name: Map<_, _> = labels.iter().enumerate().map(|(i, name)| (name.clone(), json!(i))).collect();
        set("id2label", Value::Object(by_number));
        set("label2id", Value::Object(by_name));
    }
    // They are counted by `id2label`.
    old.remove("num_labels");
    old.remove("_num_labels");
    old
}

/// Writes the weights, under the names that Hugging Face's class has for them.
///
/// # Errors
/// A number that is not finite; a file that cannot be written.
pub fn save_weights(
    out: &Path,
    config: &TransformerConfig,
    variables: &Variables,
    precision: Precision,
) -> Result<(), TrainError> {
    let path = out.join(WEIGHTS_FILE);
    let weights = variables.to_weights(config, &path)?;
    files::write_by(&path, |file| weights.save_with_head(file, precision, "bert.", &["classifier"]))
}

/// Removes what a finished run has no use for.
///
/// # Errors
/// A file that cannot be removed.
pub fn tidy(out: &Path) -> Result<(), TrainError> {
    // The checkpoint last: while it is there, the run goes on, and ends again.
    for name in [BEST_FILE, CHECKPOINT_FILE] {
        let path = out.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(TrainError::Write { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;
    use candle_core::DType;
    use viewless_models::Model;
    use viewless_models::synthetic::{small_config, write_synthetic};
    use viewless_protocols::model::TransformerDraft;

    #[test]
    fn what_is_written_is_read_back_with_every_function_and_every_bit() {
        let base = tempfile::tempdir().unwrap();
        write_synthetic(base.path(), &small_config(), 1, Precision::F32).unwrap();
        let head = Head::Classifier { labels: ["no", "yes"].map(str::to_owned).to_vec() };
        for (activation, attention_weights) in [
            (Activation::Quad, AttentionWeights::TwoQuad),
            (Activation::Gelu, AttentionWeights::TwoRelu),
            (Activation::Gelu, AttentionWeights::Softmax),
        ] {
            let draft = TransformerDraft {
                activation,
                attention_weights,
                head: head.clone(),
                layers: 1,
                ..small_config().draft()
            };
            let config = draft.check().unwrap();
            let mut variables = Variables::new(DType::F32);
            variables.complete(&config, 9).unwrap();
            let out = tempfile::tempdir().unwrap();
            describe(out.path(), base.path(), &config, Decision::OneLabel, "seed = 1\n", None).unwrap();
            save_weights(out.path(), &config, &variables, Precision::F32).unwrap();
            let model = Model::load(out.path()).unwrap();
            assert_eq!((&model.config, model.decision), (&config, Decision::OneLabel));
            assert!(model.notes.is_empty(), "{:?}", model.notes);
            let source = Source::read(out.path(), true).unwrap();
            for (name, _) in variables.iter() {
                assert_eq!(source.variables.values(name).unwrap(), variables.values(name).unwrap(), "{name}");
            }
            assert_eq!(source.variables.len(), variables.len());
        }
    }

    #[test]
    fn a_folder_of_something_else_is_left_alone_and_so_is_a_finished_run() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        drop(prepare(out, false, "train", "").unwrap());
        fs::write(out.join("mine.txt"), "").unwrap();
        assert!(matches!(prepare(out, false, "train", ""), Err(TrainError::NotEmpty { .. })));
        let nothing = prepare(out, true, "train", "").unwrap_err();
        assert!(matches!(nothing, TrainError::NoRun { .. }) && !nothing.to_string().contains("--resume"), "{nothing}");
        for name in [RECIPE_FILE, ".unfinished-x", WEIGHTS_FILE] {
            fs::write(out.join(name), "").unwrap();
        }
        assert!(matches!(prepare(out, true, "train", ""), Err(TrainError::Finished { .. })));
        fs::write(out.join(CHECKPOINT_FILE), "").unwrap();
        // A comment is no part of a recipe.
        drop(prepare(out, true, "train", "# words\n").unwrap());
        let refused = |recipe: &str| match prepare(out, true, "train", recipe) {
            Err(TrainError::OtherRun { changed, .. }) => changed,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused("seed = 2"), "the recipe's `seed` is 2 and was not there");
        assert!(!out.join(".unfinished-x").exists() && out.join("mine.txt").exists());
        assert!(matches!(prepare(out, false, "train", ""), Err(TrainError::NotEmpty { .. })));
        fs::write(out.join(RECIPE_FILE), "these are words").unwrap();
        assert!(refused("seed = 2").starts_with("recipe.toml there is no recipe any more"));
        // The checkpoint is looked at for it then, and this is none.
        fs::remove_file(out.join(RECIPE_FILE)).unwrap();
        assert!(matches!(prepare(out, true, "train", "seed = 2"), Err(TrainError::Checkpoint { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn two_runs_are_not_in_one_folder_and_the_second_leaves_what_the_first_is_writing() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        let first = prepare(out, false, "train", "").unwrap();
        for name in [RECIPE_FILE, ".unfinished-x"] {
            fs::write(out.join(name), "").unwrap();
        }
        for resume in [false, true] {
            assert!(matches!(prepare(out, resume, "train", ""), Err(TrainError::Busy { .. })));
        }
        assert!(out.join(".unfinished-x").exists());
        drop(first);
        drop(prepare(out, true, "train", "").unwrap());
        assert!(!out.join(".unfinished-x").exists());
    }
}
