//! Many labelled rows under suites: private and plaintext answers beside what is right.
//!
//! Rows are run by as many threads as there are, each row on one, in the order of their lengths, because rows of one length share a compiled Program.
//! A run without messages is the default: its numbers and findings are those of the run with messages, bit for bit, as tests of [`Shortened`] show.
//! What a row gave can be kept in a file ([`State`]), from which an evaluation that was killed goes on, to the same report.
//!
//! [`Shortened`]: viewless_protocols::program::Shortened

mod data;
mod reason;
mod report;
mod rows;
mod run;
mod state;

#[cfg(test)]
mod tests;

use crate::Progress;
use crate::inference::{ExecutionMode, InferenceError};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use thiserror::Error;
use viewless_models::data::{DataError, LabelledTexts};
use viewless_models::{Model, ModelError};
use viewless_protocols::circuit::PlainError;
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::suite::Suite;

pub use data::{Loaded, labelled, sample};
pub use reason::{Cause, Reason};
pub use report::{Agreement, DifferingRow, EvaluationReport, LengthCost, Measure, Rated, SuiteEvaluation};
pub use run::{DomainLeft, RowCost, RowRun};
pub use state::State;

pub use rows::TooLong;

use rows::{Answers, Prepared};
use run::Runner;

/// An evaluation that cannot be made.
#[derive(Debug, Error)]
pub enum EvaluationError {
    /// The rows.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A model and rows that do not belong together.
    #[error("the model {} {answers}, and `{}` has {rows}; pass, with --model, {advice}", model.display(), file.display())]
    Fit {
        /// The model's directory.
        model: PathBuf,
        /// What it answers.
        answers: String,
        /// The file of the rows.
        file: PathBuf,
        /// What the rows are.
        rows: String,
        /// What answers such rows.
        advice: &'static str,
    },
    /// A class that the model does not have.
    #[error("{source} of the model {}; correct the label, or pass, with --model, a classifier of the classes of the file", model.display())]
    Class {
        /// The model's directory.
        model: PathBuf,
        /// The label, with file and line.
        source: DataError,
    },
    /// A row that the model does not take.
    #[error("`{}`, line {line}: {source}", file.display())]
    Row {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// Why.
        source: ModelError,
    },
    /// Rows of which nothing is left.
    #[error("all {rows} rows of `{}` have more tokens than the model's {most_tokens} positions, and are skipped; cut them instead", file.display())]
    AllTooLong {
        /// The file.
        file: PathBuf,
        /// How many they are.
        rows: usize,
        /// Positions of the model.
        most_tokens: usize,
    },
    /// A suite under which the model cannot be run, or a run.
    #[error("suite {suite}: {source}")]
    Run {
        /// The suite.
        suite: String,
        /// Why.
        source: InferenceError,
    },
    /// The circuit over the reals: a defect.
    #[error("{0}; this is a defect of viewless, please report it")]
    Circuit(#[from] PlainError),
    /// The suites are evaluated by their names.
    #[error("the suite {suite} is named twice; name each once")]
    Twice {
        /// Its name.
        suite: String,
    },
    /// A thread could not be started.
    #[error("cannot start a thread: {reason}")]
    Threads {
        /// What the library said.
        reason: String,
    },
    /// A file of results that cannot be written any further.
    #[error("cannot write {}: {source}; the results that stand in it are kept, and the same command goes on from there", path.display())]
    StateWrite {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file of results that cannot be used.
    #[error("cannot use {} for results: {reason}; give another file", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What to evaluate, and how.
pub struct Evaluation<'a> {
    /// The model.
    pub model: &'a Model,
    /// The rows.
    pub loaded: &'a Loaded,
    /// The suites.
    pub suites: &'a [Suite],
    /// Where their protocols are found.
    pub registry: &'a Registry,
    /// Decides everything random: a row has the seed of this number and its line's, so that `infer` repeats it.
    pub seed: u64,
    /// What is run.
    pub execution: ExecutionMode,
    /// What becomes of rows that are too long for the model.
    pub too_long: TooLong,
    /// Memory that all runs together may take, if that is limited.
    pub most_bytes: Option<u64>,
}

impl Evaluation<'_> {
    fn rows(&self) -> &LabelledTexts {
        &self.loaded.rows
    }
}

/// Runs every row under every suite, but for those that the state has; `progress` is told how many of how many runs are done.
///
/// # Errors
/// [`EvaluationError`] for rows, suites or a state that cannot be used.
pub fn evaluate(
    evaluation: &Evaluation<'_>,
    mut state: Option<State>,
    progress: Option<Progress<'_>>,
) -> Result<EvaluationReport, EvaluationError> {
    let Evaluation { model, suites, .. } = *evaluation;
    for (index, suite) in suites.iter().enumerate() {
        if suites[..index].iter().any(|other| other.name == suite.name) {
            return Err(EvaluationError::Twice { suite: suite.name.clone() });
        }
    }
    let answers = Answers::of(model, evaluation.rows())?;
    let prepared = rows::prepare(evaluation, answers)?;
    let rows = &prepared.prepared;
    let mut done = match &mut state {
        Some(state) => state.begin(evaluation, answers, rows)?,
        None => Vec::new(),
    };
    let known: BTreeSet<(usize, usize)> = done.iter().map(|run| (run.suite, run.row)).collect();
    let mut jobs: Vec<(usize, usize)> = (0..suites.len())
        .flat_map(|suite| (0..rows.len()).map(move |row| (suite, row)))
        .filter(|job| !known.contains(job))
        .collect();
    // Rows of one length one after another: their Program is compiled once.
    jobs.sort_by_key(|&(suite, row)| (suite, rows[row].lengths()));
    let of = done.len() + jobs.len();
    tracing::info!("{} runs of {} rows under {} suites are to be made", jobs.len(), rows.len(), suites.len());
    let runner = Runner::new(evaluation, answers)?;
    each(&runner, rows, &jobs, |run| {
        if let Some(state) = &mut state {
            state.add(&run)?;
        }
        done.push(run);
        if let Some(progress) = progress {
            progress(done.len(), of);
        }
        Ok(())
    })?;
    if let Some(state) = state {
        state.finish()?;
    }
    done.sort_by_key(|run| (run.suite, run.row));
    Ok(report::report(evaluation, answers, &prepared, &done, runner.other_functions()))
}

/// Runs the jobs on as many threads as rayon has, and gives each result to the caller's thread. The first error ends it.
fn each(
    runner: &Runner<'_>,
    rows: &[Prepared],
    jobs: &[(usize, usize)],
    mut keep: impl FnMut(RowRun) -> Result<(), EvaluationError>,
) -> Result<(), EvaluationError> {
    let next = AtomicUsize::new(0);
    let threads = rayon::current_num_threads().min(jobs.len()).max(1);
    std::thread::scope(|scope| {
        let (give, take) = mpsc::sync_channel(threads);
        for _ in 0..threads {
            let (give, next) = (give.clone(), &next);
            // A pool of one thread: many rows at once need no threads within one.
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
            let pool = pool.map_err(|error| EvaluationError::Threads { reason: error.to_string() })?;
            scope.spawn(move || {
                while let Some(&(suite, row)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = runner.run(suite, row, &rows[row], threads as u64, &pool);
                    let failed = result.is_err();
                    // Nobody takes it once another row has failed.
                    if give.send(result).is_err() || failed {
                        return;
                    }
                }
            });
        }
        drop(give);
        let result = take.iter().try_for_each(|run| keep(run?));
        // Whoever still computes finds nothing more to do, and nobody to give it to.
        next.store(jobs.len(), Ordering::Relaxed);
        drop(take);
        result
    })
}
