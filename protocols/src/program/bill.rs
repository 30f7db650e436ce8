//! The bill of a Program: rounds and bytes, by phase, link, party and region, counted from its [messages](super::timetable) alone.
//!
//! Conventions, printed with every figure:
//! - *Total* adds all messages over all links. *Sent by a party* adds its own. *Between the computing parties* leaves out
//!   the dealer and the owners: with two computing parties it is what papers print as "sent + received by one party", with
//!   three it is the sum over their three links.
//! - *Predicted time* has a schedule of its own. Leaving early takes the messages of one wave apart, over several rounds, each of
//!   which waits for its busiest link. So the time is the least of three schedules that all obey the dependencies: `asap`; in waves,
//!   where a value counts as known once all its holders know it; and `as-written`.
//! - Rounds of a region: under `asap` those on one longest chain (which add up to the total), under `as-written` those that
//!   its messages open.

use super::timetable::{Dating, Timetable, as_written, earliest, timetable};
use super::{Phase, Program, Schedule};
use crate::party::Party;
use crate::region::{RegionId, Regions};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// For each region the index of the innermost of `names` that it lies in, and whether it opens it.
fn innermost(regions: &Regions, names: &[&str]) -> Vec<Option<(usize, bool)>> {
    let mut found: Vec<Option<(usize, bool)>> = Vec::with_capacity(regions.len());
    for id in regions.ids() {
        let own = names.iter().position(|&name| name == regions.name(id)).map(|function| (function, true));
        let inherited = found.get(Regions::index(regions.parent(id))).copied().flatten();
        found.push(own.or(inherited.map(|(function, _)| (function, false))));
    }
    found
}

/// How a bill is broken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// By the innermost region of one of these names, largest first; what lies in none is called `other`. A model names its
    /// functions in [`crate::model::FUNCTIONS`].
    Named(&'static [&'static str]),
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
    if matches!(grouping, Grouping::Named(_)) {
        regions.sort_by(|a, b| b.bytes_total.cmp(&a.bytes_total).then_with(|| a.name.cmp(&b.name)));
    }
    Bill { schedule, phases, regions, slowest_link_bytes, slower_schedules }
}

/// One online round of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnlineRound {
    /// The region that it is charged to.
    pub region: RegionId,
    /// Bytes on its busiest directed link.
    pub bytes: u64,
}

/// Number of schedules that a predicted time may follow.
pub const PREDICTED_SCHEDULES: usize = 3;

/// The online rounds of every schedule that a predicted time may follow: as early as possible, in waves, as written.
#[must_use]
pub fn online_rounds(program: &Program) -> [Vec<OnlineRound>; PREDICTED_SCHEDULES] {
    [earliest(program, Dating::BySender), earliest(program, Dating::InWaves), as_written(program)].map(|timetable| {
        let online = Phase::Online as usize;
        let bytes = &busiest_links(&timetable)[online];
        let rounds = timetable.charged[online].iter().zip(bytes);
        rounds.map(|(&region, &bytes)| OnlineRound { region, bytes }).collect()
    })
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

/// For each region, by its position, the name of the group that it belongs to.
#[must_use]
pub fn group_names(regions: &Regions, grouping: Grouping) -> Vec<String> {
    let groups = groups(regions, grouping);
    groups.of.iter().map(|&group| groups.names[group].0.clone()).collect()
}

fn groups(regions: &Regions, grouping: Grouping) -> Groups {
    match grouping {
        Grouping::Named(chosen) => {
            let functions = innermost(regions, chosen);
            let mut names: Vec<(String, u32)> = chosen.iter().map(|&name| (name.to_owned(), 0)).collect();
            names.push(("other".to_owned(), 0));
            let of = functions.iter().map(|function| function.map_or(chosen.len(), |(function, _)| function)).collect();
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::party::PartySet;
    use crate::program::ProgramBuilder;
    use crate::ring::Domain;

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
        let bill = bill(&to_two(), Schedule::Asap, Grouping::Named(&[]));
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
        let bill = bill(&program, Schedule::Asap, Grouping::Named(&[]));
        let rounds = online_rounds(&program);
        let bytes = rounds.map(|rounds| rounds.iter().map(|round| round.bytes).collect::<Vec<_>>());
        assert_eq!(bill.online_schedules(), bytes);
    }
}
