//! Every mutant of every primitive loses its proof, or is shown to be as private as the original by other means.

use rayon::prelude::*;
use viewless_proofs::privacy::{Verdict, promised_coalitions, prove};
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Opening, Owner, Secret, Series, Table};
use viewless_protocols::program::Program;
use viewless_protocols::scheme::{Comparison, SchemeSpec, Sharing, Triples, Truncation, Weights};
use viewless_tests::mutation::{Class, Fate, Mutant, Tally, fate, is_private_when_shrunk, mutants};
use viewless_tests::{PUBLISHED, REPLICATED, compile, map_circuit};

const EXACT: SchemeSpec = SchemeSpec { truncation: Truncation::Exact, ..PUBLISHED };
const CARRY: SchemeSpec = SchemeSpec { comparison: Comparison::Carry, ..PUBLISHED };
const KEPT: SchemeSpec = SchemeSpec { sharing: Sharing::Additive2(Triples::FixedWeight, Weights::Shared), ..PUBLISHED };
const SERVED: SchemeSpec = PUBLISHED.served();
const REPLICATED_EXACT: SchemeSpec = SchemeSpec { truncation: Truncation::Exact, ..REPLICATED };
const REPLICATED_SPK: SchemeSpec = SchemeSpec { comparison: Comparison::Spk, ..REPLICATED };
const REPLICATED_SERVED: SchemeSpec = REPLICATED.served();

fn map(build: impl FnOnce(&mut Circuit, Secret) -> Secret) -> CheckedCircuit {
    map_circuit(&[1], build)
}

fn weighted() -> CheckedCircuit {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [1, 2]);
    let w = c.input(Owner::Model, "w", [2, 1]);
    let y = c.matmul(x, w);
    c.reveal(y, "y");
    c.finish().unwrap()
}

fn sine(period: f64) -> Series {
    Series { period, constant: 0.0, cosines: vec![], sines: vec![1.0], opening: Opening::Period, most_guard_bits: None }
}

/// The mutants of a subject: those of its region `measured`, if it has one.
fn measured(program: &Program) -> Vec<Mutant> {
    let all = mutants(program);
    let is_measured = |mutant: &Mutant| program.regions.path(program.value(mutant.at).region).starts_with("measured");
    if all.iter().any(is_measured) { all.into_iter().filter(is_measured).collect() } else { all }
}

/// Every primitive, under the choices that change it.
fn subjects() -> Vec<(&'static str, CheckedCircuit, Vec<SchemeSpec>)> {
    vec![
        ("share and reveal", map(|_, x| x), vec![PUBLISHED, REPLICATED]),
        ("product", map(|c, x| c.mul_to(x, x, 32)), vec![PUBLISHED, REPLICATED]),
        ("square", map(|c, x| c.square_to(x, 16)), vec![PUBLISHED, REPLICATED]),
        ("square, truncated", map(Circuit::square), vec![PUBLISHED, EXACT, REPLICATED, REPLICATED_EXACT]),
        ("weighted sum", weighted(), vec![PUBLISHED, KEPT, SERVED, REPLICATED, REPLICATED_SERVED]),
        (
            "comparison",
            map(|c, x| {
                let bit = c.less_than(x, 1.5);
                c.real(bit, 0)
            }),
            vec![PUBLISHED, CARRY, REPLICATED],
        ),
        (
            "selection",
            map(|c, x| {
                let bit = c.less_than(x, 1.5);
                c.region("measured", |c| c.select(bit, x))
            }),
            vec![CARRY, REPLICATED],
        ),
        (
            "bits",
            map(|c, x| {
                let a = c.less_than(x, 1.5);
                c.region("measured", |c| {
                    let b = c.not(a);
                    let (both, one) = (c.and(a, b), c.xor(a, b));
                    let (both, one) = (c.real(both, 0), c.real(one, 0));
                    c.add(both, one)
                })
            }),
            vec![PUBLISHED, CARRY, REPLICATED_SPK],
        ),
        (
            "sine of period 16",
            map(|c, x| c.fourier(x, sine(16.0))),
            vec![PUBLISHED, EXACT, REPLICATED, REPLICATED_EXACT],
        ),
        ("sine of period 20", map(|c, x| c.fourier(x, sine(20.0))), vec![PUBLISHED, REPLICATED]),
        (
            "look-up in two entries",
            map(|c, x| c.lookup(x, Table { index_fraction_bits: 0, entries: vec![1.0, -2.0] }, 0)),
            vec![PUBLISHED],
        ),
    ]
}

#[test]
fn every_mutant_that_is_not_equivalent_loses_a_proof() {
    let mut all = Tally::default();
    let mut survivors = Vec::new();
    for (name, circuit, choices) in subjects() {
        for spec in choices {
            let started = std::time::Instant::now();
            let program = compile(&circuit, &spec);
            for coalition in promised_coalitions(&program) {
                let report = prove(&program, coalition);
                assert!(matches!(report.verdict, Verdict::Proved { .. }), "{name}, {spec:?}: {:?}", report.verdict);
            }
            let mutants = measured(&program);
            let fates: Vec<Fate> = mutants.par_iter().map(|mutant| fate(&program, mutant)).collect();
            let mut tally = Tally::default();
            for (mutant, &fate) in mutants.iter().zip(&fates) {
                tally.add(mutant.class, fate);
                if fate == Fate::Survived {
                    survivors.push(format!("{name}, {spec:?}: {}: {}", mutant.class, mutant.what));
                }
            }
            println!(
                "{name}, {:?}: {} values, {} mutants, {:.1?}",
                spec,
                program.values.len(),
                mutants.len(),
                started.elapsed()
            );
            println!("{tally}\n");
            all.merge(&tally);
        }
    }
    println!("all\n{all}");
    assert!(survivors.is_empty(), "{} survivors:\n{}", survivors.len(), survivors.join("\n"));
    assert!(Class::ALL.iter().all(|&class| all.count(class, Fate::Killed) + all.count(class, Fate::Refused) > 0));
}

/// A prover that proved nothing would kill every mutant; counting says how often it was right. What it does not confirm is
/// mostly the sharing of zero before a reveal: without it the shares of an output are as a rule not uniform, but tell no more
/// than the output.
#[test]
fn counting_confirms_kills() {
    let (mut confirmed, mut unconfirmed) = (Tally::default(), Tally::default());
    for (name, circuit, choices) in subjects() {
        for spec in choices {
            let program = compile(&circuit, &spec);
            if program.values.len() > 50 {
                continue;
            }
            let killed: Vec<_> = measured(&program).into_iter().filter(|m| fate(&program, m) == Fate::Killed).collect();
            let private =
                killed.par_iter().map(|m| m.draft.clone().check().is_ok_and(|m| is_private_when_shrunk(&m, 20)));
            for (mutant, private) in killed.iter().zip(private.collect::<Vec<_>>()) {
                if private && mutant.class != Class::AddSendOutside {
                    println!("{name}: {}: {}", mutant.class, mutant.what);
                }
                (if private { &mut unconfirmed } else { &mut confirmed }).add(mutant.class, Fate::Killed);
            }
        }
    }
    for class in Class::ALL {
        let (confirmed, unconfirmed) = (confirmed.count(class, Fate::Killed), unconfirmed.count(class, Fate::Killed));
        println!("{class:<24} {confirmed:>6} kills confirmed by counting, {unconfirmed:>6} not");
        // A word that an owner is sent by itself, without the other share, often tells it nothing although it is not uniform:
        // the prover knows no rule for that, and no scheme needs one.
        assert!(class == Class::AddSendOutside || confirmed >= 2 * unconfirmed, "{class}");
    }
}
