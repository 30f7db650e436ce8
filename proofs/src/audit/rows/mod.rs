//! Functions of a row: a bracket around the largest error, observed <= found <= certified.
//!
//! - **certified** ([`RowReport::certified_max_error`]): no run that does not wrap errs by more, on any row of this length whose
//!   elements are in the range and whose plaintext keeps the claimed domains. A theorem; the mathematics is at the top of `bracket.rs`, and of
//!   `truth.rs`, `curve.rs`, `scale.rs` and [`reduce`](crate::bound::reduce) for its parts.
//! - **found** ([`RowReport::certified_on_worst_row`]): no run on one concrete row errs by more; the row is the worst of a search,
//!   which starts also from where the theorem's bound is attained.
//! - **observed** ([`RowReport::observed_on_worst_row`]): real runs on that row.
//!
//! The verdict is about the claim of the card, over the reals: it *holds* when the certified error is within it, it is *exceeded* when
//! a row is found that errs by more for certain, and else it is undecided.

mod bracket;
mod certify;
mod curve;
mod scale;
mod search;
mod span;
mod truth;

#[cfg(test)]
mod tests;

use super::{AuditError, Claim, ClaimVerdict, Question};
use search::{Draw, Judge};
use serde::{Deserialize, Serialize};
use std::time::Instant;
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Owner};
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::nonlinear::{self, Protocol};

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
    /// No run that does not wrap errs by more, on any row. `None` when there is no finite bound.
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
    /// No run on the worst row found errs by more.
    pub certified_on_worst_row: f64,
    /// Largest error of real runs on that row.
    pub observed_on_worst_row: f64,
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

/// How all rows are bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The circuit gives back an element, whatever the row.
    Exact,
    /// To an element and two sums.
    RowsReduced,
    /// All elements anywhere in the range, each by itself.
    Box,
}

/// Bounds and searches for the worst rows of `length` elements in `range`, which a question's domain may replace.
///
/// # Errors
/// [`AuditError`] says what to change.
pub fn audit_rows(question: &Question<'_>, length: usize, range: (f64, f64)) -> Result<RowReport, AuditError> {
    let unknown = || AuditError::UnknownProtocol { name: question.protocol.to_owned() };
    audit_rows_of(nonlinear::Registry::built_in().get(question.protocol).ok_or_else(unknown)?, question, length, range)
}

/// As [`audit_rows`], of any protocol, in the registry or not.
///
/// # Errors
/// [`AuditError`] says what to change.
pub fn audit_rows_of(
    protocol: &Protocol,
    question: &Question<'_>,
    length: usize,
    range: (f64, f64),
) -> Result<RowReport, AuditError> {
    let (low, high) = question.domain.unwrap_or(range);
    let elements = super::cell(low, high, question.fixed)?;
    let unit = power_of_two(-i32::from(question.fixed.fraction_bits));

    let started = Instant::now();
    let judge = Judge::new(protocol, question, length)?;
    let certified = certify::certify(protocol, judge.ring().tape(), question, length, elements)?;
    let seconds_certified = started.elapsed().as_secs_f64();

    let started = Instant::now();
    let draw = Draw { low: elements.low as f64 * unit, high: elements.high as f64 * unit, unit, length };
    let (found, tally) = judge.search(&draw, question.seed, certified.candidates, certified.error);
    let found = found.ok_or(AuditError::NoRow { name: protocol.card.name.to_owned(), length, low, high })?;
    // Both are theorems about the row.
    let on_row = found.error.min(certified.error);
    let observed = judge.run(question, &found.row)?;
    if observed > on_row {
        return Err(AuditError::BeyondCertified {
            corrupted: 1,
            certified: on_row,
            observed,
            at: found.row[0],
            wraps: 0,
        });
    }
    let finite = |bound: f64| bound.is_finite().then_some(bound);
    let verdict = if tally.of_claim > 1.0 {
        ClaimVerdict::Exceeds
    } else if certified.of_claim <= 1.0 && certified.error.is_finite() {
        ClaimVerdict::Holds
    } else {
        ClaimVerdict::Undecided
    };
    let (card, claimed) = (&protocol.card, protocol.card.interval.at(length));
    Ok(RowReport {
        protocol: card.name.to_owned(),
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
        certified_max_error: finite(certified.error),
        certified_max_error_ulp: finite(certified.error / unit),
        approximation_max_error: finite(certified.approximation),
        approximation_of_claim: finite(certified.of_claim),
        ratio: if certified.error == on_row { Some(1.0) } else { finite(certified.error / on_row) },
        rows: tally.bounded,
        rows_outside: tally.outside,
        rows_unbounded: tally.unbounded,
        certified_on_worst_row: on_row,
        observed_on_worst_row: observed,
        worst_row: found.row,
        refuting_of_claim: tally.of_claim,
        refuting_row: tally.of_claim_row,
        verdict,
        cells: certified.cells,
        seconds_certified,
        seconds_searched: started.elapsed().as_secs_f64(),
    })
}

/// The certified part alone: no run that does not wrap errs by more, on any row of `length` elements in `range` whose plaintext keeps the
/// claimed domains. `None` when there is no finite bound.
///
/// # Errors
/// [`AuditError`] says what to change.
pub fn certified_max_error(
    protocol: &Protocol,
    question: &Question<'_>,
    length: usize,
    range: (f64, f64),
) -> Result<Option<f64>, AuditError> {
    let (low, high) = question.domain.unwrap_or(range);
    let elements = super::cell(low, high, question.fixed)?;
    let judge = Judge::new(protocol, question, length)?;
    let certified = certify::certify(protocol, judge.ring().tape(), question, length, elements)?;
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
