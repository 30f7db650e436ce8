//! `viewless assay`: all verdicts about a protocol on one page.

use super::Outcome;
use crate::arguments::{self, SizeArguments};
use crate::error::CliError;
use crate::progress::Progress;
use crate::screen::Manner;
use crate::{render, screen};
use clap::Args;
use viewless_protocols::suite::Suite;
use viewless_workbench::Subject;
use viewless_workbench::assay::Assay;
use viewless_workbench::named::DEFAULT_SUITE;
use viewless_workbench::statistics::Settings;

/// What to assay.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A protocol of the registry, or a .protocol file
    #[arg(value_name = "PROTOCOL|FILE")]
    protocol: String,
    /// A built-in suite, or a .toml file: its scheme and fixed point
    #[arg(long, value_name = "SUITE|FILE", default_value = DEFAULT_SUITE, value_parser = arguments::suite)]
    suite: Suite,
    /// Runs with each choice of secrets, for statistics
    #[arg(long, value_name = "N", default_value_t = Settings::RUNS, value_parser = arguments::runs)]
    runs: u32,
    #[command(flatten)]
    sizes: SizeArguments,
}

/// Prints card, audit, proof, statistics and bill. The verdict is negative when the card's claim is not true, a promised coalition is
/// not proved, or runs show evidence of leakage.
///
/// # Errors
/// A name that is no protocol, or sizes and suites that cannot be used.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let Arguments { protocol, suite, runs, sizes } = arguments;
    let subject = Subject::find_protocol(protocol, arguments::registry())?;
    let progress = Progress::start("running for statistics");
    let told = |done, of| progress.tell(done, of);
    let assay = Assay::new(&subject, suite, sizes.checked(), Settings::with_runs(*runs), &told)?;
    drop(progress);
    screen::show(&assay, manner, |explain| render::assay::text(&assay, suite, explain))?;
    Ok(assay.holds().into())
}
