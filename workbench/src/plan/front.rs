//! How the best plan changes: with the error that is allowed, and with the network.

use super::choose::{check, search};
use super::{Catalogue, CatalogueEntry, PlanRequest, PlanningError, Traffic};
use std::collections::BTreeMap;
use viewless_simulator::network::Network;

/// The Pareto front of time against error over a whole space: the fastest suite for every sum of errors that makes a difference,
/// most accurate first. By trying everything, so that it checks the search.
#[must_use]
pub fn front(catalogue: &Catalogue, network: &Network, most_wraps: f64) -> Vec<(f64, f64, String)> {
    let mut points = Vec::new();
    for entry in catalogue.entries.iter().filter(|entry| entry.linear.wraps <= most_wraps) {
        let start = vec![(entry.linear, 0.0, Vec::new())];
        let all = entry.functions.iter().fold(start, |points, choice| {
            let extend = |(traffic, error, names): (Traffic, f64, Vec<String>)| {
                choice.variants.iter().map(move |variant| {
                    let names = names.iter().cloned().chain([variant.protocol.clone()]).collect();
                    let error = error + variant.certified_error * choice.calls as f64;
                    (traffic + variant.traffic, error, names)
                })
            };
            points.into_iter().flat_map(extend).collect()
        });
        let allowed = all.into_iter().filter(|(traffic, ..)| traffic.wraps <= most_wraps);
        points.extend(allowed.map(|(traffic, error, names)| {
            (error, traffic.seconds(network), format!("{} {}", scheme_in_words(entry), names.join(" ")))
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
        return Err(PlanningError::FailuresUnreachable { limit: request.most_wraps });
    }
    let found = search(&allowed, catalogue, request)?;
    Ok((scheme_in_words(found.entry), found.protocols.clone(), found.traffic.seconds(&request.network)))
}
