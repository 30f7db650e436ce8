//! Results go to standard output, everything else to standard error; a reader that has seen enough is no error.

use crate::error::CliError;
use crate::json;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::{self, Display, Write as _};
use std::io::{self, BufWriter, ErrorKind, Write};
use viewless_protocols::plain::{is_plain, plain};

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

/// Writes a text to standard output; what does not show as itself, as a name from a file may not, is written as an escape. A pipe that its reader has
/// closed (`| head`) swallows the rest.
///
/// # Errors
/// Standard output cannot be written to.
pub fn print(text: impl Display) -> Result<(), CliError> {
    write(|out| {
        let mut shown = Shown { out, failed: None };
        match (write!(shown, "{text}"), shown.failed) {
            (_, Some(error)) => Err(error),
            (result, None) => result.map_err(io::Error::other),
        }
    })
}

/// Lines of text on their way to a screen.
struct Shown<'a> {
    out: &'a mut dyn Write,
    failed: Option<io::Error>,
}

impl fmt::Write for Shown<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let lines = text.split_inclusive('\n').try_for_each(|line| match line.strip_suffix('\n') {
            Some(line) => writeln!(self.out, "{}", as_shown(line)),
            None => write!(self.out, "{}", as_shown(line)),
        });
        lines.map_err(|error| {
            self.failed = Some(error);
            fmt::Error
        })
    }
}

fn as_shown(line: &str) -> Cow<'_, str> {
    if line.chars().all(is_plain) { Cow::Borrowed(line) } else { Cow::Owned(plain(line)) }
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

/// Characters of a sentence of refusal before what is left out of it.
const FIRST_SHOWN: usize = 1000;
/// Characters behind that: what to do stands at the end.
const LAST_SHOWN: usize = 400;

/// What is told of an error, whatever it quotes: one line of bounded length, in which everything shows as itself.
#[must_use]
pub fn sentence(error: &str) -> String {
    let words = error.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    let shown = plain(&words);
    let length = shown.chars().count();
    let Some(left_out) = length.checked_sub(FIRST_SHOWN + LAST_SHOWN).filter(|&left_out| left_out > 0) else {
        return shown;
    };
    let first: String = shown.chars().take(FIRST_SHOWN).collect();
    let last: String = shown.chars().skip(FIRST_SHOWN + left_out).collect();
    format!("{first} [{left_out} characters more] {last}")
}

/// Says on standard error why a command is not carried out; as JSON on one line, where its result would have been JSON.
pub fn refuse(error: &str, as_json: bool) {
    let error = &sentence(error);
    let as_line = |refusal: Refusal| serde_json::to_string(&refusal).unwrap_or_else(|_| error.clone());
    match as_json {
        true => note(as_line(Refusal { error, exit_code: REFUSED })),
        false => note(format_args!("error: {error}")),
    }
}

/// Writes lines to standard error, shown as those of [`print()`]; if that is closed, there is nobody to tell.
pub fn note(text: impl Display) {
    let mut out = io::stderr();
    let mut shown = Shown { out: &mut out, failed: None };
    let _ = writeln!(shown, "{text}");
}

fn write(fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CliError> {
    let mut out = BufWriter::new(io::stdout().lock());
    match fill(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_quotes_moves_no_cursor_breaks_no_line_and_hides_no_remedy() {
        assert_eq!(sentence("no `a\u{1b}[31mb`;\n  leave it out\n"), "no `a\\u{1b}[31mb`; leave it out");
        let long = sentence(&format!("no `{}`; leave it out", "x".repeat(1 << 20)));
        assert!(long.ends_with("; leave it out") && long.contains("1047195 characters more"), "{long}");
    }

    proptest::proptest! {
        #[test]
        fn any_error_is_one_plain_line_of_bounded_length(error in proptest::prelude::any::<String>(), times in 0..3000usize) {
            let shown = sentence(&error.repeat(times));
            proptest::prop_assert!(shown.chars().all(is_plain));
            proptest::prop_assert!(shown.chars().count() < FIRST_SHOWN + LAST_SHOWN + 50);
        }

        #[test]
        fn a_text_is_shown_in_its_own_lines_and_no_others(text in proptest::prelude::any::<String>()) {
            let mut bytes = Vec::new();
            let mut shown = Shown { out: &mut bytes, failed: None };
            write!(shown, "{text}").unwrap();
            let lines = String::from_utf8(bytes).unwrap();
            proptest::prop_assert_eq!(lines.split('\n').collect::<Vec<_>>(), text.split('\n').map(plain).collect::<Vec<_>>());
        }
    }
}
