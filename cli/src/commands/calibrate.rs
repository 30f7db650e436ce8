//! `viewless calibrate`: a suite that is fitted to a model on the user's own texts.

use super::{Outcome, texts};
use crate::arguments;
use crate::error::CliError;
use crate::progress::Progress;
use crate::screen::Manner;
use crate::{file, render, screen};
use clap::Args;
use std::cell::OnceCell;
use std::path::PathBuf;
use viewless_protocols::suite::Suite;
use viewless_workbench::plan::suite_text;
use viewless_workbench::sites::{Calibration, Line, Request, SLACKS};

/// What to calibrate, and on what.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A model directory, or a name that `fetch` knows [default: movies-small, which is part of the program]
    #[arg(long, value_name = "DIR|NAME")]
    model: Option<String>,
    /// Texts like those that the model will be asked about, one a line: the more unlike each other, the better
    #[arg(long, value_name = "FILE")]
    text_file: PathBuf,
    /// The suite to begin with: a built-in one, or a .toml file
    #[arg(long, value_name = "SUITE|FILE", value_parser = arguments::suite, default_value = "frontier")]
    suite: Suite,
    /// How far beyond the texts' numbers a site reaches: 0.25 is a quarter of half the interval at each end, and a variance by 1.25 squared
    #[arg(long, value_name = "PART", default_value_t = 0.25, value_parser = slack, allow_negative_numbers = true)]
    slack: f64,
    /// Where to write the suite
    #[arg(long, value_name = "FILE.toml")]
    out: PathBuf,
}

fn slack(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|slack| SLACKS.contains(slack));
    number.ok_or_else(|| format!("a slack is a part from {} to {}, as 0.25", SLACKS.start(), SLACKS.end()))
}

/// Calibrates, writes the suite and prints what it is. The verdict is negative when a text was left out, or a site leaves its domain on these
/// very texts.
///
/// # Errors
/// A model, texts, a suite or a slack that cannot be used; a file that cannot be written.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let Arguments { model, text_file, suite, slack, out } = arguments;
    if out.extension().is_none_or(|extension| extension != "toml") {
        return Err(CliError::NoSuiteFile { path: out.clone() });
    }
    let found = texts::read(text_file)?;
    let lines = Line::all(&found);
    let pending = file::Pending::create(out)?;
    let model = texts::model(model.as_deref())?;
    // Each pass has a clock of its own, which begins with it.
    let (seeing, trying) = (Progress::start("calibrating, the model on the texts (1 of 2)"), OnceCell::new());
    // Two suites are told apart by their names.
    let name = out.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let registry = arguments::registry();
    let request = Request { model: &model, suite, registry, lines: &lines, slack: *slack, name: &name };
    let calibration = Calibration::new(&request, &|done, of| seeing.tell(done, of), &|done, of| {
        seeing.end();
        trying.get_or_init(|| Progress::start("calibrating, the new suite on the texts (2 of 2)")).tell(done, of);
    });
    let calibration = calibration.map_err(|error| texts::named(error, text_file))?;
    drop((seeing, trying));
    let text = format!("{}{}", render::calibration::remarks(&calibration), suite_text(&calibration.suite)?);
    pending.finish(text.as_bytes())?;
    screen::show(&calibration, manner, |explain| render::calibration::text(&calibration, out, explain))?;
    Ok(calibration.holds().into())
}
