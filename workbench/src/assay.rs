//! Every report that one protocol has.

use crate::Progress;
use crate::bill::{CostReport, Setting};
use crate::card::CardReport;
use crate::error_audit::{ErrorAudit, question};
use crate::proof::{Asked, Proof, ProofError, ProveReport};
use crate::sizes::Sizes;
use crate::statistics::{Settings, Statistics, StatisticsError, StatisticsReport};
use crate::subject::{Subject, SubjectError};
use crate::why_not::WhyNot;
use serde::Serialize;
use thiserror::Error;
use viewless_proofs::audit::AuditError;
use viewless_protocols::program::{Grouping, Schedule};
use viewless_protocols::suite::Suite;
use viewless_simulator::network::Network;

/// An assay that could not be made.
#[derive(Debug, Error)]
pub enum AssayError {
    /// The audit.
    #[error(transparent)]
    Audit(Box<AuditError>),
    /// The proof.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The statistics.
    #[error(transparent)]
    Statistics(#[from] StatisticsError),
    /// The bill.
    #[error(transparent)]
    Bill(#[from] SubjectError),
}

impl From<AuditError> for AssayError {
    fn from(error: AuditError) -> Self {
        Self::Audit(Box::new(error))
    }
}

/// Card, error, privacy and bill of one protocol.
#[derive(Debug, Serialize)]
pub struct Assay {
    /// What is claimed of it.
    pub card: CardReport,
    /// How wrong it is.
    pub right: ErrorAudit,
    /// Why it is more wrong than is claimed, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<WhyNot>,
    /// What coalitions learn.
    pub private: ProveReport,
    /// What real runs show of what coalitions see.
    pub statistics: StatisticsReport,
    /// What it costs.
    pub cheap: CostReport,
}

impl Assay {
    /// Elements of a row in the runs for statistics, at most: more say little more, and take longer.
    pub const STATISTICS_ROW: usize = 8;

    /// Asks every question about a protocol, under the scheme and fixed point of a suite. Statistics are made on one row of at most
    /// [`Assay::STATISTICS_ROW`] elements; `progress` is told how many of their runs are done.
    ///
    /// # Errors
    /// A subject that is no protocol; sizes, suites and settings that cannot be used.
    pub fn new(
        subject: &Subject,
        suite: &Suite,
        sizes: Sizes,
        settings: Settings,
        progress: Progress<'_>,
    ) -> Result<Self, AssayError> {
        let protocol = subject.protocol()?;
        let network = Network::lan();
        let row = Sizes::new(sizes.seq().min(Self::STATISTICS_ROW), 1).unwrap_or(sizes);
        let setting = Setting { suite, sizes, schedule: Schedule::Asap, network: &network, grouping: Grouping::Region };
        let question = question(protocol, suite);
        let right = ErrorAudit::new(&question, sizes.seq())?;
        let why_not = WhyNot::of(subject, &question, &right)?;
        Ok(Self {
            card: CardReport { name: protocol.title(), ..CardReport::new(&protocol.card) },
            right,
            why_not,
            private: Proof::new(subject, suite, sizes, 1, &Asked::Promised, &|_, _| {})?.report,
            statistics: Statistics::new(subject, suite, row, &[], settings, progress)?.report,
            cheap: CostReport::new(subject, &setting)?,
        })
    }

    /// Whether the card's claim is true, every promised coalition is proved, and no run shows evidence to the contrary.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.right.holds() && self.private.is_proved() && self.statistics.shows_nothing()
    }
}
