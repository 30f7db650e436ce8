use super::*;
use crate::plan::candidates::{self, counted, least_time};
use crate::plan::{Space, front, winner};
use crate::sizes::Sizes;
use viewless_protocols::model::{TransformerConfig, TransformerDraft};
use viewless_protocols::nonlinear::{Function, Protocol, Registry};
use viewless_protocols::scheme::{SchemeKind, Truncation};
use viewless_simulator::work::{Kind, Rate};

fn small() -> (Subject, Catalogue) {
    small_under(&["exact"])
}

fn small_under(choices: &[&str]) -> (Subject, Catalogue) {
    let config = TransformerDraft {
        hidden_size: 16,
        heads: 2,
        intermediate_size: 32,
        layers: 3,
        ..TransformerConfig::bert_base().draft()
    }
    .check()
    .unwrap();
    let subject = Subject::of_model("small", config, Registry::built_in());
    let choices: Vec<String> = choices.iter().map(|&choice| choice.to_owned()).collect();
    let space = Space::of_words(&choices, &[]).unwrap();
    let catalogue = Catalogue::new(&subject, &space, Sizes::new(8, 1).unwrap(), &|_, _| {}).unwrap();
    (subject, catalogue)
}

/// Rates that differ from kind to kind.
fn rates(seconds: f64) -> Rates {
    let rate = |(i, kind)| {
        let seconds_per_unit = seconds * (1.0 + i as f64);
        (kind, Rate { seconds_per_operation: 1e3 * seconds_per_unit, seconds_per_unit })
    };
    Kind::ALL.into_iter().enumerate().map(rate).collect::<BTreeMap<_, _>>().try_into().unwrap()
}

#[test]
fn computation_counts_for_one_query_of_one_process() {
    let (subject, catalogue) = small();
    let slow = PlanRequest { rates: Some(rates(1e-6)), ..request(Network::lan(), 1.0) };
    let planned = plan(&subject, &catalogue, &slow).unwrap();
    let chosen = &planned.chosen;
    assert!(chosen.computation_seconds > 0.99 * chosen.seconds, "{chosen:?}");
    assert!((planned.deployment.seconds - chosen.seconds).abs() <= 1e-9 * chosen.seconds);
    // Nothing that could be chosen computes for a shorter time, and another plan is chosen than for its messages.
    let quick = plan(&subject, &catalogue, &request(Network::lan(), 1.0)).unwrap();
    assert!(slow.computation_seconds(&quick.chosen.load.work, 0) >= 0.99 * chosen.computation_seconds);
    assert!(quick.chosen.seconds <= chosen.seconds - chosen.computation_seconds);
    assert_ne!(quick.chosen.suite.protocols, chosen.suite.protocols);
    let refused = |request: PlanRequest| winner(&catalogue, &request).unwrap_err().to_string();
    assert!(refused(PlanRequest { requests: 2, ..slow.clone() }).contains("one process that computes one query"));
    let parties = PartiesFile { compute_seconds_per_layer: 1.0, ..PartiesFile::default() };
    assert!(refused(PlanRequest { parties, ..slow }).contains("leave them out"));
}

fn request(network: Network, error_budget: f64) -> PlanRequest {
    PlanRequest { network, error_budget, most_wraps: 1e-6, requests: 1, parties: PartiesFile::default(), rates: None }
}

#[test]
fn the_plan_is_the_point_of_the_front_and_what_it_adds_up_is_what_is_counted() {
    let (subject, catalogue) = small();
    let thin = Network::new("thin", 2e6, 1e-4).unwrap();
    let slow = Some(rates(1e-10));
    let cases = [(Network::lan(), None), (Network::wan(), None), (thin, None), (Network::lan(), slow)];
    for (network, rates) in cases {
        let request = |network, budget| PlanRequest { rates, ..request(network, budget) };
        let front = front(&catalogue, &request(network.clone(), 1.0));
        assert!(front.len() > 1 || rates.is_some(), "{front:?}");
        for (error, seconds, _) in &front {
            // Errors are rounded up one by one when they are searched.
            let budget = error + 1e-9;
            let plan = plan(&subject, &catalogue, &request(network.clone(), budget)).unwrap();
            assert!((plan.lower_bound_seconds - seconds).abs() <= 1e-9 * seconds + 1e-11, "{plan:?}");
            // Parties that need not wait for one another may begin the next part before the last one ends everywhere.
            let (whole, parts) = (plan.chosen.seconds, plan.added_up_seconds);
            assert!(plan.runners_up.iter().all(|other| !other.meets_budget || whole <= other.seconds));
            if plan.chosen.suite.scheme.kind() == SchemeKind::Additive2 {
                assert!((whole - parts).abs() <= 1e-9 * parts + 1e-11, "{plan:?}");
            }
            assert!(plan.chosen.meets_budget && plan.chosen.error.unwrap() <= budget);
            assert!(plan.lower_bound_seconds <= plan.added_up_seconds + 1e-9);
            let of_two = |suite: &&Priced| suite.suite.scheme.kind() == SchemeKind::Additive2;
            for suite in plan
                .built_in
                .iter()
                .filter(|suite| suite.meets_budget && suite.suite.fraction_bits() == 16)
                .filter(of_two)
            {
                assert!(plan.chosen.seconds <= suite.seconds + 1e-9, "{}", suite.suite.name);
            }
        }
    }
}

#[test]
fn the_fastest_suite_that_wraps_seldom_enough_is_found_where_a_faster_one_wraps_too_often() {
    let (subject, _) = small();
    let space = Space::of_words(&["local".to_owned(), "additive2".to_owned()], &[]).unwrap();
    let catalogue = Catalogue::new(&subject, &space, Sizes::new(8, 1).unwrap(), &|_, _| {}).unwrap();
    let mut found = 0;
    for most_wraps in [1e-6, 4e-4, 1e3] {
        let request = PlanRequest { most_wraps, ..request(Network::lan(), 100.0) };
        match (front(&catalogue, &request).last(), plan(&subject, &catalogue, &request)) {
            (Some((_, seconds, _)), Ok(plan)) => {
                found += 1;
                assert!((plan.lower_bound_seconds - seconds).abs() <= 1e-9 * seconds, "{plan:?}");
                assert!(plan.chosen.load.wraps <= most_wraps && plan.chosen.meets_budget);
            }
            (None, Err(PlanningError::FailuresUnreachable { .. })) => {}
            (front, plan) => panic!("{most_wraps}: {front:?} {plan:?}"),
        }
    }
    assert_eq!(found, 2);
}

#[test]
fn fraction_bits_that_the_usual_protocols_cannot_have_are_planned_with_others() {
    let (subject, _) = small();
    for bits in [8, 20] {
        let space = Space::of_words(&["exact".to_owned(), "additive2".to_owned()], &[bits]).unwrap();
        let catalogue = Catalogue::new(&subject, &space, Sizes::new(8, 1).unwrap(), &|_, _| {}).unwrap();
        assert!(winner(&catalogue, &request(Network::lan(), 1e6)).is_ok(), "{bits}");
    }
    let space = Space::of_words(&["exact".to_owned()], &[4]).unwrap();
    let error = Catalogue::new(&subject, &space, Sizes::new(8, 1).unwrap(), &|_, _| {}).unwrap_err().to_string();
    assert!(error.contains("no protocol for") && error.contains("4 fraction bits"), "{error}");
}

#[test]
fn more_queries_in_flight_are_between_the_bound_and_one_after_the_other() {
    let (subject, catalogue) = small();
    let mut request = request(Network::wan(), 1.0);
    let alone = plan(&subject, &catalogue, &request).unwrap();
    request.requests = 6;
    request.parties.machines = 2;
    let many = plan(&subject, &catalogue, &request).unwrap();
    assert!(many.deployment.in_flight > 1);
    assert!(many.deployment.lower_bound_seconds <= many.deployment.seconds);
    assert!(many.lower_bound_seconds <= many.deployment.seconds);
    assert!(many.deployment.seconds < 6.0 * alone.deployment.seconds);
}

#[test]
fn more_queries_than_are_simulated_and_times_that_do_not_fit_are_refused() {
    let (subject, catalogue) = few();
    let refused = |requests, network| {
        plan(&subject, &catalogue, &PlanRequest { requests, ..request(network, 1.0) }).unwrap_err().to_string()
    };
    let many = refused(1_000_000, Network::lan());
    assert!(many.contains("1000000 queries of") && many.contains("or fewer"), "{many}");
    assert!(refused(2_000, Network::new("slow", 1e3, 100.0).unwrap()).contains("213 days"));
}

#[test]
fn budgets_that_nothing_meets_and_spaces_that_wrap_are_refused() {
    let (_, catalogue) = small();
    let refused = |budget| winner(&catalogue, &request(Network::lan(), budget)).unwrap_err().to_string();
    assert!(refused(0.0).contains("the least is"));
    assert!(refused(f64::NAN).contains("an error budget is a number"));
    // The least that is named is met when it is asked for, and nothing below it.
    let least = least_error(catalogue.entries.iter());
    assert!(winner(&catalogue, &request(Network::lan(), least)).is_ok());
    assert!(refused(least - 2.0 * ERROR_UNIT).contains(&format!("the least is {least:e}")));
    for most_wraps in [f64::NAN, -1.0] {
        let request = PlanRequest { most_wraps, ..request(Network::lan(), 1.0) };
        assert!(winner(&catalogue, &request).unwrap_err().to_string().contains("expected wraps are a number"));
    }
    let mut local = catalogue.clone();
    local.entries.iter_mut().for_each(|entry| entry.linear.wraps = 1.0);
    assert!(winner(&local, &request(Network::lan(), 1.0)).unwrap_err().to_string().contains("may wrap more often"));
}

/// Every choice of an entry with what its parts add up to.
fn all_choices(entry: &CatalogueEntry) -> Vec<Choice<'_>> {
    let extend = |choices: Vec<Vec<usize>>, function: &crate::plan::FunctionChoice| {
        let with =
            |before: Vec<usize>| (0..function.variants.len()).map(move |variant| [&before[..], &[variant]].concat());
        choices.into_iter().flat_map(with).collect()
    };
    let choices = entry.functions.iter().fold(vec![Vec::new()], extend);
    choices.into_iter().map(|variants| Choice { entry, variants, bound: Picoseconds::ZERO }).collect()
}

#[test]
fn parts_add_up_to_the_whole_or_nearly() {
    let (subject, catalogue) = small_under(&[]);
    let mut differing = 0;
    for entry in &catalogue.entries {
        let choices = all_choices(entry);
        assert!(choices.len() > 300);
        // Eleven is prime to the numbers of variants, so that each variant is met with most of the others.
        for choice in choices.iter().step_by(11) {
            let Found { protocols, load, .. } = Found::of(choice);
            let suite =
                with_protocols(suite(entry.scheme, entry.fraction_bits, &subject.registry).unwrap(), &protocols);
            let program = subject.program(&suite, catalogue.sizes()).unwrap();
            for (whole, parts) in Load::of(&program, &subject.registry).schedules.into_iter().zip(load.schedules) {
                if entry.scheme.kind() == SchemeKind::Additive2 {
                    assert_eq!(whole, parts, "{protocols:?}");
                    continue;
                }
                let least = candidates::least_of_whole(parts);
                assert!(whole.rounds >= least.rounds && whole.bytes >= least.bytes, "{protocols:?}");
                differing += usize::from(whole != parts);
            }
        }
    }
    assert!(differing > 0, "what three parties send is counted as a whole for a reason");
}

/// Also in rings that are narrowed to what a number needs, where a bound of each element by itself ends at rows of 64: rows are reduced there as in whole words.
#[test]
fn the_errors_of_a_plan_are_those_that_are_certified_under_its_own_truncation() {
    let subject = small().0;
    let catalogue = |words: &[&str], seq| {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let space = Space::of_words(&words, &[]).unwrap();
        Catalogue::new(&subject, &space, Sizes::new(seq, 1).unwrap(), &|_, _| {})
    };
    let choices = ["additive2", "carry", "exact", "narrowing"];
    for seq in [8, 64] {
        let catalogue = catalogue(&choices, seq).unwrap();
        assert_eq!((catalogue.entries.len(), catalogue.left_out.len()), (2, 0));
        let certified = |protocol: &str, suite: &Suite, function: &str| {
            let protocol = subject.registry.get(protocol).unwrap();
            certified(protocol, suite, row_of(&subject, &catalogue, function))
        };
        for entry in catalogue.entries.iter().filter(|entry| entry.scheme.truncation == Truncation::Narrowing) {
            let suite = suite(entry.scheme, entry.fraction_bits, &subject.registry).unwrap();
            for choice in &entry.functions {
                for VariantEntry { protocol, certified_error, .. } in &choice.variants {
                    assert_eq!(certified(protocol, &suite, &choice.function), Some(*certified_error), "{protocol}");
                }
            }
        }
        // A built-in suite whose truncation is in the space is told the errors of its own, or none.
        let plan = plan(&subject, &catalogue, &request(Network::lan(), 1e3)).unwrap();
        let narrow = plan.built_in.iter().find(|priced| priced.suite.name == "faithful-narrow").unwrap();
        let site = |choice: &crate::plan::FunctionChoice| {
            let protocol = &narrow.suite.protocols[&Function::of(&choice.function).unwrap()];
            Some(certified(protocol, &narrow.suite, &choice.function)? * choice.calls as f64)
        };
        let sum: Option<f64> = catalogue.entries[0].functions.iter().map(site).sum();
        assert_eq!(narrow.error.is_some(), sum.is_some(), "{narrow:?}");
        assert!(narrow.error.zip(sum).is_none_or(|(told, sum)| (told - sum).abs() <= 1e-9 * sum));
    }
    // Of `softmax/shaft` nothing is certified, so that no scheme is left where there is no other.
    let mut registry = Registry::empty();
    let is_softmax = |protocol: &Protocol| protocol.card.function == Function::SOFTMAX;
    for protocol in Registry::built_in().iter().filter(|p| !is_softmax(p) || p.card.name == "softmax/shaft") {
        registry.insert(Protocol::clone(protocol)).unwrap();
    }
    let subject = Subject { registry, ..small().0 };
    let space = Space::of_words(&["narrowing".to_owned()], &[]).unwrap();
    let refused = Catalogue::new(&subject, &space, Sizes::new(64, 1).unwrap(), &|_, _| {}).unwrap_err().to_string();
    assert!(refused.contains("no protocol for softmax"), "{refused}");
}

/// Every third protocol of each function, so that all can be tried.
fn few() -> (Subject, Catalogue) {
    let (subject, mut catalogue) = small_under(&["exact", "carry"]);
    for choice in catalogue.entries.iter_mut().flat_map(|entry| &mut entry.functions) {
        // One in three of those among which the networks below were chosen.
        let later = ["gelu/series", "softmax/masked", "layernorm/scales"];
        let known = choice.variants.iter().filter(|variant| !later.contains(&variant.protocol.as_str()));
        choice.variants = known.step_by(3).cloned().collect();
    }
    (subject, catalogue)
}

#[test]
fn for_many_queries_the_plan_is_the_fastest_of_all_suites_and_not_always_that_of_the_least_bound() {
    let (subject, catalogue) = few();
    let mut surprises = 0;
    for (requests, bandwidth, latency, machines, most_in_flight) in [
        (10, 3.67e6, 1e-3, 1, 16),
        (7, 1e7, 3e-2, 1, 4),
        (7, 1e8, 3e-3, 1, 8),
        (5, 1e7, 1e-3, 2, 2),
        (5, 1e7, 1e-2, 1, 2),
        (6, 1e8, 1e-2, 3, 1),
        (3, 1e9, 1e-3, 1, 16),
    ] {
        let parties = PartiesFile { machines, most_in_flight, ..PartiesFile::default() };
        let network = Network::new("asked", bandwidth, latency).unwrap();
        let request = PlanRequest { requests, parties, ..request(network, 1.0) };
        let allowed = |choice: &Choice| {
            let error = |(function, &variant): (&crate::plan::FunctionChoice, &usize)| {
                function.variants[variant].certified_error * function.calls as f64
            };
            choice.entry.functions.iter().zip(&choice.variants).map(error).sum::<f64>() <= request.error_budget
        };
        let choices: Vec<Choice> =
            catalogue.entries.iter().flat_map(all_choices).filter(|choice| allowed(choice)).collect();
        let all = counted(&subject, choices.iter().map(Found::of).collect(), &catalogue, &request).unwrap();
        let plan = plan(&subject, &catalogue, &request).unwrap();
        assert_eq!(plan.deployment.schedule.makespan, least_time(&all), "{request:?}");
        let entries: Vec<&CatalogueEntry> = catalogue.entries.iter().collect();
        let of_least_bound = search(&entries, &catalogue, &request).unwrap();
        surprises += usize::from(
            plan.chosen.suite.protocols != {
                named(&subject, of_least_bound.entry, &of_least_bound.protocols, &request).unwrap().protocols
            },
        );
        // What is searched by its bound is never beyond it.
        for choice in candidates::below(&entries, catalogue.layers, &request, Picoseconds::MAX).unwrap() {
            let found = Found::of(&choice);
            let same = |candidate: &&Candidate| {
                std::ptr::eq(candidate.found.entry, found.entry) && candidate.found.protocols == found.protocols
            };
            let known = all.iter().find(same).expect("all were counted");
            assert!(choice.bound <= known.deployment.schedule.makespan, "{:?}", found.protocols);
        }
    }
    assert!(surprises > 0);
}

#[test]
fn many_queries_are_never_slower_with_more_error_a_better_network_or_more_machines() {
    let (subject, catalogue) = few();
    let ask = |requests, budget: f64, (bandwidth, latency): (f64, f64), machines, most_in_flight| {
        let parties = PartiesFile { machines, most_in_flight, ..PartiesFile::default() };
        let network = Network::new("asked", bandwidth, latency).unwrap();
        let plan = plan(&subject, &catalogue, &PlanRequest { requests, parties, ..request(network, budget) }).unwrap();
        assert!(plan.deployment.lower_bound_seconds <= plan.deployment.seconds + 1e-9);
        assert!(plan.chosen.meets_budget && plan.suites_counted >= catalogue.entries.len());
        plan.deployment.schedule.makespan
    };
    let (thin, wan) = ((3.67e6, 1e-3), (2e8, 4e-2));
    let errors: Vec<f64> = front(&catalogue, &request(Network::wan(), 1e6)).iter().map(|point| point.0).collect();
    let budgets = errors.iter().map(|error| error + 1e-9).chain([0.05, 1.0, 1e6]);
    let mut budgets: Vec<f64> = budgets.collect();
    budgets.sort_by(f64::total_cmp);
    let times: Vec<Picoseconds> = budgets.iter().map(|&budget| ask(10, budget, wan, 1, 16)).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{budgets:?} {times:?}");
    assert!(times.first() > times.last(), "{budgets:?} {times:?}");
    for (machines, most_in_flight) in [(1, 4), (2, 2)] {
        let latencies =
            [3e-2, 1e-3, 7e-4, 1e-4, 0.0].map(|latency| ask(7, 1.0, (1e7, latency), machines, most_in_flight));
        assert!(latencies.is_sorted_by(|a, b| a >= b), "{latencies:?}");
        let bandwidths =
            [1e6, 1e7, 1.3e7, 1e9].map(|bandwidth| ask(7, 1.0, (bandwidth, 1e-3), machines, most_in_flight));
        assert!(bandwidths.is_sorted_by(|a, b| a >= b), "{bandwidths:?}");
    }
    for parties in [[(1, 1), (1, 2), (1, 8)], [(1, 2), (2, 2), (3, 2)]] {
        let times = parties.map(|(machines, most_in_flight)| ask(7, 1.0, thin, machines, most_in_flight));
        assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    }
}
