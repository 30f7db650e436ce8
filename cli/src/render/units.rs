//! Numbers as people read them. JSON holds the exact ones.

pub use viewless_protocols::decimal::{at_least, at_most, decimals_at_least, decimals_at_most, exact, scientific};

/// Bytes, in decimal units: 1 GB is 1e9 bytes.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let number = bytes as f64;
    // The unit is chosen after rounding, so that 999,999 bytes are 1.000 MB and not 1000 kB.
    match UNITS.iter().find(|(unit, _)| number >= unit * 0.9995) {
        Some((unit, name)) => format!("{} {name}", four_digits(number / unit)),
        None => format!("{bytes} B"),
    }
}

/// A duration.
#[must_use]
pub fn seconds(seconds: f64) -> String {
    match seconds {
        0.0 => "0 s".to_owned(),
        s if s < 0.9995e-3 => format!("{} us", three_digits(s * 1e6)),
        s if s < 0.9995 => format!("{} ms", three_digits(s * 1e3)),
        s if s < 120.0 => format!("{} s", three_digits(s)),
        s if s < 7200.0 => format!("{} min", three_digits(s / 60.0)),
        s => format!("{} h", three_digits(s / 3600.0)),
    }
}

/// A probability.
#[must_use]
pub fn probability(probability: f64) -> String {
    if probability == 0.0 {
        "0".to_owned()
    } else if (0.01..=1.0).contains(&probability) {
        format!("{probability:.2}")
    } else {
        let text = scientific(probability, 1);
        match text.split_once("e-") {
            Some((digits, exponent)) if exponent.len() == 1 => format!("{digits}e-0{exponent}"),
            _ => text,
        }
    }
}

/// An expected number of events.
#[must_use]
pub fn expected(number: f64) -> String {
    if number > 1.0 { three_digits(number) } else { probability(number) }
}

/// A real number: an activation, an output. What rounds to zero has no sign.
#[must_use]
pub fn real(number: f64) -> String {
    let number = if number.abs() < 0.5e-5 { 0.0 } else { number };
    if number.abs() < 99_999.5 { format!("{number:.5}") } else { scientific(number, 4) }
}

/// A number on a scale: no digits that say nothing.
#[must_use]
pub fn short(number: f64) -> String {
    // Ticks are small multiples of powers of ten, with rounding errors.
    let rounded = (number * 1e6).round() / 1e6;
    format!("{rounded}")
}

/// Bits per second.
#[must_use]
pub fn bandwidth(bits_per_second: f64) -> String {
    let (unit, name) = if bits_per_second >= 1e9 {
        (1e9, "Gbit/s")
    } else if bits_per_second >= 1e6 {
        (1e6, "Mbit/s")
    } else {
        (1.0, "bit/s")
    };
    format!("{} {name}", bits_per_second / unit)
}

fn three_digits(number: f64) -> String {
    match number {
        n if n >= 99.95 => format!("{n:.0}"),
        n if n >= 9.995 => format!("{n:.1}"),
        n => format!("{n:.2}"),
    }
}

/// A number with four digits.
#[must_use]
pub fn four_digits(number: f64) -> String {
    match number {
        n if n >= 999.5 => format!("{n:.0}"),
        n if n >= 99.95 => format!("{n:.1}"),
        n if n >= 9.995 => format!("{n:.2}"),
        n => format!("{n:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_decimal_units_and_four_digits() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.000 kB"),
            (999_999, "1.000 MB"),
            (3_462_742_016, "3.463 GB"),
            (123_456_789, "123.5 MB"),
            (45_678, "45.68 kB"),
        ];
        for (number, text) in cases {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn durations_have_three_digits_and_a_fitting_unit() {
        let cases = [(0.0, "0 s"), (0.0008, "800 us"), (0.0421, "42.1 ms"), (1.5, "1.50 s"), (119.96, "120 s")];
        for (number, text) in cases.into_iter().chain([(600.0, "10.0 min"), (7200.0, "2.00 h")]) {
            assert_eq!(seconds(number), text);
        }
    }

    #[test]
    fn probabilities_show_their_exponent() {
        for (number, text) in [(0.0, "0"), (3.2e-5, "3.2e-05"), (1.0e-12, "1.0e-12"), (0.25, "0.25"), (1.0, "1.00")] {
            assert_eq!(probability(number), text);
        }
    }

    #[test]
    fn real_numbers_stay_short() {
        assert_eq!([0.0, -0.220_704, 50_000.0, -1.5e9].map(real), ["0.00000", "-0.22070", "50000.00000", "-1.5000e9"]);
    }

    #[test]
    fn bandwidths_have_decimal_units() {
        assert_eq!(bandwidth(3e9), "3 Gbit/s");
        assert_eq!(bandwidth(200e6), "200 Mbit/s");
    }
}
