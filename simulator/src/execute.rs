//! Runs a Program for all parties in lockstep.
//!
//! Each value is computed once, whoever holds it (its holders would compute the same), and freed after its last use. All
//! randomness comes from one seed, by (stream, position). Every send is packed as it would go over the wire, counted and
//! hashed; at the end the bytes moved must equal the static count, or the run fails. Results do not depend on the number of
//! threads or on the processor.

use crate::claims::Findings;
use crate::count::{self, Message, Schedule};
use crate::kernels::CodePath;
use crate::local;
use crate::packing;
use crate::stream::{Seed, StreamKey};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Instant;
use thiserror::Error;
use viewless_protocols::fixed::{self, EncodeError};
use viewless_protocols::party::Party;
use viewless_protocols::program::{Constant, Op, Program, Value, ValueId};
use viewless_protocols::shape::Shape;

/// A run that cannot be.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ExecuteError {
    /// Nobody gave this input.
    #[error("party {party} has no input `{name}`")]
    MissingInput {
        /// Its owner.
        party: Party,
        /// Its name.
        name: String,
    },
    /// An input of the wrong size.
    #[error("input `{name}` of {party} has {found} numbers; the Program needs the shape {expected}")]
    InputSize {
        /// Its owner.
        party: Party,
        /// Its name.
        name: String,
        /// Numbers given.
        found: usize,
        /// Shape needed.
        expected: Shape,
    },
    /// A number that does not fit the fixed point.
    #[error("element {position} of input `{name}`: {error}")]
    Encode {
        /// Name of the input.
        name: String,
        /// Position of the number, row-major.
        position: usize,
        /// The number, and why.
        error: EncodeError,
    },
    /// The bytes that were moved are not those that were counted: a defect of the simulator.
    #[error("moved {moved} bytes where {counted} were counted; this is a defect of viewless, please report it")]
    CountMismatch {
        /// Bytes packed and sent.
        moved: u64,
        /// Bytes counted from the Program.
        counted: u64,
    },
}

/// Real numbers of an input, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Reals<'a> {
    /// Single precision: weights of models.
    F32(Cow<'a, [f32]>),
    /// Double precision.
    F64(Cow<'a, [f64]>),
}

impl Reals<'_> {
    fn len(&self) -> usize {
        match self {
            Self::F32(numbers) => numbers.len(),
            Self::F64(numbers) => numbers.len(),
        }
    }

    fn at(&self, i: usize) -> f64 {
        match self {
            Self::F32(numbers) => f64::from(numbers[i]),
            Self::F64(numbers) => numbers[i],
        }
    }
}

/// Where the parties' inputs come from. Each is asked for once, when the Program reaches it.
pub trait Inputs {
    /// The numbers of input `name` of `party`, or `None` if it has no such input.
    fn input(&self, party: Party, name: &str, shape: &Shape) -> Option<Reals<'_>>;
}

impl Inputs for BTreeMap<String, Vec<f64>> {
    fn input(&self, _: Party, name: &str, _: &Shape) -> Option<Reals<'_>> {
        self.get(name).map(|numbers| Reals::F64(Cow::Borrowed(numbers)))
    }
}

/// What is told of a message as it is sent: the message and its packed words.
pub type Observer<'a> = dyn FnMut(&Message, &[u8]) + 'a;

/// How to run.
pub struct Options<'a> {
    /// Decides everything random.
    pub seed: Seed,
    /// Which kernels to use; all give the same bits.
    pub code_path: CodePath,
    /// Whether to verify the Program's claims on the way (a pass over every claimed value).
    pub check_claims: bool,
    /// How many elements outside a protocol's domain are listed for each of its calls, with position and number.
    pub most_listed: usize,
    /// Sees every message.
    pub observer: Option<&'a mut Observer<'a>>,
    /// Told now and then how many of how many values are done.
    pub progress: Option<&'a dyn Fn(usize, usize)>,
}

impl Options<'_> {
    /// Runs by `seed` on the best kernels of this processor, verifies claims, observes nothing.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self { seed, code_path: CodePath::detect(), check_claims: true, most_listed: 8, observer: None, progress: None }
    }
}

/// An output that a party learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Who learned it.
    pub to: Party,
    /// Its shape.
    pub shape: Shape,
    /// The numbers, row-major.
    pub values: Vec<f64>,
}

/// What a run gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// The outputs, in Program order.
    pub outputs: Vec<Output>,
    /// Digest of every message, contents included, in Program order.
    pub transcript_digest: blake3::Hash,
    /// Bytes really packed and sent, equal to the static count.
    pub bytes_moved: u64,
    /// What became of the claims.
    pub findings: Findings,
    /// Wall-clock time of the run, for all parties together.
    pub seconds: f64,
    /// Most bytes of values alive at once.
    pub peak_value_bytes: u64,
}

impl Execution {
    /// An output by name.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<&Output> {
        self.outputs.iter().find(|output| output.name == name)
    }
}

/// Executes a Program.
///
/// # Errors
/// [`ExecuteError`] names an input that is missing, of the wrong size, or not encodable.
pub fn execute(program: &Program, inputs: &dyn Inputs, options: Options<'_>) -> Result<Execution, ExecuteError> {
    let started = Instant::now();
    let timetable = count::timetable(program, Schedule::Asap);
    let mut run = Run {
        program,
        options,
        store: local::Store::new(program.values.len()),
        messages: timetable.messages.iter(),
        transcript: blake3::Hasher::new(),
        packed: Vec::new(),
        bytes_moved: 0,
        outputs: Vec::new(),
        findings: Findings::default(),
    };
    let claims = claims_by_position(program);
    let mut next_claim = claims.iter().peekable();
    let dying = values_by_last_use(program, if run.options.check_claims { &claims } else { &[] });
    for (id, value) in program.iter() {
        run.value(id, value, inputs)?;
        while let Some(&(_, claim)) = next_claim.next_if(|(position, _)| *position == id.index()) {
            if run.options.check_claims {
                run.claim(claim);
            }
        }
        dying[id.index()].iter().for_each(|&dead| run.store.free(dead));
        if let Some(progress) = run.options.progress
            && (id.index() % 256 == 255 || id.index() + 1 == program.values.len())
        {
            progress(id.index() + 1, program.values.len());
        }
    }
    let counted = timetable.messages.iter().map(|message| message.bytes).sum();
    if run.bytes_moved != counted {
        return Err(ExecuteError::CountMismatch { moved: run.bytes_moved, counted });
    }
    Ok(Execution {
        outputs: run.outputs,
        transcript_digest: run.transcript.finalize(),
        bytes_moved: run.bytes_moved,
        findings: run.findings,
        seconds: started.elapsed().as_secs_f64(),
        peak_value_bytes: run.store.peak_bytes(),
    })
}

/// Indices of the claims, each with the position at which its last share is there.
fn claims_by_position(program: &Program) -> Vec<(usize, usize)> {
    let position = |shares: &[ValueId]| shares.iter().map(|share| share.index()).max().unwrap_or(0);
    let mut claims: Vec<(usize, usize)> =
        program.claims.iter().enumerate().map(|(i, claim)| (position(&claim.shares), i)).collect();
    claims.sort_unstable();
    claims
}

/// For each value, those that nobody needs after it.
fn values_by_last_use(program: &Program, claims: &[(usize, usize)]) -> Vec<Vec<ValueId>> {
    let mut last_use: Vec<usize> = (0..program.values.len()).collect();
    for (id, value) in program.iter() {
        value.op.arguments().iter().for_each(|argument| last_use[argument.index()] = id.index());
    }
    for &(position, claim) in claims {
        for share in &program.claims[claim].shares {
            last_use[share.index()] = last_use[share.index()].max(position);
        }
    }
    let mut dying = vec![Vec::new(); program.values.len()];
    for (i, &last) in last_use.iter().enumerate() {
        dying[last].push(ValueId(i as u32));
    }
    dying
}

struct Run<'a, 'o> {
    program: &'a Program,
    options: Options<'o>,
    store: local::Store,
    messages: std::slice::Iter<'a, Message>,
    transcript: blake3::Hasher,
    packed: Vec<u8>,
    bytes_moved: u64,
    outputs: Vec<Output>,
    findings: Findings,
}

impl Run<'_, '_> {
    fn value(&mut self, id: ValueId, value: &Value, inputs: &dyn Inputs) -> Result<(), ExecuteError> {
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
            Op::Sample { stream } => {
                let mut words = self.store.take(value.shape.elements());
                StreamKey::derive(&self.options.seed, *stream).fill_parallel(0, &mut words);
                let mask = value.domain.mask();
                if mask != u64::MAX {
                    words.par_iter_mut().with_min_len(1 << 14).for_each(|word| *word &= mask);
                }
                self.store.put(id, words);
            }
            Op::Local(local, arguments) => {
                local::apply(&mut self.store, self.program, self.options.code_path, id, local, arguments);
            }
            Op::Send(contents, _) => {
                self.send(value, *contents);
                self.store.alias(id, *contents);
            }
            Op::Reveal { value: output, to, name, fraction_bits } => {
                let bits = value.domain.bits();
                let words = self.store.words(*output, value.shape.elements());
                let values = words.iter().map(|&word| fixed::decode(word, *fraction_bits, bits)).collect();
                self.outputs.push(Output { name: name.to_string(), to: *to, shape: value.shape.clone(), values });
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

    fn send(&mut self, value: &Value, contents: ValueId) {
        let message = self.messages.next().expect("the timetable has every send");
        let words = self.store.words(contents, value.shape.elements());
        let bits = u32::from(value.domain.bits());
        self.packed.resize(packing::packed_bytes(bits, words.len()), 0);
        packing::pack(bits, &words, &mut self.packed);
        self.bytes_moved += self.packed.len() as u64;
        self.transcript.update(&message.value.0.to_le_bytes());
        self.transcript.update(&(self.packed.len() as u64).to_le_bytes());
        self.transcript.update_rayon(&self.packed);
        if let Some(observer) = &mut self.options.observer {
            observer(message, &self.packed);
        }
    }

    fn claim(&mut self, claim: usize) {
        let claim = &self.program.claims[claim];
        let value = self.program.value(claim.shares[0]);
        let shares: Vec<_> = claim.shares.iter().map(|&share| self.store.stored(share)).collect();
        let words: Vec<&[u64]> = shares.iter().map(|share| share.as_slice()).collect();
        let region = || self.program.regions.path(claim.region);
        self.findings.examine(&claim.kind, &words, value.domain.bits(), self.options.most_listed, region);
    }
}
