//! What must hold of every recipe under every scheme: one property, run as a test and as a fuzz target.

use super::{Recipe, bound};
use crate::shortened;
use crate::{FIXED, compile, projection};
use std::collections::BTreeMap;
use viewless_proofs::bound::{Arithmetic, Interpreter, Tape};
use viewless_protocols::circuit::{CheckedCircuit, Circuit};
use viewless_protocols::fixed::{FixedPoint, power_of_two};
use viewless_protocols::party::Party;
use viewless_protocols::program::{Bill, Grouping, Message, Schedule, bill, timetable};
use viewless_protocols::program::{Phase, Program, ProgramDraft};
use viewless_protocols::scheme::{SchemeSpec, Truncation};
use viewless_simulator::execute::{Execution, Options, execute};
use viewless_simulator::stream::Seed;
use viewless_simulator::work::Work;

/// What was seen in a case that holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// Nodes of the circuit.
    pub nodes: usize,
    /// Elements of outputs.
    pub elements: usize,
    /// Those of them that depend on a comparison too close to call.
    pub unknown: usize,
    /// Largest error as a part of its bound.
    pub worst: f64,
    /// Local truncations that wrapped, as their law permits; the outputs were then not compared.
    pub wraps: u64,
    /// Elements truncated locally.
    pub truncations: u64,
    /// Expected wraps by the law.
    pub expected_wraps: f64,
}

/// Builds, compiles and runs `recipe`.
///
/// # Errors
/// A sentence that says which property failed, and how.
pub fn holds(recipe: &Recipe, spec: &SchemeSpec, seed: u64) -> Result<Seen, String> {
    let circuit = recipe.build(spec.truncation);
    round_trips(&circuit)?;
    let program = compile(&circuit, spec);
    program_round_trips(&program)?;
    phases_and_rounds_are_ordered(&program)?;
    let inputs = inputs(recipe, &circuit);
    let execution = runs_as_counted(&program, &inputs, seed, &bill)?;
    projection::agree(&program, &inputs, seed)?;
    shortened::agree(&program, &inputs, seed)?;
    outputs_are_certified(&circuit, FIXED, spec.truncation, &inputs, &execution)?;
    outputs_are_within_their_bounds(&circuit, FIXED, spec.truncation, &inputs, &execution)
}

/// The numbers of every input of the circuit.
#[must_use]
pub fn inputs(recipe: &Recipe, circuit: &CheckedCircuit) -> BTreeMap<String, Vec<f64>> {
    use viewless_protocols::circuit::Op;
    let nodes = circuit.nodes().iter();
    let input = |node: &viewless_protocols::circuit::Node| match &node.op {
        Op::Input { name, .. } => Some((name.clone(), recipe.numbers(name, node.shape.elements()))),
        _ => None,
    };
    nodes.filter_map(input).collect()
}

pub(crate) fn round_trips(circuit: &CheckedCircuit) -> Result<(), String> {
    let stored = serde_json::to_string(&**circuit).map_err(|error| error.to_string())?;
    let read: Circuit = serde_json::from_str(&stored).map_err(|error| error.to_string())?;
    let read = read.finish().map_err(|error| format!("a stored circuit is refused: {error}"))?;
    let text = circuit.to_string();
    if &read != circuit || read.to_string() != text {
        return Err("a circuit that was stored and read is another circuit".to_owned());
    }
    let read = Circuit::read(&text).map_err(|error| format!("the text of a circuit is refused: {error}"))?;
    if &read == circuit && read.to_string() == text {
        return Ok(());
    }
    Err("a circuit that was read from its text is another circuit, or has another text".to_owned())
}

pub(crate) fn program_round_trips(program: &Program) -> Result<(), String> {
    let stored = serde_json::to_string(&program.clone().into_draft()).map_err(|error| error.to_string())?;
    let read: ProgramDraft = serde_json::from_str(&stored).map_err(|error| error.to_string())?;
    let read = read.check().map_err(|error| format!("a stored Program is refused: {error}"))?;
    if read.digest() == program.digest() && &read == program {
        return Ok(());
    }
    Err("a Program that was stored and read has another digest".to_owned())
}

/// No value comes before what it depends on, and a schedule that may reorder needs no more rounds than one that may not.
pub(crate) fn phases_and_rounds_are_ordered(program: &Program) -> Result<(), String> {
    for (id, value) in program.iter() {
        if let Some(argument) =
            value.op.arguments().iter().find(|&&argument| program.phase(argument) > program.phase(id))
        {
            return Err(format!("%{} is before its argument %{}", id.0, argument.0));
        }
    }
    let (asap, as_written) = (timetable(program, Schedule::Asap), timetable(program, Schedule::AsWritten));
    if asap.rounds.iter().zip(&as_written.rounds).any(|(asap, as_written)| asap > as_written) {
        return Err(format!("rounds: asap {:?} but as written {:?}", asap.rounds, as_written.rounds));
    }
    let contents =
        |messages: &[Message]| -> Vec<_> { messages.iter().map(|m| (m.value, m.from, m.to, m.bytes)).collect() };
    if contents(&asap.messages) != contents(&as_written.messages) {
        return Err("the schedules disagree about the messages".to_owned());
    }
    Ok(())
}

/// Runs, and compares what was moved with what was counted: in all, and over each link in each phase.
pub(crate) fn runs_as_counted(
    program: &Program,
    inputs: &BTreeMap<String, Vec<f64>>,
    seed: u64,
    bill: &dyn Fn(&Program, Schedule, Grouping) -> Bill,
) -> Result<Execution, String> {
    let mut moved: BTreeMap<(Phase, Party, Party), u64> = BTreeMap::new();
    let mut observer = |message: &Message, contents: &[u8]| {
        *moved.entry((message.phase, message.from, message.to)).or_default() += contents.len() as u64;
    };
    let mut options = Options::new(Seed::from_u64(seed));
    options.observer = Some(&mut observer);
    let execution = execute(program, inputs, options).map_err(|error| error.to_string())?;
    let (computed, counted) = (execution.measured.work(), Work::of(program));
    if computed != counted {
        return Err(format!("computed {computed:?} but counted {counted:?}"));
    }
    for schedule in [Schedule::Asap, Schedule::AsWritten] {
        let bill = bill(program, schedule, Grouping::Region);
        for phase in Phase::ALL {
            let seen = moved.iter().filter(|((at, ..), _)| *at == phase);
            let by_link: BTreeMap<String, u64> =
                seen.map(|((_, from, to), bytes)| (format!("{from}->{to}"), *bytes)).collect();
            if by_link != bill.phase(phase).bytes_by_link {
                let counted = &bill.phase(phase).bytes_by_link;
                return Err(format!("{phase}: moved {by_link:?} but counted {counted:?}"));
            }
        }
        let counted: u64 = Phase::ALL.iter().map(|&phase| bill.phase(phase).bytes_total).sum();
        let regions: u64 =
            bill.regions.iter().map(|region| region.bytes_offline + region.bytes_setup + region.bytes_total).sum();
        if counted != execution.bytes_moved || regions != counted {
            return Err(format!("moved {}, counted {counted}, by region {regions}", execution.bytes_moved));
        }
    }
    Ok(execution)
}

/// Each output lies in the certified interval for these inputs, where there is one: intervals may leave the headroom where no run does.
pub(crate) fn outputs_are_certified(
    circuit: &CheckedCircuit,
    fixed: FixedPoint,
    truncation: Truncation,
    inputs: &BTreeMap<String, Vec<f64>>,
    execution: &Execution,
) -> Result<(), String> {
    if execution.findings.wraps > 0 {
        return Ok(());
    }
    let tape = Tape::new(circuit, fixed).map_err(|error| error.to_string())?;
    let unit = power_of_two(i32::from(fixed.fraction_bits()));
    let units = |x: &f64| ((x * unit).round(), (x * unit).round());
    let ends: Vec<(f64, f64)> = tape.inputs.iter().flat_map(|input| inputs[&input.name].iter().map(units)).collect();
    let interpreter = Interpreter::new(tape, Arithmetic::Ring(truncation)).map_err(|error| error.to_string())?;
    let Some(intervals) = interpreter.intervals(&ends) else { return Ok(()) };
    let computed = execution.outputs.iter().flat_map(|output| output.values.iter().map(move |x| (&output.name, *x)));
    for ((name, x), interval) in computed.zip(&intervals) {
        if !(interval.low..=interval.high).contains(&x) {
            return Err(format!("`{name}` has {x}, certified to be from {} to {}", interval.low, interval.high));
        }
    }
    Ok(())
}

pub(crate) fn outputs_are_within_their_bounds(
    circuit: &CheckedCircuit,
    fixed: FixedPoint,
    truncation: Truncation,
    inputs: &BTreeMap<String, Vec<f64>>,
    execution: &Execution,
) -> Result<Seen, String> {
    let plain = circuit.evaluate(|_, name| inputs.get(name).cloned()).map_err(|error| error.to_string())?;
    if let Some(domain) = plain.domains.iter().find(|domain| domain.outside > 0) {
        return Err(format!("interval arithmetic of the generator is wrong: {domain:?}"));
    }
    let bounded = bound::outputs(circuit, fixed, truncation, |name| inputs[name].clone());
    let findings = &execution.findings;
    if let Some(finding) = findings.headroom.first() {
        return Err(format!("the generator left the headroom: {finding:?}"));
    }
    let mut seen = Seen {
        nodes: circuit.nodes().len(),
        wraps: findings.wraps,
        truncations: findings.local_truncations,
        expected_wraps: findings.expected_wraps,
        ..Seen::default()
    };
    if plain.outputs.len() != bounded.len() || execution.outputs.len() != bounded.len() {
        return Err(format!("{} outputs where {} were revealed", execution.outputs.len(), bounded.len()));
    }
    for ((output, plain), (name, bounded)) in execution.outputs.iter().zip(&plain.outputs).zip(&bounded) {
        let named = (&output.name, &output.shape, output.to) == (name, &bounded.shape, Party::Client);
        if !named || (&plain.0, &plain.1) != (name, &bounded.shape) {
            return Err(format!("output `{name}` comes as `{}` {} of {}", output.name, output.shape, output.to));
        }
        for (i, (&computed, &truth)) in output.values.iter().zip(&bounded.values).enumerate() {
            let bound = bounded.errors[i];
            seen.elements += 1;
            if bound.is_infinite() {
                seen.unknown += 1;
                continue;
            }
            // The two interpreters in f64 differ by rounding alone.
            if (plain.2[i] - truth).abs() > bound.min(1e-9) {
                return Err(format!("`{name}`[{i}]: plaintext gives {} but the bound's own walk {truth}", plain.2[i]));
            }
            let error = (computed - truth).abs();
            if error > bound && seen.wraps == 0 {
                return Err(format!(
                    "`{name}`[{i}] = {computed} where {truth} is true: off by {error:e}, bound {bound:e}"
                ));
            }
            if bound > 0.0 && seen.wraps == 0 {
                seen.worst = seen.worst.max(error / bound);
            }
        }
    }
    Ok(seen)
}
