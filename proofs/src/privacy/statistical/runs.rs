//! Runs of the Program with chosen secrets, and the words that are tested.

use super::AssayError;
use super::columns::{self, Column};
use crate::privacy::Coalition;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::party::Party;
use viewless_protocols::program::Message;
use viewless_protocols::program::{Op, Program, ValueId};
use viewless_protocols::shape::Shape;
use viewless_simulator::execute::{self, Inputs, Reals, execute};
use viewless_simulator::packing;
use viewless_simulator::stream::{Seed, StreamKey};

/// What the inputs of everybody outside the coalition are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Secrets {
    /// All zero.
    Zero,
    /// The largest number that can be encoded.
    Largest,
    /// The smallest.
    Smallest,
    /// Rows (along the last axis) that are all 1, 2, 3, ... units of the last place.
    EqualRows,
    /// Random words, new in each run: the low bits in one run, the high bits in the next.
    Random,
}

impl Secrets {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Zero, Self::Largest, Self::Smallest, Self::EqualRows, Self::Random];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Zero => "all zero",
            Self::Largest => "all largest",
            Self::Smallest => "all smallest",
            Self::EqualRows => "equal rows",
            Self::Random => "random",
        }
    }
}

/// The significant bits of an f64, so that encoding is exact.
pub(in crate::privacy) const EXACT_BITS: u8 = 53;

/// Inputs for one run, and the secret words, kept for the tests that compare with them.
pub(super) struct Chosen<'p> {
    pub(super) program: &'p Program,
    pub(super) coalition: Coalition,
    pub(super) secrets: Secrets,
    pub(super) run: u32,
    pub(super) seed: Seed,
    /// Words kept of each secret.
    pub(super) most_elements: usize,
    pub(super) words: RefCell<BTreeMap<ValueId, Vec<u64>>>,
}

impl Chosen<'_> {
    /// The signed word of an element, exact in an f64.
    fn word(&self, bits: u8, shape: &Shape, element: usize, random: u64) -> i64 {
        let top = i64::MAX >> (64 - bits);
        let row = shape.axes().last().copied().unwrap_or(1);
        let spare = bits.saturating_sub(EXACT_BITS);
        match self.secrets {
            Secrets::Zero => 0,
            Secrets::Largest => top >> spare << spare,
            Secrets::Smallest => -top - 1,
            Secrets::EqualRows => (element % row) as i64 % top.saturating_add(1).max(1) + i64::from(top > 0),
            Secrets::Random if self.run.is_multiple_of(2) => {
                let unused = 64 - bits.min(EXACT_BITS);
                (random as i64) << unused >> unused
            }
            Secrets::Random => (random as i64) >> (64 - bits) >> spare << spare,
        }
        .clamp(-top - 1, top)
    }
}

/// The input called `name` of a party.
pub(in crate::privacy) fn find_input(program: &Program, party: Party, name: &str) -> Option<ValueId> {
    let same = |op: &Op| matches!(op, Op::Input { name: other, .. } if **other == *name);
    program.iter().find(|(_, value)| same(&value.op) && value.holders.contains(party)).map(|(id, _)| id)
}

/// Signed words as the real numbers that encode to them.
pub(in crate::privacy) fn reals(program: &Program, input: ValueId, words: &[i64]) -> Option<Reals<'static>> {
    let Op::Input { fraction_bits, .. } = program.value(input).op else { return None };
    let scale = power_of_two(-i32::from(fraction_bits));
    Some(Reals::F64(Cow::Owned(words.iter().map(|&word| word as f64 * scale).collect())))
}

impl Inputs for Chosen<'_> {
    fn input(&self, party: Party, name: &str, shape: &Shape) -> Option<Reals<'_>> {
        let id = find_input(self.program, party, name)?;
        let value = self.program.value(id);
        let bits = value.domain.bits();
        // The coalition's own inputs are the same in every run.
        let own = self.coalition.meets(value.holders);
        let mut random = vec![0; shape.elements()];
        StreamKey::derive(&self.seed, u32::MAX - id.0).fill(0, &mut random);
        let word = |(element, &random): (usize, &u64)| {
            if own { (element as i64 + 1) & (i64::MAX >> (64 - bits)) } else { self.word(bits, shape, element, random) }
        };
        let words: Vec<i64> = random.iter().enumerate().map(word).collect();
        if !own {
            let kept = words.iter().take(self.most_elements).map(|&word| word as u64 & value.domain.mask());
            self.words.borrow_mut().insert(id, kept.collect());
        }
        reals(self.program, id, &words)
    }
}

/// A Program of which chosen contents are looked at as it runs, each as far as its first elements.
pub(in crate::privacy) struct Watch {
    program: Program,
    /// For each contents wanted beside the messages, the send that shows it.
    shown: BTreeMap<ValueId, ValueId>,
    looked_at: BTreeSet<ValueId>,
    /// Sends of which every word is kept.
    whole: BTreeSet<ValueId>,
    most_elements: usize,
}

/// What one run showed.
pub(in crate::privacy) struct Seen {
    /// The first words of each send that is looked at.
    pub(in crate::privacy) words: BTreeMap<ValueId, Vec<u64>>,
    /// Sends that are kept whole, packed.
    pub(in crate::privacy) whole: BTreeMap<ValueId, Vec<u8>>,
}

impl Watch {
    /// Looks at `messages` (sends of the Program) and at `wanted` contents.
    pub(in crate::privacy) fn new(
        program: &Program,
        messages: impl Iterator<Item = ValueId>,
        wanted: &BTreeSet<ValueId>,
        most_elements: usize,
    ) -> Self {
        let (program, shown) = columns::watched(program, wanted);
        let looked_at = messages.chain(shown.values().copied()).collect();
        // A whole number of bytes whatever the width.
        Self { program, shown, looked_at, whole: BTreeSet::new(), most_elements: most_elements.next_multiple_of(8) }
    }

    /// Keeps every word of these contents, which are among the wanted ones.
    pub(in crate::privacy) fn keeping(mut self, contents: impl Iterator<Item = ValueId>) -> Self {
        self.whole = contents.filter_map(|contents| self.shown.get(&contents).copied()).collect();
        self
    }

    /// The send that shows wanted contents; none if everybody holds them from the start.
    pub(in crate::privacy) fn shown(&self, contents: ValueId) -> Option<ValueId> {
        self.shown.get(&contents).copied()
    }

    /// One run.
    pub(in crate::privacy) fn run(&self, inputs: &dyn Inputs, seed: Seed) -> Result<Seen, AssayError> {
        let (mut words, mut whole) = (BTreeMap::new(), BTreeMap::new());
        let mut observer = |message: &Message, packed: &[u8]| {
            if self.whole.contains(&message.value) {
                whole.insert(message.value, packed.to_vec());
            }
            if self.looked_at.contains(&message.value) {
                let value = self.program.value(message.value);
                let bits = u32::from(value.domain.bits());
                let mut unpacked = vec![0; value.shape.elements().min(self.most_elements)];
                let start = &packed[..packing::packed_bytes(bits, unpacked.len())];
                packing::unpack(bits, start, &mut unpacked).expect("the simulator packed it");
                words.insert(message.value, unpacked);
            }
        };
        let options =
            execute::Options { check_claims: false, observer: Some(&mut observer), ..execute::Options::unhashed(seed) };
        execute(&self.program, inputs, options)?;
        Ok(Seen { words, whole })
    }
}

/// How the columns of a view are made of what a watched run shows.
pub(in crate::privacy) struct Terms {
    /// For each column, the sends that show the terms of it, with their coefficients.
    terms: Vec<Vec<(ValueId, u64)>>,
    columns: Vec<Column>,
    most_elements: usize,
}

impl Terms {
    /// The contents beside messages that columns are made of.
    pub(in crate::privacy) fn wanted(columns: &[Column]) -> impl Iterator<Item = ValueId> {
        columns.iter().flat_map(|column| column.less.keys().copied())
    }

    /// Columns of which `watch` looks at the messages and at all wanted contents.
    pub(in crate::privacy) fn new(watch: &Watch, columns: &[Column], most_elements: usize) -> Self {
        let terms = columns
            .iter()
            .map(|column| {
                let less = column.less.iter().filter_map(|(&id, &factor)| {
                    let factor = if column.domain.is_ring() { factor.wrapping_neg() } else { factor };
                    Some((watch.shown(id)?, factor))
                });
                std::iter::once((column.message, 1)).chain(less).collect()
            })
            .collect();
        Self { terms, columns: columns.to_vec(), most_elements }
    }

    /// Elements of a column that are kept of each run.
    pub(in crate::privacy) fn kept(&self, column: &Column) -> usize {
        column.elements.min(self.most_elements)
    }

    /// The words of each column in a run.
    pub(in crate::privacy) fn words(&self, seen: &Seen) -> Vec<Vec<u64>> {
        let column = |(i, column): (usize, &Column)| {
            (0..self.kept(column)).map(|element| self.word(i, &seen.words, element)).collect()
        };
        self.columns.iter().enumerate().map(column).collect()
    }

    fn word(&self, column: usize, seen: &BTreeMap<ValueId, Vec<u64>>, element: usize) -> u64 {
        let domain = self.columns[column].domain;
        let term = |&(send, factor): &(ValueId, u64)| {
            let words = &seen[&send];
            let word = if words.len() == 1 { words[0] } else { words[element] };
            word.wrapping_mul(factor)
        };
        let terms = self.terms[column].iter().map(term);
        let word = if domain.is_ring() { terms.fold(0, u64::wrapping_add) } else { terms.fold(0, |a, b| a ^ b) };
        word & domain.mask()
    }
}

/// The seed of a run; `salt` keeps the randomness of one purpose apart from that of another.
pub(in crate::privacy) fn seed_of(seed: u64, run: u32, salt: u32) -> Seed {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..12].copy_from_slice(&run.to_le_bytes());
    bytes[12..16].copy_from_slice(&salt.to_le_bytes());
    Seed::from_bytes(bytes)
}

/// Positions of coalitions, those together that own the same inputs: for them a run has the same secrets.
pub(in crate::privacy) fn by_own_inputs(program: &Program, coalitions: &[Coalition]) -> Vec<Vec<usize>> {
    let own = |coalition: &Coalition| -> Vec<ValueId> {
        let inputs = program.iter().filter(|(_, value)| matches!(value.op, Op::Input { .. }));
        inputs.filter(|(_, value)| coalition.meets(value.holders)).map(|(id, _)| id).collect()
    };
    let mut groups: BTreeMap<Vec<ValueId>, Vec<usize>> = BTreeMap::new();
    for (i, coalition) in coalitions.iter().enumerate() {
        groups.entry(own(coalition)).or_default().push(i);
    }
    groups.into_values().collect()
}
