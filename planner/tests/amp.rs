//! AMP's experiments: what its log says, what the exact search improves, and what measurements say about both.

use viewless_planner::amp::{
    CostModel, Experiment, Quirk, Quirks, Report, Strategy, Trial, even, log, logged_plan, plan, published, recursion,
    report, simulate,
};
use viewless_planner::bounds::lower_bound;
use viewless_planner::cluster::{Bandwidth, Cluster, Node};
use viewless_planner::{Picoseconds, Plan, cut};

const EACH: [Experiment; 3] = Experiment::ALL;

fn of(quirks: Quirks) -> [Report; 3] {
    EACH.map(|experiment| report(experiment, None, quirks.clone()).unwrap())
}

fn winner(report: &Report) -> (Strategy, f64, Vec<usize>) {
    let best = &report.candidates[0].candidate;
    (best.strategy, best.predicted.seconds(), best.lengths.clone())
}

fn strategy(tensor: usize, data: usize, pipeline: usize, micro_batch: u64) -> Strategy {
    Strategy { tensor, data, pipeline, micro_batch }
}

fn close(found: f64, noted: f64, digit: f64) -> bool {
    // A noted number is rounded to a digit: half of it may be missing.
    (found - noted).abs() <= digit / 2.0 * 1.0001
}

#[test]
fn as_coded_every_logged_prediction_and_partition_is_met() {
    for (report, count) in of(Quirks::as_coded()).iter().zip([53, 53, 65]) {
        assert_eq!(report.candidates.len(), count);
        for measured in &report.candidates {
            let predicted = measured.candidate.predicted.seconds();
            assert!((predicted - measured.logged.unwrap().seconds()).abs() <= 5.1e-5, "{measured:?}");
            assert_eq!(Some(&measured.candidate.cuts), measured.logged_cuts.as_ref());
        }
        assert_eq!(report.differ_from_log, Some(0));
        // The order of prediction is the log's, up to predictions that its digits do not distinguish.
        for (measured, logged) in report.candidates.iter().zip(log(report.experiment)) {
            assert_eq!(measured.logged, Some(logged.predicted));
        }
    }
}

#[test]
fn as_coded_the_winners_are_the_logs() {
    let noted = [(strategy(1, 16, 1, 1), 1.2443), (strategy(1, 4, 4, 1), 1.0859), (strategy(1, 4, 4, 1), 1.1502)];
    for (report, (strategy, seconds)) in of(Quirks::as_coded()).iter().zip(noted) {
        let (best, predicted, _) = winner(report);
        assert_eq!(best, strategy);
        assert!(close(predicted, seconds, 1e-4));
    }
}

#[test]
fn minimised_exactly_no_candidate_is_worse_and_33_are_better() {
    let reports = of(Quirks::exact());
    let noted = [(1.2443, vec![30]), (1.0617, vec![9, 7, 7, 7]), (1.1444, vec![8, 7, 5, 5])];
    for (report, (seconds, lengths)) in reports.iter().zip(noted) {
        let (_, predicted, cut) = winner(report);
        assert!(close(predicted, seconds, 1e-4), "{predicted}");
        assert_eq!(cut, lengths);
        for measured in &report.candidates {
            assert!(measured.candidate.predicted.seconds() <= measured.logged.unwrap().seconds() + 5.1e-5);
            assert!(measured.candidate.lower_bound <= measured.candidate.predicted);
        }
    }
    let improved = reports.each_ref().map(|report| report.improved.unwrap());
    assert_eq!(improved.map(|(count, _)| count).iter().sum::<usize>(), 33);
    assert!(close(improved[2].1, 0.1394, 1e-4));
    let most =
        reports[2].candidates.iter().find(|measured| measured.candidate.strategy == strategy(1, 8, 2, 8)).unwrap();
    assert_eq!(most.candidate.lengths, [7, 18]);
    assert!(close(most.candidate.predicted.seconds(), 2.174, 1e-3));
}

#[test]
fn statistics_against_the_measured_times_are_those_of_the_log() {
    let reports = of(Quirks::as_coded());
    let statistics = reports.each_ref().map(|report| report.statistics.clone().unwrap());
    let noted = [
        (47, 5, 0.935, 0.899, 0.088, 0.476),
        (43, 10, 0.394, 0.570, 0.153, 0.494),
        (19, 46, 0.853, 0.818, 0.141, 0.164),
    ];
    for (found, (ran, failed, spearman, first, ten, all)) in statistics.iter().zip(noted) {
        assert_eq!((found.ran, found.failed), (ran, failed));
        assert!(close(found.spearman.unwrap(), spearman, 1e-3));
        assert!(close(found.spearman_first_thirty.unwrap(), first, 1e-3));
        assert!(close(found.error_first_ten.unwrap(), ten, 1e-3));
        assert!((found.error_all.unwrap() - all).abs() < 1e-3);
    }
    assert!(close(statistics[1].spearman_thirty_that_ran.unwrap(), 0.693, 1e-3));
    let regrets = statistics.map(|found| found.regrets);
    assert!(close(regrets[0][0].unwrap(), 0.100, 1e-3) && regrets[0][3] == Some(0.0) && regrets[0][2] != Some(0.0));
    assert!(close(regrets[1][0].unwrap(), 0.148, 1e-3) && regrets[1][1] == Some(0.0));
    assert_eq!(regrets[2][0], Some(0.0));
    assert_eq!(EACH.map(|e| log(e).iter().filter(|logged| logged.trial == Trial::NotLaunched).count()), [1, 0, 0]);
}

#[test]
fn with_the_speed_of_each_stage_the_truly_best_strategy_comes_first() {
    let report = report(Experiment::HetCluster, None, Quirks::per_stage_speed()).unwrap();
    let statistics = report.statistics.as_ref().unwrap();
    assert!(close(statistics.error_first_ten.unwrap(), 0.116, 1e-3));
    assert_eq!(statistics.regrets[0], Some(0.0));
    // Planned anew with these speeds.
    let (best, predicted, lengths) = winner(&report);
    assert_eq!((best, lengths), (strategy(1, 4, 4, 1), vec![8, 7, 7, 8]));
    assert!(close(predicted, 1.0070, 1e-4));
    let second = report.candidates.iter().find(|m| m.candidate.strategy == strategy(1, 2, 8, 1)).unwrap();
    assert!(close(second.candidate.predicted.seconds(), 1.0557, 1e-4));
}

#[test]
fn published_speedups_are_measurements_and_predictions_are_of_the_same_order() {
    assert!(close(published(Experiment::HetCluster).speedup(), 1.539, 1e-3));
    assert!(close(published(Experiment::HetModel).speedup(), 1.766, 1e-3));
    let reports = of(Quirks::as_coded());
    let noted = [(1.000, 1.000), (2.559, 0.999), (1.548, 1.148)];
    for (report, (data_parallel, uniform)) in reports.iter().zip(noted) {
        assert!(close(report.data_parallel_over_best.unwrap(), data_parallel, 1e-3));
        assert!(close(report.uniform_over_best.unwrap(), uniform, 1e-3));
    }
}

#[test]
fn training_event_by_event_takes_the_predicted_pipeline_time_to_the_picosecond() {
    for experiment in EACH {
        let model = CostModel::new(experiment, None, Quirks::as_coded()).unwrap();
        for logged in log(experiment) {
            let problem = model.problem(logged.strategy).unwrap();
            let plan = logged_plan(&model, &logged).unwrap();
            assert_eq!(simulate(&problem, &plan).unwrap().makespan, problem.value(&plan).unwrap().pipeline);
        }
    }
}

#[test]
fn the_memory_model_is_scored_against_what_failed() {
    // No threshold to pass: the counts say what the model is worth. It refuses nothing that ran; what it admits and failed may
    // have failed for other reasons, as some strategies with a quarter of the work did.
    let confusion = of(Quirks::as_coded()).map(|report| report.statistics.unwrap().memory);
    assert_eq!(confusion.map(|c| (c.refused_and_failed, c.refused_but_ran)), [(3, 0), (4, 0), (34, 0)]);
    assert_eq!(confusion.map(|c| (c.admitted_but_failed, c.admitted_and_ran)), [(2, 47), (6, 43), (12, 19)]);
}

#[test]
fn the_recursion_that_keeps_the_link_is_the_exact_cut() {
    let mut worse = [0; 3];
    let mut most: f64 = 0.0;
    for (experiment, worse) in EACH.into_iter().zip(&mut worse) {
        let model = CostModel::new(experiment, None, Quirks::as_coded()).unwrap();
        for strategy in model.strategies().into_iter().filter(|&s| s.pipeline > 1 && model.micro_batches(s) > 1) {
            let problem = model.problem(strategy).unwrap();
            let exact = cut::exact(&problem, &vec![0; model.layers().len()]).unwrap().value.pipeline;
            let pipeline = |plan: Plan| problem.value(&plan).unwrap().pipeline;
            assert_eq!(pipeline(recursion(&problem, true).unwrap()), exact);
            let coded = pipeline(recursion(&problem, false).unwrap());
            most = most.max(1.0 - exact.seconds() / coded.seconds());
            *worse += usize::from(coded > exact);
        }
    }
    // How often the code's cut is not the best for the pipeline, and what that costs at most.
    assert_eq!(worse, [4, 12, 5]);
    assert!(close(most, 0.0053, 1e-4));
}

/// What a strategy costs with its exact pipeline cut, under some quirks.
fn cost(model: &CostModel, strategy: Strategy) -> viewless_planner::Value {
    let problem = model.problem(strategy).unwrap();
    cut::exact(&problem, &vec![0; problem.operations().len()]).unwrap().value
}

fn models(experiment: Experiment, cluster: Option<&Cluster>, quirk: Quirk) -> [CostModel; 2] {
    let on = Quirks::as_coded();
    [on.clone(), on.without(quirk)].map(|quirks| CostModel::new(experiment, cluster.cloned(), quirks).unwrap())
}

fn uneven_cluster(gigabits: [u64; 4]) -> Cluster {
    let node = |gigabits: u64| {
        let bandwidth = Bandwidth::BitsPerSecond(gigabits * 1_000_000_000);
        Node { gpu: "T4".to_owned(), gpus: 4, between_nodes: bandwidth, within_node: bandwidth }
    };
    Cluster::new(gigabits.map(node).to_vec()).unwrap()
}

#[test]
fn quirk_stored_value_drops_link_makes_cuts_worse() {
    let coded = plan(Experiment::HetCluster, None, Quirks::as_coded()).unwrap();
    let mended = plan(Experiment::HetCluster, None, Quirks::as_coded().without(Quirk::StoredValueDropsLink)).unwrap();
    let mut worse = 0;
    for candidate in &coded.candidates {
        let other = mended.candidates.iter().find(|other| other.strategy == candidate.strategy).unwrap();
        assert!(other.pipeline <= candidate.pipeline);
        worse += usize::from(other.pipeline < candidate.pipeline);
    }
    assert!(worse > 0);
}

#[test]
fn quirk_cut_ignores_all_reduce_costs_more_than_the_pipeline_gains() {
    let quirks = Quirks::exact();
    let joint = plan(Experiment::HetCluster, None, quirks).unwrap();
    let apart = Quirks::as_coded().without(Quirk::StoredValueDropsLink).without(Quirk::SingleMicroBatchCutUniformly);
    let apart = plan(Experiment::HetCluster, None, apart).unwrap();
    let of = |plans: &viewless_planner::amp::Plans| {
        plans.candidates.iter().find(|c| c.strategy == strategy(1, 4, 4, 1)).unwrap().clone()
    };
    let (joint, apart) = (of(&joint), of(&apart));
    assert!(joint.pipeline > apart.pipeline && joint.predicted < apart.predicted);
}

#[test]
fn quirk_ring_is_its_last_edge_changes_nothing_here_and_much_on_another_cluster() {
    for experiment in EACH {
        let [on, off] = models(experiment, None, Quirk::RingIsItsLastEdge);
        for strategy in on.strategies() {
            assert_eq!(on.problem(strategy).unwrap(), off.problem(strategy).unwrap());
        }
    }
    // From the last node back to the first is fast; between the others is slow.
    let cluster = uneven_cluster([50, 10, 10, 50]);
    let [on, off] = models(Experiment::Homogeneous, Some(&cluster), Quirk::RingIsItsLastEdge);
    let all = strategy(1, 16, 1, 1);
    let close_to = Picoseconds::from_fraction(u128::from(cost(&on, all).setup.picoseconds()) * 5, 1).unwrap();
    assert!(cost(&off, all).setup.saturating_sub(close_to).picoseconds() <= 5);
    assert!(cost(&off, all).setup > cost(&on, all).setup * 4);
}

#[test]
fn quirk_fleet_average_speed_makes_a_slow_stage_fast() {
    let [on, off] = models(Experiment::HetCluster, None, Quirk::FleetAverageSpeed);
    let plan = Plan::of_lengths(&[7, 7, 6, 10]);
    let stages = |model: &CostModel| model.problem(strategy(1, 4, 4, 1)).unwrap().value(&plan).unwrap();
    let (average, own) = (stages(&on), stages(&off));
    // The last stage is on T4, the others on V100.
    assert!(own.stages[3] > average.stages[3] && own.stages[0] < average.stages[0]);
    assert!(close(own.total.seconds(), 1.2868, 1e-4) && close(average.total.seconds(), 1.0859, 1e-4));
}

#[test]
fn quirk_activations_of_32_bits_doubles_links() {
    let [on, off] = models(Experiment::HetCluster, None, Quirk::ActivationsOf32Bits);
    let plan = Plan::of_lengths(&[7, 7, 6, 10]);
    let links = |model: &CostModel| model.problem(strategy(1, 4, 4, 2)).unwrap().value(&plan).unwrap().handovers;
    for (wide, narrow) in links(&on).into_iter().zip(links(&off)) {
        assert!(wide.saturating_sub(narrow * 2).max((narrow * 2).saturating_sub(wide)).picoseconds() <= 2);
    }
}

#[test]
fn quirk_tensor_parallelism_by_profile_stays_within_a_node() {
    let [on, off] = models(Experiment::Homogeneous, None, Quirk::TensorParallelismByProfile);
    let most = |model: &CostModel| model.strategies().into_iter().map(|s| s.tensor).max();
    assert_eq!((most(&on), most(&off)), (Some(4), Some(16)));
    let wide = strategy(4, 1, 4, 1);
    assert_ne!(on.problem(wide).unwrap(), off.problem(wide).unwrap());
    let single = strategy(1, 4, 4, 1);
    assert_eq!(on.problem(single).unwrap(), off.problem(single).unwrap());
    // Across nodes there is no profile, only the alternative.
    assert!(on.problem(strategy(16, 1, 1, 1)).is_err() && off.problem(strategy(16, 1, 1, 1)).is_ok());
}

#[test]
fn quirk_no_memory_ranks_what_cannot_run() {
    let with = plan(Experiment::HetModel, None, Quirks::as_coded().without(Quirk::NoMemory)).unwrap();
    assert_eq!((with.candidates.len(), with.without_memory), (31, 34));
    assert_eq!(with.candidates[0].strategy, strategy(1, 4, 4, 1));
}

#[test]
fn quirk_single_micro_batch_cut_uniformly_costs_time_and_forgets_a_layer() {
    let searched = Quirks::as_coded().without(Quirk::StoredValueDropsLink).without(Quirk::SingleMicroBatchCutUniformly);
    let [uniform, searched] = [Quirks::as_coded(), searched].map(|q| plan(Experiment::HetModel, None, q).unwrap());
    let single = |plans: &viewless_planner::amp::Plans| {
        plans.candidates.iter().find(|c| c.strategy == strategy(1, 4, 4, 16)).unwrap().clone()
    };
    assert_eq!(single(&uniform).lengths, [6, 6, 6, 7]);
    assert!(single(&searched).pipeline <= single(&uniform).pipeline);
    let model = CostModel::new(Experiment::HetModel, None, Quirks::as_coded()).unwrap();
    assert_eq!(even(&model, 4).lengths(), [7, 6, 6, 6]);
}

#[test]
fn quirk_backward_is_twice_forward_triples_the_work() {
    let [on, off] = models(Experiment::Homogeneous, None, Quirk::BackwardIsTwiceForward);
    let each = |model: &CostModel| cost(model, strategy(1, 4, 4, 1)).stages.into_iter().sum::<Picoseconds>();
    assert_eq!(each(&on), each(&off) * 3);
}

#[test]
fn quirk_embedding_counted_once_saves_an_all_reduce_of_a_table() {
    let [on, off] = models(Experiment::Homogeneous, None, Quirk::EmbeddingCountedOnce);
    let setup = |model: &CostModel, pipeline| cost(model, strategy(1, 16 / pipeline, pipeline, 1)).setup;
    assert!(setup(&off, 1) > setup(&on, 1));
    // On two stages each has one embedding: nothing is counted twice.
    assert_eq!(setup(&off, 2), setup(&on, 2));
}

#[test]
fn quirk_link_is_mean_over_replicas_hides_a_slow_one() {
    for experiment in EACH {
        let [on, off] = models(experiment, None, Quirk::LinkIsMeanOverReplicas);
        for strategy in on.strategies() {
            assert_eq!(on.problem(strategy).unwrap(), off.problem(strategy).unwrap());
        }
    }
    let cluster = uneven_cluster([50, 10, 50, 50]);
    let [on, off] = models(Experiment::Homogeneous, Some(&cluster), Quirk::LinkIsMeanOverReplicas);
    let half = strategy(1, 8, 2, 1);
    assert!(cost(&off, half).handovers[0] > cost(&on, half).handovers[0]);
}

#[test]
fn quirk_trans_gan_of_25_layers_leaves_time_out() {
    let [on, off] = models(Experiment::HetModel, None, Quirk::TransGanOf25Layers);
    assert_eq!((on.layers().len(), off.layers().len()), (25, 56));
    let all = strategy(1, 16, 1, 1);
    assert!(cost(&off, all).pipeline > cost(&on, all).pipeline);
    assert_eq!(cost(&off, all).setup, cost(&on, all).setup);
}

#[test]
fn quirk_links_forward_and_free_hides_a_link_that_is_the_bottleneck() {
    let cluster = uneven_cluster([1; 4]);
    let [on, off] = models(Experiment::Homogeneous, Some(&cluster), Quirk::LinksForwardAndFree);
    let deep = strategy(1, 1, 16, 1);
    let (free, busy) = (cost(&on, deep), cost(&off, deep));
    assert!(busy.handovers.iter().all(|&time| time == busy.bottleneck), "there and back it is the bottleneck");
    assert!(free.bottleneck < busy.bottleneck && free.handovers.iter().all(|&time| time * 2 >= busy.handovers[0]));
}

#[test]
fn no_strategy_of_an_experiment_beats_its_lower_bound() {
    for experiment in EACH {
        let model = CostModel::new(experiment, None, Quirks::as_coded()).unwrap();
        for logged in log(experiment) {
            let problem = model.problem(logged.strategy).unwrap();
            let value = problem.value(&logged_plan(&model, &logged).unwrap()).unwrap();
            assert!(lower_bound(&problem) <= value.total);
        }
    }
}
