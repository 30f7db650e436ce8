//! Protocols of one function side by side, as tables for text, Markdown and the [`page`].

use super::chart::{self, Axis, Dot};
use super::page::document;
use super::table::{TextTable, hanging};
use super::{units, words};
use maud::{Markup, html};
use viewless_workbench::variants::{Variant, VariantComparison};

/// Which protocols are compared, in words.
#[must_use]
pub fn heading(comparison: &VariantComparison) -> String {
    let VariantComparison { suite, fraction_bits, seq, batch, .. } = comparison;
    format!(
        "{}, {batch} x {seq} elements, scheme of suite {suite}, {fraction_bits} fraction bits",
        functions(comparison)
    )
}

fn functions(comparison: &VariantComparison) -> String {
    let mut names: Vec<&str> = comparison.variants.iter().map(|variant| variant.function.as_str()).collect();
    names.dedup();
    names.join(", ")
}

/// Who is beaten by none of the others.
#[must_use]
pub fn sentence(comparison: &VariantComparison) -> String {
    let best: Vec<&str> =
        comparison.variants.iter().filter(|variant| is_choice(variant)).map(|variant| variant.name.as_str()).collect();
    format!(
        "Of {}, {} beaten by no other in certified error, online bits, rounds and interval together: {}.",
        words::count(comparison.variants.len(), "protocol"),
        if best.len() == 1 { "1 is".to_owned() } else { format!("{} are", best.len()) },
        if best.is_empty() { "none".to_owned() } else { best.join(", ") }
    )
}

/// Whether a protocol is one to choose: right, private, bounded, and beaten by none.
fn is_choice(variant: &Variant) -> bool {
    let usable = variant.not_right.is_none() && variant.privacy.is_proved() && variant.certified_max_error.is_some();
    usable && variant.beaten_by.is_none()
}

fn error(variant: &Variant) -> String {
    variant.certified_max_error.map_or_else(|| "no bound".to_owned(), |error| units::at_most(error, 1))
}

fn interval(variant: &Variant) -> String {
    let (low, high) = variant.interval;
    format!("{} in [{}, {}]", variant.interval_of, units::short(low), units::short(high))
}

fn standing(variant: &Variant) -> String {
    if variant.not_right.is_some() {
        return "not right *".to_owned();
    }
    match &variant.beaten_by {
        Some(other) => format!("beaten by {other}"),
        None if is_choice(variant) => "a choice".to_owned(),
        None => "no bound".to_owned(),
    }
}

/// One line for each protocol, numbered as in the picture.
#[must_use]
pub fn table(comparison: &VariantComparison) -> TextTable {
    let mut header = vec!["", "protocol", "certified", "on", "bits online", "bits before", "rounds"];
    header.extend(comparison.networks.iter().map(|network| network.name()));
    header.extend(["private", "reading", "standing"]);
    let mut table = TextTable::of_text(&header);
    for (i, variant) in comparison.variants.iter().enumerate() {
        let mut cells = vec![
            (i + 1).to_string(),
            variant.name.clone(),
            error(variant),
            interval(variant),
            units::four_digits(variant.bits_online_per_element),
            units::four_digits(variant.bits_before_per_element),
            variant.price.rounds_online.to_string(),
        ];
        let seconds =
            |name: &str| variant.price.predicted_seconds.get(name).map_or_else(String::new, |&s| units::seconds(s));
        cells.extend(comparison.networks.iter().map(|network| seconds(network.name())));
        cells.extend([variant.privacy.to_string(), variant.reading.clone(), standing(variant)]);
        table.row(cells);
    }
    table.numbers_in(&[0, 2, 4, 5, 6])
}

/// What the figures mean.
#[must_use]
pub fn conventions(comparison: &VariantComparison) -> String {
    let mut text = "certified    no run that does not wrap errs by more on any input of the interval; rows: of elements in [-16, 16], too\n\
                    bits online  among the computing parties, for each element\n\
                    bits before  setup and offline, over all links, for each element\n\
                    private      proofs that the view of every single party can be simulated\n\
                    reading      whose protocol it is: ours, as printed in a paper, as its authors' code has it\n\
                    standing     beaten by: at least as good in certified error, bits online, rounds and interval, and better in one;\n\
                                 what is not right (*, with the reason below) beats nobody\n"
        .to_owned();
    for network in &comparison.networks {
        let (name, latency) = (network.name(), units::seconds(network.latency_seconds()));
        let bandwidth = units::bandwidth(network.bandwidth_bits_per_second());
        text += &format!("{name:<12} online messages, in each round {latency}, and its busiest link at {bandwidth}\n");
    }
    text
}

fn reasons(comparison: &VariantComparison) -> Vec<(&str, &str)> {
    let not_right = |variant: &'_ Variant| variant.not_right.is_some();
    let mut reasons: Vec<(&str, &str)> = Vec::new();
    for variant in &comparison.variants {
        if not_right(variant) {
            reasons.extend(variant.not_right.as_deref().map(|why| (variant.name.as_str(), why)));
        }
        reasons.extend(variant.notes.iter().map(|note| (variant.name.as_str(), note.as_str())));
    }
    reasons
}

/// As text.
#[must_use]
pub fn text(comparison: &VariantComparison, explain: bool) -> String {
    let lines = table(comparison).lines();
    let reasons: String = reasons(comparison).iter().map(|(name, why)| hanging(&format!("* {name}: "), why)).collect();
    let legend = words::legend(explain, &conventions(comparison));
    format!("{}\n{}\n\n{lines}\n{reasons}{legend}", words::first(&sentence(comparison)), heading(comparison))
}

/// As Markdown.
#[must_use]
pub fn markdown(comparison: &VariantComparison) -> String {
    let lines = table(comparison).markdown();
    let reasons: String = reasons(comparison).iter().map(|(name, why)| format!("- \\* {name}: {why}\n")).collect();
    let sources: String =
        comparison.variants.iter().map(|variant| format!("- {}: {}\n", variant.name, variant.source)).collect();
    format!(
        "# {}\n\n{}\n\n{lines}\n{reasons}\n{sources}\n```text\n{}```\n",
        heading(comparison),
        sentence(comparison),
        conventions(comparison)
    )
}

/// As one HTML page with a picture of who is beaten by whom.
#[must_use]
pub fn page(comparison: &VariantComparison) -> String {
    let title = format!("viewless compare: {}", functions(comparison));
    document(
        &title,
        &html! {
            h1 { "Protocols for " (functions(comparison)) }
            p.first { (sentence(comparison)) }
            p.note { (heading(comparison)) }
            h2 { "Certified error against communication" }
            p.note {
                "Down and to the left is better. Filled: beaten by no other. Hollow: beaten, or not right. The numbers are those of the table; "
                "protocols without a finite bound stand at the top."
            }
            (picture(comparison))
            h2 { "Side by side" }
            div.wide { (rows(comparison)) }
            h2 { "Where they come from" }
            table.words { tbody {
                @for variant in &comparison.variants {
                    tr { td { (variant.name) } td { (variant.reading) } td { (variant.source) } }
                }
            } }
            @if !reasons(comparison).is_empty() {
                h2 { "What is not right" }
                ul { @for (name, why) in reasons(comparison) { li { b { (name) } ": " (why) } } }
            }
            h2 { "Conventions" }
            pre { (conventions(comparison)) }
        },
    )
}

fn rows(comparison: &VariantComparison) -> Markup {
    html! {
        table.words {
            thead { tr {
                th { "" } th { "protocol" } th { "certified error" } th { "on" } th { "bits online" } th { "bits before" } th { "rounds" }
                @for network in &comparison.networks { th { "time, " (network.name()) } }
                th { "private" } th { "standing" }
            } }
            tbody {
                @for (i, variant) in comparison.variants.iter().enumerate() {
                    tr.best[is_choice(variant)] {
                        td { (i + 1) }
                        td { (variant.name) }
                        td.number { (error(variant)) }
                        td { (interval(variant)) }
                        td.number { (units::four_digits(variant.bits_online_per_element)) }
                        td.number { (units::four_digits(variant.bits_before_per_element)) }
                        td.number { (variant.price.rounds_online) }
                        @for network in &comparison.networks {
                            td.number { (units::seconds(variant.price.predicted_seconds.get(network.name()).copied().unwrap_or(0.0))) }
                        }
                        td.bad[!variant.privacy.is_proved()] { (variant.privacy) }
                        td { (standing(variant)) }
                    }
                }
            }
        }
    }
}

/// Every protocol as a point: online bits to the right, certified error upwards.
fn picture(comparison: &VariantComparison) -> Markup {
    let dot = |(i, variant): (usize, &Variant)| Dot {
        label: (i + 1).to_string(),
        title: format!(
            "{}: {} on {}, {} bit online for each element, {} rounds; {}",
            variant.name,
            error(variant),
            interval(variant),
            units::four_digits(variant.bits_online_per_element),
            variant.price.rounds_online,
            standing(variant)
        ),
        x: variant.bits_online_per_element,
        y: variant.certified_max_error.filter(|&error| error > 0.0),
        filled: is_choice(variant),
    };
    let dots: Vec<Dot> = comparison.variants.iter().enumerate().map(dot).filter(|dot| dot.x > 0.0).collect();
    let bits = Axis { label: "online bits for each element", text: units::short };
    let error = Axis { label: "certified error", text: |error| units::scientific(error, 0) };
    chart::dots(&dots, bits, error)
}
