//! `viewless train`: a pre-trained BERT learns from labelled texts, or an autoencoder from images.

use super::{Outcome, fetch};
use crate::error::CliError;
use crate::progress::Progress;
use crate::render::training;
use crate::screen::Manner;
use crate::{file, interruption, render, screen};
use clap::{Args, ValueEnum};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use viewless_training::autoencoder::{self, AutoencoderRecipe, AutoencoderReport};
use viewless_training::run::Observer;
use viewless_training::{Ending, Overrides, Recipe, Told, TrainError, TrainReport};

/// What decides the run, and where it lies.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What learns: `bert`, from labelled texts, or `dc-vae`, an autoencoder, from a folder of images
    #[arg(value_enum, default_value_t = Learner::Bert)]
    learner: Learner,
    /// The pre-trained BERT: a directory, or a name that `fetch` knows, in the place of the recipe's
    #[arg(long, value_name = "DIR|NAME")]
    model: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// What learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Learner {
    /// A pre-trained BERT
    Bert,
    /// An autoencoder of images
    DcVae,
}

/// What training and distillation have in common.
#[derive(Debug, Args)]
pub struct Common {
    /// The recipe, a .toml file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The folder of the result: a new or empty one, or that of a run that goes on
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The folder with train.tsv, and dev.tsv and test.tsv where they are there, in the place of the recipe's; of an autoencoder, the images
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Decides what is drawn and the order of the rows, in the place of the recipe's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Stop after so many steps of this call; --resume goes on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    steps: Option<u32>,
    /// Go on with the run in the folder, or begin it; the result is the same as without the interruption
    #[arg(long)]
    resume: bool,
}

impl Common {
    /// The recipe with what the command line says in its place.
    pub(super) fn recipe(&self, model: Option<&str>) -> Result<Recipe, CliError> {
        let mut overrides = Overrides { data: self.data.clone(), model: model.map(PathBuf::from), seed: self.seed };
        // What is wrong with the recipe is told before a model is fetched for it.
        let recipe = Recipe::read(&self.config, &overrides)?;
        let Some(model) = model else { return Ok(recipe) };
        overrides.model = Some(fetch::directory(model, None)?);
        Ok(Recipe::read(&self.config, &overrides)?)
    }

    /// Runs, with a bar, until the end or so many steps; then prints.
    pub(super) fn go(
        &self,
        manner: Manner,
        what: &'static str,
        run: impl FnOnce(&Path, bool, &mut Observer<'_>) -> Result<Option<TrainReport>, TrainError>,
    ) -> Result<Outcome, CliError> {
        let (made, last) = self.steps(what, run)?;
        let trained = Trained { finished: made.is_some(), steps_done: last.0, steps_of_all: last.1, report: made };
        // What was made is told whatever becomes of the picture.
        screen::show(&trained, manner, |explain| training::text(&trained, &self.out, explain))?;
        if trained.finished {
            self.draw()?;
        }
        Ok(Outcome::Positive)
    }

    /// The same of an autoencoder.
    fn autoencoder(&self, manner: Manner) -> Result<Outcome, CliError> {
        let recipe = AutoencoderRecipe::read(&self.config, self.data.as_deref(), self.seed)?;
        let run = |out: &Path, resume, observe: &mut Observer<'_>| autoencoder::train(&recipe, out, resume, observe);
        let (report, (steps_done, steps_of_all)) = self.steps("training", run)?;
        let trained = TrainedAutoencoder { finished: report.is_some(), steps_done, steps_of_all, report };
        screen::show(&trained, manner, |_| training::of_images(&trained, &self.out))?;
        if trained.finished {
            self.draw()?;
        }
        Ok(Outcome::Positive)
    }

    /// Makes the steps, with a bar; gives what was made, steps that are done, and all of them.
    fn steps<R>(
        &self,
        what: &'static str,
        run: impl FnOnce(&Path, bool, &mut Observer<'_>) -> Result<Option<R>, TrainError>,
    ) -> Result<(Option<R>, (usize, usize)), CliError> {
        interruption::learns_in(&self.out);
        let progress = Progress::start(what);
        let mut left = self.steps.unwrap_or(u32::MAX);
        let mut last = (0, 0);
        let made = run(&self.out, self.resume, &mut |told: Told| {
            progress.tell_that(
                told.done,
                told.of,
                &format!("{}, loss {}", told.stage, render::units::scientific(told.loss, 3)),
            );
            last = (told.done, told.of);
            left -= 1;
            if left == 0 && told.done < told.of { ControlFlow::Break(Ending::Kept) } else { ControlFlow::Continue(()) }
        })?;
        progress.end();
        file::written(&self.out);
        Ok((made, last))
    }

    /// Draws the losses beside the result.
    fn draw(&self) -> Result<(), CliError> {
        let lines = viewless_training::log::read(&self.out)?;
        file::write(&self.out.join("losses.svg"), training::losses(&lines).as_bytes())
    }
}

/// How far a call brought a run.
#[derive(Debug, serde::Serialize)]
pub struct Trained {
    /// Whether the run is at its end.
    pub finished: bool,
    /// Steps that were made, of all calls; 0 where the run was at its end already.
    pub steps_done: usize,
    /// Steps of the whole run; 0 where the run was at its end already.
    pub steps_of_all: usize,
    /// What the run made, at its end.
    pub report: Option<TrainReport>,
}

/// The same of an autoencoder.
#[derive(Debug, serde::Serialize)]
pub struct TrainedAutoencoder {
    /// Whether the run is at its end.
    pub finished: bool,
    /// Steps that were made, of all calls.
    pub steps_done: usize,
    /// Steps of the whole run.
    pub steps_of_all: usize,
    /// What the run made, at its end.
    pub report: Option<AutoencoderReport>,
}

/// Trains and prints.
///
/// # Errors
/// A recipe, a model or rows that cannot be used; a loss that is no number; a folder that cannot be written.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    match (arguments.learner, &arguments.model) {
        (Learner::Bert, _) => {}
        (Learner::DcVae, None) => return arguments.common.autoencoder(manner),
        (Learner::DcVae, Some(_)) => return Err(CliError::NotOfAutoencoders { option: "--model" }),
    }
    let recipe = arguments.common.recipe(arguments.model.as_deref())?;
    arguments
        .common
        .go(manner, "training", |out, resume, observe| viewless_training::train(&recipe, out, resume, observe))
}
