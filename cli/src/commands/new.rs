//! `viewless new`: a first protocol file to change.

use super::Outcome;
use crate::arguments;
use crate::error::CliError;
use crate::file::Pending;
use crate::render::{units, words};
use crate::screen::{self, Manner};
use clap::Args;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use viewless_protocols::suite::Suite;
use viewless_workbench::draft::{Draft, Request};
use viewless_workbench::named::DEFAULT_SUITE;

/// What to write.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The protocol's name: gelu, tanh, exp, reciprocal or rsqrt, a slash, and a name of your own
    #[arg(value_name = "FUNCTION/VARIANT")]
    name: String,
    /// A polynomial by pieces, with the coefficients of least largest error (there is no other kind yet)
    #[arg(long)]
    poly: bool,
    /// Degree of the polynomial
    #[arg(long, value_name = "D", default_value_t = 6)]
    degree: usize,
    /// Pieces of equal length
    #[arg(long, value_name = "N", default_value_t = 1)]
    pieces: usize,
    /// Where the polynomial is taken [default: -4:4 for gelu and tanh, -8:0 for exp, 1:8 for reciprocal and rsqrt]
    #[arg(long, value_name = "LO:HI", value_parser = arguments::interval, allow_hyphen_values = true)]
    interval: Option<(f64, f64)>,
    /// The file [default: the variant with .protocol behind it]
    #[arg(long, value_name = "FILE.protocol")]
    output: Option<PathBuf>,
    /// A built-in suite, or a .toml file: the scheme and fixed point at which the claim is checked
    #[arg(long, value_name = "SUITE|FILE", default_value = DEFAULT_SUITE, value_parser = arguments::suite)]
    suite: Suite,
}

/// The file with what is known of it.
#[derive(Serialize)]
struct Written<'a> {
    /// The file that was written.
    file: String,
    /// The suite at whose fixed point and truncation the claim was checked.
    suite: &'a str,
    /// Degree of the polynomial.
    degree: usize,
    /// Pieces of equal length.
    pieces: usize,
    #[serde(flatten)]
    draft: &'a Draft,
}

/// Fits, certifies and writes; a file that is there stays as it is.
///
/// # Errors
/// A name, degree or interval that cannot be met; a file that is there already, or cannot be written.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let Arguments { name, degree, pieces, interval, output, suite, poly: _ } = arguments;
    let variant = name.split_once('/').map_or(name.as_str(), |(_, variant)| variant);
    let path = output.clone().unwrap_or_else(|| PathBuf::from(format!("{variant}.protocol")));
    if path.extension().is_none_or(|found| found != "protocol") {
        return Err(CliError::NotAProtocolFile { path });
    }
    if path.exists() {
        return Err(CliError::FileExists { path });
    }
    let mut pending = Pending::create(&path)?;
    let request = Request { name: name.clone(), degree: *degree, pieces: *pieces, interval: *interval };
    let draft = Draft::new(&request, suite, arguments::registry())?;
    let written = pending.write_all(draft.text.as_bytes());
    written.map_err(|source| CliError::WriteFile { path: path.clone(), source })?;
    pending.commit_new()?;
    let file = path.display().to_string();
    let (low, high) = draft.interval;
    let sentence = format!(
        "{name} is in {file}; over the reals it errs by at most {} on [{low}, {high}], and no run that does not wrap by more than {}.",
        units::at_most(draft.error, 1),
        units::at_most(draft.certified_max_error, 1)
    );
    let next =
        format!("viewless assay {file}\nviewless compare {} --with {file}\n", name.split('/').next().unwrap_or(name));
    let written = Written { file, suite: &suite.name, degree: *degree, pieces: *pieces, draft: &draft };
    screen::show(&written, manner, |_| format!("{}\n{}\nNext:\n{next}", words::first(&sentence), draft.text))?;
    Ok(Outcome::Positive)
}
