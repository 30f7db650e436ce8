//! Everything about one model, in words and as one HTML page.

use super::page::document;
use super::{bill, comparison, inference, sites, units, words};
use maud::{Markup, html};
use viewless_proofs::privacy::certificate::Simulator;
use viewless_workbench::Kind;
use viewless_workbench::comparison::FunctionEntry;
use viewless_workbench::inference::Asked;
use viewless_workbench::model_report::ModelReport;
use viewless_workbench::sites::SiteSummary;

/// Whether the suite serves the model.
#[must_use]
pub fn sentence(report: &ModelReport) -> String {
    let (model, suite) = (&report.cost.model, &report.cost.suite);
    let needed = report.advice.iter().filter(|advice| advice.needed).count();
    let broken = report.inference.as_ref().map_or(0, |run| inference::broken_claims(run).len());
    let time = format!("{} of messages on {}", units::seconds(report.cost.network_seconds), report.cost.network.name());
    if needed == 0 && broken == 0 {
        let functions = report.verdicts.functions.iter();
        let unbounded: Vec<&str> =
            functions.filter(|function| function.certified_max_error.is_none()).map(FunctionEntry::place).collect();
        let unbounded = match unbounded.is_empty() {
            true => String::new(),
            false => format!("; of the error of {} no bound is known under it", words::list(&unbounded)),
        };
        format!(
            "{model} can be used privately with suite {suite}: an inference takes {time}, and nothing needs to be changed{unbounded}."
        )
    } else {
        let faults = words::count(needed, "thing");
        let claims =
            if broken > 0 { format!(", and a run broke {}", words::count(broken, "claim")) } else { String::new() };
        format!("{model} should not be used with suite {suite} as it is: {faults} to change{claims}.")
    }
}

fn advice(report: &ModelReport) -> Vec<(&'static str, &str, &str)> {
    let of = |needed| if needed { "needed" } else { "cheaper" };
    report.advice.iter().map(|advice| (of(advice.needed), advice.because.as_str(), advice.change.as_str())).collect()
}

/// The readable page.
#[must_use]
pub fn text(report: &ModelReport, kind: &Kind, explain: bool) -> String {
    let mut text = words::first(&sentence(report));
    for (kind, because, change) in advice(report) {
        text += &super::table::hanging(&format!("  {kind:<8} "), &format!("{because}; {change}"));
    }
    text += "\n== CHEAP ==\n";
    text += &words::first(&bill::sentence(&report.cost, kind));
    text += &format!("\n{}", bill::text(&report.cost, bill::Breakdown::Regions));
    text += "\n== PRIVATE ==\n";
    for privacy in report.verdicts.privacy.entries() {
        let claim = match privacy.simulator {
            Some(Simulator::GivenOwnRandomness) => " given its own samples and randomness that it is sent",
            Some(Simulator::GivenOwnSamples) => " given its own samples",
            Some(Simulator::DrawsOwnSamples | Simulator::JointlyWithOutputs) | None => "",
        };
        text += &format!("{:<12} {}{claim}\n", privacy.coalition, privacy.verdict);
    }
    text += "\n== RIGHT ==\n";
    text += &comparison::functions_of(std::slice::from_ref(&report.verdicts)).lines();
    text += &format!(
        "any failure in an inference {} (truncated numbers taken as 1 in size, outputs of a softmax as their share of 1)\n",
        units::probability(report.failures.probability)
    );
    if let Some(run) = &report.inference {
        text += &format!("\n== ALIVE ==\n{}{}", words::first(&inference::sentence(run)), inference::answers(run));
    }
    if let Some(found) = &report.sites {
        text +=
            &format!("\n== SITES ==\n{}\n{}", words::first(&sites::sentence(found)), sites::plaintext(found).lines());
    }
    text + &words::legend(explain, &bill::conventions(&report.cost))
}

/// As one HTML page.
#[must_use]
pub fn page(report: &ModelReport, kind: &Kind) -> String {
    let title = format!("viewless report: {}", report.cost.model);
    document(
        &title,
        &html! {
            h1 { (report.cost.model) ", suite " (report.cost.suite) }
            p.first { (sentence(report)) }
            h2 { "What to change" }
            @if report.advice.is_empty() { p { "Nothing." } }
            @else {
                table.words {
                    thead { tr { th { "" } th { "because" } th { "change" } } }
                    tbody { @for (kind, because, change) in advice(report) {
                        tr { td { (kind) } td { (because) } td { (change) } }
                    } }
                }
            }
            h2 { "Verdicts" }
            (verdicts(report))
            h2 { "Right: protocols and their certified errors" }
            div.wide { (protocols(report)) }
            h2 { "Cheap: what an inference costs" }
            p { (bill::sentence(&report.cost, kind)) }
            div.wide { (regions(report)) }
            div.wide { (phases(report)) }
            (run(report))
            (of_sites(report))
            h2 { "Conventions" }
            pre { (bill::conventions(&report.cost)) }
        },
    )
}

fn verdicts(report: &ModelReport) -> Markup {
    let wrong = report.verdicts.not_right();
    let private = report.verdicts.privacy.is_proved();
    let failures = &report.failures;
    html! {
        table.words { tbody {
            tr { td { b { "right" } } td { @if wrong.is_empty() { "yes: the suite computes the model's own functions" } @else { "no: not " (words::list(&wrong)) } } }
            tr { td { b { "private" } } td { @if private { "yes: " (report.verdicts.privacy) " for every single party" } @else { "not proved: " (report.verdicts.privacy) } } }
            tr { td { b { "safe" } } td {
                @if failures.safe { "yes" } @else { "no" }
                ": any truncation fails with probability " (units::probability(failures.probability))
            } }
            @if let Some(run) = &report.inference { tr { td { b { "alive" } } td { (inference::sentence(run)) } } }
            @if let Some(found) = &report.sites { tr { td { b { "fits" } } td { (sites::sentence(found)) } } }
        } }
    }
}

fn protocols(report: &ModelReport) -> Markup {
    html! {
        table.words {
            thead { tr { th { "function" } th { "protocol" } th { "no run errs by more than" } th { "on" } th { "" } } }
            tbody { @for function in &report.verdicts.functions {
                tr {
                    td { (function.place()) } td { (function.protocol) } td.number { (comparison::error(function)) } td { (function.domain) }
                    td.bad { @if let Some(why) = &function.not_right { "not right: " (why) } }
                }
            } }
        }
    }
}

fn regions(report: &ModelReport) -> Markup {
    let regions = || {
        report.cost.regions.iter().filter(|region| region.bytes_total + region.bytes_setup + region.bytes_offline > 0)
    };
    html! {
        table {
            thead { tr { th { "function" } th { "calls" } th { "rounds" } th { "online" } th { "setup" } th { "offline" } } }
            tbody { @for region in regions() {
                tr {
                    td { @if region.name.is_empty() { "(no region)" } @else { (region.name) } }
                    td { (region.calls) } td { (region.rounds) } td { (units::bytes(region.bytes_total)) }
                    td { (units::bytes(region.bytes_setup)) } td { (units::bytes(region.bytes_offline)) }
                }
            } }
        }
    }
}

fn phases(report: &ModelReport) -> Markup {
    html! {
        table {
            thead { tr { th { "phase" } th { "rounds" } th { "messages" } th { "all links" } th { (report.cost.computing_parties.join(" <-> ")) } } }
            tbody { @for (phase, bill) in &report.cost.phases {
                tr {
                    td { (phase.to_string()) } td { (bill.rounds) } td { (bill.messages) } td { (units::bytes(bill.bytes_total)) }
                    td { (units::bytes(bill.bytes_between_computing_parties)) }
                }
            } }
        }
    }
}

fn run(report: &ModelReport) -> Markup {
    let Some(run) = &report.inference else { return html! {} };
    let asked = match &run.asked {
        Asked::Text { text, .. } => text.clone(),
        Asked::Pair { text, text_pair, .. } => format!("{text} / {text_pair}"),
        Asked::Tokens { tokens } => format!("{} tokens", tokens.len()),
        Asked::Image { image } => image.clone(),
    };
    html! {
        h2 { "Alive: a private run beside plaintext" }
        p { (inference::sentence(run)) }
        p.note { "Asked: " (asked) }
        pre { (inference::answers(run)) }
        @let broken = inference::broken_claims(run);
        @if broken.is_empty() { p { "All claims hold: no value left the domain or the headroom that its protocol needs." } }
        @else { ul { @for claim in broken { li.bad { (claim) } } } }
    }
}

/// Sites with the interval that was seen as a bar beside the claimed one.
fn of_sites(report: &ModelReport) -> Markup {
    let Some(found) = &report.sites else { return html! {} };
    html! {
        h2 { "Sites and ranges" }
        p { (sites::sentence(found)) }
        p.note {
            "Each site on the exact plaintext numbers of " (words::count(found.texts, "text")) ". The frame is the interval that its protocol "
            "takes, the bar what was seen, each scaled to the wider of the two."
        }
        div.wide { table.words {
            thead { tr { th { "site" } th { "protocol" } th { "quantity" } th { "seen" } th { "taken" } th { "outside" } th { "error" } th { "" } } }
            tbody { @for site in &found.sites { (of_site(site)) } }
        } }
    }
}

fn of_site(site: &SiteSummary) -> Markup {
    let error = site.max_error.map_or_else(|| "diverges".to_owned(), |error| units::scientific(error, 1));
    let pair = |(low, high): (f64, f64)| format!("{} to {}", short(low), short(high));
    html! {
        @for claim in &site.claims {
            tr {
                td { (site.site) } td { (site.protocol) } td { (claim.protocol) } td { (pair(claim.seen)) } td { (pair(claim.claimed)) }
                td.bad[claim.outside > 0] { @if claim.outside == 0 { "-" } @else { (claim.outside) " of " (claim.elements) } }
                td.number { (error) }
                td { (bar(claim.seen, claim.claimed)) }
            }
        }
    }
}

fn short(number: f64) -> String {
    if number == 0.0 || (1e-3..1e5).contains(&number.abs()) {
        format!("{number:.3}")
    } else {
        units::scientific(number, 1)
    }
}

/// What was seen as a bar within the frame of what is taken.
fn bar(seen: (f64, f64), claimed: (f64, f64)) -> Markup {
    const WIDTH: f64 = 130.0;
    let (low, high) = (seen.0.min(claimed.0), seen.1.max(claimed.1));
    let at = |x: f64| if high > low { (x - low) / (high - low) * WIDTH } else { WIDTH / 2.0 };
    let outside = seen.0 < claimed.0 || seen.1 > claimed.1;
    html! {
        svg viewBox="-2 0 134 14" style="width:134px" role="img" {
            rect x=(at(seen.0)) y="5" width=((at(seen.1) - at(seen.0)).max(1.5)) height="4" fill=(if outside { "#b22600" } else { "#0072b2" }) {}
            rect x=(at(claimed.0)) y="2" width=((at(claimed.1) - at(claimed.0)).max(1.5)) height="10" fill="none" stroke="#1b1b1b" {}
        }
    }
}
