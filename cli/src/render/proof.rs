//! Verdicts about coalitions, in words and a table.

use super::table::TextTable;
use viewless_proofs::privacy::Offending;
use viewless_workbench::certificate::{CheckReport, Checked};
use viewless_workbench::proof::ProveReport;

/// Offending messages that are shown; JSON has all.
const MOST_SHOWN: usize = 5;

/// The readable page.
#[must_use]
pub fn text(report: &ProveReport) -> String {
    let ProveReport { subject, suite, seq, batch, digest, .. } = report;
    let mut text = format!("{subject}, suite {suite}, seq {seq}, batch {batch}: digest {}\n\n", &digest[..16]);
    let mut table = TextTable::of_numbers(&["coalition", "promised", "verdict", "messages", "distance", "seconds"]);
    for coalition in &report.coalitions {
        table.row([
            coalition.parties.join(","),
            if coalition.promised { "yes" } else { "no" }.to_owned(),
            coalition.verdict.to_owned(),
            coalition.messages.to_string(),
            coalition.statistical_distance.map_or_else(|| "-".to_owned(), |distance| format!("{distance}")),
            format!("{:.3}", coalition.seconds),
        ]);
    }
    text += &table.lines();
    for coalition in &report.coalitions {
        for offending in coalition.offending.iter().take(MOST_SHOWN) {
            let Offending { region, value, why } = offending;
            text += &format!("{}: %{} in `{region}`: {why}\n", coalition.parties.join(","), value.0);
        }
        if coalition.offending.len() > MOST_SHOWN {
            text += &format!("{}: and {} more\n", coalition.parties.join(","), coalition.offending.len() - MOST_SHOWN);
        }
        if let Some(witness) = &coalition.witness {
            text += &format!("{}: {witness}\n", coalition.parties.join(","));
        }
    }
    text += "\nproved    the messages can be made from the coalition's inputs and outputs alone; semi-honest, static\n";
    text += "distance  statistical distance of what is so made from the real view; 0 is equality\n";
    if !report.not_promised.is_empty() {
        let pairs: Vec<String> = report.not_promised.iter().map(|parties| parties.join("+")).collect();
        text += &format!("nothing is promised of {}\n", pairs.join(", "));
    }
    text
}

/// What became of stored proofs, a line for each.
#[must_use]
pub fn checked(report: &CheckReport) -> String {
    let CheckReport { subject, suite, seq, batch, digest, .. } = report;
    let mut text = format!("{subject}, suite {suite}, seq {seq}, batch {batch}: digest {}\n", &digest[..16]);
    for Checked { parties, steps, why, .. } in &report.certificates {
        let verdict = why.as_ref().map_or_else(|| "the proof holds".to_owned(), |why| format!("refused: {why}"));
        text += &format!("{}: {steps} steps, {verdict}\n", parties.join(","));
    }
    text
}
