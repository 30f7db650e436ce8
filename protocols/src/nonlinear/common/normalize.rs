//! A secret power of two that brings a positive secret near 1.
//!
//! 1. Compare x with every threshold 2^i, low < i < high, all in one comparison along a new leading axis: a thermometer.
//! 2. With j the exponent of the highest set bit of x, 2^-j = 2^-(high - 1) + sum over i of [x < 2^i] 2^-i, because
//!    2^-(i-1) - 2^-i is 2^-i. Linear in the bits, so exact and without a message.
//! 3. value = x 2^-j, one product, in [1, 2].
//!
//! With powers of four the thresholds are 4^i, 4^-j = 4^-(high - 1) + sum of [x < 4^i] 3 4^-i, and value is in [1, 4].
//!
//! The upper end 2^high belongs to the domain: its value is 2, where what follows is still right. So the number of
//! comparisons is high - low - 1.
//!
//! **Cost.** One comparison of high - low - 1 stacked elements, their conversion to integers, one product.
//! **Error.** None but the rounding of the product.
//! **Privacy.** Comparison, conversion and product: every message is uniform.

use crate::circuit::{Circuit, Secret};
use crate::fixed::power_of_two;
use crate::shape::Shape;

/// Guard bits of the bits as real numbers: fewer than none, so that multiples of 2^-i are made by shifts towards the left
/// alone. A fixed point of at least 8 fraction bits is needed.
const BIT_GUARD_BITS: i8 = -8;
/// The same over a wide range.
const WIDE_BIT_GUARD_BITS: i8 = -12;

/// A positive secret and the power of two that was taken out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Normalized {
    /// x 2^-j in [1, 2], or x 4^-j in [1, 4].
    pub value: Secret,
    /// 2^-j.
    pub scale: Secret,
}

/// For x in [2^`low`, 2^`high`], low < high: j in `low..high` and x 2^-j in [1, 2], with `guard_bits`.
pub fn by_powers_of_two(c: &mut Circuit, x: Secret, low: i8, high: i8, guard_bits: i8) -> Normalized {
    let powers = Powers { low, high, step: 1, least: None, bit_guard_bits: BIT_GUARD_BITS };
    let bits = thermometer(c, x, powers);
    let scale = combine(c, x, bits, powers, 1, 1.0);
    let value = c.mul_to(x, scale, guard_bits);
    Normalized { value, scale }
}

/// For x in [4^`low`, 4^`high`], low < high: j in `low..high` and x 4^-j in [1, 4], with `guard_bits`; the scale is 2^-j.
pub fn by_powers_of_four(c: &mut Circuit, x: Secret, low: i8, high: i8, guard_bits: i8) -> Normalized {
    by_powers(c, x, Powers { low, high, step: 2, least: None, bit_guard_bits: BIT_GUARD_BITS }, guard_bits)
}

/// As [`by_powers_of_four`]; below `least`, which is at most 4^`low`, value and scale are zero. One comparison more. Bits have four fraction bits
/// less, which leaves more room above a wide range: a fixed point of at least 12 fraction bits is needed.
pub fn by_powers_of_four_from(
    c: &mut Circuit,
    x: Secret,
    low: i8,
    high: i8,
    guard_bits: i8,
    least: Option<f64>,
) -> Normalized {
    by_powers(c, x, Powers { low, high, step: 2, least, bit_guard_bits: WIDE_BIT_GUARD_BITS }, guard_bits)
}

fn by_powers(c: &mut Circuit, x: Secret, powers: Powers, guard_bits: i8) -> Normalized {
    let bits = thermometer(c, x, powers);
    let multiplier = combine(c, x, bits, powers, 2, 3.0);
    let scale = combine(c, x, bits, powers, 1, 1.0);
    let value = c.mul_to(x, multiplier, guard_bits);
    Normalized { value, scale }
}

/// Which powers 2^(`step` i) x is compared with, and below which number it counts as zero.
#[derive(Clone, Copy)]
struct Powers {
    low: i8,
    high: i8,
    step: i8,
    least: Option<f64>,
    bit_guard_bits: i8,
}

/// Step 1: [x < least], where there is one, and [x < 2^(`step` i)] for low < i < high along a new leading axis, 0 or 1; none when there
/// is nothing to decide.
fn thermometer(
    c: &mut Circuit,
    x: Secret,
    Powers { low, high, step, least, bit_guard_bits }: Powers,
) -> Option<Secret> {
    let powers = (low + 1..high).map(|i| power_of_two(i32::from(step) * i32::from(i)));
    let thresholds: Vec<f64> = least.into_iter().chain(powers).collect();
    if thresholds.is_empty() {
        return None;
    }
    let leading_axis: Shape = std::iter::once(thresholds.len()).chain(vec![1; c.shape(x).rank()]).collect();
    let thresholds = c.constant(&thresholds, leading_axis, c.guard_bits(x));
    let bits = c.less(x, thresholds);
    Some(c.real(bits, bit_guard_bits))
}

/// Step 2: B^-(high - 1) + sum over low < i < high of [x < ...] `weight` B^-i with B = 2^`step` and weight = B - 1; less [x < least] B^-low,
/// which is all of it.
fn combine(c: &mut Circuit, x: Secret, bits: Option<Secret>, powers: Powers, step: i8, weight: f64) -> Secret {
    let Powers { low, high, least, bit_guard_bits, .. } = powers;
    let exponent = |i: i8| -i32::from(step) * i32::from(i);
    let smallest = power_of_two(exponent(high - 1));
    let shape = c.shape(x).clone();
    // Enough fraction bits for the smallest multiple, which is then a shift to the left.
    let guard_bits = (bit_guard_bits + step * (high - 1)).max(0);
    let Some(bits) = bits else {
        return c.constant(&vec![smallest; shape.elements()], shape, guard_bits);
    };
    let none = least.map(|_| -power_of_two(exponent(low)));
    let weights = none.into_iter().chain((low + 1..high).map(|i| weight * power_of_two(exponent(i))));
    let terms = weights.enumerate().map(|(position, weight)| {
        let term = c.slice(bits, 0, position, 1);
        c.scale_to(term, weight, guard_bits)
    });
    let terms: Vec<Secret> = terms.collect();
    let sum = terms.into_iter().reduce(|sum, term| c.add(sum, term)).expect("one term for each threshold");
    let sum = c.offset(sum, smallest);
    c.reshape(sum, shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn every_power_of_two_is_taken_out_exactly() {
        for j in -7..14 {
            for mantissa in [1.0, 1.5, 1.984375] {
                let x = mantissa * power_of_two(j);
                let value = testing::map_with(&[x], |c, x| by_powers_of_two(c, x, -7, 14, 0).value)[0];
                let scale = testing::map_with(&[x], |c, x| by_powers_of_two(c, x, -7, 14, 0).scale)[0];
                assert_eq!((value, scale), (mantissa, power_of_two(-j)));
            }
        }
        assert_eq!(testing::map_with(&[16384.0], |c, x| by_powers_of_two(c, x, -7, 14, 0).value), [2.0]);
    }

    #[test]
    fn every_power_of_four_is_taken_out_exactly() {
        for j in -3..10 {
            for mantissa in [1.0, 2.0, 3.96875] {
                let x = mantissa * power_of_two(2 * j);
                let value = testing::map_with(&[x], |c, x| by_powers_of_four(c, x, -3, 10, 0).value)[0];
                let scale = testing::map_with(&[x], |c, x| by_powers_of_four(c, x, -3, 10, 0).scale)[0];
                assert_eq!((value, scale), (mantissa, power_of_two(-j)));
            }
        }
    }

    #[test]
    fn below_the_least_number_value_and_scale_are_zero() {
        let (least, low) = (power_of_two(-8), power_of_two(-6));
        let normalized = |x: f64, f: fn(Normalized) -> Secret| {
            testing::map_with(&[x], |c, x| f(by_powers_of_four_from(c, x, -3, 10, 0, Some(least))))[0]
        };
        for x in [0.0, least / 2.0] {
            assert_eq!((normalized(x, |n| n.value), normalized(x, |n| n.scale)), (0.0, 0.0));
        }
        assert_eq!((normalized(low, |n| n.value), normalized(low, |n| n.scale)), (1.0, 8.0));
    }

    #[test]
    fn one_power_of_two_needs_no_comparison() {
        let normalized = testing::map_with(&[1.25, 2.0], |c, x| by_powers_of_two(c, x, 0, 1, 0).value);
        assert_eq!(normalized, [1.25, 2.0]);
    }
}
