//! `viewless dump`: the text form of a circuit or Program, for reading and for comparing.

use super::Outcome;
use crate::arguments::{self, SizeArguments};
use crate::error::CliError;
use crate::screen::{self, Manner};
use clap::{Args, ValueEnum};
use serde::Serialize;
use viewless_protocols::circuit::Circuit;
use viewless_protocols::file::export;
use viewless_protocols::program::ProgramDraft;
use viewless_protocols::shape::Shape;
use viewless_protocols::suite::Suite;
use viewless_workbench::Subject;
use viewless_workbench::named::DEFAULT_SUITE;

/// What to dump.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A known model, a model directory, or a protocol
    #[arg(value_name = "MODEL|DIR|PROTOCOL")]
    subject: String,
    /// What is computed (circuit), who does what (program), or of a protocol the file to which it can be written (file)
    #[arg(long, value_enum)]
    form: Form,
    /// A built-in suite, or a .toml file
    #[arg(long, value_name = "SUITE|FILE", default_value = DEFAULT_SUITE, value_parser = arguments::suite)]
    suite: Suite,
    #[command(flatten)]
    sizes: SizeArguments,
}

/// One of the two forms of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// WHAT is computed, over secret real tensors
    Circuit,
    /// WHO does what, over ring tensors
    Program,
    /// A protocol file, to change: docs/protocol-files.md
    File,
}

/// The data form with its name.
#[derive(Serialize)]
struct Dump<'a> {
    /// The model or protocol.
    subject: &'a str,
    /// The suite.
    suite: &'a str,
    /// Tokens of a sequence; for a protocol, elements of a row.
    seq: usize,
    /// Sequences; for a protocol, rows.
    batch: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// BLAKE3 of the Program, in hexadecimal.
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// What is computed, with `--form circuit`.
    circuit: Option<&'a Circuit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Who does what, with `--form program`.
    program: Option<&'a ProgramDraft>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// The text of the protocol file, with `--form file`.
    file: Option<&'a str>,
}

/// Builds and prints.
///
/// # Errors
/// A subject or sizes that cannot be built.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let Arguments { subject, form, suite, sizes } = arguments;
    let subject = Subject::find(subject, arguments::registry())?;
    let sizes = subject.sizes(sizes.checked());
    let (seq, batch) = (sizes.seq(), sizes.batch());
    let (digest, circuit, program, file) = (None, None, None, None);
    let dump = Dump { subject: &subject.name, suite: &suite.name, seq, batch, digest, circuit, program, file };
    match form {
        Form::Circuit => {
            let circuit = subject.circuit(suite, sizes)?;
            if manner.json {
                screen::print_json(&Dump { circuit: Some(&circuit), ..dump })?
            } else {
                screen::print(&*circuit)?
            }
        }
        Form::Program => {
            let program = subject.program(suite, sizes)?;
            if manner.json {
                let digest = Some(program.digest().to_hex().to_string());
                screen::print_json(&Dump { digest, program: Some(&program), ..dump })?;
            } else {
                screen::print(&*program)?;
            }
        }
        Form::File => {
            let file = export(subject.protocol()?, &Shape::from([batch, seq]))?;
            if manner.json { screen::print_json(&Dump { file: Some(&file), ..dump })? } else { screen::print(&file)? }
        }
    }
    Ok(Outcome::Positive)
}
