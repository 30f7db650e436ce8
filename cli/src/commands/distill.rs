//! `viewless distill`: a student with functions that are cheap in private learns from a teacher.

use super::Outcome;
use super::train::Common;
use crate::error::CliError;
use crate::screen::Manner;
use clap::Args;
use std::path::PathBuf;

/// Who teaches, what decides the run, and where it lies.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The teacher: a BERT directory with a classifier or a regressor, as `train` makes them
    #[arg(long, value_name = "DIR")]
    teacher: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// Distils and prints.
///
/// # Errors
/// A recipe, a teacher or rows that cannot be used; a loss that is no number; a folder that cannot be written.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let recipe = arguments.common.recipe(None)?;
    arguments.common.go(manner, "distilling", |out, resume, observe| {
        viewless_training::distill(&arguments.teacher, &recipe, out, resume, observe)
    })
}
