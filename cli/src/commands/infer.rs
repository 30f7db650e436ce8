//! `viewless infer`: a private inference on a real model, beside the plaintext pass.

use super::Verdict;
use super::fetch::{self, DEFAULT_MODEL};
use crate::arguments::{self, DEFAULT_SUITE, Schedule, Sizes};
use crate::bill::render::{self, Breakdown};
use crate::card::hanging;
use crate::choices;
use crate::error::CliError;
use crate::file;
use crate::inference::{InferenceReport, Question, infer, infer_prompt};
use crate::progress::Progress;
use crate::screen;
use crate::subject::{Kind, Subject};
use crate::table::Table;
use crate::units;
use clap::Args;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use viewless_models::Model;
use viewless_protocols::suite::Suite;
use viewless_simulator::network::Network;
use viewless_simulator::stream::Seed;

/// Numbers of the output, and broken claims, that are shown; JSON has all.
const SHOWN: usize = 8;

/// What to infer, and how.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A model directory, or a name that `fetch` knows; fetched first if it is not there
    #[arg(long, value_name = "DIR|NAME", default_value = DEFAULT_MODEL)]
    model: String,
    /// The text that the client asks about
    #[arg(long, required_unless_present = "image", conflicts_with = "image")]
    text: Option<String>,
    /// The PNG or JPEG picture that the client asks a model of images about
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// A built-in suite, or a .toml file
    #[arg(long, value_name = "SUITE|FILE", default_value = DEFAULT_SUITE, value_parser = arguments::suite)]
    suite: Suite,
    /// Decides everything random: a number, for simulation, or 64 hexadecimal digits
    #[arg(long, value_name = "N|HEX", default_value = "0", value_parser = arguments::seed)]
    seed: Seed,
    /// Draw the seed from the operating system
    #[arg(long, conflicts_with = "seed")]
    random_seed: bool,
    /// lan, wan, or a .toml file
    #[arg(long, value_name = "NETWORK|FILE", default_value = "lan", value_parser = arguments::network)]
    network: Network,
    /// Which messages share a round
    #[arg(long, value_enum, default_value_t = Schedule::Asap)]
    schedule: Schedule,
    /// Threads that compute; the result does not depend on it [default: all processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Write every message of the run to a file: one JSON object a line, with a digest of its contents
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
    /// Where fetched models are kept [default: as `fetch`]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

/// Infers and prints. The verdict is negative when the run broke a claim that its result rests on: a truncation wrapped, or
/// a value left the headroom or the domain that a protocol needs.
///
/// # Errors
/// A model, text or suite that cannot be used.
pub fn run(arguments: &Arguments, json: bool) -> Result<Verdict, CliError> {
    let Arguments { text, image, suite, network, schedule, threads, random_seed, .. } = arguments;
    if let Some(threads) = threads {
        limit_threads(usize::from(*threads))?;
    }
    let seed = if *random_seed { Seed::from_os()? } else { arguments.seed.clone() };
    announce(&seed, *random_seed, json)?;
    let model = Model::load(&directory(&arguments.model, arguments.cache.as_deref())?)?;
    let pixels = image.as_deref().map(|image| model.read_image(image)).transpose()?;
    let progress = Progress::start("inferring");
    let named = image.as_deref().map(|image| image.display().to_string()).or_else(|| text.clone()).unwrap_or_default();
    let question = Question { model: &model, suite, text: &named, seed, network, schedule: (*schedule).into() };
    let mut transcript = arguments.transcript.as_deref().map(file::Pending::create).transpose()?;
    let sink = transcript.as_mut().map(|pending| pending as &mut dyn io::Write);
    let tell = |done, of| progress.tell(done, of);
    let mut report = match &pixels {
        Some(pixels) => infer_prompt(&question, pixels.view().into(), Some(&tell), sink)?,
        None => infer(&question, Some(&tell), sink)?,
    };
    drop(progress);
    transcript.map(file::Pending::commit).transpose()?;

    let subject = Subject { name: report.model.clone(), kind: Kind::Model(model.config.clone()) };
    let sizes = Sizes { seq: report.tokens.len(), batch: 1 };
    report.cost.add_alternatives(choices::prices(&subject, suite, sizes, (*schedule).into(), network)?);
    if json {
        screen::print_json(&report)?;
    } else {
        screen::print(render(&report, suite, &model))?;
    }
    Ok(if broken_claims(&report).is_empty() { Verdict::Positive } else { Verdict::Negative })
}

fn limit_threads(threads: usize) -> Result<(), CliError> {
    let built = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    built.map_err(|error| CliError::Threads { threads, reason: error.to_string() })
}

/// The seed comes first, so that a run that fails can be replayed, too.
fn announce(seed: &Seed, random: bool, json: bool) -> Result<(), CliError> {
    let why = if random {
        "drawn from the operating system; whoever knows it sees everything"
    } else {
        "for simulation: a known seed hides nothing"
    };
    let line = format!("seed {} ({why})", arguments::shown(seed));
    if json {
        screen::note(line);
        Ok(())
    } else {
        screen::print(line + "\n\n")
    }
}

fn directory(model: &str, cache: Option<&Path>) -> Result<PathBuf, CliError> {
    let path = Path::new(model);
    if path.is_dir() { Ok(path.to_owned()) } else { fetch::fetch(model, cache) }
}

/// The claims that the result rests on and that did not hold, in words.
fn broken_claims(report: &InferenceReport) -> Vec<String> {
    let mut broken = Vec::new();
    if report.wraps > 0 {
        broken.push(format!("{} truncations wrapped: each puts a value off by a large power of two", report.wraps));
    }
    for (region, outside) in &report.headroom_violations {
        broken.push(format!("{region}: {outside} values beyond the headroom of an exact truncation"));
    }
    for violation in &report.domain_violations {
        let ((low, high), (least, most)) = (violation.claimed, violation.seen);
        broken.push(format!(
            "{}: {} of {} elements outside [{low}, {high}]; seen {} to {}",
            violation.region,
            violation.outside,
            violation.elements,
            units::real(least),
            units::real(most)
        ));
    }
    broken
}

fn render(report: &InferenceReport, suite: &Suite, model: &Model) -> String {
    let tokens: Vec<String> = report.tokens.iter().map(|&token| model.token(token)).collect();
    let mut text = String::new();
    let mut field = |label: &str, value: &str| text.push_str(&hanging(&format!("{label:<11}"), value));
    match model.config.image_tokens() {
        Some(tokens) => {
            field("image", &report.text);
            field("tokens", &format!("{tokens}: {} patches and the class token", tokens - 1));
        }
        None => {
            field("text", &report.text);
            field("tokens", &format!("{}: {}", tokens.len(), tokens.join(" ")));
        }
    }
    field("model", &report.model);
    field("suite", &format!("{}: {}", suite.name, suite.summary));
    text.push('\n');
    text.push_str(&answers(report));
    text.push('\n');
    text.push_str(&render::bill(&report.cost, Breakdown::Regions));
    text.push('\n');
    text.push_str(&run_facts(report));
    text.push_str(&claims(report));
    text.push('\n');
    text.push_str(&render::conventions(&report.cost));
    text
}

/// The outputs side by side, and how far apart they are.
fn answers(report: &InferenceReport) -> String {
    let (private, plain) = (report.output.values(), report.plaintext.values());
    let shown = private.len().min(SHOWN);
    let of = if shown < private.len() { format!("first {shown} of {}", private.len()) } else { String::new() };
    let header: Vec<String> = [of].into_iter().chain((1..=shown).map(|i| i.to_string())).collect();
    let mut table = Table::of_numbers(&header.iter().map(String::as_str).collect::<Vec<_>>());
    let mut row = |label: &str, values: &[f64]| {
        let numbers = values.iter().take(shown).map(|&value| units::real(value));
        table.row([label.to_owned()].into_iter().chain(numbers));
    };
    row("private", private);
    row("plaintext", plain);
    let mut text = table.lines();
    if let (Some(private), Some(plain)) = (&report.output.label, &report.plaintext.label) {
        let _ = writeln!(text, "label      private {private}, plaintext {plain}");
    }
    let _ = writeln!(text, "cosine     {:.9}", report.cosine);
    let _ = writeln!(
        text,
        "max error  {:.2e} (largest absolute difference of {} numbers)",
        report.max_abs_error,
        private.len()
    );
    text
}

/// What the run moved, took and proved.
fn run_facts(report: &InferenceReport) -> String {
    let cost = &report.cost;
    let (threads, s) = (report.threads, if report.threads == 1 { "" } else { "s" });
    format!(
        "moved      {} in all phases, equal to the count\n\
         computed   in {} on {threads} thread{s}, for all parties and phases together\n\
         predicted  {} on {}: {} of online messages, and the computation\n\
         digest     {} of every message\n",
        units::bytes(report.bytes_moved),
        units::seconds(report.seconds),
        units::seconds(cost.predicted_seconds),
        cost.network.name(),
        units::seconds(cost.network_seconds),
        report.transcript_digest,
    )
}

/// The probability of a wrap for this input, and which claims did not hold.
fn claims(report: &InferenceReport) -> String {
    let mut text = format!(
        "wraps      {} in this run; probability of any wrap in one inference of this text {}\n",
        report.wraps,
        units::probability(report.wrap_probability)
    );
    let broken = broken_claims(report);
    if broken.is_empty() {
        text.push_str("claims     all hold: no value left the domain or the headroom that its protocol needs\n");
    } else {
        text.push_str(
            "claims     NOT all hold; the answer may be wrong, and later violations may follow from the first:\n",
        );
        broken.iter().take(SHOWN).for_each(|claim| text.push_str(&hanging("           - ", claim)));
        if broken.len() > SHOWN {
            let _ = writeln!(text, "           - and {} more, see --json", broken.len() - SHOWN);
        }
    }
    report.notes.iter().for_each(|note| text.push_str(&hanging("note       ", note)));
    text
}
