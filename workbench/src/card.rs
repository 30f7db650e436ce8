//! A protocol's card as data.

use serde::Serialize;
use std::fmt::Write;
use viewless_protocols::nonlinear::{Bits, Card, CostClaim, Reading, Registry, Rounds};
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
    pub is_ours: bool,
    /// The interval on which it works.
    pub domain: DomainReport,
    /// The bound of its error.
    pub error: ErrorReport,
    /// What papers and code say of its cost.
    pub claims: Vec<ClaimReport>,
    /// Qualities that it lacks.
    pub fails: Vec<FailingReport>,
    /// What else is known of it.
    pub known: Vec<String>,
}

/// A quality that a protocol lacks, and why.
#[derive(Debug, Serialize)]
pub struct FailingReport {
    /// The quality.
    pub quality: String,
    /// Why.
    pub why: String,
}

/// The interval on which a protocol works.
#[derive(Debug, Serialize)]
pub struct DomainReport {
    /// Least number.
    pub low: f64,
    /// Largest number.
    pub high: f64,
    /// Of what.
    pub of: String,
    /// Elements of a row for which it is shown: some domains depend on it.
    pub row_length: usize,
}

/// The bound of a protocol's error over the reals: absolute + relative |truth|.
#[derive(Debug, Serialize)]
pub struct ErrorReport {
    /// The part that is the same everywhere.
    pub absolute: f64,
    /// The part that grows with the truth.
    pub relative: f64,
    /// The exact function.
    pub truth: String,
}

/// What a paper or its code says of the cost.
#[derive(Debug, Serialize)]
pub struct ClaimReport {
    /// Who says so.
    pub by: String,
    /// The comparison that it supposes.
    pub comparison: Comparison,
    /// The truncation that it supposes.
    pub truncation: Truncation,
    /// How it forms rounds.
    pub schedule: Schedule,
    /// As a formula of the row length n.
    pub rounds: Option<String>,
    /// As a formula of the number of rows r and their length n.
    pub bits: Option<String>,
    /// Whether it is what is counted.
    pub holds: bool,
    /// Why, or why not.
    pub remark: String,
}

impl CardReport {
    /// The cards of all protocols of a registry.
    #[must_use]
    pub fn all(registry: &Registry) -> Vec<Self> {
        registry.iter().map(|protocol| Self::new(&protocol.card)).collect()
    }

    /// The card as data.
    #[must_use]
    pub fn new(card: &Card) -> Self {
        let domain = card.interval.at(ROW_LENGTH);
        let error = card.error;
        Self {
            name: card.name.to_string(),
            function: card.function.to_string(),
            summary: card.summary.to_string(),
            source: card.source.to_string(),
            reading: card.reading.to_string(),
            is_ours: card.reading == Reading::Ours,
            domain: DomainReport {
                low: domain.low,
                high: domain.high,
                of: domain.of.to_string(),
                row_length: ROW_LENGTH,
            },
            error: ErrorReport { absolute: error.absolute, relative: error.relative, truth: error.truth.to_string() },
            claims: card.claims.iter().map(ClaimReport::new).collect(),
            fails: card
                .fails
                .iter()
                .map(|failing| FailingReport { quality: failing.quality.to_string(), why: failing.why.to_string() })
                .collect(),
            known: card.known.iter().map(ToString::to_string).collect(),
        }
    }
}

impl ClaimReport {
    fn new(claim: &CostClaim) -> Self {
        let CostClaim { by, setting, rounds, bits, holds, remark } = claim;
        Self {
            by: by.to_string(),
            comparison: setting.comparison,
            truncation: setting.truncation,
            schedule: setting.schedule,
            rounds: rounds.as_ref().map(rounds_formula),
            bits: bits.as_ref().map(bits_formula),
            holds: *holds,
            remark: remark.to_string(),
        }
    }
}

/// The name that a suite's file uses for a choice.
#[must_use]
pub fn name_of(choice: &impl Serialize) -> String {
    serde_json::to_string(choice).unwrap_or_default().trim_matches('"').to_owned()
}

fn rounds_formula(rounds: &Rounds) -> String {
    match rounds {
        Rounds::Linear { fixed, per_halving: 0 } => fixed.to_string(),
        Rounds::Linear { fixed, per_halving } => format!("{fixed} + {per_halving} m"),
        Rounds::OfRow { formula, .. } => formula.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::nonlinear::PerRow;

    #[test]
    fn formulas_read_like_those_of_papers() {
        assert_eq!(bits_formula(&Bits::Linear { per_element: 384, per_row: 3456, per_column: 0 }), "384 r n + 3456 r");
        assert_eq!(bits_formula(&Bits::Linear { per_element: 2, per_row: -2, per_column: 64 }), "2 r n - 2 r + 64 n");
        assert_eq!(bits_formula(&Bits::per_element(0)), "0");
        assert_eq!(rounds_formula(&Rounds::Linear { fixed: 2, per_halving: 9 }), "2 + 9 m");
        let of_row = Bits::OfRow { at: PerRow::of(|n| 2 * n as i64), formula: "2 n".to_owned() };
        assert_eq!(bits_formula(&of_row), "r (2 n)");
        assert_eq!(rounds_formula(&Rounds::OfRow { at: PerRow::of(|n| n as u64), formula: "n".to_owned() }), "n");
    }
}
