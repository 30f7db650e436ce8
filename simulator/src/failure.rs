//! How often the protocol fails outright: the wraps of local truncations, summed by their law over the whole Program.
//!
//! A local truncation of x (a signed word of k bits) wraps for exactly |x| of the 2^k sharings. a run x is unknown,
//! so a magnitude is assumed and printed with the figure; a run sums the law over the true x.

use serde::{Deserialize, Serialize};
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::program::{ClaimKind, Program};

/// The expected failures of one inference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Elements truncated by a method that can wrap.
    pub elements: u64,
    /// Magnitude assumed of each truncated number, in real units.
    pub assumed_magnitude: f64,
    /// Expected number of elements that come out wrong by 2^(k - s).
    pub expected_wraps: f64,
}

impl Failure {
    /// Probability of any wrap in one inference, for independent shares: 1 - exp(-expected) bounds it from above to within
    /// the square of the largest single probability.
    #[must_use]
    pub fn probability(&self) -> f64 {
        -(-self.expected_wraps).exp_m1()
    }
}

/// Probability that one local truncation of the signed word `x` of `bits` bits wraps.
#[must_use]
pub fn wrap_probability(x: i64, bits: u8) -> f64 {
    x.unsigned_abs() as f64 * power_of_two(-i32::from(bits))
}

/// Sums the law over a Program whose truncated numbers all have `magnitude`, in real units.
#[must_use]
pub fn predict(program: &Program, magnitude: f64) -> Failure {
    let mut failure = Failure { elements: 0, assumed_magnitude: magnitude, expected_wraps: 0.0 };
    for claim in &program.claims {
        match claim.kind {
            ClaimKind::LocalTruncation { fraction_bits, .. } => {
                let value = program.value(claim.shares[0]);
                let elements = value.shape.elements() as u64;
                let words = magnitude * power_of_two(i32::from(fraction_bits));
                failure.elements += elements;
                failure.expected_wraps += elements as f64 * words * power_of_two(-i32::from(value.domain.bits()));
            }
            ClaimKind::Headroom { .. } | ClaimKind::Domain { .. } => {}
        }
    }
    failure
}
