//! Two computing parties and a dealer: x = x0 + x1 modulo 2^64, P0 holds x0, P1 holds x1.
//!
//! Semi-honest; the dealer deals correlated randomness before the inputs are known and then takes no part. No single one of
//! P0, P1, dealer, client, model owner learns anything but its own inputs and outputs. P0 and P1 together, and either of
//! them together with the dealer, are not promised anything. (The client may be P1 and the model owner P0: [`Weights::ClientServer`].)
//!
//! What the dealer deals: words that one party may choose at random are never sent; both expand them from a common key
//! ([`Op::Sample`](crate::program::Op::Sample) held by dealer and party). Only what is determined by the rest is sent, to P1.
//!
//! | operation | rounds | bit online, both directions | bit offline | file |
//! |---|---|---|---|---|
//! | product of x and y, z elements | 1 | 128 (x + y) | 64 z | [`beaver`] |
//! | square | 1 | 128 | 64 | [`beaver`] |
//! | product with w in clear at P0 | 1 | 64 x, 64 w in setup | 64 z | [`beaver`] |
//! | truncation local / exact | 0 / 1 | 0 / 128 | 0 / 128 | [`truncation`] |
//! | sign, set-propagate-kill tree | 8 | 3456 | 896 | [`comparison`] |
//! | sign, carry tree | 7 | 504 | 189 | [`comparison`] |
//! | equality to zero, folding whole words | 7 | 1664 | 448 | [`equality`] |
//! | equality to zero, folding halves | 6 | 252 | 63 | [`equality`] |
//! | bit to integer, after the carry tree | 1 | 2 | 64 | [`bits`] |
//! | select, after either tree | 1 | 256 / 130 | 64 / 128 | [`bits`] |
//! | trigonometric sum of K frequencies | 1 | 2 m | 128 K | [`fourier`] |
//! | the same with a published mistake | 1 | 128 | 128 K | [`fourier`] |
//! | look-up in 2^m entries | 1 | 2 m | 64 2^m | [`lookup`] |
//!
//! A test holds the table to the counted Programs.

pub mod beaver;
pub mod bits;
pub mod comparison;
pub mod equality;
pub mod fourier;
pub mod level;
pub mod lookup;
pub mod power;
pub mod truncation;

use super::dealt::{Dealer, open};
use super::{
    BitShares, Comparison, Cut, Operand, Product, RingLevel, RingPower, RingSeries, RingTable, Scheme, SchemeSpec,
    Shares, Triples, Truncation, Weights,
};
use crate::circuit::NodeId;
use crate::party::{Party, PartySet};
use crate::program::{Constant, Local, ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::shape::Shape;
use smallvec::smallvec;
use std::collections::HashMap;

const DEALER: Dealer = Dealer(Party::Dealer);

/// The scheme's state while it compiles: its choices, and the masks that weights keep.
#[derive(Debug)]
pub(crate) struct Additive2 {
    spec: SchemeSpec,
    triples: Triples,
    weights: Weights,
    /// Of weights that keep their mask, by their shares.
    weight_masks: HashMap<Shares, beaver::Opened>,
    /// Of values that keep their mask.
    value_masks: HashMap<NodeId, beaver::Kept>,
}

impl Additive2 {
    pub(crate) fn new(spec: SchemeSpec, triples: Triples, weights: Weights) -> Self {
        Self { spec, triples, weights, weight_masks: HashMap::new(), value_masks: HashMap::new() }
    }
}

/// Deals a value that the dealer knows.
fn deal(p: &mut ProgramBuilder, secret: ValueId) -> [ValueId; 2] {
    DEALER.deal(p, secret)
}

/// A random word in shares, and as the dealer knows it.
fn random(p: &mut ProgramBuilder, domain: Domain, shape: &Shape) -> ([ValueId; 2], ValueId) {
    DEALER.random(p, domain, shape)
}

impl Scheme for Additive2 {
    fn parties(&self) -> PartySet {
        let parties = PartySet::of(&[Party::P0, Party::P1, Party::Dealer]);
        parties.with(self.client()).with(self.model_owner())
    }

    fn model_owner(&self) -> Party {
        match self.weights {
            Weights::Shared => Party::ModelOwner,
            Weights::Server | Weights::ClientServer => Party::P0,
        }
    }

    fn client(&self) -> Party {
        match self.weights {
            Weights::Shared | Weights::Server => Party::Client,
            Weights::ClientServer => Party::P1,
        }
    }

    fn share(&mut self, p: &mut ProgramBuilder, owner: Party, clear: ValueId) -> Shares {
        let (domain, shape) = (p.value(clear).domain, p.shape(clear));
        let share0 = p.sample(PartySet::of(&[owner, Party::P0]), domain, shape);
        let share1 = p.sub(clear, share0);
        let share1 = if owner == Party::P1 { share1 } else { p.send(share1, Party::P1) };
        smallvec![share0, share1]
    }

    fn trivial(&mut self, p: &mut ProgramBuilder, known: ValueId) -> Shares {
        let (domain, shape) = (p.value(known).domain, p.shape(known));
        smallvec![known, p.constant(Constant::Splat(0), domain, shape)]
    }

    fn combine_with_clear(&mut self, p: &mut ProgramBuilder, local: &Local, mut x: Shares, w: ValueId) -> Shares {
        let w = p.convert(w, p.value(x[0]).domain);
        // P0 adds it to its share alone.
        x[0] = p.local(local.clone(), smallvec![x[0], w]);
        x
    }

    type Unsettled = Shares;

    fn product(&mut self, p: &mut ProgramBuilder, product: Product, x: &Operand, y: &Operand) -> Shares {
        beaver::product(self, p, product, x, y)
    }

    fn product_with_clear(&mut self, p: &mut ProgramBuilder, product: Product, x: &Shares, w: ValueId) -> Shares {
        let w = p.convert(w, p.value(x[0]).domain);
        beaver::product_with_clear(p, product, x, w)
    }

    fn square(&mut self, p: &mut ProgramBuilder, x: &Operand) -> Shares {
        beaver::square(self, p, x)
    }

    fn settle(&mut self, _: &mut ProgramBuilder, product: Shares) -> Shares {
        product
    }

    fn settle_truncated(&mut self, p: &mut ProgramBuilder, product: Shares, cut: Cut) -> Shares {
        self.truncate(p, &product, cut)
    }

    fn truncate(&mut self, p: &mut ProgramBuilder, x: &Shares, Cut { shift, fraction_bits, ring }: Cut) -> Shares {
        match self.spec.truncation {
            Truncation::Local => truncation::local(p, x, shift, fraction_bits),
            Truncation::Narrowing if ring + shift <= p.value(x[0]).domain.bits() => {
                truncation::narrowing(p, x, shift, ring)
            }
            Truncation::Exact | Truncation::Narrowing => truncation::exact(p, x, shift, Domain::Ring(ring)),
        }
    }

    fn negative(&mut self, p: &mut ProgramBuilder, x: &Shares) -> BitShares {
        match self.spec.comparison {
            Comparison::Spk => BitShares::Arithmetic(comparison::spk(p, x)),
            Comparison::Carry => BitShares::Xor(comparison::carry(p, x)),
        }
    }

    fn zero(&mut self, p: &mut ProgramBuilder, x: &Shares) -> BitShares {
        match self.spec.comparison {
            Comparison::Spk => BitShares::Arithmetic(equality::whole_words(p, x)),
            Comparison::Carry => BitShares::Xor(equality::halves(p, x)),
        }
    }

    fn and(&mut self, p: &mut ProgramBuilder, a: &BitShares, b: &BitShares) -> BitShares {
        bits::and(p, a, b)
    }

    fn xor(&mut self, p: &mut ProgramBuilder, a: &BitShares, b: &BitShares) -> BitShares {
        bits::xor(p, a, b)
    }

    fn not(&mut self, p: &mut ProgramBuilder, a: &BitShares) -> BitShares {
        bits::not(p, a)
    }

    fn select(&mut self, p: &mut ProgramBuilder, bit: &BitShares, x: &Operand) -> Shares {
        bits::select(self, p, bit, x)
    }

    fn integer(&mut self, p: &mut ProgramBuilder, bit: &BitShares, ring: u8) -> Shares {
        let ring = Domain::Ring(ring);
        match bit {
            BitShares::Arithmetic(shares) => shares.iter().map(|&share| p.convert(share, ring)).collect(),
            BitShares::Xor(shares) => bits::to_integer(p, shares, ring),
        }
    }

    fn fourier(&mut self, p: &mut ProgramBuilder, x: &Shares, series: &RingSeries<'_>) -> Shares {
        let (sum, shift) = fourier::sum(p, DEALER, x, series);
        self.truncate(p, &sum, Cut { shift, fraction_bits: series.fraction_bits + shift, ring: series.ring })
    }

    fn lookup(&mut self, p: &mut ProgramBuilder, x: &Shares, table: &RingTable) -> Shares {
        lookup::entry(p, DEALER, x, table)
    }

    fn power(&mut self, p: &mut ProgramBuilder, x: &Shares, power: &RingPower) -> Shares {
        let product = power::power(p, DEALER, x, power);
        self.truncate(p, &product, power.cut())
    }

    fn level(&mut self, p: &mut ProgramBuilder, x: &Shares, level: &RingLevel) -> Shares {
        level::level(p, DEALER, x, level)
    }

    fn reveal(&mut self, p: &mut ProgramBuilder, x: &Shares, to: Party, name: &str, fraction_bits: u8) {
        if to == Party::P1 {
            // P1 completes the output with the share that it has. (A share of something public it has already.)
            let share0 = if p.value(x[0]).holders.contains(to) { x[0] } else { p.send(x[0], to) };
            let output = p.add(share0, x[1]);
            p.reveal(output, to, name, fraction_bits);
            return;
        }
        // A fresh sharing of zero: what `to` receives are uniform shares of the output, whatever x's shares went through.
        let (domain, shape) = (p.value(x[0]).domain, p.shape(x[0]));
        let zero = p.sample(PartySet::of(&[Party::P0, Party::P1]), domain, shape);
        let fresh0 = p.add(x[0], zero);
        let fresh1 = p.sub(x[1], zero);
        let fresh0 = p.send(fresh0, to);
        let fresh1 = p.send(fresh1, to);
        let output = p.add(fresh0, fresh1);
        p.reveal(output, to, name, fraction_bits);
    }
}
