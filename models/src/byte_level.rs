//! The byte-level BPE of RoBERTa and GPT-2 (Radford et al., 2019) from its two older files, `vocab.json` and `merges.txt`.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::config::{Fields, read_file};
use crate::error::ModelError;

/// Name of the vocabulary: an object from tokens to identifiers.
pub(crate) const VOCABULARY_FILE: &str = "vocab.json";
/// Name of the merges: one pair a line, most frequent first.
pub(crate) const MERGES_FILE: &str = "merges.txt";

/// Tokens that are never split, where the vocabulary has them.
const SPECIAL_TOKENS: [&str; 6] = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"];

/// What stands before and after a text, as RoBERTa was trained; GPT-2 has neither.
const FRAME: [&str; 2] = ["<s>", "</s>"];

/// The `tokenizer.json` that the two older files of a directory amount to.
pub(crate) fn from_files(directory: &Path) -> Result<Value, ModelError> {
    const ADVICE: &str = "it belongs to `vocab.json`; publish the model with its tokenizer";
    let vocabulary = Fields::read(directory.join(VOCABULARY_FILE), ADVICE)?.values;
    let file = directory.join(MERGES_FILE);
    let malformed = |reason: String| ModelError::Tokenizer { file: file.clone(), reason };
    let text = String::from_utf8(read_file(&file, ADVICE)?).map_err(|error| malformed(error.to_string()))?;
    let pairs = text.lines().filter(|line| !line.is_empty() && !line.starts_with("#version"));
    let merges = pairs.map(|line| line.split_once(' ').ok_or_else(|| malformed(format!("`{line}` is no pair"))));
    Ok(tokenizer_json(vocabulary, &merges.collect::<Result<Vec<_>, _>>()?))
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
