//! `viewless infer`: a private inference on a real model, beside the plaintext pass.

use super::{Outcome, fetch, picture};
use crate::arguments::{self, RunArguments};
use crate::error::CliError;
use crate::progress::Progress;
use crate::screen::Manner;
use crate::{file, render, screen};
use clap::{ArgGroup, Args};
use std::io;
use std::path::{Path, PathBuf};
use viewless_models::dcvae::{self, is_autoencoder};
use viewless_models::{Model, ModelError, check_image, read_square, require_config};
use viewless_protocols::suite::Suite;
use viewless_simulator::stream::Seed;
use viewless_workbench::inference::{Asking, ExecutionMode, Question, infer};
use viewless_workbench::machine::available_bytes;
use viewless_workbench::pictures;

/// What to infer, and how.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("asked").required(true).args(["text", "image"])))]
pub struct Arguments {
    /// A model directory, or a name that `fetch` knows; fetched first if it is not there [default: movies-small, which is part of the program]
    #[arg(long, value_name = "DIR|NAME")]
    model: Option<String>,
    /// The text that the client asks about
    #[arg(long, allow_hyphen_values = true)]
    text: Option<String>,
    /// A second text, for a model that was trained on pairs
    #[arg(long, value_name = "TEXT", requires = "text", conflicts_with = "image", allow_hyphen_values = true)]
    text_pair: Option<String>,
    /// A prompt of a sentence-transformers model, by its name there, in the place of the default one
    #[arg(long, value_name = "NAME", requires = "text", conflicts_with = "image")]
    prompt: Option<String>,
    /// Keep so many numbers of the vector of a model that pools, from its beginning, as sentence-transformers' option does
    #[arg(long, value_name = "N")]
    truncate_dim: Option<usize>,
    /// The PNG, JPEG or WebP picture that the client asks a model of images about, or has an autoencoder reconstruct
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Of an autoencoder: where to write the original, the plaintext and the private reconstruction, side by side
    #[arg(long, value_name = "FILE.png", requires = "image")]
    picture: Option<PathBuf>,
    /// Bound the error of every run on this text as a theorem, by intervals through the whole model; for small models, and slow
    #[arg(long)]
    certify: bool,
    #[command(flatten)]
    run: RunArguments,
}

impl Arguments {
    /// Threads that are asked for.
    #[must_use]
    pub fn threads(&self) -> Option<usize> {
        self.run.threads()
    }
}

/// Infers and prints. The verdict is negative when the run broke a claim that its result rests on: a truncation wrapped, or
/// a value left the headroom or the domain that a protocol needs; when the label is another than plaintext's, the error is as large as
/// the answer or beyond what is certified, or the numbers are too small for the fixed point; and when the suite computes other functions than the model's,
/// unless that is accepted.
///
/// # Errors
/// A model, text or suite that cannot be used.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let Arguments { text, image, run, .. } = arguments;
    let suite = &run.suite()?;
    let seed = run.announced_seed()?;
    if let Some(picture) = image {
        check_image(picture)?;
        // The default model need not be written to know that it takes texts.
        if arguments.model.is_none() {
            return Err(ModelError::NoImage.into());
        }
    }
    let directory = fetch::given_or_own(arguments.model.as_deref(), run.cache.as_deref())?;
    if is_autoencoder(&directory) {
        return reconstruct(arguments, (suite, seed), &directory, manner);
    }
    if arguments.picture.is_some() {
        require_config(&directory)?;
        return Err(CliError::NotAnAutoencoder { model: directory });
    }
    let mut model = Model::load(&directory)?;
    if let Some(prompt) = &arguments.prompt {
        model.choose_prompt(prompt)?;
    }
    if let Some(numbers) = arguments.truncate_dim {
        model.truncate(numbers)?;
    }
    let picture = match image.as_deref() {
        Some(path) => Some((path.display().to_string(), model.read_image(path)?)),
        None => None,
    };
    let asking = match &picture {
        Some((name, pixels)) => Asking::Image { name, pixels },
        None => match &arguments.text_pair {
            Some(pair) => Asking::Pair(text.as_deref().unwrap_or_default(), pair),
            None => Asking::Text(text.as_deref().unwrap_or_default()),
        },
    };
    let (network, schedule, certify) = (&run.network, run.schedule.into(), arguments.certify);
    let most_bytes = if run.force { None } else { available_bytes() };
    let registry = arguments::registry();
    let execution = if run.fast { ExecutionMode::Fast } else { ExecutionMode::Explicit };
    let question =
        Question { model: &model, suite, registry, asking, seed, network, schedule, certify, execution, most_bytes };
    let mut transcript = run.transcript.as_deref().map(file::Pending::create).transpose()?;
    let sink = transcript.as_mut().map(|pending| pending as &mut dyn io::Write);
    let progress = Progress::start("inferring");
    let report = infer(&question, Some(&|done, of| progress.tell(done, of)), sink);
    let report = report.map_err(|error| run.failed(error))?;
    drop(progress);
    transcript.map(file::Pending::commit).transpose()?;
    screen::show(&report, manner, |explain| render::inference::text(&report, suite, &model, explain))?;
    let own_functions = report.other_functions.is_empty() || run.accept_other_functions;
    Ok((own_functions && render::inference::broken_claims(&report).is_empty()).into())
}

/// Has an autoencoder reconstruct a picture.
fn reconstruct(
    arguments: &Arguments,
    (suite, seed): (&Suite, Seed),
    directory: &Path,
    manner: Manner,
) -> Result<Outcome, CliError> {
    let Some(file) = &arguments.image else { return Err(CliError::Autoencoder { model: directory.to_owned() }) };
    let only = [("--certify", arguments.certify), ("--truncate-dim", arguments.truncate_dim.is_some())];
    if let Some((option, _)) = only.into_iter().find(|(_, given)| *given) {
        return Err(CliError::NotOfAutoencoders { option });
    }
    let config = dcvae::read_config(directory)?;
    let (image, own) = read_square(file, config.channels(), config.side())?;
    if own != [config.side() as u32; 2] {
        let [rows, columns] = own;
        screen::note(format_args!(
            "the picture of {columns} x {rows} pixels is resized to the {0} x {0} of the model",
            config.side()
        ));
    }
    let name = file.display().to_string();
    let asking = pictures::Asking::Reconstruct { name: &name, images: &[image] };
    let job = picture::Job { run: &arguments.run, suite, seed, directory, picture: arguments.picture.as_deref() };
    picture::show(asking, &job, manner)
}
