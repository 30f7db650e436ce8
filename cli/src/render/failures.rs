//! How often inferences fail outright, in words and tables.

use super::table::TextTable;
use super::{units, words};
use viewless_workbench::card::name_of;
use viewless_workbench::failures::{Failures, FailuresReport, SuiteFailures};

/// What the figures mean.
const CONVENTIONS: &str = "a local truncation of x wraps with probability |x| / 2^64, x with all its fraction bits (a product of size v with 16: v 2^-32);\n\
     then that element is off by a large power of two. Rounds: as soon as possible; online, setup, offline: all links.\n";

/// Which suites fail too often.
#[must_use]
pub fn sentence(report: &FailuresReport) -> String {
    let limit = units::probability(report.limit);
    let unsafe_ones: Vec<&str> =
        report.suites.iter().filter(|suite| !suite.safe).map(|suite| suite.suite.as_str()).collect();
    match (unsafe_ones.as_slice(), report.suites.len()) {
        ([], 1) => format!(
            "{} is safe: it fails by a wrap with a probability of at most {limit} in an inference of {}.",
            report.suites[0].suite, report.model
        ),
        ([], all) => {
            format!("All {all} suites keep failures by a wrap below {limit} in an inference of {}.", report.model)
        }
        (failing, all) => format!(
            "{} of {} fail by a wrap more often than {limit} in an inference of {}: {}. Exact truncation never does.",
            failing.len(),
            words::count(all, "suite"),
            report.model,
            words::list(failing)
        ),
    }
}

/// The readable page.
#[must_use]
pub fn text(report: &FailuresReport, explain: bool) -> String {
    let numbers = match (&report.text, report.assumed_magnitude) {
        (Some(text), _) => format!("by the true numbers of a run on: {text}"),
        (None, magnitude) => {
            let size = magnitude.unwrap_or_default();
            format!(
                "every truncated number taken as {size} in size, but outputs of a softmax, which add up to 1 in a row, as their share"
            )
        }
    };
    let mut page = words::first(&sentence(report));
    page += &format!("\n{}, {}; {numbers}\n", report.model, report.length);
    for suite in &report.suites {
        page += &of_suite(suite, report.limit);
    }
    page + &words::legend(explain, CONVENTIONS)
}

fn of_suite(found: &SuiteFailures, limit: f64) -> String {
    let mut functions =
        TextTable::of_numbers(&["with truncation local", "truncated", "expected corrupted", "corrupted"]);
    let corrupted = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
    for function in &found.local.functions {
        functions.row([
            function.function.clone(),
            function.truncated.to_string(),
            units::scientific(function.expected_corrupted, 3),
            corrupted(function.corrupted),
        ]);
    }
    let mut choices = TextTable::of_numbers(&[
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
            units::scientific(*expected_corrupted, 3),
            units::probability(*probability),
            price.rounds_online.to_string(),
            units::bytes(price.bytes_online),
            units::bytes(price.bytes_setup),
            units::bytes(price.bytes_offline),
        ]);
    }
    let verdict = if found.safe { "safe" } else { "NOT SAFE" };
    let own = name_of(&found.truncation);
    format!(
        "\nsuite {}, truncation {own}: {verdict}; any failure in one inference {}, limit {}\n\n{}\n{}",
        found.suite,
        units::probability(found.probability),
        units::probability(limit),
        functions.lines(),
        choices.lines()
    )
}
