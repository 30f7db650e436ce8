//! The error of a protocol of rows, in words and a table.

use super::table::TextTable;
use super::units;
use viewless_proofs::audit::ClaimVerdict;
use viewless_proofs::audit::rows::{Method, NotCovered, RowDiagnosis, RowReport};
use viewless_protocols::suite::Suite;

/// The readable page.
#[must_use]
pub fn text(report: &RowReport, suite: &Suite) -> String {
    let RowReport { protocol, row_length, range, claim, .. } = report;
    let unbounded = || "unbounded".to_owned();
    let mut table = TextTable::of_numbers(&["", "error", "units"]);
    let unit = report.certified_max_error.zip(report.certified_max_error_ulp);
    let ulp = |error: f64, written: fn(f64, usize) -> String| match unit {
        Some((certified, ulp)) if certified > 0.0 => written(error / certified * ulp, 2),
        _ if error == 0.0 => "0.00".to_owned(),
        _ => "-".to_owned(),
    };
    let mut line = |what: &str, error: Option<f64>, is_bound: bool| {
        let figures = error.map_or_else(
            || (unbounded(), "-".to_owned()),
            |error| match is_bound {
                true => (units::at_most(error, 4), ulp(error, units::decimals_at_most)),
                false => (units::at_least(error, 4), ulp(error, units::decimals_at_least)),
            },
        );
        table.row([what.to_owned(), figures.0, figures.1]);
    };
    line("certified, every run on every covered row", report.certified_max_error, true);
    let on_row = report.certified_on_worst_row;
    line("certified, every run on the worst row found", on_row.is_finite().then_some(on_row), true);
    line("observed, runs on that row", Some(report.observed_on_worst_row), false);
    for kind in &report.observed_by_kind {
        line(&format!("observed, worst of {} rows, {}", kind.rows, kind.kind), Some(kind.observed_error), false);
    }
    line("of the circuit over the reals, certified on every covered row", report.approximation_max_error, true);
    let of_claim = report.approximation_of_claim.map_or_else(unbounded, |part| units::decimals_at_most(part, 3));
    let mut text = format!(
        "{protocol}, suite {}: rows of {row_length} in [{}, {}], against {}\n\n{}\n\
         claim      |y - {}| <= {} + {} |truth|, {} in [{}, {}], over the reals: {} (at least {}, at most {of_claim} of it used)\n",
        suite.name,
        range.0,
        range.1,
        report.reference,
        table.lines(),
        claim.truth,
        claim.absolute,
        claim.relative,
        report.domain_of,
        claim.domain.0,
        claim.domain.1,
        match report.verdict {
            ClaimVerdict::Holds => "holds",
            ClaimVerdict::Exceeds => "exceeded",
            ClaimVerdict::Undecided => "undecided",
            ClaimVerdict::NotCovered => "not covered",
        },
        units::decimals_at_least(report.refuting_of_claim, 3),
    );
    text += &method(report);
    if let Some((low, high)) = report.row_sums {
        let (low, high) = (units::real(low), units::real(high));
        text += &format!("domain     rows whose sum, of the truth's summands, is in [{low}, {high}]\n");
    }
    text += &covered(report);
    if let Some(certified) = report.certified_max_error {
        text += &format!(
            "bracket    runs reach {}, no run exceeds {}\n",
            units::at_least(report.observed_max_error, 4),
            units::at_most(certified, 4)
        );
    }
    if let Some(ratio) = report.ratio {
        text += &format!("           certified {ratio:.2} times the worst row found\n");
    }
    text += &format!(
        "search     {} rows bounded, {} outside the claim, {} without a bound\n\
         time       {:.2} s certified, {:.2} s searched and run\n",
        report.rows, report.rows_outside, report.rows_unbounded, report.seconds_certified, report.seconds_searched
    );
    text
}

/// How the rows were bounded.
fn method(report: &RowReport) -> String {
    match (report.method, &report.not_reduced) {
        (Method::Exact, _) => "method     the output is an element of the row, exactly\n".to_owned(),
        (Method::RowsReduced, _) => format!("method     rows reduced to three numbers, {} cells\n", report.cells),
        (Method::Level, _) => {
            "method     the output is a level of the row, less than two steps below its largest element\n".to_owned()
        }
        (Method::Box, why) => format!(
            "method     a box, every element by itself, because the circuit is not reduced: {}\n",
            why.as_deref().unwrap_or("no reason")
        ),
    }
}

/// The domain for which the certified figures hold, claim by claim, and the rows that are not in it.
fn covered(report: &RowReport) -> String {
    let mut text = String::new();
    for claim in &report.covered {
        let (low, high) = claim.claimed;
        let whose = if claim.of_card { "of the card" } else { "of a part" };
        let reach = if claim.is_kept {
            String::new()
        } else {
            format!("; rows reach [{}, {}]", units::real(claim.reach.0), units::real(claim.reach.1))
        };
        text +=
            &format!("covers     {} in [{low}, {high}], {whose}, {}{reach}\n", claim.subject.words(), claim.protocol);
    }
    let mut left = |what: &str, rows: &Option<NotCovered>| {
        if let Some(NotCovered { rows, observed_error, .. }) = rows {
            let error = units::at_least(*observed_error, 4);
            text += &format!("{what} {rows} of the rows tried; the worst errs by {error} in a run\n");
        }
    };
    left("NOT COVERED, though the card claims them:", &report.not_covered);
    left("not covered, and nothing claimed by the card:", &report.outside_card);
    text
}

/// What fails beyond the rows for which a claim is proved; `place` is that of the operation that leaves the headroom.
#[must_use]
pub fn fails(diagnosis: &RowDiagnosis, place: Option<String>) -> String {
    let RowDiagnosis { failing_row, operation, of_claim, part, not_reduced, .. } = diagnosis;
    let row = failing_row.as_deref().map_or_else(String::new, shown);
    match (operation, of_claim, part) {
        (Some(operation), ..) => format!(
            "on the row {row} {} {}",
            place.unwrap_or_else(|| operation.name.clone()),
            super::audit::leaves(operation)
        ),
        (None, Some(part), _) => format!(
            "on the row {row} it errs over the reals by {} times what is claimed, and no operation leaves the headroom",
            units::decimals_at_least(*part, 3)
        ),
        (None, None, Some(claim)) => format!(
            "on the row {row} {} claims {} in [{}, {}], which rows leave as far as [{}, {}]",
            claim.protocol,
            claim.subject.words(),
            units::real(claim.claimed.0),
            units::real(claim.claimed.1),
            units::real(claim.reach.0),
            units::real(claim.reach.1)
        ),
        (None, None, None) => {
            let why = not_reduced.as_deref().map_or_else(String::new, |why| format!(": {why}"));
            format!("no row was found that fails, and beyond that no bound is known that is good enough{why}")
        }
    }
}

/// A row, shortened: equal neighbours once, and the first few of them.
fn shown(row: &[f64]) -> String {
    const MOST: usize = 4;
    let runs: Vec<&[f64]> = row.chunk_by(|a, b| a == b).collect();
    let one = |run: &&[f64]| match run.len() {
        1 => units::real(run[0]),
        count => format!("{} ({count} times)", units::real(run[0])),
    };
    let first = runs.iter().take(MOST).map(one).collect::<Vec<_>>().join(", ");
    format!("[{first}{}]", if runs.len() > MOST { ", ..." } else { "" })
}
