//! The largest of a quantity over all fixed-point numbers of a domain, by splitting cells.
//!
//! A quantity gives for each cell an upper bound over its numbers. The bound of a cell with one number is final; the largest of these
//! seen so far is what the search compares with. A cell whose bound exceeds it by more than the tolerance is halved, so that in
//! the end every number of the domain is in a cell whose bound is within the tolerance of that of a single number.

use super::Cell;

/// What a search found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Maximum {
    /// No number of the domain has more.
    pub bound: f64,
    /// The number with the largest bound of its own, in units.
    pub at: i64,
    /// Its bound.
    pub attained: f64,
    /// Cells bounded.
    pub cells: u64,
}

/// Cells at the start.
const START: u64 = 1 << 14;
/// Cells bounded at most; then the search ends with what it has, which is still a bound.
const LIMIT: u64 = 1 << 23;

/// How much more than the largest of a single number a cell's bound may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// In proportion.
    pub relative: f64,
    /// Whatever the size.
    pub absolute: f64,
}

/// The largest of a quantity over a domain to within a tolerance. An unbounded number ends the search with infinity.
///
/// # Errors
/// That of `bounds`, which gives the upper bound for each of many cells.
pub fn maximum<E>(
    domain: Cell,
    tolerance: Tolerance,
    bounds: impl Fn(&[Cell]) -> Result<Vec<f64>, E>,
) -> Result<Maximum, E> {
    let mut pending = split_evenly(domain, START);
    let mut best = Maximum { bound: f64::NEG_INFINITY, at: domain.low, attained: f64::NEG_INFINITY, cells: 0 };
    loop {
        let upper: Vec<f64> = bounds(&pending)?.into_iter().map(known).collect();
        best.cells += pending.len() as u64;
        // The middle of the most promising cells, to raise what the others are compared with.
        let mut promising: Vec<usize> = (0..pending.len()).collect();
        promising.sort_by(|&a, &b| upper[b].total_cmp(&upper[a]));
        let single = |cell: Cell| Cell { low: cell.middle(), high: cell.middle() };
        let probes: Vec<Cell> = promising.iter().take(256).map(|&i| single(pending[i])).collect();
        best.cells += probes.len() as u64;
        for (probe, value) in probes.iter().zip(bounds(&probes)?) {
            best.raise(probe.low, value);
        }
        for (cell, &value) in pending.iter().zip(&upper).filter(|(cell, _)| cell.low == cell.high) {
            best.raise(cell.low, value);
        }
        if best.attained == f64::INFINITY {
            return Ok(Maximum { bound: f64::INFINITY, ..best });
        }
        let accepted = best.attained + tolerance.relative * best.attained.abs() + tolerance.absolute;
        let mut next = Vec::new();
        for (&cell, &value) in pending.iter().zip(&upper) {
            match cell.halves() {
                Some(halves) if value > accepted => {
                    // Halved twice at once: fewer passes.
                    let quarters = halves.into_iter().flat_map(|half| half.halves().map_or(vec![half], |q| q.to_vec()));
                    next.extend(quarters);
                }
                _ => best.bound = best.bound.max(value),
            }
        }
        if next.is_empty() {
            return Ok(best);
        }
        if best.cells + next.len() as u64 > LIMIT {
            let open = pending.iter().zip(&upper).filter(|(_, value)| **value > accepted);
            best.bound = open.fold(best.bound, |bound, (_, &value)| bound.max(value));
            return Ok(best);
        }
        pending = next;
    }
}

/// At most `count` cells of nearly equal size.
#[must_use]
pub fn split_evenly(domain: Cell, count: u64) -> Vec<Cell> {
    let numbers = domain.count();
    let count = count.min(numbers).max(1);
    let edge = |i: u64| domain.low + (u128::from(numbers) * u128::from(i) / u128::from(count)) as i64;
    (0..count).map(|i| Cell { low: edge(i), high: edge(i + 1) - 1 }).collect()
}

/// What is no number bounds nothing.
fn known(bound: f64) -> f64 {
    if bound.is_nan() { f64::INFINITY } else { bound }
}

impl Maximum {
    fn raise(&mut self, at: i64, value: f64) {
        let value = known(value);
        if value > self.attained {
            self.attained = value;
            self.at = at;
        }
    }
}
