//! One site of a model: the rows of numbers that reach one of its protocols.
//!
//! - [`domains`]: does the protocol stay in the domain on its card on the numbers of an exact plaintext pass?
//! - [`divergence`]: did what came out of a private run differ from the function of what went in by more than the protocol may?

pub mod divergence;
pub mod domains;

pub use divergence::{Divergence, divergence};
pub use domains::{SiteClaim, SiteReport, judge};

use crate::bound::BoundError;
use crate::reference::double::Normalisation;
use thiserror::Error;
use viewless_protocols::circuit::{CheckedCircuit, Circuit, CircuitError, Owner, PlainError};
use viewless_protocols::nonlinear::{Function, Kind, LayerNormInputs, Protocol};

/// Rows of numbers that reach a protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct Site<'a> {
    /// Rows, each of `columns` numbers.
    pub values: &'a [f64],
    /// Length of a row.
    pub columns: usize,
    /// For a layer normalisation: scale of each column, offset of each column, and what is added to the variance.
    pub normalisation: Option<Normalisation<'a>>,
}

/// A site that cannot be judged.
#[derive(Debug, Error)]
pub enum SiteError {
    /// The rows are not rows.
    #[error("{values} numbers are no rows of {columns}")]
    Shape {
        /// Numbers given.
        values: usize,
        /// Length of a row.
        columns: usize,
    },
    /// A protocol for another kind of site.
    #[error(
        "{protocol} computes {function}; a site of a model is GeLU, softmax, LayerNorm or tanh, with gamma and beta for LayerNorm alone"
    )]
    Function {
        /// The protocol.
        protocol: String,
        /// What it computes.
        function: Function,
    },
    /// Outputs of something else.
    #[error("{outputs} outputs do not belong to {values} inputs")]
    Outputs {
        /// Numbers that reached the site.
        values: usize,
        /// Numbers that came out.
        outputs: usize,
    },
    /// No bound.
    #[error(transparent)]
    Bound(#[from] BoundError),
    /// The circuit.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// The evaluation.
    #[error(transparent)]
    Evaluate(#[from] PlainError),
}

/// The protocol on rows named `x`, and for a layer normalisation, which has an epsilon, `gamma` and `beta`.
fn circuit(
    protocol: &Protocol,
    rows: usize,
    columns: usize,
    epsilon: Option<f64>,
) -> Result<CheckedCircuit, SiteError> {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [rows, columns]);
    let y = match (protocol.build.kind(), epsilon) {
        (Kind::Map | Kind::Softmax, None) => protocol.build(&mut c, x),
        (Kind::LayerNorm, Some(epsilon)) => {
            let gamma = c.input(Owner::Model, "gamma", [columns]);
            let beta = c.input(Owner::Model, "beta", [columns]);
            protocol.build(&mut c, LayerNormInputs { x, gamma, beta, epsilon })
        }
        (Kind::Map | Kind::Softmax, Some(_)) | (Kind::LayerNorm, None) => {
            return Err(SiteError::Function {
                protocol: protocol.card.name.clone(),
                function: protocol.card.function.clone(),
            });
        }
    };
    c.reveal(y, "y");
    Ok(c.finish()?)
}
