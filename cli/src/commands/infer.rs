//! `viewless infer`: a private inference on a real model, beside the plaintext pass.

use super::fetch::{self, DEFAULT_MODEL};
use super::{Outcome, picture};
use crate::arguments::{self, FixedArguments, Schedule};
use crate::error::CliError;
use crate::progress::Progress;
use crate::screen::Manner;
use crate::{file, render, screen};
use clap::Args;
use std::io;
use std::path::{Path, PathBuf};
use viewless_models::dcvae::{self, is_autoencoder};
use viewless_models::{Model, ModelError, check_image, read_square};
use viewless_protocols::suite::Suite;
use viewless_simulator::network::Network;
use viewless_simulator::stream::Seed;
use viewless_workbench::inference::{Asking, ExecutionMode, Question, infer};
use viewless_workbench::machine::available_bytes;
use viewless_workbench::named::{DEFAULT_SUITE, shown};
use viewless_workbench::pictures;
use viewless_workbench::subject::local_directory;

/// What to infer, and how.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A model directory, or a name that `fetch` knows; fetched first if it is not there
    #[arg(long, value_name = "DIR|NAME", default_value = DEFAULT_MODEL)]
    model: String,
    /// The text that the client asks about
    #[arg(long, required_unless_present = "image", conflicts_with = "image", allow_hyphen_values = true)]
    text: Option<String>,
    /// A second text, for a model that was trained on pairs
    #[arg(long, value_name = "TEXT", requires = "text", allow_hyphen_values = true)]
    text_pair: Option<String>,
    /// A prompt of a sentence-transformers model, by its name there, in the place of the default one
    #[arg(long, value_name = "NAME", requires = "text")]
    prompt: Option<String>,
    /// Keep so many numbers of the vector of a model that pools, from its beginning, as sentence-transformers' option does
    #[arg(long, value_name = "N")]
    truncate_dim: Option<usize>,
    /// A suite may compute other functions than the model's own; without this that is a negative verdict
    #[arg(long)]
    accept_other_functions: bool,
    /// The PNG, JPEG or WebP picture that the client asks a model of images about, or has an autoencoder reconstruct
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Of an autoencoder: where to write the original, the plaintext and the private reconstruction, side by side
    #[arg(long, value_name = "FILE.png", requires = "image")]
    picture: Option<PathBuf>,
    /// A built-in suite, or a .toml file
    #[arg(long, value_name = "SUITE|FILE", default_value = DEFAULT_SUITE, value_parser = arguments::suite)]
    suite: Suite,
    #[command(flatten)]
    fixed: FixedArguments,
    /// Decides everything random: a number, for simulation, or 64 hexadecimal digits
    #[arg(long, value_name = "N|HEX", default_value = "0", value_parser = arguments::seed)]
    seed: Seed,
    /// Draw the seed from the operating system
    #[arg(long, conflicts_with = "seed")]
    random_seed: bool,
    /// lan, wan, or a .toml file
    #[arg(long, value_name = "NETWORK|FILE", default_value = "lan", value_parser = arguments::network)]
    network: Network,
    /// Bound the error of every run on this text as a theorem, by intervals through the whole model; for small models, and slow
    #[arg(long)]
    certify: bool,
    /// Leave out the parties: the same numbers to the last bit, and the same findings of the claims, in less time, but nothing is sent
    #[arg(long, conflicts_with = "transcript")]
    fast: bool,
    /// Run even if the values take more memory than is free
    #[arg(long)]
    force: bool,
    /// Which messages share a round
    #[arg(long, value_enum, default_value_t = Schedule::Asap)]
    schedule: Schedule,
    /// Threads that compute; the result does not depend on it [default: all processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Write every message of the run to a file: one JSON object a line, with a digest of its contents
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
    /// Where fetched models are kept [default: as `fetch`]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

impl Arguments {
    /// Threads that are asked for.
    #[must_use]
    pub fn threads(&self) -> Option<usize> {
        self.threads.map(usize::from)
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
    let Arguments { text, image, suite, fixed, network, schedule, random_seed, .. } = arguments;
    let suite = &fixed.of(suite.clone())?;
    let seed = if *random_seed { Seed::from_os()? } else { arguments.seed.clone() };
    announce(&seed, *random_seed);
    if let Some(picture) = image {
        check_image(picture)?;
        // The default model need not be fetched to know that it takes texts.
        if arguments.model == DEFAULT_MODEL && local_directory(DEFAULT_MODEL).is_none() {
            return Err(ModelError::NoImage.into());
        }
    }
    let directory = fetch::directory(&arguments.model, arguments.cache.as_deref())?;
    if is_autoencoder(&directory) {
        return reconstruct(arguments, (suite, seed), &directory, manner);
    }
    if arguments.picture.is_some() {
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
    let (schedule, certify) = ((*schedule).into(), arguments.certify);
    let most_bytes = if arguments.force { None } else { available_bytes() };
    let registry = arguments::registry();
    let execution = if arguments.fast { ExecutionMode::Fast } else { ExecutionMode::Explicit };
    let question =
        Question { model: &model, suite, registry, asking, seed, network, schedule, certify, execution, most_bytes };
    let mut transcript = arguments.transcript.as_deref().map(file::Pending::create).transpose()?;
    let sink = transcript.as_mut().map(|pending| pending as &mut dyn io::Write);
    let progress = Progress::start("inferring");
    let report = infer(&question, Some(&|done, of| progress.tell(done, of)), sink)?;
    drop(progress);
    transcript.map(file::Pending::commit).transpose()?;
    screen::show(&report, manner, |explain| render::inference::text(&report, suite, &model, explain))?;
    let own_functions = report.other_functions.is_empty() || arguments.accept_other_functions;
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
    picture::show(
        asking,
        &picture::Job {
            suite,
            seed,
            directory,
            network: &arguments.network,
            schedule: arguments.schedule,
            fast: arguments.fast,
            force: arguments.force,
            accept_other_functions: arguments.accept_other_functions,
            picture: arguments.picture.as_deref(),
            transcript: arguments.transcript.as_deref(),
        },
        manner,
    )
}

/// The seed comes first, so that a run that fails can be replayed, too; beside the results, because it is none.
pub(super) fn announce(seed: &Seed, random: bool) {
    let why = if random {
        "drawn from the operating system; whoever knows it sees everything"
    } else {
        "for simulation: a known seed hides nothing"
    };
    screen::note(format_args!("seed {} ({why})", shown(seed)));
}
