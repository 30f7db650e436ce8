//! Phases, derived from what a value depends on.

use super::{Op, ProgramDraft};
use serde::{Deserialize, Serialize};
use std::fmt;

/// When a value can be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Depends on no input: before anything is known.
    Offline,
    /// Depends on the model owner's inputs alone: once for a model.
    Setup,
    /// Depends on a query.
    Online,
}

impl Phase {
    /// All phases in the order of time.
    pub const ALL: [Self; 3] = [Self::Offline, Self::Setup, Self::Online];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Offline => "offline",
            Self::Setup => "setup",
            Self::Online => "online",
        })
    }
}

/// The phase of each value: the latest phase of its arguments.
pub(super) fn derive(draft: &ProgramDraft) -> Vec<Phase> {
    let mut phases: Vec<Phase> = Vec::with_capacity(draft.values.len());
    for value in &draft.values {
        let phase = match &value.op {
            Op::Input { .. } if value.holders.contains(draft.model_owner) => Phase::Setup,
            Op::Input { .. } => Phase::Online,
            op @ (Op::Constant(_) | Op::Sample { .. } | Op::Local(..) | Op::Send(..) | Op::Reveal { .. }) => {
                op.arguments().iter().map(|argument| phases[argument.index()]).max().unwrap_or(Phase::Offline)
            }
        };
        phases.push(phase);
    }
    phases
}
