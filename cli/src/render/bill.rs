//! The bill in words and tables.

use super::table::{TextTable, hanging};
use super::{units, words};
use std::collections::BTreeSet;
use std::fmt::Write;
use viewless_protocols::program::Phase;
use viewless_protocols::program::{PhaseBill, RegionBill, Schedule};
use viewless_simulator::network::Network;
use viewless_workbench::Kind;
use viewless_workbench::bill::{ASSUMED_MAGNITUDE, CostReport, Price, SetupPer};

/// How a printed bill is broken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakdown {
    /// By the report's regions: functions, layers or paths.
    Regions,
    /// By sender, and by directed link.
    Parties,
    /// By phase alone.
    Phases,
}

/// Time on the network, rounds and bytes, in a sentence.
#[must_use]
pub fn sentence(report: &CostReport, kind: &Kind) -> String {
    let CostReport { model, suite, network_seconds, network, seq, batch, .. } = report;
    let what = match (kind, batch) {
        (Kind::Model(_), 1) => format!("An inference of {model} on {seq} tokens"),
        (Kind::Model(_), batch) => {
            format!("A run of {batch} inferences of {model} at once, each on {seq} tokens,")
        }
        (Kind::Autoencoder(_), 1) => format!("A reconstruction of an image by {model}"),
        (Kind::Autoencoder(_), batch) => format!("One run on {batch} images at once by {model}"),
        (Kind::Protocol(_), batch) => format!("{model} on {batch} x {seq} elements"),
    };
    let (name, price) = (network.name(), report.price());
    let bytes = units::bytes(price.bytes_online);
    let wraps = match price.failure_probability {
        0.0 => "no truncation can fail".to_owned(),
        probability => format!("with probability {} some truncation fails", units::probability(probability)),
    };
    format!(
        "{what} spends {} on messages over {name} under suite {suite}: {} and {bytes} online; {wraps}.",
        units::seconds(*network_seconds),
        words::count(price.rounds_online as usize, "round"),
    )
}

/// The readable page.
#[must_use]
pub fn page(report: &CostReport, kind: &Kind, breakdown: Breakdown, explain: bool) -> String {
    let legend = words::legend(explain, &conventions(report));
    format!("{}\n{}{legend}", words::first(&sentence(report, kind)), body(report, breakdown))
}

/// The page without its first sentence and its legend.
#[must_use]
pub fn body(report: &CostReport, breakdown: Breakdown) -> String {
    let CostReport { model, suite, seq, batch, program, .. } = report;
    format!(
        "{model}, suite {suite}, seq {seq}, batch {batch}: {} values, digest {}\n\n{}",
        program.values,
        &program.digest[..16],
        self::text(report, breakdown)
    )
}

/// The whole bill: breakdown, phases, what would change, conventions.
#[must_use]
pub fn text(report: &CostReport, breakdown: Breakdown) -> String {
    let mut text = match breakdown {
        Breakdown::Regions => regions(report),
        Breakdown::Parties => parties(report),
        Breakdown::Phases => String::new(),
    };
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = write!(text, "{}", phases(report));
    let _ = write!(text, "\n{}", alternatives(report));
    text
}

/// What is said of messages among the computing parties: `P0 <-> P1`, `P0 <-> P1 <-> P2`.
fn between(report: &CostReport) -> String {
    report.computing_parties.join(" <-> ")
}

/// One line for each function, layer or region.
fn regions(report: &CostReport) -> String {
    let between = between(report);
    let mut table = TextTable::of_numbers(&["", "calls", "rounds", "online", "setup", "offline", &between]);
    let costs = |region: &&RegionBill| {
        !region.name.is_empty() || region.bytes_total + region.bytes_setup + region.bytes_offline > 0
    };
    for region in report.regions.iter().filter(costs) {
        table.row([
            if region.name.is_empty() { "(no region)".to_owned() } else { region.name.clone() },
            region.calls.to_string(),
            region.rounds.to_string(),
            units::bytes(region.bytes_total),
            units::bytes(region.bytes_setup),
            units::bytes(region.bytes_offline),
            units::bytes(region.bytes_between_computing_parties),
        ]);
    }
    table.lines()
}

/// One line for each sender and for each link.
fn parties(report: &CostReport) -> String {
    let in_phases = |bytes: &dyn Fn(&PhaseBill) -> Option<u64>| {
        [Phase::Online, Phase::Setup, Phase::Offline]
            .map(|phase| units::bytes(bytes(&report.phases[&phase]).unwrap_or(0)))
    };
    let mut table = TextTable::of_numbers(&["", "online", "setup", "offline"]);
    let mut add = |label: String, bytes: &dyn Fn(&PhaseBill) -> Option<u64>| {
        table.row([label].into_iter().chain(in_phases(bytes)));
    };
    let senders: BTreeSet<&String> = report.phases.values().flat_map(|phase| phase.bytes_sent.keys()).collect();
    for sender in senders {
        add(format!("sent by {sender}"), &|phase| phase.bytes_sent.get(sender).copied());
    }
    let links: BTreeSet<&String> = report.phases.values().flat_map(|phase| phase.bytes_by_link.keys()).collect();
    for link in links {
        add(link.replace("->", " -> "), &|phase| phase.bytes_by_link.get(link).copied());
    }
    table.lines()
}

/// One line for each phase.
fn phases(report: &CostReport) -> String {
    let between = between(report);
    let sent_by: Vec<String> = report.computing_parties.iter().map(|party| format!("sent by {party}")).collect();
    let mut header = vec!["phase", "rounds", "messages", "all links", &between];
    header.extend(sent_by.iter().map(String::as_str));
    let mut table = TextTable::of_numbers(&header);
    for phase in Phase::ALL {
        let bill = &report.phases[&phase];
        let sent = |party: &String| units::bytes(bill.bytes_sent.get(party).copied().unwrap_or(0));
        let mut cells = vec![
            phase.to_string(),
            bill.rounds.to_string(),
            bill.messages.to_string(),
            units::bytes(bill.bytes_total),
            units::bytes(bill.bytes_between_computing_parties),
        ];
        cells.extend(report.computing_parties.iter().map(sent));
        table.row(cells);
    }
    table.lines()
}

/// What the same costs with other choices; the suite itself first.
fn alternatives(report: &CostReport) -> String {
    let network = report.network.name();
    let mut table =
        TextTable::of_numbers(&["choice", "rounds", "online", "setup", "offline", network, "wrap probability"]);
    let mut add = |label: String, price: &Price, seconds: Option<&f64>| {
        table.row([
            label,
            price.rounds_online.to_string(),
            units::bytes(price.bytes_online),
            units::bytes(price.bytes_setup),
            units::bytes(price.bytes_offline),
            seconds.map_or_else(String::new, |&seconds| units::seconds(seconds)),
            units::probability(price.failure_probability),
        ]);
    };
    add(format!("suite {}", report.suite), &report.price(), Some(&report.network_seconds));
    for price in &report.alternatives {
        add(format!("  with {}", price.choice), price, price.predicted_seconds.get(network));
    }
    let notes: String = report.notes.iter().map(|note| hanging("  ", note)).collect();
    table.lines() + &notes
}

/// What the figures of a report mean.
#[must_use]
pub fn conventions(report: &CostReport) -> String {
    let setup = match report.setup_per {
        SetupPer::Model => {
            "paid once for a model, because a weight keeps its mask, or needs none (triples fixed-weight, none)"
        }
        SetupPer::Inference => "paid again for each inference, because weights are masked afresh (triples fresh)",
    };
    let mut text = conventions_with(setup, report.schedule, std::slice::from_ref(&report.network));
    let failure = &report.failure;
    if failure.elements == 0 {
        text.push_str("         none can wrap here: every truncation is exact\n");
    } else {
        let _ = writeln!(text, "         truncated here so that they can wrap: {} elements", failure.elements);
    }
    text
}

/// What the figures of several suites mean.
#[must_use]
pub fn conventions_of_suites(schedule: Schedule, networks: &[Network]) -> String {
    let setup = "paid once for a model with triples fixed-weight or none, again for each inference with triples fresh";
    conventions_with(setup, schedule, networks)
}

fn conventions_with(setup: &str, schedule: Schedule, networks: &[Network]) -> String {
    let rounds = match schedule {
        Schedule::Asap => "asap: the longest chain of messages within the phase",
        Schedule::AsWritten => "as-written: program order, where only independent neighbours share a round",
    };
    let mut text = format!(
        "bytes    packed bits of each message, rounded up once; added over all links, those of dealer and owners included\n\
         P0<->P1  messages of all phases among the computing parties: with two, what papers print as sent + received by one\n\
         rounds   {rounds}\n\
         phases   offline depends on no input, setup on the model alone, online on the query\n\
         setup    {setup}\n"
    );
    for network in networks {
        let bandwidth = units::bandwidth(network.bandwidth_bits_per_second());
        let latency = units::seconds(network.latency_seconds());
        let name = network.name();
        let _ = writeln!(
            text,
            "{name:<8} online messages, without computation: in each round {latency}, and its busiest link at {bandwidth}"
        );
    }
    let _ = writeln!(
        text,
        "wrap     probability of any wrap in one inference, if every truncated number is {ASSUMED_MAGNITUDE:?} in size; outputs of a softmax, which add up to 1 in a row, share that"
    );
    text
}
