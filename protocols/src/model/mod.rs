//! Models as circuits.

pub mod bert;
pub mod config;
pub use config::{Activation, BertConfig, ConfigError, Head};

/// Configurations that need no files, by name.
#[must_use]
pub fn known(name: &str) -> Option<BertConfig> {
    match name {
        "bert-base" => Some(BertConfig::base()),
        "bert-large" => Some(BertConfig::large()),
        _ => None,
    }
}

/// Names that [`known`] knows.
pub const KNOWN: [&str; 2] = ["bert-base", "bert-large"];
