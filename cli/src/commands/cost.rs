//! `viewless cost`: the bill, from shapes alone.

use super::Outcome;
use crate::arguments::{self, FixedArguments, Schedule, SizeArguments};
use crate::error::CliError;
use crate::render::bill::Breakdown;
use crate::screen::Manner;
use crate::{render, screen};
use clap::{Args, ValueEnum};
use viewless_protocols::program::Grouping;
use viewless_protocols::suite::Suite;
use viewless_simulator::network::Network;
use viewless_workbench::bill::{CostReport, Setting};
use viewless_workbench::named::DEFAULT_SUITE;
use viewless_workbench::{Kind, Subject};

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
    fixed: FixedArguments,
    #[command(flatten)]
    sizes: SizeArguments,
    /// Which messages share a round
    #[arg(long, value_enum, default_value_t = Schedule::Asap)]
    schedule: Schedule,
    /// lan, wan, or a .toml file
    #[arg(long, value_name = "NETWORK|FILE", default_value = "lan", value_parser = arguments::network)]
    network: Network,
    /// Of an autoencoder: whether layers are computed in the cheaper of two orders that give the same numbers
    #[arg(long, value_enum, default_value_t = Rewrite::On)]
    rewrite: Rewrite,
    /// What the bill is broken down by [default: function; for an autoencoder, layer; for a protocol, region]
    #[arg(long, value_enum)]
    by: Option<By>,
}

/// Whether layers are computed in the cheaper of two orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rewrite {
    /// In the cheaper order
    On,
    /// As the authors' code does
    Off,
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
            Self::Function | Self::Party | Self::Phase => viewless_protocols::model::BY_FUNCTION,
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
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let Arguments { subject, suite, fixed, sizes, schedule, network, rewrite, by } = arguments;
    let suite = &fixed.of(suite.clone())?;
    let mut subject = Subject::find(subject, arguments::registry())?;
    if let Kind::Autoencoder(autoencoder) = &mut subject.kind {
        autoencoder.rewrite = *rewrite == Rewrite::On;
    }
    let by = by.unwrap_or(match subject.kind {
        Kind::Model(_) => By::Function,
        Kind::Autoencoder(_) => By::Layer,
        Kind::Protocol(_) => By::Region,
    });
    let (sizes, schedule, grouping) = (sizes.checked(), (*schedule).into(), by.grouping());
    let report = CostReport::new(&subject, &Setting { suite, sizes, schedule, network, grouping })?;
    screen::show(&report, manner, |explain| render::bill::page(&report, &subject.kind, by.breakdown(), explain))?;
    Ok(Outcome::Positive)
}
