//! Powers of two of one secret with one opening and no comparison, by dealt powers for sectors of the exponent (ours).
//!
//! x is an integer with f fraction bits, and 2^(x / 2^f) is wanted for -(M - Y) < x / 2^f <= 0; M and Y are powers of two.
//! 1. y = x + 2^f (M - Y) - 1 is in [0, 2^f (M - Y)), and is narrowed to Z_2^m, 2^m = 2^f M: shares that wrap do so by a multiple of M.
//! 2. The dealer deals r uniform in Z_2^m. For each sector a = 0 ... M/Y - 1, with y_a = r + 2^f a Y modulo 2^m, it deals shares of
//!    D_a = 2^(y_a / 2^f - (M - Y) + 2^-f), or of 0 where y_a is not below 2^f (M - Y).
//! 3. The parties open c = y - r, m bits each way: uniform, because r is.
//! 4. a is the sector of c, and e what c has above it: c = 2^f a Y + e. So y = y_a + e modulo 2^m, and E D_a with the public E = 2^(e / 2^f) is
//!    2^(x / 2^f): each party picks its share of D_a, and multiplies it by E.
//!
//! If y_a + e wraps, then y_a >= 2^m - e is above 2^f (M - Y) and D_a is 0, while y is below 2^f Y: then the power is below 2^(2 Y - M), and is taken
//! for 0. Where x is out of its interval, D_a is 0 or the exponent is off by multiples of M: the result is from 0 to 2^Y whatever x is.
//!
//! A power is read from two tables, by the upper and the lower bits of its exponent, and rounded to nearest: see
//! [`PowerWords`](crate::scheme::laws::PowerWords).

use super::lookup::{along, one_hot, picked};
use crate::fixed::power_of_two;
use crate::program::{ProgramBuilder, ValueId, WordFunction};
use crate::ring::Domain;
use crate::scheme::dealt::{Dealer, open_masked};
use crate::scheme::laws::LOW_POWER_BITS;
use crate::scheme::{RingPower, Shares};

/// Shares of the power at the scale of its factors, which is truncated by `words.shift`; x is shared among P0 and P1, and so is the result.
pub(in crate::scheme) fn power(p: &mut ProgramBuilder, dealer: Dealer, x: &Shares, power: &RingPower) -> Shares {
    let shape = p.shape(x[0]);
    let RingPower { sectors, words, argument_bits, sum_ring, .. } = *power;
    let (word, sum_ring) = (Domain::Ring(words.bits), Domain::Ring(sum_ring));
    let sector_units = argument_bits + sectors.sector_bits;
    let (r_shares, r) = dealer.random(p, word, &shape);

    // D_a, all sectors along a new leading axis.
    let high = Domain::Ring(words.bits - words.low_bits);
    let r_high = p.shift_right(r, words.low_bits);
    let r_high = p.convert(r_high, high);
    let starts = (0..sectors.count() as u64).map(|a| a << (sector_units - words.low_bits));
    let starts = along(p, starts, high, &shape);
    let r_high = p.add(starts, r_high);
    let (reach, unit) = (sectors.reach(), power_of_two(-i32::from(argument_bits)));
    let in_reach = |number: f64| (number < reach).then_some(number - reach + unit);
    let dealt = read(p, power, words.dealt, (r_high, r), &in_reach);
    let dealt = p.convert(dealt, sum_ring);
    let dealt = dealer.deal(p, dealt);

    let offset = (reach / unit) as u64 - 1;
    let c = open_masked(p, [x[0], x[1]], r_shares, Some(offset));

    // E, and the sector.
    let c_high = p.shift_right(c, words.low_bits);
    let c_high = p.convert(c_high, high);
    let in_sector = |number: f64| Some(number.rem_euclid(sectors.length()));
    let public = read(p, power, words.public, (c_high, c), &in_sector);
    let public = p.convert(public, sum_ring);
    let index = Domain::Ring(sectors.modulus_bits - sectors.sector_bits);
    let sector = p.shift_right(c, sector_units);
    let sector = p.convert(sector, index);
    let indices = along(p, 0..sectors.count() as u64, index, &shape);
    let chosen = one_hot(p, sector, indices, sum_ring);
    let pick = |&share: &ValueId| {
        let power = picked(p, chosen, share, &shape);
        p.mul(public, power)
    };
    dealt.iter().map(pick).collect()
}

/// A factor of a power: 2^exponent of words, to the nearest word with so many fraction bits, of which its upper table has so many more. Of the words there are
/// the upper bits, and the word itself for the lower ones. The exponent of the upper bits is found from the number that they are; the power is 0 where
/// there is none.
fn read(
    p: &mut ProgramBuilder,
    power: &RingPower,
    (fraction_bits, guard_bits): (u8, u8),
    (upper, word): (ValueId, ValueId),
    exponent: &dyn Fn(f64) -> Option<f64>,
) -> ValueId {
    let RingPower { words, argument_bits, .. } = *power;
    let scale = power_of_two(i32::from(fraction_bits) + i32::from(guard_bits));
    let unit = power_of_two(-i32::from(argument_bits));
    let step = unit * power_of_two(i32::from(words.low_bits));
    let entry =
        |index: u64| exponent(index as f64 * step).map_or(0, |exponent| (libm::exp2(exponent) * scale).round() as u64);
    let entries = (0..1 << (words.bits - words.low_bits)).map(entry).collect();
    let upper = p.function(WordFunction::Table { entries, domain: Domain::Z64 }, upper);
    let (mut shift, mut product) = (guard_bits, upper);
    if words.low_bits > 0 {
        let low = p.convert(word, Domain::Ring(words.low_bits));
        let one = power_of_two(i32::from(LOW_POWER_BITS));
        let entry = |index: u64| (libm::exp2(index as f64 * unit) * one).round() as u64;
        let entries = (0..1 << words.low_bits).map(entry).collect();
        let low = p.function(WordFunction::Table { entries, domain: Domain::Z64 }, low);
        product = p.mul(upper, low);
        shift += LOW_POWER_BITS;
    }
    if shift == 0 {
        return product;
    }
    let half = p.splat(1 << (shift - 1), Domain::Z64);
    let rounded = p.add(product, half);
    p.shift_right(rounded, shift)
}
