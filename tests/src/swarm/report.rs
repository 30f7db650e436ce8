//! What runs of the swarm leave behind.

use super::Check;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One run, and a line of the results file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 0.
    pub run: u64,
    /// What kind of thing it compiled: `circuit`, or the function of a protocol.
    pub subject: String,
    /// What it drew.
    pub drawn: String,
    /// What failed, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Seconds that it took.
    pub seconds: f64,
}

/// A check that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Which.
    pub check: Check,
    /// How.
    pub why: String,
    /// The smallest run found that fails in the same check, as bytes in hexadecimal.
    pub replay: String,
    /// What it draws.
    pub smallest: String,
}

/// What came of all runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SwarmReport {
    /// Decides every run; none where one was replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Runs that were asked for.
    pub asked: u64,
    /// Runs that are done, those of an earlier call included.
    pub runs: u64,
    /// Runs that an earlier call had done.
    pub resumed: u64,
    /// How many runs had each kind of subject: random circuits, and protocols of each function.
    pub subjects: BTreeMap<String, u64>,
    /// The first run that failed, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Line>,
    /// Seconds that this call took.
    pub seconds: f64,
}
