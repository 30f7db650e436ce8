//! `viewless check`: verifies stored proofs again, with a checker that shares no code with the prover.

use super::Outcome;
use crate::arguments::{self, SizeArguments};
use crate::error::CliError;
use crate::screen::Manner;
use crate::{file, render, screen};
use clap::Args;
use std::path::PathBuf;
use viewless_protocols::suite::Suite;
use viewless_workbench::Subject;
use viewless_workbench::certificate::{CertificateFile, Statement};
use viewless_workbench::named::DEFAULT_SUITE;

/// What to check.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A file of `viewless prove --certificate`
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the proofs must be about: a known model, a model directory, or a protocol. Without it the file says so itself, and the
    /// report says that it does
    #[arg(long, value_name = "MODEL|DIR|PROTOCOL")]
    subject: Option<String>,
    /// With --subject: a built-in suite, or a .toml file
    #[arg(long, value_name = "SUITE|FILE", default_value = DEFAULT_SUITE, value_parser = arguments::suite, requires = "subject")]
    suite: Suite,
    /// With --subject: queries after one setup
    #[arg(long, value_name = "N", default_value_t = 1, requires = "subject")]
    queries: usize,
    /// Largest statistical distance that counts as proved; the default is 2^-40
    #[arg(long, value_name = "DISTANCE", default_value_t = DEFAULT_DISTANCE, value_parser = distance)]
    largest_distance: f64,
    #[command(flatten)]
    sizes: SizeArguments,
}

/// 2^-40, the customary statistical security.
const DEFAULT_DISTANCE: f64 = 1.0 / (1u64 << 40) as f64;

fn distance(text: &str) -> Result<f64, String> {
    let distance = text.parse().ok().filter(|distance| (0.0..1.0).contains(distance));
    distance.ok_or_else(|| "a statistical distance is a number from 0 to below 1".to_owned())
}

/// Builds the Program again from what the user states, or else from what the file names, and checks every certificate against it.
///
/// # Errors
/// A file that cannot be read or is no file of certificates, or a subject that cannot be built.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let Arguments { file: path, subject, suite, queries, largest_distance, sizes } = arguments;
    let in_file = |error| CliError::Certificate { path: path.clone(), error };
    let stored = CertificateFile::parse(&file::read(path)?).map_err(in_file)?;
    let stated = match subject {
        None => None,
        Some(name) => {
            let sizes = Subject::find(name, arguments::registry())?.sizes(sizes.checked());
            // What the user names is what lies there now, and no stored text.
            Some(Statement {
                subject: name.clone(),
                subject_text: None,
                suite: suite.clone(),
                sizes,
                queries: *queries,
            })
        }
    };
    let report = stored.check(stated.as_ref(), arguments::registry(), *largest_distance).map_err(in_file)?;
    screen::show(&report, manner, |_| render::proof::checked(&report))?;
    Ok(report.is_valid().into())
}
