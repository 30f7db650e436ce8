//! Printed versus true: the numbers of a paper beside their own definition, computed to any precision.

use crate::reference::{Enclosure, PRECISION, series};
use serde::{Deserialize, Serialize};
use viewless_protocols::nonlinear::gelu::secformer;

/// A published coefficient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublishedCoefficient {
    /// The protocol that uses it.
    pub protocol: String,
    /// Its name in the paper.
    pub name: String,
    /// How the paper defines it.
    pub definition: String,
    /// As printed.
    pub printed: f64,
    /// From its definition, to f64.
    pub exact: f64,
    /// As our protocol has it.
    pub used: f64,
    /// Whether the printed number is the exact one, rounded to as many digits as are printed.
    pub printed_is_exact: bool,
    /// Whether ours is, to 12 digits.
    pub used_is_exact: bool,
}

/// The coefficients of SecFormer's series for erf, as printed, with their last decimal place.
const SECFORMER: [(f64, i32); 7] =
    [(1.25772, 5), (-0.0299154, 7), (0.382155, 6), (-0.0519123, 7), (0.196033, 6), (-0.0624557, 7), (0.118029, 6)];

/// Every published coefficient that can be computed from its definition.
#[must_use]
pub fn published() -> Vec<PublishedCoefficient> {
    let secformer = (1..).zip(SECFORMER).map(|(i, (printed, places))| {
        let exact = series::erf_coefficient(i, 10.0, PRECISION);
        let used = secformer::coefficient(i as usize);
        PublishedCoefficient {
            protocol: secformer::CARD.name.to_owned(),
            name: format!("beta_{i}"),
            definition: format!("1/10 integral over [-10, 10] of erf(u) sin({i} pi u / 10)"),
            printed,
            exact: exact.middle(),
            used,
            printed_is_exact: rounds_to(&exact, printed, places),
            used_is_exact: (exact.middle() - used).abs() <= 1e-12,
        }
    });
    secformer.collect()
}

/// Whether a number is nearer to `printed` than half a unit of its last decimal place, to within the rounding of `printed` itself.
fn rounds_to(exact: &Enclosure, printed: f64, places: i32) -> bool {
    let half = 0.5 * 10f64.powi(-places);
    exact.sub(&Enclosure::of(printed, PRECISION)).magnitude() <= half * (1.0 + 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_secformer_s_seven_coefficients_only_the_last_is_misprinted() {
        let table = published();
        let wrong: Vec<&str> = table.iter().filter(|c| !c.printed_is_exact).map(|c| c.name.as_str()).collect();
        for c in &table {
            assert!(c.used_is_exact, "{}", c.name);
        }
        assert_eq!(wrong, ["beta_7"]);
    }
}
