//! `viewless audit`: how wrong is a protocol, at worst as a theorem, and as seen in runs; of a model, how often an inference fails, and
//! which of its sites leave their protocols' domains.

mod failures;
mod sites;

use super::Verdict;
use crate::arguments::{self, DEFAULT_SUITE};
use crate::error::CliError;
use crate::picture::Format;
use crate::subject::{Kind, Subject};
use crate::table::Table;
use crate::{file, screen, units};
use clap::Args;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use viewless_proofs::audit::rows::{Method, RowReport, audit_rows};
use viewless_proofs::audit::{
    self, ClaimVerdict, PublishedCoefficient, Question, Report, audit_with_points, function_of, plot,
};
use viewless_protocols::nonlinear;
use viewless_protocols::suite::Suite;

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
    #[arg(long, value_name = "LO:HI", value_parser = domain, allow_hyphen_values = true)]
    domain: Option<(f64, f64)>,
    /// A built-in suite, or a .toml file: its scheme and fixed point [default: faithful; for the failures of a model, all]
    #[arg(long, value_name = "SUITE|FILE", value_parser = arguments::suite)]
    suite: Option<Suite>,
    /// Tokens of a sequence, for the failures of a model [default: 128]
    #[arg(long, value_name = "N", conflicts_with_all = ["model", "text"], value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    seq: Option<u32>,
    /// A text to run, for the failures of a model: the law is summed over the true numbers of the run
    #[arg(long, value_name = "TEXT", conflicts_with = "model")]
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

fn domain(text: &str) -> Result<(f64, f64), String> {
    let ends = text.split_once(':').and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
    ends.ok_or_else(|| "a domain is two numbers, LO:HI, for instance -8:8".to_owned())
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
pub fn run(arguments: &Arguments, json: bool) -> Result<Verdict, CliError> {
    let suite = || arguments.suite.clone().map_or_else(|| arguments::suite(DEFAULT_SUITE), Ok);
    match (&arguments.subject, &arguments.model, &arguments.text_file) {
        (Some(name), ..) => {
            let subject = Subject::find(name)?;
            match &subject.kind {
                Kind::Protocol(_) => of_protocol(name, &suite()?, arguments, json),
                Kind::Model(_) => failures::run(&subject, arguments, json),
            }
        }
        (None, Some(model), Some(texts)) => sites::run(model, texts, &suite()?, arguments, json),
        (None, ..) => Err(CliError::NothingToAudit),
    }
}

fn of_protocol(name: &str, suite: &Suite, arguments: &Arguments, json: bool) -> Result<Verdict, CliError> {
    let Arguments { domain, seed, samples, plot, row, .. } = arguments;
    let question = Question { domain: *domain, seed: *seed, samples: *samples, ..question(name, suite) };
    let finding = match plot {
        Some(path) => drawn(&question, path)?,
        None => examine(&question, *row as usize)?,
    };
    if json {
        screen::print_json(&finding)?;
    } else {
        screen::print(finding.text(suite))?;
    }
    Ok(finding.verdict())
}

/// A protocol on its card's domain, under the scheme and fixed point of a suite.
pub(super) fn question<'a>(name: &'a str, suite: &Suite) -> Question<'a> {
    Question { scheme: suite.scheme, fixed: suite.fixed(), ..Question::new(name) }
}

/// What an audit of a protocol found.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Finding {
    /// Of a function of one number.
    Number(Box<Report>),
    /// Of a function of rows.
    Rows(Box<RowReport>),
}

impl Finding {
    /// Negative when the card's claim is not true, or for rows not decided.
    pub(super) fn verdict(&self) -> Verdict {
        let fails = match self {
            Self::Number(report) => report.verdict != ClaimVerdict::Holds,
            // What is neither proved nor refuted is no success.
            Self::Rows(report) => report.verdict != ClaimVerdict::Holds,
        };
        if fails { Verdict::Negative } else { Verdict::Positive }
    }

    /// The readable page.
    pub(super) fn text(&self, suite: &Suite) -> String {
        match self {
            Self::Number(report) => text(report, suite),
            Self::Rows(report) => rows_text(report, suite),
        }
    }
}

/// The range of the elements of rows, where none is given: that of a Transformer's logits and hidden states.
pub(crate) const ROW_RANGE: (f64, f64) = (-16.0, 16.0);

fn is_of_rows(question: &Question<'_>) -> bool {
    nonlinear::find(question.protocol).is_some_and(|protocol| function_of(protocol.card.error.truth).is_none())
}

/// Audits a protocol of numbers, or of rows of `row` elements.
///
/// # Errors
/// What cannot be audited.
pub(super) fn examine(question: &Question<'_>, row: usize) -> Result<Finding, CliError> {
    Ok(if is_of_rows(question) {
        Finding::Rows(Box::new(audit_rows(question, row, ROW_RANGE)?))
    } else {
        Finding::Number(Box::new(audit::audit(question)?))
    })
}

/// Audits a protocol of numbers and draws its error.
fn drawn(question: &Question<'_>, path: &Path) -> Result<Finding, CliError> {
    let format = Format::of(path)?;
    if is_of_rows(question) {
        return Err(CliError::PlotOfRows { path: path.to_owned() });
    }
    let mut pending = file::Pending::create(path)?;
    let audit = audit_with_points(question)?;
    if let Some(protocol) = nonlinear::find(question.protocol) {
        pending.write_all(&format.contents(&plot::svg(protocol, &audit)?)?)?;
        pending.commit()?;
    }
    Ok(Finding::Number(Box::new(audit.report)))
}

fn rows_text(report: &RowReport, suite: &Suite) -> String {
    let RowReport { protocol, row_length, range, claim, .. } = report;
    let unbounded = || "unbounded".to_owned();
    let mut table = Table::of_numbers(&["", "error", "units"]);
    let unit = report.certified_max_error.zip(report.certified_max_error_ulp);
    let ulp = |error: f64| match unit {
        Some((certified, ulp)) if certified > 0.0 => format!("{:.2}", error / certified * ulp),
        _ if error == 0.0 => "0.00".to_owned(),
        _ => "-".to_owned(),
    };
    let mut line = |what: &str, error: Option<f64>| {
        let figures = error.map_or_else(|| (unbounded(), "-".to_owned()), |error| (format!("{error:.4e}"), ulp(error)));
        table.row([what.to_owned(), figures.0, figures.1]);
    };
    line("certified, every run on every row", report.certified_max_error);
    line("certified, every run on the worst row found", Some(report.certified_on_worst_row));
    line("observed, runs on that row", Some(report.observed_on_worst_row));
    line("of the circuit over the reals, certified on every row", report.approximation_max_error);
    let of_claim = report.approximation_of_claim.map_or_else(unbounded, |part| format!("{part:.3}"));
    let mut text = format!(
        "{protocol}, suite {}: rows of {row_length} in [{}, {}], against {}\n\n{}\n\
         claim      |y - {}| <= {} + {} |truth|, {} in [{}, {}], over the reals: {} (at least {:.3}, at most {of_claim} of it used)\n",
        suite.name,
        range.0,
        range.1,
        report.reference,
        table.lines(),
        claim.truth,
        claim.absolute,
        claim.relative,
        report.domain_of,
        claim.domain.0,
        claim.domain.1,
        match report.verdict {
            ClaimVerdict::Holds => "holds",
            ClaimVerdict::Exceeds => "exceeded",
            ClaimVerdict::Undecided => "undecided",
        },
        report.refuting_of_claim,
    );
    text += &match (report.method, &report.not_reduced) {
        (Method::Exact, _) => "method     the output is an element of the row, exactly\n".to_owned(),
        (Method::RowsReduced, _) => format!("method     rows reduced to three numbers, {} cells\n", report.cells),
        (Method::Box, why) => format!(
            "method     a box, every element by itself, because the circuit is not reduced: {}\n",
            why.as_deref().unwrap_or("no reason")
        ),
    };
    if let Some((low, high)) = report.row_sums {
        let (low, high) = (units::real(low), units::real(high));
        text += &format!("domain     rows whose sum, of the truth's summands, is in [{low}, {high}]\n");
    }
    if let Some(ratio) = report.ratio {
        text += &format!("bracket    certified {ratio:.2} times the worst row found\n");
    }
    text += &format!(
        "search     {} rows bounded, {} outside the claim, {} without a bound\n\
         time       {:.2} s certified, {:.2} s searched and run\n",
        report.rows, report.rows_outside, report.rows_unbounded, report.seconds_certified, report.seconds_searched
    );
    text
}

fn text(report: &Report, suite: &Suite) -> String {
    let (low, high) = report.domain;
    let mut text = format!(
        "{}, suite {}, {} fraction bits: {} inputs of [{low}, {high}], against {}\n\n",
        report.protocol, suite.name, report.fraction_bits, report.inputs, report.reference
    );
    let mut table = Table::of_numbers(&["", "error", "units", "at"]);
    let unbounded = || "unbounded".to_owned();
    let real = |x: f64| format!("{x:.4e}");
    let ulp = |x: f64| format!("{x:.2}");
    table.row([
        "certified, every run on every input".to_owned(),
        report.certified_max_error.map_or_else(unbounded, real),
        report.certified_max_error_ulp.map_or_else(unbounded, ulp),
        units::real(report.certified_at),
    ]);
    table.row([
        format!("observed, {} inputs run{}", report.executed, if report.exhaustive { ", all there are" } else { "" }),
        real(report.observed_max_error),
        ulp(report.observed_max_error_ulp),
        units::real(report.observed_at),
    ]);
    table.row([
        "of the circuit over the reals, certified".to_owned(),
        real(report.approximation_max_error),
        "-".to_owned(),
        units::real(report.approximation_at),
    ]);
    table.row([
        "mean of absolute errors".to_owned(),
        real(report.mean_error),
        ulp(report.mean_error_ulp),
        String::new(),
    ]);
    table.row(["bias, mean of signed errors".to_owned(), real(report.bias), ulp(report.bias_ulp), String::new()]);
    table.row([
        "largest jump beyond the truth's".to_owned(),
        real(report.max_jump),
        ulp(report.max_jump_ulp),
        units::real(report.max_jump_at),
    ]);
    table.row([
        "largest fall where the truth rises, or rise where it falls".to_owned(),
        real(report.max_reversal),
        ulp(report.max_reversal_ulp),
        units::real(report.max_reversal_at),
    ]);
    if let (Some(symmetry), Some(defect)) = (&report.symmetry, report.max_asymmetry) {
        table.row([
            format!("largest distance from {symmetry}"),
            real(defect),
            report.max_asymmetry_ulp.map_or_else(String::new, ulp),
            report.max_asymmetry_at.map_or_else(String::new, units::real),
        ]);
    }
    text += &table.lines();
    let claim = &report.claim;
    text += &format!(
        "\nclaim      |y - {}| <= {} + {} |truth| on [{}, {}], over the reals: {}\n",
        claim.truth,
        claim.absolute,
        claim.relative,
        claim.domain.0,
        claim.domain.1,
        match report.verdict {
            ClaimVerdict::Holds => "holds",
            ClaimVerdict::Exceeds => "exceeded",
            ClaimVerdict::Undecided => "undecided",
        }
    );
    let excess = report.certified_excess.map_or_else(unbounded, real);
    text +=
        &format!("fixed      {excess} is the most that fixed point adds to the claim, certified; negative: nothing\n");
    let failure = report.failure_probability_per_element;
    text += &format!(
        "wrap       {} per element at the worst input; {} seen in {} runs of it\n",
        failure.map_or_else(|| "unbounded".to_owned(), units::probability),
        report.wraps,
        report.executed
    );
    text += &format!(
        "monotone   {} steps against the truth that randomness does not explain\n",
        report.monotone_violations
    );
    for PublishedCoefficient { name, printed, exact, used, definition, .. } in
        report.coefficients.iter().filter(|coefficient| !coefficient.printed_is_exact)
    {
        text += &format!(
            "printed    {name} = {printed}; its definition, {definition}, gives {exact:.12}; used: {used:.12}\n"
        );
    }
    for finding in &report.findings {
        text += &format!("fails      {}: {}\n", finding.check, finding.why);
    }
    text +=
        &format!("time       {:.2} s certified, {:.2} s observed\n", report.seconds_certified, report.seconds_observed);
    text
}
