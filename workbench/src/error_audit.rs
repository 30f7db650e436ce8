//! How wrong a protocol is: bounded over every input and every random choice, and measured in runs.

use serde::Serialize;
use viewless_proofs::audit::rows::{Progress, RowReport, audit_rows_with_progress};
use viewless_proofs::audit::{self, Audit, AuditError, ClaimVerdict, Question, Report, function_of};
use viewless_protocols::nonlinear::Protocol;
use viewless_protocols::suite::Suite;

/// The range of the elements of rows, where none is given: that of a Transformer's logits and hidden states.
pub const ROW_RANGE: (f64, f64) = (-16.0, 16.0);

/// What an audit of a protocol found.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ErrorAudit {
    /// Of a function of one number.
    Number(Box<Report>),
    /// Of a function of rows.
    Rows(Box<RowReport>),
}

impl ErrorAudit {
    /// Audits a protocol of numbers, or of rows of `row` elements in [`ROW_RANGE`].
    ///
    /// # Errors
    /// What cannot be audited.
    pub fn new(question: &Question<'_>, row: usize) -> Result<Self, AuditError> {
        Self::with_progress(question, row, &|_, _, _| {})
    }

    /// As [`ErrorAudit::new`], telling what is being done: long rows take a while.
    ///
    /// # Errors
    /// What cannot be audited.
    pub fn with_progress(question: &Question<'_>, row: usize, progress: Progress<'_>) -> Result<Self, AuditError> {
        Ok(if is_of_rows(question.protocol) {
            Self::Rows(Box::new(audit_rows_with_progress(question, row, ROW_RANGE, progress)?))
        } else {
            Self::Number(Box::new(audit::audit(question)?))
        })
    }

    /// Audits a protocol of numbers and keeps the points of its error, for a drawing.
    ///
    /// # Errors
    /// What cannot be audited.
    pub fn with_points(question: &Question<'_>) -> Result<Audit, AuditError> {
        audit::audit_with_points(question)
    }

    /// Whether the card's claim is true; what is neither proved nor refuted is not.
    #[must_use]
    pub fn holds(&self) -> bool {
        let verdict = match self {
            Self::Number(report) => report.verdict,
            Self::Rows(report) => report.verdict,
        };
        match verdict {
            ClaimVerdict::Holds => true,
            ClaimVerdict::Exceeds | ClaimVerdict::Undecided | ClaimVerdict::NotCovered => false,
        }
    }

    /// Whether the figures are about every input of the range: no row of it leaves a claim on the way.
    #[must_use]
    pub fn covers_all(&self) -> bool {
        match self {
            Self::Number(_) => true,
            Self::Rows(report) => report.covered.iter().all(|claim| claim.is_kept),
        }
    }
}

/// Whether a protocol is one of rows and not of single numbers.
#[must_use]
pub fn is_of_rows(protocol: &Protocol) -> bool {
    function_of(protocol.card.error.truth).is_none()
}

/// A protocol on its card's domain, under the scheme and fixed point of a suite.
#[must_use]
pub fn question<'a>(protocol: &'a Protocol, suite: &Suite) -> Question<'a> {
    Question { scheme: suite.scheme, fixed: suite.fixed(), ..Question::new(protocol) }
}
