//! Powers x^-a of a positive secret over many octaves without a comparison: one trigonometric sum for each scale, and a look-up that says which holds (ours).
//!
//! A Fourier extension of x^-a needs frequencies in proportion to the ratio of its ends, so a wide interval is cut into scales of `width` octaves.
//! They are alike: with k_i = lowest + i `width` the i-th is for x in [1.5 2^k_i, 3 2^(k_i + width)], and q = x 2^-(k_i + width) is in
//! [1.5 2^-width, 3], a sum of period 4 for every one; and neighbours share the octave [1.5 2^k_i, 3 2^k_i].
//! 1. F_i = sum of scale i: one opening each, all in one round. Out of its scale F_i is some value of its sum.
//! 2. b_i = `[x is above the octave that scales i - 1 and i share, or in its upper part]`, by a look-up of floor(x / 2^k_i) or one more: 1 from 3 on. So b_i = 1 only where
//!    x >= 2 2^k_i, and b_i = 0 only where x < 3 2^k_i: both scales hold there. In the same round.
//! 3. r = F_0 + sum over i >= 1 of b_i (F_i - F_(i-1)), one round of products: what is out of its scale cancels exactly.
//!
//! **Cost.** Two rounds where truncations are free. A look-up is of 2^(top - k_i) entries.
//! **Privacy.** Masked openings and products.

use crate::circuit::{Circuit, Secret, Series, Table};
use crate::nonlinear::extension::{self, Extension, Request, Waves};
use std::sync::OnceLock;

/// Guard bits of the sums and of their arguments.
const SERIES_GUARD_BITS: i8 = 6;
/// Fraction bits of waves beyond those of the sums: two products of them fit a word at 18 fraction bits, too.
const WAVE_GUARD_BITS: u8 = 4;
/// Guard bits of what is looked up, zeros and ones: at 16 fraction bits they are integers, and a product with them needs no truncation. A fixed point of at least
/// 16 fraction bits is needed.
const BIT_GUARD_BITS: i8 = -16;
/// The lower end of a scale in units of its power of two, and the upper end of the last octave.
const ENDS: (f64, f64) = (1.5, 3.0);

/// Binary logarithm of the power of two not below a row length.
pub fn halvings(row_length: usize) -> i8 {
    row_length.next_power_of_two().ilog2() as i8
}

/// Which power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// 1 / x, in scales of four octaves.
    Reciprocal,
    /// 1 / sqrt(x), in scales of six octaves: it changes by half as many.
    InverseRoot,
}

impl Power {
    /// Octaves of a scale.
    const fn width(self) -> i8 {
        match self {
            Self::Reciprocal => 4,
            Self::InverseRoot => 6,
        }
    }

    fn of(self, x: f64) -> f64 {
        match self {
            Self::Reciprocal => 1.0 / x,
            Self::InverseRoot => 1.0 / x.sqrt(),
        }
    }

    /// The sum for q in [1.5 2^-width, 3], 1 at the lower end.
    pub fn fitted(self) -> &'static Extension {
        static FITTED: [OnceLock<Extension>; 2] = [OnceLock::new(), OnceLock::new()];
        let low = ENDS.0 * crate::fixed::power_of_two(-i32::from(self.width()));
        let terms = match self {
            Self::Reciprocal => 48,
            Self::InverseRoot => 160,
        };
        let request = Request { low, high: ENDS.1, period: 4.0, terms, waves: Waves::Both, ridge: 1e-12 };
        FITTED[self as usize].get_or_init(|| extension::fit_relative(|q| self.of(q / low), &request))
    }
}

/// `factor` x^-a with `guard_bits`, for x from 1.5 2^`lowest` to a unit of the last look-up below 2^`top`: 2^`top` - 2^k.
pub fn over(c: &mut Circuit, x: Secret, power: Power, (lowest, top): (i8, i8), factor: f64, guard_bits: i8) -> Secret {
    let starts = starts(power, (lowest, top));
    let mut result: Option<(Secret, Secret)> = None;
    for &start in &starts {
        let sum = at_scale(c, x, power, start, factor);
        let sum = c.precision(sum, guard_bits);
        let Some((so_far, before)) = result else {
            result = Some((sum, sum));
            continue;
        };
        let bit = |index: f64| f64::from(u8::from(index >= 3.0));
        let unit = crate::fixed::power_of_two(i32::from(start));
        let index_bits = u8::try_from(top - start).expect("a scale begins below the top").max(2);
        let above = c.lookup(x, Table::of(|x| bit(x / unit), 0.0, -start, index_bits), BIT_GUARD_BITS);
        let difference = c.sub(sum, before);
        let taken = c.mul_to(difference, above, guard_bits);
        result = Some((c.add(so_far, taken), sum));
    }
    result.expect("there is one scale").0
}

/// The k of every scale, to the first whose upper end, 3 2^(k + width), is not below 2^top.
fn starts(power: Power, (lowest, top): (i8, i8)) -> Vec<i8> {
    let width = power.width();
    let mut starts = vec![lowest];
    while starts[starts.len() - 1] + width + 1 < top {
        starts.push(starts[starts.len() - 1] + width);
    }
    starts
}

/// The k of the last scale of inverse roots.
pub fn last_start(lowest: i8, top: i8) -> i8 {
    let starts = starts(Power::InverseRoot, (lowest, top));
    starts[starts.len() - 1]
}

/// F_i.
fn at_scale(c: &mut Circuit, x: Secret, power: Power, start: i8, factor: f64) -> Secret {
    let shifted = c.shift(x, -(start + power.width()));
    let argument = c.precision(shifted, SERIES_GUARD_BITS);
    // The sum is 1 where x = 1.5 2^start: a power of two moves the binary point, the rest is in the coefficients.
    let at_start = factor * power.of(ENDS.0 * crate::fixed::power_of_two(i32::from(start)));
    let exponent = at_start.log2().ceil() as i8;
    let rest = at_start * crate::fixed::power_of_two(-i32::from(exponent));
    let Series { period, constant, cosines, sines, opening, .. } = &power.fitted().series;
    let scaled = |list: &[f64]| list.iter().map(|coefficient| coefficient * rest).collect();
    let series = Series {
        period: *period,
        constant: constant * rest,
        cosines: scaled(cosines),
        sines: scaled(sines),
        opening: *opening,
        most_guard_bits: Some(WAVE_GUARD_BITS),
    };
    let sum = c.fourier(argument, series);
    c.shift(sum, exponent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn the_relative_error_is_that_of_the_fit_over_all_scales() {
        for (power, ends) in
            [(Power::Reciprocal, (-5, 8)), (Power::InverseRoot, (-2, 17)), (Power::InverseRoot, (3, 5))]
        {
            let (low, high) = (1.5 * f64::from(ends.0).exp2(), f64::from(ends.1).exp2() * 0.96);
            let points: Vec<f64> =
                testing::grid(low.ln(), high.ln(), 20_001).map(|e: f64| e.exp().clamp(low, high)).collect();
            let found = testing::map_with(&points, |c, x| over(c, x, power, ends, 3.0, 8));
            let errors = points.iter().zip(found).map(|(&x, y)| (y / (3.0 * power.of(x)) - 1.0).abs());
            let worst = errors.fold(0.0, f64::max);
            println!("{power:?}: {worst:e}, fit {:e}", power.fitted().max_error);
            assert!(worst <= 1.01 * power.fitted().max_error, "{power:?} {worst:e}");
        }
    }

    #[test]
    fn coefficients_are_small_enough_for_their_guard_bits() {
        for power in [Power::Reciprocal, Power::InverseRoot] {
            let series = &power.fitted().series;
            let size: f64 = series.cosines.iter().chain(&series.sines).map(|a| a.abs()).sum();
            println!("{power:?}: size {size}, error {:e}", power.fitted().max_error);
            // 2^61 at twice 28 fraction bits.
            assert!(size < 32.0 && power.fitted().max_error < 6e-6, "{power:?}: {size} {:e}", power.fitted().max_error);
        }
    }
}
