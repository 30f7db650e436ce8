//! A small autoencoder of images, privately, from image to image: under every suite that comes with viewless, and so under both schemes.

use std::collections::BTreeMap;
use viewless_models::dcvae;
use viewless_proofs::privacy::exhaustive::{self, Exhaustive};
use viewless_proofs::privacy::{Coalition, Verdict, promised_coalitions, prove};
use viewless_protocols::circuit::{CheckedCircuit, Kind, Node, NodeId, Op};
use viewless_protocols::fixed::{FixedPoint, power_of_two};
use viewless_protocols::model::dcvae::{Choices, DcVaeConfig, IMAGE, OUTPUT, Task, circuit};
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{Program, ProgramBuilder, Schedule, Shortened, bill};
use viewless_protocols::ring::Domain;
use viewless_protocols::scheme::{self, Truncation};
use viewless_protocols::shape::Move;
use viewless_protocols::suite::Suite;
use viewless_protocols::windows::Windows;
use viewless_simulator::execute::{Options, execute, execute_fast};
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

/// Follows a run from its numbers at each node: how many were rounded, or where one is none that its law gives.
fn follow(
    circuit: &CheckedCircuit,
    suite: &Suite,
    inputs: &BTreeMap<String, Vec<f64>>,
    run: &BTreeMap<usize, Vec<f64>>,
) -> Result<usize, String> {
    let mut rounded = Ok(0);
    let settle = |id: NodeId, exact: Vec<f64>| {
        let Some(found) = run.get(&id.index()) else { return exact };
        let node = &circuit.nodes()[id.index()];
        // What rounds gives a neighbour; everything else is exact.
        let most = match node.op {
            Op::MatMul(..) | Op::Precision(_) => {
                power_of_two(-i32::from(suite.fixed().fraction_bits()) - i32::from(node.guard_bits))
            }
            _ => 0.0,
        };
        for (found, exact) in found.iter().zip(&exact).filter(|(found, exact)| found != exact) {
            let wrong = || format!("{} {:?}: {found} for {exact}", circuit.regions().path(node.region), node.op);
            rounded =
                rounded.clone().and_then(|sum| if (found - exact).abs() <= most { Ok(sum + 1) } else { Err(wrong()) });
        }
        found.clone()
    };
    circuit.evaluate_settled(|_, name| inputs.get(name).cloned(), settle).unwrap();
    rounded
}

/// Every number inside of a run is within a unit of what its step makes of the run's own numbers before it, and equal to it where nothing is rounded: the
/// law of each operation, followed from the image to its reconstruction. Bytes moved are bytes counted.
#[test]
fn a_private_reconstruction_follows_the_law_step_by_step_under_every_suite() {
    for (number, name) in Suite::names().enumerate() {
        let suite = Suite::built_in(name).unwrap();
        for rewrite in [false, true] {
            let circuit = micro(Task::Reconstruct, rewrite);
            let program = scheme::compile(&circuit, &suite.scheme, suite.fixed()).unwrap();
            let inputs = inputs(suite.fixed());
            let seed = Seed::from_u64(5 + number as u64);
            let run = execute(&program, &inputs, Options::new(seed.clone())).unwrap();
            assert_eq!(run.findings.wraps, 0, "{name}");
            let counted = bill(&program, Schedule::Asap, viewless_protocols::model::BY_FUNCTION);
            assert_eq!(counted.phases.values().map(|phase| phase.bytes_total).sum::<u64>(), run.bytes_moved);

            let reals = circuit.nodes().iter().enumerate().filter(|(_, node)| is_followed(node));
            let named: Vec<(NodeId, String)> = reals.map(|(i, _)| (NodeId::at(i), i.to_string())).collect();
            let shown = circuit.revealing(&named).unwrap();
            let program = scheme::compile(&shown, &suite.scheme, suite.fixed()).unwrap();
            let followed = execute(&program, &inputs, Options::new(seed)).unwrap();
            assert_eq!(followed.output(OUTPUT).unwrap().values, run.output(OUTPUT).unwrap().values, "{name}");
            let values = |(id, name): &(NodeId, String)| (id.index(), followed.output(name).unwrap().values.clone());
            let mut numbers: BTreeMap<usize, Vec<f64>> = named.iter().map(values).collect();
            let rounded = follow(&circuit, &suite, &inputs, &numbers).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
            assert!(rounded > 1000, "{name}: {rounded}");
            // A number two units off is seen, whatever its node.
            let node = *numbers.keys().nth(17 + number).unwrap();
            let two = power_of_two(1 - i32::from(suite.fixed().fraction_bits()));
            numbers.get_mut(&node).unwrap()[0] += two;
            assert!(follow(&circuit, &suite, &inputs, &numbers).is_err(), "{name}: {node}");
        }
    }
}

/// Whether a node's numbers are looked at.
fn is_followed(node: &Node) -> bool {
    node.kind == Kind::Real && !matches!(node.op, Op::Input { .. } | Op::Reveal(..) | Op::Constant(_))
}

/// The law of a local truncation: an element wraps with probability |word| / 2^64. Gives the sum over all elements of an image.
fn expected_wraps(circuit: &CheckedCircuit, fixed: FixedPoint, inputs: &BTreeMap<String, Vec<f64>>) -> f64 {
    let mut sum = 0.0;
    let nodes = circuit.nodes();
    let settle = |id: NodeId, value: Vec<f64>| {
        let guard_bits = |id: NodeId| i32::from(nodes[id.index()].guard_bits);
        let before = match nodes[id.index()].op {
            Op::MatMul(a, b) => Some(2 * i32::from(fixed.fraction_bits()) + guard_bits(a) + guard_bits(b)),
            Op::Precision(a) if guard_bits(id) < guard_bits(a) => {
                Some(i32::from(fixed.fraction_bits()) + guard_bits(a))
            }
            _ => None,
        };
        if let Some(bits) = before {
            sum += value.iter().map(|x| x.abs()).sum::<f64>() * power_of_two(bits - 64);
        }
        value
    };
    circuit.evaluate_settled(|_, name| inputs.get(name).cloned(), settle).unwrap();
    sum
}

/// With 24 fraction bits one image in a few is corrupted, so that the law is seen in a few runs: the number of corrupted ones is a sum of independent
/// events, and lies within five standard deviations of what is expected. With exact truncation there are none.
#[test]
fn images_are_corrupted_by_local_truncation_as_often_as_its_law_says_and_by_an_exact_one_never() {
    const IMAGES: u64 = 256;
    let suite = Suite::built_in("crypten").unwrap().with_fraction_bits(24).unwrap();
    assert_eq!(suite.scheme.truncation, Truncation::Local);
    let circuit = micro(Task::Reconstruct, true);
    let compiled =
        |suite: &Suite| Shortened::new(&scheme::compile(&circuit, &suite.scheme, suite.fixed()).unwrap(), true);
    let (local, exact) = (compiled(&suite), compiled(&Suite::built_in("faithful").unwrap()));
    let (mut corrupted, mut expected, mut variance) = (0.0, 0.0, 0.0);
    for image in 0..IMAGES {
        let mut inputs = inputs(suite.fixed());
        let name = format!("x{image}");
        inputs.insert(IMAGE.to_owned(), dcvae::input(&name, &[1, 1, 8, 8]).iter().copied().collect());
        let run = |program| execute_fast(program, &inputs, Options::new(Seed::from_u64(image))).unwrap();
        corrupted += f64::from(u8::from(run(&local).findings.wraps > 0));
        let probability = -(-expected_wraps(&circuit, suite.fixed(), &inputs)).exp_m1();
        expected += probability;
        variance += probability * (1.0 - probability);
        if image < 8 {
            let exact = run(&exact).findings;
            assert_eq!((exact.wraps, exact.local_truncations, exact.wrap_probability()), (0, 0, 0.0));
        }
    }
    println!("{corrupted} of {IMAGES} images corrupted, {expected:.1} expected");
    assert!((corrupted - expected).abs() <= 5.0 * f64::sqrt(variance), "{corrupted} {expected} {variance}");
    assert!(corrupted > 0.0 && expected > 10.0);
}

#[test]
fn every_promised_coalition_sees_nothing_of_encoder_and_decoder() {
    for name in Suite::names() {
        let suite = Suite::built_in(name).unwrap();
        for task in [Task::Encode, Task::Decode, Task::Sample] {
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
