//! How often inferences fail outright, in words and tables.

use super::table::TextTable;
use super::units;
use viewless_workbench::card::name_of;
use viewless_workbench::failures::{Failures, FailuresReport, SuiteFailures};

/// The readable page.
#[must_use]
pub fn text(report: &FailuresReport) -> String {
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
    let mut functions =
        TextTable::of_numbers(&["with truncation local", "truncated", "expected corrupted", "corrupted"]);
    let corrupted = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
    for function in &found.local.functions {
        functions.row([
            function.function.clone(),
            function.truncated.to_string(),
            format!("{:.3e}", function.expected_corrupted),
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
            if *expected_corrupted == 0.0 { "0".to_owned() } else { format!("{expected_corrupted:.3e}") },
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
