//! The nonlinear functions of a Transformer, one file for each published way to compute them.
//!
//! A file opens with its card in prose and holds it as data, [`Card`], beside the function that builds the circuit. The
//! [`Registry`] lists them all; tests, reports and the command line iterate over it, so that a new file with one line in
//! [`registry`] is a new protocol everywhere.
//!
//! ```
//! use viewless_protocols::circuit::{Circuit, Owner};
//! use viewless_protocols::nonlinear::Registry;
//!
//! let gelu = Registry::built_in().get("gelu/cosine").expect("it is built in");
//! let mut c = Circuit::new();
//! let x = c.input(Owner::Client, "x", [8]);
//! let y = gelu.build(&mut c, x);
//! c.reveal(y, "y");
//! assert!(c.finish().is_ok());
//! ```
//!
//! **Guard bits and wraps.** A product of values with a and b fraction bits has a + b of them until it is truncated. Local
//! truncation of a word x wraps with probability |x| / 2^64, so each guard bit of a factor doubles the failure probability.
//! Protocols published with local truncation therefore keep few guard bits; those that use many say so on their cards and
//! are meant for exact truncation.

mod chosen;
mod common;
pub mod exp;
pub mod family;
pub mod gelu;
pub mod layernorm;
pub mod leaky_relu;
pub mod max;
pub mod reciprocal;
pub mod registry;
pub mod relu;
pub mod rsqrt;
pub mod softmax;
pub mod tanh;

use card::texts;
pub use card::{
    Bits, Card, CostClaim, ErrorClaim, Failing, Function, FunctionNameError, Interval, PerRow, Quality, Reading,
    Rounds, Setting, Text, Truth,
};
pub use chosen::{MissingProtocol, Protocols};
use common::pieces;
#[cfg(test)]
use common::testing;
pub use common::{card, exact, extension, mask, minimax, normalize, scales};
pub use family::Family;
pub use mask::Mask;
pub use registry::{Registry, RegistryError};

use crate::circuit::{Circuit, Owner, Secret};
use std::fmt;
use std::sync::Arc;

/// A card with the builder of its circuit.
#[derive(Debug, Clone)]
pub struct Protocol {
    /// What is claimed of it.
    pub card: Card,
    /// How it is built.
    pub build: Build,
    /// What it can leave to a model: a softmax the division, a layer normalisation scale and offset.
    pub parts: Option<Parts>,
    /// The file that it was read from, if a protocol of the registry bears its name, too.
    pub file: Option<String>,
    /// Its members on other intervals, if it has some.
    pub family: Option<Family>,
}

/// Builds a circuit from what a protocol is given.
type Builder<I> = Arc<dyn Fn(&mut Circuit, I) -> Secret + Send + Sync>;

/// The builder of a protocol's circuit; its kind says what it is given.
#[derive(Clone)]
pub enum Build {
    /// Of one tensor: elementwise, or over rows (the last axis) for the maximum.
    Map(Builder<Secret>),
    /// Of the rows of a softmax, all of them or under a public mask.
    Softmax(Builder<SoftmaxInputs>),
    /// Of a layer normalisation.
    LayerNorm(Builder<LayerNormInputs>),
}

/// Builds two tensors from what a softmax is given.
pub type BuilderOfTwo = Arc<dyn Fn(&mut Circuit, SoftmaxInputs) -> [Secret; 2] + Send + Sync>;
/// Builds normalised rows.
pub type BuilderOfRows = Arc<dyn Fn(&mut Circuit, RowInputs) -> Secret + Send + Sync>;

/// What a protocol leaves to a model, which does it at a lower cost together with what comes before and behind.
#[derive(Clone)]
pub enum Parts {
    /// Of a softmax: shares of each row that add up to some number, and for each row the inverse of that. Their product with values is divided
    /// once for each value, where the softmax divides once for each element.
    Softmax {
        /// What scores are multiplied with beforehand: the logarithm of e to the base of the powers that are taken of them.
        factor: f64,
        /// The shares, and the inverse of their sum, of scores that were multiplied.
        build: BuilderOfTwo,
    },
    /// Of a layer normalisation: the rows normalised, and neither scaled nor offset. The matrix behind them takes in the scale and the offset of each column,
    /// and the one before them the mean of its columns.
    LayerNorm {
        /// The normalised rows.
        build: BuilderOfRows,
    },
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Softmax { .. } => "Softmax",
            Self::LayerNorm { .. } => "LayerNorm",
        })
    }
}

/// The region of a part of a protocol of this name.
#[must_use]
pub fn in_parts(name: &str) -> String {
    format!("{name} in parts")
}

/// What an interval is of, where it is of the argument itself.
pub const ARGUMENT: &str = "the argument";

/// What a builder is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One tensor.
    Map,
    /// Rows, and perhaps a mask.
    Softmax,
    /// Rows, a scale and an offset of each column, and what is added to the variance.
    LayerNorm,
}

impl Build {
    /// Of one tensor.
    pub fn map(build: impl Fn(&mut Circuit, Secret) -> Secret + Send + Sync + 'static) -> Self {
        Self::Map(Arc::new(build))
    }

    /// Of the rows of a softmax.
    pub fn softmax(build: impl Fn(&mut Circuit, SoftmaxInputs) -> Secret + Send + Sync + 'static) -> Self {
        Self::Softmax(Arc::new(build))
    }

    /// Of a layer normalisation.
    pub fn layer_norm(build: impl Fn(&mut Circuit, LayerNormInputs) -> Secret + Send + Sync + 'static) -> Self {
        Self::LayerNorm(Arc::new(build))
    }

    /// What it is given.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Map(_) => Kind::Map,
            Self::Softmax(_) => Kind::Softmax,
            Self::LayerNorm(_) => Kind::LayerNorm,
        }
    }
}

impl fmt::Debug for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().fmt(f)
    }
}

impl Kind {
    /// What the protocols of a function are given.
    #[must_use]
    pub fn of(function: &Function) -> Self {
        if *function == Function::SOFTMAX {
            Self::Softmax
        } else if *function == Function::LAYERNORM {
            Self::LayerNorm
        } else {
            Self::Map
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Map => "one tensor",
            Self::Softmax => "rows with a mask",
            Self::LayerNorm => "rows with gamma, beta and epsilon",
        })
    }
}

/// What a softmax is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SoftmaxInputs {
    /// The rows, along the last axis.
    pub x: Secret,
    /// Which elements take part, if not all; zero is given for the others.
    pub mask: Option<Mask>,
}

/// What a layer normalisation is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerNormInputs {
    /// The rows, along the last axis.
    pub x: Secret,
    /// Scale of each column; its shape is the row length.
    pub gamma: Secret,
    /// Offset of each column; its shape is the row length.
    pub beta: Secret,
    /// Added to the variance.
    pub epsilon: f64,
}

/// What a layer normalisation is given that leaves scale and offset to what comes behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowInputs {
    /// The rows, along the last axis.
    pub x: Secret,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether the mean of each row is zero already, up to rounding.
    pub centred: bool,
}

/// What a protocol is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Inputs {
    /// One tensor; for a softmax, rows without a mask.
    Value(Secret),
    /// A softmax's.
    Softmax(SoftmaxInputs),
    /// A layer normalisation's.
    LayerNorm(LayerNormInputs),
}

impl From<Secret> for Inputs {
    fn from(x: Secret) -> Self {
        Self::Value(x)
    }
}

impl From<SoftmaxInputs> for Inputs {
    fn from(inputs: SoftmaxInputs) -> Self {
        Self::Softmax(inputs)
    }
}

impl From<LayerNormInputs> for Inputs {
    fn from(inputs: LayerNormInputs) -> Self {
        Self::LayerNorm(inputs)
    }
}

impl Protocol {
    pub(crate) fn built_in(card: &Card, build: Build) -> Self {
        Self { card: card.clone(), build, parts: None, file: None, family: None }
    }

    /// The same, with members on other intervals.
    pub(crate) fn with_family(self, family: Family) -> Self {
        Self { family: Some(family), ..self }
    }

    /// The same, which can be built in parts, too.
    pub(crate) fn in_parts(self, parts: Parts) -> Self {
        Self { parts: Some(parts), ..self }
    }

    /// Of a softmax that can be divided last: what scores are multiplied with beforehand, and its builder.
    #[must_use]
    pub fn softmax_in_parts(&self) -> Option<(f64, &BuilderOfTwo)> {
        match self.parts.as_ref()? {
            Parts::Softmax { factor, build } => Some((*factor, build)),
            Parts::LayerNorm { .. } => None,
        }
    }

    /// Of a layer normalisation that can leave scale and offset to what follows: its builder.
    #[must_use]
    pub fn rows_in_parts(&self) -> Option<&BuilderOfRows> {
        match self.parts.as_ref()? {
            Parts::LayerNorm { build } => Some(build),
            Parts::Softmax { .. } => None,
        }
    }

    /// The region of a part of it, which is not all that its card speaks of.
    #[must_use]
    pub fn region_in_parts(&self) -> String {
        in_parts(&self.card.name)
    }

    /// How reports call it: by its name, and by its file where another protocol has that name.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.file {
            Some(file) => format!("{} ({file})", self.card.name),
            None => self.card.name.clone(),
        }
    }

    /// Builds the protocol on rows `x` where it stands alone: a layer normalisation takes the model's inputs `gamma` and `beta`, of the row
    /// length, and `epsilon`; the others take x alone.
    pub fn build_alone(&self, c: &mut Circuit, x: Secret, epsilon: f64) -> Secret {
        match &self.build {
            Build::Map(_) | Build::Softmax(_) => self.build(c, x),
            Build::LayerNorm(_) => {
                let row_length = c.row_length(x);
                let [gamma, beta] = ["gamma", "beta"].map(|name| c.input(Owner::Model, name, [row_length]));
                self.build(c, LayerNormInputs { x, gamma, beta, epsilon })
            }
        }
    }

    /// Builds the protocol in a region called by the card's name. Where neither its builder nor one of its parts claims the card's interval,
    /// and that is one of the argument, it is claimed of the argument here.
    ///
    /// # Panics
    /// When the inputs are not those of the card's function: whoever chooses a protocol by name checks its function first.
    pub fn build(&self, c: &mut Circuit, inputs: impl Into<Inputs>) -> Secret {
        let inputs = inputs.into();
        let argument = match inputs {
            Inputs::Value(x) => x,
            Inputs::Softmax(inputs) => inputs.x,
            Inputs::LayerNorm(inputs) => inputs.x,
        };
        c.region(&self.card.name, |c| {
            let before = c.domains().len();
            let result = match (&self.build, inputs) {
                (Build::Map(build), Inputs::Value(x)) => build(c, x),
                (Build::Softmax(build), Inputs::Value(x)) => build(c, SoftmaxInputs { x, mask: None }),
                (Build::Softmax(build), Inputs::Softmax(inputs)) => build(c, inputs),
                (Build::LayerNorm(build), Inputs::LayerNorm(inputs)) => build(c, inputs),
                (Build::Map(_), Inputs::Softmax(_) | Inputs::LayerNorm(_))
                | (Build::Softmax(_), Inputs::LayerNorm(_))
                | (Build::LayerNorm(_), Inputs::Value(_) | Inputs::Softmax(_)) => {
                    panic!("{} computes {}, which takes other inputs", self.card.name, self.card.function)
                }
            };
            let interval = self.card.interval.at(c.row_length(argument));
            let is_claimed =
                c.domains()[before..].iter().any(|claim| (claim.low, claim.high) == (interval.low, interval.high));
            if interval.of == ARGUMENT && !is_claimed {
                c.claim_domain(argument, interval.low, interval.high);
            }
            result
        })
    }
}

#[cfg(test)]
mod tests;
