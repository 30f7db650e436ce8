//! Arguments that several commands take, and what is made of them.

use crate::error::CliError;
use clap::{Args, ValueEnum};
use std::fs;
use std::path::Path;
use viewless_protocols::model::{self, Query};
use viewless_protocols::nonlinear;
use viewless_protocols::suite::{Suite, SuiteError};
use viewless_simulator::count;
use viewless_simulator::network::Network;
use viewless_simulator::stream::Seed;

/// The suite that serves models as they were trained.
pub const DEFAULT_SUITE: &str = "faithful";

/// Names of the built-in networks.
pub const NETWORKS: [&str; 2] = ["lan", "wan"];

/// Sizes of what is counted.
#[derive(Debug, Clone, Copy, Args)]
pub struct Sizes {
    /// Tokens of each sequence; for a protocol, elements of each row; not used for a model of images, which have their number
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = size)]
    pub seq: usize,
    /// Sequences inferred together; for a protocol, rows
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = size)]
    pub batch: usize,
}

impl Sizes {
    /// The sizes as a model takes them.
    #[must_use]
    pub fn query(self) -> Query {
        Query { tokens: self.seq, batch: self.batch }
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

impl From<Schedule> for count::Schedule {
    fn from(schedule: Schedule) -> Self {
        match schedule {
            Schedule::Asap => Self::Asap,
            Schedule::AsWritten => Self::AsWritten,
        }
    }
}

/// Largest size on the command line; products of two of them still fit a word.
const LARGEST_SIZE: usize = 1 << 20;

fn size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size @ 1..=LARGEST_SIZE) => Ok(size),
        _ => Err(format!("a size is a whole number from 1 to {LARGEST_SIZE}")),
    }
}

/// A built-in suite, or the TOML file of one.
///
/// # Errors
/// No such suite or file, or a suite that cannot be used.
pub fn suite(name: &str) -> Result<Suite, CliError> {
    if has_extension(name, "toml") {
        let path = Path::new(name);
        let text = fs::read_to_string(path).map_err(|source| CliError::ReadSuite { path: path.to_owned(), source })?;
        return Ok(Suite::parse(name, &text)?);
    }
    Suite::built_in(name).map_err(|error| match error {
        SuiteError::Unknown { .. } => CliError::UnknownSuite { error, hint: instead(name) },
        error => error.into(),
    })
}

/// A built-in network, or the TOML file of one.
///
/// # Errors
/// No such network or file, or one that cannot be.
pub fn network(name: &str) -> Result<Network, CliError> {
    match name {
        "lan" => Ok(Network::lan()),
        "wan" => Ok(Network::wan()),
        file => Ok(Network::load(file)?),
    }
}

/// A seed: a number for simulation, or the 64 hexadecimal digits that a report shows.
///
/// # Errors
/// A text that is neither.
pub fn seed(text: &str) -> Result<Seed, CliError> {
    // 64 digits are hexadecimal even when all of them are decimal, too.
    let seed = if text.len() == 64 { Seed::from_hex(text).ok() } else { text.parse().ok().map(Seed::from_u64) };
    seed.ok_or_else(|| CliError::Seed { text: text.to_owned() })
}

/// A seed as [`seed`] reads it, short where it can be.
#[must_use]
pub fn shown(seed: &Seed) -> String {
    let hex = seed.to_hex();
    // A number comes first in little-endian order; the rest is zero.
    let (number, rest) = hex.split_at(16);
    match u64::from_str_radix(number, 16) {
        Ok(number) if rest.bytes().all(|digit| digit == b'0') => number.swap_bytes().to_string(),
        _ => hex,
    }
}

/// What a name is that was given in another thing's place; empty if it is nothing.
pub(crate) fn instead(name: &str) -> String {
    if Suite::names().any(|suite| suite == name) {
        format!(" (`{name}` is a suite: --suite {name})")
    } else if NETWORKS.contains(&name) {
        format!(" (`{name}` is a network: --network {name})")
    } else if model::known(name).is_some() {
        format!(" (`{name}` is a model)")
    } else if nonlinear::Registry::built_in().get(name).is_some() {
        format!(" (`{name}` is a protocol)")
    } else {
        String::new()
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_number_or_what_a_report_shows() {
        assert_eq!(seed("7").unwrap(), Seed::from_u64(7));
        assert_eq!(seed(&Seed::from_u64(7).to_hex()).unwrap(), Seed::from_u64(7));
        assert_eq!(shown(&Seed::from_u64(1 << 40)), "1099511627776");
        let last = |byte| Seed::from_bytes(std::array::from_fn(|i| if i == 31 { byte } else { 0 }));
        for other in [Seed::from_bytes([7; 32]), last(1), last(0x10)] {
            assert_eq!(seed(&shown(&other)).unwrap(), other);
        }
        for text in ["", "-1", "seven", "18446744073709551616"] {
            assert!(seed(text).unwrap_err().to_string().contains("64 hexadecimal digits"), "{text}");
        }
    }

    #[test]
    fn sizes_are_whole_and_positive() {
        assert_eq!(size("512"), Ok(512));
        for text in ["0", "-1", "1.5", "", "1048577"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_in_the_wrong_place_is_recognised() {
        assert!(suite("bert-base").unwrap_err().to_string().contains("`bert-base` is a model"));
        assert!(suite("gelu/cosine").unwrap_err().to_string().contains("is a protocol"));
        assert!(suite("none").unwrap_err().to_string().contains("faithful"));
        assert!(suite("none.toml").unwrap_err().to_string().contains("none.toml"));
    }
}
