//! How often an inference of a model fails outright, under each suite.

use super::Arguments;
use crate::arguments;
use crate::commands::{Outcome, fetch};
use crate::error::CliError;
use crate::screen::Manner;
use crate::{render, screen};
use viewless_protocols::suite::Suite;
use viewless_simulator::stream::Seed;
use viewless_workbench::failures::{FailuresReport, Run};
use viewless_workbench::{Sizes, Subject};

/// Tokens of a sequence where nothing is said.
const TOKENS: usize = 128;

/// Counts, or runs, and prints. The verdict is negative when a suite with its own truncation fails more often than the limit.
///
/// # Errors
/// Sizes, suites or texts that cannot be used.
pub(super) fn run(subject: &Subject, arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let suites = match &arguments.suite {
        Some(suite) => vec![suite.clone()],
        None => Suite::names().map(arguments::suite).collect::<Result<Vec<_>, _>>()?,
    };
    let suites = suites.into_iter().map(|suite| arguments.fixed.of(suite)).collect::<Result<Vec<_>, _>>()?;
    let limit = arguments.failure_limit;
    let report = match &arguments.text {
        None => {
            let sizes = Sizes::new(arguments.seq.map_or(TOKENS, |seq| seq as usize), 1)?;
            FailuresReport::assumed(subject, &suites, sizes, limit)?
        }
        Some(text) => {
            let model = fetch::loaded(&subject.name, None)?;
            let seed = Seed::from_u64(arguments.seed);
            FailuresReport::of_run(subject, &suites, &Run { model: &model, text, seed }, limit)?
        }
    };
    screen::show(&report, manner, |explain| render::failures::text(&report, explain))?;
    Ok(report.is_safe().into())
}
