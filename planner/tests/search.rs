//! The searches equal trying everything, bounds bound, and more of anything never hurts.

mod common;

use common::{Limits, brute_force, cases, choices, cuts, problem};
use proptest::prelude::*;
use viewless_planner::bounds::lower_bound;
use viewless_planner::{Operation, Picoseconds, Plan, PlanError, Problem, Variant, cut, label, outer};

const SMALL: Limits = Limits { operations: 6, variants: 3, stages: 3, shared_link: false };
const SHARED: Limits = Limits { shared_link: true, ..SMALL };
const LONG: Limits = Limits { operations: 9, variants: 1, stages: 4, shared_link: false };

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn the_cut_by_thresholds_is_the_best_of_all_cuts(problem in problem(LONG)) {
        let variants = vec![0; problem.operations().len()];
        let all = cuts(problem.stages(), problem.operations().len()).into_iter();
        let plans = all.map(|ends| Plan { ends, variants: variants.clone() });
        let best = plans.filter_map(|plan| problem.value(&plan).ok()).map(|value| value.pipeline).min();
        match cut::exact(&problem, &variants) {
            Ok(cut) => prop_assert_eq!(Some(cut.value.pipeline), best),
            Err(PlanError::MemoryUnreachable { .. } | PlanError::NotAPlan { .. }) => prop_assert_eq!(None, best),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn the_search_over_labels_is_the_best_of_all_plans(problem in problem(SMALL)) {
        let found = label::exact(&problem).ok().map(|found| found.value.total);
        prop_assert_eq!(found, brute_force(&problem).map(|value| value.total));
    }

    #[test]
    fn a_link_that_all_stages_share_is_searched_exactly_too(problem in problem(SHARED)) {
        let found = label::exact(&problem).ok().map(|found| found.value.total);
        prop_assert_eq!(found, brute_force(&problem).map(|value| value.total));
    }

    #[test]
    fn no_plan_beats_the_lower_bound(problem in problem(SHARED)) {
        if let Some(best) = brute_force(&problem) {
            prop_assert!(lower_bound(&problem) <= best.total);
        }
    }

    #[test]
    fn rounded_errors_are_feasible_and_lose_no_more_than_a_quantum_for_each_operation(
        problem in problem(Limits { operations: 5, ..SMALL }),
        quantum in 1..4u64,
        slack in 0..8u64,
    ) {
        let budget = problem.least_error() + slack;
        let within = |budget| problem.clone().with_error_budget(budget).ok().and_then(|p| label::exact(&p).ok());
        let rounded = problem.clone().with_error_budget(budget).and_then(|p| p.with_error_quantum(quantum));
        let rounded = rounded.ok().and_then(|p| label::exact(&p).ok());
        let exact = within(budget);
        // Rounding adds less than a quantum for each operation, so a plan within that smaller budget stays feasible.
        let smaller = budget.checked_sub((quantum - 1) * problem.operations().len() as u64).and_then(within);
        if let Some(rounded) = &rounded {
            // The plan is feasible without rounding.
            let unrounded = problem.clone().with_error_budget(budget).unwrap().value(&rounded.plan).unwrap();
            prop_assert_eq!(unrounded.total, rounded.value.total);
            prop_assert!(exact.as_ref().is_some_and(|exact| exact.value.total <= rounded.value.total));
        }
        if let Some(smaller) = smaller {
            prop_assert!(rounded.is_some_and(|rounded| rounded.value.total <= smaller.value.total));
        }
    }

    #[test]
    fn a_larger_budget_and_a_variant_more_never_make_a_plan_slower(problem in problem(SMALL), slack in 0..4u64) {
        let budget = problem.least_error() + slack;
        let best = |problem: &Problem| label::exact(problem).ok().map(|found| found.value.total);
        let within = |budget| problem.clone().with_error_budget(budget).ok().and_then(|problem| best(&problem));
        if let (Some(tight), wide) = (within(budget), within(budget + 2)) {
            prop_assert!(wide.is_some_and(|wide| wide <= tight));
        }
    }

    #[test]
    fn a_dominated_variant_changes_nothing_and_the_order_of_variants_neither(problem in problem(SHARED), place in 0..6usize) {
        let mut operations = problem.operations().to_vec();
        let place = place % operations.len();
        let mut worse = operations[place].variants[0].clone();
        worse.error += 1;
        worse.times.iter_mut().for_each(|time| *time += Picoseconds::new(1));
        operations[place].variants.insert(0, worse);
        let again = |operations: Vec<Operation>| {
            let handovers = (1..operations.len())
                .map(|operation| (0..problem.stages() - 1).map(|stage| problem.handover(operation, stage)).collect())
                .collect();
            let mut same = Problem::new(problem.stages(), problem.micro_batches(), operations)?
                .with_handovers(handovers, problem.links())?
                .with_setup_rates(problem.setup_rates().to_vec())?;
            if let Some(budget) = problem.error_budget() {
                same = same.with_error_budget(budget)?;
            }
            match problem.memory_bytes() {
                Some(memory) => same.with_memory_bytes(memory.to_vec()),
                None => Ok(same),
            }
        };
        let with = again(operations).unwrap();
        prop_assert_eq!(
            label::exact(&with).ok().map(|found| found.value.total),
            label::exact(&problem).ok().map(|found| found.value.total)
        );
    }

    #[test]
    fn the_best_of_many_problems_is_the_least_of_their_optima(problems in prop::collection::vec(problem(Limits { operations: 4, variants: 2, stages: 3, shared_link: true }), 1..5)) {
        let least = problems.iter().filter_map(brute_force).map(|value| value.total).min();
        let best = outer::best(problems.into_iter().enumerate().map(|(number, problem)| (number, Ok(problem))));
        prop_assert_eq!(best.as_ref().map(|best| best.found.value.total), least);
        if let Some(best) = best {
            prop_assert_eq!(Some(best.lower_bound), least);
        }
    }
}

#[test]
fn random_problems_have_several_stages_and_variants_and_some_are_infeasible() {
    // The properties would be empty if the generator made only trivial problems.
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut count = [0; 3];
    for _ in 0..200 {
        let problem = problem(SMALL).new_tree(&mut runner).unwrap().current();
        count[0] += usize::from(problem.stages() == 3 && problem.operations().len() > 3);
        count[1] += usize::from(choices(&problem).len() > 20);
        count[2] += usize::from(brute_force(&problem).is_none());
    }
    assert!(count.iter().all(|&count| count >= 5), "{count:?}");
}

#[test]
fn a_cut_that_is_not_the_best_is_seen_as_such() {
    let operation = |time| Operation::of_variants(vec![Variant::of_times(vec![Picoseconds::new(time); 2])]);
    let problem = Problem::new(2, 10, [5, 1, 1, 1].map(operation).to_vec()).unwrap();
    let best = cut::exact(&problem, &[0; 4]).unwrap();
    assert_eq!(best.plan.lengths(), [1, 3]);
    assert!(problem.value(&Plan::of_lengths(&[2, 2])).unwrap().total > best.value.total);
}
