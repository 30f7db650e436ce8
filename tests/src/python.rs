//! Circuits as programs in another language: ground truth that shares no line with viewless.
//!
//! [`program`] writes circuits as one stand-alone program in Python, whose operations (`python/operations.py`) are written from the
//! documentation of [`Op`] and compute on nested lists with the standard library alone. [`run`] runs it, and what it says is compared:
//!
//! - [`agrees`]: with the plaintext interpreter, node by node, each from Python's own numbers before it. Both compute in f64, so every
//!   operation gives the same number to the last bit, except the trigonometric sums and powers, which are two libraries' and are
//!   argued about in [`tolerance`].
//! - [`holds`]: with a private run, within the bound that is derived for it.
//!
//! The thought is BabelFuzz's: compilers that agree with themselves are compared with an interpreter of another kind.

use crate::random_circuit::bound;
use crate::{FIXED, compile};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use viewless_protocols::circuit::{CheckedCircuit, NodeId, Op, Opening, Owner, Sectors, Series};
use viewless_protocols::scheme::SchemeSpec;
use viewless_protocols::shape::{Move, Shape};
use viewless_simulator::execute::{Options, execute};
use viewless_simulator::stream::Seed;

/// The operations in Python.
pub const OPERATIONS: &str = include_str!("python/operations.py");

/// The numbers of inputs, by name; the same for an input of the client and of the model that share a name.
pub type Inputs = BTreeMap<String, Vec<f64>>;

/// A tensor as Python writes it: lengths of its axes, and its elements, row-major.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Tensor(pub Vec<usize>, #[serde(deserialize_with = "numbers")] pub Vec<f64>);

/// A number; one that is not finite is a word.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Other(String),
}

fn numbers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    let number = |number| match number {
        Number::Finite(x) => Ok(x),
        Number::Other(word) => word.parse().map_err(D::Error::custom),
    };
    Vec::<Number>::deserialize(from)?.into_iter().map(number).collect()
}

/// What Python computed of a circuit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Answer {
    /// Outputs by name.
    pub outputs: BTreeMap<String, Tensor>,
    /// The value of every node, as far as it came.
    pub values: Vec<Tensor>,
    /// Why it came no further.
    pub failed: Option<String>,
}

/// Circuits as one program that stands alone.
#[must_use]
pub fn program<'a>(circuits: impl IntoIterator<Item = &'a CheckedCircuit>) -> String {
    program_with(OPERATIONS, circuits)
}

/// The same with other operations: tests break them.
#[must_use]
pub fn program_with<'a>(operations: &str, circuits: impl IntoIterator<Item = &'a CheckedCircuit>) -> String {
    let mut text = operations.to_owned();
    let mut names = Vec::new();
    for (number, circuit) in circuits.into_iter().enumerate() {
        text += &function(number, circuit);
        names.push(format!("circuit_{number}"));
    }
    let _ = writeln!(text, "\n\nif __name__ == \"__main__\":\n    main([{}])", names.join(", "));
    text
}

/// One circuit as a function of its inputs, to which it adds the value of every node, and the outputs by name.
fn function(number: usize, circuit: &CheckedCircuit) -> String {
    let mut text = format!("\n\ndef circuit_{number}(given, v, outputs):\n");
    let mut region = None;
    for (i, node) in circuit.nodes().iter().enumerate() {
        if region.replace(node.region) != Some(node.region) {
            let _ = writeln!(text, "    # in {:?}", circuit.regions().path(node.region));
        }
        let value = expression(&node.op, &node.shape);
        let _ = writeln!(text, "    v.append({value})  # v[{i}]: {:?} {}", node.kind, node.shape);
        if let Op::Reveal(_, name) = &node.op {
            let _ = writeln!(text, "    outputs[{}] = v[{i}]", quoted(name));
        }
    }
    text
}

/// A name as a literal: a string of JSON is one of Python.
fn quoted(name: &str) -> String {
    serde_json::to_string(name).expect("a string is JSON")
}

/// How an input is called in what a program is given.
#[must_use]
pub fn input_name(owner: Owner, name: &str) -> String {
    match owner {
        Owner::Client => format!("client {name}"),
        Owner::Model => format!("model {name}"),
    }
}

/// A node's operation as an expression of the nodes before it.
fn expression(op: &Op, shape: &Shape) -> String {
    let list = |ids: &[NodeId]| ids.iter().map(|id| format!("v[{}]", id.index())).collect::<Vec<_>>().join(", ");
    let arguments = list(&op.arguments());
    match op {
        Op::Input { owner, name } => format!("tensor(given[{}], {shape})", quoted(&input_name(*owner, name))),
        Op::Constant(values) => format!("tensor({values:?}, {shape})"),
        Op::Add(..) => format!("add({arguments})"),
        Op::Sub(..) => format!("sub({arguments})"),
        Op::Neg(_) => format!("neg({arguments})"),
        Op::Scale(_, factor) => format!("scale({arguments}, {factor:?})"),
        Op::Offset(_, summand) => format!("offset({arguments}, {summand:?})"),
        Op::Shift(_, exponent) => format!("shift({arguments}, {exponent})"),
        Op::Precision(_) => format!("precision({arguments})"),
        Op::Mul(..) => format!("mul({arguments})"),
        Op::Square(_) => format!("square({arguments})"),
        Op::MatMul(..) => format!("matmul({arguments})"),
        Op::Sum(_, axis) => format!("sum_over({arguments}, axis={axis})"),
        Op::Move(_, Move::Reshape(to)) => format!("reshape({arguments}, {to})"),
        Op::Move(_, Move::Transpose(order)) => format!("transpose({arguments}, order={:?})", order.as_slice()),
        Op::Move(_, Move::Broadcast(to)) => format!("broadcast({arguments}, {to})"),
        Op::Move(_, Move::Slice { axis, start, length }) => {
            format!("slice_of({arguments}, axis={axis}, start={start}, length={length})")
        }
        Op::Move(_, Move::Windows(windows)) => format!(
            "windows({arguments}, axis={}, start={}, lengths={:?}, steps={:?})",
            windows.axis, windows.start, windows.lengths, windows.steps
        ),
        Op::Concat(_, axis) => format!("concat([{arguments}], axis={axis})"),
        Op::Less(..) => format!("less({arguments})"),
        Op::LessThan(_, bound) => format!("less_than({arguments}, {bound:?})"),
        Op::Equal(..) => format!("equal({arguments})"),
        Op::And(..) => format!("and_({arguments})"),
        Op::Xor(..) => format!("xor({arguments})"),
        Op::Not(_) => format!("not_({arguments})"),
        Op::Select(..) => format!("select({arguments})"),
        Op::Real(_) => format!("real({arguments})"),
        Op::Fourier(_, series) => {
            let Series { period, constant, cosines, sines, opening, most_guard_bits: _ } = &**series;
            let modulus = match opening {
                Opening::Period => String::new(),
                Opening::Remainder { modulus } => format!(", modulus={modulus:?}"),
            };
            format!(
                "fourier({arguments}, period={period:?}, constant={constant:?}, cosines={cosines:?}, sines={sines:?}{modulus})"
            )
        }
        Op::Lookup(_, table) => {
            let (bits, entries) = (table.index_fraction_bits, &table.entries);
            format!("lookup({arguments}, index_fraction_bits={bits}, entries={entries:?})")
        }
        Op::Power(_, Sectors { modulus_bits, sector_bits }) => {
            format!("power({arguments}, modulus_bits={modulus_bits}, sector_bits={sector_bits})")
        }
        Op::Level(_, levels) => {
            let (index, step) = (levels.index_bits, levels.step_exponent);
            format!("level({arguments}, index_bits={index}, step_exponent={step})")
        }
        Op::Reveal(..) => arguments,
    }
}

/// Runs a program on the inputs of each of its circuits, in a process of its own.
///
/// # Errors
/// A sentence: there is no `python3`, or the program does not end well.
pub fn run(program: &str, cases: &[(&CheckedCircuit, &Inputs)]) -> Result<Vec<Answer>, String> {
    let given = |(circuit, inputs): &(&CheckedCircuit, &Inputs)| {
        let input = |op: &Op| match op {
            Op::Input { owner, name } => Some((input_name(*owner, name), inputs[name].clone())),
            _ => None,
        };
        circuit.nodes().iter().filter_map(|node| input(&node.op)).collect::<Inputs>()
    };
    let given: Vec<Inputs> = cases.iter().map(given).collect();
    let file = tempfile::Builder::new().suffix(".py").tempfile().map_err(|error| error.to_string())?;
    file.as_file().write_all(program.as_bytes()).map_err(|error| error.to_string())?;
    let mut child = Command::new("python3")
        .args(["-B".as_ref(), file.path().as_os_str(), "--every".as_ref()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("python3 does not start ({error}); install Python 3.10 or later"))?;
    let mut input = child.stdin.take().expect("it was piped");
    // A program reads all that it is given before it writes. That it ended before is told by its status.
    let _ = input.write_all(serde_json::to_string(&given).expect("numbers are JSON").as_bytes());
    drop(input);
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let lines = std::str::from_utf8(&output.stdout).map_err(|error| error.to_string())?.lines();
    let answers: Result<Vec<Answer>, _> = lines.map(serde_json::from_str).collect();
    let answers = answers.map_err(|error| format!("an answer of Python is no answer: {error}"))?;
    if answers.len() == cases.len() { Ok(answers) } else { Err(format!("{} answers", answers.len())) }
}

/// Follows Python's numbers through the plaintext interpreter, each node from Python's numbers before it; how many were compared.
///
/// # Errors
/// The first node at which the two differ, with its operation.
pub fn agrees(circuit: &CheckedCircuit, inputs: &Inputs, answer: &Answer) -> Result<usize, String> {
    let mut compared = Ok(0);
    let settle = |id: NodeId, ours: Vec<f64>| {
        let (node, at) = (&circuit.nodes()[id.index()], format!("%{}", id.index()));
        let wrong = |why: String| format!("{at} = {:?}: {why}", node.op);
        let Some(Tensor(axes, found)) = answer.values.get(id.index()) else {
            let why = answer.failed.clone().unwrap_or_default();
            compared = compared.clone().and_then(|_| Err(wrong(format!("Python has no value of it: {why}"))));
            return ours;
        };
        if axes != node.shape.axes() || found.len() != ours.len() {
            compared = compared.clone().and_then(|_| Err(wrong(format!("{axes:?} in Python, and {}", node.shape))));
            return ours;
        }
        for (i, (found, ours)) in found.iter().zip(&ours).enumerate() {
            let argument = || node.op.arguments().first().map_or(0.0, |a| answer.values[a.index()].1[i]);
            let is_alike = found == ours
                || found.is_nan() && ours.is_nan()
                || (found - ours).abs() <= tolerance(&node.op, argument);
            compared = compared.clone().and_then(|so_far: usize| match is_alike {
                true => Ok(so_far + 1),
                false => Err(wrong(format!("element {i} is {found:?} in Python, and {ours:?}"))),
            });
        }
        found.clone()
    };
    let plain = circuit
        .evaluate_settled(|_, name| inputs.get(name).cloned(), settle)
        .map_err(|error| format!("we cannot evaluate it: {error}"))?;
    let compared = compared?;
    let named: BTreeMap<&str, (&[usize], &[f64])> =
        plain.outputs.iter().map(|(name, shape, values)| (name.as_str(), (shape.axes(), values.as_slice()))).collect();
    let found = answer.outputs.iter().map(|(name, Tensor(axes, values))| (name.as_str(), (&axes[..], &values[..])));
    if found.collect::<BTreeMap<_, _>>() == named { Ok(compared) } else { Err("other outputs".to_owned()) }
}

/// How far two right answers of one operation may be apart, both in f64 from the same argument; nothing but for what a library computes.
///
/// With u = 2^-53, the part of a number that one rounding may change:
///
/// - *trigonometric sum*: the angle 2 pi x / period is found in three roundings, here of x and in the interpreter of what is left of x in a
///   period, and multiplied by k in one more: in all below 5 u k (|angle| + 2 pi). A cosine or sine has at most that, and two units of its
///   last place (4 u); its product with a coefficient one rounding (and one here). n terms whose sizes add up to S are summed in another
///   order, which changes the sum by 2 n u S.
/// - *power*: an exponent is brought into its sectors in one rounding of a number below M, here and there, which changes it by 2 u M at most and so
///   the power by as large a part; each library adds a unit of the last place, 2 u.
pub fn tolerance(op: &Op, argument: impl Fn() -> f64) -> f64 {
    const U: f64 = f64::EPSILON / 2.0;
    match op {
        Op::Fourier(_, series) => {
            let angle = (2.0 * std::f64::consts::PI * argument() / series.period).abs() + 2.0 * std::f64::consts::PI;
            let wave = |(k, a): (usize, &f64)| a.abs() * (5.0 * (k + 1) as f64 * angle + 6.0);
            let waves = || [&series.cosines, &series.sines].into_iter();
            let sizes: f64 = series.constant.abs() + waves().flatten().map(|a| a.abs()).sum::<f64>();
            let terms = 1 + waves().map(Vec::len).sum::<usize>();
            let sum: f64 = waves().flat_map(|list| list.iter().enumerate().map(wave)).sum();
            U * (sum + 2.0 * terms as f64 * sizes)
        }
        Op::Power(_, sectors) => {
            let x = argument();
            U * sectors.at(x) * (2.0 * sectors.modulus() + 4.0)
        }
        Op::Input { .. }
        | Op::Constant(_)
        | Op::Add(..)
        | Op::Sub(..)
        | Op::Neg(_)
        | Op::Scale(..)
        | Op::Offset(..)
        | Op::Shift(..)
        | Op::Precision(_)
        | Op::Mul(..)
        | Op::Square(_)
        | Op::MatMul(..)
        | Op::Sum(..)
        | Op::Move(..)
        | Op::Concat(..)
        | Op::Less(..)
        | Op::Equal(..)
        | Op::LessThan(..)
        | Op::And(..)
        | Op::Xor(..)
        | Op::Not(_)
        | Op::Select(..)
        | Op::Real(_)
        | Op::Lookup(..)
        | Op::Level(..)
        | Op::Reveal(..) => 0.0,
    }
}

/// Runs the circuit privately and holds its outputs to Python's, within the bound of [`bound::outputs`]; how many were compared, and the
/// largest error as a part of its bound.
///
/// # Errors
/// A sentence that names the output.
pub fn holds(
    circuit: &CheckedCircuit,
    spec: &SchemeSpec,
    inputs: &Inputs,
    seed: u64,
    answer: &Answer,
) -> Result<(usize, f64), String> {
    let program = compile(circuit, spec);
    let run = execute(&program, inputs, Options::new(Seed::from_u64(seed))).map_err(|error| error.to_string())?;
    let (mut compared, mut worst) = (0, 0.0_f64);
    if run.findings.wraps > 0 {
        return Ok((compared, worst));
    }
    let bounded = bound::outputs(circuit, FIXED, spec.truncation, |name| inputs[name].clone());
    for (output, (name, bounded)) in run.outputs.iter().zip(&bounded) {
        let Tensor(_, truths) = answer.outputs.get(name).ok_or_else(|| format!("Python has no `{name}`"))?;
        for (i, ((computed, truth), bound)) in output.values.iter().zip(truths).zip(&bounded.errors).enumerate() {
            let error = (computed - truth).abs();
            if error > *bound {
                return Err(format!("`{name}`[{i}] = {computed} where Python says {truth}: bound {bound:e}"));
            }
            compared += usize::from(bound.is_finite());
            worst = worst.max(if error > 0.0 { error / bound } else { 0.0 });
        }
    }
    Ok((compared, worst))
}
