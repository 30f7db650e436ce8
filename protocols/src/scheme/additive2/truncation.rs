//! Division by a power of two, rounding down or up to the next unit.

use super::{deal, open, random};
use crate::program::{ClaimKind, ProgramBuilder};
use crate::ring::Domain;
use crate::scheme::Shares;
use smallvec::smallvec;

/// Bound of `exact` in Z_2^64: |x| < 2^62.
pub const EXACT_HEADROOM_BITS: u8 = 62;

/// Each party shifts its share: P0 takes floor(x0 / 2^s), P1 takes ceil(x1 / 2^s), shares read as signed words.
///
/// With x0 = a 2^s + r0 and x1 = b 2^s + r1, 0 <= r < 2^s, the sum is a + b + [r1 > 0], and floor(x / 2^s) is
/// a + b + [r0 + r1 >= 2^s]; so the result is floor(x / 2^s) or one more, and equal to it when 2^s divides x. It is off by
/// 2^(64 - s) when x0 + x1 leaves the signed range: for exactly |x| of the 2^64 sharings. (With both shares rounded down
/// it would be x + 1 for x >= 0 and |x| - 1 for x < 0; negating P1's share moves the end of its range by one.)
///
/// Narrowing the result to Z_2^m with m <= 64 - s removes that failure: 2^(64 - s) is 0 modulo 2^m.
pub(super) fn local(p: &mut ProgramBuilder, x: &Shares, shift: u8, fraction_bits: u8) -> Shares {
    p.claim(x, ClaimKind::LocalTruncation { shift, fraction_bits });
    shift_apart(p, x, shift)
}

/// [`local`] without its claim, for results that are narrowed and so cannot fail.
pub(in crate::scheme) fn shift_apart(p: &mut ProgramBuilder, x: &Shares, shift: u8) -> Shares {
    let share0 = p.shift_right_arithmetic(x[0], shift);
    let negative = p.neg(x[1]);
    let shifted = p.shift_right_arithmetic(negative, shift);
    smallvec![share0, p.neg(shifted)]
}

/// [`local`], narrowed to Z_2^`ring` with `ring` + s at most the width of x: nothing is sent, and nothing wraps.
pub(in crate::scheme) fn narrowing(p: &mut ProgramBuilder, x: &Shares, shift: u8, ring: u8) -> Shares {
    let shifted = shift_apart(p, x, shift);
    shifted.iter().map(|&share| p.convert(share, Domain::Ring(ring))).collect()
}

/// One opening, no wrap for |x| < 2^(k - 2), x in Z_2^k (k = 64 but where rings are narrowed), s <= k - 3; the result may be in any ring:
/// 1. The dealer deals r uniform in Z_2^k, `low` = floor((r mod 2^(k - 1)) / 2^s) and its top bit, both in the ring of the result.
/// 2. The parties open c = x + 2^(k - 2) + r, a uniform word.
/// 3. With x' = x + 2^(k - 2) in [0, 2^(k - 1)): x' = (c mod 2^(k - 1)) - (r mod 2^(k - 1)) + 2^(k - 1) w, where w = top(c) XOR top(r),
///    because c's top bit is r's plus the carry. So floor((c mod 2^(k - 1)) / 2^s) - `low` + 2^(k - 1 - s) w is floor(x' / 2^s), or one more
///    when the s low bits of c are less than those of r. Subtract 2^(k - 2 - s). All of this holds over the integers, so in any ring.
///
/// For uniform r the round-up has probability (x mod 2^s) / 2^s: the expected error is zero.
pub(super) fn exact(p: &mut ProgramBuilder, x: &Shares, shift: u8, result: Domain) -> Shares {
    let opened = p.value(x[0]).domain;
    let bits = opened.bits();
    p.claim(x, ClaimKind::Headroom { bits: bits - 2 });
    let shape = p.shape(x[0]);
    let (r_shares, r) = random(p, opened, &shape);
    let below_top = |p: &mut ProgramBuilder, word| {
        let without_top = p.shift_left(word, 1);
        let shifted = p.shift_right(without_top, shift + 1);
        p.convert(shifted, result)
    };
    let top_of = |p: &mut ProgramBuilder, word| {
        let top = p.shift_right(word, bits - 1);
        p.convert(top, result)
    };
    let low = below_top(p, r);
    let low = deal(p, low);
    let top = top_of(p, r);
    let top = deal(p, top);

    let offset = p.splat(1 << (bits - 2), opened);
    let positive = p.add(x[0], offset);
    let masked = [p.add(positive, r_shares[0]), p.add(x[1], r_shares[1])];
    let [c] = open(p, [masked]);

    let c_low = below_top(p, c);
    let c_top = top_of(p, c);
    // w = top(c) + top(r) (1 - 2 top(c)), in shares.
    let one = p.splat(1, result);
    let twice = p.shift_left(c_top, 1);
    let sign = p.sub(one, twice);
    let wrapped = top.map(|share| p.mul(share, sign));
    let wrapped0 = p.add(wrapped[0], c_top);

    let wrapped0 = p.shift_left(wrapped0, bits - 1 - shift);
    let wrapped1 = p.shift_left(wrapped[1], bits - 1 - shift);
    let offset = p.splat(1 << (bits - 2 - shift), result);
    let known = p.sub(c_low, offset);
    let known = p.add(known, wrapped0);
    smallvec![p.sub(known, low[0]), p.sub(wrapped1, low[1])]
}
