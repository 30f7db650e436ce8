//! The steps of a sentence-transformers model behind its body, as `modules.json` lists them: a pooling, linear layers, a normalisation.
//!
//! **Source.** sentence-transformers 6.2.0, `sentence_transformer/modules/pooling.py`, `base/modules/dense.py` and `normalize.py`.

use std::path::{Path, PathBuf};

use serde_json::Value;
use viewless_protocols::model::{Activation, Dense, DenseActivation, Head, Pooling, Sentence};

use crate::error::ModelError;
use crate::fields::{Fields, invalid, read_json};
use crate::files::{self, CONFIG_FILE, MODULES_FILE};

/// Flags of poolings in the order in which their vectors stand side by side, with the newer name.
const POOLINGS: [(&str, &str, Pooling); 6] = [
    ("pooling_mode_cls_token", "cls", Pooling::FirstToken),
    ("pooling_mode_max_tokens", "max", Pooling::Max),
    ("pooling_mode_mean_tokens", "mean", Pooling::Mean),
    ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", Pooling::MeanSqrtLength),
    ("pooling_mode_weightedmean_tokens", "weightedmean", Pooling::WeightedMean),
    ("pooling_mode_lasttoken", "lasttoken", Pooling::LastToken),
];

/// The classes of PyTorch that may follow a linear layer.
const ACTIVATIONS: [(&str, DenseActivation); 5] = [
    ("torch.nn.modules.linear.Identity", DenseActivation::Identity),
    ("torch.nn.modules.activation.Tanh", DenseActivation::Tanh),
    ("torch.nn.modules.activation.ReLU", DenseActivation::Of(Activation::Relu)),
    ("torch.nn.modules.activation.GELU", DenseActivation::Of(Activation::Gelu)),
    ("torch.nn.modules.activation.SiLU", DenseActivation::Of(Activation::Silu)),
];

/// The steps that a directory lists, by the folders of their settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Of the pooling, if there is one.
    pub(crate) pooling: Option<String>,
    /// Of linear layers behind it.
    pub(crate) dense: Vec<String>,
    /// Of normalisations at the end.
    pub(crate) normalisations: Vec<String>,
    /// Of steps that change nothing outside training.
    pub(crate) without_effect: Vec<String>,
}

impl Steps {
    /// Reads `modules.json`; without it there are no steps.
    pub(crate) fn read(directory: &Path) -> Result<Self, ModelError> {
        let mut steps = Self::default();
        if !files::has(directory, MODULES_FILE) {
            return Ok(steps);
        }
        let file = directory.join(MODULES_FILE);
        let value = read_json(&file, "")?;
        let bad = || invalid(&file, "type", &value, "a string in each element of a list");
        for (position, module) in value.as_array().ok_or_else(bad)?.iter().enumerate() {
            let kind = module.get("type").and_then(Value::as_str).ok_or_else(bad)?;
            let folder = module.get("path").and_then(Value::as_str).unwrap_or_default().to_owned();
            if files::inside(directory, &folder).is_none() {
                return Err(ModelError::OutsideDirectory { file, named: folder });
            }
            let (is_pooled, is_normalised) = (steps.pooling.is_some(), !steps.normalisations.is_empty());
            // The path of the Python module has changed between versions; the class name has not.
            match kind.rsplit('.').next() {
                Some("Transformer") if position == 0 && folder.is_empty() => {}
                Some("Pooling") if !is_pooled => steps.pooling = Some(folder),
                Some("Dense") if is_pooled && !is_normalised => steps.dense.push(folder),
                Some("Normalize") if is_pooled => steps.normalisations.push(folder),
                Some("Dropout") => steps.without_effect.push(folder),
                _ => return Err(ModelError::UnsupportedModule { module: kind.to_owned(), file }),
            }
        }
        Ok(steps)
    }

    /// The head that they make, if they are one.
    pub(crate) fn head(&self, directory: &Path, hidden_size: usize) -> Result<Option<Head>, ModelError> {
        let Some(folder) = &self.pooling else { return Ok(None) };
        for folder in &self.normalisations {
            refuse_other_inputs(&Fields::read_if_present(&directory.join(folder), CONFIG_FILE)?)?;
        }
        let poolings = read_poolings(settings(directory, folder), hidden_size)?;
        if let ([pooling], []) = (&poolings[..], &self.dense[..]) {
            return Ok(Some(match pooling {
                Pooling::Mean => Head::MeanPooling,
                other => Head::Pooling(*other),
            }));
        }
        let mut sentence = Sentence { poolings, dense: Vec::new(), kept: None };
        for folder in &self.dense {
            let inputs = sentence.width(hidden_size);
            sentence.dense.push(read_dense(settings(directory, folder), inputs)?);
        }
        Ok(Some(Head::Sentence(sentence)))
    }
}

fn settings(directory: &Path, folder: &str) -> PathBuf {
    directory.join(folder).join(CONFIG_FILE)
}

/// What is said of the settings of a step that are absent.
const ADVICE: &str = "`modules.json` names it, so download the model again";

/// The poolings that a step asks for, in one of two spellings: a flag for each mode, or names.
fn read_poolings(file: PathBuf, hidden_size: usize) -> Result<Vec<Pooling>, ModelError> {
    let fields = Fields::read(file, ADVICE)?;
    let is_flag = |key: &String| key.starts_with("pooling_mode_");
    let names: Vec<String> = match fields.get("pooling_mode") {
        // Names override the flags.
        Some(Value::Array(names)) => {
            let name = |name: &Value| name.as_str().map_or_else(|| name.to_string(), str::to_owned);
            names.iter().map(name).collect()
        }
        Some(name) => {
            let one = name.as_str().ok_or_else(|| fields.invalid("pooling_mode", name, "the name of a mode"))?;
            vec![one.to_owned()]
        }
        None => {
            // What is neither true nor false may count as either: Python takes 1 and any text for true.
            let mut on = Vec::new();
            for key in fields.values.keys().filter(|key| is_flag(key)) {
                if fields.bool(key)? == Some(true) {
                    on.push(key.clone());
                }
            }
            on.sort_by_key(|key| POOLINGS.iter().position(|(flag, ..)| flag == key));
            if on.is_empty() && fields.values.keys().any(is_flag) { vec!["mean".to_owned()] } else { on }
        }
    };
    let unsupported = || {
        let short = |name: &String| name.strip_prefix("pooling_mode_").unwrap_or(name).to_owned();
        let pooling = names.iter().map(short).collect::<Vec<_>>().join(", ");
        let pooling = if names.is_empty() { "none".to_owned() } else { pooling };
        ModelError::UnsupportedPooling { file: fields.file.clone(), pooling }
    };
    let known = |name: &String| POOLINGS.iter().find(|(flag, short, _)| flag == name || short == name);
    let poolings = names.iter().map(|name| known(name).map(|(_, _, pooling)| *pooling)).collect::<Option<Vec<_>>>();
    let poolings = poolings.filter(|poolings| !poolings.is_empty()).ok_or_else(unsupported)?;
    if fields.bool("include_prompt")? == Some(false) {
        let value = Value::Bool(false);
        return Err(fields.invalid("include_prompt", &value, "true: a prompt takes part in the pooling"));
    }
    for width in ["word_embedding_dimension", "embedding_dimension"] {
        match fields.get(width) {
            Some(value) if value.as_u64() != Some(hidden_size as u64) => {
                return Err(fields.invalid(width, value, "equal to the hidden size in `config.json`"));
            }
            _ => {}
        }
    }
    Ok(poolings)
}

/// A linear layer for so many inputs. What the file does not name is as the published code has it.
fn read_dense(file: PathBuf, inputs: usize) -> Result<Dense, ModelError> {
    let fields = Fields::read(file, ADVICE)?;
    refuse_other_inputs(&fields)?;
    if fields.bool("use_residual")? == Some(true) {
        return Err(fields.invalid("use_residual", &Value::Bool(true), "false"));
    }
    match fields.get("in_features") {
        Some(value) if value.as_u64() == Some(inputs as u64) => {}
        value => {
            let value = value.cloned().unwrap_or_default();
            return Err(fields.invalid("in_features", &value, "the width of what the step before gives"));
        }
    }
    if fields.get("out_features").is_none() {
        return Err(ModelError::MissingField { file: fields.file, field: "out_features".to_owned() });
    }
    let activation = match fields.text("activation_function")? {
        None => DenseActivation::Tanh,
        Some(name) => {
            let known = ACTIVATIONS.iter().find(|(class, _)| *class == name).map(|(_, activation)| *activation);
            let expected = "PyTorch's Identity, Tanh, ReLU, GELU or SiLU";
            known.ok_or_else(|| fields.invalid("activation_function", &name.into(), expected))?
        }
    };
    let outputs = fields.size_or("out_features", 0)?;
    Ok(Dense { outputs, has_bias: fields.bool("bias")?.unwrap_or(true), activation })
}

/// Refuses a step that reads or writes something else than the vector of a text.
fn refuse_other_inputs(fields: &Fields) -> Result<(), ModelError> {
    for field in ["module_input_name", "module_output_name"] {
        if let Some(value) = fields.get(field).filter(|value| *value != "sentence_embedding") {
            return Err(fields.invalid(field, value, "\"sentence_embedding\""));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{self, set, small_config};
    use crate::{Model, read_config};
    use serde_json::json;
    use std::fs;
    use tempfile::TempDir;
    use viewless_protocols::model::TransformerDraft;

    fn directory(head: Head) -> TempDir {
        synthetic::temporary(&TransformerDraft { head, ..small_config().draft() }.check().unwrap())
    }

    fn sentence() -> Sentence {
        let dense = |outputs, has_bias, activation| Dense { outputs, has_bias, activation };
        Sentence {
            poolings: vec![Pooling::Mean, Pooling::FirstToken],
            dense: vec![
                dense(20, true, DenseActivation::Tanh),
                dense(7, false, DenseActivation::Of(Activation::Relu)),
                dense(9, true, DenseActivation::Identity),
            ],
            kept: None,
        }
    }

    #[test]
    fn poolings_side_by_side_and_linear_layers_are_read_back_and_run() {
        let directory = directory(Head::Sentence(sentence()));
        let model = Model::load(directory.path()).unwrap();
        assert_eq!(model.config.head, Head::Sentence(sentence()));
        let output = model.forward(&model.encode("the view").unwrap()).unwrap().output;
        assert_eq!(output.len(), 9);
        assert!(model.notes.is_empty(), "{:?}", model.notes);
    }

    #[test]
    fn flags_of_several_poolings_have_the_order_of_the_published_code_and_names_have_their_own() {
        let directory = directory(Head::MeanPooling);
        let file = directory.path().join("1_Pooling/config.json");
        let of = |text: Value| {
            fs::write(&file, text.to_string()).unwrap();
            read_config(directory.path()).unwrap().head.clone()
        };
        let head = |poolings: &[Pooling]| {
            Head::Sentence(Sentence { poolings: poolings.to_vec(), dense: Vec::new(), kept: None })
        };
        let flags = json!({"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true});
        assert_eq!(of(flags), head(&[Pooling::FirstToken, Pooling::Mean]));
        assert_eq!(of(json!({"pooling_mode": ["mean", "cls"]})), head(&[Pooling::Mean, Pooling::FirstToken]));
        assert_eq!(of(json!({"pooling_mode": ["mean"]})), Head::MeanPooling);
    }

    #[test]
    fn a_flag_of_a_pooling_is_true_or_false() {
        for value in [json!(1), json!("true"), json!(0.5), json!([])] {
            let directory = directory(Head::MeanPooling);
            set(&directory, "1_Pooling/config.json", "pooling_mode_cls_token", value.clone());
            let error = read_config(directory.path()).unwrap_err().to_string();
            assert!(error.contains("pooling_mode_cls_token"), "{value}: {error}");
        }
    }

    #[test]
    fn a_linear_layer_that_is_not_computed_is_refused_by_file_and_field() {
        for (field, value) in [
            ("use_residual", json!(true)),
            ("activation_function", json!("torch.nn.modules.activation.Sigmoid")),
            ("activation_function", json!("mine.Tanh")),
            ("in_features", json!(63)),
            ("in_features", Value::Null),
            ("out_features", json!(0)),
            ("module_input_name", json!("token_embeddings")),
        ] {
            let directory = directory(Head::Sentence(sentence()));
            set(&directory, "2_Dense/config.json", field, value.clone());
            let error = read_config(directory.path()).unwrap_err().to_string();
            assert!(error.contains("2_Dense") && error.contains(field), "{field} {value}: {error}");
        }
        let directory = directory(Head::Sentence(sentence()));
        fs::remove_file(directory.path().join("3_Dense/model.safetensors")).unwrap();
        let error = Model::load(directory.path()).unwrap_err().to_string();
        assert!(error.contains("3_Dense"), "{error}");
    }

    #[test]
    fn steps_in_an_order_that_is_not_computed_are_refused_by_name() {
        let step = |kind: &str| json!({"type": format!("sentence_transformers.models.{kind}"), "path": ""});
        for kinds in [
            &["Dense", "Pooling"][..],
            &["Pooling", "Normalize", "Dense"],
            &["Pooling", "Pooling"],
            &["Pooling", "LayerNorm"],
        ] {
            let directory = directory(Head::MeanPooling);
            let steps: Vec<Value> = [&["Transformer"], kinds].concat().into_iter().map(step).collect();
            fs::write(directory.path().join(MODULES_FILE), json!(steps).to_string()).unwrap();
            let error = Steps::read(directory.path()).unwrap_err();
            assert!(matches!(error, ModelError::UnsupportedModule { .. }), "{kinds:?}: {error}");
        }
    }

    #[test]
    fn a_model_that_normalises_its_vector_says_that_it_is_compared_before() {
        let directory = directory(Head::MeanPooling);
        let steps = json!([
            {"type": "sentence_transformers.models.Transformer", "path": ""},
            {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
            {"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"},
        ]);
        fs::write(directory.path().join(MODULES_FILE), steps.to_string()).unwrap();
        let Model { notes, normalises, .. } = Model::load(directory.path()).unwrap();
        assert!(normalises);
        assert!(notes.iter().any(|note| note.contains("Normalize")), "{notes:?}");
    }
}
