//! Inputs of runs whose secrets carry a label.

use super::super::statistical::runs::{EXACT_BITS, find_input, reals};
use super::Contrast;
use crate::privacy::Coalition;
use viewless_protocols::party::Party;
use viewless_protocols::program::{Program, ValueId};
use viewless_protocols::shape::Shape;
use viewless_simulator::execute::{Inputs, Reals};
use viewless_simulator::stream::{Seed, StreamKey};

/// Inputs of one run of a pair. Both runs of a pair have the same inputs of the coalition and the same secrets, except for what
/// the label decides.
pub(super) struct Labelled<'p> {
    pub(super) program: &'p Program,
    pub(super) coalition: Coalition,
    pub(super) contrast: Contrast,
    pub(super) label: bool,
    /// Decides the inputs of the pair.
    pub(super) pair: Seed,
    /// Decides the assignment of label 1, the same in every run.
    pub(super) assignment: Seed,
}

impl Labelled<'_> {
    /// Random words of an input, exact in an f64.
    fn random(seed: &Seed, id: ValueId, bits: u8, elements: usize) -> Vec<i64> {
        let mut words = vec![0u64; elements];
        StreamKey::derive(seed, u32::MAX - id.0).fill(0, &mut words);
        let unused = 64 - bits.min(EXACT_BITS);
        words.into_iter().map(|word| (word as i64) << unused >> unused).collect()
    }
}

impl Inputs for Labelled<'_> {
    fn input(&self, party: Party, name: &str, shape: &Shape) -> Option<Reals<'_>> {
        let id = find_input(self.program, party, name)?;
        let value = self.program.value(id);
        let (bits, elements) = (value.domain.bits(), shape.elements());
        let own = self.coalition.meets(value.holders);
        let words = match self.contrast {
            Contrast::Assignments if !own && !self.label => vec![0; elements],
            Contrast::Assignments if !own => {
                let mut words = Self::random(&self.assignment, id, bits, elements);
                words.iter_mut().take(1).for_each(|word| *word = -1);
                words
            }
            Contrast::Assignments | Contrast::LowBit(_) => {
                let mut words = Self::random(&self.pair, id, bits, elements);
                if self.contrast == Contrast::LowBit(id) {
                    let unused = 64 - bits;
                    let labelled = |word: i64| (word & !1 | i64::from(self.label)) << unused >> unused;
                    words.iter_mut().take(1).for_each(|word| *word = labelled(*word));
                }
                words
            }
        };
        reals(self.program, id, &words)
    }
}
