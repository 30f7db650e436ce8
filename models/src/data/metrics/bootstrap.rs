//! Intervals of metrics that have no formula for one.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Samples that are drawn: the ends of the interval lie between their 25th and 26th from either side.
const SAMPLES: usize = 1000;
const SEED: u64 = 20_261_128;

/// The interval of 95 % between the quantiles of a metric on samples of as many rows, drawn with replacement from counts of kinds of rows; nothing
/// if it is undefined on more samples than an interval leaves out.
pub(super) fn interval(counts: &[u64], metric: impl Fn(&[u64]) -> Option<f64>) -> Option<(f64, f64)> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let rows: u64 = counts.iter().sum();
    let ends: Vec<u64> = counts
        .iter()
        .scan(0, |end, &count| {
            *end += count;
            Some(*end)
        })
        .collect();
    let mut values = Vec::with_capacity(SAMPLES);
    let mut drawn = vec![0; counts.len()];
    for _ in 0..SAMPLES {
        drawn.fill(0);
        for _ in 0..rows {
            let row = below(&mut random, rows);
            drawn[ends.partition_point(|&end| end <= row)] += 1;
        }
        values.extend(metric(&drawn));
    }
    const TAIL: usize = SAMPLES / 40;
    if values.len() + TAIL < SAMPLES {
        return None;
    }
    values.sort_by(f64::total_cmp);
    Some((values[TAIL], values[values.len() - 1 - TAIL]))
}

/// A uniform number below `limit`, without the bias of a remainder: of a product of 128 bits, whose low half may be in a gap.
fn below(random: &mut ChaCha8Rng, limit: u64) -> u64 {
    let gap = limit.wrapping_neg() % limit;
    loop {
        let product = u128::from(random.next_u64()) * u128::from(limit);
        if product as u64 >= gap {
            return (product >> 64) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_drawn_equally_often() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut counts = [0u32; 5];
        for _ in 0..50_000 {
            counts[below(&mut random, 5) as usize] += 1;
        }
        // Five standard deviations of a binomial of 50,000 and 1/5: 5 * sqrt(8000) < 450.
        assert!(counts.iter().all(|&count| count.abs_diff(10_000) < 450), "{counts:?}");
    }

    #[test]
    fn the_interval_of_a_share_is_near_the_normal_one_and_repeats() {
        let share = |counts: &[u64]| Some(counts[1] as f64 / (counts[0] + counts[1]) as f64);
        let (low, high) = interval(&[300, 700], share).unwrap();
        let half = super::super::Z * (0.3 * 0.7 / 1000.0f64).sqrt();
        // A quantile of 1,000 samples at 2.5 % has a standard error of 0.0134 of the density there, about 0.14 standard deviations; three of them.
        let tolerance = 3.0 * 0.14 * half / super::super::Z;
        assert!((low - (0.7 - half)).abs() < tolerance && (high - (0.7 + half)).abs() < tolerance, "{low} {high}");
        assert_eq!(interval(&[300, 700], share), Some((low, high)));
        assert_eq!(interval(&[300, 700], |_| None), None);
    }
}
