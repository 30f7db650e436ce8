//! Runs of the Program with chosen secrets, and the words that are tested.

use super::columns::{self, Column};
use super::{AssayError, Options};
use crate::privacy::Coalition;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::party::Party;
use viewless_protocols::program::{Op, Program, ValueId};
use viewless_protocols::shape::Shape;
use viewless_simulator::count::Message;
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
const EXACT_BITS: u8 = 53;

/// Inputs for one run, and the secret words, kept for the tests that compare with them.
struct Chosen<'p> {
    program: &'p Program,
    coalition: Coalition,
    secrets: Secrets,
    run: u32,
    seed: Seed,
    words: RefCell<BTreeMap<ValueId, Vec<u64>>>,
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

impl Inputs for Chosen<'_> {
    fn input(&self, party: Party, name: &str, shape: &Shape) -> Option<Reals<'_>> {
        let same = |op: &Op| matches!(op, Op::Input { name: other, .. } if **other == *name);
        let (id, value) = self.program.iter().find(|(_, value)| same(&value.op) && value.holders.contains(party))?;
        let Op::Input { fraction_bits, .. } = value.op else { return None };
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
            self.words.borrow_mut().insert(id, words.iter().map(|&word| word as u64 & value.domain.mask()).collect());
        }
        let scale = power_of_two(-i32::from(fraction_bits));
        Some(Reals::F64(Cow::Owned(words.iter().map(|&word| word as f64 * scale).collect())))
    }
}

/// The words of all runs with one choice of secrets.
#[derive(Debug)]
pub(super) struct Words {
    /// For each column, run after run.
    pub(super) columns: Vec<Vec<u64>>,
    /// For each secret input, run after run.
    pub(super) secrets: BTreeMap<ValueId, Vec<u64>>,
}

/// A Program prepared for its runs.
pub(super) struct Runs<'p> {
    program: &'p Program,
    coalition: Coalition,
    options: &'p Options,
    watched: Program,
    /// For each column, the sends that show the terms of it, with their coefficients.
    terms: Vec<Vec<(ValueId, u64)>>,
    columns: &'p [Column],
}

impl<'p> Runs<'p> {
    pub(super) fn new(program: &'p Program, coalition: Coalition, columns: &'p [Column], options: &'p Options) -> Self {
        let wanted: BTreeSet<ValueId> = columns.iter().flat_map(|column| column.less.keys().copied()).collect();
        let (watched, shown) = columns::watched(program, &wanted);
        let terms = columns
            .iter()
            .map(|column| {
                let less = column.less.iter().filter_map(|(id, &factor)| {
                    let factor = if column.domain.is_ring() { factor.wrapping_neg() } else { factor };
                    Some((*shown.get(id)?, factor))
                });
                std::iter::once((column.message, 1)).chain(less).collect()
            })
            .collect();
        Self { program, coalition, options, watched, terms, columns }
    }

    /// Elements of a column that are kept of each run.
    pub(super) fn kept(&self, column: &Column) -> usize {
        column.elements.min(self.options.most_elements)
    }

    /// Runs with one choice of secrets; `salt` keeps its randomness apart from that of other choices.
    pub(super) fn collect(&self, secrets: Secrets, salt: u32) -> Result<Words, AssayError> {
        let mut words = Words { columns: vec![Vec::new(); self.columns.len()], secrets: BTreeMap::new() };
        let shown: BTreeSet<ValueId> = self.terms.iter().flatten().map(|&(send, _)| send).collect();
        for run in 0..self.options.runs {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&self.options.seed.to_le_bytes());
            seed[8..12].copy_from_slice(&run.to_le_bytes());
            seed[12..16].copy_from_slice(&salt.to_le_bytes());
            let seed = Seed::from_bytes(seed);
            let mut seen: BTreeMap<ValueId, Vec<u64>> = BTreeMap::new();
            let mut observer = |message: &Message, packed: &[u8]| {
                if shown.contains(&message.value) {
                    let value = self.watched.value(message.value);
                    let mut unpacked = vec![0; value.shape.elements()];
                    packing::unpack(u32::from(value.domain.bits()), packed, &mut unpacked)
                        .expect("the simulator packed it");
                    seen.insert(message.value, unpacked);
                }
            };
            let chosen = Chosen {
                program: self.program,
                coalition: self.coalition,
                secrets,
                run,
                seed: seed.clone(),
                words: RefCell::default(),
            };
            let options =
                execute::Options { check_claims: false, observer: Some(&mut observer), ..execute::Options::new(seed) };
            execute(&self.watched, &chosen, options)?;
            for (i, column) in self.columns.iter().enumerate() {
                let kept = (0..self.kept(column)).map(|element| self.word(i, &seen, element));
                words.columns[i].extend(kept);
            }
            for (id, secret) in chosen.words.into_inner() {
                words.secrets.entry(id).or_default().extend(secret);
            }
        }
        Ok(words)
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
