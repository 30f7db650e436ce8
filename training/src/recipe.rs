//! A recipe: everything that decides a run, as TOML. What it leaves out has the published value.
//!
//! ```toml
//! seed = 42
//!
//! [data]
//! directory = "rated-sentences/classification"   # train.tsv, and dev.tsv and test.tsv where they are there
//! task = "classification"                        # or "regression"
//! most-tokens = 128
//!
//! [model]                                        # what is made of the pre-trained directory, or of the teacher
//! activation = "quad"                            # or "gelu"; left out: the source's
//! attention = "2quad"                            # or "softmax", "2relu"; left out: the source's
//!
//! [training]                                     # of `viewless train`
//! epochs = 3
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use viewless_models::Precision;
use viewless_protocols::model::{Activation, AttentionWeights};

use crate::error::TrainError;

/// The largest recipe that is read.
const MOST_BYTES: u64 = 1 << 20;
/// The most of anything that is counted: so many steps take years.
const MOST: usize = 1 << 20;

/// What a model answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// One of several labels.
    Classification,
    /// A number.
    Regression,
}

/// The activation of a model that is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationName {
    /// Exact GeLU.
    Gelu,
    /// x^2/8 + x/4 + 1/2.
    Quad,
}

impl From<ActivationName> for Activation {
    fn from(name: ActivationName) -> Self {
        match name {
            ActivationName::Gelu => Self::Gelu,
            ActivationName::Quad => Self::Quad,
        }
    }
}

/// What makes weights of attention scores in a model that is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttentionName {
    /// e^x over its row sum.
    #[serde(rename = "softmax")]
    Softmax,
    /// (x + 5)^2 over its row sum.
    #[serde(rename = "2quad")]
    TwoQuad,
    /// max(x, 0) over its row sum.
    #[serde(rename = "2relu")]
    TwoRelu,
}

impl From<AttentionName> for AttentionWeights {
    fn from(name: AttentionName) -> Self {
        match name {
            AttentionName::Softmax => Self::Softmax,
            AttentionName::TwoQuad => Self::TwoQuad,
            AttentionName::TwoRelu => Self::TwoRelu,
        }
    }
}

/// How the weights of the result are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrecisionName {
    /// As they were trained.
    #[default]
    F32,
    /// Rounded to 16 bits; metrics are those of the rounded weights.
    F16,
}

impl From<PrecisionName> for Precision {
    fn from(name: PrecisionName) -> Self {
        match name {
            PrecisionName::F32 => Self::F32,
            PrecisionName::F16 => Self::F16,
        }
    }
}

/// The rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DataRecipe {
    /// A folder with `train.tsv`, and `dev.tsv` and `test.tsv` where they are there; from where the command runs.
    pub directory: PathBuf,
    /// What is learnt.
    pub task: Task,
    /// Longer texts are cut to so many tokens.
    #[serde(default = "most_tokens")]
    pub most_tokens: usize,
    /// Learn from so many rows only, from the beginning of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
}

fn most_tokens() -> usize {
    128
}

/// Where the weights begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// From those of the directory or the teacher, where shapes agree.
    #[default]
    Given,
    /// Drawn by the seed.
    Drawn,
}

/// The vocabulary of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VocabularyName {
    /// The source's.
    #[default]
    Source,
    /// Those of its pieces that occur in the training rows, and letters; tables of a narrower result are the source's, projected.
    Rows,
}

/// The model that comes out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ModelRecipe {
    /// The pre-trained directory of `viewless train`; `--model` goes before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// Where the weights begin.
    pub start: Start,
    /// The vocabulary.
    pub vocabulary: VocabularyName,
    /// The activation; the source's where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<ActivationName>,
    /// What makes weights of attention scores; the source's where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention: Option<AttentionName>,
    /// Layers; the source's where it is left out, as the sizes below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<usize>,
    /// Width of the hidden states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden_size: Option<usize>,
    /// Attention heads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heads: Option<usize>,
    /// Width between the two linear layers of the feed-forward block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intermediate_size: Option<usize>,
    /// How the weights are stored.
    pub precision: PrecisionName,
}

/// How the learning rate changes over the steps of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Up from 0 over the warm-up, and down to 0 at the end.
    Linear,
    /// Up from 0 over the warm-up, and then the same.
    Constant,
}

/// A stage: how long, and by which steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StageRecipe {
    /// Passes over the rows; 0 leaves the stage out.
    pub epochs: usize,
    /// Rows of a step.
    pub batch: usize,
    /// The largest learning rate.
    pub learning_rate: f64,
    /// The part of the steps in which the learning rate rises, from 0 to 1.
    pub warm_up: f64,
    /// How it changes then.
    pub schedule: Schedule,
    /// Decoupled weight decay, of all but biases and normalisations.
    pub weight_decay: f64,
    /// The largest norm of all gradients together; 0 is no limit.
    pub largest_norm: f64,
}

impl StageRecipe {
    /// `viewless train`: as BERT's fine-tuning.
    #[must_use]
    pub fn fine_tuning() -> Self {
        Self {
            epochs: 3,
            batch: 32,
            learning_rate: 5e-5,
            warm_up: 0.1,
            schedule: Schedule::Linear,
            weight_decay: 0.01,
            largest_norm: 1.0,
        }
    }

    /// Stage one of distillation, as MPCFormer's code runs it for SST-2.
    #[must_use]
    pub fn layers() -> Self {
        Self { epochs: 10, warm_up: 0.0, schedule: Schedule::Constant, ..Self::fine_tuning() }
    }

    /// Stage two of distillation.
    #[must_use]
    pub fn prediction() -> Self {
        Self { epochs: 5, learning_rate: 1e-5, ..Self::fine_tuning() }
    }
}

/// A stage as a file has it: what is left out is that of the stage.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct StageFields {
    epochs: Option<usize>,
    batch: Option<usize>,
    learning_rate: Option<f64>,
    warm_up: Option<f64>,
    schedule: Option<Schedule>,
    weight_decay: Option<f64>,
    largest_norm: Option<f64>,
}

impl StageFields {
    fn over(self, usual: StageRecipe) -> StageRecipe {
        StageRecipe {
            epochs: self.epochs.unwrap_or(usual.epochs),
            batch: self.batch.unwrap_or(usual.batch),
            learning_rate: self.learning_rate.unwrap_or(usual.learning_rate),
            warm_up: self.warm_up.unwrap_or(usual.warm_up),
            schedule: self.schedule.unwrap_or(usual.schedule),
            weight_decay: self.weight_decay.unwrap_or(usual.weight_decay),
            largest_norm: self.largest_norm.unwrap_or(usual.largest_norm),
        }
    }
}

/// What of the epochs is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// The epoch that is best on the development rows, of the last stage; the first of equal ones. The last one where there are no such rows.
    #[default]
    Best,
    /// The last one.
    Last,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    #[serde(default = "seed")]
    seed: u64,
    #[serde(default = "checkpoint_steps")]
    checkpoint_steps: usize,
    #[serde(default)]
    keep: Keep,
    data: DataRecipe,
    #[serde(default)]
    model: ModelRecipe,
    #[serde(default)]
    training: StageFields,
    #[serde(default)]
    layers: StageFields,
    #[serde(default)]
    prediction: StageFields,
}

/// MPCFormer's.
fn seed() -> u64 {
    42
}

fn checkpoint_steps() -> usize {
    250
}

/// A checked recipe.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Recipe {
    /// Decides what is drawn, and the order of the rows.
    pub seed: u64,
    /// Steps between checkpoints; there is one after each epoch, too.
    pub checkpoint_steps: usize,
    /// What of the epochs is kept.
    pub keep: Keep,
    /// The rows.
    pub data: DataRecipe,
    /// The model that comes out.
    pub model: ModelRecipe,
    /// The only stage of `viewless train`.
    pub training: StageRecipe,
    /// Stage one of `viewless distill`.
    pub layers: StageRecipe,
    /// Stage two of it.
    pub prediction: StageRecipe,
}

/// What the command line says in the place of the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The folder of the rows.
    pub data: Option<PathBuf>,
    /// The pre-trained directory.
    pub model: Option<PathBuf>,
    /// The seed.
    pub seed: Option<u64>,
}

impl Recipe {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, that is no recipe, or whose numbers cannot be meant.
    pub fn read(path: &Path, overrides: &Overrides) -> Result<Self, TrainError> {
        let text = text_of(path)?;
        let recipe = toml::from_str(&text);
        let mut recipe: Written =
            recipe.map_err(|error| TrainError::Recipe { path: path.to_owned(), reason: shown(&error, &text) })?;
        let Overrides { data, model, seed } = overrides.clone();
        recipe.data.directory = data.unwrap_or(recipe.data.directory);
        recipe.model.directory = model.or(recipe.model.directory);
        recipe.seed = seed.unwrap_or(recipe.seed);
        Self {
            seed: recipe.seed,
            checkpoint_steps: recipe.checkpoint_steps,
            keep: recipe.keep,
            data: recipe.data,
            model: recipe.model,
            training: recipe.training.over(StageRecipe::fine_tuning()),
            layers: recipe.layers.over(StageRecipe::layers()),
            prediction: recipe.prediction.over(StageRecipe::prediction()),
        }
        .check()
    }

    /// Refuses numbers that cannot be meant.
    ///
    /// # Errors
    /// [`TrainError::Field`] names the first.
    pub fn check(self) -> Result<Self, TrainError> {
        // TOML has no larger numbers.
        if i64::try_from(self.seed).is_err() {
            return Err(field("seed", self.seed, "at most 9223372036854775807"));
        }
        whole("checkpoint-steps", self.checkpoint_steps, 1..=MOST, "1 to 1048576")?;
        whole("data.most-tokens", self.data.most_tokens, 3..=MOST, "3 to 1048576")?;
        whole("data.rows", self.data.rows.unwrap_or(1), 1..=1 << 32, "1 to 4294967296")?;
        for (stage, names) in [(&self.training, &TRAINING), (&self.layers, &LAYERS), (&self.prediction, &PREDICTION)] {
            whole(names[0], stage.epochs, 0..=MOST, "0 to 1048576")?;
            whole(names[1], stage.batch, 1..=1 << 14, "1 to 16384")?;
            number(names[2], stage.learning_rate, f64::MIN_POSITIVE..=1.0, "a number above 0 and at most 1")?;
            number(names[3], stage.warm_up, 0.0..=1.0, "a part of the steps from 0 to 1")?;
            number(names[4], stage.weight_decay, 0.0..=1.0, "a number from 0 to 1")?;
            number(names[5], stage.largest_norm, 0.0..=1e12, "a number from 0, which is no limit, to 1000000000000")?;
        }
        Ok(self)
    }

    /// As TOML, with every number that the run has.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let value = serde_json::to_value(self).expect("a recipe has texts for keys");
        let mut text = String::from("# Everything that decided this run; `viewless` reads it again.\n");
        toml_table(&mut text, "", &value);
        text
    }
}

/// The text of a recipe.
pub(crate) fn text_of(path: &Path) -> Result<String, TrainError> {
    let failed = |source| TrainError::Read { path: path.to_owned(), source };
    // Before it is opened, because opening a pipe waits.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(std::io::Error::other("it is no regular file")));
    }
    let mut text = String::new();
    let read = File::open(path).map_err(failed)?.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > MOST_BYTES {
        return Err(failed(std::io::Error::other(format!("a recipe has at most {MOST_BYTES} bytes"))));
    }
    Ok(text)
}

/// What the reader of TOML says, with the line that it says it of, on one line of ours.
pub(crate) fn shown(error: &toml::de::Error, text: &str) -> String {
    let legible = |text: &str, most| text.chars().take(most).flat_map(char::escape_debug).collect::<String>();
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let number = before.matches('\n').count();
    let line = legible(text.lines().nth(number).unwrap_or_default().trim(), 80);
    format!("line {}, `{line}`: {}", number + 1, legible(error.message(), 300))
}

type Names = [&'static str; 6];
const TRAINING: Names = [
    "training.epochs",
    "training.batch",
    "training.learning-rate",
    "training.warm-up",
    "training.weight-decay",
    "training.largest-norm",
];
const LAYERS: Names = [
    "layers.epochs",
    "layers.batch",
    "layers.learning-rate",
    "layers.warm-up",
    "layers.weight-decay",
    "layers.largest-norm",
];
const PREDICTION: Names = [
    "prediction.epochs",
    "prediction.batch",
    "prediction.learning-rate",
    "prediction.warm-up",
    "prediction.weight-decay",
    "prediction.largest-norm",
];

fn field(field: &'static str, value: impl ToString, expected: &'static str) -> TrainError {
    TrainError::Field { field, value: value.to_string(), expected }
}

pub(crate) fn whole(
    name: &'static str,
    value: usize,
    range: std::ops::RangeInclusive<usize>,
    expected: &'static str,
) -> Result<(), TrainError> {
    if range.contains(&value) { Ok(()) } else { Err(field(name, value, expected)) }
}

/// Not a number is in no range.
pub(crate) fn number(
    name: &'static str,
    value: f64,
    range: std::ops::RangeInclusive<f64>,
    expected: &'static str,
) -> Result<(), TrainError> {
    if range.contains(&value) { Ok(()) } else { Err(field(name, value, expected)) }
}

/// Writes a table, its own values before its tables. JSON's strings and numbers are TOML's, but for the one escape that TOML does not have.
pub(crate) fn toml_table(text: &mut String, name: &str, value: &serde_json::Value) {
    let fields: BTreeMap<_, _> = value.as_object().into_iter().flatten().collect();
    for (key, value) in fields.iter().filter(|(_, value)| !value.is_object() && !value.is_null()) {
        text.push_str(&format!("{key} = {value}\n"));
    }
    for (key, value) in fields.iter().filter(|(_, value)| value.is_object()) {
        let name = if name.is_empty() { (*key).clone() } else { format!("{name}.{key}") };
        text.push_str(&format!("\n[{name}]\n"));
        toml_table(text, &name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Recipe, TrainError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("recipe.toml");
        std::fs::write(&path, text).unwrap();
        Recipe::read(&path, &Overrides::default())
    }

    const LEAST: &str = "[data]\ndirectory = \"rows\"\ntask = \"classification\"\n";

    #[test]
    fn what_is_left_out_has_the_published_values() {
        let recipe = read(LEAST).unwrap();
        assert_eq!((recipe.seed, recipe.data.most_tokens), (42, 128));
        let StageRecipe { learning_rate, epochs, batch, schedule, warm_up, .. } = recipe.layers;
        assert_eq!((learning_rate, epochs, batch, schedule, warm_up), (5e-5, 10, 32, Schedule::Constant, 0.0));
        let StageRecipe { learning_rate, epochs, batch, schedule, warm_up, weight_decay, .. } = recipe.prediction;
        assert_eq!((learning_rate, epochs, batch, weight_decay), (1e-5, 5, 32, 0.01));
        assert_eq!((schedule, warm_up), (Schedule::Linear, 0.1));
    }

    #[test]
    fn a_written_recipe_is_read_back_unchanged() {
        let text = format!(
            "seed = 7\nkeep = \"last\"\n{LEAST}rows = 12\n[model]\ndirectory = \"a \\\"b\\\" \\\\c\"\nattention = \"2relu\"\n\
             activation = \"quad\"\nprecision = \"f16\"\nlayers = 2\nstart = \"drawn\"\n[layers]\nlearning-rate = 1e-7\n"
        );
        let recipe = read(&text).unwrap();
        assert_eq!(recipe.model.directory, Some(PathBuf::from("a \"b\" \\c")));
        assert_eq!(read(&recipe.to_toml()).unwrap(), recipe);
    }

    #[test]
    fn unknown_fields_and_absurd_numbers_are_refused_by_name() {
        for (text, named) in [
            ("sede = 1\n", "sede"),
            ("seed = -1\n", "seed"),
            ("checkpoint-steps = 0\n", "checkpoint-steps"),
            ("keep = \"all\"\n", "keep"),
        ] {
            let error = read(&format!("{text}{LEAST}")).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
        for (text, named) in [
            ("most-tokens = 2\n", "data.most-tokens"),
            ("rows = 0\n", "data.rows"),
            ("column = \"a\"\n", "column"),
            ("[training]\nepochs = 1048577\n", "training.epochs"),
            ("[training]\nbatch = 0\n", "training.batch"),
            ("[training]\nlearning-rate = 0.0\n", "training.learning-rate"),
            ("[training]\nlearning-rate = nan\n", "training.learning-rate"),
            ("[training]\nlearning-rate = inf\n", "training.learning-rate"),
            ("[layers]\nwarm-up = 1.5\n", "layers.warm-up"),
            ("[layers]\nweight-decay = -0.1\n", "layers.weight-decay"),
            ("[prediction]\nlargest-norm = -1.0\n", "prediction.largest-norm"),
            ("[prediction]\nlearning_rate = 1.0\n", "learning_rate"),
            ("[model]\nattention = \"4quad\"\n", "4quad"),
            ("[model]\nactivation = \"silu\"\n", "silu"),
        ] {
            let error = read(&format!("{LEAST}{text}")).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
        let absent = Recipe::read(Path::new("/no/recipe.toml"), &Overrides::default()).unwrap_err();
        assert!(absent.to_string().contains("/no/recipe.toml"));
    }

    #[test]
    fn the_recipes_to_begin_with_are_recipes() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
        let read = |name: &str| Recipe::read(&folder.join(name), &Overrides::default()).unwrap();
        assert_eq!(read("teacher.toml").training, StageRecipe::fine_tuning());
        for (name, activation) in [("mpcformer.toml", ActivationName::Quad), ("secformer.toml", ActivationName::Gelu)] {
            let recipe = read(name);
            assert_eq!((recipe.layers, recipe.prediction), (StageRecipe::layers(), StageRecipe::prediction()));
            assert_eq!(recipe.model.activation, Some(activation));
            assert_eq!(recipe.model.attention, Some(AttentionName::TwoQuad));
        }
        assert_eq!(read("small.toml").model.vocabulary, VocabularyName::Rows);
        let pictures = crate::autoencoder::AutoencoderRecipe::read(&folder.join("dc-vae-cifar-10.toml"), None, None);
        assert!(pictures.is_ok(), "{pictures:?}");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 5);
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("recipe.toml");
        std::fs::write(&path, LEAST).unwrap();
        let overrides = Overrides { data: Some("other".into()), model: Some("base".into()), seed: Some(3) };
        let recipe = Recipe::read(&path, &overrides).unwrap();
        assert_eq!((recipe.seed, recipe.data.directory), (3, PathBuf::from("other")));
        assert_eq!(recipe.model.directory, Some(PathBuf::from("base")));
    }
}
