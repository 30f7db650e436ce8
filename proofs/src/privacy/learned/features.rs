//! What a learner sees of a view: single bits of its messages, samples, inputs and outputs.

use super::super::statistical::columns::{self, Column};
use super::super::statistical::runs::{Seen, Terms, Watch};
use crate::privacy::view::{Knowledge, View};
use std::collections::BTreeSet;
use std::fmt;
use viewless_protocols::program::{Op, Program, ValueId};

/// One bit of one word of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// The message, or the contents that the coalition holds.
    pub value: ValueId,
    /// Whether what the coalition knows was subtracted first.
    pub less_known: bool,
    /// The element, row-major.
    pub element: usize,
    /// The bit.
    pub bit: u8,
    source: usize,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let less = if self.less_known { " less what is known" } else { "" };
        write!(f, "bit {} of %{}[{}]{less}", self.bit, self.value.0, self.element)
    }
}

/// Where words come from: a column of the battery, or contents that the coalition holds.
enum Source {
    Column(usize),
    Held(ValueId),
}

/// The features of a view, chosen before any run, in groups that are learned together.
pub(super) struct Features {
    terms: Terms,
    sources: Vec<Source>,
    pub(super) groups: Vec<Vec<Feature>>,
    /// Messages among the sources.
    pub(super) messages: usize,
}

/// Elements looked at of each tensor.
const MOST_ELEMENTS: usize = 8;

impl Features {
    /// A look at all that the views (of one Program) are made of.
    pub(super) fn watch(program: &Program, views: &[View<'_>]) -> Watch {
        let columns: Vec<Column> = views.iter().flat_map(columns::every_message).collect();
        let wanted = Terms::wanted(&columns).chain(views.iter().flat_map(held)).collect();
        let messages = columns.iter().map(|column| column.message);
        Watch::new(program, messages, &wanted, MOST_ELEMENTS).keeping(views.iter().flat_map(outputs))
    }

    /// The features of a view, at most `most` of them in a group.
    pub(super) fn new(view: &View<'_>, watch: &Watch, most: usize) -> Self {
        let tested: Vec<Column> = columns::every_message(view);
        let held: BTreeSet<ValueId> = held(view);
        let terms = Terms::new(watch, &tested, MOST_ELEMENTS);
        let mut sources: Vec<(ValueId, bool, u8, usize, Source)> = Vec::new();
        for (i, column) in tested.iter().enumerate() {
            let less = !column.less.is_empty();
            sources.push((column.message, less, column.domain.bits(), column.elements, Source::Column(i)));
        }
        for id in held {
            if let Some(send) = watch.shown(id) {
                let value = view.program.value(id);
                sources.push((id, false, value.domain.bits(), value.shape.elements(), Source::Held(send)));
            }
        }
        sources.sort_by_key(|source| (source.0, source.1));
        let most = most.max(1);
        let each = (most / sources.len().max(1)).max(1);
        let features = |(i, (value, less_known, bits, elements, _)): (usize, &(ValueId, bool, u8, usize, Source))| {
            let (value, less_known) = (*value, *less_known);
            let feature = move |(bit, element)| Feature { value, less_known, element, bit, source: i };
            places(*bits, (*elements).min(MOST_ELEMENTS)).into_iter().take(each).map(feature).collect::<Vec<_>>()
        };
        let all: Vec<Feature> = sources.iter().enumerate().flat_map(features).collect();
        let groups = all.chunks(most).map(<[Feature]>::to_vec).collect();
        let messages = tested.iter().filter(|column| column.less.is_empty()).count();
        Self { terms, sources: sources.into_iter().map(|source| source.4).collect(), groups, messages }
    }

    /// Bytes that the rows of all runs take, and copies of one group's rows while it is learned from.
    pub(super) fn memory(&self, pairs: u32) -> usize {
        let row = |group: &Vec<Feature>| group.len() + size_of::<Vec<bool>>() + 1;
        let kept: usize = self.groups.iter().map(row).sum();
        2 * pairs as usize * (kept + 3 * self.groups.iter().map(row).max().unwrap_or(0))
    }

    /// The bits of one run, group by group.
    pub(super) fn bits(&self, seen: &Seen) -> Vec<Vec<bool>> {
        let columns = self.terms.words(seen);
        let word = |feature: &Feature| match self.sources[feature.source] {
            Source::Column(column) => columns[column][feature.element],
            Source::Held(send) => seen.words[&send][feature.element],
        };
        let bits = |group: &Vec<Feature>| group.iter().map(|feature| word(feature) >> feature.bit & 1 == 1).collect();
        self.groups.iter().map(bits).collect()
    }
}

/// Own samples and inputs, and outputs: what the coalition holds beside its messages.
fn held(view: &View<'_>) -> BTreeSet<ValueId> {
    let own = view.program.iter().filter(|(id, value)| {
        matches!(value.op, Op::Input { .. } | Op::Sample { .. }) && view.knowledge(*id) == Knowledge::Base
    });
    own.map(|(id, _)| id).chain(outputs(view)).collect()
}

/// The contents of the outputs of members.
pub(super) fn outputs(view: &View<'_>) -> impl Iterator<Item = ValueId> {
    view.outputs().iter().map(move |&output| view.contents(output))
}

/// Bits of elements, most telling first: the lowest and the highest bits of the first elements before others.
fn places(bits: u8, elements: usize) -> Vec<(u8, usize)> {
    let from_both_ends = (0..bits).map(|rank| if rank % 2 == 0 { rank / 2 } else { bits - 1 - rank / 2 });
    let mut places: Vec<(usize, u8, usize)> = from_both_ends
        .enumerate()
        .flat_map(|(rank, bit)| (0..elements).map(move |element| (rank + element, bit, element)))
        .collect();
    places.sort_by_key(|&(cost, _, element)| (cost, element));
    places.into_iter().map(|(_, bit, element)| (bit, element)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_every_element_has_a_place_and_the_lowest_comes_first() {
        for (bits, elements) in [(1, 1), (2, 3), (7, 2), (64, 8)] {
            let places = places(bits, elements);
            assert_eq!(places[0], (0, 0));
            assert_eq!(places.len(), usize::from(bits) * elements);
            assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), places.len());
        }
        assert_eq!(places(8, 2)[..4], [(0, 0), (7, 0), (0, 1), (1, 0)]);
    }
}
