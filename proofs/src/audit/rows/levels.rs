//! Rows of which a level is taken out, or is the result.
//!
//! In the ring s_i = m x_i + t_i, m the multiplier that stands for a factor and |t_i| below a unit where something is cut off; the level L is that of the s_i,
//! in any run: max s - L is from 0 to less than two steps, by the law of [`Levels`], as long as every s is in its domain. With u_i = s_i - L
//!
//! x_i = u_i / m - t_i / m + L / m,
//!
//! the last the same for the whole row. So softmax is that of u_i / m - t_i / m, which is u_i times a rate, within a slack; the largest u is from 0 on to
//! below two steps, and no u is above. Nothing else need be known of L: whatever its place among the levels, and whichever of two it is.
//!
//! Over the reals t = 0, m is the factor, and the level is the multiple of the step next below the largest s: the largest u is below one step.
//! A claim about u restricts the rows by their plaintext. If there u >= c then s - max s > c - step, over the reals, so that in the ring
//! u >= s - max s > (c - step) m / factor - 2 units.

#[cfg(test)]
mod tests;

use super::Method;
use super::certify::{Certified, Problem, Seen, no_row};
use super::coverage::{ClaimSubject, Claims};
use super::truth::{RowTruth, View};
use crate::audit::{AuditError, Question};
use crate::bound::reduce::{ClaimUsed, Normalised, Shift};
use crate::bound::{Arithmetic, BoundError, Cell, Interpreter, Tape};
use viewless_protocols::circuit::Levels;
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::scheme::laws;

/// Why nothing is known of a level.
const BEYOND: &str = "elements may be beyond the levels of their row";

/// Whether numbers between two ends are where the law of levels holds.
fn are_within(levels: Levels, (low, high): (f64, f64)) -> bool {
    low >= levels.step() - levels.half() && high < levels.half()
}

/// All rows of `length` elements of a range, where the output is their level; why not, where elements leave the levels.
pub(super) fn certify(
    tape: &Tape,
    question: &Question<'_>,
    length: usize,
    elements: Cell,
    levels: Levels,
    claims: &[ClaimUsed],
) -> Result<Result<Certified, &'static str>, AuditError> {
    let unit = power_of_two(-i32::from(question.fixed.fraction_bits()));
    let mut covered = Claims::new(tape, question, length);
    let elements = covered
        .restrict(elements, unit, claims, ClaimSubject::Elements)
        .ok_or_else(|| no_row(question, length, elements))?;
    let ends = (elements.low as f64 * unit, elements.high as f64 * unit);
    // Elements and levels are multiples of a unit, if a step is one.
    if !are_within(levels, ends) || levels.step() < unit {
        return Ok(Err(BEYOND));
    }
    let claim = &question.protocol.card.error;
    let approximation = levels.step() - unit;
    let least = [ends.0, -ends.1, 0.0].into_iter().fold(0.0, f64::max);
    Ok(Ok(Certified {
        method: Method::Level,
        not_reduced: None,
        error: 2.0 * levels.step() - unit,
        approximation,
        of_claim: approximation / (claim.absolute + claim.relative * least),
        sums: None,
        covered: covered.sorted(),
        candidates: candidates(levels, length, ends),
        cells: 0,
    }))
}

/// Rows whose largest element is nearly a step above a level.
fn candidates(levels: Levels, length: usize, (low, high): (f64, f64)) -> Vec<Vec<f64>> {
    let below = (high / levels.step()).floor() * levels.step();
    let largest = [0.5, 0.75, 0.875].map(|part| below - levels.step() * (1.0 - part));
    let row = |top: f64| std::iter::once(top).chain(std::iter::repeat_n(low, length - 1)).collect();
    largest.into_iter().filter(|&top| top >= low).map(row).collect()
}

/// What u can be over the reals, before anything is claimed of it.
pub(super) fn over_reals(normalised: &Normalised, elements: Cell, unit: f64) -> Cell {
    let Shift::Level { levels, factor, .. } = &normalised.shift else { return elements };
    let spread = (elements.high - elements.low) as f64 * unit * factor.unwrap_or(1.0);
    let per_unit = power_of_two(i32::from(normalised.element.steps[0].fraction_bits));
    // A real number lies between two of the cell.
    Cell { low: -(spread * per_unit).ceil() as i64 - 1, high: (levels.step() * per_unit).ceil() as i64 }
}

/// What u is, and the truth of it, over the reals and in the ring; `claimed` is what is left of [`over_reals`].
pub(super) fn seen(
    problem: &Problem<'_>,
    elements: Cell,
    claimed: Cell,
    unit: f64,
) -> Result<Result<[Seen; 2], &'static str>, AuditError> {
    let Problem { tape, normalised, question, .. } = *problem;
    let Shift::Level { levels, scaled, factor } = &normalised.shift else { return Ok(Err(BEYOND)) };
    let ring = Arithmetic::Ring(question.scheme.truncation);
    let [response] = Interpreter::new(scaled.clone(), ring)?.respond(&[elements])?[..] else {
        unreachable!("one cell has one response")
    };
    let real = factor.unwrap_or(1.0);
    let over_reals = (elements.low as f64 * unit * real, elements.high as f64 * unit * real);
    if !response.bounded || !are_within(*levels, (response.low, response.high)) || !are_within(*levels, over_reals) {
        return Ok(Err(BEYOND));
    }
    let bits = normalised.element.steps[0].fraction_bits;
    let shifted_unit = power_of_two(-i32::from(bits));
    let (step, units) = (levels.step() / shifted_unit, |real: f64| real / shifted_unit);
    if step < 1.0 {
        return Ok(Err(BEYOND));
    }
    let (multiplier, slack) = match factor {
        None => (1.0, 0.0),
        Some(factor) => {
            let (multiplier, exponent) = laws::multiplier(*factor, bits, tape.fixed);
            let is_cut = i32::from(scaled.steps[0].fraction_bits) + exponent > i32::from(bits);
            (multiplier as f64 * power_of_two(-exponent), if is_cut { shifted_unit } else { 0.0 })
        }
    };
    if multiplier <= 0.0 {
        return Ok(Err(BEYOND));
    }
    // Real numbers between those of the cell, too.
    let dense = Cell { low: claimed.low - 1, high: claimed.high + 1 };
    let spread = units(response.high).ceil() - units(response.low).floor();
    let lowest = ((dense.low as f64 - step) * (multiplier / real) * (1.0 + 1e-12)).floor() - 2.0;
    let in_ring = Cell { low: lowest.max(-spread) as i64, high: 2 * step as i64 - 1 };

    let constant = constant(normalised)?;
    let truth = |rate: f64, slack: f64| {
        RowTruth::softmax_seen(View { rate, constant, slack: slack * rate * (1.0 + 4.0 * f64::EPSILON) })
    };
    Ok(Ok([
        Seen { truth: truth(1.0 / real, 0.0), u: dense },
        Seen { truth: truth(1.0 / multiplier, slack), u: in_ring },
    ]))
}

/// The logarithm of what an element adds to the sum at u = 0 over the reals: the truth's is made as large. Any number would be right.
fn constant(normalised: &Normalised) -> Result<f64, BoundError> {
    let at_zero = Interpreter::new(normalised.element.clone(), Arithmetic::Reals)?
        .respond_by_cases(&[Cell { low: 0, high: 0 }], 1.0)?;
    let constant = at_zero.first().and_then(|responses| responses.first()).map_or(0.0, |summand| summand.centre.ln());
    Ok(if constant.is_finite() { constant } else { 0.0 })
}

/// By which number u is multiplied, and what is then added, for elements between two ends: those of a level as high as can be.
pub(super) fn base(levels: Levels, factor: Option<f64>, (_, high): (f64, f64)) -> (f64, f64) {
    let rate = 1.0 / factor.unwrap_or(1.0);
    let level = ((high / rate / levels.step()).floor() - 2.0) * levels.step();
    (rate, level * rate)
}
