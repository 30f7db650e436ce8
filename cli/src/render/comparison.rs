//! Suites side by side, as tables for text, Markdown and the [`page`](super::comparison_page).

use super::bill;
use super::table::{TextTable, hanging};
use super::{units, words};
use std::collections::BTreeSet;
use viewless_simulator::network::Network;
use viewless_workbench::comparison::{FunctionEntry, SuiteComparison, SuiteEntry};

/// One line for each system that was published, each by its own convention.
fn published(comparison: &SuiteComparison) -> Option<TextTable> {
    if comparison.published.is_empty() {
        return None;
    }
    let mut table = TextTable::of_text(&["published", "setting", "rounds", "online", "offline", "which counts"]);
    for record in &comparison.published {
        let volume = |number: f64| format!("{number} {}", record.unit);
        table.row([
            record.system.clone(),
            record.setting.clone(),
            record.rounds.map_or_else(String::new, |rounds| rounds.to_string()),
            volume(record.online),
            record.offline.map_or_else(String::new, volume),
            record.convention.clone(),
        ]);
    }
    Some(table)
}

/// What stands above every form of it.
#[must_use]
pub fn heading(comparison: &SuiteComparison) -> String {
    format!("{}, {}", comparison.model, comparison.length)
}

/// One line for each suite.
#[must_use]
pub fn summary(comparison: &SuiteComparison) -> TextTable {
    let mut header = vec!["suite", "rounds", "online", "party", "setup", "offline", "P0 <-> P1"];
    header.extend(comparison.networks.iter().map(Network::name));
    header.extend(["any wrap", "wraps", "private", "not right"]);
    let mut table = TextTable::of_numbers(&header);
    for entry in &comparison.suites {
        let price = &entry.price;
        let mut cells = vec![price.choice.clone(), price.rounds_online.to_string()];
        cells.extend(
            [
                price.bytes_online,
                entry.bytes_sent_and_received_online,
                price.bytes_setup,
                price.bytes_offline,
                price.bytes_between_computing_parties,
            ]
            .map(units::bytes),
        );
        let seconds = |network: &Network| units::seconds(price.predicted_seconds[network.name()]);
        cells.extend(comparison.networks.iter().map(seconds));
        cells.push(units::probability(price.failure_probability));
        cells.push(units::expected(entry.expected_wraps));
        cells.push(entry.privacy.to_string());
        cells.push(entry.not_right().join(", "));
        table.row(cells);
    }
    table
}

/// One line for each function of each suite, and for each site where a suite has one of its own.
#[must_use]
pub fn functions(comparison: &SuiteComparison) -> TextTable {
    functions_of(&comparison.suites)
}

/// One line for each function of these suites.
#[must_use]
pub fn functions_of(suites: &[SuiteEntry]) -> TextTable {
    let mut table = TextTable::of_text(&["suite", "function or site", "protocol", "worst error", "on"]);
    for entry in suites {
        for function in &entry.functions {
            let mark = if function.not_right.is_some() { " *" } else { "" };
            table.row([
                entry.price.choice.clone(),
                function.place().to_owned(),
                format!("{}{mark}", function.protocol),
                error(function),
                function.domain.clone(),
            ]);
        }
    }
    table
}

/// Why protocols are not what a model has in their place, each once.
fn not_right(comparison: &SuiteComparison) -> Vec<(&str, &str)> {
    let functions = comparison.suites.iter().flat_map(|entry| &entry.functions);
    let all = functions.filter_map(|function| Some((function.protocol.as_str(), function.not_right.as_deref()?)));
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What the figures mean, line by line.
#[must_use]
pub fn conventions(comparison: &SuiteComparison) -> String {
    bill::conventions_of_suites(comparison.schedule, &comparison.networks)
        + "wraps    expected number of wrapped elements in one inference, under the same assumption\n\
               party    online bytes that the busiest computing party sends and receives\n\
               private  proofs that the view of every single party can be simulated\n\
               not right  functions that a suite computes otherwise, or not on the arguments that models have (*, with the reason)\n\
               error    of any run that does not wrap, on any input of the domain, against what the card says is computed\n"
}

/// Which suites serve the model as it is, and which of them is fastest.
#[must_use]
pub fn sentence(comparison: &SuiteComparison) -> String {
    let usable = || comparison.suites.iter().filter(|entry| entry.not_right().is_empty() && entry.privacy.is_proved());
    let fastest = |network: &Network| {
        let seconds = |entry: &SuiteEntry| entry.price.predicted_seconds[network.name()];
        let best = usable().min_by(|a, b| seconds(a).total_cmp(&seconds(b)))?;
        Some(format!("on {} {} with {}", network.name(), best.price.choice, units::seconds(seconds(best))))
    };
    let fastest: Vec<String> = comparison.networks.iter().filter_map(fastest).collect();
    let all = words::count(comparison.suites.len(), "suite");
    match usable().count() {
        0 => format!("None of {all} computes the functions that {} has, privately.", comparison.model),
        1 => format!(
            "1 of {all} computes the functions that {} has, privately: {}.",
            comparison.model,
            words::list(&fastest)
        ),
        usable => format!(
            "{usable} of {all} compute the functions that {} has, privately; fastest are {}.",
            comparison.model,
            words::list(&fastest)
        ),
    }
}

/// As text.
#[must_use]
pub fn text(comparison: &SuiteComparison, explain: bool) -> String {
    let (summary, functions) = (summary(comparison).lines(), functions(comparison).lines());
    let reasons: String =
        not_right(comparison).iter().map(|(name, why)| hanging(&format!("* {name}: "), why)).collect();
    let legend = words::legend(explain, &conventions(comparison));
    let sources: String =
        comparison.published.iter().map(|record| hanging(&format!("{}: ", record.system), &record.source)).collect();
    let others = published(comparison).map_or_else(String::new, |table| format!("{}{sources}\n", table.lines()));
    format!(
        "{}\n{}\n\n{summary}\n{others}{functions}\n{reasons}{legend}",
        words::first(&sentence(comparison)),
        heading(comparison)
    )
}

/// As Markdown.
#[must_use]
pub fn markdown(comparison: &SuiteComparison) -> String {
    let (summary, functions) = (summary(comparison).markdown(), functions(comparison).markdown());
    let reasons: String = not_right(comparison).iter().map(|(name, why)| format!("- \\* {name}: {why}\n")).collect();
    let sources: String =
        comparison.published.iter().map(|record| format!("- {}: {}\n", record.system, record.source)).collect();
    let others = published(comparison).map_or_else(String::new, |table| format!("{}\n{sources}\n", table.markdown()));
    format!(
        "# {}\n\n{summary}\n{others}{functions}\n{reasons}\n```text\n{}```\n",
        heading(comparison),
        conventions(comparison)
    )
}

/// A protocol's worst error.
#[must_use]
pub fn error(function: &FunctionEntry) -> String {
    function.certified_max_error.map_or_else(|| "no bound".to_owned(), |error| units::at_most(error, 1))
}
