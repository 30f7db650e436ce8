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

use crate::circuit::Sectors;
use crate::fixed::power_of_two;
use crate::program::{Constant, ProgramBuilder, ValueId, WordFunction};
use crate::ring::Domain;
use crate::scheme::dealt::{Dealer, open};
use crate::scheme::laws::LOW_POWER_BITS;
use crate::scheme::{RingPower, Shares};
use crate::shape::{Move, Shape};

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
    let starts = along(p, (0..sectors.count() as u64).map(|a| a << (sector_units - words.low_bits)), high, &shape);
    let r_high = p.add(starts, r_high);
    let dealt = Factor {
        fraction_bits: words.dealt.0,
        guard_bits: words.dealt.1,
        unit: -power_of_two(-i32::from(argument_bits)),
    };
    let dealt =
        dealt.read(p, power, r_high, r, &|number, reach| if number < reach { Some(number - reach) } else { None });
    let dealt = p.convert(dealt, sum_ring);
    let dealt = dealer.deal(p, dealt);

    let offset = p.splat(below_top(sectors, argument_bits), word);
    let mut masked = [0, 1].map(|i| {
        let narrow = p.convert(x[i], word);
        p.sub(narrow, r_shares[i])
    });
    masked[0] = p.add(masked[0], offset);
    let [c] = open(p, [masked]);

    // E, and the sector.
    let c_high = p.shift_right(c, words.low_bits);
    let c_high = p.convert(c_high, high);
    let public = Factor { fraction_bits: words.public.0, guard_bits: words.public.1, unit: 0.0 };
    let public = public.read(p, power, c_high, c, &|number, _| Some(number.rem_euclid(sectors.length())));
    let public = p.convert(public, sum_ring);
    let index = Domain::Ring(sectors.modulus_bits - sectors.sector_bits);
    let sector = p.shift_right(c, sector_units);
    let sector = p.convert(sector, index);
    let indices = along(p, 0..sectors.count() as u64, index, &shape);
    let distance = p.sub(sector, indices);
    let mut is_zero = vec![0; sectors.count()];
    is_zero[0] = 1;
    let chosen = p.function(WordFunction::Table { entries: is_zero, domain: sum_ring }, distance);
    let pick = |&share: &ValueId| {
        let chosen = p.mul(chosen, share);
        let sum = p.sum(chosen, 0);
        let sum = p.moved(sum, Move::Reshape(shape.clone()));
        p.mul(public, sum)
    };
    dealt.iter().map(pick).collect()
}

/// The largest exponent less the lowest, a unit less than there is room for.
fn below_top(sectors: Sectors, argument_bits: u8) -> u64 {
    ((sectors.reach() * power_of_two(i32::from(argument_bits))) as u64) - 1
}

/// A factor of a power.
struct Factor {
    fraction_bits: u8,
    guard_bits: u8,
    /// What the exponent is above the number of its word, less than nothing for what is below.
    unit: f64,
}

impl Factor {
    /// 2^exponent of words, to the nearest word with the fraction bits of the factor: `upper` are the upper bits of the word and `word` has the
    /// lower ones. The exponent of an upper part is found from its number, absent where the power is 0, and the reach.
    fn read(
        &self,
        p: &mut ProgramBuilder,
        power: &RingPower,
        upper: ValueId,
        word: ValueId,
        exponent: &dyn Fn(f64, f64) -> Option<f64>,
    ) -> ValueId {
        let RingPower { sectors, words, argument_bits, .. } = *power;
        let scale = power_of_two(i32::from(self.fraction_bits) + i32::from(self.guard_bits));
        let step = power_of_two(i32::from(words.low_bits) - i32::from(argument_bits));
        let entry = |index: u64| {
            let exponent = exponent(index as f64 * step, sectors.reach());
            exponent.map_or(0, |exponent| (libm::exp2(exponent - self.unit) * scale).round() as u64)
        };
        let entries = (0..1 << (words.bits - words.low_bits)).map(entry).collect();
        let upper = p.function(WordFunction::Table { entries, domain: Domain::Z64 }, upper);
        let mut shift = self.guard_bits;
        let mut product = upper;
        if words.low_bits > 0 {
            let low = p.convert(word, Domain::Ring(words.low_bits));
            let one = power_of_two(i32::from(LOW_POWER_BITS));
            let unit = power_of_two(-i32::from(argument_bits));
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
}

/// Words along an axis before those of `shape`.
pub(super) fn along(
    p: &mut ProgramBuilder,
    words: impl Iterator<Item = u64>,
    domain: Domain,
    shape: &Shape,
) -> ValueId {
    let words: Vec<u64> = words.map(|word| word & domain.mask()).collect();
    let axes = std::iter::once(words.len()).chain(shape.axes().iter().map(|_| 1));
    let shape: Shape = axes.collect();
    p.constant(Constant::Words(words.into()), domain, shape)
}
