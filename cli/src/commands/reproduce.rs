//! `viewless reproduce`: a printed table, each cell beside what the counted Program gives.

use super::Outcome;
use crate::error::CliError;
use crate::screen::Manner;
use crate::{render, screen};
use clap::Args;
use viewless_published::{names, reproduce, table};

/// What to reproduce.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A published table
    #[arg(value_name = "TABLE", help = format!("One of {}", names().collect::<Vec<_>>().join(", ")))]
    table: String,
}

/// Counts every cell and prints them.
///
/// # Errors
/// No such table.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let reproduction = reproduce(&table(&arguments.table)?)?;
    screen::show(&reproduction, manner, |_| render::published::text(&reproduction))?;
    Ok(Outcome::Positive)
}
