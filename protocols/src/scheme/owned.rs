//! What depends on the model alone, and what of it the owner computes by itself, in clear, before it is shared.
//!
//! A product of two weights in shares would cost a multiplication, a message and a truncation; of its owner it costs nothing, and it is rounded to the nearest number.
//! So layers can be *folded*: the scale and offset of a normalisation into the next matrix, the mean of its columns out of the one before
//! (see [`Transformer`](crate::model::circuit)). What shares can do for nothing, they do: a weight that is merely rearranged or added is shared as it is.
//!
//! Under [`Truncation::Narrowing`] or [`Triples::PerValue`] only. Published systems compute in shares whatever a circuit says of weights, and are counted so.

use super::laws;
use super::widths;
use super::{SchemeSpec, Triples, Truncation, Weights};
use crate::circuit::{CheckedCircuit, Node, NodeId, Op, Owner};

/// By node of a circuit.
#[derive(Debug, Clone)]
pub(super) struct Owned {
    from_model: Vec<bool>,
    in_clear: Vec<bool>,
    shared: Vec<bool>,
}

impl Owned {
    /// Of a circuit whose weights are shared; where a computing party has them in clear, it computes whatever it can, and nothing is told here.
    pub(super) fn of(circuit: &CheckedCircuit, spec: &SchemeSpec) -> Self {
        let nodes = circuit.nodes();
        let from_model = from_model(nodes);
        let mut in_clear = vec![false; nodes.len()];
        let mut shared = vec![false; nodes.len()];
        let is_ours = spec.truncation == Truncation::Narrowing || spec.sharing.triples() == Some(Triples::PerValue);
        if spec.weights() == Weights::Shared && is_ours {
            let arithmetic = arithmetic(nodes, &from_model);
            let opens_once = spec.sharing.triples() == Some(Triples::PerValue);
            // What is claimed of a number is claimed of its shares.
            circuit.domains().iter().for_each(|claim| shared[claim.value.index()] = true);
            for (i, node) in nodes.iter().enumerate().rev() {
                in_clear[i] |= arithmetic[i] && costs(nodes, node);
                if in_clear[i] {
                    node.op.arguments().iter().for_each(|argument| in_clear[argument.index()] = true);
                    continue;
                }
                let arguments = node.op.arguments();
                let is_product = matches!(node.op, Op::Mul(..) | Op::MatMul(..) | Op::Square(_) | Op::Select(..));
                let is_public = |argument: &NodeId| from_model[argument.index()] && !arithmetic[argument.index()];
                let opens = opens_once && is_product && !arguments.iter().any(is_public);
                for argument in arguments {
                    // In the place of what a product opens, what that is a rearrangement of.
                    let needed = if opens { widths::root(circuit, argument).0 } else { argument };
                    shared[needed.index()] = true;
                }
            }
            // What is public is no one's.
            nodes
                .iter()
                .zip(&mut in_clear)
                .for_each(|(node, in_clear)| *in_clear &= !matches!(node.op, Op::Constant(_)));
        }
        Self { from_model, in_clear, shared }
    }

    /// Whether a node depends on the model alone, or on nothing.
    pub(super) fn is_from_model(&self, node: NodeId) -> bool {
        self.from_model[node.index()]
    }

    /// Whether the owner computes a node.
    pub(super) fn is_in_clear(&self, node: NodeId) -> bool {
        self.in_clear[node.index()]
    }

    /// Whether a node that the owner computes is needed in shares.
    pub(super) fn is_shared(&self, node: NodeId) -> bool {
        self.shared[node.index()]
    }
}

/// Whether each node depends on the model alone, or on nothing.
fn from_model(nodes: &[Node]) -> Vec<bool> {
    let mut from_model: Vec<bool> = Vec::with_capacity(nodes.len());
    for node in nodes {
        from_model.push(match &node.op {
            Op::Input { owner, .. } => *owner == Owner::Model,
            op => op.arguments().iter().all(|argument| from_model[argument.index()]),
        });
    }
    from_model
}

/// Whether each node is made of the model's inputs by sums, products and rearrangements alone, and not of constants alone.
fn arithmetic(nodes: &[Node], from_model: &[bool]) -> Vec<bool> {
    let mut arithmetic: Vec<bool> = Vec::with_capacity(nodes.len());
    let is_constant = |id: NodeId| matches!(nodes[id.index()].op, Op::Constant(_));
    for (i, node) in nodes.iter().enumerate() {
        let is_arithmetic = match node.op {
            Op::Input { .. }
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
            | Op::Concat(..) => true,
            Op::Constant(_)
            | Op::Less(..)
            | Op::LessThan(..)
            | Op::Equal(..)
            | Op::And(..)
            | Op::Xor(..)
            | Op::Not(_)
            | Op::Select(..)
            | Op::Real(_)
            | Op::Fourier(..)
            | Op::Lookup(..)
            | Op::Power(..)
            | Op::Level(..)
            | Op::Reveal(..) => false,
        };
        let arguments = node.op.arguments();
        let is_input = matches!(node.op, Op::Input { .. });
        let is_of_model = is_input || arguments.iter().any(|argument| arithmetic[argument.index()]);
        let all = arguments.iter().all(|&argument| arithmetic[argument.index()] || is_constant(argument));
        arithmetic.push(from_model[i] && is_arithmetic && is_of_model && all);
    }
    arithmetic
}

/// Whether an operation is not free of shares: a product of two secrets, or a truncation.
fn costs(nodes: &[Node], node: &Node) -> bool {
    let selects = |id: NodeId| matches!(&nodes[id.index()].op, Op::Constant(values) if laws::selects(values));
    match &node.op {
        Op::Mul(a, b) => !selects(*a) && !selects(*b),
        Op::Square(_) | Op::MatMul(..) => true,
        Op::Scale(a, number) => number.fract() != 0.0 || node.guard_bits < nodes[a.index()].guard_bits,
        Op::Precision(a) => node.guard_bits < nodes[a.index()].guard_bits,
        Op::Input { .. }
        | Op::Constant(_)
        | Op::Add(..)
        | Op::Sub(..)
        | Op::Neg(_)
        | Op::Offset(..)
        | Op::Shift(..)
        | Op::Sum(..)
        | Op::Move(..)
        | Op::Concat(..)
        | Op::Less(..)
        | Op::LessThan(..)
        | Op::Equal(..)
        | Op::And(..)
        | Op::Xor(..)
        | Op::Not(_)
        | Op::Select(..)
        | Op::Real(_)
        | Op::Fourier(..)
        | Op::Lookup(..)
        | Op::Power(..)
        | Op::Level(..)
        | Op::Reveal(..) => false,
    }
}
