//! The comparison as one HTML page without anything outside it: no scripts, no fonts, no links.

use super::chart::{self, Axis, Bar, Line, Part};
use super::comparison::{conventions, error, heading, sentence};
use super::page::document;
use super::units;
use maud::{Markup, html};
use viewless_protocols::model::FUNCTIONS;
use viewless_protocols::program::RegionBill;
use viewless_simulator::network::Network;
use viewless_workbench::comparison::{SuiteComparison, SuiteEntry};

/// One-way latencies of the panels of predicted times, in seconds.
const LATENCIES_SECONDS: [f64; 3] = [0.1e-3, 5e-3, 50e-3];
/// Bandwidths of their horizontal axis, in bits per second.
const BANDWIDTHS: [f64; 2] = [1e7, 1e11];
/// Points of a line.
const POINTS: usize = 41;
/// Width of a panel.
const PANEL: f64 = 320.0;

/// A table of what is published.
fn published(comparison: &SuiteComparison) -> Markup {
    html! {
        table {
            thead { tr { th { "system" } th { "setting" } th { "rounds" } th { "online" } th { "offline" } th { "which counts" } th { "source" } } }
            tbody {
                @for record in &comparison.published {
                    tr {
                        td { (record.system) } td { (record.setting) }
                        td { @if let Some(rounds) = record.rounds { (rounds) } }
                        td { (record.online) " " (record.unit) }
                        td { @if let Some(offline) = record.offline { (offline) " " (record.unit) } }
                        td { (record.convention) } td { (record.source) }
                    }
                }
            }
        }
    }
}

/// The page.
#[must_use]
pub fn page(comparison: &SuiteComparison) -> String {
    let heading = heading(comparison);
    document(
        &format!("viewless compare: {heading}"),
        &html! {
                    h1 { "Private inference: " (heading) }
                    p.first { (sentence(comparison)) }
                    p.note {
                        "Each suite is a scheme with its choices and one protocol for each function. Rounds and bytes are counted from the very "
                        "Program that a run executes; errors are certified over every input of a domain; privacy is proved from that Program, too."
                    }
                    h2 { "At a glance" }
                    div.wide { (glance(comparison)) }
                    p.note {
                        "Marked: the least of each column among the suites that compute a model's own functions. The last column names functions "
                        "that a suite computes otherwise, or not on the arguments that models have: the model must be trained for it, or the suite "
                        "is for comparison only."
                    }
                    @if !comparison.published.is_empty() {
                        h2 { "Published" }
                        p.note { "Of other systems, as their sources print it, each by its own convention: nothing here was counted by us." }
                        div.wide { (published(comparison)) }
                    }
                    h2 { "Bytes by function" }
                    p.note { "Between the computing parties, all phases, both directions together: the convention of published tables." }
                    (bytes(comparison))
                    h2 { "Rounds by function" }
                    p.note { "Online rounds. Each round costs at least one network latency." }
                    (rounds(comparison))
                    h2 { "Time over bandwidth and latency" }
                    p.note {
                        "Online messages without computation: in each round the latency, and the busiest directed link at the bandwidth. Where "
                        "lines are level, latency decides, and so do rounds; where they fall, bytes do."
                    }
                    (times(comparison))
                    h2 { "Which protocol, and how wrong at worst" }
                    div.wide { (functions(comparison)) }
                    h2 { "Conventions" }
                    pre { (conventions(comparison)) }
        },
    )
}

/// The summary, the best of each column marked.
fn glance(comparison: &SuiteComparison) -> Markup {
    let suites = &comparison.suites;
    // A suite that computes something else, or wrongly, does not compete.
    let competes = |entry: &&SuiteEntry| entry.not_right().is_empty();
    let column = |value: &dyn Fn(&SuiteEntry) -> f64, text: &dyn Fn(f64) -> String| -> Vec<(String, bool)> {
        let best = suites.iter().filter(competes).map(value).fold(f64::INFINITY, f64::min);
        suites.iter().map(|entry| (text(value(entry)), competes(&entry) && value(entry) <= best)).collect()
    };
    let bytes = |number: f64| units::bytes(number as u64);
    let mut columns: Vec<(String, Vec<(String, bool)>)> = vec![
        ("rounds".to_owned(), column(&|e| f64::from(e.price.rounds_online), &|x| x.to_string())),
        ("online, all links".to_owned(), column(&|e| e.price.bytes_online as f64, &bytes)),
        ("online, one party".to_owned(), column(&|e| e.bytes_sent_and_received_online as f64, &bytes)),
        ("setup".to_owned(), column(&|e| e.price.bytes_setup as f64, &bytes)),
        ("offline".to_owned(), column(&|e| e.price.bytes_offline as f64, &bytes)),
    ];
    for network in &comparison.networks {
        let name = network.name();
        let title = format!("time, {name}");
        columns.push((title, column(&|e| e.price.predicted_seconds[name], &units::seconds)));
    }
    columns.push(("any wrap".to_owned(), column(&|e| e.price.failure_probability, &units::probability)));
    html! {
        table {
            thead { tr { th { "suite" } @for (title, _) in &columns { th { (title) } } th { "private" } th { "not right" } } }
            tbody {
                @for (i, entry) in suites.iter().enumerate() {
                    tr {
                        td title=(entry.suite.summary) { (entry.price.choice) }
                        @for (_, cells) in &columns { td.best[cells[i].1] { (cells[i].0) } }
                        td.bad[!entry.privacy.is_proved()] { (entry.privacy) }
                        td.bad { (entry.not_right().join(", ")) }
                    }
                }
            }
        }
    }
}

/// Bars of one number of every function.
fn by_function(
    comparison: &SuiteComparison,
    value: fn(&RegionBill) -> f64,
    text: fn(f64) -> String,
    axis: Axis,
) -> Markup {
    let bars: Vec<Bar> = comparison
        .suites
        .iter()
        .map(|entry| {
            let of = |name: &str| entry.regions.iter().filter(|region| region.name == name).map(value).sum::<f64>();
            let known = FUNCTIONS.iter().enumerate().map(|(kind, name)| (kind, of(name)));
            let all: f64 = entry.regions.iter().map(value).sum();
            let rest = all - FUNCTIONS.iter().map(|name| of(name)).sum::<f64>();
            let parts = known.chain([(FUNCTIONS.len(), rest)]).filter(|(_, value)| *value > 0.0);
            Bar {
                name: entry.price.choice.clone(),
                parts: parts.map(|(kind, value)| Part { kind, value, text: text(value) }).collect(),
                total: text(all),
            }
        })
        .collect();
    let kinds: Vec<&str> = FUNCTIONS.iter().copied().chain(["other"]).collect();
    let used = |kind: usize| bars.iter().any(|bar| bar.parts.iter().any(|part| part.kind == kind));
    html! {
        p.legend {
            @for (kind, name) in kinds.iter().enumerate().filter(|(kind, _)| used(*kind)) { (chart::key(kind, name)) }
        }
        (chart::bars(&bars, &kinds, axis))
    }
}

fn bytes(comparison: &SuiteComparison) -> Markup {
    let text = |bytes: f64| units::bytes(bytes as u64);
    let tick = |bytes: f64| format!("{} GB", units::short(bytes / 1e9));
    by_function(
        comparison,
        |region| region.bytes_between_computing_parties as f64,
        text,
        Axis { label: "bytes", text: tick },
    )
}

fn rounds(comparison: &SuiteComparison) -> Markup {
    let axis = Axis { label: "online rounds", text: units::short };
    by_function(comparison, |region| f64::from(region.rounds), units::short, axis)
}

/// One panel for each latency, all on the same scale.
fn times(comparison: &SuiteComparison) -> Markup {
    let panel = |latency: f64| -> Vec<Line> {
        let line = |entry: &SuiteEntry| Line {
            name: entry.price.choice.clone(),
            points: bandwidths()
                .filter_map(|bandwidth| Some((bandwidth, seconds(entry, bandwidth, latency)?)))
                .collect(),
        };
        comparison.suites.iter().map(line).collect()
    };
    let panels: Vec<(f64, Vec<Line>)> = LATENCIES_SECONDS.iter().map(|&latency| (latency, panel(latency))).collect();
    let all = || panels.iter().flat_map(|(_, lines)| lines).flat_map(|line| &line.points).map(|point| point.1);
    let limits = [all().fold(f64::INFINITY, f64::min) / 1.3, all().fold(0.0, f64::max) * 1.3];
    let names: Vec<&str> = comparison.suites.iter().map(|entry| entry.price.choice.as_str()).collect();
    let bandwidth = Axis { label: "bandwidth of each link, Mbit/s", text: |bits| units::short(bits / 1e6) };
    let time = Axis { label: "time", text: |seconds| format!("{} s", units::short(seconds)) };
    html! {
        (chart::line_legend(&names))
        div.panels {
            @for (latency, lines) in &panels {
                div {
                    h3 { "latency " (units::seconds(*latency)) " one way" }
                    (chart::lines(lines, bandwidth, time, limits, PANEL))
                }
            }
        }
    }
}

/// Bandwidths at equal distances on a logarithmic scale.
fn bandwidths() -> impl Iterator<Item = f64> {
    let [low, high] = BANDWIDTHS;
    (0..POINTS).map(move |i| low * (high / low).powf(i as f64 / (POINTS - 1) as f64))
}

fn seconds(entry: &SuiteEntry, bandwidth: f64, latency: f64) -> Option<f64> {
    let network = Network::new("", bandwidth, latency).ok()?;
    let seconds = entry.rounds_bytes.iter().map(|rounds| network.seconds(rounds.iter().copied())).reduce(f64::min);
    seconds.filter(|&seconds| seconds > 0.0)
}

fn functions(comparison: &SuiteComparison) -> Markup {
    html! {
        table.words {
            thead { tr { th { "suite" } th { "function" } th { "protocol" } th { "worst error" } th { "on" } th { "" } } }
            tbody {
                @for entry in &comparison.suites {
                    @for (i, function) in entry.functions.iter().enumerate() {
                        tr {
                            td { @if i == 0 { (entry.price.choice) } }
                            td { (function.place()) }
                            td { (function.protocol) }
                            td { (error(function)) }
                            td { (function.domain) }
                            td.bad { @if let Some(why) = &function.not_right { "not right: " (why) } }
                        }
                    }
                }
            }
        }
    }
}
