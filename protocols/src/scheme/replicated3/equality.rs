//! Whether a secret is zero: a + b = 0, where P0 knows a = x0 + x1, and P1 and P2 know b = x2, exactly when the words a and -b
//! agree in every bit.
//!
//! P0 shares a under exclusive or (1 round, 64 bit); -b is its own sharing. The secret is zero when all 64 bits of
//! NOT (a XOR -b) are 1. They are folded by AND, six times.

use super::product::product;
use super::{bits, in_two, share_from_p0};
use crate::program::ProgramBuilder;
use crate::ring::Domain;
use crate::scheme::carry::{self, high, low};
use crate::scheme::{Product, Shares};
use smallvec::smallvec;

/// Words under exclusive or whose bits are 1 where a and -b agree.
fn agreement(p: &mut ProgramBuilder, x: &Shares, bits: u8) -> Shares {
    let x = in_two(p, x);
    let x = carry::aligned(p, &x, bits);
    let a = p.convert(x[0], Domain::Bits(bits));
    let opposite = p.neg(x[1]);
    let b = p.convert(opposite, Domain::Bits(bits));
    let [a] = share_from_p0(p, [a]);
    smallvec![a[0], a[1], p.not(b)]
}

/// Each fold is an AND of whole words: 64 + 6 x 192 + 3 = 1219 bit, 8 rounds; returns the bit in arithmetic shares.
pub(super) fn whole_words(p: &mut ProgramBuilder, x: &Shares) -> Shares {
    let mut agreed = agreement(p, x, 64);
    for distance in [32, 16, 8, 4, 2, 1] {
        let shifted = agreed.iter().map(|&share| p.shift_right(share, distance)).collect();
        agreed = product(p, Product::Elementwise, &agreed, &shifted);
    }
    // The lowest bit has met all others.
    let lowest = agreed.iter().map(|&share| p.convert(share, Domain::Bits(1))).collect();
    bits::to_integer(p, &lowest, Domain::Z64)
}

/// Each fold is an AND of the two halves of the word: 64 + 3 (32 + 16 + 8 + 4 + 2 + 1) = 253 bit, 7 rounds.
pub(super) fn halves(p: &mut ProgramBuilder, x: &Shares) -> Shares {
    let mut agreed = agreement(p, x, p.value(x[0]).domain.bits().next_power_of_two());
    while p.value(agreed[0]).domain.bits() > 1 {
        let lows = agreed.iter().map(|&share| low(p, share)).collect();
        let highs = agreed.iter().map(|&share| high(p, share)).collect();
        agreed = product(p, Product::Elementwise, &lows, &highs);
    }
    agreed
}
