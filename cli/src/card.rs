//! A protocol's card as data and as text.

use crate::table::LINE_WIDTH;
use serde::Serialize;
use std::fmt::Write;
use viewless_protocols::nonlinear::{Bits, Card, CostClaim, Reading, Rounds};
use viewless_protocols::program::Schedule;
use viewless_protocols::scheme::{Comparison, Truncation};

/// Row length at which domains are shown: some depend on it.
const ROW_LENGTH: usize = 128;

/// A protocol's card.
#[derive(Debug, Serialize)]
pub struct CardReport {
    /// `function/variant`.
    pub name: String,
    /// What it computes.
    pub function: String,
    /// One line.
    pub summary: String,
    /// Paper or code.
    pub source: String,
    /// Ours, as printed, as coded, ...
    pub reading: String,
    /// Whether there is no published text to read.
    #[serde(skip)]
    is_ours: bool,
    domain: DomainReport,
    error: ErrorReport,
    claims: Vec<ClaimReport>,
    /// Qualities that it lacks.
    pub fails: Vec<FailingReport>,
    known: Vec<String>,
}

/// A quality that a protocol lacks, and why.
#[derive(Debug, Serialize)]
pub struct FailingReport {
    /// The quality.
    pub quality: String,
    /// Why.
    pub why: String,
}

#[derive(Debug, Serialize)]
struct DomainReport {
    low: f64,
    high: f64,
    of: String,
    row_length: usize,
}

#[derive(Debug, Serialize)]
struct ErrorReport {
    absolute: f64,
    relative: f64,
    truth: String,
}

#[derive(Debug, Serialize)]
struct ClaimReport {
    by: String,
    comparison: Comparison,
    truncation: Truncation,
    schedule: Schedule,
    /// As a formula of the row length n.
    rounds: Option<String>,
    /// As a formula of the number of rows r and their length n.
    bits: Option<String>,
    holds: bool,
    remark: String,
}

impl CardReport {
    /// The card as data.
    #[must_use]
    pub fn new(card: &Card) -> Self {
        let domain = card.interval.at(ROW_LENGTH);
        let error = card.error;
        Self {
            name: card.name.clone(),
            function: card.function.to_string(),
            summary: card.summary.clone(),
            source: card.source.clone(),
            reading: card.reading.to_string(),
            is_ours: card.reading == Reading::Ours,
            domain: DomainReport {
                low: domain.low,
                high: domain.high,
                of: domain.of.into_owned(),
                row_length: ROW_LENGTH,
            },
            error: ErrorReport { absolute: error.absolute, relative: error.relative, truth: error.truth.to_string() },
            claims: card.claims.iter().map(ClaimReport::new).collect(),
            fails: card
                .fails
                .iter()
                .map(|failing| FailingReport { quality: failing.quality.to_string(), why: failing.why.clone() })
                .collect(),
            known: card.known.clone(),
        }
    }

    /// A few lines in a list.
    #[must_use]
    pub fn entry(&self) -> String {
        const INDENT: &str = "    ";
        let (domain, error) = (self.domain(), self.error());
        let source = if self.is_ours { self.source.clone() } else { format!("{}: {}", self.reading, self.source) };
        let facts = format!("{} in {domain}, error at most {error}; {source}", self.domain.of);
        let fails: String = self.fails.iter().map(|failing| hanging(INDENT, &failing.text())).collect();
        hanging("", &format!("{}: {}", self.name, self.summary)) + &hanging(INDENT, &facts) + &fails
    }

    /// The interval on which it works.
    #[must_use]
    pub fn domain(&self) -> String {
        format!("[{}, {}]", number(self.domain.low), number(self.domain.high))
    }

    /// The bound of its error.
    #[must_use]
    pub fn error(&self) -> String {
        match (self.error.absolute, self.error.relative) {
            (0.0, 0.0) => "0".to_owned(),
            (absolute, 0.0) => number(absolute),
            (0.0, relative) => format!("{} |truth|", number(relative)),
            (absolute, relative) => format!("{} + {} |truth|", number(absolute), number(relative)),
        }
    }

    /// The whole card, for reading.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = hanging("", &format!("{}: {}", self.name, self.summary)) + "\n";
        let mut field = |label: &str, value: &str| text.push_str(&hanging(&format!("{label:<9}"), value));
        field("computes", &self.function);
        field("source", &self.source);
        field("reading", &self.reading);
        field("domain", &format!("{} in {} (rows of {})", self.domain.of, self.domain(), self.domain.row_length));
        field(
            "error",
            &format!("at most {} in the domain, before rounding; truth: {}", self.error(), self.error.truth),
        );
        self.fails.iter().for_each(|failing| text.push_str(&hanging("", &failing.text())));
        text.push_str("\nclaimed cost (messages between computing parties; r rows of n elements, m = ceil(log2 n))\n");
        for claim in &self.claims {
            text.push_str(&claim.text());
        }
        if !self.known.is_empty() {
            text.push_str("\nknown\n");
            self.known.iter().for_each(|known| text.push_str(&hanging("  - ", known)));
        }
        text
    }
}

impl FailingReport {
    fn text(&self) -> String {
        format!("not {}: {}", self.quality, self.why)
    }
}

impl ClaimReport {
    fn new(claim: &CostClaim) -> Self {
        let CostClaim { by, setting, rounds, bits, holds, remark } = claim;
        Self {
            by: by.clone(),
            comparison: setting.comparison,
            truncation: setting.truncation,
            schedule: setting.schedule,
            rounds: rounds.as_ref().map(rounds_formula),
            bits: bits.as_ref().map(bits_formula),
            holds: *holds,
            remark: remark.clone(),
        }
    }

    fn text(&self) -> String {
        let verdict = if self.holds { "holds" } else { "does not hold" };
        let rounds = self.rounds.iter().map(|rounds| format!("{rounds} rounds"));
        let bits = self.bits.iter().map(|bits| format!("{bits} bit"));
        let stated: Vec<String> = rounds.chain(bits).collect();
        let stated = if stated.is_empty() { "nothing".to_owned() } else { stated.join(", ") };
        let (comparison, truncation) = (name_of(&self.comparison), name_of(&self.truncation));
        let schedule = name_of(&self.schedule);
        let mut text = hanging("  - ", &format!("{}: {stated}; {verdict}", self.by));
        let setting = format!("comparison {comparison}, truncation {truncation}, schedule {schedule}");
        text.push_str(&hanging("    ", &setting));
        text.push_str(&hanging("    ", &self.remark));
        text
    }
}

/// The name that a suite's file uses for a choice.
pub fn name_of(choice: &impl Serialize) -> String {
    serde_json::to_string(choice).unwrap_or_default().trim_matches('"').to_owned()
}

fn rounds_formula(rounds: &Rounds) -> String {
    match rounds {
        Rounds::Linear { fixed, per_halving: 0 } => fixed.to_string(),
        Rounds::Linear { fixed, per_halving } => format!("{fixed} + {per_halving} m"),
        Rounds::OfRow { formula, .. } => formula.clone(),
    }
}

fn bits_formula(bits: &Bits) -> String {
    let (per_element, per_row, per_column) = match bits {
        &Bits::Linear { per_element, per_row, per_column } => (per_element, per_row, per_column),
        Bits::OfRow { formula, .. } => return format!("r ({formula})"),
    };
    let mut formula = String::new();
    for (coefficient, unit) in [(per_element, "r n"), (per_row, "r"), (per_column, "n")] {
        if coefficient == 0 {
            continue;
        }
        let sign = match (formula.is_empty(), coefficient < 0) {
            (true, false) => "",
            (true, true) => "-",
            (false, false) => " + ",
            (false, true) => " - ",
        };
        let _ = write!(formula, "{sign}{} {unit}", coefficient.unsigned_abs());
    }
    if formula.is_empty() { "0".to_owned() } else { formula }
}

/// A number without needless digits.
fn number(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 || (1e-2..1e6).contains(&size) { format!("{number}") } else { format!("{number:e}") }
}

/// A text wrapped to lines whose continuations stand under its start.
pub(crate) fn hanging(label: &str, text: &str) -> String {
    let (mut lines, mut line) = (String::new(), label.to_owned());
    let indent = " ".repeat(label.len());
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > usize::from(LINE_WIDTH) && line.len() > indent.len() {
            lines.push_str(line.trim_end());
            lines.push('\n');
            line.clone_from(&indent);
        }
        if line.len() > indent.len() && !line.ends_with(' ') {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push_str(line.trim_end());
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::nonlinear::{self, PerRow};

    #[test]
    fn every_card_says_all_that_is_known() {
        for protocol in nonlinear::Registry::built_in() {
            let text = CardReport::new(&protocol.card).text();
            let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for known in &protocol.card.known {
                assert!(joined.contains(&known.split_whitespace().collect::<Vec<_>>().join(" ")), "{text}");
            }
            assert!(text.lines().all(|line| line.chars().count() <= usize::from(LINE_WIDTH)), "{text}");
        }
    }

    #[test]
    fn formulas_read_like_those_of_papers() {
        assert_eq!(bits_formula(&Bits::Linear { per_element: 384, per_row: 3456, per_column: 0 }), "384 r n + 3456 r");
        assert_eq!(bits_formula(&Bits::Linear { per_element: 2, per_row: -2, per_column: 64 }), "2 r n - 2 r + 64 n");
        assert_eq!(bits_formula(&Bits::per_element(0)), "0");
        assert_eq!(rounds_formula(&Rounds::Linear { fixed: 2, per_halving: 9 }), "2 + 9 m");
        let of_row = Bits::OfRow { at: PerRow::of(|n| 2 * n as i64), formula: "2 n".to_owned() };
        assert_eq!(bits_formula(&of_row), "r (2 n)");
        assert_eq!(rounds_formula(&Rounds::OfRow { at: PerRow::of(|n| n as u64), formula: "n".to_owned() }), "n");
        assert_eq!([0.0, 1e-12, 1.06e-3, 0.031, -256.0, 1e12].map(number).join(" "), "0 1e-12 1.06e-3 0.031 -256 1e12");
    }
}
