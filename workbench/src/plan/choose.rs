//! The search: what to choose from a catalogue for a network, a budget and a number of queries.

use super::catalogue::{suite, with_protocols};
use super::{Catalogue, CatalogueEntry, PartiesFile, PlanningError, Traffic, VariantEntry};
use crate::SubjectError;
use crate::comparison::certified;
use crate::sizes::Sizes;
use crate::subject::{Kind, Subject};
use serde::Serialize;
use std::collections::BTreeMap;
use viewless_planner::execution::{Flow, Schedule as Happened, Step, run};
use viewless_planner::{Links, Operation, Picoseconds, PlanError, Problem, Variant, cut, outer};
use viewless_protocols::nonlinear::{Function, Quality, Registry};
use viewless_protocols::program::{self, Grouping, Schedule};
use viewless_protocols::program::{Phase, Program};
use viewless_protocols::suite::Suite;
use viewless_simulator::failure;
use viewless_simulator::network::Network;

/// Certified errors are added up as whole multiples of this; each is rounded up.
const ERROR_UNIT: f64 = 1e-12;
/// The most rounds, over all queries, that are simulated event by event.
const MOST_EVENTS: u64 = 20_000_000;
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
}

/// A suite with its price.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Priced {
    /// The suite.
    pub suite: Suite,
    /// What the whole model costs, counted.
    pub traffic: Traffic,
    /// Seconds of one query on the network, without computation.
    pub seconds: f64,
    /// Sum of certified site errors; none if a site has no finite bound.
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

/// Where a plan runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deployment {
    /// Stages of each party: embedding, layers and head that each has, counted in this order.
    pub stages: Vec<usize>,
    /// Queries in flight at each stage.
    pub in_flight: usize,
    /// Time of all queries, event by event; all stages send over one link.
    pub seconds: f64,
    /// What no order of the events of this deployment beats.
    pub lower_bound_seconds: f64,
    /// Rounds that each stage has.
    pub rounds: Vec<usize>,
    /// What happened; link and machines are its resources.
    #[serde(skip)]
    pub schedule: Happened,
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
    /// Schemes that may wrap too often.
    pub schemes_that_wrap: usize,
}

/// Plans for a model.
///
/// # Errors
/// A budget that nothing meets; a subject or sizes that cannot be built.
pub fn plan(subject: &Subject, catalogue: &Catalogue, request: &PlanRequest) -> Result<Plan, PlanningError> {
    check(catalogue, request)?;
    let sizes = Sizes::new(catalogue.seq, catalogue.batch).expect("the catalogue was made at these sizes");
    let mut allowed: Vec<&CatalogueEntry> =
        catalogue.entries.iter().filter(|entry| entry.linear.wraps <= request.most_wraps).collect();
    loop {
        let schemes_that_wrap = catalogue.entries.len() - allowed.len();
        if allowed.is_empty() {
            return Err(PlanningError::FailuresUnreachable { limit: request.most_wraps });
        }
        let found = search(&allowed, catalogue, request)?;
        let (entry, protocols) = (found.entry, &found.protocols);
        let suite = named(entry, protocols, request)?;
        let program = subject.program(&suite, sizes)?;
        let chosen = priced(subject, suite, &program, catalogue, request)?;
        if chosen.traffic.wraps > request.most_wraps {
            // Its functions wrap where its linear part does not: the scheme is out.
            allowed.retain(|other| !std::ptr::eq(*other, entry));
            continue;
        }
        let deployment = deploy(&program, catalogue, request)?;
        let mut runners_up = Vec::new();
        for other in allowed.iter().filter(|other| !std::ptr::eq(**other, entry)) {
            let Ok(next) = search(&[other], catalogue, request) else { continue };
            let suite = named(other, &next.protocols, request)?;
            let program = subject.program(&suite, sizes)?;
            runners_up.push(priced(subject, suite, &program, catalogue, request)?);
        }
        runners_up.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        runners_up.truncate(RUNNERS_UP);
        return Ok(Plan {
            model: catalogue.model.clone(),
            seq: catalogue.seq,
            batch: catalogue.batch,
            request: request.clone(),
            added_up_seconds: found.one_query.seconds(),
            lower_bound_seconds: found.lower_bound.seconds(),
            swaps: swaps(entry, protocols, request),
            built_in: built_in(subject, catalogue, request)?,
            suites_in_space: catalogue.entries.iter().map(combinations).sum(),
            combinations_of_a_layer: catalogue.entries.iter().map(combinations).max().unwrap_or(0),
            schemes_that_wrap,
            chosen,
            deployment,
            runners_up,
        });
    }
}

fn check(catalogue: &Catalogue, request: &PlanRequest) -> Result<(), PlanningError> {
    let budget = request.error_budget;
    if !(budget >= 0.0 && budget.is_finite()) {
        return Err(PlanningError::Budget { budget });
    }
    if request.requests == 0 {
        return Err(PlanError::NoMicroBatches.into());
    }
    let least = catalogue.entries.iter().map(|entry| {
        let least = |choice: &super::FunctionChoice| {
            let errors = choice.variants.iter().map(|variant| variant.certified_error);
            errors.fold(f64::INFINITY, f64::min) * choice.calls as f64
        };
        entry.functions.iter().map(least).sum::<f64>()
    });
    let least = least.fold(f64::INFINITY, f64::min);
    if least > budget { Err(PlanningError::BudgetUnreachable { budget, least }) } else { Ok(()) }
}

/// How many suites an entry has.
fn combinations(entry: &CatalogueEntry) -> usize {
    entry.functions.iter().map(|choice| choice.variants.len()).product()
}

/// Time of traffic on a network: a latency for each round, and its bits at the bandwidth.
fn time(traffic: Traffic, network: &Network) -> Result<Picoseconds, PlanningError> {
    let latency = Picoseconds::from_seconds(network.latency_seconds()).ok_or(PlanError::TooLong)?;
    let latency = latency.checked_mul(traffic.rounds.max(0) as u64).ok_or(PlanError::TooLong)?;
    Ok(latency.checked_add(link_time(traffic, network)?).ok_or(PlanError::TooLong)?)
}

/// How long traffic keeps the link busy.
fn link_time(traffic: Traffic, network: &Network) -> Result<Picoseconds, PlanningError> {
    let seconds = traffic.bytes.max(0) as f64 * 8.0 / network.bandwidth_bits_per_second();
    Ok(Picoseconds::from_seconds(seconds).ok_or(PlanError::TooLong)?)
}

/// What a search found.
struct Found<'a> {
    entry: &'a CatalogueEntry,
    protocols: BTreeMap<String, String>,
    /// One query alone.
    one_query: Picoseconds,
    /// What no choice of these entries beats for all queries.
    lower_bound: Picoseconds,
}

/// The best choice from these entries, exactly: of all numbers of stages and of queries in flight, and of all protocols, that with
/// the least bound on the time of all queries. For one query the bound is its time.
fn search<'a>(
    entries: &[&'a CatalogueEntry],
    catalogue: &Catalogue,
    request: &PlanRequest,
) -> Result<Found<'a>, PlanningError> {
    let budget = (request.error_budget / ERROR_UNIT).min(1e18) as u64;
    let most = request.parties.machines * request.parties.most_in_flight;
    let in_flight = if request.requests == 1 { 1 } else { most as u64 };
    // More in flight and more stages never raise the bound, so the largest numbers have the least.
    let turns = request.requests.div_ceil(in_flight.max(1));
    let mut grid = Vec::new();
    for &entry in entries {
        grid.push((entry, problem(entry, catalogue, request, turns)?));
    }
    let limited = grid.iter().map(|(entry, problem)| (*entry, problem.clone().with_error_budget(budget)));
    let best = outer::best(limited).ok_or(PlanningError::BudgetUnreachable {
        budget: request.error_budget,
        least: grid.iter().map(|(_, problem)| problem.least_error()).min().unwrap_or(0) as f64 * ERROR_UNIT,
    })?;
    let entry = best.choice;
    let chosen = |(choice, &variant): (&super::FunctionChoice, &usize)| {
        (choice.function.clone(), choice.variants[variant].protocol.clone())
    };
    let variants = &best.found.plan.variants;
    let protocols = entry.functions.iter().zip(&variants[1..]).map(chosen).collect();
    let mut traffic = entry.linear;
    for (choice, &variant) in entry.functions.iter().zip(&variants[1..]) {
        traffic = traffic + choice.variants[variant].traffic * choice.calls as i64;
    }
    let one_query = time(traffic, &request.network)?;
    Ok(Found { entry, protocols, one_query, lower_bound: best.found.value.total })
}

/// The problem that a scheme poses: its linear part and each function are operations of one stage. A query that waits for its turn
/// `turns` times takes at least so many times its own time; and the link carries the bytes of all queries.
fn problem(
    entry: &CatalogueEntry,
    catalogue: &Catalogue,
    request: &PlanRequest,
    turns: u64,
) -> Result<Problem, PlanningError> {
    let compute = request.parties.compute_seconds_per_layer * catalogue.layers as f64;
    let compute = Picoseconds::from_seconds(compute).ok_or(PlanError::TooLong)?;
    let variant = |traffic: Traffic, extra: Picoseconds, error: f64| {
        let alone = time(traffic, &request.network)?.checked_add(extra).ok_or(PlanError::TooLong)?;
        Ok::<_, PlanningError>(Variant {
            times: vec![alone.checked_mul(turns).ok_or(PlanError::TooLong)?],
            error: (error / ERROR_UNIT).ceil().min(1e17) as u64,
            memory_bytes: 0,
            shared_link: link_time(traffic, &request.network)?
                .checked_mul(request.requests)
                .ok_or(PlanError::TooLong)?,
        })
    };
    let mut operations = vec![Operation::of_variants(vec![variant(entry.linear, compute, 0.0)?])];
    for choice in &entry.functions {
        let calls = choice.calls;
        let each = |entry: &VariantEntry| {
            variant(entry.traffic * calls as i64, Picoseconds::ZERO, entry.certified_error * calls as f64)
        };
        operations.push(Operation::of_variants(choice.variants.iter().map(each).collect::<Result<_, _>>()?));
    }
    Ok(Problem::new(1, 1, operations)?)
}

/// The suite of a choice, with a name and a summary that say what it is.
fn named(
    entry: &CatalogueEntry,
    protocols: &BTreeMap<String, String>,
    request: &PlanRequest,
) -> Result<Suite, PlanningError> {
    let mut suite = with_protocols(suite(entry.scheme, entry.fraction_bits)?, protocols);
    suite.name = format!("planned-for-{}", request.network.name());
    suite.summary = format!(
        "The fastest suite of its space on {} with certified site errors that add up to {:e} or less",
        request.network.name(),
        request.error_budget
    );
    Ok(suite)
}

/// What other protocols in place of the chosen ones would change, one at a time: the next faster, which the budget forbids, and the next
/// more accurate.
fn swaps(entry: &CatalogueEntry, protocols: &BTreeMap<String, String>, request: &PlanRequest) -> Vec<Swap> {
    let mut swaps = Vec::new();
    for choice in &entry.functions {
        let Some(chosen) = choice.variants.iter().find(|v| Some(&v.protocol) == protocols.get(&choice.function)) else {
            continue;
        };
        let calls = choice.calls as f64;
        let seconds = |variant: &VariantEntry| {
            let traffic = variant.traffic;
            calls
                * (traffic.rounds as f64 * request.network.latency_seconds()
                    + traffic.bytes as f64 * 8.0 / request.network.bandwidth_bits_per_second())
        };
        for variant in choice.variants.iter().filter(|variant| variant.protocol != chosen.protocol) {
            swaps.push(Swap {
                function: choice.function.clone(),
                chosen: chosen.protocol.clone(),
                instead: variant.protocol.clone(),
                seconds: seconds(variant) - seconds(chosen),
                error: (variant.certified_error - chosen.certified_error) * calls,
            });
        }
    }
    swaps.sort_by(|a, b| a.function.cmp(&b.function).then(a.seconds.total_cmp(&b.seconds)));
    swaps
}

/// Counts a suite whole and adds up its certified errors.
fn priced(
    subject: &Subject,
    suite: Suite,
    program: &Program,
    catalogue: &Catalogue,
    request: &PlanRequest,
) -> Result<Priced, PlanningError> {
    let bill = program::bill(program, Schedule::Asap, Grouping::Layer);
    let rounds = &bill.slowest_link_bytes[Phase::Online as usize];
    let traffic = Traffic {
        rounds: rounds.len() as i64,
        bytes: rounds.iter().sum::<u64>() as i64,
        wraps: failure::predict(program, crate::bill::ASSUMED_MAGNITUDE).expected_wraps,
    };
    let calls: BTreeMap<String, u64> =
        catalogue.entries[0].functions.iter().map(|choice| (choice.function.clone(), choice.calls)).collect();
    let (mut error, mut not_right) = (Some(0.0), Vec::new());
    for name in suite.protocols.values() {
        let Some(protocol) = Registry::built_in().get(name) else { continue };
        let function = protocol.card.function.to_string();
        let Some(&calls) = calls.get(&function) else { continue };
        if protocol.card.fails.iter().any(|failing| failing.quality == Quality::Right) {
            not_right.push(function.clone());
        }
        let known = known_error(catalogue, &suite, &function, name);
        let of_site = known.or_else(|| certified(protocol, &suite, row_of(subject, catalogue, &function)));
        error = error.zip(of_site).map(|(sum, site)| sum + site * calls as f64);
    }
    let meets_budget = not_right.is_empty()
        && error.is_some_and(|error| error <= request.error_budget)
        && traffic.wraps <= request.most_wraps;
    Ok(Priced { seconds: request.network.online_seconds(&bill), suite, traffic, error, not_right, meets_budget })
}

/// An error that the catalogue has.
fn known_error(catalogue: &Catalogue, suite: &Suite, function: &str, protocol: &str) -> Option<f64> {
    let same = |entry: &&CatalogueEntry| {
        entry.scheme.kind() == suite.scheme.kind() && entry.fraction_bits == suite.fraction_bits()
    };
    let entry = catalogue.entries.iter().find(same)?;
    let choice = entry.functions.iter().find(|choice| choice.function == function)?;
    choice.variants.iter().find(|variant| variant.protocol == protocol).map(|variant| variant.certified_error)
}

/// Elements of a row of a function.
fn row_of(subject: &Subject, catalogue: &Catalogue, function: &str) -> usize {
    match &subject.kind {
        Kind::Model(config) if function == Function::LAYERNORM.name() => config.hidden_size,
        Kind::Model(_) | Kind::Protocol(_) => catalogue.seq,
    }
}

fn built_in(subject: &Subject, catalogue: &Catalogue, request: &PlanRequest) -> Result<Vec<Priced>, PlanningError> {
    let sizes = Sizes::new(catalogue.seq, catalogue.batch).expect("the catalogue was made at these sizes");
    let mut all = Vec::new();
    for name in Suite::names() {
        let suite = Suite::built_in(name).map_err(SubjectError::from)?;
        let program = subject.program(&suite, sizes)?;
        all.push(priced(subject, suite, &program, catalogue, request)?);
    }
    all.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    Ok(all)
}

/// The best deployment of a Program: every number of stages and powers of two in flight, event by event.
fn deploy(program: &Program, catalogue: &Catalogue, request: &PlanRequest) -> Result<Deployment, PlanningError> {
    let PartiesFile { machines, most_in_flight, compute_seconds_per_layer, handover_seconds } = request.parties;
    let parts = parts(program, request, compute_seconds_per_layer)?;
    let rounds: usize = parts.iter().map(Vec::len).sum();
    if rounds as u64 * request.requests > MOST_EVENTS {
        return Err(PlanError::TooLong.into());
    }
    if machines > catalogue.layers {
        return Err(PlanError::TooManyStages { stages: machines, operations: catalogue.layers }.into());
    }
    let handover = Picoseconds::from_seconds(handover_seconds).ok_or(PlanError::TooLong)?;
    let most_in_flight = if request.requests == 1 { 1 } else { most_in_flight };
    let mut best: Option<Deployment> = None;
    for stages in 1..=if request.requests == 1 { 1 } else { machines } {
        let lengths = stage_lengths(&parts, stages, handover, request.requests)?;
        for in_flight in (0..).map(|power| 1usize << power).take_while(|&count| count <= most_in_flight) {
            let mut rest = parts.iter();
            let stages =
                lengths.iter().map(|&length| rest.by_ref().take(length).flatten().copied().collect()).collect();
            let flow = Flow {
                stages,
                handovers: vec![handover; lengths.len() - 1],
                micro_batches: request.requests as usize,
                in_flight,
                shared_link: true,
            };
            let sends = |steps: &Vec<Step>| steps.iter().filter(|step| matches!(step, Step::Send(_))).count();
            let rounds: Vec<usize> = flow.stages.iter().map(sends).collect();
            let schedule = run(&flow.execution());
            let seconds = schedule.makespan.seconds();
            if best.as_ref().is_none_or(|best| seconds < best.seconds) {
                let lower_bound_seconds = flow.lower_bound().seconds();
                best = Some(Deployment {
                    stages: lengths.clone(),
                    in_flight,
                    seconds,
                    lower_bound_seconds,
                    rounds,
                    schedule,
                });
            }
        }
    }
    Ok(best.expect("there is at least one stage with one query in flight"))
}

/// The steps of embedding, layers and head, one after the other: each round sends its bytes and waits for the latency.
fn parts(program: &Program, request: &PlanRequest, compute_seconds: f64) -> Result<Vec<Vec<Step>>, PlanningError> {
    let bill = program::bill(program, Schedule::Asap, Grouping::Layer);
    let mut rounds = bill.slowest_link_bytes[Phase::Online as usize].iter();
    let latency = Picoseconds::from_seconds(request.network.latency_seconds()).ok_or(PlanError::TooLong)?;
    let compute = Picoseconds::from_seconds(compute_seconds).ok_or(PlanError::TooLong)?;
    let mut parts = Vec::new();
    for region in bill.regions.iter().filter(|region| region.rounds > 0) {
        let mut steps = Vec::new();
        if compute > Picoseconds::ZERO && region.name.starts_with("layer") {
            steps.push(Step::Compute(compute));
        }
        for &bytes in rounds.by_ref().take(region.rounds as usize) {
            let traffic = Traffic { rounds: 1, bytes: bytes as i64, wraps: 0.0 };
            steps.extend([Step::Send(link_time(traffic, &request.network)?), Step::Latency(latency)]);
        }
        parts.push(steps);
    }
    Ok(parts)
}

/// The exact cut of the parts into stages.
fn stage_lengths(
    parts: &[Vec<Step>],
    stages: usize,
    handover: Picoseconds,
    requests: u64,
) -> Result<Vec<usize>, PlanningError> {
    let whole = |steps: &Vec<Step>| steps.iter().map(|step| step.time()).sum::<Picoseconds>();
    let operations =
        parts.iter().map(|steps| Operation::of_variants(vec![Variant::of_times(vec![whole(steps); stages])]));
    let problem = Problem::new(stages, requests, operations.collect())?
        .with_handovers(vec![vec![handover; stages - 1]; parts.len() - 1], Links::Delay)?;
    Ok(cut::exact(&problem, &vec![0; parts.len()])?.plan.lengths())
}

/// The Pareto front of time against error over a whole space: the fastest suite for every sum of errors that makes a difference,
/// most accurate first. By trying everything, so that it checks the search.
#[must_use]
pub fn front(catalogue: &Catalogue, network: &Network, most_wraps: f64) -> Vec<(f64, f64, String)> {
    let mut points = Vec::new();
    for entry in catalogue.entries.iter().filter(|entry| entry.linear.wraps <= most_wraps) {
        let start = vec![(entry.linear, 0.0, Vec::new())];
        let all = entry.functions.iter().fold(start, |points, choice| {
            let extend = |(traffic, error, names): (Traffic, f64, Vec<String>)| {
                choice.variants.iter().map(move |variant| {
                    let names = names.iter().cloned().chain([variant.protocol.clone()]).collect();
                    let calls = choice.calls;
                    (traffic + variant.traffic * calls as i64, error + variant.certified_error * calls as f64, names)
                })
            };
            points.into_iter().flat_map(extend).collect()
        });
        points.extend(all.into_iter().filter(|(traffic, ..)| traffic.wraps <= most_wraps).map(
            |(traffic, error, names)| {
                let bits = traffic.bytes.max(0) as f64 * 8.0;
                let seconds =
                    traffic.rounds as f64 * network.latency_seconds() + bits / network.bandwidth_bits_per_second();
                (error, seconds, format!("{} {}", scheme_in_words(entry), names.join(" ")))
            },
        ));
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut front: Vec<(f64, f64, String)> = Vec::new();
    for point in points {
        if front.last().is_none_or(|last| point.1 < last.1) {
            front.push(point);
        }
    }
    front
}

/// A scheme's choices that vary, in words.
fn scheme_in_words(entry: &CatalogueEntry) -> String {
    let scheme = entry.scheme;
    format!("{:?} {:?} {:?}", scheme.kind(), scheme.truncation, scheme.comparison).to_lowercase()
}

/// The winner for one query, in words: scheme, then the protocol of each function.
///
/// # Errors
/// A budget that nothing meets.
pub fn winner(
    catalogue: &Catalogue,
    request: &PlanRequest,
) -> Result<(String, BTreeMap<String, String>, f64), PlanningError> {
    check(catalogue, request)?;
    let allowed: Vec<&CatalogueEntry> =
        catalogue.entries.iter().filter(|entry| entry.linear.wraps <= request.most_wraps).collect();
    if allowed.is_empty() {
        return Err(PlanningError::FailuresUnreachable { limit: request.most_wraps });
    }
    let found = search(&allowed, catalogue, request)?;
    Ok((scheme_in_words(found.entry), found.protocols.clone(), found.one_query.seconds()))
}

#[cfg(test)]
mod tests;
