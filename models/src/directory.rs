//! A model directory, loaded whole.

use std::path::{Path, PathBuf};

use ndarray::Array3;
use viewless_protocols::model::{Head, Input, Pooling, Sentence, TransformerConfig, TransformerDraft};

use crate::closed_list::inventory;
use crate::config::read_config;
use crate::error::ModelError;
use crate::fields::Fields;
use crate::files::CONFIG_FILE;
use crate::image::read_image;
use crate::plaintext::{self, Output};
use crate::prompt::{Prompt, no_text};
use crate::steps::Steps;
use crate::tokenizer::{Encoded, Tokenizer};
use crate::weights::Weights;

/// A model whose configuration, weights and tokenizer fit together.
#[derive(Debug, Clone)]
pub struct Model {
    /// Where it was loaded from.
    pub directory: PathBuf,
    /// Its sizes, activation and head.
    pub config: TransformerConfig,
    /// Its tensors.
    pub weights: Weights,
    /// Its tokenizer; none for a model of images.
    pub tokenizer: Option<Tokenizer>,
    /// What the logits of its classifier mean.
    pub decision: Decision,
    /// Whether its vector is divided by its length at the end (`Normalize`), which whoever has it does.
    pub normalises: bool,
    /// What of its directory is not read, and what else a report of its answers must say.
    pub notes: Vec<String>,
}

/// What the logits of a classifier mean (`problem_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decision {
    /// The label of the largest one holds.
    #[default]
    OneLabel,
    /// Every label holds whose logit is positive: whose sigmoid is above 1/2.
    ManyLabels,
    /// They are numbers, and no label holds.
    Regression,
}

/// What the logits of the classifier in a directory mean.
///
/// # Errors
/// A `config.json` that cannot be read, or that says something else.
pub fn decision(directory: &Path) -> Result<Decision, ModelError> {
    Decision::read(directory)
}

impl Decision {
    /// Reads `problem_type`. Hugging Face takes a single label for a number where the field is absent; the label is the
    /// same either way, so only what the file says counts.
    fn read(directory: &Path) -> Result<Self, ModelError> {
        let fields = Fields::read(directory.join(CONFIG_FILE), "")?;
        match fields.text("problem_type")? {
            None | Some("single_label_classification") => Ok(Self::OneLabel),
            Some("multi_label_classification") => Ok(Self::ManyLabels),
            Some("regression") => Ok(Self::Regression),
            Some(other) => {
                Err(fields.invalid("problem_type", &other.into(), "one of Hugging Face's three problem types"))
            }
        }
    }
}

impl Model {
    /// Loads `config.json`, the tokenizer and `model.safetensors`, and `modules.json` where there is one.
    ///
    /// # Errors
    /// Whatever [`read_config`], [`Tokenizer::of_directory`] and [`Weights::load`] refuse, in this order: the large file comes
    /// last.
    pub fn load(directory: &Path) -> Result<Self, ModelError> {
        let config = read_config(directory)?;
        let tokenizer = match config.input {
            Input::Text { .. } => Some(Tokenizer::of_directory(directory, &config)?),
            Input::Image { .. } => None,
        };
        let mut notes = inventory(directory, &config)?.notes();
        if let (Some(tokenizer), Some(vocabulary)) = (&tokenizer, config.vocab_size())
            && tokenizer.largest_token() as usize >= vocabulary
        {
            let largest = tokenizer.largest_token();
            notes.push(format!(
                "the tokenizer has identifiers up to {largest} and the model {vocabulary} rows; texts with tokens beyond are refused"
            ));
        }
        let normalises = !Steps::read(directory)?.normalisations.is_empty();
        if normalises {
            let note = "the model ends with Normalize: vectors are compared before that, and whoever has one divides it by its length";
            notes.push(note.to_owned());
        }
        let decision = Decision::read(directory)?;
        let weights = Weights::of_directory(directory, &config)?;
        tracing::debug!(directory = %directory.display(), parameters = weights.parameters(), "model loaded");
        Ok(Self { directory: directory.to_owned(), config, weights, tokenizer, decision, normalises, notes })
    }

    /// Puts a prompt before all texts, by its name among the `prompts` of a sentence-transformers model.
    ///
    /// # Errors
    /// There is none of that name; a model of images takes no text.
    pub fn choose_prompt(&mut self, name: &str) -> Result<(), ModelError> {
        let config = &self.config;
        self.tokenizer.as_mut().ok_or_else(|| no_text(config))?.choose_prompt(&self.directory, name)
    }

    /// Keeps so many numbers of the vector of a model that pools, from its beginning: `truncate_dim`, an option of whoever asks. With as many as
    /// there are, or more, nothing changes.
    ///
    /// # Errors
    /// No number at all; a model that does not pool.
    pub fn truncate(&mut self, numbers: usize) -> Result<(), ModelError> {
        let of = |pooling| Sentence { poolings: vec![pooling], dense: Vec::new(), kept: None };
        let sentence = match &self.config.head {
            Head::MeanPooling => of(Pooling::Mean),
            Head::Pooling(pooling) => of(*pooling),
            Head::Sentence(sentence) => sentence.clone(),
            _ => return Err(ModelError::NotTruncated),
        };
        if numbers >= sentence.width(self.config.hidden_size) {
            return Ok(());
        }
        let head = Head::Sentence(Sentence { kept: Some(numbers), ..sentence });
        let draft = TransformerDraft { head, ..self.config.draft() };
        let file = self.directory.join(CONFIG_FILE);
        self.config = draft.check().map_err(|source| ModelError::Sizes { file, source })?;
        Ok(())
    }

    /// Token identifiers of a text, special tokens included; see [`Tokenizer::encode`].
    ///
    /// # Errors
    /// Those of [`Tokenizer::encode`]; a model of images takes no text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.tokenizer.as_ref().ok_or_else(|| no_text(&self.config))?.encode(text)
    }

    /// Tokens of a text, or of a pair of texts, with their types; see [`Tokenizer::encode_whole`].
    ///
    /// # Errors
    /// Those of [`Tokenizer::encode_whole`]; a model of images takes no text.
    pub fn encode_whole(&self, text: &str, pair: Option<&str>) -> Result<Encoded, ModelError> {
        self.tokenizer.as_ref().ok_or_else(|| no_text(&self.config))?.encode_whole(text, pair)
    }

    /// The pixels of a PNG, JPEG or WebP picture, prepared as the model takes them; see [`read_image`].
    ///
    /// # Errors
    /// Those of [`read_image`].
    pub fn read_image(&self, file: &Path) -> Result<Array3<f32>, ModelError> {
        read_image(&self.directory, &self.config, file)
    }

    /// The text of a token, for display; an unknown identifier is shown as a number.
    #[must_use]
    pub fn token(&self, token: u32) -> String {
        let text = self.tokenizer.as_ref().and_then(|tokenizer| tokenizer.token(token));
        text.unwrap_or_else(|| token.to_string())
    }

    /// The plaintext pass; see [`crate::forward`].
    ///
    /// # Errors
    /// Those of [`crate::forward`].
    pub fn forward<'a>(&self, prompt: impl Into<Prompt<'a>>) -> Result<Output, ModelError> {
        plaintext::forward(&self.config, &self.weights, prompt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{TOKENIZER_FILE, WEIGHTS_FILE};
    use crate::synthetic::{self, small_config};
    use std::fs;

    #[test]
    fn a_whole_directory_loads_and_runs() {
        let model = Model::load(synthetic::temporary(&small_config()).path()).unwrap();
        let tokens = model.encode("the view is empty").unwrap();
        let output = model.forward(&tokens).unwrap();
        assert_eq!(output.hidden_states.dim(), (tokens.len(), model.config.hidden_size));
        assert!(output.hidden_states.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn a_prompt_goes_before_texts_by_its_name_and_an_unknown_one_is_refused_with_those_there_are() {
        let config = TransformerDraft { head: Head::MeanPooling, ..small_config().draft() }.check().unwrap();
        let directory = synthetic::temporary(&config);
        let prompts = r#"{"prompts": {"query": "the view ", "passage": ""}, "default_prompt_name": null}"#;
        fs::write(directory.path().join("config_sentence_transformers.json"), prompts).unwrap();
        let mut model = Model::load(directory.path()).unwrap();
        let plain = model.encode("the view is empty").unwrap();
        model.choose_prompt("query").unwrap();
        assert_eq!(model.encode("is empty").unwrap(), plain);
        let error = model.choose_prompt("question").unwrap_err().to_string();
        assert!(error.contains("`question`") && error.contains("passage, query"), "{error}");
    }

    #[test]
    fn a_vector_is_cut_to_its_beginning_and_one_that_is_not_pooled_is_not_cut() {
        let config = TransformerDraft { head: Head::MeanPooling, ..small_config().draft() }.check().unwrap();
        let mut model = Model::load(synthetic::temporary(&config).path()).unwrap();
        let tokens = model.encode("the view is empty").unwrap();
        let whole = model.forward(&tokens).unwrap().output;
        model.truncate(config.hidden_size).unwrap();
        assert_eq!(model.config, config);
        model.truncate(5).unwrap();
        assert_eq!(model.forward(&tokens).unwrap().output.to_vec(), whole.to_vec()[..5]);
        assert!(model.truncate(0).unwrap_err().to_string().contains("truncate_dim"));
        let config = TransformerDraft { head: Head::Pooler, ..config.draft() }.check().unwrap();
        let mut model = Model::load(synthetic::temporary(&config).path()).unwrap();
        assert!(matches!(model.truncate(5), Err(ModelError::NotTruncated)));
    }

    #[test]
    fn each_absent_file_is_named() {
        for file in [CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE] {
            let directory = synthetic::temporary(&small_config());
            fs::remove_file(directory.path().join(file)).unwrap();
            let error = Model::load(directory.path()).unwrap_err();
            assert!(matches!(error, ModelError::MissingFile { .. }) && error.to_string().contains(file), "{error}");
        }
    }
}
