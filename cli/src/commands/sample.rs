//! `viewless sample`: images that an autoencoder draws privately, from noise that no party knows.

use super::{Outcome, fetch, picture};
use crate::arguments::RunArguments;
use crate::error::CliError;
use crate::screen::Manner;
use clap::Args;
use std::path::PathBuf;
use viewless_models::dcvae::is_autoencoder;
use viewless_models::require_config;
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

/// Draws and prints; the verdict is that of `infer`.
///
/// # Errors
/// A model or suite that cannot be used, or a file that cannot be written.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let Arguments { model, images, picture, run } = arguments;
    let suite = &run.suite()?;
    let seed = run.announced_seed()?;
    let directory = &fetch::directory(model, run.cache.as_deref())?;
    if !is_autoencoder(directory) {
        // Of a folder without a configuration nothing is known.
        require_config(directory)?;
        return Err(CliError::NotAnAutoencoder { model: directory.clone() });
    }
    let job = picture::Job { run, suite, seed, directory, picture: picture.as_deref() };
    picture::show(Asking::Sample(usize::from(*images)), &job, manner)
}
