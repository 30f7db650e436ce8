//! `viewless plan amp`: AMP's experiments, as coded and exactly.

use crate::commands::Outcome;
use crate::error::CliError;
use crate::render::amp as words;
use crate::screen::{self, Manner};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use viewless_planner::amp::{self, Quirks};
use viewless_workbench::plan::{PlanningError, read_cluster};

/// Which experiment, and how it is answered.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which of AMP's three experiments
    #[arg(long, value_enum)]
    experiment: Experiment,
    /// As the public code does it, quirks included: meets its logs
    #[arg(long, group = "answer")]
    as_coded: bool,
    /// The same cost model, minimised exactly [default]
    #[arg(long, group = "answer")]
    exact: bool,
    /// Exactly, and each stage at the speed of its own GPUs
    #[arg(long, group = "answer")]
    per_stage_speed: bool,
    /// Another cluster: a .toml file with [[node]] tables
    #[arg(long, value_name = "FILE")]
    cluster: Option<PathBuf>,
    /// How many candidates to show
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
}

/// One of the experiments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Experiment {
    /// GPT-2 on four nodes of four T4
    Homogeneous,
    /// GPT-2 on three nodes of four V100 and one of four T4
    HetCluster,
    /// TransGAN's generator on four nodes of four V100
    HetModel,
}

impl From<Experiment> for amp::Experiment {
    fn from(experiment: Experiment) -> Self {
        match experiment {
            Experiment::Homogeneous => Self::Homogeneous,
            Experiment::HetCluster => Self::HetCluster,
            Experiment::HetModel => Self::HetModel,
        }
    }
}

/// Plans and prints.
///
/// # Errors
/// A cluster that cannot be read or planned for.
pub(super) fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let quirks = if arguments.as_coded {
        Quirks::as_coded()
    } else if arguments.per_stage_speed {
        Quirks::per_stage_speed()
    } else {
        Quirks::exact()
    };
    let cluster = arguments.cluster.as_deref().map(read_cluster).transpose()?;
    let report = amp::report(arguments.experiment.into(), cluster, quirks).map_err(PlanningError::from)?;
    screen::show(&report, manner, |_| words::text(&report, arguments.top.into()))?;
    Ok(Outcome::Positive)
}
