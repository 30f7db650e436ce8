//! What is claimed of a protocol, as data: reports print it and tests hold it to what is counted and measured.

use crate::program::Schedule;
use crate::scheme::{Comparison, Truncation};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use thiserror::Error;

/// Text of a constant or of a file.
pub type Text = Cow<'static, str>;

/// What a protocol computes, by name. A suite names one protocol for each function that its model needs.
///
/// The set is open: the constants are the functions that viewless brings; any other name in lower case is one as well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Function(Text);

/// A name that no function can have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{name}` names no function: use lower-case letters, digits and single hyphens, and begin with a letter, as in `gelu`"
)]
pub struct FunctionNameError {
    /// The name.
    pub name: String,
}

impl Function {
    /// e^x.
    pub const EXP: Self = Self(Cow::Borrowed("exp"));
    /// 1 / x.
    pub const RECIPROCAL: Self = Self(Cow::Borrowed("reciprocal"));
    /// 1 / sqrt(x).
    pub const RSQRT: Self = Self(Cow::Borrowed("rsqrt"));
    /// Largest element of a row.
    pub const MAX: Self = Self(Cow::Borrowed("max"));
    /// max(x, 0).
    pub const RELU: Self = Self(Cow::Borrowed("relu"));
    /// x, and a fifth of it below zero.
    pub const LEAKY_RELU: Self = Self(Cow::Borrowed("leaky-relu"));
    /// x/2 (1 + erf(x / sqrt 2)).
    pub const GELU: Self = Self(Cow::Borrowed("gelu"));
    /// tanh x.
    pub const TANH: Self = Self(Cow::Borrowed("tanh"));
    /// e^x over its row sum, or what a paper puts in its place.
    pub const SOFTMAX: Self = Self(Cow::Borrowed("softmax"));
    /// Rows brought to mean 0 and variance 1, then scaled and offset by column.
    pub const LAYERNORM: Self = Self(Cow::Borrowed("layernorm"));

    /// The function of that name.
    ///
    /// # Errors
    /// [`FunctionNameError`] for what is no name.
    pub fn of(name: &str) -> Result<Self, FunctionNameError> {
        if is_name(name) { Ok(Self(name.to_owned().into())) } else { Err(FunctionNameError { name: name.to_owned() }) }
    }

    /// Its name, as in a suite and before the slash of a protocol's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// Whether a text is lower-case letters, digits and single hyphens, beginning with a letter or digit and ending with one.
pub(in crate::nonlinear) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
}

impl TryFrom<String> for Function {
    type Error = FunctionNameError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::of(&name)
    }
}

impl From<Function> for String {
    fn from(function: Function) -> Self {
        function.0.into_owned()
    }
}

/// Texts of a list.
pub(in crate::nonlinear) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().copied().map(str::to_owned).collect()
}

/// A quantity that depends on the length of a row: 1 for elementwise functions.
#[derive(Clone)]
pub struct PerRow<T>(Arc<dyn Fn(usize) -> T + Send + Sync>);

impl<T> PerRow<T> {
    /// The quantity as a function of the row length.
    pub fn of(at: impl Fn(usize) -> T + Send + Sync + 'static) -> Self {
        Self(Arc::new(at))
    }

    /// The quantity for rows of a length.
    #[must_use]
    pub fn at(&self, row_length: usize) -> T {
        (self.0)(row_length)
    }
}

impl<T: fmt::Debug> fmt::Debug for PerRow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} for a row of one", self.at(1))
    }
}

/// One protocol's card.
#[derive(Debug, Clone)]
pub struct Card {
    /// `function/variant`, in lower case; names the file, the region and the choice in a suite.
    pub name: String,
    /// What it computes.
    pub function: Function,
    /// One line.
    pub summary: String,
    /// Paper with section, algorithm or equation; or code.
    pub source: String,
    /// Which text of it this is.
    pub reading: Reading,
    /// Where it is right, for rows of a length (1 for elementwise functions).
    pub interval: PerRow<Interval>,
    /// How far off it is inside the domain.
    pub error: ErrorClaim,
    /// What it is said to cost, by its authors and by us.
    pub claims: Vec<CostClaim>,
    /// The qualities that it lacks, so that nobody takes it for more than it is; empty for a protocol to use.
    pub fails: Vec<Failing>,
    /// What is wrong with the printed version, and what a user must know.
    pub known: Vec<String>,
}

/// An interval of some quantity.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    /// Smallest number claimed.
    pub low: f64,
    /// Largest number claimed.
    pub high: f64,
    /// The quantity, in words: the argument itself, or what is made of it.
    pub of: Text,
}

/// A bound of the approximation error over the domain: |y - truth| <= `absolute` + `relative` |truth|. It holds over the
/// reals; rounding comes on top and depends on the scheme.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorClaim {
    /// Error whatever the truth.
    pub absolute: f64,
    /// Error in proportion to the truth.
    pub relative: f64,
    /// The truth: what it is compared with.
    pub truth: Truth,
}

impl Truth {
    /// The exact function of a name: what a protocol of it stands in the place of, whatever it computes itself. None for a function that
    /// is not viewless' own; there is what a card says.
    #[must_use]
    pub fn of(function: &Function) -> Option<Self> {
        let known = [
            (Function::EXP, Self::Exp),
            (Function::RECIPROCAL, Self::Reciprocal),
            (Function::RSQRT, Self::Rsqrt),
            (Function::MAX, Self::Max),
            (Function::RELU, Self::Relu),
            (Function::LEAKY_RELU, Self::LeakyRelu),
            (Function::GELU, Self::Gelu),
            (Function::TANH, Self::Tanh),
            (Function::SOFTMAX, Self::Softmax),
            (Function::LAYERNORM, Self::LayerNorm),
        ];
        known.into_iter().find(|(known, _)| known == function).map(|(_, truth)| truth)
    }
}

/// The exact function that a protocol is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Truth {
    /// e^x.
    Exp,
    /// 1 / x.
    Reciprocal,
    /// 1 / sqrt(x).
    Rsqrt,
    /// The largest element of the row.
    Max,
    /// max(x, 0).
    Relu,
    /// x, and a fifth of it below zero.
    LeakyRelu,
    /// x/2 (1 + erf(x / sqrt 2)).
    Gelu,
    /// x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
    GeluTanh,
    /// tanh x.
    Tanh,
    /// e^x over its row sum.
    Softmax,
    /// (x + shift)^2 over its row sum, which is not softmax.
    TwoQuad {
        /// Added to each element.
        shift: f64,
    },
    /// max(x, 0) over its row sum, which is not softmax.
    TwoRelu,
    /// (x - mean) / sqrt(variance) of the row, scaled by column; before the offset.
    LayerNorm,
}

impl Truth {
    /// Whether the numbers of a row are shares of one: not negative, and 1 in sum.
    #[must_use]
    pub fn is_share_of_row(self) -> bool {
        match self {
            Self::Softmax | Self::TwoQuad { .. } | Self::TwoRelu => true,
            Self::Exp
            | Self::Reciprocal
            | Self::Rsqrt
            | Self::Max
            | Self::Relu
            | Self::LeakyRelu
            | Self::Gelu
            | Self::GeluTanh
            | Self::Tanh
            | Self::LayerNorm => false,
        }
    }
}

/// Which text of a published protocol a card is about. Where paper and code differ, each is a protocol of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reading {
    /// Designed for viewless.
    Ours,
    /// As its paper prints it.
    AsPrinted,
    /// As its authors' code runs it.
    AsCoded,
    /// As its authors' benchmark runs it, where that is neither of the two.
    AsBenchmarked,
    /// As its paper means it, misprints mended.
    Corrected,
}

/// A quality that a protocol lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// The quality.
    pub quality: Quality,
    /// Why, with the number that shows it.
    pub why: String,
}

/// What is asked of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quality {
    /// It computes the function that a model needs in its place, on the arguments that occur.
    Right,
    /// Every view can be simulated.
    Private,
    /// Its authors' statement of its cost is what is counted.
    Cheap,
}

/// What somebody says the protocol costs: messages between the computing parties; inputs, outputs and dealt randomness apart.
#[derive(Debug, Clone)]
pub struct CostClaim {
    /// Who says so, and where.
    pub by: String,
    /// How it is to be counted.
    pub setting: Setting,
    /// Rounds, where they are stated.
    pub rounds: Option<Rounds>,
    /// Bits sent, both directions together, where they are stated.
    pub bits: Option<Bits>,
    /// Whether all that is stated equals the count.
    pub holds: bool,
    /// Why not, or how it comes about.
    pub remark: String,
}

/// Configuration under which a cost is counted: two parties and a dealer, fresh triples, 16 fraction bits, and these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Setting {
    /// Comparison.
    pub comparison: Comparison,
    /// Truncation.
    pub truncation: Truncation,
    /// Which sends share a round.
    pub schedule: Schedule,
}

impl Setting {
    /// An eager framework with CrypTen's comparison: what the papers' tables count.
    pub const PUBLISHED: Self =
        Self { comparison: Comparison::Spk, truncation: Truncation::Local, schedule: Schedule::AsWritten };
    /// The cheaper comparison, and as few rounds as the dependencies allow.
    pub const LEAN: Self =
        Self { comparison: Comparison::Carry, truncation: Truncation::Local, schedule: Schedule::Asap };
}

/// Rounds for a row of n elements.
#[derive(Debug, Clone)]
pub enum Rounds {
    /// `fixed` + `per_halving` ceil(log2 n).
    Linear {
        /// Whatever the row length.
        fixed: u64,
        /// For each halving of the row down to one element.
        per_halving: u64,
    },
    /// Another function of the row length.
    OfRow {
        /// Rounds for a row length.
        at: PerRow<u64>,
        /// The same in words.
        formula: String,
    },
}

/// Bits for r rows of n elements.
#[derive(Debug, Clone)]
pub enum Bits {
    /// `per_element` r n + `per_row` r + `per_column` n.
    Linear {
        /// For each element.
        per_element: i64,
        /// For each row.
        per_row: i64,
        /// For each column, once for the whole tensor: a weight that is opened.
        per_column: i64,
    },
    /// r times another function of the row length.
    OfRow {
        /// Bits of one row of a length.
        at: PerRow<i64>,
        /// The same in words.
        formula: String,
    },
}

impl Rounds {
    /// The same for every row length.
    #[must_use]
    pub const fn fixed(rounds: u64) -> Self {
        Self::Linear { fixed: rounds, per_halving: 0 }
    }

    /// Rounds for a row of `row_length` elements.
    #[must_use]
    pub fn at(&self, row_length: usize) -> u64 {
        match self {
            Self::Linear { fixed, per_halving } => {
                fixed + per_halving * u64::from(row_length.max(1).next_power_of_two().ilog2())
            }
            Self::OfRow { at, .. } => at.at(row_length),
        }
    }
}

impl Bits {
    /// Of an elementwise function.
    #[must_use]
    pub const fn per_element(bits: i64) -> Self {
        Self::Linear { per_element: bits, per_row: 0, per_column: 0 }
    }

    /// Bits for `rows` rows of `row_length` elements.
    #[must_use]
    pub fn at(&self, rows: usize, row_length: usize) -> i64 {
        let (r, n) = (rows as i64, row_length as i64);
        match self {
            Self::Linear { per_element, per_row, per_column } => per_element * r * n + per_row * r + per_column * n,
            Self::OfRow { at, .. } => r * at.at(row_length),
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exp => f.pad("e^x"),
            Self::Reciprocal => f.pad("1/x"),
            Self::Rsqrt => f.pad("1/sqrt(x)"),
            Self::Max => f.pad("the largest element of the row"),
            Self::Relu => f.pad("max(x, 0)"),
            Self::LeakyRelu => f.pad("x, and x/5 below 0"),
            Self::Gelu => f.pad("x/2 (1 + erf(x / sqrt 2))"),
            Self::GeluTanh => f.pad("x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))"),
            Self::Tanh => f.pad("tanh x"),
            Self::Softmax => f.pad("softmax"),
            Self::TwoQuad { shift } => f.pad(&format!("(x + {shift})^2 over its row sum, which is not softmax")),
            Self::TwoRelu => f.pad("max(x, 0) over its row sum, which is not softmax"),
            Self::LayerNorm => f.pad("layer normalisation before beta"),
        }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ours => "ours",
            Self::AsPrinted => "as printed",
            Self::AsCoded => "as coded",
            Self::AsBenchmarked => "as benchmarked",
            Self::Corrected => "corrected",
        })
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Right => "right",
            Self::Private => "private",
            Self::Cheap => "cheap",
        })
    }
}
