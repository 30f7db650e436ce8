//! The problem: operations in a line, stages that carry them out, and what a plan costs.
//!
//! # Value of a plan
//! Stage i takes time t_i for a micro-batch, handing over to the next stage takes e_i, and B micro-batches go through:
//!
//! ```text
//! total = sum of t_i + sum of e_i + (B - 1) * bottleneck + setup
//! ```
//!
//! The bottleneck is the longest t_i, or the longest of t_i and e_i where a hand-over occupies its link ([`Links`]). Setup is
//! the longest setup of a stage: its units (for AMP, parameters to average) times the stage's rate. If all stages send over
//! one link that is busy for W with each micro-batch, then the total is at least B * W + setup, and the larger of the two counts;
//! that value is a lower bound and not the time itself.
//!
//! That the formula is the time that a line of stages takes is a theorem: completion times obey
//! `C(i, j) = max(C(i-1, j) + e_(i-1), C(i, j-1)) + t_i`; unrolled, the last one is the longest monotone path through a grid
//! of k by B cells; every path visits each row once, and B - 1 cells more, which are dearest on the dearest row.
//! [`execution`](crate::execution) confirms it, event by event.

use serde::Serialize;

use crate::error::{PlanError, add};
use crate::time::Picoseconds;

/// What a hand-over between two stages does to the link between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Links {
    /// It takes time, but any number of hand-overs can be under way.
    Delay,
    /// It occupies the link: the next micro-batch waits.
    Exclusive,
}

/// One way to carry out an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Time for one micro-batch, on each stage.
    pub times: Vec<Picoseconds>,
    /// What it adds to the error of the result, in the unit of the budget.
    pub error: u64,
    /// What it takes of its stage's memory.
    pub memory_bytes: u64,
    /// How long it occupies the link that all stages share, for one micro-batch.
    pub shared_link: Picoseconds,
}

impl Variant {
    /// A variant that takes this time on each stage, and nothing else.
    #[must_use]
    pub fn of_times(times: Vec<Picoseconds>) -> Self {
        Self { times, error: 0, memory_bytes: 0, shared_link: Picoseconds::ZERO }
    }
}

/// An operation, with every way to carry it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The ways to carry it out.
    pub variants: Vec<Variant>,
    /// What its stage has to set up once, in units.
    pub setup_units: u64,
    /// Operations of one group, numbered 0 to 63, on one stage are set up once together, by the first of them.
    pub setup_group: Option<u8>,
}

impl Operation {
    /// An operation without setup.
    #[must_use]
    pub fn of_variants(variants: Vec<Variant>) -> Self {
        Self { variants, setup_units: 0, setup_group: None }
    }
}

/// Picoseconds for one unit, as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Numerator.
    pub numerator: u64,
    /// Denominator, not zero.
    pub denominator: u64,
}

impl Rate {
    /// No time for anything.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };

    /// The time for this many units, rounded to the nearest picosecond; none if it is too long.
    #[must_use]
    pub fn time(self, units: u64) -> Option<Picoseconds> {
        Picoseconds::from_fraction(u128::from(units) * u128::from(self.numerator), u128::from(self.denominator))
    }
}

/// A problem that has been checked: every plan's value can be computed without overflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    stages: usize,
    micro_batches: u64,
    operations: Vec<Operation>,
    /// By operation from 1 and stage from 0: handing over to the next stage before this operation.
    handovers: Vec<Vec<Picoseconds>>,
    links: Links,
    setup_rates: Vec<Rate>,
    error_budget: Option<u64>,
    memory_bytes: Option<Vec<u64>>,
}

/// What a plan decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Plan {
    /// Where each stage ends: the number of operations before its end. The last is the number of all operations.
    pub ends: Vec<usize>,
    /// The variant of each operation.
    pub variants: Vec<usize>,
}

impl Plan {
    /// The number of operations of each stage.
    #[must_use]
    pub fn lengths(&self) -> Vec<usize> {
        let begins = std::iter::once(&0).chain(&self.ends);
        self.ends.iter().zip(begins).map(|(end, begin)| end - begin).collect()
    }

    /// The plan with stages of these lengths, and the first variant of every operation.
    #[must_use]
    pub fn of_lengths(lengths: &[usize]) -> Self {
        let ends: Vec<usize> = lengths
            .iter()
            .scan(0, |end, length| {
                *end += length;
                Some(*end)
            })
            .collect();
        let variants = vec![0; ends.last().copied().unwrap_or(0)];
        Self { ends, variants }
    }
}

/// What a plan costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Value {
    /// The whole: what is minimised.
    pub total: Picoseconds,
    /// Of it, the pipeline: everything except setup.
    pub pipeline: Picoseconds,
    /// Of it, the longest setup.
    pub setup: Picoseconds,
    /// One micro-batch alone, from the first stage to the last.
    pub latency: Picoseconds,
    /// The longest time of a stage, or of a link if links are exclusive.
    pub bottleneck: Picoseconds,
    /// Time of each stage for a micro-batch.
    pub stages: Vec<Picoseconds>,
    /// Time of each hand-over.
    pub handovers: Vec<Picoseconds>,
    /// How long one micro-batch occupies the link that all stages share.
    pub shared_link: Picoseconds,
    /// Sum of the errors.
    pub error: u64,
    /// Memory of each stage.
    pub memory_bytes: Vec<u64>,
}

impl Problem {
    /// A problem without hand-over times, setup, error budget and memory limits.
    ///
    /// # Errors
    /// Nothing to do or nobody to do it, more stages than operations, times of another number of stages, sums that do not fit.
    pub fn new(stages: usize, micro_batches: u64, operations: Vec<Operation>) -> Result<Self, PlanError> {
        if operations.is_empty() {
            return Err(PlanError::NoOperations);
        }
        if stages == 0 {
            return Err(PlanError::NoStages);
        }
        if stages > operations.len() {
            return Err(PlanError::TooManyStages { stages, operations: operations.len() });
        }
        if micro_batches == 0 {
            return Err(PlanError::NoMicroBatches);
        }
        for (number, operation) in operations.iter().enumerate() {
            if operation.variants.is_empty() {
                return Err(PlanError::NoVariant { operation: number });
            }
            for variant in &operation.variants {
                if variant.times.len() != stages {
                    let found = variant.times.len();
                    return Err(PlanError::Length {
                        what: "times of a variant",
                        each: "stage",
                        found,
                        expected: stages,
                    });
                }
            }
        }
        let handovers = vec![vec![Picoseconds::ZERO; stages - 1]; operations.len() - 1];
        let setup_rates = vec![Rate::ZERO; stages];
        let links = Links::Delay;
        Self {
            stages,
            micro_batches,
            operations,
            handovers,
            links,
            setup_rates,
            error_budget: None,
            memory_bytes: None,
        }
        .checked()
    }

    /// With times of hand-overs: by operation from the second on, then by stage that hands over. The entry says how long it
    /// takes from that stage to the next if the next begins with that operation.
    ///
    /// # Errors
    /// A table of another size, sums that do not fit.
    pub fn with_handovers(mut self, handovers: Vec<Vec<Picoseconds>>, links: Links) -> Result<Self, PlanError> {
        length("hand-overs", "operation except the first", handovers.len(), self.operations.len() - 1)?;
        for row in &handovers {
            length("hand-overs of an operation", "stage except the last", row.len(), self.stages - 1)?;
        }
        self.handovers = handovers;
        self.links = links;
        self.checked()
    }

    /// With a rate of setup for each stage.
    ///
    /// # Errors
    /// Another number of rates, a rate divided by nothing, sums that do not fit.
    pub fn with_setup_rates(mut self, rates: Vec<Rate>) -> Result<Self, PlanError> {
        length("setup rates", "stage", rates.len(), self.stages)?;
        self.setup_rates = rates;
        self.checked()
    }

    /// With a limit to the sum of the errors.
    ///
    /// # Errors
    /// A budget that even the most accurate variants exceed.
    pub fn with_error_budget(mut self, budget: u64) -> Result<Self, PlanError> {
        let least = self.least_error();
        if least > budget {
            return Err(PlanError::BudgetUnreachable { budget, least });
        }
        self.error_budget = Some(budget);
        Ok(self)
    }

    /// With a limit to the memory of each stage.
    ///
    /// # Errors
    /// Another number of limits.
    pub fn with_memory_bytes(mut self, memory_bytes: Vec<u64>) -> Result<Self, PlanError> {
        length("memory limits", "stage", memory_bytes.len(), self.stages)?;
        self.memory_bytes = Some(memory_bytes);
        Ok(self)
    }

    /// With every error rounded up to a multiple of a quantum, so that a search meets fewer different sums. What is feasible
    /// then is feasible, and the value lies between that of the budget and that of the budget less a quantum for each operation.
    ///
    /// # Errors
    /// A budget that the rounded errors exceed; sums that do not fit.
    pub fn with_error_quantum(mut self, quantum: u64) -> Result<Self, PlanError> {
        let quantum = quantum.max(1);
        for variant in self.operations.iter_mut().flat_map(|operation| &mut operation.variants) {
            variant.error =
                variant.error.checked_next_multiple_of(quantum).ok_or(PlanError::TooLarge { what: "errors" })?;
        }
        let budget = self.error_budget.take();
        let problem = self.checked()?;
        match budget {
            Some(budget) => problem.with_error_budget(budget),
            None => Ok(problem),
        }
    }

    /// The same problem, if no sum of it can overflow.
    fn checked(self) -> Result<Self, PlanError> {
        let mut longest = Picoseconds::ZERO;
        let mut units = 0u64;
        let (mut error, mut memory) = (0u64, 0u64);
        for operation in &self.operations {
            let of = |f: fn(&Variant) -> Picoseconds| operation.variants.iter().map(f).max().unwrap_or_default();
            longest = add(longest, of(|variant| variant.times.iter().copied().max().unwrap_or_default()))?;
            longest = add(longest, of(|variant| variant.shared_link))?;
            units = units.checked_add(operation.setup_units).ok_or(PlanError::TooLarge { what: "setup units" })?;
            let worst = operation.variants.iter().map(|variant| variant.error).max().unwrap_or(0);
            error = error.checked_add(worst).ok_or(PlanError::TooLarge { what: "errors" })?;
            let worst = operation.variants.iter().map(|variant| variant.memory_bytes).max().unwrap_or(0);
            memory = memory.checked_add(worst).ok_or(PlanError::TooLarge { what: "bytes of memory" })?;
        }
        for row in &self.handovers {
            longest = add(longest, row.iter().copied().max().unwrap_or_default())?;
        }
        // A path visits every stage once and the dearest one B - 1 times more: no more than B times everything, and B times
        // everything again for the bounds that searches compare with.
        longest =
            longest.checked_mul(self.micro_batches).and_then(|time| time.checked_mul(2)).ok_or(PlanError::TooLong)?;
        for rate in &self.setup_rates {
            longest = add(longest, rate.time(units).ok_or(PlanError::TooLong)?)?;
        }
        Ok(self)
    }

    /// Number of stages.
    #[must_use]
    pub fn stages(&self) -> usize {
        self.stages
    }

    /// Number of micro-batches.
    #[must_use]
    pub fn micro_batches(&self) -> u64 {
        self.micro_batches
    }

    /// The operations.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// What hand-overs do to links.
    #[must_use]
    pub fn links(&self) -> Links {
        self.links
    }

    /// The rate of setup of each stage.
    #[must_use]
    pub fn setup_rates(&self) -> &[Rate] {
        &self.setup_rates
    }

    /// The limit to the sum of the errors, if there is one.
    #[must_use]
    pub fn error_budget(&self) -> Option<u64> {
        self.error_budget
    }

    /// The limits to the memory of stages, if there are.
    #[must_use]
    pub fn memory_bytes(&self) -> Option<&[u64]> {
        self.memory_bytes.as_deref()
    }

    /// How long stage `stage` takes to hand over to the next if that begins with operation `operation`, which is not the first.
    #[must_use]
    pub fn handover(&self, operation: usize, stage: usize) -> Picoseconds {
        self.handovers[operation - 1][stage]
    }

    /// The sum of the errors of the most accurate variants.
    #[must_use]
    pub fn least_error(&self) -> u64 {
        self.operations.iter().map(|o| o.variants.iter().map(|v| v.error).min().unwrap_or(0)).sum()
    }

    /// What a plan costs.
    ///
    /// # Errors
    /// Not a plan for this problem: other numbers of stages or operations, an empty stage, a variant that is not there, or a
    /// budget or memory that is exceeded.
    pub fn value(&self, plan: &Plan) -> Result<Value, PlanError> {
        self.check(plan)?;
        let mut value = Value {
            total: Picoseconds::ZERO,
            pipeline: Picoseconds::ZERO,
            setup: Picoseconds::ZERO,
            latency: Picoseconds::ZERO,
            bottleneck: Picoseconds::ZERO,
            stages: Vec::new(),
            handovers: Vec::new(),
            shared_link: Picoseconds::ZERO,
            error: 0,
            memory_bytes: Vec::new(),
        };
        let mut begin = 0;
        for (stage, &end) in plan.ends.iter().enumerate() {
            let (mut time, mut memory, mut units, mut groups) = (Picoseconds::ZERO, 0, 0, 0u64);
            for (operation, &chosen) in self.operations[begin..end].iter().zip(&plan.variants[begin..end]) {
                let variant = &operation.variants[chosen];
                time += variant.times[stage];
                memory += variant.memory_bytes;
                value.error += variant.error;
                value.shared_link += variant.shared_link;
                units += fresh_units(operation, &mut groups);
            }
            value.setup = value.setup.max(self.setup_time(stage, units));
            value.stages.push(time);
            value.memory_bytes.push(memory);
            if stage + 1 < self.stages {
                value.handovers.push(self.handover(end, stage));
            }
            begin = end;
        }
        value.latency = value.stages.iter().chain(&value.handovers).copied().sum();
        value.bottleneck = value.stages.iter().copied().max().unwrap_or_default();
        if self.links == Links::Exclusive {
            value.bottleneck = value.bottleneck.max(value.handovers.iter().copied().max().unwrap_or_default());
        }
        let line = value.latency + value.bottleneck * (self.micro_batches - 1);
        value.pipeline = line.max(value.shared_link * self.micro_batches);
        value.total = value.pipeline + value.setup;
        self.check_limits(&value)?;
        Ok(value)
    }

    /// How long a stage takes to set up this many units.
    pub(crate) fn setup_time(&self, stage: usize, units: u64) -> Picoseconds {
        self.setup_rates[stage].time(units).expect("a problem is checked when it is made")
    }

    fn check(&self, plan: &Plan) -> Result<(), PlanError> {
        let refuse = |reason: String| Err(PlanError::NotAPlan { reason });
        if plan.ends.len() != self.stages {
            return refuse(format!("it has {} stages, and the problem {}", plan.ends.len(), self.stages));
        }
        if plan.variants.len() != self.operations.len() || plan.ends.last() != Some(&self.operations.len()) {
            return refuse(format!("it does not end with the last of {} operations", self.operations.len()));
        }
        if plan.lengths().contains(&0) || plan.ends.windows(2).any(|pair| pair[0] >= pair[1]) {
            return refuse("a stage is empty".to_owned());
        }
        for (number, (operation, &variant)) in self.operations.iter().zip(&plan.variants).enumerate() {
            if variant >= operation.variants.len() {
                return refuse(format!("operation {number} has no variant {variant}"));
            }
        }
        Ok(())
    }

    fn check_limits(&self, value: &Value) -> Result<(), PlanError> {
        if let Some(budget) = self.error_budget
            && value.error > budget
        {
            let reason = format!("its error is {}, and the budget {budget}", value.error);
            return Err(PlanError::NotAPlan { reason });
        }
        let Some(limits) = &self.memory_bytes else { return Ok(()) };
        for (stage, (bytes, limit)) in value.memory_bytes.iter().zip(limits).enumerate() {
            if bytes > limit {
                let reason = format!("stage {stage} needs {bytes} bytes and has {limit}");
                return Err(PlanError::NotAPlan { reason });
            }
        }
        Ok(())
    }
}

/// The units that an operation adds to its stage's setup, given the groups that are set up there already.
pub(crate) fn fresh_units(operation: &Operation, groups: &mut u64) -> u64 {
    match operation.setup_group {
        None => operation.setup_units,
        Some(group) => {
            let bit = 1u64 << (group % 64);
            let fresh = *groups & bit == 0;
            *groups |= bit;
            if fresh { operation.setup_units } else { 0 }
        }
    }
}

fn length(what: &'static str, each: &'static str, found: usize, expected: usize) -> Result<(), PlanError> {
    if found == expected { Ok(()) } else { Err(PlanError::Length { what, each, found, expected }) }
}
