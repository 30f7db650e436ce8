//! Degenerate input is answered by a sentence, or by the optimum that it has.

use viewless_planner::amp::{Experiment, Quirks, plan};
use viewless_planner::cluster::{Bandwidth, Cluster, Node};
use viewless_planner::{Operation, Picoseconds, PlanError, Problem, Rate, Variant, label};

fn operation(times: &[(u64, u64)]) -> Operation {
    let variant = |&(time, error): &(u64, u64)| Variant { error, ..Variant::of_times(vec![Picoseconds::new(time)]) };
    Operation::of_variants(times.iter().map(variant).collect())
}

fn node(gpu: &str, gpus: usize, gigabits: f64) -> Result<Node, PlanError> {
    let bandwidth = Bandwidth::gigabits_per_second("a link", gigabits)?;
    Ok(Node { gpu: gpu.to_owned(), gpus, between_nodes: bandwidth, within_node: bandwidth })
}

fn sentence<T: std::fmt::Debug>(result: Result<T, PlanError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn problems_without_anything_are_refused_by_name() {
    let one = || vec![operation(&[(1, 0)])];
    assert!(sentence(Problem::new(1, 1, vec![])).contains("no operations"));
    assert!(sentence(Problem::new(0, 1, one())).contains("at least one stage"));
    assert!(sentence(Problem::new(2, 1, one())).contains("2 stages cannot each have one of 1 operations"));
    assert!(sentence(Problem::new(1, 0, one())).contains("at least one micro-batch"));
    assert!(sentence(Problem::new(1, 1, vec![operation(&[])])).contains("operation 0"));
    let wrong = Operation::of_variants(vec![Variant::of_times(vec![Picoseconds::ZERO; 2])]);
    assert!(sentence(Problem::new(1, 1, vec![wrong])).contains("2 entries, but 1"));
}

#[test]
fn times_that_do_not_fit_are_refused_and_never_overflow() {
    let long = || vec![operation(&[(u64::MAX / 4, 0)])];
    assert!(Problem::new(1, 1, long()).is_ok());
    assert_eq!(Problem::new(1, 3, long()).unwrap_err(), PlanError::TooLong);
    assert_eq!(Problem::new(1, u64::MAX, vec![operation(&[(1, 0)])]).unwrap_err(), PlanError::TooLong);
    let errors = vec![operation(&[(1, u64::MAX)]); 2];
    assert!(sentence(Problem::new(1, 1, errors)).contains("errors"));
    let mut setup = operation(&[(1, 0)]);
    setup.setup_units = u64::MAX;
    let rates = vec![Rate { numerator: 1 << 40, denominator: 1 }];
    assert_eq!(Problem::new(1, 1, vec![setup]).unwrap().with_setup_rates(rates).unwrap_err(), PlanError::TooLong);
    let nothing = vec![Rate { numerator: 1, denominator: 0 }];
    assert!(Problem::new(1, 1, vec![operation(&[(1, 0)])]).unwrap().with_setup_rates(nothing).is_err());
}

#[test]
fn a_budget_of_zero_is_met_by_exact_variants_or_not_at_all() {
    let problem = |errors: [u64; 2]| Problem::new(1, 1, vec![operation(&[(9, errors[0]), (1, errors[1])])]).unwrap();
    let found = label::exact(&problem([0, 5]).with_error_budget(0).unwrap()).unwrap();
    assert_eq!((found.plan.variants, found.value.total), (vec![0], Picoseconds::new(9)));
    let refused = problem([3, 5]).with_error_budget(2).unwrap_err();
    assert_eq!(refused, PlanError::BudgetUnreachable { budget: 2, least: 3 });
    assert!(refused.to_string().contains("together have error 3"));
}

#[test]
fn operations_that_take_no_time_have_a_plan() {
    let problem =
        Problem::new(2, 5, vec![Operation::of_variants(vec![Variant::of_times(vec![Picoseconds::ZERO; 2])]); 3]);
    assert_eq!(label::exact(&problem.unwrap()).unwrap().value.total, Picoseconds::ZERO);
}

#[test]
fn clusters_without_nodes_gpus_or_bandwidth_are_refused() {
    assert!(sentence(Cluster::new(vec![])).contains("the cluster is empty"));
    assert!(sentence(node("T4", 0, 50.0).and_then(|node| Cluster::new(vec![node]))).contains("node 0 has no GPU"));
    for gigabits in [0.0, -1.0, f64::NAN, 1e300, 1e-300] {
        let refused = sentence(node("T4", 4, gigabits));
        assert!(refused.contains(&format!("a bandwidth of {gigabits:?} Gbit/s")), "{refused}");
    }
    for gpus in [2049, usize::MAX] {
        let two = vec![node("T4", gpus, 50.0).unwrap(); 2];
        assert!(sentence(Cluster::new(two)).contains("more than 4096 GPUs in all"));
    }
    let uneven = vec![node("T4", 4, 50.0).unwrap(), node("T4", 2, 50.0).unwrap()];
    assert!(sentence(Cluster::new(uneven)).contains("node 1 has 2 GPUs and node 0 has 4"));
}

#[test]
fn an_unknown_gpu_is_named_with_those_that_are_known() {
    let cluster = Cluster::new(vec![node("A100", 4, 50.0).unwrap()]).unwrap();
    let message = sentence(plan(Experiment::Homogeneous, Some(cluster.clone()), Quirks::exact()));
    assert!(message.contains("A100") && message.contains("T4, V100"), "{message}");
    assert!(sentence(plan(Experiment::HetModel, Some(cluster), Quirks::exact())).contains("known: V100"));
}

#[test]
fn infinite_bandwidth_has_an_optimum_that_no_finite_one_beats() {
    let best = |gigabits| {
        let nodes = vec![node("T4", 4, gigabits).unwrap(); 4];
        plan(Experiment::Homogeneous, Some(Cluster::new(nodes).unwrap()), Quirks::exact()).unwrap().candidates[0]
            .predicted
    };
    let free = best(f64::INFINITY);
    let mut slower = free;
    for gigabits in [1000.0, 50.0, 1.0, 0.001] {
        assert!(best(gigabits) >= slower, "{gigabits}");
        slower = best(gigabits);
    }
    assert!(slower > free);
}

#[test]
fn more_stages_than_layers_are_left_out_and_counted() {
    let nodes = vec![node("T4", 4, 50.0).unwrap(); 16];
    let plans = plan(Experiment::Homogeneous, Some(Cluster::new(nodes).unwrap()), Quirks::exact()).unwrap();
    assert!(plans.infeasible > 0);
    assert!(plans.candidates.iter().all(|candidate| candidate.strategy.pipeline <= 30));
    // 31 nodes of one GPU: 31 does not divide the batch, and a pipeline of 31 stages is too long.
    let nodes = vec![node("T4", 1, 50.0).unwrap(); 31];
    let refused = plan(Experiment::Homogeneous, Some(Cluster::new(nodes).unwrap()), Quirks::exact());
    assert!(sentence(refused).contains("no strategy fits: 31 GPUs, 30 layers"));
}
