//! Ill-formed Programs and circuits are refused, each for the rule that it breaks, with the value and its region named.

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use serde_json::{Value as Json, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use viewless_protocols::circuit::{CheckedCircuit, Circuit, CircuitError, Opening, Owner, Rule as CircuitRule, Series};
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{Local, ProgramBuilder, ProgramDraft, Rule};
use viewless_protocols::ring::Domain;
use viewless_protocols::scheme::{self, CompileError, Truncation};
use viewless_protocols::shape::{Move, Shape};
use viewless_tests::random_circuit::recipes;
use viewless_tests::random_program::{Flaw, mutate, programs};
use viewless_tests::{FIXED, PUBLISHED, map_circuit, run};

const SEED: u64 = 20_251_122;

fn runner(cases: u32) -> TestRunner {
    println!("seed {SEED}, {cases} cases");
    TestRunner::new(ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(SEED),
        failure_persistence: None,
        ..ProptestConfig::default()
    })
}

#[test]
fn every_flaw_is_refused_for_its_rule_with_value_and_region() {
    let refused = RefCell::new(BTreeMap::<Flaw, u32>::new());
    let result = runner(150).run(&(programs(25), any::<u32>()), |(program, choice)| {
        // The canary: without a flaw it is accepted.
        let unmutated = program.clone().into_draft().check();
        prop_assert_eq!(unmutated.as_ref(), Ok(&program));
        for flaw in Flaw::ALL {
            for round in 0..3 {
                let choice = (choice as usize).wrapping_add(round * 7919);
                if let Some(mutant) = mutate(&program, flaw, choice) {
                    mutant.is_refused().map_err(TestCaseError::fail)?;
                    *refused.borrow_mut().entry(flaw).or_default() += 1;
                }
            }
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let refused = refused.into_inner();
    println!("{refused:?}");
    assert_eq!(refused.len(), Flaw::ALL.len(), "every flaw was tried: {refused:?}");
    assert!(refused.values().all(|&count| count >= 30), "each often enough: {refused:?}");
    assert!(refused.values().sum::<u32>() >= 10_000);
}

#[test]
fn a_computation_that_no_party_can_do_is_refused_by_the_builder() {
    let parties = PartySet::of(&[Party::P0, Party::P1]);
    let mut p = ProgramBuilder::new(parties, Party::ModelOwner);
    let a = p.input(Party::P0, "a", 16, Domain::Z64, Shape::scalar());
    let b = p.input(Party::P1, "b", 16, Domain::Z64, Shape::scalar());
    p.region("nobody", |p| p.local(Local::Add, [a, b].into_iter().collect()));
    let error = p.finish().unwrap_err();
    assert_eq!((error.value, error.region.as_str()), (2, "nobody"));
    assert!(matches!(*error.rule, Rule::NoCommonHolder { .. }), "{error}");
}

/// What is wrong with a circuit; the name is that of the rule broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum CircuitFlaw {
    StoredShape,
    StoredKind,
    EmptyShape,
    GuardBits,
    ArgumentKind,
    ArgumentForward,
    ArgumentRevealed,
    ConstantSize,
    TableSize,
    Period,
    Move,
    Region,
    Claim,
}

impl CircuitFlaw {
    const ALL: [Self; 13] = [
        Self::StoredShape,
        Self::StoredKind,
        Self::EmptyShape,
        Self::GuardBits,
        Self::ArgumentKind,
        Self::ArgumentForward,
        Self::ArgumentRevealed,
        Self::ConstantSize,
        Self::TableSize,
        Self::Period,
        Self::Move,
        Self::Region,
        Self::Claim,
    ];

    /// Whether a rule is the one that the flaw breaks.
    fn breaks(self, rule: &CircuitRule) -> bool {
        match self {
            Self::StoredShape | Self::StoredKind => matches!(rule, CircuitRule::Stored { .. }),
            Self::EmptyShape | Self::Move => matches!(rule, CircuitRule::Shape(_)),
            Self::GuardBits => matches!(rule, CircuitRule::Precision { .. } | CircuitRule::GuardBits { .. }),
            Self::ArgumentKind => matches!(rule, CircuitRule::Kind { .. }),
            Self::ArgumentForward => matches!(rule, CircuitRule::NoSuchArgument(_)),
            Self::ArgumentRevealed => matches!(rule, CircuitRule::Revealed(_)),
            Self::ConstantSize => matches!(rule, CircuitRule::ConstantSize { .. }),
            Self::TableSize => matches!(rule, CircuitRule::Table { .. }),
            Self::Period => matches!(rule, CircuitRule::Number(_)),
            Self::Region | Self::Claim => matches!(rule, CircuitRule::Reference(_)),
        }
    }
}

/// The operation of a stored node: its name and its contents.
fn operation(node: &Json) -> (&str, &Json) {
    let (name, contents) = node["op"].as_object().and_then(|op| op.iter().next()).expect("an operation has a name");
    (name, contents)
}

/// Where a node's arguments are stored, as JSON pointers.
fn argument_pointers(node: &Json) -> Vec<String> {
    let (name, contents) = operation(node);
    let root = format!("/op/{name}");
    match name {
        "Input" | "Constant" => vec![],
        "Add" | "Sub" | "Mul" | "MatMul" | "Less" | "Equal" | "And" | "Xor" | "Select" => {
            vec![format!("{root}/0"), format!("{root}/1")]
        }
        "Concat" => (0..contents[0].as_array().map_or(0, Vec::len)).map(|i| format!("{root}/0/{i}")).collect(),
        _ if contents.is_array() => vec![format!("{root}/0")],
        _ => vec![root],
    }
}

/// Spoils a stored circuit; returns the node to be blamed.
#[expect(clippy::too_many_lines, reason = "one arm for each flaw")]
fn spoil(circuit: &mut Json, flaw: CircuitFlaw, choice: usize) -> Option<usize> {
    let nodes = circuit["nodes"].as_array()?.clone();
    let named = |names: &'static [&'static str]| move |node: &Json| names.contains(&operation(node).0);
    let place = |condition: &dyn Fn(&Json) -> bool| {
        let fitting: Vec<usize> = (0..nodes.len()).filter(|&i| condition(&nodes[i])).collect();
        fitting.get(choice % fitting.len().max(1)).copied()
    };
    let derived = |node: &Json| !["Input", "Constant"].contains(&operation(node).0);
    let i = match flaw {
        CircuitFlaw::StoredShape => {
            let i = place(&derived)?;
            circuit["nodes"][i]["shape"].as_array_mut()?.insert(0, json!(1));
            i
        }
        CircuitFlaw::StoredKind => {
            let i = place(&|_| true)?;
            let other = if nodes[i]["kind"] == "Real" { "Bit" } else { "Real" };
            circuit["nodes"][i]["kind"] = json!(other);
            i
        }
        CircuitFlaw::EmptyShape => {
            let i = place(&named(&["Input"]))?;
            circuit["nodes"][i]["shape"].as_array_mut()?.push(json!(0));
            i
        }
        CircuitFlaw::GuardBits => {
            let i = place(&named(&[
                "Add", "Sub", "Neg", "Offset", "Shift", "Sum", "Move", "Concat", "Select", "Fourier", "Reveal",
            ]))?;
            circuit["nodes"][i]["guard_bits"] = json!(nodes[i]["guard_bits"].as_i64()? + 1);
            i
        }
        CircuitFlaw::ArgumentKind => {
            let i = place(&|node| !argument_pointers(node).is_empty())?;
            let pointer = argument_pointers(&nodes[i]).swap_remove(0);
            let kind = &nodes[nodes[i].pointer(&pointer)?.as_u64()? as usize]["kind"];
            let other = (0..i).rev().find(|&j| &nodes[j]["kind"] != kind)?;
            *circuit["nodes"][i].pointer_mut(&pointer)? = json!(other);
            i
        }
        CircuitFlaw::ArgumentForward => {
            let i = place(&|node| !argument_pointers(node).is_empty())?;
            let pointers = argument_pointers(&nodes[i]);
            *circuit["nodes"][i].pointer_mut(&pointers[choice % pointers.len()])? = json!(i + choice % 2);
            i
        }
        CircuitFlaw::ArgumentRevealed => {
            let i = place(&named(&["Reveal"]))?;
            let mut again = nodes[i].clone();
            again["op"]["Reveal"] = json!([i, "again"]);
            circuit["nodes"].as_array_mut()?.push(again);
            nodes.len()
        }
        CircuitFlaw::ConstantSize => {
            let i = place(&named(&["Constant"]))?;
            circuit["nodes"][i]["op"]["Constant"].as_array_mut()?.push(json!(0.5));
            i
        }
        CircuitFlaw::TableSize => {
            let i = place(&named(&["Lookup"]))?;
            let entries = circuit["nodes"][i]["op"]["Lookup"][1]["entries"].as_array_mut()?;
            entries.resize([0, 1, 3][choice % 3], json!(0.5));
            i
        }
        CircuitFlaw::Period => {
            let i = place(&named(&["Fourier"]))?;
            let series = &mut circuit["nodes"][i]["op"]["Fourier"][1];
            match choice % 4 {
                0 => series["period"] = json!(0.0),
                1 => series["period"] = json!(-20.0),
                2 => series["opening"] = json!({"Remainder": {"modulus": 0.0}}),
                _ => series["opening"] = json!({"Remainder": {"modulus": 1e9}}),
            }
            i
        }
        CircuitFlaw::Move => {
            let i = place(&named(&["Move"]))?;
            circuit["nodes"][i]["op"]["Move"][1] = json!({"Slice": {"axis": 0, "start": 1000, "length": 1}});
            i
        }
        CircuitFlaw::Region => {
            let i = place(&|_| true)?;
            circuit["nodes"][i]["region"] = json!(1_000_000);
            i
        }
        CircuitFlaw::Claim => {
            let bit = (0..nodes.len()).find(|&i| nodes[i]["kind"] == "Bit");
            let (value, low, high) = match (choice % 3, bit) {
                (0, Some(bit)) => (bit, -1.0, 1.0),
                (1, _) => (nodes.len() + 3, -1.0, 1.0),
                _ => (0, 1.0, -1.0),
            };
            circuit["domains"] = json!([{"value": value, "low": low, "high": high, "region": 0}]);
            value
        }
    };
    Some(i)
}

fn is_refused(circuit: &CheckedCircuit, flaw: CircuitFlaw, choice: usize) -> Result<bool, String> {
    let mut stored = serde_json::to_value(&**circuit).map_err(|error| error.to_string())?;
    let Some(expected) = spoil(&mut stored, flaw, choice) else { return Ok(false) };
    let mutant: Circuit = serde_json::from_value(stored).map_err(|error| error.to_string())?;
    let region = mutant.nodes().get(expected).map_or_else(String::new, |node| mutant.regions().path(node.region));
    match mutant.finish() {
        Ok(_) => Err(format!("{flaw:?} at node {expected} was accepted")),
        Err(CircuitError { node, region: named, rule })
            if node == expected && named == region && flaw.breaks(&rule) =>
        {
            Ok(true)
        }
        Err(error) => Err(format!("{flaw:?} at node {expected} in `{region}` was refused otherwise: {error}")),
    }
}

#[test]
fn every_flaw_of_a_circuit_is_refused_for_its_rule_with_node_and_region() {
    let refused = RefCell::new(BTreeMap::<CircuitFlaw, u32>::new());
    let result = runner(150).run(&(recipes(25), any::<u32>()), |(recipe, choice)| {
        let circuit = recipe.build(Truncation::Exact);
        for flaw in CircuitFlaw::ALL {
            for round in 0..3 {
                let choice = (choice as usize).wrapping_add(round * 7919);
                if is_refused(&circuit, flaw, choice).map_err(TestCaseError::fail)? {
                    *refused.borrow_mut().entry(flaw).or_default() += 1;
                }
            }
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let refused = refused.into_inner();
    println!("{refused:?}");
    assert_eq!(refused.len(), CircuitFlaw::ALL.len(), "every flaw was tried: {refused:?}");
    assert!(refused.values().all(|&count| count >= 30), "each often enough: {refused:?}");
}

// Found by probing at the edges and by the generator: each was a hang, a panic, a silent error or a wrong message once.

/// Compiles x -> fourier(x) and says whether the error, if any, is one that the user can act on.
fn compiles_or_is_refused_by_name(guard_bits: i8, series: Series) {
    let circuit = map_circuit(&[1], |c, x| {
        let x = c.precision(x, guard_bits);
        c.fourier(x, series)
    });
    let result = scheme::compile(&circuit, &PUBLISHED, FIXED);
    assert!(!matches!(result, Err(CompileError::Program(_))), "{result:?}");
}

fn series(period: f64, cosine: f64) -> Series {
    Series {
        period,
        constant: 0.5,
        cosines: vec![cosine],
        sines: vec![],
        opening: Opening::Period,
        most_guard_bits: None,
    }
}

#[test]
fn a_series_whose_terms_are_all_zero_is_constant_or_refused_by_name() {
    compiles_or_is_refused_by_name(0, series(16.0, 0.0));
}

#[test]
fn a_series_that_does_not_fit_is_refused_by_name() {
    compiles_or_is_refused_by_name(0, series(16.0, 1e200));
    compiles_or_is_refused_by_name(10, series(1.0, 1.0));
    compiles_or_is_refused_by_name(44, series(1e-9, 1.0));
}

#[test]
fn a_broadcast_to_more_elements_than_can_be_addressed_is_refused() {
    let mut c = Circuit::new();
    let a = c.input(Owner::Client, "a", [1 << 40, 1]);
    let b = c.input(Owner::Client, "b", [1, 1 << 40]);
    let sum = c.add(a, b);
    let reshaped = c.reshape(sum, [4]);
    c.reveal(reshaped, "y");
    assert!(c.finish().is_err());

    let mut p = ProgramBuilder::new(PartySet::of(&[Party::P0]), Party::P0);
    let a = p.input(Party::P0, "a", 16, Domain::Z64, [1 << 40, 1].into());
    let b = p.input(Party::P0, "b", 16, Domain::Z64, [1, 1 << 40].into());
    let sum = p.add(a, b);
    p.moved(sum, Move::Reshape([4].into()));
    assert!(p.finish().is_err());
}

#[test]
fn a_shift_beyond_the_range_of_guard_bits_is_refused_or_right() {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [1]);
    let small = c.shift(x, -100);
    let tiny = c.shift(small, -100);
    let y = c.shift(tiny, 127);
    c.reveal(y, "y");
    if let Ok(circuit) = c.finish()
        && let Ok(program) = scheme::compile(&circuit, &PUBLISHED, FIXED)
    {
        // 2^-73, nothing in fixed point; the run gives 1.
        assert_eq!(run(&program, &[("x", &[1.0])], 1).output("y").unwrap().values, [0.0]);
    }
}

fn stored_sample_and_send() -> Json {
    let mut p = ProgramBuilder::new(PartySet::of(&[Party::P0, Party::P1]), Party::P0);
    p.region("dealt", |p| {
        let sample = p.sample(PartySet::of(&[Party::P0]), Domain::Z64, Shape::scalar());
        p.send(sample, Party::P1)
    });
    serde_json::to_value(p.finish().unwrap().into_draft()).unwrap()
}

#[test]
fn a_holder_that_is_no_party_is_refused() {
    let mut stored = stored_sample_and_send();
    stored["parties"] = json!(0b100_0010);
    stored["values"][0]["holders"] = json!(0b100_0000);
    stored["values"][1]["holders"] = json!(0b100_0010);
    let draft: Result<ProgramDraft, _> = serde_json::from_value(stored);
    assert!(draft.is_err() || draft.unwrap().check().is_err());
}

#[test]
fn a_region_that_is_its_own_parent_is_refused() {
    let mut stored = stored_sample_and_send();
    stored["regions"][1]["parent"] = json!(1);
    let draft: ProgramDraft = serde_json::from_value(stored).unwrap();
    assert!(draft.check().is_err());
}
