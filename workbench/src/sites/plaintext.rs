//! A model's own numbers at every site of its protocols: which site leaves the domain on a card, for which text.

use super::{Line, SitesError};
use crate::Progress;
use ndarray::Axis;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use viewless_models::{Model, Stage, forward_observed};
use viewless_proofs::audit::site::{Site, SiteClaim, judge};
use viewless_protocols::model;
use viewless_protocols::model::architecture::{Attention, Sum};
use viewless_protocols::nonlinear::Protocol;
use viewless_protocols::suite::{Protocols, SuiteError};

/// What became of one site over all texts.
#[derive(Debug, Clone, Serialize)]
pub struct SiteSummary {
    /// Where: `layer.0/softmax`.
    pub site: String,
    /// The suite's protocol there.
    pub protocol: String,
    /// Smallest and largest number that reached it.
    pub seen: (f64, f64),
    /// Largest difference between the protocol, over the reals, and the exact function; absent if it is no finite number.
    pub max_error: Option<f64>,
    /// Claims of the protocol and its parts, the worst over all texts.
    pub claims: Vec<SiteClaim>,
    /// Numbers outside a claim, over all texts.
    pub outside: u64,
    /// The text with the most of them, and the first of its kind, as a line of the file from 1; absent where all is inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_text: Option<usize>,
}

#[derive(Clone)]
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) protocol: Arc<Protocol>,
    pub(super) rows: Vec<f64>,
    pub(super) columns: usize,
    /// Prefix of the tensors `weight` and `bias` of a layer normalisation.
    pub(super) normalisation: Option<String>,
}

/// Runs every text in plaintext and judges the suite's protocol at every site on the exact numbers there. `progress` is told how
/// many texts are done.
///
/// # Errors
/// [`SitesError`] for texts or suites that cannot be used.
pub(super) fn judge_texts(
    model: &Model,
    protocols: &Protocols,
    texts: &[Line<'_>],
    progress: Progress<'_>,
) -> Result<Vec<SiteSummary>, SitesError> {
    let mut order = Vec::new();
    let mut summaries: BTreeMap<String, SiteSummary> = BTreeMap::new();
    let mut worst: BTreeMap<String, u64> = BTreeMap::new();
    for (done, line) in texts.iter().enumerate() {
        progress(done, texts.len());
        // Under causal attention a site is several, one for each length of a row.
        let mut outside_here: BTreeMap<String, u64> = BTreeMap::new();
        for seen in sites(model, protocols, line.text)? {
            let report = seen.with_site(model, |site| Ok(judge(&seen.protocol, site)?))?;
            let outside: u64 = report.claims.iter().map(|claim| claim.outside).sum();
            let summary = summaries.entry(seen.name.clone()).or_insert_with(|| {
                order.push(seen.name.clone());
                SiteSummary {
                    site: seen.name.clone(),
                    protocol: seen.protocol.title(),
                    seen: report.seen,
                    max_error: Some(0.0),
                    claims: Vec::new(),
                    outside: 0,
                    worst_text: None,
                }
            });
            summary.seen = (summary.seen.0.min(report.seen.0), summary.seen.1.max(report.seen.1));
            summary.max_error =
                summary.max_error.filter(|_| report.max_error.is_finite()).map(|worst| worst.max(report.max_error));
            summary.outside += outside;
            *outside_here.entry(seen.name).or_default() += outside;
            merge(&mut summary.claims, report.claims);
        }
        for (name, outside) in outside_here {
            if outside > worst.get(&name).copied().unwrap_or(0) {
                summaries.entry(name.clone()).and_modify(|summary| summary.worst_text = Some(line.number));
                worst.insert(name, outside);
            }
        }
    }
    Ok(order.iter().filter_map(|name| summaries.remove(name)).collect())
}

/// Widens what was seen, adds what was counted; claims of one site come in the same order for every text.
fn merge(into: &mut Vec<SiteClaim>, claims: Vec<SiteClaim>) {
    for (i, claim) in claims.into_iter().enumerate() {
        match into.get_mut(i) {
            Some(known) => {
                known.seen = (known.seen.0.min(claim.seen.0), known.seen.1.max(claim.seen.1));
                known.claimed = (known.claimed.0.max(claim.claimed.0), known.claimed.1.min(claim.claimed.1));
                known.outside += claim.outside;
                known.elements += claim.elements;
            }
            None => into.push(claim),
        }
    }
}

/// The numbers that reach every site, by an exact plaintext pass.
pub(super) fn sites(model: &Model, protocols: &Protocols, text: &str) -> Result<Vec<Seen>, SitesError> {
    let needed = model.config.functions();
    for function in &needed {
        protocols.get(function).map_err(SuiteError::from)?;
    }
    let tokens = model.encode(text)?;
    let mut seen = Vec::new();
    forward_observed(&model.config, &model.weights, &tokens, &mut |stage, values| {
        let Some(site) = site_at(stage) else { return };
        let (name, function) = (site.name(&model.config), site.function());
        // An activation that is computed without a protocol is no site.
        let Some(protocol) = protocols.at(&name, &function).ok().filter(|_| needed.contains(&function)) else { return };
        let normalisation = stage.normalisation(&model.config);
        let columns = values.shape().last().copied().unwrap_or(1);
        let scores = matches!(stage, Stage::AttentionScores { .. });
        if scores && model.config.architecture.layout().attention == Attention::Causal {
            // Row i of each head has i + 1 elements that take part: rows of one length at a time.
            for length in 1..=columns {
                let row = values.slice_axis(Axis(1), (length - 1..length).into());
                let rows = row.slice_axis(Axis(2), (0..length).into()).iter().map(|&x| f64::from(x)).collect();
                let (name, protocol) = (name.clone(), Arc::clone(protocol));
                seen.push(Seen { name, protocol, rows, columns: length, normalisation: None });
            }
            return;
        }
        let rows = values.iter().map(|&x| f64::from(x)).collect();
        seen.push(Seen { name, protocol: Arc::clone(protocol), rows, columns, normalisation });
    })?;
    Ok(seen)
}

/// The site at a stage.
fn site_at(stage: Stage) -> Option<model::Site> {
    Some(match stage {
        Stage::Embeddings | Stage::Layer { .. } => return None,
        Stage::AttentionScores { layer } => model::Site::Scores { layer },
        Stage::ActivationInput { layer } => model::Site::Activation { layer },
        Stage::EmbeddingSum => model::Site::Normalisation(Sum::Embedding),
        Stage::AttentionSum { layer } => model::Site::Normalisation(Sum::Attention { layer }),
        Stage::LayerSum { layer } => model::Site::Normalisation(Sum::FeedForward { layer }),
    })
}

impl Seen {
    /// Gives the site, with the weights of its normalisation, to `judge`.
    pub(super) fn with_site<T>(
        &self,
        model: &Model,
        judge: impl FnOnce(&Site<'_>) -> Result<T, SitesError>,
    ) -> Result<T, SitesError> {
        let tensor = |name: String| {
            let tensor = model.weights.get(&name).ok_or_else(|| SitesError::MissingTensor(name.clone()))?;
            Ok::<Vec<f64>, SitesError>(tensor.iter().map(|&x| f64::from(x)).collect())
        };
        let normalisation = match &self.normalisation {
            Some(prefix) => Some((tensor(format!("{prefix}.weight"))?, tensor(format!("{prefix}.bias"))?)),
            None => None,
        };
        let epsilon = model.config.layer_norm_epsilon;
        judge(&Site {
            values: &self.rows,
            columns: self.columns,
            normalisation: normalisation.as_ref().map(|(gamma, beta)| (gamma.as_slice(), beta.as_slice(), epsilon)),
        })
    }
}
