//! The search: what to choose from a catalogue for a network, a budget and a number of queries.

use super::candidates::{Candidate, Choice, best_of_schemes};
use super::catalogue::{suite, with_protocols};
use super::deployment::Deployment;
use super::{Catalogue, CatalogueEntry, Load, PartiesFile, PlanningError, Rounds, VariantEntry};
use crate::SubjectError;
use crate::comparison::certified;
use crate::subject::{Kind, Subject};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use viewless_planner::{Operation, Picoseconds, PlanError, Problem, Variant, outer};
use viewless_protocols::decimal;
use viewless_protocols::nonlinear::{Function, Protocol, Quality};
use viewless_protocols::program::PREDICTED_SCHEDULES;
use viewless_protocols::scheme::Weights;
use viewless_protocols::suite::Suite;
use viewless_simulator::network::Network;
use viewless_simulator::work::{Rates, Work};

/// Certified errors are added up as whole multiples of this; each is rounded up.
const ERROR_UNIT: f64 = 1e-12;
/// Expected wraps are added up as whole multiples of this; each is rounded up.
const WRAPS_UNIT: f64 = 1e-15;
/// Runner-ups that are shown.
const RUNNERS_UP: usize = 5;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanRequest {
    /// Between the parties.
    pub network: Network,
    /// The most that certified site errors may add up to.
    pub error_budget: f64,
    /// The most wraps expected in an inference.
    pub most_wraps: f64,
    /// Queries, one after the other.
    pub requests: u64,
    /// Who computes.
    pub parties: PartiesFile,
    /// How long the one process that simulates all parties computes, if that counts.
    pub rates: Option<Rates>,
}

impl PlanRequest {
    /// Seconds of one query of a model of so many layers: messages, and computation as far as it is known.
    pub(super) fn seconds(&self, load: &Load, layers: usize) -> f64 {
        load.message_seconds(&self.network) + self.computation_seconds(&load.work, layers)
    }

    /// Seconds of its computation.
    pub(super) fn computation_seconds(&self, work: &Work, layers: usize) -> f64 {
        self.parties.compute_seconds_per_layer * layers as f64 + self.measured_seconds(work)
    }

    /// Whether only messages take time.
    pub(super) fn computes_nothing(&self) -> bool {
        self.rates.is_none() && self.parties.compute_seconds_per_layer == 0.0
    }

    /// How often a query waits for its turn, at the least: more in flight and more stages never raise that, so the largest numbers have it.
    pub(super) fn turns(&self) -> u64 {
        let in_flight = self.parties.machines.saturating_mul(self.parties.most_in_flight).max(1);
        if self.requests == 1 { 1 } else { self.requests.div_ceil(in_flight as u64) }
    }

    /// Seconds of work at the rates.
    pub(super) fn measured_seconds(&self, work: &Work) -> f64 {
        self.rates.map_or(0.0, |rates| rates.seconds(work))
    }
}

/// A suite with its price.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Priced {
    /// The suite.
    pub suite: Suite,
    /// What the whole model costs, counted.
    pub load: Load,
    /// Seconds of one query: messages on the network, and computation as far as it is known.
    pub seconds: f64,
    /// Those of its computation.
    pub computation_seconds: f64,
    /// Sum of certified site errors; none if a site has no finite bound, or computes another function than the model has.
    pub error: Option<f64>,
    /// Functions that it computes otherwise than the model has them.
    pub not_right: Vec<String>,
    /// Whether it computes what the model has, within the budget, and wraps seldom enough.
    pub meets_budget: bool,
}

/// A change of one choice of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Swap {
    /// The function.
    pub function: String,
    /// What is chosen.
    pub chosen: String,
    /// What could be chosen instead.
    pub instead: String,
    /// Seconds that this would add to one query; negative if it is faster and the budget forbids it.
    pub seconds: f64,
    /// What it would add to the sum of errors.
    pub error: f64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Name of the model.
    pub model: String,
    /// Tokens.
    pub seq: usize,
    /// Sequences.
    pub batch: usize,
    /// What was asked.
    pub request: PlanRequest,
    /// The fastest suite within the budget.
    pub chosen: Priced,
    /// The time that adding up choices predicts, for one query; the count of the whole is in `chosen`.
    pub added_up_seconds: f64,
    /// What no plan of the space beats, for all queries.
    pub lower_bound_seconds: f64,
    /// How the suite is deployed.
    pub deployment: Deployment,
    /// What other protocols would change.
    pub swaps: Vec<Swap>,
    /// The best suites of other schemes, and the built-in suites; fastest first.
    pub runners_up: Vec<Priced>,
    /// The built-in suites.
    pub built_in: Vec<Priced>,
    /// Suites that the space has.
    pub suites_in_space: usize,
    /// Combinations of protocols that a layer can have under each scheme.
    pub combinations_of_a_layer: usize,
    /// Suites that were counted as a whole and deployed: all others have a bound that is no less than the time of the plan.
    pub suites_counted: usize,
    /// Schemes that may wrap too often.
    pub schemes_that_wrap: usize,
}

/// Plans for a model: searches every scheme of the catalogue by parts, counts and deploys the best of each, and then every other suite that
/// its bound allows to be faster; and takes the fastest.
///
/// # Errors
/// A budget that nothing meets; a subject or sizes that cannot be built.
pub fn plan(subject: &Subject, catalogue: &Catalogue, request: &PlanRequest) -> Result<Plan, PlanningError> {
    check(catalogue, request)?;
    let allowed: Vec<&CatalogueEntry> =
        catalogue.entries.iter().filter(|entry| entry.linear.wraps <= request.most_wraps).collect();
    let mut of_schemes = Vec::new();
    for &entry in &allowed {
        match search(&[entry], catalogue, request) {
            Ok(found) => of_schemes.push(found),
            Err(PlanningError::FailuresUnreachable { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let lower_bound = of_schemes.iter().map(|found| found.lower_bound).min();
    let (candidates, suites_counted) = best_of_schemes(subject, of_schemes, &allowed, catalogue, request)?;
    let mut candidates = candidates.into_iter();
    let (Some(Candidate { found, priced: chosen, deployment }), Some(lower_bound)) = (candidates.next(), lower_bound)
    else {
        let (budget, least) = (request.error_budget, least_error(allowed.into_iter()));
        return Err(match budget_units(least) > budget_units(budget) && least.is_finite() {
            true => PlanningError::BudgetUnreachable { budget, least },
            false => PlanningError::FailuresUnreachable { limit: request.most_wraps, budget },
        });
    };
    Ok(Plan {
        model: catalogue.model.clone(),
        seq: catalogue.seq,
        batch: catalogue.batch,
        request: request.clone(),
        added_up_seconds: request.seconds(&found.load, catalogue.layers),
        lower_bound_seconds: lower_bound.seconds(),
        swaps: swaps(&found, catalogue, request),
        built_in: built_in(subject, catalogue, request)?,
        suites_in_space: catalogue.entries.iter().map(combinations).sum(),
        combinations_of_a_layer: catalogue.entries.iter().map(combinations).max().unwrap_or(0),
        suites_counted,
        schemes_that_wrap: catalogue.entries.len() - allowed.len(),
        chosen,
        deployment,
        runners_up: candidates.map(|candidate| candidate.priced).take(RUNNERS_UP).collect(),
    })
}

pub(super) fn check(catalogue: &Catalogue, request: &PlanRequest) -> Result<(), PlanningError> {
    let budget = request.error_budget;
    if !(budget >= 0.0 && budget.is_finite()) {
        return Err(PlanningError::Budget { budget });
    }
    if request.most_wraps.is_nan() || request.most_wraps < 0.0 {
        return Err(PlanningError::Wraps { limit: request.most_wraps });
    }
    if request.requests == 0 {
        return Err(PlanError::NoMicroBatches.into());
    }
    if request.rates.is_some() && (request.requests > 1 || request.parties.compute_seconds_per_layer > 0.0) {
        return Err(PlanningError::TwoComputations);
    }
    let least = least_error(catalogue.entries.iter());
    match budget_units(least) > budget_units(budget) {
        true => Err(PlanningError::BudgetUnreachable { budget, least }),
        false => Ok(()),
    }
}

/// The least sum of certified site errors under any of these schemes.
fn least_error<'a>(entries: impl Iterator<Item = &'a CatalogueEntry>) -> f64 {
    let of_choice = |choice: &super::FunctionChoice| {
        let errors = choice.variants.iter().map(|variant| units(variant.certified_error * choice.calls as f64));
        errors.min().unwrap_or(MOST_UNITS)
    };
    let least = entries.map(|entry| entry.functions.iter().map(of_choice).sum::<u64>()).min();
    least.map_or(f64::INFINITY, |units| units as f64 * ERROR_UNIT)
}

/// The most units of a site, far beyond any budget that is met, and of wraps: a hundred in an inference.
const MOST_UNITS: u64 = 100_000_000_000_000_000;

/// An error in units, rounded up.
pub(super) fn units(error: f64) -> u64 {
    (error / ERROR_UNIT).ceil().min(MOST_UNITS as f64) as u64
}

/// A budget in units. A sum of units is met when it is given back as a number, whose last digits are rounded.
pub(super) fn budget_units(budget: f64) -> u64 {
    (budget / ERROR_UNIT * (1.0 + 4.0 * f64::EPSILON)).min(1e18) as u64
}

/// Expected wraps in units, rounded up.
pub(super) fn wraps_units(wraps: f64) -> u64 {
    (wraps / WRAPS_UNIT).ceil().min(MOST_UNITS as f64) as u64
}

/// A limit of wraps in units. One beyond all that is told apart limits nothing.
pub(super) fn wraps_budget(limit: f64) -> u64 {
    let units = limit / WRAPS_UNIT;
    if units < MOST_UNITS as f64 { units as u64 } else { u64::MAX }
}

/// How many suites an entry has.
fn combinations(entry: &CatalogueEntry) -> usize {
    entry.functions.iter().map(|choice| choice.variants.len()).product()
}

/// Time of rounds on a network: a latency for each round, and its bits at the bandwidth.
fn time(rounds: Rounds, network: &Network) -> Result<Picoseconds, PlanningError> {
    let latency = Picoseconds::from_seconds(network.latency_seconds()).ok_or(PlanError::TooLong)?;
    let latency = latency.checked_mul(rounds.rounds.max(0) as u64).ok_or(PlanError::TooLong)?;
    Ok(latency.checked_add(link_time(rounds.bytes, network)?).ok_or(PlanError::TooLong)?)
}

/// How long bytes keep the link busy.
pub(super) fn link_time(bytes: i64, network: &Network) -> Result<Picoseconds, PlanningError> {
    let seconds = bytes.max(0) as f64 * 8.0 / network.bandwidth_bits_per_second();
    Ok(Picoseconds::from_seconds(seconds).ok_or(PlanError::TooLong)?)
}

/// What a search found.
#[derive(Clone)]
pub(super) struct Found<'a> {
    pub(super) entry: &'a CatalogueEntry,
    pub(super) protocols: BTreeMap<String, String>,
    /// One query alone, its parts added up.
    pub(super) load: Load,
    /// What no choice of these entries beats for all queries, parts added up.
    pub(super) lower_bound: Picoseconds,
}

impl<'a> Found<'a> {
    pub(super) fn of(choice: &Choice<'a>) -> Self {
        let Choice { entry, ref variants, bound } = *choice;
        let mut found = Self { entry, protocols: BTreeMap::new(), load: entry.linear, lower_bound: bound };
        for (function, &variant) in entry.functions.iter().zip(variants) {
            let variant = &function.variants[variant];
            found.protocols.insert(function.function.clone(), variant.protocol.clone());
            found.load = found.load + variant.load;
        }
        found
    }
}

/// The best choice from these entries, exactly: of all protocols, all numbers of stages and of queries in flight, and all schedules of
/// messages, that with the least bound on the time of all queries. For one query the bound is its time.
pub(super) fn search<'a>(
    entries: &[&'a CatalogueEntry],
    catalogue: &Catalogue,
    request: &PlanRequest,
) -> Result<Found<'a>, PlanningError> {
    let budget = budget_units(request.error_budget);
    let turns = request.turns();
    let mut grid = Vec::new();
    for &entry in entries {
        for schedule in 0..PREDICTED_SCHEDULES {
            grid.push((entry, problem(entry, catalogue, request, turns, schedule)?));
        }
    }
    let wraps = wraps_budget(request.most_wraps);
    let limit = |problem: &Problem| problem.clone().with_error_budget(budget)?.with_memory_bytes(vec![wraps]);
    let limited = grid.iter().map(|(entry, problem)| (*entry, limit(problem)));
    let best = outer::best(limited)
        .ok_or(PlanningError::FailuresUnreachable { limit: request.most_wraps, budget: request.error_budget })?;
    let (variants, bound) = (best.found.plan.variants[1..].to_vec(), best.found.value.total);
    Ok(Found::of(&Choice { entry: best.choice, variants, bound }))
}

/// The problem that a scheme poses under a schedule: its linear part and each function are operations of one stage. A query that waits for its turn
/// `turns` times takes at least so many times its own time; and the link carries the bytes of all queries.
fn problem(
    entry: &CatalogueEntry,
    catalogue: &Catalogue,
    request: &PlanRequest,
    turns: u64,
    schedule: usize,
) -> Result<Problem, PlanningError> {
    let variant = |load: Load, layers: usize, error: f64| {
        let rounds = load.schedules[schedule];
        let computation = Picoseconds::from_seconds(request.computation_seconds(&load.work, layers).max(0.0));
        let computation = computation.ok_or(PlanError::TooLong)?;
        let alone = time(rounds, &request.network)?.checked_add(computation).ok_or(PlanError::TooLong)?;
        Ok::<_, PlanningError>(Variant {
            times: vec![alone.checked_mul(turns).ok_or(PlanError::TooLong)?],
            error: units(error),
            // Wraps add up as memory does, and are limited as it is.
            memory_bytes: wraps_units(load.wraps),
            shared_link: link_time(rounds.bytes, &request.network)?
                .checked_mul(request.requests)
                .ok_or(PlanError::TooLong)?,
        })
    };
    let mut operations = vec![Operation::of_variants(vec![variant(entry.linear, catalogue.layers, 0.0)?])];
    for choice in &entry.functions {
        let calls = choice.calls;
        let each = |entry: &VariantEntry| variant(entry.load, 0, entry.certified_error * calls as f64);
        operations.push(Operation::of_variants(choice.variants.iter().map(each).collect::<Result<_, _>>()?));
    }
    Ok(Problem::new(1, 1, operations)?)
}

/// The suite of a choice, with a name and a summary that say what it is.
pub(super) fn named(
    subject: &Subject,
    entry: &CatalogueEntry,
    protocols: &BTreeMap<String, String>,
    request: &PlanRequest,
) -> Result<Suite, PlanningError> {
    let mut suite = with_protocols(suite(entry.scheme, entry.fraction_bits, &subject.registry)?, protocols);
    suite.name = format!("planned-for-{}", request.network.name());
    suite.summary = format!(
        "The fastest suite of its space on {} with certified site errors that add up to {} or less",
        request.network.name(),
        decimal::exact(request.error_budget)
    );
    Ok(suite)
}

/// What other protocols in place of the chosen ones would change, one at a time: the next faster, which the budget forbids, and the next
/// more accurate.
fn swaps(found: &Found, catalogue: &Catalogue, request: &PlanRequest) -> Vec<Swap> {
    let mut swaps = Vec::new();
    let now = request.seconds(&found.load, catalogue.layers);
    for choice in &found.entry.functions {
        let name = found.protocols.get(&choice.function);
        let Some(chosen) = choice.variants.iter().find(|variant| Some(&variant.protocol) == name) else { continue };
        for variant in choice.variants.iter().filter(|variant| variant.protocol != chosen.protocol) {
            let load = found.load + (variant.load - chosen.load);
            swaps.push(Swap {
                function: choice.function.clone(),
                chosen: chosen.protocol.clone(),
                instead: variant.protocol.clone(),
                seconds: request.seconds(&load, catalogue.layers) - now,
                error: (variant.certified_error - chosen.certified_error) * choice.calls as f64,
            });
        }
    }
    swaps.sort_by(|a, b| a.function.cmp(&b.function).then(a.seconds.total_cmp(&b.seconds)));
    swaps
}

/// Prices the load of a suite and adds up its certified errors.
pub(super) fn priced(
    subject: &Subject,
    suite: Suite,
    load: Load,
    catalogue: &Catalogue,
    request: &PlanRequest,
) -> Result<Priced, PlanningError> {
    let calls: BTreeMap<String, u64> =
        catalogue.entries[0].functions.iter().map(|choice| (choice.function.clone(), choice.calls)).collect();
    let called = |name: &String| {
        let protocol = subject.registry.get(name)?;
        let function = protocol.card.function.to_string();
        let calls = *calls.get(&function)?;
        Some((protocol, function, calls))
    };
    let called: Vec<_> = suite.protocols.values().filter_map(called).collect();
    let is_another = |protocol: &Protocol| protocol.card.fails.iter().any(|failing| failing.quality == Quality::Right);
    let not_right: Vec<String> =
        called.iter().filter(|(protocol, ..)| is_another(protocol)).map(|(_, function, _)| function.clone()).collect();
    // The error of another function is none of the model's.
    let mut error = not_right.is_empty().then_some(0.0);
    for (protocol, function, calls) in called {
        let Some(sum) = error else { break };
        let known = known_error(catalogue, &suite, &function, &protocol.card.name);
        let of_site = known.or_else(|| certified(protocol, &suite, row_of(subject, catalogue, &function)));
        error = of_site.map(|site| sum + site * calls as f64);
    }
    let meets_budget = not_right.is_empty()
        && error.is_some_and(|error| error <= request.error_budget)
        && load.wraps <= request.most_wraps;
    let (seconds, computation_seconds) =
        (request.seconds(&load, catalogue.layers), request.computation_seconds(&load.work, catalogue.layers));
    Ok(Priced { seconds, computation_seconds, suite, load, error, not_right, meets_budget })
}

/// An error that the catalogue has.
fn known_error(catalogue: &Catalogue, suite: &Suite, function: &str, protocol: &str) -> Option<f64> {
    let same = |entry: &&CatalogueEntry| {
        (entry.scheme.truncation, entry.fraction_bits) == (suite.scheme.truncation, suite.fraction_bits())
    };
    let entry = catalogue.entries.iter().find(same)?;
    let choice = entry.functions.iter().find(|choice| choice.function == function)?;
    choice.variants.iter().find(|variant| variant.protocol == protocol).map(|variant| variant.certified_error)
}

/// Elements of a row of a function.
fn row_of(subject: &Subject, catalogue: &Catalogue, function: &str) -> usize {
    match &subject.kind {
        Kind::Model(config) if function == Function::LAYERNORM.name() => config.hidden_size,
        Kind::Model(_) | Kind::Autoencoder(_) | Kind::Protocol(_) => catalogue.seq,
    }
}

fn built_in(subject: &Subject, catalogue: &Catalogue, request: &PlanRequest) -> Result<Vec<Priced>, PlanningError> {
    let sizes = catalogue.sizes();
    let names: Vec<&str> = Suite::names().collect();
    let of_suite = |name: &&str| {
        let suite = Suite::built_in(name).map_err(SubjectError::from)?;
        if suite.scheme.weights() == Weights::ClientServer {
            // Another setting: nobody shares a query or a weight, and the client computes.
            return Ok(None);
        }
        if suite.resolve(&subject.registry).is_err() {
            // Its protocols are not in the registry that is asked about.
            return Ok(None);
        }
        let program = subject.program(&suite, sizes)?;
        priced(subject, suite, Load::of(&program, &subject.registry), catalogue, request).map(Some)
    };
    let found = names.par_iter().map(of_suite).collect::<Result<Vec<_>, PlanningError>>()?;
    let mut all: Vec<Priced> = found.into_iter().flatten().collect();
    all.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    Ok(all)
}

#[cfg(test)]
mod tests;
