//! Runs a Program: for all parties in lockstep, in stages, or one party's part alone.
//!
//! One engine does all three. [`execute`] runs everything: each value is computed once, whoever holds it (its holders would
//! compute the same), and freed after its last use. [`prepare`] runs what all queries of a model share, once, and [`Setup::query`]
//! what each does anew. [`projection::party`] runs what one party holds, fed with the messages of the others; all parties' parts
//! together send, bit for bit, what the lockstep run sends.
//!
//! All randomness comes from keys by holder set, see [`crate::keys`]. Every send is packed as it would go over the wire, counted
//! and hashed; at the end the bytes moved must equal the static count, or the run fails. Results do not depend on the number of
//! threads or on the processor.

mod engine;
mod memory;
mod part;
pub mod projection;
mod together;

use crate::claims::Findings;
use crate::kernels::CodePath;
use crate::keys::{KeyMissing, Keyring};
use crate::local::Stored;
use crate::packing::UnpackError;
use crate::stream::Seed;
use crate::work::Measured;
use engine::{Engine, Everyone};
pub use memory::{Memory, memory};
use part::Part;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use thiserror::Error;
pub use together::LEAST_LANE;
use viewless_protocols::fixed::EncodeError;
use viewless_protocols::party::Party;
#[cfg(doc)]
use viewless_protocols::program::Lifetime;
use viewless_protocols::program::Message;
use viewless_protocols::program::{Program, Shortened, ValueId};
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
    /// A sample of holders whose key the runner does not have.
    #[error(transparent)]
    Key(#[from] KeyMissing),
    /// A message that is not the encoding of the tensor it should carry.
    #[error("message {} from {from} in region `{region}`: {error}", value.0)]
    Message {
        /// The value that it carries.
        value: ValueId,
        /// Its sender.
        from: Party,
        /// Path of the region that sends it.
        region: String,
        /// What is wrong with it.
        error: UnpackError,
    },
    /// The way between two parties failed.
    #[error("{from} -> {to}: {reason}; the other party ended or cannot be reached, start all parties again")]
    Channel {
        /// Sender.
        from: Party,
        /// Receiver.
        to: Party,
        /// What happened.
        reason: String,
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
    /// How many there are.
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
    /// Whether every message is hashed. Without, and without an observer, messages are counted and no more: nobody reads them.
    pub digest: bool,
    /// Values are computed together, stretch by stretch, where they consist of the same stretches of at least so many elements; each by itself
    /// if it is [`usize::MAX`]. The results are the same.
    pub least_lane: usize,
    /// Told now and then how many of how many values are done.
    pub progress: Option<&'a dyn Fn(usize, usize)>,
}

impl Options<'_> {
    /// Runs by `seed` on the best kernels of this processor, verifies claims, observes nothing.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            seed,
            code_path: CodePath::detect(),
            check_claims: true,
            most_listed: 8,
            observer: None,
            digest: true,
            least_lane: LEAST_LANE,
            progress: None,
        }
    }

    /// The same without a digest of the messages, for runs of which only the results are looked at.
    #[must_use]
    pub fn unhashed(seed: Seed) -> Self {
        Self { digest: false, ..Self::new(seed) }
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
    /// Digest of every message, contents included, in Program order; none if messages were only counted.
    pub transcript_digest: Option<blake3::Hash>,
    /// Bytes really packed and sent, equal to the static count.
    pub bytes_moved: u64,
    /// What became of the claims.
    pub findings: Findings,
    /// Wall-clock time of the run, for all parties together.
    pub seconds: f64,
    /// What of it each kind of work took; a party alone waits for messages in it.
    pub measured: Measured,
    /// Memory that the values took: what [`memory`](fn@memory) reckons beforehand.
    pub memory: Memory,
}

impl Execution {
    /// An output by name.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<&Output> {
        self.outputs.iter().find(|output| output.name == name)
    }
}

/// Executes a Program for all parties: its setup and its first query.
///
/// # Errors
/// [`ExecuteError`] names an input that is missing, of the wrong size, or not encodable.
pub fn execute(program: &Program, inputs: &dyn Inputs, options: Options<'_>) -> Result<Execution, ExecuteError> {
    let keys = Keyring::simulated(&options.seed, program.parties);
    let engine = Engine::new(program, &keys, Part::whole(program), 0);
    Ok(engine.run(&mut Everyone::new(options), inputs)?.0)
}

/// Gives the outputs of a Program, bit for bit, without its parties: nothing is sent, and what would cancel is not computed. The findings are those of
/// [`execute`], in another order, if the Program was shortened with its claims. For sweeps in which only the numbers are looked at.
///
/// # Errors
/// As [`execute`].
pub fn execute_fast(
    shortened: &Shortened,
    inputs: &dyn Inputs,
    options: Options<'_>,
) -> Result<Execution, ExecuteError> {
    execute(shortened.for_a_run(), inputs, Options { digest: false, observer: None, ..options })
}

/// What all queries of a model share, executed once: the shares of the weights, their opened masks, and what was dealt for them.
#[derive(Debug, Clone)]
pub struct Setup<'p> {
    program: &'p Program,
    kept: Vec<(ValueId, Stored)>,
    execution: Execution,
}

/// Executes for all parties what all queries of a model share: the values of [`Lifetime::Model`]. With fresh triples these are the
/// shares of the weights, with a mask kept for each weight also the opened weights.
///
/// # Errors
/// As [`execute`]; only the model owner's inputs are asked for.
pub fn prepare<'p>(program: &'p Program, inputs: &dyn Inputs, options: Options<'_>) -> Result<Setup<'p>, ExecuteError> {
    let keys = Keyring::simulated(&options.seed, program.parties);
    let engine = Engine::new(program, &keys, Part::setup(program), 0);
    let (execution, kept) = engine.run(&mut Everyone::new(options), inputs)?;
    Ok(Setup { program, kept, execution })
}

impl Setup<'_> {
    /// What the run of the setup gave: the digest of its messages, its bytes, its findings.
    #[must_use]
    pub fn execution(&self) -> &Execution {
        &self.execution
    }

    /// Bytes of the values that are kept for the queries.
    #[must_use]
    pub fn kept_bytes(&self) -> u64 {
        self.kept.iter().map(|(_, words)| 8 * words.len() as u64).sum()
    }

    /// Executes one query for all parties. Queries differ in their `number`: what must be fresh for each is drawn anew under it,
    /// so no number is to be used twice, and the seed is to be that of the setup. Setup and query 0 together send what [`execute`]
    /// sends.
    ///
    /// # Errors
    /// As [`execute`].
    pub fn query(&self, number: u32, inputs: &dyn Inputs, options: Options<'_>) -> Result<Execution, ExecuteError> {
        let keys = Keyring::simulated(&options.seed, self.program.parties);
        let part = Part::query(self.program);
        let engine = Engine::new(self.program, &keys, part, number).on(&self.kept);
        Ok(engine.run(&mut Everyone::new(options), inputs)?.0)
    }
}
