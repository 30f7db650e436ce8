//! `viewless assay`: all verdicts about a protocol on one page.

use super::{Verdict, audit, cost, prove};
use crate::arguments::{self, DEFAULT_SUITE, Schedule, Sizes};
use crate::bill::CostReport;
use crate::bill::render::Breakdown;
use crate::card::CardReport;
use crate::error::CliError;
use crate::screen;
use crate::subject::{Kind, Subject};
use clap::Args;
use serde::Serialize;
use viewless_protocols::suite::Suite;
use viewless_simulator::count::Grouping;
use viewless_simulator::network::Network;

/// What to assay.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A protocol of the registry
    #[arg(value_name = "PROTOCOL")]
    protocol: String,
    /// A built-in suite, or a .toml file: its scheme and fixed point
    #[arg(long, value_name = "SUITE|FILE", default_value = DEFAULT_SUITE, value_parser = arguments::suite)]
    suite: Suite,
    #[command(flatten)]
    sizes: Sizes,
}

/// Every report that one protocol has.
#[derive(Serialize)]
struct Assay<'a> {
    card: &'a CardReport,
    right: &'a audit::Finding,
    private: &'a prove::ProveReport,
    cheap: &'a CostReport,
}

/// Prints card, audit, proof and bill. The verdict is negative when the card's claim is not true or a promised coalition is not
/// proved.
///
/// # Errors
/// A name that is no protocol, or sizes and suites that cannot be used.
pub fn run(arguments: &Arguments, json: bool) -> Result<Verdict, CliError> {
    let Arguments { protocol, suite, sizes } = arguments;
    let subject = Subject::find(protocol)?;
    let Kind::Protocol(ref found) = subject.kind else {
        return Err(CliError::NotAProtocol { name: subject.name });
    };
    let card = CardReport::new(&found.card);
    let right = audit::examine(&audit::question(protocol, suite), sizes.seq)?;
    let (private, _) = prove::prove(&subject, suite, *sizes, &[])?;
    let cheap = cost::report(&subject, suite, *sizes, Schedule::Asap, &Network::lan(), Grouping::Region)?;
    if json {
        screen::print_json(&Assay { card: &card, right: &right, private: &private, cheap: &cheap })?;
    } else {
        let sections = [
            ("CARD", card.text()),
            ("RIGHT", right.text(suite)),
            ("PRIVATE", prove::text(&private)),
            ("CHEAP", cost::text(&cheap, &subject.kind, Breakdown::Regions)),
        ];
        let page: Vec<String> =
            sections.iter().map(|(name, text)| format!("== {name} ==\n{}\n", text.trim_end())).collect();
        screen::print(page.join("\n"))?;
    }
    Ok(match (right.verdict(), private.verdict()) {
        (Verdict::Positive, Verdict::Positive) => Verdict::Positive,
        _ => Verdict::Negative,
    })
}
