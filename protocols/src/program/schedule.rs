//! How the sends of a Program are gathered into rounds.

use serde::{Deserialize, Serialize};

/// Which sends share a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Each message leaves as soon as its contents are known: rounds are the longest chain of sends of a phase.
    Asap,
    /// In program order; only sends that stand next to each other and do not depend on each other share a round. What an
    /// eager framework pays.
    AsWritten,
}
