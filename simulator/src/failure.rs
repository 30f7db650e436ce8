//! How often the protocol fails outright: the wraps of local truncations, summed by their law over the whole Program.
//!
//! A local truncation of x (a signed word of k bits) wraps for exactly |x| of the 2^k sharings. Before a run x is unknown,
//! so a magnitude is assumed and printed with the figure; a run sums the law over the true x.

use crate::claims::{Findings, RegionWraps};
use crate::count;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::program::{Claim, ClaimKind, Program};
use viewless_protocols::region::Regions;

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

/// The law for one claim of a Program whose truncated numbers all have `magnitude`; nothing for claims of other kinds.
fn predicted(program: &Program, claim: &Claim, magnitude: f64) -> RegionWraps {
    match claim.kind {
        ClaimKind::LocalTruncation { fraction_bits, .. } => {
            let value = program.value(claim.shares[0]);
            let elements = value.shape.elements() as u64;
            let words = magnitude * power_of_two(i32::from(fraction_bits));
            let expected = elements as f64 * words * power_of_two(-i32::from(value.domain.bits()));
            RegionWraps { elements, expected, wraps: 0 }
        }
        ClaimKind::Headroom { .. } | ClaimKind::Domain { .. } => RegionWraps::default(),
    }
}

/// Sums the law over a Program whose truncated numbers all have `magnitude`, in real units.
#[must_use]
pub fn predict(program: &Program, magnitude: f64) -> Failure {
    let mut failure = Failure { elements: 0, assumed_magnitude: magnitude, expected_wraps: 0.0 };
    for claim in &program.claims {
        let predicted = predicted(program, claim, magnitude);
        failure.elements += predicted.elements;
        failure.expected_wraps += predicted.expected;
    }
    failure
}

/// [`predict`], for each function of a model that has a local truncation, the most frequent failures first.
#[must_use]
pub fn predict_by_function(program: &Program, magnitude: f64) -> Vec<(String, RegionWraps)> {
    let functions = count::function_names(&program.regions);
    let claims = program.claims.iter().map(|claim| (claim, predicted(program, claim, magnitude)));
    sorted(claims.map(|(claim, wraps)| (functions[Regions::index(claim.region)].clone(), wraps)))
}

/// What a run found, for each function of its Program that has a local truncation, the most frequent failures first.
#[must_use]
pub fn found_by_function(program: &Program, findings: &Findings) -> Vec<(String, RegionWraps)> {
    let functions = count::function_names(&program.regions);
    let by_path: BTreeMap<String, &String> =
        program.regions.ids().map(|id| (program.regions.path(id), &functions[Regions::index(id)])).collect();
    let found = findings.wraps_by_region.iter();
    sorted(found.filter_map(|(path, wraps)| Some(((*by_path.get(path)?).clone(), *wraps))))
}

fn sorted(wraps: impl Iterator<Item = (String, RegionWraps)>) -> Vec<(String, RegionWraps)> {
    let mut by_function: BTreeMap<String, RegionWraps> = BTreeMap::new();
    for (function, more) in wraps.filter(|(_, wraps)| wraps.elements > 0) {
        let sum = by_function.entry(function).or_default();
        sum.elements += more.elements;
        sum.expected += more.expected;
        sum.wraps += more.wraps;
    }
    let mut sorted: Vec<(String, RegionWraps)> = by_function.into_iter().collect();
    sorted.sort_by(|(_, a), (_, b)| b.expected.total_cmp(&a.expected));
    sorted
}
