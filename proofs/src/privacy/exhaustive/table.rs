//! Tables of counts over words, and the one operation on them: multiply those that know a word, and sum it out.

use super::CountError;

/// A function of some words, to counts: how many choices of all summed-out words give these.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    /// Variables with their widths, in increasing order; the first is in the lowest bits of an index.
    pub(super) axes: Vec<(usize, u8)>,
    pub(super) counts: Vec<u64>,
}

/// How an index of one table is found from an index of another: bits to the right, mask, bits to the left.
type Gather = Vec<(u32, usize, u32)>;

fn shifts(axes: &[(usize, u8)]) -> impl Iterator<Item = (usize, u8, u32)> + '_ {
    axes.iter().scan(0, |shift, &(variable, bits)| {
        let at = *shift;
        *shift += u32::from(bits);
        Some((variable, bits, at))
    })
}

fn gather(from: &[(usize, u8)], to: &[(usize, u8)]) -> Gather {
    let mut gather = Vec::new();
    for (variable, bits, here) in shifts(to) {
        if let Some((.., there)) = shifts(from).find(|&(other, ..)| other == variable) {
            gather.push((there, (1 << bits) - 1, here));
        }
    }
    gather
}

fn gathered(index: usize, gather: &Gather) -> usize {
    gather.iter().fold(0, |result, &(right, mask, left)| result | (index >> right & mask) << left)
}

/// Widths of the axes of some tables together, `without` one variable.
pub(super) fn union(tables: &[&Table], without: Option<usize>) -> Vec<(usize, u8)> {
    let mut axes: Vec<(usize, u8)> = tables.iter().flat_map(|table| table.axes.iter().copied()).collect();
    axes.sort_unstable();
    axes.dedup();
    axes.retain(|&(variable, _)| Some(variable) != without);
    axes
}

/// Bits of an index over some axes.
pub(super) fn total_bits(axes: &[(usize, u8)]) -> u32 {
    axes.iter().map(|&(_, bits)| u32::from(bits)).sum()
}

impl Table {
    /// The table of a function: 1 where `f` of the other words is the word of the last of `axes`, which need not be sorted.
    pub(super) fn of_function(
        axes: &[(usize, u8)],
        f: impl Fn(&[u64]) -> u64,
        most_bits: u32,
    ) -> Result<Self, CountError> {
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        let bits = total_bits(&sorted);
        refuse_large(bits, most_bits)?;
        let places: Vec<(u32, u64)> = axes
            .iter()
            .map(|&(variable, bits)| {
                let shift = shifts(&sorted).find(|&(other, ..)| other == variable).map_or(0, |(.., shift)| shift);
                (shift, (1u64 << bits) - 1)
            })
            .collect();
        let mut words = vec![0; axes.len()];
        let counts = (0..1u64 << bits)
            .map(|index| {
                words.iter_mut().zip(&places).for_each(|(word, &(shift, mask))| *word = index >> shift & mask);
                let (result, arguments) = words.split_last().expect("a function has a result");
                u64::from(f(arguments) == *result)
            })
            .collect();
        Ok(Self { axes: sorted, counts })
    }

    /// The product of tables, summed over `variable` if there is one.
    pub(super) fn product(tables: &[&Self], variable: Option<(usize, u8)>, most_bits: u32) -> Result<Self, CountError> {
        let axes = union(tables, variable.map(|(variable, _)| variable));
        let bits = total_bits(&axes);
        let summed = variable.map_or(0, |(_, bits)| u32::from(bits));
        refuse_large(bits + summed, most_bits)?;
        let mut extended = axes.clone();
        extended.extend(variable);
        let gathers: Vec<Gather> = tables.iter().map(|table| gather(&extended, &table.axes)).collect();
        let mut counts = vec![0u64; 1 << bits];
        for (index, count) in counts.iter_mut().enumerate() {
            for word in 0..1usize << summed {
                let at = index | word << bits;
                let mut product = 1u64;
                for (table, gather) in tables.iter().zip(&gathers) {
                    product = product.checked_mul(table.counts[gathered(at, gather)]).ok_or_else(too_many)?;
                    if product == 0 {
                        break;
                    }
                }
                *count = count.checked_add(product).ok_or_else(too_many)?;
            }
        }
        Ok(Self { axes, counts })
    }

    /// Divides by the common divisor (only ratios matter) and drops the variables that the counts do not depend on.
    pub(super) fn simplified(mut self) -> Self {
        let divisor = self.counts.iter().fold(0, |divisor, &count| greatest_common_divisor(divisor, count));
        if divisor > 1 {
            self.counts.iter_mut().for_each(|count| *count /= divisor);
        }
        let mut i = 0;
        while i < self.axes.len() {
            let shift = total_bits(&self.axes[..i]);
            let (_, bits) = self.axes[i];
            let mask = ((1usize << bits) - 1) << shift;
            if self.counts.iter().enumerate().all(|(index, &count)| count == self.counts[index & !mask]) {
                let low = (1usize << shift) - 1;
                let counts = (0..self.counts.len() >> bits)
                    .map(|index| self.counts[index & low | (index & !low) << bits])
                    .collect();
                self.counts = counts;
                self.axes.remove(i);
            } else {
                i += 1;
            }
        }
        self
    }

    /// The count where each variable has the word that `word` gives.
    pub(super) fn count_at(&self, word: impl Fn(usize) -> u64) -> u64 {
        let index =
            shifts(&self.axes).fold(0, |index, (variable, _, shift)| index | (word(variable) as usize) << shift);
        self.counts[index]
    }

    /// Whether all other words determine this one.
    pub(super) fn determines(&self, variable: usize) -> bool {
        let Some((_, bits, shift)) = shifts(&self.axes).find(|&(other, ..)| other == variable) else { return false };
        let mask = ((1usize << bits) - 1) << shift;
        (0..self.counts.len()).filter(|index| index & mask == 0).all(|index| {
            let possible = (0..1usize << bits).filter(|word| self.counts[index | word << shift] > 0);
            possible.take(2).count() <= 1
        })
    }

    /// The word of a variable at an index.
    pub(super) fn word(&self, index: usize, variable: usize) -> Option<u64> {
        let (_, bits, shift) = shifts(&self.axes).find(|&(other, ..)| other == variable)?;
        Some((index >> shift & ((1 << bits) - 1)) as u64)
    }

    /// Indices of all words of the given variables, the others being zero.
    pub(super) fn indices(&self, belongs: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut indices = vec![0];
        for (variable, bits, shift) in shifts(&self.axes) {
            if belongs(variable) {
                indices = (0..1usize << bits)
                    .flat_map(|word| indices.iter().map(move |&index| index | word << shift).collect::<Vec<_>>())
                    .collect();
            }
        }
        indices
    }
}

fn refuse_large(bits: u32, most_bits: u32) -> Result<(), CountError> {
    if bits <= most_bits {
        return Ok(());
    }
    Err(CountError::Size { what: format!("a table over {bits} bits (at most {most_bits})") })
}

fn too_many() -> CountError {
    CountError::Size { what: "counts beyond 2^64".to_owned() }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
