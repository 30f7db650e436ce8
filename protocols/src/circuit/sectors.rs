//! Powers of two with a secret exponent: how far down, and in which pieces.

use crate::fixed::power_of_two;
use serde::{Deserialize, Serialize};

/// Most bits of a modulus, and of the length of a sector.
const MOST_BITS: (u8, u8) = (10, 4);

/// How 2^x is found for a secret x that is not above 0, with one opening and without a comparison: the exponent counts modulo M = 2^`modulus_bits`,
/// which is cut into sectors of Y = 2^`sector_bits`, each with one dealt power.
///
/// **Law.** Where -(M - Y) + u <= x <= 0, u a unit of x, the result is 2^x within the roundings of
/// [`PowerWords`](crate::scheme::laws::PowerWords) and a truncation, and it is never below 0; but powers below 2^(2Y - M) may be taken for 0, which are all of them
/// where M = 2Y: bounds, also over the reals, count that. Elsewhere it is any number from 0 to 2^Y, a unit above
/// at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sectors {
    /// Binary logarithm of the modulus M.
    pub modulus_bits: u8,
    /// Binary logarithm of the length Y of a sector; less than `modulus_bits`.
    pub sector_bits: u8,
}

impl Sectors {
    /// Whether there are such sectors: up to a modulus of 1024, of length 1 to 16, from two on.
    #[must_use]
    pub const fn are_some(self) -> bool {
        self.modulus_bits <= MOST_BITS.0 && self.sector_bits <= MOST_BITS.1 && self.sector_bits < self.modulus_bits
    }

    /// How many sectors there are.
    #[must_use]
    pub const fn count(self) -> usize {
        1 << (self.modulus_bits - self.sector_bits)
    }

    /// The modulus M.
    #[must_use]
    pub fn modulus(self) -> f64 {
        power_of_two(i32::from(self.modulus_bits))
    }

    /// The length Y of a sector.
    #[must_use]
    pub fn length(self) -> f64 {
        power_of_two(i32::from(self.sector_bits))
    }

    /// How far down exponents may be: M - Y.
    #[must_use]
    pub fn reach(self) -> f64 {
        self.modulus() - self.length()
    }

    /// What stands for the power over the reals: of the numbers that are x modulo M, the one from -(M - Y) to below Y is taken, and the result is 2 to that
    /// power where it is not above 0, and 0 where it is, which stands for what is not decided. So it is 2^x from -(M - Y) to 0.
    #[must_use]
    pub fn at(self, x: f64) -> f64 {
        // The remainder is exact: what is ever so little above 0 is not taken for 0, as it is where M is added to it.
        let rest = x % self.modulus();
        let exponent = match rest {
            above if above >= self.length() => above - self.modulus(),
            below if below < -self.reach() => below + self.modulus(),
            within => within,
        };
        if exponent <= 0.0 { libm::exp2(exponent) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_is_one_down_to_the_reach_and_repeats_itself() {
        let sectors = Sectors { modulus_bits: 5, sector_bits: 2 };
        assert_eq!((sectors.count(), sectors.modulus(), sectors.length(), sectors.reach()), (8, 32.0, 4.0, 28.0));
        for step in 0..=28 * 4 {
            let x = -f64::from(step) / 4.0;
            assert_eq!((sectors.at(x), sectors.at(x - 32.0)), (libm::exp2(x), libm::exp2(x)));
        }
        assert_eq!((sectors.at(0.25), sectors.at(3.75)), (0.0, 0.0));
        assert_eq!(
            (sectors.at(1e-30), sectors.at(-1e-30), sectors.at(4.0), sectors.at(-28.0 - 1e-14)),
            (0.0, 1.0, libm::exp2(-28.0), 0.0)
        );
    }

    #[test]
    fn sectors_are_at_least_two_and_not_too_many() {
        let some = |modulus_bits, sector_bits| Sectors { modulus_bits, sector_bits }.are_some();
        assert!(some(1, 0) && some(10, 4));
        assert!(!some(0, 0) && !some(3, 3) && !some(11, 4) && !some(10, 5));
    }
}
