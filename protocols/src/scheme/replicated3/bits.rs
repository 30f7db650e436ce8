//! Bits: shared by exclusive or (after the carry tree), or as 0 or 1 in the ring (after the set-propagate-kill tree).

use super::product::{self, pass_on, summands};
use super::{key, open_to_all, reshare, share_from_p0};
use crate::program::{ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::scheme::{BitShares, Product, Shares};
use crate::shape::Shape;
use smallvec::smallvec;

/// A random bit that no party knows, shared by exclusive or and in a ring; offline. (As the doubly shared bits of daBits,
/// Rotaru and Wood, Indocrypt 2019; converted as in ABY3.)
///
/// The bit is r0 XOR r1 XOR r2 of the three pairs' keys. P0 knows t = r0 XOR r1, and shares it in the ring; r2 is known to P1
/// and P2, who each multiply their share of t by it and share the product t r2 anew; r = t + r2 - 2 t r2. 2 rounds, 192 bit.
fn random_bit(p: &mut ProgramBuilder, shape: &Shape, ring: Domain) -> (Shares, Shares) {
    let r: Shares = (0..3).map(|i| key(p, i, Domain::Bits(1), shape)).collect();
    let t = p.xor(r[0], r[1]);
    let t = p.convert(t, ring);
    let r2 = p.convert(r[2], ring);
    let [t] = share_from_p0(p, [t]);
    let by_p1 = p.mul(t[1], r2);
    let by_p2 = p.mul(t[0], r2);
    let both = reshare(p, 2, by_p2, by_p1);
    let twice: Shares = both.iter().map(|&share| p.shift_left(share, 1)).collect();
    let ring = smallvec![p.sub(t[0], twice[0]), p.sub(t[1], twice[1]), p.sub(r2, twice[2])];
    (r, ring)
}

/// 1 - 2 z for a public bit z of a ring.
fn sign(p: &mut ProgramBuilder, z: ValueId) -> ValueId {
    let one = p.splat(1, p.value(z).domain);
    let twice = p.shift_left(z, 1);
    p.sub(one, twice)
}

/// The bit XOR the random bit r, share by share.
fn masked(p: &mut ProgramBuilder, bit: &Shares, r: &Shares) -> Shares {
    bit.iter().zip(r).map(|(&bit, &r)| p.xor(bit, r)).collect()
}

/// A bit as an element of `ring`: open z = b XOR r for a random bit r; b = z + (1 - 2 z) r. One round, 3 bit.
pub(super) fn to_integer(p: &mut ProgramBuilder, bit: &Shares, ring: Domain) -> Shares {
    let shape = p.shape(bit[0]);
    let (r, r_ring) = random_bit(p, &shape, ring);
    let z = masked(p, bit, &r);
    let z = open_to_all(p, &z);
    let z = p.convert(z, ring);
    let sign = sign(p, z);
    let mut shares: Shares = r_ring.iter().map(|&share| p.mul(share, sign)).collect();
    shares[0] = p.add(shares[0], z);
    shares
}

/// x where the bit is 1, zero elsewhere.
///
/// A ring bit is multiplied (192 bit). For a bit b under exclusive or, one round without converting it: open z = b XOR r for a
/// random bit r, and multiply r by x; then b x = z x + (1 - 2 z) r x. 195 bit.
pub(super) fn select(p: &mut ProgramBuilder, bit: &BitShares, x: &Shares) -> Shares {
    let ring = p.value(x[0]).domain;
    let bit = match bit {
        BitShares::Arithmetic(bit) => {
            let bit = bit.iter().map(|&share| p.convert(share, ring)).collect();
            return mul(p, &bit, x);
        }
        BitShares::Xor(bit) => bit,
    };
    let shape = p.shape(bit[0]);
    let (r, r_ring) = random_bit(p, &shape, ring);
    let z = masked(p, bit, &r);
    let summands = summands(p, Product::Elementwise, &r_ring, x);
    // Nothing is computed between these messages: they are of one round under every schedule.
    let product = pass_on(p, summands);
    let z = open_to_all(p, &z);
    let z = p.convert(z, ring);
    let sign = sign(p, z);
    let share = |(&x, &product): (&ValueId, &ValueId)| {
        let from_z = p.mul(z, x);
        let signed = p.mul(sign, product);
        p.add(from_z, signed)
    };
    x.iter().zip(&product).map(share).collect()
}

/// x y in the ring.
fn mul(p: &mut ProgramBuilder, x: &Shares, y: &Shares) -> Shares {
    product::product(p, Product::Elementwise, x, y)
}

/// Both bits.
pub(super) fn and(p: &mut ProgramBuilder, a: &BitShares, b: &BitShares) -> BitShares {
    match (a, b) {
        (BitShares::Xor(a), BitShares::Xor(b)) => BitShares::Xor(product::product(p, Product::Elementwise, a, b)),
        _ => {
            let (a, b) = (arithmetic(p, a, Domain::Z64), arithmetic(p, b, Domain::Z64));
            BitShares::Arithmetic(mul(p, &a, &b))
        }
    }
}

/// One of two bits, not both; in the ring a + b - 2 a b.
pub(super) fn xor(p: &mut ProgramBuilder, a: &BitShares, b: &BitShares) -> BitShares {
    match (a, b) {
        (BitShares::Xor(a), BitShares::Xor(b)) => BitShares::Xor(a.iter().zip(b).map(|(&a, &b)| p.xor(a, b)).collect()),
        _ => {
            let (a, b) = (arithmetic(p, a, Domain::Z64), arithmetic(p, b, Domain::Z64));
            let both = mul(p, &a, &b);
            let share = |i: usize| {
                let sum = p.add(a[i], b[i]);
                let twice = p.shift_left(both[i], 1);
                p.sub(sum, twice)
            };
            BitShares::Arithmetic((0..3).map(share).collect())
        }
    }
}

/// The opposite bit: the first share is flipped, or subtracted from 1.
pub(super) fn not(p: &mut ProgramBuilder, a: &BitShares) -> BitShares {
    match a {
        BitShares::Xor(a) => BitShares::Xor(smallvec![p.not(a[0]), a[1], a[2]]),
        BitShares::Arithmetic(a) => {
            let one = p.splat(1, p.value(a[0]).domain);
            BitShares::Arithmetic(smallvec![p.sub(one, a[0]), p.neg(a[1]), p.neg(a[2])])
        }
    }
}

/// The bit as an element of `ring`.
pub(super) fn arithmetic(p: &mut ProgramBuilder, bit: &BitShares, ring: Domain) -> Shares {
    match bit {
        BitShares::Arithmetic(shares) => shares.iter().map(|&share| p.convert(share, ring)).collect(),
        BitShares::Xor(shares) => to_integer(p, shares, ring),
    }
}
