//! A bill in one line, and under what it is counted.

use crate::sizes::Sizes;
use serde::Serialize;
use std::collections::BTreeMap;
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::program::{Bill, Grouping, Phase, PhaseBill, Program, Schedule};
use viewless_protocols::suite::Suite;
use viewless_simulator::failure::{self, Failure};
use viewless_simulator::network::Network;

/// Magnitude assumed of truncated numbers where nothing has run yet.
pub const ASSUMED_MAGNITUDE: f64 = 1.0;

/// A bill in one line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Price {
    /// The suite, or what is changed in it.
    pub choice: String,
    /// Rounds of the online phase.
    pub rounds_online: u32,
    /// Bytes of the online phase over all links.
    pub bytes_online: u64,
    /// Bytes of the setup phase over all links.
    pub bytes_setup: u64,
    /// Bytes of the offline phase over all links.
    pub bytes_offline: u64,
    /// Bytes of all phases among the computing parties.
    pub bytes_between_computing_parties: u64,
    /// Probability of any wrap in one inference, if every truncated number has [`ASSUMED_MAGNITUDE`].
    pub failure_probability: f64,
    /// Online messages on each network, without computation.
    pub predicted_seconds: BTreeMap<String, f64>,
}

impl Price {
    /// Counts a Program; the registry has the protocols after which its regions are named.
    #[must_use]
    pub fn of(
        choice: impl Into<String>,
        program: &Program,
        registry: &Registry,
        schedule: Schedule,
        networks: &[&Network],
    ) -> Self {
        let bill = viewless_protocols::program::bill(program, schedule, Grouping::Layer);
        Self::counted(choice, &bill, &failure::predict(program, registry, ASSUMED_MAGNITUDE), networks)
    }

    /// The line of what is counted already.
    #[must_use]
    pub fn counted(choice: impl Into<String>, bill: &Bill, failure: &Failure, networks: &[&Network]) -> Self {
        let seconds = networks.iter().map(|network| (network.name().to_owned(), network.online_seconds(bill)));
        Self::new(choice.into(), &bill.phases, failure.probability(), seconds.collect())
    }

    /// Whether two choices cost the same and fail equally often.
    #[must_use]
    pub fn is_equal_in_cost(&self, other: &Self) -> bool {
        let bytes = |price: &Self| [price.bytes_online, price.bytes_setup, price.bytes_offline];
        self.rounds_online == other.rounds_online
            && bytes(self) == bytes(other)
            && self.failure_probability == other.failure_probability
    }

    pub(crate) fn new(
        choice: String,
        phases: &BTreeMap<Phase, PhaseBill>,
        failure_probability: f64,
        predicted_seconds: BTreeMap<String, f64>,
    ) -> Self {
        let bytes = |phase| phases[&phase].bytes_total;
        Self {
            choice,
            rounds_online: phases[&Phase::Online].rounds,
            bytes_online: bytes(Phase::Online),
            bytes_setup: bytes(Phase::Setup),
            bytes_offline: bytes(Phase::Offline),
            bytes_between_computing_parties: phases.values().map(|phase| phase.bytes_between_computing_parties).sum(),
            failure_probability,
            predicted_seconds,
        }
    }
}

/// Under what a subject is counted.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The suite.
    pub suite: &'a Suite,
    /// The sizes.
    pub sizes: Sizes,
    /// Which sends share a round.
    pub schedule: Schedule,
    /// The network whose time is predicted.
    pub network: &'a Network,
    /// What the bill is broken down by.
    pub grouping: Grouping,
}
