//! The theorem about all rows: the circuit reduced, the tables made, the largest errors found.

use super::bracket::{Case, Falls, Found, Quantity, Rows, Side};
use super::coverage::{ClaimSubject, Claims, CoveredClaim};
use super::curve::Curve;
use super::levels;
use super::scale::{Row, Scale};
use super::span::Span;
use super::truth::RowTruth;
use super::{EPSILON, Method};
use crate::audit::{AuditError, Question};
use crate::bound::reduce::{ClaimUsed, Irreducible, Normalised, Reduced, Shift, reduce};
use crate::bound::{Arithmetic, BoundError, CASES_AT_ONCE, Cell, Interpreter, Scalar, Tape};
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::nonlinear::{ErrorClaim, Truth};
use viewless_protocols::scheme::Truncation;

/// Why a circuit that was reduced is not bounded as such.
const OTHER_TRUTH: &str = "the truth is not one of what the circuit takes from its elements";

/// Ranges that are bounded in the time of one, where the circuit is not reduced.
pub(super) const RANGES_AT_ONCE: usize = CASES_AT_ONCE;

/// What is certified of all rows; infinite where nothing is.
#[derive(Debug, Clone)]
pub(super) struct Certified {
    pub(super) method: Method,
    pub(super) not_reduced: Option<String>,
    /// Of every run.
    pub(super) error: f64,
    /// Over the reals.
    pub(super) approximation: f64,
    /// Over the reals, as a part of the claim.
    pub(super) of_claim: f64,
    /// The truth's row sums.
    pub(super) sums: Option<(f64, f64)>,
    /// Every claim that restricts the rows, the card's own first.
    pub(super) covered: Vec<CoveredClaim>,
    /// Rows to start a search from.
    pub(super) candidates: Vec<Vec<f64>>,
    /// Cells bounded.
    pub(super) cells: u64,
}

/// Bounds all rows of `length` elements of a range, which is counted in units.
pub(super) fn certify(
    tape: &Tape,
    question: &Question<'_>,
    length: usize,
    elements: Cell,
) -> Result<Certified, AuditError> {
    certify_many(tape, question, length, &[elements])?.pop().expect("one range has one answer")
}

/// As [`certify`], for each of many ranges: what is not reduced is bounded for [`RANGES_AT_ONCE`] of them in the time of one.
pub(super) fn certify_many(
    tape: &Tape,
    question: &Question<'_>,
    length: usize,
    ranges: &[Cell],
) -> Result<Vec<Result<Certified, AuditError>>, AuditError> {
    let truth = question.protocol.card.error.truth;
    let reduced = reduce(tape, "x", &[("gamma", 1.0), ("beta", 0.0)]);
    if question.scheme.truncation == Truncation::Narrowing && !keeps_rings(tape, question, ranges, held(&reduced))? {
        let why = "a number may leave the ring that is planned for it, as far as elements are followed each by itself";
        return Ok(boxed(tape, question, length, ranges, why)?.into_iter().map(Ok).collect());
    }
    let why = match reduced {
        // Differences of elements of at most 2^47 units keep the headroom.
        Ok(Reduced::Maximum) if truth == Truth::Max => {
            let exact = Certified {
                method: Method::Exact,
                not_reduced: None,
                error: 0.0,
                approximation: 0.0,
                of_claim: 0.0,
                sums: None,
                covered: Vec::new(),
                candidates: Vec::new(),
                cells: 0,
            };
            return Ok(ranges.iter().map(|_| Ok(exact.clone())).collect());
        }
        Ok(Reduced::Maximum) => "the output is the largest element".to_owned(),
        Ok(Reduced::Level(levels, claims)) if truth == Truth::Max => {
            let bounded = |&elements: &Cell| match levels::certify(tape, question, length, elements, levels, &claims)? {
                Ok(certified) => Ok(certified),
                Err(why) => Ok(boxed(tape, question, length, &[elements], why)?.remove(0)),
            };
            return Ok(ranges.iter().map(bounded).collect());
        }
        Ok(Reduced::Level(..)) => "the output is a level of the row".to_owned(),
        Ok(Reduced::Normalised(normalised)) => {
            let problem = Problem { tape, normalised: &normalised, question, length };
            let bounded = |&elements: &Cell| match problem.prepare(elements)? {
                Ok(prepared) => Ok(prepared.conclude(&question.protocol.card.error)),
                Err(why) => Ok(boxed(tape, question, length, &[elements], why)?.remove(0)),
            };
            return Ok(ranges.iter().map(bounded).collect());
        }
        Err(irreducible) => irreducible.to_string(),
    };
    Ok(boxed(tape, question, length, ranges, &why)?.into_iter().map(Ok).collect())
}

/// Which steps of a tape the reduced circuit bounds itself, rings and all.
fn held(reduced: &Result<Reduced, Irreducible>) -> &[bool] {
    match reduced {
        Ok(Reduced::Normalised(normalised)) => &normalised.held,
        Ok(Reduced::Maximum | Reduced::Level(..)) | Err(_) => &[],
    }
}

/// A protocol that was reduced.
pub(super) struct Problem<'a> {
    pub(super) tape: &'a Tape,
    pub(super) normalised: &'a Normalised,
    pub(super) question: &'a Question<'a>,
    pub(super) length: usize,
}

/// Everything that the theorem needs: what the rows are, and both arithmetics' tables.
pub(super) struct Prepared {
    length: usize,
    cases: &'static [Case],
    /// The truth's row sums, over the reals.
    sums: Span,
    covered: Vec<CoveredClaim>,
    pub(super) reals: Side,
    pub(super) ring: Side,
    /// What is multiplied with u, and then added, for a row of elements.
    rate: f64,
    base: f64,
    /// The circuit's sums over the reals that keep the claims, where the maximum is taken from what is summed.
    falls: Option<Span>,
}

/// What u is in one arithmetic, and what the truth is as a function of it.
pub(super) struct Seen {
    pub(super) truth: RowTruth,
    pub(super) u: Cell,
}

/// That the claims leave no row of a range.
pub(super) fn no_row(question: &Question<'_>, length: usize, elements: Cell) -> AuditError {
    let unit = power_of_two(-i32::from(question.fixed.fraction_bits()));
    let real = |x: i64| x as f64 * unit;
    let name = question.protocol.card.name.to_owned();
    AuditError::NoRow { name, length, low: real(elements.low), high: real(elements.high) }
}

impl Problem<'_> {
    /// Why not, when the truth is of another kind or elements leave the levels of their row.
    #[expect(
        clippy::too_many_lines,
        reason = "one derivation, in the order of the module's proof; its parts share most of their quantities"
    )]
    pub(super) fn prepare(&self, elements: Cell) -> Result<Result<Prepared, &'static str>, AuditError> {
        let Self { tape, normalised, question, length } = *self;
        let card = &question.protocol.card;
        let n = Span::at(length as f64);
        let ring = Arithmetic::Ring(question.scheme.truncation);
        let unit = power_of_two(-i32::from(question.fixed.fraction_bits()));
        let mut claims = Claims::new(tape, question, length);
        let no_row = || no_row(question, length, elements);
        let elements = claims
            .restrict(elements, unit, &normalised.claims_of_element, ClaimSubject::Elements)
            .ok_or_else(no_row)?;
        let spread = elements.high - elements.low;
        let (eta, eta_reals) = (self.mean_error(ring, elements)?, self.mean_error(Arithmetic::Reals, elements)?);
        let (shifted, cases): (Cell, &'static [Case]) = match &normalised.shift {
            Shift::None if normalised.falls => (elements, &[Case::Largest, Case::Other]),
            Shift::None => (elements, &[Case::Free]),
            Shift::Maximum => (Cell { low: -spread, high: 0 }, &[Case::Largest, Case::Other]),
            Shift::Mean(_) => {
                // An element is at most spread (n - 1) / n from the mean, which errs by eta.
                let reach = spread.saturating_add((eta.max(eta_reals) / unit).ceil().min(1e15) as i64);
                (Cell { low: -reach, high: reach }, &[Case::Free])
            }
            Shift::Centred { .. } => {
                // n x less the sum, in units, whose binary point is moved.
                let reach = spread.saturating_mul(length as i64 - 1);
                (Cell { low: -reach, high: reach }, &[Case::Free])
            }
            Shift::Level { .. } => (levels::over_reals(normalised, elements, unit), &[Case::Largest, Case::Other]),
        };
        let shifted_unit = power_of_two(-i32::from(normalised.element.steps[0].fraction_bits));
        let shifted = claims
            .restrict(shifted, shifted_unit, &normalised.claims_of_shifted, ClaimSubject::ShiftedElements)
            .ok_or_else(no_row)?;
        // What the truth is of, and what u is, over the reals and in the ring.
        let (reals_seen, ring_seen) = match &normalised.shift {
            Shift::Level { .. } => match levels::seen(self, elements, shifted, unit)? {
                Ok([reals, ring]) if card.error.truth == Truth::Softmax => (reals, ring),
                Ok(_) => return Ok(Err(OTHER_TRUTH)),
                Err(why) => return Ok(Err(why)),
            },
            Shift::None | Shift::Maximum | Shift::Mean(_) | Shift::Centred { .. } => {
                let ends = (shifted.low as f64 * shifted_unit, shifted.high as f64 * shifted_unit);
                let truth = RowTruth::new(card.error.truth, &normalised.shift, length, EPSILON, ends)?;
                let Some(truth) = truth else { return Ok(Err(OTHER_TRUTH)) };
                (Seen { truth: truth.clone(), u: shifted }, Seen { truth, u: shifted })
            }
        };
        // The largest element has leaves of its own.
        let domain = |u: Cell| match (&normalised.shift, u.high) {
            (Shift::Maximum, 0) if u.low < 0 => Ok(vec![Cell { high: -1, ..u }, Cell { low: 0, high: 0 }]),
            (Shift::Maximum, 0) => Ok(vec![u]),
            (Shift::Maximum, _) => Err(no_row()),
            (Shift::Level { .. }, 0..) if u.low < 0 => Ok(vec![Cell { high: -1, ..u }, Cell { low: 0, ..u }]),
            (Shift::Level { .. }, ..0) => Err(no_row()),
            (Shift::None | Shift::Mean(_) | Shift::Centred { .. } | Shift::Level { .. }, _) => Ok(vec![u]),
        };
        let dense = matches!(normalised.shift, Shift::Mean(_) | Shift::Level { .. });
        let curve = |seen: &Seen, arithmetic, dense| -> Result<Curve, AuditError> {
            Ok(Curve::new(normalised, &seen.truth, arithmetic, &domain(seen.u)?, dense)?)
        };
        let reals_curve = curve(&reals_seen, Arithmetic::Reals, dense)?;
        let ring_curve = curve(&ring_seen, ring, false)?;
        let top = |curve: &Curve| match &normalised.shift {
            Shift::None if normalised.falls => 0,
            Shift::Level { .. } => curve.first_from(0),
            Shift::None | Shift::Maximum | Shift::Mean(_) | Shift::Centred { .. } => curve.leaves.len() - 1,
        };

        // The sums of all rows, then of those that keep the claims.
        let all_sums = |curve: &Curve| {
            let weight = curve.whole().weight;
            // Popoviciu: a variance is at most a quarter of the squared range.
            let popoviciu = |factor: f64| {
                let spread = Span::at(spread as f64 * unit * factor);
                Span::new(0.0, spread.mul(spread).mul(n).high / 4.0)
            };
            match &normalised.shift {
                Shift::None => weight.mul(n),
                Shift::Maximum | Shift::Level { .. } => {
                    let largest = curve.stretch(top(curve), curve.leaves.len()).weight;
                    largest.add(weight.mul(Span::at(length as f64 - 1.0)))
                }
                Shift::Mean(_) => popoviciu(1.0),
                Shift::Centred { factor } => popoviciu(*factor),
            }
        };
        let mut sums = all_sums(&reals_curve);
        let gap = reals_curve.gaps(length, sums);
        // What is far below the claim, or below a unit of the output, need not be known well.
        let claim = &card.error;
        let small = |arithmetic| match arithmetic {
            Arithmetic::Reals => (claim.absolute + claim.relative) / 256.0,
            Arithmetic::Ring(_) => unit / 8.0,
        };
        let row = Row::new(normalised, &reals_seen.truth, Arithmetic::Reals, (reals_curve.factor(), length))?;
        // What all elements together fall by the largest.
        let fallen = match normalised.falls {
            true => Span::new(elements.low as f64, elements.high as f64).mul(Span::at(unit)).mul(n),
            false => Span::ZERO,
        };
        let gap = gap.sub(fallen);
        let summed = sums.add(gap);
        let own_sums = row.admissible(summed, &|used| claims.own[used.position])?.ok_or_else(no_row)?;
        for (of_card, within) in [(true, summed), (false, own_sums)] {
            let is_own = |used: &ClaimUsed| claims.own[used.position] == of_card;
            for (i, _) in normalised.row_claims.iter().enumerate().filter(|(_, used)| is_own(used)) {
                let reach = row.reach(within, i)?;
                let claim = &tape.claims[normalised.row_claims[i].position];
                claims.covered.push(CoveredClaim::new(claim, ClaimSubject::Row, (reach.low, reach.high), of_card));
            }
        }
        let admissible = row.admissible(summed, &|_| true)?.ok_or_else(no_row)?;
        sums = admissible.sub(gap).meet(sums).ok_or_else(no_row)?;
        let side = |arithmetic, seen: Seen, curve: Curve, sums: Span, eta: f64| -> Result<Side, BoundError> {
            let summed = sums.add(curve.gaps(length, sums)).sub(fallen);
            let row = Row::new(normalised, &seen.truth, arithmetic, (curve.factor(), length))?;
            // What cannot be divided by is not tabulated; it has no bound.
            let scale = Scale::new(&row, Span::new(summed.low.max(0.0), summed.high), small(arithmetic))?;
            Ok(Side { top: top(&curve), truth: seen.truth, sums, curve, scale, eta })
        };
        let reals_sums = with_mean(sums, eta_reals, length);
        let ring_sums = match &normalised.shift {
            // A level of the ring may be another than over the reals, and so its sums: all of them.
            Shift::Level { .. } => all_sums(&ring_curve),
            Shift::None | Shift::Maximum | Shift::Mean(_) | Shift::Centred { .. } => with_mean(sums, eta, length),
        };
        let reals = side(Arithmetic::Reals, reals_seen, reals_curve, reals_sums, eta_reals)?;
        let ring = side(ring, ring_seen, ring_curve, ring_sums, eta)?;
        let ends = (elements.low as f64 * unit, elements.high as f64 * unit);
        let middle = (elements.low as f64 + elements.high as f64) / 2.0 * unit;
        let (rate, base) = match &normalised.shift {
            Shift::None => (1.0, 0.0),
            Shift::Maximum => (1.0, elements.high as f64 * unit),
            Shift::Mean(_) => (1.0, middle),
            Shift::Centred { factor } => (1.0 / factor, middle),
            Shift::Level { levels, factor, .. } => levels::base(*levels, *factor, ends),
        };
        let falls = normalised.falls.then_some(admissible);
        let covered = claims.sorted();
        Ok(Ok(Prepared { length, cases, sums, covered, reals, ring, rate, base, falls }))
    }

    /// Bound of |c - mean| where c is what the circuit takes for the mean; 0 without one.
    fn mean_error(&self, arithmetic: Arithmetic, elements: Cell) -> Result<f64, AuditError> {
        let Shift::Mean(tape) = &self.normalised.shift else { return Ok(0.0) };
        let n = self.length as f64;
        // Over the reals the factor 1/n means 1/n, although f64 rounds it.
        if arithmetic == Arithmetic::Reals
            && let [_, step] = &tape.steps[..]
            && let Scalar::Scale(0, factor) = step.scalar
            && (factor * n - 1.0).abs() <= f64::EPSILON
        {
            return Ok(0.0);
        }
        let length = self.length as i64;
        let cell = Cell { low: elements.low.saturating_mul(length), high: elements.high.saturating_mul(length) };
        let [response] = Interpreter::new(tape.clone(), arithmetic)?.respond(&[cell])?[..] else {
            unreachable!("one cell has one response")
        };
        if !response.bounded {
            return Ok(f64::INFINITY);
        }
        let unit = power_of_two(-i32::from(tape.steps[0].fraction_bits));
        let (low, high) = (cell.low as f64 * unit / n, cell.high as f64 * unit / n);
        let (centre, radius) = ((low + high) / 2.0, (high - low) / 2.0);
        let error = (response.centre - centre).abs() + (response.slope - radius).abs() + response.rest;
        Ok(error + (centre.abs() + radius) * 8.0 * f64::EPSILON)
    }
}

/// With the mean taken out, sums of u^2 instead of the truth's: up to n eta^2 more.
fn with_mean(sums: Span, eta: f64, length: usize) -> Span {
    let more = Span::at(eta).mul(Span::at(eta)).mul(Span::at(length as f64)).high;
    Span::new(sums.low, sums.add(Span::new(0.0, more)).high)
}

impl Prepared {
    /// Every claim that restricts the rows.
    #[cfg(test)]
    pub(super) fn covered(&self) -> &[CoveredClaim] {
        &self.covered
    }

    /// The largest errors.
    pub(super) fn conclude(&self, claim: &ErrorClaim) -> Certified {
        let Self { length, cases, sums, covered, reals, ring, rate, base, falls } = self;
        let falls = falls.map(|claimed| Falls { claimed, reals: &reals.curve });
        let rows = Rows { length: *length, cases, falls };
        let of_claim = rows.maximum(reals, Quantity::OfClaim(claim));
        let approximation = rows.maximum(reals, Quantity::Error);
        let error = rows.maximum(ring, Quantity::Error);
        let candidates = |side: &Side, found: &Found| -> Vec<Vec<f64>> {
            let near = found.place.map_or(Vec::new(), |place| rows.candidates(side, place));
            let element = |u: f64| base + rate * u;
            near.into_iter().map(|row| row.into_iter().map(element).collect()).collect()
        };
        let candidates = [candidates(ring, &error), candidates(reals, &of_claim), candidates(reals, &approximation)];
        Certified {
            method: Method::RowsReduced,
            not_reduced: None,
            error: error.bound,
            approximation: approximation.bound,
            of_claim: of_claim.bound,
            sums: Some((sums.low, sums.high)),
            covered: covered.clone(),
            candidates: candidates.concat(),
            cells: error.cells + approximation.cells + of_claim.cells,
        }
    }
}

/// Each range as ends of all inputs of a row, in units: its elements anywhere in it, a normalisation that does nothing.
fn anywhere(tape: &Tape, question: &Question<'_>, ranges: &[Cell]) -> Vec<Vec<(f64, f64)>> {
    let unit = power_of_two(-i32::from(question.fixed.fraction_bits()));
    let ends = |element: usize, elements: Cell| {
        let input = tape.inputs.iter().find(|input| (input.start..input.start + input.elements).contains(&element));
        match input.map(|input| input.name.as_str()) {
            Some("gamma") => (1.0 / unit, 1.0 / unit),
            Some("beta") => (0.0, 0.0),
            _ => (elements.low as f64, elements.high as f64),
        }
    };
    let inputs: usize = tape.inputs.iter().map(|input| input.elements).sum();
    ranges.iter().map(|&range| (0..inputs).map(|element| ends(element, range)).collect()).collect()
}

/// Whether every number that is compared, truncated or revealed stays in the ring that is planned for it, for all rows of all ranges; those apart that the
/// reduced circuit holds, and bounds where it is asked. (Where no ring is narrower than a word, the reduction itself sees to that.)
fn keeps_rings(tape: &Tape, question: &Question<'_>, ranges: &[Cell], held: &[bool]) -> Result<bool, AuditError> {
    let ring = Interpreter::new(tape.clone(), Arithmetic::Ring(question.scheme.truncation))?;
    let ring = if held.is_empty() { ring } else { ring.trusting(held) };
    Ok(ring.first_to_leave(&anywhere(tape, question, ranges)).iter().all(Option::is_none))
}

/// All elements anywhere in each of many ranges, each element by itself: what is left when nothing is known of the circuit.
fn boxed(
    tape: &Tape,
    question: &Question<'_>,
    length: usize,
    ranges: &[Cell],
    why: &str,
) -> Result<Vec<Certified>, AuditError> {
    let unit = power_of_two(-i32::from(question.fixed.fraction_bits()));
    let truths: Vec<Span> = ranges.iter().map(|&range| truth_on(question, length, range, unit)).collect();
    let cases = anywhere(tape, question, ranges);
    let largest = |arithmetic| -> Result<Vec<f64>, BoundError> {
        let intervals = Interpreter::new(tape.clone(), arithmetic)?.intervals_of_many(&cases);
        let error = |(intervals, truth): (Vec<crate::bound::Interval>, &Span)| {
            let one = |interval: crate::bound::Interval| (interval.high - truth.low).max(truth.high - interval.low);
            intervals.into_iter().map(one).fold(0.0, f64::max) * (1.0 + 4.0 * f64::EPSILON)
        };
        let errors = intervals.into_iter().zip(&truths);
        Ok(errors.map(|(intervals, truth)| intervals.map_or(f64::INFINITY, |all| error((all, truth)))).collect())
    };
    let (approximations, errors) =
        (largest(Arithmetic::Reals)?, largest(Arithmetic::Ring(question.scheme.truncation))?);
    let claim = &question.protocol.card.error;
    let certified = |((approximation, error), truth): ((f64, f64), &Span)| Certified {
        method: Method::Box,
        not_reduced: Some(why.to_owned()),
        error,
        approximation,
        of_claim: approximation / (claim.absolute + claim.relative * truth.mignitude()),
        sums: None,
        covered: Vec::new(),
        candidates: Vec::new(),
        cells: 2,
    };
    Ok(approximations.into_iter().zip(errors).zip(&truths).map(certified).collect())
}

/// What the truth of one element can be on rows of `length` elements in a range of units.
fn truth_on(question: &Question<'_>, length: usize, range: Cell, unit: f64) -> Span {
    let (low, high) = (range.low as f64 * unit, range.high as f64 * unit);
    let others = length as f64 - 1.0;
    // 1e-12 of slack covers the few roundings and exp of libm, below one unit in the last place each.
    match question.protocol.card.error.truth {
        Truth::Max => Span::new(low, high),
        Truth::Softmax => {
            let least = libm::exp(low - high);
            Span::new(least / (least + others) * (1.0 - 1e-12), 1.0 / (1.0 + others * least) * (1.0 + 1e-12))
        }
        Truth::TwoQuad { .. } | Truth::TwoRelu => Span::new(0.0, 1.0),
        // |x_i - mean| <= sqrt(n - 1) deviations.
        Truth::LayerNorm => Span::around(others.sqrt() * (1.0 + 1e-12)),
        Truth::Exp
        | Truth::Reciprocal
        | Truth::Rsqrt
        | Truth::Relu
        | Truth::LeakyRelu
        | Truth::Gelu
        | Truth::GeluTanh
        | Truth::Tanh => Span::ALL,
    }
}
