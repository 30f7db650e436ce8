//! Statistics on every protocol of the registry, under both schemes, for every promised coalition.
//!
//! The short form runs with the other tests; the long one is opt-in:
//! `.ci/long --release -p viewless-proofs --test statistics`. It takes about an hour on two cores, so it can be run in parts: with `VIEWLESS_PART=3/20` only every
//! twentieth protocol, from the third on, under the same rates; each is printed with its seconds as soon as it is done. Seeds are fixed, so what passes once passes
//! always; on other seeds the chance that a sound registry fails is below 1e-6 in either form.

use rayon::prelude::*;
use viewless_proofs::privacy::{self, Coalition, learned, statistical};
use viewless_protocols::circuit::{Circuit, Owner};
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::nonlinear::{Protocol, Registry};
use viewless_protocols::program::Program;
use viewless_protocols::scheme::{
    self, Comparison, SchemeSpec, Sharing, Triples, Truncation, Weights, WeightsAmongThree,
};

const SEED: u64 = 20_260_101;
/// Of all batteries and learners of a test together.
const FALSE_ALARM_RATE: f64 = 9e-7;

const ADDITIVE: SchemeSpec = SchemeSpec {
    sharing: Sharing::Additive2(Triples::Fresh, Weights::Shared),
    truncation: Truncation::Exact,
    comparison: Comparison::Carry,
};
const REPLICATED: SchemeSpec = SchemeSpec { sharing: Sharing::Replicated3(WeightsAmongThree::Shared), ..ADDITIVE };

fn alone(protocol: &Protocol, spec: &SchemeSpec, row: usize) -> Program {
    let mut c = Circuit::new();
    let x = c.region("input", |c| c.input(Owner::Client, "x", [1, row]));
    let y = protocol.build_alone(&mut c, x, 1e-12);
    c.region("output", |c| c.reveal(y, "y"));
    scheme::compile(&c.finish().unwrap(), spec, FixedPoint::of::<16>()).unwrap()
}

/// A protocol under a scheme, with the coalitions that are promised to learn nothing.
struct Case {
    name: String,
    program: Program,
    coalitions: Vec<Coalition>,
}

fn cases<'a>(protocols: impl Iterator<Item = &'a Protocol>, specs: &[SchemeSpec], row: usize) -> Vec<Case> {
    let case = |(protocol, spec): (&Protocol, &SchemeSpec)| {
        let program = alone(protocol, spec, row);
        let name = format!("{} under {:?}, truncation {:?}", protocol.card.name, spec.kind(), spec.truncation);
        Case { name, coalitions: privacy::promised_coalitions(&program), program }
    };
    protocols.flat_map(|protocol| specs.iter().map(move |spec| (protocol, spec))).map(case).collect()
}

/// Every `of`-th case from the `first` on: what `VIEWLESS_PART` asks for, or all.
fn asked_for(cases: &[Case]) -> Vec<&Case> {
    let Ok(part) = std::env::var("VIEWLESS_PART") else { return cases.iter().collect() };
    let read = |text: &str| text.parse::<usize>().ok().filter(|&number| number > 0);
    let part = part.split_once('/').and_then(|(first, of)| Some((read(first)?, read(of)?)));
    let (first, of) = part.filter(|(first, of)| first <= of).expect("VIEWLESS_PART is a part of several, as 3/20");
    cases.iter().skip(first - 1).step_by(of).collect()
}

/// No battery and no learner finds evidence; their rates of false alarms add up to at most [`FALSE_ALARM_RATE`].
fn nothing_is_found(cases: &[Case], runs: u32, pairs: u32, most_features: usize) {
    let views: usize = cases.iter().map(|case| case.coalitions.len()).sum();
    let false_alarm_rate = FALSE_ALARM_RATE / (2 * views) as f64;
    println!("seed {SEED}, {views} views, false alarms of each test of a view below {false_alarm_rate:.1e}");
    let options = statistical::Options { seed: SEED, runs, false_alarm_rate, ..statistical::Options::default() };
    let learning =
        learned::Options { seed: SEED, pairs, most_features, false_alarm_rate, ..learned::Options::default() };
    // (The rate is that of all cases, whatever part is run.)
    asked_for(cases).par_iter().for_each(|Case { name, program, coalitions }| {
        let started = std::time::Instant::now();
        let batteries = statistical::assay_each(program, coalitions, &options, &mut |_, _| {}).unwrap();
        let learners = learned::learn_each(program, coalitions, &learning, &mut |_, _| {}).unwrap();
        let found = |(battery, learner): (&statistical::Report, &learned::Report)| {
            assert!(battery.findings().is_empty(), "{name}: {battery}");
            assert!(learner.findings().is_empty(), "{name}: {learner}");
            format!("\n  {battery}\n  {learner}")
        };
        let found: String = batteries.iter().zip(&learners).map(found).collect();
        println!("{name}, {:.0} s{found}", started.elapsed().as_secs_f64());
    });
}

/// One protocol of each function, small: what every commit can afford.
#[test]
fn one_protocol_of_each_function_shows_nothing_to_any_promised_coalition() {
    let mut functions = std::collections::BTreeSet::new();
    let every = Registry::built_in().iter().map(AsRef::as_ref);
    let first = every.filter(|protocol: &&Protocol| functions.insert(protocol.card.function.to_string()));
    nothing_is_found(&cases(first, &[ADDITIVE, REPLICATED], 2), 12, 32, 48);
}

#[test]
#[ignore = "long: opt-in, see the head of this file"]
fn every_protocol_of_the_registry_shows_nothing_to_any_promised_coalition() {
    let specs = [
        ADDITIVE,
        REPLICATED,
        SchemeSpec { truncation: Truncation::Local, comparison: Comparison::Spk, ..ADDITIVE },
        SchemeSpec { truncation: Truncation::Local, ..REPLICATED },
    ];
    nothing_is_found(&cases(Registry::built_in().iter().map(AsRef::as_ref), &specs, 4), 64, 192, 128);
}
