//! How the best plan changes: with the error that is allowed, and with the network.

use super::choose::{check, search};
use super::{Catalogue, CatalogueEntry, Load, PlanRequest, PlanningError};
use std::collections::BTreeMap;

/// The Pareto front of time against error over a whole space, for one query: the fastest suite for every sum of errors that makes a difference,
/// most accurate first. By trying everything, so that it checks the search.
#[must_use]
pub fn front(catalogue: &Catalogue, request: &PlanRequest) -> Vec<(f64, f64, String)> {
    let mut points = Vec::new();
    for entry in catalogue.entries.iter().filter(|entry| entry.linear.wraps <= request.most_wraps) {
        let start = vec![(entry.linear, 0.0, Vec::new())];
        let all = entry.functions.iter().fold(start, |points, choice| {
            let extend = |(load, error, names): (Load, f64, Vec<String>)| {
                choice.variants.iter().map(move |variant| {
                    let names = names.iter().cloned().chain([variant.protocol.clone()]).collect();
                    let error = error + variant.certified_error * choice.calls as f64;
                    (load + variant.load, error, names)
                })
            };
            points.into_iter().flat_map(extend).collect()
        });
        let allowed = all.into_iter().filter(|(load, ..)| load.wraps <= request.most_wraps);
        points.extend(allowed.map(|(load, error, names)| {
            (error, request.seconds(&load, catalogue.layers), format!("{} {}", scheme_in_words(entry), names.join(" ")))
        }));
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut front: Vec<(f64, f64, String)> = Vec::new();
    for point in points {
        if front.last().is_none_or(|last| point.1 < last.1) {
            front.push(point);
        }
    }
    front
}

/// A scheme's choices that vary, in words.
fn scheme_in_words(entry: &CatalogueEntry) -> String {
    let scheme = entry.scheme;
    format!("{:?} {:?} {:?}", scheme.kind(), scheme.truncation, scheme.comparison).to_lowercase()
}

/// The winner for one query, in words: scheme, then the protocol of each function.
///
/// # Errors
/// A budget that nothing meets.
pub fn winner(
    catalogue: &Catalogue,
    request: &PlanRequest,
) -> Result<(String, BTreeMap<String, String>, f64), PlanningError> {
    check(catalogue, request)?;
    let allowed: Vec<&CatalogueEntry> =
        catalogue.entries.iter().filter(|entry| entry.linear.wraps <= request.most_wraps).collect();
    if allowed.is_empty() {
        let (limit, budget) = (request.most_wraps, request.error_budget);
        return Err(PlanningError::FailuresUnreachable { limit, budget });
    }
    let found = search(&allowed, catalogue, request)?;
    Ok((scheme_in_words(found.entry), found.protocols.clone(), request.seconds(&found.load, catalogue.layers)))
}
