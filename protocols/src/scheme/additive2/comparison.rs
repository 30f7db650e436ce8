//! The sign of a secret: the top bit of x0 + x1.
//!
//! A number of a ring that is no word of 2^j bits is first multiplied by the power of two that brings its sign to the top of such a word.
//!
//! It is top(x0) XOR top(x1) XOR the carry out of the 63 bits below. P0 knows the bits of x0 and P1 those of x1, so both
//! words are shared by exclusive or without a message. The carry comes from one of the trees of `carry.rs`.

use super::{DEALER, beaver, bits, deal};
use crate::party::Party;
use crate::program::{Constant, ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::scheme::{Shares, carry};
use smallvec::smallvec;

/// Word whose bits are 1 where P0's and P1's both are.
///
/// The operands are private to one party each, so that each sends one word only: P0 sends d = u0 XOR a, P1 sends
/// e = u1 XOR b, and u0 u1 = u0 e XOR d b XOR a b with dealt a (known to P0), b (known to P1) and shares of a b.
fn and_of_private(p: &mut ProgramBuilder, u0: ValueId, u1: ValueId) -> Shares {
    let (domain, shape) = (p.value(u0).domain, p.shape(u0));
    let a = p.sample(DEALER.and_p0(), domain, shape.clone());
    let b = p.sample(DEALER.and_p1(), domain, shape);
    let c = p.and(a, b);
    let c = deal(p, c);
    let d = p.xor(u0, a);
    let e = p.xor(u1, b);
    let d = p.send(d, Party::P1);
    let e = p.send(e, Party::P0);
    let from_e = p.and(u0, e);
    let from_d = p.and(d, b);
    smallvec![p.xor(from_e, c[0]), p.xor(from_d, c[1])]
}

/// Only the carry is computed, by a tree over W positions (the lowest is empty) that halves at each level, W = 2^j the least that holds x (or
/// W = 2^j + 2^i with i < j: then there are two trees side by side, and the carry of the lower passes through the upper by one AND more).
/// Online: 2 W bit for the first AND, then 6 n bit for a level that leaves n positions (P_high, G_low, P_low opened, both directions), 4 bit
/// for the last, where the propagate bit is not needed: for W = 64 that is 128 + 6 (32 + 16 + 8 + 4 + 2) + 4 = 504 bit, 7 rounds, and
/// 8 W - 8 bit, j + 1 rounds for any (8 W - 10 bit, j + 2 rounds with two trees).
pub(super) fn carry(p: &mut ProgramBuilder, x: &Shares) -> Shares {
    let bits = carry::word_of_sign(p.value(x[0]).domain.bits().max(2));
    let x = carry::aligned(p, x, bits);
    let word = Domain::Bits(bits);
    let x_bits = [p.convert(x[0], word), p.convert(x[1], word)];
    let tops = x_bits.map(|share| {
        let top = p.shift_right(share, bits - 1);
        p.convert(top, Domain::Bits(1))
    });
    let carry = if bits.is_power_of_two() {
        let positions = x_bits.map(|share| carry::positions(p, share));
        let generate = and_of_private(p, positions[0], positions[1]);
        carry::out(p, generate, smallvec![positions[0], positions[1]], beaver::and)
    } else {
        carry_of_two_trees(p, x_bits)
    };
    carry.iter().zip(tops).map(|(&carry, top)| p.xor(carry, top)).collect()
}

/// The carry into the top bit of words of 2^j + 2^i bits: of the lower 2^j positions, and through the others.
fn carry_of_two_trees(p: &mut ProgramBuilder, x_bits: [ValueId; 2]) -> Shares {
    let bits = p.value(x_bits[0]).domain.bits();
    let low_bits = bits.next_power_of_two() / 2;
    let propagate = x_bits.map(|share| p.shift_left(share, 1));
    let generate = and_of_private(p, propagate[0], propagate[1]);
    let low = |p: &mut ProgramBuilder, shares: &[ValueId]| -> Shares {
        let part = |&share: &ValueId| {
            let part = p.convert(share, Domain::Bits(low_bits));
            p.bit_reversal(part)
        };
        shares.iter().map(part).collect()
    };
    let high = |p: &mut ProgramBuilder, shares: &[ValueId]| -> Shares {
        let part = |&share: &ValueId| {
            let part = p.shift_right(share, low_bits);
            let part = p.convert(part, Domain::Bits(bits - low_bits));
            p.bit_reversal(part)
        };
        shares.iter().map(part).collect()
    };
    let lower = (low(p, &generate), low(p, &propagate));
    let upper = (high(p, &generate), high(p, &propagate));
    let carried = carry::out(p, lower.0, lower.1, beaver::and);
    let (generated, passes) = carry::span(p, upper, true, beaver::and);
    let passed = beaver::and(p, &passes, &carried);
    generated.iter().zip(&passed).map(|(&generated, &passed)| p.xor(generated, passed)).collect()
}

/// The AND of the two words, six levels on whole words, and a conversion of the top bit that opens a whole word, as in CrypTen.
/// 256 + 6 x 512 + 128 = 3456 bit, 8 rounds; returns the bit in arithmetic shares.
pub(super) fn spk(p: &mut ProgramBuilder, x: &Shares) -> Shares {
    let x = carry::aligned(p, x, 64);
    let word = Domain::Bits(64);
    let shape = p.shape(x[0]);
    let u = [p.convert(x[0], word), p.convert(x[1], word)];
    let zero = p.constant(Constant::Splat(0), word, shape);
    let generate = beaver::and(p, &smallvec![u[0], zero], &smallvec![zero, u[1]]);
    let carries = carry::everywhere(p, generate, smallvec![u[0], u[1]], beaver::and);
    let top = (0..2).map(|i| carry::top_of_sum(p, u[i], carries[i])).collect();
    bits::to_integer(p, &top, Domain::Z64)
}
