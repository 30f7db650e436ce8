//! Declared outputs: which messages are shares of them, and whether the shares tell no more than the output.

use super::graph::{Graph, Item};
use crate::privacy::certificate::{Share, Step};
use crate::privacy::view::{Knowledge, View};
use std::collections::{HashMap, HashSet};
use viewless_protocols::program::{Constant, Local, Op, ValueId};
use viewless_protocols::ring::Domain;
use viewless_protocols::shape::Move;

/// A declared output that is a signed sum of messages, and what the coalition adds of its own.
#[derive(Debug)]
pub(super) struct Group {
    /// The reveal.
    pub(super) output: ValueId,
    /// What the output is a public bijection of: the sum.
    pub(super) sum: ValueId,
    /// Contents of the shares, with their factors.
    pub(super) shares: Vec<(ValueId, u64)>,
}

/// The outputs that are sums of messages with public factors, but those that were given up; the others depend on no message, or
/// are left to [`depends_on_drawn`].
pub(super) fn groups(view: &View<'_>, given_up: &HashSet<ValueId>) -> Vec<Group> {
    let depends = depends_on_messages(view);
    let (mut taken, mut sums, mut groups) = (HashSet::new(), HashSet::new(), Vec::new());
    for &output in view.outputs() {
        let sum = rearranged(view, view.contents(output));
        if !depends[sum.index()] || !sums.insert(sum) {
            continue;
        }
        if !given_up.contains(&sum)
            && let Some(shares) = summed_messages(view, &depends, sum)
            && shares.iter().all(|(share, _)| !taken.contains(share))
        {
            taken.extend(shares.iter().map(|&(share, _)| share));
            groups.push(Group { output, sum, shares });
        }
    }
    groups
}

/// What the coalition made `id` of by moving elements or bits.
fn rearranged(view: &View<'_>, id: ValueId) -> ValueId {
    let mut id = id;
    while view.knowledge(id) == Knowledge::Computed {
        let Some(before) = before_bijection(view, id) else { break };
        id = before;
    }
    id
}

/// The argument of an operation that moves elements or bits and loses none.
pub(super) fn before_bijection(view: &View<'_>, id: ValueId) -> Option<ValueId> {
    let Op::Local(local, arguments) = &view.program.value(id).op else { return None };
    let before = view.contents(arguments[0]);
    let width = |id: ValueId| view.program.value(id).domain.bits();
    match local {
        Local::Move(Move::Reshape(_) | Move::Transpose(_)) | Local::BitReversal => Some(before),
        Local::Convert(_) if width(id) == width(before) => Some(before),
        Local::Add
        | Local::Sub
        | Local::Neg
        | Local::Mul
        | Local::MatMul
        | Local::Sum(_)
        | Local::And
        | Local::Xor
        | Local::Not
        | Local::ShiftLeft(_)
        | Local::ShiftRight(_)
        | Local::ShiftRightArithmetic(_)
        | Local::Convert(_)
        | Local::Move(_)
        | Local::Concat(_)
        | Local::Function(_) => None,
    }
}

fn depends_on_messages(view: &View<'_>) -> Vec<bool> {
    let mut depends = vec![false; view.program.values.len()];
    for (id, value) in view.program.iter() {
        depends[id.index()] = match view.knowledge(id) {
            Knowledge::Message => true,
            Knowledge::Base | Knowledge::Unknown => false,
            Knowledge::Computed => value.op.arguments().iter().any(|argument| depends[argument.index()]),
        };
    }
    depends
}

/// Contents as a sum of different messages of the same shape, with public factors, and of things that depend on none.
fn summed_messages(view: &View<'_>, depends: &[bool], contents: ValueId) -> Option<Vec<(ValueId, u64)>> {
    let mut shares: Vec<(ValueId, u64)> = Vec::new();
    let mut open = vec![(contents, 1u64)];
    while let Some((id, factor)) = open.pop() {
        if view.knowledge(id) == Knowledge::Message {
            let repeated = shares.iter().any(|&(share, _)| share == id);
            if repeated || shares.len() == MOST_SHARES {
                return None;
            }
            shares.push((id, factor));
            continue;
        }
        for (argument, by) in summands(view, id)? {
            if depends[argument.index()] {
                if view.program.value(argument).shape != view.program.value(id).shape {
                    return None;
                }
                open.push((argument, factor.wrapping_mul(by)));
            }
        }
    }
    Some(shares)
}

/// Far more than any scheme has computing parties.
const MOST_SHARES: usize = 16;

/// The arguments of a sum with their factors; a public factor of a product is no argument.
pub(super) fn summands(view: &View<'_>, id: ValueId) -> Option<Vec<(ValueId, u64)>> {
    let Op::Local(local, arguments) = &view.program.value(id).op else { return None };
    let argument = |i: usize| view.contents(arguments[i]);
    match local {
        Local::Add | Local::Xor => Some(vec![(argument(0), 1), (argument(1), 1)]),
        Local::Sub => Some(vec![(argument(0), 1), (argument(1), MINUS_ONE)]),
        Local::Neg => Some(vec![(argument(0), MINUS_ONE)]),
        Local::Not => Some(vec![(argument(0), 1)]),
        Local::Mul => [(0, 1), (1, 0)].into_iter().find_map(|(factor, other)| {
            let Op::Constant(Constant::Splat(word)) = view.program.value(argument(factor)).op else { return None };
            Some(vec![(argument(other), word)])
        }),
        Local::MatMul
        | Local::Sum(_)
        | Local::And
        | Local::ShiftLeft(_)
        | Local::ShiftRight(_)
        | Local::ShiftRightArithmetic(_)
        | Local::BitReversal
        | Local::Convert(_)
        | Local::Move(_)
        | Local::Concat(_)
        | Local::Function(_) => None,
    }
}

const MINUS_ONE: u64 = u64::MAX;

/// The step for a group: each share but the last has a sample that flows into it and into the last only, and that cancels in
/// the output.
pub(super) fn account(graph: &Graph<'_, '_>, send_of: impl Fn(ValueId) -> ValueId, group: &Group) -> Option<Step> {
    let shares = group.shares.iter();
    let samples: Vec<HashMap<ValueId, u64>> =
        shares.map(|&(share, factor)| linear_samples(graph, share, factor)).collect();
    let cancels = |sample: &ValueId, factor: u64, other: &HashMap<ValueId, u64>| {
        let sum = |other: &u64| match graph.view.program.value(*sample).domain {
            Domain::Ring(_) => factor.wrapping_add(*other) & graph.view.program.value(*sample).domain.mask(),
            Domain::Bits(_) => factor ^ *other,
        };
        other.get(sample).is_some_and(|other| sum(other) == 0)
    };
    (0..group.shares.len()).rev().filter(|&last| group.shares[last].1 % 2 == 1).find_map(|last| {
        let mut shares = Vec::new();
        for i in (0..group.shares.len()).filter(|&i| i != last) {
            let mut masks = samples[i].iter().filter(|&(sample, &factor)| cancels(sample, factor, &samples[last]));
            let mask = masks.by_ref().map(|(&sample, _)| sample).min()?;
            shares.push(Share { message: send_of(group.shares[i].0), mask: Some(mask) });
        }
        shares.push(Share { message: send_of(group.shares[last].0), mask: None });
        Some(Step::Output { output: group.output, shares })
    })
}

/// Samples that are summands of a share with odd factors, times the share's own, and flow into one other place.
fn linear_samples(graph: &Graph<'_, '_>, share: ValueId, factor: u64) -> HashMap<ValueId, u64> {
    let view = graph.view;
    let shape = &view.program.value(share).shape;
    let mut found = HashMap::new();
    let mut repeated = Vec::new();
    let mut open = vec![(share, factor)];
    while let Some((id, factor)) = open.pop() {
        for (argument, by) in summands(view, id).unwrap_or_default() {
            if view.knows(argument) || view.program.value(argument).shape != *shape || by % 2 == 0 {
                continue;
            }
            let factor = factor.wrapping_mul(by);
            if graph.is_fresh(argument) {
                if graph.live_flows(argument) == 2 && found.insert(argument, factor).is_some() {
                    repeated.push(argument);
                }
            } else if graph.live_flows(argument) == 1 {
                open.push((argument, factor));
            }
        }
    }
    repeated.iter().for_each(|sample| _ = found.remove(sample));
    found
}

/// For each value: whether it depends on a message in another way than through an accounted output. The simulator draws
/// messages without looking at outputs, so outputs must not depend on them.
pub(super) fn depends_on_drawn(view: &View<'_>, items: &[Item], accounted: &HashSet<ValueId>) -> Vec<bool> {
    let mut drawn = vec![false; view.program.values.len()];
    for (id, value) in view.program.iter() {
        let contents = view.contents(id);
        drawn[id.index()] = if contents != id {
            drawn[contents.index()]
        } else if accounted.contains(&id) {
            false
        } else {
            items[id.index()] != Item::None || value.op.arguments().iter().any(|argument| drawn[argument.index()])
        };
    }
    drawn
}
