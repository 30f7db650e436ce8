//! Pictures of a private plan: time against error, queries over time, and how the plan changes with the network.

use crate::render::chart::COLOURS;
use crate::render::units;
use maud::{Markup, html};
use std::collections::BTreeMap;
use viewless_proofs::ticks;
use viewless_simulator::network::Network;
use viewless_workbench::plan::{Catalogue, Plan, PlanRequest, winner};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 64.0;
const INK: &str = "#1b1b1b";
const FAINT: &str = "#d9d9d9";

/// A picture of this height, with a heading and a line below it that says how to read it.
fn picture(height: f64, heading: &str, reading: &str, drawing: Markup) -> String {
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(WIDTH) height=(height) viewBox=(format!("0 0 {WIDTH} {height}"))
            font-family="sans-serif" font-size="13" fill=(INK) {
            rect width=(WIDTH) height=(height) fill="#ffffff" {}
            text x="16" y="26" font-size="17" font-weight="bold" { (heading) }
            text x="16" y="46" fill="#555555" { (reading) }
            (drawing)
        }
    };
    svg.into_string()
}

/// A text at a place.
fn words(x: f64, y: f64, anchor: &str, text: &str) -> Markup {
    html! { text x=(format!("{x:.1}")) y=(format!("{y:.1}")) text-anchor=(anchor) { (text) } }
}

/// A logarithmic scale from one place to another.
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (low, high) = values
            .filter(|value| *value > 0.0 && value.is_finite())
            .fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), value| (low.min(value), high.max(value)));
        let (low, high) = if low.is_finite() { (low, high) } else { (1.0, 1.0) };
        Self { low: low / 1.3, high: high * 1.3, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value / self.low).ln() / (self.high / self.low).ln();
        self.from + (self.to - self.from) * share.clamp(0.0, 1.0)
    }

    /// Round numbers along it.
    fn ticks(&self) -> Vec<f64> {
        ticks::logarithmic(self.low, self.high)
    }
}

/// The front of time against error, with the plan and the built-in suites that compute what the model has.
#[must_use]
pub fn front(plan: &Plan, points: &[(f64, f64, String)]) -> String {
    const HEIGHT: f64 = 460.0;
    let listed = points.len().min(11);
    let height = HEIGHT + 64.0 + 20.0 * listed as f64;
    let suites: Vec<(&str, f64, f64)> = plan
        .built_in
        .iter()
        .filter(|priced| priced.not_right.is_empty())
        .filter_map(|priced| Some((priced.suite.name.as_str(), priced.error?, priced.seconds)))
        .collect();
    let budget = plan.request.error_budget;
    let errors = points.iter().map(|p| p.0).chain(suites.iter().map(|s| s.1));
    // A budget far beyond every error would leave no room for them: it lies on the edge then, as all that is beyond the scale does.
    let widest = 10.0 * errors.clone().fold(0.0, f64::max);
    let x = Scale::of(errors.chain([budget.min(widest)]), LEFT, WIDTH - RIGHT);
    let times = points.iter().map(|point| point.1).chain(suites.iter().map(|suite| suite.2));
    let y = Scale::of(times, HEIGHT, TOP + 10.0);
    let mut steps = Vec::new();
    for (index, (error, seconds, _)) in points.iter().enumerate() {
        if index > 0 {
            steps.push(format!("{:.1},{:.1}", x.at(*error), y.at(points[index - 1].1)));
        }
        steps.push(format!("{:.1},{:.1}", x.at(*error), y.at(*seconds)));
    }
    if let Some(last) = points.last() {
        steps.push(format!("{:.1},{:.1}", WIDTH - RIGHT, y.at(last.1)));
    }
    let drawing = html! {
        @for tick in x.ticks() {
            line x1=(x.at(tick)) x2=(x.at(tick)) y1=(TOP) y2=(HEIGHT) stroke=(FAINT) {}
            (words(x.at(tick), HEIGHT + 18.0, "middle", &units::scientific(tick, 0)))
        }
        @for tick in y.ticks() {
            line x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y.at(tick)) y2=(y.at(tick)) stroke=(FAINT) {}
            (words(LEFT - 8.0, y.at(tick) + 4.0, "end", &units::seconds(tick)))
        }
        @let edge = x.at(budget);
        line x1=(edge) x2=(edge) y1=(TOP) y2=(HEIGHT) stroke="#d55e00" stroke-dasharray="6 4" stroke-width="1.5" {}
        (words(edge - 5.0, TOP + 12.0, "end", &format!("budget {}", units::exact(budget))))
        polyline points=(steps.join(" ")) fill="none" stroke="#0072b2" stroke-width="2" {}
        @for (index, (error, seconds, _)) in points.iter().enumerate() {
            circle cx=(x.at(*error)) cy=(y.at(*seconds)) r="4" fill="#0072b2" {}
            @if index < listed { (words(x.at(*error) + 7.0, y.at(*seconds) - 7.0, "start", &(index + 1).to_string())) }
        }
        @for (name, error, seconds) in &suites {
            circle cx=(x.at(*error)) cy=(y.at(*seconds)) r="5" fill="#ffffff" stroke="#d55e00" stroke-width="2" {}
            (words(x.at(*error) - 9.0, y.at(*seconds) - 8.0, "end", name))
        }
        @if let Some(error) = plan.chosen.error {
            circle cx=(x.at(error)) cy=(y.at(plan.chosen.seconds)) r="9" fill="none" stroke="#009e73" stroke-width="3" {}
        }
        (words((LEFT + WIDTH) / 2.0, HEIGHT + 38.0, "middle", "sum of certified site errors"))
        @for (index, (_, seconds, name)) in points.iter().take(listed).enumerate() {
            (words(LEFT, HEIGHT + 66.0 + 20.0 * index as f64, "start", &format!("{}  {}  {name}", index + 1, units::seconds(*seconds))))
        }
    };
    let heading = format!(
        "{}, {} tokens, on {}: time of one query against certified error",
        plan.model,
        plan.seq,
        plan.request.network.name()
    );
    let reading = "Blue: the fastest suite for each error. Green ring: the plan. Orange rings: built-in suites that compute what the model has.";
    picture(height, &heading, reading, drawing)
}

/// The first queries over time, coloured by the stage that works on them.
#[must_use]
pub fn timeline(plan: &Plan) -> String {
    const ROW: f64 = 22.0;
    const MOST: usize = 24;
    let deployment = &plan.deployment;
    let schedule = &deployment.schedule;
    let shown = schedule.done.len().min(MOST);
    let stages = deployment.rounds.len();
    // By query and stage: from its first message there to its last. The link of all stages follows their machines.
    let mut bars: BTreeMap<(usize, usize), (f64, f64)> = BTreeMap::new();
    let mut sent = vec![0; shown];
    for span in schedule.spans.iter().filter(|span| span.resource == stages && span.job < shown) {
        let mut stage = 0;
        let mut before = deployment.rounds[0];
        while sent[span.job] >= before && stage + 1 < stages {
            stage += 1;
            before += deployment.rounds[stage];
        }
        sent[span.job] += 1;
        let bar = bars.entry((span.job, stage)).or_insert((span.begin.seconds(), 0.0));
        bar.1 = span.end.seconds();
    }
    let end = schedule.done[..shown].iter().map(|time| time.seconds()).fold(0.0, f64::max);
    let at = |seconds: f64| LEFT + (WIDTH - LEFT - RIGHT) * seconds / end.max(f64::MIN_POSITIVE);
    let bottom = TOP + ROW * shown as f64;
    let busy = schedule.busy(stages).seconds() / schedule.makespan.seconds().max(f64::MIN_POSITIVE);
    let drawing = html! {
        @for tick in 0..=5 {
            @let seconds = end * f64::from(tick) / 5.0;
            line x1=(at(seconds)) x2=(at(seconds)) y1=(TOP) y2=(bottom) stroke=(FAINT) {}
            // The last word ends where the picture does.
            @let anchor = if tick == 5 { "end" } else { "middle" };
            (words(at(seconds), bottom + 18.0, anchor, &units::seconds(seconds)))
        }
        @for query in 0..shown {
            (words(LEFT - 8.0, TOP + ROW * query as f64 + 15.0, "end", &format!("query {}", query + 1)))
        }
        @for ((query, stage), (begin, finish)) in &bars {
            rect x=(at(*begin)) y=(TOP + ROW * *query as f64 + 3.0) width=((at(*finish) - at(*begin)).max(1.0)) height=(ROW - 6.0)
                fill=(COLOURS[(stage + 1) % COLOURS.len()]) {}
        }
        @for stage in 0..stages {
            @let x = LEFT + 130.0 * stage as f64;
            rect x=(x) y=(bottom + 32.0) width="14" height="14" fill=(COLOURS[(stage + 1) % COLOURS.len()]) {}
            (words(x + 20.0, bottom + 44.0, "start", &format!("stage {}", stage + 1)))
        }
    };
    let heading = format!(
        "{} on {}: {} in {}, {} in flight at each of {}",
        plan.model,
        plan.request.network.name(),
        counted(plan.request.requests, "query", "queries"),
        units::seconds(deployment.seconds),
        deployment.in_flight,
        counted(stages as u64, "stage", "stages")
    );
    let reading = format!(
        "Bars: from a query's first message at a stage to its last. The parties' link is busy {:.0} % of the time.{}",
        busy * 100.0,
        if schedule.done.len() > shown { format!(" The first {shown} queries are shown.") } else { String::new() }
    );
    picture(bottom + 64.0, &heading, &reading, drawing)
}

fn counted(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// Which suite is fastest for one query, over latency and bandwidth.
#[must_use]
pub fn map(catalogue: &Catalogue, request: &PlanRequest) -> String {
    const COLUMNS: usize = 40;
    const ROWS: usize = 24;
    const BOTTOM: f64 = 460.0;
    let latency = Scale { low: 2e-5, high: 0.2, from: LEFT, to: WIDTH - RIGHT };
    let bandwidth = Scale { low: 1e6, high: 2e10, from: BOTTOM, to: TOP + 10.0 };
    let value = |scale: &Scale, share: f64| scale.low * (scale.high / scale.low).powf(share);
    let (width, height) = ((WIDTH - RIGHT - LEFT) / COLUMNS as f64, (BOTTOM - TOP - 10.0) / ROWS as f64);
    let mut kinds: Vec<String> = Vec::new();
    let mut cells = Vec::new();
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let seconds = value(&latency, (column as f64 + 0.5) / COLUMNS as f64);
            let bits = value(&bandwidth, (row as f64 + 0.5) / ROWS as f64);
            let Ok(network) = Network::new("cell", bits, seconds) else { continue };
            let one = PlanRequest { network, requests: 1, ..request.clone() };
            let Ok((scheme, protocols, _)) = winner(catalogue, &one) else {
                continue;
            };
            let names: Vec<&str> = protocols.values().map(String::as_str).collect();
            let kind = format!("{scheme}: {}", names.join(", "));
            let number = kinds.iter().position(|other| *other == kind).unwrap_or_else(|| {
                kinds.push(kind);
                kinds.len() - 1
            });
            cells.push((column, row, number));
        }
    }
    let mut networks = vec![Network::lan(), Network::wan()];
    if !networks.contains(&request.network) {
        networks.push(request.network.clone());
    }
    let lies_within = |scale: &Scale, value: f64| (scale.low..=scale.high).contains(&value);
    networks.retain(|network| {
        lies_within(&latency, network.latency_seconds()) && lies_within(&bandwidth, network.bandwidth_bits_per_second())
    });
    let drawing = html! {
        @for (column, row, number) in &cells {
            rect x=(LEFT + width * *column as f64) y=(BOTTOM - height * (*row as f64 + 1.0)) width=(width + 0.4) height=(height + 0.4)
                fill=(COLOURS[number % COLOURS.len()]) fill-opacity="0.75" {}
        }
        @for tick in latency.ticks() {
            (words(latency.at(tick), BOTTOM + 18.0, "middle", &units::seconds(tick)))
        }
        @for tick in bandwidth.ticks() {
            (words(LEFT - 8.0, bandwidth.at(tick) + 4.0, "end", &units::bandwidth(tick)))
        }
        (words((LEFT + WIDTH) / 2.0, BOTTOM + 38.0, "middle", "one-way latency"))
        @for network in &networks {
            @let (x, y) = (latency.at(network.latency_seconds()), bandwidth.at(network.bandwidth_bits_per_second()));
            circle cx=(x) cy=(y) r="5" fill="#ffffff" stroke=(INK) stroke-width="2" {}
            @let (beside, anchor) = if x > WIDTH * 0.8 { (-9.0, "end") } else { (9.0, "start") };
            (words(x + beside, y + 5.0, anchor, network.name()))
        }
        @for (number, kind) in kinds.iter().enumerate() {
            @let y = BOTTOM + 60.0 + 20.0 * number as f64;
            rect x=(LEFT) y=(y - 11.0) width="14" height="14" fill=(COLOURS[number % COLOURS.len()]) fill-opacity="0.75" {}
            (words(LEFT + 22.0, y, "start", kind))
        }
    };
    let heading = format!(
        "{}, {} tokens: the fastest suite for one query within an error of {}",
        catalogue.model,
        catalogue.seq,
        units::exact(request.error_budget)
    );
    let reading = "Each colour is a suite; up is more bandwidth, right is more latency. White dots are the networks that lie here.";
    picture(BOTTOM + 70.0 + 20.0 * kinds.len() as f64, &heading, reading, drawing)
}
