//! Verdicts about coalitions, in words and a table.

use super::table::TextTable;
use super::{units, words};
use viewless_proofs::privacy::certificate::Simulator;
use viewless_proofs::privacy::{Offending, excess_bits};
use viewless_protocols::plain::plain;
use viewless_workbench::certificate::{CheckReport, Checked, DeclaredOutput};
use viewless_workbench::proof::{CoalitionReport, ProveReport};

/// Offending messages that are shown; JSON has all.
const MOST_SHOWN: usize = 5;

/// What the figures mean.
pub const CONVENTIONS: &str = "\
proved      the messages have a law that inputs, outputs and (see simulator) samples of the coalition determine; semi-honest, static;
            relative to the declared outputs: what these themselves tell is not judged here
refuted     counting found two assignments of the others' inputs that the coalition tells apart
undecided   neither: no rule of the prover applies, and the Program is too large to count; this says nothing of a leak
simulator   jointly: as alone, and view and outputs of all parties together are right, for the functionality that computes outputs as is
            done here, rounding included: the joint statement, the strongest claim
            alone: it is given inputs and outputs, and draws the coalition's samples itself: the standard claim
            samples: it is given the coalition's own samples too: a weaker claim, because outputs may depend on these
            randomness: it is given own samples, and all messages but those that complete an output; these are proved to be randomness that
            nothing secret enters. The weakest claim: outputs may depend on that randomness, and with it tell more than alone
distance    statistical distance of what is so made from the real view; 0 is equality
";

/// Who learns something.
#[must_use]
pub fn sentence(report: &ProveReport) -> String {
    let of = |verdict: &str| -> Vec<String> {
        let counts = |coalition: &&CoalitionReport| report.maximal.is_none() || coalition.promised;
        let coalitions = report.coalitions.iter().filter(counts).filter(|coalition| coalition.verdict == verdict);
        coalitions.map(|coalition| coalition.parties.join("+")).collect()
    };
    let (refuted, undecided) = (of("refuted"), of("undecided"));
    let name = plain(&report.subject);
    match (refuted.is_empty(), undecided.is_empty()) {
        (true, true) if report.unasked.is_empty() => {
            format!("{name} is private: beyond inputs and declared outputs of their own, {}.", told(report))
        }
        (true, true) => {
            let unasked: Vec<String> = report.unasked.iter().map(|parties| parties.join("+")).collect();
            format!(
                "Of {name}, beyond inputs and declared outputs of their own, {}. Nothing was asked, and nothing is said, about {}.",
                told(report),
                words::list(&unasked)
            )
        }
        (false, _) => format!("{name} is not private: {} can tell secrets apart.", words::list(&refuted)),
        (true, false) => {
            format!("Whether {name} is private is not known: no proof against {} was found.", words::list(&undecided))
        }
    }
}

/// What messages tell beyond inputs and outputs, where everything that counts is proved: nothing, in one of the claims, with which one it is.
#[must_use]
pub fn told(report: &ProveReport) -> String {
    let counted = report.coalitions.iter().filter(|coalition| report.maximal.is_none() || coalition.promised);
    let of = |claims: &[Simulator]| -> Vec<String> {
        let counted = counted.clone().filter(|coalition| coalition.simulator.is_some_and(|s| claims.contains(&s)));
        counted.map(|coalition| coalition.parties.join("+")).collect()
    };
    let clauses = [
        (of(&[Simulator::JointlyWithOutputs, Simulator::DrawsOwnSamples]), "nothing to ", ""),
        (
            of(&[Simulator::GivenOwnSamples]),
            "to ",
            " nothing that these and its own samples do not tell together (a weaker claim: its outputs may depend on these samples)",
        ),
        (
            of(&[Simulator::GivenOwnRandomness]),
            "to ",
            " nothing that these, its own samples and the random words that it is sent do not tell together (the weakest claim: its \
             outputs may depend on these samples and words)",
        ),
    ];
    let clauses = clauses.into_iter().filter(|(parties, ..)| !parties.is_empty());
    let clauses: Vec<String> =
        clauses.map(|(parties, before, after)| format!("{before}{}{after}", words::list(&parties))).collect();
    let distances = counted.filter_map(|coalition| coalition.statistical_distance);
    let far = distances.fold(0.0_f64, f64::max);
    let up_to =
        if far > 0.0 { format!(", up to a statistical distance of {}", units::at_most(far, 1)) } else { String::new() };
    format!("messages tell {}{up_to}", clauses.join("; "))
}

/// The readable page.
#[must_use]
pub fn text(report: &ProveReport, explain: bool) -> String {
    format!("{}\n{}{}", words::first(&sentence(report)), body(report), words::legend(explain, CONVENTIONS))
}

/// The page without its first sentence and its legend.
#[must_use]
pub fn body(report: &ProveReport) -> String {
    let ProveReport { subject, suite, seq, batch, queries, digest, .. } = report;
    let mut text = heading(subject, suite, *seq, *batch, *queries, digest);
    let columns = ["coalition", "promised", "verdict", "by", "simulator", "messages", "distance", "seconds"];
    let mut table = TextTable::of_numbers(&columns);
    for coalition in &report.coalitions {
        table.row([
            coalition.parties.join(","),
            if coalition.promised { "yes" } else { "no" }.to_owned(),
            coalition.verdict.to_owned(),
            format!("{:?}", coalition.by).to_lowercase(),
            coalition.simulator.map_or("-", short).to_owned(),
            coalition.messages.to_string(),
            coalition.statistical_distance.map_or_else(|| "-".to_owned(), |distance| units::at_most(distance, 1)),
            format!("{:.3}", coalition.seconds),
        ]);
    }
    text += &table.lines();
    for coalition in &report.coalitions {
        let parties = coalition.parties.join(",");
        for output in &coalition.outputs {
            text += &format!("{parties}: {}\n", output_line(output, report.certified_error));
        }
        for offending in coalition.offending.iter().take(MOST_SHOWN) {
            let Offending { region, value, why } = offending;
            text += &format!("{parties}: %{} in `{}`: {}\n", value.0, plain(region), plain(why));
        }
        if coalition.offending.len() > MOST_SHOWN {
            text += &format!("{parties}: and {} more\n", coalition.offending.len() - MOST_SHOWN);
        }
        if let Some(witness) = &coalition.witness {
            text += &format!("{parties}: {}\n", plain(witness));
        }
    }
    match &report.maximal {
        Some(maximal) => {
            let claim = |parties: &Vec<String>| {
                let found = report.coalitions.iter().find(|coalition| coalition.parties == *parties)?.simulator?;
                (found >= Simulator::GivenOwnSamples).then(|| format!(" (given {})", short(found)))
            };
            let named = |parties: &Vec<String>| format!("{}{}", parties.join("+"), claim(parties).unwrap_or_default());
            let sets: Vec<String> = maximal.iter().map(named).collect();
            text += &format!(
                "the largest coalitions that are proved, of those that are not told every input: {}\n",
                sets.join(", ")
            );
        }
        None => {
            text +=
                "nothing is promised of two or more parties together; `--coalition all` tries every set of parties\n"
        }
    }
    text
}

fn short(simulator: Simulator) -> &'static str {
    match simulator {
        Simulator::JointlyWithOutputs => "jointly",
        Simulator::DrawsOwnSamples => "alone",
        Simulator::GivenOwnSamples => "samples",
        Simulator::GivenOwnRandomness => "randomness",
    }
}

fn heading(subject: &str, suite: &str, seq: usize, batch: usize, queries: usize, digest: &str) -> String {
    let (subject, suite) = (plain(subject), plain(suite));
    format!("{subject}, suite {suite}, seq {seq}, batch {batch}, queries {queries}\ndigest {digest}\n\n")
}

/// An output, and what it may carry beyond the ideal result, which no proof of privacy bounds.
fn output_line(output: &DeclaredOutput, certified_error: Option<f64>) -> String {
    let DeclaredOutput { value, party, name, shape, fraction_bits } = output;
    let carries = match certified_error {
        Some(error) => format!(
            "certified to err by at most {} (domain of its card, runs that do not wrap), an element carries at most {} bits \
             beyond the ideal result",
            units::at_most(error, 3),
            units::decimals_at_most(excess_bits(error, *fraction_bits), 1)
        ),
        None => format!(
            "what it carries beyond the ideal result is unknown, because no error is certified here (for an error of at most e: \
             log2(2 e 2^{fraction_bits} + 1) bits an element)"
        ),
    };
    format!(
        "is told the output `{}` %{value} of {party}, shape {shape:?}, {fraction_bits} fraction bits; {carries}",
        plain(name)
    )
}

/// What became of stored proofs, a line for each.
#[must_use]
pub fn checked(report: &CheckReport) -> String {
    let CheckReport { subject, suite, seq, batch, queries, digest, .. } = report;
    let refused = report.coalitions.iter().filter(|coalition| !coalition.valid).count();
    let all = report.coalitions.len();
    let sentence = match refused {
        0 => format!(
            "The stored proofs hold: {} checked, every promised one among them.",
            words::count(all, "coalition")
        ),
        refused => format!("{refused} of {} are not proved by this file.", words::count(all, "coalition")),
    };
    let mut text = words::first(&sentence);
    text += &format!("\n{}", heading(subject, suite, *seq, *batch, *queries, digest));
    text += if report.stated_by_user {
        "as stated by the user; the Program was built here from that\n"
    } else {
        "as stated by the file, which nobody vouches for; state --subject and what else you mean, to check against that\n"
    };
    for checked in &report.coalitions {
        text += &format!("{}\n", checked_line(checked));
        for output in &checked.outputs {
            text += &format!("{}: {}\n", checked.parties.join(","), output_line(output, None));
        }
    }
    text
}

fn checked_line(checked: &Checked) -> String {
    let Checked { parties, promised, steps, why, simulator, conditional, statistical_distance, .. } = checked;
    let promise = if *promised { "promised" } else { "not promised" };
    let steps = steps.map_or_else(|| "no certificate".to_owned(), |steps| format!("{steps} steps"));
    let found = match (why, simulator) {
        (Some(why), _) => format!("NOT PROVED: {}", plain(why)),
        (None, Some(Simulator::JointlyWithOutputs)) => {
            "the proof holds; the simulator is given inputs and outputs, and is right jointly with the outputs of all parties".to_owned()
        }
        (None, Some(Simulator::DrawsOwnSamples)) => {
            "the proof holds; the simulator is given inputs and outputs".to_owned()
        }
        (None, Some(Simulator::GivenOwnSamples)) => {
            "the proof holds; the simulator is given inputs, outputs and the coalition's own samples (the weaker claim)"
                .to_owned()
        }
        (None, Some(Simulator::GivenOwnRandomness)) => {
            "the proof holds; the simulator is given inputs, outputs, the coalition's own samples and the random words that it is sent (the \
             weakest claim: outputs may depend on these)"
                .to_owned()
        }
        (None, None) => "NOT PROVED".to_owned(),
    };
    let conditional = if *conditional == Some(true) { ", and draws messages conditionally on outputs" } else { "" };
    let distance =
        statistical_distance.map_or_else(String::new, |distance| format!("; distance {}", units::at_most(distance, 1)));
    format!("{} ({promise}): {steps}: {found}{conditional}{distance}", parties.join(","))
}
