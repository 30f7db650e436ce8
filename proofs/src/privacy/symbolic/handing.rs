//! Contents that the coalition may as well be handed, so that messages made from them are no secret any more.
//!
//! A proof about a larger view is one about the view. What helps to be handed: something that several messages have in common and
//! that is uniform; a random word that was shifted, looked up or multiplied on its way; all randomness of a message into which nothing
//! secret enters. Candidates are tried one after another, and kept when fewer messages resist.

use super::{Attempt, Options, attempt};
use crate::privacy::Coalition;
use crate::privacy::view::View;
use std::collections::{BTreeSet, HashSet};
use viewless_protocols::program::{Op, Program, ValueId};

/// How many values may be walked over in all; a walk is one elimination.
const MOST_WALKED: usize = 1 << 22;

/// How many candidates are tried behind one set of messages that resist.
const MOST_CANDIDATES: usize = 64;

/// How many values behind a message are looked at.
const MOST_VISITED: usize = 256;

/// Hands over what helps.
pub(super) fn improve(
    program: &Program,
    coalition: Coalition,
    options: &Options,
    handed: &mut Vec<ValueId>,
    best: &mut Attempt,
) {
    let walks = MOST_WALKED / program.values.len().max(1);
    let mut tried: HashSet<Vec<ValueId>> = HashSet::new();
    while !best.offending.is_empty() {
        let candidates = candidates(program, coalition, handed, best);
        let better = candidates.into_iter().find_map(|candidate| {
            let together = [handed.as_slice(), &candidate].concat();
            if tried.len() >= walks || !tried.insert(together.clone()) {
                return None;
            }
            let found = attempt(program, coalition, options, &together);
            (found.offending.len() < best.offending.len()).then_some((together, found))
        });
        let Some((together, found)) = better else { return };
        (*handed, *best) = (together, found);
    }
}

/// Sets of contents to hand over.
fn candidates(program: &Program, coalition: Coalition, handed: &[ValueId], best: &Attempt) -> Vec<Vec<ValueId>> {
    let view = View::handing(program, coalition, handed);
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
    // What was made last is nearest to the messages.
    sets.extend(single.into_iter().rev().map(|id| vec![id]));
    sets.truncate(MOST_CANDIDATES);
    sets
}
