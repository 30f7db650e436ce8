//! What a run shows of a Program's claims: the simulator holds all shares, so it sees what no party can.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use viewless_protocols::fixed;
use viewless_protocols::program::ClaimKind;
use viewless_protocols::ring::signed;
use viewless_protocols::scheme::laws::{log_of_none, wrap_probability};

/// A protocol's argument that left the domain on its card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainFinding {
    /// Path of the protocol's region.
    pub region: String,
    /// The interval claimed.
    pub claimed: (f64, f64),
    /// Smallest and largest element seen.
    pub seen: (f64, f64),
    /// Elements outside.
    pub outside: u64,
    /// Elements in all.
    pub elements: u64,
    /// Position (row-major) and number of each element outside, as many as were asked for, in order.
    pub listed: Vec<(u64, f64)>,
}

/// A value that left the headroom that an exact truncation needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadroomFinding {
    /// Path of the region.
    pub region: String,
    /// Elements at or beyond the bound.
    pub outside: u64,
}

/// Local truncations of a region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct RegionWraps {
    /// Elements truncated.
    pub elements: u64,
    /// Expected number of wraps among them, by the law, for the values of this run.
    pub expected: f64,
    /// Wraps that happened.
    pub wraps: u64,
}

/// Everything that a run found about the claims.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// Every domain claim, in Program order, those that hold included.
    pub domains: Vec<DomainFinding>,
    /// Headroom claims that do not hold, in Program order.
    pub headroom: Vec<HeadroomFinding>,
    /// Elements that were truncated locally.
    pub local_truncations: u64,
    /// Expected number of wraps among them, by the law, for the values of this run.
    pub expected_wraps: f64,
    /// Natural logarithm of the probability that none of them wraps.
    pub log_of_no_wrap: f64,
    /// Wraps that happened.
    pub wraps: u64,
    /// Regions in which they happened.
    pub wrapped_regions: Vec<String>,
    /// The same by path of region, for every region with a local truncation.
    pub wraps_by_region: BTreeMap<String, RegionWraps>,
}

impl Findings {
    /// Probability that a run on these inputs wraps anywhere, over the choice of shares: 1 less the product over all elements of 1 less the
    /// probability of each.
    #[must_use]
    pub fn wrap_probability(&self) -> f64 {
        // A sum with zero turns -0 into 0.
        0.0 - self.log_of_no_wrap.exp_m1()
    }

    /// Domain claims that do not hold.
    pub fn violated_domains(&self) -> impl Iterator<Item = &DomainFinding> {
        self.domains.iter().filter(|finding| finding.outside > 0)
    }

    /// Adds what was found of the claims that come next. Sums of probabilities are rounded, so they are the same only in the same order.
    pub(crate) fn append(&mut self, next: Self) {
        self.domains.extend(next.domains);
        self.headroom.extend(next.headroom);
        self.local_truncations += next.local_truncations;
        self.expected_wraps += next.expected_wraps;
        self.log_of_no_wrap += next.log_of_no_wrap;
        self.wraps += next.wraps;
        self.wrapped_regions.extend(next.wrapped_regions);
        for (region, next) in next.wraps_by_region {
            let all = self.wraps_by_region.entry(region).or_default();
            all.elements += next.elements;
            all.expected += next.expected;
            all.wraps += next.wraps;
        }
    }

    /// Examines the shares of one claimed value of some elements, words of `bits` bits; a share may be one word that all elements have.
    pub(crate) fn examine(
        &mut self,
        kind: &ClaimKind,
        shares: &[&[u64]],
        elements: usize,
        bits: u8,
        most_listed: usize,
        region: impl Fn() -> String,
    ) {
        let claimed = Claimed { shares, elements, bits };
        match *kind {
            ClaimKind::Domain { low, high, also, fraction_bits } => {
                // Fixed point has half a unit of rounding: an element is outside when its word is beyond the bound's.
                let unit = fixed::power_of_two(-i32::from(fraction_bits));
                let real = |word: i64| word as f64 * unit;
                let (claimed_low, claimed_high) = (low, high);
                let leaves = |(low, high): (f64, f64), x: f64| x < low - unit || x > high + unit;
                let is_outside = |x: f64| leaves((low, high), x) && also.is_none_or(|also| leaves(also, x));
                let seen = claimed.by_blocks((i64::MAX, i64::MIN, 0u64), |(l, h, n), words, _| {
                    let (low, high) = ends(words);
                    // Where both ends are inside, so is what lies between.
                    let is_within = ![low, high].map(real).into_iter().any(|x| leaves((claimed_low, claimed_high), x));
                    let outside =
                        if is_within { 0 } else { words.iter().filter(|&&word| is_outside(real(word))).count() };
                    (l.min(low), h.max(high), n + outside as u64)
                });
                let all = |a: (i64, i64, u64), b: (i64, i64, u64)| (a.0.min(b.0), a.1.max(b.1), a.2 + b.2);
                let (l, h, outside) = seen.into_iter().fold((i64::MAX, i64::MIN, 0), all);
                let (l, h) = (real(l), real(h));
                let listed = if outside == 0 { 0 } else { most_listed };
                let listed =
                    (0..elements).map(|i| (i as u64, real(claimed.at(i)))).filter(|&(_, x)| is_outside(x)).take(listed);
                self.domains.push(DomainFinding {
                    listed: listed.collect(),
                    region: region(),
                    claimed: (low, high),
                    seen: (l, h),
                    outside,
                    elements: elements as u64,
                });
            }
            ClaimKind::Headroom { bits: headroom } => {
                let bound = 1u64 << headroom;
                let outside = claimed.by_blocks(0, |outside, words, _| {
                    let (low, high) = ends(words);
                    if low.unsigned_abs().max(high.unsigned_abs()) < bound {
                        return outside;
                    }
                    outside + words.iter().filter(|word| word.unsigned_abs() >= bound).count() as u64
                });
                let outside = outside.into_iter().sum();
                if outside > 0 {
                    self.headroom.push(HeadroomFinding { region: region(), outside });
                }
            }
            ClaimKind::LocalTruncation { .. } => {
                // Added in an order that does not depend on the number of threads.
                let blocks = claimed.by_blocks((0.0, 0.0, 0), |(expected, log, wraps), words, range| {
                    let (p, none) = wraps_expected(words, bits);
                    (expected + p, log + none, wraps + claimed.wraps(range))
                });
                let wraps = blocks.iter().map(|block| block.2).sum::<u64>();
                let expected = blocks.iter().map(|block| block.0).sum::<f64>();
                self.local_truncations += elements as u64;
                self.expected_wraps += expected;
                self.log_of_no_wrap += blocks.iter().map(|block| block.1).sum::<f64>();
                self.wraps += wraps;
                let by_region = self.wraps_by_region.entry(region()).or_default();
                by_region.elements += elements as u64;
                by_region.expected += expected;
                by_region.wraps += wraps;
                if wraps > 0 {
                    self.wrapped_regions.push(region());
                }
            }
        }
    }
}

/// Elements looked at by one thread at a time.
const BLOCK: usize = 1 << 14;

/// Elements whose words are added up at once.
const CHUNK: usize = 512;
/// Sums that are kept side by side, so that none waits for another.
const SUMS: usize = 8;

/// A value as its shares, of which one may be a word that all elements have.
struct Claimed<'a> {
    shares: &'a [&'a [u64]],
    elements: usize,
    bits: u8,
}

impl Claimed<'_> {
    fn at(&self, i: usize) -> i64 {
        let word = |share: &&[u64]| if share.len() == 1 { share[0] } else { share[i] };
        signed(self.shares.iter().map(word).fold(0, u64::wrapping_add), self.bits)
    }

    /// What is found in each block of elements, in order; within a block chunk by chunk from its signed words and their positions.
    fn by_blocks<T: Send + Copy + Sync>(&self, start: T, look: impl Fn(T, &[i64], Range<usize>) -> T + Sync) -> Vec<T> {
        let block = |block: usize| {
            let (mut found, mut words) = (start, [0i64; CHUNK]);
            let end = ((block + 1) * BLOCK).min(self.elements);
            for first in (block * BLOCK..end).step_by(CHUNK) {
                let range = first..end.min(first + CHUNK);
                let words = &mut words[..range.len()];
                self.add_up(range.clone(), words);
                found = look(found, words, range);
            }
            found
        };
        let blocks = 0..self.elements.div_ceil(BLOCK);
        if blocks.len() > 1 { blocks.into_par_iter().map(block).collect() } else { blocks.map(block).collect() }
    }

    fn add_up(&self, range: Range<usize>, words: &mut [i64]) {
        words.fill(0);
        for share in self.shares {
            match *share {
                [word] => words.iter_mut().for_each(|sum| *sum = sum.wrapping_add(*word as i64)),
                share => {
                    let share = &share[range.clone()];
                    words.iter_mut().zip(share).for_each(|(sum, &word)| *sum = sum.wrapping_add(word as i64));
                }
            }
        }
        let unused = 64 - u32::from(self.bits);
        words.iter_mut().for_each(|word| *word = (*word << unused) >> unused);
    }

    /// How many of the sharings leave the signed range, see [`truncation_wraps`].
    fn wraps(&self, range: Range<usize>) -> u64 {
        let unused = 64 - u32::from(self.bits);
        match self.shares {
            // Two whole shares: P0's less the other's negative overflows. Words are at the upper end, so that 64 bits overflow where theirs do.
            &[a, b] if a.len() == self.elements && b.len() == self.elements => {
                let pairs = a[range.clone()].iter().zip(&b[range]);
                let wraps = |(&a, &b): (&u64, &u64)| {
                    let (a, b) = ((a << unused) as i64, (b << unused).wrapping_neg() as i64);
                    u64::from(a.overflowing_sub(b).1)
                };
                pairs.map(wraps).sum()
            }
            shares => {
                let word = |share: &[u64], i: usize| if share.len() == 1 { share[0] } else { share[i] };
                let wraps = |&i: &usize| truncation_wraps(shares.iter().map(|share| word(share, i)), self.bits);
                range.filter(wraps).count() as u64
            }
        }
    }
}

/// The smallest and the largest of some words.
fn ends(words: &[i64]) -> (i64, i64) {
    words.iter().fold((i64::MAX, i64::MIN), |(low, high), &word| (low.min(word), high.max(word)))
}

/// Of some signed words, the expected number of wraps of their truncations, and the logarithm of the probability of none.
fn wraps_expected(words: &[i64], bits: u8) -> (f64, f64) {
    let (mut expected, mut log) = ([0.0; SUMS], [0.0; SUMS]);
    for words in words.chunks(SUMS) {
        for ((expected, log), &word) in expected.iter_mut().zip(&mut log).zip(words) {
            let p = wrap_probability(word, bits);
            *expected += p;
            *log += log_of_none(1, p);
        }
    }
    (expected.iter().sum(), log.iter().sum())
}

/// Whether a sharing of words of `bits` bits leaves the signed range when P0's share is read from -2^(k-1) to 2^(k-1) - 1 and
/// the others, which are rounded up, from -2^(k-1) + 1 to 2^(k-1).
fn truncation_wraps(mut shares: impl Iterator<Item = u64>, bits: u8) -> bool {
    let first = i128::from(signed(shares.next().unwrap_or(0), bits));
    let sum = shares.fold(first, |sum, share| sum - i128::from(signed(share.wrapping_neg(), bits)));
    sum != i128::from(signed(sum as u64, bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::ring::{mask, shift_right_arithmetic};

    /// Full enumeration: every secret below a quarter of the range, every sharing.
    #[test]
    fn a_local_truncation_wraps_for_exactly_as_many_sharings_as_the_secret_is_large() {
        for (bits, shift) in [(8u8, 3u8), (10, 4)] {
            let (size, m) = (1i64 << bits, mask(bits));
            for x in -size / 4..size / 4 {
                let mut wraps = 0;
                for share0 in 0..size as u64 {
                    let share1 = (x as u64).wrapping_sub(share0) & m;
                    let up = shift_right_arithmetic(share1.wrapping_neg() & m, shift, bits).wrapping_neg();
                    let result = signed(shift_right_arithmetic(share0, shift, bits).wrapping_add(up) & m, bits);
                    let floor = x >> shift;
                    let lawful = result == floor || (result == floor + 1 && x & ((1 << shift) - 1) != 0);
                    let wrapped = truncation_wraps([share0, share1].into_iter(), bits);
                    assert_eq!(lawful, !wrapped, "x {x} share {share0} result {result}");
                    wraps += i64::from(wrapped);
                }
                assert_eq!(wraps, x.abs(), "x {x} of {bits} bits");
                assert!((wrap_probability(x, bits) * size as f64 - x.abs() as f64).abs() < 1e-9);
            }
        }
    }

    /// Two shares and one, whole ones and single words, over the ends of chunks and blocks, against one element at a time.
    #[test]
    fn what_is_found_by_chunks_is_what_is_found_one_by_one() {
        let words = |seed: u64, count: usize, bits: u8| -> Vec<u64> {
            (0..count as u64)
                .map(|i| (i + 1).wrapping_mul(seed).rotate_left(23).wrapping_mul(seed) & mask(bits))
                .collect()
        };
        for bits in [8u8, 33, 64] {
            for elements in [1, CHUNK - 1, CHUNK + 1, BLOCK, BLOCK + CHUNK + 3] {
                let (a, b) =
                    (words(0x9e37_79b9_7f4a_7c15, elements, bits), words(0xd1b5_4a32_d192_ed03, elements, bits));
                let single = words(0x2545_f491_4f6c_dd1d, 1, bits);
                for shares in [
                    vec![&a[..], &b],
                    vec![&a, &single],
                    vec![&single, &a],
                    vec![&single, &single],
                    vec![&a],
                    vec![&a, &b, &a],
                ] {
                    let claimed = Claimed { shares: &shares, elements, bits };
                    let word = |share: &[u64], i: usize| if share.len() == 1 { share[0] } else { share[i] };
                    let at = |i: usize| shares.iter().map(|share| word(share, i)).collect::<Vec<u64>>();
                    let one_by_one: Vec<(i64, bool)> = (0..elements)
                        .map(|i| {
                            (
                                signed(at(i).into_iter().fold(0, u64::wrapping_add), bits),
                                truncation_wraps(at(i).into_iter(), bits),
                            )
                        })
                        .collect();
                    assert!((0..elements).all(|i| claimed.at(i) == one_by_one[i].0));
                    let found = claimed.by_blocks((0u64, 0i64), |(wraps, sum), words, range| {
                        (
                            wraps + claimed.wraps(range),
                            words.iter().fold(sum, |sum, &word| sum.wrapping_mul(31).wrapping_add(word)),
                        )
                    });
                    let expected: Vec<(u64, i64)> = one_by_one
                        .chunks(BLOCK)
                        .map(|block| {
                            block.iter().fold((0, 0i64), |(wraps, sum), &(word, wrapped)| {
                                (wraps + u64::from(wrapped), sum.wrapping_mul(31).wrapping_add(word))
                            })
                        })
                        .collect();
                    assert_eq!(found, expected, "{} shares, {elements} words of {bits} bits", shares.len());
                }
            }
        }
    }
}
