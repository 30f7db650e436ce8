//! Why a step proves nothing. Each refusal is met by a forgery in `tests/refusals.rs`.

use thiserror::Error;

/// What is wrong with a step. Values are named by their position in the Program.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A number beyond the end of the Program.
    #[error("there is no value %{0}")]
    NoSuchValue(u32),
    /// A step about something that reaches the coalition in no message.
    #[error("%{0} is no message: the coalition does not know it, or knows it without a message")]
    NoMessage(usize),
    /// Two steps about one message.
    #[error("an earlier step is about the message %{0} already")]
    SecondStep(usize),
    /// A mask that leads nowhere.
    #[error("%{0} flows into no message that remains")]
    NoUse(usize),
    /// A mask that leads to several messages.
    #[error("%{value} flows into %{first} and %{second}, which both matter to messages that remain")]
    TwoUses {
        /// What branches.
        value: usize,
        /// A use.
        first: usize,
        /// Another.
        second: usize,
    },
    /// A part of a sample whose other parts are not all apart from it.
    #[error("the part %{part} of a sample is not apart from %{other}, which matters to messages that remain")]
    PartsOverlap {
        /// The part.
        part: usize,
        /// Another use of the sample.
        other: usize,
    },
    /// A mask that the coalition knows.
    #[error("the coalition knows the mask %{0}")]
    MaskKnown(usize),
    /// A mask that is no randomness.
    #[error("the mask %{0} is no sample and no slice of one")]
    MaskNoSample(usize),
    /// An operation that need not pass uniformity on.
    #[error("%{user} is not uniform whenever %{argument} is")]
    NotBalanced {
        /// The operation.
        user: usize,
        /// The argument.
        argument: usize,
    },
    /// Masks that end before the message.
    #[error("the masks do not cover the message %{0}")]
    NotCovered(usize),
    /// Rule `uniform` for a mask of fewer bits.
    #[error("the mask is read as a wider word and does not cover its high bits")]
    Widened,
    /// Rule `wide` for a mask of full width.
    #[error("the mask is not read as a wider word")]
    NotWidened,
    /// A widened mask that goes elsewhere.
    #[error("the widened mask %{0} is not added to the message itself")]
    WidenedElsewhere(usize),
    /// A widened mask that something else is done to.
    #[error("%{0} is no sum with a widened mask")]
    WidenedNoSum(usize),
    /// A widened mask of fewer elements.
    #[error("the widened mask is broadcast in %{0}")]
    WidenedBroadcast(usize),
    /// Rule `output` for something else.
    #[error("%{0} is no output of the coalition")]
    NoOutput(usize),
    /// Rule `output` without messages.
    #[error("an output without shares")]
    NoShares,
    /// A message that is not in the sum.
    #[error("%{0} is no share of the output")]
    NoShare(usize),
    /// A message in the sum that the step does not name.
    #[error("%{0} is a share of the output that the step does not name")]
    UnnamedShare(usize),
    /// The last share is what the others leave.
    #[error("the last share %{0} needs no mask")]
    LastShareMasked(usize),
    /// Another share without a mask.
    #[error("the share %{0} needs a mask")]
    ShareUnmasked(usize),
    /// An output that is something else than a sum of messages.
    #[error("the output is no sum of messages with public odd factors, because of %{0}")]
    NoSum(usize),
    /// A message with two places in the sum.
    #[error("%{0} enters the output twice")]
    ShareTwice(usize),
    /// A message of fewer elements than the output.
    #[error("a share is broadcast in %{0}")]
    ShareBroadcast(usize),
    /// A factor of a share that loses bits.
    #[error("the share %{0} enters with an even factor, so that the output does not tell it")]
    EvenFactor(usize),
    /// A mask that goes to other places than its two shares.
    #[error("the mask %{mask} does not flow into %{share} and %{last} and nowhere else")]
    MaskElsewhere {
        /// The mask.
        mask: usize,
        /// The share that it masks.
        share: usize,
        /// The last share.
        last: usize,
    },
    /// A mask that is multiplied, or the like, on its way.
    #[error("the mask %{mask} does not enter %{user} as a summand with an odd factor")]
    MaskNoSummand {
        /// The mask.
        mask: usize,
        /// What it enters.
        user: usize,
    },
    /// A mask of fewer elements than the share.
    #[error("the mask %{mask} is broadcast in %{user}")]
    MaskBroadcast {
        /// The mask.
        mask: usize,
        /// Where.
        user: usize,
    },
    /// A mask that stays in the output.
    #[error("the mask %{0} does not cancel in the output")]
    NotCancelling(usize),
    /// A withheld message that the coalition knows all the same.
    #[error("the coalition knows %{0} otherwise, or does not receive it")]
    KnownOtherwise(usize),
    /// A share that is made from messages that the simulator draws.
    #[error("the share %{0} depends on messages that the simulator draws without the output")]
    ShareDependsOnDrawn(usize),
}
