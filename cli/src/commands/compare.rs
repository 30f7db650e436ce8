//! `viewless compare`: suites side by side.

use super::Verdict;
use crate::arguments::{self, Schedule, Sizes};
use crate::bill::Price;
use crate::bill::render;
use crate::error::CliError;
use crate::screen;
use crate::subject::Subject;
use crate::table::Table;
use crate::units;
use clap::Args;
use rayon::prelude::*;
use serde::Serialize;
use viewless_protocols::suite::Suite;
use viewless_simulator::count;
use viewless_simulator::network::Network;

/// What to compare.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A known model, a model directory, or a protocol
    #[arg(value_name = "MODEL|DIR|PROTOCOL")]
    subject: String,
    /// Built-in suites or .toml files, separated by commas [default: all built-in suites]
    #[arg(long, value_name = "SUITE|FILE,...", value_delimiter = ',', value_parser = arguments::suite)]
    suites: Vec<Suite>,
    #[command(flatten)]
    sizes: Sizes,
    /// Which messages share a round
    #[arg(long, value_enum, default_value_t = Schedule::Asap)]
    schedule: Schedule,
}

/// Suites side by side.
#[derive(Debug, Serialize)]
struct Comparison<'a> {
    model: &'a str,
    seq: usize,
    batch: usize,
    schedule: count::Schedule,
    networks: &'a [Network],
    suites: Vec<Price>,
}

/// Counts and prints.
///
/// # Errors
/// A subject, suite or sizes that cannot be counted.
pub fn run(arguments: &Arguments, json: bool) -> Result<Verdict, CliError> {
    let Arguments { subject, suites, sizes, schedule } = arguments;
    let subject = Subject::find(subject)?;
    let suites =
        if suites.is_empty() { Suite::names().map(Suite::built_in).collect::<Result<_, _>>()? } else { suites.clone() };
    let networks = [Network::lan(), Network::wan()];
    let price = |suite: Suite| -> Result<Price, CliError> {
        let program = subject.program(&suite, *sizes)?;
        Ok(Price::of(suite.name, &program, (*schedule).into(), &networks.each_ref()))
    };
    let comparison = Comparison {
        model: &subject.name,
        seq: sizes.seq,
        batch: sizes.batch,
        schedule: (*schedule).into(),
        networks: &networks,
        suites: suites.into_par_iter().map(price).collect::<Result<_, _>>()?,
    };
    if json {
        screen::print_json(&comparison)?;
    } else {
        screen::print(text(&comparison))?;
    }
    Ok(Verdict::Positive)
}

fn text(comparison: &Comparison<'_>) -> String {
    let Comparison { model, seq, batch, networks, suites, .. } = comparison;
    let mut header = vec!["suite", "rounds", "online", "setup", "offline", "P0 <-> P1"];
    header.extend(networks.iter().map(Network::name));
    header.push("wrap probability");
    let mut table = Table::of_numbers(&header);
    for price in suites {
        let mut cells = vec![price.choice.clone(), price.rounds_online.to_string()];
        cells.extend([price.bytes_online, price.bytes_setup, price.bytes_offline].map(units::bytes));
        cells.push(units::bytes(price.bytes_between_computing_parties));
        cells.extend(networks.iter().map(|network| units::seconds(price.predicted_seconds[network.name()])));
        cells.push(units::probability(price.failure_probability));
        table.row(cells);
    }
    format!(
        "{model}, {seq} tokens, batch {batch}\n\n{}\n{}",
        table.lines(),
        render::conventions_of_suites(comparison.schedule, networks)
    )
}
