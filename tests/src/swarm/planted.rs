//! Bugs planted in what the swarm looks at: it must find each.

use viewless_protocols::program::{
    Bill, Grouping, Local, Op, Phase, Program, ProgramDraft, Schedule, Value, ValueId, bill,
};
use viewless_protocols::ring::Domain;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// In the tree of a comparison, a carry is not handed on: of `g XOR (p AND c)` only `g` is left, at one place of each Program.
    CarryDropped,
    /// One byte of the largest message is not counted.
    ByteUncounted,
    /// One mask is used for two.
    MaskReused,
    /// A whole word that is sent has one bit fewer.
    WidthTooNarrow,
}

impl Planted {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::CarryDropped, Self::ByteUncounted, Self::MaskReused, Self::WidthTooNarrow];

    /// The broken Program; the Program itself where there is no place for the bug.
    #[must_use]
    pub fn compiled(self, program: Program) -> Program {
        let mut draft = (*program).clone();
        let is_broken = match self {
            Self::CarryDropped => drop_carry(&mut draft),
            Self::ByteUncounted => None,
            Self::MaskReused => reuse_mask(&mut draft),
            Self::WidthTooNarrow => narrow(&mut draft),
        };
        match is_broken {
            Some(()) => draft.check().unwrap_or(program),
            None => program,
        }
    }

    /// What the broken counter says.
    #[must_use]
    pub fn bill(self, program: &Program, schedule: Schedule, grouping: Grouping) -> Bill {
        let mut bill = bill(program, schedule, grouping);
        if self == Self::ByteUncounted
            && let Some(phase) = bill.phases.get_mut(&Phase::Online)
            && let Some(bytes) = phase.bytes_by_link.values_mut().max()
        {
            *bytes -= 1;
        }
        bill
    }
}

fn drop_carry(draft: &mut ProgramDraft) -> Option<()> {
    let is_and = |id: ValueId| matches!(&draft.value(id).op, Op::Local(Local::And, _));
    let mut places = draft.values.iter().enumerate().rev();
    let (place, kept) = places.find_map(|(i, value)| match &value.op {
        Op::Local(Local::Xor, arguments) if !value.domain.is_ring() && arguments.iter().any(|&id| is_and(id)) => {
            let kept = *arguments.iter().find(|&&id| !is_and(id))?;
            (draft.value(kept).shape == value.shape).then_some((i, kept))
        }
        _ => None,
    })?;
    let value = &mut draft.values[place];
    value.op = Op::Local(Local::Convert(value.domain), [kept].into_iter().collect());
    Some(())
}

fn reuse_mask(draft: &mut ProgramDraft) -> Option<()> {
    let samples: Vec<usize> =
        (0..draft.values.len()).filter(|&i| matches!(draft.values[i].op, Op::Sample { .. })).collect();
    let key = |i: usize| (draft.values[i].domain, draft.values[i].shape.clone(), draft.values[i].holders);
    let (first, second) = samples.iter().enumerate().find_map(|(n, &first)| {
        let later = samples[n + 1..].iter().find(|&&second| key(second) == key(first))?;
        Some((ValueId(first as u32), ValueId(*later as u32)))
    })?;
    let arguments = draft.values.iter_mut().flat_map(|value| value.op.arguments_mut());
    let shares = draft.claims.iter_mut().flat_map(|claim| claim.shares.iter_mut());
    arguments.chain(shares).filter(|id| **id == second).for_each(|id| *id = first);
    Some(())
}

/// Before the last whole word that is sent, its top bit is lost: it becomes one of 63 bits and one of 64 again.
fn narrow(draft: &mut ProgramDraft) -> Option<()> {
    let place = draft.values.iter().rposition(|value| {
        matches!(value.op, Op::Send(id, _) if draft.value(id).domain == Domain::Z64
            && matches!(draft.value(id).op, Op::Local(..)))
    })?;
    let Op::Send(sent, _) = draft.values[place].op else { return None };
    let moved = |id: &mut ValueId| {
        if id.index() >= place {
            id.0 += 2;
        }
    };
    draft.values.iter_mut().flat_map(|value| value.op.arguments_mut()).for_each(moved);
    draft.claims.iter_mut().flat_map(|claim| claim.shares.iter_mut()).for_each(moved);
    let whole = draft.value(sent).clone();
    let narrowed = Domain::Ring(63);
    let convert = |from: ValueId, domain: Domain| Value {
        op: Op::Local(Local::Convert(domain), [from].into_iter().collect()),
        domain,
        ..whole.clone()
    };
    let inserted = [convert(sent, narrowed), convert(ValueId(place as u32), Domain::Z64)];
    draft.values.splice(place..place, inserted);
    if let Op::Send(id, _) = &mut draft.values[place + 2].op {
        *id = ValueId(place as u32 + 1);
    }
    Some(())
}
