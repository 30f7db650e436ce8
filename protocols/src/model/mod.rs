//! Models as circuits.

pub mod config;
pub use config::{Activation, BertConfig, ConfigError, Head};
