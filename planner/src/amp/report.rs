//! What a plan says beside AMP's log: predictions, measurements, failures.

use serde::Serialize;

use super::{
    Candidate, Confusion, CostModel, Experiment, Logged, Plans, Quirk, Quirks, Trial, USABLE_BYTES, candidate, even,
    log, logged_plan, plans,
};
use crate::cluster::Cluster;
use crate::error::PlanError;
use crate::statistics::{mean_relative_error, regret, spearman};
use crate::time::Picoseconds;

/// A speedup as AMP's authors measured and published it. No model here produces it: the runs of its baseline are in no log.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Published {
    /// Seconds of an iteration of the baseline, from the published figure.
    pub baseline_seconds: f64,
    /// Seconds of an iteration of AMP's strategy, from the published figure.
    pub amp_seconds: f64,
}

impl Published {
    /// The ratio.
    #[must_use]
    pub fn speedup(&self) -> f64 {
        self.baseline_seconds / self.amp_seconds
    }
}

/// What the figure of the paper shows for an experiment: measurements.
#[must_use]
pub fn published(experiment: Experiment) -> Published {
    let (baseline_seconds, amp_seconds) = match experiment {
        Experiment::Homogeneous => (1.32, 1.20),
        Experiment::HetCluster => (1.97, 1.28),
        Experiment::HetModel => (1.89, 1.07),
    };
    Published { baseline_seconds, amp_seconds }
}

/// How predictions of the logged strategies, with their logged stages, meet the measurements.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// Strategies that were predicted.
    pub predicted: usize,
    /// Strategies that ran.
    pub ran: usize,
    /// Strategies that were launched and failed.
    pub failed: usize,
    /// Rank correlation of prediction and measurement, of all that ran.
    pub spearman: Option<f64>,
    /// The same, of those that ran among the first thirty by prediction.
    pub spearman_first_thirty: Option<f64>,
    /// The same, of the first thirty that ran.
    pub spearman_thirty_that_ran: Option<f64>,
    /// Mean relative error of the predictions among the first ten that ran.
    pub error_first_ten: Option<f64>,
    /// Mean relative error of all predictions that ran.
    pub error_all: Option<f64>,
    /// What trusting the first prediction, or the best of the first k, costs, for k from 1 to 10.
    pub regrets: Vec<Option<f64>>,
    /// The memory model against what failed.
    pub memory: Confusion,
}

/// A candidate beside the line of the log about its strategy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// The candidate.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// What the log predicts, if the cluster is the experiment's.
    pub logged: Option<Picoseconds>,
    /// Where the log cuts.
    pub logged_cuts: Option<Vec<usize>>,
    /// What became of the strategy when it was launched, with the stages of the log.
    pub trial: Option<Trial>,
}

/// The answer to `plan amp`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The experiment.
    pub experiment: Experiment,
    /// The quirks that are on.
    pub quirks: Vec<Quirk>,
    /// The cluster, which may be another one.
    pub cluster: Cluster,
    /// Every candidate, fastest first.
    pub candidates: Vec<Measured>,
    /// Strategies that pose no problem.
    pub infeasible: usize,
    /// Strategies that the memory model left out.
    pub without_memory: usize,
    /// Predictions that differ from the log's by more than it rounds.
    pub differ_from_log: Option<usize>,
    /// Candidates that are at least 0.01 % faster than the log's prediction, and the largest gain.
    pub improved: Option<(usize, f64)>,
    /// The predictions of this cost model for the logged stages, against the measurements.
    pub statistics: Option<Statistics>,
    /// The best candidate with uniform stages, over the best candidate: what searching stages gains, predicted.
    pub uniform_over_best: Option<f64>,
    /// Data parallelism alone, over the best candidate, predicted.
    pub data_parallel_over_best: Option<f64>,
    /// What was measured and published, if the cluster is the experiment's.
    pub published: Option<Published>,
}

/// What the log's last digit allows: half of it, and a picosecond for rounding twice.
const LOG_TOLERANCE: Picoseconds = Picoseconds::new(51_000_000);

/// Plans an experiment, and holds it beside the log.
///
/// # Errors
/// As [`plan`](super::plan).
pub fn report(experiment: Experiment, cluster: Option<Cluster>, quirks: Quirks) -> Result<Report, PlanError> {
    let own = cluster.as_ref().is_none_or(|cluster| *cluster == experiment.cluster());
    let model = CostModel::new(experiment, cluster, quirks)?;
    let Plans { candidates, infeasible, without_memory } = plans(&model)?;
    let log = if own { log(experiment) } else { Vec::new() };
    let of = |candidate: &Candidate| log.iter().find(|logged| logged.strategy == candidate.strategy);
    let candidates: Vec<Measured> = candidates
        .into_iter()
        .map(|candidate| {
            let logged = of(&candidate);
            Measured {
                logged: logged.map(|logged| logged.predicted),
                logged_cuts: logged.map(|logged| logged.cuts.clone()),
                trial: logged.map(|logged| logged.trial),
                candidate,
            }
        })
        .collect();
    let best = candidates[0].candidate.predicted;
    let over_best = |time: Option<Picoseconds>| time.map(|time| time.seconds() / best.seconds());
    let data_parallel = candidates
        .iter()
        .map(|measured| &measured.candidate)
        .find(|candidate| candidate.strategy.data == model.cluster().gpus());
    Ok(Report {
        experiment,
        quirks: model.quirks().iter().collect(),
        cluster: model.cluster().clone(),
        infeasible,
        without_memory,
        differ_from_log: own.then(|| candidates.iter().filter(|measured| differs(measured)).count()),
        improved: own.then(|| improvements(&candidates)),
        statistics: if own { Some(statistics(&model, &log)?) } else { None },
        uniform_over_best: over_best(best_uniform(&model)),
        data_parallel_over_best: over_best(data_parallel.map(|candidate| candidate.predicted)),
        published: own.then(|| published(experiment)),
        candidates,
    })
}

fn differs(measured: &Measured) -> bool {
    let Some(logged) = measured.logged else { return false };
    let predicted = measured.candidate.predicted;
    predicted.saturating_sub(logged).max(logged.saturating_sub(predicted)) > LOG_TOLERANCE
}

/// How many candidates beat the log by 0.01 % or more, and by how much at most.
fn improvements(candidates: &[Measured]) -> (usize, f64) {
    let gains = candidates.iter().filter_map(|measured| {
        let logged = measured.logged?.seconds();
        Some(1.0 - measured.candidate.predicted.seconds() / logged)
    });
    gains.fold((0, 0.0), |(count, most), gain| (count + usize::from(gain > 1e-4), gain.max(most)))
}

/// The least predicted time over strategies with uniform stages.
fn best_uniform(model: &CostModel) -> Option<Picoseconds> {
    let of = |strategy| {
        let problem = model.problem(strategy).ok()?;
        Some(problem.value(&even(model, problem.stages())).ok()?.total)
    };
    model.strategies().into_iter().filter_map(of).min()
}

/// The predictions of a cost model for the logged strategies with their logged stages, against the log's measurements. The
/// order is that of this cost model, equal predictions in the order of the log.
fn statistics(model: &CostModel, log: &[Logged]) -> Result<Statistics, PlanError> {
    let mut scored = Vec::new();
    for logged in log {
        let problem = model.problem(logged.strategy)?;
        let candidate = candidate(model, logged.strategy, &problem, &logged_plan(model, logged)?)?;
        scored.push((candidate, logged.trial));
    }
    scored.sort_by_key(|(candidate, _)| candidate.predicted);
    let pairs = |scored: &[(Candidate, Trial)]| -> Vec<(f64, f64)> {
        scored.iter().filter_map(|(c, trial)| Some((c.predicted.seconds(), trial.seconds()?))).collect()
    };
    let by_rank: Vec<Option<f64>> = scored.iter().map(|(_, trial)| trial.seconds()).collect();
    let mut memory = Confusion::default();
    for (candidate, trial) in &scored {
        if *trial != Trial::NotLaunched {
            memory.add(candidate.memory_bytes <= USABLE_BYTES, trial.seconds().is_some());
        }
    }
    let count = |of: fn(&Trial) -> bool| scored.iter().filter(|(_, trial)| of(trial)).count();
    Ok(Statistics {
        predicted: scored.len(),
        ran: count(|trial| trial.seconds().is_some()),
        failed: count(|trial| *trial == Trial::Failed),
        spearman: spearman(&pairs(&scored)),
        spearman_first_thirty: spearman(&pairs(&scored[..scored.len().min(30)])),
        spearman_thirty_that_ran: spearman(&pairs(&scored)[..pairs(&scored).len().min(30)]),
        error_first_ten: mean_relative_error(&pairs(&scored[..scored.len().min(10)])),
        error_all: mean_relative_error(&pairs(&scored)),
        regrets: (1..=10).map(|trials| regret(&by_rank, trials)).collect(),
        memory,
    })
}
