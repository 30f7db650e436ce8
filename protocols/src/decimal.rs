//! Numbers as decimal text that says what is true.
//!
//! A bound that is rounded to the nearest decimal number is no bound any more: `no run errs by more than 0.0200786`, to two digits, is `2.1e-2`
//! and not `2.0e-2`. So what bounds from above is written by [`at_most`], what bounds from below by [`at_least`], and only what bounds nothing
//! by [`scientific`]. None of them writes an exponent of 0 or the sign of a zero.

/// A number with so many digits after the point, rounded to the nearest.
#[must_use]
pub fn scientific(number: f64, digits: usize) -> String {
    without_needless(format!("{number:.digits$e}"))
}

/// A number that is claimed to be an upper bound: rounded up.
#[must_use]
pub fn at_most(number: f64, digits: usize) -> String {
    rounded(number, format!("{number:.digits$e}"), |written| written < number, 1)
}

/// A number that is claimed to be a lower bound: rounded down.
#[must_use]
pub fn at_least(number: f64, digits: usize) -> String {
    rounded(number, format!("{number:.digits$e}"), |written| written > number, -1)
}

/// A number that is claimed to be an upper bound, with so many decimals and no exponent: rounded up.
#[must_use]
pub fn decimals_at_most(number: f64, decimals: usize) -> String {
    rounded(number, format!("{number:.decimals$}"), |written| written < number, 1)
}

/// A number that is claimed to be a lower bound, with so many decimals and no exponent: rounded down.
#[must_use]
pub fn decimals_at_least(number: f64, decimals: usize) -> String {
    rounded(number, format!("{number:.decimals$}"), |written| written > number, -1)
}

/// A number as somebody wrote it: the fewest digits from which it can be read again.
#[must_use]
pub fn exact(number: f64) -> String {
    without_needless(format!("{number:e}"))
}

/// The nearest text, or its neighbour upwards (`step` 1) or downwards (-1) where the nearest is on the wrong side.
fn rounded(number: f64, nearest: String, is_wrong: impl Fn(f64) -> bool, step: i128) -> String {
    if nearest.parse().is_ok_and(|written| !is_wrong(written)) {
        return without_needless(nearest);
    }
    let (mantissa, exponent) = nearest.split_once('e').unwrap_or((&nearest, "0"));
    let decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    // Infinities and what is no number. (A number of more digits than these is whole, and its text exact.)
    let Ok(units) = mantissa.replace('.', "").parse::<i128>() else { return nearest };
    let (units, sign) = (units + step, if units + step < 0 { "-" } else { "" });
    let figures = format!("{:0width$}", units.unsigned_abs(), width = decimals + 1);
    let (whole, part) = figures.split_at(figures.len() - decimals);
    let point = if decimals == 0 { "" } else { "." };
    let neighbour = format!("{sign}{whole}{point}{part}");
    let neighbour = if nearest.contains('e') {
        // 9.9 becomes 10.0 and 1.0 becomes 0.9: to be written with one figure before the point again. Both are exact at these digits,
        // so that the nearest text to the number is the number.
        let as_number: f64 = format!("{neighbour}e{exponent}").parse().unwrap_or(number);
        format!("{as_number:.decimals$e}")
    } else {
        neighbour
    };
    without_needless(neighbour)
}

fn without_needless(text: String) -> String {
    if text.parse() == Ok(0.0) {
        return if text.contains('e') { "0" } else { text.trim_start_matches('-') }.to_owned();
    }
    text.strip_suffix("e0").map_or_else(|| text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_exponent_of_zero_is_left_out_and_zero_has_no_sign() {
        assert_eq!(
            [0.0, -0.0, 1.3, -2.0, 1e-3, 1e10].map(|x| scientific(x, 1)),
            ["0", "0", "1.3", "-2.0", "1.0e-3", "1.0e10"]
        );
        assert_eq!([0.0, -0.0, 50.0, 1e-3, 1.0].map(exact), ["0", "0", "5e1", "1e-3", "1"]);
        assert_eq!(decimals_at_most(-0.0, 2), "0.00");
    }

    #[test]
    fn bounds_are_rounded_outwards() {
        let up = [0.02007803, 0.020, 9.96, 778.866, -1.26, -1.0004].map(|x| at_most(x, 1));
        assert_eq!(up, ["2.1e-2", "2.0e-2", "1.0e1", "7.8e2", "-1.2", "-1.0"]);
        assert_eq!([0.01996, 9.94, 1.0e-7].map(|x| at_least(x, 1)), ["1.9e-2", "9.9", "1.0e-7"]);
        assert_eq!(at_most(f64::INFINITY, 1), "inf");
        assert_eq!([8.64, 0.961, 12.0].map(|x| decimals_at_most(x, 1)), ["8.7", "1.0", "12.0"]);
        assert_eq!([8.66, 0.049, -0.04].map(|x| decimals_at_least(x, 1)), ["8.6", "0.0", "-0.1"]);
        assert_eq!(decimals_at_most(0.0001, 2), "0.01");
    }

    proptest! {
        #[test]
        fn what_is_written_bounds_what_it_is_written_for(number in any::<f64>(), digits in 0_usize..6) {
            prop_assume!(number.is_finite());
            let read = |text: String| text.parse::<f64>().expect("it is a number");
            prop_assert!(read(at_most(number, digits)) >= number);
            prop_assert!(read(at_least(number, digits)) <= number);
            // No further off than one unit of the last digit.
            let unit = 10f64.powf(number.abs().log10().floor() + 1.0 - digits as f64);
            prop_assert!(read(at_most(number, digits)) - number <= unit * 1.001);
            let small = number % 1e6;
            prop_assert!(read(decimals_at_most(small, digits)) >= small);
            prop_assert!(read(decimals_at_least(small, digits)) <= small);
        }
    }
}
