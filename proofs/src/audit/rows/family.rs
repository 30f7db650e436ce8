//! Rows that are simple to describe, among which bad ones are found by running them: a deterministic family, the same for every protocol.
//!
//! A protocol of rows errs most where its sum is largest or smallest, where one element has all the weight or all have the same, or where many
//! elements stand at the distance from the largest at which an approximation is worst. Each kind varies one of these.

use super::search::Draw;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A kind of row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowKind {
    /// All elements equal.
    Constant,
    /// One element above all others, which are equal.
    OneLarge,
    /// One element below all others, which are equal.
    OneSmall,
    /// Half of the elements at one level, half at another.
    TwoLevels,
    /// Some elements equal to the largest, all others a step below.
    EqualMaxima,
    /// Distances from the largest that grow by a factor.
    Geometric,
    /// Equal steps.
    Linear,
    /// From where the theorem's bound is attained, or the bound of a row by itself is largest.
    WorstCertified,
    /// Made worse step by step from the worst of the others.
    Changed,
}

impl fmt::Display for RowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Constant => "constant",
            Self::OneLarge => "one large",
            Self::OneSmall => "one small",
            Self::TwoLevels => "two levels",
            Self::EqualMaxima => "equal maxima",
            Self::Geometric => "geometric",
            Self::Linear => "linear",
            Self::WorstCertified => "worst certified",
            Self::Changed => "made worse",
        })
    }
}

/// Steps from the whole range down, halving.
const HALVINGS: i32 = 12;
/// Levels at which a constant row stands.
const LEVELS: usize = 16;

/// The rows of every kind, in a fixed order.
pub(super) fn family(draw: &Draw) -> Vec<(RowKind, Vec<f64>)> {
    let (low, high, n) = (draw.low, draw.high, draw.length);
    let span = high - low;
    let mut rows: Vec<(RowKind, Vec<f64>)> = Vec::new();
    let mut push = |kind: RowKind, element: &dyn Fn(usize) -> f64| {
        rows.push((kind, (0..n).map(|j| draw.fit(element(j))).collect()));
    };
    // A step in the middle of two halvings as well, so that no distance is missed by more than a fifth.
    let steps: Vec<f64> =
        (0..2 * HALVINGS).map(|i| span * 0.5f64.powi(i / 2) * if i % 2 == 0 { 1.0 } else { 0.75 }).collect();
    for i in 0..LEVELS {
        let level = low + span * i as f64 / (LEVELS - 1) as f64;
        push(RowKind::Constant, &|_| level);
    }
    // One element above all others is what approximations of small shares err on most: eight distances to a halving, from the top.
    for i in 0..40 {
        let step = span * 0.5f64.powf(f64::from(i) / 8.0);
        push(RowKind::OneLarge, &|j| if j == 0 { high } else { high - step });
    }
    for &step in &steps {
        // At the top of the range, at its bottom, and around its middle.
        for top in [high, low + step, (low + high + step) / 2.0] {
            push(RowKind::OneLarge, &|j| if j == 0 { top } else { top - step });
            push(RowKind::OneSmall, &|j| if j == 0 { top - step } else { top });
            push(RowKind::TwoLevels, &|j| if j < n.div_ceil(2) { top } else { top - step });
            push(RowKind::Linear, &|j| top - step * j as f64 / n.max(2).saturating_sub(1) as f64);
        }
    }
    let mut counts: Vec<usize> = (0..usize::BITS).map(|i| 1usize << i).take_while(|&k| k <= n).collect();
    counts.extend([3, 10, 50, 90, 99, 100, n * 3 / 4, n.saturating_sub(1)].into_iter().filter(|&k| k >= 1 && k <= n));
    counts.sort_unstable();
    counts.dedup();
    for k in counts {
        for &step in steps.iter().take(8) {
            push(RowKind::EqualMaxima, &|j| if j < k { high } else { high - step });
        }
    }
    for ratio in [1.01, 1.1, 1.5, 2.0, 4.0] {
        for &step in steps.iter().step_by(4) {
            push(RowKind::Geometric, &|j| if j == 0 { high } else { high - step * f64::powf(ratio, j as f64 - 1.0) });
        }
    }
    rows
}

/// At most `limit` of the rows, evenly of all.
pub(super) fn thinned(rows: Vec<(RowKind, Vec<f64>)>, limit: usize) -> Vec<(RowKind, Vec<f64>)> {
    let count = rows.len();
    if count <= limit {
        return rows;
    }
    // A row stays where the count of kept rows grows.
    rows.into_iter()
        .enumerate()
        .filter(|(i, _)| i * limit / count != (i + 1) * limit / count)
        .map(|(_, row)| row)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lie_in_the_range_and_thinning_keeps_every_kind() {
        let draw = Draw { low: -8.0, high: 8.0, unit: 1.0 / 65536.0, length: 33 };
        let rows = family(&draw);
        assert!(rows.iter().all(|(_, row)| row.len() == 33 && row.iter().all(|x| (-8.0..=8.0).contains(x))));
        let kinds = |rows: &[(RowKind, Vec<f64>)]| -> std::collections::BTreeSet<RowKind> {
            rows.iter().map(|(kind, _)| *kind).collect()
        };
        let all = kinds(&rows);
        assert_eq!(all.len(), 7);
        let few = thinned(rows, 64);
        assert!(few.len() <= 64 && few.len() >= 60);
        assert_eq!(kinds(&few), all);
    }
}
