//! Which suites of a space can be the best for many queries: all whose bound is less than what is known, the most promising first.

use super::choose::{budget_units, link_time, parts_are_the_whole, units, wraps_budget, wraps_units};
use super::{CatalogueEntry, Load, PlanRequest, PlanningError, Rounds};
use viewless_planner::{Picoseconds, PlanError};

/// Protocols for the functions of a scheme, in the order of its entry.
#[derive(Debug, Clone)]
pub(super) struct Choice<'a> {
    pub(super) entry: &'a CatalogueEntry,
    /// For each function, which of its variants.
    pub(super) variants: Vec<usize>,
    /// What no deployment of it beats, for all queries.
    pub(super) bound: Picoseconds,
}

/// What has been chosen for the first functions of an entry.
#[derive(Debug, Clone)]
struct Partial {
    variants: Vec<usize>,
    load: Load,
    error: u64,
    wraps: u64,
}

/// Every choice within the limits whose bound is less than `limit`, by bound; choices of the same bound in the order of the catalogue.
pub(super) fn below<'a>(
    entries: &[&'a CatalogueEntry],
    layers: usize,
    request: &PlanRequest,
    limit: Picoseconds,
) -> Result<Vec<Choice<'a>>, PlanningError> {
    let (budget, wraps) = (budget_units(request.error_budget), wraps_budget(request.most_wraps));
    let mut choices = Vec::new();
    for &entry in entries {
        let start =
            Partial { variants: Vec::new(), load: entry.linear, error: 0, wraps: wraps_units(entry.linear.wraps) };
        let mut partial = vec![start];
        for function in &entry.functions {
            let mut next = Vec::new();
            for before in &partial {
                for (number, variant) in function.variants.iter().enumerate() {
                    let with = Partial {
                        variants: before.variants.iter().copied().chain([number]).collect(),
                        load: before.load + variant.load,
                        error: before.error.saturating_add(units(variant.certified_error * function.calls as f64)),
                        wraps: before.wraps.saturating_add(wraps_units(variant.load.wraps)),
                    };
                    // Loads of variants are beyond the least of their function, so what is added never makes the bound less.
                    let is_within = with.error <= budget && with.wraps <= wraps;
                    if is_within && bound(entry, &with.load, layers, request)? < limit {
                        next.push(with);
                    }
                }
            }
            partial = next;
        }
        for Partial { variants, load, .. } in partial {
            choices.push(Choice { entry, variants, bound: bound(entry, &load, layers, request)? });
        }
    }
    choices.sort_by_key(|choice| choice.bound);
    Ok(choices)
}

/// Of a hundred rounds or bytes of its parts, a whole may have so many less, where parts are not the whole: a test counts suites of a small
/// model.
const SHARED: i64 = 2;

/// The least that a whole may have.
pub(super) fn least_of_whole(parts: Rounds) -> Rounds {
    let least = |count: i64| count - count / 100 * SHARED;
    Rounds { rounds: least(parts.rounds), bytes: least(parts.bytes) }
}

/// What no schedule of messages and no deployment beats: a query that waits for its turn, and the link that carries all queries.
fn bound(
    entry: &CatalogueEntry,
    load: &Load,
    layers: usize,
    request: &PlanRequest,
) -> Result<Picoseconds, PlanningError> {
    let too_long = || PlanningError::from(PlanError::TooLong);
    let latency = Picoseconds::from_seconds(request.network.latency_seconds()).ok_or_else(too_long)?;
    let computation = Picoseconds::from_seconds(request.computation_seconds(&load.work, layers).max(0.0));
    let computation = computation.ok_or_else(too_long)?;
    let mut least = Picoseconds::MAX;
    for rounds in load.schedules {
        let rounds = if parts_are_the_whole(entry) { rounds } else { least_of_whole(rounds) };
        let count = rounds.rounds.max(0) as u64;
        // Each round rounds its own time to a whole picosecond.
        let link = link_time(rounds.bytes, &request.network)?.picoseconds().saturating_sub(count);
        let link = Picoseconds::new(link);
        let alone = latency.checked_mul(count).and_then(|time| time.checked_add(link)?.checked_add(computation));
        let in_turn = alone.and_then(|alone| alone.checked_mul(request.turns())).ok_or_else(too_long)?;
        least = least.min(in_turn.max(link.checked_mul(request.requests).ok_or_else(too_long)?));
    }
    Ok(least)
}
