//! The bill of a Program: rounds and bytes, by phase, link, party and region, counted from its sends alone.
//!
//! Conventions, printed with every figure:
//! - A *message* is one send; its size is its packed bits, rounded up to whole bytes once. A value held by several parties
//!   is sent by the first of them in the order P0, P1, P2, dealer, client, model owner. What is sent on to a further party is
//!   sent by the first of those that held it before any send, so that an owner sends to several parties in one round.
//! - *Total* adds all messages over all links. *Sent by a party* adds its own. *Between the computing parties* leaves out
//!   the dealer and the owners: with two computing parties it is what papers print as "sent + received by one party", with
//!   three it is the sum over their three links.
//! - *Rounds*, schedule `asap`: the longest chain of messages within a phase. A message leaves as soon as its contents are known to its sender:
//!   knowledge has a date for each party, and a party that held everything does not wait for another that learns it later. Schedule
//!   `as-written`: sends in program order, where only neighbours that do not depend on one another share a round; what an eager framework pays.
//! - *Predicted time* has a schedule of its own. Leaving early takes the messages of one wave apart, over several rounds, each of which waits for
//!   its busiest link. So the time is the least of three schedules that all obey the dependencies: `asap`; in waves, where a value counts as known
//!   once all its holders know it; and `as-written`.
//! - Rounds of a region: under `asap` those on one longest chain (which add up to the total), under `as-written` those that
//!   its messages open.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use viewless_protocols::party::{Party, PartySet};
pub use viewless_protocols::program::Schedule;
use viewless_protocols::program::{Op, Phase, Program, ValueId};
use viewless_protocols::region::{RegionId, Regions};

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
enum Dating {
    /// By the party that sends it: the earliest that any schedule allows.
    BySender,
    /// By the last of its holders: messages that are opened together leave together.
    InWaves,
}

fn earliest(program: &Program, dating: Dating) -> Timetable {
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

fn as_written(program: &Program) -> Timetable {
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

/// What one phase costs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseBill {
    /// Rounds under the bill's schedule.
    pub rounds: u32,
    /// All messages over all links.
    pub bytes_total: u64,
    /// Messages among the computing parties.
    pub bytes_between_computing_parties: u64,
    /// Messages sent by each party.
    pub bytes_sent: BTreeMap<String, u64>,
    /// Messages over each directed link, `P0->P1`.
    pub bytes_by_link: BTreeMap<String, u64>,
    /// Number of messages.
    pub messages: u64,
}

/// What one function (or region) costs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionBill {
    /// Name of the function.
    pub name: String,
    /// Online rounds.
    pub rounds: u32,
    /// Online messages over all links.
    pub bytes_total: u64,
    /// Setup messages over all links.
    pub bytes_setup: u64,
    /// Offline messages over all links.
    pub bytes_offline: u64,
    /// Messages of all phases among the computing parties: what published tables count. (A message of them is offline or
    /// setup when it can be sent before the query is known, such as a masked share that is itself a common random word.)
    pub bytes_between_computing_parties: u64,
    /// Regions of this name: how often the function is called.
    pub calls: u32,
}

/// The whole bill of a Program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bill {
    /// How rounds were formed.
    pub schedule: Schedule,
    /// One bill for each phase.
    pub phases: BTreeMap<Phase, PhaseBill>,
    /// One bill for each function, largest first.
    pub regions: Vec<RegionBill>,
    /// For each phase and round, the bytes on the busiest directed link.
    #[serde(skip)]
    pub slowest_link_bytes: [Vec<u64>; 3],
    /// The same of the online phase alone, for other schedules that have no fewer rounds and may still take less time.
    #[serde(skip)]
    pub slower_schedules: Vec<Vec<u64>>,
}

/// Names that the regions of a model are gathered under; a message counts for the innermost.
pub const FUNCTIONS: [&str; 10] =
    ["embedding", "linear", "attention", "softmax", "gelu", "layernorm", "pooler", "head", "input", "output"];

/// Gathers regions under [`FUNCTIONS`]: for each region the index of its innermost function, and whether it opens it.
fn functions(regions: &Regions) -> Vec<Option<(usize, bool)>> {
    let mut found: Vec<Option<(usize, bool)>> = Vec::with_capacity(regions.len());
    for id in regions.ids() {
        let own = FUNCTIONS.iter().position(|&name| name == regions.name(id)).map(|function| (function, true));
        let inherited = found.get(Regions::index(regions.parent(id))).copied().flatten();
        found.push(own.or(inherited.map(|(function, _)| (function, false))));
    }
    found
}

/// How a bill is broken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grouping {
    /// By function, see [`FUNCTIONS`].
    Function,
    /// By the regions directly under the root: the layers of a model.
    Layer,
    /// By full path.
    Region,
}

/// Counts a Program.
#[must_use]
pub fn bill(program: &Program, schedule: Schedule, grouping: Grouping) -> Bill {
    let timetable = timetable(program, schedule);
    let mut phases: BTreeMap<Phase, PhaseBill> = Phase::ALL.map(|phase| (phase, PhaseBill::default())).into();
    let group = groups(&program.regions, grouping);
    let mut regions: BTreeMap<usize, RegionBill> = BTreeMap::new();
    for (index, entry) in group.names.iter().enumerate() {
        regions.insert(index, RegionBill { name: entry.0.clone(), calls: entry.1, ..RegionBill::default() });
    }
    let slowest_link_bytes = busiest_links(&timetable);
    let slower_schedules = match schedule {
        Schedule::Asap => {
            let others = [earliest(program, Dating::InWaves), as_written(program)];
            others.iter().map(|other| busiest_links(other)[Phase::Online as usize].clone()).collect()
        }
        Schedule::AsWritten => Vec::new(),
    };
    let mut links: BTreeMap<(Phase, Party, Party), u64> = BTreeMap::new();
    for message in &timetable.messages {
        let bill = phases.get_mut(&message.phase).expect("every phase has a bill");
        let between = if message.is_between_computing_parties() { message.bytes } else { 0 };
        bill.bytes_total += message.bytes;
        bill.bytes_between_computing_parties += between;
        bill.messages += 1;
        *links.entry((message.phase, message.from, message.to)).or_default() += message.bytes;
        let region = regions.get_mut(&group.of[Regions::index(message.region)]).expect("every region has a group");
        match message.phase {
            Phase::Offline => region.bytes_offline += message.bytes,
            Phase::Setup => region.bytes_setup += message.bytes,
            Phase::Online => region.bytes_total += message.bytes,
        }
        region.bytes_between_computing_parties += between;
    }
    for ((phase, from, to), bytes) in links {
        let bill = phases.get_mut(&phase).expect("every phase has a bill");
        bill.bytes_by_link.insert(format!("{from}->{to}"), bytes);
        *bill.bytes_sent.entry(from.to_string()).or_default() += bytes;
    }
    for phase in Phase::ALL {
        phases.get_mut(&phase).expect("every phase has a bill").rounds = timetable.rounds[phase as usize];
    }
    for region in &timetable.charged[Phase::Online as usize] {
        regions.get_mut(&group.of[Regions::index(*region)]).expect("every region has a group").rounds += 1;
    }
    let mut regions: Vec<RegionBill> = regions
        .into_values()
        .filter(|region| {
            region.calls > 0 || *region != RegionBill { name: region.name.clone(), ..RegionBill::default() }
        })
        .collect();
    if grouping == Grouping::Function {
        regions.sort_by(|a, b| b.bytes_total.cmp(&a.bytes_total).then_with(|| a.name.cmp(&b.name)));
    }
    Bill { schedule, phases, regions, slowest_link_bytes, slower_schedules }
}

/// For each phase and round, the bytes on the busiest directed link.
fn busiest_links(timetable: &Timetable) -> [Vec<u64>; 3] {
    let mut busiest: [Vec<u64>; 3] = timetable.rounds.map(|rounds| vec![0; rounds as usize]);
    let mut in_round: BTreeMap<(Phase, u32, Party, Party), u64> = BTreeMap::new();
    for message in &timetable.messages {
        *in_round.entry((message.phase, message.round, message.from, message.to)).or_default() += message.bytes;
    }
    for ((phase, round, _, _), bytes) in in_round {
        let slowest = &mut busiest[phase as usize][round as usize - 1];
        *slowest = bytes.max(*slowest);
    }
    busiest
}

struct Groups {
    /// Name and number of calls of each group.
    names: Vec<(String, u32)>,
    /// Group of each region.
    of: Vec<usize>,
}

/// For each region, by its position, the function that it belongs to.
pub(crate) fn function_names(regions: &Regions) -> Vec<String> {
    let groups = groups(regions, Grouping::Function);
    groups.of.iter().map(|&group| groups.names[group].0.clone()).collect()
}

fn groups(regions: &Regions, grouping: Grouping) -> Groups {
    match grouping {
        Grouping::Function => {
            let functions = functions(regions);
            let mut names: Vec<(String, u32)> = FUNCTIONS.iter().map(|&name| (name.to_owned(), 0)).collect();
            names.push(("other".to_owned(), 0));
            let of =
                functions.iter().map(|function| function.map_or(FUNCTIONS.len(), |(function, _)| function)).collect();
            functions.iter().flatten().filter(|(_, opens)| *opens).for_each(|&(function, _)| names[function].1 += 1);
            Groups { names, of }
        }
        Grouping::Layer => {
            let mut names: Vec<(String, u32)> = vec![("other".to_owned(), 0)];
            let mut of = vec![0];
            for id in regions.ids().skip(1) {
                if regions.parent(id) == Regions::ROOT {
                    let name = regions.name(id);
                    let group = names.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                        names.push((name.to_owned(), 0));
                        names.len() - 1
                    });
                    names[group].1 += 1;
                    of.push(group);
                } else {
                    of.push(of[Regions::index(regions.parent(id))]);
                }
            }
            Groups { names, of }
        }
        Grouping::Region => {
            let mut known: BTreeMap<String, usize> = BTreeMap::new();
            let mut names: Vec<(String, u32)> = Vec::new();
            let mut of = Vec::new();
            for id in regions.ids() {
                let path = regions.path(id);
                let group = *known.entry(path.clone()).or_insert_with(|| {
                    names.push((path, 0));
                    names.len() - 1
                });
                names[group].1 += 1;
                of.push(group);
            }
            Groups { names, of }
        }
    }
}

impl Bill {
    /// The bill of a phase.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> &PhaseBill {
        &self.phases[&phase]
    }

    /// The bill of a function, if it was called.
    #[must_use]
    pub fn region(&self, name: &str) -> Option<&RegionBill> {
        self.regions.iter().find(|region| region.name == name)
    }

    /// The online rounds of every schedule that a prediction may follow, each as the bytes on its busiest directed links.
    #[must_use]
    pub fn online_schedules(&self) -> Vec<Vec<u64>> {
        let own = self.slowest_link_bytes[Phase::Online as usize].clone();
        std::iter::once(own).chain(self.slower_schedules.iter().cloned()).collect()
    }

    /// Predicted duration of the online messages on a network, without computation, in seconds: the sum over rounds of the
    /// latency and the time of the busiest directed link, of the fastest schedule (see the module's text).
    #[must_use]
    pub fn online_seconds(&self, network: &crate::network::Network) -> f64 {
        let seconds = |rounds: &Vec<u64>| network.seconds(rounds.iter().copied());
        self.online_schedules().iter().map(seconds).fold(f64::INFINITY, f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::program::ProgramBuilder;
    use viewless_protocols::ring::Domain;

    /// The client's word goes to P1 and P2, who each answer P0 with what they computed.
    fn to_two() -> Program {
        let mut p =
            ProgramBuilder::new(PartySet::of(&[Party::P0, Party::P1, Party::P2, Party::Client]), Party::ModelOwner);
        let x = p.input(Party::Client, "x", 0, Domain::Z64, [1].into());
        let x = p.send(x, Party::P1);
        let x = p.send(x, Party::P2);
        let y = p.neg(x);
        p.send(y, Party::P0);
        p.finish().expect("every party computes with what it holds")
    }

    #[test]
    fn an_owner_sends_to_several_parties_in_one_round_and_their_answer_takes_another() {
        for schedule in [Schedule::Asap, Schedule::AsWritten] {
            let timetable = timetable(&to_two(), schedule);
            let sent: Vec<_> = timetable.messages.iter().map(|m| (m.from, m.to, m.round)).collect();
            let expected = [(Party::Client, Party::P1, 1), (Party::Client, Party::P2, 1), (Party::P1, Party::P0, 2)];
            assert_eq!((sent, timetable.rounds), (expected.to_vec(), [0, 0, 2]));
            assert_eq!(timetable.charged[Phase::Online as usize].len(), 2);
        }
    }

    #[test]
    fn the_busiest_link_of_a_round_is_a_directed_one() {
        let bill = bill(&to_two(), Schedule::Asap, Grouping::Function);
        assert_eq!(bill.slowest_link_bytes[Phase::Online as usize], [8, 8]);
        let online = bill.phase(Phase::Online);
        assert_eq!((online.bytes_total, online.bytes_between_computing_parties), (24, 8));
    }

    /// P0 and P1 both know y, P1 from what P0 sends it; P0, who holds everything, sends y on without waiting for P1.
    #[test]
    fn a_sender_that_holds_everything_does_not_wait_for_who_learns_it_later() {
        let mut p =
            ProgramBuilder::new(PartySet::of(&[Party::P0, Party::P1, Party::P2, Party::Client]), Party::ModelOwner);
        let x = p.input(Party::Client, "x", 0, Domain::Z64, [1].into());
        let x = p.send(x, Party::P0);
        let doubled = p.add(x, x);
        let shared = p.send(doubled, Party::P1);
        let y = p.neg(shared);
        p.send(y, Party::P2);
        let program = p.finish().expect("every party computes with what it holds");
        let early = timetable(&program, Schedule::Asap);
        let rounds: Vec<u32> = early.messages.iter().map(|message| message.round).collect();
        let sender = early.messages[2].from;
        assert_eq!((sender, rounds, early.rounds[2]), (Party::P0, vec![1, 2, 2], 2));
        assert_eq!(early.charged[Phase::Online as usize].len(), 2);
        assert_eq!(earliest(&program, Dating::InWaves).rounds[2], 3);
        let bill = bill(&program, Schedule::Asap, Grouping::Function);
        assert_eq!(bill.online_schedules().len(), 3);
    }
}
