//! Division by a power of two, rounding down or up to the next unit. Each takes x as a sum of two words, of which P0 knows the
//! first, and P1 the second.

use super::{DEALER, bits, key};
use crate::party::Party;
use crate::program::{ClaimKind, ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::scheme::additive2::truncation::narrowing;
use crate::scheme::dealt::open;
use crate::scheme::{Cut, Shares};
use smallvec::smallvec;

/// P0 shifts x0 + x1 and shares the result anew; P1 and P2 shift x2. (ABY3, section 5.1, the
/// first of its two truncations; also `TruncA` of SPU's ABY3, which PUMA runs on.) 1 round, 64 bit from P0 to P1.
///
/// The law is that of `additive2`'s local truncation, for the two words: floor(x / 2^s) or one more, unless they wrap, which happens
/// for exactly |x| of the 2^64 values of x2; narrowed by s bits, they do not.
pub(super) fn local(p: &mut ProgramBuilder, x: &Shares, cut: Cut) -> Shares {
    let shifted = narrowing(p, x, cut.shift, cut.ring);
    let (domain, shape) = (p.value(shifted[0]).domain, p.shape(shifted[0]));
    let share0 = key(p, 0, domain, &shape);
    let share1 = p.sub(shifted[0], share0);
    smallvec![share0, p.send(share1, Party::P1), shifted[1]]
}

/// What [`local`] rests on where it does not narrow the ring.
pub(super) fn claim_local(p: &mut ProgramBuilder, x: &Shares, Cut { shift, fraction_bits, .. }: Cut) {
    p.claim(x, ClaimKind::LocalTruncation { shift, fraction_bits });
}

/// One opening among P0 and P1, and the conversion of a bit; no wrap for |x| < 2^(k - 2), x in Z_2^k, k = 64 but where rings are
/// narrowed, s <= k - 3; written for k = 64:
/// 1. P2 deals r uniform in Z_2^64, `low` = floor((r mod 2^63) / 2^s) and its top bit. (Offline; 65 bit sent.)
/// 2. P0 and P1 open c = x + 2^62 + r to each other, a uniform word that P2, who knows r, does not see. (1 round, 128 bit.)
/// 3. As in `additive2`, floor((c mod 2^63) / 2^s) - `low` + 2^(63 - s) w - 2^(62 - s) is floor(x / 2^s) or one more, with
///    w = top(c) XOR top(r). Its first term is a share 1, which P0 and P1 hold; what P2 dealt are shares 0 and 2. For the same reason
///    top(c) and the shares of top(r) are shares of w under exclusive or.
/// 4. Convert w to an integer. (1 round, 1 bit; offline 194: two of the three shares that are opened behind a random bit were dealt.)
///
/// For uniform r the round-up has probability (x mod 2^s) / 2^s: the expected error is zero.
pub(super) fn exact(p: &mut ProgramBuilder, x: &Shares, cut: Cut) -> Shares {
    let mask = Mask::deal(p, x, cut);
    let masked = mask.add(p, x[0], x[1]);
    let [c] = open(p, [masked]);
    mask.remove(p, c)
}

/// [`exact`] of a product whose summands, with their sharing of zero, are known to one party each: P2 sends its summand to both of
/// the others, and no share of the product is ever made. 2 rounds, 4 x 64 + 1 bit for product and truncation together, where one
/// after the other takes 3 rounds and 192 + 129 bit.
pub(super) fn exact_of_product(p: &mut ProgramBuilder, summands: [ValueId; 3], cut: Cut) -> Shares {
    let mask = Mask::deal(p, &summands, cut);
    let [of_p0, of_p1] = mask.add(p, summands[0], summands[1]);
    let of_p0 = p.send(of_p0, Party::P1);
    let of_p1 = p.send(of_p1, Party::P0);
    let of_p2 = p.send(summands[2], Party::P0);
    let of_p2 = p.send(of_p2, Party::P1);
    let c = p.add(of_p0, of_p1);
    let c = p.add(c, of_p2);
    mask.remove(p, c)
}

/// What P2 deals for an exact truncation: step 1.
struct Mask {
    shift: u8,
    /// The ring of what is opened.
    opened: Domain,
    /// The ring of the result.
    result: Domain,
    /// r, a part each known to P0 and P1.
    r: [ValueId; 2],
    /// Shares 0 and 2 of `low`.
    low: [ValueId; 2],
    /// Shares 0 and 2 of the top bit of r, under exclusive or.
    top: [ValueId; 2],
}

impl Mask {
    /// For the truncation of the sum of `shares`.
    fn deal(p: &mut ProgramBuilder, shares: &[ValueId], Cut { shift, ring, .. }: Cut) -> Self {
        let (opened, result) = (p.value(shares[0]).domain, Domain::Ring(ring));
        p.claim(shares, ClaimKind::Headroom { bits: opened.bits() - 2 });
        let shape = p.shape(shares[0]);
        let (r_shares, r) = DEALER.random(p, opened, &shape);
        let low = below_top(p, r, shift);
        let low = p.convert(low, result);
        let low = DEALER.deal(p, low);
        let top = top(p, r);
        let top = DEALER.deal(p, top);
        Self { shift, opened, result, r: r_shares, low, top }
    }

    /// Parts of x + 2^(k - 2) + r, from parts that P0 and P1 know.
    fn add(&self, p: &mut ProgramBuilder, of_p0: ValueId, of_p1: ValueId) -> [ValueId; 2] {
        let offset = p.splat(1 << (self.opened.bits() - 2), self.opened);
        let positive = p.add(of_p0, offset);
        [p.add(positive, self.r[0]), p.add(of_p1, self.r[1])]
    }

    /// Steps 3 and 4, for c known to P0 and P1.
    fn remove(&self, p: &mut ProgramBuilder, c: ValueId) -> Shares {
        let bits = self.opened.bits();
        let top_c = top(p, c);
        let wrapped = bits::to_integer(p, &smallvec![self.top[0], top_c, self.top[1]], self.result);
        let wrapped: Shares = wrapped.iter().map(|&share| p.shift_left(share, bits - 1 - self.shift)).collect();
        let c_low = below_top(p, c, self.shift);
        let c_low = p.convert(c_low, self.result);
        let offset = p.splat(1 << (bits - 2 - self.shift), self.result);
        let known = p.sub(c_low, offset);
        smallvec![p.sub(wrapped[0], self.low[0]), p.add(wrapped[1], known), p.sub(wrapped[2], self.low[1])]
    }
}

/// floor((word mod 2^(k - 1)) / 2^shift).
fn below_top(p: &mut ProgramBuilder, word: ValueId, shift: u8) -> ValueId {
    let without_top = p.shift_left(word, 1);
    p.shift_right(without_top, shift + 1)
}

/// The top bit.
fn top(p: &mut ProgramBuilder, word: ValueId) -> ValueId {
    let top = p.shift_right(word, p.value(word).domain.bits() - 1);
    p.convert(top, Domain::Bits(1))
}
