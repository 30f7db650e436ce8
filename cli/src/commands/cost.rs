//! `viewless cost`: the bill, from shapes alone.

use super::Verdict;
use crate::arguments::{self, DEFAULT_SUITE, Schedule, Sizes};
use crate::bill::render::{self, Breakdown};
use crate::bill::{CostReport, cost_report};
use crate::choices;
use crate::error::CliError;
use crate::screen;
use crate::subject::{Kind, Subject};
use clap::{Args, ValueEnum};
use std::time::Instant;
use viewless_protocols::suite::Suite;
use viewless_simulator::count::Grouping;
use viewless_simulator::network::Network;

/// What to count.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A known model, a model directory, or a protocol
    #[arg(value_name = "MODEL|DIR|PROTOCOL")]
    subject: String,
    /// A built-in suite, or a .toml file
    #[arg(long, value_name = "SUITE|FILE", default_value = DEFAULT_SUITE, value_parser = arguments::suite)]
    suite: Suite,
    #[command(flatten)]
    sizes: Sizes,
    /// Which messages share a round
    #[arg(long, value_enum, default_value_t = Schedule::Asap)]
    schedule: Schedule,
    /// lan, wan, or a .toml file
    #[arg(long, value_name = "NETWORK|FILE", default_value = "lan", value_parser = arguments::network)]
    network: Network,
    /// What the bill is broken down by [default: function; for a protocol, region]
    #[arg(long, value_enum)]
    by: Option<By>,
}

/// What a bill is broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// What is computed: linear, softmax, gelu, ...
    Function,
    /// Layers of the model
    Layer,
    /// Regions, by their full paths
    Region,
    /// Senders and links
    Party,
    /// Offline, setup, online
    Phase,
}

impl By {
    fn grouping(self) -> Grouping {
        match self {
            Self::Function | Self::Party | Self::Phase => Grouping::Function,
            Self::Layer => Grouping::Layer,
            Self::Region => Grouping::Region,
        }
    }

    fn breakdown(self) -> Breakdown {
        match self {
            Self::Function | Self::Layer | Self::Region => Breakdown::Regions,
            Self::Party => Breakdown::Parties,
            Self::Phase => Breakdown::Phases,
        }
    }
}

/// Counts and prints.
///
/// # Errors
/// A subject or sizes that cannot be counted.
pub fn run(arguments: &Arguments, json: bool) -> Result<Verdict, CliError> {
    let Arguments { subject, suite, sizes, schedule, network, by } = arguments;
    let subject = Subject::find(subject)?;
    let by = by.unwrap_or(match subject.kind {
        Kind::Model(_) => By::Function,
        Kind::Protocol(_) => By::Region,
    });
    let report = report(&subject, suite, *sizes, *schedule, network, by.grouping())?;
    if json {
        screen::print_json(&report)?;
    } else {
        screen::print(text(&report, &subject.kind, by.breakdown()))?;
    }
    Ok(Verdict::Positive)
}

pub(super) fn report(
    subject: &Subject,
    suite: &Suite,
    sizes: Sizes,
    schedule: Schedule,
    network: &Network,
    grouping: Grouping,
) -> Result<CostReport, CliError> {
    let sizes = subject.sizes(sizes);
    let own = || {
        let started = Instant::now();
        let program = subject.program(suite, sizes)?;
        tracing::debug!(seconds = started.elapsed().as_secs_f64(), "compiled and checked");
        let report = cost_report(&program, suite, schedule.into(), grouping, network);
        tracing::debug!(seconds = started.elapsed().as_secs_f64(), "counted");
        Ok::<_, CliError>(report)
    };
    let (report, prices) = rayon::join(own, || choices::prices(subject, suite, sizes, schedule.into(), network));
    let mut report = report?;
    report.model.clone_from(&subject.name);
    (report.seq, report.batch) = (sizes.seq, sizes.batch);
    report.add_alternatives(prices?);
    Ok(report)
}

pub(super) fn text(report: &CostReport, kind: &Kind, breakdown: Breakdown) -> String {
    let CostReport { model, suite, seq, batch, program, .. } = report;
    let sizes = match kind {
        Kind::Model(_) => format!("{seq} tokens, batch {batch}"),
        Kind::Protocol(_) => format!("{batch} x {seq} elements"),
    };
    format!(
        "{model}, suite {suite}, {sizes}: {} values, digest {}\n\n{}\n{}",
        program.values,
        &program.digest[..16],
        render::bill(report, breakdown),
        render::conventions(report)
    )
}
