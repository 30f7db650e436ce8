//! WHAT is computed: a straight line of operations on secret real tensors. No parties, no rings.
//!
//! A protocol is a function that takes a [`Circuit`] and handles and returns a handle; it reads like the paper's
//! algorithm:
//!
//! ```
//! use viewless_protocols::circuit::{Circuit, Owner, Secret};
//!
//! /// x^3 + 1/2
//! fn build(c: &mut Circuit, x: Secret) -> Secret {
//!     let square = c.square(x);
//!     let cube = c.mul(square, x);
//!     c.offset(cube, 0.5)
//! }
//!
//! let mut c = Circuit::new();
//! let x = c.input(Owner::Client, "x", [4]);
//! let y = c.region("cube", |c| build(c, x));
//! c.reveal(y, "y");
//! assert!(c.finish().is_ok());
//! ```
//!
//! **Errors.** A wrong shape or precision does not interrupt the builder: the first error is kept, with the region in
//! which it was made, and [`Circuit::finish`] returns it.
//!
//! **Precision.** Each value carries *guard bits*: fraction bits beyond the fixed point's f that it is compiled with
//! (negative: fewer). [`Circuit::shift`] multiplies by a power of two exactly, by moving the binary point alone;
//! [`Circuit::precision`] moves to another number of guard bits, exactly upwards and by a truncation downwards.

//!
//! **Over the reals** a circuit is a function of its inputs, whatever the rings, and so a program in any language
//! (`tests/src/python/operations.py` is one, written from this documentation alone). Guard bits and precisions change no number there;
//! sums and matrix products are taken from the first term on, so that f64 gives the same bits everywhere; and an operation
//! whose law leaves a choice takes the number that [`Op`], [`Series`], [`Table`], [`Sectors`] and [`Levels`] name for it.

#![deny(clippy::wildcard_enum_match_arm, reason = "a catch-all hides a new operation from the pass that must learn it")]

mod builder;
mod check;
mod levels;
mod plain;
mod read;
mod sectors;
mod table;
mod text;

pub use check::{CircuitError, MOST_ELEMENTS, Rule};
pub use levels::Levels;
pub use plain::{DomainReport, PlainError, Plaintext};
pub use read::ReadError;
pub use sectors::Sectors;
pub use table::{MOST_INDEX_BITS, Table};

use crate::region::{RegionId, Regions};
use crate::shape::{Move, Shape};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::ops::Deref;
use std::sync::Arc;

/// A secret real tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Secret(pub(crate) NodeId);

/// A secret tensor of zeros and ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bit(pub(crate) NodeId);

/// Position of a node in its circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub(crate) u32);

/// Whose input it is. A suite decides which party an owner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Owner {
    /// Asks the query and receives the answer.
    Client,
    /// Owns the weights.
    Model,
}

/// A trigonometric sum of one secret, evaluated with one opening:
/// sum over k >= 1 of `cosines[k-1]` cos(2 pi k x / period) + `sines[k-1]` sin(2 pi k x / period), plus `constant`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Length after which the sum repeats, in units of the secret.
    pub period: f64,
    /// The term of frequency zero.
    pub constant: f64,
    /// Coefficients of the cosines, from k = 1.
    pub cosines: Vec<f64>,
    /// Coefficients of the sines, from k = 1.
    pub sines: Vec<f64>,
    /// How the argument is opened behind its mask.
    #[serde(default)]
    pub opening: Opening,
    /// Most fraction bits that its waves have beyond those of the result: fewer make the sum coarser, and leave more of a ring above it. Absent: as many
    /// as the truncation allows, see [`wave_guard_bits`](crate::scheme::laws::wave_guard_bits).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_guard_bits: Option<u8>,
}

/// How the argument of a [`Series`] is opened behind its mask.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum Opening {
    /// As a word that counts modulo the period: right.
    #[default]
    Period,
    /// As a whole word, of which the remainder modulo another length is taken: a mistake of published code, kept so that it can be
    /// examined. What is reduced is the argument less its mask, so the sum is taken at x - j `modulus` for some integer j that the mask
    /// decides. Law: any value of the sum. Over the reals it is taken at the remainder of x itself.
    Remainder {
        /// The length, in units of the argument; at most the period.
        modulus: f64,
    },
}

/// What a node computes. Elementwise operations broadcast, aligned at the right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// A private input.
    Input {
        /// Whose it is.
        owner: Owner,
        /// Its name: for weights, the name of the tensor in the model's file.
        name: String,
    },
    /// A public tensor, row-major.
    Constant(Arc<[f64]>),
    /// Sum.
    Add(NodeId, NodeId),
    /// Difference.
    Sub(NodeId, NodeId),
    /// Negation.
    Neg(NodeId),
    /// Product with a public number.
    Scale(NodeId, f64),
    /// Sum with a public number.
    Offset(NodeId, f64),
    /// Product with 2^exponent; exact and free, because only the binary point moves.
    Shift(NodeId, i8),
    /// The same numbers with other guard bits; rounds when there are fewer, which over the reals it does not.
    Precision(NodeId),
    /// Elementwise product.
    Mul(NodeId, NodeId),
    /// Elementwise square.
    Square(NodeId),
    /// Matrix product over the last two axes; leading axes are a batch.
    MatMul(NodeId, NodeId),
    /// Sum over one axis, which keeps length 1.
    Sum(NodeId, usize),
    /// Rearrangement.
    Move(NodeId, Move),
    /// Joins tensors along an axis.
    Concat(SmallVec<[NodeId; 4]>, usize),
    /// 1 where the first is less than the second.
    Less(NodeId, NodeId),
    /// 1 where the value is less than a public number.
    LessThan(NodeId, f64),
    /// 1 where the two are equal: in a ring to the last fraction bit, over the reals as numbers.
    Equal(NodeId, NodeId),
    /// Both bits.
    And(NodeId, NodeId),
    /// One of two bits, not both.
    Xor(NodeId, NodeId),
    /// The opposite bit.
    Not(NodeId),
    /// The value where the bit is 1, zero elsewhere.
    Select(NodeId, NodeId),
    /// The bit as a real number, 0 or 1.
    Real(NodeId),
    /// A trigonometric sum, see [`Series`].
    Fourier(NodeId, Arc<Series>),
    /// An entry of a public table, see [`Table`].
    Lookup(NodeId, Arc<Table>),
    /// 2^x for x not above 0, which over the reals counts modulo a length, see [`Sectors::at`].
    Power(NodeId, Sectors),
    /// About the largest of each row, the last axis, which keeps length 1: over the reals [`Levels::of`] the row.
    Level(NodeId, Levels),
    /// Makes the value known to the client, under a name.
    Reveal(NodeId, String),
}

/// Whether a node is a tensor of real numbers or of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Real numbers.
    Real,
    /// Zeros and ones.
    Bit,
}

/// One operation with what is known of its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// Real numbers or bits.
    pub kind: Kind,
    /// Shape of the result.
    pub shape: Shape,
    /// Fraction bits of the result beyond those of the fixed point.
    pub guard_bits: i8,
    /// Where it was built.
    pub region: RegionId,
}

/// The interval on which a protocol is claimed to work, attached to the value that it was given.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DomainClaim {
    /// The protocol's argument.
    pub value: NodeId,
    /// Smallest number claimed.
    pub low: f64,
    /// Largest number claimed.
    pub high: f64,
    /// One more number for which the protocol is right, below the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also: Option<Apart>,
    /// Region of the protocol.
    pub region: RegionId,
}

/// A number apart from an interval, known to a rounding.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Apart {
    /// The number over the reals.
    pub at: f64,
    /// The largest number that rounding in the ring makes of it.
    pub most: f64,
}

/// What f64 may lose of a number apart, as a part of it and in all.
const APART_SLACK: f64 = 1e-9;

impl DomainClaim {
    /// Whether a number over the reals is claimed.
    #[must_use]
    pub fn holds(&self, x: f64) -> bool {
        let is_apart = |apart: Apart| (x - apart.at).abs() <= APART_SLACK * apart.at.abs().max(apart.most);
        (self.low..=self.high).contains(&x) || self.also.is_some_and(is_apart)
    }
}

/// A circuit under construction; [`Circuit::finish`] checks it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Circuit {
    /// The operations, each behind its arguments.
    pub(crate) nodes: Vec<Node>,
    /// The regions that the nodes are in.
    pub(crate) regions: Regions,
    /// Intervals in which values are claimed to be.
    pub(crate) domains: Vec<DomainClaim>,
    #[serde(skip)]
    region: RegionId,
    #[serde(skip)]
    error: Option<CircuitError>,
}

/// A circuit that passed the check. Interpreters and the compiler take only this.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedCircuit(Circuit);

impl Deref for CheckedCircuit {
    type Target = Circuit;

    fn deref(&self) -> &Circuit {
        &self.0
    }
}

impl CheckedCircuit {
    /// The same circuit with more outputs: values of its inside, each under a name. Everything before them, and so a run of it by the
    /// same seed, stays as it is.
    ///
    /// # Errors
    /// [`CircuitError`] for a node that is no real number or not of this circuit, and for a name that is taken.
    pub fn revealing(&self, values: &[(NodeId, String)]) -> Result<Self, CircuitError> {
        let mut circuit = self.0.clone();
        for (value, name) in values {
            circuit.reveal(Secret(*value), name);
        }
        circuit.finish()
    }
}

impl Circuit {
    /// The nodes in order; arguments stand before their users.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The tree of regions.
    #[must_use]
    pub fn regions(&self) -> &Regions {
        &self.regions
    }

    /// The protocols' claims about their arguments.
    #[must_use]
    pub fn domains(&self) -> &[DomainClaim] {
        &self.domains
    }
}

impl Op {
    /// The arguments, in order.
    #[must_use]
    pub fn arguments(&self) -> SmallVec<[NodeId; 4]> {
        match self {
            Self::Input { .. } | Self::Constant(_) => SmallVec::new(),
            &Self::Neg(a)
            | &Self::Scale(a, _)
            | &Self::Offset(a, _)
            | &Self::Shift(a, _)
            | &Self::Precision(a)
            | &Self::Square(a)
            | &Self::Sum(a, _)
            | &Self::Move(a, _)
            | &Self::LessThan(a, _)
            | &Self::Not(a)
            | &Self::Real(a)
            | &Self::Fourier(a, _)
            | &Self::Lookup(a, _)
            | &Self::Power(a, _)
            | &Self::Level(a, _)
            | &Self::Reveal(a, _) => SmallVec::from_slice(&[a]),
            &Self::Add(a, b)
            | &Self::Sub(a, b)
            | &Self::Mul(a, b)
            | &Self::MatMul(a, b)
            | &Self::Less(a, b)
            | &Self::Equal(a, b)
            | &Self::And(a, b)
            | &Self::Xor(a, b)
            | &Self::Select(a, b) => SmallVec::from_slice(&[a, b]),
            Self::Concat(parts, _) => parts.clone(),
        }
    }
}

impl NodeId {
    /// The node at a position.
    ///
    /// # Panics
    /// For a position that no circuit has.
    #[must_use]
    pub fn at(position: usize) -> Self {
        Self(u32::try_from(position).expect("fewer than 2^32 nodes fit in memory"))
    }

    /// Position in the circuit.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl Series {
    /// The sum at `x`, in f64.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        let x = match self.opening {
            Opening::Period => x,
            Opening::Remainder { modulus } => x.rem_euclid(modulus),
        };
        let turn = 2.0 * std::f64::consts::PI * x.rem_euclid(self.period) / self.period;
        let term = |f: fn(f64) -> f64| move |(k, a): (usize, &f64)| a * f((k + 1) as f64 * turn);
        self.constant
            + self.cosines.iter().enumerate().map(term(libm::cos)).sum::<f64>()
            + self.sines.iter().enumerate().map(term(libm::sin)).sum::<f64>()
    }
}
