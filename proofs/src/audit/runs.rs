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
    /// Inputs with their outputs, in order.
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

/// Runs the protocol on every input of the cells and compares.
///
/// # Errors
/// [`AuditError::Compile`] and [`AuditError::Execute`].
pub fn observe(
    protocol: &Protocol,
    compile: &Compile<'_>,
    fixed: FixedPoint,
    seed: u64,
    cells: &[Cell],
    truth: &Piecewise,
    limits: Limits,
) -> Result<Observed, AuditError> {
    let inputs: Vec<i64> = cells.iter().flat_map(|cell| cell.low..=cell.high).collect();
    let unit = power_of_two(-i32::from(fixed.fraction_bits));
    let mut observed = Observed { inputs: inputs.len() as u64, ..Observed::default() };
    let chunk = CHUNK.min(inputs.len()).max(1);
    let program = compile(&super::number::circuit_of(protocol, chunk)?)?;
    for (i, inputs) in (0..).zip(inputs.chunks(chunk)) {
        let last = inputs.last().copied().unwrap_or(0);
        let padded = inputs.iter().copied().chain(std::iter::repeat(last)).take(chunk);
        let numbers: Vec<f64> = padded.map(|x| x as f64 * unit).collect();
        let provided = BTreeMap::from([("x".to_owned(), numbers)]);
        let run = execute(&program, &provided, Options::new(Seed::from_u64(seed.wrapping_add(i))))?;
        observed.wraps += run.findings.wraps;
        observed.expected_wraps += run.findings.expected_wraps;
        let outputs = run.outputs.first().map_or(&[][..], |output| &output.values);
        observed.points.extend(inputs.iter().copied().zip(outputs.iter().copied()));
    }
    observed.compare(truth, unit, limits);
    Ok(observed)
}

/// One run beside the truth.
#[derive(Debug, Clone, Copy)]
struct Point {
    x: i64,
    output: f64,
    truth: f64,
}

impl Observed {
    fn compare(&mut self, truth: &Piecewise, unit: f64, limits: Limits) {
        let (mut absolute, mut signed) = (0.0, 0.0);
        let mut sound: Vec<Point> = Vec::with_capacity(self.points.len());
        for &(x, y) in &self.points {
            let t = truth.at(x as f64 * unit);
            let error = y - t;
            // Only a wrap can do that: the caller compares their numbers.
            if error.is_nan() || error.abs() > limits.error {
                self.corrupted += 1;
                if error.is_nan() || error.abs() > self.worst_corruption {
                    (self.worst_corruption, self.worst_corruption_at) = (error.abs(), x);
                }
                continue;
            }
            absolute += error.abs();
            signed += error;
            if error.abs() > self.max_error {
                (self.max_error, self.max_error_at) = (error.abs(), x);
            }
            sound.push(Point { x, output: y, truth: t });
        }
        self.mean_error = absolute / sound.len().max(1) as f64;
        self.bias = signed / sound.len().max(1) as f64;
        self.steps(&sound, limits);
        self.reversals(&sound, limits);
        self.asymmetry = truth.function().symmetry().and_then(|symmetry| {
            let mut peak = None;
            for (left, right) in mirrored(&sound) {
                let defect = symmetry.defect(right.x as f64 * unit, right.output, left.output).abs();
                let explained = limits.of(left.truth) + limits.of(right.truth);
                peak.get_or_insert_with(Peak::default).see(defect, explained, right.x);
            }
            peak
        });
    }

    /// Pairs of neighbours.
    fn steps(&mut self, sound: &[Point], limits: Limits) {
        for pair in sound.windows(2).filter(|pair| pair[0].x + 1 == pair[1].x) {
            let (step, true_step) = (pair[1].output - pair[0].output, pair[1].truth - pair[0].truth);
            let explained = limits.of(pair[0].truth) + limits.of(pair[1].truth);
            self.jump.see((step - true_step).abs(), explained, pair[0].x);
            let against = step * true_step < 0.0 && step.abs() > limits.randomness + true_step.abs();
            self.monotone_violations += u64::from(against);
        }
    }

    /// Stretches on which the truth goes in one direction.
    fn reversals(&mut self, sound: &[Point], limits: Limits) {
        // Turned so that the truth rises: the highest output so far, and the highest that no rounding explains.
        let (mut direction, mut highest, mut firm) = (0.0, f64::NEG_INFINITY, f64::NEG_INFINITY);
        for pair in sound.windows(2) {
            let true_step = pair[1].truth - pair[0].truth;
            if true_step * direction < 0.0 || direction == 0.0 && true_step != 0.0 {
                direction = true_step.signum();
                (highest, firm) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
            }
            highest = highest.max(direction * pair[0].output);
            firm = firm.max(direction * pair[0].output - limits.of(pair[0].truth));
            let fall = highest - direction * pair[1].output;
            let unexplained = firm - (direction * pair[1].output + limits.of(pair[1].truth));
            self.reversal.see(fall, fall - unexplained, pair[1].x);
        }
    }
}

/// Pairs (-x, x) with x >= 0 of points in order.
fn mirrored(points: &[Point]) -> impl Iterator<Item = (&Point, &Point)> {
    let middle = points.partition_point(|point| point.x < 0);
    let (negative, positive) = points.split_at(middle);
    let zero = positive.first().filter(|point| point.x == 0).map(|point| (point, point));
    let mut left = negative.iter().rev().peekable();
    let pairs = positive.iter().filter(|point| point.x > 0).filter_map(move |right| {
        while left.next_if(|left| -left.x < right.x).is_some() {}
        left.next_if(|left| -left.x == right.x).map(|left| (left, right))
    });
    zero.into_iter().chain(pairs)
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
        let points: Vec<Point> = [-9, -7, -4, -3, 0, 3, 4, 5, 9].map(|x| Point { x, output: 0.0, truth: 0.0 }).into();
        let pairs: Vec<(i64, i64)> = mirrored(&points).map(|(left, right)| (left.x, right.x)).collect();
        assert_eq!(pairs, [(0, 0), (-3, 3), (-4, 4), (-9, 9)]);
        assert_eq!(mirrored(&points[4..]).count(), 1);
        assert_eq!(mirrored(&points[5..]).count(), 0);
    }
}
