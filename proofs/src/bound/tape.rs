//! A circuit element by element: rearrangements and broadcasts are resolved once, and what is left is arithmetic of numbers.

use std::sync::Arc;
use thiserror::Error;
use viewless_protocols::circuit::{
    CheckedCircuit, DomainClaim, Levels, Node, NodeId, Op, Owner, Sectors, Series, Table,
};
use viewless_protocols::fixed::{FixedPoint, RING_BITS};
use viewless_protocols::scheme::additive2::truncation::EXACT_HEADROOM_BITS;
use viewless_protocols::scheme::widths::Widths;
use viewless_protocols::scheme::{SchemeSpec, laws};
use viewless_protocols::shape::{Move, Shape};
use viewless_protocols::walk::{self, MatrixProduct, Walk};

/// A circuit that has no tape.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TapeError {
    /// Too many or too few fraction bits, as the compiler would say too.
    #[error(
        "in region `{region}`: {wanted} fraction bits; use 0 to 61 by {}",
        if *.wanted < 0 { "more guard bits or a finer fixed point" } else { "fewer guard bits or a coarser fixed point" }
    )]
    FractionBits {
        /// Path of the region.
        region: String,
        /// Fraction bits plus guard bits.
        wanted: i32,
    },
    /// More elements than a bound is computed for.
    #[error("the circuit has more than {limit} elements in all; bound a smaller one, with fewer or shorter rows")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
}

/// Position of a step.
pub type Register = u32;

/// What a step computes, of the results of earlier ones. The operations are those of [`Op`].
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "each is named for the operation of the circuit that it is one element of")]
pub enum Scalar {
    /// An input, by position among all inputs' elements.
    Input(usize),
    Constant(f64),
    Add(Register, Register),
    Sub(Register, Register),
    Neg(Register),
    Scale(Register, f64),
    Offset(Register, f64),
    Shift(Register),
    Precision(Register),
    Mul(Register, Register),
    Square(Register),
    /// One element of a matrix product.
    Dot(Box<[(Register, Register)]>),
    Sum(Box<[Register]>),
    Less(Register, Register),
    /// 1 where they are equal.
    Equal(Register, Register),
    LessThan(Register, f64),
    And(Register, Register),
    Xor(Register, Register),
    Not(Register),
    Select(Register, Register),
    Real(Register),
    Fourier(Register, Arc<Series>),
    Lookup(Register, Arc<Table>),
    Power(Register, Sectors),
    Level(Box<[Register]>, Levels),
}

/// An operation for passes that follow sums, numbers and products alone.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "each is named for the operation of the circuit that it is one element of")]
pub(crate) enum Algebra {
    Add(Register, Register),
    Sub(Register, Register),
    Neg(Register),
    Scale(Register, f64),
    Offset(Register, f64),
    Shift(Register),
    Precision(Register),
    Mul(Register, Register),
    Square(Register),
    /// What has no argument, more than two, or bits, and what no polynomial is.
    Other,
}

impl Scalar {
    /// The operation, as far as it is one of [`Algebra`].
    pub(crate) fn algebra(&self) -> Algebra {
        match *self {
            Self::Add(a, b) => Algebra::Add(a, b),
            Self::Sub(a, b) => Algebra::Sub(a, b),
            Self::Neg(a) => Algebra::Neg(a),
            Self::Scale(a, factor) => Algebra::Scale(a, factor),
            Self::Offset(a, summand) => Algebra::Offset(a, summand),
            Self::Shift(a) => Algebra::Shift(a),
            Self::Precision(a) => Algebra::Precision(a),
            Self::Mul(a, b) => Algebra::Mul(a, b),
            Self::Square(a) => Algebra::Square(a),
            Self::Input(_)
            | Self::Constant(_)
            | Self::Dot(_)
            | Self::Sum(_)
            | Self::Less(..)
            | Self::Equal(..)
            | Self::LessThan(..)
            | Self::And(..)
            | Self::Xor(..)
            | Self::Not(_)
            | Self::Select(..)
            | Self::Real(_)
            | Self::Fourier(..)
            | Self::Lookup(..)
            | Self::Power(..)
            | Self::Level(..) => Algebra::Other,
        }
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What it computes.
    pub scalar: Scalar,
    /// Fraction bits of the result; 0 for bits.
    pub fraction_bits: u8,
    /// Binary logarithm of the bound of the integer that it compares or truncates, see [`Widths::room_bits`].
    pub room_bits: u8,
    /// Binary logarithm of the bound of its own integer, where an opening reads it as a number of a narrow ring, see [`Widths::lifted_bits`].
    pub number_bits: Option<u8>,
}

impl Step {
    /// A step in Z_2^64: a number that is compared is one of the ring, one that is truncated is below 2^62.
    #[must_use]
    pub fn whole(scalar: Scalar, fraction_bits: u8) -> Self {
        let room_bits = match &scalar {
            Scalar::Less(..) | Scalar::Equal(..) | Scalar::LessThan(..) => RING_BITS - 1,
            Scalar::Input(_)
            | Scalar::Constant(_)
            | Scalar::Add(..)
            | Scalar::Sub(..)
            | Scalar::Neg(_)
            | Scalar::Scale(..)
            | Scalar::Offset(..)
            | Scalar::Shift(_)
            | Scalar::Precision(_)
            | Scalar::Mul(..)
            | Scalar::Square(_)
            | Scalar::Dot(_)
            | Scalar::Sum(_)
            | Scalar::And(..)
            | Scalar::Xor(..)
            | Scalar::Not(_)
            | Scalar::Select(..)
            | Scalar::Real(_)
            | Scalar::Fourier(..)
            | Scalar::Lookup(..)
            | Scalar::Power(..)
            | Scalar::Level(..) => EXACT_HEADROOM_BITS,
        };
        Self { scalar, fraction_bits, room_bits, number_bits: None }
    }
}

/// An input of the circuit.
#[derive(Debug, Clone, PartialEq)]
pub struct TapeInput {
    /// Whose it is.
    pub owner: Owner,
    /// Its name.
    pub name: String,
    /// Position of its first element among all inputs' elements.
    pub start: usize,
    /// Number of elements.
    pub elements: usize,
}

/// A revealed value.
#[derive(Debug, Clone, PartialEq)]
pub struct TapeOutput {
    /// Its name.
    pub name: String,
    /// Its elements, row-major.
    pub registers: Vec<Register>,
    /// Its fraction bits.
    pub fraction_bits: u8,
    /// Binary logarithm of the bound of its integers, where its ring is narrower than a word.
    pub room_bits: Option<u8>,
}

/// A domain that a protocol claims for one of its values.
#[derive(Debug, Clone, PartialEq)]
pub struct TapeClaim {
    /// Path of the region that claims it: protocols are regions, so the claimant is its last part.
    pub region: String,
    /// The value's elements, row-major.
    pub registers: Vec<Register>,
    /// Smallest number claimed.
    pub low: f64,
    /// Largest number claimed.
    pub high: f64,
}

/// A circuit as a straight line of arithmetic on numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Tape {
    /// The steps; arguments stand before their users.
    pub steps: Vec<Step>,
    /// The inputs, in order.
    pub inputs: Vec<TapeInput>,
    /// The outputs, in order.
    pub outputs: Vec<TapeOutput>,
    /// The claimed domains; they bind the numbers over the reals.
    pub claims: Vec<TapeClaim>,
    /// The fixed point that it was made for.
    pub fixed: FixedPoint,
}

/// A tape, the number of steps that there are behind each node, and the registers of each node's elements.
type Resolved = (Tape, Vec<usize>, Vec<Vec<Register>>);

const LIMIT: usize = 1 << 22;

fn selects(circuit: &CheckedCircuit, id: NodeId) -> bool {
    matches!(&circuit.nodes()[id.index()].op, Op::Constant(values) if laws::selects(values))
}

impl Tape {
    /// Resolves a circuit.
    ///
    /// # Errors
    /// [`TapeError`] for fraction bits that no compiler takes, or a circuit too large.
    pub fn new(circuit: &CheckedCircuit, fixed: FixedPoint) -> Result<Self, TapeError> {
        Self::by_node(circuit, fixed).map(|(tape, _)| tape)
    }

    /// Resolves a circuit as a scheme computes it: numbers that are compared, truncated or revealed must fit the rings that are planned for
    /// them.
    ///
    /// # Errors
    /// As [`Tape::new`].
    pub fn under(circuit: &CheckedCircuit, scheme: &SchemeSpec, fixed: FixedPoint) -> Result<Self, TapeError> {
        Self::by_node_under(circuit, scheme, fixed).map(|(tape, _)| tape)
    }

    /// As [`Tape::under`], with the number of steps that there are behind each node.
    ///
    /// # Errors
    /// As [`Tape::new`].
    pub fn by_node_under(
        circuit: &CheckedCircuit,
        scheme: &SchemeSpec,
        fixed: FixedPoint,
    ) -> Result<(Self, Vec<usize>), TapeError> {
        let (mut tape, ends, values) = Self::with_values(circuit, fixed)?;
        let widths = Widths::of(circuit, scheme, fixed);
        let (mut start, mut outputs) = (0, 0);
        for (i, node) in circuit.nodes().iter().enumerate() {
            let id = NodeId::at(i);
            for step in &mut tape.steps[start..ends[i]] {
                step.room_bits = widths.room_bits(circuit, id, step.fraction_bits, scheme.truncation);
            }
            start = ends[i];
            if let Some(bits) = widths.lifted_bits(id) {
                for &register in &values[i] {
                    let known = &mut tape.steps[register as usize].number_bits;
                    *known = Some(known.map_or(bits, |known| known.min(bits)));
                }
            }
            if let Op::Reveal(..) = node.op {
                tape.outputs[outputs].room_bits = Some(widths.working(id) - 1).filter(|&bits| bits < RING_BITS - 1);
                outputs += 1;
            }
        }
        Ok((tape, ends))
    }

    /// As [`Tape::new`], with the number of steps that there are behind each node.
    ///
    /// # Errors
    /// As [`Tape::new`].
    pub fn by_node(circuit: &CheckedCircuit, fixed: FixedPoint) -> Result<(Self, Vec<usize>), TapeError> {
        Self::with_values(circuit, fixed).map(|(tape, ends, _)| (tape, ends))
    }

    /// As [`Tape::by_node`], with the registers of each node's elements.
    fn with_values(circuit: &CheckedCircuit, fixed: FixedPoint) -> Result<Resolved, TapeError> {
        let mut ends = Vec::with_capacity(circuit.nodes().len());
        let mut tape = Self { steps: Vec::new(), inputs: Vec::new(), outputs: Vec::new(), claims: Vec::new(), fixed };
        let mut values: Vec<Vec<Register>> = Vec::with_capacity(circuit.nodes().len());
        for node in circuit.nodes() {
            let fraction_bits = match &node.op {
                Op::Less(..) | Op::Equal(..) | Op::LessThan(..) | Op::And(..) | Op::Xor(..) | Op::Not(_) => 0,
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
                | Op::Select(..)
                | Op::Real(_)
                | Op::Fourier(..)
                | Op::Lookup(..)
                | Op::Power(..)
                | Op::Level(..)
                | Op::Move(..)
                | Op::Concat(..)
                | Op::Reveal(..) => {
                    let wanted = i32::from(fixed.fraction_bits()) + i32::from(node.guard_bits);
                    match u8::try_from(wanted) {
                        Ok(bits) if bits <= RING_BITS - 3 => bits,
                        _ => {
                            return Err(TapeError::FractionBits {
                                region: circuit.regions().path(node.region),
                                wanted,
                            });
                        }
                    }
                }
            };
            if tape.steps.len() + node.shape.elements() > LIMIT {
                return Err(TapeError::TooLarge { limit: LIMIT });
            }
            let value = tape.node(circuit, node, fraction_bits, &values);
            values.push(value);
            ends.push(tape.steps.len());
        }
        let claim = |claim: &DomainClaim| TapeClaim {
            registers: values[claim.value.index()].clone(),
            low: claim.low,
            high: claim.high,
            region: circuit.regions().path(claim.region),
        };
        tape.claims = circuit.domains().iter().map(claim).collect();
        Ok((tape, ends, values))
    }

    /// The first steps, up to and with `step`, whose result is the only output.
    #[must_use]
    pub fn up_to(&self, step: Register) -> Self {
        let steps = self.steps[..=step as usize].to_vec();
        let fraction_bits = steps[step as usize].fraction_bits;
        let output = TapeOutput { name: "y".to_owned(), registers: vec![step], fraction_bits, room_bits: None };
        Self { steps, inputs: self.inputs.clone(), outputs: vec![output], claims: Vec::new(), fixed: self.fixed }
    }

    fn push(&mut self, scalar: Scalar, fraction_bits: u8) -> Register {
        self.steps.push(Step::whole(scalar, fraction_bits));
        Register::try_from(self.steps.len() - 1).expect("the number of steps is limited")
    }

    /// The registers of a node's elements, row-major.
    fn node(
        &mut self,
        circuit: &CheckedCircuit,
        node: &Node,
        fraction_bits: u8,
        values: &[Vec<Register>],
    ) -> Vec<Register> {
        let elements = node.shape.elements();
        let shape = |id: NodeId| &circuit.nodes()[id.index()].shape;
        let value = |id: NodeId| &values[id.index()];
        let broadcast = |id: NodeId| Walk::broadcast(shape(id), &node.shape).gather(value(id), &0);
        let mut map = |a: NodeId, scalar: &dyn Fn(Register) -> Scalar| {
            value(a).iter().map(|&a| self.push(scalar(a), fraction_bits)).collect()
        };
        match &node.op {
            Op::Input { owner, name } => {
                let start = self.inputs.last().map_or(0, |input| input.start + input.elements);
                self.inputs.push(TapeInput { owner: *owner, name: name.clone(), start, elements });
                (start..start + elements).map(|i| self.push(Scalar::Input(i), fraction_bits)).collect()
            }
            Op::Constant(numbers) => {
                numbers.iter().map(|&number| self.push(Scalar::Constant(number), fraction_bits)).collect()
            }
            &Op::Neg(a) => map(a, &Scalar::Neg),
            &Op::Scale(a, factor) => map(a, &|a| Scalar::Scale(a, factor)),
            &Op::Offset(a, summand) => map(a, &|a| Scalar::Offset(a, summand)),
            &Op::Shift(a, _) => map(a, &Scalar::Shift),
            &Op::Precision(a) => map(a, &Scalar::Precision),
            &Op::Square(a) => map(a, &Scalar::Square),
            &Op::LessThan(a, bound) => map(a, &|a| Scalar::LessThan(a, bound)),
            &Op::Not(a) => map(a, &Scalar::Not),
            &Op::Real(a) => map(a, &Scalar::Real),
            Op::Fourier(a, series) => map(*a, &|a| Scalar::Fourier(a, series.clone())),
            Op::Lookup(a, table) => map(*a, &|a| Scalar::Lookup(a, table.clone())),
            &Op::Power(a, sectors) => map(a, &|a| Scalar::Power(a, sectors)),
            &Op::Add(a, b) => self.zip(broadcast(a), broadcast(b), fraction_bits, Scalar::Add),
            &Op::Sub(a, b) => self.zip(broadcast(a), broadcast(b), fraction_bits, Scalar::Sub),
            &Op::Mul(x, mask) if selects(circuit, mask) => self.selection(broadcast(x), broadcast(mask), fraction_bits),
            &Op::Mul(mask, x) if selects(circuit, mask) => self.selection(broadcast(x), broadcast(mask), fraction_bits),
            &Op::Mul(a, b) => self.zip(broadcast(a), broadcast(b), fraction_bits, Scalar::Mul),
            &Op::Less(a, b) => self.zip(broadcast(a), broadcast(b), fraction_bits, Scalar::Less),
            &Op::Equal(a, b) => self.zip(broadcast(a), broadcast(b), fraction_bits, Scalar::Equal),
            &Op::And(a, b) => self.zip(broadcast(a), broadcast(b), fraction_bits, Scalar::And),
            &Op::Xor(a, b) => self.zip(broadcast(a), broadcast(b), fraction_bits, Scalar::Xor),
            &Op::Select(a, b) => self.zip(broadcast(a), broadcast(b), fraction_bits, Scalar::Select),
            &Op::MatMul(a, b) => {
                let product = MatrixProduct::of(shape(a), shape(b));
                let term = |(left, right): (usize, usize)| (value(a)[left], value(b)[right]);
                let dot = |i: usize| Scalar::Dot(product.terms(i).map(term).collect());
                (0..elements).map(|i| self.push(dot(i), fraction_bits)).collect()
            }
            &Op::Sum(a, axis) => {
                let terms = walk::summed(shape(a), axis);
                let sum = |i: usize| Scalar::Sum(terms(i).map(|term| value(a)[term]).collect());
                (0..elements).map(|i| self.push(sum(i), fraction_bits)).collect()
            }
            &Op::Level(a, levels) => {
                let terms = walk::summed(shape(a), shape(a).rank() - 1);
                let level = |i: usize| Scalar::Level(terms(i).map(|term| value(a)[term]).collect(), levels);
                (0..elements).map(|i| self.push(level(i), fraction_bits)).collect()
            }
            Op::Move(a, rearrangement) => {
                let zero = match rearrangement {
                    Move::Windows(windows) if windows.pads(shape(*a).axes()[windows.axis]) => {
                        self.push(Scalar::Constant(0.0), fraction_bits)
                    }
                    Move::Windows(_)
                    | Move::Reshape(_)
                    | Move::Transpose(_)
                    | Move::Broadcast(_)
                    | Move::Slice { .. } => 0,
                };
                Walk::moved(shape(*a), rearrangement, &node.shape).gather(value(*a), &zero)
            }
            Op::Concat(parts, axis) => {
                let shapes: Vec<&Shape> = parts.iter().map(|&part| shape(part)).collect();
                walk::joined(&shapes, *axis).flat_map(|(part, range)| value(parts[part])[range].to_vec()).collect()
            }
            Op::Reveal(a, name) => {
                let registers = value(*a).clone();
                self.outputs.push(TapeOutput { name: name.clone(), registers, fraction_bits, room_bits: None });
                Vec::new()
            }
        }
    }

    /// Products with public zeros and ones: exact, as the law says.
    fn selection(&mut self, x: Vec<Register>, mask: Vec<Register>, fraction_bits: u8) -> Vec<Register> {
        let select = |(x, mask): (Register, Register)| {
            let Scalar::Constant(factor) = self.steps[mask as usize].scalar else {
                unreachable!("a constant's elements are constants")
            };
            self.push(Scalar::Scale(x, factor), fraction_bits)
        };
        x.into_iter().zip(mask).map(select).collect()
    }

    fn zip(
        &mut self,
        a: Vec<Register>,
        b: Vec<Register>,
        fraction_bits: u8,
        scalar: fn(Register, Register) -> Scalar,
    ) -> Vec<Register> {
        a.into_iter().zip(b).map(|(a, b)| self.push(scalar(a, b), fraction_bits)).collect()
    }
}

impl Scalar {
    /// Calls `f` for each argument.
    pub fn for_each_argument(&self, mut f: impl FnMut(Register)) {
        match self {
            Self::Input(_) | Self::Constant(_) => {}
            &Self::Neg(a)
            | &Self::Scale(a, _)
            | &Self::Offset(a, _)
            | &Self::Shift(a)
            | &Self::Precision(a)
            | &Self::Square(a)
            | &Self::LessThan(a, _)
            | &Self::Not(a)
            | &Self::Real(a)
            | &Self::Fourier(a, _)
            | &Self::Lookup(a, _)
            | &Self::Power(a, _) => f(a),
            &Self::Add(a, b)
            | &Self::Sub(a, b)
            | &Self::Mul(a, b)
            | &Self::Less(a, b)
            | &Self::Equal(a, b)
            | &Self::And(a, b)
            | &Self::Xor(a, b)
            | &Self::Select(a, b) => {
                f(a);
                f(b);
            }
            Self::Dot(terms) => terms.iter().for_each(|&(a, b)| {
                f(a);
                f(b);
            }),
            Self::Sum(terms) | Self::Level(terms, _) => terms.iter().for_each(|&a| f(a)),
        }
    }
}

impl Scalar {
    /// The same operation on other arguments.
    #[must_use]
    pub fn with_arguments(&self, mut f: impl FnMut(Register) -> Register) -> Self {
        match self {
            Self::Input(_) | Self::Constant(_) => self.clone(),
            &Self::Neg(a) => Self::Neg(f(a)),
            &Self::Scale(a, factor) => Self::Scale(f(a), factor),
            &Self::Offset(a, summand) => Self::Offset(f(a), summand),
            &Self::Shift(a) => Self::Shift(f(a)),
            &Self::Precision(a) => Self::Precision(f(a)),
            &Self::Square(a) => Self::Square(f(a)),
            &Self::LessThan(a, bound) => Self::LessThan(f(a), bound),
            &Self::Not(a) => Self::Not(f(a)),
            &Self::Real(a) => Self::Real(f(a)),
            Self::Fourier(a, series) => Self::Fourier(f(*a), series.clone()),
            Self::Lookup(a, table) => Self::Lookup(f(*a), table.clone()),
            &Self::Power(a, sectors) => Self::Power(f(a), sectors),
            Self::Level(terms, levels) => Self::Level(terms.iter().map(|&a| f(a)).collect(), *levels),
            &Self::Add(a, b) => Self::Add(f(a), f(b)),
            &Self::Sub(a, b) => Self::Sub(f(a), f(b)),
            &Self::Mul(a, b) => Self::Mul(f(a), f(b)),
            &Self::Less(a, b) => Self::Less(f(a), f(b)),
            &Self::Equal(a, b) => Self::Equal(f(a), f(b)),
            &Self::And(a, b) => Self::And(f(a), f(b)),
            &Self::Xor(a, b) => Self::Xor(f(a), f(b)),
            &Self::Select(a, b) => Self::Select(f(a), f(b)),
            Self::Dot(terms) => Self::Dot(terms.iter().map(|&(a, b)| (f(a), f(b))).collect()),
            Self::Sum(terms) => Self::Sum(terms.iter().map(|&a| f(a)).collect()),
        }
    }
}
