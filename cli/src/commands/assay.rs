//! `viewless assay`: all verdicts about a protocol on one page.

use super::Outcome;
use crate::arguments::{self, SizeArguments};
use crate::error::CliError;
use crate::render::bill::Breakdown;
use crate::{render, screen};
use clap::Args;
use viewless_protocols::suite::Suite;
use viewless_workbench::Subject;
use viewless_workbench::assay::Assay;
use viewless_workbench::named::DEFAULT_SUITE;

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
    sizes: SizeArguments,
}

/// Prints card, audit, proof and bill. The verdict is negative when the card's claim is not true or a promised coalition is not
/// proved.
///
/// # Errors
/// A name that is no protocol, or sizes and suites that cannot be used.
pub fn run(arguments: &Arguments, json: bool) -> Result<Outcome, CliError> {
    let Arguments { protocol, suite, sizes } = arguments;
    let protocol = Subject::find_protocol(protocol)?;
    let assay = Assay::new(&protocol, suite, sizes.checked())?;
    if json {
        screen::print_json(&assay)?;
    } else {
        let kind = Subject::of_protocol(protocol).kind;
        let sections = [
            ("CARD", render::card::text(&assay.card)),
            ("RIGHT", render::audit::text(&assay.right, suite)),
            ("PRIVATE", render::proof::text(&assay.private)),
            ("CHEAP", render::bill::page(&assay.cheap, &kind, Breakdown::Regions)),
        ];
        let page: Vec<String> =
            sections.iter().map(|(name, text)| format!("== {name} ==\n{}\n", text.trim_end())).collect();
        screen::print(page.join("\n"))?;
    }
    Ok(assay.holds().into())
}
