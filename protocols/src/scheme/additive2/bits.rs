//! Bits: shared by exclusive or (after the carry tree), or as 0 or 1 in the ring (after the set-propagate-kill tree).

use super::beaver::{self, Selected};
use super::{Additive2, Shares, deal, open, random};
use crate::program::{ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::scheme::{BitShares, Operand};
use smallvec::smallvec;

/// 1 - 2 z for a public bit z of a ring.
pub(super) fn sign(p: &mut ProgramBuilder, z: ValueId) -> ValueId {
    let one = p.splat(1, p.value(z).domain);
    let twice = p.shift_left(z, 1);
    p.sub(one, twice)
}

/// Opens words under exclusive or behind a dealt mask; returns the lowest bit opened and the lowest bit of the mask as the
/// dealer knows it, both as elements of `ring`.
fn open_masked(p: &mut ProgramBuilder, masked: [ValueId; 2], mask: ValueId, ring: Domain) -> (ValueId, ValueId) {
    let [word] = open(p, [masked]);
    let bit = p.convert(word, Domain::Bits(1));
    let mask = p.convert(mask, Domain::Bits(1));
    (p.convert(bit, ring), p.convert(mask, ring))
}

/// The lowest bit of words under exclusive or, as an element of `ring`: open z = b XOR r for a dealt random word r of the same
/// width, whose lowest bit is dealt in the ring too; b = z + (1 - 2 z) r. One round, twice the width in bits.
pub(super) fn to_integer(p: &mut ProgramBuilder, word: &Shares, ring: Domain) -> Shares {
    let (domain, shape) = (p.value(word[0]).domain, p.shape(word[0]));
    let (r_shares, r) = random(p, domain, &shape);
    let masked = [p.xor(word[0], r_shares[0]), p.xor(word[1], r_shares[1])];
    let (z, r) = open_masked(p, masked, r, ring);
    let r = deal(p, r);
    let sign = sign(p, z);
    let flipped = r.map(|share| p.mul(share, sign));
    smallvec![p.add(flipped[0], z), flipped[1]]
}

/// x where the bit is 1, zero elsewhere.
///
/// A ring bit is multiplied (256 bit). For a bit b under exclusive or, one round without converting it: the dealer deals
/// r (one bit), a (a word) and r a; open z = b XOR r and d = x - a; then b x = z x + (1 - 2 z)(r d + r a). 130 bit.
pub(super) fn select(scheme: &mut Additive2, p: &mut ProgramBuilder, bit: &BitShares, x: &Operand) -> Shares {
    let bit = match bit {
        BitShares::Arithmetic(bit) => {
            let bit = bit.iter().map(|&share| p.convert(share, Domain::Ring(x.ring))).collect();
            return beaver::mul_with(scheme, p, &bit, x);
        }
        BitShares::Xor(bit) => bit,
    };
    let Selected { z, d, r, product } = beaver::open_selection(scheme, p, bit, x);
    let sign = sign(p, z);
    let x = x.shares(p);
    let mut share = |i: usize| {
        let from_z = p.mul(z, x[i]);
        let from_d = p.mul(r[i], d);
        let masked = p.add(from_d, product[i]);
        let signed = p.mul(sign, masked);
        p.add(from_z, signed)
    };
    smallvec![share(0), share(1)]
}

/// Both bits.
pub(super) fn and(p: &mut ProgramBuilder, a: &BitShares, b: &BitShares) -> BitShares {
    match (a, b) {
        (BitShares::Xor(a), BitShares::Xor(b)) => BitShares::Xor(beaver::and(p, a, b)),
        _ => {
            let (a, b) = (arithmetic(p, a), arithmetic(p, b));
            BitShares::Arithmetic(beaver::mul(p, &a, &b))
        }
    }
}

/// One of two bits, not both; in the ring a + b - 2 a b.
pub(super) fn xor(p: &mut ProgramBuilder, a: &BitShares, b: &BitShares) -> BitShares {
    match (a, b) {
        (BitShares::Xor(a), BitShares::Xor(b)) => BitShares::Xor(a.iter().zip(b).map(|(&a, &b)| p.xor(a, b)).collect()),
        _ => {
            let (a, b) = (arithmetic(p, a), arithmetic(p, b));
            let both = beaver::mul(p, &a, &b);
            let share = |p: &mut ProgramBuilder, i: usize| {
                let sum = p.add(a[i], b[i]);
                let twice = p.shift_left(both[i], 1);
                p.sub(sum, twice)
            };
            BitShares::Arithmetic((0..2).map(|i| share(p, i)).collect())
        }
    }
}

/// The opposite bit: P0 flips its share, or subtracts from 1.
pub(super) fn not(p: &mut ProgramBuilder, a: &BitShares) -> BitShares {
    match a {
        BitShares::Xor(a) => BitShares::Xor(smallvec![p.not(a[0]), a[1]]),
        BitShares::Arithmetic(a) => {
            let one = p.splat(1, p.value(a[0]).domain);
            BitShares::Arithmetic(smallvec![p.sub(one, a[0]), p.neg(a[1])])
        }
    }
}

fn arithmetic(p: &mut ProgramBuilder, bit: &BitShares) -> Shares {
    match bit {
        BitShares::Arithmetic(shares) => shares.clone(),
        BitShares::Xor(shares) => to_integer(p, shares, Domain::Z64),
    }
}
