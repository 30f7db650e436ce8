//! Where a plan runs: stages, queries in flight, and what then happens event by event.

use super::choose::link_time;
use super::{Catalogue, PartiesFile, PlanRequest, PlanningError};
use serde::Serialize;
use std::collections::BTreeMap;
use viewless_planner::execution::{Flow, Schedule, Step, replay, run_in_order};
use viewless_planner::{Links, Operation, Picoseconds, PlanError, Problem, Variant, cut};
use viewless_protocols::program::{self, Grouping, OnlineRound, PREDICTED_SCHEDULES, Program};
use viewless_protocols::region::Regions;
use viewless_simulator::network::Network;
use viewless_simulator::work::Work;

/// The most rounds, over all queries, that are simulated event by event.
const MOST_EVENTS: u64 = 4_000_000;

/// Where a plan runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deployment {
    /// Parts of the model that send, in their order: input, embedding, layers, pooler, output.
    pub parts: Vec<String>,
    /// Stages of each party: how many of the parts each has, in this order.
    pub stages: Vec<usize>,
    /// Queries in flight at each stage.
    pub in_flight: usize,
    /// The network whose order of messages is kept: that in which they leave there if who comes first is served first. None where queries
    /// take turns, one message each.
    pub order_of: Option<String>,
    /// Time of all queries, event by event; all stages send over one link.
    pub seconds: f64,
    /// What no order of the events of this deployment beats.
    pub lower_bound_seconds: f64,
    /// Rounds that each stage has.
    pub rounds: Vec<usize>,
    /// What happened; link and machines are its resources.
    #[serde(skip)]
    pub schedule: Schedule,
}

/// Networks whose orders are tried when stages share a link, whatever the network is that is asked about: bits per second, and seconds one
/// way. The bits that are under way on them are powers of about thirty apart.
const ORDERS_OF: [(&str, f64, f64); 9] = [
    ("10 Gbit/s, 0.1 ms", 1e10, 1e-4),
    ("10 Gbit/s, 3 ms", 1e10, 3e-3),
    ("10 Gbit/s, 100 ms", 1e10, 1e-1),
    ("100 Mbit/s, 0.1 ms", 1e8, 1e-4),
    ("100 Mbit/s, 3 ms", 1e8, 3e-3),
    ("100 Mbit/s, 100 ms", 1e8, 1e-1),
    ("1 Mbit/s, 0.1 ms", 1e6, 1e-4),
    ("1 Mbit/s, 3 ms", 1e6, 3e-3),
    ("1 Mbit/s, 100 ms", 1e6, 1e-1),
];

/// A way to deploy a Program, with what no order of its events beats.
struct Draft<'a> {
    schedule: &'a Timed,
    lengths: Vec<usize>,
    /// The network whose order is kept, by its place in the list, and the parts on it.
    order_of: usize,
    there: &'a [Vec<Step>],
    in_flight: usize,
    lower_bound: Picoseconds,
}

/// Rounds under a schedule: the parts, on the network that is asked about and on those whose orders are tried.
struct Timed {
    names: Vec<String>,
    here: Vec<Vec<Step>>,
    /// By the place of the network in the list; without those on which the queries would take longer than can be represented.
    there: Vec<(usize, Vec<Vec<Step>>)>,
}

/// The best deployment of a Program, of all these: every schedule of its messages; every number of stages; every power of two in flight; and
/// the cut and the order of messages that are best, or come first, on each of a fixed list of networks. An order that is kept is never slower
/// on a better network, and the list does not depend on the network that is asked about; so neither is the best of them.
///
/// # Errors
/// More events than are simulated; more machines than layers; times that do not fit.
pub(super) fn deploy(
    program: &Program,
    schedules: &[Vec<OnlineRound>; PREDICTED_SCHEDULES],
    catalogue: &Catalogue,
    request: &PlanRequest,
) -> Result<Deployment, PlanningError> {
    let PartiesFile { machines, most_in_flight, handover_seconds, .. } = request.parties;
    if machines > catalogue.layers {
        return Err(PlanError::TooManyStages { stages: machines, operations: catalogue.layers }.into());
    }
    let handover = Picoseconds::from_seconds(handover_seconds).ok_or(PlanError::TooLong)?;
    let (most_stages, most_in_flight) = if request.requests == 1 { (1, 1) } else { (machines, most_in_flight) };
    let longest = schedules.iter().map(Vec::len).max().unwrap_or(0) as u64;
    if longest.checked_mul(request.requests).is_none_or(|events| events > MOST_EVENTS) {
        return Err(PlanningError::TooManyEvents { requests: request.requests, rounds: longest, most: MOST_EVENTS });
    }
    // One stage that only sends serves its queries in turn, whatever the network is.
    let orders = |stages: usize| if stages == 1 && request.computes_nothing() { 1 } else { ORDERS_OF.len() };
    let timed = schedules.iter().map(|rounds| Timed::new(program, rounds, request, orders(most_stages)));
    let timed = timed.collect::<Result<Vec<Timed>, _>>()?;
    let flow =
        |parts: &[Vec<Step>], lengths: &[usize], in_flight| flow(parts, lengths, in_flight, handover, request.requests);
    let mut drafts = Vec::new();
    for schedule in &timed {
        for stages in 1..=most_stages.min(schedule.here.len()) {
            for &(order_of, ref there) in schedule.there.iter().take(orders(stages)) {
                let lengths = stage_lengths(there, stages, handover, request.requests)?;
                for in_flight in (0..).map(|power| 1usize << power).take_while(|&count| count <= most_in_flight) {
                    let lower_bound = flow(&schedule.here, &lengths, in_flight).lower_bound();
                    drafts.push(Draft { schedule, lengths: lengths.clone(), order_of, there, in_flight, lower_bound });
                }
            }
        }
    }
    drafts.sort_by_key(|draft| draft.lower_bound);
    let mut best: Option<(Schedule, &Draft, Flow)> = None;
    for draft in &drafts {
        if best.as_ref().is_some_and(|(best, ..)| best.makespan <= draft.lower_bound) {
            break;
        }
        let there = flow(draft.there, &draft.lengths, draft.in_flight);
        let here = flow(&draft.schedule.here, &draft.lengths, draft.in_flight);
        let (_, order) = run_in_order(&there.execution());
        let happened = replay(&here.execution(), &order);
        if best.as_ref().is_none_or(|(best, ..)| happened.makespan < best.makespan) {
            best = Some((happened, draft, here));
        }
    }
    let (schedule, draft, flow) = best.expect("there is at least one stage with one query in flight");
    let sends = |steps: &Vec<Step>| steps.iter().filter(|step| matches!(step, Step::Send(_))).count();
    Ok(Deployment {
        parts: draft.schedule.names.clone(),
        stages: draft.lengths.clone(),
        in_flight: draft.in_flight,
        order_of: (orders(draft.lengths.len()) > 1).then(|| ORDERS_OF[draft.order_of].0.to_owned()),
        seconds: schedule.makespan.seconds(),
        lower_bound_seconds: draft.lower_bound.seconds(),
        rounds: flow.stages.iter().map(sends).collect(),
        schedule,
    })
}

impl Timed {
    fn new(
        program: &Program,
        rounds: &[OnlineRound],
        request: &PlanRequest,
        orders: usize,
    ) -> Result<Self, PlanningError> {
        let (names, here): (Vec<String>, Vec<Vec<Step>>) =
            parts(program, rounds, request, &request.network)?.into_iter().unzip();
        if !fits(&here, request) {
            return Err(PlanError::TooLong.into());
        }
        let mut there = Vec::new();
        for (place, &(name, bandwidth, latency)) in ORDERS_OF[..orders].iter().enumerate() {
            let network = Network::new(name, bandwidth, latency)
                .map_err(|error| PlanningError::Defect { reason: error.to_string() })?;
            let parts: Vec<Vec<Step>> =
                parts(program, rounds, request, &network)?.into_iter().map(|(_, steps)| steps).collect();
            if fits(&parts, request) {
                there.push((place, parts));
            }
        }
        if there.is_empty() { Err(PlanError::TooLong.into()) } else { Ok(Self { names, here, there }) }
    }
}

/// Whether all queries one after the other, which take no less than any order of their events, take a time that can be represented.
fn fits(parts: &[Vec<Step>], request: &PlanRequest) -> bool {
    let handovers = request.parties.handover_seconds * request.parties.machines as f64;
    let alone = Picoseconds::from_seconds(handovers)
        .and_then(|start| parts.iter().flatten().try_fold(start, |sum, step| sum.checked_add(step.time())));
    alone.and_then(|alone| alone.checked_mul(request.requests)).is_some()
}

/// Parts, put on stages.
fn flow(parts: &[Vec<Step>], lengths: &[usize], in_flight: usize, handover: Picoseconds, requests: u64) -> Flow {
    let mut rest = parts.iter();
    Flow {
        stages: lengths.iter().map(|&length| rest.by_ref().take(length).flatten().copied().collect()).collect(),
        handovers: vec![handover; lengths.len() - 1],
        micro_batches: requests as usize,
        in_flight,
        shared_link: true,
    }
}

/// The parts of the model that send, one after the other, each with its name and steps: each computes first; then each round sends its bytes and waits for the latency.
fn parts(
    program: &Program,
    rounds: &[OnlineRound],
    request: &PlanRequest,
    network: &Network,
) -> Result<Vec<(String, Vec<Step>)>, PlanningError> {
    let names = program::bill::group_names(&program.regions, Grouping::Layer);
    let mut work = if request.rates.is_some() { Work::by_group(program, &names) } else { BTreeMap::new() };
    let latency = Picoseconds::from_seconds(network.latency_seconds()).ok_or(PlanError::TooLong)?;
    let computation = |name: &str, work: Work| {
        let per_layer = if name.starts_with("layer") { request.parties.compute_seconds_per_layer } else { 0.0 };
        let seconds = per_layer + request.measured_seconds(&work);
        Ok::<_, PlanError>(Step::Compute(Picoseconds::from_seconds(seconds).ok_or(PlanError::TooLong)?))
    };
    let mut parts: Vec<(&str, Vec<Step>)> = Vec::new();
    for round in rounds {
        let name = names[Regions::index(round.region)].as_str();
        if parts.last().is_none_or(|(last, _)| *last != name) {
            let first = computation(name, work.remove(name).unwrap_or_default())?;
            parts.push((name, vec![first]));
        }
        let (_, steps) = parts.last_mut().expect("there is a part");
        steps.extend([Step::Send(link_time(round.bytes as i64, network)?), Step::Latency(latency)]);
    }
    // What sends nothing is computed before.
    if let Some((_, steps)) = parts.first_mut() {
        let silent = work.into_values().fold(Work::default(), |sum, work| sum + work);
        steps.insert(0, computation("", silent)?);
    }
    // Nothing that depends on the network is left out: an order is kept on another one.
    let computes_nothing = |step: &Step| *step == Step::Compute(Picoseconds::ZERO);
    parts.iter_mut().for_each(|(_, steps)| steps.retain(|step| !computes_nothing(step)));
    Ok(parts.into_iter().map(|(name, steps)| (name.to_owned(), steps)).collect())
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
