//! The engine: walks the values of a Program that a run computes, and keeps each until its last use.

use super::memory::Memory;
use super::part::Part;
use super::together::{Batch, Cutting, Group, compile};
use super::{ExecuteError, Execution, Inputs, Options, Output, Reals};
use crate::buffers::Buffer;
use crate::claims::Findings;
use crate::kernels::encode::Number;
use crate::kernels::{self, CodePath};
use crate::keys::Keyring;
use crate::local::{self, Reading, Stored};
use crate::packing;
use crate::transposed::kept_untransposed;
use crate::work::{Kind, Measured, claim_units};
use rayon::prelude::*;
use std::collections::HashMap;
use std::time::Instant;
use viewless_protocols::fixed;
use viewless_protocols::party::Party;
use viewless_protocols::program::{self as programs, Message, Schedule};
use viewless_protocols::program::{Claim, Constant, Op, Program, Value, ValueId};

/// Who runs: what becomes of the messages, and of the claims.
pub(super) trait Runner {
    /// How many elements outside an interval are listed for each claim, or `None` where claims are not to be verified.
    fn most_listed(&self) -> Option<usize>;
    /// Kernels to be used.
    fn code_path(&self) -> CodePath;
    /// Elements of the shortest lanes that are computed together.
    fn least_lane(&self) -> usize;
    /// Whether messages are hashed.
    fn hashes(&self) -> bool;
    /// Whether messages are given to anybody, who reads them.
    fn gives(&self) -> bool;
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

    fn least_lane(&self) -> usize {
        self.options.least_lane
    }

    fn hashes(&self) -> bool {
        self.options.digest
    }

    fn gives(&self) -> bool {
        self.options.observer.is_some()
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
            is_needed: vec![false; program.values.len()],
            runner,
            store: local::Store::new(program.values.len()),
            transcript: blake3::Hasher::new(),
            packed: Vec::new(),
            bytes_moved: 0,
            outputs: Vec::new(),
            findings: Vec::new(),
            measured: Measured::default(),
        };
        self.before.iter().for_each(|(id, words)| run.store.put_shared(*id, words.clone()));
        let sends = program.iter().filter(|(_, value)| matches!(value.op, Op::Send(..))).map(|(id, _)| id);
        let messages: HashMap<ValueId, &Message> = sends.zip(&timetable.messages).collect();
        let is_taken =
            |id: ValueId| messages.get(&id).is_some_and(|message| run.runner.part_in(message) == SendPart::Take);
        let (least_lane, messages_are_read) = (run.runner.least_lane(), run.runner.hashes() || run.runner.gives());
        let batches = Cutting {
            program,
            part: &self.part,
            untransposed: &run.untransposed,
            is_taken: &is_taken,
            messages_are_read,
            least_lane,
        }
        .batches();
        run.is_needed =
            needed_after(program, &self.part, &batches, messages_are_read, run.runner.most_listed().is_some());
        let mut counted = 0;
        let mut next_claim = claims.iter().peekable();
        for batch in &batches {
            batch.alone.iter().try_for_each(|&id| run.alone(id, messages.get(&id).copied(), inputs))?;
            run.together(&batch.group)?;
            for position in batch.positions.clone() {
                let id = ValueId(position as u32);
                if self.part.computes(id) {
                    counted += run.tell(id, messages.get(&id).copied())?;
                }
                while let Some(&(_, claim)) = next_claim.next_if(|(at, _)| *at == position) {
                    let (number, claim) = (claim, &program.claims[claim]);
                    // What a run before has kept is there, too; a claim about such values alone was that run's.
                    if claim.shares.iter().any(|&share| self.part.computes(share))
                        && claim.shares.iter().all(|&share| self.part.computes(share) || run.store.has(share))
                    {
                        run.claim(number, claim);
                    }
                }
                dying[position].iter().for_each(|&dead| run.store.free(dead));
            }
            run.runner.progress(batch.positions.end, program.values.len());
        }
        if run.bytes_moved != counted {
            return Err(ExecuteError::CountMismatch { moved: run.bytes_moved, counted });
        }
        let kept = program.iter().filter(|(id, _)| self.part.keeps(*id)).map(|(id, _)| (id, run.store.stored(id)));
        let kept = kept.collect();
        let execution = Execution {
            outputs: run.outputs,
            transcript_digest: run.runner.hashes().then(|| run.transcript.finalize()),
            bytes_moved: run.bytes_moved,
            findings: in_program_order(run.findings),
            measured: run.measured,
            seconds: started.elapsed().as_secs_f64(),
            memory: Memory { peak_value_bytes: run.store.peak_bytes(), held_bytes: run.store.most_held_bytes() },
        };
        Ok((execution, kept))
    }
}

/// What was found of all claims, in the order that they have in the Program, whenever each was verified: a shortened Program has its values in
/// another order, and its report is to be the same.
fn in_program_order(mut findings: Vec<(usize, Findings)>) -> Findings {
    findings.sort_by_key(|&(number, _)| number);
    findings.into_iter().fold(Findings::default(), |mut all, (_, found)| {
        all.append(found);
        all
    })
}

/// For each value whether it must be stored after the batch in which it is computed.
pub(super) fn needed_after(
    program: &Program,
    part: &Part,
    batches: &[Batch],
    messages_are_read: bool,
    claims: bool,
) -> Vec<bool> {
    let mut needed: Vec<bool> = program.iter().map(|(id, _)| part.keeps(id)).collect();
    let mut member = vec![false; program.values.len()];
    for batch in batches {
        batch.group.values.iter().for_each(|id| member[id.index()] = true);
        for position in batch.positions.clone().filter(|&position| part.computes(ValueId(position as u32))) {
            let value = &program.values[position];
            let reads_words = match &value.op {
                Op::Send(..) => messages_are_read,
                Op::Reveal { .. } => true,
                Op::Input { .. } | Op::Constant(_) | Op::Sample { .. } | Op::Local(..) => false,
            };
            // What the members of one group need of each other, they find in it.
            let arguments = value.op.arguments().iter().filter(|argument| reads_words || !member[argument.index()]);
            arguments.for_each(|argument| needed[argument.index()] = true);
            if !member[position] {
                value.op.arguments().iter().for_each(|argument| needed[argument.index()] = true);
            }
        }
        batch.group.values.iter().for_each(|id| member[id.index()] = false);
    }
    if claims {
        program.claims.iter().flat_map(|claim| &claim.shares).for_each(|share| needed[share.index()] = true);
    }
    needed
}

/// Indices of the claims, each with the position at which its last share is there.
pub(super) fn claims_by_position(program: &Program) -> Vec<(usize, usize)> {
    let position = |shares: &[ValueId]| shares.iter().map(|share| share.index()).max().unwrap_or(0);
    let mut claims: Vec<(usize, usize)> =
        program.claims.iter().enumerate().map(|(i, claim)| (position(&claim.shares), i)).collect();
    claims.sort_unstable();
    claims
}

/// For each value, those that this run does not need after it.
pub(super) fn values_by_last_use(program: &Program, part: &Part, claims: &[(usize, usize)]) -> Vec<Vec<ValueId>> {
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
    /// Values that are stored after their batch.
    is_needed: Vec<bool>,
    runner: &'r mut R,
    store: local::Store,
    transcript: blake3::Hasher,
    packed: Vec<u8>,
    bytes_moved: u64,
    outputs: Vec<Output>,
    /// What was found of each claim, with its number, as they were verified.
    findings: Vec<(usize, Findings)>,
    measured: Measured,
}

impl<R: Runner> Run<'_, '_, R> {
    /// Computes a value by itself.
    fn alone(&mut self, id: ValueId, message: Option<&Message>, inputs: &dyn Inputs) -> Result<(), ExecuteError> {
        let started = Instant::now();
        let program = self.program;
        let value = program.value(id);
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
            Op::Local(_, arguments) if self.untransposed[id.index()] => {
                self.store.alias(id, arguments[0]);
                return Ok(());
            }
            Op::Local(local, arguments) => {
                let right_is_transposed = arguments.get(1).is_some_and(|right| self.untransposed[right.index()]);
                let reading = Reading { program, path: self.code_path, right_is_transposed };
                local::apply(&mut self.store, reading, id, local, arguments);
            }
            Op::Send(contents, _) => {
                let message = message.expect("the timetable has every send");
                match self.runner.part_in(message) {
                    SendPart::Take => self.take(id, value, message)?,
                    SendPart::Give | SendPart::Watch => self.store.alias(id, *contents),
                }
                return Ok(());
            }
            Op::Reveal { value: output, .. } => {
                self.store.alias(id, *output);
                return Ok(());
            }
        }
        self.measured.add_value(program, value, started.elapsed().as_secs_f64());
        Ok(())
    }

    /// Computes the values of a group.
    fn together(&mut self, group: &Group) -> Result<(), ExecuteError> {
        if group.values.is_empty() {
            return Ok(());
        }
        let program = self.program;
        let is_needed = |id: ValueId| self.is_needed[id.index()];
        let code = compile(program, self.keys, self.query, &self.store, group, &is_needed)?;
        let seconds = code.run(self.code_path, &mut self.store);
        let computed = group.values.iter().map(|&id| program.value(id));
        let computed = computed.filter(|value| !matches!(value.op, Op::Send(..) | Op::Reveal { .. }));
        self.measured.add_group(program, computed, &seconds);
        Ok(())
    }

    /// Tells others what a value tells them: a message, an output. Gives the bytes that were counted for it.
    fn tell(&mut self, id: ValueId, message: Option<&Message>) -> Result<u64, ExecuteError> {
        let started = Instant::now();
        let program = self.program;
        let value = program.value(id);
        let mut counted = 0;
        match &value.op {
            Op::Send(contents, _) => {
                let message = message.expect("the timetable has every send");
                match self.runner.part_in(message) {
                    SendPart::Give => self.give(value, *contents, message)?,
                    SendPart::Watch => return Ok(0),
                    // It was counted when it came.
                    SendPart::Take => return Ok(message.bytes),
                }
                counted = message.bytes;
            }
            Op::Reveal { value: output, to, name, fraction_bits } => {
                if self.runner.learns(*to) {
                    let bits = value.domain.bits();
                    let words = self.store.words(*output, value.shape.elements());
                    let values = words.iter().map(|&word| fixed::decode(word, *fraction_bits, bits)).collect();
                    self.outputs.push(Output { name: name.to_string(), to: *to, shape: value.shape.clone(), values });
                }
            }
            Op::Input { .. } | Op::Constant(_) | Op::Sample { .. } | Op::Local(..) => return Ok(0),
        }
        self.measured.add_value(program, value, started.elapsed().as_secs_f64());
        Ok(counted)
    }

    fn input(
        &mut self,
        value: &Value,
        name: &str,
        fraction_bits: u8,
        inputs: &dyn Inputs,
    ) -> Result<Buffer, ExecuteError> {
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
        let path = self.code_path;
        let all_fit = match &numbers {
            Reals::F32(numbers) => encode(path, numbers, fraction_bits, bits, &mut words),
            Reals::F64(numbers) => encode(path, numbers, fraction_bits, bits, &mut words),
        };
        if all_fit {
            return Ok(words);
        }
        // Look again in order, so that the element named does not depend on the threads.
        let refused = (0..numbers.len()).find_map(|position| {
            let error = fixed::encode(numbers.at(position), fraction_bits, bits).err()?;
            Some(ExecuteError::Encode { name: name.to_owned(), position, error })
        });
        Err(refused.expect("a number that does not fit is refused by itself, too"))
    }

    fn give(&mut self, value: &Value, contents: ValueId, message: &Message) -> Result<(), ExecuteError> {
        let bits = u32::from(value.domain.bits());
        let elements = value.shape.elements();
        let bytes = packing::packed_bytes(bits, elements);
        self.bytes_moved += bytes as u64;
        if !self.runner.hashes() && !self.runner.gives() {
            return Ok(());
        }
        let words = self.store.words(contents, elements);
        let packed = match packing::packed_as_stored(bits, &words) {
            Some(packed) => packed,
            None => {
                self.packed.resize(bytes, 0);
                packing::pack(bits, &words, &mut self.packed);
                &self.packed
            }
        };
        if self.runner.hashes() {
            hash(&mut self.transcript, message, packed);
        }
        self.runner.give(message, packed)
    }

    fn take(&mut self, id: ValueId, value: &Value, message: &Message) -> Result<(), ExecuteError> {
        let packed = self.runner.take(message)?;
        let mut words = self.store.take(value.shape.elements());
        packing::unpack(u32::from(value.domain.bits()), &packed, &mut words).map_err(|error| {
            let region = self.program.regions.path(message.region);
            ExecuteError::Message { value: id, from: message.from, region, error }
        })?;
        self.bytes_moved += packed.len() as u64;
        if self.runner.hashes() {
            hash(&mut self.transcript, message, &packed);
        }
        self.store.put(id, words);
        Ok(())
    }

    fn claim(&mut self, number: usize, claim: &Claim) {
        let Some(most_listed) = self.runner.most_listed() else { return };
        let value = self.program.value(claim.shares[0]);
        let shares: Vec<_> = claim.shares.iter().map(|&share| self.store.stored(share)).collect();
        let words: Vec<&[u64]> = shares.iter().map(|share| &share[..]).collect();
        let region = || self.program.regions.path(claim.region);
        let started = Instant::now();
        let mut found = Findings::default();
        found.examine(&claim.kind, &words, value.shape.elements(), value.domain.bits(), most_listed, region);
        self.findings.push((number, found));
        self.measured.add(Kind::Claim, claim_units(self.program, claim), started.elapsed().as_secs_f64());
    }
}

/// Encodes numbers by all threads; false if one of them cannot be encoded.
fn encode<N: Number + Sync>(path: CodePath, numbers: &[N], fraction_bits: u8, bits: u8, out: &mut [u64]) -> bool {
    const BLOCK: usize = 1 << 14;
    if numbers.len() <= BLOCK {
        // Nothing is handed to other threads, which would take longer to wake up.
        return kernels::encode::encode(path, numbers, fraction_bits, bits, out);
    }
    let blocks = numbers.par_chunks(BLOCK).zip(out.par_chunks_mut(BLOCK));
    // Every block is looked at, so that nothing depends on which is first.
    blocks
        .map(|(numbers, out)| kernels::encode::encode(path, numbers, fraction_bits, bits, out))
        .reduce(|| true, |a, b| a & b)
}

/// Hashes a message with its place in the Program.
fn hash(transcript: &mut blake3::Hasher, message: &Message, packed: &[u8]) {
    transcript.update(&message.value.0.to_le_bytes());
    transcript.update(&(packed.len() as u64).to_le_bytes());
    transcript.update_rayon(packed);
}
