//! The best stages and variants together, exactly, by Pareto labels.
//!
//! A state is an open stage and the next operation. A label is what matters of a way to get there: the bottleneck of the closed
//! stages, the sum of all times, the time of the open stage, the longest setup so far, the units and groups that the open stage
//! has set up, the time on the shared link, the error, and the memory of the open stage. A label is dropped when another one of
//! the same state is nowhere worse. That is exact, because every transition and the total are monotone in every coordinate:
//! whatever completes the dropped label completes the other one, at no higher cost. (Groups that are set up are an advantage: the
//! other label must have set up all of them.)
//!
//! Labels whose cheapest completion is no better than a known plan are dropped, too.

use crate::bounds::least_times;
use crate::cut;
use crate::error::PlanError;
use crate::problem::{Links, Operation, Plan, Problem, Value, Variant, fresh_units};
use crate::time::Picoseconds;

/// The best plan, its value, and what it took to find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// A plan with the least total.
    pub plan: Plan,
    /// What it costs.
    pub value: Value,
    /// Labels that were kept, over all states.
    pub labels: usize,
    /// The most labels that one state kept.
    pub labels_at_most: usize,
}

/// What matters of a way to a state.
#[derive(Debug, Clone, Copy)]
struct Label {
    bottleneck: Picoseconds,
    sum: Picoseconds,
    open: Picoseconds,
    setup: Picoseconds,
    units: u64,
    groups: u64,
    link: Picoseconds,
    error: u64,
    memory: u64,
    /// The step that led here.
    step: usize,
}

impl Label {
    /// Whether this label is nowhere worse than another one of its state.
    fn dominates(&self, other: &Self) -> bool {
        self.bottleneck <= other.bottleneck
            && self.sum <= other.sum
            && self.open <= other.open
            && self.setup <= other.setup
            && self.units <= other.units
            && self.groups & other.groups == other.groups
            && self.link <= other.link
            && self.error <= other.error
            && self.memory <= other.memory
    }
}

/// How a label was reached from an earlier one.
#[derive(Debug, Clone, Copy)]
struct Step {
    before: Option<usize>,
    variant: usize,
    /// The operation begins a stage.
    opens: bool,
}

/// What every completion costs at least, from each operation on.
struct Rest {
    times: Vec<Picoseconds>,
    links: Vec<Picoseconds>,
    errors: Vec<u64>,
}

impl Rest {
    fn new(problem: &Problem) -> Self {
        let operations = problem.operations();
        let mut rest = Self { times: vec![Picoseconds::ZERO], links: vec![Picoseconds::ZERO], errors: vec![0] };
        for (operation, time) in operations.iter().zip(least_times(problem)).rev() {
            let link = operation.variants.iter().map(|variant| variant.shared_link).min().unwrap_or_default();
            let error = operation.variants.iter().map(|variant| variant.error).min().unwrap_or(0);
            let last = rest.times.len() - 1;
            rest.times.push(rest.times[last] + time);
            rest.links.push(rest.links[last] + link);
            rest.errors.push(rest.errors[last] + error);
        }
        rest.times.reverse();
        rest.links.reverse();
        rest.errors.reverse();
        rest
    }
}

/// A search under way.
struct Search<'a> {
    problem: &'a Problem,
    rest: Rest,
    steps: Vec<Step>,
    best: Option<(Picoseconds, Plan)>,
    labels: usize,
    labels_at_most: usize,
}

/// The plan with the least total.
///
/// # Errors
/// Memory limits that no plan keeps within the error budget.
pub fn exact(problem: &Problem) -> Result<Found, PlanError> {
    let mut search =
        Search { problem, rest: Rest::new(problem), steps: Vec::new(), best: None, labels: 0, labels_at_most: 0 };
    search.begin_with_a_good_plan();
    search.run();
    let (_, plan) = search.best.ok_or(PlanError::MemoryUnreachable { stages: problem.stages() })?;
    let value = problem.value(&plan)?;
    Ok(Found { plan, value, labels: search.labels, labels_at_most: search.labels_at_most })
}

impl Search<'_> {
    /// Cuts of the fastest and of the most accurate variants are plans to beat, where they are feasible.
    fn begin_with_a_good_plan(&mut self) {
        let choose = |key: fn(&Variant) -> (u64, u64)| -> Vec<usize> {
            let best = |operation: &Operation| {
                (0..operation.variants.len()).min_by_key(|&variant| key(&operation.variants[variant])).unwrap_or(0)
            };
            self.problem.operations().iter().map(best).collect()
        };
        let fastest = choose(|variant| (total_time(variant), variant.error));
        let most_accurate = choose(|variant| (variant.error, total_time(variant)));
        for variants in [fastest, most_accurate] {
            // A cut that breaks a limit is no plan to beat; the search goes on without it.
            if let Ok(cut) = cut::exact(self.problem, &variants) {
                self.offer(cut.value.total, cut.plan);
            }
        }
    }

    fn offer(&mut self, total: Picoseconds, plan: Plan) {
        if self.best.as_ref().is_none_or(|(least, _)| total < *least) {
            self.best = Some((total, plan));
        }
    }

    fn run(&mut self) {
        let (stages, operations) = (self.problem.stages(), self.problem.operations().len());
        let origin = Label {
            bottleneck: Picoseconds::ZERO,
            sum: Picoseconds::ZERO,
            open: Picoseconds::ZERO,
            setup: Picoseconds::ZERO,
            units: 0,
            groups: 0,
            link: Picoseconds::ZERO,
            error: 0,
            memory: 0,
            step: usize::MAX,
        };
        let mut states: Vec<Vec<Label>> = vec![Vec::new(); stages];
        for operation in 0..operations {
            let mut next: Vec<Vec<Label>> = vec![Vec::new(); stages];
            for stage in 0..stages.min(operation + 1) {
                // Every later stage needs an operation, too.
                if stages - 1 - stage > operations - 1 - operation {
                    continue;
                }
                let from: &[Label] = if operation == 0 { std::slice::from_ref(&origin) } else { &states[stage] };
                for label in from {
                    self.extend(label, operation, stage, operation == 0, &mut next[stage]);
                }
                if stage > 0 && operation > 0 {
                    for label in &states[stage - 1] {
                        let closed = self.close(label, operation, stage - 1);
                        self.extend(&closed, operation, stage, true, &mut next[stage]);
                    }
                }
            }
            self.labels += next.iter().map(Vec::len).sum::<usize>();
            self.labels_at_most = self.labels_at_most.max(next.iter().map(Vec::len).max().unwrap_or(0));
            states = next;
        }
        for label in &states[stages - 1] {
            let total = self.least_total(label, operations, stages - 1);
            if self.best.as_ref().is_none_or(|(least, _)| total < *least) {
                let plan = self.plan(label.step);
                self.offer(total, plan);
            }
        }
    }

    /// The label after its stage is closed, before `operation`.
    fn close(&self, label: &Label, operation: usize, stage: usize) -> Label {
        let handover = self.problem.handover(operation, stage);
        let mut bottleneck = label.bottleneck.max(label.open);
        if self.problem.links() == Links::Exclusive {
            bottleneck = bottleneck.max(handover);
        }
        let setup = label.setup.max(self.problem.setup_time(stage, label.units));
        let sum = label.sum + handover;
        Label { bottleneck, sum, setup, open: Picoseconds::ZERO, units: 0, groups: 0, memory: 0, ..*label }
    }

    /// Adds the labels after every variant of `operation`.
    fn extend(&mut self, label: &Label, operation: usize, stage: usize, opens: bool, state: &mut Vec<Label>) {
        let problem = self.problem;
        let limit = problem.memory_bytes().map_or(u64::MAX, |limits| limits[stage]);
        let budget = problem.error_budget().unwrap_or(u64::MAX);
        let what = &problem.operations()[operation];
        for (number, variant) in what.variants.iter().enumerate() {
            let mut after = *label;
            after.sum += variant.times[stage];
            after.open += variant.times[stage];
            after.link += variant.shared_link;
            after.error += variant.error;
            after.memory += variant.memory_bytes;
            after.units += fresh_units(what, &mut after.groups);
            let feasible = after.memory <= limit && after.error + self.rest.errors[operation + 1] <= budget;
            if !feasible || self.is_beaten(&after, operation + 1, stage) {
                continue;
            }
            if state.iter().any(|other| other.dominates(&after)) {
                continue;
            }
            state.retain(|other| !after.dominates(other));
            let before = (label.step != usize::MAX).then_some(label.step);
            after.step = self.steps.len();
            self.steps.push(Step { before, variant: number, opens });
            state.push(after);
        }
    }

    fn is_beaten(&self, label: &Label, operation: usize, stage: usize) -> bool {
        self.best.as_ref().is_some_and(|(least, _)| self.least_total(label, operation, stage) >= *least)
    }

    /// What the best completion of a label costs at least; exactly, if there is nothing left to complete.
    fn least_total(&self, label: &Label, operation: usize, stage: usize) -> Picoseconds {
        let problem = self.problem;
        let rest = self.rest.times[operation];
        let stages_left = (problem.stages() - stage) as u64;
        let mean = (label.open + rest).div_ceil(stages_left);
        let bottleneck = label.bottleneck.max(label.open).max(mean);
        let line = label.sum + rest + bottleneck * (problem.micro_batches() - 1);
        let link = (label.link + self.rest.links[operation]) * problem.micro_batches();
        line.max(link) + label.setup.max(problem.setup_time(stage, label.units))
    }

    fn plan(&self, last: usize) -> Plan {
        let mut variants = Vec::new();
        let mut begins = Vec::new();
        let operations = self.problem.operations().len();
        let mut at = Some(last);
        while let Some(number) = at {
            let step = self.steps[number];
            variants.push(step.variant);
            if step.opens {
                begins.push(operations - variants.len());
            }
            at = step.before;
        }
        variants.reverse();
        begins.reverse();
        let ends = begins.into_iter().skip(1).chain([operations]).collect();
        Plan { ends, variants }
    }
}

/// A measure of how slow a variant is over all stages; it only ranks.
fn total_time(variant: &Variant) -> u64 {
    variant.times.iter().fold(0, |sum, time| sum.saturating_add(time.picoseconds()))
}
