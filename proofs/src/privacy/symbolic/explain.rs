//! Why a message could not be eliminated, in words that a protocol author can act on. They say what enters the message and which rule
//! does not apply, and never that it tells something: that is shown by counting alone.

use super::eliminate::Elimination;
use super::graph::Item;
use super::rules::{self, Passes};
use crate::privacy::Offending;
use std::collections::HashSet;
use viewless_protocols::program::{Op, ValueId};

/// How many contents behind a message are looked at.
const MOST_VISITED: usize = 512;

/// What was found behind a message. Of several samples the latest is kept: the one made last is the one meant as a mask.
#[derive(Debug, Default)]
struct Findings {
    /// A sample that covers the message, but occurs elsewhere too.
    reused: Option<ValueId>,
    /// A sample that covers the message, but is known to the coalition.
    known: Option<ValueId>,
    /// A sample that does not cover the message, and why.
    obstructed: Option<(ValueId, &'static str)>,
    /// An input that enters the message through nothing but balanced operations. (It may cancel, so that this shows no leak.)
    input: Option<ValueId>,
}

fn look(elimination: &Elimination<'_, '_>, message: ValueId) -> Findings {
    let view = elimination.graph.view;
    let program = view.program;
    let mut findings = Findings::default();
    let mut visited = HashSet::new();
    let mut open = vec![(message, None)];
    while let Some((id, obstacle)) = open.pop() {
        if !visited.insert(id) || visited.len() > MOST_VISITED {
            continue;
        }
        let value = program.value(id);
        if let (Op::Input { .. }, None) = (&value.op, obstacle) {
            findings.input.get_or_insert(id);
        }
        for (position, &argument) in value.op.arguments().iter().enumerate() {
            let argument = view.contents(argument);
            let obstacle = obstacle.or(match rules::passes(program, value, position) {
                Passes::Uniform | Passes::WithAllParts => None,
                Passes::LowBits(_) => Some("it is shifted right, so that the high bits are not covered"),
                Passes::Widened => Some("it is read as a wider word, so that the high bits are not covered"),
                Passes::Not(why) => Some(why),
            });
            let is_sample = matches!(program.value(argument).op, Op::Sample { .. });
            match (is_sample, view.knows(argument), obstacle) {
                (true, false, None) => findings.reused = findings.reused.max(Some(argument)),
                (true, false, Some(why)) => findings.obstructed = findings.obstructed.max(Some((argument, why))),
                (true, true, None) => findings.known = findings.known.max(Some(argument)),
                (false, false, _) => open.push((argument, obstacle)),
                (_, true, _) => {}
            }
        }
    }
    findings
}

/// Whether no sample outside the view covers the message: such a message is wrong whatever happens to the others.
pub(super) fn is_bare(elimination: &Elimination<'_, '_>, message: ValueId) -> bool {
    look(elimination, message).reused.is_none()
}

/// The message, with what is wrong about it.
pub(super) fn message(elimination: &Elimination<'_, '_>, contents: ValueId) -> Offending {
    let view = elimination.graph.view;
    let findings = look(elimination, contents);
    let named = |id: ValueId| match view.program.regions.path(view.program.value(id).region) {
        region if region.is_empty() => format!("%{}", id.0),
        region => format!("%{} (in `{region}`)", id.0),
    };
    let coalition = view.coalition;
    let latest = findings.reused.max(findings.known).max(findings.obstructed.map(|(mask, _)| mask));
    let is_latest = |mask: &ValueId| latest == Some(*mask);
    let why = if let Some(mask) = findings.reused.filter(is_latest) {
        let whose = format!("it is masked by the sample {}", named(mask));
        match other_message(elimination, mask, contents) {
            Some(other) => {
                let other = named(elimination.send_of(other));
                format!("{whose}, which also reaches {coalition} in {other}; give each message a mask of its own")
            }
            None => format!("{whose}, which enters it more than once, so that it may cancel; add it once"),
        }
    } else if let Some((mask, why)) = findings.obstructed.filter(|(mask, _)| is_latest(mask)) {
        format!("no rule lets the sample {} cover it: {why}", named(mask))
    } else if let Some(mask) = findings.known.filter(is_latest) {
        let held_by = view.program.value(mask).holders;
        let enters = findings.input.map_or_else(String::new, |input| {
            format!("; the input {} of {} enters it", named(input), view.program.value(input).holders)
        });
        let mask = named(mask);
        format!(
            "its mask {mask} is held by {held_by}, and {coalition} knows it{enters}; mask it with a sample held outside"
        )
    } else if let Some(input) = findings.input {
        let owner = view.program.value(input).holders;
        format!(
            "the input {} of {owner} enters it, and no sample held outside {coalition} was found to mask it",
            named(input)
        )
    } else {
        format!("no sample held outside {coalition} was found to enter it; mask it before it is sent")
    };
    self::offending(elimination, elimination.send_of(contents), why)
}

/// A message with words about it.
pub(super) fn offending(elimination: &Elimination<'_, '_>, value: ValueId, why: String) -> Offending {
    let program = elimination.graph.view.program;
    Offending { region: program.regions.path(program.value(value).region), value, why }
}

/// Another remaining message that a sample flows into.
fn other_message(elimination: &Elimination<'_, '_>, sample: ValueId, message: ValueId) -> Option<ValueId> {
    let graph = &elimination.graph;
    let mut visited = HashSet::new();
    let mut open = vec![sample];
    while let Some(id) = open.pop() {
        if !visited.insert(id) || visited.len() > MOST_VISITED {
            continue;
        }
        if graph.items[id.index()] != Item::None {
            if id != message {
                return Some(id);
            }
            continue;
        }
        open.extend(graph.live_users(id).map(|(user, _)| user));
    }
    None
}
