//! `viewless check`: verifies stored proofs again, with a checker that shares no code with the prover.

use super::Verdict;
use super::prove::CertificateFile;
use crate::arguments::Sizes;
use crate::error::CliError;
use crate::subject::Subject;
use crate::{file, screen};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;
use viewless_proofs::privacy::check;

/// What to check.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A file of `viewless prove --certificate`
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// The report.
#[derive(Debug, Serialize)]
struct CheckReport {
    subject: String,
    suite: String,
    seq: usize,
    batch: usize,
    digest: String,
    certificates: Vec<Checked>,
    seconds: f64,
}

/// The verdict about one certificate.
#[derive(Debug, Serialize)]
struct Checked {
    parties: Vec<String>,
    valid: bool,
    steps: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    statistical_distance: Option<f64>,
    /// The first bad step.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Builds the Program again from what the file names, and checks every certificate against it.
///
/// # Errors
/// A file that cannot be read or is no file of certificates, or a subject that cannot be built.
pub fn run(arguments: &Arguments, json: bool) -> Result<Verdict, CliError> {
    let started = Instant::now();
    let path = &arguments.file;
    let malformed = |reason: String| CliError::Certificate { path: path.clone(), reason };
    let stored: CertificateFile =
        serde_json::from_str(&file::read(path)?).map_err(|error| malformed(error.to_string()))?;
    if stored.certificates.is_empty() {
        return Err(malformed("it holds no certificate: nothing was proved".to_owned()));
    }
    let subject = Subject::find(&stored.subject)?;
    let program = subject.program(&stored.suite, Sizes { seq: stored.seq, batch: stored.batch })?;
    let certificates = stored.certificates.iter().map(|certificate| {
        let checked = check::check(&program, certificate);
        Checked {
            parties: certificate.coalition.iter().map(ToString::to_string).collect(),
            valid: checked.is_ok(),
            steps: certificate.steps.len(),
            statistical_distance: checked.as_ref().ok().map(|checked| checked.statistical_distance),
            why: checked.err().map(|error| error.to_string()),
        }
    });
    let report = CheckReport {
        certificates: certificates.collect(),
        subject: stored.subject,
        suite: stored.suite.name,
        seq: stored.seq,
        batch: stored.batch,
        digest: program.digest().to_hex().to_string(),
        seconds: started.elapsed().as_secs_f64(),
    };
    if json {
        screen::print_json(&report)?;
    } else {
        let CheckReport { subject, suite, seq, batch, digest, .. } = &report;
        let mut text = format!("{subject}, suite {suite}, seq {seq}, batch {batch}: digest {}\n", &digest[..16]);
        for Checked { parties, steps, why, .. } in &report.certificates {
            let verdict = why.as_ref().map_or_else(|| "the proof holds".to_owned(), |why| format!("refused: {why}"));
            text += &format!("{}: {steps} steps, {verdict}\n", parties.join(","));
        }
        screen::print(text)?;
    }
    let valid = report.certificates.iter().all(|certificate| certificate.valid);
    Ok(if valid { Verdict::Positive } else { Verdict::Negative })
}
