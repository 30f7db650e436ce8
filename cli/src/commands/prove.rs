//! `viewless prove`: is every view empty? Proved, refuted with a witness, or undecided; never a bare boolean.

use super::Outcome;
use crate::arguments::{self, SizeArguments};
use crate::error::CliError;
use crate::progress::Progress;
use crate::{file, render, screen};
use clap::Args;
use std::path::PathBuf;
use viewless_protocols::suite::Suite;
use viewless_workbench::Subject;
use viewless_workbench::named::DEFAULT_SUITE;
use viewless_workbench::proof::{Asked, Proof};

/// What to prove.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A known model, a model directory, or a protocol
    #[arg(value_name = "MODEL|DIR|PROTOCOL")]
    subject: String,
    /// A built-in suite, or a .toml file
    #[arg(long, value_name = "SUITE|FILE", default_value = DEFAULT_SUITE, value_parser = arguments::suite)]
    suite: Suite,
    /// Parties that pool what they see, for instance P0,dealer; repeat for more. Without it: every coalition that the scheme
    /// promises, which is every single party. `all`: every set of parties
    #[arg(long, value_name = "PARTY,…")]
    coalition: Vec<String>,
    /// Queries after one setup, which share the weights and their masks
    #[arg(long, value_name = "N", default_value_t = 1)]
    queries: usize,
    /// Where to write the proofs, for `viewless check`
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    sizes: SizeArguments,
}

/// Proves and prints.
///
/// # Errors
/// A subject, suite or coalition that cannot be used, or a certificate that cannot be written.
pub fn run(arguments: &Arguments, json: bool) -> Result<Outcome, CliError> {
    let Arguments { subject, suite, coalition, queries, certificate, sizes } = arguments;
    let subject = Subject::find(subject)?;
    let progress = Progress::start("proving");
    let asked = match &coalition[..] {
        [] => Asked::Promised,
        [all] if all == "all" => Asked::All,
        named => Asked::Named(named.to_vec()),
    };
    let proof = Proof::new(&subject, suite, sizes.checked(), *queries, &asked, &|done, of| progress.tell(done, of))?;
    drop(progress);
    if let Some(path) = certificate {
        file::write(path, &serde_json::to_vec(&proof.certificates)?)?;
    }
    if json {
        screen::print_json(&proof.report)?;
    } else {
        screen::print(render::proof::text(&proof.report))?;
    }
    Ok(proof.report.is_proved().into())
}
