//! What a name is that was given in another thing's place.

use std::fmt;
use viewless_protocols::model;
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::suite::Suite;

/// Names of the built-in networks.
pub const NETWORKS: [&str; 2] = ["lan", "wan"];

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A built-in suite.
    Suite,
    /// A built-in network.
    Network,
    /// A known model.
    Model,
    /// A protocol of the registry.
    Protocol,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Suite => "suite",
            Self::Network => "network",
            Self::Model => "model",
            Self::Protocol => "protocol",
        })
    }
}

/// What a name is; nothing if it is none of ours.
#[must_use]
pub fn what_is(name: &str, registry: &Registry) -> Option<Named> {
    if Suite::names().any(|suite| suite == name) {
        Some(Named::Suite)
    } else if NETWORKS.contains(&name) {
        Some(Named::Network)
    } else if model::known(name).is_some() || model::dcvae::DcVaeConfig::known(name).is_some() {
        Some(Named::Model)
    } else {
        registry.find(name).ok().map(|_| Named::Protocol)
    }
}

/// What a name is, to be added to the sentence that says what it is not.
#[must_use]
pub fn in_words(name: &str, is: Option<Named>) -> String {
    is.map_or_else(String::new, |is| format!(" (`{name}` is a {is})"))
}
