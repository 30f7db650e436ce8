//! Metrics of numbers: rows are pairs of the right number and the answered one, all finite.

use super::{Estimate, Undefined, Z};

/// The correlation of numbers, with Fisher's interval, which four rows or more have.
///
/// # Errors
/// [`Undefined`]: no rows, constant labels or answers, numbers out of range.
pub fn pearson(rows: &[(f64, f64)]) -> Result<Estimate, Undefined> {
    let value = correlation(rows)?;
    Ok(Estimate { value, interval: fisher(value, rows.len(), 1.0) })
}

/// The correlation of ranks, with Fisher's interval for ranks, which four rows or more have.
///
/// # Errors
/// As [`pearson`].
pub fn spearman(rows: &[(f64, f64)]) -> Result<Estimate, Undefined> {
    let labels = ranks(rows.iter().map(|row| row.0));
    let answers = ranks(rows.iter().map(|row| row.1));
    let value = correlation(&labels.into_iter().zip(answers).collect::<Vec<_>>())?;
    Ok(Estimate { value, interval: fisher(value, rows.len(), 1.0 + value * value / 2.0) })
}

fn correlation(rows: &[(f64, f64)]) -> Result<f64, Undefined> {
    let (x, y) = (rows.first().ok_or(Undefined::NoRows)?.0, rows[0].1);
    if rows.iter().all(|row| row.0 == x) {
        return Err(Undefined::ConstantLabels);
    }
    if rows.iter().all(|row| row.1 == y) {
        return Err(Undefined::ConstantAnswers);
    }
    let n = rows.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| rows.iter().map(|row| of(row) / n).sum::<f64>();
    let (x, y) = (mean(|row| row.0), mean(|row| row.1));
    // Scaled by the largest, so that squares neither overflow nor vanish.
    let largest = |of: &dyn Fn(&(f64, f64)) -> f64| rows.iter().map(of).fold(0.0, f64::max);
    let (in_x, in_y) = (largest(&|row| (row.0 - x).abs()), largest(&|row| (row.1 - y).abs()));
    let mut sums = (0.0, 0.0, 0.0);
    for row in rows {
        let (x, y) = ((row.0 - x) / in_x, (row.1 - y) / in_y);
        sums = (sums.0 + x * x, sums.1 + x * y, sums.2 + y * y);
    }
    let value = sums.1 / (sums.0.sqrt() * sums.2.sqrt());
    if value.is_finite() { Ok(value.clamp(-1.0, 1.0)) } else { Err(Undefined::OutOfRange) }
}

/// The interval of a correlation: tanh(atanh(r) ± Z sqrt(variance / (n - 3))).
fn fisher(value: f64, rows: usize, variance: f64) -> Option<(f64, f64)> {
    let degrees = rows.checked_sub(3).filter(|&degrees| degrees > 0)?;
    let half = Z * (variance / degrees as f64).sqrt();
    let end = |by: f64| (value.atanh() + by).tanh();
    Some((end(-half), end(half)))
}

/// Ranks from 1; equal numbers have the mean of theirs.
fn ranks(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    // A negative zero is zero.
    let numbers: Vec<f64> = numbers.map(|number| number + 0.0).collect();
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    let mut ranks = vec![0.0; numbers.len()];
    let mut before = 0;
    for equal in order.chunk_by(|&a, &b| numbers[a] == numbers[b]) {
        let rank = before as f64 + (equal.len() + 1) as f64 / 2.0;
        equal.iter().for_each(|&row| ranks[row] = rank);
        before += equal.len();
    }
    ranks
}
