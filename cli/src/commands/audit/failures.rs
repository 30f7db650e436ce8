//! How often an inference of a model fails outright, under each suite.

use super::Arguments;
use super::sites::loaded;
use crate::arguments::{self, Sizes};
use crate::commands::Verdict;
use crate::error::CliError;
use crate::failures::{Failures, FailuresReport, Numbers, SuiteFailures, failures};
use crate::subject::Subject;
use crate::table::Table;
use crate::{bill, screen, units};
use viewless_protocols::suite::Suite;
use viewless_simulator::stream::Seed;

/// Tokens of a sequence where nothing is said.
const TOKENS: usize = 128;

/// Counts, or runs, and prints. The verdict is negative when a suite with its own truncation fails more often than the limit.
///
/// # Errors
/// Sizes, suites or texts that cannot be used.
pub(super) fn run(subject: &Subject, arguments: &Arguments, json: bool) -> Result<Verdict, CliError> {
    let suites = match &arguments.suite {
        Some(suite) => vec![suite.clone()],
        None => Suite::names().map(arguments::suite).collect::<Result<_, _>>()?,
    };
    let limit = arguments.failure_limit;
    let (seq, found) = match &arguments.text {
        None => {
            let sizes = Sizes { seq: arguments.seq.map_or(TOKENS, |seq| seq as usize), batch: 1 };
            (sizes.seq, failures(&suites, &Numbers::Assumed, limit, &|suite| subject.program(suite, sizes))?)
        }
        Some(text) => {
            let model = loaded(&subject.name)?;
            let tokens = model.encode(text)?;
            let sizes = Sizes { seq: tokens.len(), batch: 1 };
            let seed = Seed::from_u64(arguments.seed);
            let numbers = Numbers::Run { model: &model, tokens: &tokens, seed };
            (sizes.seq, failures(&suites, &numbers, limit, &|suite| subject.program(suite, sizes))?)
        }
    };
    let safe = found.iter().all(|suite| suite.safe);
    let report = FailuresReport {
        model: subject.name.clone(),
        seq,
        assumed_magnitude: arguments.text.is_none().then_some(bill::ASSUMED_MAGNITUDE),
        text: arguments.text.clone(),
        limit,
        suites: found,
    };
    if json {
        screen::print_json(&report)?;
    } else {
        screen::print(page(&report))?;
    }
    Ok(if safe { Verdict::Positive } else { Verdict::Negative })
}

fn page(report: &FailuresReport) -> String {
    let numbers = match (&report.text, report.assumed_magnitude) {
        (Some(text), _) => format!("by the true numbers of a run on: {text}"),
        (None, magnitude) => format!("every truncated number taken as {} in size", magnitude.unwrap_or_default()),
    };
    let mut page = format!("{}, {} tokens; {numbers}\n", report.model, report.seq);
    for suite in &report.suites {
        page += &of_suite(suite, report.limit);
    }
    page += "\na local truncation of x wraps with probability |x| / 2^64, x with all its fraction bits (a product of size v with 16: v 2^-32);\n\
             then that element is off by a large power of two. Rounds: as soon as possible; online, setup, offline: all links.\n";
    page
}

fn of_suite(found: &SuiteFailures, limit: f64) -> String {
    let mut functions = Table::of_numbers(&["with truncation local", "truncated", "expected corrupted", "corrupted"]);
    let corrupted = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
    for function in &found.local.functions {
        functions.row([
            function.function.clone(),
            function.truncated.to_string(),
            format!("{:.3e}", function.expected_corrupted),
            corrupted(function.corrupted),
        ]);
    }
    let mut choices = Table::of_numbers(&[
        "truncation",
        "expected corrupted",
        "any in an inference",
        "rounds",
        "online",
        "setup",
        "offline",
    ]);
    for Failures { expected_corrupted, probability, price, .. } in [&found.local, &found.exact] {
        choices.row([
            price.choice.clone(),
            if *expected_corrupted == 0.0 { "0".to_owned() } else { format!("{expected_corrupted:.3e}") },
            units::probability(*probability),
            price.rounds_online.to_string(),
            units::bytes(price.bytes_online),
            units::bytes(price.bytes_setup),
            units::bytes(price.bytes_offline),
        ]);
    }
    let verdict = if found.safe { "safe" } else { "NOT SAFE" };
    let own = crate::card::name_of(&found.truncation);
    format!(
        "\nsuite {}, truncation {own}: {verdict}; any failure in one inference {}, limit {}\n\n{}\n{}",
        found.suite,
        units::probability(found.probability),
        units::probability(limit),
        functions.lines(),
        choices.lines()
    )
}
