//! What a Program is shortened to computes the same numbers, of the same samples, to the last bit.

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use std::collections::BTreeMap;
use viewless_protocols::circuit::{Circuit, Owner};
use viewless_protocols::nonlinear;
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{ClaimKind, Local, Op, Program, ProgramBuilder, Shortened};
use viewless_protocols::ring::Domain;
use viewless_protocols::scheme::{Truncation, Weights};
use viewless_tests::random_circuit::recipes;
use viewless_tests::shortened::agree;
use viewless_tests::{compile, every_scheme, numbers};

#[test]
fn every_protocol_gives_the_same_numbers_under_every_scheme() {
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

#[test]
fn random_circuits_give_the_same_numbers_under_random_choices_of_the_scheme() {
    const SEED: u64 = 20_261_128;
    let config = ProptestConfig {
        cases: 600,
        rng_seed: RngSeed::Fixed(SEED),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    println!("seed {SEED}, {} cases", config.cases);
    let cases = (recipes(30), prop::sample::select(every_scheme()), any::<u64>());
    let result = TestRunner::new(config).run(&cases, |(recipe, spec, seed)| {
        let program = compile(&recipe.build(spec.truncation), &spec);
        let inputs = numbers(&program, -2.0, 2.0);
        agree(&program, &inputs, seed).map_err(TestCaseError::fail)?;
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

fn matrix_products(program: &Program) -> usize {
    program.values.iter().filter(|value| matches!(value.op, Op::Local(Local::MatMul, _))).count()
}

/// A product of matrices takes one product where its truncation is exact; where it is truncated by shares shifted apart, each share is needed: with a
/// dealer the first share is two products and the whole one, and of a server's own weights one and one; of three parties, two
/// hold products of their own, and the third is what they leave.
#[test]
fn a_product_of_matrices_takes_one_product_and_those_of_the_shares_that_a_truncation_needs() {
    // (Narrowed shares are products of the parties each by itself: nothing is saved there.)
    for spec in every_scheme().into_iter().filter(|spec| spec.truncation != Truncation::Narrowing) {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [2, 5]);
        let w = c.input(Owner::Model, "w", [5, 4]);
        let y = c.matmul(x, w);
        c.reveal(y, "y");
        let program = compile(&c.finish().unwrap(), &spec);
        let most = match (spec.truncation, spec.weights()) {
            (Truncation::Exact | Truncation::Narrowing, _) => 1,
            (Truncation::Local, Weights::Server | Weights::ClientServer) => 2,
            (Truncation::Local, Weights::Shared) => 3,
        };
        let shortened = Shortened::new(&program, false);
        assert_eq!(matrix_products(shortened.for_a_run()), most, "of {}: {spec:?}", matrix_products(&program));
        assert!(!shortened.for_a_run().values.iter().any(|value| matches!(value.op, Op::Send(..))));
    }
}

/// The claim is about two shares of which the second is made of the first: what they add up to, the first shifted, is cheaper than the first, but cannot come
/// before it.
#[test]
fn shares_that_are_made_of_each_other_are_computed_in_their_order() {
    let mut p = ProgramBuilder::new(PartySet::of(&[Party::P0, Party::P1]), Party::ModelOwner);
    let [a, b, c] = [(); 3].map(|()| p.sample(PartySet::of(&[Party::P0, Party::P1]), Domain::Ring(20), [3].into()));
    let (ab, cc) = (p.mul(a, b), p.mul(c, c));
    let first = p.add(ab, cc);
    let shifted = p.shift_right_arithmetic(first, 3);
    let second = p.sub(shifted, first);
    p.claim(&[first, second], ClaimKind::LocalTruncation { shift: 3, fraction_bits: 0 });
    p.reveal(first, Party::P0, "first", 0);
    p.reveal(second, Party::P1, "second", 0);
    agree(&p.finish().unwrap(), &BTreeMap::new(), 5).unwrap();
}
