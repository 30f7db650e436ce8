//! What is asked of an audit, and why one cannot be.

use crate::bound::{BoundError, Cell};
use crate::reference::{NotSmooth, RealFunction};
use thiserror::Error;
use viewless_protocols::circuit::{CircuitError, PlainError};
use viewless_protocols::decimal;
use viewless_protocols::fixed::{FixedPoint, power_of_two};
use viewless_protocols::nonlinear::{Function, Protocol};
use viewless_protocols::scheme::{Comparison, CompileError, SchemeSpec, Sharing, Triples, Truncation, Weights};
use viewless_simulator::execute::ExecuteError;

/// What is to be audited, and how.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The protocol, of any registry or none.
    pub protocol: &'a Protocol,
    /// Interval of inputs; the card's when `None`.
    pub domain: Option<(f64, f64)>,
    /// The scheme.
    pub scheme: SchemeSpec,
    /// The fixed point.
    pub fixed: FixedPoint,
    /// Decides the randomness of the runs.
    pub seed: u64,
    /// Most inputs that are run; where the domain has more, they are a sample. The certified bound covers all inputs in any case.
    pub samples: u64,
    /// The truth, where a function has several; the usual one when `None`.
    pub reference: Option<RealFunction>,
}

impl<'a> Question<'a> {
    /// The protocol on its card's domain, with local truncation and the carry tree at 16 fraction bits, run on at most 2^20 + 1 inputs.
    #[must_use]
    pub fn new(protocol: &'a Protocol) -> Self {
        Self {
            protocol,
            domain: None,
            scheme: SchemeSpec {
                sharing: Sharing::Additive2(Triples::Fresh, Weights::Shared),
                truncation: Truncation::Local,
                comparison: Comparison::Carry,
            },
            fixed: FixedPoint::of::<16>(),
            seed: 0,
            samples: (1 << 20) + 1,
            reference: None,
        }
    }
}

/// An audit that cannot be.
#[derive(Debug, Error)]
pub enum AuditError {
    /// A domain that is no interval.
    #[error("the domain {low}:{high} is no interval; give two finite numbers, the smaller first")]
    NoInterval {
        /// Its lower end.
        low: f64,
        /// Its upper end.
        high: f64,
    },
    /// A domain beyond the fixed point.
    #[error(
        "the domain {low}:{high} has no number with {fraction_bits} fraction bits below 2^{limit_bits}; choose it wider or nearer to 0"
    )]
    NotRepresentable {
        /// Its lower end.
        low: f64,
        /// Its upper end.
        high: f64,
        /// Fraction bits.
        fraction_bits: u8,
        /// Binary logarithm of the largest number.
        limit_bits: i32,
    },
    /// A function of a row.
    #[error("{name} computes {function}, which is no function of one number; audit it by rows")]
    OfRows {
        /// The protocol.
        name: String,
        /// What it computes.
        function: Function,
    },
    /// No row to judge by.
    #[error(
        "no row of {length} elements in {low}:{high} was found on which {name} claims anything; choose a range nearer to its domain"
    )]
    NoRow {
        /// The protocol.
        name: String,
        /// Elements of a row.
        length: usize,
        /// Lower end of the elements.
        low: f64,
        /// Upper end of the elements.
        high: f64,
    },
    /// More inputs to run than is of use: the certified bound covers all of them in any case.
    #[error(
        "{samples} inputs are more than the {most} that are run at most; the certified bound covers every input in any case"
    )]
    TooManySamples {
        /// Inputs asked for.
        samples: u64,
        /// The limit.
        most: u64,
    },
    /// A reference for another function.
    #[error("{name} computes {function}; {reference} is not its truth")]
    WrongReference {
        /// The protocol.
        name: String,
        /// What it computes.
        function: Function,
        /// What it was to be compared with.
        reference: RealFunction,
    },
    /// No reference on this domain.
    #[error(transparent)]
    Reference(#[from] NotSmooth),
    /// No bound.
    #[error(transparent)]
    Bound(#[from] BoundError),
    /// No circuit.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// No evaluation.
    #[error(transparent)]
    Evaluate(#[from] PlainError),
    /// An operation that needs several parties.
    #[error(
        "{region} does more than add and multiply, which one party alone is not evaluated for; have it run by several"
    )]
    NotAlone {
        /// Where.
        region: String,
    },
    /// No Program.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// No run.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// A run worse than the theorem allows: either the protocol was compiled wrong or the theorem is.
    #[error(
        "{corrupted} outputs err by more than the certified {} (the worst by {}, at {at}), but only {wraps} truncations \
         wrapped; this is a defect of viewless, please report it",
        decimal::exact(*.certified),
        decimal::exact(*.observed)
    )]
    BeyondCertified {
        /// Outputs.
        corrupted: u64,
        /// Certified bound.
        certified: f64,
        /// Worst error seen.
        observed: f64,
        /// Where.
        at: f64,
        /// Wraps.
        wraps: u64,
    },
}

/// The inputs of an interval at a fixed point.
///
/// # Errors
/// [`AuditError::NoInterval`] and [`AuditError::NotRepresentable`].
pub fn cell(low: f64, high: f64, fixed: FixedPoint) -> Result<Cell, AuditError> {
    let bits = i32::from(fixed.fraction_bits());
    // Numbers of 48 bits: exact in f64 with their halves, and far from the end of the word.
    let limit_bits = 47 - bits;
    if !(low.is_finite() && high.is_finite() && low <= high) {
        return Err(AuditError::NoInterval { low, high });
    }
    let (first, last) = ((low * power_of_two(bits)).ceil(), (high * power_of_two(bits)).floor());
    let limit = power_of_two(47);
    if first > last || first < -limit || last > limit {
        return Err(AuditError::NotRepresentable { low, high, fraction_bits: fixed.fraction_bits(), limit_bits });
    }
    Ok(Cell { low: first as i64, high: last as i64 })
}
