//! Words of Z_2^k and of k-bit XOR groups, 1 <= k <= 64, each kept in the low k bits of a `u64`.
//!
//! These are the scalar definitions; the simulator's kernels do the same to whole slices and are tested against them.

use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// The group that the elements of a value belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Domain {
    /// Integers modulo 2^k, shared by addition; also read as two's complement, from -2^(k-1) to 2^(k-1) - 1.
    Ring(u8),
    /// k-bit words, shared by exclusive or.
    Bits(u8),
}

/// A width outside 1..=64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a word of {0} bits: widths are 1 to 64")]
pub struct WidthError(pub u8);

impl Domain {
    /// Integers modulo 2^64.
    pub const Z64: Self = Self::Ring(64);

    /// Width k of a word, in bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Ring(bits) | Self::Bits(bits) => bits,
        }
    }

    /// 2^k - 1.
    #[must_use]
    pub const fn mask(self) -> u64 {
        mask(self.bits())
    }

    /// Whether the elements are integers modulo 2^k.
    #[must_use]
    pub const fn is_ring(self) -> bool {
        matches!(self, Self::Ring(_))
    }

    /// Refuses widths outside 1..=64.
    ///
    /// # Errors
    /// [`WidthError`] with the width.
    pub const fn validate(self) -> Result<(), WidthError> {
        match self.bits() {
            1..=64 => Ok(()),
            bits => Err(WidthError(bits)),
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ring(bits) => write!(f, "Z{bits}"),
            Self::Bits(bits) => write!(f, "X{bits}"),
        }
    }
}

/// 2^bits - 1 for 1 <= bits <= 64.
#[must_use]
pub const fn mask(bits: u8) -> u64 {
    u64::MAX >> (64 - bits as u32)
}

/// Reads the low `bits` of `word` as two's complement.
#[must_use]
pub const fn signed(word: u64, bits: u8) -> i64 {
    let unused = 64 - bits as u32;
    ((word << unused) as i64) >> unused
}

/// Shift to the right by `shift` < `bits` that repeats the sign bit: floor(signed(word) / 2^shift) modulo 2^bits.
#[must_use]
pub const fn shift_right_arithmetic(word: u64, shift: u8, bits: u8) -> u64 {
    (signed(word, bits) >> shift) as u64 & mask(bits)
}

/// The bit-reversal permutation of the low `bits` of `word`, `bits` a power of two: the bit at position i goes to the position
/// whose binary digits are those of i in the opposite order.
///
/// Afterwards the bits of even positions are the low half and those of odd positions the high half, each in bit-reversed
/// order again: neighbours are half a word apart at every level of a tree.
#[must_use]
pub const fn bit_reversal(word: u64, bits: u8) -> u64 {
    let mut word = word & mask(bits);
    let digits = bits.trailing_zeros();
    let mut digit = 0;
    // Exchanges digit a with digit b = digits - 1 - a of every position.
    while digit < digits / 2 {
        let (a, b) = (1u32 << digit, 1u32 << (digits - 1 - digit));
        let moved = EXCHANGED[digits as usize][digit as usize];
        let difference = (word >> (b - a) ^ word) & moved;
        word ^= difference | difference << (b - a);
        digit += 1;
    }
    word
}

/// For each number of digits and each digit of its lower half: the positions that [`bit_reversal`] exchanges.
const EXCHANGED: [[u64; 3]; 7] = {
    let mut masks = [[0; 3]; 7];
    let mut digits = 0;
    while digits < 7 {
        let mut digit = 0;
        while digit < digits / 2 {
            masks[digits][digit] = positions_with(1 << digit, 1 << (digits - 1 - digit));
            digit += 1;
        }
        digits += 1;
    }
    masks
};

/// The positions whose digit `a` is 1 and whose digit `b` is 0, as a word (a and b are powers of two).
const fn positions_with(a: u32, b: u32) -> u64 {
    let mut word = 0;
    let mut position = 0;
    while position < 64 {
        if position & a != 0 && position & b == 0 {
            word |= 1 << position;
        }
        position += 1;
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::TestResult;

    fn width(bits: u8) -> u8 {
        bits % 64 + 1
    }

    laws! {
        fn narrowing_is_a_ring_homomorphism(a: u64, b: u64, bits: u8) -> bool {
            let m = mask(width(bits));
            a.wrapping_add(b) & m == (a & m).wrapping_add(b & m) & m
                && a.wrapping_mul(b) & m == (a & m).wrapping_mul(b & m) & m
                && a.wrapping_neg() & m == (a & m).wrapping_neg() & m
                && (a ^ b) & m == (a & m) ^ (b & m)
                && (a & b) & m == (a & m) & (b & m)
        }

        fn addition_and_multiplication_are_a_commutative_ring(a: u64, b: u64, c: u64, bits: u8) -> bool {
            let m = mask(width(bits));
            let add = |x: u64, y: u64| x.wrapping_add(y) & m;
            let mul = |x: u64, y: u64| x.wrapping_mul(y) & m;
            let (a, b, c) = (a & m, b & m, c & m);
            add(a, b) == add(b, a)
                && mul(a, b) == mul(b, a)
                && add(add(a, b), c) == add(a, add(b, c))
                && mul(mul(a, b), c) == mul(a, mul(b, c))
                && mul(a, add(b, c)) == add(mul(a, b), mul(a, c))
                && add(a, 0) == a
                && mul(a, 1) == a
                && add(a, a.wrapping_neg() & m) == 0
        }

        fn reading_as_signed_is_the_inverse_of_masking(x: i64, bits: u8) -> bool {
            let k = width(bits);
            let read = signed(x as u64, k);
            read as u64 & mask(k) == x as u64 & mask(k) && (k == 64 || (-(1i64 << (k - 1))..1i64 << (k - 1)).contains(&read))
        }

        fn arithmetic_shift_is_the_floor_of_the_quotient(x: u64, shift: u8, bits: u8) -> TestResult {
            let k = width(bits);
            let s = shift % k;
            let expected = i128::from(signed(x, k)).div_euclid(1i128 << s);
            TestResult::from_bool(i128::from(signed(shift_right_arithmetic(x, s, k), k)) == expected)
        }

        fn a_left_shift_multiplies_by_a_power_of_two(x: u64, shift: u8, bits: u8) -> bool {
            let k = width(bits);
            let s = shift % k;
            (x << s) & mask(k) == x.wrapping_mul(1u64.wrapping_shl(u32::from(s))) & mask(k)
        }

        fn bit_reversal_sends_each_position_to_its_reversed_digits(x: u64, digits: u8) -> bool {
            let digits = digits % 7;
            let k = 1u8 << digits;
            let target = |i: u8| (0..digits).fold(0, |target, digit| target | (i >> digit & 1) << (digits - 1 - digit));
            let reversed = bit_reversal(x & mask(k), k);
            (0..k).all(|i| reversed >> target(i) & 1 == x >> i & 1) && bit_reversal(reversed, k) == x & mask(k)
        }

        fn the_high_half_of_a_bit_reversal_holds_the_odd_positions(x: u64) -> bool {
            let reversed = bit_reversal(x, 64);
            let half = |odd: u64| (0..32).fold(0, |half, i| half | (x >> (2 * i + odd) & 1) << i);
            reversed & mask(32) == bit_reversal(half(0), 32) && reversed >> 32 == bit_reversal(half(1), 32)
        }
    }

    #[test]
    fn widths_outside_one_to_sixty_four_are_refused() {
        assert_eq!(Domain::Ring(0).validate(), Err(WidthError(0)));
        assert_eq!(Domain::Bits(65).validate(), Err(WidthError(65)));
        assert!((1..=64).all(|bits| Domain::Ring(bits).validate().is_ok()));
    }
}
