//! Carries of a sum of two words that are shared by exclusive or, by any scheme that can AND such shares.
//!
//! The carry out of a span of positions is an associative combination of generate and propagate bits: (G, P) of a span is
//! (G_high XOR P_high G_low, P_high P_low).

use super::Shares;
use crate::program::{ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::shape::{Move, Shape};

/// Shares of x 2^(`bits` - k) in Z_2^`bits`, for x in Z_2^k: its sign is at the top of the word, and it is zero when x is.
pub(super) fn aligned(p: &mut ProgramBuilder, x: &Shares, bits: u8) -> Shares {
    let shift = bits - p.value(x[0]).domain.bits();
    let align = |&share: &ValueId| {
        let wide = p.convert(share, Domain::Ring(bits));
        p.shift_left(wide, shift)
    };
    x.iter().map(align).collect()
}

/// The word shifted left by one, so that its top bit goes and the lowest position is empty, in bit-reversed order of
/// positions: neighbours, which [`out`] must combine, are then half a word apart, and it needs no more than shifts and
/// narrowing.
pub(super) fn positions(p: &mut ProgramBuilder, word: ValueId) -> ValueId {
    let shifted = p.shift_left(word, 1);
    p.bit_reversal(shifted)
}

/// The low half of the positions.
pub(super) fn low(p: &mut ProgramBuilder, word: ValueId) -> ValueId {
    let half = Domain::Bits(p.value(word).domain.bits() / 2);
    p.convert(word, half)
}

/// The high half of the positions.
pub(super) fn high(p: &mut ProgramBuilder, word: ValueId) -> ValueId {
    let bits = p.value(word).domain.bits() / 2;
    let high = p.shift_right(word, bits);
    p.convert(high, Domain::Bits(bits))
}

/// The carry out of all positions, by a tree that halves at each level: an AND of 2 n bits leaves n positions, an AND of one
/// bit the last.
pub(super) fn out(
    p: &mut ProgramBuilder,
    generate: Shares,
    propagate: Shares,
    and: impl FnMut(&mut ProgramBuilder, &Shares, &Shares) -> Shares,
) -> Shares {
    span(p, (generate, propagate), false, and).0
}

/// Generate and propagate bits of all positions together; where the propagate bit is not wanted, the last level does without it, and what is
/// given in its place is that of a part.
pub(super) fn span(
    p: &mut ProgramBuilder,
    (mut generate, mut propagate): (Shares, Shares),
    propagates: bool,
    mut and: impl FnMut(&mut ProgramBuilder, &Shares, &Shares) -> Shares,
) -> (Shares, Shares) {
    let mut positions = p.value(generate[0]).domain.bits();
    while positions > 1 {
        positions /= 2;
        let p_high: Shares = propagate.iter().map(|&share| high(p, share)).collect();
        let g_high: Shares = generate.iter().map(|&share| high(p, share)).collect();
        let g_low: Shares = generate.iter().map(|&share| low(p, share)).collect();
        let from_low = if positions == 1 && !propagates {
            and(p, &p_high, &g_low)
        } else {
            let p_low: Shares = propagate.iter().map(|&share| low(p, share)).collect();
            let stacked: Shares = g_low.iter().zip(&p_low).map(|(&g, &l)| stack(p, g, l)).collect();
            let products = and(p, &p_high, &stacked);
            propagate = products.iter().map(|&share| unstack(p, share, 1)).collect();
            products.iter().map(|&share| unstack(p, share, 0)).collect()
        };
        generate = g_high.iter().zip(&from_low).map(|(&g, &l)| p.xor(g, l)).collect();
    }
    (generate, propagate)
}

/// The width of the word in which a sign is found of a number of `bits` bits: the least sum of two powers of two that holds it, or a power of two.
pub(super) fn word_of_sign(bits: u8) -> u8 {
    let whole = bits.next_power_of_two();
    let half = whole / 2;
    match (bits - half.min(bits)).next_power_of_two() {
        rest if half >= 4 && rest < half => half + rest.max(2),
        _ => whole,
    }
}

/// The carries out of every position of words of 64 bits, by six levels of a tree on whole words, each one AND of two stacked
/// words: CrypTen's set-propagate-kill circuit (`mpc/primitives/circuit.py`).
pub(super) fn everywhere(
    p: &mut ProgramBuilder,
    mut generate: Shares,
    mut propagate: Shares,
    mut and: impl FnMut(&mut ProgramBuilder, &Shares, &Shares) -> Shares,
) -> Shares {
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
        let products = and(p, &left, &right);
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
    generate
}

/// The top bit of the sum of the words of 64 bits that `propagate` is the exclusive or of, as words of which it is the lowest bit.
pub(super) fn top_of_sum(p: &mut ProgramBuilder, propagate: ValueId, carries: ValueId) -> ValueId {
    let carries = p.shift_left(carries, 1);
    let sum = p.xor(propagate, carries);
    p.shift_right(sum, 63)
}

/// Two tensors of the same shape along a new leading axis.
pub(super) fn stack(p: &mut ProgramBuilder, a: ValueId, b: ValueId) -> ValueId {
    let shape: Shape = std::iter::once(1).chain(p.shape(a).axes().iter().copied()).collect();
    let a = p.moved(a, Move::Reshape(shape.clone()));
    let b = p.moved(b, Move::Reshape(shape));
    p.concat(&[a, b], 0)
}

/// One of the tensors that were stacked.
pub(super) fn unstack(p: &mut ProgramBuilder, stacked: ValueId, position: usize) -> ValueId {
    let part = p.moved(stacked, Move::Slice { axis: 0, start: position, length: 1 });
    let shape: Shape = p.shape(part).axes()[1..].into();
    p.moved(part, Move::Reshape(shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_found_in_the_least_word_of_one_or_two_powers_of_two() {
        for (bits, word) in [
            (2, 2),
            (3, 4),
            (5, 6),
            (6, 6),
            (7, 8),
            (29, 32),
            (31, 32),
            (32, 32),
            (33, 34),
            (39, 40),
            (47, 48),
            (49, 64),
            (64, 64),
        ] {
            assert_eq!(word_of_sign(bits), word, "{bits}");
        }
        assert!((1..=64).all(|bits| word_of_sign(bits) >= bits));
    }
}
