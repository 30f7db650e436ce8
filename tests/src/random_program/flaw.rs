//! What can be wrong with a Program, and the rule that it breaks.

use viewless_protocols::program::Rule;

/// What is wrong with a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flaw {
    /// A party computes with what it does not hold.
    ComputesWithoutArgument,
    /// A value that nobody holds.
    HeldByNobody,
    /// A value held by somebody who takes no part.
    HeldByStranger,
    /// A party is struck off the Program, but holds values.
    PartyStruckOff,
    /// Two samples of one stream.
    StreamReused,
    /// Operands of different domains.
    OperandDomain,
    /// Operands whose shapes do not fit.
    OperandShape,
    /// Arithmetic on bits, or bit operations in a ring.
    OperationDomain,
    /// One argument fewer.
    ArgumentMissing,
    /// One argument more.
    ArgumentExtra,
    /// An argument that does not stand before its user.
    ArgumentForward,
    /// Another shape stored than follows.
    StoredShape,
    /// Another domain stored than follows.
    StoredDomain,
    /// Words of no or too many bits.
    Width,
    /// A conversion to words of no or too many bits.
    ConvertWidth,
    /// A tensor without elements, or with too many.
    Size,
    /// A shift by the width or more.
    Shift,
    /// A constant that does not fit its domain.
    ConstantTooLarge,
    /// A constant with a word too many.
    ConstantSize,
    /// A constant that is not everybody's.
    ConstantNotPublic,
    /// An input of two owners.
    InputOfTwo,
    /// A message to somebody who holds it.
    SendToHolder,
    /// A message that makes a holder forget.
    SendOmits,
    /// A message that tells more than its receiver.
    SendSpreads,
    /// An output of somebody who does not hold it.
    RevealToStranger,
    /// An output that is somebody else's too.
    RevealSpreads,
    /// As many fraction bits as the word has bits.
    FractionBits,
    /// A rearrangement that does not apply.
    MoveDoesNotApply,
    /// A sum or a joining along an axis that is not there.
    NoSuchAxis,
    /// A public function that cannot be evaluated.
    Function,
    /// Waves of words that are no angles.
    WavesOfWords,
    /// A region that is not in the tree.
    RegionOutside,
    /// A tree of regions that is none.
    RegionTree,
    /// A claim about no shares, missing shares, bits, or shares that differ.
    ClaimShares,
    /// A claim whose numbers are impossible.
    ClaimNumbers,
    /// A claim made in a region that is not in the tree.
    ClaimRegion,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Self; 36] = [
        Self::ComputesWithoutArgument,
        Self::HeldByNobody,
        Self::HeldByStranger,
        Self::PartyStruckOff,
        Self::StreamReused,
        Self::OperandDomain,
        Self::OperandShape,
        Self::OperationDomain,
        Self::ArgumentMissing,
        Self::ArgumentExtra,
        Self::ArgumentForward,
        Self::StoredShape,
        Self::StoredDomain,
        Self::Width,
        Self::ConvertWidth,
        Self::Size,
        Self::Shift,
        Self::ConstantTooLarge,
        Self::ConstantSize,
        Self::ConstantNotPublic,
        Self::InputOfTwo,
        Self::SendToHolder,
        Self::SendOmits,
        Self::SendSpreads,
        Self::RevealToStranger,
        Self::RevealSpreads,
        Self::FractionBits,
        Self::MoveDoesNotApply,
        Self::NoSuchAxis,
        Self::Function,
        Self::WavesOfWords,
        Self::RegionOutside,
        Self::RegionTree,
        Self::ClaimShares,
        Self::ClaimNumbers,
        Self::ClaimRegion,
    ];

    /// Whether `rule` is the rule that the flaw breaks.
    #[must_use]
    pub fn breaks(self, rule: &Rule) -> bool {
        match self {
            Self::ComputesWithoutArgument => matches!(rule, Rule::NotHeld { .. }),
            Self::HeldByNobody | Self::HeldByStranger | Self::PartyStruckOff => matches!(rule, Rule::Holders { .. }),
            Self::StreamReused => matches!(rule, Rule::StreamReused { .. }),
            Self::OperandDomain => matches!(rule, Rule::DomainsDiffer { .. }),
            Self::OperandShape | Self::Size | Self::MoveDoesNotApply | Self::NoSuchAxis => {
                matches!(rule, Rule::Shape(_))
            }
            Self::OperationDomain | Self::WavesOfWords => matches!(rule, Rule::NotInDomain { .. }),
            Self::ArgumentMissing | Self::ArgumentExtra => matches!(rule, Rule::ArgumentCount { .. }),
            Self::ArgumentForward => matches!(rule, Rule::NoSuchArgument(_)),
            Self::StoredShape | Self::StoredDomain => matches!(rule, Rule::Stored { .. }),
            Self::Width | Self::ConvertWidth => matches!(rule, Rule::Width(_)),
            Self::Shift => matches!(rule, Rule::Shift { .. }),
            Self::ConstantTooLarge | Self::ConstantSize | Self::Function => matches!(rule, Rule::Contents(_)),
            Self::ConstantNotPublic | Self::InputOfTwo | Self::SendOmits | Self::SendSpreads | Self::RevealSpreads => {
                matches!(rule, Rule::HoldersNot { .. })
            }
            Self::SendToHolder => matches!(rule, Rule::SendToHolder { .. }),
            Self::RevealToStranger => matches!(rule, Rule::RevealToStranger { .. }),
            Self::FractionBits => matches!(rule, Rule::FractionBits { .. }),
            Self::RegionOutside | Self::RegionTree | Self::ClaimRegion => matches!(rule, Rule::Region),
            Self::ClaimShares | Self::ClaimNumbers => matches!(rule, Rule::Claim(_)),
        }
    }
}
