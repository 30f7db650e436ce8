//! Parties and sets of parties.

use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// Someone who takes part in a protocol. Owners of inputs and outputs may coincide with a computing party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Party {
    /// The first computing party.
    P0,
    /// The second computing party.
    P1,
    /// The third computing party, in three-party schemes.
    P2,
    /// Deals correlated randomness and takes no part in the online phase.
    Dealer,
    /// Owns the query and receives the answer.
    Client,
    /// Owns the weights, where it is none of the computing parties.
    ModelOwner,
}

impl Party {
    /// Every party there can be, in a fixed order.
    pub const ALL: [Self; 6] = [Self::P0, Self::P1, Self::P2, Self::Dealer, Self::Client, Self::ModelOwner];
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::P0 => "P0",
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::Dealer => "dealer",
            Self::Client => "client",
            Self::ModelOwner => "model-owner",
        })
    }
}

/// A set of parties: the holders of a value, a coalition, the takers-part of a Program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct PartySet(u8);

/// A stored set with a member that is no party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the set {0:#b} has a member that is no party; bits 0 to 5 are P0, P1, P2, dealer, client, model owner")]
pub struct NoSuchParty(u8);

impl TryFrom<u8> for PartySet {
    type Error = NoSuchParty;

    fn try_from(bits: u8) -> Result<Self, NoSuchParty> {
        if bits < 1 << Party::ALL.len() { Ok(Self(bits)) } else { Err(NoSuchParty(bits)) }
    }
}

impl From<PartySet> for u8 {
    fn from(set: PartySet) -> Self {
        set.0
    }
}

impl PartySet {
    /// No party.
    pub const EMPTY: Self = Self(0);

    /// The set of the given parties.
    #[must_use]
    pub const fn of(parties: &[Party]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < parties.len() {
            bits |= 1 << parties[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    /// Whether `party` is a member.
    #[must_use]
    pub const fn contains(self, party: Party) -> bool {
        self.0 & (1 << party as u8) != 0
    }

    /// This set and one more party.
    #[must_use]
    pub const fn with(self, party: Party) -> Self {
        Self(self.0 | 1 << party as u8)
    }

    /// Members of both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Members of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every member is a member of `other`.
    #[must_use]
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether no party is a member.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Number of members.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The members, in the order of [`Party::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Party> {
        Party::ALL.into_iter().filter(move |&party| self.contains(party))
    }
}

impl fmt::Display for PartySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, party) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{party}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for PartySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
