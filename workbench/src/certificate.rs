//! Stored proofs: what `prove` writes, and what verifies it again with a checker that shares no code with the prover.

use crate::sizes::{SizeError, Sizes};
use crate::subject::{Subject, SubjectError};
use serde::{Deserialize, Serialize};
use std::time::Instant;
use thiserror::Error;
use viewless_proofs::privacy::certificate::Certificate;
use viewless_proofs::privacy::check;
use viewless_protocols::suite::Suite;

/// Stored proofs that cannot be checked.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// Not the JSON of certificates.
    #[error("it is no file of certificates: {reason}")]
    Malformed {
        /// What and where.
        reason: String,
    },
    /// Nothing to check.
    #[error("it holds no certificate: nothing was proved")]
    Empty,
    /// Sizes that nothing has.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// The Program.
    #[error(transparent)]
    Subject(#[from] SubjectError),
}

/// Proofs with what they are about: enough to build the Program again.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFile {
    /// Model or protocol, as it was named.
    pub subject: String,
    /// The whole suite, so that the file stands alone.
    pub suite: Suite,
    /// Tokens, or elements of a row.
    pub seq: usize,
    /// Sequences, or rows.
    pub batch: usize,
    /// One proof for each coalition.
    pub certificates: Vec<Certificate>,
}

/// What became of stored proofs.
#[derive(Debug, Serialize)]
pub struct CheckReport {
    /// Model or protocol, as it was named.
    pub subject: String,
    /// Name of the suite.
    pub suite: String,
    /// Tokens, or elements of a row.
    pub seq: usize,
    /// Sequences, or rows.
    pub batch: usize,
    /// BLAKE3 of the Program's text form.
    pub digest: String,
    /// One verdict for each certificate.
    pub certificates: Vec<Checked>,
    /// How long it took.
    pub seconds: f64,
}

/// The verdict about one certificate.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Members of the coalition.
    pub parties: Vec<String>,
    /// Whether every step of it follows.
    pub valid: bool,
    /// Its steps.
    pub steps: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// At most this far from a view made without the secrets; absent unless valid.
    pub statistical_distance: Option<f64>,
    /// The first bad step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl CertificateFile {
    /// Reads the JSON of certificates.
    ///
    /// # Errors
    /// [`CertificateError::Malformed`] says what and where, [`CertificateError::Empty`] that there is nothing to check.
    pub fn parse(text: &str) -> Result<Self, CertificateError> {
        let stored: Self =
            serde_json::from_str(text).map_err(|error| CertificateError::Malformed { reason: error.to_string() })?;
        if stored.certificates.is_empty() { Err(CertificateError::Empty) } else { Ok(stored) }
    }

    /// Builds the Program again from what the file names, and checks every certificate against it.
    ///
    /// # Errors
    /// A subject that cannot be built. A proof that does not hold is no error, but a finding.
    pub fn check(&self) -> Result<CheckReport, CertificateError> {
        let started = Instant::now();
        let subject = Subject::find(&self.subject)?;
        let program = subject.program(&self.suite, Sizes::new(self.seq, self.batch)?)?;
        let certificates = self.certificates.iter().map(|certificate| {
            let checked = check::check(&program, certificate);
            Checked {
                parties: certificate.coalition.iter().map(ToString::to_string).collect(),
                valid: checked.is_ok(),
                steps: certificate.steps.len(),
                statistical_distance: checked.as_ref().ok().map(|checked| checked.statistical_distance),
                why: checked.err().map(|error| error.to_string()),
            }
        });
        Ok(CheckReport {
            certificates: certificates.collect(),
            subject: self.subject.clone(),
            suite: self.suite.name.clone(),
            seq: self.seq,
            batch: self.batch,
            digest: program.digest().to_hex().to_string(),
            seconds: started.elapsed().as_secs_f64(),
        })
    }
}

impl CheckReport {
    /// Whether every certificate is valid.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.certificates.iter().all(|certificate| certificate.valid)
    }
}
