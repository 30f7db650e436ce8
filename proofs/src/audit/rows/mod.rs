//! Functions of a row: a bracket around the largest error, observed <= found <= certified.
//!
//! - **certified** ([`RowReport::certified_max_error`]): no run that does not wrap errs by more, on any row of this length whose
//!   elements are in the range and whose plaintext keeps the claimed domains. A theorem; the mathematics is at the top of `bracket.rs`, and of
//!   `truth.rs`, `curve.rs`, `scale.rs` and [`reduce`](crate::bound::reduce) for its parts.
//! - **found** ([`RowReport::certified_on_worst_row`]): no run on one concrete row errs by more; the row is the worst of a search,
//!   which starts also from where the theorem's bound is attained.
//! - **observed** ([`RowReport::observed_max_error`]): real runs on simple rows of every kind, and on what is made worse from them.
//!
//! The verdict is about the claim of the card, over the reals: it *holds* when the certified error is within it, it is *exceeded* when
//! a row is found that errs by more for certain, and else it is undecided. It is *not covered* where the claim holds on all rows that the theorem
//! is about, but these are not all rows of the card's domain, or not all of a range that was asked for: [`RowReport::covered`] lists every claim on
//! the way.

mod bracket;
mod certify;
mod coverage;
mod curve;
mod diagnosis;
mod family;
mod judge;
mod levels;
mod scale;
mod search;
mod span;
mod truth;

#[cfg(test)]
mod tests;

use super::{AuditError, Claim, ClaimVerdict, Question};
use judge::{Judge, Runner};
use search::Draw;
use serde::{Deserialize, Serialize};
use std::time::Instant;
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Owner};
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::nonlinear::Protocol;

#[cfg(test)]
pub(super) use coverage::of_card;
pub use coverage::{ClaimSubject, CoveredClaim, NotCovered};
pub use diagnosis::{RowDiagnosis, diagnose_rows, is_certified};
pub use family::RowKind;

/// Bits of the reference of one row: rows have errors far above 2^-100.
const BITS: u32 = 128;

/// What is known about a protocol of rows. Errors are absolute, the largest of the row's elements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowReport {
    /// Name of the protocol.
    pub protocol: String,
    /// Elements of a row.
    pub row_length: usize,
    /// Interval of the elements.
    pub range: (f64, f64),
    /// The truth and its precision.
    pub reference: String,
    /// The card's claim; its domain is that of the quantity that the card names.
    pub claim: Claim,
    /// The quantity that must be in the claim's domain.
    pub domain_of: String,
    /// How the rows were bounded.
    pub method: Method,
    /// Why not by reduction, where it is so.
    pub not_reduced: Option<String>,
    /// Smallest and largest sum of a row, of the truth's summands, for which the certified figures hold; `None` where there is no sum.
    pub row_sums: Option<(f64, f64)>,
    /// Every claim that restricts the rows of the certified figures, the card's own first: their intersection is the domain of the certificate.
    pub covered: Vec<CoveredClaim>,
    /// Rows that keep the card's claims and leave those of a part: no figure is about them.
    pub not_covered: Option<NotCovered>,
    /// Rows of the range for which the card claims nothing.
    pub outside_card: Option<NotCovered>,
    /// No run that does not wrap errs by more, on any covered row. `None` when there is no finite bound.
    pub certified_max_error: Option<f64>,
    /// The same in units in the last place.
    pub certified_max_error_ulp: Option<f64>,
    /// Largest error of the circuit over the reals on any row, certified.
    pub approximation_max_error: Option<f64>,
    /// The same as a part of the claim: the claim is true where this is at most 1.
    pub approximation_of_claim: Option<f64>,
    /// The certified error over that of the worst row found: 1 where nothing is lost.
    pub ratio: Option<f64>,
    /// Rows that were bounded one by one.
    pub rows: u64,
    /// Rows left out, because the protocol claims nothing for them.
    pub rows_outside: u64,
    /// Rows on which a number can leave the headroom.
    pub rows_unbounded: u64,
    /// No run on the worst row found errs by more; infinite where a number may leave the headroom on every row that was run.
    pub certified_on_worst_row: f64,
    /// Largest error of real runs on that row.
    pub observed_on_worst_row: f64,
    /// Largest error that any run showed, on any covered row.
    pub observed_max_error: f64,
    /// The row of that.
    pub observed_row: Vec<f64>,
    /// The worst row of each kind that was run, the worst kind first.
    pub observed_by_kind: Vec<KindReport>,
    /// The row.
    pub worst_row: Vec<f64>,
    /// The circuit over the reals errs on some row by at least this part of the claim: beyond 1 the claim is false.
    pub refuting_of_claim: f64,
    /// The row of that.
    pub refuting_row: Vec<f64>,
    /// What follows for the claim.
    pub verdict: ClaimVerdict,
    /// Cells bounded.
    pub cells: u64,
    /// Time of the certified part.
    pub seconds_certified: f64,
    /// Time of search and runs.
    pub seconds_searched: f64,
}

/// The worst row of a kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KindReport {
    /// The kind.
    pub kind: RowKind,
    /// Covered rows of the kind that were run.
    pub rows: u64,
    /// The largest error that a run showed.
    pub observed_error: f64,
    /// The row of that.
    pub row: Vec<f64>,
}

/// What an audit of rows is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Bounding all rows at once.
    Certify,
    /// Running simple rows.
    Run,
    /// Bounding rows one by one.
    Bound,
}

impl Stage {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Certify => "bounding all rows",
            Self::Run => "running rows",
            Self::Bound => "bounding rows one by one",
        }
    }
}

/// Is told what is being done, how much of it is done, and of how much.
pub type Progress<'a> = &'a dyn Fn(Stage, usize, usize);

/// How all rows are bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The circuit gives back an element, whatever the row.
    Exact,
    /// To an element and two sums.
    RowsReduced,
    /// The circuit gives back a level of the row, less than two steps below its largest element.
    Level,
    /// All elements anywhere in the range, each by itself.
    Box,
}

/// Bounds and searches for the worst rows of `length` elements in `range`, which a question's domain may replace.
///
/// # Errors
/// [`AuditError`] says what to change.
pub fn audit_rows(question: &Question<'_>, length: usize, range: (f64, f64)) -> Result<RowReport, AuditError> {
    audit_rows_with_progress(question, length, range, &|_, _, _| {})
}

/// As [`audit_rows`], telling what is being done.
///
/// # Errors
/// [`AuditError`] says what to change.
pub fn audit_rows_with_progress(
    question: &Question<'_>,
    length: usize,
    range: (f64, f64),
    progress: Progress<'_>,
) -> Result<RowReport, AuditError> {
    let (low, high) = question.domain.unwrap_or(range);
    let elements = super::cell(low, high, question.fixed)?;
    let unit = power_of_two(-i32::from(question.fixed.fraction_bits()));

    let card = &question.protocol.card;
    let started = Instant::now();
    progress(Stage::Certify, 0, 1);
    let judge = Judge::new(question, length)?;
    let certified = certify::certify(judge.ring().tape(), question, length, elements)?;
    let seconds_certified = started.elapsed().as_secs_f64();
    progress(Stage::Certify, 1, 1);

    let started = Instant::now();
    let draw = Draw { low: elements.low as f64 * unit, high: elements.high as f64 * unit, unit, length };
    let mut runner = Runner::new(&judge, question, length)?;
    let ran = judge.run_rows(&mut runner, &draw, question.seed, &certified.candidates, progress)?;
    let mut candidates = certified.candidates.clone();
    candidates.extend(ran.worst.values().map(|(_, row)| row.clone()));
    let is_box = certified.method == Method::Box;
    let (found, tally) = judge.search(&draw, question.seed, candidates, certified.error, is_box, progress);
    let no_row = || AuditError::NoRow { name: card.name.to_owned(), length, low, high };
    let found = found.or_else(|| diagnosis::unbounded(&judge, &draw)).ok_or_else(no_row)?;
    // Both are theorems about the row.
    let on_row = found.error.min(certified.error);
    let observed = judge.run(question, &found.row)?;
    let beyond = |observed: f64, certified: f64, row: &[f64]| {
        // The truth of the search is in f64.
        if observed <= certified * (1.0 + 1e-9) + 1e-11 {
            return Ok(());
        }
        Err(AuditError::BeyondCertified { corrupted: 1, certified, observed, at: row[0], wraps: 0 })
    };
    beyond(observed, on_row, &found.row)?;
    let (mut observed_max_error, mut observed_row) = (observed, found.row.clone());
    if let Some((_, error, row)) = ran.largest() {
        // Once more, many times: runs on one row differ by what truncations do.
        let error = error.max(judge.run(question, row)?);
        beyond(error, certified.error, row)?;
        if error > observed_max_error {
            (observed_max_error, observed_row) = (error, row.clone());
        }
    }
    let verdict = verdict(question, &certified, &ran, tally.of_claim);
    let finite = |bound: f64| bound.is_finite().then_some(bound);
    let claimed = card.interval.at(length);
    let observed_by_kind = ran.report();
    Ok(RowReport {
        protocol: question.protocol.title(),
        row_length: length,
        range: (low, high),
        reference: format!("{}, {BITS}-bit", card.error.truth),
        claim: Claim {
            absolute: card.error.absolute,
            relative: card.error.relative,
            truth: card.error.truth.to_string(),
            domain: (claimed.low, claimed.high),
        },
        domain_of: claimed.of.to_string(),
        method: certified.method,
        not_reduced: certified.not_reduced,
        row_sums: certified.sums,
        covered: certified.covered,
        not_covered: ran.leaves_part,
        outside_card: ran.leaves_card,
        certified_max_error: finite(certified.error),
        certified_max_error_ulp: finite(certified.error / unit),
        approximation_max_error: finite(certified.approximation),
        approximation_of_claim: finite(certified.of_claim),
        ratio: if certified.error == on_row { finite(on_row).map(|_| 1.0) } else { finite(certified.error / on_row) },
        rows: tally.bounded,
        rows_outside: tally.outside,
        rows_unbounded: tally.unbounded,
        certified_on_worst_row: on_row,
        observed_on_worst_row: observed,
        worst_row: found.row,
        observed_max_error,
        observed_row,
        observed_by_kind,
        refuting_of_claim: tally.of_claim,
        refuting_row: tally.of_claim_row,
        verdict,
        cells: certified.cells,
        seconds_certified,
        seconds_searched: started.elapsed().as_secs_f64(),
    })
}

/// What follows for the claim, where rows err over the reals by at least `refuting` of it.
fn verdict(question: &Question<'_>, certified: &certify::Certified, ran: &search::Ran, refuting: f64) -> ClaimVerdict {
    if refuting > 1.0 {
        return ClaimVerdict::Exceeds;
    }
    if !is_bounded(certified) {
        return ClaimVerdict::Undecided;
    }
    let is_reduced = matches!(certified.method, Method::RowsReduced | Method::Level);
    let is_covered = is_kept(question, certified) && (!is_reduced || ran.leaves_part.is_none());
    if is_covered { ClaimVerdict::Holds } else { ClaimVerdict::NotCovered }
}

/// Whether the claim is true of the rows that the theorem is about, and every run on them has a bound.
fn is_bounded(certified: &certify::Certified) -> bool {
    certified.of_claim <= 1.0 && certified.error.is_finite()
}

/// The same of all rows for which the card claims something, or of all in a range that was asked for.
fn is_kept(question: &Question<'_>, certified: &certify::Certified) -> bool {
    // A box is about all rows, whatever is claimed of them.
    let is_about = |claim: &CoveredClaim| claim.is_kept || claim.of_card && question.domain.is_none();
    is_bounded(certified) && certified.covered.iter().all(is_about)
}

/// The certified part alone: no run that does not wrap errs by more, on any row of `length` elements in `range` whose plaintext keeps the
/// claimed domains. `None` when there is no finite bound.
///
/// # Errors
/// [`AuditError`] says what to change.
pub fn certified_max_error(
    question: &Question<'_>,
    length: usize,
    range: (f64, f64),
) -> Result<Option<f64>, AuditError> {
    let (low, high) = question.domain.unwrap_or(range);
    let elements = super::cell(low, high, question.fixed)?;
    let judge = Judge::new(question, length)?;
    let certified = certify::certify(judge.ring().tape(), question, length, elements)?;
    Ok(certified.error.is_finite().then_some(certified.error))
}

/// Added to the variance, as in BERT.
const EPSILON: f64 = 1e-12;

fn circuit(protocol: &Protocol, rows: usize, length: usize) -> Result<CheckedCircuit, AuditError> {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [rows, length]);
    let y = protocol.build_alone(&mut c, x, EPSILON);
    c.reveal(y, "y");
    Ok(c.finish()?)
}
