//! What coalitions learn: proved, refuted with a witness, or undecided; never a bare boolean.

use crate::Progress;
use crate::certificate::{By, CertificateFile, CoalitionClaim, DeclaredOutput, outputs_of, suite_in_words};
use crate::comparison::certified;
use crate::sizes::Sizes;
use crate::subject::{Kind, Subject, SubjectError};
use serde::Serialize;
use std::time::Instant;
use thiserror::Error;
use viewless_proofs::privacy::certificate::{FORMAT, Simulator};
use viewless_proofs::privacy::queries::QueriesError;
use viewless_proofs::privacy::{self, Coalition, CoalitionError, Offending, Report, Verdict};
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
    /// No queries, or too many.
    #[error(transparent)]
    Queries(#[from] QueriesError),
}

/// What is proved of a subject.
#[derive(Debug, Serialize)]
pub struct ProveReport {
    /// Model or protocol, as it was named.
    pub subject: String,
    /// The suite, in words.
    pub suite: String,
    /// Tokens, or elements of a row.
    pub seq: usize,
    /// Sequences, or rows.
    pub batch: usize,
    /// Queries after one setup.
    pub queries: usize,
    /// BLAKE3 of the Program's text form.
    pub digest: String,
    /// One verdict for each coalition asked about.
    pub coalitions: Vec<CoalitionReport>,
    /// Of a protocol: no element of its output errs by more, on the domain of its card, in runs that do not wrap. `None` where none is
    /// certified, as of a model. It bounds what an output may carry beyond the ideal result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certified_error: Option<f64>,
    /// If all coalitions were asked about: the largest that are proved, of those outside which somebody has an input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximal: Option<Vec<Vec<String>>>,
    /// Coalitions that the scheme promises, and about which nobody asked: of these nothing is said.
    #[serde(skip)]
    pub unasked: Vec<Vec<String>>,
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
    /// How that was found.
    pub by: By,
    /// Messages that it receives.
    pub messages: usize,
    /// At most this far from a view made without the secrets; absent unless proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistical_distance: Option<f64>,
    /// Which claim is proved: what the simulator is given; absent unless proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulator: Option<Simulator>,
    /// Declared outputs of its members: the verdict is relative to these.
    pub outputs: Vec<DeclaredOutput>,
    /// Messages that no rule makes without the secrets.
    pub offending: Vec<Offending>,
    /// Two assignments of secrets that the coalition can tell apart, in words; where only the weaker claim is proved, ones that refute
    /// the stronger.
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
    /// The same with the proofs behind those that are `proved`.
    pub certificates: CertificateFile,
}

/// Which coalitions are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Those that the scheme promises: every single party.
    Promised,
    /// Every set of parties; those that are not promised by the prover alone, without counting.
    All,
    /// These, each as names with commas between.
    Named(Vec<String>),
}

impl ProveReport {
    /// Whether every coalition asked about is proved; if all sets of parties were, every promised one.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        let counts = |coalition: &&CoalitionReport| self.maximal.is_none() || coalition.promised;
        self.coalitions.iter().filter(counts).all(|coalition| coalition.verdict == "proved")
    }
}

impl Proof {
    /// Proves a subject, a setup and so many queries, against coalitions. `progress` is told how many are done.
    ///
    /// # Errors
    /// A subject, suite, coalition or number of queries that cannot be used.
    pub fn new(
        subject: &Subject,
        suite: &Suite,
        sizes: Sizes,
        queries: usize,
        asked: &Asked,
        progress: Progress<'_>,
    ) -> Result<Self, ProofError> {
        let started = Instant::now();
        let sizes = subject.sizes(sizes);
        let mut program = subject.program(suite, sizes)?;
        if queries != 1 {
            program = privacy::queries::repeated(&program, queries)?;
        }
        let promised = privacy::promised_coalitions(&program);
        let coalitions = match asked {
            Asked::Promised => promised.clone(),
            Asked::All => privacy::all_coalitions(&program),
            Asked::Named(names) => {
                names.iter().map(|names| Coalition::parse(&program, names)).collect::<Result<_, _>>()?
            }
        };
        let (mut reports, mut claims, mut proved) = (Vec::new(), Vec::new(), Vec::new());
        for (done, &coalition) in coalitions.iter().enumerate() {
            progress(done, coalitions.len());
            let started = Instant::now();
            let is_promised = promised.contains(&coalition);
            let report = if is_promised || *asked != Asked::All {
                privacy::decide(&program, coalition)
            } else {
                privacy::prove_quickly(&program, coalition)
            };
            if matches!(report.verdict, Verdict::Proved { .. }) && privacy::has_secrets_outside(&program, coalition) {
                proved.push(coalition);
            }
            let look = is_promised || *asked != Asked::All;
            let described = describe(&program, &report, is_promised, look, started);
            claims.push(CoalitionClaim {
                parties: coalition.members().iter().collect(),
                promised: is_promised,
                verdict: described.verdict.to_owned(),
                by: described.by,
                simulator: described.simulator,
                statistical_distance: described.statistical_distance,
                outputs: described.outputs.clone(),
                certificate: report.certificate,
            });
            reports.push(described);
        }
        let (seq, batch) = (sizes.seq(), sizes.batch());
        let maximal = || privacy::maximal(&proved).into_iter().map(names).collect();
        let report = ProveReport {
            subject: subject.name.clone(),
            suite: suite_in_words(suite),
            seq,
            batch,
            queries,
            digest: program.digest().to_hex().to_string(),
            certified_error: match &subject.kind {
                Kind::Protocol(protocol) => certified(protocol, suite, seq),
                Kind::Model(_) | Kind::Autoencoder(_) => None,
            },
            coalitions: reports,
            maximal: (*asked == Asked::All).then(maximal),
            unasked: promised.iter().filter(|one| !coalitions.contains(one)).map(|&one| names(one)).collect(),
            seconds: started.elapsed().as_secs_f64(),
        };
        let certificates = CertificateFile {
            format: FORMAT,
            subject: subject.name.clone(),
            subject_text: subject.text.clone(),
            suite: suite.clone(),
            seq,
            batch,
            queries,
            digest: program.digest().to_hex().to_string(),
            coalitions: claims,
        };
        Ok(Self { report, certificates })
    }
}

fn names(coalition: Coalition) -> Vec<String> {
    coalition.members().iter().map(|party| party.to_string()).collect()
}

/// Programs of more words are not counted for the joint statement: for every coalition it would take too long.
const MOST_COUNTED: usize = 512;

fn words(program: &Program) -> usize {
    program.values.iter().map(|value| value.shape.elements()).sum()
}

/// What was found, with a witness where one can be counted: of a refutation, or of a leak of a smaller copy.
fn describe(program: &Program, report: &Report, promised: bool, look: bool, started: Instant) -> CoalitionReport {
    let smaller = |claim: Simulator, what: &str| {
        let refutation = match report.verdict {
            Verdict::Proved { .. } => privacy::refute_quickly(program, report.coalition, claim)?,
            Verdict::Refuted { .. } | Verdict::Undecided { .. } => privacy::refute(program, report.coalition, claim)?,
        };
        let witness = &refutation.witness;
        Some(match refutation.shrunk_to_bits {
            None => format!("{what}: {witness}"),
            Some(bits) => format!("{what} of a copy of it with words of {bits} bit: {witness}"),
        })
    };
    let (statistical_distance, simulator, witness) = match &report.verdict {
        Verdict::Proved { statistical_distance, simulator } => {
            let witness = match simulator {
                Simulator::GivenOwnSamples if look => smaller(
                    Simulator::DrawsOwnSamples,
                    "a simulator that is not given the coalition's samples is refuted by counting",
                ),
                Simulator::GivenOwnRandomness if look => smaller(
                    Simulator::GivenOwnSamples,
                    "a simulator that is given the coalition's own samples only is refuted by counting",
                ),
                Simulator::DrawsOwnSamples if look && words(program) <= MOST_COUNTED => smaller(
                    Simulator::JointlyWithOutputs,
                    "the joint statement, about view and all outputs together, is refuted by counting",
                ),
                Simulator::GivenOwnSamples
                | Simulator::GivenOwnRandomness
                | Simulator::DrawsOwnSamples
                | Simulator::JointlyWithOutputs => None,
            };
            (Some(*statistical_distance), Some(*simulator), witness)
        }
        Verdict::Refuted { witness, .. } => (None, None, Some(witness.to_string())),
        Verdict::Undecided { .. } if look => {
            // A smaller copy may show where to look; it refutes itself, not this Program.
            (None, None, smaller(Simulator::GivenOwnSamples, "counting finds a leak"))
        }
        Verdict::Undecided { .. } => (None, None, None),
    };
    let by = match (&report.verdict, &report.certificate) {
        (_, Some(_)) => By::Certificate,
        (Verdict::Proved { .. } | Verdict::Refuted { .. }, None) => By::Count,
        (Verdict::Undecided { .. }, None) => By::Nothing,
    };
    CoalitionReport {
        parties: names(report.coalition),
        promised,
        verdict: report.verdict.name(),
        by,
        messages: report.messages,
        statistical_distance,
        simulator,
        outputs: outputs_of(program, report.coalition),
        offending: report.verdict.offending().to_vec(),
        witness,
        seconds: started.elapsed().as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::nonlinear::Registry;
    use viewless_protocols::suite::Suite;

    /// (That it is made once, however many coalitions there are, is a test of the digest itself.)
    #[test]
    fn report_and_certificates_are_about_the_program_of_one_digest() {
        let (subject, suite) =
            (Subject::find("exp/limit", Registry::built_in()).unwrap(), Suite::built_in("faithful").unwrap());
        let sizes = Sizes::new(3, 1).unwrap();
        let program = subject.program(&suite, sizes).unwrap();
        let proof = Proof::new(&subject, &suite, sizes, 1, &Asked::Promised, &|_, _| {}).unwrap();
        assert_eq!(proof.report.digest, program.digest().to_hex().to_string());
        assert!(proof.report.is_proved());
        assert_eq!(proof.certificates.digest, proof.report.digest);
        let certificates = proof.certificates.coalitions.iter().filter_map(|claim| claim.certificate.as_ref());
        assert!(certificates.clone().count() > 1 && certificates.clone().all(|one| one.digest == proof.report.digest));
    }
}
