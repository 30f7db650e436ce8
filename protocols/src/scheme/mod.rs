//! Schemes: what a shared value is, and what each circuit operation means for the parties.
//!
//! [`compile`] turns a circuit into a Program under a [`SchemeSpec`], a point in a space of named choices: a published
//! system is one such point.

pub mod additive2;
mod carry;
mod dealt;
mod gated;
mod integers;
pub mod laws;
mod lower;
mod operand;
mod owned;
pub mod replicated3;
pub mod widths;
mod words;

pub(crate) use integers::{RingLevel, RingPower, RingSeries, RingTable};
pub(crate) use operand::{Operand, Summand};

use crate::circuit::CheckedCircuit;
use crate::fixed::{EncodeError, FixedPoint};
use crate::party::{Party, PartySet};
use crate::program::{self, Local, Program, ProgramBuilder, ProgramError, ValueId};
use crate::shape::ShapeError;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use thiserror::Error;

/// Who computes, and what a sharing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchemeKind {
    /// P0 and P1 hold x0 + x1 = x modulo 2^64, and a dealer deals correlated randomness: the setting of SecFormer,
    /// MPCFormer and CrypTen. Semi-honest; one corrupted party of the three, or either owner.
    Additive2,
    /// P0, P1 and P2 hold two each of the three shares of x0 + x1 + x2 = x modulo 2^64: the setting of PUMA and ABY3.
    /// Semi-honest; one corrupted party of the three, or either owner.
    Replicated3,
}

/// How fixed-point products are brought back to scale. Each gives floor(x / 2^s) or one unit more. What a choice costs is told for
/// `additive2`; for `replicated3`, see [its table](replicated3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Truncation {
    /// Each party shifts its share: free, but wraps with probability |x| / 2^64, and then the result is off by
    /// 2^(64 - s). (As in SecureML, Mohassel and Zhang 2017; the shares are read as signed here.)
    Local,
    /// One opening under a dealt mask whose shifted value and top bit are dealt too: 1 round, 128 bit online and 128 bit
    /// from the dealer; never wraps for |x| < 2^62. (A dealt-mask truncation; compare edaBits,
    /// Escudero et al., Crypto 2020. The top bit of the mask takes the place of the usual gap below the modulus.)
    Exact,
    /// Each party shifts its share, and keeps of it only what cannot wrap: free, never wrong, but the ring is narrower by s bits after it. How
    /// wide each value is held is [planned](widths::Widths) backwards from what consumes it; where no word is wide enough, the ring is refreshed
    /// by one opening as of `Exact`. A number that is compared or refreshed is claimed to be in its domain, or below
    /// 2^[`RANGE_BITS`](crate::fixed::RANGE_BITS) where none is known, or what the suite says.
    Narrowing,
}

/// How the sign of a secret is found. What a choice costs is told for `additive2`; for `replicated3`, see [its table](replicated3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// CrypTen's set-propagate-kill tree on whole words, and a conversion that opens a whole word: 8 rounds, 3456 bit.
    Spk,
    /// Only the carry into the sign bit: a tree that halves, 7 rounds, 504 bit; the bit stays shared by exclusive or, and
    /// is converted (1 round, 2 bit) or used to select (1 round, 130 bit) as needed.
    Carry,
}

/// Masks of products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Triples {
    /// Every product masks both its operands afresh: weights are opened again for each product, for each inference.
    Fresh,
    /// A weight keeps one mask and is opened once, in the setup phase; what it is multiplied with is masked afresh.
    FixedWeight,
    /// Every value keeps one mask and is opened once, before it is spread (broadcast, transposed, in windows), for all its products, squares and
    /// selections: a weight once for the model, anything else once for an inference.
    PerValue,
}

/// A scheme with the choices that depend on it: nothing that can be said here does not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sharing {
    /// [`SchemeKind::Additive2`], whose products open their operands behind masks.
    Additive2(Triples, Weights),
    /// [`SchemeKind::Replicated3`], whose products open nothing.
    Replicated3(WeightsAmongThree),
}

/// How the model's weights are held among three computing parties, none of whom is the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightsAmongThree {
    /// [`Weights::Shared`].
    Shared,
    /// [`Weights::Server`].
    Server,
}

/// How the model's weights are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weights {
    /// Shared among the computing parties by a model owner who then leaves.
    Shared,
    /// In clear at P0, who is the model owner. (In `replicated3` P0 shares what is multiplied with a secret or added to one,
    /// once, in the setup phase: P1 and P2 need their shares of it.)
    Server,
    /// As `Server`, and the client is P1: two parties and a dealer, the setting of BOLT, Cheetah, SIGMA and BumbleBee. P1 shares its own
    /// query without a message, and completes the output with its own share. (`additive2` only.)
    ClientServer,
}

impl From<WeightsAmongThree> for Weights {
    fn from(weights: WeightsAmongThree) -> Self {
        match weights {
            WeightsAmongThree::Shared => Self::Shared,
            WeightsAmongThree::Server => Self::Server,
        }
    }
}

impl TryFrom<Weights> for WeightsAmongThree {
    type Error = ChoiceError;

    fn try_from(weights: Weights) -> Result<Self, ChoiceError> {
        match weights {
            Weights::Shared => Ok(Self::Shared),
            Weights::Server => Ok(Self::Server),
            Weights::ClientServer => Err(ChoiceError::ThirdParty),
        }
    }
}

impl Weights {
    /// Whether the weights are in clear at P0.
    #[must_use]
    pub fn in_clear(self) -> bool {
        match self {
            Self::Shared => false,
            Self::Server | Self::ClientServer => true,
        }
    }
}

/// A scheme with all its choices made. Every value can be compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "WrittenScheme", into = "WrittenScheme")]
pub struct SchemeSpec {
    /// Who computes, on which shares, how they multiply, and who holds the weights.
    pub sharing: Sharing,
    /// Truncation.
    pub truncation: Truncation,
    /// Comparison.
    pub comparison: Comparison,
}

/// A scheme as suites and certificates write it: choices that need not go together.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WrittenScheme {
    /// How secrets are shared.
    kind: SchemeKind,
    /// How numbers are truncated.
    truncation: Truncation,
    /// How numbers are compared.
    comparison: Comparison,
    /// The masks of products; may be left out where there are none.
    #[serde(default)]
    triples: WrittenTriples,
    /// Who holds the weights.
    weights: Weights,
}

/// Masks of products, or that there are none.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WrittenTriples {
    Fresh,
    FixedWeight,
    PerValue,
    #[default]
    None,
}

/// Choices that do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChoiceError {
    /// A scheme of masked openings without masks.
    #[error(
        "scheme additive2 multiplies with dealt triples: choose triples = \"fresh\", \"fixed-weight\" or \"per-value\""
    )]
    TriplesMissing,
    /// Masks for a scheme that opens nothing.
    #[error("scheme replicated3 multiplies without triples: leave `triples` out, or choose triples = \"none\"")]
    TriplesUnused,
    /// A client and a server, and a third.
    #[error(
        "weights = \"client-server\" is for two computing parties: choose kind = \"additive2\", or weights = \"server\""
    )]
    ThirdParty,
}

impl Truncation {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Local, Self::Exact, Self::Narrowing];
}

impl SchemeKind {
    /// Every scheme.
    pub const ALL: [Self; 2] = [Self::Additive2, Self::Replicated3];

    /// The scheme with each of the choices that only it has, its weights shared.
    #[must_use]
    pub const fn sharings(self) -> &'static [Sharing] {
        match self {
            Self::Additive2 => &[
                Sharing::Additive2(Triples::Fresh, Weights::Shared),
                Sharing::Additive2(Triples::FixedWeight, Weights::Shared),
                Sharing::Additive2(Triples::PerValue, Weights::Shared),
            ],
            Self::Replicated3 => &[Sharing::Replicated3(WeightsAmongThree::Shared)],
        }
    }
}

impl Sharing {
    /// Who computes, and what a sharing is.
    #[must_use]
    pub const fn kind(self) -> SchemeKind {
        match self {
            Self::Additive2(..) => SchemeKind::Additive2,
            Self::Replicated3(_) => SchemeKind::Replicated3,
        }
    }

    /// Holding of the weights.
    #[must_use]
    pub fn weights(self) -> Weights {
        match self {
            Self::Additive2(_, weights) => weights,
            Self::Replicated3(weights) => weights.into(),
        }
    }

    /// Masks of products, where products open anything.
    #[must_use]
    pub const fn triples(self) -> Option<Triples> {
        match self {
            Self::Additive2(triples, _) => Some(triples),
            Self::Replicated3(_) => None,
        }
    }
}

impl SchemeSpec {
    /// Every combination of choices of every scheme, the client and the model's owner being parties of their own, or the owner P0: what
    /// holds of schemes is tested on these, so that another scheme is tested as soon as it is one of [`SchemeKind::ALL`].
    #[must_use]
    pub fn every() -> Vec<Self> {
        let mut every = Vec::new();
        for &sharing in SchemeKind::ALL.iter().flat_map(|kind| kind.sharings()) {
            for truncation in Truncation::ALL {
                for comparison in [Comparison::Spk, Comparison::Carry] {
                    let shared = Self { sharing, truncation, comparison };
                    every.extend([shared, shared.served()]);
                }
            }
        }
        every
    }

    /// Who computes, and what a sharing is.
    #[must_use]
    pub const fn kind(&self) -> SchemeKind {
        self.sharing.kind()
    }

    /// Holding of the weights.
    #[must_use]
    pub fn weights(&self) -> Weights {
        self.sharing.weights()
    }

    /// The same with the weights in clear at P0, and a client who does not compute.
    #[must_use]
    pub const fn served(self) -> Self {
        let sharing = match self.sharing {
            Sharing::Additive2(triples, _) => Sharing::Additive2(triples, Weights::Server),
            Sharing::Replicated3(_) => Sharing::Replicated3(WeightsAmongThree::Server),
        };
        Self { sharing, ..self }
    }
}

impl TryFrom<WrittenScheme> for SchemeSpec {
    type Error = ChoiceError;

    fn try_from(written: WrittenScheme) -> Result<Self, ChoiceError> {
        let WrittenScheme { kind, truncation, comparison, triples, weights } = written;
        let sharing = match (kind, triples) {
            (SchemeKind::Additive2, WrittenTriples::Fresh) => Sharing::Additive2(Triples::Fresh, weights),
            (SchemeKind::Additive2, WrittenTriples::FixedWeight) => Sharing::Additive2(Triples::FixedWeight, weights),
            (SchemeKind::Additive2, WrittenTriples::PerValue) => Sharing::Additive2(Triples::PerValue, weights),
            (SchemeKind::Additive2, WrittenTriples::None) => return Err(ChoiceError::TriplesMissing),
            (SchemeKind::Replicated3, WrittenTriples::None) => Sharing::Replicated3(weights.try_into()?),
            (
                SchemeKind::Replicated3,
                WrittenTriples::Fresh | WrittenTriples::FixedWeight | WrittenTriples::PerValue,
            ) => {
                return Err(ChoiceError::TriplesUnused);
            }
        };
        Ok(Self { sharing, truncation, comparison })
    }
}

impl From<SchemeSpec> for WrittenScheme {
    fn from(spec: SchemeSpec) -> Self {
        let triples = match spec.sharing.triples() {
            Some(Triples::Fresh) => WrittenTriples::Fresh,
            Some(Triples::FixedWeight) => WrittenTriples::FixedWeight,
            Some(Triples::PerValue) => WrittenTriples::PerValue,
            None => WrittenTriples::None,
        };
        let SchemeSpec { sharing, truncation, comparison } = spec;
        Self { kind: sharing.kind(), truncation, comparison, triples, weights: sharing.weights() }
    }
}

/// A circuit that a scheme cannot carry out.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CompileError {
    /// A number of the circuit that does not fit the ring.
    #[error("in region `{region}`: {error}")]
    Encode {
        /// Path of the region.
        region: String,
        /// The number, and why.
        error: EncodeError,
    },
    /// More fraction bits than the ring leaves room for, or fewer than none.
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
    /// A rescaling by more than the word.
    #[error("in region `{region}`: a result has {shift} fraction bits too many; a truncation removes at most 61")]
    Shift {
        /// Path of the region.
        region: String,
        /// Bits to be removed.
        shift: i32,
    },
    /// A series that cannot be evaluated.
    #[error("in region `{region}`: {why}")]
    Series {
        /// Path of the region.
        region: String,
        /// Why.
        why: String,
    },
    /// A power of two, or a level, that no words are made for.
    #[error("in region `{region}`: {why}")]
    Power {
        /// Path of the region.
        region: String,
        /// Why, and what to change.
        why: String,
    },
    /// A table whose index is no part of the word.
    #[error("in region `{region}`: {why}")]
    Table {
        /// Path of the region.
        region: String,
        /// Why, and what to change.
        why: String,
    },
    /// What the scheme needs for a tensor is too large.
    #[error("in region `{region}`: {error}; use shorter rows or a smaller batch")]
    Size {
        /// Path of the region.
        region: String,
        /// The shape that is too large.
        error: Box<ShapeError>,
    },
    /// The scheme emitted an ill-formed Program; a defect of the scheme.
    #[error("the scheme compiled an ill-formed Program: {0}")]
    Program(ProgramError),
}

impl From<ProgramError> for CompileError {
    fn from(error: ProgramError) -> Self {
        match *error.rule {
            program::Rule::Shape(size @ ShapeError::Size { .. }) => {
                Self::Size { region: error.region, error: Box::new(size) }
            }
            // Every other rule is one that schemes keep.
            _ => Self::Program(error),
        }
    }
}

/// Compiles a circuit into a Program that computes it among the parties of the scheme.
///
/// The Program has the regions of the circuit. Inputs are shared where the circuit names them, so that a large model never
/// needs all its weights at once.
///
/// # Errors
/// [`CompileError`] names region and number.
pub fn compile(circuit: &CheckedCircuit, spec: &SchemeSpec, fixed: FixedPoint) -> Result<Program, CompileError> {
    compile_claiming(circuit, spec, fixed, None)
}

/// The witness of a compiled circuit whose rings are narrowed: the Program of the same circuit, the same shares and the same suite, but in
/// Z_2^64 throughout, with every claim of the Program about a number that a ring must hold.
///
/// A number that has left its ring is seen there as another number of the ring, which may keep every claim. In the witness it is seen
/// as it is. `None` where no ring is narrowed: then the Program's own claims are about whole words.
///
/// # Errors
/// As [`compile`].
pub fn compile_witness(
    circuit: &CheckedCircuit,
    spec: &SchemeSpec,
    fixed: FixedPoint,
) -> Result<Option<Program>, CompileError> {
    match spec.truncation {
        Truncation::Local | Truncation::Exact => Ok(None),
        Truncation::Narrowing => {
            let planned = widths::Widths::of(circuit, spec, fixed);
            let whole = SchemeSpec { truncation: Truncation::Exact, ..*spec };
            compile_claiming(circuit, &whole, fixed, Some(planned)).map(Some)
        }
    }
}

fn compile_claiming(
    circuit: &CheckedCircuit,
    spec: &SchemeSpec,
    fixed: FixedPoint,
    claimed: Option<widths::Widths>,
) -> Result<Program, CompileError> {
    match spec.sharing {
        Sharing::Additive2(triples, weights) => {
            lower::lower(circuit, spec, fixed, additive2::Additive2::new(*spec, triples, weights), claimed)
        }
        Sharing::Replicated3(weights) => {
            lower::lower(circuit, spec, fixed, replicated3::Replicated3::new(*spec, weights), claimed)
        }
    }
}

/// Shares of a tensor: P0's and P1's in `additive2`, the three in `replicated3`.
pub(crate) type Shares = SmallVec<[ValueId; 3]>;

/// Shares of a tensor of bits.
#[derive(Debug, Clone)]
pub(crate) enum BitShares {
    /// Words of one bit whose exclusive or is the bit.
    Xor(Shares),
    /// Ring elements whose sum is 0 or 1.
    Arithmetic(Shares),
}

/// The two bilinear products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    /// Elementwise, broadcasting.
    Elementwise,
    /// Matrix product.
    Matrix,
}

/// A truncation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// Bits cut off.
    pub(crate) shift: u8,
    /// Fraction bits of what is truncated.
    pub(crate) fraction_bits: u8,
    /// Width of the ring of the result.
    pub(crate) ring: u8,
}

/// What a scheme must define; all linear operations are done on shares by the walker, alike for every linear scheme.
///
/// Shares are of the ring of their domain, Z_2^64 but under [`Truncation::Narrowing`]. `truncate` obeys the law of
/// [`crate::program::ClaimKind::LocalTruncation`] or never wraps.
pub(crate) trait Scheme {
    /// Everyone who takes part.
    fn parties(&self) -> PartySet;
    /// Who owns the weights.
    fn model_owner(&self) -> Party;
    /// Who asks, and is told the outputs.
    fn client(&self) -> Party;
    /// Shares a value that `owner` holds in clear.
    fn share(&mut self, p: &mut ProgramBuilder, owner: Party, clear: ValueId) -> Shares;
    /// A sharing of a value that everyone, or its one holder (P0, the model owner) knows; share 0 of what everyone knows is the
    /// value itself.
    fn trivial(&mut self, p: &mut ProgramBuilder, known: ValueId) -> Shares;
    /// x + w or x - w (`local`), w in clear at the model owner, who is P0. Shares may come back in the shapes of x, of w, or of
    /// the result.
    fn combine_with_clear(&mut self, p: &mut ProgramBuilder, local: &Local, x: Shares, w: ValueId) -> Shares;
    /// A product as it is before the parties have shares of it: where it is truncated, they may never have.
    type Unsettled;
    /// x y.
    fn product(&mut self, p: &mut ProgramBuilder, product: Product, x: &Operand, y: &Operand) -> Self::Unsettled;
    /// x w, w in clear at the model owner, who is P0.
    fn product_with_clear(
        &mut self,
        p: &mut ProgramBuilder,
        product: Product,
        x: &Shares,
        w: ValueId,
    ) -> Self::Unsettled;
    /// x squared.
    fn square(&mut self, p: &mut ProgramBuilder, x: &Operand) -> Self::Unsettled;
    /// Shares of a product.
    fn settle(&mut self, p: &mut ProgramBuilder, product: Self::Unsettled) -> Shares;
    /// Shares of a product, truncated as by [`Scheme::truncate`].
    fn settle_truncated(&mut self, p: &mut ProgramBuilder, product: Self::Unsettled, cut: Cut) -> Shares;
    /// floor(x / 2^shift) or one unit more.
    fn truncate(&mut self, p: &mut ProgramBuilder, x: &Shares, cut: Cut) -> Shares;
    /// 1 where x < 0.
    fn negative(&mut self, p: &mut ProgramBuilder, x: &Shares) -> BitShares;
    /// 1 where x = 0.
    fn zero(&mut self, p: &mut ProgramBuilder, x: &Shares) -> BitShares;
    /// a AND b.
    fn and(&mut self, p: &mut ProgramBuilder, a: &BitShares, b: &BitShares) -> BitShares;
    /// a XOR b.
    fn xor(&mut self, p: &mut ProgramBuilder, a: &BitShares, b: &BitShares) -> BitShares;
    /// NOT a.
    fn not(&mut self, p: &mut ProgramBuilder, a: &BitShares) -> BitShares;
    /// x where the bit is 1, zero elsewhere.
    fn select(&mut self, p: &mut ProgramBuilder, bit: &BitShares, x: &Operand) -> Shares;
    /// The bit as an element of Z_2^`ring`, 0 or 1.
    fn integer(&mut self, p: &mut ProgramBuilder, bit: &BitShares, ring: u8) -> Shares;
    /// A trigonometric sum of x.
    fn fourier(&mut self, p: &mut ProgramBuilder, x: &Shares, series: &RingSeries<'_>) -> Shares;
    /// The entry of a table with index floor(x / 2^shift), or one more, modulo the number of entries.
    fn lookup(&mut self, p: &mut ProgramBuilder, x: &Shares, table: &RingTable) -> Shares;
    /// 2^x for x not above 0, truncated.
    fn power(&mut self, p: &mut ProgramBuilder, x: &Shares, power: &RingPower) -> Shares;
    /// About the largest of each row, the last axis.
    fn level(&mut self, p: &mut ProgramBuilder, x: &Shares, level: &RingLevel) -> Shares;
    /// Makes x known to `to` and nothing else: the shares are made fresh before they are sent.
    fn reveal(&mut self, p: &mut ProgramBuilder, x: &Shares, to: Party, name: &str, fraction_bits: u8);
}
