//! How fast this build is on this machine, each figure beside what the machine allows, measured in the same run.
//!
//! Absolute figures are for orientation: processors differ, and so does what else they do. A ratio to a limit that was measured moments before
//! says more. Processor time is that of all threads together.

mod clock;
mod crypten;
mod figures;
mod limits;

pub use crypten::{Comparison, Environment, Pair};
pub use limits::Limits;

use crate::{Progress, SubjectError};
use serde::Serialize;
use thiserror::Error;
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::suite::SuiteError;
use viewless_simulator::kernels::CodePath;

/// A benchmark that cannot be.
#[derive(Debug, Error)]
pub enum BenchError {
    /// No such part.
    #[error("no part of the benchmark is called `{name}`; there are {}", Part::names())]
    NoPart {
        /// What was asked for.
        name: String,
    },
    /// No runs, or more than anybody waits for.
    #[error("{runs} runs of each work; use 1 to {MOST_RUNS}")]
    Runs {
        /// What was asked for.
        runs: usize,
    },
    /// A suite that is not there.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// A model that cannot be built.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// Something outside that the comparison needs.
    #[error("{what} failed: {reason}; the comparison needs Python 3.8 to 3.11 with venv and pip, and PyPI")]
    Python {
        /// What was done.
        what: String,
        /// What was said.
        reason: String,
    },
    /// What was to be timed failed.
    #[error("{work} failed: {reason}; this is a defect of viewless, please report it")]
    Defect {
        /// What.
        work: String,
        /// Why.
        reason: String,
    },
}

/// Most runs of each work.
const MOST_RUNS: usize = 1000;

/// Parts of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Products of matrices, of a model's shapes.
    Products,
    /// One layer of a model, run for all parties.
    Layers,
    /// A whole model, run for all parties.
    Models,
    /// Building and counting a model.
    Counting,
    /// Proving a model, and checking the proof.
    Proving,
    /// Bounding a protocol's error over all inputs, and running it on all of them.
    Auditing,
}

impl Part {
    /// Every part, in the order in which they are measured.
    pub const ALL: [Self; 6] =
        [Self::Products, Self::Layers, Self::Models, Self::Counting, Self::Proving, Self::Auditing];

    /// What a part is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::Layers => "layers",
            Self::Models => "models",
            Self::Counting => "counting",
            Self::Proving => "proving",
            Self::Auditing => "auditing",
        }
    }

    fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

/// What to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    parts: Vec<Part>,
    runs: usize,
}

impl Request {
    /// The parts of these names, all if there are none, each work so many times.
    ///
    /// # Errors
    /// A part that is not there, no runs or more than a thousand.
    pub fn new(parts: &[String], runs: usize) -> Result<Self, BenchError> {
        if !(1..=MOST_RUNS).contains(&runs) {
            return Err(BenchError::Runs { runs });
        }
        let part = |name: &String| {
            let found = Part::ALL.into_iter().find(|part| part.name() == name);
            found.ok_or_else(|| BenchError::NoPart { name: name.clone() })
        };
        let asked = parts.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        let parts = Part::ALL.into_iter().filter(|part| asked.is_empty() || asked.contains(part)).collect();
        Ok(Self { parts, runs })
    }
}

/// The report of `viewless bench`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Benchmark {
    /// The machine.
    pub machine: Machine,
    /// What it allows.
    pub limits: Limits,
    /// Runs of each work; figures are of the fastest.
    pub runs: usize,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// A layer under CrypTen beside the same here, with its own functions and with SecFormer's, if that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub against_crypten: Vec<Comparison>,
}

/// What a benchmark ran on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Name of the processor, where the system tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processor: Option<String>,
    /// Threads that compute.
    pub threads: usize,
    /// Kernels that were used.
    pub code_path: &'static str,
    /// Version of viewless.
    pub version: &'static str,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Part of the benchmark.
    pub part: &'static str,
    /// What was done.
    pub work: String,
    /// Threads that it had.
    pub threads: usize,
    /// Duration.
    pub seconds: f64,
    /// Processor time of all threads, where the system tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processor_seconds: Option<f64>,
    /// Processor time that the limits allow for it, where they bound it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_processor_seconds: Option<f64>,
    /// How much of the limit is reached: 1 is all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_limit: Option<f64>,
    /// Most bytes of memory for values at once, of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
}

/// Measures; with an environment of CrypTen also the same layer there.
///
/// # Errors
/// What cannot be built or fails.
pub fn bench(
    request: &Request,
    crypten: Option<&Environment>,
    registry: &Registry,
    progress: Progress<'_>,
) -> Result<Benchmark, BenchError> {
    let steps = request.parts.len() + 1 + usize::from(crypten.is_some());
    progress(0, steps);
    let limits = Limits::measure();
    let mut figures = Vec::new();
    for (done, &part) in request.parts.iter().enumerate() {
        progress(done + 1, steps);
        let measure = figures::Measure { part: part.name(), runs: request.runs, limits: &limits, registry };
        figures.extend(match part {
            Part::Products => measure.products(),
            Part::Layers => measure.layers()?,
            Part::Models => measure.models()?,
            Part::Counting => measure.counting()?,
            Part::Proving => measure.proving()?,
            Part::Auditing => measure.auditing()?,
        });
    }
    let measure = figures::Measure { part: "layers", runs: request.runs, limits: &limits, registry };
    let against_crypten =
        crypten.map(|environment| crypten::compare(environment, &measure)).transpose()?.unwrap_or_default();
    progress(steps, steps);
    let machine = Machine {
        processor: crate::machine::processor(),
        threads: rayon::current_num_threads(),
        code_path: CodePath::detect().name(),
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok(Benchmark { machine, limits, runs: request.runs, figures, against_crypten })
}
