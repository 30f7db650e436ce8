//! What the row does to an element: W(S) beside the truth's psi(S), for every row sum S of an interval.
//!
//! kappa(S) = W(S) / psi(S), W the product of the row factors and public numbers of the output. Cells of S are split until kappa - 1 is
//! known as well as at single sums, or until the effort is spent.

use super::span::{Hulls, Line, Span};
use super::truth::RowTruth;
use crate::bound::reduce::{ClaimUsed, Link, Normalised, Quadratic};
use crate::bound::{Arithmetic, BoundError, Cell, Interpreter, Response};
use viewless_protocols::fixed::power_of_two;

/// Cells at most.
const LIMIT: usize = 1 << 16;
/// A cell is split while its bound exceeds this multiple of its middle's and this part of the largest,
const SINGLE: f64 = 1.05;
const SMALL: f64 = 1.0 / 32.0;
/// or while it is among the worst and not known well.
const WORST: f64 = 0.95;
/// Part of a sum by which cells differ at the start, as a shift.
const START: u32 = 8;
/// Over the reals cells are as small as this part of a unit, so that they are small beside what a threshold decides.
const GRAIN: f64 = 1.0 / 1024.0;
/// Splits in a row that gain nothing before a cell is left alone, and what is nothing.
const PATIENCE: u8 = 2;
const GAIN: f64 = 0.98;
/// Bits of a number before a truncation that keep the headroom.
const HEADROOM_BITS: i32 = 62;

/// kappa - 1, and what is added to the product, of a cell.
#[derive(Debug, Clone, Copy)]
struct Value {
    excess: Span,
    rounding: f64,
}

/// A cell with what is known of it, and of its middle alone.
#[derive(Debug, Clone, Copy)]
struct Known {
    cell: Cell,
    value: Value,
    single: f64,
    patience: u8,
}

/// See the module's text.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    cells: Vec<Cell>,
    excess: Hulls,
    rounding: Hulls,
    unit: f64,
}

/// The row's tape, ready to be run.
pub(super) struct Row<'a> {
    normalised: &'a Normalised,
    truth: &'a RowTruth,
    interpreter: Interpreter,
    arithmetic: Arithmetic,
    /// Of which cells count multiples: a unit of the sum in the ring, a part of it over the reals.
    unit: f64,
    /// That part.
    grain: f64,
    /// Largest |a(u)|.
    factor: f64,
    /// Elements of a row.
    length: usize,
}

impl<'a> Row<'a> {
    pub(super) fn new(
        normalised: &'a Normalised,
        truth: &'a RowTruth,
        arithmetic: Arithmetic,
        (factor, length): (f64, usize),
    ) -> Result<Self, BoundError> {
        let interpreter = Interpreter::new(normalised.row.clone(), arithmetic)?;
        let grain = match arithmetic {
            Arithmetic::Ring(_) => 1.0,
            Arithmetic::Reals => GRAIN,
        };
        let unit = power_of_two(-i32::from(normalised.row.steps[0].fraction_bits)) * grain;
        Ok(Self { normalised, truth, interpreter, arithmetic, unit, grain, factor, length })
    }

    /// The sums, over the reals, on which every claim about the row can hold: no sum outside the interval keeps them all.
    /// Only `wanted` claims count.
    pub(super) fn admissible(
        &self,
        sums: Span,
        wanted: &dyn Fn(&ClaimUsed) -> bool,
    ) -> Result<Option<Span>, BoundError> {
        let claims = &self.normalised.row_claims;
        if !claims.iter().any(wanted) {
            return Ok(Some(sums));
        }
        let may_hold = |cells: &[Cell]| -> Result<Vec<bool>, BoundError> {
            let responses = self.interpreter.respond_by_cases(cells, self.grain)?;
            let holds = |responses: &Vec<Response>| {
                let claimed = responses[self.normalised.factors..].iter().zip(claims);
                claimed.into_iter().all(|(seen, used)| !wanted(used) || seen.low <= used.high && used.low <= seen.high)
            };
            Ok(responses.iter().map(holds).collect())
        };
        let cells = self.cells(sums);
        let holds = may_hold(&cells)?;
        let (Some(first), Some(last)) = (holds.iter().position(|&holds| holds), holds.iter().rposition(|&holds| holds))
        else {
            return Ok(None);
        };
        // The ends to the unit.
        let mut ends = [cells[first], cells[last]];
        for (end, prefers_low) in ends.iter_mut().zip([true, false]) {
            while end.high - end.low > 1 {
                let middle = end.middle();
                let halves = [Cell { high: middle, ..*end }, Cell { low: middle, ..*end }];
                let (near, far) = if prefers_low { (halves[0], halves[1]) } else { (halves[1], halves[0]) };
                *end = if may_hold(&[near])?[0] { near } else { far };
            }
        }
        let mut found = Span::new(ends[0].low as f64 * self.unit, ends[1].high as f64 * self.unit);
        // Where a claim is about the sum itself, it is known exactly.
        for (output, used) in self.normalised.row.outputs[self.normalised.factors..].iter().zip(claims) {
            if output.registers == [0] && wanted(used) {
                let Some(both) = found.meet(Span::new(used.low, used.high)) else { return Ok(None) };
                found = both;
            }
        }
        Ok(found.meet(sums))
    }

    /// What the i-th claim is about, over the reals, on all sums of an interval.
    pub(super) fn reach(&self, sums: Span, i: usize) -> Result<Span, BoundError> {
        let output = self.normalised.factors + i;
        if self.normalised.row.outputs[output].registers == [0] {
            return Ok(sums);
        }
        let responses = self.interpreter.respond_by_cases(&self.cells(sums), self.grain)?;
        let spans = responses.iter().map(|responses| (responses[output].low, responses[output].high));
        let (low, high) =
            spans.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (low, high)| (l.min(low), h.max(high)));
        Ok(Span::new(low, high))
    }

    /// Cells that cover the sums and share their ends, wider for larger sums.
    fn cells(&self, sums: Span) -> Vec<Cell> {
        // Beyond the words nothing is tabulated, and so nothing bounded.
        let sums = Span::new(sums.low, sums.high.min(power_of_two(62) * self.unit));
        let first = (sums.low / self.unit).floor() as i64;
        let last = (sums.high / self.unit).ceil() as i64;
        let mut cells = Vec::new();
        let mut low = first;
        while low < last {
            let high = (low + (low.unsigned_abs() >> START).max(1) as i64).min(last);
            cells.push(Cell { low, high });
            low = high;
        }
        if cells.is_empty() {
            cells.push(Cell { low: first, high: last });
        }
        cells
    }

    fn values(&self, cells: &[Cell]) -> Result<Vec<Value>, BoundError> {
        let responses = self.interpreter.respond_by_cases(cells, self.grain)?;
        Ok(cells.iter().zip(responses).map(|(&cell, responses)| self.value(cell, &responses)).collect())
    }

    fn known(&self, cells: &[Cell]) -> Result<Vec<Known>, BoundError> {
        let middles: Vec<Cell> = cells.iter().map(|cell| Cell { low: cell.middle(), high: cell.middle() }).collect();
        let values = self.values(cells)?.into_iter().zip(self.values(&middles)?).zip(cells);
        let known = |((value, single), &cell): ((Value, Value), &Cell)| Known {
            cell,
            value,
            single: single.excess.magnitude(),
            patience: PATIENCE,
        };
        Ok(values.map(known).collect())
    }

    /// Largest |a(u)| in a row whose sum is in a cell, where a(u) is u and the summand u^2, but for truncations: no square is more than their sum. So the
    /// element that makes a product large and the sum that makes its factor large are not taken from two rows.
    ///
    /// A summand is at least u^2 - 2 h |u| - e, 2 h and e being `growth` and `error`: never below -(h^2 + e). So (|u| - h)^2 is at most S + n (h^2 + e).
    fn element_of(&self, cell: Cell) -> f64 {
        let Normalised { summand: Some(summand), factor: Some(factor), .. } = self.normalised else {
            return f64::INFINITY;
        };
        let is =
            |found: &Quadratic, square, linear| (found.square, found.linear, found.constant) == (square, linear, 0.0);
        if !is(summand, 1.0, 0.0) || !is(factor, 0.0, 1.0) || factor.growth != 0.0 {
            return f64::INFINITY;
        }
        let h = summand.growth / 2.0;
        let more = self.length as f64 * (h * h + summand.error);
        (h + (cell.high as f64 * self.unit + more).sqrt() + factor.error) * (1.0 + 8.0 * f64::EPSILON)
    }

    fn value(&self, cell: Cell, responses: &[Response]) -> Value {
        let unbounded = Value { excess: Span::ALL, rounding: f64::INFINITY };
        if cell.low <= 0 {
            return unbounded;
        }
        let factors = &responses[..self.normalised.factors];
        let is_ring = self.arithmetic != Arithmetic::Reals;
        let mut product = Line::constant(1.0);
        let (mut rounding, mut magnitude) = (0.0, self.factor.min(self.element_of(cell)));
        let mut fits = factors.iter().all(|response| response.bounded);
        for link in &self.normalised.links {
            let mut times = |factor: f64, bits: i32| {
                rounding *= factor * (1.0 + 4.0 * f64::EPSILON);
                magnitude *= factor * (1.0 + 4.0 * f64::EPSILON);
                fits &= !is_ring || magnitude * power_of_two(bits) < power_of_two(HEADROOM_BITS);
            };
            match *link {
                Link::Factor(i, bits) => {
                    let Response { centre, slope, rest, low, high, .. } = factors[i];
                    times(low.abs().max(high.abs()), bits);
                    product = product.mul(Line { centre, slope, rest: Span::around(rest) });
                }
                Link::Number { ring, real, bits } => {
                    let number = if is_ring { ring } else { real };
                    times(number.abs(), bits);
                    product = product.scaled(number);
                }
                Link::Truncation(bits) if is_ring => {
                    rounding += power_of_two(-i32::from(bits));
                    magnitude += power_of_two(-i32::from(bits));
                }
                Link::Room { bits, room_bits } => {
                    fits &= !is_ring || magnitude * power_of_two(bits) < power_of_two(i32::from(room_bits));
                }
                Link::Truncation(_) => {}
            }
        }
        let (low, high) = (cell.low as f64 * self.unit, cell.high as f64 * self.unit);
        let inverse = self.truth.inverse_scale((low + high) / 2.0, (high - low) / 2.0);
        let kappa = product.mul(inverse);
        let excess = Line { centre: kappa.centre - 1.0, ..kappa }.span().add(Span::around(4.0 * f64::EPSILON));
        if fits && excess.width().is_finite() { Value { excess, rounding } } else { unbounded }
    }
}

impl Scale {
    /// For all sums of an interval, each kappa - 1 to within `small` at least, or a part of the largest.
    pub(super) fn new(row: &Row<'_>, sums: Span, small: f64) -> Result<Self, BoundError> {
        let mut known = row.known(&row.cells(sums))?;
        loop {
            let largest = known.iter().map(|known| known.single).filter(|x| x.is_finite()).fold(0.0, f64::max);
            let wants = |known: &Known| {
                let (bound, single) = (known.value.excess.magnitude(), known.single);
                let loses = bound > SINGLE * single + (largest * SMALL).max(small);
                let is_worst = bound > WORST * largest && bound > (1.0 + 1.0 / 512.0) * single && bound > small;
                known.patience > 0 && known.cell.high - known.cell.low > 1 && (loses || is_worst)
            };
            // The worst first, as far as the limit allows.
            let mut wanted: Vec<usize> = (0..known.len()).filter(|&i| wants(&known[i])).collect();
            let bound = |i: usize| known[i].value.excess.magnitude();
            wanted.sort_by(|&a, &b| bound(b).total_cmp(&bound(a)));
            wanted.truncate(LIMIT.saturating_sub(known.len()));
            if wanted.is_empty() {
                break;
            }
            wanted.sort_unstable();
            let halves = |&i: &usize| {
                let (cell, middle) = (known[i].cell, known[i].cell.middle());
                [Cell { high: middle, ..cell }, Cell { low: middle, ..cell }]
            };
            let fresh: Vec<Cell> = wanted.iter().flat_map(halves).collect();
            let mut fresh = row.known(&fresh)?.into_iter();
            let mut wanted = wanted.into_iter().peekable();
            let mut next = Vec::with_capacity(known.len() + fresh.len() / 2);
            for (i, known) in known.into_iter().enumerate() {
                if wanted.next_if_eq(&i).is_none() {
                    next.push(known);
                    continue;
                }
                let halves: Vec<Known> = fresh.by_ref().take(2).collect();
                let bound = halves.iter().map(|half| half.value.excess.magnitude()).fold(0.0, f64::max);
                let gained = bound < GAIN * known.value.excess.magnitude();
                let patience = if gained { PATIENCE } else { known.patience - 1 };
                next.extend(halves.into_iter().map(|half| Known { patience, ..half }));
            }
            known = next;
        }
        Ok(Self {
            excess: Hulls::new(known.iter().map(|known| known.value.excess)),
            rounding: Hulls::new(known.iter().map(|known| Span::at(known.value.rounding))),
            cells: known.iter().map(|known| known.cell).collect(),
            unit: row.unit,
        })
    }

    /// kappa - 1 and the rounding for every sum of an interval; anything where there is no bound.
    pub(super) fn over(&self, sums: Span) -> (Span, f64) {
        let (low, high) = (sums.low / self.unit, sums.high / self.unit);
        let (Some(least), Some(most)) = (self.cells.first(), self.cells.last()) else {
            return (Span::ALL, f64::INFINITY);
        };
        if !(low >= least.low as f64 && high <= most.high as f64) {
            return (Span::ALL, f64::INFINITY);
        }
        let first = self.cells.partition_point(|cell| (cell.high as f64) < low).min(self.cells.len() - 1);
        let end = self.cells.partition_point(|cell| (cell.low as f64) <= high).max(first + 1);
        (self.excess.over(first, end), self.rounding.over(first, end).high)
    }
}
