//! Why a claim about rows is not shown to be true: the largest range of elements and the longest rows for which it is, and what fails beyond.
//!
//! Ranges are shrunk towards a number around which the claim is certified, until they are certified; then either end is moved outwards
//! as far as that lasts. What fails beyond is one of three things, in this order: an operation leaves the headroom on a row, which is shrunk until it
//! just does; the circuit over the reals errs by more than is claimed; or a row
//! leaves the domain of a part.

use super::coverage::CoveredClaim;
use super::family::{family, thinned};
use super::judge::{Judge, Judged, Position};
use super::search::Draw;
use super::{Method, RowReport, certify, circuit, is_kept};
use crate::audit::diagnosis::{Operation, leaving};
use crate::audit::{AuditError, Question};
use crate::bound::{Cell, Left};
use serde::Serialize;
use viewless_protocols::fixed::power_of_two;

/// Halvings of a range, and then of what may be added at either end.
const HALVINGS: u32 = 6;
/// Numbers around which a beginning is sought, beside the one nearest to zero.
const BEGINNINGS: i64 = 16;
/// Simple rows that are tried for one that leaves the headroom.
const ROWS: usize = 256;
/// Multiples of such a row that are tried together, and how often.
const SCALES: i32 = 64;
const ROUNDS: u32 = 4;

/// For which rows a claim is proved, and what fails beyond.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowDiagnosis {
    /// A range of elements for which the claim is proved, of all rows of the audit's length that keep the card's domain; as large as was found,
    /// absent where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds_on: Option<(f64, f64)>,
    /// The longest rows, of those tried by halves, for which it is proved on the whole range of the audit; absent where none are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_row: Option<usize>,
    /// A row that fails; absent where none was found, and the claim is neither proved nor refuted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_row: Option<Vec<f64>>,
    /// The operation whose result leaves the headroom on that row, or may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// The circuit over the reals errs on that row by at least so many times what is claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_claim: Option<f64>,
    /// The claim of a part that the row leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<CoveredClaim>,
    /// Why rows could not be bounded together, if they could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_reduced: Option<String>,
}

/// Whether the claim of a card is proved for all rows of `length` elements in `range` that keep the card's domain.
///
/// # Errors
/// [`AuditError`]: a protocol or range that cannot be audited.
pub fn is_certified(question: &Question<'_>, length: usize, range: (f64, f64)) -> Result<bool, AuditError> {
    holds(question, length, crate::audit::cell(range.0, range.1, question.fixed)?)
}

/// As [`is_certified`], in units. A range without a row in the domain proves nothing.
fn holds(question: &Question<'_>, length: usize, elements: Cell) -> Result<bool, AuditError> {
    Ok(all_that_hold(question, length, &[elements])?[0])
}

/// As [`holds`], of each of many ranges.
fn all_that_hold(question: &Question<'_>, length: usize, ranges: &[Cell]) -> Result<Vec<bool>, AuditError> {
    let judge = Judge::new(question, length)?;
    let certified = certify::certify_many(judge.ring().tape(), question, length, ranges)?;
    let holds = |certified: Result<certify::Certified, AuditError>| match certified {
        Ok(certified) => Ok(is_kept(question, &certified)),
        Err(AuditError::NoRow { .. }) => Ok(false),
        Err(error) => Err(error),
    };
    certified.into_iter().map(holds).collect()
}

/// Why the verdict of an audit of rows is not that the claim holds.
///
/// # Errors
/// [`AuditError`]: a protocol or range that cannot be audited.
pub fn diagnose_rows(question: &Question<'_>, report: &RowReport) -> Result<RowDiagnosis, AuditError> {
    let length = report.row_length;
    let unit = power_of_two(-i32::from(question.fixed.fraction_bits()));
    let range = crate::audit::cell(report.range.0, report.range.1, question.fixed)?;
    let at_once = if report.method == Method::Box { certify::RANGES_AT_ONCE } else { 1 };
    let largest = largest_range(range, at_once, &|ranges| all_that_hold(question, length, ranges))?;
    // Another length may be none for which the protocol can be built.
    let longest_row = last_that_holds(2, length, &|length| holds(question, length, range).unwrap_or(false));
    let real = |x: i64| x as f64 * unit;
    let mut found = RowDiagnosis {
        holds_on: largest.map(|cell| (real(cell.low), real(cell.high))),
        longest_row,
        failing_row: None,
        operation: None,
        of_claim: None,
        part: None,
        not_reduced: report.not_reduced.clone(),
    };
    let judge = Judge::new(question, length)?;
    let draw = Draw { low: report.range.0, high: report.range.1, unit, length };
    if let Some(row) = leaves_headroom(&judge, &draw) {
        let units = |scale: f64| -> Vec<f64> {
            judge
                .inputs(&row.iter().map(|x| x * scale).collect::<Vec<_>>())
                .iter()
                .map(|x| (x / unit).round())
                .collect()
        };
        found.operation = leaving(&circuit(question.protocol, 1, length)?, question, &units(1.0), &units(0.5))?;
        found.failing_row = Some(row);
    } else if report.refuting_of_claim > 1.0 {
        found.of_claim = Some(report.refuting_of_claim);
        found.failing_row = Some(report.refuting_row.clone());
    } else if let Some(left) = &report.not_covered {
        found.part = report.covered.iter().find(|claim| !claim.is_kept && !claim.of_card).cloned();
        found.failing_row = Some(left.row.clone());
    }
    Ok(found)
}

/// A simple row within the claims on which a number leaves the headroom, as small as that can be; where none is found, one on which it may.
fn leaves_headroom(judge: &Judge<'_>, draw: &Draw) -> Option<Vec<f64>> {
    let inside = |row: &Vec<f64>| judge.position(row) == Position::Inside;
    let rows: Vec<Vec<f64>> = thinned(family(draw), ROWS).into_iter().map(|(_, row)| row).filter(inside).collect();
    let left = judge.first_to_leave(&rows);
    let surely = left.iter().position(|left| left.is_some_and(|left| left.surely));
    let row = &rows[surely.or_else(|| left.iter().position(Option::is_some))?];
    let shrunk = |scale: f64| -> Vec<f64> { row.iter().map(|x| draw.fit(x * scale)).collect() };
    // The smallest of some multiples, evenly apart, that leaves it as surely; and again between that and the one below.
    let (mut within, mut outside) = (0.0, 1.0);
    for _ in 0..ROUNDS {
        let scales: Vec<f64> =
            (1..SCALES).map(|i| within + (outside - within) * f64::from(i) / f64::from(SCALES)).collect();
        let rows: Vec<Vec<f64>> = scales.iter().map(|&scale| shrunk(scale)).collect();
        let leaves = |(row, left): (&Vec<f64>, Option<Left>)| {
            inside(row) && left.is_some_and(|left| left.surely || surely.is_none())
        };
        let first = rows.iter().zip(judge.first_to_leave(&rows)).position(leaves);
        let first = first.unwrap_or(scales.len());
        within = first.checked_sub(1).map_or(within, |below| scales[below]);
        outside = scales.get(first).copied().unwrap_or(outside);
    }
    Some(shrunk(outside))
}

/// A row that leaves the headroom, and so has no bound: where all rows do, none is bounded, and runs show nothing.
pub(super) fn unbounded(judge: &Judge<'_>, draw: &Draw) -> Option<Judged> {
    let row = leaves_headroom(judge, draw)?;
    Some(Judged { row, error: f64::INFINITY, of_claim: 0.0 })
}

/// Whether the claim holds for all rows of each of some ranges.
type Holds<'a> = dyn Fn(&[Cell]) -> Result<Vec<bool>, AuditError> + 'a;

/// A range that holds, as large as the search finds: shrunk towards a number around which it does, then each end moved outwards. As many
/// ranges are asked about together as cost no more than one.
fn largest_range(range: Cell, at_once: usize, holds: &Holds<'_>) -> Result<Option<Cell>, AuditError> {
    let Cell { low, high } = range;
    let step = (high - low) / (1 << HALVINGS);
    let around = |centre: i64, reach: i64| Cell { low: (centre - reach).max(low), high: (centre + reach).min(high) };
    let evenly = (0..BEGINNINGS).map(|i| low + (high - low) / BEGINNINGS * i + (high - low) / (2 * BEGINNINGS));
    let centres: Vec<i64> = [0.clamp(low, high)].into_iter().chain(evenly).collect();
    let mut beginning = None;
    for centres in centres.chunks(at_once) {
        let held = holds(&centres.iter().map(|&centre| around(centre, step)).collect::<Vec<_>>())?;
        if let Some(first) = held.iter().position(|&held| held) {
            beginning = Some(centres[first]);
            break;
        }
    }
    let Some(centre) = beginning else { return Ok(None) };
    // The most by which something can grow, from what holds to what does not, to within a step.
    let grown = |mut kept: i64, mut failing: i64, cell: &dyn Fn(i64) -> Cell| -> Result<i64, AuditError> {
        let mut asked = between(kept, failing, at_once - 1);
        asked.push(failing);
        loop {
            let held = holds(&asked.iter().map(|&by| cell(by)).collect::<Vec<_>>())?;
            let good = held.iter().take_while(|&&held| held).count();
            kept = good.checked_sub(1).map_or(kept, |last| asked[last]);
            failing = asked.get(good).copied().unwrap_or(failing);
            if failing - kept <= step.max(1) {
                return Ok(kept);
            }
            asked = between(kept, failing, at_once);
        }
    };
    let reach = grown(step, (high - centre).max(centre - low), &|reach| around(centre, reach))?;
    let both = around(centre, reach);
    let up = grown(0, high - both.high, &|up| Cell { high: both.high + up, ..both })?;
    let wide = Cell { high: both.high + up, ..both };
    let down = grown(0, wide.low - low, &|down| Cell { low: wide.low - down, ..wide })?;
    Ok(Some(Cell { low: wide.low - down, ..wide }))
}

/// At most so many numbers between two, evenly apart.
fn between(low: i64, high: i64, count: usize) -> Vec<i64> {
    let apart = |i: usize| low + (i128::from(high - low) * i as i128 / (count as i128 + 1)) as i64;
    let mut numbers: Vec<i64> = (1..=count).map(apart).filter(|&x| low < x && x < high).collect();
    numbers.dedup();
    numbers
}

/// By halves, a number from `first` to below `failing` that holds, next to one that does not; none if halving finds none.
fn last_that_holds(first: usize, failing: usize, holds: &dyn Fn(usize) -> bool) -> Option<usize> {
    let (mut kept, mut failing, mut found) = (first.saturating_sub(1), failing, None);
    while failing - kept > 1 {
        let middle = kept.midpoint(failing);
        if holds(middle) { (kept, found) = (middle, Some(middle)) } else { failing = middle }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rows::audit_rows;
    use viewless_protocols::file::read_protocol;
    use viewless_protocols::nonlinear::Registry;

    fn diagnosed(error: &str, lines: &str, length: usize) -> RowDiagnosis {
        let text = format!(
            "protocol softmax/mine\nsummary \"a\"\nsource \"b\"\ninterval [-200, 200]\nerror {error}\nbuild x\n{lines}\n"
        );
        let protocol = read_protocol("mine.protocol", &text, Registry::built_in()).unwrap();
        let question = Question::new(&protocol);
        let report = audit_rows(&question, length, (-16.0, 16.0)).unwrap();
        diagnose_rows(&question, &report).unwrap()
    }

    /// (1 + x/4)^16 leaves the headroom of 2^62 before its truncation, with 32 fraction bits, where it is 2^30: from |1 + x/4| = 2^(15/8) = 3.67 on,
    /// which is x = -18.7 or 10.7. The square before it stays.
    #[test]
    fn a_sixteenth_power_leaves_the_headroom_and_the_largest_range_ends_before() {
        let lines = "  e = (1 + x / 4) ^ 2\n  f = e ^ 2\n  g = f ^ 2\n  h = g ^ 2\n  return h / 4096 + sum(h) / 4096";
        let found = diagnosed("1e30", lines, 4);
        let operation = found.operation.as_ref().expect("an operation leaves");
        assert!(operation.name.starts_with("square") && operation.surely, "{operation:?}");
        assert!(operation.value.abs() > 2f64.powi(30) * 0.99 && operation.value.abs() < 2f64.powi(31), "{operation:?}");
        let (low, high) = found.holds_on.unwrap();
        let end = 4.0 * (2f64.powf(15.0 / 8.0) - 1.0);
        // To within a step of the search, half an element's unit of range.
        assert!(high <= end && high > end - 1.0 && low == -16.0, "[{low}, {high}]");
        assert!(found.failing_row.unwrap().iter().any(|x| (end - 0.01..end + 0.1).contains(x)));
    }

    #[test]
    fn a_claim_that_is_missed_over_the_reals_has_a_row_and_no_operation() {
        // A square in place of the exponential, which is near to it nowhere but on rows of equal elements.
        let found = diagnosed("0.05", "  e = (x + 5) ^ 2\n  return e * call reciprocal/normalized(sum(e))", 8);
        assert!(found.operation.is_none() && found.part.is_none());
        assert!(found.of_claim.is_some_and(|part| part > 10.0), "{found:?}");
        let (low, high) = found.holds_on.unwrap();
        assert!(found.failing_row.unwrap().iter().any(|x| !(low..=high).contains(x)), "[{low}, {high}]");
        assert!(high - low < 8.0, "[{low}, {high}]");
    }
}
