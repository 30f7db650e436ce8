//! Small random problems, and their optimum by trying everything.

#![allow(dead_code, reason = "each test uses a part of it")]

use proptest::prelude::*;
use viewless_planner::{Links, Operation, Picoseconds, Plan, Problem, Rate, Value, Variant};

/// This many cases. Failing ones are printed, and kept as tests where they teach something.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// What a random problem may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) operations: usize,
    pub(crate) variants: usize,
    pub(crate) stages: usize,
    pub(crate) shared_link: bool,
}

pub(crate) fn picoseconds(time: u64) -> Picoseconds {
    Picoseconds::new(time)
}

fn variant(stages: usize, shared_link: bool) -> impl Strategy<Value = Variant> {
    let most = if shared_link { 6u64 } else { 0 };
    (prop::collection::vec(0..20u64, stages), 0..4u64, 0..4u64, 0..=most).prop_map(
        |(times, error, memory_bytes, link)| Variant {
            times: times.into_iter().map(Picoseconds::new).collect(),
            error,
            memory_bytes,
            shared_link: Picoseconds::new(link),
        },
    )
}

fn operation(stages: usize, limits: Limits) -> impl Strategy<Value = Operation> {
    let variants = prop::collection::vec(variant(stages, limits.shared_link), 1..=limits.variants);
    (variants, 0..6u64, prop::option::of(0..2u8)).prop_map(|(variants, setup_units, setup_group)| Operation {
        variants,
        setup_units,
        setup_group,
    })
}

/// A problem, with or without a budget, memory limits, setup and exclusive links.
pub(crate) fn problem(limits: Limits) -> impl Strategy<Value = Problem> {
    (1..=limits.stages, 1..6u64)
        .prop_flat_map(move |(stages, micro_batches)| {
            let operations =
                prop::collection::vec(operation(stages, limits), stages.max(1)..=limits.operations.max(stages));
            operations.prop_flat_map(move |operations| {
                let boundaries = operations.len() - 1;
                let handovers = prop::collection::vec(prop::collection::vec(0..25u64, stages - 1), boundaries);
                let rates = prop::collection::vec((0..4u64, 1..4u64), stages);
                let memory = prop::option::of(prop::collection::vec(4..12u64, stages));
                (
                    Just((stages, micro_batches, operations)),
                    handovers,
                    rates,
                    memory,
                    0..8u64,
                    any::<bool>(),
                    any::<bool>(),
                )
            })
        })
        .prop_map(|((stages, micro_batches, operations), handovers, rates, memory, slack, exclusive, tight)| {
            let links = if exclusive { Links::Exclusive } else { Links::Delay };
            let handovers = handovers.into_iter().map(|row| row.into_iter().map(Picoseconds::new).collect()).collect();
            let rates = rates.into_iter().map(|(numerator, denominator)| Rate { numerator, denominator }).collect();
            let mut problem = Problem::new(stages, micro_batches, operations)
                .and_then(|problem| problem.with_handovers(handovers, links))
                .and_then(|problem| problem.with_setup_rates(rates))
                .expect("a random problem is small");
            if tight {
                let budget = problem.least_error() + slack;
                problem = problem.with_error_budget(budget).expect("a budget above the least error can be met");
            }
            match memory {
                Some(memory) => problem.with_memory_bytes(memory).expect("one limit for each stage"),
                None => problem,
            }
        })
}

/// Every way to divide `operations` among `stages`.
pub(crate) fn cuts(stages: usize, operations: usize) -> Vec<Vec<usize>> {
    if stages == 1 {
        return vec![vec![operations]];
    }
    let earlier = (stages - 1..operations).flat_map(|end| cuts(stages - 1, end));
    earlier
        .map(|mut ends| {
            ends.push(operations);
            ends
        })
        .collect()
}

/// Every choice of variants.
pub(crate) fn choices(problem: &Problem) -> Vec<Vec<usize>> {
    problem.operations().iter().fold(vec![Vec::new()], |choices, operation| {
        let extend = |choice: Vec<usize>| {
            (0..operation.variants.len()).map(move |variant| choice.iter().copied().chain([variant]).collect())
        };
        choices.into_iter().flat_map(extend).collect()
    })
}

/// The least value, by trying every plan.
pub(crate) fn brute_force(problem: &Problem) -> Option<Value> {
    let plans = cuts(problem.stages(), problem.operations().len())
        .into_iter()
        .flat_map(|ends| choices(problem).into_iter().map(move |variants| Plan { ends: ends.clone(), variants }));
    plans.filter_map(|plan| problem.value(&plan).ok()).min_by_key(|value| value.total)
}
