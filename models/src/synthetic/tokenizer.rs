//! The tokenizer of a synthetic directory.

use serde_json::{Value, json};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use viewless_protocols::model::{Architecture, TransformerConfig};

use crate::error::ModelError;
use crate::tokenizer::tokenizer_json;

/// The identifiers 0 to 4 of the WordPiece.
const SPECIAL_TOKENS: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// The identifiers 0 to 4 of MPNet's WordPiece.
const MPNET_TOKENS: [&str; 5] = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"];

/// The identifiers 0 to 3 of RoBERTa's BPE.
const ROBERTA_TOKENS: [&str; 4] = ["<s>", "<pad>", "</s>", "<unk>"];

/// The one special token of GPT-2's BPE.
const GPT2_TOKENS: [&str; 1] = ["<|endoftext|>"];

/// Whole words of the synthetic vocabulary; other words are spelled.
const WORDS: &str =
    "the view is empty a party sees no secret every message looks like noise we share it and add mask open sum";

/// Merges of the BPE, most frequent first; \u{120} is a space.
const MERGES: [(&str, &str); 12] = [
    ("\u{120}", "t"),
    ("h", "e"),
    ("\u{120}t", "he"),
    ("i", "n"),
    ("\u{120}", "a"),
    ("e", "r"),
    ("T", "he"),
    ("\u{120}", "s"),
    ("\u{120}a", "n"),
    ("e", "s"),
    ("\u{120}", "w"),
    ("\u{120}an", "d"),
];

/// `tokenizer.json` for a model of texts.
pub(super) fn json(config: &TransformerConfig) -> Result<Option<Value>, ModelError> {
    let Some(vocab_size) = config.vocab_size() else { return Ok(None) };
    let fits = |least: usize, json: fn(usize) -> Value| {
        if vocab_size < least {
            Err(ModelError::VocabularyTooSmall { vocab_size, least })
        } else {
            Ok(Some(json(vocab_size)))
        }
    };
    match config.architecture {
        Architecture::Bert | Architecture::Distilbert | Architecture::Electra => fits(SPECIAL_TOKENS.len(), word_piece),
        Architecture::Mpnet => fits(MPNET_TOKENS.len(), mpnet),
        Architecture::Roberta => fits(ROBERTA_TOKENS.len() + 256, roberta),
        Architecture::Gpt2 => fits(GPT2_TOKENS.len() + 256, gpt2),
        Architecture::Vit => Ok(None),
    }
}

fn special(id: usize, token: &str) -> Value {
    json!({"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        "special": true})
}

fn roberta(vocab_size: usize) -> Value {
    byte_level(&ROBERTA_TOKENS, vocab_size)
}

fn gpt2(vocab_size: usize) -> Value {
    byte_level(&GPT2_TOKENS, vocab_size)
}

/// A byte-level BPE with the special tokens first, then 256 bytes, then as many merges as fit.
fn byte_level(special_tokens: &[&str], vocab_size: usize) -> Value {
    let mut bytes: Vec<char> = ByteLevel::alphabet().into_iter().collect();
    bytes.sort_unstable();
    let merges = &MERGES[..MERGES.len().min(vocab_size - 256 - special_tokens.len())];
    let tokens = special_tokens.iter().map(|&token| token.to_owned()).chain(bytes.into_iter().map(String::from));
    let tokens = tokens.chain(merges.iter().map(|(left, right)| format!("{left}{right}")));
    tokenizer_json(tokens.enumerate().map(|(id, token)| (token, json!(id))).collect(), merges)
}

fn mpnet(vocab_size: usize) -> Value {
    let mut whole = pieces(&MPNET_TOKENS, vocab_size);
    whole["post_processor"] = json!({"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0],
        "trim_offsets": true, "add_prefix_space": false});
    whole
}

fn word_piece(vocab_size: usize) -> Value {
    pieces(&SPECIAL_TOKENS, vocab_size)
}

/// A WordPiece between `[CLS]` and `[SEP]`.
fn pieces(special_tokens: &[&str], vocab_size: usize) -> Value {
    let added: Vec<Value> = special_tokens.iter().enumerate().map(|(id, token)| special(id, token)).collect();
    let vocabulary =
        vocabulary(special_tokens, vocab_size).into_iter().enumerate().map(|(id, token)| (token, json!(id)));
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
            "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [template("[CLS]", 0), sequence("A", 0), template("[SEP]", 0)],
            "pair": [template("[CLS]", 0), sequence("A", 0), template("[SEP]", 0), sequence("B", 1), template("[SEP]", 1)],
            "special_tokens": {
                "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": Value::Object(vocabulary.collect())},
    })
}

fn template(token: &str, type_id: u32) -> Value {
    json!({"SpecialToken": {"id": token, "type_id": type_id}})
}

fn sequence(id: &str, type_id: u32) -> Value {
    json!({"Sequence": {"id": id, "type_id": type_id}})
}

/// Token texts in the order of their identifiers, cut to `size`.
fn vocabulary(special_tokens: &[&str], size: usize) -> Vec<String> {
    let special = special_tokens.iter().map(|&token| token.to_owned());
    let letters = ('a'..='z').map(String::from);
    let continued = ('a'..='z').map(|letter| format!("##{letter}"));
    let digits = ('0'..='9').flat_map(|digit| [digit.to_string(), format!("##{digit}")]);
    let punctuation = ".,;:!?'-".chars().map(String::from);
    // "a" is already there as a letter.
    let words = WORDS.split(' ').filter(|word| word.len() > 1).map(str::to_owned);
    special.chain(letters).chain(continued).chain(digits).chain(punctuation).chain(words).take(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::small;
    use std::collections::BTreeSet;

    #[test]
    fn the_vocabulary_has_no_duplicates_and_fits_the_small_model() {
        let tokens = vocabulary(&SPECIAL_TOKENS, usize::MAX);
        assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), tokens.len());
        assert!(tokens.len() <= small(Architecture::Bert).vocab_size().unwrap(), "{} tokens", tokens.len());
        assert_eq!(tokens[..5], SPECIAL_TOKENS);
    }

    #[test]
    fn the_bytes_and_merges_of_a_bpe_are_all_there_and_fit_the_small_model() {
        for architecture in [Architecture::Roberta, Architecture::Gpt2] {
            let config = small(architecture);
            let json = json(&config).unwrap().unwrap();
            let vocabulary = json["model"]["vocab"].as_object().unwrap();
            let special = json["added_tokens"].as_array().unwrap().len();
            assert_eq!(vocabulary.len(), 256 + special + MERGES.len());
            assert!(vocabulary.len() <= config.vocab_size().unwrap());
        }
    }
}
