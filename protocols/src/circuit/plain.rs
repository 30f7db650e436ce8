//! The plaintext interpreter: what the circuit computes over the reals, in f64, without rings, shares or rounding.

use super::{CheckedCircuit, Circuit, Node, NodeId, Op, Owner};
use crate::region::RegionId;
use crate::shape::Shape;
use crate::walk::{self, MatrixProduct, Walk};
use smallvec::SmallVec;
use thiserror::Error;

/// Inputs that do not fit the circuit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlainError {
    /// The provider has no such input.
    #[error("no input `{0}`")]
    MissingInput(String),
    /// An input with another number of values than its shape has elements.
    #[error("input `{name}` has {values} values where the shape {shape} is needed")]
    InputSize {
        /// Name of the input.
        name: String,
        /// Values given.
        values: usize,
        /// Shape needed.
        shape: Shape,
    },
}

/// How far the argument of a protocol left the domain that it is claimed for.
#[derive(Debug, Clone, PartialEq)]
pub struct DomainReport {
    /// Region of the protocol.
    pub region: RegionId,
    /// The interval claimed.
    pub claimed: (f64, f64),
    /// Smallest and largest element seen.
    pub seen: (f64, f64),
    /// Elements outside.
    pub outside: usize,
    /// Elements in all.
    pub elements: usize,
}

/// The value of every node that is still of interest: revealed outputs, by name, and the domain reports.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plaintext {
    /// Name, shape and values of each revealed output, in order.
    pub outputs: Vec<(String, Shape, Vec<f64>)>,
    /// One report for each domain claim.
    pub domains: Vec<DomainReport>,
}

impl CheckedCircuit {
    /// Evaluates in f64. `input` gives the values of an input, row-major.
    ///
    /// # Errors
    /// [`PlainError`] for an input that is missing or has another size.
    pub fn evaluate(&self, input: impl FnMut(Owner, &str) -> Option<Vec<f64>>) -> Result<Plaintext, PlainError> {
        self.evaluate_settled(input, |_, value| value)
    }

    /// As [`CheckedCircuit::evaluate`], and `settle` is told the value of every node and gives the one that later nodes read: a run is followed step by
    /// step, each from its own numbers.
    ///
    /// # Errors
    /// Those of [`CheckedCircuit::evaluate`].
    pub fn evaluate_settled(
        &self,
        mut input: impl FnMut(Owner, &str) -> Option<Vec<f64>>,
        mut settle: impl FnMut(NodeId, Vec<f64>) -> Vec<f64>,
    ) -> Result<Plaintext, PlainError> {
        let mut last_use = vec![0; self.nodes.len()];
        for (i, node) in self.nodes.iter().enumerate() {
            node.op.arguments().iter().for_each(|argument| last_use[argument.index()] = i);
        }
        for claim in &self.domains {
            let value = claim.value.index();
            last_use[value] = last_use[value].max(value);
        }
        let mut values: Vec<Vec<f64>> = Vec::with_capacity(self.nodes.len());
        let mut result = Plaintext::default();
        for (i, node) in self.nodes.iter().enumerate() {
            let value = settle(NodeId::at(i), node_value(self, node, &values, &mut input)?);
            for claim in self.domains.iter().filter(|claim| claim.value.index() == i) {
                result.domains.push(DomainReport {
                    region: claim.region,
                    claimed: (claim.low, claim.high),
                    seen: value.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x))),
                    outside: value.iter().filter(|&&x| !claim.holds(x)).count(),
                    elements: value.len(),
                });
            }
            if let Op::Reveal(_, name) = &node.op {
                result.outputs.push((name.clone(), node.shape.clone(), value));
                values.push(Vec::new());
            } else {
                values.push(value);
            }
            for argument in node.op.arguments() {
                if last_use[argument.index()] == i {
                    values[argument.index()] = Vec::new();
                }
            }
        }
        Ok(result)
    }
}

fn node_value(
    circuit: &Circuit,
    node: &Node,
    values: &[Vec<f64>],
    input: &mut impl FnMut(Owner, &str) -> Option<Vec<f64>>,
) -> Result<Vec<f64>, PlainError> {
    let value = |id: NodeId| values[id.index()].as_slice();
    let shape = |id: NodeId| &circuit.nodes[id.index()].shape;
    let map = |a: NodeId, f: &dyn Fn(f64) -> f64| value(a).iter().map(|&x| f(x)).collect();
    let zip = |a: NodeId, b: NodeId, f: &dyn Fn(f64, f64) -> f64| {
        let (left, right) = (Walk::broadcast(shape(a), &node.shape), Walk::broadcast(shape(b), &node.shape));
        (0..node.shape.elements()).map(|i| f(value(a)[left.at(i)], value(b)[right.at(i)])).collect()
    };
    let truth = |condition: bool| if condition { 1.0 } else { 0.0 };
    Ok(match &node.op {
        Op::Input { owner, name } => {
            let value = input(*owner, name).ok_or_else(|| PlainError::MissingInput(name.clone()))?;
            if value.len() != node.shape.elements() {
                let (name, shape) = (name.clone(), node.shape.clone());
                return Err(PlainError::InputSize { name, values: value.len(), shape });
            }
            value
        }
        Op::Constant(values) => values.to_vec(),
        &Op::Add(a, b) => zip(a, b, &|x, y| x + y),
        &Op::Sub(a, b) => zip(a, b, &|x, y| x - y),
        &Op::Neg(a) => map(a, &|x| -x),
        &Op::Scale(a, factor) => map(a, &|x| x * factor),
        &Op::Offset(a, summand) => map(a, &|x| x + summand),
        &Op::Shift(a, exponent) => map(a, &|x| x * crate::fixed::power_of_two(i32::from(exponent))),
        &Op::Precision(a) => value(a).to_vec(),
        &Op::Mul(a, b) | &Op::And(a, b) => zip(a, b, &|x, y| x * y),
        // No product: 0 times what is infinite would be no number.
        &Op::Select(bit, x) => zip(bit, x, &|bit, x| if bit == 0.0 { 0.0 } else { x }),
        &Op::Square(a) => map(a, &|x| x * x),
        &Op::MatMul(a, b) => {
            let (product, left, right) = (MatrixProduct::of(shape(a), shape(b)), value(a), value(b));
            let element = |i| product.terms(i).fold(0.0, |sum, (l, r)| sum + left[l] * right[r]);
            (0..node.shape.elements()).map(element).collect()
        }
        &Op::Sum(a, axis) => {
            let terms = walk::summed(shape(a), axis);
            (0..node.shape.elements()).map(|i| terms(i).fold(0.0, |sum, term| sum + value(a)[term])).collect()
        }
        Op::Move(a, rearrangement) => Walk::moved(shape(*a), rearrangement, &node.shape).gather(value(*a), &0.0),
        Op::Concat(parts, axis) => {
            let shapes: SmallVec<[&Shape; 4]> = parts.iter().map(|&part| shape(part)).collect();
            walk::joined(&shapes, *axis).flat_map(|(part, range)| value(parts[part])[range].iter().copied()).collect()
        }
        &Op::Less(a, b) => zip(a, b, &|x, y| truth(x < y)),
        &Op::Equal(a, b) => zip(a, b, &|x, y| truth(x == y)),
        &Op::LessThan(a, bound) => map(a, &|x| truth(x < bound)),
        &Op::Xor(a, b) => zip(a, b, &|x, y| truth(x != y)),
        &Op::Not(a) => map(a, &|x| 1.0 - x),
        &Op::Real(a) => value(a).to_vec(),
        Op::Fourier(a, series) => map(*a, &|x| series.at(x)),
        Op::Lookup(a, table) => map(*a, &|x| table.at(x)),
        &Op::Power(a, sectors) => map(a, &|x| sectors.at(x)),
        &Op::Level(a, levels) => {
            let terms = walk::summed(shape(a), shape(a).rank() - 1);
            (0..node.shape.elements()).map(|i| levels.of(terms(i).map(|term| value(a)[term]))).collect()
        }
        &Op::Reveal(a, _) => value(a).to_vec(),
    })
}
