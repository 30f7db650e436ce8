//! `config.json` of a Hugging Face Transformer, read into the shape that circuits are built from.

use std::path::Path;

use serde_json::Value;
use viewless_protocols::model::left_out::{Effect, LeftOut, Needed};
use viewless_protocols::model::{
    Activation, Architecture, AttentionWeights, Head, Input, TransformerConfig, TransformerDraft, left_out,
};

use crate::error::ModelError;
use crate::family::{IMAGE, ORIGINAL_BERT, Size, family, sibling};
use crate::fields::Fields;
use crate::files::CONFIG_FILE;
use crate::head;

/// Reads the configuration of the model in `directory`, its head included.
///
/// The head is, in this order:
///
/// 1. a pooling if `modules.json` names that step;
/// 2. the head of the class that `architectures` names: a classifier of sequences, images or tokens, answer spans, masked words, the
///    next token. Labels are those of `id2label`, or Hugging Face's `LABEL_0`, `LABEL_1`, … when the file has none;
/// 3. the pooler if the family has one, and the weights hold it, or there are no weights and the class named has one;
/// 4. the hidden states.
///
/// Only the header of the weights is read, and only for the third question.
///
/// # Errors
/// Absent or unreadable files; absent, ill-typed or unsupported fields, among them all that
/// [`left_out`](mod@viewless_protocols::model::left_out) refuses; a pooling or a step that is not built.
pub fn read_config(directory: &Path) -> Result<TransformerConfig, ModelError> {
    let fields = Fields::read(directory.join(CONFIG_FILE), "give a Hugging Face model directory")?;
    let architecture = architecture(&fields)?;
    for entry in left_out(architecture) {
        refuse(&fields, entry)?;
    }
    let family = family(architecture);
    let hidden_size = size(&fields, &family.hidden)?;
    let embedding_size = family.embedding.as_ref().map(|named| size(&fields, named)).transpose()?;
    let intermediate_size = match family.intermediate {
        Size { field, default: 0, .. } if fields.get(field).is_none() => 4 * hidden_size,
        ref named => size(&fields, named)?,
    };
    let epsilon = |(field, default): (Option<&'static str>, f64)| match field {
        Some(field) => fields.positive_or(field, default),
        None => Ok(default),
    };
    let head = head::read_head(directory, &fields, architecture, hidden_size)?;
    let (first_position, padding_token) = padding(&fields, architecture, &head)?;
    let draft = TransformerDraft {
        architecture,
        input: input(&fields, architecture)?,
        hidden_size,
        embedding_size: embedding_size.filter(|embedded| *embedded != hidden_size),
        layers: count(&fields, &family.layers)?,
        heads: size(&fields, &family.heads)?,
        intermediate_size,
        layer_norm_epsilon: epsilon(family.epsilon)?,
        activation: activation(&fields, family.activation)?,
        attention_weights: attention_weights(&fields)?,
        first_position,
        padding_token,
        head,
    };
    draft.check().map_err(|source| ModelError::Sizes { file: fields.file, source })
}

/// The family that a file names. The original BERT's name none, and have no other fields than that had.
fn architecture(fields: &Fields) -> Result<Architecture, ModelError> {
    let Some(model_type) = fields.text("model_type")? else {
        return match fields.values.keys().all(|field| ORIGINAL_BERT.contains(&&field[..])) {
            true if fields.values.contains_key("hidden_size") => Ok(Architecture::Bert),
            _ => Err(ModelError::MissingField { file: fields.file.clone(), field: "model_type".to_owned() }),
        };
    };
    let named = || Architecture::ALL.into_iter().find(|known| known.to_string() == model_type);
    let known = sibling(Some(model_type)).map(|sibling| sibling.architecture).or_else(named);
    known.ok_or_else(|| ModelError::UnknownModelType { file: fields.file.clone(), model_type: model_type.to_owned() })
}

fn activation(fields: &Fields, (field, default): (&'static str, &str)) -> Result<Activation, ModelError> {
    match fields.text(field)?.unwrap_or(default) {
        "gelu" | "gelu_python" => Ok(Activation::Gelu),
        "gelu_new" | "gelu_pytorch_tanh" => Ok(Activation::GeluTanh),
        "relu" => Ok(Activation::Relu),
        "silu" | "swish" => Ok(Activation::Silu),
        "quick_gelu" => Ok(Activation::QuickGelu),
        "quad" => Ok(Activation::Quad),
        other => Err(ModelError::UnknownActivation { field, activation: other.to_owned(), file: fields.file.clone() }),
    }
}

/// What makes weights of scores: softmax, unless MPCFormer's field says otherwise.
fn attention_weights(fields: &Fields) -> Result<AttentionWeights, ModelError> {
    match fields.text("softmax_act")? {
        None | Some("softmax") => Ok(AttentionWeights::Softmax),
        Some("2quad") => Ok(AttentionWeights::TwoQuad),
        Some("2relu") => Ok(AttentionWeights::TwoRelu),
        Some(other) => Err(fields.invalid("softmax_act", &other.into(), "\"softmax\", \"2quad\" or \"2relu\"")),
    }
}

/// The position of a text's first token, and the padding token where the answer depends on which it is.
///
/// RoBERTa counts the tokens that are not padding from `pad_token_id` + 1, and gives padding its own number as position. A text whose
/// first token is padding, as it is where `pad_token_id` and `bos_token_id` are the same, therefore begins at that number. GPT-2's
/// classifier reads the last token that is not padding.
fn padding(fields: &Fields, architecture: Architecture, head: &Head) -> Result<(usize, Option<usize>), ModelError> {
    let token = |field: &str, default: Option<usize>| match fields.values.get(field) {
        None => Ok(default),
        Some(Value::Null) => Ok(None),
        Some(value) => {
            let id = value.as_u64().filter(|&id| id < 1 << 24).and_then(|id| usize::try_from(id).ok());
            id.map(Some).ok_or_else(|| fields.invalid(field, value, "the identifier of a token"))
        }
    };
    match architecture {
        Architecture::Roberta => {
            let null = || fields.invalid("pad_token_id", &Value::Null, "the identifier of a token");
            let padding = token("pad_token_id", Some(1))?.ok_or_else(null)?;
            let first = token("bos_token_id", Some(0))?;
            Ok((if first == Some(padding) { padding } else { padding + 1 }, Some(padding)))
        }
        // Its code takes 1 for padding, whatever the file says.
        Architecture::Mpnet => Ok((2, Some(1))),
        Architecture::Gpt2 => match head {
            Head::Classifier { .. } => Ok((0, token("pad_token_id", None)?)),
            _ => Ok((0, None)),
        },
        Architecture::Bert | Architecture::Distilbert | Architecture::Electra | Architecture::Vit => Ok((0, None)),
    }
}

/// A size under either of its names. Where both are there, they must agree, because versions of the library differ in which counts.
fn size(fields: &Fields, named: &Size) -> Result<usize, ModelError> {
    fields.size_or(one_name(fields, named)?, named.default)
}

fn count(fields: &Fields, named: &Size) -> Result<usize, ModelError> {
    fields.count_or(one_name(fields, named)?, named.default)
}

fn one_name(fields: &Fields, named: &Size) -> Result<&'static str, ModelError> {
    let Some(alias) = named.alias.filter(|alias| fields.values.contains_key(*alias)) else { return Ok(named.field) };
    match fields.values.get(named.field) {
        None => Ok(alias),
        Some(value) if *value == fields.values[alias] => Ok(alias),
        Some(value) => {
            let (file, field, value) = (fields.file.clone(), named.field, value.to_string());
            Err(ModelError::TwoNames { file, field, value, alias, other: fields.values[alias].to_string() })
        }
    }
}

fn input(fields: &Fields, architecture: Architecture) -> Result<Input, ModelError> {
    let family = family(architecture);
    if architecture == Architecture::Vit {
        let [image_size, patch_size, channels] = IMAGE;
        return Ok(Input::Image {
            image_size: size(fields, &image_size)?,
            patch_size: size(fields, &patch_size)?,
            channels: size(fields, &channels)?,
        });
    }
    let default = sibling(fields.text("model_type")?).map_or(family.vocabulary.default, |sibling| sibling.vocabulary);
    Ok(Input::Text {
        vocab_size: size(fields, &Size { default, ..family.vocabulary })?,
        max_positions: size(fields, &family.positions)?,
        type_vocab_size: if family.types.default == 0 { 0 } else { size(fields, &family.types)? },
    })
}

/// Refuses a model that asks for something that is left out and would change its answer.
fn refuse(fields: &Fields, entry: &LeftOut) -> Result<(), ModelError> {
    let Effect::Refused(needed) = entry.effect else { return Ok(()) };
    for &(field, needed) in needed {
        let Some(value) = fields.get(field) else { continue };
        let (fits, needed) = match needed {
            Needed::Bool(needed) => (value.as_bool() == Some(needed), needed.to_string()),
            Needed::Text(needed) => (value.as_str() == Some(needed), format!("\"{needed}\"")),
            Needed::Number(needed) => (value.as_u64() == Some(needed), needed.to_string()),
        };
        if !fits {
            return Err(ModelError::LeftOut {
                file: fields.file.clone(),
                field,
                value: value.to_string(),
                needed,
                what: entry.what,
                why: entry.why,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::read_json;
    use crate::synthetic::{self, small, small_config};
    use serde_json::json;
    use std::fs;
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
        let tanh = TransformerDraft { activation: Activation::GeluTanh, ..config.draft() }.check().unwrap();
        assert_eq!(read_config(synthetic::temporary(&tanh).path()).unwrap(), tanh);
    }

    #[test]
    fn absent_fields_have_the_values_of_the_published_code() {
        for (model_type, published) in
            [("bert", "bert-base"), ("distilbert", "distilbert"), ("gpt2", "gpt2"), ("vit", "vit-base")]
        {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join(CONFIG_FILE), json!({ "model_type": model_type }).to_string()).unwrap();
            let read = read_config(directory.path()).unwrap();
            let known = viewless_protocols::model::known(published).unwrap();
            // The published BERT is cased and so has another vocabulary than the code.
            let input = if model_type == "bert" { read.input } else { known.input };
            assert_eq!(read, TransformerDraft { input, head: Head::HiddenStates, ..known.draft() }.check().unwrap());
        }
    }

    #[test]
    fn a_file_without_a_family_is_a_bert_if_it_is_an_original_one() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(CONFIG_FILE);
        fs::write(
            &file,
            json!({"hidden_size": 768, "vocab_size": 28_996, "pooler_type": "first_token_transform"}).to_string(),
        )
        .unwrap();
        assert_eq!(read_config(directory.path()).unwrap(), TransformerConfig::bert_base());
        for other in [json!({}), json!({"hidden_size": 768, "n_layer": 2})] {
            fs::write(&file, other.to_string()).unwrap();
            let error = read_config(directory.path()).unwrap_err();
            assert!(
                matches!(error, ModelError::MissingField { .. }) && error.to_string().contains("model_type"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_size_is_read_under_either_of_its_names_and_not_under_two_that_disagree() {
        let directory = with_field_of(Architecture::Gpt2, "n_embd", Value::Null);
        let file = directory.path().join(CONFIG_FILE);
        let mut config = read_json(&file, "").unwrap();
        config["hidden_size"] = json!(32);
        fs::write(&file, config.to_string()).unwrap();
        assert_eq!(read_config(directory.path()).unwrap().hidden_size, 32);
        config["n_embd"] = json!(64);
        fs::write(&file, config.to_string()).unwrap();
        let error = read_config(directory.path()).unwrap_err().to_string();
        assert!(error.contains("`n_embd` is 64") && error.contains("`hidden_size` is 32"), "{error}");
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
    fn unknown_activations_are_refused() {
        assert!(matches!(error_with("hidden_act", json!("mish")), ModelError::UnknownActivation { .. }));
        assert!(matches!(error_with("softmax_act", json!("4quad")), ModelError::InvalidField { .. }));
    }

    #[test]
    fn positions_of_a_roberta_are_counted_behind_padding_or_from_it_where_it_comes_first() {
        let position = |padding| {
            let directory = with_field_of(Architecture::Roberta, "pad_token_id", json!(padding));
            let config = read_config(directory.path()).unwrap();
            (config.first_position, config.padding_token)
        };
        assert_eq!(position(1), (2, Some(1)));
        assert_eq!(position(5), (6, Some(5)));
        assert_eq!(position(0), (0, Some(0)));
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
        assert!(matches!(error, ModelError::NotAFile { .. }) && error.to_string().contains("config.json"));
    }
}
