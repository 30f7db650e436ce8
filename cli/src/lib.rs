//! The command line's parts: arguments, words, tables, charts, progress, files. What they are about is in [`viewless_workbench`].
//!
//! Results go to standard output, progress and logs to standard error. Exit codes: 0 for success, 1 for a negative verdict, 2
//! for bad usage or input, with a sentence on standard error that says what to do; with `--json` as JSON, on its last line; 130 for
//! a command that was interrupted.

pub mod arguments;
pub mod commands;
pub mod error;
pub mod file;
pub mod interruption;
pub mod json;
pub mod progress;
pub mod render;
pub mod screen;
pub mod threads;

use clap::Parser;
use commands::{Command, Outcome};
use screen::Manner;
use std::ffi::OsString;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;
use viewless_protocols::plain::is_plain;

/// The variable that says what is logged to standard error, for instance `debug` or `viewless_models=debug`.
const LOG_VARIABLE: &str = "VIEWLESS_LOG";

/// Is a protocol for private Transformer inference right, private, cheap and alive? Answered from one definition of it.
#[derive(Debug, Parser)]
#[command(name = "viewless", version, propagate_version = true)]
#[command(after_help = "Exit codes: 0 success, 1 negative verdict, 2 bad usage or input, 130 interrupted.\n\
    VIEWLESS_LOG=debug logs to standard error; VIEWLESS_CACHE is where fetched models are kept.")]
struct Cli {
    /// Write the result as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Say what the figures mean, below them
    #[arg(long, global = true, conflicts_with = "json")]
    explain: bool,
    #[command(subcommand)]
    command: Command,
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => return refuse_usage(&usage),
    };
    log_to_standard_error();
    interruption::listen();
    let manner = Manner { json: cli.json, explain: cli.explain };
    let outcome = threads::limit(cli.command.threads()).and_then(|()| cli.command.run(manner));
    interruption::goes_before();
    match outcome {
        Ok(Outcome::Positive) => ExitCode::SUCCESS,
        Ok(Outcome::Negative) => ExitCode::from(1),
        Err(error) => {
            screen::refuse(&error.to_string(), cli.json);
            ExitCode::from(screen::REFUSED)
        }
    }
}

/// Arguments longer than this are not repeated line by line.
const MOST_QUOTED: usize = 200;

/// Says what is wrong with the arguments; or gives the help or the version that they ask for.
fn refuse_usage(usage: &clap::Error) -> ExitCode {
    // What was not understood cannot say whether it asks for JSON.
    let as_json = std::env::args_os().any(|argument| argument == "--json");
    // What may be repeated line by line: an argument that shows as itself.
    let shows = |argument: OsString| {
        argument.len() <= MOST_QUOTED && argument.to_str().is_some_and(|a| a.chars().all(is_plain))
    };
    if !usage.use_stderr() || !as_json && std::env::args_os().skip(1).all(shows) {
        usage.exit();
    }
    let text = usage.render().to_string();
    screen::refuse(text.trim_start_matches("error: ").trim_end(), as_json);
    ExitCode::from(screen::REFUSED)
}

fn log_to_standard_error() {
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new("warn,viewless=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::{CommandFactory, Parser};
    use std::ffi::OsString;

    /// Words of the command line, and others.
    fn words() -> Vec<String> {
        let mut words: Vec<String> = [
            "",
            "-",
            "--",
            "-1",
            "0",
            "1e9",
            "nan",
            "a:b",
            "1:2",
            "\u{1b}[31m",
            "bert-base",
            "gelu/bolt",
            "--=",
            "--seq=",
            "\u{0}",
        ]
        .map(str::to_owned)
        .into();
        for command in Cli::command().get_subcommands() {
            words.push(command.get_name().to_owned());
            words.extend(command.get_arguments().filter_map(|argument| Some(format!("--{}", argument.get_long()?))));
        }
        words
    }

    proptest::proptest! {
        #[test]
        fn any_arguments_are_understood_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..12)) {
            let words = words();
            let arguments: Vec<OsString> = std::iter::once("viewless".into())
                .chain(bytes.iter().map(|&byte| match usize::from(byte) {
                    byte @ 0..=200 => words[byte % words.len()].clone().into(),
                    // Not UTF-8, where the system knows such words.
                    byte => not_utf_8(byte as u8),
                }))
                .collect();
            if let Err(usage) = Cli::try_parse_from(&arguments) {
                proptest::prop_assert!(!usage.render().to_string().is_empty());
            }
        }
    }

    #[cfg(unix)]
    fn not_utf_8(byte: u8) -> OsString {
        std::os::unix::ffi::OsStringExt::from_vec(vec![b'a', byte, 0xff])
    }

    #[cfg(not(unix))]
    fn not_utf_8(byte: u8) -> OsString {
        char::from(byte).to_string().into()
    }

    #[test]
    fn the_arguments_of_all_commands_fit_together() {
        Cli::command().debug_assert();
    }
}
