//! What coalitions learn: proved, refuted with a witness, or undecided; never a bare boolean.

use crate::Progress;
use crate::certificate::CertificateFile;
use crate::sizes::Sizes;
use crate::subject::{Subject, SubjectError};
use serde::Serialize;
use std::time::Instant;
use thiserror::Error;
use viewless_proofs::privacy::{self, Coalition, CoalitionError, Offending, Report};
use viewless_protocols::program::Program;
use viewless_protocols::suite::Suite;

/// A proof that could not be tried.
#[derive(Debug, Error)]
pub enum ProofError {
    /// The Program.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// A coalition of nobody or strangers.
    #[error(transparent)]
    Coalition(#[from] CoalitionError),
}

/// What is proved of a subject.
#[derive(Debug, Serialize)]
pub struct ProveReport {
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
    /// One verdict for each coalition asked about.
    pub coalitions: Vec<CoalitionReport>,
    /// Coalitions of which the scheme promises nothing, and which were not asked about.
    pub not_promised: Vec<Vec<String>>,
    /// How long it took.
    pub seconds: f64,
}

/// The verdict about one coalition.
#[derive(Debug, Serialize)]
pub struct CoalitionReport {
    /// Members of the coalition.
    pub parties: Vec<String>,
    /// Whether the scheme promises that it learns nothing.
    pub promised: bool,
    /// `proved`, `refuted` or `undecided`.
    pub verdict: &'static str,
    /// Messages that it receives.
    pub messages: usize,
    /// At most this far from a view made without the secrets; absent unless proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistical_distance: Option<f64>,
    /// Whether the simulator needs the coalition's own samples; absent unless proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_own_samples: Option<bool>,
    /// Messages that no rule makes without the secrets.
    pub offending: Vec<Offending>,
    /// Two assignments of secrets that the coalition can tell apart, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
    /// How long it took.
    pub seconds: f64,
}

/// A report with the proofs that can be stored.
#[derive(Debug)]
pub struct Proof {
    /// The verdicts.
    pub report: ProveReport,
    /// The proofs behind those that are `proved`.
    pub certificates: CertificateFile,
}

impl ProveReport {
    /// Whether every coalition asked about is proved.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.coalitions.iter().all(|coalition| coalition.verdict == "proved")
    }
}

impl Proof {
    /// Proves a subject against the named coalitions, or against all that are promised if none is named. `progress` is told how many
    /// are done.
    ///
    /// # Errors
    /// A subject, suite or coalition that cannot be used.
    pub fn new(
        subject: &Subject,
        suite: &Suite,
        sizes: Sizes,
        coalitions: &[String],
        progress: Progress<'_>,
    ) -> Result<Self, ProofError> {
        let started = Instant::now();
        let sizes = subject.sizes(sizes);
        let program = subject.program(suite, sizes)?;
        let promised = privacy::promised_coalitions(&program);
        let asked = if coalitions.is_empty() {
            promised.clone()
        } else {
            coalitions.iter().map(|names| Coalition::parse(&program, names)).collect::<Result<_, _>>()?
        };
        // Of a large Program hashing is most of the time.
        let digest = program.digest().to_hex().to_string();
        let (mut reports, mut certificates) = (Vec::new(), Vec::new());
        for (done, &coalition) in asked.iter().enumerate() {
            progress(done, asked.len());
            let started = Instant::now();
            let report = privacy::decide_hashed(&program, &digest, coalition);
            reports.push(describe(&program, &report, promised.contains(&coalition), started));
            certificates.extend(report.certificate);
        }
        let (seq, batch) = (sizes.seq(), sizes.batch());
        let unpromised = privacy::unpromised_coalitions(&program);
        let report = ProveReport {
            subject: subject.name.clone(),
            suite: suite.name.clone(),
            seq,
            batch,
            digest,
            not_promised: unpromised.into_iter().filter(|coalition| !asked.contains(coalition)).map(names).collect(),
            coalitions: reports,
            seconds: started.elapsed().as_secs_f64(),
        };
        let certificates =
            CertificateFile { subject: subject.name.clone(), suite: suite.clone(), seq, batch, certificates };
        Ok(Self { report, certificates })
    }
}

fn names(coalition: Coalition) -> Vec<String> {
    coalition.members().iter().map(|party| party.to_string()).collect()
}

fn describe(program: &Program, report: &Report, promised: bool, started: Instant) -> CoalitionReport {
    let (statistical_distance, given_own_samples, witness) = match &report.verdict {
        privacy::Verdict::Proved { statistical_distance, given_own_samples } => {
            (Some(*statistical_distance), Some(*given_own_samples), None)
        }
        privacy::Verdict::Refuted { witness, .. } => (None, None, Some(witness.to_string())),
        privacy::Verdict::Undecided { .. } => {
            // A smaller copy may show where to look; it refutes itself, not this Program.
            let refutation = privacy::refute(program, report.coalition);
            let hint = refutation.and_then(|refutation| {
                let bits = refutation.shrunk_to_bits?;
                Some(format!("a copy of it with words of {bits} bit leaks: {}", refutation.witness))
            });
            (None, None, hint)
        }
    };
    CoalitionReport {
        parties: names(report.coalition),
        promised,
        verdict: report.verdict.name(),
        messages: report.messages,
        statistical_distance,
        given_own_samples,
        offending: report.verdict.offending().to_vec(),
        witness,
        seconds: started.elapsed().as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::suite::Suite;

    /// What hashing costs on a large Program is paid once: whoever has the digest hands it on, and it is not made again.
    #[test]
    fn the_digest_of_a_program_is_computed_once_for_all_coalitions() {
        let (subject, suite) = (Subject::find("exp/limit").unwrap(), Suite::built_in("faithful").unwrap());
        let sizes = Sizes::new(3, 1).unwrap();
        let program = subject.program(&suite, sizes).unwrap();
        for coalition in privacy::promised_coalitions(&program) {
            let report = privacy::decide_hashed(&program, "handed on", coalition);
            assert_eq!(report.certificate.map(|certificate| certificate.digest), Some("handed on".to_owned()));
        }
        let proof = Proof::new(&subject, &suite, sizes, &[], &|_, _| {}).unwrap();
        assert_eq!(proof.report.digest, program.digest().to_hex().to_string());
        assert!(proof.report.is_proved() && !proof.certificates.certificates.is_empty());
        assert!(proof.certificates.certificates.iter().all(|certificate| certificate.digest == proof.report.digest));
    }
}
