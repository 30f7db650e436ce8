//! Time in integer picoseconds: equality of a closed form and a simulation is then a matter of fact, not of rounding.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Sub};

use serde::{Deserialize, Serialize};

/// Picoseconds in a second.
pub const PICOSECONDS_PER_SECOND: u64 = 1_000_000_000_000;

/// A length of time. The largest is about 213 days; a [`Problem`](crate::Problem) refuses what could last longer, so that
/// sums of its times never overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Picoseconds(u64);

impl Picoseconds {
    /// No time.
    pub const ZERO: Self = Self(0);
    /// The longest time.
    pub const MAX: Self = Self(u64::MAX);

    /// This many picoseconds.
    #[must_use]
    pub const fn new(picoseconds: u64) -> Self {
        Self(picoseconds)
    }

    /// The nearest whole number of picoseconds; none if it is negative, not a number, or too long.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        let picoseconds = (seconds * PICOSECONDS_PER_SECOND as f64).round();
        (picoseconds >= 0.0 && picoseconds < u64::MAX as f64).then_some(Self(picoseconds as u64))
    }

    /// The nearest whole number of picoseconds to a fraction; none if it is too long or divided by nothing.
    #[must_use]
    pub fn from_fraction(numerator: u128, denominator: u128) -> Option<Self> {
        let half = denominator / 2;
        numerator.checked_add(half)?.checked_div(denominator).and_then(|value| u64::try_from(value).ok()).map(Self)
    }

    /// As a number.
    #[must_use]
    pub const fn picoseconds(self) -> u64 {
        self.0
    }

    /// As seconds, to double precision.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / PICOSECONDS_PER_SECOND as f64
    }

    /// The sum, if it is not too long.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The multiple, if it is not too long.
    #[must_use]
    pub fn checked_mul(self, times: u64) -> Option<Self> {
        self.0.checked_mul(times).map(Self)
    }

    /// The difference, or nothing where it would be negative.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// A share of one of this many equal parts, rounded up.
    #[must_use]
    pub fn div_ceil(self, parts: u64) -> Self {
        Self(self.0.div_ceil(parts))
    }
}

impl Add for Picoseconds {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Picoseconds {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Picoseconds {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Mul<u64> for Picoseconds {
    type Output = Self;
    fn mul(self, times: u64) -> Self {
        Self(self.0 * times)
    }
}

impl Sum for Picoseconds {
    fn sum<I: Iterator<Item = Self>>(times: I) -> Self {
        times.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Picoseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6} s", self.seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_is_rounded_to_the_nearest_and_nothing_is_divided_by_nothing() {
        assert_eq!(Picoseconds::from_fraction(7, 2), Some(Picoseconds::new(4)));
        assert_eq!(Picoseconds::from_fraction(10, 3), Some(Picoseconds::new(3)));
        assert_eq!(Picoseconds::from_fraction(1, 0), None);
        assert_eq!(Picoseconds::from_fraction(u128::MAX, 1), None);
    }

    #[test]
    fn seconds_that_are_no_time_are_refused() {
        for seconds in [-1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert_eq!(Picoseconds::from_seconds(seconds), None, "{seconds}");
        }
        assert_eq!(Picoseconds::from_seconds(1.5).map(Picoseconds::picoseconds), Some(1_500_000_000_000));
    }
}
