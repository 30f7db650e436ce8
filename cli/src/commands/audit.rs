//! `viewless audit`: how wrong is a protocol, at worst as a theorem, and as seen in runs; of a model, how often an inference fails, and
//! which of its sites leave their protocols' domains.

mod failures;
mod sites;

use super::Outcome;
use crate::arguments::{self, FixedArguments};
use crate::error::CliError;
use crate::progress::Spinner;
use crate::render::picture::Format;
use crate::screen::Manner;
use crate::{file, render, screen};
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};
use viewless_proofs::audit::rows::Stage;
use viewless_proofs::audit::{Question, plot};
use viewless_protocols::nonlinear::Protocol;
use viewless_protocols::suite::Suite;
use viewless_workbench::error_audit::{ErrorAudit, is_of_rows, question};
use viewless_workbench::named::DEFAULT_SUITE;
use viewless_workbench::why_not::WhyNot;
use viewless_workbench::{Kind, Subject};

/// What to audit.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A protocol of the registry; or a known model or model directory: how often an inference fails outright
    #[arg(value_name = "PROTOCOL|MODEL|DIR", required_unless_present = "model", conflicts_with_all = ["model", "text_file"])]
    subject: Option<String>,
    /// Instead: check the domain on every card at every site of this model, a directory or a name that `fetch` knows
    #[arg(long, value_name = "DIR|NAME", requires = "text_file", conflicts_with_all = ["domain", "plot"])]
    model: Option<String>,
    /// The texts to run through the model in plaintext, one a line
    #[arg(long, value_name = "FILE", requires = "model")]
    text_file: Option<PathBuf>,
    /// How many of the texts, from the first, are also run privately and followed through every site [default: 4; for a decoder, which
    /// cannot be followed yet, none]
    #[arg(long, value_name = "N", requires = "model")]
    private_texts: Option<usize>,
    /// Interval of inputs [default: the card's]
    #[arg(long, value_name = "LO:HI", value_parser = arguments::interval, allow_hyphen_values = true)]
    domain: Option<(f64, f64)>,
    /// A built-in suite, or a .toml file: its scheme and fixed point [default: faithful; for the failures of a model, all]
    #[arg(long, value_name = "SUITE|FILE", value_parser = arguments::suite)]
    suite: Option<Suite>,
    #[command(flatten)]
    fixed: FixedArguments,
    /// Tokens of a sequence, for the failures of a model [default: 128]
    #[arg(long, value_name = "N", conflicts_with_all = ["model", "text"], value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    seq: Option<u32>,
    /// A text to run, for the failures of a model: the law is summed over the true numbers of the run
    #[arg(long, value_name = "TEXT", conflicts_with = "model", allow_hyphen_values = true)]
    text: Option<String>,
    /// Largest probability of any failure in one inference that counts as safe
    #[arg(long, value_name = "P", default_value_t = 1e-6, value_parser = probability)]
    failure_limit: f64,
    /// Decides the randomness of the runs
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Most inputs that are run; the certified bound covers all inputs in any case
    #[arg(long, value_name = "N", default_value_t = (1 << 20) + 1)]
    samples: u64,
    /// Elements of a row, for a protocol of rows: all rows are bounded, and the worst searched for
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=4096))]
    row: u32,
    /// Draw the error over the domain into a file
    #[arg(long, value_name = "FILE.svg|FILE.png")]
    plot: Option<PathBuf>,
}

fn probability(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|p| (0.0..=1.0).contains(p));
    number.ok_or_else(|| "a probability is a number from 0 to 1, for instance 1e-6".to_owned())
}

/// Audits and prints. The verdict is negative when the card's claim is not true on the domain; of a model, when a suite fails more often
/// than the limit, or a site leaves its protocol's domain.
///
/// # Errors
/// A protocol, model, domain or suite that cannot be audited, or a plot that cannot be written.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let suite = || -> Result<Suite, CliError> {
        let suite = arguments.suite.clone().map_or_else(|| arguments::suite(DEFAULT_SUITE), Ok)?;
        arguments.fixed.of(suite)
    };
    match (&arguments.subject, &arguments.model, &arguments.text_file) {
        (Some(name), ..) => {
            let subject = Subject::find(name, arguments::registry())?;
            match &subject.kind {
                Kind::Protocol(protocol) => of_protocol(&subject, protocol, &suite()?, arguments, manner),
                Kind::Model(_) | Kind::Autoencoder(_) => failures::run(&subject, arguments, manner),
            }
        }
        (None, Some(model), Some(texts)) => sites::run(model, texts, &suite()?, arguments, manner),
        (None, ..) => Err(CliError::NothingToAudit),
    }
}

/// What was found of a protocol, and why it does not keep its claim, if it does not.
#[derive(Serialize)]
struct Page<'a> {
    #[serde(flatten)]
    audit: &'a ErrorAudit,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Why the claim does not hold, where it does not.
    why_not: Option<&'a WhyNot>,
}

fn of_protocol(
    subject: &Subject,
    protocol: &Protocol,
    suite: &Suite,
    arguments: &Arguments,
    manner: Manner,
) -> Result<Outcome, CliError> {
    let Arguments { domain, seed, samples, plot, row, .. } = arguments;
    let question = Question { domain: *domain, seed: *seed, samples: *samples, ..question(protocol, suite) };
    let found = match plot {
        Some(path) => drawn(&question, path)?,
        None => {
            let spinner = Spinner::start();
            let tell =
                |stage: Stage, done: usize, of: usize| spinner.tell(format!("{}: {done} of {of}", stage.words()));
            ErrorAudit::with_progress(&question, *row as usize, &tell)?
        }
    };
    let why_not = WhyNot::of(subject, &question, &found)?;
    let page = Page { audit: &found, why_not: why_not.as_ref() };
    screen::show(&page, manner, |_| render::audit::text(&found, why_not.as_ref(), suite))?;
    Ok(found.holds().into())
}

/// Audits a protocol of numbers and draws its error.
fn drawn(question: &Question<'_>, path: &Path) -> Result<ErrorAudit, CliError> {
    let format = Format::of(path)?;
    if is_of_rows(question.protocol) {
        return Err(CliError::PlotOfRows { path: path.to_owned() });
    }
    let pending = file::Pending::create(path)?;
    let audit = ErrorAudit::with_points(question)?;
    pending.finish(&format.contents(&plot::svg(question.protocol, &audit)?)?)?;
    Ok(ErrorAudit::Number(Box::new(audit.report)))
}
