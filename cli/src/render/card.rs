//! A protocol's card as text.

use super::table::hanging;
use super::units;
use viewless_workbench::card::{CardReport, ClaimReport, FailingReport, name_of};

/// A few lines in a list.
#[must_use]
pub fn entry(card: &CardReport) -> String {
    const INDENT: &str = "    ";
    let (domain, error) = (interval(card), error(card));
    let source = if card.is_ours { card.source.clone() } else { format!("{}: {}", card.reading, card.source) };
    let facts = format!("{} in {domain}, error over the reals at most {error}; {source}", card.domain.of);
    let fails: String = card.fails.iter().map(|failing| hanging(INDENT, &failing_text(failing))).collect();
    hanging("", &format!("{}: {}", card.name, card.summary)) + &hanging(INDENT, &facts) + &fails
}

/// The interval on which it works.
fn interval(card: &CardReport) -> String {
    format!("[{}, {}]", number(card.domain.low), number(card.domain.high))
}

/// The bound of its error.
fn error(card: &CardReport) -> String {
    match (card.error.absolute, card.error.relative) {
        (0.0, 0.0) => "0".to_owned(),
        (absolute, 0.0) => number(absolute),
        (0.0, relative) => format!("{} |truth|", number(relative)),
        (absolute, relative) => format!("{} + {} |truth|", number(absolute), number(relative)),
    }
}

/// The whole card, for reading.
#[must_use]
pub fn text(card: &CardReport) -> String {
    let mut text = hanging("", &format!("{}: {}", card.name, card.summary)) + "\n";
    let mut field = |label: &str, value: &str| text.push_str(&hanging(&format!("{label:<9}"), value));
    field("computes", &card.function);
    field("source", &card.source);
    field("reading", &card.reading);
    field("domain", &format!("{} in {} (rows of {})", card.domain.of, interval(card), card.domain.row_length));
    field("error", &format!("at most {} in the domain, over the reals; truth: {}", error(card), card.error.truth));
    card.fails.iter().for_each(|fails| text.push_str(&hanging("", &failing_text(fails))));
    text.push_str("\nclaimed cost (messages between computing parties; r rows of n elements, m = ceil(log2 n))\n");
    for claim in &card.claims {
        text.push_str(&claim_text(claim));
    }
    if !card.known.is_empty() {
        text.push_str("\nknown\n");
        card.known.iter().for_each(|known| text.push_str(&hanging("  - ", known)));
    }
    text
}

fn failing_text(failing: &FailingReport) -> String {
    format!("not {}: {}", failing.quality, failing.why)
}

fn claim_text(claim: &ClaimReport) -> String {
    let verdict = if claim.holds { "holds" } else { "does not hold" };
    let rounds = claim.rounds.iter().map(|rounds| format!("{rounds} rounds"));
    let bits = claim.bits.iter().map(|bits| format!("{bits} bit"));
    let stated: Vec<String> = rounds.chain(bits).collect();
    let stated = if stated.is_empty() { "nothing".to_owned() } else { stated.join(", ") };
    let (comparison, truncation) = (name_of(&claim.comparison), name_of(&claim.truncation));
    let schedule = name_of(&claim.schedule);
    let mut text = hanging("  - ", &format!("{}: {stated}; {verdict}", claim.by));
    let setting = format!("comparison {comparison}, truncation {truncation}, schedule {schedule}");
    text.push_str(&hanging("    ", &setting));
    text.push_str(&hanging("    ", &claim.remark));
    text
}

/// A number without needless digits.
fn number(number: f64) -> String {
    let size = number.abs();
    if (1e-2..1e6).contains(&size) { format!("{number}") } else { units::exact(number) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::table::LINE_WIDTH;
    use viewless_protocols::nonlinear;

    #[test]
    fn every_card_says_all_that_is_known() {
        for protocol in nonlinear::Registry::built_in() {
            let text = text(&CardReport::new(&protocol.card));
            let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for known in &protocol.card.known {
                assert!(joined.contains(&known.split_whitespace().collect::<Vec<_>>().join(" ")), "{text}");
            }
            assert!(text.lines().all(|line| line.chars().count() <= usize::from(LINE_WIDTH)), "{text}");
        }
    }

    #[test]
    fn numbers_have_no_needless_digits() {
        assert_eq!([0.0, 1e-12, 1.06e-3, 0.031, -256.0, 1e12].map(number).join(" "), "0 1e-12 1.06e-3 0.031 -256 1e12");
    }
}
