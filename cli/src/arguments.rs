//! Arguments that several commands take, and what is made of them.

use crate::error::CliError;
use crate::{file, screen};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use viewless_proofs::privacy::statistical::MOST_RUNS;
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::program;
use viewless_protocols::suite::Suite;
use viewless_simulator::network::Network;
use viewless_simulator::stream::Seed;
use viewless_workbench::inference::InferenceError;
use viewless_workbench::named::DEFAULT_SUITE;
use viewless_workbench::{Sizes, named};

/// Sizes of what is counted.
#[derive(Debug, Clone, Copy, Args)]
pub struct SizeArguments {
    /// Tokens of each sequence; for a protocol, elements of each row; not used for a model of images, which have their number
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = size)]
    seq: usize,
    /// Sequences inferred together; for a protocol, rows
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = size)]
    batch: usize,
}

impl SizeArguments {
    /// The sizes.
    ///
    /// # Panics
    /// Never: each size was checked when it was read.
    #[must_use]
    pub fn checked(self) -> Sizes {
        Sizes::new(self.seq, self.batch).expect("both sizes were checked when they were read")
    }
}

/// The fixed point, where it is not the suite's.
#[derive(Debug, Clone, Copy, Args)]
pub struct FixedArguments {
    /// Fraction bits of the fixed point [default: the suite's]
    #[arg(long, value_name = "N")]
    fraction_bits: Option<u8>,
    /// Bits of the ring's words: 64; others are refused with the reason
    #[arg(long, value_name = "N")]
    ring_bits: Option<u8>,
}

impl FixedArguments {
    /// A suite with this fixed point.
    ///
    /// # Errors
    /// A fixed point without room for products, or a ring that is not built.
    pub fn of(self, suite: Suite) -> Result<Suite, CliError> {
        Ok(suite.with_fixed(self.fraction_bits, self.ring_bits)?)
    }
}

/// How a private run of a model is made: what `infer` and `sample` take alike.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// A suite may compute other functions than the model's own; without this that is a negative verdict
    #[arg(long)]
    pub(crate) accept_other_functions: bool,
    /// A built-in suite, or a .toml file
    #[arg(long, value_name = "SUITE|FILE", default_value = DEFAULT_SUITE, value_parser = suite)]
    suite: Suite,
    #[command(flatten)]
    fixed: FixedArguments,
    /// Decides everything random: a number, for simulation, or 64 hexadecimal digits
    #[arg(long, value_name = "N|HEX", default_value = "0", value_parser = seed)]
    seed: Seed,
    /// Draw the seed from the operating system
    #[arg(long, conflicts_with = "seed")]
    random_seed: bool,
    /// lan, wan, or a .toml file
    #[arg(long, value_name = "NETWORK|FILE", default_value = "lan", value_parser = network)]
    pub(crate) network: Network,
    /// Leave out the parties: the same numbers to the last bit, and the same findings of the claims, in less time, but nothing is sent
    #[arg(long, conflicts_with = "transcript")]
    pub(crate) fast: bool,
    /// Run even if the values take more memory than is free
    #[arg(long)]
    pub(crate) force: bool,
    /// Which messages share a round
    #[arg(long, value_enum, default_value_t = Schedule::Asap)]
    pub(crate) schedule: Schedule,
    /// Threads that compute; the result does not depend on it [default: all processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Write every message of the run to a file: one JSON object a line, with a digest of its contents
    #[arg(long, value_name = "FILE")]
    pub(crate) transcript: Option<PathBuf>,
    /// Where fetched models are kept [default: as `fetch`]
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
}

impl RunArguments {
    /// The suite, with the fixed point that is asked for.
    pub(crate) fn suite(&self) -> Result<Suite, CliError> {
        self.fixed.of(self.suite.clone())
    }

    /// The seed, which is told first, so that a run that fails can be replayed, too; beside the results, because it is none.
    pub(crate) fn announced_seed(&self) -> Result<Seed, CliError> {
        let (seed, why) = if self.random_seed {
            (Seed::from_os()?, "drawn from the operating system; whoever knows it sees everything")
        } else {
            (self.seed.clone(), "for simulation: a known seed hides nothing")
        };
        screen::note(format_args!("seed {} ({why})", named::shown(&seed)));
        Ok(seed)
    }

    /// The error of a run, of whose files only the transcript is written while it lasts.
    pub(crate) fn failed(&self, error: InferenceError) -> CliError {
        match (error, &self.transcript) {
            (InferenceError::Transcript(source), Some(path)) => file::failed(path, source),
            (error, _) => error.into(),
        }
    }

    /// Threads that are asked for.
    pub(crate) fn threads(&self) -> Option<usize> {
        self.threads.map(usize::from)
    }
}

/// Which sends share a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Schedule {
    /// As soon as possible: the longest chain of messages
    Asap,
    /// Program order, where only independent neighbours share a round: what an eager framework pays
    AsWritten,
}

impl From<Schedule> for program::Schedule {
    fn from(schedule: Schedule) -> Self {
        match schedule {
            Schedule::Asap => Self::Asap,
            Schedule::AsWritten => Self::AsWritten,
        }
    }
}

fn size(text: &str) -> Result<usize, String> {
    let size = text.parse().ok().and_then(|size| Sizes::one(size).ok());
    size.ok_or_else(|| format!("a size is a whole number from 1 to {}", Sizes::LARGEST))
}

/// An interval as LO:HI.
///
/// # Errors
/// A text that is not two numbers.
pub fn interval(text: &str) -> Result<(f64, f64), String> {
    let ends = text.split_once(':').and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
    ends.ok_or_else(|| "an interval is two numbers, LO:HI, for instance -8:8".to_owned())
}

/// Runs for statistics.
///
/// # Errors
/// No whole number, or one that is out of bounds.
pub fn runs(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(runs @ 1..=MOST_RUNS) => Ok(runs),
        _ => Err(format!("the number of runs is a whole number from 1 to {MOST_RUNS}")),
    }
}

/// The protocols that the command line knows: those that come with viewless. Nobody else says so; the workbench takes any.
#[must_use]
pub fn registry() -> &'static Registry {
    Registry::built_in()
}

/// A built-in suite, or the TOML file of one.
///
/// # Errors
/// No such suite or file, or a suite that cannot be used.
pub fn suite(name: &str) -> Result<Suite, CliError> {
    Ok(named::suite(name, registry())?)
}

/// A built-in network, or the TOML file of one.
///
/// # Errors
/// No such network or file, or one that cannot be.
pub fn network(name: &str) -> Result<Network, CliError> {
    Ok(named::network(name)?)
}

/// A seed: a number for simulation, or the 64 hexadecimal digits that a report shows.
///
/// # Errors
/// A text that is neither.
pub fn seed(text: &str) -> Result<Seed, CliError> {
    Ok(named::seed(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_and_positive() {
        assert_eq!(size("512"), Ok(512));
        for text in ["0", "-1", "1.5", "", "1048577"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
