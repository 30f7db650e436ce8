//! A small autoencoder of images, privately, from image to image: under every suite that comes with viewless, and so under both schemes.

use std::collections::BTreeMap;
use viewless_models::dcvae;
use viewless_proofs::bound::{Arithmetic, Interpreter, Tape};
use viewless_proofs::privacy::exhaustive::{self, Exhaustive};
use viewless_proofs::privacy::{Coalition, Verdict, promised_coalitions, prove};
use viewless_protocols::circuit::{CheckedCircuit, Owner};
use viewless_protocols::fixed::{FixedPoint, power_of_two};
use viewless_protocols::model::dcvae::{Choices, DcVaeConfig, IMAGE, OUTPUT, Task, circuit};
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{Program, ProgramBuilder, Schedule, bill};
use viewless_protocols::ring::Domain;
use viewless_protocols::scheme;
use viewless_protocols::shape::Move;
use viewless_protocols::suite::Suite;
use viewless_protocols::windows::Windows;
use viewless_simulator::execute::{Options, execute};
use viewless_simulator::stream::Seed;

fn micro(task: Task, rewrite: bool) -> CheckedCircuit {
    let config = DcVaeConfig::known("dc-vae-8").unwrap();
    let relu = Registry::built_in().get("relu/compare").unwrap();
    circuit(&config, task, 1, &Choices { relu, tanh: None, exp: None, rewrite }).unwrap()
}

/// Image and weights, each number one of the fixed point's: what is private and what is not compute with the same model.
fn inputs(fixed: FixedPoint) -> BTreeMap<String, Vec<f64>> {
    let config = DcVaeConfig::known("dc-vae-8").unwrap();
    let unit = power_of_two(i32::from(fixed.fraction_bits()));
    let mut all = dcvae::folded(&dcvae::weights(&config)).unwrap();
    all.insert(IMAGE.to_owned(), dcvae::input("x", &[1, 1, 8, 8]));
    let rounded = |x: &f64| (x * unit).round() / unit;
    all.into_iter().map(|(name, x)| (name, x.iter().map(rounded).collect())).collect()
}

fn plain(circuit: &CheckedCircuit, inputs: &BTreeMap<String, Vec<f64>>) -> Vec<f64> {
    circuit.evaluate(|_: Owner, name| inputs.get(name).cloned()).unwrap().outputs.remove(0).2
}

/// Every run lies between the certified ends, which are theorems about all runs that do not wrap; bytes moved are bytes counted.
#[test]
#[ignore = "it was not run to its end yet: every suite and both orders of layers take longer than a minute"]
fn a_private_reconstruction_is_the_plaintext_one_under_every_suite() {
    for name in Suite::names() {
        let suite = Suite::built_in(name).unwrap();
        for rewrite in [false, true] {
            let circuit = micro(Task::Reconstruct, rewrite);
            let program = scheme::compile(&circuit, &suite.scheme, suite.fixed()).unwrap();
            let inputs = inputs(suite.fixed());
            let run = execute(&program, &inputs, Options::new(Seed::from_u64(5))).unwrap();
            assert_eq!(run.findings.wraps, 0, "{name}");
            let found = &run.output(OUTPUT).unwrap().values;
            let tape = Tape::new(&circuit, suite.fixed()).unwrap();
            let unit = power_of_two(i32::from(suite.fixed().fraction_bits()));
            let points: Vec<(f64, f64)> =
                tape.inputs.iter().flat_map(|input| inputs[&input.name].iter().map(|x| (x * unit, x * unit))).collect();
            let interpreter = Interpreter::new(tape, Arithmetic::Ring(suite.scheme.truncation)).unwrap();
            let ends = interpreter.intervals(&points).expect("no number leaves the headroom");
            let exact = plain(&circuit, &inputs);
            let (mut error, mut width) = (0.0_f64, 0.0_f64);
            for ((found, exact), ends) in found.iter().zip(&exact).zip(&ends) {
                assert!((ends.low..=ends.high).contains(found), "{name}: {found} is not in {ends:?}");
                (error, width) = (error.max((found - exact).abs()), width.max(ends.high - ends.low));
            }
            let counted = bill(&program, Schedule::Asap, viewless_protocols::model::BY_FUNCTION);
            println!("{name} rewrite {rewrite}: error {error:.2e}, certified {width:.2e}, {} bytes", run.bytes_moved);
            assert_eq!(counted.phases.values().map(|phase| phase.bytes_total).sum::<u64>(), run.bytes_moved);
        }
    }
}

#[test]
fn every_promised_coalition_sees_nothing_of_encoder_and_decoder() {
    for name in ["faithful", "puma"] {
        let Ok(suite) = Suite::built_in(name) else { panic!("{name}") };
        for task in [Task::Encode, Task::Decode] {
            let program = scheme::compile(&micro(task, true), &suite.scheme, suite.fixed()).unwrap();
            for coalition in promised_coalitions(&program) {
                let verdict = prove(&program, coalition).verdict;
                assert!(matches!(verdict, Verdict::Proved { .. }), "{name} {task:?} {coalition}: {verdict:?}");
            }
        }
    }
}

/// P0 sends P1 the windows of what it holds, each behind a mask: fresh words for every window, or the words of one window for all.
fn masked_windows(bits: u8, length: usize, repeated: bool) -> Program {
    let parties = PartySet::of(&[Party::P0, Party::P1, Party::Dealer, Party::Client, Party::ModelOwner]);
    let mut p = ProgramBuilder::new(parties, Party::ModelOwner);
    let x = p.input(Party::Client, "x", 0, Domain::Ring(bits), [length].into());
    let x = p.send(x, Party::P0);
    let windows = Windows { axis: 0, start: 0, lengths: [length - 1, 2], steps: [1, 1] };
    let spread = p.moved(x, Move::Windows(windows));
    let rows = if repeated { 1 } else { length - 1 };
    let mask = p.sample(PartySet::of(&[Party::P0, Party::Dealer]), Domain::Ring(bits), [rows, 2].into());
    let masked = p.add(spread, mask);
    p.send(masked, Party::P1);
    p.finish().unwrap()
}

#[test]
fn windows_masked_with_repeated_words_are_refuted_and_with_fresh_ones_proved() {
    for (repeated, bits, length) in [(true, 64, 16), (false, 64, 16)] {
        let program = masked_windows(bits, length, repeated);
        let p1 = Coalition::of(&program, &[Party::P1]).unwrap();
        assert_eq!(matches!(prove(&program, p1).verdict, Verdict::Proved { .. }), !repeated);
        let tiny = masked_windows(2, 3, repeated);
        let p1 = Coalition::of(&tiny, &[Party::P1]).unwrap();
        let counted = exhaustive::count(&tiny, p1).unwrap();
        assert_eq!(matches!(counted, Exhaustive::Leak(_)), repeated, "{counted:?}");
    }
}

/// A mask that is itself spread into windows is no mask of them: one word covers several elements.
#[test]
fn a_mask_that_is_spread_into_windows_is_refuted() {
    let build = |bits: u8, spread: bool| {
        let parties = PartySet::of(&[Party::P0, Party::P1, Party::Dealer, Party::Client, Party::ModelOwner]);
        let mut p = ProgramBuilder::new(parties, Party::ModelOwner);
        let x = p.input(Party::Client, "x", 0, Domain::Ring(bits), [2, 2].into());
        let x = p.send(x, Party::P0);
        let length = if spread { 1 } else { 4 };
        let mask = p.sample(PartySet::of(&[Party::P0, Party::Dealer]), Domain::Ring(bits), [length].into());
        // Taps one apart from each of two places in a single element: three of the four are zero.
        let windows = Windows { axis: 0, start: 0, lengths: [2, 2], steps: [1, 1] };
        let mask =
            if spread { p.moved(mask, Move::Windows(windows)) } else { p.moved(mask, Move::Reshape([2, 2].into())) };
        let masked = p.add(x, mask);
        p.send(masked, Party::P1);
        p.finish().unwrap()
    };
    for spread in [true, false] {
        let (program, tiny) = (build(64, spread), build(2, spread));
        let p1 = |program: &Program| Coalition::of(program, &[Party::P1]).unwrap();
        assert_eq!(matches!(prove(&program, p1(&program)).verdict, Verdict::Proved { .. }), !spread);
        let counted = exhaustive::count(&tiny, p1(&tiny)).unwrap();
        assert_eq!(matches!(counted, Exhaustive::Leak(_)), spread, "{counted:?}");
    }
}
