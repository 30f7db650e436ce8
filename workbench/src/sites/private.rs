//! A private run beside the plaintext pass, site by site: where it first leaves what its protocols may do.

use super::plaintext::{Seen, sites};
use super::{Line, SitesError};
use crate::Progress;
use crate::model_inputs::ModelInputs;
use serde::Serialize;
use std::collections::BTreeMap;
use viewless_models::{Model, Prompt};
use viewless_proofs::audit::FailedCheck;
use viewless_proofs::audit::site::judge;
use viewless_proofs::audit::site::{Divergence, divergence};
use viewless_protocols::circuit::{CheckedCircuit, Kind, NodeId, Op};
use viewless_protocols::decimal;
use viewless_protocols::model::architecture::Attention;
use viewless_protocols::model::{self, ModelProtocols, Query};
use viewless_protocols::nonlinear::Function;
use viewless_protocols::program::Shortened;
use viewless_protocols::region::{RegionId, Regions};
use viewless_protocols::scheme;
use viewless_protocols::suite::Suite;
use viewless_simulator::execute::{Options, execute, execute_fast};
use viewless_simulator::stream::Seed;

/// One site of the private runs, the worst over all texts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrivateSite {
    /// Where: `layer.0/softmax`.
    pub site: String,
    /// Region of the circuit.
    pub region: String,
    /// The suite's protocol there.
    pub protocol: String,
    /// Largest difference between what reached it privately and in plaintext: what earlier sites left behind.
    pub drift: f64,
    /// Largest difference between what came out and the exact function, on the card, of what went in.
    pub own_error: f64,
    /// The most of that beyond the card's claim and what fixed point and randomness can do; negative when it is all explained.
    pub beyond: f64,
    /// Whether no number of any run on these inputs can leave the headroom.
    pub headroom: bool,
    /// Whether it diverged for some text.
    pub diverges: bool,
}

/// The first site at which a private run diverged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FirstDivergence {
    /// The text, as a line of the file from 1.
    pub text: usize,
    /// The site.
    pub site: String,
    /// Region of the circuit.
    pub region: String,
    /// What happened.
    pub why: String,
}

/// What private runs showed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrivateReport {
    /// Texts run, from the first of the file.
    pub texts: usize,
    /// Seed of the first run; each text has the next one.
    pub seed: u64,
    /// Every site, in the order of the model.
    pub sites: Vec<PrivateSite>,
    /// The first divergence of the first text that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_divergence: Option<FirstDivergence>,
    /// Truncations that wrapped, over all texts.
    pub wraps: u64,
    /// Regions in which they did, in the order of the first text's run.
    pub wrapped_regions: Vec<String>,
    /// Numbers beyond the headroom of exact truncations, by region, over all texts.
    pub headroom_violations: BTreeMap<String, u64>,
}

/// A site of the circuit: the value that a protocol is given, and the value that it returns.
struct Place {
    region: RegionId,
    input: NodeId,
    output: NodeId,
}

/// Every call of one of the suite's protocols for softmax, GeLU and layer normalisation, in order.
fn places(circuit: &CheckedCircuit, names: &[String]) -> Vec<Place> {
    let regions = circuit.regions();
    // A protocol may be part of another; the outermost region is the site.
    let mut site_of: Vec<Option<RegionId>> = Vec::with_capacity(regions.len());
    for id in regions.ids() {
        let inherited = site_of.get(Regions::index(regions.parent(id))).copied().flatten();
        site_of.push(inherited.or_else(|| names.iter().any(|name| name == regions.name(id)).then_some(id)));
    }
    let nodes = circuit.nodes();
    let site = |node: usize| site_of[Regions::index(nodes[node].region)];
    let mut inputs: BTreeMap<RegionId, NodeId> = BTreeMap::new();
    let mut outputs: BTreeMap<RegionId, NodeId> = BTreeMap::new();
    for (position, node) in nodes.iter().enumerate() {
        for argument in node.op.arguments() {
            let (from, to) = (site(argument.index()), site(position));
            if from == to {
                continue;
            }
            if let Some(to) = to {
                let given = &nodes[argument.index()];
                let parameter = matches!(given.op, Op::Input { .. } | Op::Constant(_));
                if given.kind == Kind::Real && !parameter {
                    inputs.entry(to).or_insert(argument);
                }
            }
            if let Some(from) = from {
                outputs.insert(from, argument);
            }
        }
    }
    let place = |(region, input): (RegionId, NodeId)| Some(Place { region, input, output: *outputs.get(&region)? });
    inputs.into_iter().filter_map(place).collect()
}

/// Runs each text privately and follows it through its sites.
///
/// # Errors
/// [`SitesError`] for texts or suites that cannot be used, and for models whose softmax is masked.
pub(super) fn follow_texts(
    model: &Model,
    suite: &Suite,
    protocols: &ModelProtocols,
    texts: &[Line<'_>],
    seed: u64,
    progress: Progress<'_>,
) -> Result<PrivateReport, SitesError> {
    if model.config.architecture.layout().attention == Attention::Causal {
        return Err(SitesError::Masked);
    }
    let mut report = PrivateReport {
        texts: texts.len(),
        seed,
        sites: Vec::new(),
        first_divergence: None,
        wraps: 0,
        wrapped_regions: Vec::new(),
        headroom_violations: BTreeMap::new(),
    };
    for (done, &line) in texts.iter().enumerate() {
        progress(done, texts.len());
        one_text(model, suite, protocols, line, seed.wrapping_add(done as u64), &mut report)?;
    }
    Ok(report)
}

fn one_text(
    model: &Model,
    suite: &Suite,
    protocols: &ModelProtocols,
    Line { number: line, text }: Line<'_>,
    seed: u64,
    report: &mut PrivateReport,
) -> Result<(), SitesError> {
    let tokens = model.encode(text)?;
    let mut plain = sites(model, &protocols.protocols, text)?;
    // A softmax that is built in parts has no result of its own; its domain is judged on the numbers of plaintext.
    plain.retain(|seen| seen.protocol.parts.is_none());
    let circuit = model::circuit(&model.config, protocols, Query { tokens: tokens.len(), batch: 1 })?;
    let needed = model.config.functions();
    let called = protocols.protocols.iter().map(|protocol| &protocol.card);
    let is_of_site = |function: &Function| *function != Function::TANH && needed.contains(function);
    let names: Vec<String> = called.filter(|card| is_of_site(&card.function)).map(|card| card.name.clone()).collect();
    let places = places(&circuit, &names);
    if places.len() != plain.len() {
        return Err(SitesError::Sites { circuit: places.len(), plaintext: plain.len() });
    }
    let name = |i: usize, end: &str| format!("site.{i}.{end}");
    let ends = |(i, place): (usize, &Place)| [(place.input, name(i, "input")), (place.output, name(i, "output"))];
    let revealing: Vec<(NodeId, String)> = places.iter().enumerate().flat_map(ends).collect();
    let program = scheme::compile(&circuit.revealing(&revealing)?, &suite.scheme, suite.fixed())?;
    let inputs = ModelInputs { model, prompt: Prompt::Tokens(&tokens) };
    let run = execute(&program, &inputs, Options::unhashed(Seed::from_u64(seed)))?;
    report.wraps += run.findings.wraps;
    for region in &run.findings.wrapped_regions {
        if !report.wrapped_regions.contains(region) {
            report.wrapped_regions.push(region.clone());
        }
    }
    let headroom = match scheme::compile_witness(&circuit, &suite.scheme, suite.fixed())? {
        Some(witness) => {
            let shortened = Shortened::new(&witness, true);
            execute_fast(&shortened, &inputs, Options::unhashed(Seed::from_u64(seed)))?.findings.headroom
        }
        None => run.findings.headroom.clone(),
    };
    for finding in &headroom {
        *report.headroom_violations.entry(finding.region.clone()).or_default() += finding.outside;
    }
    let found = |i: usize, end: &str| run.output(&name(i, end)).map_or(&[][..], |output| &output.values);
    for (i, (place, seen)) in places.iter().zip(&plain).enumerate() {
        let (given, returned) = (found(i, "input"), found(i, "output"));
        let private = Seen { rows: given.to_vec(), ..seen.clone() };
        let followed = private.with_site(model, |site| {
            Ok(divergence(&seen.protocol, site, returned, suite.fixed(), suite.scheme.truncation)?)
        })?;
        let drift = given.iter().zip(&seen.rows).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let region = circuit.regions().path(place.region);
        if followed.diverges() && report.first_divergence.is_none() {
            let outside = private.with_site(model, |site| Ok(judge(&seen.protocol, site)?.findings()))?;
            let why = why(&followed, outside.first(), run.findings.wrapped_regions.contains(&region));
            report.first_divergence =
                Some(FirstDivergence { text: line, site: seen.name.clone(), region: region.clone(), why });
        }
        let site = PrivateSite {
            site: seen.name.clone(),
            region,
            protocol: seen.protocol.title(),
            drift,
            own_error: followed.own_error,
            beyond: followed.beyond,
            headroom: followed.headroom,
            diverges: followed.diverges(),
        };
        match report.sites.get_mut(i) {
            None => report.sites.push(site),
            Some(known) => {
                known.drift = known.drift.max(site.drift);
                known.own_error = known.own_error.max(site.own_error);
                known.beyond = known.beyond.max(site.beyond);
                known.headroom &= site.headroom;
                known.diverges |= site.diverges;
            }
        }
    }
    Ok(())
}

/// The cause that is nearest to the numbers: their domain, the word, a wrap; else what is left unexplained.
fn why(followed: &Divergence, outside: Option<&FailedCheck>, wrapped: bool) -> String {
    let error = format!("the output errs by {}", decimal::scientific(followed.own_error, 3));
    if let Some(FailedCheck { why, .. }) = outside {
        return format!("{error}: {why}");
    }
    if wrapped {
        return format!("{error}: a local truncation wrapped");
    }
    if !followed.headroom {
        return format!("{error}: numbers leave the headroom of the word");
    }
    format!("{error}, {} more than the card's claim and fixed point explain", decimal::scientific(followed.beyond, 3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_models::Precision;
    use viewless_models::synthetic::{self, small_config};
    use viewless_protocols::nonlinear::Registry;

    fn report(suite: &Suite) -> PrivateReport {
        let folder = tempfile::tempdir().unwrap();
        synthetic::write_synthetic(folder.path(), &small_config(), 1, Precision::F32).unwrap();
        let model = Model::load(folder.path()).unwrap();
        let protocols = suite.model(Registry::built_in()).unwrap();
        follow_texts(&model, suite, &protocols, &Line::all("the cat sat\nthe dog"), 0, &|_, _| {}).unwrap()
    }

    #[test]
    fn a_run_of_a_suite_that_fits_is_explained_at_every_site() {
        let report = report(&Suite::built_in("faithful").unwrap());
        // Two layers, four sites in each, and the embeddings' normalisation.
        assert_eq!((report.texts, report.sites.len()), (2, 9));
        assert_eq!((report.first_divergence, report.wraps), (None, 0));
        assert!(report.headroom_violations.is_empty());
        for site in &report.sites {
            assert!(!site.diverges && site.headroom && site.beyond <= 0.0, "{site:?}");
            assert!(site.drift < 0.05 && site.region.ends_with(&site.protocol), "{site:?}");
        }
    }

    /// 2Quad without deflation needs row sums below 2, which no sentence has: the first softmax is named.
    #[test]
    fn the_first_site_that_leaves_its_domain_is_named_with_its_region() {
        let mut suite = Suite::built_in("secformer").unwrap();
        suite.protocols.insert(Function::SOFTMAX, "softmax/2quad-code".to_owned());
        let report = report(&suite);
        let first = report.first_divergence.unwrap();
        assert_eq!((first.text, first.site.as_str()), (1, "layer.0/softmax"));
        assert_eq!(first.region, "layer.0/softmax/softmax/2quad-code");
        assert!(first.why.contains("leave [0.0525, 1.9475]"), "{}", first.why);
        // What comes before is explained, and drifts by rounding alone; what comes after is spoiled.
        assert!(!report.sites[0].diverges && report.sites[0].beyond <= 0.0 && report.sites[1].drift < 0.01);
        assert!(report.sites[1].diverges && report.sites[2].drift > 1.0);
    }
}
