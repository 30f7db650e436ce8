//! Whether a secret is zero: x0 + x1 = 0 exactly when the words x0 and -x1 agree in every bit.
//!
//! A number of a ring that is no word of 2^j bits is first multiplied by a power of two, as for its sign.
//!
//! P0 knows x0 and P1 knows -x1, so NOT (x0 XOR -x1) is shared by exclusive or without a message; the secret is zero when all 64 of
//! its bits are 1. They are folded by AND, six times.

use super::{beaver, bits};
use crate::program::{ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::scheme::{Shares, carry};
use smallvec::smallvec;

/// Words under exclusive or whose bits are 1 where x0 and -x1 agree.
fn agreement(p: &mut ProgramBuilder, x: &Shares, bits: u8) -> [ValueId; 2] {
    let x = carry::aligned(p, x, bits);
    let word = Domain::Bits(bits);
    let opposite = p.neg(x[1]);
    let first = p.convert(x[0], word);
    let second = p.convert(opposite, word);
    [p.not(first), second]
}

/// CrypTen's equality (`mpc/mpc.py`, `_eqz_2PC`): each fold is an AND of whole words, and the conversion of the bit opens a whole
/// word. 6 x 256 + 128 = 1664 bit, 7 rounds; returns the bit in arithmetic shares.
pub(super) fn whole_words(p: &mut ProgramBuilder, x: &Shares) -> Shares {
    let mut agreed: Shares = agreement(p, x, 64).into_iter().collect();
    for distance in [32, 16, 8, 4, 2, 1] {
        let shifted: Shares = agreed.iter().map(|&share| p.shift_right(share, distance)).collect();
        agreed = beaver::and(p, &agreed, &shifted);
    }
    // The lowest bit has met all others; `to_integer` reads no other.
    bits::to_integer(p, &agreed, Domain::Z64)
}

/// Each fold is an AND of the two halves of the word. 4 (32 + 16 + 8 + 4 + 2 + 1) = 252 bit, 6 rounds.
pub(super) fn halves(p: &mut ProgramBuilder, x: &Shares) -> Shares {
    let bits = p.value(x[0]).domain.bits().next_power_of_two();
    let mut agreed: Shares = agreement(p, x, bits).into_iter().collect();
    let mut width = bits;
    while width > 1 {
        width /= 2;
        let half = Domain::Bits(width);
        let low: Shares = agreed.iter().map(|&share| p.convert(share, half)).collect();
        let high: Shares = agreed
            .iter()
            .map(|&share| {
                let high = p.shift_right(share, width);
                p.convert(high, half)
            })
            .collect();
        agreed = beaver::and(p, &low, &high);
    }
    smallvec![agreed[0], agreed[1]]
}
