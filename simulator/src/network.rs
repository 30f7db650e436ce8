//! How long a run would take on a network, from its rounds and bytes.
//!
//! # Convention
//!
//! ```text
//! predicted time = sum over rounds of (latency + bits on the slowest directed link of that round / bandwidth)
//!                + measured compute
//! ```
//!
//! - Latency is a *one-way* delay and is charged *once per round*: all messages of a round leave together, and the next round
//!   starts when the last of them has arrived. (A paper that states a round-trip time charges half of it per round here.)
//! - Links are directed and full duplex: P0 to P1 and P1 to P0 do not share bandwidth, nor do links of different pairs. A
//!   round therefore lasts as long as its fullest directed link.
//! - A bit is a bit of a packed message (`packing`); headers, encryption and TCP slow start are not included.
//! - Compute is added, not overlapped with communication; [`Network::seconds`] is the network's part only.

use crate::text_file::{self, MOST_SETTINGS_BYTES};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use viewless_protocols::plain::{first_not_plain, plain};
use viewless_protocols::program::Bill;

/// Why a network description was refused.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The file cannot be read.
    #[error("cannot read the network description {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A name that would look like something else on a screen.
    #[error(
        "the network's name `{name}` holds control characters, or marks that reorder text; write it in one line, of what shows as itself"
    )]
    NotPlain {
        /// The name, with escapes.
        name: String,
    },
    /// A network of one's own that is called like one that comes with viewless.
    #[error(
        "`{name}` is the name of a network that comes with viewless, and this is another; give it a name of its own"
    )]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The text is not TOML, or has a missing or unknown field.
    #[error(
        "{origin} is not a network description: {source}It needs name, bandwidth-bits-per-second and latency-seconds, and nothing else."
    )]
    Parse {
        /// The file, or what else the text came from.
        origin: String,
        /// What the parser said, with line and column. It ends in a newline.
        source: Box<toml::de::Error>,
    },
    /// The bandwidth is zero, negative, infinite or not a number.
    #[error(
        "network {name:?}: bandwidth-bits-per-second must be positive and finite, but is {bandwidth_bits_per_second}"
    )]
    Bandwidth {
        /// The network.
        name: String,
        /// The refused value.
        bandwidth_bits_per_second: f64,
    },
    /// The latency is negative, infinite or not a number.
    #[error("network {name:?}: latency-seconds must be zero or more and finite, but is {latency_seconds}")]
    Latency {
        /// The network.
        name: String,
        /// The refused value.
        latency_seconds: f64,
    },
}

/// A network between the parties: every directed link has the same bandwidth and the same one-way latency.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Network {
    /// Its name.
    name: String,
    /// Bandwidth of each directed link.
    bandwidth_bits_per_second: f64,
    /// Latency of each directed link, one way.
    latency_seconds: f64,
}

/// The file format; [`Network::new`] turns it into something that can be relied on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Description {
    name: String,
    bandwidth_bits_per_second: f64,
    latency_seconds: f64,
}

impl Network {
    /// A network with this bandwidth for each directed link and this one-way latency.
    pub fn new(
        name: impl Into<String>,
        bandwidth_bits_per_second: f64,
        latency_seconds: f64,
    ) -> Result<Self, NetworkError> {
        let name = name.into();
        if !(bandwidth_bits_per_second.is_finite() && bandwidth_bits_per_second > 0.0) {
            return Err(NetworkError::Bandwidth { name, bandwidth_bits_per_second });
        }
        if !(latency_seconds.is_finite() && latency_seconds >= 0.0) {
            return Err(NetworkError::Latency { name, latency_seconds });
        }
        Ok(Self { name, bandwidth_bits_per_second, latency_seconds })
    }

    /// 3 Gbit/s and 0.8 ms one way (`networks/lan.toml`).
    pub fn lan() -> Self {
        Self::parse("networks/lan.toml", include_str!("../networks/lan.toml"))
            .expect("the built-in descriptions are valid, as a test checks")
    }

    /// 200 Mbit/s and 40 ms one way (`networks/wan.toml`).
    pub fn wan() -> Self {
        Self::parse("networks/wan.toml", include_str!("../networks/wan.toml"))
            .expect("the built-in descriptions are valid, as a test checks")
    }

    /// Reads a description from a TOML file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, NetworkError> {
        let path = path.as_ref();
        let text = text_file::read(path, MOST_SETTINGS_BYTES)
            .map_err(|source| NetworkError::Read { path: path.to_owned(), source })?;
        let network = Self::parse(&path.display().to_string(), &text)?;
        // Reports call a network by its name alone.
        match [Self::lan(), Self::wan()].iter().any(|known| known.name == network.name && *known != network) {
            true => Err(NetworkError::NameTaken { name: network.name }),
            false => Ok(network),
        }
    }

    /// Reads a description from TOML text; `origin` names it in errors.
    pub fn parse(origin: &str, text: &str) -> Result<Self, NetworkError> {
        let Description { name, bandwidth_bits_per_second, latency_seconds } = toml::from_str(text)
            .map_err(|source| NetworkError::Parse { origin: origin.to_owned(), source: Box::new(source) })?;
        if first_not_plain(&name).is_some() {
            return Err(NetworkError::NotPlain { name: plain(&name) });
        }
        Self::new(name, bandwidth_bits_per_second, latency_seconds)
    }

    /// What the network is called in reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bits per second on each directed link.
    pub fn bandwidth_bits_per_second(&self) -> f64 {
        self.bandwidth_bits_per_second
    }

    /// One-way delay, charged once per round.
    pub fn latency_seconds(&self) -> f64 {
        self.latency_seconds
    }

    /// Predicted duration of a bill's online messages, without computation, in seconds: the sum over rounds of the latency and the
    /// time of the busiest directed link, of the fastest schedule that the dependencies allow.
    #[must_use]
    pub fn online_seconds(&self, bill: &Bill) -> f64 {
        let seconds = |rounds: &Vec<u64>| self.seconds(rounds.iter().copied());
        bill.online_schedules().iter().map(seconds).fold(f64::INFINITY, f64::min)
    }

    /// Seconds that the given rounds spend on the network; each is given by the bytes on its slowest directed link.
    pub fn seconds(&self, rounds_bytes: impl Iterator<Item = u64>) -> f64 {
        // Rounds and bytes are added as integers, so that the result does not depend on the order of the rounds.
        let (rounds, bytes) =
            rounds_bytes.fold((0u64, 0u128), |(rounds, total), bytes| (rounds + 1, total + u128::from(bytes)));
        rounds as f64 * self.latency_seconds + bytes as f64 * 8.0 / self.bandwidth_bits_per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(result: Result<Network, NetworkError>) -> String {
        result.expect_err("the description must be refused").to_string()
    }

    #[test]
    fn the_presets_are_what_their_documentation_says() {
        assert_eq!(Network::lan(), Network::new("lan", 3e9, 0.8e-3).expect("valid"));
        assert_eq!(Network::wan(), Network::new("wan", 200e6, 40e-3).expect("valid"));
    }

    #[test]
    fn a_file_is_loaded_and_a_missing_one_is_named() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("networks");
        assert_eq!(Network::load(folder.join("lan.toml")).expect("valid"), Network::lan());
        assert!(message(Network::load(folder.join("moon.toml"))).contains("moon.toml"));
    }

    #[test]
    fn wrong_descriptions_are_refused_with_the_field_named() {
        let describe = |bandwidth: &str, latency: &str| {
            let text = format!("name = \"n\"\nbandwidth-bits-per-second = {bandwidth}\nlatency-seconds = {latency}\n");
            message(Network::parse("n.toml", &text))
        };
        for bandwidth in ["0", "-1.0", "nan", "inf"] {
            assert!(describe(bandwidth, "0.1").contains("bandwidth-bits-per-second must be positive"), "{bandwidth}");
        }
        for latency in ["-0.1", "nan", "inf"] {
            assert!(describe("1e9", latency).contains("latency-seconds must be zero or more"), "{latency}");
        }
        let unknown = describe("1e9", "0.1\njitter-seconds = 1");
        assert!(unknown.contains("n.toml") && unknown.contains("jitter-seconds"), "{unknown}");
        assert!(message(Network::parse("n.toml", "name = \"n\"")).contains("bandwidth-bits-per-second"));
        let other_manner =
            message(Network::parse("n.toml", "name = \"n\"\nbandwidth_bits_per_second = 1e9\nlatency_seconds = 0.1\n"));
        assert!(other_manner.contains("2 |") && other_manner.contains("`bandwidth-bits-per-second`"), "{other_manner}");
    }

    #[test]
    fn a_round_costs_its_latency_and_the_bits_of_its_slowest_link() {
        let network = Network::new("test", 8e3, 0.5).expect("valid");
        assert_eq!(network.seconds(std::iter::empty()), 0.0);
        assert_eq!(network.seconds([0].into_iter()), 0.5);
        assert_eq!(network.seconds([1000, 0, 250].into_iter()), 3.0 * 0.5 + 1.25);
        let slowest = Network::new("no latency", 1.0, 0.0).expect("valid");
        assert_eq!(slowest.seconds([u64::MAX, u64::MAX].into_iter()), 2.0 * u64::MAX as f64 * 8.0);
    }
}
