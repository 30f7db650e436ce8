//! Stored proofs: what `prove` writes, and what verifies it again with a checker that shares no code with the prover.
//!
//! A file is evidence, not a statement: what is reported is that *this* Program, built from what the user states (or, if nothing is
//! stated, from what the file states, and then the report says so), has these coalitions proved by certificates that were checked
//! here. The format: `docs/certificate.md`.

use crate::sizes::{SizeError, Sizes};
use crate::subject::{Subject, SubjectError};
use serde::{Deserialize, Serialize};
use std::time::Instant;
use thiserror::Error;
use viewless_models::Unambiguous;
use viewless_proofs::privacy::certificate::{Certificate, FORMAT, Simulator};
use viewless_proofs::privacy::queries::{self, QueriesError};
use viewless_proofs::privacy::{self, Coalition, check};
use viewless_protocols::decimal;
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::party::Party;
use viewless_protocols::plain::first_not_plain;
use viewless_protocols::program::{Op, Program};
use viewless_protocols::suite::{Suite, SuiteError};

/// Stored proofs that cannot be checked.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// Not the JSON of certificates.
    #[error("it is no file of certificates: {reason}")]
    Malformed {
        /// What and where.
        reason: String,
    },
    /// Of another version.
    #[error("it has format {found}, and {FORMAT} is read; prove again")]
    Format {
        /// Its format.
        found: u32,
    },
    /// Nothing to check.
    #[error("it holds no certificate: nothing was proved")]
    Empty,
    /// A name that would look like something else on a screen.
    #[error("the name {name:?} in it holds control characters")]
    Name {
        /// The name.
        name: String,
    },
    /// A suite that names what there is not, if only for functions that the subject does not use.
    #[error(
        "{error}; no proof is stored with such a suite: the file was edited, or is of another viewless; prove again"
    )]
    Suite {
        /// What it names.
        error: SuiteError,
    },
    /// Sizes that nothing has.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// Sizes that the subject does not have, or that are not those of the proofs.
    #[error(
        "its sizes, seq {}, batch {} and queries {}, are not those of what it proves, which are {}, {} and {}; the file was edited; prove again",
        found.0, found.1, found.2, proved.0, proved.1, proved.2
    )]
    OtherSizes {
        /// Tokens, sequences and queries in the file.
        found: (usize, usize, usize),
        /// Those of the Program.
        proved: (usize, usize, usize),
    },
    /// The Program.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// The queries.
    #[error(transparent)]
    Queries(#[from] QueriesError),
}

/// Proofs with what they are about: enough to build the Program again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFile {
    /// [`FORMAT`].
    pub format: u32,
    /// Model or protocol, as it was named.
    pub subject: String,
    /// The text of the subject, if that is a protocol file, so that this file stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_text: Option<String>,
    /// The whole suite with the texts of its protocol files, so that the file stands alone.
    pub suite: Suite,
    /// Tokens, or elements of a row.
    pub seq: usize,
    /// Sequences, or rows.
    pub batch: usize,
    /// Queries after one setup.
    pub queries: usize,
    /// BLAKE3 of the Program's text form.
    pub digest: String,
    /// What is claimed of each coalition that was asked about.
    pub coalitions: Vec<CoalitionClaim>,
}

/// How a verdict was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// By a certificate.
    Certificate,
    /// By counting all samples.
    Count,
    /// Not at all.
    Nothing,
}

/// What is claimed of a coalition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoalitionClaim {
    /// Its members.
    pub parties: Vec<Party>,
    /// Whether the scheme promises that it learns nothing.
    pub promised: bool,
    /// `proved`, `refuted` or `undecided`.
    pub verdict: String,
    /// How that was found.
    pub by: By,
    /// What the simulator is given; absent unless proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulator: Option<Simulator>,
    /// At most this far from the ideal; absent unless proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistical_distance: Option<f64>,
    /// The outputs of its members, relative to which it is proved.
    pub outputs: Vec<DeclaredOutput>,
    /// The proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

/// A declared output of a member of a coalition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredOutput {
    /// The reveal.
    pub value: u32,
    /// Whose output.
    pub party: Party,
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its fraction bits.
    pub fraction_bits: u8,
}

/// The declared outputs of the members of a coalition.
#[must_use]
pub fn outputs_of(program: &Program, coalition: Coalition) -> Vec<DeclaredOutput> {
    let output = |(id, value): (viewless_protocols::program::ValueId, &viewless_protocols::program::Value)| match &value
        .op
    {
        Op::Reveal { to, name, fraction_bits, .. } if coalition.members().contains(*to) => Some(DeclaredOutput {
            value: id.0,
            party: *to,
            name: name.to_string(),
            shape: value.shape.axes().to_vec(),
            fraction_bits: *fraction_bits,
        }),
        Op::Reveal { .. } | Op::Input { .. } | Op::Constant(_) | Op::Sample { .. } | Op::Local(..) | Op::Send(..) => {
            None
        }
    };
    program.iter().filter_map(output).collect()
}

/// What a Program is built from.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Model or protocol.
    pub subject: String,
    /// The text of the subject, if that is a protocol file of which not the name but these contents are meant.
    pub subject_text: Option<String>,
    /// The suite.
    pub suite: Suite,
    /// The sizes.
    pub sizes: Sizes,
    /// Queries after one setup.
    pub queries: usize,
}

impl Statement {
    /// The Program; protocols are those of the registry.
    ///
    /// # Errors
    /// A subject, suite or number of queries that cannot be used.
    pub fn program(&self, registry: &Registry) -> Result<Program, CertificateError> {
        let subject = match &self.subject_text {
            Some(text) => Subject::of_text(&self.subject, text.clone(), registry)?,
            None => Subject::find(&self.subject, registry)?,
        };
        let (found, sizes) = (self.all_sizes(), subject.sizes(self.sizes));
        if sizes != self.sizes {
            let proved = (sizes.seq(), sizes.batch(), self.queries);
            return Err(CertificateError::OtherSizes { found, proved });
        }
        let one = subject.program(&self.suite, self.sizes)?;
        Ok(if self.queries == 1 { one } else { queries::repeated(&one, self.queries)? })
    }

    fn all_sizes(&self) -> (usize, usize, usize) {
        (self.sizes.seq(), self.sizes.batch(), self.queries)
    }

    /// The subject in words: never a name alone where stored contents were taken instead of what bears the name.
    #[must_use]
    pub fn subject_in_words(&self) -> String {
        match &self.subject_text {
            Some(text) => {
                let digest = blake3::hash(text.as_bytes()).to_hex();
                format!(
                    "{:?} (a protocol file whose text, BLAKE3 {}..., is stored with the proofs)",
                    self.subject,
                    &digest[..16]
                )
            }
            None => self.subject.clone(),
        }
    }

    /// The suite in words: a built-in's name only if the contents are the built-in's.
    #[must_use]
    pub fn suite_in_words(&self) -> String {
        suite_in_words(&self.suite)
    }
}

/// A suite in words: its name alone only if it is built in, contents and all.
#[must_use]
pub fn suite_in_words(suite: &Suite) -> String {
    match Suite::built_in(&suite.name) {
        Ok(built_in) if built_in == *suite => suite.name.clone(),
        Ok(_) => format!("{:?} (not the built-in suite of that name: its contents differ)", suite.name),
        Err(_) => format!("{:?} (not built in)", suite.name),
    }
}

/// What became of stored proofs.
#[derive(Debug, Serialize)]
pub struct CheckReport {
    /// Whether the subject, suite and sizes are the user's, and not read from the file.
    pub stated_by_user: bool,
    /// Model or protocol.
    pub subject: String,
    /// The suite, in words.
    pub suite: String,
    /// Tokens, or elements of a row.
    pub seq: usize,
    /// Sequences, or rows.
    pub batch: usize,
    /// Queries after one setup.
    pub queries: usize,
    /// BLAKE3 of the text form of the Program that was built here.
    pub digest: String,
    /// Largest statistical distance that is accepted.
    pub largest_distance: f64,
    /// One verdict for each coalition that is promised or in the file.
    pub coalitions: Vec<Checked>,
    /// How long it took.
    pub seconds: f64,
}

/// The verdict about one coalition.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Members of the coalition.
    pub parties: Vec<String>,
    /// Whether the scheme promises that it learns nothing.
    pub promised: bool,
    /// Whether a certificate in the file proves it.
    pub valid: bool,
    /// Steps of the certificate, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// Which claim is proved; absent unless valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulator: Option<Simulator>,
    /// Whether the simulator draws messages conditionally on outputs; absent unless valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditional: Option<bool>,
    /// At most this far from a view made without the secrets; absent unless valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistical_distance: Option<f64>,
    /// The outputs relative to which it is proved, as the Program declares them.
    pub outputs: Vec<DeclaredOutput>,
    /// Why nothing is proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl CertificateFile {
    /// Reads the JSON of certificates.
    ///
    /// # Errors
    /// [`CertificateError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, CertificateError> {
        let malformed = |error: serde_json::Error| CertificateError::Malformed { reason: error.to_string() };
        let Unambiguous(any) = serde_json::from_str(text).map_err(malformed)?;
        let format = any.get("format").and_then(serde_json::Value::as_u64);
        if let Some(found) = format.and_then(|found| u32::try_from(found).ok()).filter(|&found| found != FORMAT) {
            return Err(CertificateError::Format { found });
        }
        let stored: Self = serde_json::from_value(any).map_err(malformed)?;
        for name in [&stored.subject, &stored.suite.name] {
            if first_not_plain(name).is_some() {
                return Err(CertificateError::Name { name: name.clone() });
            }
        }
        let some = stored.coalitions.iter().any(|claim| claim.certificate.is_some());
        if some { Ok(stored) } else { Err(CertificateError::Empty) }
    }

    /// What the file says that its proofs are about.
    ///
    /// # Errors
    /// Sizes that nothing has.
    pub fn statement(&self) -> Result<Statement, CertificateError> {
        Ok(Statement {
            subject: self.subject.clone(),
            subject_text: self.subject_text.clone(),
            suite: self.suite.clone(),
            sizes: Sizes::new(self.seq, self.batch)?,
            queries: self.queries,
        })
    }

    /// Builds the Program again, from what the user states or else from what the file states, and checks every certificate against it.
    ///
    /// # Errors
    /// A subject that cannot be built, or a suite or sizes of which the Program knows nothing. A proof that does not hold is no error, but a finding.
    pub fn check(
        &self,
        stated: Option<&Statement>,
        registry: &Registry,
        largest_distance: f64,
    ) -> Result<CheckReport, CertificateError> {
        let started = Instant::now();
        self.suite.resolvable(registry).map_err(|error| CertificateError::Suite { error })?;
        let (statement, stated_by_user) = match stated {
            Some(stated) => (stated.clone(), true),
            None => (self.statement()?, false),
        };
        let program = statement.program(registry)?;
        let (found, proved) = ((self.seq, self.batch, self.queries), statement.all_sizes());
        if found != proved && self.digest == program.digest().to_hex().as_str() {
            return Err(CertificateError::OtherSizes { found, proved });
        }
        let promised = privacy::promised_coalitions(&program);
        let mut coalitions: Vec<Checked> = Vec::new();
        for &coalition in &promised {
            let claims = self.coalitions.iter().filter(|claim| is_about(claim, coalition)).collect::<Vec<_>>();
            let checked = claims.iter().map(|claim| self.judged(&program, coalition, true, claim, largest_distance));
            match checked.max_by_key(|checked| checked.valid) {
                Some(checked) => coalitions.push(checked),
                None => coalitions.push(Checked {
                    why: Some("the file says nothing of it".to_owned()),
                    ..Checked::nothing(&program, coalition, true)
                }),
            }
        }
        for claim in &self.coalitions {
            match Coalition::of(&program, &claim.parties) {
                Ok(coalition) if promised.contains(&coalition) => {}
                Ok(coalition) => coalitions.push(self.judged(&program, coalition, false, claim, largest_distance)),
                Err(error) => coalitions.push(Checked {
                    parties: claim.parties.iter().map(ToString::to_string).collect(),
                    promised: false,
                    valid: false,
                    steps: None,
                    simulator: None,
                    conditional: None,
                    statistical_distance: None,
                    outputs: Vec::new(),
                    why: Some(error.to_string()),
                }),
            }
        }
        Ok(CheckReport {
            stated_by_user,
            suite: statement.suite_in_words(),
            subject: statement.subject_in_words(),
            seq: statement.sizes.seq(),
            batch: statement.sizes.batch(),
            queries: statement.queries,
            digest: program.digest().to_hex().to_string(),
            largest_distance,
            coalitions,
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// Checks the certificate of a claim, and that it is about the coalition that the claim names.
    fn judged(
        &self,
        program: &Program,
        coalition: Coalition,
        promised: bool,
        claim: &CoalitionClaim,
        largest_distance: f64,
    ) -> Checked {
        let nothing = Checked::nothing(program, coalition, promised);
        let Some(certificate) = &claim.certificate else {
            let how = match claim.by {
                By::Certificate => "with a certificate, which is not there",
                By::Count => "by counting, which leaves no certificate",
                By::Nothing => "by nothing",
            };
            let verdict = claim.verdict.escape_debug();
            return Checked { why: Some(format!("no certificate: the file says `{verdict}`, found {how}")), ..nothing };
        };
        let nothing = Checked { steps: Some(certificate.steps.len()), ..nothing };
        match check::check(program, certificate) {
            Err(error) => Checked { why: Some(error.to_string()), ..nothing },
            Ok(checked) if checked.coalition != coalition => {
                Checked { why: Some(format!("its certificate is about {}", checked.coalition)), ..nothing }
            }
            Ok(checked) if self.claimed_otherwise(program, claim, &checked, promised).is_some() => {
                Checked { why: self.claimed_otherwise(program, claim, &checked, promised), ..nothing }
            }
            Ok(checked) => {
                let distance = checked.statistical_distance;
                let far = format!(
                    "it is proved at the statistical distance {}, above the {} allowed",
                    decimal::exact(distance),
                    decimal::exact(largest_distance)
                );
                let valid = distance <= largest_distance;
                Checked {
                    valid,
                    simulator: Some(checked.simulator),
                    conditional: Some(checked.conditional),
                    statistical_distance: Some(distance),
                    why: (!valid).then_some(far),
                    ..nothing
                }
            }
        }
    }

    /// What the file says of a coalition that its certificate does not show. Nothing is believed that stands beside a certificate; but a file in which
    /// more stands than is proved would be read by somebody who saw that it passed.
    fn claimed_otherwise(
        &self,
        program: &Program,
        claim: &CoalitionClaim,
        checked: &check::Checked,
        promised: bool,
    ) -> Option<String> {
        let otherwise = |what: &str| Some(format!("the file says otherwise than its certificate shows: {what}"));
        if self.digest != program.digest().to_hex().as_str() {
            return otherwise("the digest");
        }
        if claim.verdict != "proved" || claim.by != By::Certificate {
            return otherwise("the verdict");
        }
        if claim.simulator != Some(checked.simulator) {
            return otherwise("which claim is proved");
        }
        if claim.statistical_distance != Some(checked.statistical_distance) {
            return otherwise("the statistical distance");
        }
        if claim.outputs != outputs_of(program, checked.coalition) {
            return otherwise("the declared outputs");
        }
        (claim.promised != promised)
            .then(|| "the file says otherwise than the scheme: whether this coalition is promised".to_owned())
    }
}

fn is_about(claim: &CoalitionClaim, coalition: Coalition) -> bool {
    claim.parties.iter().all(|&party| coalition.members().contains(party))
        && coalition.members().iter().all(|party| claim.parties.contains(&party))
}

impl Checked {
    fn nothing(program: &Program, coalition: Coalition, promised: bool) -> Self {
        Self {
            parties: coalition.members().iter().map(|party| party.to_string()).collect(),
            promised,
            valid: false,
            steps: None,
            simulator: None,
            conditional: None,
            statistical_distance: None,
            outputs: outputs_of(program, coalition),
            why: None,
        }
    }
}

impl CheckReport {
    /// Whether every promised coalition, and every other one in the file, is proved.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.coalitions.iter().all(|coalition| coalition.valid)
    }
}

#[cfg(test)]
mod tests;
