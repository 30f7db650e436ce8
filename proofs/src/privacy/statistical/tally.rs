//! What is kept of the runs: counts, of a size that does not depend on how many runs there are.
//!
//! A view is looked at while it is made and then forgotten. So the memory of a battery is known before it begins.

use super::tails;
use std::collections::BTreeMap;
use viewless_protocols::program::ValueId;
use viewless_protocols::ring::Domain;

/// Bits at the top of a word that decide its cell of the distribution.
const DISTRIBUTION_BITS: u8 = 10;

/// How often each byte occurs at each place of words.
#[derive(Debug, Clone)]
pub(super) struct Bytes {
    bits: u8,
    /// Places one after another, each of `cells` counts.
    counts: Vec<u32>,
}

impl Bytes {
    fn new(bits: u8) -> Self {
        Self { bits, counts: vec![0; places(bits).len() << bits.min(8)] }
    }

    /// Bytes of memory of the counts for words of `bits` bits.
    fn memory(bits: u8) -> usize {
        (places(bits).len() << bits.min(8)) * size_of::<u32>()
    }

    fn add(&mut self, word: u64) {
        let cells = 1usize << self.bits.min(8);
        for (counts, place) in self.counts.chunks_exact_mut(cells).zip(places_of(self.bits)) {
            counts[(word >> place) as usize & (cells - 1)] += 1;
        }
    }

    /// For each place its lowest bit, and the counts there.
    pub(super) fn by_place(&self) -> impl Iterator<Item = (u8, Vec<u64>)> {
        let cells = 1usize << self.bits.min(8);
        let wide = |counts: &[u32]| counts.iter().map(|&count| u64::from(count)).collect();
        places_of(self.bits).zip(self.counts.chunks_exact(cells).map(wide))
    }

    /// For each bit, how often it was one, and of how many words.
    pub(super) fn ones(&self) -> Vec<(u64, u64)> {
        let mut ones = Vec::with_capacity(usize::from(self.bits));
        for (place, counts) in self.by_place() {
            let n = counts.iter().sum();
            while ones.len() < usize::from(self.bits) && ones.len() < usize::from(place) + 8 {
                let bit = ones.len() - usize::from(place);
                let set = counts.iter().enumerate().filter(|(cell, _)| cell >> bit & 1 == 1);
                ones.push((set.map(|(_, count)| count).sum(), n));
            }
        }
        ones
    }
}

/// The lowest bits of the bytes that are counted. The last byte ends at the top of the word.
fn places(bits: u8) -> Vec<u8> {
    places_of(bits).collect()
}

fn places_of(bits: u8) -> impl Iterator<Item = u8> {
    let whole = if bits <= 8 { 1 } else { bits / 8 };
    let last = (bits > 8 && !bits.is_multiple_of(8)).then(|| bits - 8);
    (0..whole).map(|byte| 8 * byte).chain(last)
}

/// The sums of u v and of v v, over pairs of centred words.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Products {
    pub(super) sum: f64,
    pub(super) squares: f64,
}

impl Products {
    pub(super) fn add(&mut self, u: f64, v: f64) {
        self.sum += u * v;
        self.squares += v * v;
    }
}

/// A column by itself.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) domain: Domain,
    pub(super) words: Bytes,
    /// How often the top bits of a word had each value.
    pub(super) distribution: Vec<u32>,
    /// Each word less its neighbour, and products of neighbours, where there are neighbours.
    pub(super) neighbours: Option<(Bytes, Products)>,
}

impl Column {
    fn new(domain: Domain, elements: usize) -> Self {
        let bits = domain.bits();
        Self {
            domain,
            words: Bytes::new(bits),
            distribution: vec![0; 1 << bits.min(DISTRIBUTION_BITS)],
            neighbours: (elements > 1).then(|| (Bytes::new(bits), Products::default())),
        }
    }

    fn memory(domain: Domain) -> usize {
        2 * Bytes::memory(domain.bits()) + (size_of::<u32>() << domain.bits().min(DISTRIBUTION_BITS))
    }

    fn add(&mut self, words: &[u64]) {
        let bits = self.domain.bits();
        for &word in words {
            self.words.add(word);
            self.distribution[(word >> bits.saturating_sub(DISTRIBUTION_BITS)) as usize] += 1;
        }
        if let Some((bytes, products)) = &mut self.neighbours {
            let centred = |word| tails::centred(word, bits);
            words.chunks_exact(2).for_each(|pair| products.add(centred(pair[0]), centred(pair[1])));
            words.windows(2).for_each(|pair| bytes.add(minus(self.domain, pair[1], pair[0])));
        }
    }
}

/// Two columns, element by element, as far as the shorter one goes.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) left: usize,
    pub(super) right: usize,
    pub(super) products: Products,
    /// Differences and, in a ring, sums; where both are of one domain.
    pub(super) difference: Option<Bytes>,
    pub(super) sum: Option<Bytes>,
}

/// A column and a secret input, element by element.
#[derive(Debug, Clone)]
pub(super) struct WithSecret {
    pub(super) column: usize,
    pub(super) input: ValueId,
    secret_bits: u8,
    pub(super) products: Products,
    /// The word XOR the secret, and less it; where the secret is at least as wide.
    pub(super) xor: Option<Bytes>,
    pub(super) difference: Option<Bytes>,
    /// For the picture: the first secrets and words, both centred.
    pub(super) points: Vec<(f32, f32)>,
}

/// Everything that is kept of the runs with one choice of secrets.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    pub(super) columns: Vec<Column>,
    pub(super) pairs: Vec<Pair>,
    pub(super) with_secrets: Vec<WithSecret>,
    /// How many words of each column were added: the fewest.
    pub(super) fewest_words: usize,
}

/// Points of a picture.
const MOST_POINTS: usize = 512;

/// What a tally is about: columns by domain and kept elements, pairs of columns, columns with inputs and their width.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) columns: Vec<(Domain, usize)>,
    pub(super) pairs: Vec<(usize, usize)>,
    pub(super) with_secrets: Vec<(usize, ValueId, u8)>,
}

impl Plan {
    /// Bytes of memory that two tallies take: that of the choice of secrets at hand, and that of the first.
    pub(super) fn memory(&self) -> usize {
        let domain = |column: usize| self.columns[column].0;
        let columns: usize = self.columns.iter().map(|&(domain, _)| Column::memory(domain)).sum();
        let bytes = |column: usize| 2 * Bytes::memory(domain(column).bits());
        let pairs: usize = self.pairs.iter().map(|&(left, _)| bytes(left)).sum();
        let points = MOST_POINTS * size_of::<(f32, f32)>();
        let secrets: usize = self.with_secrets.iter().map(|&(column, ..)| bytes(column) + points).sum();
        2 * (columns + pairs + secrets)
    }
}

impl Tally {
    pub(super) fn new(plan: &Plan, with_secrets: bool) -> Self {
        let domain = |column: usize| plan.columns[column].0;
        let pair = |&(left, right): &(usize, usize)| {
            let (same, bits) = (domain(left) == domain(right), domain(left).bits());
            let difference = same.then(|| Bytes::new(bits));
            let sum = (same && domain(left).is_ring()).then(|| Bytes::new(bits));
            Pair { left, right, products: Products::default(), difference, sum }
        };
        let secret = |&(column, input, secret_bits): &(usize, ValueId, u8)| {
            let bits = domain(column).bits();
            let wide = secret_bits >= bits;
            let (xor, difference) = (wide.then(|| Bytes::new(bits)), wide.then(|| Bytes::new(bits)));
            let points = Vec::with_capacity(MOST_POINTS);
            WithSecret { column, input, secret_bits, products: Products::default(), xor, difference, points }
        };
        let secrets: &[_] = if with_secrets { &plan.with_secrets } else { &[] };
        Self {
            columns: plan.columns.iter().map(|&(domain, elements)| Column::new(domain, elements)).collect(),
            pairs: plan.pairs.iter().map(pair).collect(),
            with_secrets: secrets.iter().map(secret).collect(),
            fewest_words: 0,
        }
    }

    /// Adds one run: the words of each column, and of each secret.
    pub(super) fn add(&mut self, words: &[Vec<u64>], secrets: &BTreeMap<ValueId, Vec<u64>>) {
        self.columns.iter_mut().zip(words).for_each(|(column, words)| column.add(words));
        self.fewest_words += words.iter().map(Vec::len).min().unwrap_or(0);
        for pair in &mut self.pairs {
            let (left, right) = (self.columns[pair.left].domain, self.columns[pair.right].domain);
            for (&u, &v) in words[pair.left].iter().zip(&words[pair.right]) {
                pair.products.add(tails::centred(u, left.bits()), tails::centred(v, right.bits()));
                if let Some(bytes) = &mut pair.difference {
                    bytes.add(minus(left, u, v));
                }
                if let Some(bytes) = &mut pair.sum {
                    bytes.add(u.wrapping_add(v) & left.mask());
                }
            }
        }
        for with in &mut self.with_secrets {
            let domain = self.columns[with.column].domain;
            let Some(secret) = secrets.get(&with.input) else { continue };
            for (&u, &v) in words[with.column].iter().zip(secret) {
                let (left, right) = (tails::centred(u, domain.bits()), tails::centred(v, with.secret_bits));
                with.products.add(left, right);
                if with.points.len() < MOST_POINTS {
                    with.points.push((right as f32, left as f32));
                }
                if let Some(bytes) = &mut with.xor {
                    bytes.add((u ^ v) & domain.mask());
                }
                if let Some(bytes) = &mut with.difference {
                    bytes.add(u.wrapping_sub(v) & domain.mask());
                }
            }
        }
    }
}

/// a - b, or a XOR b: what makes two words under one mask show.
fn minus(domain: Domain, a: u64, b: u64) -> u64 {
    if domain.is_ring() { a.wrapping_sub(b) & domain.mask() } else { a ^ b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_a_word_is_in_a_byte_and_counted_once() {
        for bits in [1u8, 2, 5, 8, 9, 12, 20, 33, 63, 64] {
            let mut bytes = Bytes::new(bits);
            let words = [0, 1, (1u64 << (bits - 1)) | 1, u64::MAX >> (64 - bits)];
            words.iter().for_each(|&word| bytes.add(word));
            let expected: Vec<(u64, u64)> =
                (0..bits).map(|bit| (words.iter().map(|word| word >> bit & 1).sum(), 4)).collect();
            assert_eq!(bytes.ones(), expected, "{bits}");
            assert_eq!(bytes.counts.len() * 4, Bytes::memory(bits));
        }
    }
}
