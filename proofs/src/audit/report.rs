//! What an audit of a function of one number answers.

use super::coefficients::PublishedCoefficient;
use super::findings::FailedCheck;
use serde::{Deserialize, Serialize};
use viewless_protocols::scheme::SchemeSpec;

/// Whether the card's claim is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimVerdict {
    /// Over the reals the error is at most what the card claims, and no run on the domain leaves the headroom.
    Holds,
    /// It is not: of rows, one was found on which it errs by more, for certain.
    Exceeds,
    /// Of rows: the claim lies between what is certified and what was found.
    Undecided,
    /// Of rows: it holds on all that the theorem is about, but these are not all rows of the card's domain, or of the range asked for.
    NotCovered,
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
    pub verdict: ClaimVerdict,
    /// Checks that the protocol does not pass, by name.
    pub findings: Vec<FailedCheck>,
    /// Coefficients that its paper prints, beside their definition; empty where the paper has none that can be computed.
    pub coefficients: Vec<PublishedCoefficient>,
    /// Cells bounded.
    pub cells: u64,
    /// Time of the certified part.
    pub seconds_certified: f64,
    /// Time of the runs.
    pub seconds_observed: f64,
}
