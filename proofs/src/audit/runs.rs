//! Errors that were seen: real executions in the simulator, compared with the truth.

use super::{AuditError, Peak};
use crate::bound::Cell;
use crate::reference::Piecewise;
use std::collections::BTreeMap;
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Owner};
use viewless_protocols::fixed::{FixedPoint, power_of_two};
use viewless_protocols::nonlinear::{ErrorClaim, Protocol};
use viewless_protocols::program::Program;
use viewless_protocols::scheme::CompileError;
use viewless_simulator::execute::{Options, execute};
use viewless_simulator::stream::Seed;

/// What runs showed. Errors are in real units, places in units of the input.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// Inputs run, each once.
    pub inputs: u64,
    /// Outputs beyond the certified error: no more than there were wraps, or something is wrong. The figures leave them out.
    pub corrupted: u64,
    /// The largest error among these.
    pub worst_corruption: f64,
    /// Where.
    pub worst_corruption_at: i64,
    /// Largest error.
    pub max_error: f64,
    /// Where.
    pub max_error_at: i64,
    /// Mean of the absolute errors.
    pub mean_error: f64,
    /// Mean of the signed errors.
    pub bias: f64,
    /// Difference between the step of the output and that of the truth, from one input to the next; its place is the first of the two.
    pub jump: Peak,
    /// Fall of the output on a stretch on which the truth rises, or rise where it falls; its place is the lower end of the fall.
    pub reversal: Peak,
    /// Distance of the outputs at x and -x from the truth's symmetry, at x >= 0; `None` where it has none, or no pair was run.
    pub asymmetry: Option<Peak>,
    /// Steps against the truth that are larger than randomness and the truth's own step can explain.
    pub monotone_violations: u64,
    /// Truncations that wrapped.
    pub wraps: u64,
    /// How many were to be expected, for these inputs.
    pub expected_wraps: f64,
    /// Inputs with their outputs, in order: at most [`KEPT_POINTS`], evenly of all, for a picture.
    pub points: Vec<(i64, f64)>,
}

/// What runs are held to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The certified error.
    pub error: f64,
    /// The largest difference that two runs on one input can have.
    pub randomness: f64,
    /// The card's claim.
    pub claim: ErrorClaim,
    /// What fixed point is known to add to the claim at most; 0 where nothing is known.
    pub rounding: f64,
}

impl Limits {
    /// How far an output may be from a truth by the claim and by what fixed point and randomness do.
    fn of(&self, truth: f64) -> f64 {
        self.claim.absolute + self.claim.relative * truth.abs() + self.randomness.max(self.rounding)
    }
}

/// Makes a Program of a circuit: a scheme, or what a test puts in its place.
pub type Compile<'a> = dyn Fn(&CheckedCircuit) -> Result<Program, CompileError> + 'a;

/// Most inputs that are run.
pub const MOST_SAMPLES: u64 = 1 << 24;
/// Most inputs that are remembered with their outputs.
pub const KEPT_POINTS: u64 = 1 << 17;

/// Elements of one execution.
const CHUNK: usize = 1 << 16;
/// Consecutive inputs of a sample, so that steps are seen.
const RUN: u64 = 64;

/// All inputs of a domain where there are at most `limit`; else about as many, in runs of consecutive ones: evenly all over the
/// domain, half of them evenly on a logarithmic scale where the domain is positive, and around `attention`.
#[must_use]
pub fn sample(domain: Cell, limit: u64, attention: &[i64]) -> Vec<Cell> {
    if domain.count() <= limit {
        return vec![domain];
    }
    let around = |&x: &i64| x.saturating_sub((RUN / 2) as i64);
    let runs = (limit / RUN).max(4);
    let last = u128::from(domain.count() - RUN.min(domain.count()));
    let positive = domain.low > 0;
    let evenly = if positive { runs / 2 } else { runs };
    let spread = (0..evenly).map(|i| domain.low + (last * u128::from(i) / u128::from(evenly - 1)) as i64);
    let ratio = domain.high as f64 / domain.low as f64;
    let octaves = (0..if positive { runs / 2 } else { 0 })
        .map(|i| (domain.low as f64 * ratio.powf(i as f64 / (runs / 2) as f64)) as i64);
    let starts = spread.chain(octaves).chain(attention.iter().map(around));
    let mut starts: Vec<i64> = starts.map(|start| start.max(domain.low)).collect();
    starts.sort_unstable();
    let mut cells: Vec<Cell> = Vec::new();
    for start in starts {
        let low = cells.last().map_or(start, |before| start.max(before.high + 1));
        let high = start.saturating_add(RUN as i64 - 1).min(domain.high);
        if low <= high {
            cells.push(Cell { low, high });
        }
    }
    cells
}

/// Runs the protocol on every input of the cells and compares, portion by portion.
///
/// # Errors
/// [`AuditError::TooManySamples`], [`AuditError::Compile`] and [`AuditError::Execute`].
pub fn observe(
    protocol: &Protocol,
    compile: &Compile<'_>,
    fixed: FixedPoint,
    seed: u64,
    cells: &[Cell],
    truth: &Piecewise,
    limits: Limits,
) -> Result<Observed, AuditError> {
    let count = cells.iter().fold(0u64, |count, cell| count.saturating_add(cell.count()));
    // Around places of attention a sample may have a few more.
    if count > MOST_SAMPLES.saturating_add(MOST_SAMPLES / 64) {
        return Err(AuditError::TooManySamples { samples: count, most: MOST_SAMPLES });
    }
    let unit = power_of_two(-i32::from(fixed.fraction_bits()));
    let chunk = (CHUNK as u64).min(count).max(1) as usize;
    let program = compile(&super::number::circuit_of(protocol, chunk)?)?;
    let mut observer = Observer::new(truth, unit, limits, count);
    let mut inputs = cells.iter().flat_map(|cell| cell.low..=cell.high);
    for i in 0.. {
        let portion: Vec<i64> = inputs.by_ref().take(chunk).collect();
        let Some(&last) = portion.last() else { break };
        let padded = portion.iter().copied().chain(std::iter::repeat(last)).take(chunk);
        let numbers: Vec<f64> = padded.map(|x| x as f64 * unit).collect();
        let provided = BTreeMap::from([("x".to_owned(), numbers)]);
        let run = execute(&program, &provided, Options::unhashed(Seed::from_u64(seed.wrapping_add(i))))?;
        observer.observed.wraps += run.findings.wraps;
        observer.observed.expected_wraps += run.findings.expected_wraps;
        let outputs = run.outputs.first().map_or(&[][..], |output| &output.values);
        portion.iter().zip(outputs).for_each(|(&x, &output)| observer.see(x, output));
    }
    Ok(observer.finish())
}

/// One run beside the truth.
#[derive(Debug, Clone, Copy)]
struct Point {
    x: i64,
    output: f64,
    truth: f64,
}

/// Compares runs one by one, in the order of their inputs.
struct Observer<'a> {
    truth: &'a Piecewise,
    unit: f64,
    limits: Limits,
    observed: Observed,
    /// Runs seen, and every how many are remembered.
    seen: u64,
    stride: u64,
    /// Sums over the sound ones.
    absolute: f64,
    signed: f64,
    sound: u64,
    previous: Option<Point>,
    stretch: Stretch,
    /// Where the truth has a symmetry.
    mirror: Option<Mirror>,
}

/// A stretch on which the truth goes in one direction. Turned so that the truth rises: the highest output so far, and the highest that no rounding
/// explains.
struct Stretch {
    direction: f64,
    highest: f64,
    firm: f64,
}

/// Points with negative inputs, until their counterparts come.
#[derive(Default)]
struct Mirror {
    negative: Vec<Point>,
}

impl Mirror {
    /// The point at -x for one at x >= 0, if it was run; others between are passed over.
    fn counterpart(&mut self, right: Point) -> Option<Point> {
        if right.x < 0 {
            self.negative.push(right);
            return None;
        }
        if right.x == 0 {
            return Some(right);
        }
        while self.negative.last().is_some_and(|left| -left.x < right.x) {
            self.negative.pop();
        }
        self.negative.last().copied().filter(|left| -left.x == right.x)
    }
}

impl<'a> Observer<'a> {
    fn new(truth: &'a Piecewise, unit: f64, limits: Limits, count: u64) -> Self {
        Self {
            truth,
            unit,
            limits,
            observed: Observed { inputs: count, ..Observed::default() },
            seen: 0,
            stride: count.div_ceil(KEPT_POINTS).max(1),
            absolute: 0.0,
            signed: 0.0,
            sound: 0,
            previous: None,
            stretch: Stretch { direction: 0.0, highest: f64::NEG_INFINITY, firm: f64::NEG_INFINITY },
            mirror: truth.function().symmetry().map(|_| Mirror::default()),
        }
    }

    fn see(&mut self, x: i64, output: f64) {
        if self.seen.is_multiple_of(self.stride) {
            self.observed.points.push((x, output));
        }
        self.seen += 1;
        let truth = self.truth.at(x as f64 * self.unit);
        let error = output - truth;
        let observed = &mut self.observed;
        // Only a wrap can do that: the caller compares their numbers.
        if error.is_nan() || error.abs() > self.limits.error {
            observed.corrupted += 1;
            if error.is_nan() || error.abs() > observed.worst_corruption {
                (observed.worst_corruption, observed.worst_corruption_at) = (error.abs(), x);
            }
            return;
        }
        self.sound += 1;
        self.absolute += error.abs();
        self.signed += error;
        if error.abs() > observed.max_error {
            (observed.max_error, observed.max_error_at) = (error.abs(), x);
        }
        let point = Point { x, output, truth };
        if let Some(before) = self.previous.replace(point) {
            self.step(before, point);
            self.reversal(before, point);
        }
        let counterpart = self.mirror.as_mut().and_then(|mirror| mirror.counterpart(point));
        if let (Some(left), Some(symmetry)) = (counterpart, self.truth.function().symmetry()) {
            let defect = symmetry.defect(x as f64 * self.unit, output, left.output).abs();
            let explained = self.limits.of(left.truth) + self.limits.of(truth);
            self.observed.asymmetry.get_or_insert_with(Peak::default).see(defect, explained, x);
        }
    }

    /// Of neighbours.
    fn step(&mut self, before: Point, after: Point) {
        if before.x + 1 != after.x {
            return;
        }
        let (step, true_step) = (after.output - before.output, after.truth - before.truth);
        let explained = self.limits.of(before.truth) + self.limits.of(after.truth);
        self.observed.jump.see((step - true_step).abs(), explained, before.x);
        let against = step * true_step < 0.0 && step.abs() > self.limits.randomness + true_step.abs();
        self.observed.monotone_violations += u64::from(against);
    }

    /// Against the direction of the truth, since it turned last.
    fn reversal(&mut self, before: Point, after: Point) {
        let stretch = &mut self.stretch;
        let true_step = after.truth - before.truth;
        if true_step * stretch.direction < 0.0 || stretch.direction == 0.0 && true_step != 0.0 {
            *stretch = Stretch { direction: true_step.signum(), highest: f64::NEG_INFINITY, firm: f64::NEG_INFINITY };
        }
        let direction = stretch.direction;
        stretch.highest = stretch.highest.max(direction * before.output);
        stretch.firm = stretch.firm.max(direction * before.output - self.limits.of(before.truth));
        let fall = stretch.highest - direction * after.output;
        let unexplained = stretch.firm - (direction * after.output + self.limits.of(after.truth));
        self.observed.reversal.see(fall, fall - unexplained, after.x);
    }

    fn finish(mut self) -> Observed {
        self.observed.mean_error = self.absolute / self.sound.max(1) as f64;
        self.observed.bias = self.signed / self.sound.max(1) as f64;
        self.observed
    }
}

/// The circuit of a protocol on a vector of `elements`.
pub(super) fn circuit(protocol: &Protocol, elements: usize) -> Circuit {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [elements]);
    let y = protocol.build(&mut c, x);
    c.reveal(y, "y");
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrored_points_are_those_with_both_signs() {
        let pairs = |numbers: &[i64]| -> Vec<(i64, i64)> {
            let mut mirror = Mirror::default();
            let points = numbers.iter().map(|&x| Point { x, output: 0.0, truth: 0.0 });
            points.filter_map(|right| mirror.counterpart(right).map(|left| (left.x, right.x))).collect()
        };
        assert_eq!(pairs(&[-9, -7, -4, -3, 0, 3, 4, 5, 9]), [(0, 0), (-3, 3), (-4, 4), (-9, 9)]);
        assert_eq!(pairs(&[0, 3, 4, 5, 9]), [(0, 0)]);
        assert_eq!(pairs(&[3, 4, 5, 9]), []);
    }
}
