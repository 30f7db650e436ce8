//! `viewless plan`: the fastest plan, and why nothing in the space beats it.

mod amp;
mod measure;
mod private;

use super::Outcome;
use crate::error::CliError;
use crate::screen::Manner;
use clap::{Args, Subcommand};

/// What to plan.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    private: private::Arguments,
}

/// What is planned, if it is not a private model.
#[derive(Debug, Subcommand)]
enum What {
    /// Training on an uneven cluster: the experiments of AMP (arXiv 2210.07297)
    Amp(amp::Arguments),
    /// How long this machine computes, by running layers of a model
    Measure(measure::Arguments),
}

/// Plans and prints.
///
/// # Errors
/// What cannot be planned.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    match &arguments.what {
        Some(What::Amp(arguments)) => amp::run(arguments, manner),
        Some(What::Measure(arguments)) => measure::run(arguments, manner),
        None => private::run(&arguments.private, manner),
    }
}
