//! The best of many problems: the outer enumeration of stages, micro-batches, replicas and placements.
//!
//! Each choice of the outer grid poses a problem that [`label`](crate::label) solves exactly; the least of them is the optimum
//! within the grid. A problem whose [lower bound](crate::bounds) is no better than what is known is not searched.

use crate::bounds::lower_bound;
use crate::error::PlanError;
use crate::label::{self, Found};
use crate::problem::Problem;
use crate::time::Picoseconds;

/// The best choice of a grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Best<C> {
    /// The choice.
    pub choice: C,
    /// Its best plan.
    pub found: Found,
    /// What no choice of the grid and no plan beats: the least of what was found and of all lower bounds of what was not searched.
    pub lower_bound: Picoseconds,
    /// Choices whose problem was searched.
    pub searched: usize,
    /// Choices that their lower bound ruled out.
    pub ruled_out: usize,
    /// Choices that pose no problem, or whose limits cannot be kept.
    pub infeasible: usize,
}

/// The best choice and its plan; none if no choice is feasible.
pub fn best<C>(grid: impl IntoIterator<Item = (C, Result<Problem, PlanError>)>) -> Option<Best<C>> {
    let (mut searched, mut ruled_out, mut infeasible) = (0, 0, 0);
    let mut best: Option<(C, Found)> = None;
    for (choice, problem) in grid {
        let Ok(problem) = problem else {
            infeasible += 1;
            continue;
        };
        if let Some((_, found)) = &best
            && lower_bound(&problem) >= found.value.total
        {
            ruled_out += 1;
            continue;
        }
        let Ok(found) = label::exact(&problem) else {
            infeasible += 1;
            continue;
        };
        searched += 1;
        if best.as_ref().is_none_or(|(_, known)| found.value.total < known.value.total) {
            best = Some((choice, found));
        }
    }
    let (choice, found) = best?;
    // Every choice was searched exactly or has a bound no better than what was known then, which is no better than the optimum.
    let lower_bound = found.value.total;
    Some(Best { choice, found, lower_bound, searched, ruled_out, infeasible })
}
