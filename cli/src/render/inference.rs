//! A private inference beside the plaintext pass, in words and tables.

use super::bill::{self, Breakdown};
use super::table::{TextTable, hanging};
use super::{units, words};
use std::collections::BTreeMap;
use std::fmt::Write;
use viewless_models::Model;
use viewless_protocols::suite::Suite;
use viewless_workbench::inference::{Asked, DomainViolation, ExecutionMode, InferenceReport, place};

/// Numbers of the output, and broken claims, that are shown; JSON has all.
const SHOWN: usize = 8;

/// The claims that the result rests on and that did not hold, in words.
#[must_use]
pub fn broken_claims(report: &InferenceReport) -> Vec<String> {
    broken(&report.doubts, report.wraps, &report.headroom_violations, &report.domain_violations)
}

/// What did not hold in a run, in words.
pub(super) fn broken(
    doubts: &[String],
    wraps: u64,
    headroom: &BTreeMap<String, u64>,
    domains: &[DomainViolation],
) -> Vec<String> {
    let mut broken = doubts.to_vec();
    if wraps > 0 {
        broken.push(format!("{wraps} truncations wrapped: each puts a value off by a large power of two"));
    }
    for (region, outside) in headroom {
        broken.push(format!("{region}: {outside} values beyond the headroom of an exact truncation"));
    }
    for violation in domains {
        let ((low, high), (least, most)) = (violation.claimed, violation.seen);
        broken.push(format!(
            "{}: {} of {} elements outside [{}, {}]; seen {} to {}{}",
            place(&violation.sites, &violation.region),
            violation.outside,
            violation.elements,
            units::short(low),
            units::short(high),
            units::real(least),
            units::real(most),
            if violation.region.contains(" on [") {
                ": fit the suite to more texts, or with a larger slack"
            } else {
                ""
            }
        ));
    }
    broken
}

/// Whether the private answer can be trusted.
#[must_use]
pub fn sentence(report: &InferenceReport) -> String {
    let broken = broken_claims(report);
    let seconds = units::seconds(report.cost.predicted_seconds);
    let network = report.cost.network.name();
    let asked = match report.execution {
        ExecutionMode::Explicit => format!("it would take {seconds} on {network}"),
        ExecutionMode::Fast => format!("its online messages would take {seconds} on {network}"),
    };
    let same = match (report.output.label(), report.plaintext.label()) {
        (Some(private), Some(plain)) if private == plain => format!("the label is that of plaintext, {private}"),
        (Some(private), Some(plain)) => format!("the label is {private}, and that of plaintext is {plain}"),
        _ => {
            format!("the private answer is within {} of the plaintext one", units::at_most(report.max_abs_error, 1))
        }
    };
    match broken.len() {
        0 if !report.other_functions.is_empty() => {
            format!("The private run keeps its claims, but computes other functions than the model's: {same}; {asked}.")
        }
        0 => format!("The private run is sound: {same}; {asked}."),
        number => format!("The private answer cannot be trusted: {} broken; {same}.", claims_are(number)),
    }
}

pub(super) fn claims_are(number: usize) -> String {
    if number == 1 { "1 claim is".to_owned() } else { format!("{number} claims are") }
}

/// The readable page.
#[must_use]
pub fn text(report: &InferenceReport, suite: &Suite, model: &Model, explain: bool) -> String {
    let mut text = words::first(&sentence(report)) + "\n";
    let mut field = |label: &str, value: &str| text.push_str(&hanging(&format!("{label:<11}"), value));
    let words = |tokens: &[u32]| {
        let words: Vec<String> = tokens.iter().map(|&token| model.token(token)).collect();
        format!("{}: {}", words.len(), words.join(" "))
    };
    match &report.asked {
        Asked::Text { text, tokens } => {
            field("text", text);
            field("tokens", &words(tokens));
        }
        Asked::Pair { text, text_pair, tokens, second } => {
            field("text", text);
            field("second", text_pair);
            field("tokens", &format!("{}, the second text from token {} on", words(tokens), second + 1));
        }
        Asked::Tokens { tokens } => field("tokens", &words(tokens)),
        Asked::Image { image } => {
            field("image", image);
            let tokens = report.cost.seq;
            field("tokens", &format!("{tokens}: {} patches and the class token", tokens - 1));
        }
    }
    field("model", &report.model);
    field("suite", &format!("{}: {}", suite.name, suite.summary));
    text.push('\n');
    text.push_str(&answers(report));
    text.push('\n');
    text.push_str(&bill::text(&report.cost, Breakdown::Regions));
    text.push('\n');
    text.push_str(&run_facts(report));
    text.push_str(&claims(report));
    text.push_str(&words::legend(explain, &bill::conventions(&report.cost)));
    text
}

/// The outputs side by side, and how far apart they are.
#[must_use]
pub fn answers(report: &InferenceReport) -> String {
    let (private, plain) = (report.output.values(), report.plaintext.values());
    let shown = private.len().min(SHOWN);
    let of = if shown < private.len() { format!("first {shown} of {}", private.len()) } else { String::new() };
    let header: Vec<String> = [of].into_iter().chain((1..=shown).map(|i| i.to_string())).collect();
    let mut table = TextTable::of_numbers(&header.iter().map(String::as_str).collect::<Vec<_>>());
    let mut row = |label: &str, values: &[f64]| {
        let numbers = values.iter().take(shown).map(|&value| units::real(value));
        table.row([label.to_owned()].into_iter().chain(numbers));
    };
    row("private", private);
    row("plaintext", plain);
    for (label, answer) in [("private, normalised", &report.output), ("plaintext, normalised", &report.plaintext)] {
        if let Some(normalised) = &answer.normalised {
            row(label, normalised);
        }
    }
    let mut text = table.lines();
    if let (Some(private), Some(plain)) = (report.output.label(), report.plaintext.label()) {
        let _ = writeln!(text, "label      private {private}, plaintext {plain}");
    }
    if let (Some(private), Some(plain)) = (report.output.labels(), report.plaintext.labels()) {
        let _ = writeln!(text, "labels     private {}; plaintext {}", private.join(", "), plain.join(", "));
    }
    let _ = writeln!(text, "cosine     {:.9}", report.cosine);
    let _ = writeln!(
        text,
        "max error  {} (largest absolute difference of {} numbers)",
        units::scientific(report.max_abs_error, 2),
        private.len()
    );
    let certified = match (report.certified_max_error, &report.not_certified) {
        (Some(bound), _) => {
            format!(
                "{} (no run on this text that does not wrap errs by more against the exact functions)",
                units::at_most(bound, 2)
            )
        }
        (None, Some(why)) => format!("nothing for this text: {why}"),
        (None, None) => {
            "nothing, because it was not asked for: --certify bounds the error of every run on a text of a small model"
                .to_owned()
        }
    };
    text.push_str(&hanging("certified  ", &certified));
    text
}

/// What the run moved, took and proved.
fn run_facts(report: &InferenceReport) -> String {
    let cost = &report.cost;
    let (threads, s) = (report.threads, if report.threads == 1 { "" } else { "s" });
    let Some(digest) = &report.transcript_digest else {
        return format!(
            "computed   in {} on {threads} thread{s}, without parties and messages: these numbers and findings are those of the parties' run\n\
             predicted  {} of online messages on {}; the computation of the parties takes longer than it took here\n",
            units::seconds(report.seconds),
            units::seconds(cost.network_seconds),
            cost.network.name(),
        );
    };
    format!(
        "moved      {} in all phases, equal to the count\n\
         computed   in {} on {threads} thread{s}, for all parties and phases together\n\
         predicted  {} on {}: {} of online messages, and the computation\n\
         digest     {} of every message\n",
        units::bytes(report.bytes_moved),
        units::seconds(report.seconds),
        units::seconds(cost.predicted_seconds),
        cost.network.name(),
        units::seconds(cost.network_seconds),
        digest,
    )
}

/// Wraps of a run, and how probable any was: a law of its numbers, and so of true ones only where nothing wrapped.
pub(super) fn wraps(wraps: u64, probability: f64, on: &str) -> String {
    match wraps {
        0 => format!("0 in this run; probability of any wrap {on} {}", units::probability(probability)),
        wraps => format!(
            "{wraps} in this run; how probable any was is not told, because numbers after a wrap are not those of the model"
        ),
    }
}

/// The probability of a wrap for this input, and which claims did not hold.
fn claims(report: &InferenceReport) -> String {
    let what = if matches!(report.asked, Asked::Image { .. }) { "image" } else { "text" };
    let on = format!("in one inference of this {what}");
    let mut text = hanging("wraps      ", &wraps(report.wraps, report.wrap_probability, &on));
    let broken = broken_claims(report);
    if broken.is_empty() {
        text.push_str("claims     all hold: no value left the domain or the headroom that its protocol needs\n");
    } else {
        text.push_str(
            "claims     NOT all hold; the answer may be wrong, and later violations may follow from the first:\n",
        );
        broken.iter().take(SHOWN).for_each(|claim| text.push_str(&hanging("           - ", claim)));
        if broken.len() > SHOWN {
            let _ = writeln!(text, "           - and {} more, see --json", broken.len() - SHOWN);
        }
    }
    report.other_functions.iter().for_each(|other| text.push_str(&hanging("function   ", other)));
    report.notes.iter().for_each(|note| text.push_str(&hanging("note       ", note)));
    text
}
