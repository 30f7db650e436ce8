//! Powers of two and levels of rows: what every run may make of an argument that is known within bounds.

use super::Arithmetic;
use super::BoundError;
use super::form::{Form, Kind, LANES, down, up};
use viewless_protocols::circuit::{Levels, Sectors};
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::scheme::laws::PowerWords;

/// A power ready to be bounded.
#[derive(Debug)]
pub(super) struct Power {
    sectors: Sectors,
    /// A unit of the exponent.
    unit: f64,
    /// Units of a real result.
    scale: f64,
    /// Bound of the roundings of the factors, in units of the result.
    rounding: f64,
    /// Integer bits by which the product exceeds the result's scale before it is truncated.
    pub(super) shift: i32,
}

impl Power {
    /// For an exponent with `argument_bits` and a power with `fraction_bits`.
    pub(super) fn new(
        arithmetic: Arithmetic,
        sectors: Sectors,
        argument_bits: u8,
        fraction_bits: u8,
    ) -> Result<Self, BoundError> {
        let (unit, scale) = (power_of_two(-i32::from(argument_bits)), power_of_two(i32::from(fraction_bits)));
        let (rounding, shift) = match arithmetic {
            Arithmetic::Reals => (0.0, 0),
            Arithmetic::Ring(_) => {
                let words = PowerWords::of(sectors, argument_bits, fraction_bits);
                let words = words.ok_or(BoundError::Power { argument_bits, fraction_bits })?;
                (words.rounding(sectors), i32::from(words.shift))
            }
        };
        Ok(Self { sectors, unit, scale, rounding, shift })
    }

    /// The power of a number before it is truncated, in units; and for each lane the largest that it may be.
    pub(super) fn of(&self, mut form: Form, kind: Kind) -> Form {
        // A unit is left free at the lower end in the ring.
        let lowest = -self.sectors.reach() + if kind == Kind::Ring { self.unit } else { 0.0 };
        for i in 0..LANES {
            let (low, high) = (form.low[i] * self.unit, form.high[i] * self.unit);
            if low >= lowest && high <= 0.0 { self.inside(&mut form, i) } else { self.outside(&mut form, i, kind) }
        }
        form
    }

    fn inside(&self, form: &mut Form, i: usize) {
        // The library's powers are right to a unit in the last place, products to half a unit.
        const SLACK: f64 = 8.0 * f64::EPSILON;
        let (low, high) = (form.low[i] * self.unit, form.high[i] * self.unit);
        // Far down a power may be taken for nothing: where its exponent is below twice a sector over the lowest. That is no rounding - it may be
        // as large as 1 - so what is claimed over the reals counts it, too.
        let nothing = -(self.sectors.modulus() - 2.0 * self.sectors.length());
        let lost = if low < nothing { libm::exp2(nothing) * self.scale } else { 0.0 };
        let least = libm::exp2(low) * self.scale * (1.0 - SLACK) - self.rounding - lost;
        let most = libm::exp2(high) * self.scale * (1.0 + SLACK) + self.rounding;
        let (centre, radius) = (form.centre[i] * self.unit, form.radius[i] * self.unit);
        let value = libm::exp2(centre) * self.scale;
        let slope = value * std::f64::consts::LN_2;
        // Taylor's remainder: the second derivative is largest at the upper end.
        let curved = slope * std::f64::consts::LN_2 / 2.0 * libm::exp2(radius) * radius * radius;
        let factor = slope * self.unit;
        form.centre[i] = value;
        form.terms.iter_mut().for_each(|(_, term)| term[i] *= factor);
        form.error[i] =
            form.error[i] * factor + (curved + SLACK * (value + slope * radius)) * (1.0 + SLACK) + self.rounding + lost;
        form.low[i] = least.max(0.0);
        form.high[i] = most;
    }

    /// A number that no exponent is: from 0 to the size of the public factor, and over the reals to 1.
    fn outside(&self, form: &mut Form, i: usize, kind: Kind) {
        let most = match kind {
            Kind::Ring => power_of_two(self.sectors.length() as i32) * self.scale + self.rounding,
            Kind::Reals => self.scale,
        };
        form.low[i] = 0.0;
        form.high[i] = most;
        form.centre[i] = most / 2.0;
        form.error[i] = most / 2.0;
        form.terms.iter_mut().for_each(|(_, term)| term[i] = 0.0);
    }
}

/// The least and the largest level of a row, given bounds of its elements in units of 2^-`fraction_bits`, in these units.
pub(super) fn level(
    levels: Levels,
    fraction_bits: i32,
    row: impl Iterator<Item = (f64, f64)> + Clone,
    kind: Kind,
) -> (f64, f64) {
    let scale = power_of_two(fraction_bits);
    let (step, half) = (levels.step() * scale, levels.half() * scale);
    let (low, high) = (row.clone().map(|ends| ends.0), row.clone().map(|ends| ends.1));
    let (least, most) = (low.clone().fold(f64::INFINITY, f64::min), high.clone().fold(f64::NEG_INFINITY, f64::max));
    // Also where an end is no number.
    let counts = least >= step - half && most < half;
    let of = |largest: f64| ((largest / step).floor() * step).clamp(-half, half - step);
    let (low, high) = (of(low.fold(f64::NEG_INFINITY, f64::max)), of(most));
    match kind {
        Kind::Reals if !(least.is_nan() || most.is_nan()) => (down(low, kind), up(high, kind)),
        Kind::Ring if counts => (low - step, high),
        Kind::Reals | Kind::Ring => (-half, half - step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_bounded_by_all_rows_within_the_bounds() {
        let levels = Levels { index_bits: 3, step_exponent: 1 };
        let (fraction_bits, unit) = (1, 0.5);
        for low in -14_i32..14 {
            for high in low..14 {
                let row = [(f64::from(low), f64::from(high)), (-14.0, f64::from(low.min(-3)))];
                if row[1].0 > row[1].1 {
                    continue;
                }
                let (least, most) = level(levels, fraction_bits, row.into_iter(), Kind::Ring);
                for x in low..=high {
                    let truth = levels.of([f64::from(x) * unit, -7.0].into_iter()) / unit;
                    assert!(least <= truth && truth <= most, "{low} {high} {x}");
                }
            }
        }
        let beyond = level(levels, 1, [(-100.0, 0.0)].into_iter(), Kind::Ring);
        assert_eq!(beyond, (-16.0, 12.0), "a number below the lowest level may be counted anywhere");
    }

    #[test]
    fn a_power_is_bounded_by_its_ends_and_by_its_slope() {
        let sectors = Sectors { modulus_bits: 5, sector_bits: 2 };
        let power = Power::new(Arithmetic::Reals, sectors, 8, 16).unwrap();
        for (low, high) in [(-300.0, -280.0), (-1.0, 0.0), (-7000.0, -100.0)] {
            let argument = Form::between([low; LANES], [high; LANES], 0, Kind::Reals);
            let mut form = power.of(argument, Kind::Reals);
            form.settle(Some(1), Kind::Reals);
            for step in 0..=16 {
                let x = low + (high - low) * f64::from(step) / 16.0;
                let truth = libm::exp2(x / 256.0) * 65536.0;
                assert!(
                    form.low[0] <= truth && truth <= form.high[0],
                    "{x}: {truth} in {} {}",
                    form.low[0],
                    form.high[0]
                );
            }
        }
        // Over the reals, too: without room below twice a sector every power but 1 may be taken for nothing.
        let tight = Power::new(Arithmetic::Reals, Sectors { modulus_bits: 3, sector_bits: 2 }, 8, 16).unwrap();
        let lost = tight.of(Form::between([-3.0; LANES], [-2.0; LANES], 0, Kind::Reals), Kind::Reals);
        assert!(lost.low[0] <= 0.0 && lost.high[0] >= 65000.0, "{} {}", lost.low[0], lost.high[0]);
        let above = power.of(Form::between([-5.0; LANES], [1.0; LANES], 0, Kind::Reals), Kind::Reals);
        assert_eq!((above.low[0], above.high[0]), (0.0, 65536.0));
    }
}
