//! The checks of an audit by name, so that a defect can be said to be caught by one of them.
//!
//! A protocol that keeps its card's claim passes all of them. [`Check::ClaimedError`] and [`Check::Headroom`] are decided by the certified
//! bound, over every input. Jumps, monotonicity and symmetry are seen in runs: if every output is within E of the truth, up to the
//! width w of what fixed point and randomness do, then two outputs are within E + E' + 2 w of what the truth says about the pair. A pair
//! beyond that speaks against the claim, and shows where the pieces of a protocol do not meet, fall where they should rise, or lean to
//! one side. Of a claim that is certified, w is certified too, and no run can fail these checks; of any other it is the largest width of
//! what runs on one input can give, over some thousand inputs.

use super::Report;
use serde::{Deserialize, Serialize};
use std::fmt;
use viewless_protocols::decimal;

/// A check, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The certified error over the reals is at most the claim.
    ClaimedError,
    /// No number of any run on the domain leaves the headroom.
    Headroom,
    /// Neighbouring outputs differ as their truths do.
    Jumps,
    /// Outputs rise where the truth rises and fall where it falls.
    Monotonicity,
    /// Outputs have the symmetry that the truth states.
    Symmetry,
    /// The coefficients in the circuit are those of their definition.
    Coefficients,
    /// What reaches a part of a protocol lies in the domain on that part's card.
    Domain,
    /// No run errs beyond what is certified, wraps apart.
    ObservedBeyondCertified,
}

impl Check {
    /// All checks.
    pub const ALL: [Self; 8] = [
        Self::ClaimedError,
        Self::Headroom,
        Self::Jumps,
        Self::Monotonicity,
        Self::Symmetry,
        Self::Coefficients,
        Self::Domain,
        Self::ObservedBeyondCertified,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClaimedError => "claimed-error",
            Self::Headroom => "headroom",
            Self::Jumps => "jumps",
            Self::Monotonicity => "monotonicity",
            Self::Symmetry => "symmetry",
            Self::Coefficients => "coefficients",
            Self::Domain => "domain",
            Self::ObservedBeyondCertified => "observed-beyond-certified",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A check that a protocol does not pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedCheck {
    /// The check.
    pub check: Check,
    /// Why, with numbers and place.
    pub why: String,
}

/// The largest of something seen, and what of it the claim and randomness do not explain. Places are in units of the input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// The largest.
    pub value: f64,
    /// Where.
    pub at: i64,
    /// The most beyond what is explained; negative when all is.
    pub beyond: f64,
    /// Where.
    pub beyond_at: i64,
}

impl Default for Peak {
    fn default() -> Self {
        Self { value: 0.0, at: 0, beyond: f64::NEG_INFINITY, beyond_at: 0 }
    }
}

impl Peak {
    /// Sees a value, of which `explained` is allowed.
    pub(super) fn see(&mut self, value: f64, explained: f64, at: i64) {
        if value > self.value {
            (self.value, self.at) = (value, at);
        }
        if value - explained > self.beyond {
            (self.beyond, self.beyond_at) = (value - explained, at);
        }
    }

    fn finding(&self, check: Check, unit: f64, what: &str) -> Option<FailedCheck> {
        let why = || {
            let at = self.beyond_at as f64 * unit;
            format!("at {at} {what} by {} more than claim and randomness explain", decimal::scientific(self.beyond, 3))
        };
        (self.beyond > 0.0).then(|| FailedCheck { check, why: why() })
    }
}

/// What runs showed, check by check.
pub(super) fn seen(observed: &super::runs::Observed, unit: f64) -> Vec<FailedCheck> {
    let jump = observed.jump.finding(Check::Jumps, unit, "the output jumps");
    let reversal = observed.reversal.finding(Check::Monotonicity, unit, "the output goes against the truth");
    let asymmetry = observed.asymmetry.and_then(|peak| peak.finding(Check::Symmetry, unit, "the symmetry fails"));
    [jump, reversal, asymmetry].into_iter().flatten().collect()
}

/// What the certified bound shows.
pub(super) fn certified(report: &Report) -> Option<FailedCheck> {
    if report.certified_max_error.is_none() {
        let why = format!("at {} a number can leave the headroom, and nothing is certified", report.certified_at);
        return Some(FailedCheck { check: Check::Headroom, why });
    }
    let why = || {
        format!(
            "over the reals the error is up to {} of the claim; it is largest at {}, {}",
            decimal::decimals_at_most(report.approximation_of_claim, 4),
            report.approximation_at,
            decimal::at_most(report.approximation_max_error, 3)
        )
    };
    (report.approximation_of_claim > 1.0).then(|| FailedCheck { check: Check::ClaimedError, why: why() })
}
