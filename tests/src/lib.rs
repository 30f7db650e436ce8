//! What the integration tests share: suites of scheme choices, and a short way from circuit to run.

use std::collections::BTreeMap;
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Owner, Secret};
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::program::{Op, Program};
use viewless_protocols::scheme::{
    self, Comparison, SchemeKind, SchemeSpec, Sharing, Triples, Truncation, Weights, WeightsAmongThree,
};
use viewless_simulator::execute::{Execution, Options, execute};
use viewless_simulator::stream::Seed;

pub mod gallery;
pub mod mutation;
pub mod projection;
pub mod property;
pub mod python;
pub mod random_circuit;
pub mod random_program;
mod random_walk;
pub mod shortened;
pub mod small_models;
pub mod swarm;

/// 16 fraction bits, as in every published system of the additive setting.
pub const FIXED: FixedPoint = FixedPoint::of::<16>();

/// The choices of the published two-party systems.
pub const PUBLISHED: SchemeSpec = SchemeSpec {
    sharing: Sharing::Additive2(Triples::Fresh, Weights::Shared),
    truncation: Truncation::Local,
    comparison: Comparison::Spk,
};

/// The three-party scheme with the cheapest choices.
pub const REPLICATED: SchemeSpec = SchemeSpec {
    sharing: Sharing::Replicated3(WeightsAmongThree::Shared),
    truncation: Truncation::Local,
    comparison: Comparison::Carry,
};

/// Every combination of choices of every scheme.
#[must_use]
pub fn every_scheme() -> Vec<SchemeSpec> {
    SchemeSpec::every()
}

/// Every combination of choices of one scheme.
#[must_use]
pub fn every_choice_of(kind: SchemeKind) -> Vec<SchemeSpec> {
    every_scheme().into_iter().filter(|spec| spec.kind() == kind).collect()
}

/// A circuit with one client input `x` of `shape`, whose result is revealed as `y`.
///
/// # Panics
/// When the circuit is ill-formed.
#[must_use]
pub fn map_circuit(shape: &[usize], build: impl FnOnce(&mut Circuit, Secret) -> Secret) -> CheckedCircuit {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", shape);
    let y = build(&mut c, x);
    c.reveal(y, "y");
    c.finish().expect("the test's circuit is well-formed")
}

/// Compiles under `spec` with [`FIXED`].
///
/// # Panics
/// When the circuit does not compile.
#[must_use]
pub fn compile(circuit: &CheckedCircuit, spec: &SchemeSpec) -> Program {
    scheme::compile(circuit, spec, FIXED).expect("the test's circuit compiles")
}

/// Numbers between two, spread over the interval, for every input of a Program.
#[must_use]
pub fn numbers(program: &Program, low: f64, high: f64) -> BTreeMap<String, Vec<f64>> {
    let name = |op: &Op| if let Op::Input { name, .. } = op { Some(name.to_string()) } else { None };
    let number = |i: usize| low + (high - low) * (((i * 7919 + 13) % 101) as f64 / 101.0);
    let inputs = program.values.iter().filter_map(|value| Some((name(&value.op)?, value.shape.elements())));
    inputs.map(|(name, elements)| (name, (0..elements).map(number).collect())).collect()
}

/// Runs a Program on named inputs.
///
/// # Panics
/// When the run fails.
#[must_use]
pub fn run(program: &Program, inputs: &[(&str, &[f64])], seed: u64) -> Execution {
    let inputs: BTreeMap<String, Vec<f64>> = inputs.iter().map(|(name, x)| ((*name).to_owned(), x.to_vec())).collect();
    execute(program, &inputs, Options::new(Seed::from_u64(seed))).expect("the test's inputs fit")
}
