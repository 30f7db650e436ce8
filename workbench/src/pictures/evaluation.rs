//! An autoencoder on many images, privately and in plaintext, under one suite or several.

use super::{Answered, Asking, Fidelity, PictureError, Question, answer, mean_square, other_functions, pixels, shape};
use crate::Progress;
use crate::inference::{ExecutionMode, InferenceError, domains, headroom, largest_difference};
use crate::judgement;
use ndarray::Array3;
use serde::Serialize;
use viewless_models::dcvae::DcVae;
use viewless_models::picture::levels;
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::program::Schedule;
use viewless_protocols::suite::Suite;
use viewless_simulator::network::Network;
use viewless_simulator::stream::Seed;

/// Images of one run.
const TOGETHER: usize = 8;

/// What to evaluate, and how.
pub struct Evaluation<'a> {
    /// What the model is called in the report: its directory.
    pub name: &'a str,
    /// The model.
    pub model: &'a DcVae,
    /// Images from -1 to 1, each `[channels, rows, columns]`.
    pub images: &'a [Array3<f64>],
    /// The suites.
    pub suites: &'a [Suite],
    /// The protocols among which those are found that the suites name.
    pub registry: &'a Registry,
    /// Decides everything random.
    pub seed: u64,
    /// What is run.
    pub execution: ExecutionMode,
    /// Memory that the values of a run may take, if that is limited.
    pub most_bytes: Option<u64>,
}

/// The report of `viewless evaluate` on an autoencoder.
#[derive(Debug, Clone, Serialize)]
pub struct PictureEvaluation {
    /// Directory of the model.
    pub model: String,
    /// Images that it was given.
    pub images: usize,
    /// What the images are against their mean, which knows nothing of any of them.
    pub mean_image: Fidelity,
    /// The reconstructions of the plaintext pass.
    pub plaintext: Fidelity,
    /// One entry for each suite.
    pub suites: Vec<SuiteOnPictures>,
}

/// A suite on all images.
#[derive(Debug, Clone, Serialize)]
pub struct SuiteOnPictures {
    /// Its name.
    pub suite: String,
    /// The private reconstructions.
    pub private: Fidelity,
    /// What the worst image loses of its signal to noise, private against plaintext, in decibels; absent where one of the two is exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_loss_decibels: Option<f64>,
    /// Largest difference of a pixel, from -1 to 1, from that of plaintext.
    pub max_pixel_error: f64,
    /// Numbers of pixels whose level of 256 is another than in plaintext.
    pub levels_that_differ: usize,
    /// Numbers of pixels in all.
    pub levels: usize,
    /// Wraps of truncations in all runs.
    pub wraps: u64,
    /// Runs, of up to eight images, that broke a claim or gave numbers that are in doubt.
    pub runs_in_doubt: usize,
    /// The images of those runs: the first and the last of each, counted from 1.
    #[serde(skip)]
    pub images_in_doubt: Vec<[usize; 2]>,
    /// Functions of the suite that are not the model's own, in sentences.
    pub other_functions: Vec<String>,
    /// Duration of the runs for an image, without the plaintext pass.
    pub seconds_per_image: f64,
}

impl PictureEvaluation {
    /// Whether some run broke a claim or gave numbers that are in doubt.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.suites.iter().any(|suite| suite.runs_in_doubt > 0)
    }

    /// Whether a suite computes other functions than the model's.
    #[must_use]
    pub fn computes_other_functions(&self) -> bool {
        self.suites.iter().any(|suite| !suite.other_functions.is_empty())
    }
}

/// Evaluates; `progress` is told how many of how many images of all suites are done.
///
/// # Errors
/// No images, images of another shape, or a suite that the model cannot be run with.
pub fn evaluate(
    evaluation: &Evaluation<'_>,
    progress: Option<Progress<'_>>,
) -> Result<PictureEvaluation, InferenceError> {
    let Evaluation { name, images, suites, .. } = *evaluation;
    if images.is_empty() {
        return Err(PictureError::Samples { asked: 0 }.into());
    }
    let mut plaintext = Vec::new();
    let mut done = Vec::new();
    for (number, suite) in suites.iter().enumerate() {
        let tell = |images_done: usize| {
            if let Some(progress) = progress {
                progress(number * images.len() + images_done, suites.len() * images.len());
            }
        };
        let found = of_suite(evaluation, suite, &tell)?;
        done.push(found.0);
        plaintext = found.1;
    }
    let count = images.len() as f64;
    let mean = images.iter().skip(1).fold(images[0].clone(), |sum, image| sum + image) / count;
    let average = |each: &mut dyn Iterator<Item = f64>| Fidelity::of(each.sum::<f64>() / count);
    Ok(PictureEvaluation {
        model: name.to_owned(),
        images: images.len(),
        mean_image: average(&mut images.iter().map(|image| mean_square(&mean, image))),
        plaintext: average(&mut plaintext.iter().copied()),
        suites: done,
    })
}

/// A suite on all images, and each image's mean square in plaintext.
fn of_suite(
    evaluation: &Evaluation<'_>,
    suite: &Suite,
    tell: &dyn Fn(usize),
) -> Result<(SuiteOnPictures, Vec<f64>), InferenceError> {
    let Evaluation { name, model, images, registry, seed, execution, most_bytes, .. } = *evaluation;
    let network = Network::lan();
    let mut made = SuiteOnPictures {
        suite: suite.name.clone(),
        private: Fidelity::of(0.0),
        largest_loss_decibels: None,
        max_pixel_error: 0.0,
        levels_that_differ: 0,
        levels: images.len() * shape(model).iter().product::<usize>(),
        wraps: 0,
        runs_in_doubt: 0,
        images_in_doubt: Vec::new(),
        other_functions: other_functions(suite, registry)?,
        seconds_per_image: 0.0,
    };
    let (mut squares, mut seconds) = (Vec::new(), 0.0);
    for (run, images) in images.chunks(TOGETHER).enumerate() {
        let question = Question {
            name,
            model,
            asking: Asking::Reconstruct { name, images },
            suite,
            registry,
            seed: Seed::from_u64(seed.wrapping_add(run as u64)),
            network: &network,
            schedule: Schedule::Asap,
            execution,
            most_bytes,
        };
        let answered = answer(&question, None, None)?;
        let Answered { execution, claims, private, plaintext, .. } = &answered;
        let doubt = judgement::doubt_of_numbers(plaintext, largest_difference(private, plaintext), suite);
        let is_broken =
            execution.findings.wraps > 0 || !headroom(claims).is_empty() || !domains(claims, suite).is_empty();
        if is_broken || doubt.is_some() {
            made.runs_in_doubt += 1;
            made.images_in_doubt.push([squares.len() + 1, squares.len() + images.len()]);
        }
        made.wraps += execution.findings.wraps;
        seconds += execution.seconds;
        let both = pixels(private, shape(model)).into_iter().zip(pixels(plaintext, shape(model)));
        for ((private, plain), original) in both.zip(images) {
            let pair = private.iter().zip(&plain);
            made.max_pixel_error = pair.fold(made.max_pixel_error, |most, (a, b)| most.max((a - b).abs()));
            made.levels_that_differ += levels(&private).iter().zip(&levels(&plain)).filter(|(a, b)| a != b).count();
            squares.push([mean_square(&private, original), mean_square(&plain, original)]);
        }
        tell(squares.len());
    }
    let loss =
        |[private, plain]: &[f64; 2]| Some(Fidelity::of(*plain).psnr_decibels? - Fidelity::of(*private).psnr_decibels?);
    let losses: Option<Vec<f64>> = squares.iter().map(loss).collect();
    made.largest_loss_decibels = losses.map(|losses| losses.into_iter().fold(f64::NEG_INFINITY, f64::max));
    made.private = Fidelity::of(squares.iter().map(|[private, _]| private).sum::<f64>() / images.len() as f64);
    made.seconds_per_image = seconds / images.len() as f64;
    Ok((made, squares.into_iter().map(|[_, plain]| plain).collect()))
}
