//! Messages that an output of the coalition determines, where the coalition completes an output with shares of its own.

use super::output::summands;
use crate::privacy::Coalition;
use crate::privacy::certificate::Withheld;
use crate::privacy::view::{Knowledge, View};
use std::collections::{BTreeMap, HashSet};
use viewless_protocols::program::{Program, ValueId};

/// How many ways to withhold are tried.
const MOST_CHOICES: usize = 8;

/// Ways to withhold one message for each output: the last that enters it as a summand; and others, where there is one output.
pub(super) fn choices(program: &Program, coalition: Coalition, same: &[(ValueId, ValueId)]) -> Vec<Vec<Withheld>> {
    let view = View::reading(program, coalition, &[], same, &[]);
    let of_each: Vec<Vec<Withheld>> =
        view.outputs().iter().map(|&output| of_output(&view, output)).filter(|found| !found.is_empty()).collect();
    let mut all: Vec<Vec<Withheld>> = Vec::new();
    for depth in 0..of_each.iter().map(Vec::len).max().unwrap_or(0).min(MOST_CHOICES) {
        let mut taken = HashSet::new();
        let choice: Vec<Withheld> = of_each
            .iter()
            .map(|found| found[depth.min(found.len() - 1)])
            .filter(|withheld| taken.insert(view.contents(withheld.message)))
            .collect();
        all.push(choice);
    }
    all.retain(|choice| is_determined(program, coalition, same, choice));
    all
}

/// Messages that enter an output as summands with odd factors, the last first.
fn of_output(view: &View<'_>, output: ValueId) -> Vec<Withheld> {
    let send_of = |contents: ValueId| {
        view.messages().iter().copied().find(|&send| view.contents(send) == contents).unwrap_or(contents)
    };
    let is_message = |id: ValueId| view.knowledge(id) == Knowledge::Message;
    let found = ends_of(view, before_bijections(view, output, is_message), is_message, |_| false);
    let odd = found.into_iter().filter(|&(id, factor)| factor % 2 == 1 && view.knows(id));
    odd.map(|(contents, _)| Withheld { message: send_of(contents), output }).collect()
}

/// Whether each output is the withheld message, an odd number of times, and what is known without any of them.
fn is_determined(program: &Program, coalition: Coalition, same: &[(ValueId, ValueId)], choice: &[Withheld]) -> bool {
    let messages: Vec<ValueId> = choice.iter().map(|withheld| withheld.message).collect();
    let view = View::reading(program, coalition, &[], same, &messages);
    choice.iter().all(|withheld| {
        let message = view.contents(withheld.message);
        let unknown = |id: ValueId| id == message || !view.knows(id) && summands(&view, id).is_none();
        let sum = before_bijections(&view, withheld.output, |id| id == message || view.knows(id));
        let found = ends_of(&view, sum, unknown, |id| view.knows(id));
        !view.knows(message) && matches!(found[..], [(only, factor)] if only == message && factor % 2 == 1)
    })
}

/// The contents of an output before all rearrangements of elements or bits, back to something at which to `stop`.
fn before_bijections(view: &View<'_>, output: ValueId, stop: impl Fn(ValueId) -> bool) -> ValueId {
    let mut at = view.contents(output);
    while !stop(at)
        && let Some(before) = super::output::before_bijection(view, at)
    {
        at = before;
    }
    at
}

/// The contents for which `ends` holds that enter a sum with public factors, with their factors, the last first; 0 where something
/// unknown is broadcast. What is no such sum, and what is `dropped`, is left out.
fn ends_of(
    view: &View<'_>,
    sum: ValueId,
    ends: impl Fn(ValueId) -> bool,
    dropped: impl Fn(ValueId) -> bool,
) -> Vec<(ValueId, u64)> {
    let (mut found, mut open) = (Vec::new(), BTreeMap::from([(sum, 1u64)]));
    while let Some((id, factor)) = open.pop_last() {
        if factor == 0 || dropped(id) {
            continue;
        }
        if ends(id) {
            found.push((id, factor));
            continue;
        }
        for (argument, by) in summands(view, id).unwrap_or_default() {
            if view.program.value(argument).shape == view.program.value(id).shape {
                let sum = open.entry(argument).or_default();
                *sum = sum.wrapping_add(factor.wrapping_mul(by));
            } else if !view.knows(argument) {
                found.push((argument, 0));
            }
        }
    }
    found
}
