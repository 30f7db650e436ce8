//! Random circuits under random choices of the scheme: right within a derived bound, and costing what was counted.

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;
use viewless_protocols::circuit::Op;
use viewless_tests::every_scheme;
use viewless_tests::random_circuit::property::{Seen, holds};
use viewless_tests::random_circuit::recipes;

const SEED: u64 = 20_251_121;
const CASES: u32 = 2000;

/// The same cases in every run; a failing one is shrunk and printed.
fn runner(cases: u32, seed: u64) -> TestRunner {
    println!("seed {seed}, {cases} cases");
    TestRunner::new(ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    })
}

#[test]
fn random_circuits_agree_with_plaintext_within_the_derived_bound_and_cost_what_was_counted() {
    let total = RefCell::new((Seen::default(), BTreeMap::<_, u32>::new()));
    let cases = (recipes(40), prop::sample::select(every_scheme()), any::<u64>());
    let result = runner(CASES, SEED).run(&cases, |(recipe, spec, seed)| {
        let seen = holds(&recipe, &spec, seed)
            .map_err(|why| TestCaseError::fail(format!("{why}\n{spec:?}\n{}", *recipe.build(spec.truncation))))?;
        let (total, cases_of_scheme) = &mut *total.borrow_mut();
        total.nodes += seen.nodes;
        total.elements += seen.elements;
        total.unknown += seen.unknown;
        total.worst = total.worst.max(seen.worst);
        total.wraps += seen.wraps;
        total.truncations += seen.truncations;
        total.expected_wraps += seen.expected_wraps;
        *cases_of_scheme.entry(format!("{spec:?}")).or_default() += 1;
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let (total, cases_of_scheme) = total.into_inner();
    println!("{total:?}");
    // The canary of the bound: it is not so wide that nothing could be wrong.
    assert!(total.worst > 0.5, "no error came near its bound: {}", total.worst);
    assert!(total.unknown * 10 < total.elements, "most outputs must be compared: {total:?}");
    // Markov: P(wraps >= 1) <= expected.
    assert!(total.expected_wraps < 0.1 && total.wraps == 0, "{total:?}");
    assert_eq!(
        cases_of_scheme.len(),
        every_scheme().len(),
        "every choice of the scheme was taken: {cases_of_scheme:?}"
    );
}

#[test]
fn random_circuits_have_every_operation() {
    let counts = RefCell::new(BTreeMap::<&str, u32>::new());
    let result = runner(CASES / 4, SEED).run(&(recipes(40), prop::sample::select(every_scheme())), |(recipe, spec)| {
        for node in recipe.build(spec.truncation).nodes() {
            *counts.borrow_mut().entry(name(&node.op)).or_default() += 1;
        }
        Ok(())
    });
    assert!(result.is_ok());
    let counts = counts.into_inner();
    println!("{counts:?}");
    assert_eq!(counts.len(), NAMES);
    assert!(counts.values().all(|&count| count >= 50), "{counts:?}");
}

/// How many names [`name`] gives.
const NAMES: usize = 32;

fn name(op: &Op) -> &'static str {
    use viewless_protocols::shape::Move;
    match op {
        Op::Input { .. } => "input",
        Op::Constant(_) => "constant",
        Op::Add(..) => "add",
        Op::Sub(..) => "sub",
        Op::Neg(_) => "neg",
        Op::Scale(..) => "scale",
        Op::Offset(..) => "offset",
        Op::Shift(..) => "shift",
        Op::Precision(_) => "precision",
        Op::Mul(..) => "mul",
        Op::Square(_) => "square",
        Op::MatMul(..) => "matmul",
        Op::Sum(..) => "sum",
        Op::Move(_, Move::Reshape(_)) => "reshape",
        Op::Move(_, Move::Transpose(_)) => "transpose",
        Op::Move(_, Move::Broadcast(_)) => "broadcast",
        Op::Move(_, Move::Slice { .. }) => "slice",
        Op::Move(_, Move::Windows(_)) => "windows",
        Op::Concat(..) => "concat",
        Op::Less(..) => "less",
        Op::Equal(..) => "equal",
        Op::LessThan(..) => "less-than",
        Op::And(..) => "and",
        Op::Xor(..) => "xor",
        Op::Not(_) => "not",
        Op::Select(..) => "select",
        Op::Real(_) => "real",
        Op::Fourier(..) => "fourier",
        Op::Lookup(..) => "lookup",
        Op::Power(..) => "power",
        Op::Level(..) => "level",
        Op::Reveal(..) => "reveal",
    }
}
