//! The bill of a subject or of a Program, complete: counted once, with what other choices would cost.

use crate::alternatives::{self, Alternatives};
pub use crate::price::{ASSUMED_MAGNITUDE, Price, Setting};
use crate::programs::Programs;
use crate::subject::{Subject, SubjectError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Instant;
use viewless_protocols::program::{COMPUTING, PhaseBill, RegionBill, Schedule};
use viewless_protocols::program::{Phase, Program};
use viewless_protocols::scheme::{Sharing, Triples};
use viewless_simulator::failure::{self, Failure};
use viewless_simulator::network::Network;

/// What a Program is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProgramSummary {
    /// Number of values.
    pub values: usize,
    /// BLAKE3 of its text form.
    pub digest: String,
}

/// How often the setup phase is paid: a consequence of how weights are masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetupPer {
    /// Once: a weight keeps its mask, or needs none.
    Model,
    /// Again for each: a weight is masked afresh.
    Inference,
}

impl From<Sharing> for SetupPer {
    fn from(sharing: Sharing) -> Self {
        match sharing {
            Sharing::Additive2(Triples::FixedWeight | Triples::PerValue, _) | Sharing::Replicated3(_) => Self::Model,
            Sharing::Additive2(Triples::Fresh, _) => Self::Inference,
        }
    }
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
    /// The parties that compute on shares.
    pub computing_parties: Vec<String>,
    /// One bill for each phase.
    pub phases: BTreeMap<Phase, PhaseBill>,
    /// One bill for each function, layer or region.
    pub regions: Vec<RegionBill>,
    /// How often the setup phase is paid.
    pub setup_per: SetupPer,
    /// Probability of any wrap in one inference, if every truncated number has the assumed magnitude.
    pub failure_probability: f64,
    /// How that was reckoned.
    pub failure: Failure,
    /// Online messages on the network, without computation.
    pub network_seconds: f64,
    /// Online messages on the network; plus computation where it was measured.
    pub predicted_seconds: f64,
    /// The network.
    pub network: Network,
    /// The Program counted.
    pub program: ProgramSummary,
    /// What the same would cost with another choice.
    pub alternatives: Vec<Price>,
    /// Why an alternative has no price.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl CostReport {
    /// Builds a subject, counts its Program, and prices the alternatives of its suite.
    ///
    /// # Errors
    /// Sizes that the subject cannot take, numbers that do not fit the suite's fixed point. An alternative that cannot be priced is no
    /// error, but a note.
    pub fn new(subject: &Subject, setting: &Setting<'_>) -> Result<Self, SubjectError> {
        Self::of(&Programs::of(subject, setting.suite, setting.sizes), setting)
    }

    /// As [`CostReport::new`], of Programs that other parts of a report use, too.
    pub(crate) fn of(programs: &Programs<'_>, setting: &Setting<'_>) -> Result<Self, SubjectError> {
        let own = || {
            let started = Instant::now();
            let program = programs.under(setting.suite)?;
            tracing::debug!(seconds = started.elapsed().as_secs_f64(), "compiled and checked");
            Ok::<_, SubjectError>(program)
        };
        let prices = || alternatives::prices_of(programs, setting);
        let (program, alternatives) = rayon::join(own, prices);
        Ok(Self::counted(programs.subject, &*program?, setting, alternatives, 0.0))
    }

    /// Counts a Program that the subject has under this setting; `seconds_computed` is what a run of it took.
    pub(crate) fn counted(
        subject: &Subject,
        program: &Program,
        setting: &Setting<'_>,
        alternatives: Alternatives,
        seconds_computed: f64,
    ) -> Self {
        let Setting { suite, sizes, schedule, network, grouping } = *setting;
        let sizes = subject.sizes(sizes);
        let bill = viewless_protocols::program::bill(program, schedule, grouping);
        let failure = failure::predict(program, &subject.registry, ASSUMED_MAGNITUDE);
        let own = Price::counted(suite.name.clone(), &bill, &failure, &[]);
        let network_seconds = network.online_seconds(&bill);
        Self {
            model: subject.name.clone(),
            suite: suite.name.clone(),
            seq: sizes.seq(),
            batch: sizes.batch(),
            schedule,
            network_seconds,
            predicted_seconds: network_seconds + seconds_computed,
            network: network.clone(),
            computing_parties: program.parties.intersection(COMPUTING).iter().map(|party| party.to_string()).collect(),
            phases: bill.phases,
            regions: bill.regions,
            setup_per: suite.scheme.sharing.into(),
            failure_probability: failure.probability(),
            failure,
            program: ProgramSummary { values: program.values.len(), digest: program.digest().to_hex().to_string() },
            // What costs and fails exactly like the suite itself says nothing.
            alternatives: alternatives.prices.into_iter().filter(|price| !price.is_equal_in_cost(&own)).collect(),
            notes: alternatives.notes,
        }
    }

    /// The bill in one line, without predicted times.
    #[must_use]
    pub fn price(&self) -> Price {
        Price::new(self.suite.clone(), &self.phases, self.failure_probability, BTreeMap::new())
    }
}
