//! The byte-level BPE of RoBERTa and GPT-2 (Radford et al., 2019) from its two older files, `vocab.json` and `merges.txt`.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::ModelError;
use crate::fields::parse_json;
use crate::files::{self, MERGES_FILE, MOST_VOCABULARY_BYTES, VOCABULARY_FILE};

/// Tokens that are never split, where the vocabulary has them.
const SPECIAL_TOKENS: [&str; 6] = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"];

/// What stands before and after a text, as RoBERTa was trained; GPT-2 has neither.
const FRAME: [&str; 2] = ["<s>", "</s>"];

/// The `tokenizer.json` that the two older files of a directory amount to.
pub(crate) fn from_files(directory: &Path) -> Result<Value, ModelError> {
    const ADVICE: &str = "it belongs to `vocab.json`; publish the model with its tokenizer";
    let file = directory.join(VOCABULARY_FILE);
    let vocabulary = parse_json(&file, &files::read(&file, MOST_VOCABULARY_BYTES, ADVICE)?)?;
    let Value::Object(vocabulary) = vocabulary else {
        return Err(ModelError::Tokenizer { file, reason: "it is no object from tokens to identifiers".to_owned() });
    };
    let file = directory.join(MERGES_FILE);
    let malformed = |reason: String| ModelError::Tokenizer { file: file.clone(), reason };
    let text = String::from_utf8(files::read(&file, MOST_VOCABULARY_BYTES, ADVICE)?)
        .map_err(|error| malformed(error.to_string()))?;
    let pairs = text.lines().filter(|line| !line.is_empty() && !line.starts_with("#version"));
    let merges = pairs.map(|line| line.split_once(' ').ok_or_else(|| malformed(format!("`{line}` is no pair"))));
    let mut whole = tokenizer_json(vocabulary, &merges.collect::<Result<Vec<_>, _>>()?);
    // These two files say nothing about special tokens and what stands around a text.
    whole["added_tokens"] = json!([]);
    whole["post_processor"] = Value::Null;
    Ok(whole)
}

/// The `tokenizer.json` of a byte-level BPE. The text is framed if the vocabulary has both tokens of the frame.
pub(crate) fn tokenizer_json(vocabulary: Map<String, Value>, merges: &[(&str, &str)]) -> Value {
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let special = |token: &str| {
        let id = vocabulary.get(token)?;
        // RoBERTa's mask takes the space before it.
        Some(json!({"id": id, "content": token, "single_word": false, "lstrip": token == "<mask>", "rstrip": false,
            "normalized": false, "special": true}))
    };
    let mut added: Vec<Value> = SPECIAL_TOKENS.into_iter().filter_map(special).collect();
    added.sort_by_key(|token| token["id"].as_u64());
    let post_processor = match FRAME.map(|token| vocabulary.get(token)) {
        [Some(start), Some(end)] => {
            json!({"type": "RobertaProcessing", "sep": [FRAME[1], end], "cls": [FRAME[0], start],
            "trim_offsets": true, "add_prefix_space": false})
        }
        _ => byte_level.clone(),
    };
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": byte_level.clone(),
        "post_processor": post_processor,
        "decoder": byte_level,
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
            "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocabulary, "merges": merges},
    })
}
