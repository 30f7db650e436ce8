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
    /// Bound of the logarithmic derivative of one wave by angle units: frequencies times w.
    pub(super) fastest: f64,
    /// Bound of the sum without the constant, in units.
    pub(super) amplitude: f64,
    /// Integer bits by which the sum exceeds the result's scale before it is truncated.
    pub(super) shift: i32,
    /// Ends of the sum without the constant over all angles, in units, when it may be taken at any.
    pub(super) anywhere: Option<(f64, f64)>,
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
            fastest,
            amplitude,
            shift,
            anywhere,
        })
    }

    /// Value, slope and second derivative (by angle units) of the sum at an angle, in units, and the error of the value. Each derivative
    /// errs by at most [`Waves::fastest`] times as much as the one before.
    pub(super) fn at(&self, n: i64) -> (f64, f64, f64, f64) {
        let first = angle::unit((n as u32).wrapping_shl(32 - u32::from(self.angle_bits)));
        let w = 2.0 * std::f64::consts::PI * power_of_two(-i32::from(self.angle_bits));
        let (mut value, mut slope, mut second, mut error) = (0.0, 0.0, 0.0, 0.0);
        let mut power = first;
        let terms = self.amplitudes.len() as f64;
        for (k, &(a, b)) in self.amplitudes.iter().enumerate() {
            let k = (k + 1) as f64;
            let wave = a * power.0 + b * power.1;
            value += wave;
            slope += k * w * (b * power.0 - a * power.1);
            second -= k * w * k * w * wave;
            error += (a.abs() + b.abs()) * (k + terms) * angle::ERROR;
            power = angle::times(power, first);
        }
        (value * self.scale, slope * self.scale, second * self.scale, error * self.scale)
    }

    /// Bound of what value and slope leave at a distance, given the second derivative and the error of the value.
    pub(super) fn beyond(&self, distance: f64, second: f64, error: f64) -> f64 {
        let by_global = self.curvature / 2.0;
        let by_local = (second.abs() + self.third / 3.0 * distance) / 2.0 * (1.0 + 1e-12);
        let waves = self.fastest * distance;
        by_global.min(by_local) * distance * distance + error * (1.0 + waves + waves * waves / 2.0)
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
