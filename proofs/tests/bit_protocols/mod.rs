//! Multiplications of bits, right and with mistakes, and random protocols: on what a distinguisher is measured.
//!
//! After the experiment of DT-SIM (Bates and Near, arXiv 2403.04991), which trains decision trees on the views of GMW and Beaver
//! multiplications of bits with mistakes and biases, and on hundreds of random protocols. Here the protocols are built anew, and
//! because they are small, counting says of each what is true.
//!
//! P1 looks. P0's bits x and w are secret, y is P1's own, and P1 gets the output (x AND y) AND w.

use std::collections::BTreeSet;
use viewless_protocols::party::Party::{self, Client, Dealer, P0, P1};
use viewless_protocols::party::PartySet;
use viewless_protocols::program::{Program, ProgramBuilder, ValueId, WordFunction};
use viewless_protocols::ring::Domain;
use viewless_simulator::stream::{Seed, StreamKey};

const BIT: Domain = Domain::Bits(1);

/// What is done wrong in a multiplication by oblivious transfer, as in GMW.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GmwMistake {
    /// Nothing.
    None,
    /// P0 sends x itself where a share of it belongs.
    InputNotMasked,
    /// The mask of x is one in a quarter of the runs.
    InputMaskBiased,
    /// The mask of the first product is one in a quarter of the runs.
    ProductMaskBiased,
    /// The first product is sent without its mask.
    ProductNotMasked,
    /// One mask for both products.
    MaskUsedTwice,
    /// The mask of x is the mask of the first product, too.
    InputMaskReused,
    /// Both parties open x AND y.
    InnerWireOpened,
    /// P1 gets all four entries of the first product's table.
    WholeTableSent,
}

/// What is done wrong in a multiplication by Beaver's triples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BeaverMistake {
    /// Nothing.
    None,
    /// One triple for both products.
    TripleUsedTwice,
    /// P0 sends its share of x where it should be masked with the triple.
    OpenedWithoutMask,
    /// P0's share of the triple's first factor is one in a quarter of the runs.
    FactorBiased,
    /// P1 knows P0's share of the triple's first factor.
    FactorKnown,
    /// The dealer sends the product of the triple to P1, whole.
    ProductDealtWhole,
    /// Both parties open x AND y.
    InnerWireOpened,
}

impl GmwMistake {
    /// All of them, and none.
    pub(crate) const ALL: [Self; 9] = [
        Self::None,
        Self::InputNotMasked,
        Self::InputMaskBiased,
        Self::ProductMaskBiased,
        Self::ProductNotMasked,
        Self::MaskUsedTwice,
        Self::InputMaskReused,
        Self::InnerWireOpened,
        Self::WholeTableSent,
    ];

    /// In words.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "no mistake",
            Self::InputNotMasked => "input sent without a mask",
            Self::InputMaskBiased => "mask of an input biased to 1/4",
            Self::ProductMaskBiased => "mask of a product biased to 1/4",
            Self::ProductNotMasked => "product sent without a mask",
            Self::MaskUsedTwice => "one mask for both products",
            Self::InputMaskReused => "mask of an input reused for a product",
            Self::InnerWireOpened => "inner wire opened",
            Self::WholeTableSent => "whole table of a product sent",
        }
    }
}

impl BeaverMistake {
    /// All of them, and none.
    pub(crate) const ALL: [Self; 7] = [
        Self::None,
        Self::TripleUsedTwice,
        Self::OpenedWithoutMask,
        Self::FactorBiased,
        Self::FactorKnown,
        Self::ProductDealtWhole,
        Self::InnerWireOpened,
    ];

    /// In words.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "no mistake",
            Self::TripleUsedTwice => "one triple for both products",
            Self::OpenedWithoutMask => "share sent without the triple's mask",
            Self::FactorBiased => "factor of a triple biased to 1/4",
            Self::FactorKnown => "factor of a triple known to the other",
            Self::ProductDealtWhole => "product of a triple dealt whole",
            Self::InnerWireOpened => "inner wire opened",
        }
    }
}

/// Shares of P0 and P1.
type Shares = [ValueId; 2];

fn only(party: Party) -> PartySet {
    PartySet::of(&[party])
}

fn coin(p: &mut ProgramBuilder, holders: PartySet) -> ValueId {
    p.sample(holders, BIT, [1].into())
}

/// One in a quarter of the runs.
fn biased_coin(p: &mut ProgramBuilder, holders: PartySet) -> ValueId {
    let drawn = p.sample(holders, Domain::Bits(2), [1].into());
    p.function(WordFunction::Table { entries: vec![0, 0, 0, 1], domain: BIT }, drawn)
}

fn protocol(build: impl FnOnce(&mut ProgramBuilder)) -> Program {
    let mut p = ProgramBuilder::new(PartySet::of(&[P0, P1, Dealer, Client]), Party::ModelOwner);
    build(&mut p);
    p.finish().expect("every party computes with what it holds")
}

fn bit(p: &mut ProgramBuilder, owner: Party, name: &str) -> ValueId {
    p.input(owner, name, 0, BIT, [1].into())
}

/// P0 keeps the mask and sends the rest.
fn share_of_p0(p: &mut ProgramBuilder, x: ValueId, mask: ValueId) -> Shares {
    let rest = p.xor(x, mask);
    [mask, p.send(rest, P1)]
}

fn share_of_p1(p: &mut ProgramBuilder, y: ValueId) -> Shares {
    let mask = coin(p, only(P1));
    let rest = p.xor(y, mask);
    [p.send(rest, P0), mask]
}

/// P1 gets P0's share and so the value.
fn open_to_p1(p: &mut ProgramBuilder, z: Shares) -> ValueId {
    let share = p.send(z[0], P1);
    p.xor(share, z[1])
}

/// A product by oblivious transfer, which the dealer plays: P1's share is the entry that it chooses of a table masked by P0.
fn by_transfer(p: &mut ProgramBuilder, x: Shares, y: Shares, mask: Option<ValueId>, whole_table: bool) -> Shares {
    let [x0, x1, y0, y1] = [x[0], x[1], y[0], y[1]]
        .map(|share| if p.value(share).holders.contains(Dealer) { share } else { p.send(share, Dealer) });
    let mask = mask.unwrap_or_else(|| p.splat(0, BIT));
    let mask_dealt = if p.value(mask).holders.contains(Dealer) { mask } else { p.send(mask, Dealer) };
    let (left, right) = (p.xor(x0, x1), p.xor(y0, y1));
    let product = p.and(left, right);
    let entry = p.xor(product, mask_dealt);
    if whole_table {
        // The entries of the choices that P1 did not make.
        for (other_left, other_right) in [(true, false), (false, true), (true, true)] {
            let left = if other_left { p.not(left) } else { left };
            let right = if other_right { p.not(right) } else { right };
            let product = p.and(left, right);
            let entry = p.xor(product, mask_dealt);
            p.send(entry, P1);
        }
    }
    [mask, p.send(entry, P1)]
}

/// (x AND y) AND w by oblivious transfers.
#[must_use]
pub(crate) fn gmw(mistake: GmwMistake) -> Program {
    protocol(|p| {
        let (x, w, y) = (bit(p, P0, "x"), bit(p, P0, "w"), bit(p, P1, "y"));
        let mask = if mistake == GmwMistake::InputMaskBiased { biased_coin(p, only(P0)) } else { coin(p, only(P0)) };
        let x = if mistake == GmwMistake::InputNotMasked {
            let none = p.splat(0, BIT);
            [none, p.send(x, P1)]
        } else {
            share_of_p0(p, x, mask)
        };
        let mask_of_w = coin(p, only(P0));
        let w = share_of_p0(p, w, mask_of_w);
        let y = share_of_p1(p, y);
        let first = match mistake {
            GmwMistake::ProductMaskBiased => Some(biased_coin(p, only(P0))),
            GmwMistake::ProductNotMasked => None,
            GmwMistake::InputMaskReused => Some(mask),
            GmwMistake::None
            | GmwMistake::InputNotMasked
            | GmwMistake::InputMaskBiased
            | GmwMistake::MaskUsedTwice
            | GmwMistake::InnerWireOpened
            | GmwMistake::WholeTableSent => Some(coin(p, only(P0))),
        };
        let t = by_transfer(p, x, y, first, mistake == GmwMistake::WholeTableSent);
        if mistake == GmwMistake::InnerWireOpened {
            open_to_p1(p, t);
        }
        let second = if mistake == GmwMistake::MaskUsedTwice { first } else { Some(coin(p, only(P0))) };
        let z = by_transfer(p, t, w, second, false);
        let z = open_to_p1(p, z);
        p.reveal(z, P1, "z", 0);
    })
}

/// A triple: shares of two factors and of their product.
fn triple(p: &mut ProgramBuilder, mistake: BeaverMistake) -> [Shares; 3] {
    let dealt = |party| PartySet::of(&[Dealer, party]);
    let a0 = match mistake {
        BeaverMistake::FactorBiased => biased_coin(p, dealt(P0)),
        BeaverMistake::FactorKnown => coin(p, dealt(P0).with(P1)),
        BeaverMistake::None
        | BeaverMistake::TripleUsedTwice
        | BeaverMistake::OpenedWithoutMask
        | BeaverMistake::ProductDealtWhole
        | BeaverMistake::InnerWireOpened => coin(p, dealt(P0)),
    };
    let (a1, b0, b1, c0) = (coin(p, dealt(P1)), coin(p, dealt(P0)), coin(p, dealt(P1)), coin(p, dealt(P0)));
    let (a, b) = (p.xor(a0, a1), p.xor(b0, b1));
    let c = p.and(a, b);
    if mistake == BeaverMistake::ProductDealtWhole {
        p.send(c, P1);
    }
    let c1 = p.xor(c, c0);
    [[a0, a1], [b0, b1], [c0, p.send(c1, P1)]]
}

fn by_triple(p: &mut ProgramBuilder, x: Shares, y: Shares, [a, b, c]: [Shares; 3], masked: bool) -> Shares {
    let open = |p: &mut ProgramBuilder, x: Shares, a: Shares, masked: bool| {
        let d0 = if masked { p.xor(x[0], a[0]) } else { x[0] };
        let d1 = p.xor(x[1], a[1]);
        let (d0, d1) = (p.send(d0, P1), p.send(d1, P0));
        p.xor(d0, d1)
    };
    let d = open(p, x, a, masked);
    let e = open(p, y, b, true);
    let corner = p.and(d, e);
    let mut z = [0, 1].map(|i| {
        let (left, right) = (p.and(d, b[i]), p.and(e, a[i]));
        let both = p.xor(left, right);
        p.xor(both, c[i])
    });
    z[0] = p.xor(z[0], corner);
    z
}

/// (x AND y) AND w by Beaver's triples.
#[must_use]
pub(crate) fn beaver(mistake: BeaverMistake) -> Program {
    protocol(|p| {
        let (x, w, y) = (bit(p, P0, "x"), bit(p, P0, "w"), bit(p, P1, "y"));
        let [x, w] = [x, w].map(|secret| {
            let mask = coin(p, only(P0));
            share_of_p0(p, secret, mask)
        });
        let y = share_of_p1(p, y);
        let first = triple(p, mistake);
        let t = by_triple(p, x, y, first, mistake != BeaverMistake::OpenedWithoutMask);
        if mistake == BeaverMistake::InnerWireOpened {
            open_to_p1(p, t);
        }
        let second = if mistake == BeaverMistake::TripleUsedTwice { first } else { triple(p, BeaverMistake::None) };
        let z = by_triple(p, t, w, second, true);
        let z = open_to_p1(p, z);
        p.reveal(z, P1, "z", 0);
    })
}

/// A protocol of random local operations, coins and messages of P0 (with the secrets x and w) and P1 (with y); sometimes with an
/// output for P1.
#[must_use]
pub(crate) fn random(seed: u64) -> Program {
    let mut words = [0u64; 512];
    StreamKey::derive(&Seed::from_u64(seed), 0).fill(0, &mut words);
    let mut words = words.into_iter();
    let mut below = |n: usize| (words.next().expect("few choices are made") % n as u64) as usize;
    protocol(|p| {
        let mut values = vec![bit(p, P0, "x"), bit(p, P0, "w"), bit(p, P1, "y")];
        for _ in 0..3 {
            values.push(coin(p, only(P0)));
            values.push(coin(p, only(P1)));
        }
        let mut sent = BTreeSet::new();
        for _ in 0..12 + below(12) {
            let party = [P0, P1][below(2)];
            let held: Vec<ValueId> = values.iter().copied().filter(|&id| p.value(id).holders.contains(party)).collect();
            let (a, b) = (held[below(held.len())], held[below(held.len())]);
            let new = match below(8) {
                0..=2 => p.xor(a, b),
                3 | 4 => p.and(a, b),
                5 => p.not(a),
                _ => {
                    let to = if party == P0 { P1 } else { P0 };
                    // A value that is sent twice is only held once.
                    if p.value(a).holders.contains(to) || !sent.insert(a) {
                        continue;
                    }
                    p.send(a, to)
                }
            };
            values.push(new);
        }
        if below(2) == 0 {
            let held: Vec<ValueId> = values.iter().copied().filter(|&id| p.value(id).holders.contains(P1)).collect();
            p.reveal(held[held.len() - 1], P1, "z", 0);
        }
    })
}

/// The client's word of 64 bits under a mask of which the lowest bit is one `half + more` times in twice `half` = 1024.
///
/// The mask is made from a table, so no rule of the prover applies; and 64 bits are too many to count.
#[must_use]
pub(crate) fn planted(more: usize) -> Program {
    let half = 512;
    let entries = (0..2 * half).map(|i| u64::from(i < half + more)).collect();
    let mut p = ProgramBuilder::new(PartySet::of(&[P0, P1, Client]), Party::ModelOwner);
    let client = only(Client);
    let x = p.input(Client, "x", 0, Domain::Z64, [1].into());
    let drawn = p.sample(client, Domain::Ring(10), [1].into());
    let low = p.function(WordFunction::Table { entries, domain: Domain::Z64 }, drawn);
    let wide = p.sample(client, Domain::Z64, [1].into());
    let high = p.shift_left(wide, 1);
    let mask = p.add(high, low);
    let masked = p.add(x, mask);
    p.send(masked, P1);
    p.finish().expect("the client computes with what it holds")
}
