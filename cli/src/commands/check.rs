//! `viewless check`: verifies stored proofs again, with a checker that shares no code with the prover.

use super::Outcome;
use crate::error::CliError;
use crate::screen::Manner;
use crate::{file, render, screen};
use clap::Args;
use std::path::PathBuf;
use viewless_workbench::certificate::CertificateFile;

/// What to check.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A file of `viewless prove --certificate`
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Builds the Program again from what the file names, and checks every certificate against it.
///
/// # Errors
/// A file that cannot be read or is no file of certificates, or a subject that cannot be built.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let path = &arguments.file;
    let in_file = |error| CliError::Certificate { path: path.clone(), error };
    let stored = CertificateFile::parse(&file::read(path)?).map_err(in_file)?;
    let report = stored.check().map_err(in_file)?;
    screen::show(&report, manner, |_| render::proof::checked(&report))?;
    Ok(report.is_valid().into())
}
