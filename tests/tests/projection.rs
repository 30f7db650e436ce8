//! A deployment is transport, nothing else: the parties' parts together are the lockstep run, bit for bit, and so are a setup
//! and its first query.

use std::collections::BTreeMap;
use viewless_protocols::circuit::{Circuit, Owner};
use viewless_protocols::nonlinear;
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{Program, ProgramBuilder, ValueId};
use viewless_protocols::ring::Domain;
use viewless_protocols::scheme::{Comparison, SchemeKind, SchemeSpec, Sharing, Triples, Truncation, Weights};
use viewless_simulator::execute::projection::{InProcess, party};
use viewless_simulator::execute::{ExecuteError, Options, execute, prepare};
use viewless_simulator::keys::Keyring;
use viewless_simulator::stream::Seed;
use viewless_tests::projection::{agree, in_stages};
use viewless_tests::{PUBLISHED, compile, every_scheme, numbers};

type Numbers = BTreeMap<String, Vec<f64>>;

#[test]
fn every_protocol_runs_by_parties_and_in_stages_as_at_once_under_every_scheme() {
    for protocol in nonlinear::Registry::built_in() {
        for spec in every_scheme() {
            let mut c = Circuit::new();
            let x = c.input(Owner::Client, "x", [2, 3]);
            let y = protocol.build_alone(&mut c, x, 1e-5);
            c.reveal(y, "y");
            let program = compile(&c.finish().unwrap(), &spec);
            let inputs = numbers(&program, 0.5, 2.0);
            agree(&program, &inputs, 11).unwrap_or_else(|why| panic!("{} under {spec:?}: {why}", protocol.card.name));
        }
    }
}

/// x W1, then x W1 W1: a weight that is used twice, so that its mask has work to do.
fn two_products(spec: &SchemeSpec) -> (Program, Numbers) {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [2, 5]);
    let w = c.input(Owner::Model, "w", [5, 5]);
    let y = c.matmul(x, w);
    let z = c.matmul(y, w);
    c.reveal(z, "z");
    let program = compile(&c.finish().unwrap(), spec);
    let inputs = numbers(&program, -1.0, 1.0);
    (program, inputs)
}

#[test]
fn queries_on_one_setup_send_fresh_messages_and_give_the_same_answer() {
    for spec in every_scheme().into_iter().filter(|spec| spec.truncation == Truncation::Exact) {
        let (program, inputs) = two_products(&spec);
        let ((_, before), queries) = in_stages(&program, &inputs, 5, &[0, 1, 2, 7]).unwrap();
        // A server of two keeps its weights in clear, and masks them anew for each query; one of three shares them once.
        let in_clear = spec.weights() == Weights::Server && spec.kind() == SchemeKind::Additive2;
        assert_eq!(before.is_empty(), in_clear, "{spec:?}");
        for (i, (execution, messages)) in queries.iter().enumerate() {
            let other = &queries[(i + 1) % queries.len()].1;
            // A message of 64 bit words agrees with another query's by chance with a probability below 2^-64 each.
            let repeated = |(id, packed): &(&ValueId, &Vec<u8>)| packed.len() >= 16 && other.get(id) == Some(packed);
            if let Some((id, _)) = messages.iter().find(repeated) {
                let region = program.regions.path(program.value(*id).region);
                panic!("message %{} in region `{region}` is that of another query, under {spec:?}", id.0);
            }
            let (answer, first) = (&execution.outputs[0].values, &queries[0].0.outputs[0].values);
            // Two truncations give the floor or the next unit each; the first one's unit is multiplied by at most 5 weights of 1.
            assert!(answer.iter().zip(first).all(|(a, b)| (a - b).abs() <= 6.0 / 65536.0), "{spec:?}");
        }
    }
}

/// What a dealt mask of a weight may serve is checked elsewhere; here, that the setup asks for the model's inputs alone.
#[test]
fn a_setup_needs_no_query_and_a_query_no_model() {
    let spec = SchemeSpec {
        sharing: Sharing::Additive2(Triples::FixedWeight, Weights::Shared),
        comparison: Comparison::Carry,
        ..PUBLISHED
    };
    let (program, mut inputs) = two_products(&spec);
    let query_numbers = inputs.remove("x").unwrap();
    let setup = prepare(&program, &inputs, Options::new(Seed::from_u64(1))).unwrap();
    assert!(setup.kept_bytes() > 0);
    let only_query: Numbers = [("x".to_owned(), query_numbers.clone())].into();
    let staged = setup.query(0, &only_query, Options::new(Seed::from_u64(1))).unwrap();
    inputs.insert("x".to_owned(), query_numbers);
    let whole = execute(&program, &inputs, Options::new(Seed::from_u64(1))).unwrap();
    assert_eq!(staged.outputs, whole.outputs);
    assert_eq!(setup.execution().bytes_moved + staged.bytes_moved, whole.bytes_moved);
}

/// P0 sends a word to P1.
fn one_message(bits: u8) -> Program {
    let mut p = ProgramBuilder::new(PartySet::of(&[Party::P0, Party::P1]), Party::P0);
    let x = p.sample(PartySet::of(&[Party::P0]), Domain::Ring(bits), [3].into());
    let x = p.send(x, Party::P1);
    p.reveal(x, Party::P1, "x", 0);
    p.finish().unwrap()
}

#[test]
fn a_party_alone_refuses_what_the_others_do_wrong() {
    let program = one_message(12);
    let keys = Keyring::simulated(&Seed::from_u64(1), program.parties);
    let nothing = Numbers::new();
    // Without the key of {P0}, P0 cannot draw.
    let mut ends = InProcess::among(program.parties);
    let mut end = ends.remove(&Party::P0).unwrap();
    let refused = party(&program, Party::P0, 0, &keys.of_party(Party::P1), &nothing, &mut end);
    assert!(matches!(refused, Err(ExecuteError::Key(_))), "{refused:?}");
    // P0 is gone before it sent.
    drop(end);
    let mut end = ends.remove(&Party::P1).unwrap();
    let refused = party(&program, Party::P1, 0, &keys.of_party(Party::P1), &nothing, &mut end);
    assert!(matches!(refused, Err(ExecuteError::Channel { from: Party::P0, .. })), "{refused:?}");
    // P0 runs a Program of narrower words.
    let mut ends = InProcess::among(program.parties);
    let (mut zero, mut one) = (ends.remove(&Party::P0).unwrap(), ends.remove(&Party::P1).unwrap());
    party(&one_message(8), Party::P0, 0, &keys.of_party(Party::P0), &nothing, &mut zero).unwrap();
    let refused = party(&program, Party::P1, 0, &keys.of_party(Party::P1), &nothing, &mut one);
    assert!(matches!(refused, Err(ExecuteError::Message { from: Party::P0, .. })), "{refused:?}");
}
