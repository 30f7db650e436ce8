//! What a product, a square or a selection is given.

use super::Shares;
use crate::circuit::NodeId;
use crate::program::{ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::shape::Move;

/// An operand of a product, a square or a selection: a value, or a rearrangement of the value that is opened in its place.
#[derive(Debug)]
pub(crate) struct Operand {
    /// The node of the value: a tensor at one scale.
    pub(crate) node: NodeId,
    /// Its shares, in the widest ring in which it is opened.
    pub(crate) shares: Shares,
    /// The operand is these rearrangements of it, one after the other. None but under [`Triples::PerValue`].
    pub(crate) moves: Vec<Move>,
    /// Width of the ring in which the operand is multiplied, at most that of the shares, or that into which these are lifted.
    pub(crate) ring: u8,
    /// Where its shares are those of a number in a narrower ring: the ring into which the opening lifts it, at least `ring`.
    pub(crate) lifted: Option<u8>,
    /// Whether it depends on the model alone, so that one mask may serve all its uses.
    pub(crate) weight: bool,
    /// What is opened in its place, if it is not held itself: it is the sum of these.
    pub(crate) summands: Vec<Summand>,
}

/// A number that is a part of a factor, perhaps times a bit.
#[derive(Debug)]
pub(crate) struct Summand {
    /// The number.
    pub(crate) number: Operand,
    /// The bit.
    pub(crate) bit: Option<Operand>,
    /// Whether it is subtracted.
    pub(crate) negative: bool,
}

impl Operand {
    /// The operand, of its value or of a part of it.
    pub(crate) fn of(&self, p: &mut ProgramBuilder, value: ValueId) -> ValueId {
        let moved = self.moves.iter().fold(value, |value, rearrangement| p.moved(value, rearrangement.clone()));
        p.convert(moved, Domain::Ring(self.ring))
    }

    /// Shares of the operand.
    pub(crate) fn shares(&self, p: &mut ProgramBuilder) -> Shares {
        self.shares.iter().map(|&share| self.of(p, share)).collect()
    }
}
