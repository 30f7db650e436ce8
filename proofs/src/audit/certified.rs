//! The largest errors of a function of one number, as theorems: over the reals, and of every run.

use super::AuditError;
use crate::bound::search::{self, Maximum, Tolerance};
use crate::bound::{Arithmetic, Cell, Interpreter, Response, Tape};
use crate::reference::Piecewise;
use viewless_protocols::circuit::CheckedCircuit;
use viewless_protocols::fixed::{FixedPoint, power_of_two};
use viewless_protocols::nonlinear::ErrorClaim;
use viewless_protocols::scheme::SchemeSpec;

/// What is certified of a protocol on a domain. Errors are in real units, places in units of the input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certified {
    /// Largest error of any run that does not wrap, on any input.
    pub error: Maximum,
    /// Largest error of any such run beyond the claim.
    pub excess: Maximum,
    /// Largest error of the circuit over the reals, on any input.
    pub approximation: Maximum,
    /// The same in proportion to the claim: it holds where this is at most 1.
    pub of_claim: Maximum,
    /// Largest expected number of wraps in one run.
    pub wraps: Maximum,
}

/// A circuit of one number beside its truth.
#[derive(Debug)]
pub struct Certifier<'a> {
    truth: &'a Piecewise,
    domain: Cell,
    unit: f64,
    reals: Interpreter,
    ring: Interpreter,
}

/// Slack for the roundings of the comparisons below, in proportion to the numbers compared.
const SLACK: f64 = 1e-15;

impl<'a> Certifier<'a> {
    /// Prepares both arithmetics.
    ///
    /// # Errors
    /// [`AuditError::Bound`] for circuits that have no tape.
    pub fn new(
        circuit: &CheckedCircuit,
        truth: &'a Piecewise,
        domain: Cell,
        fixed: FixedPoint,
        scheme: &SchemeSpec,
    ) -> Result<Self, AuditError> {
        let tape = Tape::under(circuit, scheme, fixed).map_err(crate::bound::BoundError::from)?;
        let reals = Interpreter::new(tape.clone(), Arithmetic::Reals)?;
        let ring = Interpreter::new(tape, Arithmetic::Ring(scheme.truncation))?;
        Ok(Self { truth, domain, unit: power_of_two(-i32::from(fixed.fraction_bits())), reals, ring })
    }

    /// The circuit.
    #[must_use]
    pub fn tape(&self) -> &Tape {
        self.ring.tape()
    }

    /// The truth on a cell: value in the middle, slope towards the end, error, and the two ends of its range.
    fn truth_on(&self, cell: Cell) -> (f64, f64, f64, f64, f64) {
        // Sums and halves of fixed-point numbers are exact.
        let (low, high) = (cell.low as f64 * self.unit, cell.high as f64 * self.unit);
        let (centre, radius) = ((low + high) / 2.0, (high - low) / 2.0);
        let (value, slope, error) = self.truth.linear(centre, radius);
        let reach = (slope.abs() * radius + error) * (1.0 + SLACK);
        (value, slope * radius, error, value - reach, value + reach)
    }

    /// Bound of |output - truth| on a cell, and of |truth| from below.
    fn error_on(&self, cell: Cell, response: &Response) -> (f64, f64) {
        let (value, slope, error, low, high) = self.truth_on(cell);
        let size = response.centre.abs().max(value.abs()) + response.slope.abs().max(slope.abs());
        let slack = SLACK * size + error;
        let by_form = (response.centre - value).abs() + (response.slope - slope).abs() + response.rest + slack;
        let by_range = (response.high - low).max(high - response.low) + SLACK * size;
        let truth = if low > 0.0 { low } else { (-high).max(0.0) };
        let bound = if response.bounded { by_form.min(by_range) } else { f64::INFINITY };
        (if bound.is_nan() { f64::INFINITY } else { bound }, truth)
    }

    fn search(
        &self,
        interpreter: &Interpreter,
        tolerance: Tolerance,
        quantity: impl Fn(Cell, &Response) -> f64,
    ) -> Result<Maximum, AuditError> {
        search::maximum(self.domain, tolerance, |cells| {
            let responses = interpreter.respond(cells)?;
            Ok(cells.iter().zip(&responses).map(|(&cell, response)| quantity(cell, response)).collect())
        })
    }

    /// All five maxima.
    ///
    /// # Errors
    /// [`AuditError::Bound`] when the circuit is no function of one number.
    pub fn certify(&self, claim: &ErrorClaim) -> Result<Certified, AuditError> {
        let proportion = |relative: f64| Tolerance { relative, absolute: 0.0 };
        let claimed = |truth: f64| claim.absolute + claim.relative * truth;
        let error = |cell: Cell, response: &Response| self.error_on(cell, response).0;
        let of_claim = |cell: Cell, response: &Response| {
            let (error, truth) = self.error_on(cell, response);
            error / claimed(truth)
        };
        let excess = |cell: Cell, response: &Response| {
            let (error, truth) = self.error_on(cell, response);
            error - claimed(truth)
        };
        let mut decided = self.search(&self.reals, proportion(1e-3), of_claim)?;
        if decided.bound > 1.0 && decided.attained <= 1.0 {
            decided = self.search(&self.reals, proportion(1e-6), of_claim)?;
        }
        Ok(Certified {
            error: self.search(&self.ring, proportion(5e-3), error)?,
            excess: self.search(&self.ring, Tolerance { relative: 1e-2, absolute: self.unit / 4.0 }, excess)?,
            approximation: self.search(&self.reals, proportion(1e-5), error)?,
            of_claim: decided,
            wraps: self
                .search(&self.ring, Tolerance { relative: 1e-2, absolute: 1e-15 }, |_, response| response.wraps)?,
        })
    }

    /// Of many cells, whether every number of them keeps the claim over the reals, and no run of it leaves the headroom.
    ///
    /// # Errors
    /// [`AuditError::Bound`] when the circuit is no function of one number.
    pub fn keeps(&self, cells: &[Cell], claim: &ErrorClaim) -> Result<Vec<bool>, AuditError> {
        let (reals, ring) = (self.reals.respond(cells)?, self.ring.respond(cells)?);
        let keeps = |((&cell, real), ring): ((&Cell, &Response), &Response)| {
            let (error, truth) = self.error_on(cell, real);
            ring.bounded && error <= claim.absolute + claim.relative * truth
        };
        Ok(cells.iter().zip(&reals).zip(&ring).map(keeps).collect())
    }

    /// The bound of the error over the reals, and of the truth's size from below, of one number; and whether a run of it leaves the headroom.
    ///
    /// # Errors
    /// [`AuditError::Bound`] when the circuit is no function of one number.
    pub fn at(&self, x: i64) -> Result<(f64, f64, bool), AuditError> {
        let cell = Cell { low: x, high: x };
        let (error, truth) = self.error_on(cell, &self.reals.respond(&[cell])?[0]);
        Ok((error, truth, !self.ring.respond(&[cell])?[0].bounded))
    }

    /// The bound of the error, and the interval of outputs, of every run on each of many cells.
    ///
    /// # Errors
    /// [`AuditError::Bound`] when the circuit is no function of one number.
    pub fn envelope(&self, cells: &[Cell]) -> Result<Vec<(f64, Response)>, AuditError> {
        let responses = self.ring.respond(cells)?;
        Ok(cells.iter().zip(responses).map(|(&cell, response)| (self.error_on(cell, &response).0, response)).collect())
    }
}
