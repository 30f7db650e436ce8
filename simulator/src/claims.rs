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
    /// Headroom claims that do not hold.
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
        let word = |share: &[u64], i: usize| if share.len() == 1 { share[0] } else { share[i] };
        let value = |i: usize| signed(shares.iter().fold(0u64, |sum, share| sum.wrapping_add(word(share, i))), bits);
        match *kind {
            ClaimKind::Domain { low, high, also, fraction_bits } => {
                // Fixed point has half a unit of rounding: an element is outside when its word is beyond the bound's.
                let unit = fixed::power_of_two(-i32::from(fraction_bits));
                let real = |i: usize| value(i) as f64 * unit;
                let leaves = |(low, high): (f64, f64), x: f64| x < low - unit || x > high + unit;
                let is_outside = |x: f64| leaves((low, high), x) && also.is_none_or(|also| leaves(also, x));
                let start = (f64::INFINITY, f64::NEG_INFINITY, 0u64);
                let seen = by_blocks(elements, |range| {
                    range.map(real).fold(start, |(l, h, n), x| (l.min(x), h.max(x), n + u64::from(is_outside(x))))
                });
                let all = |a: (f64, f64, u64), b: (f64, f64, u64)| (a.0.min(b.0), a.1.max(b.1), a.2 + b.2);
                let (l, h, outside) = seen.into_iter().fold(start, all);
                let listed = if outside == 0 { 0 } else { most_listed };
                let listed = (0..elements).map(|i| (i as u64, real(i))).filter(|&(_, x)| is_outside(x)).take(listed);
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
                let outside = |&i: &usize| value(i).unsigned_abs() >= 1 << headroom;
                let outside = by_blocks(elements, |range| range.filter(outside).count() as u64).into_iter().sum();
                if outside > 0 {
                    self.headroom.push(HeadroomFinding { region: region(), outside });
                }
            }
            ClaimKind::LocalTruncation { .. } => {
                // Added in order: the floating sum does not depend on the number of threads.
                let blocks = by_blocks(elements, |range| {
                    range.fold((0.0, 0.0, 0), |(expected, log, wraps), i| {
                        let wrapped = truncation_wraps(shares.iter().map(|share| word(share, i)), bits);
                        let p = wrap_probability(value(i), bits);
                        (expected + p, log + log_of_none(1, p), wraps + u64::from(wrapped))
                    })
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

/// What is found in each block of elements, in order.
fn by_blocks<T: Send>(elements: usize, look: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let block = |block: usize| look(block * BLOCK..((block + 1) * BLOCK).min(elements));
    let blocks = 0..elements.div_ceil(BLOCK);
    if blocks.len() > 1 { blocks.into_par_iter().map(block).collect() } else { blocks.map(block).collect() }
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
}
