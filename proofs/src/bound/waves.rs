//! A trigonometric sum with its coefficients brought to units and angles; the law that bounds it is at the top of `interpret.rs`.

use super::angle;
use super::{Arithmetic, BoundError};
use viewless_protocols::circuit::{Opening, Series};
use viewless_protocols::fixed::{self, RING_BITS, power_of_two};
use viewless_protocols::scheme::laws::{self, Angle, PERIOD_SHIFT};

/// A sum ready to be bounded.
#[derive(Debug)]
pub(super) struct Waves {
    /// Amplitudes of cosine and sine, from k = 1.
    pub(super) amplitudes: Vec<(f64, f64)>,
    /// Binary logarithm of the angle units of a period.
    pub(super) angle_bits: u8,
    /// Angle units for each unit of the argument.
    pub(super) ratio: f64,
    /// The multiplier c.
    pub(super) multiplier: Option<u64>,
    /// The constant, in units.
    pub(super) constant: f64,
    /// Units of a real number.
    pub(super) scale: f64,
    /// Bound of the roundings of the waves, in units.
    pub(super) rounding: f64,
    /// Bound of the second derivative by angle units, in units.
    pub(super) curvature: f64,
    /// Bound of the third.
    pub(super) third: f64,
    /// Bound of the one after those that are asked for of many terms; absent of few.
    beyond_higher: Option<f64>,
    /// Bound of the logarithmic derivative of one wave by angle units: frequencies times w.
    pub(super) fastest: f64,
    /// Bound of the sum without the constant, in units.
    pub(super) amplitude: f64,
    /// Integer bits by which the sum exceeds the result's scale before it is truncated.
    pub(super) shift: i32,
    /// Ends of the sum without the constant over all angles, in units, when it may be taken at any.
    pub(super) anywhere: Option<(f64, f64)>,
}

/// Terms from which on more derivatives are asked for: the bound of the third is then far above what it is, and cells would have to be many.
const MANY_TERMS: usize = 128;
/// Derivatives that are asked for then, from the third on; that after these is bounded over all angles.
const HIGHER: usize = 8;

/// A sum at an angle, and its derivatives by angle units, in units.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtAngle {
    pub(super) value: f64,
    pub(super) slope: f64,
    pub(super) second: f64,
    /// Those from the third on, without their signs; of sums of many terms alone.
    higher: [f64; HIGHER],
    /// Of the value. Each derivative errs by at most [`Waves::fastest`] times as much as the one before.
    pub(super) error: f64,
}

/// Angle bits over the reals: fine enough that the second-order term is nothing.
const REAL_ANGLE_BITS: u8 = 31;

impl Waves {
    pub(super) fn new(arithmetic: Arithmetic, series: &Series, fraction_bits: u8) -> Result<Self, BoundError> {
        let coefficient = |list: &[f64], k: usize| list.get(k).copied().unwrap_or(0.0);
        let amplitudes: Vec<(f64, f64)> = (0..series.cosines.len().max(series.sines.len()))
            .map(|k| (coefficient(&series.cosines, k), coefficient(&series.sines, k)))
            .collect();
        let radii: Vec<f64> = amplitudes.iter().map(|(a, b)| a.hypot(*b) * (1.0 + 1e-15)).collect();
        let scale = power_of_two(i32::from(fraction_bits));
        let units = series.period * scale;
        let (angle_bits, ratio, multiplier, rounding, constant, shift) = match arithmetic {
            Arithmetic::Reals => {
                let ratio = power_of_two(i32::from(REAL_ANGLE_BITS)) / units;
                (REAL_ANGLE_BITS, ratio, None, 0.0, series.constant * scale, 0)
            }
            Arithmetic::Ring(truncation) => {
                let angle = Angle::of(series.period, fraction_bits).ok_or(BoundError::Period { units })?;
                let ratio = angle.multiplier.map_or(1.0, |c| c as f64 * power_of_two(-i32::from(PERIOD_SHIFT)));
                let wave_bits = i32::from(laws::wave_bits(series, fraction_bits, truncation));
                let h = power_of_two(-wave_bits) * (0.5 + power_of_two(-20));
                let term =
                    |r: &f64| if *r == 0.0 { 0.0 } else { std::f64::consts::SQRT_2 * h * (r + 1.0) + 2.0 * h * h };
                let rounding = radii.iter().map(term).sum::<f64>() * scale * (1.0 + 1e-12);
                let constant = fixed::encode(series.constant, fraction_bits, RING_BITS)? as i64 as f64;
                (angle.bits, ratio, angle.multiplier, rounding, constant, 2 * wave_bits - i32::from(fraction_bits))
            }
        };
        let w = 2.0 * std::f64::consts::PI * power_of_two(-i32::from(angle_bits));
        let curvature = (1..).zip(&radii).map(|(k, r)| f64::from(k) * f64::from(k) * r).sum::<f64>() * w * w * scale;
        let third = (1..).zip(&radii).map(|(k, r)| f64::from(k).powi(3) * r).sum::<f64>() * w.powi(3) * scale;
        let order = HIGHER as i32 + 3;
        let beyond_higher = (radii.len() >= MANY_TERMS).then(|| {
            let power = |(k, r): (u32, &f64)| (f64::from(k) * w).powi(order) * r;
            (1..).zip(&radii).map(power).sum::<f64>() * scale * (1.0 + 1e-12)
        });
        let amplitude = radii.iter().sum::<f64>() * scale * (1.0 + 1e-12);
        let anywhere = match series.opening {
            Opening::Period => None,
            Opening::Remainder { .. } => Some(range(series, &radii)),
        }
        .map(|(low, high)| (low * scale, high * scale));
        let (curvature, third) = (curvature * (1.0 + 1e-12), third * (1.0 + 1e-12));
        let fastest = amplitudes.len() as f64 * w * (1.0 + 1e-12);
        Ok(Self {
            amplitudes,
            angle_bits,
            ratio,
            multiplier,
            constant,
            scale,
            rounding,
            curvature,
            third,
            beyond_higher,
            fastest,
            amplitude,
            shift,
            anywhere,
        })
    }

    /// The sum at an angle.
    pub(super) fn at(&self, n: i64) -> AtAngle {
        let first = angle::unit((n as u32).wrapping_shl(32 - u32::from(self.angle_bits)));
        let w = 2.0 * std::f64::consts::PI * power_of_two(-i32::from(self.angle_bits));
        let (mut value, mut slope, mut second, mut error) = (0.0, 0.0, 0.0, 0.0);
        let mut higher = [0.0; HIGHER];
        let mut power = first;
        let terms = self.amplitudes.len() as f64;
        for (k, &(a, b)) in self.amplitudes.iter().enumerate() {
            let k = (k + 1) as f64;
            let wave = a * power.0 + b * power.1;
            let turned = b * power.0 - a * power.1;
            value += wave;
            slope += k * w * turned;
            second -= k * w * k * w * wave;
            error += (a.abs() + b.abs()) * (k + terms) * angle::ERROR;
            if self.beyond_higher.is_some() {
                // Derivatives of one wave are itself and the turned one by turns, but for signs that all waves share.
                let (mut size, kw) = (k * w * k * w, k * w);
                for pair in higher.chunks_mut(2) {
                    for (derivative, wave) in pair.iter_mut().zip([turned, wave]) {
                        size *= kw;
                        *derivative += size * wave;
                    }
                }
            }
            power = angle::times(power, first);
        }
        let scale = self.scale;
        let higher = higher.map(|derivative| (derivative * scale).abs());
        AtAngle { value: value * scale, slope: slope * scale, second: second * scale, higher, error: error * scale }
    }

    /// Bound of what value and slope leave at a distance.
    pub(super) fn beyond(&self, distance: f64, at: &AtAngle) -> f64 {
        let by_global = self.curvature / 2.0;
        let by_local = (at.second.abs() + self.third / 3.0 * distance) / 2.0 * (1.0 + 1e-12);
        let waves = self.fastest * distance;
        let lost = at.error * (1.0 + waves + waves * waves / 2.0);
        let bound = by_global.min(by_local) * distance * distance + lost;
        let Some(last) = self.beyond_higher else { return bound };
        // Taylor's sum with as many derivatives as there are, and of their errors.
        let (mut sum, mut errors) = (at.second.abs() * distance * distance / 2.0, waves * waves / 2.0);
        let (mut power, mut error) = (distance * distance / 2.0, waves * waves / 2.0);
        for (order, derivative) in (3..).zip(at.higher.iter().chain([&last])) {
            power *= distance / f64::from(order);
            error *= waves / f64::from(order);
            sum += derivative * power;
            errors += error;
        }
        bound.min((sum + at.error * (1.0 + waves + errors)) * (1.0 + 1e-12))
    }
}

/// An interval that holds every value of a sum without its constant, widened as the law says.
fn range(series: &Series, radii: &[f64]) -> (f64, f64) {
    const ANGLES: usize = 4096;
    let sum = Series { constant: 0.0, opening: Opening::Period, ..series.clone() };
    let step = 2.0 * std::f64::consts::PI / ANGLES as f64;
    let curvature: f64 = (1..).zip(radii).map(|(k, r)| f64::from(k) * f64::from(k) * r).sum();
    // The second summand covers the roundings of the values, each wave's angle and amplitude being right to some 2^-50.
    let slack = curvature * step * step / 8.0 + 1e-12 * (1.0 + curvature);
    let values = (0..ANGLES).map(|i| sum.at(series.period * i as f64 / ANGLES as f64));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)));
    (low - slack, high + slack)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sum of 160 terms, as wide as those of inverse roots: the rest of its tangent is bounded by many derivatives, and much better than by three.
    #[test]
    fn the_rest_of_a_tangent_is_bounded_by_many_derivatives() {
        let coefficients = |phase: f64| -> Vec<f64> {
            (1..=160).map(|k| libm::sin(f64::from(k) * phase) / (1.0 + f64::from(k))).collect()
        };
        let series = Series {
            period: 4.0,
            constant: 0.0,
            cosines: coefficients(1.7),
            sines: coefficients(0.9),
            opening: Opening::Period,
            most_guard_bits: None,
        };
        let waves = Waves::new(Arithmetic::Ring(viewless_protocols::scheme::Truncation::Exact), &series, 22).unwrap();
        let (scale, mut gained) = (power_of_two(22), false);
        for start in (0..1 << 24).step_by(99_991) {
            let at = waves.at(start);
            for distance in [1_i64, 100, 2_000, 8_000, 20_000] {
                let bound = waves.beyond(distance as f64, &at);
                for angle in [start - distance, start + distance / 3, start + distance] {
                    let off = (angle - start) as f64;
                    let exact = series.at(angle as f64 / scale) * scale;
                    let rest = (exact - at.value - at.slope * off).abs();
                    // The library's own sum is right to 1e-9 units.
                    assert!(rest <= bound + 1e-6, "{start} {off}: {rest} > {bound}");
                }
                let three = (at.second.abs() + waves.third / 3.0 * distance as f64) / 2.0;
                let three = three.min(waves.curvature / 2.0) * (distance * distance) as f64;
                assert!(bound <= three * (1.0 + 1e-9) + at.error * 1e6);
                gained |= bound < three / 8.0;
            }
        }
        assert!(gained);
    }
}
