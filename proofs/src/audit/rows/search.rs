//! The adversarial search for bad rows, from below: each row is bounded by itself, with all its elements.
//!
//! Rows are drawn from families that stress what rows depend on (spread, spikes, ties, the ends of the claimed domain) and taken from
//! where the bound over all rows is attained; then the worst ones are changed element by element, and by scale, as long as that makes
//! them worse. Rows on which the plaintext leaves a domain that the protocol claims for itself are no rows to judge it by; they are
//! left out and counted.

use super::{BITS, EPSILON, circuit};
use crate::audit::{AuditError, Question};
use crate::bound::{Arithmetic, BoundError, Interpreter, Interval, Tape};
use crate::reference::{Enclosure, row};
use rayon::prelude::*;
use std::collections::BTreeMap;
use viewless_protocols::circuit::{CheckedCircuit, Owner};
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::nonlinear::{Build, Protocol, Truth};
use viewless_protocols::scheme;
use viewless_simulator::execute::{Options, execute};
use viewless_simulator::stream::{Seed, StreamKey};

/// Elements of the rows of the families, all together, and rows at most.
const FIRST_ELEMENTS: usize = 1 << 14;
const FIRST: usize = 512;
/// Rounds of changes to the worst rows, and rows tried in each.
const ROUNDS: usize = 24;
const TRIED: usize = 64;
/// Steps of all rows together, after which no round is begun.
const EFFORT: usize = 1 << 24;
/// Rows that are changed in each round.
const KEPT: usize = 8;
/// A row this near to the bound over all rows is bad enough.
const ENOUGH: f64 = 0.95;
/// Runs on the worst row.
const RUNS: usize = 256;

/// One row with what was found of it.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) row: Vec<f64>,
    /// No run on it errs by more.
    pub(super) error: f64,
    /// The circuit over the reals errs on it by at least this part of the claim.
    of_claim: f64,
}

pub(super) struct Judge<'a> {
    protocol: &'a Protocol,
    circuit: CheckedCircuit,
    ring: Interpreter,
    reals: Interpreter,
    unit: f64,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) bounded: u64,
    pub(super) outside: u64,
    pub(super) unbounded: u64,
    /// Largest part of the claim.
    pub(super) of_claim: f64,
    /// The row of that.
    pub(super) of_claim_row: Vec<f64>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(protocol: &'a Protocol, question: &Question<'_>, length: usize) -> Result<Self, AuditError> {
        let circuit = circuit(protocol, 1, length)?;
        let tape = Tape::new(&circuit, question.fixed).map_err(BoundError::from)?;
        let ring = Interpreter::new(tape.clone(), Arithmetic::Ring(question.scheme.truncation))?;
        let reals = Interpreter::new(tape, Arithmetic::Reals)?;
        Ok(Self { protocol, circuit, ring, reals, unit: power_of_two(-i32::from(question.fixed.fraction_bits)) })
    }

    /// The tape of the whole row, in the ring.
    pub(super) fn ring(&self) -> &Interpreter {
        &self.ring
    }

    /// The worst row found, and what was tried. `bound`: no row has more.
    pub(super) fn search(&self, draw: &Draw, seed: u64, rows: Vec<Vec<f64>>, bound: f64) -> (Option<Judged>, Tally) {
        let mut random = Random { key: StreamKey::derive(&Seed::from_u64(seed), 0), position: 0 };
        let mut tally = Tally::default();
        let mut worst: Vec<Judged> = Vec::new();
        let mut candidates: Vec<Vec<f64>> = rows.iter().map(|row| row.iter().map(|&x| draw.fit(x)).collect()).collect();
        let first = (FIRST_ELEMENTS / draw.length).clamp(64, FIRST);
        candidates.extend((0..first).map(|i| draw.family(i, &mut random)));
        let mut effort = 0;
        for _ in 0..ROUNDS {
            effort += candidates.len() * self.ring.tape().steps.len();
            worst.extend(self.judge(&candidates, &mut tally));
            worst.sort_by(|a, b| b.error.total_cmp(&a.error));
            worst.truncate(KEPT);
            if worst.first().is_some_and(|worst| worst.error >= ENOUGH * bound) || effort > EFFORT {
                break;
            }
            candidates = (0..TRIED)
                .filter_map(|i| worst.get(i % KEPT.min(worst.len().max(1))))
                .map(|judged| draw.changed(&judged.row, &mut random))
                .collect();
        }
        (worst.into_iter().next(), tally)
    }

    /// The exact outputs; `None` where the function is not defined.
    fn truth(&self, x: &[f64]) -> Option<Vec<Enclosure>> {
        let function = match self.protocol.card.error.truth {
            Truth::Max => return Some(vec![Enclosure::of(row::max(x), BITS)]),
            Truth::LayerNorm => return row::layer_norm(x, &vec![1.0; x.len()], &vec![0.0; x.len()], EPSILON, BITS),
            Truth::Softmax => return row::softmax(x, BITS),
            Truth::TwoQuad { shift } => return row::two_quad(x, shift, BITS),
            Truth::TwoRelu => return row::two_relu(x, BITS),
            truth @ (Truth::Exp | Truth::Reciprocal | Truth::Rsqrt | Truth::Gelu | Truth::GeluTanh | Truth::Tanh) => {
                crate::audit::function_of(truth)?
            }
        };
        x.iter().map(|&x| function.at(&Enclosure::of(x, BITS))).collect()
    }

    fn inputs(&self, row: &[f64]) -> Vec<f64> {
        match self.protocol.build {
            Build::Map(_) | Build::Softmax(_) => row.to_vec(),
            Build::LayerNorm(_) => {
                row.iter().copied().chain(vec![1.0; row.len()]).chain(vec![0.0; row.len()]).collect()
            }
        }
    }

    /// Whether the plaintext stays in every claimed domain.
    pub(super) fn is_inside(&self, row: &[f64]) -> bool {
        let all = self.inputs(row);
        let named = |_: Owner, name: &str| {
            let input = self.ring.tape().inputs.iter().find(|input| input.name == name)?;
            Some(all[input.start..][..input.elements].to_vec())
        };
        self.circuit.evaluate(named).is_ok_and(|plain| plain.domains.iter().all(|domain| domain.outside == 0))
    }

    fn judge(&self, rows: &[Vec<f64>], tally: &mut Tally) -> Vec<Judged> {
        let inside: Vec<&Vec<f64>> = rows.par_iter().filter(|row| self.is_inside(row)).collect();
        tally.outside += (rows.len() - inside.len()) as u64;
        let cases = |unit: f64| -> Vec<Vec<(f64, f64)>> {
            inside
                .iter()
                .map(|row| self.inputs(row).iter().map(|x| ((x / unit).round(), (x / unit).round())).collect())
                .collect()
        };
        let cases = cases(self.unit);
        let (ring, reals) = (self.ring.intervals_of_many(&cases), self.reals.intervals_of_many(&cases));
        let unbounded = ring.iter().filter(|intervals| intervals.is_none()).count();
        tally.unbounded += unbounded as u64;
        tally.bounded += (ring.len() - unbounded) as u64;
        let claim = &self.protocol.card.error;
        let judged = |i: usize| {
            let truth = self.truth(inside[i])?;
            let at_most =
                |interval: &Interval, truth: &Enclosure| (interval.high - truth.low()).max(truth.high() - interval.low);
            let at_least = |interval: &Interval, truth: &Enclosure| {
                (interval.low - truth.high()).max(truth.low() - interval.high).max(0.0)
            };
            let largest = |intervals: &[Interval], of: &dyn Fn(&Interval, &Enclosure) -> f64| {
                intervals.iter().zip(&truth).map(|(interval, truth)| of(interval, truth)).fold(0.0, f64::max)
            };
            // Claimed at most, and erring at least: what is beyond 1 refutes the claim for certain.
            let claimed = |truth: &Enclosure| claim.absolute + claim.relative * truth.magnitude();
            let of_claim = |interval: &Interval, truth: &Enclosure| match at_least(interval, truth) {
                0.0 => 0.0,
                error => error / claimed(truth),
            };
            Some(Judged {
                row: inside[i].clone(),
                error: largest(ring[i].as_deref()?, &at_most),
                of_claim: largest(reals[i].as_deref()?, &of_claim),
            })
        };
        let judged: Vec<Judged> = (0..inside.len()).into_par_iter().filter_map(judged).collect();
        for judged in &judged {
            if judged.of_claim > tally.of_claim {
                tally.of_claim = judged.of_claim;
                tally.of_claim_row.clone_from(&judged.row);
            }
        }
        judged
    }

    /// The largest error of many runs on one row, those apart in which something wrapped.
    pub(super) fn run(&self, question: &Question<'_>, row: &[f64]) -> Result<f64, AuditError> {
        let rows = (RUNS * 16 / row.len().max(16)).max(1);
        self.largest_error(question, &vec![row.to_vec(); rows], 4)
    }

    /// The largest error of so many runs on some rows together, those apart in which something wrapped.
    pub(super) fn largest_error(
        &self,
        question: &Question<'_>,
        rows: &[Vec<f64>],
        runs: u64,
    ) -> Result<f64, AuditError> {
        let length = rows.first().map_or(1, Vec::len);
        let truth =
            |row: &Vec<f64>| self.truth(row).unwrap_or_default().iter().map(Enclosure::middle).collect::<Vec<f64>>();
        let truth: Vec<f64> = match rows {
            [first, rest @ ..] if rest.iter().all(|row| row == first) => truth(first).repeat(rows.len()),
            _ => rows.par_iter().flat_map_iter(truth).collect(),
        };
        let program = scheme::compile(&circuit(self.protocol, rows.len(), length)?, &question.scheme, question.fixed)?;
        let inputs = BTreeMap::from([
            ("x".to_owned(), rows.concat()),
            ("gamma".to_owned(), vec![1.0; length]),
            ("beta".to_owned(), vec![0.0; length]),
        ]);
        let mut largest: f64 = 0.0;
        for run in 0..runs {
            let run = execute(&program, &inputs, Options::new(Seed::from_u64(question.seed.wrapping_add(run))))?;
            if run.findings.wraps > 0 {
                continue;
            }
            let outputs = run.outputs.first().map_or(&[][..], |output| &output.values);
            let errors = outputs.iter().zip(&truth).map(|(y, t)| (y - t).abs());
            largest = errors.fold(largest, f64::max);
        }
        Ok(largest)
    }

    /// The bound of one row; `None` where the protocol claims nothing.
    #[cfg(test)]
    pub(super) fn judge_one(&self, row: &[f64]) -> Option<f64> {
        self.judge(&[row.to_vec()], &mut Tally::default()).first().map(|judged| judged.error)
    }
}

/// Words of a stream as numbers.
struct Random {
    key: StreamKey,
    position: u64,
}

impl Random {
    /// Uniform in [0, 1).
    fn uniform(&mut self) -> f64 {
        self.position += 1;
        (self.key.word(self.position) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }
}

/// Rows of a length in a range.
pub(super) struct Draw {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) unit: f64,
    pub(super) length: usize,
}

impl Draw {
    /// The nearest representable number of the range.
    fn fit(&self, x: f64) -> f64 {
        (x.clamp(self.low, self.high) / self.unit).round() * self.unit
    }

    /// One row of the i-th of eight families.
    fn family(&self, i: usize, random: &mut Random) -> Vec<f64> {
        let (low, high) = (self.low, self.high);
        let span = high - low;
        let level = low + span * random.uniform();
        // Spreads from the whole range down to a millionth of it.
        let spread = span * 10f64.powf(-6.0 * random.uniform());
        let spike = random.below(self.length);
        let element = |j: usize, random: &mut Random| match i % 8 {
            0 => low + span * random.uniform(),
            1 => level,
            2 => level + spread * (random.uniform() - 0.5),
            3 => {
                if j == spike {
                    high
                } else {
                    low
                }
            }
            4 => {
                if j == spike {
                    low
                } else {
                    high
                }
            }
            5 => {
                if j.is_multiple_of(2) {
                    level
                } else {
                    level + spread
                }
            }
            6 => level + spread * (j as f64 / self.length as f64),
            _ => {
                if j == spike {
                    level + spread
                } else {
                    level
                }
            }
        };
        (0..self.length).map(|j| self.fit(element(j, random))).collect()
    }

    /// A row near another.
    fn changed(&self, row: &[f64], random: &mut Random) -> Vec<f64> {
        let span = self.high - self.low;
        let step = span * 10f64.powf(-5.0 * random.uniform()) * (random.uniform() - 0.5);
        let (position, other) = (random.below(row.len()), random.below(row.len()));
        let mean = row.iter().sum::<f64>() / row.len() as f64;
        let scale = 1.0 + (random.uniform() - 0.5) * 0.2;
        let kind = random.below(5);
        let change = |(j, &x): (usize, &f64)| match kind {
            0 => {
                if j == position {
                    x + step
                } else {
                    x
                }
            }
            1 => x + step,
            2 => mean + (x - mean) * scale,
            3 => {
                if j == position {
                    row[other]
                } else {
                    x
                }
            }
            _ => {
                if j <= position {
                    x + step
                } else {
                    x
                }
            }
        };
        row.iter().enumerate().map(change).map(|x| self.fit(x)).collect()
    }
}
