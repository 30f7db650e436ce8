//! How often the protocol fails outright: the wraps of local truncations, summed by their law over the whole Program.
//!
//! A local truncation of x (a signed word of k bits) wraps for exactly |x| of the 2^k sharings. A run sums the law over the true x. Before a run x
//! is unknown, and its size comes from one of two places:
//! - from a card: where a protocol's rows are shares of one, by the truth on its card, the numbers of a row that it truncates last add up to 1.
//!   A Program knows its protocols by the names of their regions alone, so that whoever asks brings the registry in which the names are looked
//!   up; of a protocol that is not in it (one in a file of a suite) nothing is known, and each number is taken at the assumed size;
//! - from an assumption, for every other number, which is printed with the figure.
//!
//! Truncations have shares of their own, so the probability that none wraps is the product of the probabilities that each does not.

use crate::claims::{Findings, RegionWraps};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::model::BY_FUNCTION;
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::nonlinear::family::of_member;
use viewless_protocols::program::bill::group_names;
use viewless_protocols::program::{Claim, ClaimKind, Program};
use viewless_protocols::region::{RegionId, Regions};
use viewless_protocols::scheme::laws::log_of_none;

/// The expected failures of one inference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Elements truncated by a method that can wrap.
    pub elements: u64,
    /// Magnitude assumed of each truncated number, in real units.
    pub assumed_magnitude: f64,
    /// Elements whose size is known from a card instead: the outputs of protocols whose rows are shares of one.
    pub elements_of_shares: u64,
    /// Expected number of elements that come out wrong by 2^(k - s).
    pub expected_wraps: f64,
    /// Natural logarithm of the probability that none does.
    pub log_of_none: f64,
}

impl Failure {
    /// Probability of any wrap in one inference: 1 less the product over all elements of 1 less the probability of each.
    #[must_use]
    pub fn probability(&self) -> f64 {
        // A sum with zero turns -0 into 0.
        0.0 - self.log_of_none.exp_m1()
    }
}

/// The law for one local truncation before a run.
struct Predicted {
    wraps: RegionWraps,
    /// See [`Failure::log_of_none`].
    log_of_none: f64,
    /// Whether the size is that of shares of one.
    is_share: bool,
}

/// The claims of a Program that are about the outputs of protocols whose rows are shares of one: of each such protocol the last truncation. What its
/// parts truncate is no output.
fn claims_of_shares(program: &Program, registry: &Registry) -> BTreeSet<usize> {
    let is_of_shares = |region: RegionId| {
        let name = program.regions.name(region);
        // Members of a family compute what it does.
        let protocol = registry.get(of_member(name).map_or(name, |(family, _)| family));
        protocol.is_some_and(|protocol| protocol.card.error.truth.is_share_of_row())
    };
    let truncations = program.claims.iter().enumerate().filter(|(_, claim)| is_local_truncation(claim));
    let last: BTreeMap<usize, usize> = truncations
        .filter(|(_, claim)| is_of_shares(claim.region))
        .map(|(i, claim)| (Regions::index(claim.region), i))
        .collect();
    last.into_values().collect()
}

fn is_local_truncation(claim: &Claim) -> bool {
    match claim.kind {
        ClaimKind::LocalTruncation { .. } => true,
        ClaimKind::Headroom { .. } | ClaimKind::Domain { .. } => false,
    }
}

/// The law for every claim of a Program, in order, if truncated numbers have `magnitude`, those apart whose size a card states; nothing for claims of
/// other kinds.
fn predicted<'p>(program: &'p Program, registry: &Registry, magnitude: f64) -> Vec<(&'p Claim, Predicted)> {
    let of_shares = claims_of_shares(program, registry);
    let claims = program.claims.iter().enumerate();
    let one = claims.filter_map(|(i, claim)| match claim.kind {
        ClaimKind::LocalTruncation { fraction_bits, .. } => {
            let value = program.value(claim.shares[0]);
            let elements = value.shape.elements() as u64;
            let is_share = of_shares.contains(&i);
            let row = value.shape.axes().last().copied().unwrap_or(1).max(1);
            let size = if is_share { 1.0 / row as f64 } else { magnitude };
            let words = size * power_of_two(i32::from(fraction_bits));
            let p = words * power_of_two(-i32::from(value.domain.bits()));
            let wraps = RegionWraps { elements, expected: elements as f64 * p, wraps: 0 };
            Some((claim, Predicted { wraps, log_of_none: log_of_none(elements, p), is_share }))
        }
        ClaimKind::Headroom { .. } | ClaimKind::Domain { .. } => None,
    });
    one.collect()
}

/// Sums the law over a Program whose truncated numbers have `magnitude`, in real units, those apart whose size a card states.
#[must_use]
pub fn predict(program: &Program, registry: &Registry, magnitude: f64) -> Failure {
    let mut failure = Failure {
        elements: 0,
        assumed_magnitude: magnitude,
        elements_of_shares: 0,
        expected_wraps: 0.0,
        log_of_none: 0.0,
    };
    for (_, predicted) in predicted(program, registry, magnitude) {
        failure.elements += predicted.wraps.elements;
        failure.elements_of_shares += if predicted.is_share { predicted.wraps.elements } else { 0 };
        failure.expected_wraps += predicted.wraps.expected;
        failure.log_of_none += predicted.log_of_none;
    }
    failure
}

/// [`predict`], for each function of a model that has a local truncation, the most frequent failures first.
#[must_use]
pub fn predict_by_function(program: &Program, registry: &Registry, magnitude: f64) -> Vec<(String, RegionWraps)> {
    let functions = group_names(&program.regions, BY_FUNCTION);
    let claims = predicted(program, registry, magnitude).into_iter();
    sorted(claims.map(|(claim, predicted)| (functions[Regions::index(claim.region)].clone(), predicted.wraps)))
}

/// What a run found, for each function of its Program that has a local truncation, the most frequent failures first.
#[must_use]
pub fn found_by_function(program: &Program, findings: &Findings) -> Vec<(String, RegionWraps)> {
    let functions = group_names(&program.regions, BY_FUNCTION);
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

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::circuit::{Circuit, Owner};
    use viewless_protocols::scheme;
    use viewless_protocols::suite::Suite;

    fn failure(expected_wraps: f64, log_of_none: f64) -> Failure {
        Failure { elements: 0, assumed_magnitude: 1.0, elements_of_shares: 0, expected_wraps, log_of_none }
    }

    #[test]
    fn the_probability_of_any_wrap_is_that_of_the_product_and_never_minus_zero() {
        for p in [0.0, 1e-300, 1e-9, 1e-6, 0.01, 0.5] {
            let product = 1.0 - (1.0f64 - p).powi(3);
            let found = failure(3.0 * p, log_of_none(3, p)).probability();
            assert!((found - product).abs() <= 1e-15 + 1e-12 * product, "{p}: {found} {product}");
        }
        assert_eq!(failure(1.0, log_of_none(1, 1.0)).probability(), 1.0);
        assert!(failure(0.0, 0.0).probability().is_sign_positive());
    }

    /// 2Quad gives every element its share of its row: 16 elements that add up to 1, and not to 16.
    #[test]
    fn outputs_that_share_one_are_not_each_taken_as_one() {
        let suite = Suite::built_in("secformer").unwrap();
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [4, 16]);
        let y = Registry::built_in().get("softmax/2quad").unwrap().build(&mut c, x);
        c.reveal(y, "y");
        let program = scheme::compile(&c.finish().unwrap(), &suite.scheme, suite.fixed()).unwrap();
        let known = predict(&program, Registry::built_in(), 1.0);
        assert_eq!(known.elements_of_shares, 64);
        let all = program.claims.iter().filter(|claim| is_local_truncation(claim));
        let each: f64 = all
            .map(|claim| match claim.kind {
                ClaimKind::LocalTruncation { fraction_bits, .. } => {
                    let elements = program.value(claim.shares[0]).shape.elements() as f64;
                    elements * power_of_two(i32::from(fraction_bits) - 64)
                }
                ClaimKind::Headroom { .. } | ClaimKind::Domain { .. } => 0.0,
            })
            .sum();
        println!("{:e} with shares, {each:e} with all of size 1", known.expected_wraps);
        // The 64 outputs are taken as 1/16 instead of 1, in the scale of the last truncation.
        let of_outputs = program.claims.iter().rev().find_map(|claim| match claim.kind {
            ClaimKind::LocalTruncation { fraction_bits, .. } => Some(power_of_two(i32::from(fraction_bits) - 64)),
            ClaimKind::Headroom { .. } | ClaimKind::Domain { .. } => None,
        });
        let saved = 64.0 * (1.0 - 1.0 / 16.0) * of_outputs.unwrap();
        assert!((each - known.expected_wraps - saved).abs() <= 1e-12 * each, "{saved:e}");
        // With assumed sizes of 0 only the shares are left: 4 rows, each 1.
        let shares = predict(&program, Registry::built_in(), 0.0);
        assert!(shares.expected_wraps > 0.0 && shares.expected_wraps < known.expected_wraps);
    }
}
