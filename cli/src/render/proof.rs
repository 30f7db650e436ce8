//! Verdicts about coalitions, in words and a table.

use super::table::TextTable;
use super::words;
use viewless_proofs::privacy::Offending;
use viewless_workbench::certificate::{CheckReport, Checked};
use viewless_workbench::proof::ProveReport;

/// Offending messages that are shown; JSON has all.
const MOST_SHOWN: usize = 5;

/// What the figures mean.
pub const CONVENTIONS: &str = "proved    the messages can be made from the coalition's inputs and outputs alone; semi-honest, static\n\
                               distance  statistical distance of what is so made from the real view; 0 is equality\n";

/// Who learns something.
#[must_use]
pub fn sentence(report: &ProveReport) -> String {
    let of = |verdict: &str| -> Vec<String> {
        let coalitions = report.coalitions.iter().filter(|coalition| coalition.verdict == verdict);
        coalitions.map(|coalition| coalition.parties.join("+")).collect()
    };
    let (proved, refuted, undecided) = (of("proved"), of("refuted"), of("undecided"));
    let name = &report.subject;
    match (refuted.is_empty(), undecided.is_empty()) {
        (true, true) => {
            format!("{name} is private: {} learn nothing but inputs and outputs of their own.", words::list(&proved))
        }
        (false, _) => format!("{name} is not private: {} can tell secrets apart.", words::list(&refuted)),
        (true, false) => {
            format!("Whether {name} is private is not known: no proof against {} was found.", words::list(&undecided))
        }
    }
}

/// The readable page.
#[must_use]
pub fn text(report: &ProveReport, explain: bool) -> String {
    format!("{}\n{}{}", words::first(&sentence(report)), body(report), words::legend(explain, CONVENTIONS))
}

/// The page without its first sentence and its legend.
#[must_use]
pub fn body(report: &ProveReport) -> String {
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
    if !report.not_promised.is_empty() {
        let pairs: Vec<String> = report.not_promised.iter().map(|parties| parties.join("+")).collect();
        text += &format!("nothing is promised of {}\n", pairs.join(", "));
    }
    text
}

/// What became of stored proofs, a line for each.
#[must_use]
pub fn checked(report: &CheckReport) -> String {
    let refused = report.certificates.iter().filter(|certificate| !certificate.valid).count();
    let all = report.certificates.len();
    let sentence = match refused {
        0 => format!(
            "The stored proofs about {} hold: {} checked, none refused.",
            report.subject,
            words::count(all, "certificate")
        ),
        refused => format!("{refused} of {} about {} are refused.", words::count(all, "stored proof"), report.subject),
    };
    let CheckReport { subject, suite, seq, batch, digest, .. } = report;
    let mut text = words::first(&sentence);
    text += &format!("\n{subject}, suite {suite}, seq {seq}, batch {batch}: digest {}\n", &digest[..16]);
    for Checked { parties, steps, why, .. } in &report.certificates {
        let verdict = why.as_ref().map_or_else(|| "the proof holds".to_owned(), |why| format!("refused: {why}"));
        text += &format!("{}: {steps} steps, {verdict}\n", parties.join(","));
    }
    text
}
