//! From text to token identifiers.

mod byte_level;
mod class;
mod files;
mod sentence;

use std::fmt;
use std::path::{Path, PathBuf};

use tokenizers::{Encoding, TruncationParams};
use viewless_protocols::model::TransformerConfig;
use viewless_protocols::model::architecture::Attention;

use crate::error::ModelError;
use crate::prompt::{check_tokens, no_text};
use files::Description;
use sentence::Sentence;

pub(crate) use byte_level::tokenizer_json;
pub(crate) use sentence::settings_file;

/// The tokenizer of a model directory.
///
/// Truncation and padding are off, whatever the tokenizer's file says: a text that is too long is an error, because silently
/// dropping its end would change the answer, and padding would change the cost. Only a sentence-transformers model, which is
/// defined with truncation at its `max_seq_length`, has it, and says so ([`Encoded::left_out`]).
#[derive(Clone)]
pub struct Tokenizer {
    file: PathBuf,
    inner: tokenizers::Tokenizer,
    /// The tokenizer that version 4 of transformers makes of the directory, where it may be another.
    version_4: Option<tokenizers::Tokenizer>,
    sentence: Sentence,
    vocab_size: usize,
    max_positions: usize,
}

/// A text, or a pair of texts, as tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Token identifiers, special tokens included.
    pub tokens: Vec<u32>,
    /// The type of each token: 0 for the first text, 1 for the second.
    pub types: Vec<u32>,
    /// Tokens at the end of the text that a sentence-transformers model does not look at.
    pub left_out: usize,
    /// Tokens of the text itself, without those that are put around it.
    pub own: usize,
    /// Of these, those that stand for what the vocabulary does not have.
    pub unknown: usize,
}

/// What vocabularies of pieces have in the place of what they do not have.
const UNKNOWN: [&str; 2] = ["[UNK]", "<unk>"];

/// Bytes of a text that is brought into tokens, whatever the model; and as many for each of its positions: words of a language have a few, and an
/// unknown word that is longer is one token. Ten million would take a minute.
const MOST_TEXT_BYTES: usize = 1 << 16;
const MOST_BYTES_OF_A_TOKEN: usize = 256;
/// Bytes of a text whose end is left out.
const MOST_CUT_TEXT_BYTES: usize = 1 << 20;

impl Tokenizer {
    /// Reads the tokenizer of a directory, in any of its published forms.
    ///
    /// # Errors
    /// Absent or malformed files; an encoder whose tokenizer puts no special tokens around a text; options that are not followed.
    pub fn of_directory(directory: &Path, config: &TransformerConfig) -> Result<Self, ModelError> {
        let vocab_size = config.vocab_size().ok_or_else(|| no_text(config))?;
        let sentence = Sentence::read(directory, config.most_tokens())?;
        let Description { file, whole, version_4, added } = Description::read(directory, config.architecture)?;
        let build = |whole: &serde_json::Value| -> Result<tokenizers::Tokenizer, ModelError> {
            let malformed =
                |error: tokenizers::Error| ModelError::Tokenizer { file: file.clone(), reason: one_line(&error) };
            if let Some(token) = files::token_without_entry(&whole["post_processor"]) {
                let reason = format!(
                    "its `post_processor` puts `{token}` around texts, which is not among its `special_tokens`"
                );
                return Err(ModelError::Tokenizer { file: file.clone(), reason });
            }
            let mut inner = tokenizers::Tokenizer::from_bytes(whole.to_string()).map_err(malformed)?;
            let truncation = sentence.most_tokens.map(|max_length| TruncationParams {
                max_length,
                direction: sentence.direction,
                ..TruncationParams::default()
            });
            inner.with_truncation(truncation).map_err(malformed)?;
            inner.with_padding(None);
            for (id, token) in &added {
                if !inner.get_added_vocabulary().get_vocab().contains_key(&token.content) {
                    inner.add_tokens(std::slice::from_ref(token));
                }
                let found = inner.token_to_id(&token.content);
                if id.is_some() && found != *id {
                    let (token, wanted) = (token.content.clone(), id.unwrap_or_default());
                    return Err(ModelError::AddedToken { file: file.clone(), token, wanted, found });
                }
            }
            sentence.lower(&mut inner);
            Ok(inner)
        };
        let inner = build(&whole)?;
        // An encoder was trained on texts between special tokens; a decoder reads a text from its first token.
        let framed = match config.architecture.layout().attention {
            Attention::Full => true,
            Attention::Causal => false,
        };
        let nothing = inner
            .encode("", true)
            .map_err(|error| ModelError::Tokenizer { file: file.clone(), reason: one_line(&error) })?;
        if framed && nothing.is_empty() {
            return Err(ModelError::NoSpecialTokens { file });
        }
        let version_4 = version_4.as_ref().map(build).transpose()?;
        Ok(Self { inner, version_4, sentence, vocab_size, max_positions: config.most_tokens(), file })
    }

    /// The same tokenizer, which leaves out what makes a text, or the longer text of a pair, exceed so many tokens; [`Encoded::left_out`] tells of it.
    ///
    /// # Errors
    /// Fewer than the special tokens are.
    pub fn at_most(&self, tokens: usize) -> Result<Self, ModelError> {
        let mut limited = self.clone();
        let max_length = tokens.min(self.max_positions);
        for inner in std::iter::once(&mut limited.inner).chain(&mut limited.version_4) {
            let truncation = TruncationParams { max_length, ..TruncationParams::default() };
            let malformed = |error| ModelError::Tokenizer { file: self.file.clone(), reason: one_line(&error) };
            inner.with_truncation(Some(truncation)).map_err(malformed)?;
        }
        Ok(limited)
    }

    /// Puts the prompt of a name, from a sentence-transformers directory, before all texts.
    ///
    /// # Errors
    /// There is none of that name.
    pub(crate) fn choose_prompt(&mut self, directory: &Path, name: &str) -> Result<(), ModelError> {
        self.sentence.choose_prompt(directory, name)
    }

    /// Token identifiers of a text, special tokens included.
    ///
    /// # Errors
    /// Those of [`Tokenizer::encode_whole`].
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        Ok(self.encode_whole(text, None)?.tokens)
    }

    /// Tokens of a text, or of a pair of texts, with their types.
    ///
    /// # Errors
    /// No tokens at all, more than the model has positions, one outside its vocabulary, a text for which versions of transformers
    /// disagree, or one so long that its tokens are not counted.
    pub fn encode_whole(&self, text: &str, pair: Option<&str>) -> Result<Encoded, ModelError> {
        let text = self.sentence.with_prompt(text);
        let bytes = text.len() + pair.map_or(0, str::len);
        let most = match self.inner.get_truncation() {
            None => MOST_TEXT_BYTES.max(MOST_BYTES_OF_A_TOKEN * self.max_positions),
            // Its end is left out whatever it is.
            Some(_) => MOST_CUT_TEXT_BYTES,
        };
        if bytes > most {
            return Err(ModelError::TextTooLong { bytes, max_positions: self.max_positions });
        }
        let encode = |inner: &tokenizers::Tokenizer| -> Result<Encoding, ModelError> {
            let encoded = match pair {
                None => inner.encode(&text[..], true),
                Some(pair) => inner.encode((&text[..], pair), true),
            };
            encoded.map_err(|error| ModelError::Encode { file: self.file.clone(), reason: one_line(&error) })
        };
        let encoding = encode(&self.inner)?;
        if let Some(other) = &self.version_4
            && encode(other)?.get_ids() != encoding.get_ids()
        {
            return Err(ModelError::VersionsDisagree { file: self.file.clone() });
        }
        let around = encoding.get_special_tokens_mask();
        let own = || encoding.get_tokens().iter().zip(around).filter(|(_, around)| **around == 0);
        let encoded = Encoded {
            own: own().count(),
            unknown: own().filter(|(token, _)| UNKNOWN.contains(&token.as_str())).count(),
            tokens: encoding.get_ids().to_vec(),
            types: encoding.get_type_ids().to_vec(),
            left_out: encoding.get_overflowing().iter().map(Encoding::len).sum(),
        };
        check_tokens(&encoded.tokens, self.vocab_size, self.max_positions)?;
        Ok(encoded)
    }

    /// The largest identifier that the tokenizer knows.
    #[must_use]
    pub fn largest_token(&self) -> u32 {
        self.inner.get_vocab(true).into_values().max().unwrap_or(0)
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

fn one_line(error: &tokenizers::Error) -> String {
    error.to_string().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::read_json;
    use crate::files::{CONFIG_FILE, TOKENIZER_FILE};
    use crate::synthetic::{self, small, small_config};
    use serde_json::{Value, json};
    use std::fs;
    use tempfile::TempDir;
    use viewless_protocols::model::TransformerDraft;
    use viewless_protocols::model::{Architecture, Head};

    fn load(directory: &TempDir) -> Result<Tokenizer, ModelError> {
        Tokenizer::of_directory(directory.path(), &small_config())
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
    fn a_file_that_is_json_and_no_tokenizer_is_refused() {
        let directory = synthetic::temporary(&small_config());
        for text in ["0", "[]", "\"words\"", "{}", "{\"model\": 7}", "{\"model\": []}"] {
            fs::write(directory.path().join(TOKENIZER_FILE), text).unwrap();
            let error = load(&directory).unwrap_err();
            assert!(matches!(error, ModelError::Tokenizer { .. }), "{text}: {error}");
        }
    }

    #[test]
    fn a_template_with_a_token_that_it_does_not_explain_is_refused() {
        let template = json!({"type": "TemplateProcessing", "special_tokens": {},
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "pair": []});
        for processor in [template.clone(), json!({"type": "Sequence", "processors": [template]})] {
            let error =
                load(&with_field("post_processor", processor)).and_then(|found| found.encode("the").map(|_| found));
            let error = error.unwrap_err().to_string();
            assert!(error.contains("`[CLS]`") && error.contains("special_tokens"), "{error}");
        }
    }

    #[test]
    fn a_text_without_words_is_the_special_tokens_alone() {
        let tokenizer = load(&synthetic::temporary(&small_config())).unwrap();
        for text in ["", " ", "\t\n", "\u{200b}"] {
            assert_eq!(tokenizer.encode(text).unwrap().len(), 2, "{text:?}");
        }
    }

    #[test]
    fn the_longest_text_fits_and_one_token_more_is_refused_with_both_numbers() {
        let tokenizer = {
            let plain = TransformerDraft { head: Head::Pooler, ..small_config().draft() }.check().unwrap();
            Tokenizer::of_directory(synthetic::temporary(&plain).path(), &plain).unwrap()
        };
        let limit = small_config().most_tokens();
        assert_eq!(tokenizer.encode(&"the ".repeat(limit - 2)).unwrap().len(), limit);
        let error = tokenizer.encode(&"the ".repeat(limit - 1)).unwrap_err();
        assert!(matches!(error, ModelError::TooManyTokens { .. }));
        let sentence = error.to_string();
        assert!(sentence.contains(&limit.to_string()) && sentence.contains(&(limit + 1).to_string()), "{sentence}");
    }

    #[test]
    fn of_a_vocabulary_larger_than_the_models_only_tokens_without_a_row_are_refused() {
        let directory = synthetic::temporary(&small_config());
        let file = directory.path().join(CONFIG_FILE);
        let mut config = read_json(&file, "").unwrap();
        let known = load(&directory).unwrap().encode("the").unwrap()[1];
        config["vocab_size"] = json!(known + 1);
        fs::write(&file, config.to_string()).unwrap();
        let config = crate::read_config(directory.path()).unwrap();
        let tokenizer = Tokenizer::of_directory(directory.path(), &config).unwrap();
        assert!(tokenizer.largest_token() > known);
        assert!(tokenizer.encode("the").is_ok());
        let last = tokenizer.token(tokenizer.largest_token()).unwrap();
        let error = tokenizer.encode(&last).unwrap_err();
        assert!(matches!(error, ModelError::TokenOutOfVocabulary { .. }), "{last}: {error}");
    }

    #[test]
    fn a_tokenizer_without_special_tokens_is_refused() {
        let directory = with_field("post_processor", Value::Null);
        // BERT's own class puts them there, whatever the file says; version 4 of transformers does not.
        let error = load(&directory).unwrap().encode("the view").unwrap_err();
        assert!(matches!(error, ModelError::VersionsDisagree { .. }), "{error}");
        let as_file = json!({"tokenizer_class": "PreTrainedTokenizerFast"}).to_string();
        fs::write(directory.path().join("tokenizer_config.json"), as_file).unwrap();
        let error = load(&directory).unwrap_err();
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
            assert_eq!(tokenizer.encode("").is_err(), architecture == Architecture::Gpt2);
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
