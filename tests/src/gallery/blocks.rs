//! What flawed protocols are made of: shares among two parties and a dealer, written out so that each part can be broken.

use viewless_protocols::party::Party::{self, Client, Dealer, P0, P1};
use viewless_protocols::party::PartySet;
use viewless_protocols::program::{Program, ProgramBuilder, ValueId};
use viewless_protocols::ring::Domain;
use viewless_protocols::shape::Shape;

/// The ring that a protocol of the gallery works in, and the size of its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Width of the ring.
    pub bits: u8,
    /// Elements of a tensor.
    pub elements: usize,
}

impl Setting {
    pub(super) fn ring(self) -> Domain {
        Domain::Ring(self.bits)
    }

    pub(super) fn shape(self) -> Shape {
        [self.elements].into()
    }
}

/// Shares of P0 and P1.
pub(super) type Shares = [ValueId; 2];

/// Shares of two factors and of what the dealer says is their product.
pub(super) type Triple = [Shares; 3];

pub(super) fn among_two(build: impl FnOnce(&mut ProgramBuilder)) -> Program {
    let parties = PartySet::of(&[P0, P1, Dealer, Client, Party::ModelOwner]);
    let mut p = ProgramBuilder::new(parties, Party::ModelOwner);
    build(&mut p);
    p.finish().expect("a protocol of the gallery is well-formed: only its privacy is not")
}

/// A sample of `domain` that the dealer and one party share.
pub(super) fn dealt(p: &mut ProgramBuilder, to: Party, domain: Domain, shape: Shape) -> ValueId {
    p.sample(PartySet::of(&[Dealer, to]), domain, shape)
}

/// The owner shares an input.
pub(super) fn input(p: &mut ProgramBuilder, owner: Party, name: &str, setting: Setting) -> Shares {
    let x = p.input(owner, name, 0, setting.ring(), setting.shape());
    let x0 = p.sample(PartySet::of(&[owner, P0]), setting.ring(), setting.shape());
    let x1 = p.sub(x, x0);
    [x0, p.send(x1, P1)]
}

/// A dealt random word: its shares, and as the dealer knows it.
pub(super) fn random(p: &mut ProgramBuilder, domain: Domain, shape: &Shape) -> (Shares, ValueId) {
    let shares = [P0, P1].map(|party| dealt(p, party, domain, shape.clone()));
    (shares, p.add(shares[0], shares[1]))
}

/// The dealer deals what it knows.
pub(super) fn deal(p: &mut ProgramBuilder, secret: ValueId) -> Shares {
    let (domain, shape) = (p.value(secret).domain, p.shape(secret));
    let share0 = dealt(p, P0, domain, shape);
    let share1 = p.sub(secret, share0);
    [share0, p.send(share1, P1)]
}

pub(super) fn minus(p: &mut ProgramBuilder, x: Shares, y: Shares) -> Shares {
    [p.sub(x[0], y[0]), p.sub(x[1], y[1])]
}

/// Both parties learn the sum.
pub(super) fn open(p: &mut ProgramBuilder, x: Shares) -> ValueId {
    let (x0, x1) = (p.send(x[0], P1), p.send(x[1], P0));
    p.add(x0, x1)
}

pub(super) fn triple(p: &mut ProgramBuilder, setting: Setting) -> Triple {
    let (a_shares, a) = random(p, setting.ring(), &setting.shape());
    let (b_shares, b) = random(p, setting.ring(), &setting.shape());
    let c = p.mul(a, b);
    [a_shares, b_shares, deal(p, c)]
}

/// Beaver's product.
pub(super) fn multiply(p: &mut ProgramBuilder, x: Shares, y: Shares, [a, b, c]: Triple) -> Shares {
    let (d, e) = (minus(p, x, a), minus(p, y, b));
    let (d, e) = (open(p, d), open(p, e));
    [0, 1].map(|i| {
        let right = if i == 0 { p.add(b[0], e) } else { b[1] };
        let (first, second) = (p.mul(d, right), p.mul(a[i], e));
        let sum = p.add(first, second);
        p.add(sum, c[i])
    })
}
