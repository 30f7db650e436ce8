//! `viewless plan MODEL`: the fastest private deployment within an error budget.

use crate::arguments::{self, SizeArguments};
use crate::commands::Outcome;
use crate::error::CliError;
use crate::file::Pending;
use crate::progress::Progress;
use crate::render::picture::Format;
use crate::render::{plan as words, plan_chart as chart};
use crate::screen::{self, Manner};
use clap::Args;
use std::path::{Path, PathBuf};
use viewless_simulator::network::Network;
use viewless_workbench::Subject;
use viewless_workbench::plan::{
    Catalogue, PartiesFile, PlanRequest, Space, deployment_text, front, plan, read_machine, read_parties, suite_text,
};

/// What is planned, and within which limits.
#[derive(Debug, Args)]
// clap names a group after its struct, and the one around it is called the same.
#[group(skip)]
pub(super) struct Arguments {
    /// A Transformer: a known model such as bert-base (`viewless list` shows all), a model directory, or a name that `fetch` knows
    #[arg(value_name = "MODEL|DIR|NAME")]
    model: Option<String>,
    #[command(flatten)]
    sizes: SizeArguments,
    /// lan, wan, or a .toml file
    #[arg(long, value_name = "NETWORK|FILE", default_value = "lan", value_parser = arguments::network)]
    network: Network,
    /// The most that the certified errors of all sites may add up to
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    error: Option<f64>,
    /// The most wraps expected in an inference
    #[arg(long, value_name = "P", default_value_t = 1e-6, allow_negative_numbers = true)]
    wraps: f64,
    /// Choices of the scheme that may be made, separated by commas: additive2, replicated3, local, exact, narrowing, spk,
    /// carry, fresh, fixed-weight, per-value, shared, server [default: all but narrowed rings, masks other than one for each weight, and weights in
    /// clear]
    #[arg(long, value_name = "CHOICE,...", value_delimiter = ',')]
    suite_space: Vec<String>,
    /// Fraction bits that may be chosen
    #[arg(long, value_name = "BITS,...", value_delimiter = ',', default_values_t = [16])]
    fraction_bits: Vec<u8>,
    /// Queries, one after the other: more than one asks for throughput
    #[arg(long, value_name = "N", default_value_t = 1)]
    requests: u64,
    /// Machines of each party: a .toml file
    #[arg(long, value_name = "FILE")]
    parties: Option<PathBuf>,
    /// Count computation, too, by what `viewless plan measure` wrote; for one query
    #[arg(long, value_name = "FILE")]
    machine: Option<PathBuf>,
    /// Write the suite, for --suite of other commands
    #[arg(long, value_name = "FILE.toml")]
    write_suite: Option<PathBuf>,
    /// Write the deployment
    #[arg(long, value_name = "FILE.toml")]
    write_deployment: Option<PathBuf>,
    /// Draw time against certified error
    #[arg(long, value_name = "FILE.svg|FILE.png")]
    plot_front: Option<PathBuf>,
    /// Draw what happens when
    #[arg(long, value_name = "FILE.svg|FILE.png")]
    plot_timeline: Option<PathBuf>,
    /// Draw how the plan changes with latency and bandwidth
    #[arg(long, value_name = "FILE.svg|FILE.png")]
    plot_map: Option<PathBuf>,
}

/// Plans and prints.
///
/// # Errors
/// What cannot be planned or written.
pub(super) fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let (Some(model), Some(error_budget)) = (&arguments.model, arguments.error) else {
        return Err(CliError::NothingToPlan);
    };
    let subject = Subject::find_model(model, arguments::registry())?;
    let space = Space::of_words(&arguments.suite_space, &arguments.fraction_bits)?;
    let parties = arguments.parties.as_deref().map_or_else(|| Ok(PartiesFile::default()), read_parties)?;
    let machine = arguments.machine.as_deref().map(read_machine).transpose()?;
    let request = PlanRequest {
        network: arguments.network.clone(),
        error_budget,
        most_wraps: arguments.wraps,
        requests: arguments.requests,
        parties,
        rates: machine.as_ref().map(|machine| machine.rates),
    };
    // What cannot be written is refused before the work.
    let (suite_file, deployment_file) = (begin(&arguments.write_suite)?, begin(&arguments.write_deployment)?);
    let (front_file, timeline_file) = (begin_picture(&arguments.plot_front)?, begin_picture(&arguments.plot_timeline)?);
    let map_file = begin_picture(&arguments.plot_map)?;
    let progress = Progress::start("counting and certifying");
    let catalogue = Catalogue::new(&subject, &space, arguments.sizes.checked(), &|done, of| progress.tell(done, of))?;
    drop(progress);
    let plan = plan(&subject, &catalogue, &request)?;
    if let Some(file) = suite_file {
        file.finish(suite_text(&plan.chosen.suite)?.as_bytes())?;
    }
    if let Some(file) = deployment_file {
        file.finish(deployment_text(&plan).as_bytes())?;
    }
    if let Some((file, format)) = front_file {
        let points = front(&catalogue, &request);
        file.finish(&format.contents(&chart::front(&plan, &points))?)?;
    }
    if let Some((file, format)) = timeline_file {
        file.finish(&format.contents(&chart::timeline(&plan))?)?;
    }
    if let Some((file, format)) = map_file {
        file.finish(&format.contents(&chart::map(&catalogue, &request))?)?;
    }
    screen::show(&plan, manner, |explain| words::text(&plan, &catalogue, machine.as_ref(), explain))?;
    Ok(Outcome::Positive)
}

/// Begins a file that is asked for.
fn begin(path: &Option<PathBuf>) -> Result<Option<Pending>, CliError> {
    path.as_deref().map(Pending::create).transpose()
}

/// Begins a picture that is asked for.
fn begin_picture(path: &Option<PathBuf>) -> Result<Option<(Pending, Format)>, CliError> {
    let begin = |path: &Path| {
        let format = Format::of(path)?;
        Ok((Pending::create(path)?, format))
    };
    path.as_deref().map(begin).transpose()
}
