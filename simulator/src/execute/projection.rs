//! One party's part of a Program, fed with the messages of the others: what a deployment runs, without its transport.

use super::engine::{Engine, Runner, SendPart};
use super::part::Part;
use super::together::LEAST_LANE;
use super::{ExecuteError, Execution, Inputs};
use crate::kernels::CodePath;
use crate::keys::Keyring;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::Message;
use viewless_protocols::program::Program;

/// How a party's messages reach the others. Messages of one link arrive in the order in which they were sent, which is that of
/// the Program.
pub trait Channel {
    /// Sends the packed words of a message.
    ///
    /// # Errors
    /// [`ExecuteError::Channel`].
    fn send(&mut self, message: &Message, packed: &[u8]) -> Result<(), ExecuteError>;

    /// Waits for a message and gives its packed words.
    ///
    /// # Errors
    /// [`ExecuteError::Channel`].
    fn receive(&mut self, message: &Message) -> Result<Vec<u8>, ExecuteError>;
}

/// Executes the part of `party`: the values that it holds, for the query of that number. `keys` are the keys of its holder
/// sets, `inputs` its own; the result has the outputs that it learns, and the digest and the bytes of the messages that it
/// sends and receives. Claims are not verified, because no party sees the values that they are about.
///
/// # Errors
/// As [`super::execute`]; [`ExecuteError::Key`] for a sample whose key is not in the ring, [`ExecuteError::Channel`] and
/// [`ExecuteError::Message`] for what the others send or fail to send.
pub fn party(
    program: &Program,
    party: Party,
    query: u32,
    keys: &Keyring,
    inputs: &dyn Inputs,
    channel: &mut dyn Channel,
) -> Result<Execution, ExecuteError> {
    let part = Part::whole(program).of_party(program, party);
    let engine = Engine::new(program, keys, part, query);
    Ok(engine.run(&mut Alone { party, channel }, inputs)?.0)
}

/// A party on its own.
struct Alone<'c> {
    party: Party,
    channel: &'c mut dyn Channel,
}

impl Runner for Alone<'_> {
    fn most_listed(&self) -> Option<usize> {
        None
    }

    fn code_path(&self) -> CodePath {
        CodePath::detect()
    }

    fn least_lane(&self) -> usize {
        LEAST_LANE
    }

    fn hashes(&self) -> bool {
        true
    }

    fn gives(&self) -> bool {
        true
    }

    fn progress(&self, _: usize, _: usize) {}

    fn part_in(&self, message: &Message) -> SendPart {
        if message.from == self.party {
            SendPart::Give
        } else if message.to == self.party {
            SendPart::Take
        } else {
            SendPart::Watch
        }
    }

    fn give(&mut self, message: &Message, packed: &[u8]) -> Result<(), ExecuteError> {
        self.channel.send(message, packed)
    }

    fn take(&mut self, message: &Message) -> Result<Vec<u8>, ExecuteError> {
        self.channel.receive(message)
    }

    fn learns(&self, to: Party) -> bool {
        to == self.party
    }
}

/// Channels within one process: one end for each party, each to be moved to a thread of its own.
#[derive(Debug)]
pub struct InProcess {
    party: Party,
    to: BTreeMap<Party, Sender<Vec<u8>>>,
    from: BTreeMap<Party, Receiver<Vec<u8>>>,
}

impl InProcess {
    /// A channel from each of the parties to each other one.
    #[must_use]
    pub fn among(parties: PartySet) -> BTreeMap<Party, Self> {
        let end = |party| (party, Self { party, to: BTreeMap::new(), from: BTreeMap::new() });
        let mut ends: BTreeMap<Party, Self> = parties.iter().map(end).collect();
        for sender in parties.iter() {
            for receiver in parties.iter().filter(|receiver| *receiver != sender) {
                let (give, take) = channel();
                ends.entry(sender).and_modify(|end| _ = end.to.insert(receiver, give));
                ends.entry(receiver).and_modify(|end| _ = end.from.insert(sender, take));
            }
        }
        ends
    }
}

impl Channel for InProcess {
    fn send(&mut self, message: &Message, packed: &[u8]) -> Result<(), ExecuteError> {
        let sent = self.to.get(&message.to).map(|way| way.send(packed.to_vec()));
        sent.and_then(Result::ok).ok_or_else(|| broken(message, self.party))
    }

    fn receive(&mut self, message: &Message) -> Result<Vec<u8>, ExecuteError> {
        let received = self.from.get(&message.from).map(Receiver::recv);
        received.and_then(Result::ok).ok_or_else(|| broken(message, self.party))
    }
}

fn broken(message: &Message, seen_by: Party) -> ExecuteError {
    let reason = format!("message {} found the channel closed at {seen_by}", message.value.0);
    ExecuteError::Channel { from: message.from, to: message.to, reason }
}
