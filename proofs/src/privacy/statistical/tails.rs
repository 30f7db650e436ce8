//! Tail probabilities that hold at every sample size, not only in the limit.
//!
//! The battery performs thousands of tests at a false-alarm rate of 1e-7 altogether, so it looks at tails near 1e-11. There the usual
//! approximations (chi-square, normal) may be off by orders of magnitude. So every probability here is exact or a proved
//! upper bound; the price is a little power. All are returned as natural logarithms, because many are below the smallest f64.

use super::tally::Products;
use statrs::distribution::{Binomial, DiscreteCDF};

/// Words read as integers modulo 2^bits, centred and scaled to (-1, 1); for a uniform word, a mean of exactly zero.
pub(super) fn centred(word: u64, bits: u8) -> f64 {
    // The word in units of 2^-bits, in the middle of its cell.
    (word as f64 + 0.5) * (-f64::from(bits)).exp2() * 2.0 - 1.0
}

/// Relative entropy of a coin of bias `p` with respect to one of bias `q`, in nats; infinite where `q` excludes what `p` allows.
fn divergence(p: f64, q: f64) -> f64 {
    let term = |p: f64, q: f64| if p == 0.0 { 0.0 } else { p * (p / q).ln() };
    (term(p, q) + term(1.0 - p, 1.0 - q)).max(0.0)
}

/// Of `n` fair coins, `ones` came up one. Two-sided and exact: twice the larger tail of the binomial law, which is symmetric.
/// Where it is too small for an f64, Chernoff's bound 2 exp(-n KL).
pub(super) fn fair(ones: u64, n: u64) -> f64 {
    let more = ones.max(n - ones);
    if n == 0 || 2 * more <= n + 1 {
        return 0.0;
    }
    let exact = Binomial::new(0.5, n).map_or(1.0, |law| 2.0 * law.sf(more - 1));
    if exact > 1e-290 {
        return exact.min(1.0).ln();
    }
    2f64.ln() - n as f64 * divergence(more as f64 / n as f64, 0.5)
}

/// The probability that of `n` fair coins at least `ones` come up one; exact, and Chernoff's bound exp(-n KL) where it is too small
/// for an f64.
pub(in crate::privacy) fn at_least(ones: u64, n: u64) -> f64 {
    if ones == 0 {
        return 0.0;
    }
    let exact = Binomial::new(0.5, n).map_or(1.0, |law| law.sf(ones - 1));
    if exact > 1e-290 || 2 * ones <= n {
        return exact.min(1.0).ln();
    }
    -(n as f64) * divergence(ones as f64 / n as f64, 0.5)
}

/// The smallest number of ones among `n` fair coins that is as unlikely as `ln_level`, if there is one; by bisection.
pub(in crate::privacy) fn critical(n: u64, ln_level: f64) -> Option<u64> {
    let (mut low, mut high) = (0, n + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if at_least(middle, n) <= ln_level { high = middle } else { low = middle + 1 }
    }
    (low <= n).then_some(low)
}

/// The smallest probability of a coin of which at least `ones` of `n` come up one with probability `power`; by bisection.
pub(in crate::privacy) fn found_with(ones: u64, n: u64, power: f64) -> f64 {
    let reached = |p: f64| ones == 0 || Binomial::new(p, n).map_or(0.0, |law| law.sf(ones - 1)) >= power;
    if !reached(1.0) {
        return f64::INFINITY;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if reached(middle) { high = middle } else { low = middle }
    }
    high
}

/// Counts of cells that are equally likely: chi-square in its likelihood-ratio form G = n KL(observed, uniform).
///
/// Agrawal (Finite-sample concentration of the multinomial in relative entropy, IEEE Trans. Inf. Theory 2020): for k cells,
/// n KL has a moment generating function of at most that of a gamma law of shape k - 1; so for G > k - 1 the tail is at most
/// exp(-G) (e G / (k - 1))^(k - 1), at every n.
pub(super) fn frequencies(counts: &[u64]) -> f64 {
    let n: u64 = counts.iter().sum();
    let per_cell = n as f64 / counts.len() as f64;
    let g: f64 =
        counts.iter().filter(|&&count| count > 0).map(|&count| count as f64 * (count as f64 / per_cell).ln()).sum();
    gamma_tail(g, counts.len())
}

fn gamma_tail(g: f64, cells: usize) -> f64 {
    let freedom = cells as f64 - 1.0;
    if g <= freedom { 0.0 } else { freedom - g + freedom * (g / freedom).ln() }
}

/// The G beyond which [`frequencies`] is below `ln_level`: the inverse of the bound, by bisection.
pub(super) fn frequencies_threshold(cells: usize, ln_level: f64) -> f64 {
    let (mut low, mut high) = (cells as f64, 4.0 * (cells as f64 - ln_level));
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if gamma_tail(middle, cells) > ln_level { low = middle } else { high = middle }
    }
    high
}

/// Counts of cells in order that are equally likely: greatest distance between their distribution and the uniform one (Kolmogorov
/// and Smirnov, at the ends of the cells).
///
/// Dvoretzky, Kiefer and Wolfowitz with Massart's constant: at most 2 exp(-2 n D^2), for discrete laws too.
pub(super) fn kolmogorov(counts: &[u32]) -> f64 {
    let n: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    let (mut before, mut distance) = (0u64, 0f64);
    for (cell, &count) in counts.iter().enumerate() {
        before += u64::from(count);
        distance = distance.max((before as f64 / n as f64 - (cell + 1) as f64 / counts.len() as f64).abs());
    }
    // Less what rounding may have added.
    let distance = (distance - 1e-12).max(0.0);
    (2f64.ln() - 2.0 * n as f64 * distance * distance).min(0.0)
}

/// Counts of the same cells in order in two samples of one size: distance D between their distributions.
///
/// If both follow one law, whatever it is, one of them is off by D/2 at least: at most 4 exp(-n D^2 / 2).
pub(super) fn kolmogorov_two(left: &[u32], right: &[u32]) -> f64 {
    let size = |counts: &[u32]| counts.iter().map(|&count| u64::from(count)).sum::<u64>();
    let (n, m) = (size(left) as f64, size(right) as f64);
    let (mut i, mut j, mut distance) = (0u64, 0u64, 0f64);
    for (&a, &b) in left.iter().zip(right) {
        (i, j) = (i + u64::from(a), j + u64::from(b));
        distance = distance.max((i as f64 / n - j as f64 / m).abs());
    }
    (4f64.ln() - n.min(m) * distance * distance / 2.0).min(0.0)
}

/// Counts of the same cells in two samples: the worst cell.
///
/// If both follow one law, the first sample is drawn from the union without replacement, and Hoeffding (1963) bounds each
/// side of each cell by exp(-n KL(share in the first, share in the union)); times two sides and the number of cells.
pub(super) fn frequencies_two(left: &[u64], right: &[u64]) -> f64 {
    let (n, m): (u64, u64) = (left.iter().sum(), right.iter().sum());
    let of = |&(&a, &b): &(&u64, &u64)| n as f64 * divergence(a as f64 / n as f64, (a + b) as f64 / (n + m) as f64);
    let worst = left.iter().zip(right).map(|pair| of(&pair)).fold(0.0, f64::max);
    ((2.0 * left.len() as f64).ln() - worst).min(0.0)
}

/// The sum S of u v over pairs, where V sums v^2: correlation.
///
/// u is a centred uniform word, independent of v, which may be anything. A uniform law on (-1, 1), or on the middles of equal
/// cells, has E exp(t u) <= exp(t^2 / 6); so given all v, S is sub-Gaussian: at most 2 exp(-3 S^2 / (2 V)).
pub(super) fn correlation(Products { sum, squares }: Products) -> f64 {
    if squares == 0.0 { 0.0 } else { (2f64.ln() - 1.5 * sum * sum / squares).min(0.0) }
}

/// Holm: of tests with these logarithms of p-values, which are rejected at the family-wise level, smallest first.
pub(in crate::privacy) fn holm(ln_p: &[f64], ln_level: f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ln_p.len()).collect();
    order.sort_by(|&a, &b| ln_p[a].total_cmp(&ln_p[b]).then(a.cmp(&b)));
    let accepted =
        order.iter().enumerate().position(|(i, &test)| ln_p[test] > ln_level - ((ln_p.len() - i) as f64).ln());
    order.truncate(accepted.unwrap_or(order.len()));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_simulator::stream::{Seed, StreamKey};

    fn words(stream: u32, n: usize, bits: u8) -> Vec<u64> {
        let mut words = vec![0; n];
        StreamKey::derive(&Seed::from_u64(1), stream).fill(0, &mut words);
        words.iter_mut().for_each(|word| *word >>= 64 - bits);
        words
    }

    /// The share of trials in which a level is reached.
    fn rate(trials: u32, ln_level: f64, test: impl Fn(u32) -> f64) -> f64 {
        f64::from((0..trials).filter(|&trial| test(trial) <= ln_level).count() as u32) / f64::from(trials)
    }

    #[test]
    fn no_tail_is_smaller_than_the_truth_on_uniform_words() {
        // 4000 trials at level 0.05: a valid test is below 0.05 + 4 standard deviations.
        let level = 0.05f64;
        let most = level + 4.0 * (level * (1.0 - level) / 4000.0).sqrt();
        let check = |name: &str, test: &dyn Fn(u32) -> f64| {
            let rate = rate(4000, level.ln(), test);
            assert!(rate <= most, "{name}: {rate}");
        };
        for (bits, n) in [(1u8, 50), (2, 30), (3, 200), (8, 100), (8, 3000), (64, 300)] {
            let counts = |words: &[u64]| {
                let cells = 1usize << bits.min(8);
                let mut counts = vec![0u64; cells];
                words.iter().for_each(|&word| counts[(word & (cells as u64 - 1)) as usize] += 1);
                counts
            };
            let cells = |trial: u32| {
                let mut counts = vec![0u32; 1 << bits.min(10)];
                words(trial, n, bits).iter().for_each(|word| counts[(word >> bits.saturating_sub(10)) as usize] += 1);
                counts
            };
            let products = |pairs: Vec<(f64, f64)>| {
                let mut products = Products::default();
                pairs.into_iter().for_each(|(u, v)| products.add(u, v));
                products
            };
            check("frequencies", &|trial| frequencies(&counts(&words(trial, n, bits))));
            check("two samples", &|trial| {
                frequencies_two(&counts(&words(2 * trial, n, bits)), &counts(&words(2 * trial + 1, n, bits)))
            });
            check("fair", &|trial| fair(words(trial, n, bits).iter().map(|word| word & 1).sum(), n as u64));
            check("kolmogorov", &|trial| kolmogorov(&cells(trial)));
            check("kolmogorov_two", &|trial| kolmogorov_two(&cells(2 * trial), &cells(2 * trial + 1)));
            check("correlation", &|trial| {
                let words = words(trial, n, bits);
                correlation(products(
                    words.chunks_exact(2).map(|pair| (centred(pair[0], bits), centred(pair[1], bits))).collect(),
                ))
            });
            check("correlation with a constant", &|trial| {
                correlation(products(words(trial, n, bits).iter().map(|&word| (centred(word, bits), -0.7)).collect()))
            });
        }
    }

    #[test]
    fn the_exact_law_of_a_fair_coin_is_used_up_to_where_chernoff_takes_over() {
        // 10 of 10: 2/1024. 1200 of 1200: 2^-1199.
        assert!((fair(10, 10) - (2.0f64 / 1024.0).ln()).abs() < 1e-9);
        assert!((fair(1200, 1200) - -1199.0 * 2f64.ln()).abs() < 1e-6);
        assert_eq!((fair(5, 10), fair(0, 0), fair(5, 9)), (0.0, 0.0, 0.0));
    }

    #[test]
    fn the_larger_tail_of_a_fair_coin_is_exact() {
        assert!((at_least(8, 10) - (56.0f64 / 1024.0).ln()).abs() < 1e-9);
        assert!((at_least(300, 300) - -300.0 * 2f64.ln()).abs() < 1e-6);
        assert!((at_least(1200, 1200) - -1200.0 * 2f64.ln()).abs() < 1e-6);
        assert_eq!((at_least(0, 0), at_least(0, 5)), (0.0, 0.0));
        assert_eq!((critical(10, (0.06f64).ln()), critical(10, -7.0)), (Some(8), None));
        let p = found_with(8, 10, 0.99);
        assert!((Binomial::new(p, 10).unwrap().sf(7) - 0.99).abs() < 1e-6, "{p}");
    }

    #[test]
    fn gross_departures_are_rejected() {
        assert!(kolmogorov(&[1000, 0, 0, 0]) < -900.0);
        assert!(kolmogorov_two(&[0, 1000, 0], &[0, 0, 1000]) < -400.0);
        assert!(frequencies(&[1000, 0, 0, 0]) < -900.0);
        assert!(frequencies_two(&[1000, 0], &[0, 1000]) < -600.0);
        let mut products = Products::default();
        (0..1000).map(|i| centred(i << 54, 64)).for_each(|u| products.add(u, u));
        assert!(correlation(products) < -400.0);
    }

    #[test]
    fn holm_rejects_step_by_step() {
        // Level 0.1, four tests: thresholds 0.025, 0.0333, 0.05, 0.1.
        let ln_p = [0.03f64, 0.02, 0.9, 0.06].map(f64::ln);
        assert_eq!(holm(&ln_p, 0.1f64.ln()), vec![1, 0]);
        assert!(holm(&[], -1.0).is_empty());
        assert_eq!(holm(&[f64::NEG_INFINITY], -1.0), vec![0]);
    }

    #[test]
    fn the_threshold_inverts_the_bound() {
        let g = frequencies_threshold(256, -25.0);
        assert!((gamma_tail(g, 256) + 25.0).abs() < 1e-6, "{g}");
    }
}
