//! `viewless compare`: suites side by side for a model, or protocols of a function side by side.

use super::Outcome;
use crate::arguments::{self, Schedule, SizeArguments};
use crate::error::CliError;
use crate::file::Pending;
use crate::render::{comparison, comparison_page, variants};
use crate::screen::{self, Manner};
use clap::Args;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use viewless_protocols::suite::Suite;
use viewless_workbench::Subject;
use viewless_workbench::comparison::SuiteComparison;
use viewless_workbench::named::DEFAULT_SUITE;
use viewless_workbench::records;
use viewless_workbench::variants::VariantComparison;

/// What `--with` takes beside protocols.
const PUBLISHED: &str = "published";

/// What to compare.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A known model, a model directory or a protocol: suites side by side. A function (gelu, softmax, ...) or several protocols:
    /// these side by side
    #[arg(value_name = "MODEL|DIR|PROTOCOL|FUNCTION", required = true)]
    subjects: Vec<String>,
    /// Put this protocol beside them, too: a .protocol file, or a name; repeat for more. Of a model, `published` alone: what is published of other
    /// systems, each by its own convention
    #[arg(long, value_name = "FILE|published")]
    with: Vec<String>,
    /// Built-in suites or .toml files, separated by commas [default: all built-in suites]
    #[arg(long, value_name = "SUITE|FILE,...", value_delimiter = ',', value_parser = arguments::suite)]
    suites: Vec<Suite>,
    /// For protocols side by side: the suite whose scheme and fixed point they are counted and certified under
    #[arg(long, value_name = "SUITE|FILE", default_value = DEFAULT_SUITE, value_parser = arguments::suite, conflicts_with = "suites")]
    suite: Suite,
    #[command(flatten)]
    sizes: SizeArguments,
    /// Which messages share a round
    #[arg(long, value_enum, default_value_t = Schedule::Asap)]
    schedule: Schedule,
    /// Print Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Write a page with charts, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Compares and prints.
///
/// # Errors
/// A subject, suite or sizes that cannot be counted, or a page that cannot be written.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let Arguments { subjects, with, suites, suite, sizes, schedule, .. } = arguments;
    let with_published = with.len() == 1 && with[0] == PUBLISHED;
    if !with.is_empty() && !with_published && !suites.is_empty() {
        return Err(CliError::SuitesWithProtocols);
    }
    let with = if with_published { &[][..] } else { &with[..] };
    // A page that cannot be written is known before anything is counted.
    let file = arguments.html.as_deref().map(Pending::create).transpose()?;
    if let Some(protocols) = side_by_side(subjects, with)? {
        if with_published {
            return Err(CliError::NothingPublished { of: subjects.join(" "), recorded: records::recorded() });
        }
        let found = VariantComparison::new(&protocols, suite, sizes.checked(), (*schedule).into())?;
        let words = Words { page: variants::page, markdown: variants::markdown, text: variants::text };
        return arguments.write(file, &found, &words, manner);
    }
    let subject = Subject::find(&subjects[0], arguments::registry())?;
    let suites =
        if suites.is_empty() { Suite::names().map(Suite::built_in).collect::<Result<_, _>>()? } else { suites.clone() };
    let suites = each_once(suites, |a, b| a == b, |suite| suite.name.clone());
    // What is not recorded is known before anything is counted.
    let sizes = sizes.checked();
    let nothing = || CliError::NothingPublished {
        of: format!("{} at {}", subjects[0], subject.length(sizes)),
        recorded: records::recorded(),
    };
    if with_published && records::records(&subjects[0], sizes.seq()).is_empty() {
        return Err(nothing());
    }
    let mut found = SuiteComparison::new(&subject, suites, sizes, (*schedule).into())?;
    if with_published {
        found = found.with_published().ok_or_else(nothing)?;
    }
    let words = Words { page: comparison_page::page, markdown: comparison::markdown, text: comparison::text };
    arguments.write(file, &found, &words, manner)
}

/// The protocols that are to stand side by side: all of a function, those named, and files; none for a single model or protocol.
fn side_by_side(subjects: &[String], with: &[String]) -> Result<Option<Vec<Subject>>, CliError> {
    let mut protocols = Vec::new();
    for name in subjects {
        let of_function = arguments::registry().iter().filter(|protocol| protocol.card.function.name() == name);
        let of_function: Vec<Subject> =
            of_function.cloned().map(|protocol| Subject::of_protocol(protocol, arguments::registry())).collect();
        if !of_function.is_empty() {
            protocols.extend(of_function);
        } else if subjects.len() == 1 && with.is_empty() {
            return Ok(None);
        } else {
            protocols.push(Subject::find_protocol(name, arguments::registry())?);
        }
    }
    for file in with {
        protocols.push(Subject::find_protocol(file, arguments::registry())?);
    }
    // A file, or a name; the members of a family are called by their intervals, however these were written.
    let is_same = |a: &Subject, b: &Subject| {
        let title = |subject: &Subject| subject.protocol().map(|protocol| protocol.title()).ok();
        (title(a), &a.text, a.text.as_ref().map(|_| &a.name)) == (title(b), &b.text, b.text.as_ref().map(|_| &b.name))
    };
    Ok(Some(each_once(protocols, is_same, |subject| subject.name.clone())))
}

/// The first of those that are the same; of the others it is said that they were named again.
fn each_once<One>(all: Vec<One>, is_same: impl Fn(&One, &One) -> bool, name: impl Fn(&One) -> String) -> Vec<One> {
    let mut kept: Vec<One> = Vec::new();
    for one in all {
        if kept.iter().any(|other| is_same(other, &one)) {
            screen::note(format_args!("{} is named twice, and shown once", name(&one)));
        } else {
            kept.push(one);
        }
    }
    kept
}

/// The forms of a comparison.
struct Words<Comparison> {
    page: fn(&Comparison) -> String,
    markdown: fn(&Comparison) -> String,
    text: fn(&Comparison, bool) -> String,
}

impl Arguments {
    fn write<Comparison: Serialize>(
        &self,
        file: Option<Pending>,
        comparison: &Comparison,
        words: &Words<Comparison>,
        manner: Manner,
    ) -> Result<Outcome, CliError> {
        if let (Some(mut file), Some(path)) = (file, &self.html) {
            let write = file.write_all((words.page)(comparison).as_bytes());
            write.map_err(|source| CliError::WriteFile { path: path.clone(), source })?;
            file.commit()?;
        }
        if self.markdown {
            screen::print((words.markdown)(comparison))?;
        } else {
            screen::show(comparison, manner, |explain| (words.text)(comparison, explain))?;
        }
        Ok(Outcome::Positive)
    }
}
