//! What a third party deals to P0 and P1, and what these two open to each other. In `additive2` the third is the dealer, who
//! does nothing else; in `replicated3` it is P2.

use super::words::{minus, plus};
use crate::party::{Party, PartySet};
use crate::program::{ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::shape::Shape;

/// Who deals to P0 and P1. It must not see what they open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dealer(pub(crate) Party);

impl Dealer {
    /// The dealer and P0: who holds P0's part of what is dealt.
    pub(crate) const fn and_p0(self) -> PartySet {
        PartySet::of(&[self.0, Party::P0])
    }

    /// The dealer and P1.
    pub(crate) const fn and_p1(self) -> PartySet {
        PartySet::of(&[self.0, Party::P1])
    }

    /// Deals a value that the dealer knows: P0's share is a common random word, P1's the difference, sent.
    pub(crate) fn deal(self, p: &mut ProgramBuilder, secret: ValueId) -> [ValueId; 2] {
        let (domain, shape) = (p.value(secret).domain, p.shape(secret));
        let share0 = p.sample(self.and_p0(), domain, shape);
        let share1 = minus(p, secret, share0);
        [share0, p.send(share1, Party::P1)]
    }

    /// A random word in shares, and as the dealer knows it.
    pub(crate) fn random(self, p: &mut ProgramBuilder, domain: Domain, shape: &Shape) -> ([ValueId; 2], ValueId) {
        let shares = [p.sample(self.and_p0(), domain, shape.clone()), p.sample(self.and_p1(), domain, shape.clone())];
        let sum = plus(p, shares[0], shares[1]);
        (shares, sum)
    }
}

/// P0 and P1 open x + `offset` less a mask that is shared between them, in the ring of the mask.
pub(crate) fn open_masked(p: &mut ProgramBuilder, x: [ValueId; 2], mask: [ValueId; 2], offset: Option<u64>) -> ValueId {
    let domain = p.value(mask[0]).domain;
    let mut masked = [0, 1].map(|i| {
        let narrow = p.convert(x[i], domain);
        minus(p, narrow, mask[i])
    });
    if let Some(offset) = offset {
        let offset = p.splat(offset, domain);
        masked[0] = plus(p, masked[0], offset);
    }
    let [opened] = open(p, [masked]);
    opened
}

/// P0 and P1 send their share of each value to the other, all at once; returns the values, known to both.
pub(crate) fn open<const N: usize>(p: &mut ProgramBuilder, values: [[ValueId; 2]; N]) -> [ValueId; N] {
    let sent = values.map(|[share0, share1]| [p.send(share0, Party::P1), p.send(share1, Party::P0)]);
    sent.map(|[share0, share1]| plus(p, share0, share1))
}
