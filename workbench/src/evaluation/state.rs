//! What rows gave, in a file from which an evaluation goes on: a line that says of what it is, and a line for each row and suite.
//!
//! A line is added by one write. Whoever is killed leaves whole lines, or one that has no end and is cut off: a row is lost at most.

use super::rows::{Answers, Prepared};
use super::run::class;
use super::{Evaluation, EvaluationError, RowRun};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use viewless_protocols::model::tensors;
use viewless_simulator::text_file;

/// A million rows of a classifier of many classes.
const MOST_BYTES: u64 = 1 << 32;

/// The first line: of what the rows are results. Whatever could make another result of a row is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    /// Of what the lines are.
    viewless_evaluation: u32,
    /// Digest of configuration and weights.
    model: String,
    /// Digest of tokens and labels of all rows.
    rows: String,
    /// Names of the suites, each with a digest.
    suites: Vec<(String, String)>,
    seed: u64,
    execution: String,
}

/// The form of the lines.
const VERSION: u32 = 1;

/// A file of results, open and locked.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    file: File,
    text: String,
}

impl State {
    /// Opens the file, or begins it; nothing is written yet.
    ///
    /// # Errors
    /// [`EvaluationError::State`]: it cannot be read or written, or another evaluation uses it.
    pub fn open(path: &Path) -> Result<Self, EvaluationError> {
        let failed = |reason: String| EvaluationError::State { path: path.to_owned(), reason };
        let text = match text_file::read(path, MOST_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error.to_string())),
        };
        let file = OpenOptions::new().append(true).create(true).open(path);
        let file = file.map_err(|error| failed(error.to_string()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(failed("another evaluation writes to it".to_owned())),
            // Some file systems have no locks.
            Err(TryLockError::Error(error)) => tracing::warn!("{} cannot be locked: {error}", path.display()),
        }
        Ok(Self { path: path.to_owned(), file, text })
    }

    fn failed(&self, reason: impl Into<String>) -> EvaluationError {
        EvaluationError::State { path: self.path.clone(), reason: reason.into() }
    }

    fn unwritten(&self, source: io::Error) -> EvaluationError {
        EvaluationError::StateWrite { path: self.path.clone(), source }
    }

    /// What it holds of this evaluation.
    pub(super) fn begin(
        &mut self,
        evaluation: &Evaluation<'_>,
        answers: Answers,
        rows: &[Prepared],
    ) -> Result<Vec<RowRun>, EvaluationError> {
        let wanted = header(evaluation, rows);
        let text = std::mem::take(&mut self.text);
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut lines = text[..whole].lines();
        let Some(first) = lines.next() else {
            // What a kill left of the first line is a part of it.
            const BEGIN: &str = "{\"viewless_evaluation\":";
            if !text.starts_with(BEGIN) && !BEGIN.starts_with(&text) {
                return Err(self.failed("it is no file of an evaluation"));
            }
            self.file.set_len(0).map_err(|error| self.failed(error.to_string()))?;
            self.write(&wanted)?;
            return Ok(Vec::new());
        };
        let found: Header = serde_json::from_str(first).map_err(|_| self.failed("it is no file of an evaluation"))?;
        if let Some(what) = difference(&found, &wanted) {
            return Err(self.failed(format!("its results are of {what}")));
        }
        let mut known = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for (number, line) in (2..).zip(lines) {
            let run: RowRun = serde_json::from_str(line)
                .map_err(|error| self.failed(format!("line {number} is no result: {error}")))?;
            let fits = run.suite < evaluation.suites.len() && run.row < rows.len();
            if !fits || !seen.insert((run.suite, run.row)) {
                return Err(self.failed(format!("line {number} is of no row, or of one that was there before")));
            }
            if let Some(why) = unlike_a_run(&run, answers, answers.numbers(evaluation.model)) {
                return Err(self.failed(format!("line {number} is no result of this evaluation: {why}")));
            }
            known.push(run);
        }
        self.file.set_len(whole as u64).map_err(|error| self.failed(error.to_string()))?;
        tracing::info!("{} results are in {} already", known.len(), self.path.display());
        Ok(known)
    }

    /// Adds a result.
    pub(super) fn add(&mut self, run: &RowRun) -> Result<(), EvaluationError> {
        self.write(run)
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), EvaluationError> {
        let line = serde_json::to_string(line).map_err(|error| self.failed(error.to_string()))?;
        self.file.write_all(format!("{line}\n").as_bytes()).map_err(|source| self.unwritten(source))
    }

    /// Has everything on the disk.
    pub(super) fn finish(self) -> Result<(), EvaluationError> {
        self.file.sync_all().map_err(|source| self.unwritten(source))
    }
}

/// What no run gives. (A file is believed what it says of numbers, as far as runs could have made it.)
fn unlike_a_run(run: &RowRun, answers: Answers, numbers: usize) -> Option<&'static str> {
    let answered = [&run.plaintext, &run.private];
    let is_size = |x: &f64| x.abs() <= f64::from(f32::MAX);
    let differs = answers == Answers::Class && class(&run.plaintext) != class(&run.private);
    if answered.iter().any(|values| values.len() != numbers) {
        Some("it has another number of answers than the model")
    } else if !answered.iter().all(|values| values.iter().all(is_size)) {
        Some("an answer is too large")
    } else if differs != run.reason.is_some() {
        Some("there is a reason for another class where there is one, and only there")
    } else if !(run.seconds >= 0.0 && run.seconds.is_finite()) {
        Some("it took no time that there is")
    } else {
        None
    }
}

/// In what the results differ from those that are wanted.
fn difference(found: &Header, wanted: &Header) -> Option<&'static str> {
    if found == wanted {
        return None;
    }
    Some(if found.viewless_evaluation != wanted.viewless_evaluation {
        "another version of viewless"
    } else if found.model != wanted.model {
        "another model"
    } else if found.rows != wanted.rows {
        "other rows, or another sample of them"
    } else if found.suites != wanted.suites {
        "other suites"
    } else if found.seed != wanted.seed {
        "another seed"
    } else {
        "the other way to run: with --explicit, or without"
    })
}

fn header(evaluation: &Evaluation<'_>, rows: &[Prepared]) -> Header {
    let Evaluation { model, suites, seed, execution, .. } = *evaluation;
    let digest = |text: String| blake3::hash(text.as_bytes()).to_hex().to_string();
    let mut of_model = blake3::Hasher::new();
    of_model.update(format!("{:?} {:?}", model.config, model.decision).as_bytes());
    for tensor in tensors(&model.config) {
        if let Some(values) = model.weights.get(&tensor.name) {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            of_model.update_rayon(&bytes);
        }
    }
    Header {
        viewless_evaluation: VERSION,
        model: of_model.finalize().to_hex().to_string(),
        rows: digest(format!("{rows:?}")),
        suites: suites.iter().map(|suite| (suite.name.clone(), digest(format!("{suite:?}")))).collect(),
        seed,
        execution: format!("{execution:?}"),
    }
}
