//! What is published of other systems, as data: to stand beside what is counted here, each by its own convention.

use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// A system's cost of one inference, as its source prints it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Name of the system.
    pub system: String,
    /// Who computes, and by what means.
    pub setting: String,
    /// The model, by its name here.
    pub model: String,
    /// Tokens of the sequence.
    pub tokens: usize,
    /// Online rounds, where they are printed.
    #[serde(default)]
    pub rounds: Option<u64>,
    /// Online volume, in its unit.
    pub online: f64,
    /// Volume of what is dealt beforehand, in its unit, where it is printed.
    #[serde(default)]
    pub offline: Option<f64>,
    /// The unit: "GB" is 10^9 bytes, "GiB" 2^30.
    pub unit: String,
    /// What the volumes count.
    pub convention: String,
    /// Where it is printed.
    pub source: String,
}

#[derive(Deserialize)]
struct Records {
    record: Vec<Record>,
}

static RECORDS: LazyLock<Vec<Record>> = LazyLock::new(|| {
    let records: Records = toml::from_str(include_str!("records.toml")).expect("a test reads every record");
    records.record
});

/// The records of a model at a length.
#[must_use]
pub fn records(model: &str, tokens: usize) -> Vec<Record> {
    RECORDS.iter().filter(|record| record.model == model && record.tokens == tokens).cloned().collect()
}

/// The models and lengths of which anything is recorded, in words.
#[must_use]
pub fn recorded() -> String {
    let mut all: Vec<String> =
        RECORDS.iter().map(|record| format!("{} at {} tokens", record.model, record.tokens)).collect();
    all.sort();
    all.dedup();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::model::known;

    #[test]
    fn every_record_is_of_a_known_model_in_a_known_unit_with_its_source() {
        assert!(RECORDS.len() >= 7);
        for record in RECORDS.iter() {
            assert!(known(&record.model).is_some(), "{record:?}");
            assert!(["GB", "GiB"].contains(&&*record.unit) && record.online > 0.0, "{record:?}");
            assert!(!record.source.is_empty() && !record.convention.is_empty(), "{record:?}");
        }
        assert_eq!(records("bert-base", 128).len(), 4);
        assert!(records("bert-base", 17).is_empty() && recorded().contains("gpt2 at 128 tokens"));
    }
}
