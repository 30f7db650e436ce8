//! A small private deployment whose optima were found by trying everything, elsewhere: eight operations, of which four have two
//! variants. A round costs a latency, a kilobyte a constant; handing over costs 50. The variants of the normalisation change with
//! the network: fewer rounds where latency is dear, fewer bytes where bandwidth is.

use viewless_planner::{Links, Operation, Picoseconds, Problem, Variant, label, outer};

/// Microseconds of computation, rounds, kilobytes, error.
type Cost = (u64, u64, u64, u64);

const NORMALISATION: &[Cost] = &[(40, 11, 300, 1), (40, 20, 24, 0)];
const OPERATIONS: [&[Cost]; 8] = [
    &[(400, 1, 60, 0)],
    &[(120, 24, 300, 1), (60, 9, 120, 8)],
    &[(300, 1, 40, 0)],
    NORMALISATION,
    &[(500, 1, 80, 0)],
    &[(200, 16, 500, 1), (50, 2, 40, 20)],
    &[(500, 1, 80, 0)],
    NORMALISATION,
];

fn problem(latency: u64, kilobyte: u64, budget: u64, scale: &[u64], micro_batches: u64) -> Problem {
    let variant = |&(compute, rounds, kilobytes, error): &Cost| {
        let time = |scale: &u64| Picoseconds::new(compute * scale + rounds * latency + kilobytes * kilobyte);
        Variant { error, ..Variant::of_times(scale.iter().map(time).collect()) }
    };
    let operation = |costs: &&[Cost]| Operation::of_variants(costs.iter().map(variant).collect());
    let handovers = vec![vec![Picoseconds::new(50); scale.len() - 1]; OPERATIONS.len() - 1];
    Problem::new(scale.len(), micro_batches, OPERATIONS.iter().map(operation).collect())
        .and_then(|problem| problem.with_handovers(handovers, Links::Delay))
        .and_then(|problem| problem.with_error_budget(budget))
        .unwrap()
}

fn check(problem: &Problem, total: u64, cuts: &[usize], variants: &str) {
    let found = label::exact(problem).unwrap();
    let chosen: String = found.plan.variants.iter().map(usize::to_string).collect();
    assert_eq!((found.value.total, chosen.as_str()), (Picoseconds::new(total), variants));
    // Another cut may cost the same; the one that was found elsewhere must cost exactly the optimum.
    let ends = cuts.iter().copied().chain([OPERATIONS.len()]).collect();
    let noted = viewless_planner::Plan { ends, variants: found.plan.variants };
    assert_eq!(problem.value(&noted).unwrap().total, Picoseconds::new(total));
}

#[test]
fn every_cell_of_the_table_is_met() {
    let networks = [(50, 1), (20_000, 80), (4_000, 320)];
    // By network and budget: one query on one stage; eight on two, with the cut; eight on three.
    type Cell = (u64, (u64, usize), (u64, [usize; 2]), &'static str);
    let table: [[Cell; 3]; 3] = [
        [
            (4_760, (21_750, 4), (16_830, [3, 5]), "01000100"),
            (6_070, (27_470, 5), (23_110, [4, 6]), "01000000"),
            (7_060, (32_660, 4), (28_300, [2, 5]), "00000000"),
        ],
        [
            (823_490, (4_200_340, 4), (3_022_920, [2, 5]), "01000100"),
            (1_140_440, (5_558_470, 5), (4_517_340, [4, 6]), "01000000"),
            (1_454_900, (7_032_970, 4), (5_872_980, [2, 5]), "00000000"),
        ],
        [
            (371_650, (1_791_860, 4), (1_342_440, [2, 5]), "01010101"),
            (575_000, (2_969_190, 5), (2_205_960, [5, 6]), "01010001"),
            (692_660, (3_147_190, 5), (2_936_540, [4, 6]), "00010001"),
        ],
    ];
    for ((latency, kilobyte), row) in networks.into_iter().zip(table) {
        for (budget, (alone, (two, cut), (three, cuts), variants)) in [30, 12, 4].into_iter().zip(row) {
            check(&problem(latency, kilobyte, budget, &[1], 1), alone, &[], variants);
            check(&problem(latency, kilobyte, budget, &[1, 1], 8), two, &[cut], variants);
            check(&problem(latency, kilobyte, budget, &[1, 1, 1], 8), three, &cuts, variants);
        }
    }
}

#[test]
fn slow_stages_move_the_cut() {
    check(&problem(50, 1, 30, &[1, 2, 1], 8), 19_820, &[3, 5], "01000100");
    check(&problem(50, 1, 30, &[4, 1, 1], 8), 22_440, &[1, 4], "01000100");
}

#[test]
fn the_outer_enumeration_takes_the_number_of_stages_that_is_best() {
    let grid = (1..=8).map(|stages| (stages, Ok(problem(50, 1, 30, &vec![1; stages], 8))));
    let best = outer::best(grid).unwrap();
    let each = (1..=8).map(|stages| label::exact(&problem(50, 1, 30, &vec![1; stages], 8)).unwrap().value.total);
    assert_eq!(Some(best.found.value.total), each.min());
    assert_eq!(best.searched + best.ruled_out, 8);
}

#[test]
fn more_bandwidth_and_less_latency_never_make_the_plan_slower() {
    let total = |latency, kilobyte| label::exact(&problem(latency, kilobyte, 12, &[1, 1, 1], 8)).unwrap().value.total;
    for latency in [0, 50, 1_000, 20_000] {
        for kilobyte in [0, 1, 80, 320] {
            assert!(total(latency, kilobyte) <= total(latency + 10, kilobyte));
            assert!(total(latency, kilobyte) <= total(latency, kilobyte + 1));
        }
    }
}
