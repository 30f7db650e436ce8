//! One row by itself: the bound of all its runs with all its elements, whether it keeps the claims, and what runs on it show.

use super::coverage::of_card;
use super::{BITS, EPSILON, circuit};
use crate::audit::{AuditError, Question};
use crate::bound::{Arithmetic, BoundError, Interpreter, Interval, Left, Tape};
use crate::reference::{Enclosure, double, row};
use rayon::prelude::*;
use std::collections::BTreeMap;
use viewless_protocols::circuit::{CheckedCircuit, Owner};
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::nonlinear::{Build, Protocol, Truth};
use viewless_protocols::program::Program;
use viewless_protocols::scheme;
use viewless_simulator::execute::{Options, execute};
use viewless_simulator::stream::Seed;

/// Runs on the worst row.
const RUNS: usize = 256;
/// Elements of the rows that are run together, and rows at most.
const BATCH_ELEMENTS: usize = 1 << 14;
const BATCH_ROWS: usize = 64;
/// Runs of a batch before it is given up, because something wrapped in each.
const ATTEMPTS: u64 = 4;

/// One row with what was found of it.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) row: Vec<f64>,
    /// No run on it errs by more.
    pub(super) error: f64,
    /// The circuit over the reals errs on it by at least this part of the claim.
    pub(super) of_claim: f64,
}

/// Where a row lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// All claims on the way hold.
    Inside,
    /// Those of the card hold, but not that of a part.
    LeavesPart,
    /// The card claims nothing for it.
    LeavesCard,
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
    pub(super) fn new(question: &Question<'a>, length: usize) -> Result<Self, AuditError> {
        let protocol = question.protocol;
        let circuit = circuit(protocol, 1, length)?;
        let tape = Tape::under(&circuit, &question.scheme, question.fixed).map_err(BoundError::from)?;
        let ring = Interpreter::new(tape.clone(), Arithmetic::Ring(question.scheme.truncation))?;
        let reals = Interpreter::new(tape, Arithmetic::Reals)?;
        Ok(Self { protocol, circuit, ring, reals, unit: power_of_two(-i32::from(question.fixed.fraction_bits())) })
    }

    /// The tape of the whole row, in the ring.
    pub(super) fn ring(&self) -> &Interpreter {
        &self.ring
    }

    /// The exact outputs; `None` where the function is not defined.
    fn truth(&self, x: &[f64]) -> Option<Vec<Enclosure>> {
        let function = match self.protocol.card.error.truth {
            Truth::Max => return Some(vec![Enclosure::of(row::max(x), BITS)]),
            Truth::LayerNorm => return row::layer_norm(x, &vec![1.0; x.len()], &vec![0.0; x.len()], EPSILON, BITS),
            Truth::Softmax => return row::softmax(x, BITS),
            Truth::TwoQuad { shift } => return row::two_quad(x, shift, BITS),
            Truth::TwoRelu => return row::two_relu(x, BITS),
            truth @ (Truth::Exp
            | Truth::Reciprocal
            | Truth::Rsqrt
            | Truth::Relu
            | Truth::LeakyRelu
            | Truth::Gelu
            | Truth::GeluTanh
            | Truth::Tanh) => crate::audit::function_of(truth)?,
        };
        x.iter().map(|&x| function.at(&Enclosure::of(x, BITS))).collect()
    }

    /// All inputs of the circuit for a row: a layer normalisation has weights, too.
    pub(super) fn inputs(&self, row: &[f64]) -> Vec<f64> {
        match self.protocol.build {
            Build::Map(_) | Build::Softmax(_) => row.to_vec(),
            Build::LayerNorm(_) => {
                row.iter().copied().chain(vec![1.0; row.len()]).chain(vec![0.0; row.len()]).collect()
            }
        }
    }

    /// Where a row lies, by the claims on its plaintext.
    pub(super) fn position(&self, row: &[f64]) -> Position {
        let all = self.inputs(row);
        let named = |_: Owner, name: &str| {
            let input = self.ring.tape().inputs.iter().find(|input| input.name == name)?;
            Some(all[input.start..][..input.elements].to_vec())
        };
        let Ok(plain) = self.circuit.evaluate(named) else { return Position::LeavesCard };
        let paths: Vec<String> =
            plain.domains.iter().map(|domain| self.circuit.regions().path(domain.region)).collect();
        let claims = paths.iter().map(String::as_str).zip(plain.domains.iter().map(|domain| domain.claimed));
        let card = &self.protocol.card;
        let own = of_card(&card.name, &card.interval.at(row.len()), claims);
        let mut position = Position::Inside;
        for (domain, own) in plain.domains.iter().zip(own).filter(|(domain, _)| domain.outside > 0) {
            debug_assert!(domain.elements > 0, "a claim is about something");
            if own {
                return Position::LeavesCard;
            }
            position = Position::LeavesPart;
        }
        position
    }

    /// Whether the plaintext stays in every claimed domain.
    pub(super) fn is_inside(&self, row: &[f64]) -> bool {
        self.position(row) == Position::Inside
    }

    /// For each row, the first number of its runs that leaves the headroom, or may.
    pub(super) fn first_to_leave(&self, rows: &[Vec<f64>]) -> Vec<Option<Left>> {
        let unit = |x: f64| ((x / self.unit).round(), (x / self.unit).round());
        let cases: Vec<Vec<_>> = rows.iter().map(|row| self.inputs(row).into_iter().map(unit).collect()).collect();
        self.ring.first_to_leave(&cases)
    }

    pub(super) fn judge(&self, rows: &[Vec<f64>], tally: &mut Tally) -> Vec<Judged> {
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
            let run = execute(&program, &inputs, Options::unhashed(Seed::from_u64(question.seed.wrapping_add(run))))?;
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

/// Many rows run in batches of one Program.
pub(super) struct Runner<'a> {
    judge: &'a Judge<'a>,
    program: Program,
    batch: usize,
    seed: u64,
    /// Batches run so far: each has a seed of its own.
    batches: u64,
}

impl<'a> Runner<'a> {
    pub(super) fn new(judge: &'a Judge<'a>, question: &Question<'_>, length: usize) -> Result<Self, AuditError> {
        let batch = (BATCH_ELEMENTS / length.max(1)).clamp(1, BATCH_ROWS);
        let circuit = circuit(judge.protocol, batch, length)?;
        let program = scheme::compile(&circuit, &question.scheme, question.fixed)?;
        Ok(Self { judge, program, batch, seed: question.seed, batches: 0 })
    }

    /// For each row the largest error of one run; infinite where an output is no number, `None` where something wrapped in every attempt.
    pub(super) fn errors(&mut self, rows: &[Vec<f64>]) -> Result<Vec<Option<f64>>, AuditError> {
        let mut errors = Vec::with_capacity(rows.len());
        for rows in rows.chunks(self.batch) {
            let length = rows[0].len();
            let padded = (0..self.batch).map(|i| &rows[i.min(rows.len() - 1)]);
            let inputs = BTreeMap::from([
                ("x".to_owned(), padded.flatten().copied().collect::<Vec<f64>>()),
                ("gamma".to_owned(), vec![1.0; length]),
                ("beta".to_owned(), vec![0.0; length]),
            ]);
            let mut outputs = None;
            for _ in 0..ATTEMPTS {
                self.batches += 1;
                let seed = Seed::from_u64(self.seed.wrapping_add(self.batches.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
                let run = execute(&self.program, &inputs, Options::unhashed(seed))?;
                if run.findings.wraps == 0 {
                    outputs = run.outputs.into_iter().next().map(|output| output.values);
                    break;
                }
            }
            let width = outputs.as_ref().map_or(1, |outputs| outputs.len() / self.batch);
            errors.extend(rows.iter().enumerate().map(|(i, row)| {
                let outputs = &outputs.as_ref()?[i * width..(i + 1) * width];
                self.judge.difference(row, outputs)
            }));
        }
        Ok(errors)
    }
}

impl Judge<'_> {
    /// The largest difference of outputs from the truth in f64; `None` where the function is not defined.
    fn difference(&self, row: &[f64], outputs: &[f64]) -> Option<f64> {
        let truth: Vec<f64> = match self.protocol.card.error.truth {
            Truth::Max => vec![row::max(row)],
            truth => {
                let (gamma, beta) = (vec![1.0; row.len()], vec![0.0; row.len()]);
                let exact = double::exact(truth, row, row.len(), Some((&gamma, &beta, EPSILON)))?;
                exact.into_iter().map(|exact| exact.value).collect()
            }
        };
        if truth.iter().any(|truth| !truth.is_finite()) {
            return None;
        }
        let error = |(y, t): (&f64, &f64)| if y.is_finite() { (y - t).abs() } else { f64::INFINITY };
        Some(outputs.iter().zip(&truth).map(error).fold(0.0, f64::max))
    }
}
