//! Helpers of the tests: evaluation over the reals, and the count of a compiled protocol.

use crate::circuit::{CheckedCircuit, Circuit, Owner, Plaintext, Secret};
use crate::fixed::FixedPoint;
use crate::nonlinear::{LayerNormInputs, Protocol, Setting};
use crate::party::Party;
use crate::program::{Op, Program, Schedule};
use crate::scheme::{self, SchemeSpec, Sharing, Triples, Weights};

/// `points` numbers from `low` to `high`.
pub(in crate::nonlinear) fn grid(low: f64, high: f64, points: usize) -> impl Iterator<Item = f64> + Clone {
    (0..points).map(move |i| low + (high - low) * i as f64 / (points - 1) as f64)
}

fn run(circuit: &CheckedCircuit, inputs: &[(&str, &[f64])]) -> Plaintext {
    circuit
        .evaluate(|_, name| inputs.iter().find(|(known, _)| *known == name).map(|(_, values)| values.to_vec()))
        .unwrap()
}

/// What `build` makes of `values` as one row.
pub(in crate::nonlinear) fn map_with(values: &[f64], build: impl FnOnce(&mut Circuit, Secret) -> Secret) -> Vec<f64> {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [values.len()]);
    let y = build(&mut c, x);
    c.reveal(y, "y");
    run(&c.finish().unwrap(), &[("x", values)]).outputs.remove(0).2
}

/// What a protocol makes of `values` as one row.
pub(in crate::nonlinear) fn map(protocol: &Protocol, values: &[f64]) -> Vec<f64> {
    map_with(values, |c, x| protocol.build(c, x))
}

/// Largest error of an elementwise protocol on the points.
pub(in crate::nonlinear) fn largest_error(
    protocol: &Protocol,
    points: impl Iterator<Item = f64>,
    truth: impl Fn(f64) -> f64,
) -> (f64, f64) {
    let points: Vec<f64> = points.collect();
    let found = map(protocol, &points);
    points.iter().zip(found).fold((0.0, 0.0), |(absolute, relative), (&x, y)| {
        let error = (y - truth(x)).abs();
        (error.max(absolute), (error / truth(x).abs()).max(relative))
    })
}

/// Mean of the absolute errors of an elementwise protocol on the points.
pub(in crate::nonlinear) fn mean_error(
    protocol: &Protocol,
    points: impl Iterator<Item = f64>,
    truth: impl Fn(f64) -> f64,
) -> f64 {
    let points: Vec<f64> = points.collect();
    let found = map(protocol, &points);
    points.iter().zip(&found).map(|(&x, y)| (y - truth(x)).abs()).sum::<f64>() / points.len() as f64
}

/// A layer normalisation of one row with gamma = 1, beta = 0 unless given.
pub(in crate::nonlinear) fn layer_norm(
    protocol: &Protocol,
    x: &[f64],
    gamma: &[f64],
    beta: &[f64],
    epsilon: f64,
) -> Vec<f64> {
    let circuit = layer_norm_circuit(protocol, 1, x.len(), epsilon);
    run(&circuit, &[("x", x), ("gamma", gamma), ("beta", beta)]).outputs.remove(0).2
}

/// The exact layer normalisation.
pub(in crate::nonlinear) fn layer_norm_truth(x: &[f64], gamma: &[f64], beta: &[f64], epsilon: f64) -> Vec<f64> {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    x.iter().zip(gamma).zip(beta).map(|((x, g), b)| g * (x - mean) / (variance + epsilon).sqrt() + b).collect()
}

fn layer_norm_circuit(protocol: &Protocol, rows: usize, row_length: usize, epsilon: f64) -> CheckedCircuit {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [rows, row_length]);
    let gamma = c.input(Owner::Model, "gamma", [row_length]);
    let beta = c.input(Owner::Model, "beta", [row_length]);
    let y = protocol.build(&mut c, LayerNormInputs { x, gamma, beta, epsilon });
    c.reveal(y, "y");
    c.finish().unwrap()
}

/// A protocol on `rows` rows.
pub(in crate::nonlinear) fn circuit(protocol: &Protocol, rows: usize, row_length: usize) -> CheckedCircuit {
    match protocol.build.kind() {
        crate::nonlinear::Kind::LayerNorm => layer_norm_circuit(protocol, rows, row_length, 1e-12),
        crate::nonlinear::Kind::Map | crate::nonlinear::Kind::Softmax => {
            let mut c = Circuit::new();
            let x = c.input(Owner::Client, "x", [rows, row_length]);
            let y = protocol.build(&mut c, x);
            c.reveal(y, "y");
            c.finish().unwrap()
        }
    }
}

/// The scheme of a setting.
pub(in crate::nonlinear) fn scheme(setting: &Setting) -> SchemeSpec {
    SchemeSpec {
        sharing: Sharing::Additive2(Triples::Fresh, Weights::Shared),
        truncation: setting.truncation,
        comparison: setting.comparison,
    }
}

/// The Program of a circuit with 16 fraction bits.
pub(in crate::nonlinear) fn compile(circuit: &CheckedCircuit, setting: &Setting) -> Program {
    scheme::compile(circuit, &scheme(setting), FixedPoint::of::<16>()).unwrap()
}

/// Rounds and bits of the messages between computing parties within the regions of `name`: sends of what one of them
/// holds.
pub(in crate::nonlinear) fn count(program: &Program, name: &str, schedule: Schedule) -> (u64, i64) {
    let mut bits = 0;
    let mut depth: Vec<u64> = Vec::with_capacity(program.values.len());
    let (mut round, mut last_send) = (0, None);
    for (id, value) in program.iter() {
        let after = value.op.arguments().iter().map(|argument| depth[argument.index()]).max().unwrap_or(0);
        let inside = program.regions.path(value.region).starts_with(name);
        let counts = inside
            && matches!(value.op, Op::Send(sent, _) if [Party::P0, Party::P1].iter().any(|&party| program.value(sent).holders.contains(party)));
        if !counts {
            depth.push(after);
            continue;
        }
        bits += value.bits() as i64;
        let adjacent = last_send.is_some_and(|last: usize| last + 1 == id.index());
        let at = match schedule {
            Schedule::Asap => after + 1,
            Schedule::AsWritten if adjacent && after < round => round,
            Schedule::AsWritten => round + 1,
        };
        last_send = Some(id.index());
        round = round.max(at);
        depth.push(at);
    }
    (round, bits)
}
