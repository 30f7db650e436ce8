//! How wrong is a protocol: at worst, as a theorem; as seen in runs; and how often it fails outright.
//!
//! For a function of one number:
//! - **certified**: no run that does not wrap errs by more, on any representable input of the domain, whatever the randomness ([`bound`]
//!   against [`reference`](crate::reference));
//! - **approximation**: the same for the circuit over the reals; this is what the card claims, and what the verdict is about;
//! - **excess**: by how much the certified error exceeds the claim anywhere, which is what fixed point costs;
//! - **observed**: what real executions in the simulator showed. More than the certified error, without a wrap, is an error of viewless;
//! - **failure**: the probability that a local truncation wraps, by its law, at the worst input.
//!
//! ```
//! use viewless_proofs::audit::{Question, Verdict, audit};
//!
//! let report = audit(&Question { samples: 1 << 12, ..Question::new("gelu/cosine") }).expect("it can be audited");
//! assert_eq!(report.verdict, Verdict::Holds);
//! assert!(report.certified_max_error.is_some_and(|certified| report.observed_max_error <= certified));
//! ```
//!
//! [`bound`]: crate::bound

pub mod average;
mod breakpoints;
mod certify;
mod check;
pub mod definition;
pub mod failure;
pub mod follow;
mod observe;
pub mod plot;
pub mod printed;
pub mod rows;
pub mod site;

#[cfg(test)]
mod tests;

pub use breakpoints::breakpoints;
pub use certify::{Certified, Certifier};
pub use check::{Check, Finding, Peak};
pub use observe::{Compile, Limits, Observed, observe, sample};
pub use printed::Coefficient;

use crate::bound::search::Maximum;
use crate::bound::{BoundError, Cell};
use crate::reference::{Function, NotSmooth, PRECISION, Piecewise};
use serde::{Deserialize, Serialize};
use std::time::Instant;
use thiserror::Error;
use viewless_protocols::circuit::{CheckedCircuit, CircuitError, PlainError};
use viewless_protocols::fixed::{FixedPoint, RING_BITS, power_of_two};
use viewless_protocols::nonlinear::{self, Function as Computed, Protocol, Truth};
use viewless_protocols::scheme::{
    self, Comparison, CompileError, SchemeKind, SchemeSpec, Triples, Truncation, Weights,
};
use viewless_simulator::execute::ExecuteError;

/// What is to be audited, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question<'a> {
    /// Name of the protocol.
    pub protocol: &'a str,
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
    pub reference: Option<Function>,
}

impl<'a> Question<'a> {
    /// The protocol on its card's domain, with local truncation and the carry tree at 16 fraction bits, run on at most 2^20 + 1 inputs.
    #[must_use]
    pub fn new(protocol: &'a str) -> Self {
        Self {
            protocol,
            domain: None,
            scheme: SchemeSpec {
                kind: SchemeKind::Additive2,
                truncation: Truncation::Local,
                comparison: Comparison::Carry,
                triples: Triples::Fresh,
                weights: Weights::Shared,
            },
            fixed: FixedPoint { fraction_bits: 16 },
            seed: 0,
            samples: (1 << 20) + 1,
            reference: None,
        }
    }
}

/// An audit that cannot be.
#[derive(Debug, Error)]
pub enum AuditError {
    /// No such protocol.
    #[error("no protocol `{name}`; the registry has {}", known())]
    UnknownProtocol {
        /// The name.
        name: String,
    },
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
        function: Computed,
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
    /// A reference for another function.
    #[error("{name} computes {function}; {reference} is not its truth")]
    WrongReference {
        /// The protocol.
        name: String,
        /// What it computes.
        function: Computed,
        /// What it was to be compared with.
        reference: Function,
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
    /// No Program.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// No run.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// A run worse than the theorem allows: either the protocol was compiled wrong or the theorem is.
    #[error(
        "{corrupted} outputs err by more than the certified {certified:e} (the worst by {observed:e}, at {at}), but only {wraps} truncations \
         wrapped; this is a defect of viewless, please report it"
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

fn known() -> String {
    let names: Vec<&str> = nonlinear::Registry::built_in().iter().map(|protocol| protocol.card.name.as_str()).collect();
    names.join(", ")
}

/// Whether the card's claim is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Over the reals the error is at most what the card claims, and no run on the domain leaves the headroom.
    Holds,
    /// It is not.
    Exceeds,
}

/// The claim of a card: |y - truth| <= `absolute` + `relative` |truth|, over the reals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Error whatever the truth.
    pub absolute: f64,
    /// Error in proportion to the truth.
    pub relative: f64,
    /// The truth.
    pub truth: String,
    /// Interval of the card, over which it is claimed.
    pub domain: (f64, f64),
}

/// The answer. Errors are in real units; a unit in the last place (`_ulp`) is 2^-`fraction_bits`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the protocol.
    pub protocol: String,
    /// The scheme, as in a suite.
    pub scheme: SchemeSpec,
    /// Width of the ring.
    pub ring_bits: u8,
    /// Fraction bits of the input.
    pub fraction_bits: u8,
    /// Interval of inputs.
    pub domain: (f64, f64),
    /// Representable inputs of the domain: the certified figures are about every one of them.
    pub inputs: u64,
    /// Inputs that were run.
    pub executed: u64,
    /// Whether every input was run.
    pub exhaustive: bool,
    /// The truth and its precision; between the points at which MPFR gives it, polynomials whose proved error is part of every bound.
    pub reference: String,
    /// The card's claim.
    pub claim: Claim,
    /// No run that does not wrap errs by more, on any input. `None` when some input can leave the headroom.
    pub certified_max_error: Option<f64>,
    /// The same in units in the last place.
    pub certified_max_error_ulp: Option<f64>,
    /// The input with the largest bound.
    pub certified_at: f64,
    /// Largest amount by which the certified error exceeds the claim: what fixed point costs. Negative when it never does.
    pub certified_excess: Option<f64>,
    /// The same in units in the last place.
    pub certified_excess_ulp: Option<f64>,
    /// Where.
    pub certified_excess_at: f64,
    /// Largest error of the circuit over the reals, certified.
    pub approximation_max_error: f64,
    /// Where.
    pub approximation_at: f64,
    /// Largest error of the circuit over the reals as a part of the claim: at most 1 where the claim is true.
    pub approximation_of_claim: f64,
    /// Largest error seen.
    pub observed_max_error: f64,
    /// The same in units in the last place.
    pub observed_max_error_ulp: f64,
    /// Where.
    pub observed_at: f64,
    /// Mean of the absolute errors seen.
    pub mean_error: f64,
    /// The same in units in the last place.
    pub mean_error_ulp: f64,
    /// Mean of the signed errors seen.
    pub bias: f64,
    /// The same in units in the last place.
    pub bias_ulp: f64,
    /// Largest difference seen between the step of the output and that of the truth from one input to the next.
    pub max_jump: f64,
    /// The same in units in the last place.
    pub max_jump_ulp: f64,
    /// Where.
    pub max_jump_at: f64,
    /// Steps seen against the truth that are larger than randomness can explain.
    pub monotone_violations: u64,
    /// Largest fall seen on a stretch on which the truth rises, or rise where it falls.
    pub max_reversal: f64,
    /// The same in units in the last place.
    pub max_reversal_ulp: f64,
    /// Where.
    pub max_reversal_at: f64,
    /// The symmetry of the truth, where it has one and both halves were run.
    pub symmetry: Option<String>,
    /// Largest distance seen from that symmetry.
    pub max_asymmetry: Option<f64>,
    /// The same in units in the last place.
    pub max_asymmetry_ulp: Option<f64>,
    /// The positive input of that pair.
    pub max_asymmetry_at: Option<f64>,
    /// Probability that a truncation of one element wraps, at the worst input, by the law. An upper bound.
    pub failure_probability_per_element: Option<f64>,
    /// Wraps seen.
    pub wraps: u64,
    /// Whether the card's claim is true on this domain.
    pub verdict: Verdict,
    /// Checks that the protocol does not pass, by name.
    pub findings: Vec<Finding>,
    /// Coefficients that its paper prints, beside their definition; empty where the paper has none that can be computed.
    pub coefficients: Vec<Coefficient>,
    /// Cells bounded.
    pub cells: u64,
    /// Time of the certified part.
    pub seconds_certified: f64,
    /// Time of the runs.
    pub seconds_observed: f64,
}

/// A report with what a picture needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// The report.
    pub report: Report,
    /// The runs.
    pub observed: Observed,
    /// The inputs.
    pub domain: Cell,
    /// The truth.
    pub truth: Piecewise,
}

/// The inputs of an interval at a fixed point.
///
/// # Errors
/// [`AuditError::NoInterval`] and [`AuditError::NotRepresentable`].
pub fn cell(low: f64, high: f64, fixed: FixedPoint) -> Result<Cell, AuditError> {
    let bits = i32::from(fixed.fraction_bits);
    // Numbers of 48 bits: exact in f64 with their halves, and far from the end of the word.
    let limit_bits = 47 - bits;
    if !(low.is_finite() && high.is_finite() && low <= high) {
        return Err(AuditError::NoInterval { low, high });
    }
    let (first, last) = ((low * power_of_two(bits)).ceil(), (high * power_of_two(bits)).floor());
    let limit = power_of_two(47);
    if first > last || first < -limit || last > limit {
        return Err(AuditError::NotRepresentable { low, high, fraction_bits: fixed.fraction_bits, limit_bits });
    }
    Ok(Cell { low: first as i64, high: last as i64 })
}

/// The reference for a truth that is a function of one number.
#[must_use]
pub fn function_of(truth: Truth) -> Option<Function> {
    match truth {
        Truth::Exp => Some(Function::Exp),
        Truth::Reciprocal => Some(Function::Reciprocal),
        Truth::Rsqrt => Some(Function::Rsqrt),
        Truth::Gelu => Some(Function::GeluErf),
        Truth::GeluTanh => Some(Function::GeluTanh),
        Truth::Tanh => Some(Function::Tanh),
        Truth::Max | Truth::Softmax | Truth::TwoQuad { .. } | Truth::TwoRelu | Truth::LayerNorm => None,
    }
}

fn circuit_of(protocol: &Protocol, elements: usize) -> Result<CheckedCircuit, AuditError> {
    Ok(observe::circuit(protocol, elements).finish()?)
}

/// Audits a protocol of the registry.
///
/// # Errors
/// [`AuditError`] says what to change.
pub fn audit(question: &Question<'_>) -> Result<Report, AuditError> {
    audit_with_points(question).map(|audit| audit.report)
}

/// As [`audit`], with what a picture needs.
///
/// # Errors
/// [`AuditError`] says what to change.
pub fn audit_with_points(question: &Question<'_>) -> Result<Audit, AuditError> {
    let unknown = || AuditError::UnknownProtocol { name: question.protocol.to_owned() };
    audit_protocol(nonlinear::Registry::built_in().get(question.protocol).ok_or_else(unknown)?, question)
}

/// Audits any protocol, in the registry or not.
///
/// # Errors
/// [`AuditError`] says what to change.
pub fn audit_protocol(protocol: &Protocol, question: &Question<'_>) -> Result<Audit, AuditError> {
    audit_compiled(protocol, question, &|circuit| scheme::compile(circuit, &question.scheme, question.fixed))
}

/// As [`audit_protocol`], for a compiler of one's own: the bound is that of the circuit, and the runs are those of the Program that
/// the compiler makes of it.
///
/// # Errors
/// [`AuditError`]; a Program that errs by more than the circuit can is [`AuditError::BeyondCertified`].
pub fn audit_compiled(
    protocol: &Protocol,
    question: &Question<'_>,
    compile: &Compile<'_>,
) -> Result<Audit, AuditError> {
    let (card, fixed) = (&protocol.card, question.fixed);
    let (name, function) = (card.name.clone(), card.function.clone());
    let usual =
        function_of(card.error.truth).ok_or(AuditError::OfRows { name: name.clone(), function: function.clone() })?;
    let reference = question.reference.unwrap_or(usual);
    let is_gelu = |reference| matches!(reference, Function::GeluErf | Function::GeluTanh);
    if reference != usual && !(is_gelu(usual) && is_gelu(reference)) {
        return Err(AuditError::WrongReference { name, function, reference });
    }
    let claimed = card.interval.at(1);
    let (low, high) = question.domain.unwrap_or((claimed.low, claimed.high));
    let domain = cell(low, high, fixed)?;
    let unit = power_of_two(-i32::from(fixed.fraction_bits));
    let real = |x: i64| x as f64 * unit;

    let started = Instant::now();
    let truth = Piecewise::new(reference, real(domain.low), real(domain.high))?;
    let certifier = Certifier::new(&circuit_of(protocol, 1)?, &truth, domain, fixed, question.scheme.truncation)?;
    let certified = certifier.certify(&card.error)?;
    let mut attention = vec![certified.error.at, certified.approximation.at, certified.excess.at];
    let turns = breakpoints(certifier.tape()).into_iter().map(|x| (x / unit).floor());
    attention.extend(turns.filter(|x| (domain.low as f64..=domain.high as f64).contains(x)).map(|x| x as i64));
    let cells = sample(domain, question.samples, &attention);
    let keeps_its_claim = certified.of_claim.bound <= 1.0 && certified.error.bound.is_finite();
    let limits = Limits {
        error: certified.error.bound,
        randomness: randomness(&certifier, domain)?,
        claim: card.error,
        // By the theorem no run is further from a true claim than this; of a false one, randomness has to do.
        rounding: if keeps_its_claim { certified.excess.bound.max(0.0) } else { 0.0 },
    };
    let seconds_certified = started.elapsed().as_secs_f64();

    let started = Instant::now();
    let observed = observe(protocol, compile, fixed, question.seed, &cells, &truth, limits)?;
    let seconds_observed = started.elapsed().as_secs_f64();
    if observed.corrupted > observed.wraps {
        return Err(AuditError::BeyondCertified {
            corrupted: observed.corrupted,
            certified: certified.error.bound,
            observed: observed.worst_corruption,
            at: real(observed.worst_corruption_at),
            wraps: observed.wraps,
        });
    }
    let finite = |maximum: Maximum| maximum.bound.is_finite().then_some(maximum.bound);
    let ulp = |x: f64| x / unit;
    let mut report = Report {
        protocol: name,
        scheme: question.scheme,
        ring_bits: RING_BITS,
        fraction_bits: fixed.fraction_bits,
        domain: (low, high),
        inputs: domain.count(),
        executed: observed.inputs,
        exhaustive: observed.inputs == domain.count(),
        reference: format!("{reference}, {PRECISION}-bit"),
        claim: Claim {
            absolute: card.error.absolute,
            relative: card.error.relative,
            truth: card.error.truth.to_string(),
            domain: (claimed.low, claimed.high),
        },
        certified_max_error: finite(certified.error),
        certified_max_error_ulp: finite(certified.error).map(ulp),
        certified_at: real(certified.error.at),
        certified_excess: finite(certified.excess),
        certified_excess_ulp: finite(certified.excess).map(ulp),
        certified_excess_at: real(certified.excess.at),
        approximation_max_error: certified.approximation.bound,
        approximation_at: real(certified.approximation.at),
        approximation_of_claim: certified.of_claim.bound,
        observed_max_error: observed.max_error,
        observed_max_error_ulp: ulp(observed.max_error),
        observed_at: real(observed.max_error_at),
        mean_error: observed.mean_error,
        mean_error_ulp: ulp(observed.mean_error),
        bias: observed.bias,
        bias_ulp: ulp(observed.bias),
        max_jump: observed.jump.value,
        max_jump_ulp: ulp(observed.jump.value),
        max_jump_at: real(observed.jump.at),
        monotone_violations: observed.monotone_violations,
        max_reversal: observed.reversal.value,
        max_reversal_ulp: ulp(observed.reversal.value),
        max_reversal_at: real(observed.reversal.at),
        symmetry: reference.symmetry().filter(|_| observed.asymmetry.is_some()).map(|symmetry| symmetry.to_string()),
        max_asymmetry: observed.asymmetry.map(|peak| peak.value),
        max_asymmetry_ulp: observed.asymmetry.map(|peak| ulp(peak.value)),
        max_asymmetry_at: observed.asymmetry.map(|peak| real(peak.at)),
        failure_probability_per_element: finite(certified.wraps).filter(|_| certified.error.bound.is_finite()),
        wraps: observed.wraps,
        verdict: if keeps_its_claim { Verdict::Holds } else { Verdict::Exceeds },
        findings: check::seen(&observed, unit),
        coefficients: printed::coefficients().into_iter().filter(|of| of.protocol == card.name).collect(),
        cells: certified.error.cells
            + certified.excess.cells
            + certified.approximation.cells
            + certified.of_claim.cells
            + certified.wraps.cells,
        seconds_certified,
        seconds_observed,
    };
    report.findings.extend(check::certified(&report));
    report.findings.sort_by_key(|finding| finding.check);
    Ok(Audit { report, observed, domain, truth })
}

/// The largest width of an output interval among some thousand single inputs, evenly over the domain, and evenly on a logarithmic
/// scale where it is positive.
fn randomness(certifier: &Certifier<'_>, domain: Cell) -> Result<f64, AuditError> {
    let runs = sample(domain, 1 << 18, &[domain.low, domain.high]);
    let cells = runs.iter().flat_map(|&run| crate::bound::search::split_evenly(run, (1 << 12) / runs.len() as u64));
    let singles: Vec<Cell> = cells.map(|cell| Cell { low: cell.middle(), high: cell.middle() }).collect();
    let widths = certifier.envelope(&singles)?.into_iter().map(|(_, response)| response.high - response.low);
    Ok(widths.fold(0.0, f64::max))
}
