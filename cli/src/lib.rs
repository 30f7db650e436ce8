//! The command line's parts: arguments, words, tables, charts, progress, files. What they are about is in [`viewless_workbench`].
//!
//! Results go to standard output, progress and logs to standard error. Exit codes: 0 for success, 1 for a negative verdict, 2
//! for bad usage or input, with a sentence on standard error that says what to do; with `--json` as JSON, on its last line.

pub mod arguments;
pub mod commands;
pub mod error;
pub mod file;
pub mod json;
pub mod progress;
pub mod render;
pub mod screen;

use clap::Parser;
use commands::{Command, Outcome};
use screen::Manner;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// The variable that says what is logged to standard error, for instance `debug` or `viewless_models=debug`.
const LOG_VARIABLE: &str = "VIEWLESS_LOG";

/// Is a protocol for private Transformer inference right, private, cheap and alive? Answered from one definition of it.
#[derive(Debug, Parser)]
#[command(name = "viewless", version, propagate_version = true)]
#[command(after_help = "Exit codes: 0 success, 1 negative verdict, 2 bad usage or input.\n\
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
    match cli.command.run(Manner { json: cli.json, explain: cli.explain }) {
        Ok(Outcome::Positive) => ExitCode::SUCCESS,
        Ok(Outcome::Negative) => ExitCode::from(1),
        Err(error) => {
            screen::refuse(&error.to_string(), cli.json);
            ExitCode::from(screen::REFUSED)
        }
    }
}

/// Says what is wrong with the arguments; or gives the help or the version that they ask for.
fn refuse_usage(usage: &clap::Error) -> ExitCode {
    // What was not understood cannot say whether it asks for JSON.
    let as_json = std::env::args_os().any(|argument| argument == "--json");
    if !(usage.use_stderr() && as_json) {
        usage.exit();
    }
    let text = usage.render().to_string();
    screen::refuse(text.trim_start_matches("error: ").trim_end(), true);
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
    use clap::CommandFactory;

    #[test]
    fn the_arguments_of_all_commands_fit_together() {
        Cli::command().debug_assert();
    }
}
