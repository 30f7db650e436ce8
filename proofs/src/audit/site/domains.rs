//! One site of a model: does a protocol stay in the domain on its card on the very numbers that reach it?
//!
//! The numbers are those of an exact plaintext pass, so that a site is judged by itself, not by what an earlier one spoiled. The
//! protocol's circuit is evaluated over the reals on them: its own domain claims are checked where they are made (for LayerNorm
//! the sum of squares, for softmax the row sum), and its result is compared with the exact function.

use super::{Site, SiteError, circuit};
use crate::audit::{Check, FailedCheck};
use crate::reference::double::exact;
use serde::{Deserialize, Serialize};
use viewless_protocols::nonlinear::{Protocol, Truth};

/// A claim of a protocol about what reaches it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteClaim {
    /// Name of the claiming protocol (a part of the site's, perhaps).
    pub protocol: String,
    /// The interval claimed.
    pub claimed: (f64, f64),
    /// Smallest and largest number seen.
    pub seen: (f64, f64),
    /// Numbers outside.
    pub outside: u64,
    /// Numbers in all.
    pub elements: u64,
}

/// What became of a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteReport {
    /// Every claim made there.
    pub claims: Vec<SiteClaim>,
    /// Largest difference between the protocol, over the reals, and the exact function; infinite if it is no number.
    pub max_error: f64,
    /// Smallest and largest number that reached the site.
    pub seen: (f64, f64),
}

impl SiteReport {
    /// The claims that do not hold, as checks that the site does not pass.
    #[must_use]
    pub fn findings(&self) -> Vec<FailedCheck> {
        let finding = |claim: &SiteClaim| {
            let SiteClaim { protocol, claimed, seen, outside, elements } = claim;
            let why = format!(
                "{outside} of {elements} arguments of {protocol} leave [{}, {}]: they reach from {} to {}",
                claimed.0, claimed.1, seen.0, seen.1
            );
            FailedCheck { check: Check::Domain, why }
        };
        self.claims.iter().filter(|claim| claim.outside > 0).map(finding).collect()
    }
}

/// Judges a protocol on the numbers of one site.
///
/// # Errors
/// [`SiteError`] for numbers or protocols that do not fit.
pub fn judge(protocol: &Protocol, site: &Site<'_>) -> Result<SiteReport, SiteError> {
    let Site { values, columns, normalisation } = *site;
    if columns == 0 || values.is_empty() || !values.len().is_multiple_of(columns) {
        return Err(SiteError::Shape { values: values.len(), columns });
    }
    let wrong =
        || SiteError::Function { protocol: protocol.card.name.clone(), function: protocol.card.function.clone() };
    let rows = values.len() / columns;
    let circuit = circuit(protocol, rows, columns, normalisation.map(|(_, _, epsilon)| epsilon))?;
    let evaluated = circuit.evaluate(|_, name| match (name, normalisation) {
        ("x", _) => Some(values.to_vec()),
        ("gamma", Some((gamma, _, _))) => Some(gamma.to_vec()),
        ("beta", Some((_, beta, _))) => Some(beta.to_vec()),
        _ => None,
    })?;
    // The truth of the function in whose place the protocol stands, whatever it computes itself.
    let truth = Truth::of(&protocol.card.function).unwrap_or(protocol.card.error.truth);
    let exact = exact(truth, values, columns, normalisation).ok_or_else(wrong)?;
    let found = evaluated.outputs.first().map_or(&[][..], |(_, _, values)| values.as_slice());
    let errors = found.iter().zip(&exact).map(|(found, exact)| (found - exact.value).abs());
    let max_error = errors.fold(0.0, |worst, error| if error.is_nan() { f64::INFINITY } else { error.max(worst) });
    let claims = evaluated.domains.iter().map(|domain| SiteClaim {
        protocol: circuit.regions().name(domain.region).to_owned(),
        claimed: domain.claimed,
        seen: domain.seen,
        outside: domain.outside as u64,
        elements: domain.elements as u64,
    });
    let seen = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
    Ok(SiteReport { claims: claims.collect(), max_error, seen })
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::nonlinear::Registry;

    #[test]
    fn a_site_inside_its_domain_errs_as_the_card_claims_and_one_outside_is_named() {
        let gelu = Registry::built_in().get("gelu/cosine").unwrap();
        let report = judge(gelu, &Site { values: &[-3.0, 0.5, 2.0, 17.0], columns: 2, normalisation: None }).unwrap();
        assert!(report.max_error <= gelu.card.error.absolute && report.claims.iter().all(|claim| claim.outside == 0));
        // A sum of squares of 49,882 was seen in a real model; SecFormer's constant serves up to 5,890.
        let ln = Registry::built_in().get("layernorm/goldschmidt").unwrap();
        let row: Vec<f64> = (0..384).map(|i| if i % 2 == 0 { 11.4 } else { -11.4 }).collect();
        let (gamma, beta) = (vec![1.0; 384], vec![0.0; 384]);
        let site = Site { values: &row, columns: 384, normalisation: Some((&gamma, &beta, 1e-12)) };
        let report = judge(ln, &site).unwrap();
        assert!(report.claims.iter().any(|claim| claim.outside > 0 && claim.seen.1 > 49_000.0));
        assert!(report.max_error > 1.0);
        assert!(judge(Registry::built_in().get("layernorm/normalized").unwrap(), &site).unwrap().max_error < 1e-5);
    }

    #[test]
    fn what_is_no_site_is_refused() {
        let gelu = Registry::built_in().get("gelu/cosine").unwrap();
        let max = Registry::built_in().get("max/crypten").unwrap();
        let site = Site { values: &[1.0, 2.0, 3.0], columns: 2, normalisation: None };
        assert!(matches!(judge(gelu, &site), Err(SiteError::Shape { values: 3, columns: 2 })));
        let site = Site { columns: 3, ..site };
        assert!(matches!(judge(max, &site), Err(SiteError::Function { .. })));
        let ln = Registry::built_in().get("layernorm/normalized").unwrap();
        assert!(matches!(judge(ln, &site), Err(SiteError::Function { .. })));
    }
}
