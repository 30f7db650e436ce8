//! `viewless bench`: how fast this build is here, beside what the machine allows.

use super::Outcome;
use crate::arguments::registry;
use crate::error::CliError;
use crate::progress::Progress;
use crate::render::bench as words;
use crate::screen::{self, Manner};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use viewless_workbench::bench::{Environment, Request, bench};

/// What is measured.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Parts to measure: products, layers, models, counting, proving, auditing; all if none is named
    #[arg(long, value_name = "PART,...", value_delimiter = ',')]
    only: Vec<String>,
    /// Run the same layer under another system, in alternation: `crypten`, put into the cache through pip at first (4 GB)
    #[arg(long, value_enum, value_name = "SYSTEM")]
    against: Option<Against>,
    /// Where CrypTen is kept [default: as `fetch` keeps models]
    #[arg(long, value_name = "DIR", requires = "against")]
    cache: Option<PathBuf>,
    /// Runs of each work; the fastest is told
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: usize,
}

/// Systems that can be run beside this one.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Against {
    /// CrypTen 0.4.1
    Crypten,
}

/// Measures and prints.
///
/// # Errors
/// A part that is not there.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let request = Request::new(&arguments.only, arguments.runs)?;
    let environment = match arguments.against {
        Some(Against::Crypten) => {
            let folder = arguments.cache.clone().map_or_else(viewless_models::default_cache_dir, Ok)?;
            let _progress = Progress::start("installing CrypTen if it is not there");
            Some(Environment::in_folder(&folder)?)
        }
        None => None,
    };
    let progress = Progress::start("measuring");
    let report = bench(&request, environment.as_ref(), registry(), &|done, of| progress.tell(done, of))?;
    drop(progress);
    screen::show(&report, manner, |explain| words::text(&report, explain))?;
    Ok(Outcome::Positive)
}
