//! Single ring elements as words of k bits, in the low bits of a `u64` whose other bits are zero.

/// 2^bits − 1: the mask that reduces a `u64` to the ring Z_2^bits.
///
/// # Panics
/// If `bits` is not in 1..=64.
pub fn ring_mask(bits: u32) -> u64 {
    assert!((1..=64).contains(&bits), "a ring has 1 to 64 bits, not {bits}");
    u64::MAX >> (64 - bits)
}

/// k, for the mask 2^k − 1.
///
/// # Panics
/// If `mask` is not 2^k − 1 for some k in 1..=64.
pub fn ring_bits(mask: u64) -> u32 {
    assert!(mask != 0 && mask & mask.wrapping_add(1) == 0, "a ring mask is 2^k - 1, not {mask:#x}");
    mask.count_ones()
}

/// The word of `bits` bits as a signed integer in two's complement: its sign is its bit `bits − 1`.
#[inline(always)]
pub fn signed(word: u64, bits: u32) -> i64 {
    (word << (64 - bits)) as i64 >> (64 - bits)
}

/// The word shifted towards its most significant end, within `bits` bits; zero if `shift` is `bits` or more.
#[inline(always)]
pub fn shift_left(word: u64, shift: u32, bits: u32) -> u64 {
    if shift < bits { word << shift & u64::MAX >> (64 - bits) } else { 0 }
}

/// floor(word / 2^shift); zero if `shift` is `bits` or more.
#[inline(always)]
pub fn shift_right(word: u64, shift: u32, bits: u32) -> u64 {
    if shift < bits { word >> shift } else { 0 }
}

/// floor([`signed`]`(word) / 2^shift)` as a word of `bits` bits; all sign bits if `shift` is `bits` or more.
#[inline(always)]
pub fn shift_right_arithmetic(word: u64, shift: u32, bits: u32) -> u64 {
    (signed(word, bits) >> shift.min(bits - 1)) as u64 & u64::MAX >> (64 - bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_behave_as_integers_of_k_bits(bits in 1u32..=64, number in any::<u64>(), shift in 0u32..=70) {
            let mask = ring_mask(bits);
            let word = number & mask;
            let modulus = 1i128 << bits;
            let value = if word >> (bits - 1) == 1 { i128::from(word) - modulus } else { i128::from(word) };
            let power = 1i128 << shift;
            prop_assert_eq!(ring_bits(mask), bits);
            prop_assert_eq!(i128::from(signed(word, bits)), value);
            prop_assert_eq!(i128::from(shift_right_arithmetic(word, shift, bits)), value.div_euclid(power).rem_euclid(modulus));
            prop_assert_eq!(i128::from(shift_right(word, shift, bits)), i128::from(word) / power);
            // The product may need 64 + 70 bits, so it is reduced before it is made.
            let left = if shift >= bits { 0 } else { i128::from(word) % (modulus >> shift) * power };
            prop_assert_eq!(i128::from(shift_left(word, shift, bits)), left);
        }
    }

    #[test]
    #[should_panic(expected = "a ring mask is 2^k - 1")]
    fn a_mask_with_a_hole_is_refused() {
        ring_bits(0b1011);
    }
}
