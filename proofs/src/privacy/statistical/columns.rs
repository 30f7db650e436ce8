//! What is tested of a view: its messages, and each message less what the coalition can subtract from it.
//!
//! A share of a secret sent to the wrong party is a uniform word; together with the other share, which that party holds, it is the
//! secret. So each message is also tested with everything subtracted that its sums contain and that the coalition knows. That is
//! a function of the view, so a departure there is one of the view.

use crate::privacy::view::{Knowledge, View};
use std::collections::{BTreeMap, BTreeSet};
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{Constant, Local, Op, Program, ProgramDraft, Value, ValueId};
use viewless_protocols::ring::Domain;
use viewless_protocols::shape::Move;

/// Contents as a sum: coefficients of other contents. Under exclusive or, coefficients are 0 or 1.
pub(in crate::privacy) type Sum = BTreeMap<ValueId, u64>;

/// A tensor that is tested, by its words.
#[derive(Debug, Clone)]
pub(in crate::privacy) struct Column {
    /// The send.
    pub(in crate::privacy) message: ValueId,
    /// Its domain.
    pub(in crate::privacy) domain: Domain,
    /// Its number of elements.
    pub(in crate::privacy) elements: usize,
    /// What is subtracted: contents known to the coalition. Empty for the message itself.
    pub(in crate::privacy) less: Sum,
}

/// The columns of a view, and the messages that are not tested.
#[derive(Debug)]
pub(in crate::privacy) struct Columns {
    pub(in crate::privacy) tested: Vec<Column>,
    /// Messages that an output determines, with the reveal.
    pub(in crate::privacy) excluded: Vec<(ValueId, ValueId)>,
}

impl Columns {
    /// Messages that are tested.
    pub(in crate::privacy) fn messages(&self) -> usize {
        self.tested.iter().filter(|column| column.less.is_empty()).count()
    }
}

pub(in crate::privacy) fn columns(view: &View<'_>) -> Columns {
    let excluded = determined_by_outputs(view);
    let is_tested = |message: ValueId| !excluded.iter().any(|&(other, _)| message == other);
    let tested = every_message(view).into_iter().filter(|column| is_tested(column.message)).collect();
    Columns { tested, excluded }
}

/// Each message, and each message less what the coalition can subtract from it.
pub(in crate::privacy) fn every_message(view: &View<'_>) -> Vec<Column> {
    let mut columns = Vec::new();
    let is_message = |send: &&ValueId| view.knowledge(**send) == Knowledge::Message;
    for &message in view.messages().iter().filter(is_message) {
        let value = view.program.value(message);
        let column = Column { message, domain: value.domain, elements: value.shape.elements(), less: Sum::new() };
        let known = known_part(view, message);
        columns.push(column.clone());
        if !known.is_empty() {
            columns.push(Column { less: known, ..column });
        }
    }
    columns
}

/// For an output that is a sum of messages and of what the coalition knows without them, the last message: the output and the
/// others determine it. For any other output, every message that it depends on: no part of these need be uniform.
fn determined_by_outputs(view: &View<'_>) -> Vec<(ValueId, ValueId)> {
    let sends: BTreeMap<ValueId, ValueId> = view.messages().iter().map(|&send| (view.contents(send), send)).collect();
    let depends = messages_behind(view);
    let mut excluded: Vec<(ValueId, ValueId)> = Vec::new();
    for &output in view.outputs() {
        let of = |contents: ValueId| &depends[contents.index()];
        let is_message = |contents: ValueId| view.knowledge(contents) == Knowledge::Message;
        let (sum, _) = expand(view, output, |contents| is_message(contents) || of(contents).is_empty());
        let is_sum = sum.iter().all(|(&atom, &factor)| {
            of(atom).is_empty() || is_message(atom) && (factor == 1 || factor == view.program.value(atom).domain.mask())
        });
        let behind: Vec<ValueId> = of(view.contents(output)).iter().copied().collect();
        let taken: &[ValueId] = if is_sum { &behind[behind.len().saturating_sub(1)..] } else { &behind };
        for contents in taken {
            let send = sends[contents];
            if !excluded.iter().any(|&(message, _)| message == send) {
                excluded.push((send, output));
            }
        }
    }
    excluded
}

/// For contents that the coalition knows, the messages that they are computed from.
fn messages_behind(view: &View<'_>) -> Vec<BTreeSet<ValueId>> {
    let mut behind: Vec<BTreeSet<ValueId>> = vec![BTreeSet::new(); view.program.values.len()];
    if !view.has_outputs() {
        return behind;
    }
    for (id, value) in view.program.iter() {
        behind[id.index()] = match view.knowledge(id) {
            Knowledge::Message => BTreeSet::from([view.contents(id)]),
            Knowledge::Base | Knowledge::Unknown => BTreeSet::new(),
            Knowledge::Computed => {
                value.op.arguments().iter().flat_map(|argument| behind[argument.index()].iter().copied()).collect()
            }
        };
    }
    behind
}

/// What a message's sums contain that the coalition knows, other than the message itself.
fn known_part(view: &View<'_>, message: ValueId) -> Sum {
    let own = view.contents(message);
    let is_known = |contents: ValueId| contents != own && view.knows(contents);
    let (mut sum, elements) = expand(view, message, is_known);
    sum.retain(|&atom, factor| {
        let fits = [1, elements].contains(&view.program.value(atom).shape.elements());
        is_known(atom) && fits && *factor != 0
    });
    sum
}

/// Contents as a sum of atoms: through additions, exclusive or, public odd and even factors, reshaping and narrowing, down
/// to what `is_atom` or is computed in another way. Elements keep their places. A public constant added by NOT is left out.
fn expand(view: &View<'_>, of: ValueId, is_atom: impl Fn(ValueId) -> bool) -> (Sum, usize) {
    let value = view.program.value(of);
    let (elements, mask, ring) = (value.shape.elements(), value.domain.mask(), value.domain.is_ring());
    let mut sum = Sum::new();
    let mut open = vec![(view.contents(of), 1u64)];
    while let Some((id, factor)) = open.pop() {
        let terms = if is_atom(id) { None } else { terms(view.program, id) };
        match terms {
            Some(terms) if terms.iter().all(|&(term, _)| can_enter(view.program.value(term), elements, ring)) => {
                open.extend(terms.iter().map(|&(term, by)| (view.contents(term), factor.wrapping_mul(by))));
            }
            _ => {
                let entry = sum.entry(id).or_insert(0u64);
                *entry = if ring { entry.wrapping_add(factor) & mask } else { *entry ^ (factor & 1) };
            }
        }
    }
    (sum, elements)
}

fn can_enter(term: &Value, elements: usize, ring: bool) -> bool {
    [1, elements].contains(&term.shape.elements()) && term.domain.is_ring() == ring
}

/// The terms of one operation with their factors, if it is linear and keeps elements in place.
fn terms(program: &Program, id: ValueId) -> Option<Vec<(ValueId, u64)>> {
    let value = program.value(id);
    let Op::Local(local, arguments) = &value.op else { return None };
    let first = arguments[0];
    match local {
        Local::Add | Local::Xor => Some(vec![(first, 1), (arguments[1], 1)]),
        Local::Sub => Some(vec![(first, 1), (arguments[1], u64::MAX)]),
        Local::Neg => Some(vec![(first, u64::MAX)]),
        Local::Not => Some(vec![(first, 1)]),
        Local::ShiftLeft(shift) if value.domain.is_ring() => Some(vec![(first, 1 << shift)]),
        Local::Mul => (0..2).find_map(|side| {
            let factor = splat(program, arguments[side])?;
            Some(vec![(arguments[1 - side], factor)])
        }),
        Local::Convert(domain) => {
            let from = program.value(first).domain;
            let narrows = from.is_ring() == domain.is_ring() && domain.bits() <= from.bits();
            narrows.then(|| vec![(first, 1)])
        }
        Local::Move(Move::Reshape(_)) => Some(vec![(first, 1)]),
        Local::Move(Move::Transpose(_) | Move::Broadcast(_) | Move::Slice { .. } | Move::Windows(_))
        | Local::MatMul
        | Local::Sum(_)
        | Local::And
        | Local::ShiftLeft(_)
        | Local::ShiftRight(_)
        | Local::ShiftRightArithmetic(_)
        | Local::BitReversal
        | Local::Concat(_)
        | Local::Function(_) => None,
    }
}

fn splat(program: &Program, id: ValueId) -> Option<u64> {
    match &program.value(id).op {
        Op::Constant(Constant::Splat(word)) => Some(*word),
        Op::Constant(Constant::Words(_))
        | Op::Input { .. }
        | Op::Sample { .. }
        | Op::Local(..)
        | Op::Send(..)
        | Op::Reveal { .. } => None,
    }
}

/// The Program with more sends at its end, so that an observer of messages sees `wanted` contents too; what went before is the
/// same, bit for bit. Returns the send that shows each.
pub(in crate::privacy) fn watched(
    program: &Program,
    wanted: &BTreeSet<ValueId>,
) -> (Program, BTreeMap<ValueId, ValueId>) {
    let mut draft: ProgramDraft = (**program).clone();
    // Somebody who takes no part, where there is one, holds nothing yet and can be sent anything.
    let spectator = Party::ALL.into_iter().find(|&party| !draft.parties.contains(party));
    if let Some(spectator) = spectator {
        draft.parties = draft.parties.with(spectator);
        let everyone = draft.parties;
        let constants = draft.values.iter_mut().filter(|value| matches!(value.op, Op::Constant(_)));
        constants.for_each(|value| value.holders = everyone);
    }
    let mut shown = BTreeMap::new();
    for &id in wanted {
        let value = draft.value(id).clone();
        let stranger = |holders: PartySet| draft.parties.iter().find(|&party| !holders.contains(party));
        if let Some(to) = stranger(value.holders) {
            shown.insert(id, ValueId(draft.values.len() as u32));
            draft.values.push(Value { op: Op::Send(id, to), holders: value.holders.with(to), ..value });
        }
    }
    let watched = draft.check().expect("sends of values to those who do not hold them keep a Program well-formed");
    (watched, shown)
}
