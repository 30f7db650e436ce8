//! WHO does what: a straight line of operations on ring tensors, where every value names the parties that hold it.
//!
//! Knowledge spreads by [`Op::Send`] alone, and nothing else costs anything. A party computes only with what it holds;
//! [`check`](ProgramDraft::check) enforces it. Everything else that is said of a Program is derived from it:
//! its [phases](Phase), its rounds and bytes, a party's view, its digest.
//!
//! A [`ProgramDraft`] is plain data that may say anything; a [`Program`] has passed the check, and passes take only that.
//!
//! ```
//! use viewless_protocols::party::{Party, PartySet};
//! use viewless_protocols::program::ProgramBuilder;
//! use viewless_protocols::ring::Domain;
//!
//! // The client shares x among P0 and P1: x0 is a common random word, x1 = x - x0 is sent.
//! let parties = PartySet::of(&[Party::P0, Party::P1, Party::Client]);
//! let mut p = ProgramBuilder::new(parties, Party::ModelOwner);
//! let x = p.input(Party::Client, "x", 16, Domain::Z64, [2, 3].into());
//! let x0 = p.sample(PartySet::of(&[Party::Client, Party::P0]), Domain::Z64, [2, 3].into());
//! let x1 = p.sub(x, x0);
//! let x1 = p.send(x1, Party::P1);
//! let program = p.finish().expect("every party computes with what it holds");
//! assert_eq!(program.value(x1).holders, PartySet::of(&[Party::Client, Party::P1]));
//! ```

#![deny(clippy::wildcard_enum_match_arm, reason = "a catch-all hides a new operation from the pass that must learn it")]

pub mod bill;
mod builder;
mod check;
mod digest;
mod lifetime;
mod phase;
mod schedule;
mod shortened;
mod text;
pub mod timetable;

pub use bill::{Bill, Grouping, OnlineRound, PREDICTED_SCHEDULES, PhaseBill, RegionBill, bill, online_rounds};
pub use builder::ProgramBuilder;
pub use check::{ProgramError, Rule};
pub use lifetime::Lifetime;
pub use phase::Phase;
pub use schedule::Schedule;
pub use shortened::Shortened;
pub use timetable::{COMPUTING, Message, Timetable, timetable};

use crate::party::{Party, PartySet};
use crate::region::{RegionId, Regions};
use crate::ring::Domain;
use crate::shape::{Move, Shape};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// Position of a value in its Program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValueId(pub u32);

impl ValueId {
    /// Position in the Program.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Arguments of an operation.
pub type Arguments = SmallVec<[ValueId; 2]>;

/// How a value comes about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// A private input of its one holder, encoded from real numbers with `fraction_bits`.
    Input {
        /// Its name.
        name: Arc<str>,
        /// Fraction bits of the encoding.
        fraction_bits: u8,
    },
    /// A public constant, held by everyone.
    Constant(Constant),
    /// Fresh uniform randomness, known to its holders by a common key. Each stream is used once for each model, or once for
    /// each query of it.
    Sample {
        /// Number of the stream.
        stream: u32,
        /// How long it lives.
        #[serde(default)]
        lifetime: Lifetime,
    },
    /// A computation that each holder does by itself.
    Local(Local, Arguments),
    /// The same value, known to one more party.
    Send(ValueId, Party),
    /// Declares that the value is the intended output of a party that holds it.
    Reveal {
        /// The output.
        value: ValueId,
        /// Who is meant to learn it.
        to: Party,
        /// Its name.
        name: Arc<str>,
        /// Fraction bits of the encoding.
        fraction_bits: u8,
    },
}

/// A public tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Constant {
    /// The same word everywhere.
    Splat(u64),
    /// A word for each element, row-major.
    Words(Arc<[u64]>),
}

/// Local computations. Elementwise ones broadcast, aligned at the right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Local {
    /// a + b modulo 2^k.
    Add,
    /// a - b modulo 2^k.
    Sub,
    /// -a modulo 2^k.
    Neg,
    /// a b modulo 2^k.
    Mul,
    /// Matrix product modulo 2^k over the last two axes.
    MatMul,
    /// Sum over an axis, which keeps length 1, modulo 2^k.
    Sum(usize),
    /// Bitwise and.
    And,
    /// Bitwise exclusive or.
    Xor,
    /// Bitwise not.
    Not,
    /// Towards the high bits; what leaves the word is lost.
    ShiftLeft(u8),
    /// Towards the low bits, zeros come in.
    ShiftRight(u8),
    /// Towards the low bits, copies of the sign bit come in: floor(a / 2^s) of the signed word. Rings only.
    ShiftRightArithmetic(u8),
    /// The bit-reversal permutation of k = 2^j bits, see [`crate::ring::bit_reversal`].
    BitReversal,
    /// The same bits read as a word of another domain: the low bits when narrower (for rings a homomorphism),
    /// zeros above when wider.
    Convert(Domain),
    /// Rearrangement.
    Move(Move),
    /// Joins tensors along an axis.
    Concat(usize),
    /// A public function of one word, see [`WordFunction`]; the result has the domain that the function names.
    Function(Arc<WordFunction>),
}

/// Public functions of a word, applied elementwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum WordFunction {
    /// Trigonometric functions of a word t of Z_2^m read as the angle 2 pi t / 2^m. The result has one more leading axis,
    /// the waves; element w is `cosine` cos(h angle) + `sine` sin(h angle) of wave w, to the nearest word of Z_2^64 with
    /// `fraction_bits`.
    Waves {
        /// The functions.
        waves: Vec<Wave>,
        /// Fraction bits of the results.
        fraction_bits: u8,
    },
    /// Element t of a public table of 2^k entries for words of k bits, k at most 16, with results in `domain`.
    Table {
        /// The entries.
        entries: Vec<u64>,
        /// Domain of the entries.
        domain: Domain,
    },
    /// The remainder of a word modulo `modulus`, in `domain`.
    Remainder {
        /// What it is divided by; from 1 to the number of words of `domain`.
        modulus: u64,
        /// Domain of the result.
        domain: Domain,
    },
}

/// `cosine` cos(h angle) + `sine` sin(h angle), h the `harmonic`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Wave {
    /// Turns of the wave during one turn of the angle.
    pub harmonic: u32,
    /// Amplitude of the cosine.
    pub cosine: f64,
    /// Amplitude of the sine.
    pub sine: f64,
}

// The coefficients are finite (checked), so equality is reflexive.
impl Eq for WordFunction {}

/// One value: how it comes about, what it is, and who holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// How it comes about.
    pub op: Op,
    /// Domain of its elements.
    pub domain: Domain,
    /// Its shape.
    pub shape: Shape,
    /// The parties that hold it.
    pub holders: PartySet,
    /// Where it was built.
    pub region: RegionId,
}

/// A statement about a shared value that no party can see, but that the result rests on. It costs nothing; the
/// simulator, which holds all shares, verifies it, and failure probabilities are summed from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Additive shares of the value in question.
    pub shares: SmallVec<[ValueId; 3]>,
    /// What is claimed.
    pub kind: ClaimKind,
    /// Where it was made.
    pub region: RegionId,
}

/// What a [`Claim`] says of the sum x of its shares, read as a signed word of k bits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum ClaimKind {
    /// x is truncated by shares shifted apart. Law: the result is floor(x / 2^s) or one unit more, unless the shares wrap,
    /// which puts it off by 2^(k - s): for exactly |x| of the 2^k sharings.
    LocalTruncation {
        /// Bits s shifted out.
        shift: u8,
        /// Fraction bits of x.
        fraction_bits: u8,
    },
    /// |x| < 2^`bits`: what an operation without wrap rests on. Outside, the result is wrong for certain.
    Headroom {
        /// Binary logarithm of the bound.
        bits: u8,
    },
    /// low <= x / 2^f <= high, or x / 2^f is in a second interval: the domain on the card of a protocol.
    Domain {
        /// Smallest number claimed.
        low: f64,
        /// Largest number claimed.
        high: f64,
        /// A second interval, apart from the first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        also: Option<(f64, f64)>,
        /// Fraction bits f of x.
        fraction_bits: u8,
    },
}

/// A Program as plain data, unchecked: what is built, stored, mutated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgramDraft {
    /// Everyone who takes part.
    pub parties: PartySet,
    /// Whose inputs are the model: what depends on them alone is done once, in the setup phase.
    pub model_owner: Party,
    /// The values in order; arguments stand before their users.
    pub values: Vec<Value>,
    /// The tree of regions.
    pub regions: Regions,
    /// Statements that the result rests on.
    pub claims: Vec<Claim>,
}

/// A Program in which every party computes with what it holds; see [`ProgramDraft::check`] for all that was checked.
#[derive(Debug, Clone)]
pub struct Program {
    draft: ProgramDraft,
    phases: Vec<Phase>,
    lifetimes: Vec<Lifetime>,
    /// Made when it is asked for, once: of a large Program hashing is most of a proof.
    digest: OnceLock<blake3::Hash>,
}

impl PartialEq for Program {
    /// Everything else is derived from the draft.
    fn eq(&self, other: &Self) -> bool {
        self.draft == other.draft
    }
}

impl Deref for Program {
    type Target = ProgramDraft;

    fn deref(&self) -> &ProgramDraft {
        &self.draft
    }
}

impl Program {
    /// The phase of a value.
    #[must_use]
    pub fn phase(&self, id: ValueId) -> Phase {
        self.phases[id.index()]
    }

    /// How long a value lives: as long as the model, when no query and nothing fresh for a query enters it.
    #[must_use]
    pub fn lifetime(&self, id: ValueId) -> Lifetime {
        self.lifetimes[id.index()]
    }

    /// The plain data, to be stored or changed.
    #[must_use]
    pub fn into_draft(self) -> ProgramDraft {
        self.draft
    }
}

impl ProgramDraft {
    /// A value.
    ///
    /// # Panics
    /// When `id` is of another Program.
    #[must_use]
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.index()]
    }

    /// The values with their positions, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (ValueId, &Value)> {
        self.values.iter().enumerate().map(|(i, value)| (ValueId(i as u32), value))
    }
}

impl Op {
    /// The values that it is made from.
    #[must_use]
    pub fn arguments(&self) -> &[ValueId] {
        match self {
            Self::Input { .. } | Self::Constant(_) | Self::Sample { .. } => &[],
            Self::Local(_, arguments) => arguments,
            Self::Send(value, _) | Self::Reveal { value, .. } => std::slice::from_ref(value),
        }
    }

    /// The same, to be changed by a mutator of drafts.
    pub fn arguments_mut(&mut self) -> &mut [ValueId] {
        match self {
            Self::Input { .. } | Self::Constant(_) | Self::Sample { .. } => &mut [],
            Self::Local(_, arguments) => arguments,
            Self::Send(value, _) | Self::Reveal { value, .. } => std::slice::from_mut(value),
        }
    }
}

impl Value {
    /// Size of the whole tensor when its words are packed without gaps, in bits.
    #[must_use]
    pub fn bits(&self) -> u64 {
        self.shape.elements() as u64 * u64::from(self.domain.bits())
    }

    /// Bytes of a message that carries the tensor: packed bits, rounded up once.
    #[must_use]
    pub fn message_bytes(&self) -> u64 {
        self.bits().div_ceil(8)
    }
}
