//! `viewless prove`: is every view empty? Proved, refuted with a witness, or undecided; never a bare boolean.

use super::Outcome;
use crate::arguments::{self, SizeArguments};
use crate::error::CliError;
use crate::file::Pending;
use crate::progress::Progress;
use crate::render::picture::Format;
use crate::screen::Manner;
use crate::{render, screen};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use viewless_protocols::suite::Suite;
use viewless_workbench::Subject;
use viewless_workbench::named::DEFAULT_SUITE;
use viewless_workbench::proof::{Asked, Proof, ProveReport};
use viewless_workbench::statistics::{Settings, Statistics, StatisticsReport};

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
    /// promises, which is every single party. `all`: every set of parties
    #[arg(long, value_name = "PARTY,…")]
    coalition: Vec<String>,
    /// Queries after one setup, which share the weights and their masks
    #[arg(long, value_name = "N", default_value_t = 1)]
    queries: usize,
    /// Where to write the proofs, for `viewless check`
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// Also run it many times, and look for evidence of leakage with a battery of tests and a learned distinguisher. Weaker than a
    /// proof: it shows leaks, never that there is none
    #[arg(long)]
    statistics: bool,
    /// Runs with each choice of secrets, and pairs of runs with each contrast [default: 64]
    #[arg(long, value_name = "N", requires = "statistics", value_parser = arguments::runs)]
    runs: Option<u32>,
    /// Decides all randomness of the statistics [default: 0]
    #[arg(long, value_name = "N", requires = "statistics")]
    seed: Option<u64>,
    /// Draw the statistics: histograms, p-values, messages against secrets
    #[arg(long, value_name = "FILE.svg|FILE.png", requires = "statistics")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    sizes: SizeArguments,
}

/// What is said of a subject: the proof and, if asked for, statistics beside it.
#[derive(Serialize)]
struct Page<'a> {
    #[serde(flatten)]
    proof: &'a ProveReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// What real runs show, with `--statistics`.
    statistics: Option<&'a StatisticsReport>,
}

/// Proves and prints. The verdict is negative when a coalition is not proved, or runs show evidence of leakage.
///
/// # Errors
/// A subject, suite or coalition that cannot be used, or a certificate or plot that cannot be written.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let Arguments { subject, suite, coalition, queries, certificate, sizes, .. } = arguments;
    let subject = Subject::find(subject, arguments::registry())?;
    // Before the work, so that it is not in vain.
    let file = certificate.as_deref().map(Pending::create).transpose()?;
    let picture = match (arguments.statistics, arguments.plot.as_deref()) {
        (true, Some(path)) => Some((Format::of(path)?, Pending::create(path)?)),
        (true, None) | (false, _) => None,
    };
    let progress = Progress::start("proving");
    let asked = match &coalition[..] {
        [] => Asked::Promised,
        [all] if all == "all" => Asked::All,
        named => Asked::Named(named.to_vec()),
    };
    let proof = Proof::new(&subject, suite, sizes.checked(), *queries, &asked, &|done, of| progress.tell(done, of))?;
    drop(progress);
    if let Some(file) = file {
        file.finish(&serde_json::to_vec(&proof.certificates)?)?;
    }
    let statistics = if arguments.statistics { Some(statistics(arguments, &subject, picture)?) } else { None };
    let (proof, statistics) = (&proof.report, statistics.as_ref());
    screen::show(&Page { proof, statistics }, manner, |explain| match statistics {
        None => render::proof::text(proof, explain),
        Some(found) => render::statistics::beside(proof, found, explain),
    })?;
    Ok((proof.is_proved() && statistics.is_none_or(StatisticsReport::shows_nothing)).into())
}

/// Runs the subject, and draws what is seen if asked to.
fn statistics(
    arguments: &Arguments,
    subject: &Subject,
    picture: Option<(Format, Pending)>,
) -> Result<StatisticsReport, CliError> {
    let Arguments { suite, coalition, runs, seed, sizes, .. } = arguments;
    let settings = Settings { seed: seed.unwrap_or(0), ..Settings::with_runs(runs.unwrap_or(Settings::RUNS)) };
    let progress = Progress::start("running for statistics");
    let told = |done, of| progress.tell(done, of);
    // Statistics have no use for sets of parties that nobody promises anything of.
    let named: &[String] = if coalition.iter().any(|names| names == "all") { &[] } else { coalition };
    let statistics = Statistics::new(subject, suite, sizes.checked(), named, settings, &told)?;
    drop(progress);
    if let Some((format, file)) = picture {
        file.finish(&format.contents(&statistics.svg())?)?;
    }
    Ok(statistics.report)
}
