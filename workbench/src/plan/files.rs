//! Files that describe who computes: clusters and parties.

use super::PlanningError;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use viewless_planner::PlanError;
use viewless_planner::cluster::Cluster;

/// Machines that each party has, and how its stages are linked. All parties have the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PartiesFile {
    /// Machines of each party: at most so many stages.
    pub machines: usize,
    /// At most so many queries in flight at each stage.
    #[serde(default = "one")]
    pub most_in_flight: usize,
    /// Seconds that a machine computes for a layer, measured; zero leaves computation out.
    #[serde(default)]
    pub compute_seconds_per_layer: f64,
    /// Seconds for handing a query from one stage of a party to its next.
    #[serde(default)]
    pub handover_seconds: f64,
}

fn one() -> usize {
    1
}

impl Default for PartiesFile {
    fn default() -> Self {
        Self { machines: 1, most_in_flight: 16, compute_seconds_per_layer: 0.0, handover_seconds: 0.0 }
    }
}

/// The most machines and queries in flight that are searched.
const MOST: usize = 64;

/// Reads the description of the parties.
///
/// # Errors
/// A file that cannot be read or says something else; no machine; too many; times that are none.
pub fn read_parties(path: &Path) -> Result<PartiesFile, PlanningError> {
    let text = read(path)?;
    let refuse = |message: String| PlanningError::Parse { path: path.to_owned(), message };
    let parties: PartiesFile = toml::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    if parties.machines == 0 || parties.most_in_flight == 0 {
        return Err(PlanError::EmptyCluster.into());
    }
    if parties.machines > MOST || parties.most_in_flight > MOST {
        return Err(refuse(format!("machines and most-in-flight are at most {MOST}")));
    }
    for seconds in [parties.compute_seconds_per_layer, parties.handover_seconds] {
        if !(0.0..=1e5).contains(&seconds) {
            return Err(refuse(format!("a time is a number of seconds from 0 to 100000, and not {seconds}")));
        }
    }
    Ok(parties)
}

/// Reads the description of a cluster: `[[node]]` tables with `gpu`, `gpus`, `between_nodes_gigabits_per_second` and
/// `within_node_gigabits_per_second`, which may be `inf`.
///
/// # Errors
/// A file that cannot be read, or describes no cluster.
pub fn read_cluster(path: &Path) -> Result<Cluster, PlanningError> {
    toml::from_str(&read(path)?)
        .map_err(|error| PlanningError::Parse { path: path.to_owned(), message: error.to_string() })
}

fn read(path: &Path) -> Result<String, PlanningError> {
    fs::read_to_string(path).map_err(|source| PlanningError::Read { path: path.to_owned(), source })
}
