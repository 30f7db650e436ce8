//! Which mixed registers are the largest of some elements: a proof by cases.
//!
//! Let a register be computed from *leaves* (elements, or the largest of disjoint sets of them) and public numbers alone. Which leaves
//! are largest is one of 2^k - 1 cases for k leaves. In a case, for leaves a and b:
//! - a = b where both are among the largest; a > b where only a is; nothing is known where neither is.
//!
//! So every register is a sum of leaves with integer coefficients and of an integer interval, counted in its own units; comparisons
//! of a difference a - b, or of intervals, may be decided; and products with a known number, selections by a known bit, and truncations of
//! multiples of what they cut off are exact. If in every case the register comes out as one of the largest leaves, neither more nor
//! less, it is the largest of all: whatever the randomness of the truncations on the way, in the ring and over the reals alike.
//! Elements are far from the end of the word, so that comparisons of differences are right.

use super::sort::{Class, Sorter};
use crate::bound::tape::{Register, Scalar, Step};
use std::collections::HashMap;
use viewless_protocols::fixed::power_of_two;

/// Leaves at most, for 2^k cases.
const LEAVES: usize = 10;
/// Registers between the leaves and the result at most.
const REGISTERS: usize = 1 << 12;

/// A number in units of its register: the sum of `leaves` times their coefficients, and of an integer from `low` to `high`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    leaves: Vec<(usize, i128)>,
    low: i128,
    high: i128,
}

/// The registers of which one is made.
struct Cone {
    leaves: Vec<Register>,
    /// The mixed ones, in order.
    mixed: Vec<Register>,
}

/// One case: the leaves that are largest, by bits.
#[derive(Clone, Copy)]
struct Case(u32);

impl Word {
    fn number(number: i128) -> Self {
        Self::between(number, number)
    }

    fn between(low: i128, high: i128) -> Self {
        Self { leaves: Vec::new(), low, high }
    }

    fn known(&self) -> Option<i128> {
        (self.leaves.is_empty() && self.low == self.high).then_some(self.low)
    }

    /// self + factor other.
    fn plus(&self, other: &Self, factor: i128) -> Option<Self> {
        let mut sum = self.clone();
        for &(leaf, coefficient) in &other.leaves {
            match sum.leaves.iter_mut().find(|(found, _)| *found == leaf) {
                Some((_, found)) => *found = found.checked_add(coefficient.checked_mul(factor)?)?,
                None => sum.leaves.push((leaf, coefficient.checked_mul(factor)?)),
            }
        }
        sum.leaves.retain(|(_, coefficient)| *coefficient != 0);
        let (low, high) = if factor < 0 { (other.high, other.low) } else { (other.low, other.high) };
        sum.low = sum.low.checked_add(low.checked_mul(factor)?)?;
        sum.high = sum.high.checked_add(high.checked_mul(factor)?)?;
        Some(sum)
    }

    /// The product, when one of the two is a known number, or both are intervals.
    fn times(&self, other: &Self) -> Option<Self> {
        if let Some(number) = other.known() {
            return Self::number(0).plus(self, number);
        }
        if let Some(number) = self.known() {
            return Self::number(0).plus(other, number);
        }
        if !(self.leaves.is_empty() && other.leaves.is_empty()) {
            return None;
        }
        let ends = [(self.low, other.low), (self.low, other.high), (self.high, other.low), (self.high, other.high)];
        let ends: Option<Vec<i128>> = ends.into_iter().map(|(a, b)| a.checked_mul(b)).collect();
        let ends = ends?;
        Some(Self::between(*ends.iter().min()?, *ends.iter().max()?))
    }

    /// From one number of fraction bits to another: floor or ceiling of what is not exact.
    fn rescaled(&self, from: i32, to: i32) -> Option<Self> {
        let factor = 1i128.checked_shl(from.abs_diff(to)).filter(|factor| *factor > 0)?;
        if from <= to {
            return Self::number(0).plus(self, factor);
        }
        let mut word = self.clone();
        for (_, coefficient) in &mut word.leaves {
            if *coefficient % factor != 0 {
                return None;
            }
            *coefficient /= factor;
        }
        word.low = self.low.div_euclid(factor);
        word.high = -(-self.high).div_euclid(factor);
        Some(word)
    }
}

impl Case {
    fn is_largest(self, leaf: usize) -> bool {
        self.0 >> leaf & 1 == 1
    }

    /// Whether the difference of two numbers is below zero, zero, or above; only what is certain.
    fn sign(self, a: &Word, b: &Word) -> Option<(Option<bool>, Option<bool>)> {
        let difference = a.plus(b, -1)?;
        if difference.leaves.is_empty() {
            let (low, high) = (difference.low, difference.high);
            let below = if high < 0 {
                Some(true)
            } else if low >= 0 {
                Some(false)
            } else {
                None
            };
            let zero = if low > 0 || high < 0 {
                Some(false)
            } else if low == high {
                Some(true)
            } else {
                None
            };
            return Some((below, zero));
        }
        let mut leaves = difference.leaves.clone();
        leaves.sort_by_key(|(_, coefficient)| -coefficient);
        let &[(i, 1), (j, -1)] = &leaves[..] else { return Some((None, None)) };
        if (difference.low, difference.high) != (0, 0) {
            return Some((None, None));
        }
        Some(match (self.is_largest(i), self.is_largest(j)) {
            (true, true) => (Some(false), Some(true)),
            (true, false) => (Some(false), Some(false)),
            (false, true) => (Some(true), Some(false)),
            (false, false) => (None, None),
        })
    }
}

fn bit(known: Option<bool>) -> Word {
    known.map_or(Word::between(0, 1), |bit| Word::number(i128::from(bit)))
}

/// A public number in units; `None` where it is no multiple of one.
fn units(number: f64, fraction_bits: u8) -> Option<i128> {
    let units = number * power_of_two(i32::from(fraction_bits));
    (units.fract() == 0.0 && units.abs() < power_of_two(62)).then_some(units as i128)
}

impl Sorter<'_> {
    /// The leaves of which a register that is still to be sorted is the largest.
    pub(super) fn is_largest(&self, register: usize, step: &Step) -> Option<Vec<Register>> {
        let cone = self.cone(step)?;
        let mut words = HashMap::new();
        for case in 1..1u32 << cone.leaves.len() {
            let case = Case(case);
            words.clear();
            for (i, &leaf) in cone.leaves.iter().enumerate() {
                words.insert(leaf, Word { leaves: vec![(i, 1)], low: 0, high: 0 });
            }
            for &mixed in &cone.mixed {
                let word = self.word(&self.tape.steps[mixed as usize], case, &words)?;
                words.insert(mixed, word);
            }
            let word = self.word(step, case, &words)?;
            let &[(leaf, 1)] = &word.leaves[..] else { return None };
            if !case.is_largest(leaf) || (word.low, word.high) != (0, 0) {
                return None;
            }
        }
        let bits = |register: usize| self.tape.steps[register].fraction_bits;
        cone.leaves.iter().all(|&leaf| bits(leaf as usize) == bits(register)).then_some(cone.leaves)
    }

    fn cone(&self, step: &Step) -> Option<Cone> {
        let mut cone = Cone { leaves: Vec::new(), mixed: Vec::new() };
        let mut pending = Vec::new();
        step.scalar.for_each_argument(|argument| pending.push(argument));
        let mut visited = std::collections::HashSet::new();
        let mut common = None;
        while let Some(register) = pending.pop() {
            if !visited.insert(register) {
                continue;
            }
            match *self.class(register) {
                Class::Row(_) => {}
                Class::Element { template, .. } | Class::Largest { template, .. } => {
                    if *common.get_or_insert(template) != template {
                        return None;
                    }
                    cone.leaves.push(register);
                }
                Class::Mixed => {
                    cone.mixed.push(register);
                    let step = &self.tape.steps[register as usize];
                    step.scalar.for_each_argument(|argument| pending.push(argument));
                }
                Class::Dead => return None,
            }
            if cone.leaves.len() > LEAVES || cone.mixed.len() > REGISTERS {
                return None;
            }
        }
        cone.leaves.sort_unstable();
        cone.mixed.sort_unstable();
        Some(cone)
    }

    /// One step in a case; `None` where nothing useful is known.
    fn word(&self, step: &Step, case: Case, words: &HashMap<Register, Word>) -> Option<Word> {
        let to = i32::from(step.fraction_bits);
        let bits = |register: Register| i32::from(self.tape.steps[register as usize].fraction_bits);
        let of = |register: Register| -> Option<Word> {
            match *self.class(register) {
                Class::Row(id) => match self.rows[id as usize] {
                    Step { scalar: Scalar::Constant(number), fraction_bits, .. } => {
                        Some(Word::number(units(number, fraction_bits)?))
                    }
                    // What is made of reductions: any number.
                    Step { .. } => None,
                },
                Class::Element { .. } | Class::Largest { .. } | Class::Mixed => words.get(&register).cloned(),
                Class::Dead => None,
            }
        };
        match &step.scalar {
            &Scalar::Add(a, b) => of(a)?.plus(&of(b)?, 1),
            &Scalar::Sub(a, b) => of(a)?.plus(&of(b)?, -1),
            &Scalar::Neg(a) => Word::number(0).plus(&of(a)?, -1),
            &Scalar::Offset(a, number) => of(a)?.plus(&Word::number(units(number, step.fraction_bits)?), 1),
            // The word is the same.
            &Scalar::Shift(a) => of(a),
            &Scalar::Precision(a) => of(a)?.rescaled(bits(a), to),
            &Scalar::Mul(a, b) => of(a)?.times(&of(b)?)?.rescaled(bits(a) + bits(b), to),
            &Scalar::Square(a) => {
                let word = of(a)?;
                let known = word.known()?;
                Word::number(known.checked_mul(known)?).rescaled(2 * bits(a), to)
            }
            Scalar::Sum(terms) => terms.iter().try_fold(Word::number(0), |sum, &term| sum.plus(&of(term)?, 1)),
            &Scalar::Less(a, b) => Some(bit(case.sign(&of(a)?, &of(b)?)?.0)),
            &Scalar::Equal(a, b) => Some(bit(case.sign(&of(a)?, &of(b)?)?.1)),
            &Scalar::LessThan(a, number) => {
                let bound = Word::number(units(number, self.tape.steps[a as usize].fraction_bits)?);
                Some(bit(case.sign(&of(a)?, &bound)?.0))
            }
            &Scalar::And(a, b) => of(a)?.times(&of(b)?),
            &Scalar::Xor(a, b) => match (of(a)?.known(), of(b)?.known()) {
                (Some(a), Some(b)) => Some(bit(Some(a != b))),
                (None, _) | (_, None) => Some(bit(None)),
            },
            &Scalar::Not(a) => Word::number(1).plus(&of(a)?, -1),
            &Scalar::Real(a) => of(a)?.rescaled(0, to),
            &Scalar::Select(condition, x) => match of(condition)?.known() {
                Some(0) => Some(Word::number(0)),
                Some(_) => of(x),
                None => {
                    let x = of(x)?;
                    x.leaves.is_empty().then(|| Word::between(x.low.min(0), x.high.max(0)))
                }
            },
            Scalar::Input(_)
            | Scalar::Constant(_)
            | Scalar::Scale(..)
            | Scalar::Dot(_)
            | Scalar::Fourier(..)
            | Scalar::Lookup(..)
            | Scalar::Power(..)
            | Scalar::Level(..) => None,
        }
    }
}
