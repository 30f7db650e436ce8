//! One seed decides everything: the same messages and outputs on any number of threads and every code path.

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use std::collections::BTreeMap;
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Opening, Owner, Series};
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::Message;
use viewless_protocols::program::{Op, Program, ProgramBuilder, ValueId};
use viewless_protocols::ring::{Domain, signed};
use viewless_protocols::scheme::{Comparison, SchemeSpec, Truncation};
use viewless_simulator::execute::{Execution, Options, execute, memory};
use viewless_simulator::kernels::CodePath;
use viewless_simulator::keys::Keyring;
use viewless_simulator::packing;
use viewless_simulator::stream::Seed;
use viewless_tests::random_circuit::{property, recipes};
use viewless_tests::{FIXED, PUBLISHED, compile, every_scheme, random_circuit};

type Numbers = BTreeMap<String, Vec<f64>>;

fn run_with(program: &Program, inputs: &Numbers, seed: u64, code_path: CodePath, threads: usize) -> Execution {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a few threads can be made");
    let run = || execute(program, inputs, Options { code_path, ..Options::new(Seed::from_u64(seed)) });
    pool.install(run).expect("the test's inputs fit")
}

/// Runs with values computed together from lanes of some length on, with and without messages that are read; what it gives must be what a run
/// gives that computes each value by itself.
fn assert_the_same_together(program: &Program, inputs: &Numbers, seed: u64, alone: &Execution) {
    for least_lane in [1, 3, 1 << 9, usize::MAX] {
        for digest in [true, false] {
            let options = Options { least_lane, digest, ..Options::new(Seed::from_u64(seed)) };
            let together = execute(program, inputs, options).expect("the test's inputs fit");
            assert_eq!(
                together.transcript_digest,
                alone.transcript_digest.filter(|_| digest),
                "lanes from {least_lane}"
            );
            assert_eq!(together.outputs, alone.outputs, "lanes from {least_lane}, digest {digest}");
            assert_eq!(together.findings, alone.findings, "lanes from {least_lane}, digest {digest}");
            assert_eq!(together.bytes_moved, alone.bytes_moved);
            assert_eq!(together.measured.work(), alone.measured.work());
            assert_eq!(memory(program, true, digest, least_lane), together.memory);
        }
    }
}

/// Runs under every number of threads and code path, demands equality, and returns the common result.
fn run_everywhere(program: &Program, inputs: &Numbers, seed: u64) -> Execution {
    let first = run_with(program, inputs, seed, CodePath::Scalar, 1);
    for code_path in CodePath::available() {
        for threads in [1, 2, 4] {
            let other = run_with(program, inputs, seed, code_path, threads);
            assert_eq!(other.transcript_digest, first.transcript_digest, "{code_path:?}, {threads} threads");
            assert_eq!(other.outputs, first.outputs, "{code_path:?}, {threads} threads");
            assert_eq!(other.findings, first.findings, "{code_path:?}, {threads} threads");
            assert_eq!(other.bytes_moved, first.bytes_moved);
        }
    }
    assert_the_same_together(program, inputs, seed, &first);
    first
}

/// Every kind of operation, on tensors that are split among threads: streams are cut into parts of 2^15 words.
fn large_circuit() -> CheckedCircuit {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [2, 150, 130]);
    let w = c.input(Owner::Model, "w", [130, 70]);
    let y = c.matmul(x, w);
    let y = c.scale(y, 1.0 / 64.0);
    let negative = c.less_than(y, 0.0);
    let rectified = c.select(negative, y);
    let wave = c.fourier(
        x,
        Series {
            period: 20.0,
            constant: 0.5,
            cosines: vec![0.5],
            sines: vec![1.0, -0.25],
            opening: Opening::Period,
            most_guard_bits: None,
        },
    );
    let transposed = c.transpose(wave, &[0, 2, 1]);
    let scores = c.matmul(wave, transposed);
    let scores = c.mean(scores, 2);
    c.reveal(rectified, "rectified");
    c.reveal(scores, "scores");
    c.finish().unwrap()
}

fn large_inputs() -> Numbers {
    let number = |i: usize| ((i * 7919 + 13) % 4001) as f64 / 1000.0 - 2.0;
    let tensor = |name: &str, count: usize| (name.to_owned(), (0..count).map(number).collect());
    [tensor("x", 2 * 150 * 130), tensor("w", 130 * 70)].into()
}

#[test]
fn threads_and_code_paths_do_not_change_one_bit_of_a_large_run() {
    let (circuit, inputs) = (large_circuit(), large_inputs());
    let carry = SchemeSpec { comparison: Comparison::Carry, truncation: Truncation::Exact, ..PUBLISHED };
    for spec in [PUBLISHED, carry] {
        let program = compile(&circuit, &spec);
        let execution = run_everywhere(&program, &inputs, 5);
        let bounds = random_circuit::bound::outputs(&circuit, FIXED, spec.truncation, |name| inputs[name].clone());
        assert_eq!(execution.findings.wraps, 0);
        for (output, (name, bounded)) in execution.outputs.iter().zip(&bounds) {
            for (i, (&computed, &truth)) in output.values.iter().zip(&bounded.values).enumerate() {
                assert!((computed - truth).abs() <= bounded.errors[i], "`{name}`[{i}]: {computed}, not {truth}");
            }
        }
    }
}

#[test]
fn threads_and_code_paths_do_not_change_one_bit_of_random_programs() {
    let runner_config = ProptestConfig {
        cases: 40,
        rng_seed: RngSeed::Fixed(3),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let cases = (recipes(40), prop::sample::select(every_scheme()), any::<u64>());
    let result = TestRunner::new(runner_config).run(&cases, |(recipe, spec, seed)| {
        let circuit = recipe.build(spec.truncation);
        let (program, inputs) = (compile(&circuit, &spec), property::inputs(&recipe, &circuit));
        let execution = run_everywhere(&program, &inputs, seed);
        let again = run_with(&program, &inputs, seed, CodePath::detect(), 2);
        prop_assert_eq!(again.transcript_digest, execution.transcript_digest);
        // The outputs differ by a unit now and then, the messages always.
        let other = run_with(&program, &inputs, seed.wrapping_add(1), CodePath::detect(), 2);
        prop_assert_ne!(other.transcript_digest, execution.transcript_digest);
        Ok(())
    });
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn another_input_gives_another_transcript() {
    let (program, inputs) = (compile(&large_circuit(), &PUBLISHED), large_inputs());
    let mut other = inputs.clone();
    other.get_mut("x").unwrap()[12_345] += 1.0;
    let digest = |inputs| run_with(&program, inputs, 5, CodePath::detect(), 2).transcript_digest;
    assert_ne!(digest(&inputs), digest(&other));
}

/// Samples of every width, sent in clear: word i is word i of the stream, masked, whoever makes it and in whatever order.
#[test]
fn every_sampled_word_can_be_made_on_its_own_from_the_key_of_its_holders_stream_and_position() {
    const ELEMENTS: usize = 70_001;
    let client = PartySet::of(&[Party::Client]);
    let mut p = ProgramBuilder::new(client.with(Party::P0), Party::P0);
    let domains = [Domain::Z64, Domain::Ring(20), Domain::Bits(1), Domain::Bits(64), Domain::Ring(37)];
    for domain in domains {
        let sample = p.sample(client, domain, [ELEMENTS].into());
        p.send(sample, Party::P0);
    }
    let revealed = p.sample(client, Domain::Ring(40), [ELEMENTS].into());
    p.reveal(revealed, Party::Client, "revealed", 0);
    let program = p.finish().unwrap();

    let seed = Seed::from_u64(99);
    let mut words: BTreeMap<ValueId, Vec<u64>> = BTreeMap::new();
    let mut observer = |message: &Message, contents: &[u8]| {
        let mut message_words = vec![0; ELEMENTS];
        let bits = (message.bits / ELEMENTS as u64) as u32;
        packing::unpack(bits, contents, &mut message_words).expect("a message unpacks");
        words.insert(message.value, message_words);
    };
    let mut options = Options::new(seed.clone());
    options.observer = Some(&mut observer);
    let execution = execute(&program, &BTreeMap::<String, Vec<f64>>::new(), options).unwrap();

    let keys = Keyring::simulated(&seed, program.parties);
    let positions = || (0..ELEMENTS).rev().step_by(997).chain([0, 1, (1 << 15) - 1, 1 << 15, (1 << 16) + 1]);
    let mut samples = 0;
    for (id, value) in program.iter() {
        let Op::Sample { stream, .. } = value.op else { continue };
        samples += 1;
        let key = keys.stream(value.holders, stream, 0).unwrap();
        let word = |i: usize| key.word(i as u64) & value.domain.mask();
        if id == revealed {
            let output = &execution.output("revealed").unwrap().values;
            positions().for_each(|i| assert_eq!(output[i], signed(word(i), 40) as f64));
        } else {
            let sent = &words[&ValueId(id.0 + 1)];
            positions().for_each(|i| assert_eq!(sent[i], word(i), "{} at {i}", value.domain));
        }
    }
    assert_eq!(samples, domains.len() + 1);
}
