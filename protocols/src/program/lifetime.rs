//! How long a value serves: one query, or all queries of a model.
//!
//! Shares of weights and the masks that weights keep are drawn once for a model. Whatever hides a query is drawn anew for each:
//! a mask that hid two queries would give away their difference. The scheme says of each sample which it is, because the
//! arithmetic does not: a share of a query times a weight depends on the model's inputs and on samples alone, and would be
//! taken for a part of the setup.

use super::{Op, ProgramDraft};
use serde::{Deserialize, Serialize};

/// How long a sample, and what is made of it, may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lifetime {
    /// For all queries of a model.
    Model,
    /// For one query.
    #[default]
    Query,
}

/// The lifetime of each value: the shortest among its arguments'; an input of the model owner lives as long as the model.
pub(super) fn derive(draft: &ProgramDraft) -> Vec<Lifetime> {
    let mut lifetimes: Vec<Lifetime> = Vec::with_capacity(draft.values.len());
    for value in &draft.values {
        let lifetime = match &value.op {
            Op::Input { .. } if value.holders.contains(draft.model_owner) => Lifetime::Model,
            Op::Input { .. } => Lifetime::Query,
            Op::Sample { lifetime, .. } => *lifetime,
            Op::Constant(_) => Lifetime::Model,
            Op::Local(..) | Op::Send(..) | Op::Reveal { .. } => {
                let arguments = value.op.arguments().iter();
                arguments.map(|argument| lifetimes[argument.index()]).max().unwrap_or(Lifetime::Model)
            }
        };
        lifetimes.push(lifetime);
    }
    lifetimes
}
