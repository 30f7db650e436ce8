//! Which suites of a space can be the best: all whose bound is less than what is known, the most promising first, each counted as a whole and
//! deployed.

use super::choose::{Found, Priced, budget_units, link_time, named, priced, units, wraps_budget, wraps_units};
use super::deployment::{Deployment, deploy};
use super::{Catalogue, CatalogueEntry, Load, PlanRequest, PlanningError, Rounds};
use crate::subject::Subject;
use rayon::prelude::*;
use std::collections::BTreeMap;
use viewless_planner::{Picoseconds, PlanError};
use viewless_protocols::program;
use viewless_protocols::scheme::SchemeKind;

/// A choice, counted as a whole and deployed.
pub(super) struct Candidate<'a> {
    pub(super) found: Found<'a>,
    pub(super) priced: Priced,
    pub(super) deployment: Deployment,
}

/// Suites that are counted at a time.
const CHUNK: usize = 8;

/// Counts and deploys the best of each scheme, and then others by their bound, until no bound is less than the least time. Gives the fastest
/// of each scheme, fastest first, and how many suites were counted.
pub(super) fn best_of_schemes<'a>(
    subject: &Subject,
    of_schemes: Vec<Found<'a>>,
    entries: &[&'a CatalogueEntry],
    catalogue: &Catalogue,
    request: &PlanRequest,
) -> Result<(Vec<Candidate<'a>>, usize), PlanningError> {
    let mut candidates = counted(subject, of_schemes, catalogue, request)?;
    let mut suites_counted = candidates.len();
    let known: Vec<(*const CatalogueEntry, BTreeMap<String, String>)> =
        candidates.iter().map(|Candidate { found, .. }| (found.entry as *const _, found.protocols.clone())).collect();
    // For one query what was searched is what is counted, where parts are the whole.
    let open: Vec<&CatalogueEntry> =
        entries.iter().copied().filter(|entry| request.requests > 1 || !parts_are_the_whole(entry)).collect();
    let others = below(&open, catalogue.layers, request, least_time(&candidates))?;
    let others = others.iter().map(Found::of);
    let others: Vec<Found> =
        others.filter(|found| !known.contains(&(found.entry as *const _, found.protocols.clone()))).collect();
    for chunk in others.chunks(CHUNK) {
        if chunk[0].lower_bound >= least_time(&candidates) {
            break;
        }
        let others = counted(subject, chunk.to_vec(), catalogue, request)?;
        suites_counted += others.len();
        candidates.extend(others);
        // What happens in a deployment is kept in full, so only for those that may be shown.
        keep_the_fastest_of_each_scheme(&mut candidates);
    }
    keep_the_fastest_of_each_scheme(&mut candidates);
    Ok((candidates, suites_counted))
}

/// Fastest first.
fn keep_the_fastest_of_each_scheme(candidates: &mut Vec<Candidate>) {
    candidates.sort_by_key(|candidate| candidate.deployment.schedule.makespan);
    let mut seen: Vec<*const CatalogueEntry> = Vec::new();
    candidates.retain(|candidate| {
        let entry: *const CatalogueEntry = candidate.found.entry;
        let is_first = !seen.contains(&entry);
        seen.push(entry);
        is_first
    });
}

/// Counts and deploys choices; those that wrap too often as a whole are left out.
pub(super) fn counted<'a>(
    subject: &Subject,
    found: Vec<Found<'a>>,
    catalogue: &Catalogue,
    request: &PlanRequest,
) -> Result<Vec<Candidate<'a>>, PlanningError> {
    let found = found.into_par_iter().map(|found| candidate(subject, found, catalogue, request));
    Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The time of the fastest.
pub(super) fn least_time(candidates: &[Candidate]) -> Picoseconds {
    let times = candidates.iter().map(|candidate| candidate.deployment.schedule.makespan);
    times.min().unwrap_or(Picoseconds::MAX)
}

fn candidate<'a>(
    subject: &Subject,
    found: Found<'a>,
    catalogue: &Catalogue,
    request: &PlanRequest,
) -> Result<Option<Candidate<'a>>, PlanningError> {
    let suite = named(subject, found.entry, &found.protocols, request)?;
    let program = subject.program(&suite, catalogue.sizes())?;
    let rounds = program::online_rounds(&program);
    let priced = priced(subject, suite, Load::counted(&program, &subject.registry, &rounds), catalogue, request)?;
    // Parts are within the limit; their floating-point sum in another order need not be.
    if priced.load.wraps > request.most_wraps {
        return Ok(None);
    }
    let deployment = deploy(&program, &rounds, catalogue, request)?;
    Ok(Some(Candidate { found, priced, deployment }))
}

/// Whether what is counted for each part adds up to what is counted for the whole. Among three parties messages of neighbouring parts may
/// leave together, on different links, and the busiest link of a round is counted.
fn parts_are_the_whole(entry: &CatalogueEntry) -> bool {
    entry.scheme.kind() == SchemeKind::Additive2
}

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
