//! Metrics of classes: rows are pairs of the right class and the answered one.

use std::collections::BTreeMap;

use super::{Estimate, Undefined, Z, bootstrap};

/// The share of rows whose class is right, with Wilson's interval.
///
/// # Errors
/// [`Undefined::NoRows`].
pub fn accuracy(rows: &[(usize, usize)]) -> Result<Estimate, Undefined> {
    let right = rows.iter().filter(|(label, answer)| label == answer).count();
    let (value, interval) = wilson(right, rows.len()).ok_or(Undefined::NoRows)?;
    Ok(Estimate { value, interval: Some(interval) })
}

/// A share of `of` rows with Wilson's interval; none of no rows.
#[must_use]
pub fn wilson(count: usize, of: usize) -> Option<(f64, (f64, f64))> {
    if of == 0 {
        return None;
    }
    let (n, share) = (of as f64, count as f64 / of as f64);
    let centre = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    // Exactly 0 and 1 at the ends, which rounding would miss.
    let low = if count == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if count == of { 1.0 } else { (centre + half).min(1.0) };
    Some((share, (low, high)))
}

/// How much larger the accuracy of the second answers is than that of the first, on the same rows of label, first and second answer; with
/// Tango's score interval for paired shares (1998), which holds for few and for no differences, too.
///
/// # Errors
/// [`Undefined::NoRows`].
pub fn accuracy_difference(rows: &[(usize, usize, usize)]) -> Result<Estimate, Undefined> {
    if rows.is_empty() {
        return Err(Undefined::NoRows);
    }
    let count = |of: fn(bool, bool) -> bool| {
        rows.iter().filter(|&&(label, first, second)| of(first == label, second == label)).count() as f64
    };
    let (won, lost, n) =
        (count(|first, second| !first && second), count(|first, second| first && !second), rows.len() as f64);
    Ok(Estimate { value: (won - lost) / n, interval: Some(tango(won, lost, n)) })
}

/// The differences d at which the score statistic (won - lost - n d) / sqrt(n (2 q + d (1 - d))) lies between -Z and Z, where q is the most likely
/// share of rows that were lost, given d.
fn tango(won: f64, lost: f64, n: f64) -> (f64, f64) {
    let score = |d: f64| {
        let (a, b, c) = (2.0 * n, -won - lost + (2.0 * n - won + lost) * d, -lost * d * (1.0 - d));
        let q = ((b * b - 4.0 * a * c).max(0.0).sqrt() - b) / (2.0 * a);
        let variance = n * (2.0 * q + d * (1.0 - d));
        let distance = won - lost - n * d;
        if distance == 0.0 { 0.0 } else { distance / variance.max(0.0).sqrt() }
    };
    // The score falls as d grows: halving finds where it crosses.
    let crossing = |mut low: f64, mut high: f64, at: f64| {
        for _ in 0..100 {
            let middle = f64::midpoint(low, high);
            if score(middle) > at { low = middle } else { high = middle }
        }
        f64::midpoint(low, high)
    };
    let value = (won - lost) / n;
    (crossing(-1.0, value, Z), crossing(value, 1.0, -Z))
}

/// Twice the rows that are rightly class 1, divided by those of label 1 and those of answer 1; with the interval of a bootstrap.
///
/// # Errors
/// [`Undefined::NoRows`], and [`Undefined::NoPositives`] where neither labels nor answers have class 1.
pub fn f1(rows: &[(usize, usize)]) -> Result<Estimate, Undefined> {
    if rows.is_empty() {
        return Err(Undefined::NoRows);
    }
    let count = |label: bool, answer: bool| {
        rows.iter().filter(|&&(l, a)| (l == 1) == label && (a == 1) == answer).count() as u64
    };
    let counts = [count(true, true), count(true, false), count(false, true), count(false, false)];
    let metric = |counts: &[u64]| {
        let below = 2 * counts[0] + counts[1] + counts[2];
        (below > 0).then(|| (2 * counts[0]) as f64 / below as f64)
    };
    let value = metric(&counts).ok_or(Undefined::NoPositives)?;
    Ok(Estimate { value, interval: bootstrap::interval(&counts, metric) })
}

/// Matthews' coefficient, of any number of classes; with the interval of a bootstrap.
///
/// # Errors
/// [`Undefined::NoRows`], and constant labels or answers.
pub fn matthews(rows: &[(usize, usize)]) -> Result<Estimate, Undefined> {
    let mut counted = BTreeMap::<(usize, usize), u64>::new();
    for &row in rows {
        *counted.entry(row).or_default() += 1;
    }
    let (cells, counts): (Vec<(usize, usize)>, Vec<u64>) = counted.into_iter().unzip();
    let value = coefficient(&cells, &counts)?;
    Ok(Estimate { value, interval: bootstrap::interval(&counts, |counts| coefficient(&cells, counts).ok()) })
}

/// (right · all - sum of p t) / sqrt((all² - sum of p²)(all² - sum of t²)) over the classes, of which t rows have the label and p the answer.
fn coefficient(cells: &[(usize, usize)], counts: &[u64]) -> Result<f64, Undefined> {
    let mut of_class = BTreeMap::<usize, (i128, i128)>::new();
    let (mut right, mut all) = (0, 0);
    for (&(label, answer), &count) in cells.iter().zip(counts) {
        let count = i128::from(count);
        of_class.entry(label).or_default().0 += count;
        of_class.entry(answer).or_default().1 += count;
        right += if label == answer { count } else { 0 };
        all += count;
    }
    if all == 0 {
        return Err(Undefined::NoRows);
    }
    let sum = |of: fn(i128, i128) -> i128| of_class.values().map(|&(t, p)| of(t, p)).sum::<i128>();
    let (labels, answers) = (all * all - sum(|t, _| t * t), all * all - sum(|_, p| p * p));
    if labels == 0 {
        return Err(Undefined::ConstantLabels);
    }
    if answers == 0 {
        return Err(Undefined::ConstantAnswers);
    }
    let above = right * all - sum(|t, p| t * p);
    // Exactly ±1 where labels and answers say the same.
    if labels == answers && above.abs() == labels {
        return Ok(if above > 0 { 1.0 } else { -1.0 });
    }
    Ok(above as f64 / (labels as f64).sqrt() / (answers as f64).sqrt())
}
