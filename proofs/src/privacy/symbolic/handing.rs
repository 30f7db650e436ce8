//! Contents that the coalition may as well be handed, so that messages made from them are no secret any more.
//!
//! A proof about a larger view is one about the view. What helps to be handed: something that several messages have in common and
//! that is uniform; a random word that was shifted, looked up or multiplied on its way; all randomness of a message into which nothing
//! secret enters. Candidates are tried one after another, and kept when fewer messages resist.

use super::{Attempt, Larger, Options, attempt, output, withholding};
use crate::privacy::Coalition;
use crate::privacy::view::View;
use std::collections::{BTreeSet, HashMap, HashSet};
use viewless_protocols::program::{Local, Op, Program, ValueId};

/// How many values may be walked over in all; a walk is one elimination.
const MOST_WALKED: usize = 1 << 21;

/// How many candidates are tried behind one set of messages that resist.
const MOST_CANDIDATES: usize = 96;

/// How many contents are tried in pairs.
const MOST_PAIRED: usize = 9;

/// How many values behind a message are looked at.
const MOST_VISITED: usize = 256;

/// The best of several readings of a view: as it is; and if messages resist, with equal computations known to be equal, outputs
/// taken for no sums of shares, and with contents handed over.
pub(super) fn best_attempt(program: &Program, coalition: Coalition, options: &Options) -> Attempt {
    let mut best = attempt(program, coalition, options, Larger::default());
    if best.offending.is_empty() {
        return best;
    }
    let walks = (MOST_WALKED / program.values.len().max(1)).min(options.most_attempts.saturating_sub(1));
    let mut tried: HashSet<(Vec<ValueId>, bool, Vec<ValueId>)> = HashSet::new();
    while !best.offending.is_empty() {
        let better = candidates(program, coalition, &best).into_iter().find_map(|larger| {
            let mut given_up: Vec<ValueId> = larger.given_up.iter().copied().collect();
            given_up.sort_unstable();
            if tried.len() >= walks || !tried.insert((larger.handed.clone(), larger.same.is_empty(), given_up)) {
                return None;
            }
            let found = attempt(program, coalition, options, larger);
            (found.offending.len() < best.offending.len()).then_some(found)
        });
        let Some(found) = better else { break };
        best = found;
    }
    if !best.offending.is_empty() {
        // A weaker claim, and therefore last.
        for withheld in withholding::choices(program, coalition, &best.view.same) {
            let found = attempt(
                program,
                coalition,
                options,
                Larger { withheld, same: best.view.same.clone(), ..Larger::default() },
            );
            if found.offending.is_empty() {
                return found;
            }
        }
    }
    best
}

/// Larger views than the one of an attempt.
fn candidates(program: &Program, coalition: Coalition, best: &Attempt) -> Vec<Larger> {
    let now = &best.view;
    let mut all = Vec::new();
    if now.same.is_empty() {
        let same = same_computations(program);
        if !same.is_empty() {
            all.push(Larger { same, ..now.clone() });
        }
    }
    let view = View::reading(program, coalition, &now.handed, &now.same, &[]);
    let sums: BTreeSet<ValueId> = output::groups(&view, &now.given_up).into_iter().map(|group| group.sum).collect();
    let without = |sums: &[ValueId]| {
        let given_up = now.given_up.iter().chain(sums).copied().collect();
        Larger { given_up, ..now.clone() }
    };
    all.extend(sums.iter().map(|&sum| without(&[sum])));
    if sums.len() > 1 {
        all.push(without(&sums.iter().copied().collect::<Vec<_>>()));
    }
    let handing = handings(program, &view, best).into_iter();
    all.extend(handing.map(|more| Larger { handed: [now.handed.as_slice(), &more].concat(), ..now.clone() }));
    all.truncate(MOST_CANDIDATES);
    all
}

/// Pairs of the same operation on the same contents.
fn same_computations(program: &Program) -> Vec<(ValueId, ValueId)> {
    let mut contents: Vec<ValueId> = Vec::with_capacity(program.values.len());
    let (mut first, mut same) = (HashMap::new(), Vec::new());
    for (id, value) in program.iter() {
        contents.push(match &value.op {
            Op::Send(argument, _) | Op::Reveal { value: argument, .. } => contents[argument.index()],
            Op::Local(local, arguments) if arguments.len() <= 2 && !matches!(local, Local::Function(_)) => {
                let arguments: Vec<ValueId> = arguments.iter().map(|argument| contents[argument.index()]).collect();
                let before = *first.entry((format!("{local:?}"), arguments)).or_insert(id);
                if before != id {
                    same.push((before, id));
                }
                before
            }
            Op::Input { .. } | Op::Constant(_) | Op::Sample { .. } | Op::Local(..) => id,
        });
    }
    same
}

/// Sets of contents to hand over.
fn handings(program: &Program, view: &View<'_>, best: &Attempt) -> Vec<Vec<ValueId>> {
    let (mut sets, mut single) = (Vec::new(), BTreeSet::new());
    for offending in &best.offending {
        let mut open = vec![view.contents(offending.value)];
        let (mut visited, mut samples, mut secret) = (HashSet::new(), BTreeSet::new(), false);
        while let Some(id) = open.pop() {
            if !visited.insert(id) || visited.len() > MOST_VISITED {
                continue;
            }
            for &argument in program.value(id).op.arguments() {
                let argument = view.contents(argument);
                if view.knows(argument) {
                    continue;
                }
                match &program.value(argument).op {
                    Op::Input { .. } => secret = true,
                    Op::Sample { .. } => _ = samples.insert(argument),
                    Op::Constant(_) | Op::Local(..) | Op::Send(..) | Op::Reveal { .. } => _ = single.insert(argument),
                }
                open.push(argument);
            }
        }
        if !secret && !samples.is_empty() {
            sets.push(samples.iter().copied().collect());
        }
        single.extend(samples);
    }
    // What was made last is nearest to the messages. Then pairs of what is nearest.
    let single: Vec<ValueId> = single.into_iter().rev().collect();
    sets.extend(single.iter().map(|&id| vec![id]));
    let near = &single[..single.len().min(MOST_PAIRED)];
    let pairs = |i: usize| near[..i].iter().map(move |&one| vec![one, near[i]]);
    sets.extend((0..near.len()).flat_map(pairs));
    sets
}
