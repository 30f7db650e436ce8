//! Fixed point: a real number x is the integer nearest to x * 2^f, in two's complement modulo 2^64.

use crate::ring;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A number that has no fixed-point encoding.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum EncodeError {
    /// Not a number, or infinite.
    #[error("{value} is not a finite number; fixed point has no encoding for it")]
    NotFinite {
        /// The value refused.
        value: f64,
    },
    /// Outside the range of the ring.
    #[error(
        "{value} does not fit {ring_bits} bits with {fraction_bits} fraction bits (largest magnitude {limit}); \
         use fewer fraction bits or scale the data"
    )]
    OutOfRange {
        /// The value refused.
        value: f64,
        /// Width of the ring.
        ring_bits: u8,
        /// Fraction bits asked for.
        fraction_bits: u8,
        /// The smallest magnitude that does not fit, 2^(ring_bits - 1 - fraction_bits).
        limit: f64,
    },
}

/// Width of the ring that secrets are shared in.
pub const RING_BITS: u8 = 64;

/// Most fraction bits of a secret without guard bits: a product has twice as many, of the 61 that the ring has room for.
pub const MOST_FRACTION_BITS: u8 = (RING_BITS - 3) / 2;

/// Binary logarithm of the bound that is claimed of a number of which nothing is known, where its ring must hold it; a suite may have another.
pub const RANGE_BITS: u8 = 14;

/// The least and the largest range of a suite.
pub const RANGES: std::ops::RangeInclusive<u8> = 2..=24;

/// The place of the binary point in Z_2^64: so many fraction bits that a product fits; and how large numbers are taken to be of which nothing is
/// known, which matters where rings are narrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "WrittenFixedPoint")]
pub struct FixedPoint {
    fraction_bits: u8,
    #[serde(skip_serializing_if = "is_usual")]
    range_bits: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_usual(range_bits: &u8) -> bool {
    *range_bits == RANGE_BITS
}

const fn usual() -> u8 {
    RANGE_BITS
}

/// A fixed point as files write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFixedPoint {
    fraction_bits: u8,
    #[serde(default = "usual")]
    range_bits: u8,
}

/// A fixed point without room for products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{fraction_bits} fraction bits; a product needs twice as many of {RING_BITS}, use 0 to {MOST_FRACTION_BITS}")]
pub struct FractionBitsError {
    /// Fraction bits asked for.
    pub fraction_bits: u8,
}

impl FixedPoint {
    /// So many fraction bits.
    ///
    /// # Errors
    /// [`FractionBitsError`] for more than [`MOST_FRACTION_BITS`].
    pub const fn new(fraction_bits: u8) -> Result<Self, FractionBitsError> {
        if fraction_bits <= MOST_FRACTION_BITS {
            Ok(Self { fraction_bits, range_bits: RANGE_BITS })
        } else {
            Err(FractionBitsError { fraction_bits })
        }
    }

    /// So many fraction bits, checked by the compiler.
    #[must_use]
    pub const fn of<const FRACTION_BITS: u8>() -> Self {
        const { assert!(FRACTION_BITS <= MOST_FRACTION_BITS, "a product needs twice as many fraction bits") };
        Self { fraction_bits: FRACTION_BITS, range_bits: RANGE_BITS }
    }

    /// The same with another bound 2^`range_bits` of numbers of which nothing is known, one of [`RANGES`].
    #[must_use]
    pub fn with_range(self, range_bits: u8) -> Option<Self> {
        RANGES.contains(&range_bits).then_some(Self { range_bits, ..self })
    }

    /// Binary logarithm of the bound that is claimed of a number of which nothing is known, where its ring must hold it.
    #[must_use]
    pub const fn range_bits(self) -> u8 {
        self.range_bits
    }

    /// Fraction bits f of a secret without guard bits.
    #[must_use]
    pub const fn fraction_bits(self) -> u8 {
        self.fraction_bits
    }
}

/// A fixed point that a file should not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FixedPointError {
    /// A fixed point without room for products.
    #[error(transparent)]
    FractionBits(#[from] FractionBitsError),
    /// A range that no suite has.
    #[error("a range of {range_bits} bits; use {} to {}", RANGES.start(), RANGES.end())]
    Range {
        /// Binary logarithm of the bound.
        range_bits: u8,
    },
}

impl TryFrom<WrittenFixedPoint> for FixedPoint {
    type Error = FixedPointError;

    fn try_from(WrittenFixedPoint { fraction_bits, range_bits }: WrittenFixedPoint) -> Result<Self, FixedPointError> {
        Self::new(fraction_bits)?.with_range(range_bits).ok_or(FixedPointError::Range { range_bits })
    }
}

/// Encodes `value` with `fraction_bits`, rounding to the nearest integer (ties away from zero), as a word of `ring_bits`.
///
/// # Errors
/// [`EncodeError`] names a value that is not finite or does not fit.
pub fn encode(value: f64, fraction_bits: u8, ring_bits: u8) -> Result<u64, EncodeError> {
    if !value.is_finite() {
        return Err(EncodeError::NotFinite { value });
    }
    // Multiplication by a power of two is exact in f64 (barring overflow to infinity, refused below), and so is `round`.
    let scaled = (value * power_of_two(i32::from(fraction_bits))).round();
    let bound = power_of_two(i32::from(ring_bits) - 1);
    if scaled >= bound || scaled < -bound {
        let limit = power_of_two(i32::from(ring_bits) - 1 - i32::from(fraction_bits));
        return Err(EncodeError::OutOfRange { value, ring_bits, fraction_bits, limit });
    }
    Ok(scaled as i64 as u64 & ring::mask(ring_bits))
}

/// The real number that `word` stands for: signed(word) / 2^fraction_bits, rounded to f64.
#[must_use]
pub fn decode(word: u64, fraction_bits: u8, ring_bits: u8) -> f64 {
    ring::signed(word, ring_bits) as f64 * power_of_two(-i32::from(fraction_bits))
}

/// 2^exponent, rounded to a double: infinite from 1024 on, zero below -1074.
#[must_use]
pub fn power_of_two(exponent: i32) -> f64 {
    match exponent {
        // A normal number is its biased exponent.
        -1022..=1023 => f64::from_bits(((exponent + 1023) as u64) << 52),
        _ => libm::exp2(f64::from(exponent)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decoding_undoes_encoding_to_half_a_unit(value in -1e9f64..1e9, fraction_bits in 0u8..=30) {
            let word = encode(value, fraction_bits, 64).unwrap();
            let half_unit = power_of_two(-i32::from(fraction_bits) - 1);
            prop_assert!((decode(word, fraction_bits, 64) - value).abs() <= half_unit);
        }

        #[test]
        fn encoding_undoes_decoding(word in any::<u64>(), bits in 1u8..=53, fraction_bits in 0u8..=40) {
            let word = word & ring::mask(bits);
            prop_assert_eq!(encode(decode(word, fraction_bits, bits), fraction_bits, bits).unwrap(), word);
        }

        #[test]
        fn what_does_not_fit_is_refused_with_the_value(value in prop_oneof![32768.0f64..1e300, -1e300f64..-32768.1]) {
            match encode(value, 16, 32) {
                Err(EncodeError::OutOfRange { value: named, limit, .. }) => {
                    prop_assert_eq!(named, value);
                    prop_assert_eq!(limit, 32768.0);
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }

    #[test]
    fn powers_of_two_are_those_of_the_library() {
        for exponent in -1100..1100 {
            assert_eq!(power_of_two(exponent), libm::exp2(f64::from(exponent)), "{exponent}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(matches!(encode(value, 16, 64), Err(EncodeError::NotFinite { .. })));
        }
    }

    #[test]
    fn a_fixed_point_without_room_for_products_is_refused_wherever_it_comes_from() {
        for bits in 0..=u8::MAX {
            let fits = 2 * u32::from(bits) <= u32::from(RING_BITS) - 3;
            assert_eq!(FixedPoint::new(bits).map(FixedPoint::fraction_bits).is_ok_and(|found| found == bits), fits);
            let read = toml::from_str::<FixedPoint>(&format!("fraction_bits = {bits}"));
            assert_eq!(
                read.map_err(|error| error.to_string().contains("use 0 to 30")),
                FixedPoint::new(bits).map_err(|_| true)
            );
        }
    }

    #[test]
    fn the_ends_of_the_range_are_encoded() {
        assert_eq!(encode(-32768.0, 16, 32), Ok(1 << 31));
        assert_eq!(encode(0.1, 16, 64), Ok(6554)); // nearest; CrypTen truncates to 6553
        assert_eq!(encode(-0.1, 16, 64), Ok(6554u64.wrapping_neg()));
        assert!(encode(32768.0, 16, 32).is_err());
    }
}
