//! A table's entries in units, and the smallest and largest of any run of them.

use super::{Arithmetic, BoundError};
use viewless_protocols::circuit::Table;
use viewless_protocols::fixed::{self, RING_BITS, power_of_two};
use viewless_protocols::scheme::laws;

/// A table ready to be bounded.
#[derive(Debug)]
pub(super) struct Entries {
    /// For each k the smallest and the largest of the 2^k entries from each index on, which counts modulo their number.
    runs: Vec<Vec<(f64, f64)>>,
    /// Steps for each unit of the argument: a power of two.
    ratio: f64,
    /// What numbers are.
    arithmetic: Arithmetic,
}

impl Entries {
    /// The entries of `table` with `fraction_bits`, for an argument with `argument_bits`.
    pub(super) fn new(
        arithmetic: Arithmetic,
        table: &Table,
        argument_bits: u8,
        fraction_bits: u8,
    ) -> Result<Self, BoundError> {
        let entry = |&entry: &f64| match arithmetic {
            Arithmetic::Reals => Ok(entry * power_of_two(i32::from(fraction_bits))),
            Arithmetic::Ring(_) => {
                fixed::encode(entry, fraction_bits, RING_BITS).map(|word| word as i64 as f64).map_err(BoundError::from)
            }
        };
        if laws::index_shift(argument_bits, table).is_none() {
            let index_fraction_bits = table.index_fraction_bits;
            return Err(BoundError::Index { index_fraction_bits, index_bits: table.index_bits(), argument_bits });
        }
        let entries = table.entries.iter().map(entry).collect::<Result<Vec<f64>, _>>()?;
        let count = entries.len();
        let mut runs = vec![entries.into_iter().map(|entry| (entry, entry)).collect::<Vec<_>>()];
        for k in 0..table.index_bits() {
            let shorter = &runs[usize::from(k)];
            let joined = |i: usize| join(shorter[i], shorter[(i + (1 << k)) % count]);
            runs.push((0..count).map(joined).collect());
        }
        let ratio = power_of_two(i32::from(table.index_fraction_bits) - i32::from(argument_bits));
        Ok(Self { runs, ratio, arithmetic })
    }

    /// The smallest and the largest entry for arguments from `low` to `high`, in units: in the ring by the law of truncation.
    pub(super) fn between(&self, low: f64, high: f64) -> (f64, f64) {
        let count = self.runs[0].len() as f64;
        let first = (low * self.ratio).floor();
        let last = match self.arithmetic {
            Arithmetic::Reals => (high * self.ratio).floor(),
            Arithmetic::Ring(_) => (high * self.ratio).ceil(),
        };
        let length = last - first + 1.0;
        // Also for ends that are no numbers, or too far apart to be told.
        if !(length < count && first.abs() < power_of_two(52)) {
            return self.runs[self.runs.len() - 1][0];
        }
        let (first, length) = (first.rem_euclid(count) as usize, length as usize);
        let k = length.ilog2() as usize;
        let run = &self.runs[k];
        join(run[first], run[(first + length - (1 << k)) % run.len()])
    }
}

fn join(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0.min(b.0), a.1.max(b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::scheme::Truncation;

    /// Against a walk over all integers of the interval, for every interval of a small range.
    #[test]
    fn the_range_is_that_of_every_entry_that_the_law_allows() {
        let entries = vec![0.5, -3.0, 2.0, 7.0, -1.0, 4.0, 4.0, -2.5];
        let table = Table { index_fraction_bits: 1, entries };
        let ring = Entries::new(Arithmetic::Ring(Truncation::Exact), &table, 3, 1).unwrap();
        let reals = Entries::new(Arithmetic::Reals, &table, 3, 1).unwrap();
        for low in -70_i64..70 {
            for high in low..70 {
                let law = |x: i64| {
                    let (floor, ceiling) = laws::truncated(i128::from(x), 2);
                    join2(2.0 * table.entry(floor as i64), 2.0 * table.entry(ceiling as i64))
                };
                let floor = |x: i64| 2.0 * table.entry(x >> 2);
                let expected = (low..=high).map(law).reduce(join).unwrap();
                assert_eq!(ring.between(low as f64, high as f64), expected, "{low} {high}");
                let expected = (low..=high).map(|x| (floor(x), floor(x))).reduce(join).unwrap();
                assert_eq!(reals.between(low as f64, high as f64), expected, "{low} {high}");
            }
        }
        assert_eq!(ring.between(f64::NEG_INFINITY, f64::NAN), (-6.0, 14.0));
    }

    fn join2(a: f64, b: f64) -> (f64, f64) {
        (a.min(b), a.max(b))
    }
}
