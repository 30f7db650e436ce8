//! What depends on the model alone is computed by its owner in clear, before it is shared; layers are folded into each other so.

use std::sync::Arc;
use viewless_proofs::privacy::{promised_coalitions, prove};
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Owner};
use viewless_protocols::model::{self, Query, TransformerConfig, TransformerDraft};
use viewless_protocols::nonlinear::{Protocol, Registry};
use viewless_protocols::party::Party;
use viewless_protocols::program::{Grouping, Op, Phase, Program, Schedule, bill};
use viewless_protocols::scheme::{self, SchemeSpec, Triples, Truncation, Weights};
use viewless_protocols::suite::Suite;
use viewless_tests::{FIXED, compile, every_scheme, run};

/// One unit of the last place at 16 fraction bits.
const UNIT: f64 = 1.0 / 65536.0;

fn numbers(count: usize, step: usize) -> Vec<f64> {
    (0..count).map(|i| ((i * step + 13) % 4001) as f64 / 977.0 - 2.0).collect()
}

/// Where the owner of the model computes by itself.
fn shared() -> impl Iterator<Item = SchemeSpec> {
    let is_ours = |spec: &SchemeSpec| {
        spec.truncation == Truncation::Narrowing || spec.sharing.triples() == Some(Triples::PerValue)
    };
    every_scheme().into_iter().filter(move |spec| spec.weights() == Weights::Shared && is_ours(spec))
}

fn nearest(units: f64) -> f64 {
    (units + 0.5).floor()
}

fn messages(program: &Program, owner: Party) -> usize {
    let sent = |op: &Op| matches!(op, Op::Send(sent, _) if program.value(*sent).holders.contains(owner));
    program.values.iter().filter(|value| sent(&value.op)).count()
}

#[test]
fn a_product_of_weights_is_rounded_to_the_nearest_number_and_costs_what_sharing_it_does() {
    let (u, v) = (numbers(6, 7919), numbers(6, 104_729));
    let circuit = |weights: usize| {
        let mut c = Circuit::new();
        let mut y = c.input(Owner::Model, "u", [6]);
        if weights == 2 {
            let v = c.input(Owner::Model, "v", [6]);
            y = c.mul(y, v);
            y = c.scale(y, 0.3);
        }
        c.reveal(y, "y");
        c.finish().unwrap()
    };
    let units = |x: f64| (x / UNIT).round();
    // 0.3 as the nearest number of 17 significant bits.
    let factor = (0.3 * 262_144.0_f64).round() / 262_144.0;
    let expected: Vec<f64> =
        u.iter().zip(&v).map(|(&u, &v)| nearest(nearest(units(u) * units(v) * UNIT) * factor) * UNIT).collect();
    for spec in shared() {
        let (one, two) = (compile(&circuit(1), &spec), compile(&circuit(2), &spec));
        let execution = run(&two, &[("u", &u), ("v", &v)], 5);
        assert_eq!(execution.output("y").unwrap().values, expected, "{spec:?}");
        let sent = |program: &Program| program.values.iter().filter(|value| matches!(value.op, Op::Send(..))).count();
        assert_eq!(sent(&one), sent(&two), "{spec:?}");
    }
}

/// x (w scaled and centred, times the columns v) + (offset of w), with w used as it is, too, and rearranged.
fn folded() -> CheckedCircuit {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [4, 5]);
    let w = c.input_with(Owner::Model, "w", [3, 5], 6);
    let v = c.input_with(Owner::Model, "v", [3], 6);
    let transposed = c.transpose(w, &[1, 0]);
    let scaled = c.mul(transposed, v);
    let mean = c.mean(scaled, 1);
    let centred = c.sub(scaled, mean);
    let centred = c.precision(centred, 0);
    let y = c.matmul(x, centred);
    let plain = c.precision(transposed, 0);
    let z = c.matmul(x, plain);
    let row = c.reshape(v, [1, 3]);
    let rows = c.concat(&[row, row], 0);
    let offset = c.matmul(rows, w);
    let offset = c.sum(offset, 0);
    let offset = c.square(offset);
    let offset = c.precision(offset, 0);
    let x = c.add(x, offset);
    c.reveal(y, "y");
    c.reveal(z, "z");
    c.reveal(x, "x+");
    c.finish().unwrap()
}

#[test]
fn folded_layers_are_right_under_every_scheme_and_proved() {
    let circuit = folded();
    let inputs = [("x", numbers(20, 7919)), ("w", numbers(15, 104_729)), ("v", numbers(3, 15_485_863))];
    for spec in every_scheme() {
        let program = compile(&circuit, &spec);
        let given: Vec<(&str, &[f64])> = inputs.iter().map(|(name, values)| (*name, values.as_slice())).collect();
        let execution = run(&program, &given, 3);
        let of = |name: &str| inputs.iter().find(|(other, _)| *other == name).unwrap().1.clone();
        for (name, bounded) in viewless_tests::random_circuit::bound::outputs(&circuit, FIXED, spec.truncation, of) {
            let found = &execution.output(&name).unwrap().values;
            for ((y, truth), error) in found.iter().zip(&bounded.values).zip(&bounded.errors) {
                assert!((y - truth).abs() <= *error && *error < 1e-2, "{spec:?} {name}: {y} for {truth}, {error:e}");
            }
        }
        for coalition in promised_coalitions(&program) {
            assert!(prove(&program, coalition).certificate.is_some(), "{spec:?} {coalition}");
        }
    }
}

#[test]
fn the_owner_of_shared_weights_sends_nothing_but_their_shares_before_any_query() {
    for spec in shared() {
        let program = compile(&folded(), &spec);
        let owner = program.iter().filter(|(_, value)| value.holders.contains(Party::ModelOwner));
        let online =
            owner.filter(|(id, value)| matches!(value.op, Op::Send(..)) && program.phase(*id) == Phase::Online);
        assert_eq!(online.count(), 0, "{spec:?}");
        // Centred w, w and the offset: each is shared once.
        let shares = messages(&program, Party::ModelOwner);
        assert!((3..=6).contains(&shares), "{spec:?}: {shares}");
    }
}

#[test]
fn a_layer_takes_19_rounds_and_four_more_where_normalisations_are_not_folded() {
    let suite = Suite::built_in("frontier").unwrap();
    let folding = suite.model(Registry::built_in()).unwrap();
    let mut whole = folding.clone();
    let without = |protocol: &Arc<Protocol>| {
        let parts = protocol.parts.clone().filter(|_| protocol.rows_in_parts().is_none());
        Ok::<_, ()>(Arc::new(Protocol { parts, ..Protocol::clone(protocol) }))
    };
    whole.protocols.replace(without).unwrap();
    let rounds = |protocols, layers| {
        let config = TransformerDraft { layers, ..TransformerConfig::bert_base().draft() }.check().unwrap();
        let circuit = model::circuit(&config, protocols, Query { tokens: 16, batch: 1 }).unwrap();
        let program = scheme::compile(&circuit, &suite.scheme, suite.fixed()).unwrap();
        bill(&program, Schedule::Asap, Grouping::Layer).phases[&Phase::Online].rounds
    };
    let of_a_layer = |protocols| rounds(protocols, 2) - rounds(protocols, 1);
    assert_eq!((of_a_layer(&folding), of_a_layer(&whole)), (19, 23));
}

/// w times itself with many fraction bits, in the place of something added to x, whose claim is told.
fn squared(fraction_bits: i8, claimed: Option<f64>) -> CheckedCircuit {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [4]);
    let w = c.input_with(Owner::Model, "w", [4], fraction_bits);
    let square = c.mul_to(w, w, 0);
    if let Some(most) = claimed {
        c.claim_domain(square, 0.0, most);
    }
    let again = c.mul_to(square, square, 0);
    let y = c.add(x, again);
    c.reveal(y, "y");
    c.finish().unwrap()
}

#[test]
fn what_the_owner_computes_keeps_its_claims_and_tells_where_a_word_is_too_short() {
    let x = [1.0, -2.0, 0.5, 0.0];
    for spec in shared() {
        let outside = |circuit: &CheckedCircuit, w: f64| {
            let findings = run(&compile(circuit, &spec), &[("x", &x), ("w", &[w; 4])], 3).findings;
            let domains: usize = findings.domains.iter().map(|finding| finding.outside as usize).sum();
            let headroom: usize = findings.headroom.iter().map(|finding| finding.outside as usize).sum();
            (domains, headroom)
        };
        // A claim of what the owner alone would need.
        assert_eq!(outside(&squared(0, Some(4.0)), 1.5), (0, 0), "{spec:?}");
        assert_eq!(outside(&squared(0, Some(4.0)), 2.5), (4, 0), "{spec:?}");
        // 30 fraction bits twice leave room for numbers below 2.
        assert_eq!(outside(&squared(14, None), 1.9), (0, 0), "{spec:?}");
        assert!(outside(&squared(14, None), 2.5).1 > 0 && outside(&squared(14, None), 64.0).1 > 0, "{spec:?}");
    }
}

#[test]
fn every_share_that_an_owner_sends_is_used() {
    use viewless_protocols::model::Embedding;
    let suite = Suite::built_in("frontier").unwrap();
    let protocols = suite.model(Registry::built_in()).unwrap();
    let mut circuits = vec![folded()];
    for config in [TransformerConfig::vit_base(), TransformerConfig::bert_base(), TransformerConfig::gpt2()] {
        let config = TransformerDraft { layers: 1, ..config.draft() }.check().unwrap();
        let tokens = config.image_tokens().unwrap_or(4);
        for embedding in [Embedding::OneHot, Embedding::Client] {
            let protocols = model::ModelProtocols { embedding, ..protocols.clone() };
            circuits.push(model::circuit(&config, &protocols, Query { tokens, batch: 1 }).unwrap());
        }
    }
    for circuit in &circuits {
        let program = scheme::compile(circuit, &suite.scheme, suite.fixed()).unwrap();
        let mut used = vec![false; program.values.len()];
        for value in &program.values {
            value.op.arguments().iter().for_each(|argument| used[argument.index()] = true);
        }
        let unused = program.iter().filter(|(id, value)| {
            let is_of_owner = |sent| program.value(sent).holders.contains(Party::ModelOwner);
            matches!(value.op, Op::Send(sent, _) if is_of_owner(sent)) && !used[id.index()]
        });
        assert_eq!(unused.count(), 0);
    }
}

/// A rearrangement is needed in clear, and opened in shares in the place of what it is one of.
#[test]
fn a_rearranged_weight_is_opened_as_what_it_was_and_computed_with_in_clear() {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [2, 3]);
    let w = c.input(Owner::Model, "w", [4, 3]);
    let transposed = c.transpose(w, &[1, 0]);
    let y = c.matmul(x, transposed);
    let square = c.square(transposed);
    let z = c.matmul(x, square);
    let sum = c.add(x, x);
    let halves = c.shift(transposed, -1);
    let t = c.matmul(sum, halves);
    for (value, name) in [(y, "y"), (z, "z"), (t, "t")] {
        c.reveal(value, name);
    }
    let circuit = c.finish().unwrap();
    let (x, w) = (numbers(6, 7919), numbers(12, 104_729));
    for spec in every_scheme() {
        let execution = run(&compile(&circuit, &spec), &[("x", &x), ("w", &w)], 3);
        let of = |name: &str| if name == "x" { x.clone() } else { w.clone() };
        for (name, bounded) in viewless_tests::random_circuit::bound::outputs(&circuit, FIXED, spec.truncation, of) {
            let found = &execution.output(&name).unwrap().values;
            for ((y, truth), error) in found.iter().zip(&bounded.values).zip(&bounded.errors) {
                assert!((y - truth).abs() <= *error, "{spec:?} {name}: {y} for {truth}");
            }
        }
    }
}
