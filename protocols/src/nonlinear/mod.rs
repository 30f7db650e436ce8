//! The nonlinear functions of a Transformer, one file for each published way to compute them.
//!
//! A file opens with its card in prose and holds it as data, [`Card`], beside the function that builds the circuit. The
//! [`registry`] lists them all; tests, reports and the command line iterate over it, so that a new file with one line here
//! is a new protocol everywhere.
//!
//! ```
//! use viewless_protocols::circuit::{Circuit, Owner};
//! use viewless_protocols::nonlinear;
//!
//! let gelu = nonlinear::find("gelu/cosine").expect("it is in the registry");
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

pub mod card;
pub mod exp;
pub mod extension;
pub mod gelu;
pub mod layernorm;
pub mod mask;
pub mod max;
pub mod normalize;
mod pieces;
pub mod reciprocal;
pub mod rsqrt;
pub mod softmax;
pub mod tanh;

#[cfg(test)]
mod testing;

pub use card::{
    Bits, Card, CostClaim, Domain, ErrorClaim, Failing, Function, Quality, Reading, Rounds, Setting, Truth,
};
pub use mask::Mask;

use crate::circuit::{Circuit, Owner, Secret};

/// A card with the builder of its circuit.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    /// What is claimed of it.
    pub card: &'static Card,
    /// How it is built.
    pub build: Build,
}

/// The builder of a protocol's circuit.
#[derive(Debug, Clone, Copy)]
pub enum Build {
    /// Of one tensor: elementwise, or over rows (the last axis) for the maximum.
    Map(fn(&mut Circuit, Secret) -> Secret),
    /// Of the rows of a softmax, all of them or under a public mask.
    Softmax(fn(&mut Circuit, SoftmaxInputs) -> Secret),
    /// Of a layer normalisation.
    LayerNorm(fn(&mut Circuit, LayerNormInputs) -> Secret),
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
    /// Builds the protocol on rows `x` where it stands alone: a layer normalisation takes the model's inputs `gamma` and `beta`, of the row
    /// length, and `epsilon`; the others take x alone.
    pub fn build_alone(&self, c: &mut Circuit, x: Secret, epsilon: f64) -> Secret {
        match self.build {
            Build::Map(_) | Build::Softmax(_) => self.build(c, x),
            Build::LayerNorm(_) => {
                let row_length = c.row_length(x);
                let [gamma, beta] = ["gamma", "beta"].map(|name| c.input(Owner::Model, name, [row_length]));
                self.build(c, LayerNormInputs { x, gamma, beta, epsilon })
            }
        }
    }

    /// Builds the protocol in a region called by the card's name.
    ///
    /// # Panics
    /// When the inputs are not those of the card's function: whoever chooses a protocol by name checks its function first.
    pub fn build(&self, c: &mut Circuit, inputs: impl Into<Inputs>) -> Secret {
        let inputs = inputs.into();
        c.region(self.card.name, |c| match (self.build, inputs) {
            (Build::Map(build), Inputs::Value(x)) => build(c, x),
            (Build::Softmax(build), Inputs::Value(x)) => build(c, SoftmaxInputs { x, mask: None }),
            (Build::Softmax(build), Inputs::Softmax(inputs)) => build(c, inputs),
            (Build::LayerNorm(build), Inputs::LayerNorm(inputs)) => build(c, inputs),
            (Build::Map(_), Inputs::Softmax(_) | Inputs::LayerNorm(_))
            | (Build::Softmax(_), Inputs::LayerNorm(_))
            | (Build::LayerNorm(_), Inputs::Value(_) | Inputs::Softmax(_)) => {
                panic!("{} computes {}, which takes other inputs", self.card.name, self.card.function)
            }
        })
    }
}

static REGISTRY: &[Protocol] = &[
    exp::bolt::PROTOCOL,
    exp::crypten::PROTOCOL,
    exp::fourier::PROTOCOL,
    exp::limit::PROTOCOL,
    exp::puma::PROTOCOL,
    reciprocal::goldschmidt::PROTOCOL,
    reciprocal::newton::PROTOCOL,
    reciprocal::newton_signed::PROTOCOL,
    reciprocal::normalized::PROTOCOL,
    rsqrt::goldschmidt::PROTOCOL,
    rsqrt::goldschmidt_code::PROTOCOL,
    rsqrt::goldschmidt_code::PROTOCOL_8,
    rsqrt::newton::PROTOCOL,
    rsqrt::newton::PROTOCOL_8,
    rsqrt::normalized::PROTOCOL,
    rsqrt::sqrt_reciprocal::PROTOCOL,
    rsqrt::sqrt_reciprocal::PROTOCOL_8,
    max::crypten::PROTOCOL,
    max::tree::PROTOCOL,
    gelu::bolt::PROTOCOL,
    gelu::bumblebee::PROTOCOL,
    gelu::bumblebee_code::PROTOCOL,
    gelu::cosine::PROTOCOL,
    gelu::cosine_bounded::PROTOCOL,
    gelu::crypten_erf::PROTOCOL,
    gelu::crypten_erf_corrected::PROTOCOL,
    gelu::crypten_tanh::PROTOCOL,
    gelu::nimbus_example::PROTOCOL,
    gelu::puma::PROTOCOL,
    gelu::puma_in_secformer_code::PROTOCOL,
    gelu::quad::PROTOCOL,
    gelu::quad_benchmarked::PROTOCOL,
    gelu::secformer::PROTOCOL,
    gelu::secformer_code::PROTOCOL,
    gelu::secformer_printed::PROTOCOL,
    gelu::secformer_printed_beta::PROTOCOL,
    gelu::shaft::PROTOCOL,
    gelu::shaft_poly::PROTOCOL,
    gelu::sigma::PROTOCOL,
    tanh::bolt::PROTOCOL,
    tanh::sigmoid::PROTOCOL,
    tanh::sine::PROTOCOL,
    softmax::bolt::PROTOCOL,
    softmax::crypten::PROTOCOL,
    softmax::crypten_tree::PROTOCOL,
    softmax::exp::PROTOCOL,
    softmax::fourier::PROTOCOL,
    softmax::puma::PROTOCOL,
    softmax::puma_in_secformer_code::PROTOCOL,
    softmax::shaft::PROTOCOL,
    softmax::two_quad::PROTOCOL,
    softmax::two_quad_code::PROTOCOL,
    softmax::two_quad_code::PROTOCOL_13,
    softmax::two_quad_mpcformer::PROTOCOL,
    softmax::two_relu::PROTOCOL,
    layernorm::batchnorm::PROTOCOL,
    layernorm::crypten::PROTOCOL,
    layernorm::crypten::PROTOCOL_8,
    layernorm::goldschmidt::PROTOCOL,
    layernorm::normalized::PROTOCOL,
    layernorm::puma::PROTOCOL,
    layernorm::puma_in_secformer_code::PROTOCOL,
    layernorm::puma_in_secformer_code::PROTOCOL_8,
    layernorm::secformer_code::PROTOCOL,
    layernorm::secformer_code::PROTOCOL_8,
    layernorm::secformer_printed::PROTOCOL,
];

/// Every protocol, by function and name.
#[must_use]
pub fn registry() -> &'static [Protocol] {
    REGISTRY
}

/// The protocol of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Protocol> {
    registry().iter().find(|protocol| protocol.card.name == name)
}

#[cfg(test)]
mod tests;
