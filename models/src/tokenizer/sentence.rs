//! How a sentence-transformers model prepares its texts: a prompt before them, lower-casing, and truncation at `max_seq_length`.
//!
//! **Source.** sentence-transformers 6.2.0, `base/modules/transformer.py` and `base/model.py`.

use std::path::Path;

use tokenizers::normalizers::{Lowercase, NormalizerWrapper, Sequence};
use tokenizers::{Tokenizer, TruncationDirection};

use crate::error::ModelError;
use crate::fields::Fields;
use crate::files::{
    self, CONFIG_FILE, MODULES_FILE, OLDER_SENTENCE_FILES, SENTENCE_BERT_FILE, SENTENCE_TRANSFORMERS_FILE,
    TOKENIZER_CONFIG_FILE,
};

/// What is done with a text before it is split into tokens.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sentence {
    /// Goes before each text.
    pub(super) prompt: String,
    /// Tokens that the model looks at, special ones included; the others are left out.
    pub(super) most_tokens: Option<usize>,
    /// Which end of a text is left out.
    pub(super) direction: TruncationDirection,
    /// Whether texts become lower case before anything else.
    pub(super) lower_case: bool,
}

impl Sentence {
    /// Reads what a directory says; without `modules.json` nothing is done.
    pub(super) fn read(directory: &Path, positions: usize) -> Result<Self, ModelError> {
        let plain =
            Self { prompt: String::new(), most_tokens: None, direction: TruncationDirection::Right, lower_case: false };
        if !files::has(directory, MODULES_FILE) {
            return Ok(plain);
        }
        let sentence = Fields::read_if_present(directory, settings_file(directory)?)?;
        let tokenizer = Fields::read_if_present(directory, TOKENIZER_CONFIG_FILE)?;
        let most_tokens = match sentence.get("max_seq_length") {
            Some(_) => sentence.size_or("max_seq_length", 0)?,
            None => {
                let config = Fields::read(directory.join(CONFIG_FILE), "")?;
                let rows = config.size_or("max_position_embeddings", positions)?;
                // A number beyond all sizes stands for "no limit".
                let own = tokenizer.get("model_max_length").and_then(serde_json::Value::as_u64);
                own.and_then(|own| usize::try_from(own).ok()).map_or(rows, |own| own.min(rows))
            }
        };
        let direction = match tokenizer.text("truncation_side")? {
            Some("left") => TruncationDirection::Left,
            _ => TruncationDirection::Right,
        };
        Ok(Self {
            prompt: prompt(directory)?,
            most_tokens: Some(most_tokens),
            direction,
            lower_case: sentence.bool("do_lower_case")?.unwrap_or(false),
        })
    }

    /// Puts the prompt of a name before texts, in the place of the default one.
    pub(super) fn choose_prompt(&mut self, directory: &Path, name: &str) -> Result<(), ModelError> {
        let fields = Fields::read_if_present(directory, SENTENCE_TRANSFORMERS_FILE)?;
        self.prompt = named(&fields, name)?;
        Ok(())
    }

    pub(super) fn with_prompt(&self, text: &str) -> String {
        format!("{}{text}", self.prompt)
    }

    /// Makes a tokenizer lower its texts' case first, if it does not do so anyway.
    pub(super) fn lower(&self, tokenizer: &mut Tokenizer) {
        if !self.lower_case || tokenizer.get_normalizer().is_some_and(lowers) {
            return;
        }
        let mut all = vec![NormalizerWrapper::Lowercase(Lowercase)];
        all.extend(tokenizer.get_normalizer().cloned());
        tokenizer.with_normalizer(Some(NormalizerWrapper::Sequence(Sequence::new(all))));
    }
}

/// The file that says how texts are prepared: under its own name, or under an older one.
pub(crate) fn settings_file(directory: &Path) -> Result<&'static str, ModelError> {
    for name in std::iter::once(SENTENCE_BERT_FILE).chain(OLDER_SENTENCE_FILES) {
        if !Fields::read_if_present(directory, name)?.values.is_empty() {
            return Ok(name);
        }
    }
    Ok(SENTENCE_BERT_FILE)
}

fn lowers(normalizer: &NormalizerWrapper) -> bool {
    match normalizer {
        NormalizerWrapper::BertNormalizer(bert) => bert.lowercase,
        NormalizerWrapper::Lowercase(_) => true,
        NormalizerWrapper::Sequence(all) => all.as_ref().iter().any(lowers),
        // None of the library's others changes case.
        _ => false,
    }
}

/// The default prompt of a directory, empty where there is none.
fn prompt(directory: &Path) -> Result<String, ModelError> {
    let fields = Fields::read_if_present(directory, SENTENCE_TRANSFORMERS_FILE)?;
    match fields.text("default_prompt_name")? {
        Some(name) => named(&fields, name),
        None => Ok(String::new()),
    }
}

/// The prompt of a name.
fn named(fields: &Fields, name: &str) -> Result<String, ModelError> {
    let prompts = fields.get("prompts").and_then(serde_json::Value::as_object);
    let prompt = prompts.and_then(|prompts| prompts.get(name)).and_then(serde_json::Value::as_str);
    let unknown = || ModelError::UnknownPrompt {
        file: fields.file.clone(),
        prompt: name.to_owned(),
        known: prompts.map_or_else(Vec::new, |prompts| prompts.keys().cloned().collect()),
    };
    prompt.map(str::to_owned).ok_or_else(unknown)
}
