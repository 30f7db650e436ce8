//! What is checked of each run: everything that one part of viewless says and another can contradict.

use super::{Case, What};
use crate::random_circuit::property::{
    outputs_are_certified, outputs_are_within_their_bounds, phases_and_rounds_are_ordered, program_round_trips,
    round_trips, runs_as_counted,
};
use crate::{projection, shortened};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use viewless_proofs::privacy::{Verdict, check as certificate, promised_coalitions, prove_quickly};
use viewless_protocols::circuit::CheckedCircuit;
use viewless_protocols::program::{Bill, Grouping, Program, Schedule, bill};
use viewless_protocols::scheme;
use viewless_simulator::execute::{Execution, Options, execute};
use viewless_simulator::kernels::CodePath;
use viewless_simulator::stream::Seed;

/// A cross-check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// A circuit, its text and its stored form are one, and so are a Program and its stored form.
    RoundTrip,
    /// The circuit compiles.
    Compile,
    /// Rounds as soon as possible are no more than as written, and nothing comes before what it depends on.
    Rounds,
    /// The bytes that move are those that are counted: in all, by link, by phase, by region.
    Count,
    /// Results lie in their certified intervals; those of a random circuit within their derived bounds, too.
    Bound,
    /// The parties' parts send what the lockstep run sends, and so do a setup and its first query.
    Projection,
    /// Without parties and messages the numbers and the findings are the same to the last bit.
    Fast,
    /// Threads, kernels, and computing values together change no message.
    Digest,
    /// Every promised coalition's view is proved to tell nothing, and the checker accepts the proof.
    Privacy,
    /// Nothing panics.
    Panic,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::RoundTrip => "round-trip",
            Self::Compile => "compile",
            Self::Rounds => "rounds",
            Self::Count => "count",
            Self::Bound => "bound",
            Self::Projection => "projection",
            Self::Fast => "fast",
            Self::Digest => "digest",
            Self::Privacy => "privacy",
            Self::Panic => "panic",
        })
    }
}

/// The parts that are checked against each other. Tests put broken ones here; the swarm must notice.
pub struct Workings<'a> {
    /// What is done to a Program before it is looked at.
    pub compiled: &'a (dyn Fn(Program) -> Program + Sync),
    /// What counts.
    pub bill: &'a (dyn Fn(&Program, Schedule, Grouping) -> Bill + Sync),
}

impl Default for Workings<'_> {
    fn default() -> Self {
        Self { compiled: &|program| program, bill: &bill }
    }
}

/// Programs with more values are not proved: it takes longer than all else.
const MOST_PROVED_VALUES: usize = 6000;

/// All checks, until one fails.
///
/// # Errors
/// Which, and how.
pub fn check(case: &Case, workings: &Workings<'_>) -> Result<(), (Check, String)> {
    let as_part_of = |check: Check| move |why: String| (check, why);
    let (circuit, inputs) = case.circuit().map_err(as_part_of(Check::Compile))?;
    round_trips(&circuit).map_err(as_part_of(Check::RoundTrip))?;
    let program = match scheme::compile(&circuit, &case.scheme, case.fixed) {
        Ok(program) => (workings.compiled)(program),
        // A protocol may need more bits than were drawn, and says so.
        Err(error) if matches!(case.what, What::Protocol { .. }) && !error.to_string().contains("defect") => {
            return Ok(());
        }
        Err(error) => return Err((Check::Compile, error.to_string())),
    };
    program_round_trips(&program).map_err(as_part_of(Check::RoundTrip))?;
    phases_and_rounds_are_ordered(&program).map_err(as_part_of(Check::Rounds))?;
    let execution = match runs_as_counted(&program, &inputs, case.seed, workings.bill) {
        Ok(execution) => execution,
        Err(why) => return Err((Check::Count, why)),
    };
    results_are_right(case, &circuit, &inputs, &execution).map_err(as_part_of(Check::Bound))?;
    digest_is_stable(case, &program, &inputs, &execution).map_err(as_part_of(Check::Digest))?;
    projection::agree(&program, &inputs, case.seed).map_err(as_part_of(Check::Projection))?;
    shortened::agree(&program, &inputs, case.seed).map_err(as_part_of(Check::Fast))?;
    views_are_proved(&program).map_err(as_part_of(Check::Privacy))
}

fn results_are_right(
    case: &Case,
    circuit: &CheckedCircuit,
    inputs: &BTreeMap<String, Vec<f64>>,
    execution: &Execution,
) -> Result<(), String> {
    let truncation = case.scheme.truncation;
    outputs_are_certified(circuit, case.fixed, truncation, inputs, execution)?;
    match case.what {
        What::Circuit(_) => {
            outputs_are_within_their_bounds(circuit, case.fixed, truncation, inputs, execution).map(drop)
        }
        What::Protocol { .. } => Ok(()),
    }
}

/// A run as the case draws it against one by a single thread on the simplest kernels.
fn digest_is_stable(
    case: &Case,
    program: &Program,
    inputs: &BTreeMap<String, Vec<f64>>,
    execution: &Execution,
) -> Result<(), String> {
    let run = |threads: usize, code_path: CodePath, least_lane: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| error.to_string())?;
        let options = || Options { code_path, least_lane, ..Options::new(Seed::from_u64(case.seed)) };
        pool.install(|| execute(program, inputs, options())).map_err(|error| error.to_string())
    };
    let runs = [run(1, CodePath::Scalar, usize::MAX)?, run(case.threads, case.code_path, case.least_lane)?];
    for other in runs {
        if (&other.transcript_digest, &other.outputs) != (&execution.transcript_digest, &execution.outputs) {
            return Err("other threads or kernels send or learn something else".to_owned());
        }
    }
    Ok(())
}

fn views_are_proved(program: &Program) -> Result<(), String> {
    if program.values.len() > MOST_PROVED_VALUES {
        return Ok(());
    }
    for coalition in promised_coalitions(program) {
        let report = prove_quickly(program, coalition);
        let Verdict::Proved { .. } = report.verdict else {
            return Err(format!("{coalition} is {}", report.verdict.name()));
        };
        let proof = report.certificate.ok_or("a proof without a certificate")?;
        certificate::check(program, &proof).map_err(|error| format!("{coalition}: the proof is refused: {error}"))?;
    }
    Ok(())
}
