//! Declared outputs: which messages are shares of them, and whether the shares tell no more than the output.

use super::graph::{Graph, Item};
use crate::privacy::certificate::{Share, Step};
use crate::privacy::view::{Knowledge, View};
use std::collections::{HashMap, HashSet};
use viewless_protocols::program::{Local, Op, ValueId};
use viewless_protocols::ring::Domain;

/// A declared output that is a signed sum of messages, and what the coalition adds of its own.
#[derive(Debug)]
pub(super) struct Group {
    /// The reveal.
    pub(super) output: ValueId,
    /// Contents of the shares, with their signs.
    pub(super) shares: Vec<(ValueId, i8)>,
}

/// The outputs that are signed sums of messages; the others either depend on no message or are left to [`is_clean`].
pub(super) fn groups(view: &View<'_>) -> Vec<Group> {
    let depends = depends_on_messages(view);
    let (mut taken, mut outputs, mut groups) = (HashSet::new(), HashSet::new(), Vec::new());
    for &output in view.outputs() {
        let contents = view.contents(output);
        if !depends[contents.index()] || !outputs.insert(contents) {
            continue;
        }
        if let Some(shares) = signed_sum(view, &depends, contents)
            && shares.iter().all(|(share, _)| !taken.contains(share))
        {
            taken.extend(shares.iter().map(|&(share, _)| share));
            groups.push(Group { output, shares });
        }
    }
    groups
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

/// Contents as a signed sum of different messages of the same shape, and of things that depend on none.
fn signed_sum(view: &View<'_>, depends: &[bool], contents: ValueId) -> Option<Vec<(ValueId, i8)>> {
    let mut shares: Vec<(ValueId, i8)> = Vec::new();
    let mut open = vec![(contents, 1i8)];
    while let Some((id, sign)) = open.pop() {
        if view.knowledge(id) == Knowledge::Message {
            let repeated = shares.iter().any(|&(share, _)| share == id);
            if repeated || shares.len() == MOST_SHARES {
                return None;
            }
            shares.push((id, sign));
            continue;
        }
        for (argument, sign) in summands(view, id, sign)? {
            if depends[argument.index()] {
                if view.program.value(argument).shape != view.program.value(id).shape {
                    return None;
                }
                open.push((argument, sign));
            }
        }
    }
    Some(shares)
}

/// Far more than any scheme has computing parties.
const MOST_SHARES: usize = 16;

/// The arguments of a sum with their signs.
fn summands(view: &View<'_>, id: ValueId, sign: i8) -> Option<Vec<(ValueId, i8)>> {
    let Op::Local(local, arguments) = &view.program.value(id).op else { return None };
    let argument = |i: usize| view.contents(arguments[i]);
    match local {
        Local::Add | Local::Xor => Some(vec![(argument(0), sign), (argument(1), sign)]),
        Local::Sub => Some(vec![(argument(0), sign), (argument(1), -sign)]),
        Local::Neg => Some(vec![(argument(0), -sign)]),
        Local::Mul
        | Local::MatMul
        | Local::Sum(_)
        | Local::And
        | Local::Not
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

/// The step for a group: each share but the last has a sample that flows into it and into the last only, and that cancels in
/// the output.
pub(super) fn account(graph: &Graph<'_, '_>, send_of: impl Fn(ValueId) -> ValueId, group: &Group) -> Option<Step> {
    let samples: Vec<HashMap<ValueId, i8>> =
        group.shares.iter().map(|&(share, sign)| linear_samples(graph, share, sign)).collect();
    let cancels = |sample: &ValueId, sign: i8, other: &HashMap<ValueId, i8>| {
        let domain = graph.view.program.value(*sample).domain;
        other.get(sample).is_some_and(|&other| matches!(domain, Domain::Bits(_)) || sign + other == 0)
    };
    (0..group.shares.len()).rev().find_map(|last| {
        let mut shares = Vec::new();
        for i in (0..group.shares.len()).filter(|&i| i != last) {
            let mut masks = samples[i].iter().filter(|&(sample, &sign)| cancels(sample, sign, &samples[last]));
            let mask = masks.by_ref().map(|(&sample, _)| sample).min()?;
            shares.push(Share { message: send_of(group.shares[i].0), mask: Some(mask) });
        }
        shares.push(Share { message: send_of(group.shares[last].0), mask: None });
        Some(Step::Output { output: group.output, shares })
    })
}

/// Samples that are summands of a share, with their signs, and flow into one other place.
fn linear_samples(graph: &Graph<'_, '_>, share: ValueId, sign: i8) -> HashMap<ValueId, i8> {
    let view = graph.view;
    let shape = &view.program.value(share).shape;
    let mut found = HashMap::new();
    let mut repeated = Vec::new();
    let mut open = vec![(share, sign)];
    while let Some((id, sign)) = open.pop() {
        for (argument, sign) in summands(view, id, sign).unwrap_or_default() {
            if view.knows(argument) || view.program.value(argument).shape != *shape {
                continue;
            }
            if graph.is_fresh(argument) {
                if graph.live_flows(argument) == 2 && found.insert(argument, sign).is_some() {
                    repeated.push(argument);
                }
            } else if graph.live_flows(argument) == 1 {
                open.push((argument, sign));
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
