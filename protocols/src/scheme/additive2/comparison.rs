//! The sign of a secret: the top bit of x0 + x1.
//!
//! It is top(x0) XOR top(x1) XOR the carry out of the 63 bits below. P0 knows the bits of x0 and P1 those of x1, so both
//! words are shared by exclusive or without a message. The carry is an associative combination of generate and propagate
//! bits: (G, P) of a span is (G_high XOR P_high G_low, P_high P_low).

use super::{DEALT_TO_P0, DEALT_TO_P1, beaver, bits, deal};
use crate::party::Party;
use crate::program::{Constant, ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::scheme::Shares;
use crate::shape::{Move, Shape};
use smallvec::smallvec;

/// Word whose bits are 1 where P0's and P1's both are.
///
/// The operands are private to one party each, so that each sends one word only: P0 sends d = u0 XOR a, P1 sends
/// e = u1 XOR b, and u0 u1 = u0 e XOR d b XOR a b with dealt a (known to P0), b (known to P1) and shares of a b.
fn and_of_private(p: &mut ProgramBuilder, u0: ValueId, u1: ValueId) -> Shares {
    let (domain, shape) = (p.value(u0).domain, p.shape(u0));
    let a = p.sample(DEALT_TO_P0, domain, shape.clone());
    let b = p.sample(DEALT_TO_P1, domain, shape);
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

/// Only the carry is computed, by a tree over 64 positions (the lowest is empty) that halves at each level.
///
/// The positions are put in bit-reversed order once; then neighbours, which must be combined, are half a word apart, and
/// the tree needs no more than shifts and narrowing. Online: 128 bit for the first AND, then 6 n bit for a level that
/// leaves n positions (P_high, G_low, P_low opened, both directions), 4 bit for the last, where the propagate bit is not
/// needed: 128 + 6 (32 + 16 + 8 + 4 + 2) + 4 = 504 bit, 7 rounds.
pub(super) fn carry(p: &mut ProgramBuilder, x: &Shares) -> Shares {
    let word = Domain::Bits(64);
    let x_bits = [p.convert(x[0], word), p.convert(x[1], word)];
    let tops = x_bits.map(|share| {
        let top = p.shift_right(share, 63);
        p.convert(top, Domain::Bits(1))
    });
    let reversed = x_bits.map(|share| {
        let shifted = p.shift_left(share, 1);
        p.bit_reversal(shifted)
    });
    let mut generate = and_of_private(p, reversed[0], reversed[1]);
    let mut propagate: Shares = smallvec![reversed[0], reversed[1]];
    let mut positions = 64u8;
    while positions > 1 {
        positions /= 2;
        let half = Domain::Bits(positions);
        let low = |p: &mut ProgramBuilder, word: ValueId| p.convert(word, half);
        let high = |p: &mut ProgramBuilder, word: ValueId| {
            let high = p.shift_right(word, positions);
            p.convert(high, half)
        };
        let p_high: Shares = propagate.iter().map(|&share| high(p, share)).collect();
        let g_high: Shares = generate.iter().map(|&share| high(p, share)).collect();
        let g_low: Shares = generate.iter().map(|&share| low(p, share)).collect();
        let from_low = if positions == 1 {
            beaver::and(p, &p_high, &g_low)
        } else {
            let p_low: Shares = propagate.iter().map(|&share| low(p, share)).collect();
            let stacked: Shares = g_low.iter().zip(&p_low).map(|(&g, &l)| stack(p, g, l)).collect();
            let products = beaver::and(p, &p_high, &stacked);
            propagate = products.iter().map(|&share| unstack(p, share, 1)).collect();
            products.iter().map(|&share| unstack(p, share, 0)).collect()
        };
        generate = g_high.iter().zip(&from_low).map(|(&g, &l)| p.xor(g, l)).collect();
    }
    generate.iter().zip(tops).map(|(&carry, top)| p.xor(carry, top)).collect()
}

/// CrypTen's set-propagate-kill circuit (`mpc/primitives/circuit.py`): AND of the two words, six levels of a set-propagate-kill tree
/// on whole words, each one AND of two stacked words, and a conversion of the top bit that opens a whole word.
/// 256 + 6 x 512 + 128 = 3456 bit, 8 rounds; returns the bit in arithmetic shares.
pub(super) fn spk(p: &mut ProgramBuilder, x: &Shares) -> Shares {
    let word = Domain::Bits(64);
    let shape = p.shape(x[0]);
    let u = [p.convert(x[0], word), p.convert(x[1], word)];
    let zero = p.constant(Constant::Splat(0), word, shape);
    let mut generate = beaver::and(p, &smallvec![u[0], zero], &smallvec![zero, u[1]]);
    let mut propagate: Shares = smallvec![u[0], u[1]];
    for level in 0..6 {
        let distance = 1 << level;
        let left: Shares = propagate.iter().map(|&share| stack(p, share, share)).collect();
        let right: Shares = generate
            .iter()
            .zip(&propagate)
            .map(|(&g, &l)| {
                let (g, l) = (p.shift_left(g, distance), p.shift_left(l, distance));
                stack(p, g, l)
            })
            .collect();
        let products = beaver::and(p, &left, &right);
        generate = generate
            .iter()
            .zip(&products)
            .map(|(&g, &products)| {
                let from_below = unstack(p, products, 0);
                p.xor(g, from_below)
            })
            .collect();
        propagate = products.iter().map(|&share| unstack(p, share, 1)).collect();
    }
    let top: Shares = (0..2)
        .map(|i| {
            let carries = p.shift_left(generate[i], 1);
            let sum = p.xor(u[i], carries);
            p.shift_right(sum, 63)
        })
        .collect();
    bits::to_integer(p, &top)
}

fn with_leading_axis(p: &ProgramBuilder, x: ValueId) -> Shape {
    std::iter::once(1).chain(p.shape(x).axes().iter().copied()).collect()
}

fn stack(p: &mut ProgramBuilder, a: ValueId, b: ValueId) -> ValueId {
    let shape = with_leading_axis(p, a);
    let a = p.moved(a, Move::Reshape(shape.clone()));
    let b = p.moved(b, Move::Reshape(shape));
    p.concat(&[a, b], 0)
}

fn unstack(p: &mut ProgramBuilder, stacked: ValueId, position: usize) -> ValueId {
    let part = p.moved(stacked, Move::Slice { axis: 0, start: position, length: 1 });
    let shape: Shape = p.shape(part).axes()[1..].into();
    p.moved(part, Move::Reshape(shape))
}
