//! What a user names: suites, networks, seeds, and what a name is that was given in another thing's place.

use crate::subject::{Subject, SubjectError, text_of_file};
pub use crate::what_is::{NETWORKS, Named, in_words, what_is};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::suite::{Suite, SuiteError};
use viewless_simulator::network::{Network, NetworkError};
use viewless_simulator::stream::Seed;
use viewless_simulator::text_file::{self, MOST_SETTINGS_BYTES};

/// The suite that serves models as they were trained.
pub const DEFAULT_SUITE: &str = "faithful";

/// A name that stands for nothing usable.
#[derive(Debug, Error)]
pub enum NamedError {
    /// A suite that is not one; something else may be.
    #[error("{error}{}", in_words(name, *is))]
    UnknownSuite {
        /// The name asked for.
        name: String,
        /// What the suites' reader says.
        error: SuiteError,
        /// What the name is, if it is something else.
        is: Option<Named>,
    },
    /// A suite's file that cannot be read.
    #[error("cannot read the suite {}: {source}", path.display())]
    ReadSuite {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A suite that cannot be used.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// A protocol file that a suite names.
    #[error("the suite {} names a protocol file that cannot be used: {error}", path.display())]
    SuiteProtocol {
        /// The suite's file.
        path: PathBuf,
        /// The protocol file, and what is wrong with it.
        error: Box<SubjectError>,
    },
    /// A network that cannot be used.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A text for a seed that is none.
    #[error("a seed is a whole number below 2^64 or 64 hexadecimal digits; `{text}` is neither")]
    Seed {
        /// The text.
        text: String,
    },
}

/// A built-in suite, or the TOML file of one with the protocol files that it names, whose paths are relative to its own; what the files
/// call is in the registry.
///
/// # Errors
/// No such suite or file, or a suite or protocol file that cannot be used.
pub fn suite(name: &str, registry: &Registry) -> Result<Suite, NamedError> {
    if Path::new(name).extension().is_some_and(|found| found == "toml") {
        let path = Path::new(name);
        let text = text_file::read(path, MOST_SETTINGS_BYTES)
            .map_err(|source| NamedError::ReadSuite { path: path.to_owned(), source })?;
        let mut suite = Suite::parse(name, &text)?;
        let unusable = |error| NamedError::SuiteProtocol { path: path.to_owned(), error: Box::new(error) };
        let folder = path.parent().unwrap_or(Path::new(""));
        for file in suite.missing_files() {
            let place = folder.join(&file);
            let text = text_of_file(&place).map_err(unusable)?;
            // Read once here, so that a mistake is found at once and named with the whole path.
            let read = Subject::of_text(&place.display().to_string(), text, registry).map_err(unusable)?;
            suite.protocol_files.extend(read.text.map(|text| (file, text)));
        }
        // Reports call a suite by its name alone.
        if Suite::built_in(&suite.name).is_ok_and(|built_in| built_in != suite) {
            return Err(SuiteError::NameTaken { name: suite.name }.into());
        }
        // What it names for functions that nothing uses would be found out by nobody.
        suite.resolvable(registry)?;
        return Ok(suite);
    }
    Suite::built_in(name).map_err(|error| match error {
        SuiteError::Unknown { .. } => {
            NamedError::UnknownSuite { name: name.to_owned(), error, is: what_is(name, registry) }
        }
        error => error.into(),
    })
}

/// A built-in network, or the TOML file of one.
///
/// # Errors
/// No such network or file, or one that cannot be.
pub fn network(name: &str) -> Result<Network, NamedError> {
    match name {
        "lan" => Ok(Network::lan()),
        "wan" => Ok(Network::wan()),
        file => Ok(Network::load(file)?),
    }
}

/// A seed: a number for simulation, or the 64 hexadecimal digits that a report shows.
///
/// # Errors
/// [`NamedError::Seed`] for a text that is neither.
pub fn seed(text: &str) -> Result<Seed, NamedError> {
    // 64 digits are hexadecimal even when all of them are decimal, too.
    let seed = if text.len() == 64 { Seed::from_hex(text).ok() } else { text.parse().ok().map(Seed::from_u64) };
    seed.ok_or_else(|| NamedError::Seed { text: text.to_owned() })
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
    fn a_name_in_the_wrong_place_is_recognised() {
        assert!(suite("bert-base", Registry::built_in()).unwrap_err().to_string().contains("`bert-base` is a model"));
        assert!(suite("gelu/cosine", Registry::built_in()).unwrap_err().to_string().contains("is a protocol"));
        assert!(suite("none", Registry::built_in()).unwrap_err().to_string().contains("faithful"));
        assert!(suite("none.toml", Registry::built_in()).unwrap_err().to_string().contains("none.toml"));
        assert_eq!(
            ["faithful", "lan", "moon"].map(|name| what_is(name, Registry::built_in())),
            [Some(Named::Suite), Some(Named::Network), None]
        );
    }

    #[test]
    fn a_suite_s_protocol_files_lie_beside_it_and_mistakes_are_named_with_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        let text = std::fs::read_to_string("../protocols/src/suites/faithful.toml").unwrap();
        let other = text.replace("gelu/cosine", "parts/gelu.protocol").replace("\"faithful\"", "\"mine\"");
        std::fs::write(&path, other).unwrap();
        let read = || suite(&path.display().to_string(), Registry::built_in());
        let missing = read().unwrap_err().to_string();
        assert!(missing.contains("mine.toml") && missing.contains("parts/gelu.protocol"), "{missing}");
        std::fs::create_dir(folder.path().join("parts")).unwrap();
        let bolt = std::fs::read_to_string("../protocols/examples/bolt.protocol").unwrap();
        let file = folder.path().join("parts/gelu.protocol");
        std::fs::write(&file, bolt.replace("summary", "sumary")).unwrap();
        let wrong = read().unwrap_err().to_string();
        assert!(wrong.contains(&format!("{}:", file.display())) && wrong.contains("`sumary`"), "{wrong}");
        std::fs::write(&file, &bolt).unwrap();
        let found = read().unwrap();
        assert_eq!(found.protocol_files.into_iter().collect::<Vec<_>>(), [("parts/gelu.protocol".to_owned(), bolt)]);
    }

    #[test]
    fn a_suite_s_protocols_are_all_there_whatever_uses_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        let text = std::fs::read_to_string("../protocols/src/suites/faithful.toml").unwrap();
        let text = text.replace("\"faithful\"", "\"mine\"");
        for (to, says) in [("softmax/nothing", "there is no such protocol"), ("gelu/cosine", "but it computes gelu")] {
            std::fs::write(&path, text.replace("softmax/fourier", to)).unwrap();
            let refused = suite(&path.display().to_string(), Registry::built_in()).unwrap_err().to_string();
            assert!(refused.contains(says) && refused.contains("softmax/exp"), "{refused}");
        }
    }

    #[test]
    fn nothing_is_called_like_what_comes_with_viewless_and_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let text = std::fs::read_to_string("../protocols/src/suites/faithful.toml").unwrap();
        assert!(suite(&write("same.toml", &text), Registry::built_in()).is_ok());
        let other = write("other.toml", &text.replace("gelu/cosine", "gelu/quad"));
        let refused = suite(&other, Registry::built_in()).unwrap_err().to_string();
        assert!(refused.contains("`faithful` is the name of a suite that comes with viewless"), "{refused}");
        let hidden = write("hidden.toml", &text.replace("\"faithful\"", "\"a\\u001b[2Jb\""));
        let refused = suite(&hidden, Registry::built_in()).unwrap_err().to_string();
        assert!(refused.contains("`a\\u{1b}[2Jb` holds control characters"), "{refused}");
        let lan =
            |bits: &str| format!("name = \"lan\"\nbandwidth-bits-per-second = {bits}\nlatency-seconds = 0.0008\n");
        let refused = network(&write("n.toml", &lan("1e12"))).unwrap_err().to_string();
        assert!(refused.contains("`lan` is the name of a network"), "{refused}");
        // A protocol file is told apart by its path, because examples are twins of what they are named for.
        let bolt = std::fs::read_to_string("../protocols/examples/bolt.protocol").unwrap();
        let file = write("mine.protocol", &bolt);
        let subject = crate::Subject::find(&file, Registry::built_in()).unwrap();
        assert_eq!(subject.protocol().unwrap().title(), format!("gelu/bolt ({file})"));
        let escaped = write("escaped.protocol", &bolt.replacen("summary  \"", "summary  \"\u{1b}[31m", 1));
        let refused = crate::Subject::find(&escaped, Registry::built_in()).unwrap_err().to_string();
        assert!(refused.contains("does not show as itself"), "{refused}");
    }
}
