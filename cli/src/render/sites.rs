//! The sites of a model, in words and tables.

use super::table::TextTable;
use super::{units, words};
use viewless_workbench::sites::{LeftOut, Line, PrivateReport, SitesReport};

/// The readable page; `texts` are those that were audited.
#[must_use]
pub fn text(report: &SitesReport, texts: &[Line<'_>], explain: bool) -> String {
    let legend = match &report.private {
        Some(_) => format!("{OF_SITES}{OF_RUNS}"),
        None => OF_SITES.to_owned(),
    };
    format!("{}\n{}{}", words::first(&sentence(report)), body(report, texts), words::legend(explain, &legend))
}

/// Whether every site stays where its protocol works.
#[must_use]
pub fn sentence(report: &SitesReport) -> String {
    let outside: Vec<&str> =
        report.sites.iter().filter(|site| site.outside > 0).map(|site| site.site.as_str()).collect();
    let diverged = report.private.as_ref().and_then(|private| private.first_divergence.as_ref());
    let texts = words::count(report.texts, "text");
    match (outside.as_slice(), diverged) {
        ([], None) if !report.left_out.is_empty() => format!(
            "{} could not be audited, first line {}: {}; at every site the other {texts} stay where the protocols of suite {} work.",
            words::count(report.left_out.len(), "text"),
            report.left_out[0].line,
            report.left_out[0].why,
            report.suite
        ),
        ([], None) => {
            format!("Suite {} fits this model: at every site {texts} stay where its protocols work.", report.suite)
        }
        ([], Some(first)) => {
            format!("Suite {} does not fit this model: a private run diverges first at {}.", report.suite, first.site)
        }
        ([first, rest @ ..], _) => format!(
            "Suite {} does not fit this model: {} of {} leave what their protocols can take on these {texts}, first {first}{}.",
            report.suite,
            rest.len() + 1,
            words::count(report.sites.len(), "site"),
            rest.first().map_or_else(String::new, |next| format!(", then {next}"))
        ),
    }
}

/// What the figures of sites mean.
const OF_SITES: &str = "each site is judged on the exact plaintext numbers there; error: protocol over the reals against the exact function\n";
/// What the figures of private runs mean.
const OF_RUNS: &str = "drift: what reached the site, against plaintext; own error: what came out, against the card's exact function of what went in;\n\
     beyond: own error that neither the card's claim nor fixed point explains\n";

/// Every site on its plaintext numbers.
#[must_use]
pub fn plaintext(report: &SitesReport) -> TextTable {
    let mut table = TextTable::of_numbers(&[
        "site",
        "protocol",
        "quantity of",
        "least",
        "most",
        "claimed",
        "outside",
        "error",
        "text",
    ]);
    for site in &report.sites {
        let error = site.max_error.map_or_else(|| "diverges".to_owned(), |error| units::scientific(error, 1));
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
    table
}

/// The page without its first sentence and its legend.
#[must_use]
pub fn body(report: &SitesReport, texts: &[Line<'_>]) -> String {
    let mut text = format!("{}, suite {}: {} texts in plaintext\n", report.model, report.suite, report.texts);
    for LeftOut { line, why } in &report.left_out {
        text += &format!("line {line} is left out: {why}\n");
    }
    text += "\n";
    text += &plaintext(report).lines();
    text += "\n";
    match &report.first_divergence {
        None => text += "all sites stay in the domains of their protocols\n",
        Some(site) => {
            let first = report.sites.iter().find(|summary| summary.site == *site);
            let example = first
                .and_then(|site| site.worst_text)
                .and_then(|number| texts.iter().find(|line| line.number == number));
            text += &format!("the first site that leaves a domain is {site}");
            text += &example.map_or_else(String::new, |line| format!(", for instance for: {}", line.text));
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
    let mut table = TextTable::of_numbers(&["site", "protocol", "drift", "own error", "beyond", "verdict"]);
    let real = |x: f64| units::scientific(x, 1);
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
    text += "\n";
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
