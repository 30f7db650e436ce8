//! The largest of a row to within two steps: what a row is lowered by before powers of it are taken.

use crate::fixed::power_of_two;
use serde::{Deserialize, Serialize};

/// Most bits of an index of levels.
const MOST_INDEX_BITS: u8 = 8;

/// Levels at the multiples of a step 2^`step_exponent`, 2^`index_bits` of them, from minus half their range on.
///
/// **Law.** For a row whose elements are all from -half + step to below half, half = 2^(`index_bits` + `step_exponent` - 1), the result is the largest multiple
/// of the step that is not above the largest element, or one step less. Elsewhere it is any multiple of the step from -half on, below half. In a
/// ring that is narrower than a number it counts modulo the ring, as everything does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Levels {
    /// Binary logarithm of the number of levels.
    pub index_bits: u8,
    /// Binary logarithm of the step.
    pub step_exponent: i8,
}

impl Levels {
    /// Whether there are such levels: from 2 to 256 of them, with steps from 2^-20 to 2^20.
    #[must_use]
    pub const fn are_some(self) -> bool {
        1 <= self.index_bits
            && self.index_bits <= MOST_INDEX_BITS
            && -20 <= self.step_exponent
            && self.step_exponent <= 20
    }

    /// The step.
    #[must_use]
    pub fn step(self) -> f64 {
        power_of_two(i32::from(self.step_exponent))
    }

    /// Half the range: the lowest level is as far below 0.
    #[must_use]
    pub fn half(self) -> f64 {
        power_of_two(i32::from(self.index_bits) - 1 + i32::from(self.step_exponent))
    }

    /// The level of a row: the largest multiple of the step that is not above its largest element; the lowest or the highest level where that is none of
    /// them.
    #[must_use]
    pub fn of(self, row: impl Iterator<Item = f64>) -> f64 {
        let largest = row.fold(f64::NEG_INFINITY, f64::max);
        let level = (largest / self.step()).floor() * self.step();
        level.clamp(-self.half(), self.half() - self.step())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_less_than_a_step_below_the_largest() {
        let levels = Levels { index_bits: 4, step_exponent: 1 };
        assert_eq!((levels.step(), levels.half()), (2.0, 16.0));
        for i in -15..15 {
            let largest = f64::from(i);
            let level = levels.of([largest - 3.0, largest, largest - 0.25].into_iter());
            assert!(level <= largest && largest < level + 2.0 && level % 2.0 == 0.0, "{largest}: {level}");
        }
        assert_eq!((levels.of([-40.0].into_iter()), levels.of([40.0].into_iter())), (-16.0, 14.0));
    }
}
