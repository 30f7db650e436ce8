//! The sites of a model: which of them leave their protocols' domains, and where a private run first diverges.

use super::Arguments;
use crate::commands::{Verdict, fetch};
use crate::divergence::{self, PrivateReport};
use crate::domains::{self, DomainsReport};
use crate::error::CliError;
use crate::progress::Progress;
use crate::table::Table;
use crate::{file, screen, units};
use std::path::Path;
use viewless_models::Model;
use viewless_protocols::model::architecture::Attention;
use viewless_protocols::suite::Suite;

/// A model with its weights, from a directory or by a name that `fetch` knows.
pub(super) fn loaded(name: &str) -> Result<Model, CliError> {
    let path = Path::new(name);
    let directory = if path.is_dir() { path.to_owned() } else { fetch::fetch(name, None)? };
    Ok(Model::load(&directory)?)
}

/// Texts that are followed privately where nothing else is asked for.
const PRIVATE_TEXTS: usize = 4;

/// The domains of a model's sites. The verdict is negative when a site leaves the domain of its protocol.
///
/// # Errors
/// A model or texts that cannot be used.
pub(super) fn run(
    model: &str,
    texts: &Path,
    suite: &Suite,
    arguments: &Arguments,
    json: bool,
) -> Result<Verdict, CliError> {
    let model = loaded(model)?;
    let texts = file::read(texts)?;
    let texts: Vec<&str> = texts.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let progress = Progress::start("auditing");
    let mut report = domains::audit(&model, suite, &texts, &|done, of| progress.tell(done, of))?;
    drop(progress);
    let followed = if model.config.architecture.layout().attention == Attention::Causal { 0 } else { PRIVATE_TEXTS };
    let private = &texts[..texts.len().min(arguments.private_texts.unwrap_or(followed))];
    if !private.is_empty() {
        let progress = Progress::start("running privately");
        let tell = |done, of| progress.tell(done, of);
        report.private = Some(divergence::follow_texts(&model, suite, private, arguments.seed, &tell)?);
    }
    if json {
        screen::print_json(&report)?;
    } else {
        screen::print(domains_text(&report, &texts))?;
    }
    let diverges = report.private.as_ref().is_some_and(|private| private.first_divergence.is_some());
    Ok(if report.first_divergence.is_none() && !diverges { Verdict::Positive } else { Verdict::Negative })
}

fn domains_text(report: &DomainsReport, texts: &[&str]) -> String {
    let mut text = format!("{}, suite {}: {} texts in plaintext\n\n", report.model, report.suite, report.texts);
    let mut table =
        Table::of_numbers(&["site", "protocol", "quantity of", "least", "most", "claimed", "outside", "error", "text"]);
    for site in &report.sites {
        let error = site.max_error.map_or_else(|| "diverges".to_owned(), |error| format!("{error:.1e}"));
        for claim in &site.claims {
            table.row([
                site.site.clone(),
                site.protocol.clone(),
                claim.protocol.clone(),
                units::real(claim.seen.0),
                units::real(claim.seen.1),
                format!("{}:{}", units::real(claim.claimed.0), units::real(claim.claimed.1)),
                if claim.outside == 0 { "-".to_owned() } else { format!("{} of {}", claim.outside, claim.elements) },
                error.clone(),
                site.worst_text.map_or_else(|| "-".to_owned(), |line| line.to_string()),
            ]);
        }
    }
    text += &table.lines();
    text += "\neach site is judged on the exact plaintext numbers there; error: protocol over the reals against the exact function\n";
    match &report.first_divergence {
        None => text += "all sites stay in the domains of their protocols\n",
        Some(site) => {
            let first = report.sites.iter().find(|summary| summary.site == *site);
            let example = first.and_then(|site| site.worst_text).and_then(|line| texts.get(line - 1));
            text += &format!("the first site that leaves a domain is {site}");
            text += &example.map_or_else(String::new, |text| format!(", for instance for: {text}"));
            text += "\n";
        }
    }
    if let Some(private) = &report.private {
        text += &private_text(private);
    }
    text
}

fn private_text(report: &PrivateReport) -> String {
    let mut text = format!("\n{} texts run privately, seed {}\n\n", report.texts, report.seed);
    let mut table = Table::of_numbers(&["site", "protocol", "drift", "own error", "beyond", "verdict"]);
    let real = |x: f64| format!("{x:.1e}");
    for site in &report.sites {
        let verdict = match (site.diverges, site.headroom) {
            (false, _) => "explained",
            (true, true) => "diverges",
            (true, false) => "diverges, headroom left",
        };
        table.row([
            site.site.clone(),
            site.protocol.clone(),
            real(site.drift),
            real(site.own_error),
            if site.beyond > 0.0 { real(site.beyond) } else { "-".to_owned() },
            verdict.to_owned(),
        ]);
    }
    text += &table.lines();
    text += "\ndrift: what reached the site, against plaintext; own error: what came out, against the card's exact function of what went in;\n\
             beyond: own error that neither the card's claim nor fixed point explains\n";
    text += &match &report.first_divergence {
        None => "no private run diverged\n".to_owned(),
        Some(first) => {
            format!("text {} diverges first at {} (region {}): {}\n", first.text, first.site, first.region, first.why)
        }
    };
    if report.wraps > 0 {
        let (first, regions) =
            (report.wrapped_regions.first().map_or("", String::as_str), report.wrapped_regions.len());
        text += &format!("{} truncations wrapped in {regions} regions, first in {first}\n", report.wraps);
    }
    for (region, outside) in &report.headroom_violations {
        text += &format!("{outside} numbers beyond the headroom of exact truncation in {region}\n");
    }
    text
}
