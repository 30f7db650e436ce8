//! Every message of a Program with its sender and its round, from the sends alone.
//!
//! A *message* is one send; its size is its packed bits, rounded up to whole bytes once. A value held by several parties is sent by
//! the first of them in the order P0, P1, P2, dealer, client, model owner. What is sent on to a further party is sent by the first of
//! those that held it before any send, so that an owner sends to several parties in one round.
//!
//! *Rounds*, schedule `asap`: the longest chain of messages within a phase. A message leaves as soon as its contents are known to its
//! sender: knowledge has a date for each party, and a party that held everything does not wait for another that learns it later.
//! Schedule `as-written`: sends in program order, where only neighbours that do not depend on one another share a round; what an eager
//! framework pays.

use super::{Op, Phase, Program, Schedule, ValueId};
use crate::party::{Party, PartySet};
use crate::region::RegionId;

/// One send of a Program, placed in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// The value at the receiver.
    pub value: ValueId,
    /// Sender.
    pub from: Party,
    /// Receiver.
    pub to: Party,
    /// Phase in which it is sent.
    pub phase: Phase,
    /// Round within the phase, from 1.
    pub round: u32,
    /// Region that sends it.
    pub region: RegionId,
    /// Contents, in bits.
    pub bits: u64,
    /// Size on the wire.
    pub bytes: u64,
}

/// The parties that compute on shares; the others deal or own.
pub const COMPUTING: PartySet = PartySet::of(&[Party::P0, Party::P1, Party::P2]);

impl Message {
    /// Whether both ends compute on shares.
    #[must_use]
    pub fn is_between_computing_parties(&self) -> bool {
        COMPUTING.contains(self.from) && COMPUTING.contains(self.to)
    }
}

/// The value before any of the sends that it went through.
fn origin(program: &Program, mut contents: ValueId) -> ValueId {
    while let Op::Send(before, _) = program.value(contents).op {
        contents = before;
    }
    contents
}

/// Who sends a value: its first holder before any send.
fn sender(program: &Program, contents: ValueId) -> Party {
    program.value(origin(program, contents)).holders.iter().next().expect("a checked value has a holder")
}

/// Every message of a Program in order, with its round; and for each phase the number of rounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timetable {
    /// The messages, in Program order.
    pub messages: Vec<Message>,
    /// Rounds of each phase, in the order of [`Phase::ALL`].
    pub rounds: [u32; 3],
    /// For each round of each phase, the region that it is charged to.
    pub charged: [Vec<RegionId>; 3],
}

/// Places every message in a round.
#[must_use]
pub fn timetable(program: &Program, schedule: Schedule) -> Timetable {
    match schedule {
        Schedule::Asap => earliest(program, Dating::BySender),
        Schedule::AsWritten => as_written(program),
    }
}

fn message(program: &Program, id: ValueId, contents: ValueId, to: Party, round: u32) -> Message {
    let value = program.value(id);
    Message {
        value: id,
        from: sender(program, contents),
        to,
        phase: program.phase(id),
        round,
        region: value.region,
        bits: value.bits(),
        bytes: value.message_bytes(),
    }
}

/// For each party the round, within a value's phase, after which it knows the value; 0 for what it knows from the start.
type Dates = [u32; Party::ALL.len()];

/// How a value is dated for a message that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dating {
    /// By the party that sends it: the earliest that any schedule allows.
    BySender,
    /// By the last of its holders: messages that are opened together leave together.
    InWaves,
}

pub(super) fn earliest(program: &Program, dating: Dating) -> Timetable {
    let mut known: Vec<Dates> = Vec::with_capacity(program.values.len());
    let mut messages = Vec::new();
    // The message that arrives last, in each phase.
    let mut last: [Option<(ValueId, Party, u32)>; 3] = [None; 3];
    for (id, value) in program.iter() {
        let phase = program.phase(id);
        let mut dates = Dates::default();
        if let Op::Send(contents, to) = value.op {
            let from = sender(program, contents);
            let round = date(program, &known, phase, contents, from) + 1;
            for party in program.value(contents).holders.iter() {
                dates[party as usize] = date(program, &known, phase, contents, party);
            }
            dates[to as usize] = round;
            messages.push(message(program, id, contents, to, round));
            let last = &mut last[phase as usize];
            if last.is_none_or(|(.., latest)| latest < round) {
                *last = Some((id, to, round));
            }
        } else {
            for party in value.holders.iter() {
                let arguments = value.op.arguments().iter();
                let latest = arguments.map(|&argument| date(program, &known, phase, argument, party)).max();
                dates[party as usize] = latest.unwrap_or(0);
            }
            if dating == Dating::InWaves {
                let latest = value.holders.iter().map(|party| dates[party as usize]).max().unwrap_or(0);
                value.holders.iter().for_each(|party| dates[party as usize] = latest);
            }
        }
        known.push(dates);
    }
    let charged = last.map(|last| last.map_or_else(Vec::new, |(id, to, _)| chain(program, &known, id, to)));
    Timetable { messages, rounds: last.map(|last| last.map_or(0, |(.., round)| round)), charged }
}

/// When a party knows a value, within a phase: what belongs to an earlier phase it knows from the start.
fn date(program: &Program, known: &[Dates], phase: Phase, value: ValueId, party: Party) -> u32 {
    if program.phase(value) == phase { known[value.index()][party as usize] } else { 0 }
}

/// The regions of the messages of one longest chain that ends with what a party knows, in order.
fn chain(program: &Program, known: &[Dates], id: ValueId, party: Party) -> Vec<RegionId> {
    let phase = program.phase(id);
    let mut regions = Vec::new();
    let mut at = Some((id, party));
    while let Some((id, party)) = at {
        let value = program.value(id);
        let before = if let Op::Send(contents, to) = value.op {
            if to == party {
                regions.push(value.region);
                Some((contents, sender(program, contents)))
            } else {
                Some((contents, party))
            }
        } else {
            // Its own knowledge first; in waves a value waits for the last of its holders.
            let wanted = known[id.index()][party as usize];
            let others = value.holders.iter().filter(|&other| other != party);
            let parties: Vec<Party> = std::iter::once(party).chain(others).collect();
            let arguments = value.op.arguments();
            let mut all = parties.iter().flat_map(|&party| arguments.iter().map(move |&argument| (argument, party)));
            all.find(|&(argument, party)| date(program, known, phase, argument, party) == wanted)
        };
        at = before.filter(|&(value, party)| date(program, known, phase, value, party) > 0);
    }
    regions.reverse();
    regions
}

pub(super) fn as_written(program: &Program) -> Timetable {
    /// The round being filled.
    #[derive(Default)]
    struct Open {
        round: u32,
        /// Whether the latest value of this phase was a send.
        joinable: bool,
    }
    let mut open: [Open; 3] = Default::default();
    let mut messages = Vec::new();
    let mut charged: [Vec<RegionId>; 3] = Default::default();
    for (id, value) in program.iter() {
        let phase = program.phase(id);
        let state = &mut open[phase as usize];
        let Op::Send(contents, to) = value.op else {
            state.joinable = false;
            continue;
        };
        // Between neighbours there are only sends of this phase, and what is sent on does not depend on them.
        if !state.joinable {
            state.round += 1;
            charged[phase as usize].push(value.region);
        }
        state.joinable = true;
        messages.push(message(program, id, contents, to, state.round));
    }
    let rounds = [open[0].round, open[1].round, open[2].round];
    Timetable { messages, rounds, charged }
}
