//! What fine-tuning and distillation prepare alike: the rows, the configuration of the result, and the weights that it begins with.

use std::path::Path;

use candle_core::DType;
use viewless_models::data::{LabelledTexts, Labels, Split, Wanted, load};
use viewless_models::{Decision, ModelError, Tokenizer};
use viewless_protocols::model::tensors::Tensor as Expected;
use viewless_protocols::model::{Head, Input, TransformerConfig, TransformerDraft, tensors};

use crate::error::TrainError;
use crate::loss::taught_by;
use crate::recipe::{ModelRecipe, Recipe, Start, Task, VocabularyName};
use crate::rows::Rows;
use crate::source::Source;
use crate::variables::Variables;
use crate::vocabulary::{Vocabulary, project};

/// The rows of a recipe, as their files have them.
pub(crate) struct Texts {
    pub(crate) train: LabelledTexts,
    pub(crate) development: Option<LabelledTexts>,
    pub(crate) test: Option<LabelledTexts>,
    /// The labels of the result.
    pub(crate) labels: Vec<String>,
}

/// The same as tokens.
pub(crate) struct Encoded {
    pub(crate) train: Rows,
    pub(crate) development: Option<Rows>,
    pub(crate) test: Option<Rows>,
}

impl Texts {
    /// Reads the files. Classes are those of `known`, if there are some, else those of the training rows.
    pub(crate) fn read(recipe: &Recipe, known: Option<&[String]>) -> Result<Self, TrainError> {
        let folder = &recipe.data.directory;
        let read = |split: Split, wanted: Wanted<'_>| -> Result<Option<LabelledTexts>, TrainError> {
            match folder.is_dir() && folder.join(split.file_name()).exists() {
                true => Ok(Some(load(folder, split, wanted)?)),
                false => Ok(None),
            }
        };
        let wanted = match (recipe.data.task, known) {
            (Task::Regression, _) => Wanted::Numbers,
            (Task::Classification, None) => Wanted::ClassesOfFile,
            (Task::Classification, Some(names)) => Wanted::Classes(names),
        };
        let train = load(folder, Split::Train, wanted)?;
        let labels = match train.labels() {
            Labels::Numbers => vec!["LABEL_0".to_owned()],
            Labels::Classes(names) => names.clone(),
        };
        if let (Task::Classification, [label]) = (recipe.data.task, &labels[..]) {
            return Err(TrainError::OneClass { file: train.file().to_owned(), label: label.clone() });
        }
        let same = match recipe.data.task {
            Task::Regression => Wanted::Numbers,
            Task::Classification => Wanted::Classes(&labels),
        };
        let development = read(Split::Development, same)?;
        // GLUE publishes no labels of its tests.
        let test = if train.task().is_none() { read(Split::Test, same)? } else { None };
        Ok(Self { train, development, test, labels })
    }

    /// Encodes them by the tokenizer of a folder for a model of this configuration.
    pub(crate) fn encode(
        &self,
        folder: &Path,
        config: &TransformerConfig,
        recipe: &Recipe,
    ) -> Result<Encoded, TrainError> {
        if let (true, Input::Text { type_vocab_size: types @ 0..2, .. }) = (self.train.are_pairs(), config.input) {
            return Err(TrainError::NoPairs { types });
        }
        let tokenizer = Tokenizer::of_directory(folder, config)?.at_most(recipe.data.most_tokens)?;
        let encode = |texts: &LabelledTexts, most| Rows::encode(texts, &tokenizer, most);
        let all = |texts: &Option<LabelledTexts>| texts.as_ref().map(|texts| encode(texts, None)).transpose();
        Ok(Encoded {
            train: encode(&self.train, recipe.data.rows)?,
            development: all(&self.development)?,
            test: all(&self.test)?,
        })
    }
}

/// The configuration of the result: the source's, with a classifier of these labels and what the recipe says.
pub(crate) fn configuration(
    source: &Source,
    recipe: &ModelRecipe,
    labels: Vec<String>,
) -> Result<TransformerConfig, TrainError> {
    let of = source.config.draft();
    let draft = TransformerDraft {
        head: Head::Classifier { labels },
        activation: recipe.activation.map_or(of.activation, Into::into),
        attention_weights: recipe.attention.map_or(of.attention_weights, Into::into),
        layers: recipe.layers.unwrap_or(of.layers),
        hidden_size: recipe.hidden_size.unwrap_or(of.hidden_size),
        heads: recipe.heads.unwrap_or(of.heads),
        intermediate_size: recipe.intermediate_size.unwrap_or(of.intermediate_size),
        ..of
    };
    let sizes = |error| ModelError::Sizes { file: source.directory.join(viewless_models::CONFIG_FILE), source: error };
    Ok(draft.check().map_err(sizes)?)
}

/// Gives a source the vocabulary that the recipe asks for, and tells the file of it if it is another than the source's.
pub(crate) fn vocabulary(
    source: &mut Source,
    texts: &Texts,
    recipe: &Recipe,
) -> Result<Option<serde_json::Value>, TrainError> {
    if recipe.model.vocabulary == VocabularyName::Source {
        return Ok(None);
    }
    let found = Vocabulary::of_rows(source, &texts.train, recipe.data.most_tokens)?;
    found.narrow(source)?;
    Ok(Some(found.file))
}

/// What its logits mean.
pub(crate) fn decision(task: Task) -> Decision {
    match task {
        Task::Classification => Decision::OneLabel,
        Task::Regression => Decision::Regression,
    }
}

/// The weights that the result begins with: the source's where the recipe wants them and shapes agree, drawn ones elsewhere; and which
/// tensors are drawn. A model of fewer layers has those that it learns from ([`taught_by`]).
pub(crate) fn initialise(
    config: &TransformerConfig,
    source: &Source,
    recipe: &Recipe,
) -> Result<(Variables, Vec<String>), TrainError> {
    let mut variables = Variables::new(DType::F32);
    let layers = taught_by(config.layers, source.config.layers);
    if recipe.model.start == Start::Given {
        for Expected { name, shape, .. } in tensors(config) {
            let of = name_in_source(&name, &layers);
            // Labels that are others have other weights, even if there are as many.
            let is_given = !name.starts_with("classifier.") || source.labels() == labels(config);
            if is_given && source.variables.has(&of, &shape) {
                variables.copy(&name, &source.variables, &of)?;
            }
        }
    }
    let is_narrower = config.hidden_size < source.config.hidden_size;
    if (recipe.model.start, recipe.model.vocabulary, is_narrower) == (Start::Given, VocabularyName::Rows, true) {
        project(&mut variables, config, source)?;
    }
    let drawn = variables.complete(config, recipe.seed)?;
    Ok((variables, drawn))
}

fn labels(config: &TransformerConfig) -> Option<&[String]> {
    if let Head::Classifier { labels } = &config.head { Some(labels) } else { None }
}

/// The name of a tensor in a source whose layers stand for these.
fn name_in_source(name: &str, layers: &[usize]) -> String {
    const LAYER: &str = "encoder.layer.";
    let Some((layer, part)) = name.strip_prefix(LAYER).and_then(|rest| rest.split_once('.')) else {
        return name.to_owned();
    };
    let layer = layer.parse().ok().and_then(|layer: usize| layers.get(layer));
    layer.map_or_else(|| name.to_owned(), |layer| format!("{LAYER}{layer}.{part}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_models_layers_are_those_that_teach_it() {
        let layers = taught_by(2, 6);
        assert_eq!(name_in_source("encoder.layer.0.output.dense.bias", &layers), "encoder.layer.2.output.dense.bias");
        assert_eq!(name_in_source("encoder.layer.1.output.dense.bias", &layers), "encoder.layer.5.output.dense.bias");
        assert_eq!(name_in_source("pooler.dense.bias", &layers), "pooler.dense.bias");
    }
}
