//! `tokenizer.json`: from text to token identifiers.

use std::fmt;
use std::path::{Path, PathBuf};

use viewless_protocols::model::TransformerConfig;
use viewless_protocols::model::architecture::Attention;

use crate::byte_level::{self, VOCABULARY_FILE};
use crate::config::read_file;
use crate::directory::{CONFIG_FILE, TOKENIZER_FILE};
use crate::error::ModelError;
use crate::prompt::no_text;

/// A tokenizer that fits a model: every identifier it knows has a row in the word embedding table.
///
/// Truncation and padding are off, whatever the file says: a text that is too long is an error, because silently
/// dropping its end would change the answer, and padding would change the cost.
#[derive(Clone)]
pub struct Tokenizer {
    file: PathBuf,
    inner: tokenizers::Tokenizer,
    vocab_size: usize,
    max_positions: usize,
}

impl Tokenizer {
    /// Reads a tokenizer and checks it against the configuration.
    ///
    /// # Errors
    /// An absent or malformed file, a vocabulary larger than the model's, no special tokens.
    pub fn load(file: &Path, config: &TransformerConfig) -> Result<Self, ModelError> {
        let bytes = read_file(file, "convert the model with Hugging Face's fast tokenizer, which writes this file")?;
        Self::parse(file, bytes, config)
    }

    /// Reads the tokenizer of a directory: `tokenizer.json`, or, where that is absent, the byte-level BPE of `vocab.json` and
    /// `merges.txt`.
    ///
    /// # Errors
    /// Those of [`Tokenizer::load`].
    pub fn of_directory(directory: &Path, config: &TransformerConfig) -> Result<Self, ModelError> {
        let file = directory.join(TOKENIZER_FILE);
        let older = directory.join(VOCABULARY_FILE);
        if file.exists() || !older.exists() {
            return Self::load(&file, config);
        }
        Self::parse(&older, byte_level::from_files(directory)?.to_string().into_bytes(), config)
    }

    fn parse(file: &Path, bytes: Vec<u8>, config: &TransformerConfig) -> Result<Self, ModelError> {
        let vocab_size = config.vocab_size().ok_or_else(|| no_text(config))?;
        let malformed =
            |error: tokenizers::Error| ModelError::Tokenizer { file: file.to_owned(), reason: one_line(&error) };
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(malformed)?;
        inner.with_truncation(None).map_err(malformed)?;
        inner.with_padding(None);

        let largest_token = inner.get_vocab(true).into_values().max().unwrap_or(0);
        if largest_token as usize >= vocab_size {
            return Err(ModelError::VocabularyMismatch {
                tokenizer_file: file.to_owned(),
                largest_token,
                config_file: file.with_file_name(CONFIG_FILE),
                vocab_size,
            });
        }
        // An encoder was trained on texts between special tokens; a decoder reads a text from its first token.
        let framed = match config.architecture.layout().attention {
            Attention::Full => true,
            Attention::Causal => false,
        };
        if framed && inner.encode("", true).map_err(malformed)?.is_empty() {
            return Err(ModelError::NoSpecialTokens { file: file.to_owned() });
        }
        Ok(Self { file: file.to_owned(), inner, vocab_size, max_positions: config.most_tokens() })
    }

    /// Token identifiers of a text, special tokens included.
    ///
    /// sentence-transformers truncates at `max_seq_length`, often well below the position table; here every position
    /// may be used.
    ///
    /// # Errors
    /// A text without tokens of its own, with more tokens than the model has positions, or with a token outside its
    /// vocabulary.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let encoding = self
            .inner
            .encode(text, true)
            .map_err(|error| ModelError::Encode { file: self.file.clone(), reason: one_line(&error) })?;
        if encoding.get_special_tokens_mask().iter().all(|&special| special == 1) {
            return Err(ModelError::NoTokens);
        }
        let tokens = encoding.get_ids().to_vec();
        check_tokens(&tokens, self.vocab_size, self.max_positions)?;
        Ok(tokens)
    }

    /// The text of each token, for display; an unknown identifier has none.
    #[must_use]
    pub fn token(&self, token: u32) -> Option<String> {
        self.inner.id_to_token(token)
    }
}

impl fmt::Debug for Tokenizer {
    /// The file only: the vocabulary would fill the terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Refuses what a model with these tables cannot take.
pub(crate) fn check_tokens(tokens: &[u32], vocab_size: usize, max_positions: usize) -> Result<(), ModelError> {
    if tokens.is_empty() {
        return Err(ModelError::NoTokens);
    }
    if tokens.len() > max_positions {
        return Err(ModelError::TooManyTokens { tokens: tokens.len(), max_positions });
    }
    match tokens.iter().enumerate().find(|(_, token)| **token as usize >= vocab_size) {
        Some((position, &token)) => Err(ModelError::TokenOutOfVocabulary { token, position, vocab_size }),
        None => Ok(()),
    }
}

fn one_line(error: &tokenizers::Error) -> String {
    error.to_string().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read_json;
    use crate::synthetic::{self, small, small_config};
    use serde_json::{Value, json};
    use std::fs;
    use tempfile::TempDir;
    use viewless_protocols::model::{Architecture, Input};

    fn load(directory: &TempDir) -> Result<Tokenizer, ModelError> {
        Tokenizer::load(&directory.path().join(TOKENIZER_FILE), &small_config())
    }

    fn with_field(field: &str, value: Value) -> TempDir {
        let directory = synthetic::temporary(&small_config());
        let file = directory.path().join(TOKENIZER_FILE);
        let mut tokenizer = read_json(&file, "").unwrap();
        tokenizer[field] = value;
        fs::write(file, tokenizer.to_string()).unwrap();
        directory
    }

    fn sentence_naming_file(error: &ModelError) -> String {
        let sentence = error.to_string();
        assert!(sentence.contains("tokenizer.json"), "does not name the file: {sentence}");
        sentence
    }

    #[test]
    fn words_are_split_into_pieces_between_special_tokens() {
        let tokenizer = load(&synthetic::temporary(&small_config())).unwrap();
        let tokens = tokenizer.encode("The view, abc").unwrap();
        let pieces: Vec<_> = tokens.iter().map(|&token| tokenizer.token(token).unwrap()).collect();
        assert_eq!(pieces, ["[CLS]", "the", "view", ",", "a", "##b", "##c", "[SEP]"]);
        assert_eq!(tokenizer.token(u32::MAX), None);
    }

    #[test]
    fn truncation_and_padding_of_the_file_are_ignored() {
        let plain = load(&synthetic::temporary(&small_config())).unwrap().encode("the view").unwrap();
        let padding = json!({"strategy": {"Fixed": 20}, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"});
        assert_eq!(load(&with_field("padding", padding)).unwrap().encode("the view").unwrap(), plain);
        let truncation = json!({"max_length": 3, "strategy": "LongestFirst", "stride": 0, "direction": "Right"});
        assert_eq!(load(&with_field("truncation", truncation)).unwrap().encode("the view").unwrap(), plain);
    }

    #[test]
    fn texts_without_tokens_are_refused() {
        let tokenizer = load(&synthetic::temporary(&small_config())).unwrap();
        for text in ["", " ", "\t\n", "\u{200b}"] {
            assert!(matches!(tokenizer.encode(text).unwrap_err(), ModelError::NoTokens), "{text:?}");
        }
    }

    #[test]
    fn the_longest_text_fits_and_one_token_more_is_refused_with_both_numbers() {
        let tokenizer = load(&synthetic::temporary(&small_config())).unwrap();
        let limit = small_config().most_tokens();
        assert_eq!(tokenizer.encode(&"the ".repeat(limit - 2)).unwrap().len(), limit);
        let error = tokenizer.encode(&"the ".repeat(limit - 1)).unwrap_err();
        assert!(matches!(error, ModelError::TooManyTokens { .. }));
        let sentence = error.to_string();
        assert!(sentence.contains(&limit.to_string()) && sentence.contains(&(limit + 1).to_string()), "{sentence}");
    }

    #[test]
    fn a_vocabulary_larger_than_the_models_is_refused_by_both_files() {
        let directory = synthetic::temporary(&small_config());
        let input = Input::Text { vocab_size: 100, max_positions: 64, type_vocab_size: 2 };
        let config = TransformerConfig { input, ..small_config() };
        let error = Tokenizer::load(&directory.path().join(TOKENIZER_FILE), &config).unwrap_err();
        assert!(matches!(error, ModelError::VocabularyMismatch { .. }));
        let sentence = sentence_naming_file(&error);
        assert!(sentence.contains("config.json") && sentence.contains("100"), "{sentence}");
    }

    #[test]
    fn a_special_token_outside_the_vocabulary_is_refused_when_it_appears() {
        let post_processor = json!({"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [9999], "tokens": ["[CLS]"]}}});
        let error = load(&with_field("post_processor", post_processor)).unwrap().encode("the").unwrap_err();
        assert!(matches!(error, ModelError::TokenOutOfVocabulary { token: 9999, position: 0, .. }), "{error}");
    }

    #[test]
    fn a_tokenizer_without_special_tokens_is_refused() {
        let error = load(&with_field("post_processor", Value::Null)).unwrap_err();
        assert!(matches!(error, ModelError::NoSpecialTokens { .. }));
        sentence_naming_file(&error);
    }

    #[test]
    fn a_byte_level_bpe_merges_and_frames_as_its_family_does() {
        for (architecture, wanted) in [
            (Architecture::Roberta, vec!["<s>", "The", "\u{120}", "v", "i", "e", "w", "\u{120}an", "</s>"]),
            (Architecture::Gpt2, vec!["The", "\u{120}", "v", "i", "e", "w", "\u{120}an"]),
        ] {
            let directory = synthetic::temporary(&small(architecture));
            let tokenizer = Tokenizer::of_directory(directory.path(), &small(architecture)).unwrap();
            let tokens = tokenizer.encode("The view an").unwrap();
            let pieces: Vec<_> = tokens.iter().map(|&token| tokenizer.token(token).unwrap()).collect();
            assert_eq!(pieces, wanted);
            assert!(matches!(tokenizer.encode("").unwrap_err(), ModelError::NoTokens));
        }
    }

    #[test]
    fn the_two_older_files_of_a_bpe_give_the_same_tokens_and_errors_that_name_them() {
        for architecture in [Architecture::Roberta, Architecture::Gpt2] {
            let directory = synthetic::temporary(&small(architecture));
            let load = || Tokenizer::of_directory(directory.path(), &small(architecture));
            let text = "The view isn't <s> empty, \u{e9}t\u{e9} and <|endoftext|>\n  \u{1f600}";
            let wanted = load().unwrap().encode(text).unwrap();
            let file = directory.path().join(TOKENIZER_FILE);
            let model = read_json(&file, "").unwrap()["model"].clone();
            fs::remove_file(file).unwrap();
            fs::write(directory.path().join("vocab.json"), model["vocab"].to_string()).unwrap();
            assert!(load().unwrap_err().to_string().contains("merges.txt"));
            let pair = |pair: &Value| format!("{} {}\n", pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
            let merges: String = model["merges"].as_array().unwrap().iter().map(pair).collect();
            let file = directory.path().join("merges.txt");
            fs::write(&file, format!("#version: 0.2\n{merges}")).unwrap();
            assert_eq!(load().unwrap().encode(text).unwrap(), wanted);
            fs::write(&file, "#version: 0.2\nsingle\n").unwrap();
            let error = load().unwrap_err().to_string();
            assert!(error.contains("merges.txt") && error.contains("single"), "{error}");
        }
    }

    #[test]
    fn absent_and_malformed_files_are_named() {
        let directory = synthetic::temporary(&small_config());
        let file = directory.path().join(TOKENIZER_FILE);
        let whole = fs::read(&file).unwrap();
        for bytes in [&b"{}"[..], b"not json", b"\xff\xfe", &whole[..whole.len() / 2]] {
            fs::write(&file, bytes).unwrap();
            let error = load(&directory).unwrap_err();
            assert!(matches!(error, ModelError::Tokenizer { .. }), "{error}");
            sentence_naming_file(&error);
        }
        fs::remove_file(&file).unwrap();
        let error = load(&directory).unwrap_err();
        assert!(matches!(error, ModelError::MissingFile { .. }));
        sentence_naming_file(&error);
    }
}
