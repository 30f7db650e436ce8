//! Round numbers along the axes of pictures.

/// The powers of ten from `low` to `high`.
pub fn decades(low: f64, high: f64) -> impl Iterator<Item = f64> {
    let (first, last) = (low.log10().ceil() as i32, high.log10().floor() as i32);
    (first..=last).map(|exponent| 10f64.powi(exponent))
}

/// Round numbers from `low` to `high` on a logarithmic scale: powers of ten, and 2 and 5 times them where there are few.
#[must_use]
pub fn logarithmic(low: f64, high: f64) -> Vec<f64> {
    let powers: Vec<f64> = decades(low, high).collect();
    if powers.len() >= 3 {
        return powers;
    }
    let (first, last) = (low.log10().floor() as i32, high.log10().floor() as i32);
    let all = (first..=last).flat_map(|exponent| [1.0, 2.0, 5.0].map(|factor| factor * 10f64.powi(exponent)));
    all.filter(|tick| (low..=high).contains(tick)).collect()
}

/// The largest of 1, 2 and 5 times a power of ten that divides a length into at least five steps; 1 for no length.
#[must_use]
pub fn step(length: f64) -> f64 {
    if !(length > 0.0 && length.is_finite()) {
        return 1.0;
    }
    let power = 10f64.powf((length / 5.0).log10().floor());
    [5.0, 2.0, 1.0].into_iter().map(|factor| factor * power).find(|step| length / step >= 5.0).unwrap_or(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithmic_scales_have_powers_of_ten_and_more_where_they_are_few() {
        assert_eq!(decades(0.5, 200.0).collect::<Vec<_>>(), [1.0, 10.0, 100.0]);
        assert_eq!(logarithmic(3.0, 60.0), [5.0, 10.0, 20.0, 50.0]);
        assert_eq!(logarithmic(0.5, 200.0), [1.0, 10.0, 100.0]);
    }

    #[test]
    fn a_step_is_round_and_taken_five_to_thirteen_times() {
        assert_eq!([step(0.0), step(f64::NAN), step(f64::INFINITY)], [1.0; 3]);
        for (length, expected) in [(100.0, 20.0), (49.0, 5.0), (7.0, 1.0), (0.3, 0.05), (1e11, 2e10)] {
            assert!((step(length) / expected - 1.0).abs() < 1e-9, "{length}");
        }
        for exponent in -30..30 {
            for digit in 10..100 {
                let length = f64::from(digit) * 10f64.powi(exponent);
                let steps = length / step(length);
                // A power of ten is rounded, and a length too.
                let rounding = 1e-12;
                assert!(steps >= 5.0 * (1.0 - rounding) && steps <= 12.5 * (1.0 + rounding), "{length}: {steps} steps");
            }
        }
    }
}
