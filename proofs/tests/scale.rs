//! Large Programs. Timings are printed, and asserted of one search only: run with `--release -- --ignored --nocapture` for numbers that count.

use std::time::Instant;
use viewless_proofs::privacy::certificate::Simulator;
use viewless_proofs::privacy::{self, Coalition, Verdict, check};
use viewless_protocols::circuit::{Circuit, Owner};
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::model::{self, Query};
use viewless_protocols::nonlinear::{Protocol, Registry};
use viewless_protocols::party::Party;
use viewless_protocols::program::Program;
use viewless_protocols::scheme::{
    self, Comparison, SchemeSpec, Sharing, Triples, Truncation, Weights, WeightsAmongThree,
};
use viewless_protocols::suite::Suite;

const PUBLISHED: SchemeSpec = SchemeSpec {
    sharing: Sharing::Additive2(Triples::Fresh, Weights::Shared),
    truncation: Truncation::Local,
    comparison: Comparison::Spk,
};

const REPLICATED: SchemeSpec =
    SchemeSpec { sharing: Sharing::Replicated3(WeightsAmongThree::Shared), comparison: Comparison::Carry, ..PUBLISHED };

fn prove_all(name: &str, program: &Program) {
    let started = Instant::now();
    let reports = privacy::prove_each(program, &privacy::promised_coalitions(program));
    println!(
        "{name}: {} values, {} coalitions proved in {:.0?}",
        program.values.len(),
        reports.len(),
        started.elapsed()
    );
    for report in reports {
        let coalition = report.coalition;
        let Verdict::Proved { statistical_distance, .. } = report.verdict else {
            panic!("{name}, {coalition}: {:#?}", report.verdict);
        };
        assert_eq!(statistical_distance, 0.0);
        let certificate = report.certificate.expect("a proof has a certificate");
        let started = Instant::now();
        let checked =
            check::check(program, &certificate).unwrap_or_else(|error| panic!("{name}, {coalition}: {error}"));
        println!(
            "{name}, {coalition}: {} messages ({} contents), certificate checked in {:.0?}",
            report.messages,
            checked.messages,
            started.elapsed()
        );
    }
}

fn chain(length: usize, spec: &SchemeSpec) -> Program {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [1]);
    let mut y = x;
    for _ in 0..length {
        y = c.mul(y, x);
    }
    c.reveal(y, "y");
    scheme::compile(&c.finish().unwrap(), spec, FixedPoint::of::<16>()).unwrap()
}

#[test]
fn a_chain_of_a_thousand_products_is_proved() {
    for spec in [PUBLISHED, REPLICATED] {
        prove_all("chain of 1000", &chain(1000, &spec));
    }
}

#[test]
#[ignore = "large; for timings"]
fn a_chain_of_64000_products_is_proved() {
    prove_all("chain of 64000", &chain(64_000, &PUBLISHED));
}

fn known(name: &str, suite: &str, query: Query) -> Program {
    let suite = Suite::built_in(suite).unwrap();
    let config = model::known(name).unwrap();
    let circuit = model::circuit(&config, &suite.model(Registry::built_in()).unwrap(), query).unwrap();
    scheme::compile(&circuit, &suite.scheme, suite.fixed()).unwrap()
}

#[test]
fn every_known_model_is_proved() {
    for suite in Suite::names() {
        prove_all(&format!("bert-base, {suite}"), &known("bert-base", suite, Query { tokens: 16, batch: 1 }));
    }
    for name in model::KNOWN {
        let tokens = model::known(name).unwrap().image_tokens().unwrap_or(16);
        prove_all(&format!("{name}, faithful"), &known(name, "faithful", Query { tokens, batch: 1 }));
    }
}

#[test]
fn bert_is_proved_on_replicated_shares() {
    let suite = Suite::built_in("faithful").unwrap();
    let circuit = model::circuit(
        &model::known("bert-base").unwrap(),
        &suite.model(Registry::built_in()).unwrap(),
        Query { tokens: 16, batch: 1 },
    );
    for truncation in [Truncation::Local, Truncation::Exact] {
        let spec = SchemeSpec { truncation, ..REPLICATED };
        let program = scheme::compile(circuit.as_ref().unwrap(), &spec, suite.fixed()).unwrap();
        prove_all(&format!("bert-base, replicated3, {truncation:?}"), &program);
    }
}

#[test]
#[ignore = "large; for timings"]
fn large_models_are_proved_under_every_suite() {
    for name in model::KNOWN {
        let tokens = model::known(name).unwrap().image_tokens().unwrap_or(512);
        for suite in Suite::names() {
            prove_all(&format!("{name}, {suite}"), &known(name, suite, Query { tokens, batch: 1 }));
        }
    }
}

#[test]
fn every_protocol_of_the_registry_is_proved() {
    let exact = |spec| SchemeSpec { truncation: Truncation::Exact, ..spec };
    let schemes = [
        PUBLISHED,
        exact(SchemeSpec { comparison: Comparison::Carry, ..PUBLISHED }),
        REPLICATED,
        exact(SchemeSpec { comparison: Comparison::Spk, ..REPLICATED }),
    ];
    for protocol in Registry::built_in() {
        for spec in schemes {
            let program = protocol_program(protocol, &spec);
            for coalition in privacy::promised_coalitions(&program) {
                let report = privacy::prove(&program, coalition);
                assert!(report.certificate.is_some(), "{}, {coalition}: {:#?}", protocol.card.name, report.verdict);
            }
        }
    }
}

/// Looking for more than is proved takes no longer than it may count: looked for without end, it took minutes for each of these.
#[test]
fn witnesses_beyond_a_proof_are_sought_for_seconds() {
    let spec = SchemeSpec { comparison: Comparison::Carry, truncation: Truncation::Exact, ..PUBLISHED };
    for (name, members) in [("gelu/puma", &[Party::Client][..]), ("gelu/sigma", &[Party::P0, Party::Client])] {
        let program = protocol_program(Registry::built_in().get(name).unwrap(), &spec);
        let coalition = Coalition::of(&program, members).unwrap();
        for claim in [Simulator::JointlyWithOutputs, Simulator::DrawsOwnSamples, Simulator::GivenOwnSamples] {
            let started = Instant::now();
            let found = privacy::refute_quickly(&program, coalition, claim).is_some();
            let seconds = started.elapsed().as_secs_f64();
            println!("{name}, {coalition}, {claim:?}: witness {found}, {seconds:.2} s");
            // A second on a machine that does nothing else.
            assert!(seconds < 30.0, "{name}, {coalition}, {claim:?}: {seconds:.1} s");
        }
    }
}

/// A protocol of the registry applied to two rows of four.
fn protocol_program(protocol: &Protocol, spec: &SchemeSpec) -> Program {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [2, 4]);
    let y = protocol.build_alone(&mut c, x, 1e-5);
    c.reveal(y, "y");
    scheme::compile(&c.finish().unwrap(), spec, FixedPoint::of::<16>()).unwrap()
}
