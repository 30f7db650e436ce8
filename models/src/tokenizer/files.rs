//! The tokenizer that the files of a directory amount to.
//!
//! `tokenizer.json` is a whole tokenizer, `vocab.txt`, or `vocab.json` with `merges.txt`, the older form of one. Whichever is there,
//! `tokenizer_config.json` decides about lower-casing, accents, Chinese characters and the space before a text, because Hugging
//! Face's classes are built with what it says, or with their own defaults where it says nothing, whatever `tokenizer.json` has. Tokens
//! are added by `tokenizer.json`, by `added_tokens_decoder` in `tokenizer_config.json`, and, where that is absent, by
//! `added_tokens.json` and `special_tokens_map.json`.
//!
//! Version 5 of transformers builds a tokenizer of these classes anew from its vocabulary; version 4 took `tokenizer.json` and
//! changed the options. Both are made here where they differ, and a text for which they give different tokens is refused.
//!
//! **Source.** transformers 5.24.0, `tokenization_utils_tokenizers.py` and `models/{bert,roberta,gpt2}/tokenization_….py`; 4.57.1,
//! `tokenization_bert_fast.py` and its sisters.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tokenizers::AddedToken;
use viewless_protocols::model::Architecture;

use super::byte_level;
use super::class::{Class, Pieces};
use crate::error::ModelError;
use crate::fields::{Fields, parse_json};
use crate::files::{
    self, ADDED_TOKENS_FILE, CONFIG_FILE, MOST_VOCABULARY_BYTES, SPECIAL_TOKENS_FILE, TOKENIZER_CONFIG_FILE,
    TOKENIZER_FILE, VOCABULARY_FILE, WORDS_FILE,
};

/// Roles of special tokens that have a name.
const ROLES: [&str; 7] = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// Tokens that CamemBERT's class adds where no file names others.
const CAMEMBERT_TOKENS: [&str; 3] = ["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"];

/// What the files of a directory say about its tokenizer.
pub(super) struct Description {
    /// The file with the vocabulary.
    pub(super) file: PathBuf,
    /// The whole tokenizer, as `tokenizer.json` would have it.
    pub(super) whole: Value,
    /// The same as version 4 of transformers makes it, where that may be another.
    pub(super) version_4: Option<Value>,
    /// Tokens to be added to both, in order, with their identifiers where a file gives one.
    pub(super) added: Vec<(Option<u32>, AddedToken)>,
}

impl Description {
    pub(super) fn read(directory: &Path, architecture: Architecture) -> Result<Self, ModelError> {
        let config = Fields::read_if_present(directory, TOKENIZER_CONFIG_FILE)?;
        let model = Fields::read_if_present(directory, CONFIG_FILE)?;
        let class = Class::of(&config, architecture, model.text("model_type")?)?;
        refuse_options(&config)?;
        let special = match config.values.contains_key("added_tokens_decoder") {
            true => Fields { file: config.file.clone(), values: Map::new() },
            false => Fields::read_if_present(directory, SPECIAL_TOKENS_FILE)?,
        };
        let tokens = SpecialTokens { class, config: &config, older: &special };
        let (file, read, is_whole) = vocabulary(directory, class, &tokens)?;
        let whole = match class {
            Class::Bert => bert(&file, read.clone(), &tokens)?,
            Class::Mpnet => mpnet(&file, read.clone(), &tokens)?,
            Class::Roberta => roberta(&file, read.clone(), &tokens)?,
            Class::Gpt2 => gpt2(&file, read.clone(), &config)?,
            Class::Unigram(_) => unigram(&file, read.clone(), &tokens)?,
            Class::AsFile => as_file(&file, read.clone(), &config)?,
        };
        let version_4 = if is_whole { Some(version_4(read, &whole, class)) } else { None };
        let version_4 = version_4.filter(|other| *other != whole);
        let added = tokens.added(directory)?;
        Ok(Self { file, whole, version_4, added })
    }
}

/// Options that change tokens in a way that is not followed.
fn refuse_options(config: &Fields) -> Result<(), ModelError> {
    for (option, what) in [
        ("add_bos_token", "a token before every text"),
        ("add_eos_token", "a token behind every text"),
        ("split_special_tokens", "special tokens that are split"),
    ] {
        if config.bool(option)? == Some(true) {
            return Err(ModelError::TokenizerOption { file: config.file.clone(), option, what });
        }
    }
    Ok(())
}

/// The tokenizer of the file that holds the vocabulary, and whether that is a whole tokenizer.
fn vocabulary(
    directory: &Path,
    class: Class,
    tokens: &SpecialTokens<'_>,
) -> Result<(PathBuf, Value, bool), ModelError> {
    const ADVICE: &str =
        "publish the model with its tokenizer: `tokenizer.json`, `vocab.txt`, or `vocab.json` and `merges.txt`";
    let whole = directory.join(TOKENIZER_FILE);
    if files::has(directory, TOKENIZER_FILE) {
        let read = parse_json(&whole, &files::read(&whole, MOST_VOCABULARY_BYTES, ADVICE)?);
        let malformed = |error: ModelError| ModelError::Tokenizer { file: whole.clone(), reason: error.to_string() };
        let read = read.map_err(malformed)?;
        // What is filled in below needs fields to fill.
        if !(read.is_object() && read["model"].is_object()) {
            let reason = "it is no JSON object with a `model` that is one".to_owned();
            return Err(ModelError::Tokenizer { file: whole, reason });
        }
        return Ok((whole, read, true));
    }
    let (words, pairs) = (files::has(directory, WORDS_FILE), files::has(directory, VOCABULARY_FILE));
    match class {
        Class::Bert | Class::Mpnet if words => {
            let file = directory.join(WORDS_FILE);
            let read = word_piece(&file, tokens)?;
            Ok((file, read, false))
        }
        Class::Roberta | Class::Gpt2 if pairs => {
            Ok((directory.join(VOCABULARY_FILE), byte_level::from_files(directory)?, false))
        }
        Class::Bert | Class::Mpnet | Class::Roberta | Class::Gpt2 | Class::Unigram(_) | Class::AsFile => {
            Err(ModelError::MissingFile { file: whole, advice: ADVICE })
        }
    }
}

/// A WordPiece of the words of a file, one a line; of a word that stands twice the last line counts.
fn word_piece(file: &Path, tokens: &SpecialTokens<'_>) -> Result<Value, ModelError> {
    let malformed = |reason: String| ModelError::Tokenizer { file: file.to_owned(), reason };
    let text =
        String::from_utf8(files::read(file, MOST_VOCABULARY_BYTES, "")?).map_err(|e| malformed(e.to_string()))?;
    // Python ends a line at "\n", "\r\n" or "\r", and nowhere else.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines = text.strip_suffix('\n').unwrap_or(&text).split('\n');
    let words: Map<String, Value> =
        lines.zip(0..).map(|(word, id): (&str, u32)| (word.to_owned(), id.into())).collect();
    let unknown = tokens.text("unk_token")?;
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": null, "post_processor": null, "decoder": null,
        "model": {"type": "WordPiece", "unk_token": unknown, "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": words},
    }))
}

fn model_type(file: &Path, whole: &Value, needed: &'static str) -> Result<(), ModelError> {
    match whole["model"].get("type").and_then(Value::as_str) {
        // Files of the first versions name no type.
        None => Ok(()),
        Some(found) if found == needed => Ok(()),
        Some(found) => {
            let reason = format!("its model is a {found}, but its class in `{TOKENIZER_CONFIG_FILE}` needs a {needed}");
            Err(ModelError::Tokenizer { file: file.to_owned(), reason })
        }
    }
}

/// What BERT's tokenizer and MPNet's have in common, as version 5 builds them.
fn words_and_pieces(file: &Path, whole: &mut Value, tokens: &SpecialTokens<'_>) -> Result<(), ModelError> {
    model_type(file, whole, "WordPiece")?;
    let config = tokens.config;
    whole["normalizer"] = json!({
        "type": "BertNormalizer",
        "clean_text": true,
        "handle_chinese_chars": config.bool("tokenize_chinese_chars")?.unwrap_or(true),
        "strip_accents": config.bool("strip_accents")?,
        "lowercase": config.bool("do_lower_case")?.unwrap_or(true),
    });
    whole["pre_tokenizer"] = json!({"type": "BertPreTokenizer"});
    let unknown = tokens.text("unk_token")?;
    for (option, value) in [
        ("unk_token", json!(unknown)),
        ("continuing_subword_prefix", json!("##")),
        ("max_input_chars_per_word", json!(100)),
    ] {
        whole["model"][option] = value;
    }
    Ok(())
}

/// MPNet's tokenizer as version 5 builds it.
fn mpnet(file: &Path, mut whole: Value, tokens: &SpecialTokens<'_>) -> Result<Value, ModelError> {
    words_and_pieces(file, &mut whole, tokens)?;
    let [start, end] = ["cls_token", "sep_token"].map(|role| tokens.framing(file, &whole, role));
    let ((start, start_id), (end, end_id)) = (start?, end?);
    whole["post_processor"] = json!({"type": "RobertaProcessing", "sep": [end, end_id], "cls": [start, start_id],
        "trim_offsets": true, "add_prefix_space": false});
    Ok(whole)
}

/// BERT's tokenizer as version 5 builds it.
fn bert(file: &Path, mut whole: Value, tokens: &SpecialTokens<'_>) -> Result<Value, ModelError> {
    words_and_pieces(file, &mut whole, tokens)?;
    let [start, end] = ["cls_token", "sep_token"].map(|role| tokens.framing(file, &whole, role));
    let ((start, start_id), (end, end_id)) = (start?, end?);
    let special = |token: &str, type_id: u8| json!({"SpecialToken": {"id": token, "type_id": type_id}});
    let sequence = |id: &str, type_id: u8| json!({"Sequence": {"id": id, "type_id": type_id}});
    let single = vec![special(&start, 0), sequence("A", 0), special(&end, 0)];
    let pair = [single.clone(), vec![sequence("B", 1), special(&end, 1)]].concat();
    let entry = |token: &str, id: u32| (token.to_owned(), json!({"id": token, "ids": [id], "tokens": [token]}));
    let special_tokens: Map<String, Value> = [entry(&start, start_id), entry(&end, end_id)].into_iter().collect();
    whole["post_processor"] =
        json!({"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special_tokens});
    Ok(whole)
}

/// RoBERTa's tokenizer as version 5 builds it.
fn roberta(file: &Path, mut whole: Value, tokens: &SpecialTokens<'_>) -> Result<Value, ModelError> {
    model_type(file, &whole, "BPE")?;
    let space = byte_level_options(&mut whole, tokens.config)?;
    let [start, end] = ["cls_token", "sep_token"].map(|role| tokens.framing(file, &whole, role));
    let ((start, start_id), (end, end_id)) = (start?, end?);
    whole["post_processor"] = json!({"type": "RobertaProcessing", "sep": [end, end_id], "cls": [start, start_id],
        "trim_offsets": tokens.config.bool("trim_offsets")?.unwrap_or(true), "add_prefix_space": space});
    Ok(whole)
}

/// GPT-2's tokenizer as version 5 builds it: what stands around a text is the file's matter.
fn gpt2(file: &Path, mut whole: Value, config: &Fields) -> Result<Value, ModelError> {
    model_type(file, &whole, "BPE")?;
    byte_level_options(&mut whole, config)?;
    Ok(whole)
}

/// A tokenizer of sentence pieces as version 5 builds it: of the file's steps before the pieces only the table of characters is kept.
fn unigram(file: &Path, mut whole: Value, tokens: &SpecialTokens<'_>) -> Result<Value, ModelError> {
    model_type(file, &whole, "Unigram")?;
    let before = whole["normalizer"].take();
    let is_table = |step: &&Value| step["type"] == "Precompiled";
    let steps = before["normalizers"].as_array().cloned().unwrap_or_default();
    whole["normalizer"] = std::iter::once(&before).chain(&steps).find(is_table).cloned().unwrap_or(Value::Null);
    let space = tokens.config.bool("add_prefix_space")?.unwrap_or(true);
    let scheme = if space { "always" } else { "never" };
    whole["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [
        {"type": "WhitespaceSplit"},
        {"type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": scheme, "split": true},
    ]});
    let [start, end] = ["bos_token", "eos_token"].map(|role| tokens.framing(file, &whole, role));
    let ((start, start_id), (end, end_id)) = (start?, end?);
    let special = |token: &str| json!({"SpecialToken": {"id": token, "type_id": 0}});
    let sequence = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    let single = vec![special(&start), sequence("A"), special(&end)];
    let pair = [single.clone(), vec![special(&end), sequence("B"), special(&end)]].concat();
    let entry = |token: &str, id: u32| (token.to_owned(), json!({"id": token, "ids": [id], "tokens": [token]}));
    let special_tokens: Map<String, Value> = [entry(&start, start_id), entry(&end, end_id)].into_iter().collect();
    whole["post_processor"] =
        json!({"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special_tokens});
    Ok(whole)
}

/// What the two byte-level BPEs have in common; whether a space goes before a text.
fn byte_level_options(whole: &mut Value, config: &Fields) -> Result<bool, ModelError> {
    let space = config.bool("add_prefix_space")?.unwrap_or(false);
    whole["normalizer"] = Value::Null;
    whole["pre_tokenizer"] =
        json!({"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": true, "use_regex": true});
    Ok(space)
}

/// A tokenizer whose file says everything. Version 4 puts a space before the text if the configuration says so, version 5 does not.
fn as_file(file: &Path, whole: Value, config: &Fields) -> Result<Value, ModelError> {
    let before = &whole["pre_tokenizer"]["add_prefix_space"];
    match (config.bool("add_prefix_space")?, before.as_bool()) {
        (Some(wanted), Some(found)) if wanted != found => {
            let reason = format!(
                "`add_prefix_space` is {found} here and {wanted} in `{TOKENIZER_CONFIG_FILE}`, and versions of transformers disagree on which counts"
            );
            Err(ModelError::Tokenizer { file: file.to_owned(), reason })
        }
        _ => Ok(whole),
    }
}

/// A token that a template puts around texts and has no entry for: the library takes one for granted.
pub(super) fn token_without_entry(processor: &Value) -> Option<&str> {
    if let Some(steps) = processor["processors"].as_array() {
        return steps.iter().find_map(token_without_entry);
    }
    let pieces = ["single", "pair"].into_iter().filter_map(|form| processor[form].as_array()).flatten();
    let mut tokens = pieces.filter_map(|piece| piece["SpecialToken"]["id"].as_str());
    tokens.find(|token| processor["special_tokens"].get(token).is_none())
}

/// What version 4 makes of `tokenizer.json`: the options are changed, and the rest is the file's.
fn version_4(mut read: Value, whole: &Value, class: Class) -> Value {
    match class {
        Class::Bert | Class::Mpnet => {
            if read["normalizer"]["type"] == "BertNormalizer" {
                for option in ["handle_chinese_chars", "strip_accents", "lowercase"] {
                    read["normalizer"][option] = whole["normalizer"][option].clone();
                }
            }
        }
        Class::Roberta | Class::Gpt2 => {
            if read["pre_tokenizer"]["type"] == "ByteLevel" {
                read["pre_tokenizer"]["add_prefix_space"] = whole["pre_tokenizer"]["add_prefix_space"].clone();
            }
        }
        Class::Unigram(_) | Class::AsFile => {}
    }
    read
}

/// The special tokens that the files name.
struct SpecialTokens<'a> {
    class: Class,
    config: &'a Fields,
    /// `special_tokens_map.json`, where it counts: then it overrides the configuration.
    older: &'a Fields,
}

impl SpecialTokens<'_> {
    fn named(&self, role: &str) -> Option<(&Fields, &Value)> {
        let of = |fields| Fields::get(fields, role).map(|value| (fields, value));
        of(self.older).or_else(|| of(self.config))
    }

    /// The token in a role, if there is one.
    fn token(&self, role: &'static str) -> Result<Option<AddedToken>, ModelError> {
        // These two classes let a mask that is a plain text take the space before it.
        let takes_space =
            matches!(self.class, Class::Unigram(Pieces::Camembert) | Class::Mpnet) && role == "mask_token";
        match self.named(role) {
            Some((fields, value)) => {
                let token = added_token(fields, role, value, true)?;
                Ok(Some(if takes_space && value.is_string() { token.lstrip(true) } else { token }))
            }
            None => Ok(self.class.default_token(role).map(|text| AddedToken::from(text, true).lstrip(takes_space))),
        }
    }

    fn text(&self, role: &'static str) -> Result<Option<String>, ModelError> {
        Ok(self.token(role)?.map(|token| token.content))
    }

    /// A token that stands around texts, with its identifier.
    fn framing(&self, file: &Path, whole: &Value, role: &'static str) -> Result<(String, u32), ModelError> {
        let malformed = |reason: String| ModelError::Tokenizer { file: file.to_owned(), reason };
        let text = self.text(role)?.ok_or_else(|| malformed(format!("there is no `{role}`")))?;
        let added = whole["added_tokens"].as_array().into_iter().flatten();
        let added = added.filter(|token| token["content"] == text[..]).map(|token| &token["id"]).next();
        let vocabulary = &whole["model"]["vocab"];
        let pieces = vocabulary.as_array().into_iter().flatten();
        let piece = pieces.zip(0u64..).find(|(piece, _)| piece[0] == text[..]).map(|(_, id)| id);
        let id = piece.or_else(|| vocabulary.get(&text).or(added).and_then(Value::as_u64));
        let id = id.and_then(|id| id.try_into().ok());
        let id = id.ok_or_else(|| malformed(format!("its vocabulary lacks `{text}`, the `{role}`")))?;
        Ok((text, id))
    }

    /// Tokens beyond those of the vocabulary's file, in the order of their identifiers; then those with a role.
    fn added(&self, directory: &Path) -> Result<Vec<(Option<u32>, AddedToken)>, ModelError> {
        let mut numbered = Vec::new();
        let config = self.config;
        if let Some(value) = config.values.get("added_tokens_decoder") {
            let bad = || config.invalid("added_tokens_decoder", value, "an object from identifiers to tokens");
            for (id, token) in value.as_object().ok_or_else(bad)? {
                let id: u32 = id.parse().map_err(|_| bad())?;
                numbered.push((Some(id), added_token(config, "added_tokens_decoder", token, false)?));
            }
        } else {
            let older = Fields::read_if_present(directory, ADDED_TOKENS_FILE)?;
            let special: Vec<String> =
                ROLES.into_iter().filter_map(|role| self.text(role).transpose()).collect::<Result<_, _>>()?;
            for (text, id) in &older.values {
                let number = id.as_u64().and_then(|id| u32::try_from(id).ok());
                let number = number.ok_or_else(|| older.invalid(text, id, "the identifier of a token"))?;
                numbered.push((Some(number), AddedToken::from(text.clone(), special.contains(text))));
            }
        }
        numbered.sort_by_key(|(id, _)| *id);
        for role in ROLES {
            numbered.extend(self.token(role)?.map(|token| (None, token)));
        }
        if self.class == Class::Unigram(Pieces::Camembert) && self.named("additional_special_tokens").is_none() {
            numbered.extend(CAMEMBERT_TOKENS.map(|text| (None, AddedToken::from(text, true))));
        }
        for list in ["extra_special_tokens", "additional_special_tokens"] {
            if let Some((fields, value)) = self.named(list) {
                let each: Vec<&Value> = match value {
                    Value::Array(list) => list.iter().collect(),
                    Value::Object(named) => named.values().collect(),
                    other => return Err(fields.invalid(list, other, "a list of tokens")),
                };
                for token in each {
                    numbered.push((None, added_token(fields, list, token, true)?));
                }
            }
        }
        Ok(numbered)
    }
}

/// A token as a text, or as an object with its flags.
fn added_token(fields: &Fields, field: &str, value: &Value, special: bool) -> Result<AddedToken, ModelError> {
    if let Some(text) = value.as_str() {
        return Ok(AddedToken::from(text, special));
    }
    let bad = || fields.invalid(field, value, "a token: a string, or an object with `content`");
    let flag = |name: &str, default: bool| match value.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(flag) => flag.as_bool().ok_or_else(bad),
    };
    let content = value.get("content").and_then(Value::as_str).ok_or_else(bad)?;
    let special = special || flag("special", false)?;
    Ok(AddedToken::from(content, special)
        .single_word(flag("single_word", false)?)
        .lstrip(flag("lstrip", false)?)
        .rstrip(flag("rstrip", false)?)
        .normalized(flag("normalized", !special)?))
}
