//! `viewless prove`: is every view empty? Proved, refuted with a witness, or undecided; never a bare boolean.

use super::Verdict;
use crate::arguments::{self, DEFAULT_SUITE, Sizes};
use crate::error::CliError;
use crate::progress::Progress;
use crate::subject::Subject;
use crate::table::Table;
use crate::{file, screen};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Instant;
use viewless_proofs::privacy::certificate::Certificate;
use viewless_proofs::privacy::{self, Coalition, Offending, Report};
use viewless_protocols::program::Program;
use viewless_protocols::suite::Suite;

/// What to prove.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A known model, a model directory, or a protocol
    #[arg(value_name = "MODEL|DIR|PROTOCOL")]
    subject: String,
    /// A built-in suite, or a .toml file
    #[arg(long, value_name = "SUITE|FILE", default_value = DEFAULT_SUITE, value_parser = arguments::suite)]
    suite: Suite,
    /// Parties that pool what they see, for instance P0,dealer; repeat for more. Without it: every coalition that the scheme
    /// promises, which is every single party
    #[arg(long, value_name = "PARTY,…")]
    coalition: Vec<String>,
    /// Where to write the proofs, for `viewless check`
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    sizes: Sizes,
}

/// Proofs with what they are about: enough to build the Program again.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFile {
    /// Model or protocol, as it was named.
    pub subject: String,
    /// The whole suite, so that the file stands alone.
    pub suite: Suite,
    /// Tokens, or elements of a row.
    pub seq: usize,
    /// Sequences, or rows.
    pub batch: usize,
    /// One proof for each coalition.
    pub certificates: Vec<Certificate>,
}

/// The report.
#[derive(Debug, Serialize)]
pub(super) struct ProveReport {
    subject: String,
    suite: String,
    seq: usize,
    batch: usize,
    digest: String,
    coalitions: Vec<CoalitionReport>,
    /// Coalitions of which the scheme promises nothing, and which were not asked about.
    not_promised: Vec<Vec<String>>,
    seconds: f64,
}

/// The verdict about one coalition.
#[derive(Debug, Serialize)]
struct CoalitionReport {
    parties: Vec<String>,
    promised: bool,
    verdict: &'static str,
    messages: usize,
    /// At most this far from a view made without the secrets; absent unless proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    statistical_distance: Option<f64>,
    /// Whether the simulator needs the coalition's own samples; absent unless proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    given_own_samples: Option<bool>,
    offending: Vec<Offending>,
    /// Two assignments of secrets that the coalition can tell apart, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<String>,
    seconds: f64,
}

fn names(coalition: Coalition) -> Vec<String> {
    coalition.members().iter().map(|party| party.to_string()).collect()
}

/// Proves and prints.
///
/// # Errors
/// A subject, suite or coalition that cannot be used, or a certificate that cannot be written.
pub fn run(arguments: &Arguments, json: bool) -> Result<Verdict, CliError> {
    let Arguments { subject, suite, coalition, certificate, sizes } = arguments;
    let subject = Subject::find(subject)?;
    let sizes = subject.sizes(*sizes);
    let (report, certificates) = prove(&subject, suite, sizes, coalition)?;
    if let Some(path) = certificate {
        let Sizes { seq, batch } = sizes;
        let stored = CertificateFile { subject: subject.name, suite: suite.clone(), seq, batch, certificates };
        file::write(path, &serde_json::to_vec(&stored)?)?;
    }
    if json {
        screen::print_json(&report)?;
    } else {
        screen::print(text(&report))?;
    }
    Ok(report.verdict())
}

impl ProveReport {
    /// Positive when every coalition asked about is proved.
    pub(super) fn verdict(&self) -> Verdict {
        let proved = self.coalitions.iter().all(|coalition| coalition.verdict == "proved");
        if proved { Verdict::Positive } else { Verdict::Negative }
    }
}

/// Proves a subject against the named coalitions, or against all that are promised if none is named.
pub(super) fn prove(
    subject: &Subject,
    suite: &Suite,
    sizes: Sizes,
    coalition: &[String],
) -> Result<(ProveReport, Vec<Certificate>), CliError> {
    let started = Instant::now();
    let sizes = subject.sizes(sizes);
    let program = subject.program(suite, sizes)?;
    let promised = privacy::promised_coalitions(&program);
    let asked = if coalition.is_empty() {
        promised.clone()
    } else {
        coalition.iter().map(|names| Coalition::parse(&program, names)).collect::<Result<_, _>>()?
    };
    let progress = Progress::start("proving");
    let mut reports = Vec::new();
    let mut certificates = Vec::new();
    for (done, &coalition) in asked.iter().enumerate() {
        progress.tell(done, asked.len());
        let started = Instant::now();
        let report = privacy::decide(&program, coalition);
        reports.push(describe(&program, &report, promised.contains(&coalition), started));
        certificates.extend(report.certificate);
    }
    drop(progress);
    let Sizes { seq, batch } = sizes;
    let unpromised = privacy::unpromised_coalitions(&program);
    let report = ProveReport {
        subject: subject.name.clone(),
        suite: suite.name.clone(),
        seq,
        batch,
        digest: program.digest().to_hex().to_string(),
        not_promised: unpromised.into_iter().filter(|coalition| !asked.contains(coalition)).map(names).collect(),
        coalitions: reports,
        seconds: started.elapsed().as_secs_f64(),
    };
    Ok((report, certificates))
}

fn describe(program: &Program, report: &Report, promised: bool, started: Instant) -> CoalitionReport {
    let (statistical_distance, given_own_samples, witness) = match &report.verdict {
        privacy::Verdict::Proved { statistical_distance, given_own_samples } => {
            (Some(*statistical_distance), Some(*given_own_samples), None)
        }
        privacy::Verdict::Refuted { witness, .. } => (None, None, Some(witness.to_string())),
        privacy::Verdict::Undecided { .. } => {
            // A smaller copy may show where to look; it refutes itself, not this Program.
            let refutation = privacy::refute(program, report.coalition);
            let hint = refutation.and_then(|refutation| {
                let bits = refutation.shrunk_to_bits?;
                Some(format!("a copy of it with words of {bits} bit leaks: {}", refutation.witness))
            });
            (None, None, hint)
        }
    };
    CoalitionReport {
        parties: names(report.coalition),
        promised,
        verdict: report.verdict.name(),
        messages: report.messages,
        statistical_distance,
        given_own_samples,
        offending: report.verdict.offending().to_vec(),
        witness,
        seconds: started.elapsed().as_secs_f64(),
    }
}

/// Offending messages that are shown; JSON has all.
const MOST_SHOWN: usize = 5;

pub(super) fn text(report: &ProveReport) -> String {
    let ProveReport { subject, suite, seq, batch, digest, .. } = report;
    let mut text = format!("{subject}, suite {suite}, seq {seq}, batch {batch}: digest {}\n\n", &digest[..16]);
    let mut table = Table::of_numbers(&["coalition", "promised", "verdict", "messages", "distance", "seconds"]);
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
