//! How well predictions order and meet measurements.

/// Ranks from 1, equal values sharing the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let first = order.iter().position(|&index| index == group[0]).unwrap_or(0);
        let mean = first as f64 + (group.len() as f64 + 1.0) / 2.0;
        for &index in group {
            ranks[index] = mean;
        }
    }
    ranks
}

/// Spearman's rank correlation of pairs; none if there are fewer than two pairs or one side is constant.
#[must_use]
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    let (one, other): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (one, other) = (ranks(&one), ranks(&other));
    let mean = (pairs.len() as f64 + 1.0) / 2.0;
    let covariance = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(x, y)| (x - mean) * (y - mean)).sum() };
    let scale = (covariance(&one, &one) * covariance(&other, &other)).sqrt();
    (pairs.len() > 1 && scale > 0.0).then(|| covariance(&one, &other) / scale)
}

/// The mean of |predicted - measured| / measured over pairs (predicted, measured); none without pairs.
#[must_use]
pub fn mean_relative_error(pairs: &[(f64, f64)]) -> Option<f64> {
    let sum: f64 = pairs.iter().map(|(predicted, measured)| (predicted - measured).abs() / measured).sum();
    (!pairs.is_empty()).then(|| sum / pairs.len() as f64)
}

/// What trusting a ranking costs: the best measurement among the first `trials` entries that ran, over the best of all, less 1.
/// Entries are in the order of prediction; an entry that did not run has no measurement. None if nothing among them ran.
#[must_use]
pub fn regret(measured_by_rank: &[Option<f64>], trials: usize) -> Option<f64> {
    let least = |values: &[Option<f64>]| values.iter().flatten().copied().min_by(f64::total_cmp);
    let best = least(measured_by_rank)?;
    Some(least(&measured_by_rank[..trials.min(measured_by_rank.len())])? / best - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_correlation_is_one_for_the_same_order_and_minus_one_for_the_opposite() {
        assert_eq!(spearman(&[(1.0, 10.0), (2.0, 11.0), (3.0, 100.0)]), Some(1.0));
        assert_eq!(spearman(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]), Some(-1.0));
        assert_eq!(spearman(&[(1.0, 3.0), (1.0, 2.0)]), None);
        assert_eq!(spearman(&[(1.0, 3.0)]), None);
    }

    #[test]
    fn ties_share_the_mean_of_their_ranks() {
        assert_eq!(ranks(&[5.0, 1.0, 5.0, 9.0]), [2.5, 1.0, 2.5, 4.0]);
    }

    #[test]
    fn regret_is_zero_once_the_best_is_among_the_trials() {
        let measured = [Some(1.5), None, Some(1.0), Some(2.0)];
        assert_eq!(regret(&measured, 1), Some(0.5));
        assert_eq!(regret(&measured, 3), Some(0.0));
        assert_eq!(regret(&[None, Some(1.0)], 1), None);
    }
}
