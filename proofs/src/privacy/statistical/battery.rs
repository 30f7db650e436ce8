//! The tests, and the decision over all of them.

use super::columns::Column;
use super::runs::{Runs, Secrets, Words};
use super::{Finding, Options, Power, Verdict, tails};
use std::collections::BTreeSet;
use std::fmt;
use viewless_protocols::program::{Program, ValueId};
use viewless_protocols::ring::Domain;

/// What a test looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The words of the message.
    Words,
    /// Each word less its neighbour in the tensor.
    Neighbours,
    /// The words of one message less those of another.
    Difference,
    /// The words of two messages added.
    Sum,
    /// The message less a secret.
    LessSecret,
    /// The message XOR a secret.
    XorSecret,
}

/// A test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// All bytes at this place (its lowest bit) are equally frequent.
    Frequencies(Of, u8),
    /// This bit is balanced.
    Bit(Of, u8),
    /// The words are uniformly distributed.
    Distribution,
    /// Neighbours, two messages, or a message and a secret are not correlated.
    Correlation(Of),
    /// Bytes at this place are as frequent as with secrets all zero.
    TwoSamplesFrequencies(u8),
    /// The words are distributed as with secrets all zero.
    TwoSamplesDistribution,
}

impl fmt::Display for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Words => "words",
            Self::Neighbours => "differences of neighbours",
            Self::Difference => "differences of two messages",
            Self::Sum => "sums of two messages",
            Self::LessSecret => "differences from the secret",
            Self::XorSecret => "words XOR the secret",
        })
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frequencies(of, place) => write!(f, "bytes from bit {place} of {of} are not uniform"),
            Self::Bit(of, bit) => write!(f, "bit {bit} of {of} is biased"),
            Self::Distribution => f.write_str("words are not uniformly distributed"),
            Self::Correlation(Of::Words | Of::Neighbours) => f.write_str("neighbours are correlated"),
            Self::Correlation(Of::Difference | Of::Sum) => f.write_str("two messages are correlated"),
            Self::Correlation(Of::LessSecret | Of::XorSecret) => f.write_str("it is correlated with the secret"),
            Self::TwoSamplesFrequencies(place) => {
                write!(f, "bytes from bit {place} are distributed otherwise than with secrets all zero")
            }
            Self::TwoSamplesDistribution => f.write_str("words are distributed otherwise than with secrets all zero"),
        }
    }
}

/// A test performed.
#[derive(Debug, Clone, Copy)]
struct Performed {
    column: usize,
    other: Option<ValueId>,
    secrets: Secrets,
    test: Test,
    ln_p: f64,
}

/// Tests performed so far.
pub(super) struct Battery<'a> {
    program: &'a Program,
    columns: &'a [Column],
    /// Elements of a run in each column.
    rows: Vec<usize>,
    /// For each message its last column: less what is known, where something is.
    finals: Vec<usize>,
    pairs: Vec<(usize, usize)>,
    options: &'a Options,
    performed: Vec<Performed>,
}

impl<'a> Battery<'a> {
    pub(super) fn new(program: &'a Program, columns: &'a [Column], runs: &Runs<'_>, options: &'a Options) -> Self {
        let rows = columns.iter().map(|column| runs.kept(column)).collect();
        let is_final = |&i: &usize| columns.get(i + 1).is_none_or(|next| next.message != columns[i].message);
        let finals: Vec<usize> = (0..columns.len()).filter(is_final).collect();
        let pairs = pairs(columns, &finals, options.most_pairs);
        Self { program, columns, rows, finals, pairs, options, performed: Vec::new() }
    }

    /// The tests of one choice of secrets.
    pub(super) fn one_sample(&mut self, secrets: Secrets, words: &Words) {
        for (i, column) in self.columns.iter().enumerate() {
            let (domain, all) = (column.domain, &words.columns[i]);
            let mut record = Recorder { to: &mut self.performed, column: i, other: None, secrets };
            record.frequencies_and_bits(Of::Words, domain.bits(), all.iter().copied());
            record.push(Test::Distribution, tails::kolmogorov(&sorted(all), domain.bits()));
            if self.rows[i] > 1 {
                let centred = |word: u64| tails::centred(word, domain.bits());
                let rows = || all.chunks_exact(self.rows[i]);
                let pairs = rows().flat_map(|row| row.chunks_exact(2)).map(|pair| (centred(pair[0]), centred(pair[1])));
                record.push(Test::Correlation(Of::Neighbours), tails::correlation(pairs));
                let neighbours = rows().flat_map(|row| row.windows(2)).map(|pair| minus(domain, pair[1], pair[0]));
                record.frequencies(Of::Neighbours, domain.bits(), neighbours);
            }
        }
        for &(a, b) in &self.pairs {
            self.performed.extend(self.pair(secrets, words, a, b));
        }
        if secrets == Secrets::Random {
            self.with_secrets(words);
        }
    }

    /// Two messages, element by element, as far as the shorter one goes.
    fn pair(&self, secrets: Secrets, words: &Words, a: usize, b: usize) -> Vec<Performed> {
        let (left, right) = (&self.columns[a], &self.columns[b]);
        let mut performed = Vec::new();
        let mut record = Recorder { to: &mut performed, column: a, other: Some(right.message), secrets };
        let pairs = || {
            let rows = words.columns[a].chunks_exact(self.rows[a]).zip(words.columns[b].chunks_exact(self.rows[b]));
            rows.flat_map(|(left, right)| left.iter().copied().zip(right.iter().copied()))
        };
        let (left_bits, right_bits) = (left.domain.bits(), right.domain.bits());
        let centred = pairs().map(|(u, v)| (tails::centred(u, left_bits), tails::centred(v, right_bits)));
        record.push(Test::Correlation(Of::Difference), tails::correlation(centred));
        if left.domain == right.domain {
            record.frequencies(Of::Difference, left_bits, pairs().map(|(u, v)| minus(left.domain, u, v)));
            if left.domain.is_ring() {
                let sums = pairs().map(|(u, v)| u.wrapping_add(v) & left.domain.mask());
                record.frequencies(Of::Sum, left_bits, sums);
            }
        }
        performed
    }

    /// Messages against random secrets of the same size.
    fn with_secrets(&mut self, words: &Words) {
        for &i in &self.finals {
            let Column { domain, elements, .. } = self.columns[i];
            for (&input, secret) in &words.secrets {
                let value = self.program.value(input);
                if value.shape.elements() != elements {
                    continue;
                }
                let mut record =
                    Recorder { to: &mut self.performed, column: i, other: Some(input), secrets: Secrets::Random };
                let rows = words.columns[i].chunks_exact(self.rows[i]).zip(secret.chunks_exact(elements));
                let pairs: Vec<(u64, u64)> =
                    rows.flat_map(|(left, right)| left.iter().copied().zip(right.iter().copied())).collect();
                let secret_bits = value.domain.bits();
                let centred =
                    pairs.iter().map(|&(u, v)| (tails::centred(u, domain.bits()), tails::centred(v, secret_bits)));
                record.push(Test::Correlation(Of::LessSecret), tails::correlation(centred));
                if secret_bits >= domain.bits() {
                    let mask = domain.mask();
                    let xors = pairs.iter().map(|&(u, v)| (u ^ v) & mask);
                    record.bits(Of::XorSecret, domain.bits(), xors);
                    let differences = pairs.iter().map(|&(u, v)| u.wrapping_sub(v) & mask);
                    record.frequencies(Of::LessSecret, domain.bits(), differences);
                }
            }
        }
    }

    /// The tests of one choice of secrets against another.
    pub(super) fn two_samples(&mut self, secrets: Secrets, first: &Words, words: &Words) {
        for (i, column) in self.columns.iter().enumerate() {
            let (left, right) = (&first.columns[i], &words.columns[i]);
            let mut record = Recorder { to: &mut self.performed, column: i, other: None, secrets };
            for place in places(column.domain.bits()) {
                let of = |words: &[u64]| counts(place, column.domain.bits(), words.iter().copied());
                record.push(Test::TwoSamplesFrequencies(place), tails::frequencies_two(&of(left), &of(right)));
            }
            record.push(Test::TwoSamplesDistribution, tails::kolmogorov_two(&sorted(left), &sorted(right)));
        }
    }

    /// Holm's decision.
    pub(super) fn verdict(self) -> Verdict {
        let words = self.rows.iter().min().map_or(0, |rows| rows * self.options.runs as usize);
        let power = Power::new(words, self.performed.len(), self.options.false_alarm_rate);
        let ln_p: Vec<f64> = self.performed.iter().map(|performed| performed.ln_p).collect();
        let rejected = tails::holm(&ln_p, self.options.false_alarm_rate.ln());
        if rejected.is_empty() {
            return Verdict::NoEvidence { power };
        }
        let finding = |&test: &usize| {
            let Performed { column, other, secrets, test, ln_p } = self.performed[test];
            let column = &self.columns[column];
            Finding {
                message: column.message,
                other,
                less_known: !column.less.is_empty(),
                region: self.program.regions.path(self.program.value(column.message).region),
                test,
                secrets,
                p_value: ln_p.exp(),
                ln_p_value: ln_p,
            }
        };
        Verdict::Evidence { findings: rejected.iter().map(finding).collect(), power }
    }
}

/// Adjacent messages first, then pairs of one domain and size, up to `most`.
fn pairs(columns: &[Column], finals: &[usize], most: usize) -> Vec<(usize, usize)> {
    let same =
        |&(a, b): &(usize, usize)| (columns[a].domain, columns[a].elements) == (columns[b].domain, columns[b].elements);
    let adjacent = finals.windows(2).map(|pair| (pair[0], pair[1]));
    let all = (0..finals.len()).flat_map(|i| (i + 1..finals.len()).map(move |j| (finals[i], finals[j])));
    let mut taken = BTreeSet::new();
    adjacent.chain(all.filter(same)).filter(|&pair| taken.insert(pair)).take(most).collect()
}

/// a - b, or a XOR b: what makes two words under one mask show.
fn minus(domain: Domain, a: u64, b: u64) -> u64 {
    if domain.is_ring() { a.wrapping_sub(b) & domain.mask() } else { a ^ b }
}

fn sorted(words: &[u64]) -> Vec<u64> {
    let mut sorted = words.to_vec();
    sorted.sort_unstable();
    sorted
}

/// The lowest bits of the bytes that are counted. The last byte ends at the top of the word.
fn places(bits: u8) -> Vec<u8> {
    if bits <= 8 {
        return vec![0];
    }
    (0..bits / 8).map(|byte| 8 * byte).chain((!bits.is_multiple_of(8)).then(|| bits - 8)).collect()
}

fn counts(place: u8, bits: u8, words: impl Iterator<Item = u64>) -> Vec<u64> {
    let cells = 1usize << bits.min(8);
    let mut counts = vec![0; cells];
    words.for_each(|word| counts[(word >> place) as usize & (cells - 1)] += 1);
    counts
}

struct Recorder<'t> {
    to: &'t mut Vec<Performed>,
    column: usize,
    other: Option<ValueId>,
    secrets: Secrets,
}

impl Recorder<'_> {
    fn push(&mut self, test: Test, ln_p: f64) {
        let &mut Self { column, other, secrets, .. } = self;
        self.to.push(Performed { column, other, secrets, test, ln_p });
    }

    fn frequencies(&mut self, of: Of, bits: u8, words: impl Iterator<Item = u64> + Clone) {
        for place in places(bits) {
            self.push(Test::Frequencies(of, place), tails::frequencies(&counts(place, bits, words.clone())));
        }
    }

    fn bits(&mut self, of: Of, bits: u8, words: impl Iterator<Item = u64> + Clone) {
        let mut next = 0;
        for place in places(bits) {
            let counts = counts(place, bits, words.clone());
            let n = counts.iter().sum();
            while next < bits && next < place + 8 {
                let is_set = |&(cell, _): &(usize, &u64)| cell >> (next - place) & 1 == 1;
                let ones = counts.iter().enumerate().filter(is_set).map(|(_, count)| count).sum();
                self.push(Test::Bit(of, next), tails::fair(ones, n));
                next += 1;
            }
        }
    }

    fn frequencies_and_bits(&mut self, of: Of, bits: u8, words: impl Iterator<Item = u64> + Clone) {
        self.frequencies(of, bits, words.clone());
        self.bits(of, bits, words);
    }
}
