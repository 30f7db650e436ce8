//! What `infer` and `sample` do alike with an autoencoder: a run, a page about it, and pictures in a file.

use super::Outcome;
use crate::arguments::{self, RunArguments};
use crate::error::CliError;
use crate::file::Pending;
use crate::progress::Progress;
use crate::render::picture::Format;
use crate::screen::Manner;
use crate::{render, screen};
use std::io;
use std::path::Path;
use viewless_models::dcvae::DcVae;
use viewless_models::picture::png_of_rows;
use viewless_protocols::suite::Suite;
use viewless_simulator::stream::Seed;
use viewless_workbench::inference::ExecutionMode;
use viewless_workbench::machine::available_bytes;
use viewless_workbench::pictures::{Asking, Pictures, Question, ask};

/// Images in a row of a picture of samples.
const IMAGES_IN_A_ROW: usize = 8;

/// What is asked of an autoencoder, and where results go.
pub(super) struct Job<'a> {
    pub(super) run: &'a RunArguments,
    pub(super) suite: &'a Suite,
    pub(super) seed: Seed,
    pub(super) directory: &'a Path,
    pub(super) picture: Option<&'a Path>,
}

/// Asks, writes and prints. The verdict is negative when the run broke a claim that its result rests on, and when the suite computes other functions than
/// the model's, unless that is accepted.
///
/// # Errors
/// A model, picture or suite that cannot be used, and a file that cannot be written, which is found before the work.
pub(super) fn show(asking: Asking<'_>, job: &Job<'_>, manner: Manner) -> Result<Outcome, CliError> {
    let file = job.picture.map(begun).transpose()?;
    let mut transcript = job.run.transcript.as_deref().map(Pending::create).transpose()?;
    let sink = transcript.as_mut().map(|pending| pending as &mut dyn io::Write);
    let model = DcVae::load(job.directory)?;
    let name = job.directory.display().to_string();
    let question = Question {
        name: &name,
        model: &model,
        asking,
        suite: job.suite,
        registry: arguments::registry(),
        seed: job.seed.clone(),
        network: &job.run.network,
        schedule: job.run.schedule.into(),
        execution: if job.run.fast { ExecutionMode::Fast } else { ExecutionMode::Explicit },
        most_bytes: if job.run.force { None } else { available_bytes() },
    };
    let progress = Progress::start("computing images");
    let answer = ask(&question, Some(&|done, of| progress.tell(done, of)), sink);
    let (report, pictures) = answer.map_err(|error| job.run.failed(error))?;
    drop(progress);
    if let Some(file) = file {
        file.finish(&png_of_rows(&rows(pictures))?)?;
    }
    transcript.map(Pending::commit).transpose()?;
    screen::show(&report, manner, |explain| render::autoencoder::text(&report, job.suite, job.picture, explain))?;
    let own_functions = report.other_functions.is_empty() || job.run.accept_other_functions;
    Ok((own_functions && render::autoencoder::broken_claims(&report).is_empty()).into())
}

/// A file for a picture of pixels.
fn begun(path: &Path) -> Result<Pending, CliError> {
    match Format::of(path) {
        Ok(Format::Png) => Pending::create(path),
        Ok(Format::Svg) | Err(_) => Err(CliError::OnlyPng { path: path.to_owned() }),
    }
}

/// Original, plaintext and private image in a row; of samples, rows of plaintext ones with the private ones below each.
fn rows(pictures: Pictures) -> Vec<Vec<viewless_models::picture::Levels>> {
    let Pictures { originals, plaintext, private } = pictures;
    if originals.is_empty() {
        let pairs = plaintext.chunks(IMAGES_IN_A_ROW).zip(private.chunks(IMAGES_IN_A_ROW));
        return pairs.flat_map(|(plain, private)| [plain.to_vec(), private.to_vec()]).collect();
    }
    let three = originals.into_iter().zip(plaintext).zip(private);
    three.map(|((original, plain), private)| vec![original, plain, private]).collect()
}
