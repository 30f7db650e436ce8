//! `viewless plan`: the fastest plan, and why nothing in the space beats it.

pub mod amp;

use super::Outcome;
use crate::error::CliError;
use clap::{Args, Subcommand};

/// What to plan.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

/// What is planned.
#[derive(Debug, Subcommand)]
enum What {
    /// Training on an uneven cluster: the experiments of AMP (arXiv 2210.07297)
    Amp(amp::Arguments),
}

/// Plans and prints.
///
/// # Errors
/// What cannot be planned.
pub fn run(arguments: &Arguments, json: bool) -> Result<Outcome, CliError> {
    match &arguments.what {
        What::Amp(arguments) => amp::run(arguments, json),
    }
}
