//! Threads: no more than help, whoever asks for them.

use crate::error::CliError;
use crate::screen;
use std::num::NonZero;

/// What rayon reads.
const VARIABLE: &str = "RAYON_NUM_THREADS";

/// More threads than this take turns on the same processors, and each turn costs time.
fn useful() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Threads to start: as many as are asked for, or as many as help; none if nobody asks.
fn started(asked: Option<usize>, useful: usize) -> Option<usize> {
    asked.filter(|&asked| asked > 0).map(|asked| asked.min(useful))
}

/// Sets the number of threads that an argument asks for, or else the environment; says so if these are more than help.
///
/// # Errors
/// The system has no such threads.
pub fn limit(argument: Option<usize>) -> Result<(), CliError> {
    let by_environment = || std::env::var(VARIABLE).ok()?.parse().ok();
    let asked = argument.or_else(by_environment);
    let Some(threads) = started(asked, useful()) else { return Ok(()) };
    if let Some(asked) = asked.filter(|&asked| asked > threads) {
        screen::note(format_args!(
            "{threads} threads are started and not {asked}: this machine has no more processors"
        ));
    }
    let built = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    built.map_err(|error| CliError::Threads { threads, reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_threads_are_started_than_help() {
        assert_eq!(started(Some(1024), 2), Some(2));
        assert_eq!(started(Some(1), 2), Some(1));
        assert_eq!((started(None, 2), started(Some(0), 2)), (None, None));
        assert!(useful() >= 1);
    }
}
