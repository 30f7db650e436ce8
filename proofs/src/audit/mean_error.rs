//! Mean and variance of the absolute error over an interval: the figures that papers print of an approximation.
//!
//! A mean is no bound: a protocol that is wrong on a thousandth of the interval has a small one. It is here because tables of papers
//! are made of it, so that each reading of a paper can be held beside the paper's own table.
//!
//! ```
//! use viewless_proofs::audit::mean_error::{Evaluation, Grid, averages};
//! use viewless_proofs::reference::RealFunction;
//! use viewless_protocols::nonlinear;
//!
//! let gelu = nonlinear::Registry::built_in().get("gelu/secformer").expect("it is in the registry");
//! let table = averages(&[gelu], RealFunction::GeluErf, &[Grid::symmetric(5.0, 10_001)], Evaluation::Reals).expect("it can be evaluated");
//! assert!((table[0].mean - 0.005008).abs() < 1e-5);
//! ```

use super::{AuditError, alone, function_of};
use crate::reference::{Piecewise, RealFunction};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use viewless_protocols::circuit::CheckedCircuit;
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::nonlinear::Protocol;
use viewless_protocols::scheme::{self, SchemeSpec};
use viewless_simulator::execute::{Options, execute};
use viewless_simulator::stream::Seed;

/// Numbers at equal distances, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// How many, at least two.
    pub points: usize,
}

/// How the protocol is evaluated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Evaluation {
    /// Its circuit in f64: the approximation itself.
    Reals,
    /// Its Program in the simulator: rounding, and wraps where they happen, included.
    Runs {
        /// The scheme.
        scheme: SchemeSpec,
        /// The fixed point, to which the numbers of the grid are rounded before anything else.
        fixed: FixedPoint,
        /// Decides the randomness.
        seed: u64,
    },
    /// By one party alone, in words of 64 bits with exact truncations, towards zero: of protocols of sums and products.
    Alone {
        /// The fixed point, to which the numbers of the grid are rounded before anything else.
        fixed: FixedPoint,
    },
}

/// The errors of one protocol on one grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Average {
    /// Name of the protocol.
    pub protocol: String,
    /// The numbers.
    pub grid: Grid,
    /// What the protocol is compared with.
    pub truth: String,
    /// Mean of the absolute errors.
    pub mean: f64,
    /// Mean of the squared differences of the absolute errors from their mean.
    pub variance: f64,
    /// The largest absolute error on the grid.
    pub max: f64,
    /// Where.
    pub max_at: f64,
}

impl Grid {
    /// `points` numbers from -`bound` to `bound`.
    #[must_use]
    pub const fn symmetric(bound: f64, points: usize) -> Self {
        Self { low: -bound, high: bound, points }
    }

    /// The numbers, in order.
    #[must_use]
    pub fn numbers(self) -> Vec<f64> {
        let Self { low, high, points } = self;
        let last = points.saturating_sub(1).max(1) as f64;
        // Weighted ends, so that the last number is `high` and the middle of a symmetric grid 0.
        (0..points).map(|i| i as f64 / last).map(|t| low * (1.0 - t) + high * t).collect()
    }
}

/// Elements of one evaluation.
const CHUNK: usize = 1 << 14;

/// The table: for each protocol, in order, its errors on each grid against one truth, whatever the cards name as theirs.
///
/// # Errors
/// [`AuditError::NoInterval`] for a grid of fewer than two numbers or without order, [`AuditError::OfRows`] for a protocol that is no
/// function of one number, and what prevents the evaluation.
pub fn averages(
    protocols: &[&Protocol],
    truth: RealFunction,
    grids: &[Grid],
    evaluation: Evaluation,
) -> Result<Vec<Average>, AuditError> {
    let cases = protocols.iter().flat_map(|protocol| grids.iter().map(move |grid| (protocol, grid)));
    cases.map(|(protocol, grid)| average(protocol, truth, *grid, evaluation)).collect()
}

/// The errors of a protocol on a grid.
///
/// # Errors
/// As [`averages`].
pub fn average(
    protocol: &Protocol,
    reference: RealFunction,
    grid: Grid,
    evaluation: Evaluation,
) -> Result<Average, AuditError> {
    let Grid { low, high, points } = grid;
    if !(low.is_finite() && high.is_finite() && low < high) || points < 2 {
        return Err(AuditError::NoInterval { low, high });
    }
    let (name, function) = (protocol.card.name.clone(), protocol.card.function.clone());
    if function_of(protocol.card.error.truth).is_none() {
        return Err(AuditError::OfRows { name, function });
    }
    let truth = Piecewise::new(reference, low, high)?;
    let numbers = grid.numbers();
    let results = match evaluation {
        Evaluation::Reals => over_the_reals(&super::number::circuit_of(protocol, CHUNK.min(points))?, &numbers)?,
        Evaluation::Runs { scheme, fixed, seed } => in_runs(protocol, &numbers, &scheme, fixed, seed)?,
        Evaluation::Alone { fixed } => alone::evaluate(&super::number::circuit_of(protocol, points)?, fixed, &numbers)?,
    };
    let errors: Vec<f64> = numbers.iter().zip(&results).map(|(&x, y)| (y - truth.at(x)).abs()).collect();
    let mean = mean(&errors);
    let variance = self::mean(&errors.iter().map(|error| (error - mean) * (error - mean)).collect::<Vec<_>>());
    let worst = (0..points).max_by(|&i, &j| errors[i].total_cmp(&errors[j])).unwrap_or(0);
    Ok(Average {
        protocol: name,
        grid,
        truth: reference.to_string(),
        mean,
        variance,
        max: errors[worst],
        max_at: numbers[worst],
    })
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// The numbers in portions of one size, the last one filled up.
fn portions(numbers: &[f64], size: usize) -> Vec<Vec<f64>> {
    let filled = |portion: &[f64]| {
        let last = portion.last().copied().unwrap_or(0.0);
        portion.iter().copied().chain(std::iter::repeat(last)).take(size).collect()
    };
    numbers.chunks(size).map(filled).collect()
}

fn over_the_reals(circuit: &CheckedCircuit, numbers: &[f64]) -> Result<Vec<f64>, AuditError> {
    let evaluate = |portion: Vec<f64>| {
        let mut plain = circuit.evaluate(|_, _| Some(portion.clone()))?;
        Ok(plain.outputs.pop().map_or_else(Vec::new, |(_, _, values)| values))
    };
    let results: Vec<Vec<f64>> =
        portions(numbers, CHUNK.min(numbers.len())).into_par_iter().map(evaluate).collect::<Result<_, AuditError>>()?;
    Ok(results.into_iter().flatten().take(numbers.len()).collect())
}

fn in_runs(
    protocol: &Protocol,
    numbers: &[f64],
    spec: &SchemeSpec,
    fixed: FixedPoint,
    seed: u64,
) -> Result<Vec<f64>, AuditError> {
    let size = CHUNK.min(numbers.len());
    let program = scheme::compile(&super::number::circuit_of(protocol, size)?, spec, fixed)?;
    let mut results = Vec::with_capacity(numbers.len());
    for (i, portion) in (0..).zip(portions(numbers, size)) {
        let inputs = BTreeMap::from([("x".to_owned(), portion)]);
        let mut run = execute(&program, &inputs, Options::unhashed(Seed::from_u64(seed.wrapping_add(i))))?;
        results.extend(run.outputs.pop().map_or_else(Vec::new, |output| output.values));
    }
    results.truncate(numbers.len());
    Ok(results)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Question;
    use viewless_protocols::circuit::{Circuit, Secret};
    use viewless_protocols::nonlinear::{self, Build};

    fn gelu() -> &'static Protocol {
        nonlinear::Registry::built_in().get("gelu/secformer").unwrap()
    }

    fn identity(_: &mut Circuit, x: Secret) -> Secret {
        x
    }

    /// The identity errs from GeLU(x) by x (1 - Phi(x)), and Phi(1) is in tables.
    #[test]
    fn mean_variance_and_maximum_are_those_of_the_errors() {
        let identity =
            Protocol { card: gelu().card.clone(), build: Build::map(identity), parts: None, file: None, family: None };
        // x - GeLU(x) at -1, 0, 1: -0.84134, 0, 0.15866.
        let found = average(&identity, RealFunction::GeluErf, Grid::symmetric(1.0, 3), Evaluation::Reals).unwrap();
        let errors = [0.841_344_746_068_543, 0.0, 0.158_655_253_931_457];
        let mean = errors.iter().sum::<f64>() / 3.0;
        let variance = errors.iter().map(|e| (e - mean) * (e - mean)).sum::<f64>() / 3.0;
        assert!((found.mean - mean).abs() < 1e-12 && (found.variance - variance).abs() < 1e-12);
        assert_eq!((found.max_at, found.truth.as_str()), (-1.0, "gelu (erf)"));
        assert!((found.max - errors[0]).abs() < 1e-12);
    }

    /// Portions and threads change nothing, and runs differ from the reals by what fixed point adds.
    #[test]
    fn a_grid_of_many_portions_is_one_grid_and_runs_agree_with_the_reals() {
        let grid = Grid::symmetric(2.0, CHUNK + 17);
        let reals = average(gelu(), RealFunction::GeluErf, grid, Evaluation::Reals).unwrap();
        let circuit = crate::audit::number::circuit_of(gelu(), 1).unwrap();
        let at = |x: f64| circuit.evaluate(|_, _| Some(vec![x])).unwrap().outputs[0].2[0];
        let truth = Piecewise::new(RealFunction::GeluErf, -2.0, 2.0).unwrap();
        let errors: Vec<f64> = grid.numbers().iter().map(|&x| (at(x) - truth.at(x)).abs()).collect();
        assert!((reals.mean - mean(&errors)).abs() < 1e-15);
        let question = Question::new(gelu());
        let runs = Evaluation::Runs { scheme: question.scheme, fixed: question.fixed, seed: 1 };
        let runs = average(gelu(), RealFunction::GeluErf, grid, runs).unwrap();
        assert!(runs != reals && (runs.mean - reals.mean).abs() < 2e-5, "{} {}", runs.mean, reals.mean);
    }

    #[test]
    fn what_has_no_average_is_refused() {
        let softmax = nonlinear::Registry::built_in().get("softmax/exp").unwrap();
        let of = |protocol, low, high, points| {
            average(protocol, RealFunction::GeluErf, Grid { low, high, points }, Evaluation::Reals)
        };
        assert!(matches!(of(softmax, -1.0, 1.0, 3), Err(AuditError::OfRows { .. })));
        for (low, high, points) in [(1.0, -1.0, 3), (0.0, f64::NAN, 3), (-1.0, 1.0, 1)] {
            assert!(matches!(of(gelu(), low, high, points), Err(AuditError::NoInterval { .. })));
        }
    }
}
