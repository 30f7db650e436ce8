//! Results go to standard output, everything else to standard error; a reader that has seen enough is no error.

use crate::error::CliError;
use crate::json;
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Write};

/// How a command's result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// As JSON.
    pub json: bool,
    /// With a legend that says what the figures mean.
    pub explain: bool,
}

/// Writes a result as JSON, or in words.
///
/// # Errors
/// Standard output cannot be written to.
pub fn show(result: &impl Serialize, manner: Manner, words: impl FnOnce(bool) -> String) -> Result<(), CliError> {
    if manner.json { print_json(result) } else { print(words(manner.explain)) }
}

/// Writes a text to standard output. A pipe that its reader has closed (`| head`) swallows the rest.
///
/// # Errors
/// Standard output cannot be written to.
pub fn print(text: impl Display) -> Result<(), CliError> {
    write(|out| write!(out, "{text}"))
}

/// Writes a result as JSON, on one line for each field of depth one or so, to standard output.
///
/// # Errors
/// Standard output cannot be written to.
pub fn print_json(result: &impl Serialize) -> Result<(), CliError> {
    let text = json::pretty(result)?;
    write(|out| writeln!(out, "{text}"))
}

/// The exit code of a command that was not carried out.
pub const REFUSED: u8 = 2;

/// Why a command was not carried out.
#[derive(Debug, Serialize)]
pub struct Refusal<'a> {
    /// What is wrong, where, and what to do.
    pub error: &'a str,
    /// The exit code of the command.
    pub exit_code: u8,
}

/// Says on standard error why a command is not carried out; as JSON on one line, where its result would have been JSON.
pub fn refuse(error: &str, as_json: bool) {
    let as_line = |refusal: Refusal| serde_json::to_string(&refusal).unwrap_or_else(|_| error.to_owned());
    match as_json {
        true => note(as_line(Refusal { error, exit_code: REFUSED })),
        false => note(format_args!("error: {error}")),
    }
}

/// Writes a line to standard error; if that is closed, there is nobody to tell.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn write(fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CliError> {
    let mut out = BufWriter::new(io::stdout().lock());
    match fill(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}
