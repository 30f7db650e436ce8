//! Circuits and the same circuits as programs in Python: random ones, every protocol, every architecture; and broken programs are noticed.

use ndarray::Array3;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngSeed, TestRunner};
use rayon::prelude::*;
use viewless_models::{Model, Prompt, dcvae};
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Op, Owner};
use viewless_protocols::model::dcvae::{Choices, DcVaeConfig, IMAGE, Task};
use viewless_protocols::model::transformer::{ONE_HOT, PATCHES};
use viewless_protocols::model::{self, Input, Query};
use viewless_protocols::nonlinear::{ARGUMENT, Protocol, Registry};
use viewless_protocols::scheme::SchemeSpec;
use viewless_protocols::suite::Suite;
use viewless_tests::every_scheme;
use viewless_tests::python::{Answer, Inputs, OPERATIONS, agrees, holds, program, program_with, run};
use viewless_tests::random_circuit::{property, recipes};
use viewless_tests::small_models::{every_model, small};

const SEED: u64 = 20_261_129;
const CASES: usize = 300;

/// A circuit, the numbers that it is given, and how it is run privately.
struct Case {
    circuit: CheckedCircuit,
    inputs: Inputs,
    spec: SchemeSpec,
    seed: u64,
}

/// The same in every run.
fn random(count: usize, seed: u64) -> Vec<Case> {
    let config = ProptestConfig { rng_seed: RngSeed::Fixed(seed), ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    let drawn = (recipes(40), prop::sample::select(every_scheme()), any::<u64>());
    let case = |_| {
        let (recipe, spec, seed) = drawn.new_tree(&mut runner).unwrap().current();
        let circuit = recipe.build(spec.truncation);
        Case { inputs: property::inputs(&recipe, &circuit), circuit, spec, seed }
    };
    (0..count).map(case).collect()
}

fn asked(program: &str, cases: &[(&CheckedCircuit, &Inputs)]) -> Vec<Answer> {
    run(program, cases).unwrap_or_else(|why| panic!("{why}"))
}

/// What Python says of random circuits is what the interpreter and private runs say.
fn random_circuits_agree(count: usize, seed: u64) {
    let cases = random(count, seed);
    let answers = asked(&program(cases.iter().map(|case| &case.circuit)), &pairs(&cases));
    let looked_at: Vec<(usize, usize, f64)> = cases
        .par_iter()
        .zip(&answers)
        .enumerate()
        .map(|(number, (Case { circuit, inputs, spec, seed }, answer))| {
            let fail = |why: String| panic!("circuit {number}: {why}\n{spec:?}\n{}", **circuit);
            let nodes = agrees(circuit, inputs, answer).unwrap_or_else(fail);
            let (outputs, worst) = holds(circuit, spec, inputs, *seed, answer).unwrap_or_else(|why| {
                panic!("circuit {number}: {why}\n{spec:?}\n{}", **circuit);
            });
            (nodes, outputs, worst)
        })
        .collect();
    let sum = |part: fn(&(usize, usize, f64)) -> usize| looked_at.iter().map(part).sum::<usize>();
    let worst = looked_at.iter().map(|(.., worst)| *worst).fold(0.0, f64::max);
    let (nodes, outputs) = (sum(|(nodes, ..)| *nodes), sum(|(_, outputs, _)| *outputs));
    println!(
        "{count} circuits: {nodes} elements of nodes alike, {outputs} of outputs within bounds, worst {worst:.3} of one"
    );
    assert!(nodes > 100 * count && outputs > 10 * count, "{nodes} {outputs}");
    // The canary of the bound: it is not so wide that nothing could be wrong.
    assert!(worst > 0.5, "no error came near its bound: {worst}");
}

fn pairs(cases: &[Case]) -> Vec<(&CheckedCircuit, &Inputs)> {
    cases.iter().map(|case| (&case.circuit, &case.inputs)).collect()
}

#[test]
fn random_circuits_are_in_python_what_they_are_here_and_within_bounds_of_private_runs() {
    random_circuits_agree(CASES, SEED);
}

/// As many times more as VIEWLESS_SAMPLES says, by the seed VIEWLESS_SEED.
#[test]
#[ignore = "minutes; run it after a change of what an operation means, and before a release"]
fn many_random_circuits_are_in_python_what_they_are_here() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(otherwise)
    };
    let (times, seed) = (number("VIEWLESS_SAMPLES", 20), number("VIEWLESS_SEED", SEED + 1));
    // A program at a time, so that memory does not grow with their number.
    (0..times).for_each(|time| random_circuits_agree(CASES, seed + time));
}

/// Two rows of eight, from the interval of the card as far as it speaks of the argument and within [-6, 6].
fn alone(protocol: &Protocol) -> (CheckedCircuit, Inputs) {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [2, 8]);
    let y = protocol.build_alone(&mut c, x, 1e-5);
    c.reveal(y, "y");
    let interval = protocol.card.interval.at(8);
    let (low, high) = match interval.of == ARGUMENT {
        true => (interval.low.max(-6.0), interval.high.min(6.0)),
        false => (-6.0, 6.0),
    };
    let number = |i: usize| low + (high - low) * (((i * 7919 + 13) % 101) as f64 / 101.0);
    let inputs = [("x", 16), ("gamma", 8), ("beta", 8)].map(|(name, count)| {
        let shift = name.len();
        (name.to_owned(), (0..count).map(|i| number(i + shift)).collect())
    });
    (c.finish().unwrap(), inputs.into())
}

#[test]
fn every_protocol_of_the_registry_is_in_python_what_it_is_here() {
    let cases: Vec<(&Protocol, (CheckedCircuit, Inputs))> =
        Registry::built_in().iter().map(|protocol| (&**protocol, alone(protocol))).collect();
    let pairs: Vec<_> = cases.iter().map(|(_, (circuit, inputs))| (circuit, inputs)).collect();
    let answers = asked(&program(pairs.iter().map(|(circuit, _)| *circuit)), &pairs);
    let mut compared = 0;
    for ((protocol, (circuit, inputs)), answer) in cases.iter().zip(&answers) {
        compared += agrees(circuit, inputs, answer).unwrap_or_else(|why| panic!("{}: {why}", protocol.card.name));
    }
    println!("{} protocols, {compared} elements of nodes alike", cases.len());
    // No random circuit opens an argument as a whole word.
    let operations = OPERATIONS.replace("x = x % modulus", "x = math.fmod(x, modulus)");
    let broken = asked(&program_with(&operations, pairs.iter().map(|(circuit, _)| *circuit)), &pairs);
    let noticed =
        pairs.iter().zip(&broken).filter_map(|((circuit, inputs), answer)| agrees(circuit, inputs, answer).err());
    let noticed: Vec<String> = noticed.collect();
    assert!(!noticed.is_empty() && noticed.iter().all(|why| why.contains("Remainder")), "{noticed:?}");
    assert!(compared > 16 * cases.len());
}

/// The largest difference of an output, computed at once here and in Python, as a part of the largest output: what single nodes lose adds up.
fn apart(circuit: &CheckedCircuit, inputs: &Inputs, answer: &Answer) -> f64 {
    let plain = circuit.evaluate(|_, name| inputs.get(name).cloned()).unwrap();
    let outputs = plain.outputs.iter().flat_map(|(name, _, ours)| ours.iter().zip(&answer.outputs[name].1));
    let (most, largest) = outputs.fold((0.0_f64, 0.0_f64), |(most, largest), (ours, found)| {
        (most.max((ours - found).abs()), largest.max(ours.abs()))
    });
    if most == 0.0 { 0.0 } else { most / largest }
}

/// The inputs of a model's circuit for a question.
fn asked_about(model: &Model, prompt: Prompt<'_>, circuit: &CheckedCircuit) -> Inputs {
    let values = |name: &str| -> Vec<f64> {
        let values: Vec<f32> = match (name, prompt) {
            (ONE_HOT, Prompt::Tokens(tokens)) => {
                tokens.iter().flat_map(|&token| (0..11).map(move |word| f32::from(u8::from(word == token)))).collect()
            }
            (PATCHES, prompt) => prompt.patches(&model.config).unwrap().into_iter().collect(),
            (name, _) => model.weights.get(name).unwrap().iter().copied().collect(),
        };
        values.into_iter().map(f64::from).collect()
    };
    let name = |op: &Op| if let Op::Input { name, .. } = op { Some(name.clone()) } else { None };
    circuit.nodes().iter().filter_map(|node| name(&node.op)).map(|name| (name.clone(), values(&name))).collect()
}

/// Under three suites that have little in common: protocols of ours with comparisons and with none, and a published one.
#[test]
fn every_architecture_is_in_python_what_it_is_here() {
    let pixels = Array3::from_shape_fn((3, 4, 4), |(c, y, x)| (((7 * c + 3 * y + 5 * x) % 16) as f32 - 8.0) / 8.0);
    let mut cases = Vec::new();
    for name in ["faithful", "frontier", "mpcformer"] {
        let protocols = Suite::built_in(name).unwrap().model(Registry::built_in()).unwrap();
        for model in every_model() {
            let prompt = match model.config.input {
                Input::Text { .. } => Prompt::Tokens(&[4, 9, 1]),
                Input::Image { .. } => Prompt::Image(pixels.view()),
            };
            let query = Query { tokens: prompt.tokens(&model.config), batch: 1 };
            let circuit = model::circuit(&model.config, &protocols, query);
            let title = format!("{} {:?} under {name}", model.config.architecture, model.config.head);
            let circuit = circuit.unwrap_or_else(|why| panic!("{title}: {why}"));
            let inputs = asked_about(&model, prompt, &circuit);
            cases.push((title, circuit, inputs));
        }
    }
    let config = DcVaeConfig::known("dc-vae-8").unwrap();
    let relu = Registry::built_in().get("relu/compare").unwrap();
    for (task, rewrite) in [(Task::Reconstruct, true), (Task::Reconstruct, false)] {
        let choices = Choices { relu, tanh: None, exp: None, rewrite };
        let circuit = model::dcvae::circuit(&config, task, 1, &choices).unwrap();
        let mut inputs = dcvae::folded(&dcvae::weights(&config)).unwrap();
        inputs.insert(IMAGE.to_owned(), dcvae::input("x", &[1, 1, 8, 8]));
        cases.push((
            format!("dc-vae-8, rewritten: {rewrite}"),
            circuit,
            inputs.into_iter().map(|(name, x)| (name, x.iter().copied().collect())).collect(),
        ));
    }
    let pairs: Vec<_> = cases.iter().map(|(_, circuit, inputs)| (circuit, inputs)).collect();
    let answers = asked(&program(pairs.iter().map(|(circuit, _)| *circuit)), &pairs);
    let (mut compared, mut worst) = (0, 0.0_f64);
    for ((title, circuit, inputs), answer) in cases.iter().zip(&answers) {
        compared += agrees(circuit, inputs, answer).unwrap_or_else(|why| panic!("{title}: {why}"));
        worst = worst.max(apart(circuit, inputs, answer));
    }
    println!("{} models, {compared} elements of nodes alike, outputs {worst:e} apart", cases.len());
    assert!(cases.len() > 3 * 30 && compared > 1000 * cases.len(), "{} {compared}", cases.len());
}

/// What is planted in the operations, what stands there, and the operation at which it is to be noticed.
const PLANTED: [(&str, &str, &str, &str); 31] = [
    ("a difference the other way round", "lambda x, y: x - y, x, y", "lambda x, y: y - x, x, y", "Sub"),
    ("a negation that is none", "lambda x: -x, x", "lambda x: x, x", "Neg"),
    ("a factor that is divided by", "factor * x", "x / factor if factor else 0.0", "Scale"),
    ("a summand that is taken away", "summand + x", "x - summand", "Offset"),
    ("a shift to the other side", "math.ldexp(x, exponent)", "math.ldexp(x, -exponent)", "Shift"),
    ("a precision that rounds", "    return x\n\n\ndef mul", "    return each(round, x)\n\n\ndef mul", "Precision"),
    ("a square of a size", "lambda x: x * x, x", "lambda x: abs(x), x", "Square"),
    ("a product of sizes", "lambda x, y: x * y, x, y", "lambda x, y: abs(x * y), x, y", "Mul"),
    ("a row from its end", "zip(row, column, strict", "zip(row[::-1], column, strict", "MatMul"),
    ("one matrix of a batch for all", "else other) for part", "else y[0]) for part", "MatMul"),
    (
        "a sum that leaves out the last",
        "for part in rest:\n            first",
        "for part in rest[:-1]:\n            first",
        "Sum",
    ),
    ("a sum over the first axis always", "return along(axis, summed, x)", "return summed(x)", "Sum"),
    (
        "a transpose by the inverse order",
        "of_argument = dict(zip(order, index))",
        "of_argument = dict(zip(range(9), [index[a] for a in order]))",
        "Transpose",
    ),
    ("a slice that begins at 0", "parts[start : start + length]", "parts[:length]", "Slice"),
    ("windows whose steps are one another's", "i * steps[0] + j * steps[1]", "i * steps[1] + j * steps[0]", "Windows"),
    ("windows that wrap around", "parts[at] if 0 <= at < len(parts) else zero", "parts[at % len(parts)]", "Windows"),
    ("parts joined in reverse", "for part in parts for row", "for part in reversed(parts) for row", "Concat"),
    ("less or equal", "1 if x < y else 0", "1 if x <= y else 0", "Less"),
    ("at most a bound", "1 if x < bound else 0", "1 if x <= bound else 0", "LessThan"),
    ("unlike for alike", "1 if x == y else 0", "1 if x != y else 0", "Equal"),
    ("either for both", "a & b", "a | b", "And"),
    ("an opposite that is none", "lambda a: 1 - a", "lambda a: a", "Not"),
    (
        "a sum over the axis counted from the end",
        "along(axis, summed, x)",
        "along(len(shape(x)) - 1 - axis, summed, x)",
        "Sum",
    ),
    (
        "parts joined along the first axis",
        "    if axis == 0:\n        return [row",
        "    if True:\n        return [row",
        "Concat",
    ),
    ("or for exclusive or", "a ^ b", "a | b", "Xor"),
    ("a selection by the opposite", "x if bit else 0.0", "0.0 if bit else x", "Select"),
    ("a period twice as long", "2 * math.pi * x / period", "math.pi * x / period", "Fourier"),
    ("waves from k = 0", "enumerate(cosines, 1)", "enumerate(cosines, 0)", "Fourier"),
    ("an index that is rounded", "math.floor(math.ldexp(x, index", "round(math.ldexp(x, index", "Lookup"),
    ("a power that is not cut off", "2.0**x if x <= 0 else 0.0", "2.0**x", "Power"),
    ("a level above", "math.floor(max(row) / step)", "math.ceil(max(row) / step)", "Level"),
];

/// Each is noticed, and first at the operation that it was planted in: a node is compared from Python's own numbers before it.
#[test]
fn every_planted_error_is_noticed_at_the_operation_that_it_is_in() {
    let cases = random(CASES, SEED);
    let pairs = pairs(&cases);
    let circuits = || cases.iter().map(|case| &case.circuit);
    PLANTED.par_iter().for_each(|(what, right, wrong, at)| {
        assert_eq!(OPERATIONS.matches(right).count(), 1, "{what}: `{right}` stands there once");
        let broken = program_with(&OPERATIONS.replace(right, wrong), circuits());
        let answers = asked(&broken, &pairs);
        let told =
            cases.iter().zip(&answers).filter_map(|(case, answer)| agrees(&case.circuit, &case.inputs, answer).err());
        let told: Vec<String> = told.collect();
        println!("{what}: noticed in {} circuits", told.len());
        assert!(!told.is_empty(), "{what}: nothing was noticed");
        let elsewhere = told.iter().find(|why| !why.contains(&format!("{at}(")) && !why.contains(&format!("{at} {{")));
        assert_eq!(elsewhere, None, "{what}: noticed elsewhere than at {at}");
    });
}

/// And without the interpreter: an error that changes outputs by more than the bound is noticed beside private runs, too.
#[test]
fn planted_errors_leave_the_bounds_of_private_runs() {
    let cases = random(CASES, SEED);
    let among = ["the other way round", "by the inverse order", "one another's", "by the opposite", "twice as long"];
    let chosen = PLANTED.iter().filter(|(what, ..)| among.iter().any(|end| what.ends_with(end)));
    let mut broken_ones = 0;
    for (what, right, wrong, _) in chosen {
        broken_ones += 1;
        let broken = program_with(&OPERATIONS.replace(right, wrong), cases.iter().map(|case| &case.circuit));
        let answers = asked(&broken, &pairs(&cases));
        let noticed = cases.par_iter().zip(&answers).filter(|(Case { circuit, inputs, spec, seed }, answer)| {
            holds(circuit, spec, inputs, *seed, answer).is_err()
        });
        let noticed = noticed.count();
        println!("{what}: {noticed} circuits leave their bounds");
        assert!(noticed > 0, "{what}");
    }
    assert_eq!(broken_ones, among.len());
}

/// What a reader sees of one circuit.
#[test]
fn a_program_reads_as_its_circuit() {
    let model = small(viewless_protocols::model::Architecture::Bert, viewless_protocols::model::Head::Pooler);
    let protocols = Suite::built_in("faithful").unwrap().model(Registry::built_in()).unwrap();
    let circuit = model::circuit(&model.config, &protocols, Query { tokens: 3, batch: 1 }).unwrap();
    let text = program([&circuit]);
    let body = &text[OPERATIONS.len()..];
    let lines = body.lines().filter(|line| line.starts_with("    v.append(")).count();
    assert_eq!(lines, circuit.nodes().len());
    assert!(body.contains("# in \"layer.0/attention"), "regions are comments");
}
