//! Every report that one protocol has.

use crate::bill::{CostReport, Setting};
use crate::card::CardReport;
use crate::error_audit::{ErrorAudit, question};
use crate::proof::{Proof, ProofError, ProveReport};
use crate::sizes::Sizes;
use crate::subject::{Subject, SubjectError};
use serde::Serialize;
use std::sync::Arc;
use thiserror::Error;
use viewless_proofs::audit::AuditError;
use viewless_protocols::nonlinear::Protocol;
use viewless_protocols::suite::Suite;
use viewless_simulator::count::{Grouping, Schedule};
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
    /// What coalitions learn.
    pub private: ProveReport,
    /// What it costs.
    pub cheap: CostReport,
}

impl Assay {
    /// Asks every question about a protocol, under the scheme and fixed point of a suite.
    ///
    /// # Errors
    /// Sizes and suites that cannot be used.
    pub fn new(protocol: &Arc<Protocol>, suite: &Suite, sizes: Sizes) -> Result<Self, AssayError> {
        let subject = Subject::of_protocol(Arc::clone(protocol));
        let network = Network::lan();
        let setting = Setting { suite, sizes, schedule: Schedule::Asap, network: &network, grouping: Grouping::Region };
        Ok(Self {
            card: CardReport::new(&protocol.card),
            right: ErrorAudit::new(protocol, &question(&subject.name, suite), sizes.seq())?,
            private: Proof::new(&subject, suite, sizes, &[], &|_, _| {})?.report,
            cheap: CostReport::new(&subject, &setting)?,
        })
    }

    /// Whether the card's claim is true and every promised coalition is proved.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.right.holds() && self.private.is_proved()
    }
}
