//! Every operation of every scheme, under every choice: proved for every promised coalition, its certificate accepted, and the
//! exact count over small words in agreement.

mod second;

use std::collections::HashSet;
use viewless_proofs::privacy::certificate::Simulator;
use viewless_proofs::privacy::exhaustive::{self, Exhaustive};
use viewless_proofs::privacy::{self, Coalition, Verdict, check, promised_coalitions, shrink};
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Levels, Op, Opening, Owner, Sectors, Series, Table};
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::party::Party;
use viewless_protocols::program::{self, Constant, Program, Value};
use viewless_protocols::scheme::{self, Comparison, SchemeKind, SchemeSpec, Sharing, Triples, Truncation, Weights};

/// Pairs of which the scheme promises nothing, because they hold everything.
fn pairs(spec: &SchemeSpec) -> [[Party; 2]; 3] {
    let third = match spec.kind() {
        SchemeKind::Additive2 => Party::Dealer,
        SchemeKind::Replicated3 => Party::P2,
    };
    [[Party::P0, Party::P1], [Party::P0, third], [Party::P1, third]]
}

fn compile(circuit: &CheckedCircuit, spec: &SchemeSpec) -> Program {
    scheme::compile(circuit, spec, FixedPoint::of::<16>()).unwrap()
}

/// A name, and a circuit small enough to be counted once its words are shrunk.
#[expect(clippy::too_many_lines, reason = "a list of what schemes are made of")]
fn primitives() -> Vec<(&'static str, CheckedCircuit)> {
    fn unary(build: impl FnOnce(&mut Circuit, viewless_protocols::circuit::Secret)) -> CheckedCircuit {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [1]);
        build(&mut c, x);
        c.finish().unwrap()
    }
    let series = |period| Series {
        period,
        constant: 0.5,
        cosines: vec![0.5],
        sines: vec![1.0, 0.25],
        opening: Opening::Period,
        most_guard_bits: None,
    };
    vec![
        ("identity", unary(|c, x| c.reveal(x, "y"))),
        (
            "linear",
            unary(|c, x| {
                let y = c.scale(x, 3.0);
                let y = c.sub(y, x);
                let y = c.offset(y, 0.5);
                c.reveal(y, "y");
            }),
        ),
        (
            "truncation",
            unary(|c, x| {
                let y = c.shift(x, -3);
                let y = c.precision(y, 0);
                c.reveal(y, "y");
            }),
        ),
        (
            "square",
            unary(|c, x| {
                let y = c.square(x);
                c.reveal(y, "y");
            }),
        ),
        (
            "products in a row",
            unary(|c, x| {
                let y = c.mul(x, x);
                let z = c.mul(y, x);
                let z = c.square(z);
                c.reveal(z, "z");
            }),
        ),
        ("broadcast product", {
            let mut c = Circuit::new();
            let x = c.input(Owner::Client, "x", [2]);
            let y = c.input(Owner::Client, "y", [1]);
            let z = c.mul(x, y);
            c.reveal(z, "z");
            c.finish().unwrap()
        }),
        ("a weight used twice", {
            let mut c = Circuit::new();
            let x = c.input(Owner::Client, "x", [1, 2]);
            let w = c.input(Owner::Model, "w", [2, 2]);
            let y = c.matmul(x, w);
            let z = c.matmul(y, w);
            let z = c.add(y, z);
            c.reveal(z, "z");
            c.finish().unwrap()
        }),
        ("a weight times a query", {
            let mut c = Circuit::new();
            let x = c.input(Owner::Client, "x", [2]);
            let w = c.input(Owner::Model, "w", [1]);
            let y = c.mul(x, w);
            let y = c.add(y, w);
            c.reveal(y, "y");
            c.finish().unwrap()
        }),
        (
            "comparison",
            unary(|c, x| {
                let bit = c.less_than(x, 0.5);
                let y = c.real(bit, 0);
                c.reveal(y, "y");
            }),
        ),
        (
            "comparison of secrets",
            unary(|c, x| {
                let y = c.square(x);
                let bit = c.less(x, y);
                let y = c.real(bit, 0);
                c.reveal(y, "y");
            }),
        ),
        (
            "equality",
            unary(|c, x| {
                let y = c.square(x);
                let bit = c.equal(x, y);
                let y = c.real(bit, 0);
                c.reveal(y, "y");
            }),
        ),
        (
            "select",
            unary(|c, x| {
                let bit = c.less_than(x, 0.5);
                let bit = c.not(bit);
                let y = c.select(bit, x);
                c.reveal(y, "y");
            }),
        ),
        (
            "bits",
            unary(|c, x| {
                let (a, b) = (c.less_than(x, 2.0), c.less_than(x, -2.0));
                let (both, one) = (c.and(a, b), c.xor(a, b));
                let (both, one) = (c.real(both, 0), c.select(one, x));
                let y = c.add(both, one);
                c.reveal(y, "y");
            }),
        ),
        (
            "fourier, period 16",
            unary(|c, x| {
                let y = c.fourier(x, series(16.0));
                c.reveal(y, "y");
            }),
        ),
        (
            "fourier, period 20",
            unary(|c, x| {
                let y = c.fourier(x, series(20.0));
                c.reveal(y, "y");
            }),
        ),
        (
            "fourier, a word opened and reduced modulo another length",
            unary(|c, x| {
                let opening = Opening::Remainder { modulus: 12.0 };
                let y = c.fourier(x, Series { opening, ..series(20.0) });
                c.reveal(y, "y");
            }),
        ),
        (
            "lookup",
            unary(|c, x| {
                let table = Table { index_fraction_bits: 1, entries: vec![0.5, -1.0, 2.0, 3.25] };
                let y = c.lookup(x, table, 0);
                c.reveal(y, "y");
            }),
        ),
        (
            "power",
            unary(|c, x| {
                let x = c.precision(x, -14);
                let y = c.power(x, Sectors { modulus_bits: 2, sector_bits: 1 }, -13);
                c.reveal(y, "y");
            }),
        ),
        (
            "level",
            unary(|c, x| {
                let x = c.precision(x, -15);
                let y = c.level(x, Levels { index_bits: 1, step_exponent: 0 });
                c.reveal(y, "y");
            }),
        ),
        (
            "two outputs",
            unary(|c, x| {
                let y = c.square(x);
                c.reveal(y, "y");
                let z = c.mul(x, y);
                c.reveal(z, "z");
            }),
        ),
    ]
}

#[test]
fn every_operation_is_proved_for_every_promised_coalition() {
    for (name, circuit) in primitives() {
        for spec in SchemeSpec::every() {
            let program = compile(&circuit, &spec);
            for coalition in promised_coalitions(&program) {
                let report = privacy::prove(&program, coalition);
                let Verdict::Proved { statistical_distance, simulator } = report.verdict else {
                    panic!("{name}, {coalition}, {spec:?}: {:#?}\n{}", report.verdict, *program);
                };
                assert_eq!(statistical_distance, 0.0);
                // Of all but the client, the stronger claim; of the client, wherever nothing but exact rounding hides its sharing.
                assert!(
                    simulator <= Simulator::DrawsOwnSamples || coalition.members().contains(Party::Client),
                    "{name}"
                );
                let certificate = report.certificate.expect("a proof has a certificate");
                let checked = check::check(&program, &certificate).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(checked.coalition, coalition);
                assert_eq!(checked.statistical_distance, 0.0);
            }
        }
    }
}

/// The client is P1: it has messages and an output. What it is sent beside the output is randomness, whatever is computed; and where no
/// rounding depends on that, the strongest claim holds, too.
#[test]
fn a_client_who_computes_is_proved_for_every_operation() {
    let (mut weakest, mut strongest) = (0, 0);
    for (name, circuit) in primitives() {
        for truncation in [Truncation::Local, Truncation::Exact] {
            for comparison in [Comparison::Spk, Comparison::Carry] {
                let sharing = Sharing::Additive2(Triples::FixedWeight, Weights::ClientServer);
                let program = compile(&circuit, &SchemeSpec { sharing, truncation, comparison });
                assert!(!program.parties.contains(Party::Client) && !program.parties.contains(Party::ModelOwner));
                for coalition in promised_coalitions(&program) {
                    let report = privacy::prove(&program, coalition);
                    let Verdict::Proved { simulator, .. } = report.verdict else {
                        panic!(
                            "{name}, {coalition}, {truncation:?}, {comparison:?}: {:#?}\n{}",
                            report.verdict, *program
                        );
                    };
                    let certificate = report.certificate.expect("a proof has a certificate");
                    let checked = second::check(&program, &certificate);
                    assert_eq!(
                        checked.map(|checked| (checked.coalition, checked.simulator)),
                        Ok((coalition, simulator))
                    );
                    if coalition.members().contains(Party::P1) {
                        weakest += usize::from(simulator == Simulator::GivenOwnRandomness);
                        strongest += usize::from(simulator <= Simulator::DrawsOwnSamples);
                    } else {
                        assert!(simulator <= Simulator::DrawsOwnSamples, "{name}, {coalition}");
                    }
                }
            }
        }
    }
    assert!(weakest > 0 && strongest > 0, "{weakest} {strongest}");
}

#[test]
fn what_is_not_promised_is_not_proved() {
    for (name, circuit) in primitives() {
        for spec in SchemeSpec::every() {
            let program = compile(&circuit, &spec);
            for members in pairs(&spec) {
                // Without a product, nothing is dealt, and the dealer adds nothing to a party's view.
                if members[1] == Party::Dealer && !circuit_deals(&program) {
                    continue;
                }
                let coalition = Coalition::of(&program, &members).unwrap();
                let report = privacy::prove(&program, coalition);
                assert!(matches!(report.verdict, Verdict::Undecided { .. }), "{name}, {coalition}, {spec:?}");
                assert!(!report.verdict.offending().is_empty());
            }
        }
    }
}

fn circuit_deals(program: &Program) -> bool {
    program.values.iter().any(|value| value.holders.contains(Party::Dealer) && value.op.arguments().len() == 2)
}

#[test]
fn counting_small_words_agrees() {
    for (name, circuit) in primitives() {
        let has_weights = circuit.nodes().iter().any(|node| matches!(node.op, Op::Input { owner: Owner::Model, .. }));
        let mut counted = HashSet::new();
        for spec in SchemeSpec::every() {
            let program = compile(&circuit, &spec);
            // A choice that the circuit does not touch gives the same Program, but for who owns no weights.
            if (spec.weights() == Weights::Server && !has_weights) || !counted.insert(program.digest()) {
                continue;
            }
            for bits in [1, 2] {
                let Ok(small) = shrink::shrink(&program, bits) else { continue };
                for coalition in promised_coalitions(&small) {
                    let proved = matches!(privacy::prove(&small, coalition).verdict, Verdict::Proved { .. });
                    assert!(proved, "{name}, {coalition}, {spec:?}, {bits} bits");
                    match exhaustive::count(&small, coalition) {
                        Ok(Exhaustive::Private) => {}
                        other => panic!("{name}, {coalition}, {spec:?}, {bits} bits: {other:?}"),
                    }
                }
            }
        }
    }
}

#[test]
fn counting_refutes_two_computing_parties_together() {
    let (_, circuit) = primitives().swap_remove(3);
    for spec in SchemeSpec::every() {
        let program = compile(&circuit, &spec);
        for members in pairs(&spec).into_iter().filter(|members| !members.contains(&Party::Dealer)) {
            let coalition = Coalition::of(&program, &members).unwrap();
            let refutation =
                privacy::refute(&program, coalition, Simulator::GivenOwnSamples).expect("together they hold the query");
            assert_eq!(refutation.witness.distance, 1.0);
        }
    }
}

/// The product of the scheme with zeros for the keys that make its sharing of zero: CrypTen's `replicated.py`, issue #518.
#[test]
fn a_product_of_replicated_shares_without_its_sharing_of_zero_is_refuted() {
    let (_, circuit) = primitives().swap_remove(3);
    for spec in SchemeSpec::every().into_iter().filter(|spec| spec.kind() == SchemeKind::Replicated3) {
        let program = compile(&circuit, &spec);
        let square =
            program.values.iter().position(|value| value.op.arguments().len() == 2 && value.holders.len() == 1);
        let mut draft = program.clone().into_draft();
        let everyone = draft.parties;
        let keys = |value: &&mut Value| matches!(value.op, program::Op::Sample { .. });
        for value in draft.values[square.unwrap()..].iter_mut().filter(keys).take(3) {
            value.op = program::Op::Constant(Constant::Splat(0));
            value.holders = everyone;
        }
        let flawed = draft.check().unwrap();
        let mut refuted = 0;
        for coalition in promised_coalitions(&flawed) {
            assert!(privacy::prove(&program, coalition).certificate.is_some());
            let report = privacy::prove(&flawed, coalition);
            if report.certificate.is_some() {
                continue;
            }
            let refutation = privacy::refute(&flawed, coalition, Simulator::GivenOwnSamples)
                .expect("the messages tell of the third share");
            assert!(refutation.witness.distance > 0.0);
            assert!(!report.verdict.offending().is_empty());
            refuted += 1;
        }
        // Each party is sent a summand; where an exact truncation follows, P0 and P1 are sent all of them, and P2 none.
        let receivers = match spec.truncation {
            Truncation::Local | Truncation::Narrowing => 3,
            Truncation::Exact => 2,
        };
        assert_eq!(refuted, receivers, "{spec:?}");
    }
}
