//! What a run computes, by kind, and how long a machine takes for it.
//!
//! [`Work`] counts, as bills count bytes: it is a sum over the values of a Program, exact, and the same on every machine. A run measures
//! each kind on the way ([`Measured`]), and the [`Rates`] fitted to such measurements turn counted work into predicted seconds:
//!
//! ```text
//! seconds = sum over kinds of (operations * seconds per operation + units * seconds per unit)
//! ```
//!
//! Counted and timed is the lockstep run of all parties in one process, dealer included. What a party alone would compute is less.

#![deny(clippy::wildcard_enum_match_arm, reason = "a catch-all hides a new operation from the pass that must learn it")]

use crate::transposed::kept_untransposed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::{Add, Mul, Sub};
use thiserror::Error;
use viewless_protocols::program::{Claim, Constant, Local, Op, Program, Value, WordFunction};
use viewless_protocols::region::{RegionId, Regions};
use viewless_protocols::shape::Move;

/// Kinds of work, each with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Real numbers encoded or decoded, and words of constants.
    Encode,
    /// Words drawn from a stream.
    Sample,
    /// Elements of an operation of one operand: negation, shifts, narrowing.
    Unary,
    /// Elements whose bits are reversed.
    BitReversal,
    /// Elements of an operation of two operands.
    Binary,
    /// Multiplications with addition in products of matrices.
    Product,
    /// Elements added up along an axis.
    Sum,
    /// Elements that are moved: transposed, repeated, cut out, joined.
    Move,
    /// Waves of elements: a trigonometric series has one for each harmonic.
    Wave,
    /// Elements looked up in a table, or reduced modulo a number.
    LookUp,
    /// Elements of 64 bits that are packed, counted and hashed as messages.
    WideMessage,
    /// The same of fewer bits.
    NarrowMessage,
    /// Words read to verify claims.
    Claim,
}

/// How many kinds there are.
pub(crate) const KINDS: usize = Kind::ALL.len();

impl Kind {
    /// Every kind, in the order of their declaration.
    pub const ALL: [Self; 13] = [
        Self::Encode,
        Self::Sample,
        Self::Unary,
        Self::BitReversal,
        Self::Binary,
        Self::Product,
        Self::Sum,
        Self::Move,
        Self::Wave,
        Self::LookUp,
        Self::WideMessage,
        Self::NarrowMessage,
        Self::Claim,
    ];

    /// The kind of a value's operation and its units; none where nothing is computed.
    fn of(program: &Program, value: &Value) -> Option<(Self, u64)> {
        let elements = value.shape.elements() as u64;
        let argument = |i: usize| program.value(value.op.arguments()[i]);
        Some(match &value.op {
            Op::Input { .. } | Op::Reveal { .. } | Op::Constant(Constant::Words(_)) => (Self::Encode, elements),
            Op::Constant(Constant::Splat(_)) => return None,
            Op::Sample { .. } => (Self::Sample, elements),
            Op::Send(..) if value.domain.bits() == 64 => (Self::WideMessage, elements),
            Op::Send(..) => (Self::NarrowMessage, elements),
            Op::Local(local, _) => match local {
                Local::Add | Local::Sub | Local::Mul | Local::And | Local::Xor => (Self::Binary, elements),
                Local::Neg | Local::Not => (Self::Unary, elements),
                Local::ShiftLeft(_) | Local::ShiftRight(_) | Local::ShiftRightArithmetic(_) => (Self::Unary, elements),
                Local::BitReversal => (Self::BitReversal, elements),
                // A wider domain has the same words.
                Local::Convert(_) if argument(0).domain.bits() <= value.domain.bits() => return None,
                Local::Convert(_) => (Self::Unary, elements),
                Local::MatMul => {
                    let inner = argument(0).shape.axes().last().copied().unwrap_or(1);
                    (Self::Product, elements.saturating_mul(inner as u64))
                }
                Local::Sum(_) => (Self::Sum, argument(0).shape.elements() as u64),
                Local::Move(Move::Reshape(_)) => return None,
                Local::Move(Move::Transpose(_) | Move::Broadcast(_) | Move::Slice { .. } | Move::Windows(_))
                | Local::Concat(_) => (Self::Move, elements),
                Local::Function(function) => match &**function {
                    WordFunction::Waves { .. } => (Self::Wave, elements),
                    WordFunction::Table { .. } | WordFunction::Remainder { .. } => (Self::LookUp, elements),
                },
            },
        })
    }
}

/// Operations and units of every kind; of a difference some may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Work {
    /// Operations of each kind: encode, sample, unary, bit-reversal, binary, product, sum, move, wave, look-up, wide-message,
    /// narrow-message, claim.
    operations: [i64; KINDS],
    /// Units of each kind, in the same order.
    units: [i64; KINDS],
}

impl Work {
    /// Counts what a lockstep run of a Program computes, setup, offline and online phase together. Transposes that are carried out only
    /// by the kernel of a product are none.
    #[must_use]
    pub fn of(program: &Program) -> Self {
        let mut work = Self::default();
        each(program, |_, kind, units| work.add_units(kind, units));
        work
    }

    /// The same by group: `groups` names one for each region of the Program.
    ///
    /// # Panics
    /// If a region has no name.
    #[must_use]
    pub fn by_group<'a>(program: &Program, groups: &'a [String]) -> BTreeMap<&'a str, Self> {
        let mut by_group: BTreeMap<&str, Self> = BTreeMap::new();
        each(program, |region, kind, units| {
            by_group.entry(&groups[Regions::index(region)]).or_default().add_units(kind, units);
        });
        by_group
    }

    /// Units of a kind.
    #[must_use]
    pub fn units(&self, kind: Kind) -> i64 {
        self.units[kind as usize]
    }

    /// Operations of a kind.
    #[must_use]
    pub fn operations(&self, kind: Kind) -> i64 {
        self.operations[kind as usize]
    }

    /// The least of each figure.
    #[must_use]
    pub fn least(self, other: Self) -> Self {
        self.zip(other, i64::min)
    }

    fn add_units(&mut self, kind: Kind, units: u64) {
        self.operations[kind as usize] += 1;
        self.units[kind as usize] = self.units[kind as usize].saturating_add_unsigned(units);
    }

    fn zip(self, other: Self, with: impl Fn(i64, i64) -> i64) -> Self {
        let of = |a: [i64; KINDS], b: [i64; KINDS]| std::array::from_fn(|i| with(a[i], b[i]));
        Self { operations: of(self.operations, other.operations), units: of(self.units, other.units) }
    }
}

/// Tells the kind and the units of everything that a lockstep run computes, and its region.
fn each(program: &Program, mut tell: impl FnMut(RegionId, Kind, u64)) {
    let untransposed = kept_untransposed(program);
    for (id, value) in program.iter() {
        if let (false, Some((kind, units))) = (untransposed[id.index()], Kind::of(program, value)) {
            tell(value.region, kind, units);
        }
    }
    for claim in &program.claims {
        tell(claim.region, Kind::Claim, claim_units(program, claim));
    }
}

/// Words that are read to verify a claim.
pub(crate) fn claim_units(program: &Program, claim: &Claim) -> u64 {
    let elements = program.value(claim.shares[0]).shape.elements() as u64;
    elements.saturating_mul(claim.shares.len() as u64)
}

impl Add for Work {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.zip(other, i64::saturating_add)
    }
}

impl Sub for Work {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.zip(other, i64::saturating_sub)
    }
}

impl Mul<i64> for Work {
    type Output = Self;
    fn mul(self, times: i64) -> Self {
        self.zip(self, |a, _| a.saturating_mul(times))
    }
}

/// What runs measured of each kind: sums for a straight line through (units, seconds) of all operations.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Measured {
    kinds: [Line; KINDS],
}

/// Sums of a least-squares fit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Line {
    operations: f64,
    units: f64,
    squares: f64,
    seconds: f64,
    products: f64,
}

impl Line {
    fn add(&mut self, units: f64, seconds: f64) {
        self.operations += 1.0;
        self.units += units;
        self.squares += units * units;
        self.seconds += seconds;
        self.products += units * seconds;
    }

    /// The line whose squared distances are least among those that do not fall and do not begin below zero. It gives the seconds of all
    /// operations together exactly, wherever it lies.
    fn rate(&self) -> Rate {
        let Self { operations: n, units, squares, seconds, products } = *self;
        let spread = n * squares - units * units;
        let slope = if spread > 0.0 { (n * products - units * seconds) / spread } else { f64::INFINITY };
        let start = (seconds - slope * units) / n;
        match () {
            () if slope < 0.0 => Rate { seconds_per_operation: seconds / n, seconds_per_unit: 0.0 },
            () if start.is_finite() && start >= 0.0 => Rate { seconds_per_operation: start, seconds_per_unit: slope },
            () => Rate { seconds_per_operation: 0.0, seconds_per_unit: seconds / units },
        }
    }
}

impl Measured {
    /// Adds the time of an operation; whatever computes nothing is left out.
    pub(crate) fn add_value(&mut self, program: &Program, value: &Value, seconds: f64) {
        if let Some((kind, units)) = Kind::of(program, value) {
            self.add(kind, units, seconds);
        }
    }

    /// Adds the time of operations that were made together: what each kind took is divided among its operations by their units.
    pub(crate) fn add_group<'a>(
        &mut self,
        program: &Program,
        values: impl Iterator<Item = &'a Value>,
        seconds: &[f64; KINDS],
    ) {
        let operations: Vec<(Kind, u64)> = values.filter_map(|value| Kind::of(program, value)).collect();
        let mut all = [0.0; KINDS];
        operations.iter().for_each(|(kind, units)| all[*kind as usize] += *units as f64);
        for (kind, units) in operations {
            self.add(kind, units, seconds[kind as usize] * units as f64 / all[kind as usize]);
        }
    }

    /// Adds the time of so many units.
    pub(crate) fn add(&mut self, kind: Kind, units: u64, seconds: f64) {
        self.kinds[kind as usize].add(units as f64, seconds);
    }

    /// Adds what another run measured.
    pub fn merge(&mut self, other: &Self) {
        for (line, other) in self.kinds.iter_mut().zip(&other.kinds) {
            line.operations += other.operations;
            line.units += other.units;
            line.squares += other.squares;
            line.seconds += other.seconds;
            line.products += other.products;
        }
    }

    /// Work that was measured: what [`Work::of`] counts, after a run of all parties that verifies claims.
    #[must_use]
    pub fn work(&self) -> Work {
        let of = |figure: fn(&Line) -> f64| self.kinds.each_ref().map(|line| figure(line) as i64);
        Work { operations: of(|line| line.operations), units: of(|line| line.units) }
    }

    /// Seconds spent on a kind.
    #[must_use]
    pub fn seconds(&self, kind: Kind) -> f64 {
        self.kinds[kind as usize].seconds
    }

    /// The same, and of kinds that were not met what another run measured.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        for (line, other) in self.kinds.iter_mut().zip(&other.kinds) {
            if line.units == 0.0 {
                *line = *other;
            }
        }
        self
    }

    /// The rates.
    ///
    /// # Errors
    /// A kind that was not met.
    pub fn rates(&self) -> Result<Rates, RateError> {
        let met = Kind::ALL.into_iter().filter(|&kind| self.kinds[kind as usize].units > 0.0);
        met.map(|kind| (kind, self.kinds[kind as usize].rate())).collect::<BTreeMap<_, _>>().try_into()
    }
}

/// How long a machine takes for a kind.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rate {
    /// Seconds for an operation, however small.
    pub seconds_per_operation: f64,
    /// Seconds for each of its units.
    pub seconds_per_unit: f64,
}

/// Rates of a machine that cannot be used.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum RateError {
    /// A time that is none.
    #[error("a rate of {kind:?} is {seconds} seconds for an operation or a unit; it is a number from 0 to 1")]
    NotATime {
        /// Of what.
        kind: Kind,
        /// The time.
        seconds: f64,
    },
    /// A kind of work without a rate.
    #[error("there is no rate of {kind:?}, and every kind of work needs one")]
    Missing {
        /// The kind.
        kind: Kind,
    },
}

/// How long a machine takes for each kind of work. All times are finite, and zero or more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<Kind, Rate>", into = "BTreeMap<Kind, Rate>")]
pub struct Rates {
    kinds: [Rate; KINDS],
}

impl TryFrom<BTreeMap<Kind, Rate>> for Rates {
    type Error = RateError;
    fn try_from(kinds: BTreeMap<Kind, Rate>) -> Result<Self, RateError> {
        let mut rates = Self { kinds: [Rate::default(); KINDS] };
        for kind in Kind::ALL {
            let rate = *kinds.get(&kind).ok_or(RateError::Missing { kind })?;
            for seconds in [rate.seconds_per_operation, rate.seconds_per_unit] {
                if !(0.0..=1.0).contains(&seconds) {
                    return Err(RateError::NotATime { kind, seconds });
                }
            }
            rates.kinds[kind as usize] = rate;
        }
        Ok(rates)
    }
}

impl From<Rates> for BTreeMap<Kind, Rate> {
    fn from(rates: Rates) -> Self {
        Kind::ALL.into_iter().map(|kind| (kind, rates.kinds[kind as usize])).collect()
    }
}

impl Rates {
    /// Seconds for work; negative for a difference that is less.
    #[must_use]
    pub fn seconds(&self, work: &Work) -> f64 {
        let of = |(i, rate): (usize, &Rate)| {
            work.operations[i] as f64 * rate.seconds_per_operation + work.units[i] as f64 * rate.seconds_per_unit
        };
        self.kinds.iter().enumerate().map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_gives_back_the_time_that_was_measured_and_never_falls() {
        for points in [[(1.0, 3.0), (4.0, 9.0), (9.0, 19.0)], [(1.0, 9.0), (4.0, 5.0), (9.0, 1.0)], [(5.0, 2.0); 3]] {
            let mut line = Line::default();
            points.iter().for_each(|&(units, seconds)| line.add(units, seconds));
            let rate = line.rate();
            let seconds = line.operations * rate.seconds_per_operation + line.units * rate.seconds_per_unit;
            assert!((seconds - line.seconds).abs() <= 1e-12 * line.seconds, "{points:?} {rate:?}");
            assert!(rate.seconds_per_operation >= 0.0 && rate.seconds_per_unit >= 0.0);
        }
        let mut line = Line::default();
        [(1.0, 3.0), (4.0, 9.0), (9.0, 19.0)].iter().for_each(|&(units, seconds)| line.add(units, seconds));
        let rate = line.rate();
        assert!((rate.seconds_per_operation - 1.0).abs() < 1e-12 && (rate.seconds_per_unit - 2.0).abs() < 1e-12);
    }

    #[test]
    fn rates_are_times_of_every_kind() {
        let rate = Rate { seconds_per_operation: 0.5, seconds_per_unit: 0.25 };
        let all: BTreeMap<Kind, Rate> = Kind::ALL.into_iter().map(|kind| (kind, rate)).collect();
        let rates = Rates::try_from(all.clone()).unwrap();
        let mut work = Work::default();
        work.add_units(Kind::Wave, 6);
        assert_eq!(rates.seconds(&work), 2.0);
        assert_eq!(rates.seconds(&(Work::default() - work)), -2.0);
        assert_eq!(BTreeMap::from(rates), all);
        let mut missing = all.clone();
        missing.remove(&Kind::Claim);
        assert_eq!(Rates::try_from(missing), Err(RateError::Missing { kind: Kind::Claim }));
        for seconds in [-1e-9, f64::INFINITY, f64::NAN, 1.5] {
            let mut wrong = all.clone();
            wrong.insert(Kind::Sum, Rate { seconds_per_unit: seconds, ..rate });
            assert!(Rates::try_from(wrong).unwrap_err().to_string().contains("a rate of Sum"));
        }
    }
}
