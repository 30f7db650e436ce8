//! Fine-tuning: a pre-trained BERT learns to classify texts, or to give them a number.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use viewless_protocols::model::TransformerConfig;

use crate::bert::Bert;
use crate::checkpoint::{self, CHECKPOINT_FILE, Identity, recipe_digest};
use crate::directory::{activation_name, attention_name, describe, prepare, save_weights, tidy};
use crate::error::TrainError;
use crate::loss::{cross_entropy, mean_square};
use crate::origin::Part;
use crate::prepare::{Encoded, Texts, configuration, decision, initialise, vocabulary};
use crate::recipe::{Keep, Recipe, Start, Task};
use crate::rows::Rows;
use crate::run::{Judge, Observer, Progress, Run, Stage, StageReport};
use crate::score::{Scores, score};
use crate::source::Source;
use crate::variables::Variables;

/// What a run made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainReport {
    /// The directory of the result.
    pub directory: String,
    /// The directory that it began with, or the teacher.
    pub source: String,
    /// Its labels; one for a number.
    pub labels: Vec<String>,
    /// The activation, as `config.json` has it.
    pub activation: String,
    /// What makes weights of attention scores, as `config.json` has it.
    pub attention: String,
    /// Numbers of the result.
    pub parameters: usize,
    /// Tensors that were drawn, because the source has none of their name and shape, or none is wanted.
    pub drawn: usize,
    /// Rows that it learnt from.
    pub rows: usize,
    /// Of these, those that were longer than the model, or than the recipe allows, and were cut.
    pub cut: usize,
    /// What was done.
    pub stages: Vec<StageReport>,
    /// The epoch of the last stage that was kept, where one was chosen.
    pub chosen_epoch: Option<usize>,
    /// The loss of the last step.
    pub last_loss: f64,
    /// The result on the development rows.
    pub development: Option<Scores>,
    /// The result on the test rows.
    pub test: Option<Scores>,
    /// Steps that an earlier process had made.
    pub steps_before: usize,
    /// Steps of this process.
    pub steps: usize,
    /// Seconds of these, with judgements and checkpoints.
    pub seconds: f64,
}

/// Fine-tunes in a folder. Gives nothing if the observer ended the run before its end.
///
/// # Errors
/// A model, rows or a recipe that cannot be used; a loss that is no number; a folder that cannot be written.
pub fn train(
    recipe: &Recipe,
    out: &Path,
    resume: bool,
    observe: &mut Observer<'_>,
) -> Result<Option<TrainReport>, TrainError> {
    if recipe.training.epochs == 0 {
        return Err(TrainError::NoEpochs { tables: "[training]" });
    }
    let directory = recipe.model.directory.as_deref().ok_or(TrainError::NoModel)?;
    let mut source = Source::read(directory, recipe.model.start == Start::Given)?;
    let mut texts = Texts::read(recipe, None)?;
    // A model that knows as many classes is asked for its own, by name where they are the same.
    if let (Some(known), Task::Classification) = (source.labels(), recipe.data.task)
        && known.len() == texts.labels.len()
        && let Ok(renamed) = Texts::read(recipe, Some(known))
    {
        texts = renamed;
    }
    let tokenizer = vocabulary(&mut source, &texts, recipe)?;
    let config = configuration(&source, &recipe.model, texts.labels.clone())?;
    // Refused before anything is written.
    Bert::new(&config, Default::default())?;
    let _alone = prepare(out, resume, "train", &recipe.to_toml())?;
    let description = Description { source: &source, config: &config, recipe, tokenizer: tokenizer.as_ref() };
    let (encoded, identity) = description.write("train", out, &texts)?;
    let (mut variables, drawn) = initialise(&config, &source, recipe)?;
    let bert = Bert::new(&config, variables.tracked())?;
    let stages = [Stage {
        name: "training",
        recipe: &recipe.training,
        variables: variables.only(|_| true),
        loss: Box::new(|batch| supervised(&bert, &encoded.train, batch, recipe.data.task)),
        judge: judge(&config, &variables, &encoded)?,
        keeps_best: recipe.keep == Keep::Best,
    }];
    let run = Run {
        folder: out,
        rows: &encoded.train,
        seed: recipe.seed,
        checkpoint_steps: recipe.checkpoint_steps,
        variables: &mut variables,
        identity,
    };
    let progress = run.go(&stages, observe)?;
    let made = Made { recipe, out, config: &config, source: directory, encoded: &encoded, drawn: drawn.len() };
    made.finish(&variables, &stages, progress)
}

/// What a run's folder says of its result before the first step.
pub(crate) struct Description<'a> {
    pub(crate) source: &'a Source,
    pub(crate) config: &'a TransformerConfig,
    pub(crate) recipe: &'a Recipe,
    /// That of the result, where it is not the source's.
    pub(crate) tokenizer: Option<&'a Value>,
}

impl Description<'_> {
    /// Writes it in the folder and encodes the rows by the tokenizer there. Where a run goes on, the rows are encoded by the same beside the folder first:
    /// another run's checkpoint is refused before anything is written.
    ///
    /// # Errors
    /// Another run's checkpoint; rows that cannot be encoded; files that cannot be written.
    pub(crate) fn write(&self, command: &str, out: &Path, texts: &Texts) -> Result<(Encoded, Identity), TrainError> {
        let checkpoint = out.join(CHECKPOINT_FILE);
        if checkpoint.exists() {
            let beside = tempfile::tempdir();
            let beside = beside.map_err(|source| TrainError::Folder { path: std::env::temp_dir(), source })?;
            let (_, identity) = self.write_in(beside.path(), command, texts)?;
            checkpoint::refuse_changed(&checkpoint, &identity)?;
        }
        self.write_in(out, command, texts)
    }

    fn write_in(&self, folder: &Path, command: &str, texts: &Texts) -> Result<(Encoded, Identity), TrainError> {
        let Self { source, config, recipe, tokenizer } = *self;
        let decision = decision(recipe.data.task);
        describe(folder, &source.directory, config, decision, &recipe.to_toml(), tokenizer)?;
        let encoded = texts.encode(folder, config, recipe)?;
        let identity = identity(command, recipe, &encoded, source)?;
        Ok((encoded, identity))
    }
}

/// The loss of a batch against its labels.
pub(crate) fn supervised(
    bert: &Bert,
    rows: &Rows,
    batch: &[usize],
    task: Task,
) -> Result<candle_core::Tensor, TrainError> {
    let texts = rows.texts(batch, candle_core::DType::F32)?;
    let logits = bert.forward(&texts)?.logits;
    let logits = logits.ok_or_else(|| TrainError::NoVariable { name: "classifier.weight".to_owned() })?;
    let labels = rows.labels(batch, logits.dim(1)?, logits.dtype())?;
    match task {
        Task::Classification => cross_entropy(&logits, &labels),
        Task::Regression => mean_square(&logits, &labels),
    }
}

/// Judges the variables on the development rows, if there are some.
pub(crate) fn judge<'a>(
    config: &TransformerConfig,
    variables: &Variables,
    encoded: &'a Encoded,
) -> Result<Option<Box<Judge<'a>>>, TrainError> {
    let frozen = Bert::new(config, variables.frozen())?;
    Ok(encoded.development.as_ref().map(|rows| -> Box<Judge<'a>> { Box::new(move || score(&frozen, rows)) }))
}

/// Which run it is.
fn identity(command: &str, recipe: &Recipe, encoded: &Encoded, source: &Source) -> Result<Identity, TrainError> {
    let of = |what: &str, rows: &Rows| Part {
        what: what.to_owned(),
        place: rows.file.display().to_string(),
        count: rows.len(),
        digest: rows.digest(),
    };
    let weights = Part {
        what: "weights".to_owned(),
        place: source.directory.display().to_string(),
        count: source.variables.parameters(),
        digest: source.digest()?,
    };
    let mut parts = vec![of("rows to learn from", &encoded.train)];
    // The best epoch is chosen by them.
    parts.extend(encoded.development.as_ref().map(|rows| of("development rows", rows)));
    let (rows, whole) = (parts[0].digest.clone(), weights.digest.clone());
    parts.push(weights);
    let recipe = recipe_digest(command, &recipe.to_toml());
    Ok(Identity { recipe, rows, weights: whole, parts })
}

/// A run that is done, or was ended.
pub(crate) struct Made<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) out: &'a Path,
    pub(crate) config: &'a TransformerConfig,
    pub(crate) source: &'a Path,
    pub(crate) encoded: &'a Encoded,
    pub(crate) drawn: usize,
}

impl Made<'_> {
    /// Writes the weights, reads the directory again, and judges what was read.
    pub(crate) fn finish(
        &self,
        variables: &Variables,
        stages: &[Stage<'_>],
        progress: Progress,
    ) -> Result<Option<TrainReport>, TrainError> {
        if !progress.finished {
            return Ok(None);
        }
        let own = variables.only(|name| !name.starts_with(crate::distill::PROJECTION));
        save_weights(self.out, self.config, &own, self.recipe.model.precision.into())?;
        let read = Source::read(self.out, true)?;
        let bert = Bert::new(&read.config, read.variables.frozen())?;
        let judged = |rows: &Option<Rows>| rows.as_ref().map(|rows| score(&bert, rows)).transpose();
        let report = TrainReport {
            directory: self.out.display().to_string(),
            source: self.source.display().to_string(),
            labels: read.labels().unwrap_or_default().to_vec(),
            activation: activation_name(read.config.activation).to_owned(),
            attention: attention_name(read.config.attention_weights).to_owned(),
            parameters: read.variables.parameters(),
            drawn: self.drawn,
            rows: self.encoded.train.len(),
            cut: self.encoded.train.cut,
            stages: stages.iter().map(|stage| self.stage(stage)).collect(),
            chosen_epoch: progress.best.map(|best| best.epoch),
            last_loss: progress.last_loss,
            development: judged(&self.encoded.development)?,
            test: judged(&self.encoded.test)?,
            steps_before: progress.steps_before,
            steps: progress.steps_here,
            seconds: progress.seconds,
        };
        tidy(self.out)?;
        Ok(Some(report))
    }

    fn stage(&self, stage: &Stage<'_>) -> StageReport {
        StageReport {
            stage: stage.name.to_owned(),
            epochs: stage.recipe.epochs,
            steps: stage.recipe.epochs * self.encoded.train.steps(stage.recipe.batch),
            variables: stage.variables.len(),
        }
    }
}
