//! The engine: walks the values of a Program that a run computes, and keeps each until its last use.

use super::part::Part;
use super::{ExecuteError, Execution, Inputs, Options, Output};
use crate::claims::Findings;
use crate::kernels::CodePath;
use crate::keys::Keyring;
use crate::local::{self, Reading, Stored};
use crate::packing;
use crate::transposed::kept_untransposed;
use crate::work::{Kind, Measured, claim_units};
use rayon::prelude::*;
use std::time::Instant;
use viewless_protocols::fixed::{self, EncodeError};
use viewless_protocols::party::Party;
use viewless_protocols::program::{self as programs, Message, Schedule};
use viewless_protocols::program::{Claim, Constant, Op, Program, Value, ValueId};

/// Who runs: what becomes of the messages, and of the claims.
pub(super) trait Runner {
    /// How many elements outside an interval are listed for each claim, or `None` where claims are not to be verified.
    fn most_listed(&self) -> Option<usize>;
    /// Kernels to be used.
    fn code_path(&self) -> CodePath;
    /// Told that so many of so many values are done.
    fn progress(&self, done: usize, of: usize);
    /// What the runner does at a send.
    fn part_in(&self, message: &Message) -> SendPart;
    /// Gives a packed message away.
    fn give(&mut self, message: &Message, packed: &[u8]) -> Result<(), ExecuteError>;
    /// Waits for a message.
    fn take(&mut self, message: &Message) -> Result<Vec<u8>, ExecuteError>;
    /// Whether what this party was meant to learn is an output of this run.
    fn learns(&self, to: Party) -> bool;
}

/// What a runner does at a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendPart {
    /// It has the contents and gives them away.
    Give,
    /// It has the contents already, and somebody else sends them.
    Watch,
    /// It is given the contents.
    Take,
}

/// Everyone at once: messages go nowhere, but are shown to the observer.
pub(super) struct Everyone<'o> {
    options: Options<'o>,
}

impl<'o> Everyone<'o> {
    pub(super) fn new(options: Options<'o>) -> Self {
        Self { options }
    }
}

impl Runner for Everyone<'_> {
    fn most_listed(&self) -> Option<usize> {
        self.options.check_claims.then_some(self.options.most_listed)
    }

    fn code_path(&self) -> CodePath {
        self.options.code_path
    }

    fn progress(&self, done: usize, of: usize) {
        if let Some(progress) = self.options.progress {
            progress(done, of);
        }
    }

    fn part_in(&self, _: &Message) -> SendPart {
        SendPart::Give
    }

    fn give(&mut self, message: &Message, packed: &[u8]) -> Result<(), ExecuteError> {
        if let Some(observer) = &mut self.options.observer {
            observer(message, packed);
        }
        Ok(())
    }

    fn take(&mut self, message: &Message) -> Result<Vec<u8>, ExecuteError> {
        let reason = "a run of all parties receives nothing".to_owned();
        Err(ExecuteError::Channel { from: message.from, to: message.to, reason })
    }

    fn learns(&self, _: Party) -> bool {
        true
    }
}

/// A run that is about to begin.
pub(super) struct Engine<'a> {
    program: &'a Program,
    keys: &'a Keyring,
    part: Part,
    query: u32,
    before: &'a [(ValueId, Stored)],
}

impl<'a> Engine<'a> {
    /// A run of `part` that draws what is fresh for each query under the number `query`.
    pub(super) fn new(program: &'a Program, keys: &'a Keyring, part: Part, query: u32) -> Self {
        Self { program, keys, part, query, before: &[] }
    }

    /// The same on values that a run before has kept.
    pub(super) fn on(self, before: &'a [(ValueId, Stored)]) -> Self {
        Self { before, ..self }
    }

    /// Runs; gives also the values that are kept.
    pub(super) fn run<R: Runner>(
        self,
        runner: &mut R,
        inputs: &dyn Inputs,
    ) -> Result<(Execution, Vec<(ValueId, Stored)>), ExecuteError> {
        let started = Instant::now();
        let program = self.program;
        let timetable = programs::timetable(program, Schedule::Asap);
        let claims = if runner.most_listed().is_some() { claims_by_position(program) } else { Vec::new() };
        let dying = values_by_last_use(program, &self.part, &claims);
        let mut run = Run {
            program,
            keys: self.keys,
            query: self.query,
            code_path: runner.code_path(),
            untransposed: kept_untransposed(program),
            runner,
            store: local::Store::new(program.values.len()),
            transcript: blake3::Hasher::new(),
            packed: Vec::new(),
            bytes_moved: 0,
            outputs: Vec::new(),
            findings: Findings::default(),
            measured: Measured::default(),
        };
        self.before.iter().for_each(|(id, words)| run.store.put_shared(*id, words.clone()));
        let mut messages = timetable.messages.iter();
        let mut counted = 0;
        let mut next_claim = claims.iter().peekable();
        for (id, value) in program.iter() {
            let message = if matches!(value.op, Op::Send(..)) { messages.next() } else { None };
            if self.part.computes(id) {
                let part = message.map(|message| (message, run.runner.part_in(message)));
                counted += part.map_or(0, |(message, part)| if part == SendPart::Watch { 0 } else { message.bytes });
                let started = Instant::now();
                run.value(id, value, part, inputs)?;
                if !run.untransposed[id.index()] {
                    run.measured.add_value(program, value, started.elapsed().as_secs_f64());
                }
            }
            while let Some(&(_, claim)) = next_claim.next_if(|(position, _)| *position == id.index()) {
                let claim = &program.claims[claim];
                // What a run before has kept is there, too; a claim about such values alone was that run's.
                if claim.shares.iter().any(|&share| self.part.computes(share))
                    && claim.shares.iter().all(|&share| self.part.computes(share) || run.store.has(share))
                {
                    run.claim(claim);
                }
            }
            dying[id.index()].iter().for_each(|&dead| run.store.free(dead));
            if id.index() % 256 == 255 || id.index() + 1 == program.values.len() {
                run.runner.progress(id.index() + 1, program.values.len());
            }
        }
        if run.bytes_moved != counted {
            return Err(ExecuteError::CountMismatch { moved: run.bytes_moved, counted });
        }
        let kept = program.iter().filter(|(id, _)| self.part.keeps(*id)).map(|(id, _)| (id, run.store.stored(id)));
        let kept = kept.collect();
        let execution = Execution {
            outputs: run.outputs,
            transcript_digest: run.transcript.finalize(),
            bytes_moved: run.bytes_moved,
            findings: run.findings,
            measured: run.measured,
            seconds: started.elapsed().as_secs_f64(),
            peak_value_bytes: run.store.peak_bytes(),
        };
        Ok((execution, kept))
    }
}

/// Indices of the claims, each with the position at which its last share is there.
fn claims_by_position(program: &Program) -> Vec<(usize, usize)> {
    let position = |shares: &[ValueId]| shares.iter().map(|share| share.index()).max().unwrap_or(0);
    let mut claims: Vec<(usize, usize)> =
        program.claims.iter().enumerate().map(|(i, claim)| (position(&claim.shares), i)).collect();
    claims.sort_unstable();
    claims
}

/// For each value, those that this run does not need after it.
fn values_by_last_use(program: &Program, part: &Part, claims: &[(usize, usize)]) -> Vec<Vec<ValueId>> {
    let mut last_use: Vec<usize> = (0..program.values.len()).collect();
    for (id, value) in program.iter().filter(|(id, _)| part.computes(*id)) {
        value.op.arguments().iter().for_each(|argument| last_use[argument.index()] = id.index());
    }
    for &(position, claim) in claims {
        for share in &program.claims[claim].shares {
            last_use[share.index()] = last_use[share.index()].max(position);
        }
    }
    let mut dying = vec![Vec::new(); program.values.len()];
    for (i, &last) in last_use.iter().enumerate() {
        if !part.keeps(ValueId(i as u32)) {
            dying[last].push(ValueId(i as u32));
        }
    }
    dying
}

struct Run<'a, 'r, R> {
    program: &'a Program,
    keys: &'a Keyring,
    query: u32,
    code_path: CodePath,
    /// Transposes that are not carried out.
    untransposed: Vec<bool>,
    runner: &'r mut R,
    store: local::Store,
    transcript: blake3::Hasher,
    packed: Vec<u8>,
    bytes_moved: u64,
    outputs: Vec<Output>,
    findings: Findings,
    measured: Measured,
}

impl<R: Runner> Run<'_, '_, R> {
    fn value(
        &mut self,
        id: ValueId,
        value: &Value,
        send: Option<(&Message, SendPart)>,
        inputs: &dyn Inputs,
    ) -> Result<(), ExecuteError> {
        match &value.op {
            Op::Input { name, fraction_bits } => {
                let words = self.input(value, name, *fraction_bits, inputs)?;
                self.store.put(id, words);
            }
            Op::Constant(Constant::Splat(word)) => self.store.put_splat(id, *word),
            Op::Constant(Constant::Words(words)) => {
                let mut buffer = self.store.take(words.len());
                buffer.copy_from_slice(words);
                self.store.put(id, buffer);
            }
            Op::Sample { stream, .. } => {
                let key = self.keys.stream(value.holders, *stream, self.query)?;
                let mut words = self.store.take(value.shape.elements());
                key.fill_parallel(0, &mut words);
                let mask = value.domain.mask();
                if mask != u64::MAX {
                    words.par_iter_mut().with_min_len(1 << 14).for_each(|word| *word &= mask);
                }
                self.store.put(id, words);
            }
            Op::Local(_, arguments) if self.untransposed[id.index()] => self.store.alias(id, arguments[0]),
            Op::Local(local, arguments) => {
                let right_is_transposed = arguments.get(1).is_some_and(|right| self.untransposed[right.index()]);
                let reading = Reading { program: self.program, path: self.code_path, right_is_transposed };
                local::apply(&mut self.store, reading, id, local, arguments);
            }
            Op::Send(contents, _) => {
                let (message, part) = send.expect("the timetable has every send");
                match part {
                    SendPart::Give => self.give(value, *contents, message)?,
                    SendPart::Watch => {}
                    SendPart::Take => return self.take(id, value, message),
                }
                self.store.alias(id, *contents);
            }
            Op::Reveal { value: output, to, name, fraction_bits } => {
                if self.runner.learns(*to) {
                    let bits = value.domain.bits();
                    let words = self.store.words(*output, value.shape.elements());
                    let values = words.iter().map(|&word| fixed::decode(word, *fraction_bits, bits)).collect();
                    self.outputs.push(Output { name: name.to_string(), to: *to, shape: value.shape.clone(), values });
                }
                self.store.alias(id, *output);
            }
        }
        Ok(())
    }

    fn input(
        &mut self,
        value: &Value,
        name: &str,
        fraction_bits: u8,
        inputs: &dyn Inputs,
    ) -> Result<Vec<u64>, ExecuteError> {
        let party = value.holders.iter().next().expect("a checked input has one holder");
        let numbers = inputs
            .input(party, name, &value.shape)
            .ok_or_else(|| ExecuteError::MissingInput { party, name: name.to_owned() })?;
        if numbers.len() != value.shape.elements() {
            let (name, expected) = (name.to_owned(), value.shape.clone());
            return Err(ExecuteError::InputSize { party, name, found: numbers.len(), expected });
        }
        let mut words = self.store.take(numbers.len());
        let bits = value.domain.bits();
        let encoded = words.par_iter_mut().with_min_len(1 << 12).enumerate().try_for_each(|(i, word)| {
            *word = fixed::encode(numbers.at(i), fraction_bits, bits).map_err(|_| i)?;
            Ok(())
        });
        if encoded.is_err() {
            // Look again in order, so that the element named does not depend on the threads.
            for position in 0..numbers.len() {
                if let Err(error) = fixed::encode(numbers.at(position), fraction_bits, bits) {
                    return Err(ExecuteError::Encode { name: name.to_owned(), position, error });
                }
            }
        }
        encoded.map(|()| words).map_err(|position: usize| {
            let error = EncodeError::NotFinite { value: numbers.at(position) };
            ExecuteError::Encode { name: name.to_owned(), position, error }
        })
    }

    fn give(&mut self, value: &Value, contents: ValueId, message: &Message) -> Result<(), ExecuteError> {
        let words = self.store.words(contents, value.shape.elements());
        let bits = u32::from(value.domain.bits());
        self.packed.resize(packing::packed_bytes(bits, words.len()), 0);
        packing::pack(bits, &words, &mut self.packed);
        record(&mut self.transcript, &mut self.bytes_moved, message, &self.packed);
        self.runner.give(message, &self.packed)
    }

    fn take(&mut self, id: ValueId, value: &Value, message: &Message) -> Result<(), ExecuteError> {
        let packed = self.runner.take(message)?;
        let mut words = self.store.take(value.shape.elements());
        packing::unpack(u32::from(value.domain.bits()), &packed, &mut words).map_err(|error| {
            let region = self.program.regions.path(message.region);
            ExecuteError::Message { value: id, from: message.from, region, error }
        })?;
        record(&mut self.transcript, &mut self.bytes_moved, message, &packed);
        self.store.put(id, words);
        Ok(())
    }

    fn claim(&mut self, claim: &Claim) {
        let Some(most_listed) = self.runner.most_listed() else { return };
        let value = self.program.value(claim.shares[0]);
        let shares: Vec<_> = claim.shares.iter().map(|&share| self.store.stored(share)).collect();
        let words: Vec<&[u64]> = shares.iter().map(|share| share.as_slice()).collect();
        let region = || self.program.regions.path(claim.region);
        let started = Instant::now();
        self.findings.examine(&claim.kind, &words, value.domain.bits(), most_listed, region);
        self.measured.add(Kind::Claim, claim_units(self.program, claim), started.elapsed().as_secs_f64());
    }
}

/// Counts and hashes a message.
fn record(transcript: &mut blake3::Hasher, bytes_moved: &mut u64, message: &Message, packed: &[u8]) {
    *bytes_moved += packed.len() as u64;
    transcript.update(&message.value.0.to_le_bytes());
    transcript.update(&(packed.len() as u64).to_le_bytes());
    transcript.update_rayon(packed);
}
