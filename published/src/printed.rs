//! A number as a paper prints it: its digits say how exactly it is to be met.

use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;
use viewless_protocols::decimal;

/// A printed number, with the form of its digits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Printed {
    text: String,
    value: f64,
    digits: Digits,
}

/// How many digits are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digits {
    /// Behind the point.
    Decimals(usize),
    /// Of the mantissa, behind its point.
    Mantissa(usize),
}

/// A text that is no printed number.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not a printed number; write digits with at most one point, such as 28.689 or 8.37e-6")]
pub struct PrintedError {
    /// The text.
    pub text: String,
}

impl Printed {
    /// The number.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }

    /// `number` with as many digits as the printed one.
    #[must_use]
    pub fn alike(&self, number: f64) -> String {
        match self.digits {
            Digits::Decimals(decimals) => format!("{number:.decimals$}"),
            Digits::Mantissa(decimals) => decimal::scientific(number, decimals),
        }
    }

    /// Whether `number` rounds to the printed digits.
    #[must_use]
    pub fn is(&self, number: f64) -> bool {
        self.alike(number) == self.alike(self.value)
    }
}

impl TryFrom<String> for Printed {
    type Error = PrintedError;

    fn try_from(text: String) -> Result<Self, PrintedError> {
        let refused = || PrintedError { text: text.clone() };
        let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | '-' | '+');
        if !text.chars().all(is_number) {
            return Err(refused());
        }
        let value: f64 = text.parse().map_err(|_| refused())?;
        let decimals = |part: &str| part.split_once('.').map_or(0, |(_, behind)| behind.len());
        let digits = match text.split_once('e') {
            Some((mantissa, _)) => Digits::Mantissa(decimals(mantissa)),
            None => Digits::Decimals(decimals(&text)),
        };
        Ok(Self { text, value, digits })
    }
}

impl From<Printed> for String {
    fn from(printed: Printed) -> Self {
        printed.text
    }
}

impl fmt::Display for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> Printed {
        Printed::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_number_is_met_when_it_rounds_to_the_printed_digits() {
        assert!(printed("28.689").is(28.689_4) && printed("28.689").is(28.688_51));
        assert!(!printed("28.689").is(28.689_51) && !printed("28.689").is(28.688_4));
        assert!(printed("8.37e-6").is(8.3749e-6) && !printed("8.37e-6").is(8.376e-6));
        assert!(printed("19").is(19.0) && !printed("19").is(18.0));
        assert_eq!(printed("0.604").alike(1.207_96), "1.208");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "about 3", "1,000", "1.2.3", "nan", "inf"] {
            assert_eq!(Printed::try_from(text.to_owned()), Err(PrintedError { text: text.to_owned() }));
        }
    }
}
