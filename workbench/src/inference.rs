//! A private inference in the simulator beside the plaintext pass: the main job.

use crate::Progress;
use crate::alternatives;
pub use crate::answer::{Answer, AnswerNumbers, Decided};
use crate::bill::{CostReport, Setting};
use crate::certified::{Certified, certify};
use crate::judgement;
pub use crate::model_inputs::ModelInputs;
use crate::pictures::PictureError;
use crate::sizes::{SizeError, Sizes};
use crate::subject::{Subject, SubjectError};
use crate::unlearnt::remarks;
use ndarray::Array3;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use thiserror::Error;
use viewless_models::{Encoded, Model, ModelError, Prompt};
use viewless_protocols::model::Activation;
use viewless_protocols::model::transformer::OUTPUT;
use viewless_protocols::nonlinear::{Function, Registry, Truth, in_parts};
use viewless_protocols::program::Program;
use viewless_protocols::program::{Message, Schedule, Shortened};
use viewless_protocols::suite::{Protocols, Suite, SuiteError};
use viewless_simulator::claims::Findings;
use viewless_simulator::execute::{
    ExecuteError, Execution, Inputs, LEAST_LANE, Memory, Options, execute, execute_fast, memory,
};
use viewless_simulator::network::Network;
use viewless_simulator::stream::Seed;
use viewless_simulator::transcript::Transcript;

/// An inference that could not be made.
#[derive(Debug, Error)]
pub enum InferenceError {
    /// The text, or the plaintext pass.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The suite.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// The number of tokens.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// The Program.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// More fraction bits than the protocols have room for.
    #[error("{error}; with --fraction-bits {most} everything has room")]
    Room {
        /// What has no room.
        error: SubjectError,
        /// The most fraction bits that have.
        most: u8,
    },
    /// The run.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The transcript.
    #[error("cannot write the transcript: {0}")]
    Transcript(#[source] io::Error),
    /// More memory than there is, or than was allowed.
    #[error(
        "the values of this run take {:.2} GB of memory at once, and {:.2} GB are free; ask with fewer tokens, \
         use a smaller model or a machine with more memory, or insist with --force", *needed_bytes as f64 / 1e9, *most_bytes as f64 / 1e9
    )]
    Memory {
        /// What the run needs for its values.
        needed_bytes: u64,
        /// What it may have.
        most_bytes: u64,
    },
    /// Pictures.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The run has no output: a defect.
    #[error("the Program revealed no `{}`; this is a defect of viewless, please report it", OUTPUT)]
    NoOutput,
}

/// What is run to get an answer; the numbers and what is found of the claims are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionMode {
    /// What every party computes and sends.
    #[default]
    Explicit,
    /// What is left of it without parties and messages.
    Fast,
}

/// The report of `viewless infer`.
#[derive(Debug, Clone, Serialize)]
pub struct InferenceReport {
    /// Directory of the model.
    pub model: String,
    /// Name of the suite.
    pub suite: String,
    /// The seed that replays the run.
    pub seed: String,
    /// What was asked.
    #[serde(flatten)]
    pub asked: Asked,
    /// The private answer.
    pub output: Answer,
    /// The answer of the plaintext pass.
    pub plaintext: Answer,
    /// Cosine between the two.
    pub cosine: f64,
    /// Largest difference between the two.
    pub max_abs_error: f64,
    /// No run on this text that does not wrap errs by more against the model's exact functions; absent where that was not asked for, and where
    /// nothing is certified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certified_max_error: Option<f64>,
    /// Why nothing is certified, where it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_certified: Option<String>,
    /// The bill.
    pub cost: CostReport,
    /// What was run.
    pub execution: ExecutionMode,
    /// Digest of every message of the run, in Program order; absent where there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript_digest: Option<String>,
    /// Bytes packed and sent in the run, over all links and phases: equal to the bill's, or none without parties.
    pub bytes_moved: u64,
    /// Probability that a run on this text wraps anywhere, from the truncations' law and the values of the run.
    pub wrap_probability: f64,
    /// Wraps that happened in this run.
    pub wraps: u64,
    /// Elements truncated by a method that can wrap.
    pub local_truncations: u64,
    /// Values beyond the headroom that exact truncations need, by region.
    pub headroom_violations: BTreeMap<String, u64>,
    /// Protocols whose arguments left the domain on their card.
    pub domain_violations: Vec<DomainViolation>,
    /// What speaks against the answer: another label than plaintext's, an error as large as the answer, too few bits.
    pub doubts: Vec<String>,
    /// Functions of the suite that are not the model's own, in sentences.
    pub other_functions: Vec<String>,
    /// What a reader must know about the comparison.
    pub notes: Vec<String>,
    /// Memory of the values of all parties, as reckoned before the run.
    pub memory: Memory,
    /// Duration of the run for all parties together.
    pub seconds: f64,
    /// Threads that computed.
    pub threads: usize,
}

impl InferenceReport {
    /// Whether the run broke a claim that its answer rests on: a truncation wrapped, or a value left the headroom or the domain that a
    /// protocol needs.
    #[must_use]
    pub fn breaks_claims(&self) -> bool {
        self.wraps > 0 || !self.headroom_violations.is_empty() || !self.domain_violations.is_empty()
    }
}

/// A protocol whose arguments left the domain on its card.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DomainViolation {
    /// Region of the protocol.
    pub region: String,
    /// The sites of the model that it can be, where the suite names protocols at sites: those that have this protocol in this layer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<String>,
    /// Interval on the card.
    pub claimed: (f64, f64),
    /// Smallest and largest element seen.
    pub seen: (f64, f64),
    /// Elements outside, of how many.
    pub outside: u64,
    /// Elements in all.
    pub elements: u64,
    /// Position (row-major) and number of the first elements outside.
    pub listed: Vec<(u64, f64)>,
}

/// What a model is asked: a text, or a picture. They are never mistaken for one another.
#[derive(Debug, Clone, Copy)]
pub enum Asking<'a> {
    /// A text, to be made tokens of.
    Text(&'a str),
    /// A pair of texts, for a model that tells them apart.
    Pair(&'a str, &'a str),
    /// Tokens, special ones included, for a model without a tokenizer.
    Tokens(&'a [u32]),
    /// A picture.
    Image {
        /// What it is called in the report: a file.
        name: &'a str,
        /// Normalised pixels, `[channels, rows, columns]`.
        pixels: &'a Array3<f32>,
    },
}

/// What was asked, as a report repeats it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Asked {
    /// A text.
    Text {
        /// The text.
        text: String,
        /// Its tokens, special ones included.
        tokens: Vec<u32>,
    },
    /// A pair of texts.
    Pair {
        /// The first text.
        text: String,
        /// The second text.
        text_pair: String,
        /// Tokens of both, special ones included.
        tokens: Vec<u32>,
        /// The first token of the second type.
        second: usize,
    },
    /// Tokens without a text.
    Tokens {
        /// The tokens, special ones included.
        tokens: Vec<u32>,
    },
    /// A picture.
    Image {
        /// What it is called.
        image: String,
    },
}

impl Asked {
    /// The tokens of a text; none of a picture.
    #[must_use]
    pub fn tokens(&self) -> &[u32] {
        match self {
            Self::Text { tokens, .. } | Self::Pair { tokens, .. } | Self::Tokens { tokens } => tokens,
            Self::Image { .. } => &[],
        }
    }
}

/// What to infer and how.
pub struct Question<'a> {
    /// The model.
    pub model: &'a Model,
    /// The suite.
    pub suite: &'a Suite,
    /// The protocols among which those are found that the suite names.
    pub registry: &'a Registry,
    /// What is asked.
    pub asking: Asking<'a>,
    /// Decides everything random.
    pub seed: Seed,
    /// The network whose time is predicted.
    pub network: &'a Network,
    /// How rounds are counted.
    pub schedule: Schedule,
    /// Whether the error is bounded for all runs on what is asked, too; that takes seconds to minutes.
    pub certify: bool,
    /// What is run.
    pub execution: ExecutionMode,
    /// Memory that the values of the run may take, if that is limited.
    pub most_bytes: Option<u64>,
}

/// What a run found of its claims; where rings are narrowed, what its witness found: what a ring has lost is seen by nobody who reads the ring.
pub(crate) fn findings(
    subject: &Subject,
    (suite, sizes, second): (&Suite, Sizes, Option<usize>),
    inputs: &dyn Inputs,
    seed: &Seed,
    execution: &Execution,
) -> Result<Findings, InferenceError> {
    Ok(match subject.witness(suite, sizes, second)? {
        Some(witness) => execute_fast(&Shortened::new(&witness, true), inputs, Options::new(seed.clone()))?.findings,
        None => execution.findings.clone(),
    })
}

/// Runs one private inference and the plaintext pass; `progress` is told how many of how many values are done, and `transcript` gets
/// every message, one JSON object a line, with a digest of its contents.
///
/// # Errors
/// [`InferenceError`] for a text, image, model or suite that cannot be used.
pub fn infer(
    question: &Question<'_>,
    progress: Option<Progress<'_>>,
    transcript: Option<&mut dyn Write>,
) -> Result<InferenceReport, InferenceError> {
    let Question { model, suite, registry, asking, ref seed, network, schedule, certify: is_certified, .. } = *question;
    let Question { execution: mode, most_bytes, .. } = *question;
    let protocols = suite.model(registry)?;
    let mut notes = model.notes.clone();
    let asked = asked(model, asking, &mut notes)?;
    let prompt = match (&asked, asking) {
        (_, Asking::Image { pixels, .. }) => Prompt::Image(pixels.view()),
        (Asked::Pair { tokens, second, .. }, _) if *second < tokens.len() => Prompt::Pair { tokens, second: *second },
        (asked, _) => Prompt::Tokens(asked.tokens()),
    };
    let plaintext = model.forward(prompt)?;
    let subject = Subject::of_model(&model.directory.display().to_string(), model.config.clone(), registry);
    let sizes = Sizes::new(prompt.tokens(&model.config), 1)?;
    let program = match prompt {
        Prompt::Pair { second, .. } => subject.program_of_pair(suite, sizes, second),
        Prompt::Tokens(_) | Prompt::Image(_) => subject.program(suite, sizes),
    };
    let program = program.map_err(|error| room(error, &subject, suite, sizes))?;
    let inputs = ModelInputs { model, prompt };
    let execution = executed(&program, &inputs, (mode, most_bytes), (seed, schedule), progress, transcript)?;
    let second = match prompt {
        Prompt::Pair { second, .. } => Some(second),
        Prompt::Tokens(_) | Prompt::Image(_) => None,
    };
    let claims = findings(&subject, (suite, sizes, second), &inputs, seed, &execution)?;
    let output = execution.output(OUTPUT).ok_or(InferenceError::NoOutput)?;
    let output = Answer::new(model, output.values.clone());
    let plaintext = Answer::new(model, plaintext.output.iter().map(|&x| f64::from(x)).collect());
    let setting = Setting { suite, sizes, schedule, network, grouping: viewless_protocols::model::BY_FUNCTION };
    let alternatives = alternatives::prices(&subject, &setting);
    // What is left without parties takes less than the parties do: of their computation nothing was measured.
    let computed = if mode == ExecutionMode::Explicit { execution.seconds } else { 0.0 };
    let cost = CostReport::counted(&subject, &program, &setting, alternatives, computed);
    let max_abs_error = largest_difference(output.values(), plaintext.values());
    notes.extend(forms_of_gelu(model.config.activation, &protocols.protocols)?);
    let (certified_max_error, not_certified) = match is_certified.then(|| certify(model, suite, &protocols, prompt)) {
        Some(Certified::MaxError(bound)) => (Some(bound), None),
        Some(Certified::Nothing(why)) => (None, Some(why)),
        None => (None, None),
    };
    let mut doubts = judgement::doubts(&output, &plaintext, max_abs_error, suite);
    doubts.extend(judgement::beyond_certified(&plaintext, max_abs_error, certified_max_error));
    Ok(InferenceReport {
        doubts,
        certified_max_error,
        not_certified,
        other_functions: judgement::other_functions(&model.config, &protocols.protocols).map_err(SuiteError::from)?,
        model: subject.name,
        suite: suite.name.clone(),
        seed: seed.to_hex(),
        cosine: cosine(output.values(), plaintext.values()),
        max_abs_error,
        asked,
        output,
        plaintext,
        cost,
        execution: mode,
        transcript_digest: execution.transcript_digest.map(|digest| digest.to_hex().to_string()),
        bytes_moved: execution.bytes_moved,
        wrap_probability: execution.findings.wrap_probability(),
        wraps: execution.findings.wraps,
        local_truncations: execution.findings.local_truncations,
        headroom_violations: headroom(&claims),
        domain_violations: domains(&claims, suite),
        notes,
        memory: execution.memory,
        seconds: execution.seconds,
        threads: rayon::current_num_threads(),
    })
}

/// What is asked, in the model's tokens; notes what is left out of it.
fn asked(model: &Model, asking: Asking<'_>, notes: &mut Vec<String>) -> Result<Asked, InferenceError> {
    let mut encode = |text: &str, pair: Option<&str>| -> Result<Encoded, ModelError> {
        let encoded = model.encode_whole(text, pair)?;
        if encoded.left_out > 0 {
            notes.push(format!(
                "{} tokens at the end are left out, as the model's `max_seq_length` asks; it does not look at them",
                encoded.left_out
            ));
        }
        notes.extend(remarks(model, &encoded, pair.is_some()));
        Ok(encoded)
    };
    Ok(match asking {
        Asking::Text(text) => Asked::Text { text: text.to_owned(), tokens: encode(text, None)?.tokens },
        Asking::Pair(text, pair) => {
            let Encoded { tokens, types, .. } = encode(text, Some(pair))?;
            // A model that counts one type alone takes both texts as one; where types differ they are in two runs.
            let second = types.iter().position(|&kind| kind == 1).unwrap_or(tokens.len());
            Asked::Pair { text: text.to_owned(), text_pair: pair.to_owned(), tokens, second }
        }
        Asking::Tokens(tokens) => Asked::Tokens { tokens: tokens.to_vec() },
        Asking::Image { name, .. } => Asked::Image { image: name.to_owned() },
    })
}

/// Where numbers have no room, how many fraction bits have.
pub(crate) fn room(error: SubjectError, subject: &Subject, suite: &Suite, sizes: Sizes) -> InferenceError {
    let is_of_numbers = matches!(error, SubjectError::Compile(_));
    match is_of_numbers.then(|| subject.fewer_fraction_bits(suite, sizes)).flatten() {
        Some(most) => InferenceError::Room { error, most },
        None => error.into(),
    }
}

/// A run that takes more memory than this says so before it begins.
const WORTH_TELLING_BYTES: u64 = 1 << 30;

/// Refuses a run that takes more memory than it may.
fn refuse_what_does_not_fit(
    program: &Program,
    messages_are_read: bool,
    most_bytes: Option<u64>,
) -> Result<(), InferenceError> {
    let needed_bytes = memory(program, true, messages_are_read, LEAST_LANE).held_bytes;
    if needed_bytes > WORTH_TELLING_BYTES {
        tracing::info!("the values of this run take up to {:.2} GB of memory at once", needed_bytes as f64 / 1e9);
    }
    match most_bytes {
        Some(most_bytes) if needed_bytes > most_bytes => Err(InferenceError::Memory { needed_bytes, most_bytes }),
        Some(_) | None => Ok(()),
    }
}

/// Runs the Program of a model as asked, if there is room for it.
pub(crate) fn executed(
    program: &Program,
    inputs: &dyn Inputs,
    (mode, most_bytes): (ExecutionMode, Option<u64>),
    (seed, schedule): (&Seed, Schedule),
    progress: Option<Progress<'_>>,
    transcript: Option<&mut dyn Write>,
) -> Result<Execution, InferenceError> {
    match mode {
        ExecutionMode::Explicit => {
            refuse_what_does_not_fit(program, true, most_bytes)?;
            run(program, inputs, (seed, schedule), progress, transcript)
        }
        ExecutionMode::Fast => {
            let shortened = Shortened::new(program, true);
            refuse_what_does_not_fit(shortened.for_a_run(), false, most_bytes)?;
            Ok(execute_fast(&shortened, inputs, Options { progress, ..Options::new(seed.clone()) })?)
        }
    }
}

/// Runs the Program of a model, and writes down its messages where asked to.
fn run(
    program: &Program,
    inputs: &dyn Inputs,
    (seed, schedule): (&Seed, Schedule),
    progress: Option<Progress<'_>>,
    transcript: Option<&mut dyn Write>,
) -> Result<Execution, InferenceError> {
    let mut transcript = transcript.map(|sink| Transcript::new(program, schedule, sink, false));
    let mut record = |message: &Message, packed: &[u8]| {
        if let Some(transcript) = &mut transcript {
            transcript.record(message, packed);
        }
    };
    let options = Options { progress, observer: Some(&mut record), ..Options::new(seed.clone()) };
    let execution = execute(program, inputs, options)?;
    if let Some(transcript) = transcript {
        transcript.finish().map_err(InferenceError::Transcript)?;
    }
    Ok(execution)
}

pub(crate) fn headroom(findings: &Findings) -> BTreeMap<String, u64> {
    let mut violations = BTreeMap::new();
    for finding in &findings.headroom {
        *violations.entry(finding.region.clone()).or_default() += finding.outside;
    }
    violations
}

/// The sites at which a suite names the protocol of a region, in the layer of the region if there are such.
pub(crate) fn sites_of(suite: &Suite, region: &str) -> Vec<String> {
    let within = |name: &str| format!("/{region}/").contains(&format!("/{name}/"));
    let is_in = |name: &str| within(name) || within(&in_parts(name));
    let with_protocol: Vec<&String> =
        suite.sites.iter().filter(|(_, protocol)| is_in(protocol)).map(|(site, _)| site).collect();
    let layer = region.split('/').next().unwrap_or(region);
    let in_layer = |site: &&&String| site.split('/').next() == Some(layer);
    let here: Vec<String> = with_protocol.iter().filter(in_layer).map(|site| (*site).clone()).collect();
    if here.is_empty() { with_protocol.into_iter().cloned().collect() } else { here }
}

/// Where a claim was broken: the sites that it can be, and the region; or the region alone.
#[must_use]
pub fn place(sites: &[String], region: &str) -> String {
    if sites.is_empty() { region.to_owned() } else { format!("{} ({region})", sites.join(" or ")) }
}

pub(crate) fn domains(findings: &Findings, suite: &Suite) -> Vec<DomainViolation> {
    let violation = |finding: &viewless_simulator::claims::DomainFinding| DomainViolation {
        region: finding.region.clone(),
        sites: sites_of(suite, &finding.region),
        claimed: finding.claimed,
        seen: finding.seen,
        outside: finding.outside,
        elements: finding.elements,
        listed: finding.listed.clone(),
    };
    findings.violated_domains().map(violation).collect()
}

/// The form of GeLU that a model was trained with, and the one that its suite's protocol approximates, where they differ.
fn forms_of_gelu(activation: Activation, protocols: &Protocols) -> Result<Vec<String>, SuiteError> {
    if !activation.is_gelu() {
        return Ok(Vec::new());
    }
    let gelu = &protocols.get(&Function::GELU)?.card;
    let forms = match (activation, gelu.error.truth) {
        (Activation::Gelu, Truth::GeluTanh) => Some(("erf", "tanh")),
        (Activation::GeluTanh, Truth::Gelu) => Some(("tanh", "erf")),
        _ => None,
    };
    let note = |(trained, computed)| {
        format!(
            "this model was trained with the {trained} form of GeLU; {} approximates the {computed} form, which differs by up to \
             4.7e-4",
            gelu.name
        )
    };
    Ok(forms.map(note).into_iter().collect())
}

/// Cosine of the angle between two vectors; 1 for two zero vectors.
#[must_use]
pub fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    if norms == 0.0 { f64::from(u8::from(a == b)) } else { dot(a, b) / norms }
}

pub(crate) fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}
