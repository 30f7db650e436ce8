//! Functions of a row: the largest error that any run can have on the worst rows that a search finds.
//!
//! For one row of concrete numbers the bound of every run is a theorem, as for single numbers. Over *all* rows of a length nothing is
//! certified here: the search is adversarial but it is a search. So [`RowReport::certified_on_worst_row`] is a true statement about the
//! row that it names, and a lower bound of the certified error over all rows.
//!
//! Rows are drawn from families that stress what rows depend on (spread, spikes, ties, the ends of the claimed domain), then the worst
//! ones are changed element by element, and by scale, as long as that makes them worse. Rows on which the plaintext leaves a domain that
//! the protocol claims for itself are no rows to judge it by; they are left out and counted.

use super::{AuditError, Claim, Question};
use crate::bound::{Arithmetic, BoundError, Interpreter, Interval, Tape};
use crate::reference::{Enclosure, row};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Owner};
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::nonlinear::{self, Build, LayerNormInputs, Protocol, Truth};
use viewless_protocols::scheme;
use viewless_simulator::execute::{Options, execute};
use viewless_simulator::stream::{Seed, StreamKey};

/// Bits of the reference: rows have errors far above 2^-100.
const BITS: u32 = 128;
/// Rows of the families.
const FIRST: usize = 512;
/// Rounds of changes to the worst rows, and rows tried in each.
const ROUNDS: usize = 24;
const TRIED: usize = 128;
/// Rows that are changed in each round.
const KEPT: usize = 8;
/// Runs on the worst row.
const RUNS: usize = 256;

/// What is known about a protocol of rows. Errors are absolute, the largest of the row's elements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowReport {
    /// Name of the protocol.
    pub protocol: String,
    /// Elements of a row.
    pub row_length: usize,
    /// Interval of the elements.
    pub range: (f64, f64),
    /// The truth and its precision.
    pub reference: String,
    /// The card's claim; its domain is that of the quantity that the card names.
    pub claim: Claim,
    /// The quantity that must be in the claim's domain.
    pub domain_of: String,
    /// Rows that were bounded.
    pub rows: u64,
    /// Rows left out, because the protocol claims nothing for them.
    pub rows_outside: u64,
    /// Rows on which a number can leave the headroom.
    pub rows_unbounded: u64,
    /// No run on the worst row found errs by more.
    pub certified_on_worst_row: f64,
    /// Largest error of the circuit over the reals on any row tried, as a part of the claim: beyond 1 the claim is false.
    pub approximation_of_claim: f64,
    /// The row of that.
    pub approximation_row: Vec<f64>,
    /// What follows for the claim.
    pub verdict: RowVerdict,
    /// Largest error of real runs on that row.
    pub observed_on_worst_row: f64,
    /// The row.
    pub worst_row: Vec<f64>,
}

/// What a search over rows can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowVerdict {
    /// A row was found on which the circuit over the reals errs by more than the card claims: that is certain.
    Refuted,
    /// None was found; that is no proof.
    NotRefuted,
}

/// One row with what was found of it.
#[derive(Debug, Clone)]
struct Judged {
    row: Vec<f64>,
    error: f64,
    of_claim: f64,
}

struct Judge<'a> {
    protocol: &'a Protocol,
    circuit: CheckedCircuit,
    ring: Interpreter,
    reals: Interpreter,
    unit: f64,
}

/// Searches for the worst rows of `length` elements in `range`, which a question's domain may replace.
///
/// # Errors
/// [`AuditError`] says what to change.
pub fn audit_rows(question: &Question<'_>, length: usize, range: (f64, f64)) -> Result<RowReport, AuditError> {
    let unknown = || AuditError::UnknownProtocol { name: question.protocol.to_owned() };
    audit_rows_of(nonlinear::find(question.protocol).ok_or_else(unknown)?, question, length, range)
}

/// As [`audit_rows`], of any protocol, in the registry or not.
///
/// # Errors
/// [`AuditError`] says what to change.
pub fn audit_rows_of(
    protocol: &Protocol,
    question: &Question<'_>,
    length: usize,
    range: (f64, f64),
) -> Result<RowReport, AuditError> {
    let (low, high) = question.domain.unwrap_or(range);
    let elements = super::cell(low, high, question.fixed)?;
    let unit = power_of_two(-i32::from(question.fixed.fraction_bits));
    let circuit = circuit(protocol, 1, length)?;
    let tape = Tape::new(&circuit, question.fixed).map_err(BoundError::from)?;
    let ring = Interpreter::new(tape.clone(), Arithmetic::Ring(question.scheme.truncation))?;
    let judge = Judge { protocol, circuit, ring, reals: Interpreter::new(tape, Arithmetic::Reals)?, unit };
    let draw = Draw { low: elements.low as f64 * unit, high: elements.high as f64 * unit, unit, length };

    let mut random = Random { key: StreamKey::derive(&Seed::from_u64(question.seed), 0), position: 0 };
    let mut tally = Tally::default();
    let mut worst: Vec<Judged> = Vec::new();
    let mut candidates: Vec<Vec<f64>> = (0..FIRST).map(|i| draw.family(i, &mut random)).collect();
    for _ in 0..ROUNDS {
        worst.extend(judge.judge(&candidates, &mut tally));
        worst.sort_by(|a, b| b.error.total_cmp(&a.error));
        worst.truncate(KEPT);
        candidates = (0..TRIED)
            .filter_map(|i| worst.get(i % KEPT.min(worst.len().max(1))))
            .map(|judged| draw.changed(&judged.row, &mut random))
            .collect();
    }
    let found = worst.first().ok_or(AuditError::NoRow { name: protocol.card.name.to_owned(), length, low, high })?;
    let observed = judge.run(question, &found.row)?;
    if observed > found.error {
        return Err(AuditError::BeyondCertified {
            corrupted: 1,
            certified: found.error,
            observed,
            at: found.row[0],
            wraps: 0,
        });
    }
    let (card, claimed) = (protocol.card, (protocol.card.domain)(length));
    Ok(RowReport {
        protocol: card.name.to_owned(),
        row_length: length,
        range: (low, high),
        reference: format!("{}, {BITS}-bit", card.error.truth),
        claim: Claim {
            absolute: card.error.absolute,
            relative: card.error.relative,
            truth: card.error.truth.to_string(),
            domain: (claimed.low, claimed.high),
        },
        domain_of: claimed.of.to_owned(),
        rows: tally.bounded,
        rows_outside: tally.outside,
        rows_unbounded: tally.unbounded,
        certified_on_worst_row: found.error,
        approximation_of_claim: tally.of_claim,
        approximation_row: tally.of_claim_row,
        verdict: if tally.of_claim > 1.0 { RowVerdict::Refuted } else { RowVerdict::NotRefuted },
        observed_on_worst_row: observed,
        worst_row: found.row.clone(),
    })
}

#[derive(Debug, Default)]
struct Tally {
    bounded: u64,
    outside: u64,
    unbounded: u64,
    of_claim: f64,
    of_claim_row: Vec<f64>,
}

impl Judge<'_> {
    /// The exact outputs; `None` where the function is not defined.
    fn truth(&self, x: &[f64]) -> Option<Vec<Enclosure>> {
        let function = match self.protocol.card.error.truth {
            Truth::Max => return Some(vec![Enclosure::of(row::max(x), BITS)]),
            Truth::LayerNorm => return row::layer_norm(x, &vec![1.0; x.len()], &vec![0.0; x.len()], EPSILON, BITS),
            Truth::Softmax => return row::softmax(x, BITS),
            Truth::TwoQuad { shift } => return row::two_quad(x, shift, BITS),
            Truth::TwoRelu => return row::two_relu(x, BITS),
            truth @ (Truth::Exp | Truth::Reciprocal | Truth::Rsqrt | Truth::Gelu | Truth::GeluTanh | Truth::Tanh) => {
                super::function_of(truth)?
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
    fn is_inside(&self, row: &[f64]) -> bool {
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
    fn run(&self, question: &Question<'_>, row: &[f64]) -> Result<f64, AuditError> {
        let truth: Vec<f64> = self.truth(row).unwrap_or_default().iter().map(Enclosure::middle).collect();
        let rows = (RUNS * 16 / row.len().max(16)).max(1);
        let program = scheme::compile(&circuit(self.protocol, rows, row.len())?, &question.scheme, question.fixed)?;
        let ones = (vec![1.0; row.len()], vec![0.0; row.len()]);
        let inputs = BTreeMap::from([
            ("x".to_owned(), row.iter().copied().cycle().take(rows * row.len()).collect::<Vec<f64>>()),
            ("gamma".to_owned(), ones.0),
            ("beta".to_owned(), ones.1),
        ]);
        let mut largest: f64 = 0.0;
        for seed in 0..4 {
            let run = execute(&program, &inputs, Options::new(Seed::from_u64(question.seed.wrapping_add(seed))))?;
            if run.findings.wraps > 0 {
                continue;
            }
            let outputs = run.outputs.first().map_or(&[][..], |output| &output.values);
            let errors = outputs.iter().zip(truth.iter().cycle()).map(|(y, t)| (y - t).abs());
            largest = errors.fold(largest, f64::max);
        }
        Ok(largest)
    }
}

/// Added to the variance, as in BERT.
const EPSILON: f64 = 1e-12;

fn circuit(protocol: &Protocol, rows: usize, length: usize) -> Result<CheckedCircuit, AuditError> {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [rows, length]);
    let y = match protocol.build {
        Build::Map(_) | Build::Softmax(_) => protocol.build(&mut c, x),
        Build::LayerNorm(_) => {
            let gamma = c.input(Owner::Model, "gamma", [length]);
            let beta = c.input(Owner::Model, "beta", [length]);
            protocol.build(&mut c, LayerNormInputs { x, gamma, beta, epsilon: EPSILON })
        }
    };
    c.reveal(y, "y");
    Ok(c.finish()?)
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
struct Draw {
    low: f64,
    high: f64,
    unit: f64,
    length: usize,
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
