//! The adversarial search for bad rows, from below.
//!
//! First rows are run: the simple rows of `family.rs`, those from where the bound over all rows is attained, and changes of the worst, element by
//! element and by scale, as long as that makes them worse. The worst of each kind is kept. Then rows are bounded one by one, with all their
//! elements: the worst that were run, and rows drawn at random, changed likewise. Rows on which the plaintext leaves a domain that the card or a part
//! of the protocol claims are no rows to judge it by; they are counted, and the worst of them is kept too, so that none is left out unseen.

use super::coverage::NotCovered;
use super::family::{RowKind, family, thinned};
use super::judge::{Judge, Judged, Position, Runner, Tally};
use super::{KindReport, Progress, Stage};
use crate::audit::AuditError;
use rayon::prelude::*;
use std::collections::BTreeMap;
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
/// Elements of all simple rows that are run, and rows at least.
const FAMILY_ELEMENTS: usize = 1 << 16;
const FAMILY_ROWS: usize = 48;
/// Rounds of changes to the rows that were run, and rows run in each.
const RUN_ROUNDS: usize = 12;
const RUN_TRIED: usize = 24;
/// Rows not covered that are run.
const OUTSIDE: usize = 64;

/// What runs showed of rows.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// The worst row of each kind, with its error.
    pub(super) worst: BTreeMap<RowKind, (f64, Vec<f64>)>,
    /// Rows of each kind that were run.
    pub(super) rows: BTreeMap<RowKind, u64>,
    /// The worst of those that keep the card's claims and not a part's.
    pub(super) leaves_part: Option<NotCovered>,
    /// The worst of those for which the card claims nothing.
    pub(super) leaves_card: Option<NotCovered>,
}

impl Ran {
    /// The worst row of all kinds.
    pub(super) fn largest(&self) -> Option<(RowKind, f64, &Vec<f64>)> {
        let all = self.worst.iter().map(|(&kind, (error, row))| (kind, *error, row));
        all.max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// For each kind the worst, the worst kind first.
    pub(super) fn report(&self) -> Vec<KindReport> {
        let report = |(&kind, (error, row)): (&RowKind, &(f64, Vec<f64>))| KindReport {
            kind,
            rows: self.rows.get(&kind).copied().unwrap_or(0),
            observed_error: *error,
            row: row.clone(),
        };
        let mut reports: Vec<KindReport> = self.worst.iter().map(report).collect();
        reports.sort_by(|a, b| b.observed_error.total_cmp(&a.observed_error));
        reports
    }

    /// Runs rows of one kind, and keeps what is worse than before.
    fn run(
        &mut self,
        runner: &mut Runner<'_>,
        judge: &Judge<'_>,
        rows: &[(RowKind, Vec<f64>)],
    ) -> Result<(), AuditError> {
        let positions: Vec<Position> = rows.par_iter().map(|(_, row)| judge.position(row)).collect();
        let at = |wanted: Position| -> Vec<&(RowKind, Vec<f64>)> {
            rows.iter().zip(&positions).filter(|(_, position)| **position == wanted).map(|(row, _)| row).collect()
        };
        let inside = at(Position::Inside);
        let numbers: Vec<Vec<f64>> = inside.iter().map(|(_, row)| row.clone()).collect();
        for ((kind, row), error) in inside.into_iter().zip(runner.errors(&numbers)?) {
            *self.rows.entry(*kind).or_default() += 1;
            let Some(error) = error else { continue };
            if self.worst.get(kind).is_none_or(|(worst, _)| error > *worst) {
                self.worst.insert(*kind, (error, row.clone()));
            }
        }
        for (wanted, kept) in
            [(Position::LeavesPart, &mut self.leaves_part), (Position::LeavesCard, &mut self.leaves_card)]
        {
            let rows: Vec<Vec<f64>> = at(wanted).into_iter().map(|(_, row)| row.clone()).collect();
            let Some(first) = rows.first() else { continue };
            let report = kept.get_or_insert_with(|| NotCovered { rows: 0, row: first.clone(), observed_error: 0.0 });
            report.rows += rows.len() as u64;
            let tried: Vec<Vec<f64>> = rows.iter().step_by(rows.len().div_ceil(OUTSIDE)).cloned().collect();
            for (error, row) in runner.errors(&tried)?.into_iter().zip(tried) {
                if error.is_some_and(|error| error > report.observed_error) {
                    (report.observed_error, report.row) = (error.unwrap_or(0.0), row);
                }
            }
        }
        Ok(())
    }
}

impl Judge<'_> {
    /// Runs simple rows, `candidates`, and changes of the worst.
    pub(super) fn run_rows(
        &self,
        runner: &mut Runner<'_>,
        draw: &Draw,
        seed: u64,
        candidates: &[Vec<f64>],
        progress: Progress<'_>,
    ) -> Result<Ran, AuditError> {
        let mut random = Random { key: StreamKey::derive(&Seed::from_u64(seed), 1), position: 0 };
        let mut ran = Ran::default();
        let limit = (FAMILY_ELEMENTS / draw.length.max(1)).max(FAMILY_ROWS);
        let mut rows = thinned(family(draw), limit);
        let fitted = |row: &Vec<f64>| (RowKind::WorstCertified, row.iter().map(|&x| draw.fit(x)).collect());
        rows.extend(candidates.iter().filter(|row| row.len() == draw.length).map(fitted));
        let all = rows.len() + RUN_ROUNDS * RUN_TRIED.min(limit);
        let mut done = 0;
        for portion in rows.chunks(RUN_TRIED) {
            ran.run(runner, self, portion)?;
            done += portion.len();
            progress(Stage::Run, done, all);
        }
        for _ in 0..RUN_ROUNDS {
            let mut worst: Vec<(f64, Vec<f64>)> = ran.worst.values().cloned().collect();
            worst.sort_by(|a, b| b.0.total_cmp(&a.0));
            worst.truncate(KEPT / 2);
            if worst.is_empty() {
                break;
            }
            let changed = |i: usize| (RowKind::Changed, draw.changed(&worst[i % worst.len()].1, &mut random));
            let rows: Vec<(RowKind, Vec<f64>)> = (0..RUN_TRIED.min(limit)).map(changed).collect();
            ran.run(runner, self, &rows)?;
            done += rows.len();
            progress(Stage::Run, done, all);
        }
        Ok(ran)
    }

    /// The worst row found by bounding rows one by one, and what was tried. `bound`: no row has more. `few`: where a row is dear, only the given ones.
    pub(super) fn search(
        &self,
        draw: &Draw,
        seed: u64,
        rows: Vec<Vec<f64>>,
        bound: f64,
        few: bool,
        progress: Progress<'_>,
    ) -> (Option<Judged>, Tally) {
        let mut random = Random { key: StreamKey::derive(&Seed::from_u64(seed), 0), position: 0 };
        let mut tally = Tally::default();
        let mut worst: Vec<Judged> = Vec::new();
        let mut candidates: Vec<Vec<f64>> = rows.iter().map(|row| row.iter().map(|&x| draw.fit(x)).collect()).collect();
        if !few {
            let first = (FIRST_ELEMENTS / draw.length).clamp(64, FIRST);
            candidates.extend((0..first).map(|i| draw.drawn(i, &mut random)));
        }
        let mut effort = 0;
        for round in 0..ROUNDS {
            progress(Stage::Bound, round, ROUNDS);
            effort += candidates.len() * self.ring().tape().steps.len();
            worst.extend(self.judge(&candidates, &mut tally));
            worst.sort_by(|a, b| b.error.total_cmp(&a.error));
            worst.truncate(KEPT);
            if few || effort > EFFORT || worst.first().is_some_and(|worst| worst.error >= ENOUGH * bound) {
                break;
            }
            candidates = (0..TRIED)
                .filter_map(|i| worst.get(i % KEPT.min(worst.len().max(1))))
                .map(|judged| draw.changed(&judged.row, &mut random))
                .collect();
        }
        progress(Stage::Bound, ROUNDS, ROUNDS);
        (worst.into_iter().next(), tally)
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
    pub(super) fn fit(&self, x: f64) -> f64 {
        (x.clamp(self.low, self.high) / self.unit).round() * self.unit
    }

    /// One row of the i-th of eight families.
    fn drawn(&self, i: usize, random: &mut Random) -> Vec<f64> {
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
        // From a tenth down to a thousandth.
        let scale = 1.0 + (random.uniform() - 0.5) * 0.2 * 10f64.powf(-2.0 * random.uniform());
        let kind = random.below(7);
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
            4 => {
                if j <= position {
                    x + step
                } else {
                    x
                }
            }
            // Rows of few levels: one level moved, or some of its elements taken to another.
            5 => {
                if x == row[position] {
                    x + step
                } else {
                    x
                }
            }
            _ => {
                if x == row[position] && j.is_multiple_of(4) {
                    row[other]
                } else {
                    x
                }
            }
        };
        row.iter().enumerate().map(change).map(|x| self.fit(x)).collect()
    }
}
