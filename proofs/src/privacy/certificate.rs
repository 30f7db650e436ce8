//! A proof of the symbolic prover, as data: which message goes by which rule, in which order.

use serde::{Deserialize, Serialize};
use viewless_protocols::party::Party;
use viewless_protocols::program::ValueId;

/// Version of the rules and of this format.
pub const FORMAT: u32 = 1;

/// A proof that a coalition's view can be simulated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// [`FORMAT`].
    pub format: u32,
    /// Digest of the Program that it is about, in hexadecimal.
    pub digest: String,
    /// The members of the coalition.
    pub coalition: Vec<Party>,
    /// One step for each message (for the shares of an output: one step for all), in the order of elimination.
    pub steps: Vec<Step>,
}

/// One step of a proof. The rules and their soundness: `SOUNDNESS.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// The coalition can compute the message from what it knows otherwise.
    Function {
        /// The send.
        message: ValueId,
    },
    /// The message is uniform and independent of what remains, because the masks are.
    Uniform {
        /// The send.
        message: ValueId,
        /// Samples outside the view; more than one where tensors are joined.
        masks: Vec<ValueId>,
    },
    /// The message is a bounded value plus a mask from a larger range: near the mask alone.
    Wide {
        /// The send.
        message: ValueId,
        /// Samples outside the view.
        masks: Vec<ValueId>,
    },
    /// The messages are shares of a declared output: all but the last are uniform, and the last is the output less the others.
    Output {
        /// The reveal.
        output: ValueId,
        /// The sends, each but the last with the sample that masks it and the last.
        shares: Vec<Share>,
    },
}

/// A share of a declared output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The send.
    pub message: ValueId,
    /// The sample that masks it; none for the last share.
    pub mask: Option<ValueId>,
}
