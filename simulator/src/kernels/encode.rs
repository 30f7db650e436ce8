//! Real numbers as fixed point, many at a time: [`viewless_protocols::fixed::encode`] on slices.

use super::bits::ring_mask;
use super::waves::rounded;
use super::{CodePath, Work};
use viewless_protocols::fixed::power_of_two;

/// A number as weights and texts have them.
pub trait Number: Copy {
    /// The same number, exactly.
    fn real(self) -> f64;
}

impl Number for f32 {
    #[inline(always)]
    fn real(self) -> f64 {
        f64::from(self)
    }
}

impl Number for f64 {
    #[inline(always)]
    fn real(self) -> f64 {
        self
    }
}

/// Writes the words of `numbers` with `fraction_bits` in the ring of `ring_bits`. False if one of them has none, because it is not finite or
/// does not fit; then what is written is of no use.
///
/// # Panics
/// If there are not as many words as numbers, or the ring has no or more than 64 bits.
#[must_use]
pub fn encode<N: Number>(path: CodePath, numbers: &[N], fraction_bits: u8, ring_bits: u8, out: &mut [u64]) -> bool {
    assert_eq!(numbers.len(), out.len(), "every number has its word");
    let scale = power_of_two(i32::from(fraction_bits));
    let bound = power_of_two(i32::from(ring_bits) - 1);
    path.run(Encode { numbers, scale, bound, mask: ring_mask(u32::from(ring_bits)), out })
}

struct Encode<'a, N> {
    numbers: &'a [N],
    scale: f64,
    bound: f64,
    mask: u64,
    out: &'a mut [u64],
}

impl<N: Number> Work for Encode<'_, N> {
    type Output = bool;

    #[inline(always)]
    fn work(self) -> bool {
        let Self { numbers, scale, bound, mask, out } = self;
        let mut fit = true;
        for (out, number) in out.iter_mut().zip(numbers) {
            let scaled = rounded(number.real() * scale);
            // Neither holds for what is not a number.
            fit &= scaled >= -bound && scaled < bound;
            *out = scaled as i64 as u64 & mask;
        }
        fit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use viewless_protocols::fixed;

    fn number() -> impl Strategy<Value = f64> {
        let half = (-1_000_000i64..1_000_000).prop_map(|half| half as f64 / 2.0);
        let odd = prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 5e-324, -0.0]);
        prop_oneof![4 => -1e3..1e3, 2 => half, 1 => any::<f64>(), 1 => odd, 1 => -1e19..1e19]
    }

    proptest! {
        #[test]
        fn numbers_are_encoded_as_one_by_one(
            numbers in prop::collection::vec(number(), 0..40), fraction_bits in 0u8..=52, ring_bits in 1u8..=64,
        ) {
            let singles: Vec<f32> = numbers.iter().map(|&number| number as f32).collect();
            let doubled: Vec<f64> = singles.iter().map(|&number| f64::from(number)).collect();
            for path in CodePath::available() {
                let one_by_one = |numbers: &[f64]| -> Option<Vec<u64>> {
                    numbers.iter().map(|&number| fixed::encode(number, fraction_bits, ring_bits).ok()).collect()
                };
                let mut out = vec![7; numbers.len()];
                let fit = encode(path, &numbers, fraction_bits, ring_bits, &mut out);
                prop_assert_eq!(fit.then(|| out.clone()), one_by_one(&numbers));
                let fit = encode(path, &singles, fraction_bits, ring_bits, &mut out);
                prop_assert_eq!(fit.then_some(out), one_by_one(&doubled));
            }
        }
    }
}
