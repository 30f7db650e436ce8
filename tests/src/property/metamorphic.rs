//! The same circuit in other words: what must not change when nothing that matters does.
//!
//! (Metamorphic relations found thousands of miscompiled inputs in compilers of this kind: MT-MPC, FSE 2024.)

use super::Source;
use crate::random_circuit::property::inputs;
use crate::random_circuit::{Recipe, bound};
use crate::{FIXED, compile, every_scheme};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use viewless_proofs::privacy::{promised_coalitions, prove};
use viewless_protocols::circuit::{CheckedCircuit, Circuit, DomainClaim, Kind, Node, NodeId, Op};
use viewless_protocols::program::{Grouping, Phase, Program, Schedule, bill};
use viewless_protocols::scheme::{Triples, Truncation};
use viewless_protocols::shape::{Move, Shape};
use viewless_simulator::execute::{Options, execute};
use viewless_simulator::stream::Seed;

/// What is done to one node, or to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    NegateTwice,
    AddAndSubtract,
    ShiftAndBack,
    ScaleByOne,
    ReshapeAndBack,
    ReverseTwice,
    SplitAndJoin,
    NotTwice,
    SwapArguments,
    Reorder,
}

impl Relation {
    const ALL: [Self; 10] = [
        Self::NegateTwice,
        Self::AddAndSubtract,
        Self::ShiftAndBack,
        Self::ScaleByOne,
        Self::ReshapeAndBack,
        Self::ReverseTwice,
        Self::SplitAndJoin,
        Self::NotTwice,
        Self::SwapArguments,
        Self::Reorder,
    ];

    /// Whether the bill is that of the original, to the byte.
    fn keeps_the_bill(self) -> bool {
        match self {
            Self::NegateTwice
            | Self::AddAndSubtract
            | Self::ShiftAndBack
            | Self::ScaleByOne
            | Self::ReshapeAndBack
            | Self::ReverseTwice
            | Self::NotTwice
            | Self::SplitAndJoin
            | Self::Reorder => true,
            // The factor that has a mask of its own may be another.
            Self::SwapArguments => false,
        }
    }

    /// What is put behind a node, each operation behind the one before; nothing if it does not apply.
    fn behind(self, node: &Node, first: NodeId) -> Vec<Node> {
        let at = |i: usize| NodeId::at(first.index() + i);
        let like = |op: Op| Node { op, ..node.clone() };
        let shaped = |op: Op, shape: &Shape| Node { op, shape: shape.clone(), ..node.clone() };
        let axes = node.shape.axes();
        match (self, node.kind) {
            (Self::NegateTwice, Kind::Real) => vec![like(Op::Neg(at(0))), like(Op::Neg(at(1)))],
            (Self::AddAndSubtract, Kind::Real) => vec![like(Op::Offset(at(0), 0.5)), like(Op::Offset(at(1), -0.5))],
            (Self::ShiftAndBack, Kind::Real) => {
                let shifted = Node { guard_bits: node.guard_bits - 1, ..like(Op::Shift(at(0), 1)) };
                vec![shifted, like(Op::Shift(at(1), -1))]
            }
            (Self::ScaleByOne, Kind::Real) => vec![like(Op::Scale(at(0), 1.0))],
            (Self::ReshapeAndBack, Kind::Real) => {
                let flat: Shape = [node.shape.elements()].into();
                let there = shaped(Op::Move(at(0), Move::Reshape(flat.clone())), &flat);
                vec![there, like(Op::Move(at(1), Move::Reshape(node.shape.clone())))]
            }
            (Self::ReverseTwice, Kind::Real) if axes.len() > 1 => {
                let order: SmallVec<[u8; 4]> = (0..axes.len() as u8).rev().collect();
                let reversed: Shape = axes.iter().rev().copied().collect();
                let there = shaped(Op::Move(at(0), Move::Transpose(order.iter().copied().collect())), &reversed);
                vec![there, like(Op::Move(at(1), Move::Transpose(order.iter().copied().collect())))]
            }
            (Self::SplitAndJoin, Kind::Real) => {
                let Some(axis) = axes.iter().position(|&length| length > 1) else { return vec![] };
                let part = |start: usize, length: usize| {
                    let shape: Shape =
                        axes.iter().enumerate().map(|(i, &n)| if i == axis { length } else { n }).collect();
                    shaped(Op::Move(at(0), Move::Slice { axis, start, length }), &shape)
                };
                let joined = Op::Concat([at(1), at(2)].into_iter().collect(), axis);
                vec![part(0, 1), part(1, axes[axis] - 1), like(joined)]
            }
            (Self::NotTwice, Kind::Bit) => vec![like(Op::Not(at(0))), like(Op::Not(at(1)))],
            _ => vec![],
        }
    }
}

/// The circuit in other words; none if the relation does not apply where it is to.
fn rewritten(circuit: &CheckedCircuit, relation: Relation, place: u8) -> Option<CheckedCircuit> {
    let old = circuit.nodes();
    let order = if relation == Relation::Reorder { reordered(old, place) } else { (0..old.len()).collect() };
    let place = usize::from(place) % old.len();
    let (mut nodes, mut places) = (Vec::<Node>::new(), vec![NodeId::at(0); old.len()]);
    let mut original = places.clone();
    for i in order {
        let mut node = old[i].clone();
        rename(&mut node.op, |id| places[id.index()]);
        if relation == Relation::SwapArguments && i == place {
            swap(&mut node.op);
        }
        let first = NodeId::at(nodes.len());
        let inserted = match i == place && !matches!(node.op, Op::Reveal(..)) {
            true => relation.behind(&node, first),
            false => vec![],
        };
        nodes.push(node);
        nodes.extend(inserted);
        (original[i], places[i]) = (first, NodeId::at(nodes.len() - 1));
    }
    let domains: Vec<DomainClaim> =
        circuit.domains().iter().map(|claim| DomainClaim { value: original[claim.value.index()], ..*claim }).collect();
    let changed = nodes != old;
    let stored = serde_json::json!({ "nodes": nodes, "regions": circuit.regions(), "domains": domains });
    let read: Circuit = serde_json::from_value(stored).expect("a circuit can be stored");
    changed.then(|| read.finish().expect("the same circuit in other words is well-formed"))
}

/// Another order in which arguments stand before their users.
fn reordered(nodes: &[Node], seed: u8) -> Vec<usize> {
    let mut state = u64::from(seed) * 2 + 1;
    let mut waiting: Vec<usize> = nodes.iter().map(|node| node.op.arguments().len()).collect();
    let mut ready: Vec<usize> = (0..nodes.len()).filter(|&i| waiting[i] == 0).collect();
    let mut order = Vec::new();
    while !ready.is_empty() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let next = ready.remove((state >> 33) as usize % ready.len());
        order.push(next);
        for (user, node) in nodes.iter().enumerate() {
            let uses = node.op.arguments().iter().filter(|id| id.index() == next).count();
            waiting[user] -= uses;
            if uses > 0 && waiting[user] == 0 {
                ready.push(user);
            }
        }
    }
    order
}

fn rename(op: &mut Op, name: impl Fn(NodeId) -> NodeId) {
    match op {
        Op::Input { .. } | Op::Constant(_) => {}
        Op::Neg(a)
        | Op::Scale(a, _)
        | Op::Offset(a, _)
        | Op::Shift(a, _)
        | Op::Precision(a)
        | Op::Square(a)
        | Op::Sum(a, _)
        | Op::Move(a, _)
        | Op::LessThan(a, _)
        | Op::Not(a)
        | Op::Real(a)
        | Op::Fourier(a, _)
        | Op::Lookup(a, _)
        | Op::Power(a, _)
        | Op::Level(a, _)
        | Op::Reveal(a, _) => *a = name(*a),
        Op::Add(a, b)
        | Op::Sub(a, b)
        | Op::Mul(a, b)
        | Op::MatMul(a, b)
        | Op::Less(a, b)
        | Op::Equal(a, b)
        | Op::And(a, b)
        | Op::Xor(a, b)
        | Op::Select(a, b) => (*a, *b) = (name(*a), name(*b)),
        Op::Concat(parts, _) => parts.iter_mut().for_each(|part| *part = name(*part)),
    }
}

/// Swaps the arguments where that changes nothing.
fn swap(op: &mut Op) {
    if let Op::Add(a, b) | Op::Mul(a, b) | Op::Equal(a, b) | Op::And(a, b) | Op::Xor(a, b) = op {
        std::mem::swap(a, b);
    }
}

/// A recipe, and one relation in one place.
pub(super) fn same_circuit(bytes: &[u8]) -> Result<(), String> {
    let mut source = Source::new(bytes);
    let (spec, seed) = (source.pick(&every_scheme()), u16::from_le_bytes(source.bytes()));
    let (relation, place) = (source.pick(&Relation::ALL), source.byte());
    let recipe = Recipe::from_bytes(source.rest());
    let circuit = recipe.build(spec.truncation);
    let Some(other) = rewritten(&circuit, relation, place) else { return Ok(()) };
    let said = |why: String| format!("{relation:?} at node {}: {why}", usize::from(place) % circuit.nodes().len());
    let (before, after) = (compile(&circuit, &spec), compile(&other, &spec));
    answers_stay_within_their_bounds(&recipe, &circuit, &other, &after, spec.truncation, seed.into()).map_err(said)?;
    let totals = |program: &Program| -> Vec<(u32, u64)> {
        let bill = bill(program, Schedule::Asap, Grouping::Region);
        Phase::ALL.map(|phase| bill.phase(phase)).iter().map(|phase| (phase.rounds, phase.bytes_total)).collect()
    };
    let (was, is) = (totals(&before), totals(&after));
    // Where values are opened once, and rings are planned from what consumes a value, another value is another plan.
    let plans = spec.truncation == Truncation::Narrowing || spec.sharing.triples() == Some(Triples::PerValue);
    let keeps_the_bill = if plans { relation == Relation::Reorder } else { relation.keeps_the_bill() };
    if keeps_the_bill && was != is {
        return Err(said(format!("rounds and bytes by phase were {was:?} and are {is:?}")));
    }
    if before.values.len() < MOST_PROVED_VALUES {
        for coalition in promised_coalitions(&before) {
            let verdicts = [&before, &after].map(|program| prove(program, coalition).verdict.name());
            if verdicts[0] != verdicts[1] {
                return Err(said(format!("{coalition} was {} and is {}", verdicts[0], verdicts[1])));
            }
        }
    }
    Ok(())
}

/// Programs with more values are not proved: it takes longer than all else.
const MOST_PROVED_VALUES: usize = 1500;

fn answers_stay_within_their_bounds(
    recipe: &Recipe,
    circuit: &CheckedCircuit,
    other: &CheckedCircuit,
    program: &Program,
    truncation: Truncation,
    seed: u64,
) -> Result<(), String> {
    let inputs = inputs(recipe, circuit);
    let plain = |circuit: &CheckedCircuit| -> Result<BTreeMap<String, Vec<f64>>, String> {
        let plain = circuit.evaluate(|_, name| inputs.get(name).cloned()).map_err(|error| error.to_string())?;
        Ok(plain.outputs.into_iter().map(|(name, _, values)| (name, values)).collect())
    };
    let (was, is) = (plain(circuit)?, plain(other)?);
    let near = |a: &Vec<f64>, b: &Vec<f64>| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-9 * (1.0 + a.abs()));
    if was.keys().ne(is.keys()) || !was.values().zip(is.values()).all(|(a, b)| near(a, b)) {
        return Err(format!("plaintext gave {was:?} and gives {is:?}"));
    }
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| error.to_string())?;
        pool.install(|| execute(program, &inputs, Options::new(Seed::from_u64(seed))))
            .map_err(|error| error.to_string())
    };
    let (execution, on_three) = (run(1)?, run(3)?);
    if execution.transcript_digest != on_three.transcript_digest || execution.outputs != on_three.outputs {
        return Err("three threads send or learn something else than one".to_owned());
    }
    if execution.findings.wraps > 0 {
        return Ok(());
    }
    for (name, bounded) in bound::outputs(circuit, FIXED, truncation, |name| inputs[name].clone()) {
        let output = execution.output(&name).ok_or_else(|| format!("nobody learns `{name}`"))?;
        for (i, (computed, (truth, bound))) in
            output.values.iter().zip(bounded.values.iter().zip(&bounded.errors)).enumerate()
        {
            if (computed - truth).abs() > *bound {
                return Err(format!("`{name}`[{i}] = {computed} where {truth} is true, bound {bound:e}"));
            }
        }
    }
    Ok(())
}
