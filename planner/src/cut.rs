//! The best stages for given variants, exactly, by thresholds.
//!
//! For a threshold T, the least sum of stage and hand-over times over all cuts whose bottleneck is at most T obeys
//!
//! ```text
//! D(0, 0) = 0,    D(i, b) = min over a < b with t_i(a, b) <= T of D(i-1, a) + e_(i-1)(a) + t_i(a, b)
//! ```
//!
//! and the answer is the least `D(k, L) + (B - 1) * T` over all T that are the time of some stage. It is exact: for every T the
//! value is at least what its cut costs, because the bottleneck is at most T; and for T the bottleneck of a best cut it is at
//! most the optimum. Setup is not part of what is minimised here; [`label`](crate::label) minimises both together.

use crate::error::PlanError;
use crate::problem::{Links, Plan, Problem, Value};
use crate::time::Picoseconds;

/// A cut, the value of its plan, and what it took to find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The plan with the least pipeline time.
    pub plan: Plan,
    /// What it costs.
    pub value: Value,
    /// Thresholds that were tried.
    pub thresholds: usize,
}

/// Times of every possible stage for fixed variants, by prefix sums.
struct Times {
    /// By stage, then by operation: the sum of everything before.
    prefixes: Vec<Vec<Picoseconds>>,
}

impl Times {
    fn new(problem: &Problem, variants: &[usize]) -> Self {
        let of_stage = |stage: usize| {
            let mut sums = vec![Picoseconds::ZERO];
            for (operation, &variant) in problem.operations().iter().zip(variants) {
                sums.push(sums[sums.len() - 1] + operation.variants[variant].times[stage]);
            }
            sums
        };
        Self { prefixes: (0..problem.stages()).map(of_stage).collect() }
    }

    fn of(&self, stage: usize, begin: usize, end: usize) -> Picoseconds {
        self.prefixes[stage][end] - self.prefixes[stage][begin]
    }
}

/// The stages with the least pipeline time for these variants.
///
/// # Errors
/// Variants that the problem does not have, and memory that no cut fits.
pub fn exact(problem: &Problem, variants: &[usize]) -> Result<Cut, PlanError> {
    // A plan with any cut shows whether the variants exist; its value is not needed.
    let known = variants.len() == problem.operations().len()
        && problem.operations().iter().zip(variants).all(|(operation, &variant)| variant < operation.variants.len());
    if !known {
        return Err(PlanError::NotAPlan { reason: "a variant is not one of its operation's".to_owned() });
    }
    let times = Times::new(problem, variants);
    let memory = memory_sums(problem, variants);
    let thresholds = thresholds(problem, &times);
    let solve = |threshold| solve(problem, &times, &memory, threshold);
    // Whether a threshold admits a cut is monotone: the first that does is found by halving.
    let first = thresholds.partition_point(|&threshold| solve(threshold).is_none());
    let unlimited = solve(Picoseconds::MAX).ok_or(PlanError::MemoryUnreachable { stages: problem.stages() })?;
    let more = problem.micro_batches() - 1;
    let mut best: Option<(Picoseconds, Vec<usize>)> = None;
    let mut tried = 0;
    for &threshold in &thresholds[first..] {
        if let Some((least, _)) = &best
            && threshold * more + unlimited.0 >= *least
        {
            break;
        }
        tried += 1;
        let Some((sum, ends)) = solve(threshold) else { continue };
        let total = sum + threshold * more;
        if best.as_ref().is_none_or(|(least, _)| total < *least) {
            best = Some((total, ends));
        }
        if sum == unlimited.0 {
            break;
        }
    }
    let (_, ends) = best.unwrap_or(unlimited);
    let plan = Plan { ends, variants: variants.to_vec() };
    let value = problem.value(&plan)?;
    Ok(Cut { plan, value, thresholds: tried })
}

/// Memory of everything before each operation.
fn memory_sums(problem: &Problem, variants: &[usize]) -> Vec<u64> {
    let mut sums = vec![0];
    for (operation, &variant) in problem.operations().iter().zip(variants) {
        sums.push(sums[sums.len() - 1] + operation.variants[variant].memory_bytes);
    }
    sums
}

/// Every time that can be a bottleneck, ascending.
fn thresholds(problem: &Problem, times: &Times) -> Vec<Picoseconds> {
    let operations = problem.operations().len();
    let mut all = Vec::new();
    for stage in 0..problem.stages() {
        // Stages with the same times have the same thresholds.
        if stage > 0 && times.prefixes[stage] == times.prefixes[stage - 1] {
            continue;
        }
        for begin in 0..operations {
            all.extend((begin + 1..=operations).map(|end| times.of(stage, begin, end)));
        }
    }
    if problem.links() == Links::Exclusive {
        for operation in 1..operations {
            all.extend((0..problem.stages() - 1).map(|stage| problem.handover(operation, stage)));
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// The least sum of times with a bottleneck of at most the threshold, and where its stages end.
fn solve(
    problem: &Problem,
    times: &Times,
    memory: &[u64],
    threshold: Picoseconds,
) -> Option<(Picoseconds, Vec<usize>)> {
    let (stages, operations) = (problem.stages(), problem.operations().len());
    let mut sums: Vec<Option<Picoseconds>> = vec![None; operations + 1];
    sums[0] = Some(Picoseconds::ZERO);
    let mut begins = vec![vec![0; operations + 1]; stages];
    for stage in 0..stages {
        let limit = problem.memory_bytes().map_or(u64::MAX, |limits| limits[stage]);
        let mut next: Vec<Option<Picoseconds>> = vec![None; operations + 1];
        // Every later stage needs an operation, too.
        for end in stage + 1..=operations - (stages - 1 - stage) {
            for begin in (stage..end).rev() {
                let time = times.of(stage, begin, end);
                if time > threshold || memory[end] - memory[begin] > limit {
                    break;
                }
                let Some(before) = sums[begin] else { continue };
                let handover = if stage == 0 { Picoseconds::ZERO } else { problem.handover(begin, stage - 1) };
                if problem.links() == Links::Exclusive && handover > threshold {
                    continue;
                }
                let sum = before + handover + time;
                if next[end].is_none_or(|least| sum < least) {
                    next[end] = Some(sum);
                    begins[stage][end] = begin;
                }
            }
        }
        sums = next;
    }
    let sum = sums[operations]?;
    let mut ends = vec![operations; stages];
    for stage in (1..stages).rev() {
        ends[stage - 1] = begins[stage][ends[stage]];
    }
    Some((sum, ends))
}
