//! The builder: one method for each operation, and the few compositions that every protocol needs.

use super::{Apart, Bit, CheckedCircuit, Circuit, CircuitError, DomainClaim, Kind, Node, NodeId, Op, Owner, Secret};
use super::{Levels, Rule, Sectors, Series, Table, check};
use crate::shape::{Move, Shape};
use crate::windows::Windows;
use smallvec::SmallVec;
use std::sync::Arc;

impl Circuit {
    /// An empty circuit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Builds inside a region called `name`: reports are broken down by it.
    pub fn region<T>(&mut self, name: &str, build: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.region;
        self.region = self.regions.add(outer, name);
        let result = build(self);
        self.region = outer;
        result
    }

    /// Checks the whole circuit and closes it.
    ///
    /// # Errors
    /// The first [`CircuitError`] made while building, with its region.
    pub fn finish(self) -> Result<CheckedCircuit, CircuitError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        check::circuit(&self)?;
        Ok(CheckedCircuit(self))
    }

    /// The first error made while building, if there is one.
    pub(crate) fn failure(&self) -> Option<&CircuitError> {
        self.error.as_ref()
    }

    /// Makes an error of what a builder cannot do; the first one is kept.
    pub(crate) fn refuse(&mut self, why: String) {
        self.fail(Rule::Reference(why));
    }

    fn fail(&mut self, rule: Rule) {
        if self.error.is_none() {
            let region = self.regions.path(self.region);
            self.error = Some(CircuitError { node: self.nodes.len(), region, rule: Box::new(rule) });
        }
    }

    fn push(&mut self, op: Op, guard_bits: i8) -> NodeId {
        self.push_shaped(op, guard_bits, None)
    }

    /// Adds a node. For inputs and constants the caller knows the shape; for all else it follows from the arguments.
    fn push_shaped(&mut self, op: Op, guard_bits: i8, shape: Option<Shape>) -> NodeId {
        let inferred = check::infer(&self.nodes, &op, guard_bits, shape.as_ref());
        let (kind, shape) = inferred.unwrap_or_else(|rule| {
            self.fail(rule);
            self.placeholder(&op, shape.as_ref())
        });
        self.nodes.push(Node { op, kind, shape, guard_bits, region: self.region });
        NodeId(u32::try_from(self.nodes.len() - 1).expect("fewer than 2^32 nodes fit in memory"))
    }

    /// Stands in for the result of an operation that was refused: of the kind that it would have, with as many axes, each of length 1. So
    /// builders that look at shapes find what they look for, and go on to the end, where the error is told.
    fn placeholder(&self, op: &Op, shape: Option<&Shape>) -> (Kind, Shape) {
        let kind = match op {
            Op::Less(..) | Op::LessThan(..) | Op::Equal(..) | Op::And(..) | Op::Xor(..) | Op::Not(_) => Kind::Bit,
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
            | Op::Select(..)
            | Op::Real(_)
            | Op::Fourier(..)
            | Op::Lookup(..)
            | Op::Power(..)
            | Op::Level(..)
            | Op::Reveal(..) => Kind::Real,
        };
        let of_argument = |id: &NodeId| self.nodes.get(id.index()).map_or(0, |node| node.shape.rank());
        let rank = match (op, shape) {
            (Op::Move(_, Move::Reshape(shape) | Move::Broadcast(shape)), _) | (_, Some(shape)) => shape.rank(),
            (Op::Move(x, Move::Windows(_)), None) => of_argument(x) + 1,
            _ => op.arguments().iter().map(of_argument).max().unwrap_or(0),
        };
        (kind, std::iter::repeat_n(1, rank).collect())
    }

    fn guard(&self, node: NodeId) -> i8 {
        self.nodes.get(node.index()).map_or(0, |node| node.guard_bits)
    }

    fn unary(&mut self, x: Secret, op: Op) -> Secret {
        let guard_bits = self.guard(x.0);
        Secret(self.push(op, guard_bits))
    }

    /// Shape of a value.
    #[must_use]
    pub fn shape(&self, x: Secret) -> &Shape {
        &self.nodes[x.0.index()].shape
    }

    /// Length of the last axis; 1 for a single element.
    #[must_use]
    pub fn row_length(&self, x: Secret) -> usize {
        self.shape(x).axes().last().copied().unwrap_or(1)
    }

    /// Position of the last axis.
    #[must_use]
    pub fn last_axis(&self, x: Secret) -> usize {
        self.shape(x).rank().saturating_sub(1)
    }

    /// Fraction bits of a value beyond those of the fixed point.
    #[must_use]
    pub fn guard_bits(&self, x: Secret) -> i8 {
        self.guard(x.0)
    }

    /// A private input.
    pub fn input(&mut self, owner: Owner, name: &str, shape: impl Into<Shape>) -> Secret {
        self.input_with(owner, name, shape, 0)
    }

    /// A private input with `guard_bits`.
    pub fn input_with(&mut self, owner: Owner, name: &str, shape: impl Into<Shape>, guard_bits: i8) -> Secret {
        Secret(self.push_shaped(Op::Input { owner, name: name.to_owned() }, guard_bits, Some(shape.into())))
    }

    /// A public tensor with `guard_bits`, row-major.
    pub fn constant(&mut self, values: &[f64], shape: impl Into<Shape>, guard_bits: i8) -> Secret {
        Secret(self.push_shaped(Op::Constant(values.into()), guard_bits, Some(shape.into())))
    }

    /// a + b.
    pub fn add(&mut self, a: Secret, b: Secret) -> Secret {
        self.unary(a, Op::Add(a.0, b.0))
    }

    /// a - b.
    pub fn sub(&mut self, a: Secret, b: Secret) -> Secret {
        self.unary(a, Op::Sub(a.0, b.0))
    }

    /// -x.
    pub fn neg(&mut self, x: Secret) -> Secret {
        self.unary(x, Op::Neg(x.0))
    }

    /// `summand` - x.
    pub fn subtract_from(&mut self, summand: f64, x: Secret) -> Secret {
        let negative = self.neg(x);
        self.offset(negative, summand)
    }

    /// x times a public number. One truncation, unless the number is an integer.
    pub fn scale(&mut self, x: Secret, factor: f64) -> Secret {
        self.unary(x, Op::Scale(x.0, factor))
    }

    /// [`Circuit::scale`] with another number of guard bits for the result.
    pub fn scale_to(&mut self, x: Secret, factor: f64, guard_bits: i8) -> Secret {
        Secret(self.push(Op::Scale(x.0, factor), guard_bits))
    }

    /// x plus a public number.
    pub fn offset(&mut self, x: Secret, summand: f64) -> Secret {
        self.unary(x, Op::Offset(x.0, summand))
    }

    /// x times 2^exponent: exact and free, the binary point moves. Guard bits change by -exponent.
    pub fn shift(&mut self, x: Secret, exponent: i8) -> Secret {
        let guard_bits = self.guard(x.0).saturating_sub(exponent);
        Secret(self.push(Op::Shift(x.0, exponent), guard_bits))
    }

    /// x with other guard bits.
    pub fn precision(&mut self, x: Secret, guard_bits: i8) -> Secret {
        if self.guard(x.0) == guard_bits { x } else { Secret(self.push(Op::Precision(x.0), guard_bits)) }
    }

    /// a times b, elementwise, with the smaller of their guard bits. One truncation, unless one of them is a constant of zeros and
    /// ones: then it is exact and free.
    pub fn mul(&mut self, a: Secret, b: Secret) -> Secret {
        let guard_bits = self.guard(a.0).min(self.guard(b.0));
        self.mul_to(a, b, guard_bits)
    }

    /// [`Circuit::mul`] with chosen guard bits for the result.
    pub fn mul_to(&mut self, a: Secret, b: Secret, guard_bits: i8) -> Secret {
        Secret(self.push(Op::Mul(a.0, b.0), guard_bits))
    }

    /// x squared, elementwise.
    pub fn square(&mut self, x: Secret) -> Secret {
        self.unary(x, Op::Square(x.0))
    }

    /// [`Circuit::square`] with chosen guard bits for the result.
    pub fn square_to(&mut self, x: Secret, guard_bits: i8) -> Secret {
        Secret(self.push(Op::Square(x.0), guard_bits))
    }

    /// The matrix product of a `[..., m, k]` and b `[..., k, n]` or `[k, n]`, with the smaller of their guard bits.
    pub fn matmul(&mut self, a: Secret, b: Secret) -> Secret {
        let guard_bits = self.guard(a.0).min(self.guard(b.0));
        self.matmul_to(a, b, guard_bits)
    }

    /// The same with `guard_bits`.
    pub fn matmul_to(&mut self, a: Secret, b: Secret, guard_bits: i8) -> Secret {
        Secret(self.push(Op::MatMul(a.0, b.0), guard_bits))
    }

    /// Sum over an axis, which keeps length 1.
    pub fn sum(&mut self, x: Secret, axis: usize) -> Secret {
        self.unary(x, Op::Sum(x.0, axis))
    }

    /// Mean over an axis, which keeps length 1.
    pub fn mean(&mut self, x: Secret, axis: usize) -> Secret {
        let count = self.shape(x).axes().get(axis).copied().unwrap_or(1);
        let sum = self.sum(x, axis);
        self.scale(sum, 1.0 / count as f64)
    }

    fn moved(&mut self, x: Secret, rearrangement: Move) -> Secret {
        self.unary(x, Op::Move(x.0, rearrangement))
    }

    /// The same elements under another shape.
    pub fn reshape(&mut self, x: Secret, shape: impl Into<Shape>) -> Secret {
        self.moved(x, Move::Reshape(shape.into()))
    }

    /// Axis i of the result is axis `order[i]` of x.
    pub fn transpose(&mut self, x: Secret, order: &[u8]) -> Secret {
        self.moved(x, Move::Transpose(SmallVec::from_slice(order)))
    }

    /// Repeats elements up to `shape`.
    pub fn broadcast(&mut self, x: Secret, shape: impl Into<Shape>) -> Secret {
        self.moved(x, Move::Broadcast(shape.into()))
    }

    /// Elements `start..start + length` of an axis.
    pub fn slice(&mut self, x: Secret, axis: usize, start: usize, length: usize) -> Secret {
        self.moved(x, Move::Slice { axis, start, length })
    }

    /// Replaces an axis by positions and taps, with zeros outside.
    pub fn windows(&mut self, x: Secret, windows: Windows) -> Secret {
        self.moved(x, Move::Windows(windows))
    }

    /// Joins tensors along an axis.
    pub fn concat(&mut self, parts: &[Secret], axis: usize) -> Secret {
        let guard_bits = parts.first().map_or(0, |part| self.guard(part.0));
        Secret(self.push(Op::Concat(parts.iter().map(|part| part.0).collect(), axis), guard_bits))
    }

    /// 1 where a < b.
    pub fn less(&mut self, a: Secret, b: Secret) -> Bit {
        Bit(self.push(Op::Less(a.0, b.0), 0))
    }

    /// 1 where x < `bound`.
    pub fn less_than(&mut self, x: Secret, bound: f64) -> Bit {
        Bit(self.push(Op::LessThan(x.0, bound), 0))
    }

    /// 1 where a and b are equal, to the last fraction bit.
    pub fn equal(&mut self, a: Secret, b: Secret) -> Bit {
        Bit(self.push(Op::Equal(a.0, b.0), 0))
    }

    /// Both bits.
    pub fn and(&mut self, a: Bit, b: Bit) -> Bit {
        Bit(self.push(Op::And(a.0, b.0), 0))
    }

    /// One of two bits, not both.
    pub fn xor(&mut self, a: Bit, b: Bit) -> Bit {
        Bit(self.push(Op::Xor(a.0, b.0), 0))
    }

    /// The opposite bit.
    pub fn not(&mut self, a: Bit) -> Bit {
        Bit(self.push(Op::Not(a.0), 0))
    }

    /// x where the bit is 1, zero elsewhere.
    pub fn select(&mut self, bit: Bit, x: Secret) -> Secret {
        self.unary(x, Op::Select(bit.0, x.0))
    }

    /// The bit as a real number, 0 or 1, with `guard_bits`.
    pub fn real(&mut self, bit: Bit, guard_bits: i8) -> Secret {
        Secret(self.push(Op::Real(bit.0), guard_bits))
    }

    /// A trigonometric sum of x, with one opening.
    pub fn fourier(&mut self, x: Secret, series: Series) -> Secret {
        self.unary(x, Op::Fourier(x.0, Arc::new(series)))
    }

    /// The entry of a public table that belongs to x, with one opening and `guard_bits` for the result.
    pub fn lookup(&mut self, x: Secret, table: Table, guard_bits: i8) -> Secret {
        Secret(self.push(Op::Lookup(x.0, Arc::new(table)), guard_bits))
    }

    /// 2^x elementwise, for x not above 0, with one opening and `guard_bits` for the result.
    pub fn power(&mut self, x: Secret, sectors: Sectors, guard_bits: i8) -> Secret {
        Secret(self.push(Op::Power(x.0, sectors), guard_bits))
    }

    /// The largest of each row, the last axis, to within two steps below: two openings, whatever the length of the row.
    pub fn level(&mut self, x: Secret, levels: Levels) -> Secret {
        self.unary(x, Op::Level(x.0, levels))
    }

    /// Claims that the enclosing protocol is right for x in [low, high]; reports name every element outside.
    pub fn claim_domain(&mut self, x: Secret, low: f64, high: f64) {
        self.domains.push(DomainClaim { value: x.0, low, high, also: None, region: self.region });
    }

    /// As [`Circuit::claim_domain`], and for one number below the interval, too.
    pub fn claim_domain_and(&mut self, x: Secret, low: f64, high: f64, also: Apart) {
        self.domains.push(DomainClaim { value: x.0, low, high, also: Some(also), region: self.region });
    }

    /// Makes x known to the client, as `name`.
    pub fn reveal(&mut self, x: Secret, name: &str) {
        let guard_bits = self.guard(x.0);
        self.push(Op::Reveal(x.0, name.to_owned()), guard_bits);
    }
}
