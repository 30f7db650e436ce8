//! Public tables of a function of one secret: what a look-up looks up.

use serde::{Deserialize, Serialize};

/// Largest binary logarithm of the number of entries.
pub const MOST_INDEX_BITS: u8 = 16;

/// A public table of a real function of one secret x, looked up with one opening.
///
/// With g = `index_fraction_bits` and 2^m entries, entry i belongs to the x for which floor(x 2^g) is i modulo 2^m: a step is 2^-g long,
/// and the table repeats itself after 2^(m - g), for negative x as for positive ones.
///
/// **Law.** floor(x 2^g) is found by a truncation, which gives it or one more (the neighbour is never taken where x 2^g is an integer): so
/// the result is one of two neighbouring entries, each rounded to the nearest number of the fixed point. Over the reals it is that of the
/// floor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Binary logarithm of the steps in a unit of the argument.
    pub index_fraction_bits: i8,
    /// The entries; a power of two of them, from 2 to 2^16.
    pub entries: Vec<f64>,
}

impl Table {
    /// The table of `function` at every step of [low, low + 2^(`index_bits` - `index_fraction_bits`)), where `low` is a multiple of the step:
    /// whatever the interval, each entry is put where its index belongs.
    #[must_use]
    pub fn of(function: impl Fn(f64) -> f64, low: f64, index_fraction_bits: i8, index_bits: u8) -> Self {
        let step = crate::fixed::power_of_two(-i32::from(index_fraction_bits));
        let (first, count) = ((low / step).round() as i64, 1_i64 << index_bits);
        let mut entries = vec![0.0; count as usize];
        for i in first..first + count {
            entries[i.rem_euclid(count) as usize] = function(i as f64 * step);
        }
        Self { index_fraction_bits, entries }
    }

    /// Binary logarithm of the number of entries.
    #[must_use]
    pub fn index_bits(&self) -> u8 {
        self.entries.len().ilog2() as u8
    }

    /// x in steps.
    #[must_use]
    pub fn steps(&self, x: f64) -> f64 {
        x * crate::fixed::power_of_two(i32::from(self.index_fraction_bits))
    }

    /// The entry of an index, which counts modulo their number.
    #[must_use]
    pub fn entry(&self, index: i64) -> f64 {
        self.entries[index.rem_euclid(self.entries.len() as i64) as usize]
    }

    /// The entry that belongs to x.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        self.entry(self.steps(x).floor() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_where_its_argument_says_whatever_the_interval() {
        for low in [-3.0, 0.0, 1.25, 100.0] {
            let table = Table::of(|x| x, low, 2, 5);
            for i in 0..32 {
                let x = low + f64::from(i) / 4.0;
                assert_eq!((table.at(x), table.at(x + 0.2)), (x, x));
            }
            assert_eq!((table.index_bits(), table.at(low + 8.0)), (5, low), "it repeats itself");
        }
    }
}
