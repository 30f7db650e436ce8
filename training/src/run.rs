//! The steps of a run, stage after stage: what fine-tuning and distillation have in common.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use candle_core::Tensor;
use serde::Serialize;

use crate::checkpoint::{self, Best, CHECKPOINT_FILE, Identity, State};
use crate::directory::BEST_FILE;
use crate::error::TrainError;
use crate::gradients::{gradients, require_all};
use crate::log::{Line, Log};
use crate::optimiser::{AdamW, learning_rate, norm};
use crate::recipe::StageRecipe;
use crate::rows::Rows;
use crate::score::Scores;
use crate::variables::Variables;

/// What an observer is told after each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told {
    /// The stage.
    pub stage: &'static str,
    /// The loss of the step.
    pub loss: f64,
    /// Steps that were made, of all stages.
    pub done: usize,
    /// All of them.
    pub of: usize,
}

/// How an observer ends a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The run goes on from this very step.
    Kept,
    /// The run goes on from its last checkpoint, as after a kill.
    AsKilled,
}

/// Sees each step, and may end the run there.
pub type Observer<'a> = dyn FnMut(Told) -> ControlFlow<Ending> + 'a;

/// The loss of a batch.
type Loss<'a> = dyn Fn(&[usize]) -> Result<Tensor, TrainError> + 'a;
/// Judges the variables as they are.
pub(crate) type Judge<'a> = dyn Fn() -> Result<Scores, TrainError> + 'a;

/// A stage.
pub(crate) struct Stage<'a> {
    pub(crate) name: &'static str,
    pub(crate) recipe: &'a StageRecipe,
    /// Those that it changes; each must receive a gradient.
    pub(crate) variables: Variables,
    pub(crate) loss: Box<Loss<'a>>,
    /// After each epoch.
    pub(crate) judge: Option<Box<Judge<'a>>>,
    /// Whether the best epoch is kept, by what the judge says.
    pub(crate) keeps_best: bool,
}

/// What a stage did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageReport {
    /// Its name.
    pub stage: String,
    /// Passes over the rows.
    pub epochs: usize,
    /// Its steps.
    pub steps: usize,
    /// Tensors that it changed; each received a gradient.
    pub variables: usize,
}

/// How far this process brought a run.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Whether all stages are done.
    pub(crate) finished: bool,
    /// Steps that were made before this process.
    pub(crate) steps_before: usize,
    /// Steps of this process.
    pub(crate) steps_here: usize,
    /// Seconds of these.
    pub(crate) seconds: f64,
    /// The epoch that was kept, where one was chosen.
    pub(crate) best: Option<Best>,
    /// The loss of the last step.
    pub(crate) last_loss: f64,
}

/// A run over rows, in a folder.
pub(crate) struct Run<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) rows: &'a Rows,
    pub(crate) seed: u64,
    pub(crate) checkpoint_steps: usize,
    /// All that a checkpoint holds.
    pub(crate) variables: &'a mut Variables,
    pub(crate) identity: Identity,
}

impl Run<'_> {
    /// Makes all steps that are left, from the last checkpoint on. In the end the variables are those of the epoch that is kept.
    pub(crate) fn go(self, stages: &[Stage<'_>], observe: &mut Observer<'_>) -> Result<Progress, TrainError> {
        let path = self.folder.join(CHECKPOINT_FILE);
        let loaded = checkpoint::load(&path, self.variables, &self.identity)?;
        let (optimiser, state) = loaded.unwrap_or_else(|| (AdamW::default(), State::new(self.identity.clone())));
        // Before hours of steps, not after them.
        if state.best.is_some() {
            checkpoint::load_best(&self.folder.join(BEST_FILE), self.variables, false)?;
        }
        let log = Log::open(self.folder, state.metrics_bytes)?;
        let steps: Vec<usize> =
            stages.iter().map(|stage| self.rows.steps(stage.recipe.batch) * stage.recipe.epochs).collect();
        let before = steps.iter().take(state.stage).sum::<usize>() + state.step;
        let mut going = Going { run: self, optimiser, state, log, steps, done: before, checked: false };
        let started = Instant::now();
        let mut finished = true;
        for (number, stage) in stages.iter().enumerate().skip(going.state.stage) {
            if going.stage(number, stage, observe)?.is_break() {
                finished = false;
                break;
            }
        }
        let progress = Progress {
            finished,
            steps_before: before,
            steps_here: going.done - before,
            seconds: started.elapsed().as_secs_f64(),
            best: going.state.best,
            last_loss: going.state.last_loss,
        };
        if finished && progress.best.is_some() {
            checkpoint::load_best(&going.run.folder.join(BEST_FILE), going.run.variables, true)?;
        }
        Ok(progress)
    }
}

/// A run under way.
struct Going<'a> {
    run: Run<'a>,
    optimiser: AdamW,
    state: State,
    log: Log,
    /// Of each stage.
    steps: Vec<usize>,
    /// Of all stages.
    done: usize,
    /// Whether every variable of this stage is known to receive a gradient.
    checked: bool,
}

impl Going<'_> {
    fn stage(
        &mut self,
        number: usize,
        stage: &Stage<'_>,
        observe: &mut Observer<'_>,
    ) -> Result<ControlFlow<()>, TrainError> {
        let (rows, batch) = (self.run.rows, stage.recipe.batch);
        let (steps, of_epoch) = (self.steps[number], rows.steps(batch));
        self.checked = false;
        let mut batches = Vec::new();
        while self.state.step < steps {
            let (epoch, place) = (self.state.step / of_epoch, self.state.step % of_epoch);
            if batches.is_empty() || place == 0 {
                batches = rows.batches(batch, self.run.seed, stage.name, epoch);
            }
            self.step(stage, &batches[place], steps)?;
            if self.state.step.is_multiple_of(of_epoch) {
                self.end_epoch(stage, of_epoch)?;
                self.checkpoint()?;
            } else if self.state.step.is_multiple_of(self.run.checkpoint_steps) {
                self.checkpoint()?;
            }
            let told =
                Told { stage: stage.name, loss: self.state.last_loss, done: self.done, of: self.steps.iter().sum() };
            match observe(told) {
                ControlFlow::Continue(()) => continue,
                ControlFlow::Break(Ending::AsKilled) => {}
                // Without it, calls of fewer steps than lie between checkpoints would begin at the same one forever.
                ControlFlow::Break(Ending::Kept) => self.checkpoint()?,
            }
            return Ok(ControlFlow::Break(()));
        }
        // Each stage has an optimiser of its own; what the last one was judged by is the result's.
        let best = self.state.best.filter(|_| number + 1 == self.steps.len());
        (self.state.stage, self.state.step, self.state.best) = (number + 1, 0, best);
        self.optimiser = AdamW::default();
        self.checkpoint()?;
        Ok(ControlFlow::Continue(()))
    }

    fn step(&mut self, stage: &Stage<'_>, batch: &[usize], steps: usize) -> Result<(), TrainError> {
        let Stage { name, recipe, variables, .. } = stage;
        let number = self.state.step + 1;
        let loss = (stage.loss)(batch)?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        if !value.is_finite() {
            let (lines, file) = (self.run.rows.lines(batch), self.run.rows.file.clone());
            return Err(TrainError::Loss { stage: name, step: number, loss: value, lines, file });
        }
        let found = gradients(&loss)?;
        if !self.checked {
            require_all(variables, &found)?;
            self.checked = true;
        }
        let norm = norm(variables, &found)?;
        if !norm.is_finite() {
            return Err(TrainError::Gradient { stage: name, step: number });
        }
        let rate = learning_rate(recipe, self.state.step, steps);
        let is_long = recipe.largest_norm > 0.0 && norm > recipe.largest_norm;
        let scale = if is_long { recipe.largest_norm / norm } else { 1.0 };
        self.optimiser.step(variables, &found, rate, recipe.weight_decay, scale)?;
        self.state.step = number;
        self.state.last_loss = value;
        self.state.epoch_loss += value;
        self.done += 1;
        let epoch = (number - 1) / self.run.rows.steps(recipe.batch) + 1;
        self.log.add(&Line::Step {
            stage: (*name).to_owned(),
            epoch,
            step: number,
            loss: value,
            norm,
            learning_rate: rate,
        })
    }

    fn end_epoch(&mut self, stage: &Stage<'_>, of_epoch: usize) -> Result<(), TrainError> {
        let development = stage.judge.as_ref().map(|judge| judge()).transpose()?;
        let epoch = self.state.step / of_epoch;
        if let Some(value) = development.as_ref().map(Scores::chosen_by).filter(|_| stage.keeps_best)
            && self.state.best.is_none_or(|best| value > best.value)
        {
            // Before the checkpoint that names it: if the run is killed between the two, this epoch is judged again, and written again.
            checkpoint::save(&self.run.folder.join(BEST_FILE), self.run.variables, None)?;
            self.state.best = Some(Best { value, epoch });
        }
        let loss = self.state.epoch_loss / of_epoch as f64;
        self.state.epoch_loss = 0.0;
        self.log.add(&Line::Epoch { stage: stage.name.to_owned(), epoch, loss, development })
    }

    fn checkpoint(&mut self) -> Result<(), TrainError> {
        self.state.metrics_bytes = self.log.kept()?;
        let path = self.run.folder.join(CHECKPOINT_FILE);
        checkpoint::save(&path, self.run.variables, Some((&self.optimiser, &self.state)))
    }
}
