//! The bill of a Program as it is printed and serialised.

use serde::Serialize;
use std::collections::BTreeMap;
use viewless_protocols::program::{Phase, Program};
use viewless_simulator::count::{self, Grouping, PhaseBill, RegionBill, Schedule};
use viewless_simulator::failure::{self, Failure};
use viewless_simulator::network::Network;

/// Magnitude assumed of truncated numbers where nothing has run yet.
pub const ASSUMED_MAGNITUDE: f64 = 1.0;

/// What a Program is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProgramSummary {
    /// Number of values.
    pub values: usize,
    /// BLAKE3 of its text form.
    pub digest: String,
}

/// The report of `viewless cost`.
#[derive(Debug, Clone, Serialize)]
pub struct CostReport {
    /// Name or directory of the model, or name of the protocol.
    pub model: String,
    /// Name of the suite.
    pub suite: String,
    /// Tokens (for a protocol: elements of a row).
    pub seq: usize,
    /// Sequences (for a protocol: rows).
    pub batch: usize,
    /// How rounds were formed.
    pub schedule: Schedule,
    /// One bill for each phase.
    pub phases: BTreeMap<Phase, PhaseBill>,
    /// One bill for each function, layer or region.
    pub regions: Vec<RegionBill>,
    /// Probability of any wrap in one inference, if every truncated number has the assumed magnitude.
    pub failure_probability: f64,
    /// How that was reckoned.
    pub failure: Failure,
    /// Online messages on the network; plus computation where it was measured.
    pub predicted_seconds: f64,
    /// The network.
    pub network: String,
    /// The Program counted.
    pub program: ProgramSummary,
}

/// Counts a Program. The names and sizes are left to the caller.
#[must_use]
pub fn cost_report(program: &Program, schedule: Schedule, grouping: Grouping, network: &Network) -> CostReport {
    let bill = count::bill(program, schedule, grouping);
    let failure = failure::predict(program, ASSUMED_MAGNITUDE);
    CostReport {
        model: String::new(),
        suite: String::new(),
        seq: 0,
        batch: 0,
        schedule,
        predicted_seconds: bill.online_seconds(network),
        network: network.name().to_owned(),
        phases: bill.phases,
        regions: bill.regions,
        failure_probability: failure.probability(),
        failure,
        program: ProgramSummary { values: program.values.len(), digest: program.digest().to_hex().to_string() },
    }
}
