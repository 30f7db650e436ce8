//! A proof of the symbolic prover, as data: which message goes by which rule, in which order.
//!
//! The format, field by field, and what a second checker must verify: `docs/certificate.md`.

use serde::{Deserialize, Serialize};
use viewless_protocols::party::Party;
use viewless_protocols::program::ValueId;

/// Version of the rules and of this format.
pub const FORMAT: u32 = 3;

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
    /// What the simulator is given.
    pub simulator: Simulator,
    /// Pairs of values that are the same computation of the same arguments: the second has the contents of the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same: Vec<(ValueId, ValueId)>,
    /// Contents that the coalition is handed for free: a proof about a larger view is one about the view.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handed: Vec<ValueId>,
    /// Messages that the proof withholds from the coalition, because an output that it makes from them determines them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
    /// One step for each message (for the shares of an output: one step for all), in the order of elimination.
    pub steps: Vec<Step>,
}

/// A message that a party with an output completes the output with: it is the output less what the party has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withheld {
    /// The send.
    pub message: ValueId,
    /// The reveal.
    pub output: ValueId,
}

/// What the simulator is given beside the coalition's inputs and outputs: which of four claims is proved, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Simulator {
    /// Nothing, and view and outputs of *all* parties together are right: what is drawn tells nothing of others' outputs either, their
    /// rounding included. The joint statement, against the functionality that computes outputs as the Program does.
    JointlyWithOutputs,
    /// Nothing: it draws the coalition's own samples too. The standard claim.
    DrawsOwnSamples,
    /// The coalition's own samples. A weaker claim: outputs may depend on these samples, and with them tell more than alone.
    GivenOwnSamples,
    /// The coalition's own samples and all messages but those withheld, which are proved to be randomness that nothing secret enters. The
    /// weakest claim: outputs may depend on this randomness, and with it tell more than alone.
    GivenOwnRandomness,
}

/// One step of a proof. The rules and their soundness: `SOUNDNESS.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// The message is uniform and independent of what remains, because the masks are.
    Uniform {
        /// The send.
        message: ValueId,
        /// Samples outside the view, or slices of such; more than one where tensors are joined.
        masks: Vec<ValueId>,
    },
    /// The message is a bounded value plus a mask from a larger range: near the mask alone.
    Wide {
        /// The send.
        message: ValueId,
        /// Samples outside the view, or slices of such.
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
