//! The plaintext interpreter: what the circuit computes over the reals, in f64, without rings, shares or rounding.

use super::{CheckedCircuit, Circuit, Node, NodeId, Op, Owner};
use crate::region::RegionId;
use crate::shape::{Move, Shape};
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
    pub fn evaluate(&self, mut input: impl FnMut(Owner, &str) -> Option<Vec<f64>>) -> Result<Plaintext, PlainError> {
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
            let value = match &node.op {
                Op::Input { owner, name } => {
                    let value = input(*owner, name).ok_or_else(|| PlainError::MissingInput(name.clone()))?;
                    if value.len() != node.shape.elements() {
                        let (name, shape) = (name.clone(), node.shape.clone());
                        return Err(PlainError::InputSize { name, values: value.len(), shape });
                    }
                    value
                }
                Op::Reveal(a, name) => {
                    result.outputs.push((name.clone(), node.shape.clone(), values[a.index()].clone()));
                    Vec::new()
                }
                _ => node_value(self, node, &values),
            };
            for claim in self.domains.iter().filter(|claim| claim.value.index() == i) {
                result.domains.push(DomainReport {
                    region: claim.region,
                    claimed: (claim.low, claim.high),
                    seen: value.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x))),
                    outside: value.iter().filter(|&&x| !claim.holds(x)).count(),
                    elements: value.len(),
                });
            }
            values.push(value);
            for argument in node.op.arguments() {
                if last_use[argument.index()] == i {
                    values[argument.index()] = Vec::new();
                }
            }
        }
        Ok(result)
    }
}

fn node_value(circuit: &Circuit, node: &Node, values: &[Vec<f64>]) -> Vec<f64> {
    let value = |id: NodeId| values[id.index()].as_slice();
    let shape = |id: NodeId| &circuit.nodes[id.index()].shape;
    let map = |a: NodeId, f: &dyn Fn(f64) -> f64| value(a).iter().map(|&x| f(x)).collect();
    let zip = |a: NodeId, b: NodeId, f: &dyn Fn(f64, f64) -> f64| {
        let (a_index, b_index) = (broadcast_index(shape(a), &node.shape), broadcast_index(shape(b), &node.shape));
        (0..node.shape.elements()).map(|i| f(value(a)[a_index(i)], value(b)[b_index(i)])).collect()
    };
    let truth = |condition: bool| if condition { 1.0 } else { 0.0 };
    match &node.op {
        Op::Constant(values) => values.to_vec(),
        &Op::Add(a, b) => zip(a, b, &|x, y| x + y),
        &Op::Sub(a, b) => zip(a, b, &|x, y| x - y),
        &Op::Neg(a) => map(a, &|x| -x),
        &Op::Scale(a, factor) => map(a, &|x| x * factor),
        &Op::Offset(a, summand) => map(a, &|x| x + summand),
        &Op::Shift(a, exponent) => map(a, &|x| x * crate::fixed::power_of_two(i32::from(exponent))),
        &Op::Precision(a) => value(a).to_vec(),
        &Op::Mul(a, b) | &Op::Select(a, b) | &Op::And(a, b) => zip(a, b, &|x, y| x * y),
        &Op::Square(a) => map(a, &|x| x * x),
        &Op::MatMul(a, b) => matmul(value(a), shape(a), value(b), shape(b)),
        &Op::Sum(a, axis) => sum(value(a), shape(a), axis),
        Op::Move(a, rearrangement) => moved(value(*a), shape(*a), rearrangement, &node.shape),
        Op::Concat(parts, axis) => {
            let inner: usize = node.shape.axes()[axis + 1..].iter().product();
            let outer: usize = node.shape.axes()[..*axis].iter().product();
            let mut joined = Vec::with_capacity(node.shape.elements());
            for row in 0..outer {
                for &part in parts {
                    let length = shape(part).axes()[*axis] * inner;
                    joined.extend_from_slice(&value(part)[row * length..][..length]);
                }
            }
            joined
        }
        &Op::Less(a, b) => zip(a, b, &|x, y| truth(x < y)),
        &Op::Equal(a, b) => zip(a, b, &|x, y| truth(x == y)),
        &Op::LessThan(a, bound) => map(a, &|x| truth(x < bound)),
        &Op::Xor(a, b) => zip(a, b, &|x, y| truth(x != y)),
        &Op::Not(a) => map(a, &|x| 1.0 - x),
        &Op::Real(a) => value(a).to_vec(),
        Op::Fourier(a, series) => map(*a, &|x| series.at(x)),
        Op::Lookup(a, table) => map(*a, &|x| table.at(x)),
        Op::Input { .. } | Op::Reveal(..) => Vec::new(),
    }
}

/// Position in the argument of each position of the result of a broadcast.
fn broadcast_index(from: &Shape, to: &Shape) -> impl Fn(usize) -> usize + use<> {
    let mut strides = vec![0; to.rank()];
    let mut stride = 1;
    for (i, &length) in from.axes().iter().enumerate().rev() {
        if length > 1 {
            strides[i + to.rank() - from.rank()] = stride;
        }
        stride *= length;
    }
    let axes: Vec<usize> = to.axes().to_vec();
    let same = from.elements() == to.elements();
    move |mut i| {
        if same {
            return i;
        }
        let mut index = 0;
        for (length, stride) in axes.iter().zip(&strides).rev() {
            index += i % length * stride;
            i /= length;
        }
        index
    }
}

fn matmul(a: &[f64], a_shape: &Shape, b: &[f64], b_shape: &Shape) -> Vec<f64> {
    let &[.., m, k] = a_shape.axes() else { return Vec::new() };
    let &[.., n] = b_shape.axes() else { return Vec::new() };
    let batches = a.len() / (m * k);
    let mut c = vec![0.0; batches * m * n];
    for batch in 0..batches {
        let b = if b.len() == k * n { b } else { &b[batch * k * n..][..k * n] };
        for i in 0..m {
            let row = &mut c[(batch * m + i) * n..][..n];
            for (l, &x) in a[(batch * m + i) * k..][..k].iter().enumerate() {
                for (y, &z) in row.iter_mut().zip(&b[l * n..][..n]) {
                    *y += x * z;
                }
            }
        }
    }
    c
}

fn sum(a: &[f64], shape: &Shape, axis: usize) -> Vec<f64> {
    let length = shape.axes()[axis];
    let inner: usize = shape.axes()[axis + 1..].iter().product();
    let mut sums = vec![0.0; a.len() / length];
    for (i, &x) in a.iter().enumerate() {
        sums[i / (length * inner) * inner + i % inner] += x;
    }
    sums
}

fn moved(a: &[f64], shape: &Shape, rearrangement: &Move, to: &Shape) -> Vec<f64> {
    match rearrangement {
        Move::Reshape(_) => a.to_vec(),
        Move::Broadcast(_) => {
            let index = broadcast_index(shape, to);
            (0..to.elements()).map(|i| a[index(i)]).collect()
        }
        Move::Transpose(order) => {
            let mut strides = vec![1; shape.rank()];
            for axis in (1..shape.rank()).rev() {
                strides[axis - 1] = strides[axis] * shape.axes()[axis];
            }
            let position = |mut i: usize| {
                let mut index = 0;
                for (&axis, length) in order.iter().zip(to.axes()).rev() {
                    index += i % length * strides[usize::from(axis)];
                    i /= length;
                }
                index
            };
            (0..to.elements()).map(|i| a[position(i)]).collect()
        }
        &Move::Slice { axis, start, length } => {
            let inner: usize = shape.axes()[axis + 1..].iter().product();
            let extent = shape.axes()[axis];
            let rows = a.chunks(extent * inner);
            rows.flat_map(|row| row[start * inner..(start + length) * inner].iter().copied()).collect()
        }
    }
}
