//! `viewless sample`: images that an autoencoder draws privately, from noise that no party knows.

use super::{Outcome, fetch, infer, picture};
use crate::arguments::{self, FixedArguments, Schedule};
use crate::error::CliError;
use crate::screen::Manner;
use clap::Args;
use std::path::PathBuf;
use viewless_models::dcvae::is_autoencoder;
use viewless_protocols::suite::Suite;
use viewless_simulator::network::Network;
use viewless_simulator::stream::Seed;
use viewless_workbench::named::DEFAULT_SUITE;
use viewless_workbench::pictures::{Asking, MOST_SAMPLES};

/// What to draw, and how.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The directory of an autoencoder of images, or a name that `fetch` knows
    #[arg(long, value_name = "DIR|NAME")]
    model: String,
    /// Images to draw at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=MOST_SAMPLES as i64))]
    images: u16,
    /// Where to write the images: rows of those of plaintext, and below each the private ones
    #[arg(long, value_name = "FILE.png")]
    picture: Option<PathBuf>,
    /// A suite may compute other functions than the model's own; without this that is a negative verdict
    #[arg(long)]
    accept_other_functions: bool,
    /// A built-in suite, or a .toml file
    #[arg(long, value_name = "SUITE|FILE", default_value = DEFAULT_SUITE, value_parser = arguments::suite)]
    suite: Suite,
    #[command(flatten)]
    fixed: FixedArguments,
    /// Decides everything random, the noise too: a number, for simulation, or 64 hexadecimal digits
    #[arg(long, value_name = "N|HEX", default_value = "0", value_parser = arguments::seed)]
    seed: Seed,
    /// Draw the seed from the operating system
    #[arg(long, conflicts_with = "seed")]
    random_seed: bool,
    /// lan, wan, or a .toml file
    #[arg(long, value_name = "NETWORK|FILE", default_value = "lan", value_parser = arguments::network)]
    network: Network,
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

/// Draws and prints; the verdict is that of `infer`.
///
/// # Errors
/// A model or suite that cannot be used, or a file that cannot be written.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let suite = &arguments.fixed.of(arguments.suite.clone())?;
    let seed = if arguments.random_seed { Seed::from_os()? } else { arguments.seed.clone() };
    infer::announce(&seed, arguments.random_seed);
    let directory = &fetch::directory(&arguments.model, arguments.cache.as_deref())?;
    if !is_autoencoder(directory) {
        return Err(CliError::NotAnAutoencoder { model: directory.clone() });
    }
    let job = picture::Job {
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
    };
    picture::show(Asking::Sample(usize::from(arguments.images)), &job, manner)
}
