//! An autoencoder of images in the simulator beside the plaintext pass: an image privately reconstructed, or images drawn of nothing.
//!
//! What is revealed stands before the tanh, which the client applies: it can be undone, so nothing more is given away by that.

use crate::Progress;
use crate::alternatives;
use crate::bill::{CostReport, Setting};
use crate::inference::{DomainViolation, ExecutionMode, InferenceError};
use crate::inference::{domains, executed, findings, headroom, largest_difference, room};
use crate::judgement;
use crate::sizes::Sizes;
use crate::subject::{Autoencoder, Subject, relu_of};
use ndarray::{Array3, ArrayView1, ArrayView3};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::f64::consts::{PI, SQRT_2};
use std::io::Write;
use thiserror::Error;
use viewless_models::dcvae::{DcVae, Tensors};
use viewless_models::picture::{Levels, levels};
use viewless_protocols::model::dcvae::{IMAGE, NOISE, OUTPUT, Task};
use viewless_protocols::nonlinear::{Registry, Truth};
use viewless_protocols::party::Party;
use viewless_protocols::program::{Grouping, Program, Schedule};
use viewless_protocols::shape::Shape;
use viewless_protocols::suite::{Suite, SuiteError};
use viewless_simulator::claims::Findings;
use viewless_simulator::execute::{Execution, Inputs, Memory, Reals};
use viewless_simulator::network::Network;
use viewless_simulator::stream::Seed;

/// Images of one run, at most.
pub const MOST_SAMPLES: usize = 64;

/// Pictures that cannot be made.
#[derive(Debug, Error)]
pub enum PictureError {
    /// An image of another shape than the model takes.
    #[error("an image of shape {found:?}, but the autoencoder takes {expected:?} (channels, rows, columns); scale it")]
    Shape {
        /// Channels, rows, columns.
        expected: [usize; 3],
        /// Those of the image.
        found: [usize; 3],
    },
    /// No images, or more than are drawn at once.
    #[error("{asked} images are asked for; a run has from 1 to {MOST_SAMPLES}")]
    Samples {
        /// Images asked for.
        asked: usize,
    },
}

/// What an autoencoder is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Asking<'a> {
    /// To reconstruct images from the means of their codes.
    Reconstruct {
        /// What they are called in the report: a file.
        name: &'a str,
        /// Pixels from -1 to 1, each image `[channels, rows, columns]`.
        images: &'a [Array3<f64>],
    },
    /// To draw so many images from the prior: half of the noise is the client's, half the model owner's.
    Sample(usize),
}

/// What to ask an autoencoder, and how.
pub struct Question<'a> {
    /// What the model is called in the report: its directory.
    pub name: &'a str,
    /// The model.
    pub model: &'a DcVae,
    /// What it is asked for.
    pub asking: Asking<'a>,
    /// The suite.
    pub suite: &'a Suite,
    /// The protocols among which those are found that the suite names.
    pub registry: &'a Registry,
    /// Decides everything random, the noise of samples too.
    pub seed: Seed,
    /// The network whose time is predicted.
    pub network: &'a Network,
    /// How rounds are counted.
    pub schedule: Schedule,
    /// What is run.
    pub execution: ExecutionMode,
    /// Memory that the values of the run may take, if that is limited.
    pub most_bytes: Option<u64>,
}

/// How far a reconstruction is from the original.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fidelity {
    /// Mean of the squared differences of pixels from -1 to 1.
    pub mse: f64,
    /// 10 log10(4 / mse), in decibels; absent where the two are equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psnr_decibels: Option<f64>,
}

/// Both reconstructions beside the original.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BesideOriginal {
    /// The private one.
    pub private: Fidelity,
    /// That of the plaintext pass.
    pub plaintext: Fidelity,
}

/// What a run was, and what it found of its claims.
#[derive(Debug, Clone, Serialize)]
pub struct RunFacts {
    /// What was run.
    pub execution: ExecutionMode,
    /// Digest of every message of the run, in Program order; absent where there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript_digest: Option<String>,
    /// Bytes packed and sent in the run, over all links and phases: equal to the bill's, or none without parties.
    pub bytes_moved: u64,
    /// Probability that a run on these inputs wraps anywhere, from the truncations' law and the values of the run.
    pub wrap_probability: f64,
    /// Wraps that happened in this run.
    pub wraps: u64,
    /// Elements truncated by a method that can wrap.
    pub local_truncations: u64,
    /// Values beyond the headroom that exact truncations need, by region.
    pub headroom_violations: BTreeMap<String, u64>,
    /// Protocols whose arguments left the domain on their card.
    pub domain_violations: Vec<DomainViolation>,
    /// Memory of the values of all parties, as reckoned before the run.
    pub memory: Memory,
    /// Duration of the run for all parties together.
    pub seconds: f64,
    /// Threads that computed.
    pub threads: usize,
}

/// The report of `viewless infer` on an autoencoder, and of `viewless sample`.
#[derive(Debug, Clone, Serialize)]
pub struct PictureReport {
    /// Directory of the model.
    pub model: String,
    /// Name of the suite.
    pub suite: String,
    /// The seed that replays the run.
    pub seed: String,
    /// The image that was reconstructed; absent where images were drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Images of the answer.
    pub images: usize,
    /// Channels, rows and columns of each.
    pub shape: [usize; 3],
    /// Largest difference of the private numbers from those of plaintext, before the tanh.
    pub max_abs_error: f64,
    /// The same of pixels, from -1 to 1.
    pub max_pixel_error: f64,
    /// Numbers of pixels whose level of 256 is another than in plaintext.
    pub levels_that_differ: usize,
    /// Numbers of pixels in all.
    pub levels: usize,
    /// How far both reconstructions are from the original; absent where images were drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside_original: Option<BesideOriginal>,
    /// The bill.
    pub cost: CostReport,
    #[serde(flatten)]
    /// What the run was, and what it found of its claims.
    pub run: RunFacts,
    /// What speaks against the answer: an error as large as the answer, or too few bits.
    pub doubts: Vec<String>,
    /// Functions of the suite that are not the model's own, in sentences.
    pub other_functions: Vec<String>,
}

/// The images of an answer, as levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Pictures {
    /// The originals; none where images were drawn.
    pub originals: Vec<Levels>,
    /// Those of the plaintext pass.
    pub plaintext: Vec<Levels>,
    /// The private ones.
    pub private: Vec<Levels>,
}

/// What the parties put in.
struct PictureInputs {
    tensors: Tensors,
    given: BTreeMap<&'static str, Vec<f64>>,
}

impl Inputs for PictureInputs {
    fn input(&self, _: Party, name: &str, _: &Shape) -> Option<Reals<'_>> {
        if let Some(numbers) = self.given.get(name) {
            return Some(Reals::F64(Cow::Borrowed(numbers)));
        }
        let tensor = self.tensors.get(name)?;
        Some(Reals::F64(match tensor.as_slice() {
            Some(numbers) => Cow::Borrowed(numbers),
            None => Cow::Owned(tensor.iter().copied().collect()),
        }))
    }
}

/// Asks an autoencoder, privately and in plaintext; `progress` is told how many of how many values are done, and `transcript` gets every message.
///
/// # Errors
/// An image or a suite that the model cannot be asked with.
pub fn ask(
    question: &Question<'_>,
    progress: Option<Progress<'_>>,
    transcript: Option<&mut dyn Write>,
) -> Result<(PictureReport, Pictures), InferenceError> {
    let Question { name, suite, registry, ref seed, network, schedule, execution: mode, .. } = *question;
    let answered = answer(question, progress, transcript)?;
    let Answered { subject, sizes, program, execution, claims, private, plaintext, images } = &answered;
    let sizes = *sizes;
    let setting = Setting { suite, sizes, schedule, network, grouping: Grouping::Layer };
    let alternatives = alternatives::prices(subject, &setting);
    let computed = if mode == ExecutionMode::Explicit { execution.seconds } else { 0.0 };
    let max_abs_error = largest_difference(private, plaintext);
    let (shape, images) = (shape(question.model), *images);
    let [private, plain] = [private, plaintext].map(|numbers| pixels(numbers, shape));
    let pictures = Pictures {
        originals: originals(question).iter().map(levels).collect(),
        plaintext: plain.iter().map(levels).collect(),
        private: private.iter().map(levels).collect(),
    };
    let flat = |images: &[Array3<f64>]| images.iter().flatten().copied().collect::<Vec<_>>();
    let pairs = pictures.plaintext.iter().zip(&pictures.private);
    let report = PictureReport {
        model: name.to_owned(),
        suite: suite.name.clone(),
        seed: seed.to_hex(),
        images,
        shape,
        max_abs_error,
        max_pixel_error: largest_difference(&flat(&private), &flat(&plain)),
        levels_that_differ: pairs.flat_map(|(a, b)| a.iter().zip(b)).filter(|(a, b)| a != b).count(),
        levels: images * shape.iter().product::<usize>(),
        beside_original: beside_original(originals(question), &private, &plain),
        image: match question.asking {
            Asking::Reconstruct { name, .. } => Some(name.to_owned()),
            Asking::Sample(_) => None,
        },
        cost: CostReport::counted(subject, program, &setting, alternatives, computed),
        doubts: judgement::doubt_of_numbers(plaintext, max_abs_error, suite).into_iter().collect(),
        other_functions: other_functions(suite, registry)?,
        run: RunFacts {
            execution: mode,
            transcript_digest: execution.transcript_digest.map(|digest| digest.to_hex().to_string()),
            bytes_moved: execution.bytes_moved,
            headroom_violations: headroom(claims),
            domain_violations: domains(claims, suite),
            ..facts(execution)
        },
    };
    Ok((report, pictures))
}

/// What a run gave, before anything is said of it.
struct Answered {
    subject: Subject,
    sizes: Sizes,
    program: Program,
    execution: Execution,
    claims: Findings,
    /// The numbers before the tanh, image after image.
    private: Vec<f64>,
    plaintext: Vec<f64>,
    images: usize,
}

/// Runs, privately and in plaintext.
fn answer(
    question: &Question<'_>,
    progress: Option<Progress<'_>>,
    transcript: Option<&mut dyn Write>,
) -> Result<Answered, InferenceError> {
    let Question { name, model, suite, registry, ref seed, schedule, execution: mode, most_bytes, .. } = *question;
    let (task, images) = task(question)?;
    let autoencoder = Autoencoder { task, ..Autoencoder::reconstructing(model.config) };
    let subject = Subject::of_autoencoder(name, autoencoder, registry);
    let sizes = Sizes::new(1, images)?;
    let program = subject.program(suite, sizes).map_err(|error| room(error, &subject, suite, sizes))?;
    let given = given(question);
    let plaintext = plaintext(model, &given, images)?;
    let inputs = PictureInputs { tensors: model.folded()?, given };
    let execution = executed(&program, &inputs, (mode, most_bytes), (seed, schedule), progress, transcript)?;
    let claims = findings(&subject, (suite, sizes, None), &inputs, seed, &execution)?;
    let private = execution.output(OUTPUT).ok_or(InferenceError::NoOutput)?.values.clone();
    Ok(Answered { subject, sizes, program, execution, claims, private, plaintext, images })
}

/// Channels, rows and columns of a model's images.
fn shape(model: &DcVae) -> [usize; 3] {
    [model.config.channels(), model.config.side(), model.config.side()]
}

fn originals<'a>(question: &Question<'a>) -> &'a [Array3<f64>] {
    match question.asking {
        Asking::Reconstruct { images, .. } => images,
        Asking::Sample(_) => &[],
    }
}

fn facts(execution: &Execution) -> RunFacts {
    RunFacts {
        execution: ExecutionMode::Explicit,
        transcript_digest: None,
        bytes_moved: execution.bytes_moved,
        wrap_probability: execution.findings.wrap_probability(),
        wraps: execution.findings.wraps,
        local_truncations: execution.findings.local_truncations,
        headroom_violations: BTreeMap::new(),
        domain_violations: Vec::new(),
        memory: execution.memory,
        seconds: execution.seconds,
        threads: rayon::current_num_threads(),
    }
}

/// What is computed, on how many images; what cannot be asked is refused.
fn task(question: &Question<'_>) -> Result<(Task, usize), PictureError> {
    match question.asking {
        Asking::Reconstruct { images, .. } => {
            let expected = shape(question.model);
            let found = images.iter().map(|image| <[usize; 3]>::from(image.dim()));
            match found.into_iter().find(|&found| found != expected) {
                Some(found) => Err(PictureError::Shape { expected, found }),
                None if (1..=MOST_SAMPLES).contains(&images.len()) => Ok((Task::Reconstruct, images.len())),
                None => Err(PictureError::Samples { asked: images.len() }),
            }
        }
        Asking::Sample(asked) if (1..=MOST_SAMPLES).contains(&asked) => Ok((Task::Sample, asked)),
        Asking::Sample(asked) => Err(PictureError::Samples { asked }),
    }
}

/// What client and model owner put in beside the weights.
fn given(question: &Question<'_>) -> BTreeMap<&'static str, Vec<f64>> {
    match question.asking {
        Asking::Reconstruct { images, .. } => BTreeMap::from([(IMAGE, images.iter().flatten().copied().collect())]),
        Asking::Sample(images) => {
            let numbers = images * question.model.config.latent();
            NOISE.map(|name| (name, noise(&question.seed, name, numbers))).into_iter().collect()
        }
    }
}

/// Normal numbers of variance one half, as one party draws them: nobody else has its key.
fn noise(seed: &Seed, name: &str, numbers: usize) -> Vec<f64> {
    let mut hasher = blake3::Hasher::new_derive_key("viewless noise of one party for an autoencoder");
    let mut words = hasher.update(seed.to_hex().as_bytes()).update(name.as_bytes()).finalize_xof();
    // In (0, 1], so that it has a logarithm.
    let mut uniform = || {
        let mut word = [0; 8];
        words.fill(&mut word);
        ((u64::from_le_bytes(word) >> 11) + 1) as f64 * 2f64.powi(-53)
    };
    let mut drawn = Vec::with_capacity(numbers + 1);
    while drawn.len() < numbers {
        // Box and Muller: two normal numbers of two uniform ones.
        let (radius, angle) = (libm::sqrt(-2.0 * libm::log(uniform())), 2.0 * PI * uniform());
        drawn.extend([libm::cos(angle), libm::sin(angle)].map(|part| radius * part / SQRT_2));
    }
    drawn.truncate(numbers);
    drawn
}

/// The numbers before the tanh, image after image.
fn plaintext(
    model: &DcVae,
    given: &BTreeMap<&'static str, Vec<f64>>,
    images: usize,
) -> Result<Vec<f64>, InferenceError> {
    let (latent, [channels, rows, columns]) = (model.config.latent(), shape(model));
    let codes: Vec<f64> = match given.get(IMAGE) {
        Some(pixels) => {
            let mut codes = Vec::new();
            for image in pixels.chunks(channels * rows * columns) {
                let image = ArrayView3::from_shape((channels, rows, columns), image);
                let image = image.map_err(|_| InferenceError::NoOutput)?;
                codes.extend(model.encode(image)?.iter().take(latent).copied());
            }
            codes
        }
        None => {
            let [client, owner] = NOISE.map(|name| given.get(name).map_or(&[][..], Vec::as_slice));
            client.iter().zip(owner).map(|(a, b)| (a + b).clamp(-1.0, 1.0)).collect()
        }
    };
    let mut numbers = Vec::new();
    for code in codes.chunks(latent).take(images) {
        numbers.extend(model.decode(ArrayView1::from(code))?);
    }
    Ok(numbers)
}

/// The images, from -1 to 1.
fn pixels(numbers: &[f64], [channels, rows, columns]: [usize; 3]) -> Vec<Array3<f64>> {
    let image = |numbers: &[f64]| {
        let at = |(c, y, x)| libm::tanh(numbers[(c * rows + y) * columns + x]);
        Array3::from_shape_fn((channels, rows, columns), at)
    };
    numbers.chunks_exact(channels * rows * columns).map(image).collect()
}

/// Both beside the originals, over all images together.
fn beside_original(
    originals: &[Array3<f64>],
    private: &[Array3<f64>],
    plain: &[Array3<f64>],
) -> Option<BesideOriginal> {
    let mse = |images: &[Array3<f64>]| {
        let all = images.iter().zip(originals).map(|(found, original)| mean_square(found, original));
        all.sum::<f64>() / originals.len() as f64
    };
    let beside = || BesideOriginal { private: Fidelity::of(mse(private)), plaintext: Fidelity::of(mse(plain)) };
    (!originals.is_empty()).then(beside)
}

fn mean_square(found: &Array3<f64>, original: &Array3<f64>) -> f64 {
    let squares: f64 = found.iter().zip(original).map(|(a, b)| (a - b) * (a - b)).sum();
    squares / original.len() as f64
}

impl Fidelity {
    /// That of a mean square.
    #[must_use]
    pub fn of(mse: f64) -> Self {
        Self { mse, psnr_decibels: (mse > 0.0).then(|| 10.0 * libm::log10(4.0 / mse)) }
    }
}

/// Functions of the suite that are not the model's own, in sentences.
pub(crate) fn other_functions(suite: &Suite, registry: &Registry) -> Result<Vec<String>, SuiteError> {
    let relu = relu_of(suite, registry)?;
    // A quadratic for which a model is trained claims ReLU with an error that no rounding has.
    let is_relu = relu.card.error.truth == Truth::Relu && relu.card.error.absolute < LARGEST_OF_RELU;
    let other = format!("the model's activation is ReLU, and {} computes another function", relu.card.name);
    Ok(if is_relu { Vec::new() } else { vec![other] })
}

/// An approximation of ReLU that errs by more is another function.
const LARGEST_OF_RELU: f64 = 1e-2;

pub mod evaluation;

#[cfg(test)]
mod tests;
