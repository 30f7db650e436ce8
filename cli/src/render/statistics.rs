//! Statistics of views, in words and a table.

use super::table::TextTable;
use super::{proof, units, words};
use viewless_workbench::proof::ProveReport;
use viewless_workbench::statistics::{CoalitionStatistics, StatisticsReport, Tests};

/// Regions of a battery that are shown; JSON has all.
const MOST_PARTS: usize = 40;

fn p_value(tests: &Tests) -> String {
    match (tests.corrected_p_value, tests.corrected_log10) {
        (Some(p), _) if p >= 0.01 => units::decimals_at_most(p, 2),
        (_, Some(log10)) => format!("10^{}", units::decimals_at_most(log10, 1)),
        _ => "-".to_owned(),
    }
}

/// What the figures mean.
pub const CONVENTIONS: &str = "least p      smallest p-value times the number of tests (Holm's first step), at most 1\n\
                               no evidence  is no proof of privacy: a smaller leak, or one of another kind, passes\n";

/// Whether runs show anything.
#[must_use]
pub fn sentence(report: &StatisticsReport) -> String {
    let shown = report.coalitions.iter().filter(|coalition| coalition.verdict == "evidence");
    let shown: Vec<String> = shown.map(|coalition| coalition.parties.join("+")).collect();
    if shown.is_empty() {
        return "Runs show no evidence of leakage, which is no proof.".to_owned();
    }
    format!("Runs show EVIDENCE OF LEAKAGE to {}.", words::list(&shown))
}

/// The page of a proof with statistics beside it.
#[must_use]
pub fn beside(proof: &ProveReport, report: &StatisticsReport, explain: bool) -> String {
    let first = format!("{} {}", proof::sentence(proof), sentence(report));
    let legend = words::legend(explain, &format!("{}{CONVENTIONS}", proof::CONVENTIONS));
    format!("{}\n{}\n{}{legend}", words::first(&first), proof::body(proof), body(report))
}

/// The findings, without a first sentence and a legend.
#[must_use]
pub fn body(report: &StatisticsReport) -> String {
    let StatisticsReport { subject, suite, seq, batch, seed, runs, false_alarm_rate, count_bytes, seconds, .. } =
        report;
    let mut text = format!(
        "{subject}, suite {suite}, seq {seq}, batch {batch}: seed {seed}, {runs} runs with each of 5 choices of secrets,\n\
         {runs} pairs of runs with each contrast; any false alarm below {}; {count_bytes} bytes of counts; \
         {seconds:.1} s\n\n",
        units::at_most(*false_alarm_rate, 0)
    );
    let mut table =
        TextTable::of_numbers(&["coalition", "messages", "tests", "least p", "classifiers", "least p", "verdict"]);
    for coalition in &report.coalitions {
        table.row([
            coalition.parties.join(","),
            coalition.messages.to_string(),
            coalition.battery.tests.to_string(),
            p_value(&coalition.battery),
            coalition.learner.tests.to_string(),
            p_value(&coalition.learner),
            coalition.verdict.to_owned(),
        ]);
    }
    text += &table.lines();
    text.push('\n');
    for coalition in &report.coalitions {
        text += &details(coalition);
    }
    text
}

fn details(coalition: &CoalitionStatistics) -> String {
    let name = coalition.parties.join(",");
    if coalition.battery.tests + coalition.learner.tests == 0 {
        return format!("{name}: is sent nothing that can be tested\n");
    }
    let mut text = String::new();
    for smallest in [&coalition.battery.smallest, &coalition.learner.smallest].into_iter().flatten() {
        text += &format!("{name}: least p, of the test whether {smallest}\n");
    }
    let size = |what: &str, size: f64, most: f64| match size < most {
        true => format!("a {what} of {}", units::decimals_at_most(size, 3)),
        false => format!("no {what}"),
    };
    text += &format!(
        "{name}: found with 99 %: {}, {}, {}",
        size("bias of a bit", coalition.found_bit_bias, 0.5),
        size("correlation", coalition.found_correlation, 1.0),
        coalition.found_accuracy.map_or_else(
            || "nothing by classifiers".to_owned(),
            |accuracy| format!("a classifier right in {} of the pairs", units::decimals_at_most(accuracy, 3))
        )
    );
    let (run, used) = coalition.pairs;
    if used < run {
        text += &format!("; {used} of {run} pairs have equal outputs and can be judged");
    }
    if coalition.excluded > 0 {
        let (messages, are) =
            (words::count(coalition.excluded, "message"), if coalition.excluded == 1 { "is" } else { "are" });
        text += &format!("; {messages} that outputs determine {are} left out of the tests");
    }
    text.push('\n');
    if coalition.parts.len() > 3 {
        let mut table = TextTable::of_numbers(&["  region", "messages", "tests", "least p"]);
        for part in coalition.parts.iter().take(MOST_PARTS) {
            let (messages, tests) = (part.messages.to_string(), part.tests.to_string());
            table.row([format!("  {}", part.region), messages, tests, units::at_most(part.corrected_p_value, 1)]);
        }
        text += &table.lines();
    }
    text
}
