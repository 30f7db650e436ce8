//! The sign of a secret: the top bit of a + b, where P0 knows a = x0 + x1, and P1 and P2 know b = x2.
//!
//! It is top(a) XOR top(b) XOR the carry out of the 63 bits below. As in ABY3, both words are brought to replicated shares under
//! exclusive or: b is its own sharing (0, 0, b), and P0 shares a (1 round, 64 bit). The carry comes from one of the trees of
//! `carry.rs`, where an AND costs one bit of each party. (SPU's ABY3 states 8 rounds for its `MsbA2B`, `libspu/mpc/aby3/conversion.h`.)

use super::product::product;
use super::{bits, in_two, reshare, share_from_p0};
use crate::program::{ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::scheme::carry::{self, high, low, positions, stack, unstack};
use crate::scheme::{Product, Shares};
use smallvec::smallvec;

fn and(p: &mut ProgramBuilder, x: &Shares, y: &Shares) -> Shares {
    product(p, Product::Elementwise, x, y)
}

/// a and b as words of bits, with the sign at the top.
fn words(p: &mut ProgramBuilder, x: &Shares, bits: u8) -> [ValueId; 2] {
    let x = in_two(p, x);
    let x = carry::aligned(p, &x, bits);
    [p.convert(x[0], Domain::Bits(bits)), p.convert(x[1], Domain::Bits(bits))]
}

/// Only the carry is computed, by a tree over 2^j positions (the lowest is empty; 64 but where rings are narrowed) that halves at each level.
///
/// The first level needs no AND of shares, because P0 knows all of a, and P1 and P2 know all of b: for neighbours `high` and
/// `low`, with q = a_high a_low,
///
/// G = a_high b_high XOR q b_low XOR a_low (b_high b_low),
/// P = q XOR (a_high b_low XOR a_low b_high) XOR b_high b_low
///
/// are linear in a and q, with factors that P1 and P2 know. So P0 shares a and q (96 bit); P1, who has one share of them, and
/// P2, who has the other, compute their parts of G and of the term in brackets, and share these anew (2 x 64 bit). A further
/// level leaves n positions for 3 x 2 n bit, the last for 3: 96 + 128 + 6 (16 + 8 + 4 + 2) + 3 = 407 bit, 7 rounds.
pub(super) fn carry(p: &mut ProgramBuilder, x: &Shares) -> Shares {
    let bits = p.value(x[0]).domain.bits().next_power_of_two().max(4);
    let [a, b] = words(p, x, bits);
    let all_of_a = positions(p, a);
    let (a_high, a_low) = (high(p, all_of_a), low(p, all_of_a));
    let q = p.and(a_high, a_low);
    let [a, q] = share_from_p0(p, [a, q]);
    let top = |p: &mut ProgramBuilder, word: ValueId| {
        let top = p.shift_right(word, bits - 1);
        p.convert(top, Domain::Bits(1))
    };
    let tops = [top(p, a[0]), top(p, a[1]), top(p, b)];

    let b = positions(p, b);
    let (b_high, b_low) = (high(p, b), low(p, b));
    let b_both = p.and(b_high, b_low);
    let parts = [0, 1].map(|i| {
        let a = positions(p, a[i]);
        let (a_high, a_low) = (high(p, a), low(p, a));
        let from_highs = p.and(a_high, b_high);
        let from_q = p.and(q[i], b_low);
        let generate = p.xor(from_highs, from_q);
        let from_low = p.and(a_low, b_both);
        let generate = p.xor(generate, from_low);
        let from_high = p.and(a_high, b_low);
        let from_low = p.and(a_low, b_high);
        let propagate = p.xor(from_high, from_low);
        stack(p, generate, propagate)
    });
    let level = reshare(p, 2, parts[0], parts[1]);
    let generate = level.iter().map(|&share| unstack(p, share, 0)).collect();
    let local = [q[0], q[1], b_both];
    let propagate = level.iter().zip(local).map(|(&share, local)| {
        let between = unstack(p, share, 1);
        p.xor(between, local)
    });
    let propagate = propagate.collect();
    let carry = carry::out(p, generate, propagate, and);
    carry.iter().zip(tops).map(|(&carry, top)| p.xor(carry, top)).collect()
}

/// The AND of the two words (P1 and P2 multiply their shares of a by b, and share the products anew), six levels on whole
/// words, and a conversion of the top bit: 64 + 128 + 6 x 384 + 3 = 2499 bit, 9 rounds; returns the bit in arithmetic shares.
pub(super) fn spk(p: &mut ProgramBuilder, x: &Shares) -> Shares {
    let [a, b] = words(p, x, 64);
    let [a] = share_from_p0(p, [a]);
    let parts = [0, 1].map(|i| p.and(a[i], b));
    let generate = reshare(p, 2, parts[0], parts[1]);
    let propagate: Shares = smallvec![a[0], a[1], b];
    let carries = carry::everywhere(p, generate, propagate.clone(), and);
    let top = propagate.iter().zip(&carries).map(|(&propagate, &carries)| {
        let top = carry::top_of_sum(p, propagate, carries);
        p.convert(top, Domain::Bits(1))
    });
    let top = top.collect();
    bits::to_integer(p, &top, Domain::Z64)
}
