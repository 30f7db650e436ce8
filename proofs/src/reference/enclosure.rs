//! Intervals of MPFR numbers with directed rounding: each operation returns an interval that contains every exact result.

use rug::Float;
use rug::float::{Constant, Round};
use rug::ops::{AddAssignRound, CompleteRound, DivAssignRound, MulAssignRound, SubAssignRound};
use std::fmt;

/// low <= x <= high.
#[derive(Clone, PartialEq)]
pub struct Enclosure {
    low: Float,
    high: Float,
}

impl Enclosure {
    /// The number itself. Exact for `bits` of at least 53.
    #[must_use]
    pub fn of(number: f64, bits: u32) -> Self {
        Self::between(number, number, bits)
    }

    /// low <= x <= high.
    ///
    /// # Panics
    /// When the ends are not ordered numbers.
    #[must_use]
    pub fn between(low: f64, high: f64, bits: u32) -> Self {
        assert!(low <= high, "no interval: [{low}, {high}]");
        Self {
            low: Float::with_val_round(bits, low, Round::Down).0,
            high: Float::with_val_round(bits, high, Round::Up).0,
        }
    }

    /// pi.
    #[must_use]
    pub fn pi(bits: u32) -> Self {
        Self {
            low: Float::with_val_round(bits, Constant::Pi, Round::Down).0,
            high: Float::with_val_round(bits, Constant::Pi, Round::Up).0,
        }
    }

    /// Precision in bits.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.low.prec()
    }

    /// Lower end, rounded down to f64.
    #[must_use]
    pub fn low(&self) -> f64 {
        self.low.to_f64_round(Round::Down)
    }

    /// Upper end, rounded up to f64.
    #[must_use]
    pub fn high(&self) -> f64 {
        self.high.to_f64_round(Round::Up)
    }

    /// An f64 near the middle.
    #[must_use]
    pub fn middle(&self) -> f64 {
        ((&self.low + &self.high).complete(self.bits()) / 2_u32).to_f64()
    }

    /// Length, rounded up.
    #[must_use]
    pub fn width(&self) -> f64 {
        let mut width = self.high.clone();
        width.sub_assign_round(&self.low, Round::Up);
        width.to_f64_round(Round::Up)
    }

    /// Largest absolute value, rounded up.
    #[must_use]
    pub fn magnitude(&self) -> f64 {
        self.low().abs().max(self.high().abs())
    }

    /// Whether the number lies inside.
    #[must_use]
    pub fn contains(&self, number: f64) -> bool {
        self.low <= number && self.high >= number
    }

    /// The smallest interval around both.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self { low: self.low.min(&other.low), high: self.high.max(&other.high) }
    }

    /// Whether every number is below every one of `other`.
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        self.high < other.low
    }

    fn ends(&self, low: impl FnOnce(&mut Float), high: impl FnOnce(&mut Float)) -> Self {
        let mut result = self.clone();
        low(&mut result.low);
        high(&mut result.high);
        result
    }

    /// x + y.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        self.ends(
            |low| _ = low.add_assign_round(&other.low, Round::Down),
            |high| _ = high.add_assign_round(&other.high, Round::Up),
        )
    }

    /// x - y.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        self.ends(
            |low| _ = low.sub_assign_round(&other.high, Round::Down),
            |high| _ = high.sub_assign_round(&other.low, Round::Up),
        )
    }

    /// -x.
    #[must_use]
    pub fn neg(&self) -> Self {
        Self { low: -self.high.clone(), high: -self.low.clone() }
    }

    /// x y.
    #[must_use]
    pub fn mul(&self, other: &Self) -> Self {
        let product = |a: &Float, b: &Float, round: Round| {
            let mut product = a.clone();
            product.mul_assign_round(b, round);
            product
        };
        let corners = |round: Round| {
            [
                product(&self.low, &other.low, round),
                product(&self.low, &other.high, round),
                product(&self.high, &other.low, round),
                product(&self.high, &other.high, round),
            ]
        };
        let [a, b, c, d] = corners(Round::Down);
        let low = a.min(&b).min(&c).min(&d);
        let [a, b, c, d] = corners(Round::Up);
        Self { low, high: a.max(&b).max(&c).max(&d) }
    }

    /// x squared.
    #[must_use]
    pub fn square(&self) -> Self {
        let square = self.mul(self);
        let zero = Float::new(self.bits());
        if self.low <= 0 && self.high >= 0 { Self { low: zero, high: square.high } } else { square }
    }

    /// x times a number.
    #[must_use]
    pub fn scale(&self, factor: f64) -> Self {
        self.mul(&Self::of(factor, self.bits()))
    }

    /// x / n.
    ///
    /// # Panics
    /// When n is zero.
    #[must_use]
    pub fn over(&self, n: u32) -> Self {
        assert!(n > 0, "division by zero");
        self.ends(|low| _ = low.div_assign_round(n, Round::Down), |high| _ = high.div_assign_round(n, Round::Up))
    }

    /// 1 / x; `None` when 0 may be x.
    #[must_use]
    pub fn recip(&self) -> Option<Self> {
        if self.low <= 0 && self.high >= 0 {
            return None;
        }
        let invert = |x: &Float, round: Round| {
            let mut one = Float::with_val(x.prec(), 1);
            one.div_assign_round(x, round);
            one
        };
        Some(Self { low: invert(&self.high, Round::Down), high: invert(&self.low, Round::Up) })
    }

    /// A function that never falls.
    fn rising(&self, f: impl Fn(&mut Float, Round)) -> Self {
        self.ends(|low| f(low, Round::Down), |high| f(high, Round::Up))
    }

    /// sqrt(x); `None` when x may be negative.
    #[must_use]
    pub fn sqrt(&self) -> Option<Self> {
        (self.low >= 0).then(|| self.rising(|x, round| _ = x.sqrt_round(round)))
    }

    /// e^x.
    #[must_use]
    pub fn exp(&self) -> Self {
        self.rising(|x, round| _ = x.exp_round(round))
    }

    /// 2^x.
    #[must_use]
    pub fn exp2(&self) -> Self {
        self.rising(|x, round| _ = x.exp2_round(round))
    }

    /// tanh x.
    #[must_use]
    pub fn tanh(&self) -> Self {
        self.rising(|x, round| _ = x.tanh_round(round))
    }

    /// erf x.
    #[must_use]
    pub fn erf(&self) -> Self {
        self.rising(|x, round| _ = x.erf_round(round))
    }

    /// cos x and sin x: the values in the middle, and no more than the distance from it, because the slope is at most 1.
    #[must_use]
    pub fn cos_sin(&self) -> (Self, Self) {
        let bits = self.bits();
        let middle = ((&self.low + &self.high).complete(bits)) / 2_u32;
        let mut distance = self.high.clone();
        distance.sub_assign_round(&middle, Round::Up);
        let mut below = middle.clone();
        below.sub_assign_round(&self.low, Round::Up);
        distance = distance.max(&below);
        let around = |f: &dyn Fn(&mut Float, Round)| {
            let (mut low, mut high) = (middle.clone(), middle.clone());
            f(&mut low, Round::Down);
            f(&mut high, Round::Up);
            low.sub_assign_round(&distance, Round::Down);
            high.add_assign_round(&distance, Round::Up);
            let one = Float::with_val(bits, 1);
            Self { low: low.max(&-one.clone()), high: high.min(&one) }
        };
        (around(&|x, round| _ = x.cos_round(round)), around(&|x, round| _ = x.sin_round(round)))
    }
}

impl fmt::Debug for Enclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.low, self.high)
    }
}
