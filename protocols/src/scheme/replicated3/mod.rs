//! Three parties, an honest majority: x = x0 + x1 + x2 modulo 2^64, where P0 holds x0 and x1, P1 holds x1 and x2, P2 holds x2
//! and x0. The setting of PUMA (arXiv 2307.12533); after Araki et al. (CCS 2016) and ABY3 (Mohassel and Rindal, CCS 2018).
//!
//! Semi-honest. No single one of P0, P1, P2, client, model owner learns anything but its own inputs and outputs. Any two of
//! P0, P1, P2 hold everything, and are not promised anything.
//!
//! A share is one value with two holders, so everything linear is done on the three shares by both holders of each. A word
//! that two parties choose at random is never sent: both expand it from their common key
//! ([`Op::Sample`](crate::program::Op::Sample) with two holders). There is no dealer; but what P0 and P1 open to each other P2
//! does not see, and so P2 may deal masks for it ([`truncation`], [`fourier`]).
//!
//! | operation | rounds | bit online, all directions | rounds offline | bit offline | file |
//! |---|---|---|---|---|---|
//! | product, z elements; square | 1 | 192 z | 0 | 0 | [`product`] |
//! | truncation local / exact | 1 / 2 | 64 / 129 | 0 / 2 | 0 / 259 | [`truncation`] |
//! | product or square, truncated local / exact, z elements | 2 / 2 | 256 z / 257 z | 0 / 2 | 0 / 259 z | [`truncation`] |
//! | sign, set-propagate-kill tree, to an integer | 9 | 2499 | 2 | 192 | [`comparison`] |
//! | sign, carry tree | 7 | 407 | 0 | 0 | [`comparison`] |
//! | equality to zero, folding whole words, to an integer | 8 | 1219 | 2 | 192 | [`equality`] |
//! | equality to zero, folding halves | 7 | 253 | 0 | 0 | [`equality`] |
//! | bit to integer | 1 | 3 | 2 | 192 | [`bits`] |
//! | select, after either tree | 1 | 192 / 195 | 0 / 2 | 0 / 192 | [`bits`] |
//! | trigonometric sum of K frequencies, local / exact | 2 / 3 | 2 m + 128 / 2 m + 129 | 1 / 2 | 128 K / 128 K + 259 | [`fourier`] |
//! | look-up in 2^m entries | 2 | 2 m + 128 | 1 | 64 2^m | [`lookup`] |
//!
//! A test holds the table to the counted Programs.

pub mod bits;
pub mod comparison;
pub mod equality;
pub mod fourier;
pub mod levels;
pub mod lookup;
pub mod product;
pub mod truncation;

use super::dealt::Dealer;
use super::words::{minus, plus};
use super::{
    BitShares, Comparison, Cut, Operand, Product, RingLevel, RingPower, RingSeries, RingTable, Scheme, SchemeSpec,
    Shares, Truncation, WeightsAmongThree,
};
use crate::party::{Party, PartySet};
use crate::program::{Constant, Local, ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::shape::Shape;
use smallvec::smallvec;
use std::collections::HashMap;

/// The parties; party i holds the shares i and i + 1.
const PARTIES: [Party; 3] = [Party::P0, Party::P1, Party::P2];

/// The holders of each share: i by party i and the party before it.
const HOLDERS: [PartySet; 3] = [
    PartySet::of(&[Party::P0, Party::P2]),
    PartySet::of(&[Party::P1, Party::P0]),
    PartySet::of(&[Party::P2, Party::P1]),
];

/// P2, where it deals to P0 and P1. Its part of what it deals to P0 is a share 0, of what it deals to P1 a share 2.
const DEALER: Dealer = Dealer(Party::P2);

/// The share, or party, after this one.
const fn next(i: usize) -> usize {
    (i + 1) % 3
}

/// The share, or party, before this one.
const fn previous(i: usize) -> usize {
    (i + 2) % 3
}

/// A fresh word of the common key of the holders of share `i`.
fn key(p: &mut ProgramBuilder, i: usize, domain: Domain, shape: &Shape) -> ValueId {
    p.sample(HOLDERS[i], domain, shape.clone())
}

/// x as a sum of two: x0 + x1, which P0 knows, and x2, which P1 and P2 know. A local step.
fn in_two(p: &mut ProgramBuilder, x: &Shares) -> Shares {
    smallvec![plus(p, x[0], x[1]), x[2]]
}

/// Shares of values that P0 alone knows, all at once: share 0 is a word of a common key, share 1 the difference, sent to P1,
/// share 2 is zero. 1 round.
fn share_from_p0<const N: usize>(p: &mut ProgramBuilder, values: [ValueId; N]) -> [Shares; N] {
    let prepared = values.map(|value| {
        let (domain, shape) = (p.value(value).domain, p.shape(value));
        let share0 = key(p, 0, domain, &shape);
        let zero = p.constant(Constant::Splat(0), domain, shape);
        (share0, minus(p, value, share0), zero)
    });
    prepared.map(|(share0, share1, zero)| smallvec![share0, p.send(share1, Party::P1), zero])
}

/// Shares of a + b, where a is known to party `common` and b to the party before it. Both draw the share that each has with the
/// third party from their keys, subtract it, and exchange the rest, which makes the share `common`. 1 round, 2 words.
fn reshare(p: &mut ProgramBuilder, common: usize, a: ValueId, b: ValueId) -> Shares {
    let (domain, shape) = (p.value(a).domain, p.shape(a));
    let mut shares: Shares = smallvec![a; 3];
    shares[next(common)] = key(p, next(common), domain, &shape);
    shares[previous(common)] = key(p, previous(common), domain, &shape);
    let a = minus(p, a, shares[next(common)]);
    let b = minus(p, b, shares[previous(common)]);
    let a = p.send(a, PARTIES[previous(common)]);
    let b = p.send(b, PARTIES[common]);
    shares[common] = plus(p, a, b);
    shares
}

/// Everyone sends, for each share, the one party that lacks it; returns the value, known to all three.
fn open_to_all(p: &mut ProgramBuilder, shares: &Shares) -> ValueId {
    let sent: Shares = (0..3).map(|i| p.send(shares[i], PARTIES[next(i)])).collect();
    let sum = plus(p, sent[0], sent[1]);
    plus(p, sum, sent[2])
}

/// The scheme's state while it compiles: its choices, and the shares of what the model owner holds in clear.
#[derive(Debug)]
pub(crate) struct Replicated3 {
    spec: SchemeSpec,
    weights: WeightsAmongThree,
    clear: HashMap<ValueId, Shares>,
}

impl Replicated3 {
    pub(crate) fn new(spec: SchemeSpec, weights: WeightsAmongThree) -> Self {
        Self { spec, weights, clear: HashMap::new() }
    }

    /// Shares of what P0, the model owner, holds in clear: made once, in the setup phase, with one word sent.
    fn clear(&mut self, p: &mut ProgramBuilder, known: ValueId) -> Shares {
        let made = self.clear.entry(known).or_insert_with(|| {
            let [shares] = p.for_the_model(|p| share_from_p0(p, [known]));
            shares
        });
        made.clone()
    }

    /// [`Replicated3::clear`] modulo the size of a ring.
    fn clear_in(&mut self, p: &mut ProgramBuilder, known: ValueId, ring: Domain) -> Shares {
        let shares = self.clear(p, known);
        shares.iter().map(|&share| p.convert(share, ring)).collect()
    }

    /// Whether a truncation of what is held as `x` needs an opening: always if it is to be exact, and where no narrower ring is left.
    fn opens_to_truncate(&self, p: &ProgramBuilder, x: ValueId, cut: Cut) -> bool {
        match self.spec.truncation {
            Truncation::Local => false,
            Truncation::Exact => true,
            Truncation::Narrowing => cut.ring + cut.shift > p.value(x).domain.bits(),
        }
    }
}

impl Scheme for Replicated3 {
    fn parties(&self) -> PartySet {
        PartySet::of(&PARTIES).with(Party::Client).with(self.model_owner())
    }

    fn model_owner(&self) -> Party {
        match self.weights {
            WeightsAmongThree::Shared => Party::ModelOwner,
            WeightsAmongThree::Server => Party::P0,
        }
    }

    fn client(&self) -> Party {
        Party::Client
    }

    fn share(&mut self, p: &mut ProgramBuilder, owner: Party, clear: ValueId) -> Shares {
        let (domain, shape) = (p.value(clear).domain, p.shape(clear));
        let share0 = p.sample(HOLDERS[0].with(owner), domain, shape.clone());
        let share1 = p.sample(HOLDERS[1].with(owner), domain, shape);
        let rest = p.sub(clear, share0);
        let rest = p.sub(rest, share1);
        let share2 = p.send(rest, Party::P1);
        smallvec![share0, share1, p.send(share2, Party::P2)]
    }

    fn trivial(&mut self, p: &mut ProgramBuilder, known: ValueId) -> Shares {
        let (domain, shape) = (p.value(known).domain, p.shape(known));
        if !HOLDERS[0].is_subset(p.value(known).holders) {
            return self.clear(p, known);
        }
        let zero = p.constant(Constant::Splat(0), domain, shape);
        smallvec![known, zero, zero]
    }

    fn combine_with_clear(&mut self, p: &mut ProgramBuilder, local: &Local, x: Shares, w: ValueId) -> Shares {
        let w = self.clear_in(p, w, p.value(x[0]).domain);
        x.iter().zip(&w).map(|(&x, &w)| p.local(local.clone(), smallvec![x, w])).collect()
    }

    /// Summands, each known to one party, with their sharing of zero.
    type Unsettled = [ValueId; 3];

    fn product(&mut self, p: &mut ProgramBuilder, product: Product, x: &Operand, y: &Operand) -> Self::Unsettled {
        product::summands(p, product, &x.shares, &y.shares)
    }

    fn product_with_clear(
        &mut self,
        p: &mut ProgramBuilder,
        product: Product,
        x: &Shares,
        w: ValueId,
    ) -> Self::Unsettled {
        let w = self.clear_in(p, w, p.value(x[0]).domain);
        product::summands(p, product, x, &w)
    }

    fn square(&mut self, p: &mut ProgramBuilder, x: &Operand) -> Self::Unsettled {
        product::summands_of_square(p, &x.shares)
    }

    fn settle(&mut self, p: &mut ProgramBuilder, product: Self::Unsettled) -> Shares {
        product::pass_on(p, product)
    }

    fn settle_truncated(&mut self, p: &mut ProgramBuilder, product: Self::Unsettled, cut: Cut) -> Shares {
        if self.opens_to_truncate(p, product[0], cut) {
            return truncation::exact_of_product(p, product, cut);
        }
        let shares = self.settle(p, product);
        self.truncate(p, &shares, cut)
    }

    fn truncate(&mut self, p: &mut ProgramBuilder, x: &Shares, cut: Cut) -> Shares {
        let x = in_two(p, x);
        if self.opens_to_truncate(p, x[0], cut) {
            return truncation::exact(p, &x, cut);
        }
        if self.spec.truncation == Truncation::Local {
            truncation::claim_local(p, &x, cut);
        }
        truncation::local(p, &x, cut)
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
        bits::select(p, bit, &x.shares)
    }

    fn integer(&mut self, p: &mut ProgramBuilder, bit: &BitShares, ring: u8) -> Shares {
        bits::arithmetic(p, bit, Domain::Ring(ring))
    }

    fn fourier(&mut self, p: &mut ProgramBuilder, x: &Shares, series: &RingSeries<'_>) -> Shares {
        fourier::sum(p, x, series, self.spec.truncation)
    }

    fn lookup(&mut self, p: &mut ProgramBuilder, x: &Shares, table: &RingTable) -> Shares {
        lookup::entry(p, x, table)
    }

    fn power(&mut self, p: &mut ProgramBuilder, x: &Shares, power: &RingPower) -> Shares {
        levels::power(p, x, power, self.spec.truncation)
    }

    fn level(&mut self, p: &mut ProgramBuilder, x: &Shares, level: &RingLevel) -> Shares {
        levels::level(p, x, level)
    }

    fn reveal(&mut self, p: &mut ProgramBuilder, x: &Shares, to: Party, name: &str, fraction_bits: u8) {
        // A fresh sharing of zero among P0 and P1: what `to` receives are uniform shares of the output, whatever x's shares
        // went through.
        let x = in_two(p, x);
        let (domain, shape) = (p.value(x[0]).domain, p.shape(x[0]));
        let zero = key(p, 1, domain, &shape);
        let fresh = [p.add(x[0], zero), p.sub(x[1], zero)];
        let fresh = fresh.map(|share| p.send(share, to));
        let output = p.add(fresh[0], fresh[1]);
        p.reveal(output, to, name, fraction_bits);
    }
}
