//! The transcript of a run: every message in Program order, with or without its contents.
//!
//! Contents are what went over the wire: shares, masked values, dealt corrections. A coalition that holds the right ones learns
//! secrets from them; a transcript with contents is for simulation and analysis, never for a log of a real run.

use crate::hexadecimal::hexadecimal;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::{self, Write};
use viewless_protocols::party::Party;
use viewless_protocols::program::{Message, Phase, Program, Schedule, ValueId, timetable};

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Position of the value at the receiver.
    pub value: u32,
    /// Sender.
    pub from: Party,
    /// Receiver.
    pub to: Party,
    /// Phase in which it is sent.
    pub phase: Phase,
    /// The schedule that rounds are counted by.
    pub schedule: String,
    /// Round within the phase, from 1, under that schedule.
    pub round: u32,
    /// Path of the region that sends it.
    pub region: String,
    /// Size on the wire.
    pub bytes: u64,
    /// BLAKE3 of the contents, hexadecimal.
    pub digest: String,
    /// The contents, hexadecimal, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub contents: Option<String>,
}

/// Writes one JSON object a line as messages are sent.
pub struct Transcript<'a, W> {
    program: &'a Program,
    schedule: Schedule,
    /// The round of each message by its value, under the schedule.
    rounds: HashMap<ValueId, u32>,
    sink: W,
    contents: bool,
    error: Option<io::Error>,
}

impl<'a, W: Write> Transcript<'a, W> {
    /// A transcript of a run of `program`, whose rounds are those of a schedule; `contents` includes what was sent.
    pub fn new(program: &'a Program, schedule: Schedule, sink: W, contents: bool) -> Self {
        let messages = timetable(program, schedule).messages;
        let rounds = messages.into_iter().map(|message| (message.value, message.round)).collect();
        Self { program, schedule, rounds, sink, contents, error: None }
    }

    /// Records one message; give this to [`crate::execute::Options::observer`].
    pub fn record(&mut self, message: &Message, packed: &[u8]) {
        let entry = Entry {
            value: message.value.0,
            from: message.from,
            to: message.to,
            phase: message.phase,
            round: self.rounds.get(&message.value).copied().unwrap_or(message.round),
            schedule: match self.schedule {
                Schedule::Asap => "asap",
                Schedule::AsWritten => "as-written",
            }
            .to_owned(),
            region: self.program.regions.path(message.region),
            bytes: packed.len() as u64,
            digest: blake3::hash(packed).to_hex().to_string(),
            contents: self.contents.then(|| hexadecimal(packed)),
        };
        if self.error.is_none() {
            let written = serde_json::to_writer(&mut self.sink, &entry).map_err(io::Error::from);
            self.error = written.and_then(|()| self.sink.write_all(b"\n")).err();
        }
    }

    /// Flushes; returns the sink.
    ///
    /// # Errors
    /// The first error of the sink.
    pub fn finish(mut self) -> io::Result<W> {
        match self.error {
            Some(error) => Err(error),
            None => self.sink.flush().map(|()| self.sink),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::{Options, execute};
    use crate::stream::Seed;
    use std::collections::BTreeMap;
    use viewless_protocols::party::PartySet;
    use viewless_protocols::program::ProgramBuilder;
    use viewless_protocols::ring::Domain;

    #[test]
    fn a_transcript_holds_every_message_with_its_packed_contents() {
        let mut p = ProgramBuilder::new(PartySet::of(&[Party::P0, Party::P1]), Party::ModelOwner);
        let x = p.input(Party::P0, "x", 0, Domain::Ring(12), [3].into());
        let x = p.region("here", |p| p.send(x, Party::P1));
        p.reveal(x, Party::P1, "x", 0);
        let program = p.finish().unwrap();
        let inputs: BTreeMap<String, Vec<f64>> = [("x".to_owned(), vec![1.0, -1.0, 5.0])].into();
        let mut transcript = Transcript::new(&program, Schedule::Asap, Vec::new(), true);
        let mut record = |message: &Message, packed: &[u8]| transcript.record(message, packed);
        let options = Options { observer: Some(&mut record), ..Options::new(Seed::from_u64(0)) };
        execute(&program, &inputs, options).unwrap();
        let lines = String::from_utf8(transcript.finish().unwrap()).unwrap();
        let entry: Entry = serde_json::from_str(lines.trim()).unwrap();
        // 0x001, 0xfff, 0x005 in 12 bits each, little-endian: 01 f0 ff 05 and a nibble of padding.
        assert_eq!(entry.contents.as_deref(), Some("01f0ff0500"));
        assert_eq!((entry.bytes, entry.round, entry.region.as_str()), (5, 1, "here"));
        assert_eq!((entry.from, entry.to, entry.phase), (Party::P0, Party::P1, Phase::Online));
    }
}
