//! Where a plan runs: stages, queries in flight, and what then happens event by event.

use super::choose::link_time;
use super::{Catalogue, PartiesFile, PlanRequest, PlanningError};
use serde::Serialize;
use std::collections::BTreeMap;
use viewless_planner::execution::{Flow, Schedule as Happened, Step, run};
use viewless_planner::{Links, Operation, Picoseconds, PlanError, Problem, Variant, cut};
use viewless_protocols::program::{self, Grouping, OnlineRound, PREDICTED_SCHEDULES, Program};
use viewless_protocols::region::Regions;
use viewless_simulator::work::Work;

/// The most rounds, over all queries, that are simulated event by event.
const MOST_EVENTS: u64 = 20_000_000;

/// Where a plan runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deployment {
    /// Parts of the model that send, in their order: input, embedding, layers, pooler, output.
    pub parts: Vec<String>,
    /// Stages of each party: how many of the parts each has, in this order.
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

/// The best deployment of a Program: every schedule of its messages, number of stages and power of two in flight, event by event.
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
    let mut best: Option<Deployment> = None;
    for rounds in schedules {
        if (rounds.len() as u64).checked_mul(request.requests).is_none_or(|events| events > MOST_EVENTS) {
            return Err(PlanError::TooLong.into());
        }
        let (part_names, parts): (Vec<String>, Vec<Vec<Step>>) = parts(program, rounds, request)?.into_iter().unzip();
        for stages in 1..=most_stages.min(parts.len()) {
            let lengths = stage_lengths(&parts, stages, handover, request.requests)?;
            for in_flight in (0..).map(|power| 1usize << power).take_while(|&count| count <= most_in_flight) {
                let found = deployed(&parts, &lengths, in_flight, handover, request.requests);
                if best.as_ref().is_none_or(|best| found.seconds < best.seconds) {
                    best = Some(Deployment { parts: part_names.clone(), ..found });
                }
            }
        }
    }
    Ok(best.expect("there is at least one stage with one query in flight"))
}

/// What happens when parts are put on stages.
fn deployed(
    parts: &[Vec<Step>],
    lengths: &[usize],
    in_flight: usize,
    handover: Picoseconds,
    requests: u64,
) -> Deployment {
    let mut rest = parts.iter();
    let flow = Flow {
        stages: lengths.iter().map(|&length| rest.by_ref().take(length).flatten().copied().collect()).collect(),
        handovers: vec![handover; lengths.len() - 1],
        micro_batches: requests as usize,
        in_flight,
        shared_link: true,
    };
    let sends = |steps: &Vec<Step>| steps.iter().filter(|step| matches!(step, Step::Send(_))).count();
    let schedule = run(&flow.execution());
    Deployment {
        parts: Vec::new(),
        stages: lengths.to_vec(),
        in_flight,
        seconds: schedule.makespan.seconds(),
        lower_bound_seconds: flow.lower_bound().seconds(),
        rounds: flow.stages.iter().map(sends).collect(),
        schedule,
    }
}

/// The parts of the model that send, one after the other, each with its name and steps: each computes first; then each round sends its bytes and waits for the latency.
fn parts(
    program: &Program,
    rounds: &[OnlineRound],
    request: &PlanRequest,
) -> Result<Vec<(String, Vec<Step>)>, PlanningError> {
    let names = program::bill::group_names(&program.regions, Grouping::Layer);
    let mut work = if request.rates.is_some() { Work::by_group(program, &names) } else { BTreeMap::new() };
    let latency = Picoseconds::from_seconds(request.network.latency_seconds()).ok_or(PlanError::TooLong)?;
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
        steps.extend([Step::Send(link_time(round.bytes as i64, &request.network)?), Step::Latency(latency)]);
    }
    // What sends nothing is computed before.
    if let Some((_, steps)) = parts.first_mut() {
        let silent = work.into_values().fold(Work::default(), |sum, work| sum + work);
        steps.insert(0, computation("", silent)?);
    }
    parts.iter_mut().for_each(|(_, steps)| steps.retain(|step| step.time() > Picoseconds::ZERO));
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
