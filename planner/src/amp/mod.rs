//! AMP (arXiv 2210.07297): the parallel strategy of training a model on an uneven cluster.
//!
//! [`plan`] enumerates the strategies of an experiment, finds the stages of each, and ranks them by predicted time. With
//! [`Quirks::as_coded`] it does what the public code does, and meets every prediction of its logs; with [`Quirks::exact`] it
//! minimises the same cost exactly; with [`Quirks::per_stage_speed`] every stage runs at the speed of its own GPUs.

mod cost;
mod data;
mod experiment;
mod memory;
mod quirks;
mod recursion;
mod report;

pub use cost::{CostModel, Strategy};
pub use data::{Logged, Profiles, Trial, log};
pub use experiment::{Experiment, Kind, Layer, Model};
pub use memory::{Confusion, USABLE_BYTES, bytes_at_most};
pub use quirks::{Quirk, Quirks};
pub use recursion::cut as recursion;
pub use report::{Measured, Published, Report, Statistics, published, report};

use serde::Serialize;

use crate::bounds::lower_bound;
use crate::cluster::Cluster;
use crate::error::PlanError;
use crate::label;
use crate::problem::{Plan, Problem, Value};
use crate::time::Picoseconds;
use crate::{cut, execution};

/// A strategy with its stages, and what they cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// The strategy.
    pub strategy: Strategy,
    /// How many micro-batches go through the stages in an iteration.
    pub micro_batches: u64,
    /// How many layers each stage has.
    pub lengths: Vec<usize>,
    /// Where stages end in the profile, beginning with 0, as the log has it.
    pub cuts: Vec<usize>,
    /// The predicted time of an iteration.
    pub predicted: Picoseconds,
    /// Of it, the pipeline.
    pub pipeline: Picoseconds,
    /// Of it, the all-reduce.
    pub all_reduce: Picoseconds,
    /// What no cut of this strategy beats.
    pub lower_bound: Picoseconds,
    /// The most bytes that a GPU needs, by the memory model.
    pub memory_bytes: u64,
}

/// All strategies of an experiment, ranked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plans {
    /// Those that can be planned, fastest first; equal times in the order of enumeration.
    pub candidates: Vec<Candidate>,
    /// How many pose no problem: more stages than layers, or a tensor-parallel degree that was not measured.
    pub infeasible: usize,
    /// How many the memory model left out, where it is asked.
    pub without_memory: usize,
}

/// Plans an experiment on its own cluster or another one.
///
/// # Errors
/// A GPU on which the model was not measured; a cluster on which no strategy fits.
pub fn plan(experiment: Experiment, cluster: Option<Cluster>, quirks: Quirks) -> Result<Plans, PlanError> {
    plans(&CostModel::new(experiment, cluster, quirks)?)
}

/// Plans all strategies of a cost model.
///
/// # Errors
/// None of them fits.
pub fn plans(model: &CostModel) -> Result<Plans, PlanError> {
    let (mut candidates, mut infeasible, mut without_memory) = (Vec::new(), 0, 0);
    for strategy in model.strategies() {
        let planned = model.problem(strategy).and_then(|problem| {
            let plan = stages(model, &problem)?;
            candidate(model, strategy, &problem, &plan)
        });
        match planned {
            Ok(candidate) if model.quirks().has(Quirk::NoMemory) || candidate.memory_bytes <= USABLE_BYTES => {
                candidates.push(candidate);
            }
            Ok(_) => without_memory += 1,
            Err(_) => infeasible += 1,
        }
    }
    if candidates.is_empty() {
        let (gpus, layers) = (model.cluster().gpus(), model.layers().len());
        return Err(PlanError::NoStrategy { gpus, layers, batch: model.batch() });
    }
    candidates.sort_by_key(|candidate| candidate.predicted);
    Ok(Plans { candidates, infeasible, without_memory })
}

/// The stages that the quirks of the search choose.
fn stages(model: &CostModel, problem: &Problem) -> Result<Plan, PlanError> {
    let quirks = model.quirks();
    if problem.micro_batches() == 1 && quirks.has(Quirk::SingleMicroBatchCutUniformly) {
        return Ok(uniform(model, problem.stages()));
    }
    if !quirks.has(Quirk::CutIgnoresAllReduce) {
        return Ok(label::exact(problem)?.plan);
    }
    if quirks.has(Quirk::StoredValueDropsLink) {
        return recursion(problem, false);
    }
    Ok(cut::exact(problem, &vec![0; problem.operations().len()])?.plan)
}

/// The uniform cut of the code: Transformer layers evenly, the remainder to the first stages, GPT-2's other layers where they
/// are. Of TransGAN's planned layers the code forgets one, which the last stage then gets.
fn uniform(model: &CostModel, stages: usize) -> Plan {
    match model.model() {
        Model::Gpt2 => evenly(model, stages, 2, 4),
        Model::TransGan => evenly(model, stages, 0, 1),
    }
}

/// A uniform cut without that slip: what a user would write down without a search.
#[must_use]
pub fn even(model: &CostModel, stages: usize) -> Plan {
    match model.model() {
        Model::Gpt2 => evenly(model, stages, 2, 4),
        Model::TransGan => evenly(model, stages, 0, 0),
    }
}

/// Stages of even numbers of layers, the remainder to the first ones, with this many more before the first and after the last.
fn evenly(model: &CostModel, stages: usize, before: usize, after: usize) -> Plan {
    let even = model.layers().len() - before - after;
    let mut lengths: Vec<usize> = (0..stages).map(|stage| even / stages + usize::from(stage < even % stages)).collect();
    lengths[0] += before;
    lengths[stages - 1] += after;
    Plan::of_lengths(&lengths)
}

/// A strategy with given stages.
///
/// # Errors
/// Stages that do not fit the strategy.
pub fn candidate(
    model: &CostModel,
    strategy: Strategy,
    problem: &Problem,
    plan: &Plan,
) -> Result<Candidate, PlanError> {
    let Value { total, pipeline, setup, .. } = problem.value(plan)?;
    let profiled = model.model().layers().len();
    let ends = plan
        .ends
        .iter()
        .map(|&end| if end == model.layers().len() { profiled } else { model.layers()[end - 1].profile + 1 });
    let micro_batches = problem.micro_batches();
    Ok(Candidate {
        strategy,
        micro_batches,
        lengths: plan.lengths(),
        cuts: std::iter::once(0).chain(ends).collect(),
        predicted: total,
        pipeline,
        all_reduce: setup,
        lower_bound: lower_bound(problem),
        memory_bytes: bytes_at_most(model.model(), strategy, micro_batches, model.layers(), &plan.ends),
    })
}

/// The plan of a logged strategy: its cuts in the layers that are planned.
///
/// # Errors
/// Cuts that are not between planned layers.
pub fn logged_plan(model: &CostModel, logged: &Logged) -> Result<Plan, PlanError> {
    let ends = logged.cuts[1..].iter().map(|&cut| {
        if cut == model.model().layers().len() {
            return Ok(model.layers().len());
        }
        let place = model.layers().iter().position(|layer| layer.profile + 1 == cut);
        let reason = || format!("no planned layer ends at {cut}");
        place.map(|place| place + 1).ok_or_else(|| PlanError::NotAPlan { reason: reason() })
    });
    Ok(Plan { ends: ends.collect::<Result<_, _>>()?, variants: vec![0; model.layers().len()] })
}

/// What happens in an iteration of training, forward and backward, stage by stage: without the all-reduce, its makespan is the
/// pipeline time that the formula predicts, if backward takes exactly twice the time of forward.
///
/// # Errors
/// Stages that do not fit the strategy.
pub fn simulate(problem: &Problem, plan: &Plan) -> Result<execution::Schedule, PlanError> {
    let value = problem.value(plan)?;
    // Three passes of whole picoseconds: a third is exact wherever the profile was multiplied by three, and else rounded up.
    let forward: Vec<Picoseconds> = value.stages.iter().map(|time| time.div_ceil(3)).collect();
    Ok(execution::run(&execution::training(&forward, &value.handovers, problem.micro_batches() as usize)))
}
