//! `viewless fetch`: puts a model or data into the cache.

use super::Outcome;
use crate::arguments;
use crate::error::CliError;
use crate::progress::Spinner;
use crate::screen::{self, Manner};
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};
use viewless_models::{
    FetchError, Model, Progress, default_cache_dir, in_place_of_directory, known_data, known_models, shipped,
};
use viewless_workbench::named::{Named, what_is};
use viewless_workbench::subject::local_directory;

/// The model that is fetched unless told otherwise.
const DEFAULT_MODEL: &str = "all-MiniLM-L6-v2";

/// What to fetch, and where to.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A known short name, organisation/model on the Hugging Face Hub, or data: rated-sentences, cifar-10; movies-small is part of the program; dc-vae-8, -16 and -32 are made here
    #[arg(default_value = DEFAULT_MODEL)]
    name: String,
    /// Where models and data are kept [default: $VIEWLESS_CACHE, else $XDG_CACHE_HOME/viewless, else ~/.cache/viewless]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

/// A model, or data, that lies in the cache.
#[derive(Serialize)]
struct Fetched<'a> {
    /// The name that was asked for.
    name: &'a str,
    /// The folder in which its files are.
    directory: &'a Path,
}

/// Fetches and prints the directory.
///
/// # Errors
/// What cannot be downloaded, checked or stored.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let Arguments { name, cache } = arguments;
    let directory = put(name, cache.as_deref())?;
    if manner.json {
        screen::print_json(&Fetched { name, directory: &directory })?;
    } else {
        screen::print(format_args!("{}\n", directory.display()))?;
    }
    Ok(Outcome::Positive)
}

/// Puts a model or data into the cache if it is not there, and returns its directory.
fn put(name: &str, cache: Option<&Path>) -> Result<PathBuf, CliError> {
    if known_data().any(|known| known == name) {
        return told(cache, |cache, tell| viewless_models::fetch_data(name, cache, tell));
    }
    fetch(name, cache)
}

/// Puts a model into the cache if it is not there, and returns its directory.
pub(super) fn fetch(name: &str, cache: Option<&Path>) -> Result<PathBuf, CliError> {
    told(cache, |cache, tell| viewless_models::fetch(name, cache, tell))
}

/// Fetches, and says what is going on.
fn told(
    cache: Option<&Path>,
    fetch: impl FnOnce(&Path, &mut dyn FnMut(Progress<'_>)) -> Result<PathBuf, FetchError>,
) -> Result<PathBuf, CliError> {
    let cache = cache.map_or_else(default_cache_dir, |cache| Ok(cache.to_owned()))?;
    let spinner = Spinner::start();
    let mut tell = |step: Progress<'_>| match step {
        Progress::Reusing { .. } | Progress::Checking { .. } => spinner.tell(step.to_string()),
        // A download deserves a line that stays, and that is there without a terminal, too.
        Progress::Downloading { .. }
        | Progress::Making { .. }
        | Progress::Unpacking { .. }
        | Progress::Installed { .. } => {
            screen::note(step);
            spinner.tell(step.to_string());
        }
    };
    Ok(fetch(&cache, &mut tell)?)
}

/// A model with its weights, from a directory or by a name that can be fetched, which it is if it is not there.
pub(super) fn loaded(model: &str, cache: Option<&Path>) -> Result<Model, CliError> {
    Ok(Model::load(&directory(model, cache)?)?)
}

/// The directory of the model that a command asks where it is given none: what is part of the program is meant, whatever a folder here is called.
pub(super) fn given_or_own(model: Option<&str>, cache: Option<&Path>) -> Result<PathBuf, CliError> {
    model.map_or_else(|| fetch(shipped::NAME, cache), |model| directory(model, cache))
}

/// The directory of a model, fetched if it is not there.
pub(super) fn directory(model: &str, cache: Option<&Path>) -> Result<PathBuf, CliError> {
    if let Some(directory) = local_directory(model) {
        return Ok(directory);
    }
    let known: Vec<&str> = known_models().collect();
    if !known.contains(&model) {
        if let Some(error) = in_place_of_directory(Path::new(model)) {
            return Err(error.into());
        }
        let name = model.to_owned();
        match what_is(model, arguments::registry()) {
            Some(Named::Model) => return Err(CliError::SizesAlone { name, known }),
            Some(is @ (Named::Protocol | Named::Suite | Named::Network)) => {
                return Err(CliError::NotAModel { name, is, known });
            }
            None => {}
        }
    }
    fetch(model, cache)
}
