//! `viewless distill`: a student with functions that are cheap in private learns from a teacher.

use super::train::Common;
use super::{Outcome, fetch};
use crate::error::CliError;
use crate::screen::Manner;
use clap::Args;

/// Who teaches, what decides the run, and where it lies.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The teacher, a BERT with a classifier or a regressor: a directory, as `train` makes them, or a name that `fetch` knows
    #[arg(long, value_name = "DIR|NAME")]
    teacher: String,
    #[command(flatten)]
    common: Common,
}

/// Distils and prints.
///
/// # Errors
/// A recipe, a teacher or rows that cannot be used; a loss that is no number; a folder that cannot be written.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let recipe = arguments.common.recipe(None)?;
    let teacher = fetch::directory(&arguments.teacher, None)?;
    arguments.common.go(manner, "distilling", |out, resume, observe| {
        viewless_training::distill(&teacher, &recipe, out, resume, observe)
    })
}
