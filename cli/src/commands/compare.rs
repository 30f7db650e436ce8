//! `viewless compare`: suites side by side.

use super::Outcome;
use crate::arguments::{self, Schedule, SizeArguments};
use crate::error::CliError;
use crate::file::Pending;
use crate::render::{comparison as words, comparison_page as page};
use crate::screen::{self, Manner};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use viewless_protocols::suite::Suite;
use viewless_workbench::Subject;
use viewless_workbench::comparison::SuiteComparison;

/// What to compare.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A known model, a model directory, or a protocol
    #[arg(value_name = "MODEL|DIR|PROTOCOL")]
    subject: String,
    /// Built-in suites or .toml files, separated by commas [default: all built-in suites]
    #[arg(long, value_name = "SUITE|FILE,...", value_delimiter = ',', value_parser = arguments::suite)]
    suites: Vec<Suite>,
    #[command(flatten)]
    sizes: SizeArguments,
    /// Which messages share a round
    #[arg(long, value_enum, default_value_t = Schedule::Asap)]
    schedule: Schedule,
    /// Print Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Write a page with charts, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Compares and prints.
///
/// # Errors
/// A subject, suite or sizes that cannot be counted, or a page that cannot be written.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let Arguments { subject, suites, sizes, schedule, markdown, html } = arguments;
    let subject = Subject::find(subject)?;
    let suites =
        if suites.is_empty() { Suite::names().map(Suite::built_in).collect::<Result<_, _>>()? } else { suites.clone() };
    // A page that cannot be written is known before anything is counted.
    let file = html.as_deref().map(Pending::create).transpose()?;
    let comparison = SuiteComparison::new(&subject, suites, sizes.checked(), (*schedule).into())?;
    if let (Some(mut file), Some(path)) = (file, html) {
        let write = file.write_all(page::page(&comparison).as_bytes());
        write.map_err(|source| CliError::WriteFile { path: path.clone(), source })?;
        file.commit()?;
    }
    match (manner.json, markdown) {
        (true, _) => screen::print_json(&comparison)?,
        (false, true) => screen::print(words::markdown(&comparison))?,
        (false, false) => screen::print(words::text(&comparison, manner.explain))?,
    }
    Ok(Outcome::Positive)
}
