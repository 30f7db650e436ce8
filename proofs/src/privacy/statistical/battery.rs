//! The tests, and the decision over all of them.

use super::columns::Column;
use super::runs::{Secrets, Terms};
use super::tally::{Bytes, Plan, Tally};
use super::{BatteryVerdict, Options, Part, Power, RejectingTest, tails};
use std::collections::BTreeSet;
use std::fmt;
use viewless_protocols::program::{Op, Program, ValueId};

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
    options: &'a Options,
    performed: Vec<Performed>,
    fewest_words: usize,
}

/// What is counted of the runs: every column, pairs of messages, and messages with secrets of the same size.
pub(super) fn plan(
    program: &Program,
    columns: &[Column],
    terms: &Terms,
    options: &Options,
    own: impl Fn(ValueId) -> bool,
) -> Plan {
    // For each message its last column: less what is known, where something is.
    let is_final = |&i: &usize| columns.get(i + 1).is_none_or(|next| next.message != columns[i].message);
    let finals: Vec<usize> = (0..columns.len()).filter(is_final).collect();
    let secrets: Vec<ValueId> = program
        .iter()
        .filter(|(id, value)| matches!(value.op, Op::Input { .. }) && !own(*id))
        .map(|(id, _)| id)
        .collect();
    let with = |&column: &usize| {
        let same_size = move |input: &&ValueId| program.value(**input).shape.elements() == columns[column].elements;
        let entry = move |&input: &ValueId| (column, input, program.value(input).domain.bits());
        secrets.iter().filter(same_size).map(entry)
    };
    Plan {
        columns: columns.iter().map(|column| (column.domain, terms.kept(column))).collect(),
        pairs: pairs(columns, &finals, options.most_pairs),
        with_secrets: finals.iter().flat_map(with).take(options.most_pairs.saturating_mul(16)).collect(),
    }
}

impl<'a> Battery<'a> {
    pub(super) fn new(program: &'a Program, columns: &'a [Column], options: &'a Options) -> Self {
        Self { program, columns, options, performed: Vec::new(), fewest_words: 0 }
    }

    /// The tests of one choice of secrets.
    pub(super) fn one_sample(&mut self, secrets: Secrets, tally: &Tally) {
        self.fewest_words = tally.fewest_words;
        for (i, column) in tally.columns.iter().enumerate() {
            let mut record = Recorder { to: &mut self.performed, column: i, other: None, secrets };
            record.frequencies(Of::Words, &column.words);
            record.bits(Of::Words, &column.words);
            record.push(Test::Distribution, tails::kolmogorov(&column.distribution));
            if let Some((bytes, products)) = &column.neighbours {
                record.push(Test::Correlation(Of::Neighbours), tails::correlation(*products));
                record.frequencies(Of::Neighbours, bytes);
            }
        }
        for pair in &tally.pairs {
            let other = Some(self.columns[pair.right].message);
            let mut record = Recorder { to: &mut self.performed, column: pair.left, other, secrets };
            record.push(Test::Correlation(Of::Difference), tails::correlation(pair.products));
            pair.difference.iter().for_each(|bytes| record.frequencies(Of::Difference, bytes));
            pair.sum.iter().for_each(|bytes| record.frequencies(Of::Sum, bytes));
        }
        for with in &tally.with_secrets {
            let mut record =
                Recorder { to: &mut self.performed, column: with.column, other: Some(with.input), secrets };
            record.push(Test::Correlation(Of::LessSecret), tails::correlation(with.products));
            with.xor.iter().for_each(|bytes| record.bits(Of::XorSecret, bytes));
            with.difference.iter().for_each(|bytes| record.frequencies(Of::LessSecret, bytes));
        }
    }

    /// The tests of one choice of secrets against another.
    pub(super) fn two_samples(&mut self, secrets: Secrets, first: &Tally, tally: &Tally) {
        for (i, (left, right)) in first.columns.iter().zip(&tally.columns).enumerate() {
            let mut record = Recorder { to: &mut self.performed, column: i, other: None, secrets };
            for ((place, left), (_, right)) in left.words.by_place().zip(right.words.by_place()) {
                record.push(Test::TwoSamplesFrequencies(place), tails::frequencies_two(&left, &right));
            }
            let ln_p = tails::kolmogorov_two(&left.distribution, &right.distribution);
            record.push(Test::TwoSamplesDistribution, ln_p);
        }
    }

    fn finding(&self, test: usize) -> RejectingTest {
        let Performed { column, other, secrets, test, ln_p } = self.performed[test];
        let column = &self.columns[column];
        RejectingTest {
            message: column.message,
            other,
            less_known: !column.less.is_empty(),
            region: self.program.regions.path(self.program.value(column.message).region),
            test,
            secrets,
            p_value: ln_p.exp(),
            ln_p_value: ln_p,
            ln_corrected: (ln_p + (self.performed.len() as f64).ln()).min(0.0),
        }
    }

    /// The logarithms of all p-values, in the order of the tests.
    pub(super) fn ln_p_values(&self) -> Vec<f64> {
        self.performed.iter().map(|performed| performed.ln_p).collect()
    }

    /// The tests by the outermost region of the message, in Program order.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        let mut part_of = Vec::with_capacity(self.columns.len());
        for column in self.columns {
            let path = self.program.regions.path(self.program.value(column.message).region);
            let region = path.split('/').next().unwrap_or_default().to_owned();
            let known = parts.iter().position(|part| part.region == region);
            let part = known.unwrap_or(parts.len());
            if known.is_none() {
                parts.push(Part { region, messages: 0, tests: 0, ln_corrected: 0.0 });
            }
            parts[part].messages += usize::from(column.less.is_empty());
            part_of.push(part);
        }
        let ln_tests = (self.performed.len() as f64).ln();
        for performed in &self.performed {
            let part = &mut parts[part_of[performed.column]];
            part.tests += 1;
            part.ln_corrected = part.ln_corrected.min(performed.ln_p + ln_tests);
        }
        parts
    }

    /// The column and the finding of the smallest p-value.
    pub(super) fn smallest(&self) -> Option<(usize, RejectingTest)> {
        let smallest = (0..self.performed.len())
            .min_by(|&a, &b| self.performed[a].ln_p.total_cmp(&self.performed[b].ln_p).then(a.cmp(&b)))?;
        Some((self.performed[smallest].column, self.finding(smallest)))
    }

    /// Holm's decision.
    pub(super) fn verdict(self) -> BatteryVerdict {
        let power = Power::new(self.fewest_words, self.performed.len(), self.options.false_alarm_rate);
        let rejected = tails::holm(&self.ln_p_values(), self.options.false_alarm_rate.ln());
        if rejected.is_empty() {
            return BatteryVerdict::NoEvidence { power };
        }
        BatteryVerdict::Evidence { findings: rejected.into_iter().map(|test| self.finding(test)).collect(), power }
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

    fn frequencies(&mut self, of: Of, bytes: &Bytes) {
        for (place, counts) in bytes.by_place() {
            self.push(Test::Frequencies(of, place), tails::frequencies(&counts));
        }
    }

    fn bits(&mut self, of: Of, bytes: &Bytes) {
        for (bit, (ones, n)) in bytes.ones().into_iter().enumerate() {
            self.push(Test::Bit(of, bit as u8), tails::fair(ones, n));
        }
    }
}
