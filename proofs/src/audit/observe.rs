//! Errors that were seen: real executions in the simulator, compared with the truth.

use super::AuditError;
use crate::bound::Cell;
use crate::reference::Piecewise;
use std::collections::BTreeMap;
use viewless_protocols::circuit::{Circuit, Owner};
use viewless_protocols::fixed::{FixedPoint, power_of_two};
use viewless_protocols::nonlinear::Protocol;
use viewless_protocols::scheme::{self, SchemeSpec};
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
    /// Largest difference between the step of the output and that of the truth, from one input to the next.
    pub max_jump: f64,
    /// The first of these two inputs.
    pub max_jump_at: i64,
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
}

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
    spec: &SchemeSpec,
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
    let program = scheme::compile(&super::circuit_of(protocol, chunk)?, spec, fixed)?;
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

impl Observed {
    fn compare(&mut self, truth: &Piecewise, unit: f64, limits: Limits) {
        let (mut absolute, mut signed) = (0.0, 0.0);
        let mut before: Option<(i64, f64, f64)> = None;
        let mut counted = 0u64;
        for &(x, y) in &self.points {
            let t = truth.at(x as f64 * unit);
            let error = y - t;
            // Only a wrap can do that: the caller compares their numbers.
            if error.is_nan() || error.abs() > limits.error {
                self.corrupted += 1;
                if error.is_nan() || error.abs() > self.worst_corruption {
                    (self.worst_corruption, self.worst_corruption_at) = (error.abs(), x);
                }
                before = None;
                continue;
            }
            counted += 1;
            absolute += error.abs();
            signed += error;
            if error.abs() > self.max_error {
                (self.max_error, self.max_error_at) = (error.abs(), x);
            }
            if let Some((x0, y0, t0)) = before
                && x0 + 1 == x
            {
                let (step, true_step) = (y - y0, t - t0);
                if (step - true_step).abs() > self.max_jump {
                    (self.max_jump, self.max_jump_at) = ((step - true_step).abs(), x0);
                }
                let against = step * true_step < 0.0 && step.abs() > limits.randomness + true_step.abs();
                self.monotone_violations += u64::from(against);
            }
            before = Some((x, y, t));
        }
        self.mean_error = absolute / counted.max(1) as f64;
        self.bias = signed / counted.max(1) as f64;
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
