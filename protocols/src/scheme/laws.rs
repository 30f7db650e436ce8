//! The laws of fixed point, once: what compilation makes of public numbers and periods, and which integers a truncation may
//! give. The compiler emits what is said here, and certified bounds are computed from it.
//!
//! Everything not named here is exact in Z_2^64: sums, products, shifts to the left, comparisons, selections.

use super::Truncation;
use crate::circuit::{Levels, Sectors, Series, Table};
use crate::fixed::{FixedPoint, RING_BITS, power_of_two};

/// Bits by which a rescaled argument of a trigonometric sum is shifted down after multiplication.
pub const PERIOD_SHIFT: u8 = 24;

/// The integers that truncating `x` by `shift` bits may give: floor(x / 2^shift) and, unless it is exact, one more. It holds
/// for every truncation of a shared value that does not wrap, whatever the shares.
#[must_use]
pub const fn truncated(x: i128, shift: u8) -> (i128, i128) {
    (x >> shift, -(-x >> shift))
}

/// Bits by which an argument with `fraction_bits` is truncated to be the index of a table, before it counts modulo the number of entries:
/// there the truncation cannot wrap. `None` when the index has more fraction bits than the argument, or leaves the word.
#[must_use]
pub fn index_shift(fraction_bits: u8, table: &Table) -> Option<u8> {
    let shift = u8::try_from(i16::from(fraction_bits) - i16::from(table.index_fraction_bits)).ok()?;
    (shift + table.index_bits() <= RING_BITS && shift <= RING_BITS - 3).then_some(shift)
}

/// The number m / 2^e that stands for a public factor of a product with `fraction_bits`, m odd (0 for zero). It has at most
/// b + 1 significant bits, b the fraction bits of the product or of the fixed point, whichever are more, at most 40.
#[must_use]
pub fn multiplier(factor: f64, fraction_bits: u8, fixed: FixedPoint) -> (i64, i32) {
    odd_multiplier(factor, fraction_bits.max(fixed.fraction_bits()))
}

/// The nearest number m / 2^e with at most `bits` + 1 significant bits and m odd (0 for zero).
fn odd_multiplier(number: f64, bits: u8) -> (i64, i32) {
    if number == 0.0 {
        return (0, 0);
    }
    let exponent = i32::from(bits.min(40)) - number.abs().log2().floor() as i32;
    let multiplier = (number * power_of_two(exponent)).round() as i64;
    let zeros = multiplier.trailing_zeros() as i32;
    (multiplier >> zeros, exponent - zeros)
}

/// Whether a public tensor selects: all its elements are 0 or 1. An elementwise product with it is exact and needs no truncation,
/// whatever its fraction bits.
#[must_use]
pub fn selects(constant: &[f64]) -> bool {
    constant.iter().all(|&element| element == 0.0 || element == 1.0)
}

/// How the argument of a trigonometric sum becomes an angle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Angle {
    /// Width m of the words in which it is opened: one period is 2^m.
    pub bits: u8,
    /// Multiplier that brings the period to 2^(m + [`PERIOD_SHIFT`]), after which the angle is truncated by
    /// [`PERIOD_SHIFT`] bits; `None` when the period is 2^m already.
    pub multiplier: Option<u64>,
}

impl Angle {
    /// For a period in units of an argument with `fraction_bits`; `None` when it is no word of 2 to 32 bits.
    #[must_use]
    pub fn of(period: f64, fraction_bits: u8) -> Option<Self> {
        let units = period * power_of_two(i32::from(fraction_bits));
        let bits = units.log2().ceil();
        if !(2.0..=32.0).contains(&bits) {
            return None;
        }
        let turn = power_of_two(bits as i32);
        let multiplier = (units != turn).then(|| (turn * power_of_two(i32::from(PERIOD_SHIFT)) / units).round() as u64);
        Some(Self { bits: bits as u8, multiplier })
    }

    /// A part of a turn in units of the angle, to nearest.
    #[must_use]
    pub fn units(self, turns: f64) -> u64 {
        (turns * power_of_two(i32::from(self.bits))).round() as u64
    }
}

/// Fraction bits that the dealt waves and the public factors have beyond those of the result. Each one halves the rounding
/// of the terms; but the sum is truncated at twice the fraction bits, and where truncation can wrap each one makes that four
/// times as likely (2^-32 for a sum of size 1 at 16 fraction bits and none of them).
#[must_use]
pub const fn wave_guard_bits(truncation: Truncation) -> u8 {
    match truncation {
        Truncation::Exact | Truncation::Narrowing => 6,
        Truncation::Local => 2,
    }
}

/// Fraction bits to which the dealt waves and the public factors of a trigonometric sum are rounded (to nearest), when the
/// sum has `fraction_bits`. Their products are summed exactly and truncated once.
#[must_use]
pub fn wave_bits(series: &Series, fraction_bits: u8, truncation: Truncation) -> u8 {
    let most = wave_guard_bits(truncation);
    fraction_bits + series.most_guard_bits.map_or(most, |bits| bits.min(most))
}

/// Bits that are cut off a trigonometric sum with `fraction_bits`, which is made of products of two factors as of [`wave_bits`].
#[must_use]
pub fn series_shift(series: &Series, fraction_bits: u8, truncation: Truncation) -> u8 {
    2 * wave_bits(series, fraction_bits, truncation) - fraction_bits
}

/// The words of which a power of two is made, see [`Sectors`]: a public one for what the opened exponent is above its sector, times a dealt one
/// for the sector. Each is read from two tables and rounded to nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PowerWords {
    /// Width of the words in which the exponent is opened.
    pub bits: u8,
    /// Bits of the exponent that the lower table is indexed with; the upper one is by the rest.
    pub low_bits: u8,
    /// Fraction bits of the public factor, and those beyond them in its upper table.
    pub public: (u8, u8),
    /// Fraction bits of the dealt powers, and those beyond them in their upper table.
    pub dealt: (u8, u8),
    /// Bits that are cut off the product.
    pub shift: u8,
}

/// Fraction bits of the lower tables of [`PowerWords`], whose entries are from 1 to 2.
pub const LOW_POWER_BITS: u8 = 31;

impl PowerWords {
    /// For an exponent with `argument_bits` fraction bits and a power with `fraction_bits`; `None` when exponents are no words of up to 32 bits,
    /// or powers leave a word.
    #[must_use]
    pub fn of(sectors: Sectors, argument_bits: u8, fraction_bits: u8) -> Option<Self> {
        let bits = sectors.modulus_bits + argument_bits;
        let low_bits = argument_bits.min(bits.div_ceil(2));
        let length = 1_u8 << sectors.sector_bits;
        // The public factor is below 2^length, the dealt one at most 1: the same room for both.
        let public = fraction_bits + 1;
        let dealt = fraction_bits + length + 1;
        let guard = LOW_POWER_BITS.checked_sub(dealt)?.min(9);
        (bits <= 32).then_some(Self {
            bits,
            low_bits,
            public: (public, guard),
            dealt: (dealt, guard),
            shift: public + dealt - fraction_bits,
        })
    }

    /// By how much a power may be off before it is truncated, in units of the result.
    ///
    /// A factor with F fraction bits, g more in its upper table and the size 2^t is upper times lower entry, rounded to nearest. The upper entry is off by half
    /// a unit of 2^-(F+g) (a part of 2^-20 more for the library) times a lower one below 2; the lower one by a part of 2^-32. So in units of 2^-F it is
    /// off by h = 1/2 + (1 + 2^-19) 2^-g + (1 + 2^-19) 2^(F + t - 32). Of a product with E below 2^Y, D at most 1, h_D E + h_E D + h_E h_D.
    #[must_use]
    pub fn rounding(self, sectors: Sectors) -> f64 {
        let more = 1.0 + power_of_two(-19);
        let off = |(bits, guard): (u8, u8), size: i32| {
            0.5 + more * (power_of_two(-i32::from(guard)) + power_of_two(i32::from(bits) + size - 32))
        };
        let length = 1_i32 << sectors.sector_bits;
        let (public, dealt) = (off(self.public, length), off(self.dealt, 0));
        let product = dealt * power_of_two(length + i32::from(self.public.0))
            + public * power_of_two(i32::from(self.dealt.0))
            + public * dealt;
        product * power_of_two(-i32::from(self.shift))
    }
}

/// How an argument with `fraction_bits` becomes the index of a level: the bits below it, and the width of the words in which it is opened.
/// `None` when a step is less than a unit, or the word is longer than 48 bits.
#[must_use]
pub fn level_words(levels: Levels, fraction_bits: u8) -> Option<(u8, u8)> {
    let below = u8::try_from(i16::from(fraction_bits) + i16::from(levels.step_exponent)).ok()?;
    (below + levels.index_bits <= 48).then_some((below, below + levels.index_bits))
}

/// Probability that one local truncation of the signed word `x` of `bits` bits wraps.
#[must_use]
pub fn wrap_probability(x: i64, bits: u8) -> f64 {
    x.unsigned_abs() as f64 * power_of_two(-i32::from(bits))
}

/// Natural logarithm of the probability that none of `elements` wraps, each with probability `p`.
#[must_use]
pub fn log_of_none(elements: u64, p: f64) -> f64 {
    // Of small p five terms of the series are exact to the last place (the sixth is below p^5 / 6 < 2^-57 of the first), and a run asks for
    // each of its elements.
    let series = |p: f64| -p * (1.0 + p * (1.0 / 2.0 + p * (1.0 / 3.0 + p * (1.0 / 4.0 + p * (1.0 / 5.0)))));
    let one = if p < 1.0 / 2048.0 { series(p) } else { (-p.min(1.0)).ln_1p() };
    elements as f64 * one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_is_the_logarithm() {
        for step in 1..5000 {
            let p = f64::from(step) / 2048.0 / 5000.0;
            for p in [p, p * 1e-6, p * 1e-300] {
                let (found, truth) = (log_of_none(1, p), (-p).ln_1p());
                assert!((found - truth).abs() <= 2.0 * f64::EPSILON * truth.abs(), "{p}: {found} and {truth}");
            }
        }
        assert_eq!(log_of_none(3, 1.0), f64::NEG_INFINITY);
    }

    laws! {
        fn multipliers_are_odd_and_near(number: f64) -> bool {
            let number = number % 1e12;
            if !number.is_finite() || number.abs() < 1e-9 {
                return true;
            }
            let (multiplier, exponent) = odd_multiplier(number, 16);
            let value = multiplier as f64 * power_of_two(-exponent);
            multiplier % 2 != 0 && (value / number - 1.0).abs() <= power_of_two(-17)
        }

        fn a_truncation_gives_the_neighbours_of_the_quotient(x: i64, shift: u8) -> bool {
            let shift = shift % 62;
            let (low, high) = truncated(i128::from(x), shift);
            let exact = i128::from(x) % (1 << shift) == 0;
            low << shift <= i128::from(x) && i128::from(x) <= high << shift && high - low == i128::from(!exact)
        }
    }

    #[test]
    fn powers_of_two_need_no_multiplication() {
        assert_eq!(odd_multiplier(0.125, 16), (1, 3));
        assert_eq!(odd_multiplier(-4.0, 16), (-1, -2));
        assert_eq!(odd_multiplier(3.0, 16), (3, 0));
        assert_eq!(odd_multiplier(0.0, 16), (0, 0));
        assert_eq!(Angle::of(16.0, 16), Some(Angle { bits: 20, multiplier: None }));
        assert!(Angle::of(20.0, 16).is_some_and(|angle| angle.bits == 21 && angle.multiplier.is_some()));
    }
}
