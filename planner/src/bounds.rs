//! What no plan can beat.
//!
//! ```text
//! total >= L + (B - 1) * max(ceil(S / k), t) + g      and      total >= B * W + g
//! ```
//!
//! with S the sum over the operations of their least time over variants and stages, L = S plus the k - 1 least hand-overs,
//! t the largest least time of an operation (some stage has it), W the least time on the shared link, and g the largest setup that
//! some operation alone needs on the cheapest stage. The longest of k stages is at least their mean, and each term is at most its
//! counterpart in every plan's value.

use crate::problem::{Operation, Problem};
use crate::time::Picoseconds;

/// The least time of each operation, over variants and stages.
pub(crate) fn least_times(problem: &Problem) -> Vec<Picoseconds> {
    let least = |operation: &Operation| {
        operation.variants.iter().flat_map(|variant| variant.times.iter().copied()).min().unwrap_or_default()
    };
    problem.operations().iter().map(least).collect()
}

/// A time that no plan of the problem beats.
#[must_use]
pub fn lower_bound(problem: &Problem) -> Picoseconds {
    let times = least_times(problem);
    let sum: Picoseconds = times.iter().copied().sum();
    let largest = times.into_iter().max().unwrap_or_default();
    let bottleneck = sum.div_ceil(problem.stages() as u64).max(largest);
    let handovers: Picoseconds = (0..problem.stages() - 1)
        .map(|stage| {
            let each = (1..problem.operations().len()).map(|operation| problem.handover(operation, stage));
            each.min().unwrap_or_default()
        })
        .sum();
    let least_link =
        |operation: &Operation| operation.variants.iter().map(|variant| variant.shared_link).min().unwrap_or_default();
    let link: Picoseconds = problem.operations().iter().map(least_link).sum();
    let line = sum + handovers + bottleneck * (problem.micro_batches() - 1);
    line.max(link * problem.micro_batches()) + least_setup(problem)
}

/// The largest setup that one operation needs on the stage that sets it up fastest; an operation of a group might be set up
/// together with the least of the group.
fn least_setup(problem: &Problem) -> Picoseconds {
    let operations = problem.operations();
    let fastest = |units| (0..problem.stages()).map(|stage| problem.setup_time(stage, units)).min().unwrap_or_default();
    let least = |operation: &Operation| match operation.setup_group {
        None => operation.setup_units,
        Some(_) => {
            let group = operations.iter().filter(|other| other.setup_group == operation.setup_group);
            group.map(|other| other.setup_units).min().unwrap_or(0)
        }
    };
    operations.iter().map(|operation| fastest(least(operation))).max().unwrap_or_default()
}
