//! `viewless plan measure MODEL`: how long this machine computes, for `viewless plan MODEL --machine`.

use crate::arguments::{SizeArguments, registry};
use crate::commands::Outcome;
use crate::error::CliError;
use crate::file::Pending;
use crate::progress::Progress;
use crate::render::plan as words;
use crate::screen::{self, Manner};
use clap::Args;
use std::path::PathBuf;
use viewless_workbench::Subject;
use viewless_workbench::plan::{Space, machine_text, measure};

/// What is run.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Arguments {
    /// A Transformer: a known model such as bert-base (`viewless list` shows all), a model directory, or a name that `fetch` knows
    #[arg(value_name = "MODEL|DIR|NAME")]
    model: String,
    #[command(flatten)]
    sizes: SizeArguments,
    /// Choices of the scheme to run, as `viewless plan MODEL` takes them
    #[arg(long, value_name = "CHOICE,...", value_delimiter = ',')]
    suite_space: Vec<String>,
    /// Fraction bits to run
    #[arg(long, value_name = "BITS,...", value_delimiter = ',', default_values_t = [16])]
    fraction_bits: Vec<u8>,
    /// Write what was measured, for `viewless plan MODEL --machine`
    #[arg(long, value_name = "FILE.toml")]
    write: Option<PathBuf>,
}

/// Measures, prints and writes.
///
/// # Errors
/// What cannot be run or written.
pub(super) fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let subject = Subject::find_model(&arguments.model, registry())?;
    let space = Space::of_words(&arguments.suite_space, &arguments.fraction_bits)?;
    let file = arguments.write.as_deref().map(Pending::create).transpose()?;
    let progress = Progress::start("running layers");
    let machine = measure(&subject, &space, arguments.sizes.checked(), &|done, of| progress.tell(done, of))?;
    drop(progress);
    if let Some(file) = file {
        file.finish(machine_text(&machine).as_bytes())?;
    }
    screen::show(&machine, manner, |_| words::machine(&machine))?;
    Ok(Outcome::Positive)
}
