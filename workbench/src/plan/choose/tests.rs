//! Whether two searches agree: the one over labels, and trying everything.

use super::*;
use crate::plan::Space;
use viewless_protocols::model::{TransformerConfig, TransformerDraft};
use viewless_protocols::scheme::SchemeKind;

fn small() -> (Subject, Catalogue) {
    let config = TransformerDraft {
        hidden_size: 16,
        heads: 2,
        intermediate_size: 32,
        layers: 3,
        ..TransformerConfig::bert_base().draft()
    }
    .check()
    .unwrap();
    let subject = Subject { name: "small".to_owned(), kind: Kind::Model(config) };
    let space = Space::of_words(&["exact".to_owned()], &[]).unwrap();
    let catalogue = Catalogue::new(&subject, &space, Sizes::new(8, 1).unwrap(), &|_, _| {}).unwrap();
    (subject, catalogue)
}

fn request(network: Network, error_budget: f64) -> PlanRequest {
    PlanRequest { network, error_budget, most_wraps: 1e-6, requests: 1, parties: PartiesFile::default() }
}

#[test]
fn the_plan_is_the_point_of_the_front_and_what_it_adds_up_is_what_is_counted() {
    let (subject, catalogue) = small();
    let thin = Network::new("thin", 2e6, 1e-4).unwrap();
    for network in [Network::lan(), Network::wan(), thin] {
        let front = front(&catalogue, &network, 1e-6);
        assert!(front.len() > 1, "{front:?}");
        for (error, seconds, _) in &front {
            // Errors are rounded up one by one when they are searched.
            let budget = error + 1e-9;
            let plan = plan(&subject, &catalogue, &request(network.clone(), budget)).unwrap();
            assert!((plan.added_up_seconds - seconds).abs() <= 1e-9 * seconds + 1e-11, "{plan:?}");
            // Parties that need not wait for one another may begin the next part before the last one ends everywhere.
            assert!(plan.chosen.seconds <= seconds + 1e-9 * seconds + 1e-11, "{} {seconds}", plan.chosen.seconds);
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
fn budgets_that_nothing_meets_and_spaces_that_wrap_are_refused() {
    let (_, catalogue) = small();
    let refused = |budget| winner(&catalogue, &request(Network::lan(), budget)).unwrap_err().to_string();
    assert!(refused(0.0).contains("the least is"));
    assert!(refused(f64::NAN).contains("an error budget is a number"));
    let mut local = catalogue.clone();
    local.entries.iter_mut().for_each(|entry| entry.linear.wraps = 1.0);
    assert!(winner(&local, &request(Network::lan(), 1.0)).unwrap_err().to_string().contains("may wrap more often"));
}
